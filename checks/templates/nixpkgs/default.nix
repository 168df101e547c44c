/**
  The package set of `checks/host` with what the templates ask of nixpkgs beside what the overlay does.
*/
args:
import ../../host (
  args
  // {
    overlays = [
      (
        final: prev:
        let
          scopeOf =
            set: file: more:
            let
              f = import file;
            in
            f (builtins.intersectAttrs (builtins.functionArgs f) set // more);
        in
        {
          callPackage = scopeOf final;
          dockerTools = import ./docker-tools.nix final;
          pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
            (
              self: super:
              import ./python-packages.nix final self super // { callPackage = scopeOf (final // self); }
            )
          ];
        }
      )
    ]
    ++ args.overlays or [ ];
  }
)
