/**
  A setup hook for builds that compile CUDA code for hours. In the first second of a build it checks what only the
  builder knows, and refuses a build that would crash or run out of memory.
*/
{
  lib,
  writeText,
  stdenvNoCC,
  toolkits,
  arguments,
  grammar,
}:
let
  inherit (builtins) concatStringsSep readFile;
in
{
  /**
    The hook, for `nativeBuildInputs`.

    # Inputs

    `cuda`
    : The CUDA release that nvcc must have.

    `stdenv`
    : The build's stdenv, which is refused at evaluation if the release does not support its compiler; null if the build
      uses another compiler.

    `memoryPerJob`
    : MiB that one compile job needs. The build runs as many jobs as fit into memory. 0 if it is not known.

    `allow`
    : Rules to report as warnings, by code.

    `ranges`
    : The compilers that the release supports, as `toolkits.compilersOf` returns them (the default).

    # Type

    ```
    hook :: { cuda :: String; stdenv :: Stdenv | Null; memoryPerJob :: Int; allow :: [ String ]; } -> Derivation
    ```
  */
  hook =
    {
      cuda,
      stdenv ? null,
      memoryPerJob ? 0,
      allow ? [ ],
      ranges ? toolkits.compilersOf cuda,
    }:
    let
      bound = value: if value == null then "" else grammar.demand "version number" value;
      range = kind: "${kind}:${bound ranges.${kind}.min}:${bound ranges.${kind}.max}";
      text = ''
        axleCuda=${lib.escapeShellArg cuda}
        axleCompilers=${
          lib.escapeShellArg (
            concatStringsSep " " [
              (range "gcc")
              (range "clang")
            ]
          )
        }
        axleLibstdcxxMax=${bound ranges.libstdcxx_max}
        axleGlibcBelow=${bound ranges.glibc_headers_below}
        axleMemoryPerJob=${toString memoryPerJob}
        axleAllow=${lib.escapeShellArg (concatStringsSep " " allow)}

      ''
      + readFile ./build-check.sh;
    in
    toolkits.demand
      {
        inherit cuda allow;
        compiler = arguments.compilerOf {
          compiler = stdenv;
          range = null;
        };
      }
      (
        stdenvNoCC.mkDerivation {
          name = "axle-build-check-hook";
          buildCommand = ''
            mkdir -p $out/nix-support
            cp ${writeText "axle-build-check.sh" text} $out/nix-support/setup-hook
          '';
        }
      );
}
