/**
  Runs a command so that it finds the GPU driver on machines other than NixOS: see with-driver.sh.
*/
{ pkgs, build }:
let
  inherit (pkgs.stdenv.hostPlatform) system;
  cpu = builtins.head (builtins.match "([^-]+)-.*" system);
  machine =
    {
      x86_64 = "x86-64";
      aarch64 = "AArch64";
    }
    .${cpu};
in
pkgs.stdenvNoCC.mkDerivation {
  name = "axle-with-driver";
  __structuredAttrs = false;
  passAsFile = [
    "buildCommand"
    "text"
  ];
  text = ''
    #!${pkgs.stdenv.shell}
    axleDriver=${build.driver}
    axleDriverLibraries='${builtins.concatStringsSep " " build.driverLibraries}'
    axleMachine=${machine} axleTriplet=${cpu}-linux-gnu axleTools=${pkgs.coreutils}/bin
    ${builtins.readFile ./with-driver.sh}
  '';
  buildCommand = ''
    mkdir -p $out/bin
    cp "$textPath" $out/bin/axle-with-driver
    chmod +x $out/bin/axle-with-driver
  '';
  meta = {
    description = "Runs a command so that it finds the GPU driver on machines other than NixOS";
    mainProgram = "axle-with-driver";
  };
}
