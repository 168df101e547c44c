/**
  The answers to many requests at once, which a test compares with those of `axle concretise`; null for an
  invalid request.

  # Inputs

  `requests`
  : A list of requests, each with `packages` (names), `python`, `cuda` (null for none), `compute_capabilities`,
    `compiler` (null for none), `torch` (null for any), `glibc`, and where they are not the default `prefer`,
    `only_audited` and `publishers`.

  # Examples

  ```nix
  plans [ { packages = [ "torch" ]; … } { packages = [ "no-such-package" ]; … } ]
  => [ { id = "…"; plan = { … }; } { refusal = [ … ]; } null ]
  ```
*/
{ pkgs }:
requests:
let
  inherit (builtins) deepSeq map tryEval;
  inherit (pkgs) lib;

  # One for each C library: the package set's is what a wheel's need is compared with.
  axles = lib.genAttrs (lib.unique (map (request: request.glibc) requests)) (
    version:
    import ../overlays/axle.nix {
      pkgs = pkgs // {
        glibc = { inherit version; };
      };
      catalogue = ../catalogue;
    }
  );

  answer =
    request:
    let
      given = axles.${request.glibc}.answer {
        inherit (request)
          python
          cuda
          compiler
          torch
          ;
        computeCapabilities = request.compute_capabilities;
        prefer = request.prefer or "wheel";
        onlyAudited = request.only_audited or false;
        publishers = request.publishers or null;
        packages =
          highLevel:
          map (name: highLevel.${name} or (throw "there is no ${name} in the catalogue")) request.packages;
      };
      tried = tryEval (deepSeq given given);
    in
    if tried.success then tried.value else null;
in
map answer requests
