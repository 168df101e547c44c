/**
  The high-level layer: what a package is in its cell. It does no work and provides nothing to run.
*/
{ writeText }:
/**
  A package of a cell as a user names it, in `packages = hl: [ hl.torch ]`.

  # Inputs

  `name`
  : The package.

  `package`
  : Its object in the cell; only read when something about it is asked.
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

  # Whoever builds, links or imports the value forces one of these.
  outPath = refusal;
  drvPath = refusal;
  pythonModule = refusal;
}
