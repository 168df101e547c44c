/**
  Which cell answers a request: the second step of `concretise`. Everything was decided ahead of time; here is only
  lookup.
*/
{
  lib,
  system,
  cells,
  blockers,
  toolkits,
  # The version of the package set's C library.
  glibc,
}:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    head
    map
    stringLength
    substring
    ;
  inherit (cells) attemptsOf blockersOf kindOf;
  inherit (blockers) show;

  list = concatStringsSep ", ";
in
/**
  # Inputs

  `request`
  : What request.nix made of the user's arguments, and `cuda`, `torch`, `prefer`, `onlyAudited` as they were given.

  # Output

  `torch` and `cell`, or a `throw` with the reasons; `isCompiled` (by package, whether it is compiled), `blockersOf` (what
  keeps a package of the cell from this request) and `refusal` (the same of the whole request, by torch).
*/
{
  request,
  cuda,
  torch,
  prefer,
  onlyAudited,
}:
let
  inherit (request) cellFile capabilities compiler;

  isAsked =
    candidate:
    torch == null
    || candidate == torch
    || substring 0 (stringLength torch + 1) candidate == "${torch}.";
  candidates = filter isAsked cellFile.order;

  requestFor = candidate: {
    inherit onlyAudited glibc;
    computeCapabilities = capabilities;
    cell = cellFile.torch.${candidate};
    inherit (request) names;
    compilers = toolkits.spansOf cuda;
  };
  judged =
    compiling:
    map (candidate: {
      torch = candidate;
      blockers = blockersOf (requestFor candidate // { inherit compiling; });
    }) candidates;

  attempts = attemptsOf prefer (compiler != null);
  fitting = filter (candidate: candidate.blockers == [ ]) (concatMap judged attempts);
  chosenTorch = if fitting == [ ] then throw sentence else (head fitting).torch;
  cell = cellFile.torch.${chosenTorch};

  # Everything that stands in the way, by torch: those with a cell, newest first, then those without.
  refusal =
    judged (lib.last attempts)
    ++ map (candidate: {
      torch = candidate;
      blockers = [ (blockers.absent "torch" cellFile.absent.${candidate}) ];
    }) absentTorches
    ++ lib.optional (candidates == [ ] && absentTorches == [ ]) {
      torch = null;
      blockers = [
        (blockers.absent "torch" {
          why = {
            cause = "no-torch";
            inherit (request) python;
            cuda = if cuda == null then "cpu" else cuda;
            asked = torch;
            known = cellFile.order;
          };
        })
      ];
    };
  absentTorches = filter isAsked (attrNames cellFile.absent);

  sentence =
    let
      lines = concatMap (
        { torch, blockers }:
        map (blocker: "  ${if torch == null then "" else "torch ${torch}: "}${show blocker}") blockers
      ) refusal;
      # Hours of work are not begun unasked.
      canCompile =
        compiler == null
        && builtins.any (
          { blockers, ... }: builtins.any (blocker: blocker.source.compiling or null == "possible") blockers
        ) refusal;
      command = concatStringsSep " " (
        [ "axle concretise --system ${system} --python ${request.python}" ]
        ++ [ (if cuda == null then "--cpu" else "--cuda ${cuda}") ]
        ++ map (cc: "--cc ${cc}") capabilities
        ++ lib.optional (torch != null) "--torch ${torch}"
        ++ lib.optional (compiler != null) "--${compiler.kind} ${toString compiler.major}"
        ++ lib.optional (prefer != "wheel") "--prefer ${prefer}"
        ++ lib.optional onlyAudited "--only-audited"
        ++ request.names
      );
    in
    "axle: no torch fits ${list request.names} for ${system}, Python ${request.python}, ${
      if cuda == null then "no CUDA" else "CUDA ${cuda}, compute capabilities ${list capabilities}"
    }:\n${concatStringsSep "\n" lines}${
      if canCompile then
        "\nThe packages that can be compiled are compiled if a compiler is given: compiler = \"auto\";"
      else
        ""
    }\nFor the reasons in words, and for changes that would work, run: ${command}";
in
{
  inherit cell;
  fits = fitting != [ ];
  torch = chosenTorch;

  # Of every package of the cell, whoever asks for it: what was not needed to answer this request has its place in the
  # same world.
  isCompiled = lib.genAttrs (attrNames cell.packages) (
    name: kindOf (requestFor chosenTorch) (lib.last attempts) name == "source"
  );

  inherit refusal;

  blockersOf =
    name:
    blockersOf (
      requestFor chosenTorch
      // {
        compiling = lib.last attempts;
        names = [ name ];
      }
    );
}
