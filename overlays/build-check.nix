/**
  A setup hook for builds that compile CUDA code for hours: in its first second it looks at what only the builder
  knows, and refuses a build that would crash or run out of memory.
*/
{
  lib,
  writeText,
  stdenvNoCC,
  toolkits,
}:
let
  inherit (builtins) attrNames concatStringsSep readFile;
in
{
  /**
    The hook, for `nativeBuildInputs`.

    # Inputs

    `cuda`
    : The release that nvcc must be of.

    `memoryPerJob`
    : MiB that one compile job needs; as many jobs run as there is memory for. 0 where that is not known.

    `allow`
    : Rules that only warn, by code.

    `compilers`
    : The oldest and the newest major that the release takes, by kind; those of the catalogue where none are given.

    # Type

    ```
    hook :: { cuda :: String; memoryPerJob :: Int; allow :: [ String ]; } -> Derivation
    ```
  */
  hook =
    {
      cuda,
      memoryPerJob ? 0,
      allow ? [ ],
      compilers ? toolkits.compilersOf cuda,
    }:
    let
      bound = value: if value == null then "" else toString value;
      range = kind: "${kind}:${bound compilers.${kind}.min}:${bound compilers.${kind}.max}";
      text = ''
        axleCuda=${lib.escapeShellArg cuda}
        axleCompilers=${lib.escapeShellArg (concatStringsSep " " (map range (attrNames compilers)))}
        axleMemoryPerJob=${toString memoryPerJob}
        axleAllow=${lib.escapeShellArg (concatStringsSep " " allow)}

      ''
      + readFile ./build-check.sh;
    in
    stdenvNoCC.mkDerivation {
      name = "axle-build-check-hook";
      buildCommand = ''
        mkdir -p $out/nix-support
        cp ${writeText "axle-build-check.sh" text} $out/nix-support/setup-hook
      '';
    };
}
