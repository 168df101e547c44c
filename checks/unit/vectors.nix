/**
  The answers of the Nix code beside those of Rust, to questions that `cargo xtask vectors` has made at random
  (vectors.json): thousands, without building anything.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    concatMap
    elemAt
    fromJSON
    genList
    length
    mapAttrs
    readFile
    ;
  inherit (pkgs) lib;
  inherit (pkgs.axle.internal)
    blockers
    cells
    toolkits
    versions
    ;
  vectors = fromJSON (readFile ./vectors.json);
  system = "x86_64-linux";

  planOf = import ../../overlays/concretise/plan.nix { inherit lib system cells; };

  answersOf =
    world:
    let
      name = "${world.cells.python}-${world.cells.cuda}";
      cellFile =
        (import ../../overlays/lib/catalogue.nix {
          inherit system;
          catalogue.cells.${system}.${name} = world.cells;
        }).cells.${name};
      cuda = if cellFile.cuda == "cpu" then null else cellFile.cuda;
      answer =
        {
          names,
          extras,
          specifiers,
          capabilities,
          compiler,
          torch,
          glibc,
          prefer,
          onlyAudited,
          publishers ? null,
        }:
        let
          request = {
            inherit
              names
              extras
              specifiers
              capabilities
              compiler
              cellFile
              ;
            inherit (cellFile) python;
          };
          choice =
            import ../../overlays/concretise/choice.nix
              {
                inherit
                  lib
                  system
                  cells
                  blockers
                  toolkits
                  glibc
                  ;
              }
              {
                inherit
                  request
                  cuda
                  torch
                  prefer
                  onlyAudited
                  publishers
                  ;
              };
          planned = planOf {
            inherit
              request
              choice
              cuda
              prefer
              ;
          };
        in
        if choice.fits then
          {
            inherit (planned) id;
            plan = builtins.hashString "sha256" (builtins.toJSON planned.plan);
          }
        else
          {
            inherit (choice) refusal;
          };
    in
    map (asked: {
      expr = answer asked.request;
      expected = asked.answer;
    }) world.asked;
in
{
  answers = concatMap answersOf vectors.worlds;

  compilers = map (cuda: rec {
    expected = vectors.compilers.${cuda};
    expr = mapAttrs (
      kind: rules:
      genList (
        index:
        let
          objections = toolkits.objections {
            inherit cuda;
            compiler = {
              inherit kind;
              major = index + 1;
            };
          };
        in
        if objections == [ ] then null else (builtins.head objections).rule
      ) (length rules)
    ) expected;
  }) (attrNames vectors.compilers);

  versions = map (vector: {
    expr =
      map
        (
          operator:
          versions.satisfies (elemAt vector 0) [
            [
              operator
              (elemAt vector 1)
            ]
          ]
        )
        [
          "<"
          "=="
          ">"
          "<="
          "!="
          ">="
        ];
    expected =
      let
        order = elemAt vector 2;
      in
      [
        (order < 0)
        (order == 0)
        (order > 0)
        (order <= 0)
        (order != 0)
        (order >= 0)
      ];
  }) vectors.versions;
}
