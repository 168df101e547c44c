/**
  Audits what has been compiled: a derivation of its own, small and quick, which the python-level one waits for. So
  nothing of axle's is among the inputs of the build itself.
*/
{ pkgs, lib }:
let
  inherit (builtins) concatMap;
in
/**
  The audit of a build; fails unless each member with device code holds exactly the architectures asked for.

  # Inputs

  `build`
  : The build.

  `capabilities`
  : The compute capabilities asked for.

  `architectures`
  : Whether the build has a variable for them: one that has none may be without device code.
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
