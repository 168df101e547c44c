/**
  The checks of the flake, for one system. They build nothing large: an environment of small wheels, and of
  the catalogue's own cells the derivations are only evaluated.

  A check of cells is named by what it looks at: `environment-python3_12-cuda12_8` is red when the newest torch of that
  Python and CUDA has no environment, `environment` when some torch has none.
*/
{ pkgs }:
let
  inherit (pkgs) lib;

  fixture = import ./fixture.nix { inherit pkgs; };
  compiled = import ./compiled.nix { inherit pkgs; };
  driver = import ./driver.nix { inherit pkgs; };
  field = import ./field.nix { inherit pkgs; };
  runTime = import ./run-time.nix { inherit pkgs; };
  unit = import ./unit { inherit pkgs fixture; };

  # A derivation that is there when the text could be evaluated; it refers to nothing that the text names.
  evaluated = name: text: pkgs.writeText name (builtins.unsafeDiscardStringContext text);
in
import ./cells.nix { inherit pkgs; }
// lib.optionalAttrs (pkgs.stdenv.hostPlatform.system == "x86_64-linux") (
  {
    unit = evaluated "axle-unit-tests" unit.report;
    build-check = import ./build-check.nix {
      inherit pkgs;
      inherit (pkgs) axle;
    };
  }
  // fixture.checks
  // compiled.checks
  // driver.checks
  // field.checks
  // runTime.checks
  // import ./gpu-tests.nix { inherit pkgs; }
  // import ./templates { inherit pkgs; }
)
