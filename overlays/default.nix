/**
  The overlay: adds `axle` to a package set, usable with flakes and without.

  What it asks of the package set is listed in `docs/nixpkgs-surface.md`.
*/
final: prev: {
  axle = import ./axle.nix {
    pkgs = final;
    catalogue = ../catalogue;
  };

  # What judges what is compiled.
  axle-auditor = prev.axle-auditor or (final.callPackage ./builders/auditor.nix { });
}
