/**
  What the overlay says of every compiler with every CUDA release of the catalogue, for a test that compares it with
  what the command line says.
*/
{ pkgs }:
let
  inherit (pkgs.axle.internal) toolkits;
  inherit (pkgs) lib;
  compilers = builtins.concatMap (
    major:
    map (kind: { inherit kind major; }) [
      "gcc"
      "clang"
    ]
  ) (builtins.genList (major: major + 1) 29);
in
lib.genAttrs toolkits.releases (
  cuda:
  builtins.listToAttrs (
    map (compiler: {
      name = "${compiler.kind} ${toString compiler.major}";
      value = toolkits.objections { inherit cuda compiler; };
    }) compilers
  )
)
