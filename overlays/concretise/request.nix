/**
  What a user asks for, understood or refused: the first step of `concretise`.
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

  `interpreter`, `python`, `cellFile`, `capabilities` (sorted), `compiler` (as `arguments.compilerOf` has it), `names`
  (the packages asked for), `highLevels` (what a user chooses from) and `complaints` (sentences, none when all is well).
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
  # The cell that is chosen in the end, for the versions of high-level packages.
  cell,
}:
let
  inherit (arguments.interpreterOf python) interpreter version;
  cellFile = read.cellFile {
    inherit cuda;
    python = version;
  };

  # Names are known before a cell is chosen; everything else about a high-level package only after.
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
  # What only the package set has is no high-level package: it is given as `extraPackages`.
  elsewhere = mapAttrs (
    name: _:
    throw "axle: ${name} is not a package of axle's catalogue but of the package set: give it as extraPackages = ps: [ ps.${name} ]"
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
        all = arguments.inContext "while axle reads packages (a missing attribute is a package that the catalogue does not have: name it by a string, and axle says which it has)" (
          map understood asked
        );
        others = filter (value: !isHighLevel value) all;
      in
      if others != [ ] then
        throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); give ${(head others).name or "others"} by extraPackages = ps: [ … ]"
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
