/**
  What `meta` says of the packages of the catalogue. NVIDIA's licences are unfree, so that the rules of the package
  set about unfree packages (`allowUnfree`, `allowUnfreePredicate`) hold for them.
*/
{ pkgs }:
let
  inherit (builtins)
    concatStringsSep
    elem
    filter
    map
    match
    ;

  nvidia = {
    shortName = "NVIDIA EULA";
    fullName = "NVIDIA's licence agreements for CUDA and its libraries";
    url = "https://docs.nvidia.com/cuda/eula";
    free = false;
    redistributable = true;
    deprecated = false;
  };

  platforms = [
    "x86_64-linux"
    "aarch64-linux"
  ];
in
rec {
  /**
    Whether a package comes under a licence of NVIDIA's.
  */
  isNvidia =
    name:
    match "nvidia-.*" name != null
    || elem name [
      "cuda-bindings"
      "cuda-toolkit"
    ];

  /**
    The `meta` of a package's derivations.
  */
  meta =
    name:
    {
      inherit platforms;
    }
    // (if isNvidia name then { license = nvidia; } else { });

  /**
    Those of the packages that the package set does not allow for their licence. It is asked itself, by a derivation
    with that name and licence, so that all of its rules hold.

    # Type

    ```
    refused :: [ { name :: String; version :: String; } ] -> [ String ]
    ```
  */
  refused =
    packages:
    let
      isAllowed =
        package:
        (builtins.tryEval
          (pkgs.stdenvNoCC.mkDerivation {
            pname = package.name;
            inherit (package) version;
            buildCommand = "exit 1";
            meta = meta package.name;
          }).drvPath
        ).success;
    in
    map (package: "${package.name} ${package.version}") (
      filter (package: isNvidia package.name && !isAllowed package) packages
    );

  /**
    The sentence about packages that are not allowed.
  */
  refusal =
    names:
    "axle: the package set does not allow unfree packages, and these have NVIDIA licences: ${concatStringsSep ", " names}; import it with config.allowUnfreePredicate = (import overlays/lib).allowUnfreePredicate, which allows exactly these (axle.lib.allowUnfreePredicate of the flake), or with config.allowUnfree = true";
}
