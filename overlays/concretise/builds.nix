/**
  The build layer of a concretisation: one derivation for each package of its cell, instantiated only when it is used.
*/
{
  lib,
  read,
  source,
  build,
  compile,
  audited,
  licences,
  toolkits,
  worlds,
}:
let
  inherit (builtins)
    attrNames
    map
    mapAttrs
    ;
  inherit (lib) extends fix;
in
/**
  # Output

  `builds` by name; `changed`, the builds that `overrides` changes; `added`, those that it adds; `wheelOf`, the wheel of a
  package as in builds/<name>/<version>.json, or null; `auditOf`, the audit of a compiled package, or null.
*/
{
  request,
  choice,
  cuda,
  toolkit,
  allow,
  overrides,
}:
let
  inherit (request) interpreter capabilities compiler;
  inherit (choice) cell isCompiled;

  wheelBuild =
    name: part:
    read.wheel {
      inherit name;
      inherit (part) version filename sha256;
    };
  wheelOf =
    name:
    let
      package = cell.packages.${name};
    in
    if isCompiled.${name} then
      null
    else
      wheelBuild name (package.wheel // { inherit (package) version; });
  sdistOf =
    name:
    read.sdist {
      inherit name;
      inherit (cell.packages.${name}) version;
      inherit (cell.packages.${name}.source) filename;
    };

  patched =
    builds: name: version: wheel:
    build.build {
      inherit name version wheel;
      source = source wheel.fetch;
      providers = builds;
      meta = licences.meta name;
    };
  compiled =
    builds: name: package:
    let
      description = sdistOf name;
      frozen = package.source.frozen or { };
      # The wheels that a build imports are frozen, so that a newer setuptools does not cause a new compile. They may need
      # each other, and nothing of the cell.
      frozenBuilds = mapAttrs (
        link: part: patched frozenBuilds link part.version (wheelBuild link part)
      ) frozen;
      ofCell = map (link: {
        name = link;
        build = builds.${link};
        scripts = (wheelOf link).scripts or { };
      }) (builtins.sort (a: b: a < b) package.source.links);
      ofLock = map (link: {
        name = link;
        build = frozenBuilds.${link};
        inherit (wheelBuild link frozen.${link}) scripts;
      }) (attrNames frozen);
    in
    compile {
      inherit
        name
        description
        interpreter
        capabilities
        compiler
        toolkit
        allow
        ;
      inherit (package) version;
      source = source description.fetch;
      links = ofLock ++ ofCell;
      cudaRelease = cuda;
      variant = worlds.variant {
        inherit cuda;
        inherit (choice) torch;
      };
      isUnsupported = toolkits.objections { inherit cuda compiler; } != [ ];
    };

  # Providers of sonames are looked up here, by package.
  plain =
    builds:
    mapAttrs (
      name: package:
      if isCompiled.${name} then
        compiled builds name package
      else
        patched builds name package.version (wheelOf name)
    ) cell.packages;
  builds = fix (extends overrides plain);
  overridden = overrides builds (plain builds);
in
{
  inherit builds wheelOf;
  changed = builtins.intersectAttrs cell.packages overridden;
  added = removeAttrs overridden (attrNames cell.packages);

  auditOf =
    name:
    if !isCompiled.${name} then
      null
    else
      audited {
        inherit name capabilities;
        build = builds.${name};
        architectures = cuda != null && (sdistOf name).architectures or null != null;
      };
}
