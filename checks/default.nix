/**
  The checks of the flake, for one system. They build nothing large: an environment of small wheels, and for
  the catalogue's own cells evaluation only.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    concatMap
    head
    listToAttrs
    replaceStrings
    unsafeDiscardStringContext
    ;
  inherit (pkgs) lib;

  fixture = import ./fixture.nix { inherit pkgs; };
  unit = import ./unit { inherit pkgs fixture; };

  # A derivation that is there when the text could be evaluated; it refers to nothing that the text names.
  evaluated = name: text: pkgs.writeText name (unsafeDiscardStringContext text);

  # The newest torch of each (Python, CUDA): every derivation of its environment evaluates.
  environments = import ./environments.nix { inherit pkgs; };
  cellChecks = listToAttrs (
    concatMap (
      file:
      let
        cell = pkgs.axle.cells.${file};
        name = replaceStrings [ "." ] [ "_" ] "cell-python${cell.python}-${
          if cell.cuda == "cpu" then "cpu" else "cuda${cell.cuda}"
        }";
        environment =
          environments.${
            replaceStrings [ "." ] [ "_" ] "python${cell.python}-${
              if cell.cuda == "cpu" then "cpu" else "cuda${cell.cuda}"
            }-torch${head cell.order}"
          };
      in
      lib.optional (cell.order != [ ]) {
        inherit name;
        value = evaluated name environment.drvPath;
      }
    ) (attrNames pkgs.axle.cells)
  );
in
cellChecks
// lib.optionalAttrs (pkgs.stdenv.hostPlatform.system == "x86_64-linux") (
  {
    unit = evaluated "axle-unit-tests" unit.report;
    build-check = import ./build-check.nix {
      inherit pkgs;
      inherit (pkgs) axle;
    };
  }
  // fixture.checks
)
