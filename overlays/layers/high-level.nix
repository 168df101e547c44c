/**
  The high-level layer: the description of a package in its cell. It does no work and provides nothing to run.
*/
{ writeText }:
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
  refusal = throw "axle: ${name} is a high-level package, which contains nothing to run; pass it to `concretise`: (pkgs.axle.concretise { packages = hl: [ hl.${name} ]; … }).python.withPackages (ps: [ ps.${name} ])";
in
{
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
}
