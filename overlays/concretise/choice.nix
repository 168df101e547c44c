/**
  Which cell answers a request: the second step of `concretise`. Everything was decided ahead of time; here is only
  lookup.
*/
{
  lib,
  system,
  cells,
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
  inherit (cells) attemptsOf kindOf objections;

  list = concatStringsSep ", ";
in
/**
  # Inputs

  `request`
  : What request.nix made of the user's arguments, and `cuda`, `torch`, `prefer`, `onlyAudited` as they were given.

  # Output

  `torch` and `cell`, or a `throw` with the reasons; `isCompiled` (by package, whether it is compiled) and `objectionsTo`
  (why a package of the cell, or one that it lacks, cannot be had for this request: sentences).
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
    torch = candidate;
    inherit (request) names;
  };
  # The newest that the release takes, to be named to who has given none.
  newestCompiler = if cuda == null then null else (toolkits.compilersOf cuda).gcc.max;
  compilerHint = if newestCompiler == null then "gcc13" else "gcc${toString newestCompiler}";
  judged =
    compiling:
    map (candidate: {
      torch = candidate;
      objections = objections (requestFor candidate // { inherit compiling compilerHint; });
    }) candidates;

  attempts = attemptsOf prefer (compiler != null);
  fitting = filter (candidate: candidate.objections == [ ]) (concatMap judged attempts);
  chosenTorch = if fitting == [ ] then throw refusal else (head fitting).torch;
  cell = cellFile.torch.${chosenTorch};

  refusal =
    let
      absent = filter isAsked (attrNames cellFile.absent);
      lines =
        concatMap (
          candidate: map (objection: "  torch ${candidate.torch}: ${objection}") candidate.objections
        ) (judged (lib.last attempts))
        ++ map (candidate: "  torch ${candidate}: ${cellFile.absent.${candidate}.message}") absent;
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
    }:\n${
      if lines == [ ] then
        "  torch ${torch}: not in the catalogue, which has ${list cellFile.order}"
      else
        concatStringsSep "\n" lines
    }\nFor changes that would work ask: ${command}";
in
{
  inherit cell;
  torch = chosenTorch;

  # Of every package of the cell, whoever asks for it: what was not needed to answer this request has its place in the
  # same world.
  isCompiled = lib.genAttrs (attrNames cell.packages) (
    name: kindOf (requestFor chosenTorch) (lib.last attempts) name == "source"
  );

  objectionsTo =
    name:
    objections (
      requestFor chosenTorch
      // {
        inherit compilerHint;
        compiling = lib.last attempts;
        names = [ name ];
      }
    );
}
