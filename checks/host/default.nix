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
  : `allowUnfree` and `allowUnfreePredicate`, as in nixpkgs.
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
        inherit lib system config;
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
        shell = "${host.tools}/bin/bash";
        mkDerivation =
          args:
          builders.mkDerivation (
            args // { nativeBuildInputs = args.nativeBuildInputs or [ ] ++ [ host.compiler ]; }
          );
        cc = host.compiler // {
          cc = {
            lib = host.compilerLibraries;
          };
          isClang = false;
          bintools = { inherit (host) dynamicLinker; };
        };
      };
      # The machine's own compiler is the only one.
      gcc12Stdenv = final.stdenv;
      # As nixpkgs leaves what it has removed.
      gcc11Stdenv = throw "gcc11Stdenv has been removed from this package set";

      # The judge of what is compiled, which the machine has built: `cargo xtask` puts it here.
      axle-auditor =
        if builtins.pathExists ./axle-auditor then
          host.fromHost "axle-auditor" { inherit (host) patchelf; } ''
            mkdir -p $out/bin
            cp ${./axle-auditor} $out/bin/axle-auditor
            chmod u+wx $out/bin/axle-auditor
            $patchelf/bin/patchelf --set-interpreter ${host.dynamicLinker} --force-rpath \
              --set-rpath ${host.compilerLibraries}/lib:${host.glibc}/lib $out/bin/axle-auditor
          ''
        else
          throw "the stand-in package set has no axle-auditor: put the binary at checks/host/axle-auditor";
      mkShell = final.mkShellNoCC;
      runCommand =
        name: env: buildCommand:
        builders.mkDerivation (env // { inherit name buildCommand; });

      # The host's tools are one derivation: each of these is that one.
      bash = host.tools;
      coreutils = host.tools;
      unzip = host.tools;
      patchelf = host.tools;
      inherit (host)
        ninja
        numactl
        openssl
        zlib
        ;

      addDriverRunpath.driverLink = "/run/opengl-driver";
      # The same package set with one more overlay.
      extend =
        overlay:
        import ./. {
          inherit system config;
          overlays = overlays ++ [ overlay ];
        };
      pythonPackagesExtensions = [ ];
    };
in
lib.fix (lib.extends (lib.composeManyExtensions overlays) base)
