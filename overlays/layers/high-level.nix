/**
  The high-level layer: the description of a package in its cell. It does no work and provides nothing to run.
*/
{ lib, writeText }:
/**
  A package of a cell, as users refer to it in `packages = hl: [ hl.torch ]`.

  # Inputs

  `name`
  : The package.

  `package`
  : Its entry in the cell, which is read lazily.
*/
{
  name,
  package,
}:
let
  inherit (builtins)
    all
    concatStringsSep
    filter
    isList
    isString
    lessThan
    map
    sort
    split
    ;
  inherit (lib) toLower unique;

  metadata = writeText "${name}-${package.version}.json" (
    builtins.toJSON {
      inherit name;
      inherit (package)
        version
        requires
        wheel
        ;
      ${if package ? source then "source" else null} = package.source;
    }
  );
  # Extras are compared in normalised form (PEP 685).
  extrasOf =
    extras:
    if isList extras && all isString extras then
      sort lessThan (unique (map normalised extras))
    else
      throw "axle: withExtras takes a list of names: hl.${name}.withExtras [ \"all\" ]";
  normalised =
    extra:
    concatStringsSep "-" (filter (part: isString part && part != "") (split "[-_.]+" (toLower extra)));
  refusal = throw "axle: ${name} is a high-level package, which contains nothing to run; pass it to `concretise`: (pkgs.axle.concretise { packages = hl: [ hl.${name} ]; … }).python.withPackages (ps: [ ps.${name} ])";
  self = {
    type = "derivation";
    pname = name;
    name = "${name}-${package.version}";
    inherit (package) version requires;
    inherit metadata;
    axleHighLevel = name;

    # Building, linking or importing the value forces one of these.
    outPath = refusal;
    drvPath = refusal;
    pythonModule = refusal;

    # The package with some of its extras: `hl.transformers.withExtras [ "torch" ]`.
    axleExtras = [ ];
    withExtras = extras: self // { axleExtras = extrasOf extras; };
  };
in
self
