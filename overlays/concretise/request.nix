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
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    filter
    head
    isAttrs
    isFunction
    isList
    isString
    listToAttrs
    map
    mapAttrs
    ;
  inherit (lib) unique;

  toolkitComplaints = cuda.complaints;
in
/**
  # Inputs

  The arguments of `concretise`, with their defaults.

  # Output

  `interpreter`, `python`, `cellFile`, `capabilities` (sorted), `compiler` (as `arguments.compilerOf` returns it), `names`
  (the requested packages), `highLevels` (the packages to choose from) and `complaints` (sentences, none if it is valid).
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
  understood = value: if isString value then named value else value;
  isHighLevel = value: isAttrs value && value ? axleHighLevel;
  names =
    if !isList asked then
      throw "axle: packages must be a list of high-level packages, or a function to one: packages = hl: [ hl.torch ]"
    else
      let
        all = map understood asked;
        others = filter (value: !isHighLevel value) all;
      in
      if others != [ ] then
        throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); pass ${(head others).name or "others"} in extraPackages = ps: [ … ]"
      else
        unique (map (value: value.axleHighLevel) all);
in
{
  inherit
    interpreter
    cellFile
    highLevels
    names
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
        allow
        ;
      known = cellFile.capabilities;
    }
    ++ toolkitComplaints { inherit cuda toolkit; };
}
