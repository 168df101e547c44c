/**
  `mkDerivation` and the other builders, with the part of nixpkgs' behaviour that axle relies on: inputs on
  PATH, setup hooks of inputs and of what they propagate, and environments of links that refuse collisions.
*/
{
  lib,
  system,
  tools,
  config,
}:
let
  inherit (builtins)
    all
    isFunction
    isList
    removeAttrs
    ;

  # nixpkgs' rules about unfree packages.
  isAllowed =
    args:
    let
      license = args.meta.license or [ ];
      licenses = if isList license then license else [ license ];
    in
    all (one: one.free or true) licenses
    || config.allowUnfree or false
    || (config.allowUnfreePredicate or (_: false)) args;

  shell = "${tools}/bin/bash";

  mkDerivation =
    arguments:
    let
      args = if isFunction arguments then lib.fix arguments else arguments;
      name = args.name or "${args.pname}-${args.version}";
      drv = derivation (
        removeAttrs args [
          "meta"
          "passthru"
          "pname"
          "version"
        ]
        // lib.optionalAttrs (args ? version) { inherit (args) pname version; }
        // {
          inherit name system;
          builder = shell;
          args = [
            "-e"
            ./builder.sh
          ];
          inherit tools shell;
          stdenv = ./stdenv;
          # Named for `nix develop`, which writes into it what the shell is.
          outputs = [ "out" ];
        }
      );
      ifAllowed =
        value:
        if isAllowed args then
          value
        else
          throw "Package ‘${name}’ has an unfree license, refusing to evaluate.";
    in
    drv
    // {
      outPath = ifAllowed drv.outPath;
      drvPath = ifAllowed drv.drvPath;
      inherit name;
      meta = args.meta or { };
      nativeBuildInputs = args.nativeBuildInputs or [ ];
      buildInputs = args.buildInputs or [ ];
      propagatedBuildInputs = args.propagatedBuildInputs or [ ];
      passthru = args.passthru or { };
      # A set, or a function of the old attributes, or of the new and the old ones, as in nixpkgs.
      overrideAttrs =
        change:
        let
          once = if isFunction change then change args else change;
        in
        mkDerivation (args // (if isFunction once then once args else once));
    }
    // args.passthru or { };

  writeText =
    name: text:
    mkDerivation {
      inherit name text;
      passAsFile = [
        "text"
        "buildCommand"
      ];
      buildCommand = ''cp "$textPath" "$out"'';
    };

  buildEnv =
    {
      name,
      paths,
      postBuild ? "",
      passthru ? { },
    }:
    mkDerivation {
      inherit name passthru;
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        mkdir -p $out
        for path in ${toString paths}; do linkTree "$path" "$out"; done
        ${postBuild}
      '';
    };

  mkShellNoCC =
    {
      name ? "shell",
      packages ? [ ],
      inputsFrom ? [ ],
      ...
    }@args:
    mkDerivation (
      removeAttrs args [
        "packages"
        "inputsFrom"
      ]
      // {
        inherit name;
        nativeBuildInputs = packages ++ builtins.concatMap (drv: drv.nativeBuildInputs) inputsFrom;
        buildCommand = "touch $out";
      }
    );
in
{
  inherit
    mkDerivation
    writeText
    buildEnv
    mkShellNoCC
    ;
}
