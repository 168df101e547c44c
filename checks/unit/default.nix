/**
  Tests of Nix code: one file per file of `overlays`, in each a list of `expr` and `expected` per function.

  `failures` is empty when all is well; one of the tests is that no exported function goes without a test.
*/
{ pkgs, fixture }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    concatMap
    concatStringsSep
    filter
    isFunction
    length
    map
    mapAttrs
    toJSON
    ;
  inherit (fixture.axle) internal;

  tests = {
    versions = import ./versions.nix internal.versions;
    specifiers = import ./specifiers.nix (
      import ../../overlays/lib/specifiers.nix { inherit (internal) versions; }
    );
    grammar = import ./grammar.nix internal.grammar;
    arguments = import ./arguments.nix {
      inherit (internal) arguments versions;
      inherit pkgs;
    };
    toolkits = import ./toolkits.nix internal.toolkits;
    cells = import ./cells.nix internal.cells;
    blockers = import ./blockers.nix internal.blockers;
    worlds = import ./worlds.nix internal.worlds;
    catalogue = import ./catalogue.nix internal.catalogue;
    build = import ./build.nix internal.build;
    licences = import ./licences.nix internal.licences;
    cuda = import ./cuda.nix { inherit pkgs; };
    run-time = import ./run-time.nix { inherit pkgs; };
    package-set = import ./package-set.nix { inherit pkgs; };
    concretise = import ./concretise.nix { inherit pkgs fixture; };
    choice = import ./choice.nix { inherit pkgs; };
    vectors = import ./vectors.nix { inherit pkgs; };
    rebuilds = import ./rebuilds.nix { inherit pkgs; };
    builds = import ./builds.nix { inherit pkgs fixture; };
  };

  failed =
    file: function:
    concatMap (
      test:
      if test.expr == test.expected then
        [ ]
      else
        [ "${file}.${function}: expected ${toJSON test.expected}, got ${toJSON test.expr}" ]
    ) tests.${file}.${function};

  untested = concatMap (
    file:
    map (name: "${file}.${name} has no test") (
      filter (name: isFunction internal.${file}.${name} && tests.${file}.${name} or [ ] == [ ]) (
        attrNames internal.${file}
      )
    )
  ) (attrNames internal);
in
rec {
  failures =
    concatMap (file: concatMap (failed file) (attrNames tests.${file})) (attrNames tests) ++ untested;

  count = length (concatLists (concatMap attrValues (attrValues (mapAttrs (_: file: file) tests))));

  /**
    One line when everything holds; else an error with everything that does not.
  */
  report =
    if failures == [ ] then
      "${toString count} passed, 0 failed\n"
    else
      throw "${toString (length failures)} tests of Nix code failed:\n${concatStringsSep "\n" failures}";
}
