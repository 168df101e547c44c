/**
  Audits a compiled package in a small, quick derivation of its own, on which the python-level one depends. So axle's
  programs are not among the inputs of the build itself.
*/
{ pkgs, lib }:
let
  inherit (builtins) concatMap;
in
/**
  The audit of a build. It fails unless each member with device code has exactly the requested architectures.

  # Inputs

  `build`
  : The build.

  `capabilities`
  : The requested compute capabilities.

  `architectures`
  : Whether the build has a variable for them. A build without one may have no device code.
*/
{
  name,
  build,
  capabilities,
  architectures,
}:
let
  arguments = [
    "--name"
    name
  ]
  ++ concatMap (capability: [
    "--cc"
    capability
  ]) capabilities
  ++ lib.optional architectures "--device-code";
in
pkgs.stdenvNoCC.mkDerivation {
  name = "${build.name}-audit";
  strictDeps = true;
  nativeBuildInputs = [ pkgs.axle-auditor ];
  passAsFile = [ "buildCommand" ];
  buildCommand = ''
    axle-auditor ${lib.escapeShellArgs arguments} ${build}/wheel > $out
  '';
}
