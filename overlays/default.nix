/**
  The overlay: adds `axle` to a package set, with or without flakes.

  `docs/nixpkgs-surface.md` lists the attributes that it uses of the package set.
*/
final: prev: {
  axle = import ./axle.nix {
    pkgs = final;
    catalogue = ../catalogue;
  };

  # Audits compiled packages.
  axle-auditor = prev.axle-auditor or (final.callPackage ./builders/auditor.nix { });
}
