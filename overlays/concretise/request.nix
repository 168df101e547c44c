/**
  Parses and validates the user's request: the first step of `concretise`.
*/
{
  lib,
  arguments,
  toolkits,
  cells,
  cuda,
  read,
  highLevel,
  versions,
}:
let
  comparisons = import ../lib/specifiers.nix { inherit versions; };
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    elemAt
    filter
    groupBy
    head
    isAttrs
    isFunction
    isList
    isString
    lessThan
    listToAttrs
    map
    mapAttrs
    match
    sort
    split
    ;
  inherit (lib) filterAttrs unique;

  toolkitComplaints = cuda.complaints;
in
/**
  # Inputs

  The arguments of `concretise`, with their defaults.

  # Output

  `interpreter`, `python`, `cellFile`, `capabilities` (sorted), `compiler` (as `arguments.compilerOf` returns it), `names`
  (the requested packages), `extras` and `specifiers` (those requested of them, by package), `highLevels` (the packages to
  choose from) and `complaints` (sentences, none if it is valid).
*/
{
  packages,
  python,
  cuda,
  computeCapabilities,
  compiler,
  toolkit,
  torch,
  prefer,
  onlyAudited,
  publishers,
  allow,
  # The cell that is finally chosen, for the versions of high-level packages.
  cell,
}:
let
  inherit (arguments.interpreterOf python) interpreter version;
  cellFile = read.cellFile {
    inherit cuda;
    python = version;
  };

  # The names are known before a cell is chosen, everything else about a high-level package only afterwards.
  known = listToAttrs (
    map
      (name: {
        inherit name;
        value = highLevel {
          inherit name;
          package = cells.memberOf cell name;
        };
      })
      (
        unique (concatMap (one: attrNames one.packages ++ attrNames one.absent) (attrValues cellFile.torch))
      )
  );
  # Packages that only the package set has are not high-level packages: they belong in `extraPackages`.
  elsewhere = mapAttrs (
    name: _:
    throw "axle: ${name} is not a package of axle's catalogue but of the package set: pass it as extraPackages = ps: [ ps.${name} ]"
  ) interpreter.pkgs;
  highLevels = elsewhere // known;

  named =
    name:
    known.${name}
      or (throw "axle: the catalogue has no ${name}${arguments.didYouMean name (attrNames known)}");
  asked = if isFunction packages then packages highLevels else packages;
  # A requirement: a name, perhaps with extras and specifiers, `transformers[torch,vision]>=4`.
  understood =
    value:
    let
      parts = match "[[:space:]]*([A-Za-z0-9._-]+)[[:space:]]*(\\[([^][]*)])?[[:space:]]*([^][]*)" value;
      extras = elemAt parts 2;
      specifiers = elemAt parts 3;
      parsed = comparisons.parse specifiers;
      package = (named (elemAt parts 0)).withExtras (
        if extras == null then [ ] else filter (part: isString part && part != "") (split "[ ,]+" extras)
      );
    in
    if !isString value then
      value
    else if parts == null || specifiers != "" && parsed == null then
      throw "axle: `${value}` is not a package that Nix reads: write a name, with extras and releases if need be, like \"torch\" or \"transformers[torch]>=4,<6\"; anything else is for `axle lock`"
    else if specifiers == "" then
      package
    else
      package // { axleSpecifiers = parsed; };
  isHighLevel = value: isAttrs value && value ? axleHighLevel;
  requested =
    if !isList asked then
      throw "axle: packages must be a list of high-level packages, or a function to one: packages = hl: [ hl.torch ]"
    else
      let
        all = arguments.inContext "while axle reads packages (a missing attribute is a package that the catalogue does not have: name it by a string, and axle says which it has)" (
          map understood asked
        );
        others = filter (value: !isHighLevel value) all;
      in
      if others != [ ] then
        throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); pass ${(head others).name or "others"} in extraPackages = ps: [ … ]"
      else
        all;
  names = unique (map (value: value.axleHighLevel) requested);
  # Of a package that is requested twice, all extras.
  extras = filterAttrs (_: extras: extras != [ ]) (
    mapAttrs (_: values: unique (sort lessThan (concatMap (value: value.axleExtras or [ ]) values))) (
      groupBy (value: value.axleHighLevel) requested
    )
  );
  # They never move a version: they say whether the cell's will do.
  specifiers = mapAttrs (_: values: comparisons.show values) (
    filterAttrs (_: values: values != [ ]) (
      mapAttrs (_: values: unique (concatMap (value: value.axleSpecifiers or [ ]) values)) (
        groupBy (value: value.axleHighLevel) requested
      )
    )
  );
in
{
  inherit
    interpreter
    cellFile
    highLevels
    names
    extras
    specifiers
    ;
  python = version;
  capabilities = versions.sort computeCapabilities;
  compiler = arguments.compilerOf {
    inherit compiler;
    range = if cuda == null then null else toolkits.compilersOf cuda;
  };
  complaints =
    arguments.complaints {
      inherit
        cuda
        computeCapabilities
        torch
        prefer
        onlyAudited
        publishers
        allow
        ;
      known = cellFile.capabilities;
    }
    ++ toolkitComplaints { inherit cuda toolkit; };
}
