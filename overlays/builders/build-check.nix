/**
  A setup hook for builds that compile CUDA code for hours: in its first second it looks at what only the builder
  knows, and refuses a build that would crash or run out of memory.
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
    : The release that nvcc must be of.

    `stdenv`
    : The build's, which is refused at evaluation where the release does not take its compiler; null where another
      compiler is used.

    `memoryPerJob`
    : MiB that one compile job needs; as many jobs run as there is memory for. 0 where that is not known.

    `allow`
    : Rules that only warn, by code.

    `ranges`
    : What the release takes, as `toolkits.compilersOf` has it, which says so where none is given.

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
