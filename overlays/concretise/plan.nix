/**
  The plan: the answer as data, the same that `axle concretise --format json` prints, but for what decides nothing
  (`untried`, `errors`).
*/
{
  lib,
  system,
  cells,
}:
let
  inherit (builtins)
    attrNames
    filter
    hashString
    toJSON
    ;
in
{
  request,
  choice,
  cuda,
  prefer,
}:
let
  inherit (request) capabilities compiler python;
  inherit (choice) cell isCompiled torch;

  target = {
    inherit system cuda python;
    compute_capabilities = capabilities;
    compiler = if compiler == null then null else { ${compiler.kind} = compiler.major; };
  };
  compiled = filter (name: isCompiled.${name}) (attrNames cell.packages);
  id = hashString "sha256" (toJSON {
    schema = "axle.plan/1";
    inherit
      system
      cuda
      prefer
      python
      torch
      ;
    compute_capabilities = capabilities;
    compiler = if compiler == null then null else compiler.name;
    inherit (cell) cell;
    ${if compiled == [ ] then null else "compiled"} = compiled;
  });
  # The requested packages and their transitive requirements.
  names = cells.closureOf cell choice.names;

  buildOf =
    name: package:
    if isCompiled.${name} then
      {
        kind = "source";
        inherit (package.source) filename sha256;
      }
    else
      {
        kind = "wheel";
        inherit (package.wheel) filename sha256;
        ${if package.wheel.provenance == "audited" then null else "provenance"} = package.wheel.provenance;
        ${if package.wheel.publisher or null == null then null else "publisher"} = package.wheel.publisher;
      };
in
{
  inherit target id names;

  plan = {
    schema = "axle.plan/1";
    inherit id target torch;
    packages = lib.genAttrs names (
      name:
      let
        package = cell.packages.${name};
      in
      {
        inherit (package) version requires;
        build = buildOf name package;
      }
    );
  };
}
