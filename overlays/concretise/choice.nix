/**
  Chooses the cell that answers a request: the second step of `concretise`. Rust decided everything ahead of time; this
  is only a lookup.
*/
{
  lib,
  system,
  cells,
  blockers,
  toolkits,
  # The version of the package set's glibc.
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
  : The user's arguments as parsed by request.nix, and `cuda`, `torch`, `prefer`, `onlyAudited`, `publishers` as the user gave them.

  # Output

  `torch`, `cell` and `names` (the requested packages with what their extras require), or a `throw` with the reasons;
  `isCompiled` (by package, whether it is compiled), `blockersOf` (the
  blockers of a package of the cell for this request) and `refusal` (the blockers of the whole request, by torch).
*/
{
  request,
  cuda,
  torch,
  prefer,
  onlyAudited,
  publishers,
}:
let
  inherit (request) cellFile capabilities compiler;

  # The sets of a target have torch for its CUDA only: `2.9.0+cu128` is their 2.9.0.
  local = if cuda == null then "+cpu" else "+cu${builtins.replaceStrings [ "." ] [ "" ] cuda}";
  isAsked =
    candidate:
    torch == null
    || candidate == torch
    || candidate + local == torch
    || substring 0 (stringLength torch + 1) candidate == "${torch}.";
  candidates = filter isAsked cellFile.order;

  requestFor = candidate: {
    inherit onlyAudited publishers glibc;
    computeCapabilities = capabilities;
    cell = cellFile.torch.${candidate};
    inherit (request) names extras specifiers;
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

  # All blockers by torch: first the torches with a cell, newest first, then those without.
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

  # The requested packages as requirements: `transformers[torch]`.
  asked = map (
    name:
    name
    + (if request.extras ? ${name} then "[${concatStringsSep "," request.extras.${name}}]" else "")
    + request.specifiers.${name} or ""
  ) request.names;

  sentence =
    let
      lines = concatMap (
        { torch, blockers }:
        map (blocker: "  ${if torch == null then "" else "torch ${torch}: "}${show blocker}") blockers
      ) refusal;
      # Hours of compiling must not start unasked.
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
        ++ (
          if publishers == [ ] then
            [ "--publisher none" ]
          else
            map (name: "--publisher ${name}") (if publishers == null then [ ] else publishers)
        )
        # A shell would read brackets and comparisons.
        ++ map lib.escapeShellArg asked
      );
    in
    "axle: no torch fits ${list asked} for ${system}, Python ${request.python}, ${
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

  # For every package of the cell, requested or not: packages that this request does not need belong to the same world
  # too.
  isCompiled = lib.genAttrs (attrNames cell.packages) (
    name: kindOf (requestFor chosenTorch) (lib.last attempts) name == "source"
  );

  inherit refusal;

  # The requested packages, and those that their extras require in this cell.
  names = lib.unique (request.names ++ (cells.wantedOf cell { inherit (request) extras; }).names);

  blockersOf =
    name:
    blockersOf (
      requestFor chosenTorch
      // {
        compiling = lib.last attempts;
        names = [ name ];
        extras = { };
        specifiers = { };
      }
    );
}
