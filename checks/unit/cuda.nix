# The compiler that nvcc calls.
{ pkgs }:
let
  inherit (pkgs) lib;

  # A default compiler of a major, and others by number.
  hostCompiler =
    major: others: cuda:
    let
      stdenv = pkgs.stdenv // {
        cc = pkgs.stdenv.cc // {
          version = "${toString major}.1.0";
        };
      };
      named = builtins.listToAttrs (
        map (other: {
          name = "gcc${toString other}Stdenv";
          value = pkgs.stdenv;
        }) others
      );
      isNumbered = name: builtins.match "gcc[0-9]+Stdenv" name != null;
      others' = lib.filterAttrs (name: _: !isNumbered name) pkgs;
      axle = import ../../overlays/axle.nix {
        pkgs = others' // { inherit stdenv; } // named;
        catalogue = ../../catalogue;
      };
    in
    (axle.internal.cuda.hostCompiler cuda).name or null;
in
{
  hostCompiler = [
    {
      # The default, where CUDA takes it; else the newest before it that CUDA takes, and none after it.
      expr = [
        (hostCompiler 14 [ 13 ] "12.8")
        (hostCompiler 15 [ 12 13 16 ] "12.8")
        (hostCompiler 15 [ 16 ] "12.8")
        (hostCompiler 15 [ 13 ] "13.0")
      ];
      expected = [
        "gcc14"
        "gcc13"
        null
        "gcc15"
      ];
    }
  ];
}
