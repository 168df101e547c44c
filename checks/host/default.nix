/**
  A package set in the shape of nixpkgs, made from this machine's own tools: enough to build axle's real
  derivations with real Nix where nixpkgs itself cannot be had.

  What it offers is what `docs/nixpkgs-surface.md` lists. The derivations that copy something of the host into
  the store are the only ones that see it (`__noChroot`); everything else is built from the store alone.

  # Inputs

  `system`
  : `x86_64-linux` or `aarch64-linux`.

  `overlays`
  : A list of overlays, `final: prev: { … }`.

  `config`
  : Taken, as nixpkgs does, and left alone.
*/
{
  system,
  overlays ? [ ],
  config ? { },
}:
let
  lib = import ./lib.nix;

  base =
    final:
    let
      host = import ./host.nix { inherit lib system; };
      builders = import ./builders.nix {
        inherit lib system;
        inherit (host) tools;
      };
      pythons = import ./pythons.nix {
        inherit lib host;
        pkgs = final;
      };
    in
    {
      inherit lib config system;
      inherit (builders) mkShellNoCC writeText buildEnv;
      inherit (host) fetchPypi fetchurl glibc;
      inherit (pythons)
        python310
        python311
        python312
        python313
        python314
        ;

      stdenvNoCC = {
        inherit (builders) mkDerivation;
        hostPlatform = { inherit system; };
      };
      stdenv = final.stdenvNoCC // {
        cc = {
          cc.lib = host.compilerLibraries;
          bintools = { inherit (host) dynamicLinker; };
        };
      };
      mkShell = final.mkShellNoCC;
      runCommand = name: env: buildCommand: builders.mkDerivation (env // { inherit name buildCommand; });

      # The host's tools are one derivation: each of these is that one.
      bash = host.tools;
      coreutils = host.tools;
      unzip = host.tools;
      patchelf = host.tools;
      zlib = host.zlib;

      addDriverRunpath.driverLink = "/run/opengl-driver";
      pythonPackagesExtensions = [ ];
    };
in
lib.fix (lib.extends (lib.composeManyExtensions overlays) base)
