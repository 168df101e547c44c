/**
  The `meta` of the catalogue's packages. NVIDIA's licences are unfree, so the package set's configuration for unfree
  packages (`allowUnfree`, `allowUnfreePredicate`) applies to them.
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
    Whether a package has an NVIDIA licence.
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
    The packages whose licence the package set does not allow. The check forces a derivation with that name and licence,
    so that all of the package set's rules apply.

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
    The message about packages that are not allowed.
  */
  refusal =
    names:
    "axle: the package set does not allow unfree packages, and these have NVIDIA licences: ${concatStringsSep ", " names}; import it with config.allowUnfreePredicate = (import overlays/lib).allowUnfreePredicate, which allows exactly these (axle.lib.allowUnfreePredicate of the flake), or with config.allowUnfree = true";
}
