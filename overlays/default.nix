/**
  The overlay: adds `axle` to a package set, usable with flakes and without.

  What it asks of the package set is listed in `docs/nixpkgs-surface.md`.
*/
final: prev: {
  axle = import ./axle.nix {
    pkgs = final;
    catalogue = ../catalogue;
  };

  # The command line, which audits what is compiled.
  axle-cli = prev.axle-cli or (final.callPackage ../package.nix { });
}
