/**
  The python-level layer: one package of one concretisation, as Python imports it.

  It links the build into site-packages, writes console scripts and compiles nothing. Bytecode comes from a
  derivation of its own, which depends on the build and the interpreter only.
*/
{ pkgs }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    map
    match
    toJSON
    ;
  inherit (pkgs.lib) escapeShellArg escapeShellArgs;

  worlds = import ./worlds.nix { inherit (pkgs) lib; };

  # Everything that a wheel puts into site-packages is in its root or in these two folders of its data.
  roots = "$build/wheel $build/wheel/*.data/purelib $build/wheel/*.data/platlib";

  /**
    Bytecode of a build for one interpreter. Sources in the store never change, so it is never checked against them.
  */
  bytecode =
    {
      name,
      version,
      build,
      python,
    }:
    pkgs.stdenvNoCC.mkDerivation {
      pname = "${python.libPrefix}-${name}-bytecode";
      inherit version build;
      strictDeps = true;
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        mkdir -p $out
        for root in ${roots}; do
          if ! [ -d "$root" ]; then continue; fi
          mkdir sources
          cp -rs --no-preserve=mode "$root/." sources/
          # Files that are no Python of this version, like templates, keep the others from nothing.
          ${python.interpreter} -I -m compileall -q -j 0 --invalidation-mode unchecked-hash \
            -s "$PWD/sources" -p / sources > /dev/null || true
          (cd sources && find . -name '*.pyc' -type f -exec cp --parents -t $out {} +)
          chmod -R u+w sources
          rm -rf sources
        done
      '';
    };

  # A console script that finds its own requirements, so that it runs from anywhere.
  script =
    python: folders: name: target:
    let
      parts = match "([A-Za-z0-9_.]+) *: *([A-Za-z0-9_.]+)( .*)?" target;
      module = builtins.elemAt parts 0;
      attribute = builtins.elemAt parts 1;
      text = ''
        #!${python.interpreter} -I
        import importlib
        import operator
        import site
        import sys

        for folder in ${toJSON folders}:
            site.addsitedir(folder)
        sys.argv[0] = sys.argv[0].removesuffix(".pyw")
        sys.exit(operator.attrgetter(${toJSON attribute})(importlib.import_module(${toJSON module}))())
      '';
    in
    if parts == null then
      throw "axle: the console script ${name} names `${target}`, which is not of the form module:attribute"
    else
      ''
        printf '%s' ${escapeShellArg text} | sed "s|@out@|$out|" > $out/bin/${escapeShellArg name}
        chmod +x $out/bin/${escapeShellArg name}
      '';
in
{
  inherit bytecode;

  /**
    The python-level derivation of a package.

    # Inputs

    `parts`
    : The packages in it: one, or all of a cycle of requirements. Each has `name`, `version`, `build`, `wheel` (its
      object in the catalogue's builds) and `metadata` (null for an external's).

    `requires`
    : The python-level derivations that it requires.

    `python`
    : The interpreter.

    `world`
    : `id` and `target` of its world.

    `passthru`
    : More attributes of the derivation.
  */
  package =
    {
      parts,
      requires,
      python,
      world,
      passthru,
    }:
    let
      first = builtins.head parts;
      required = python.pkgs.requiredPythonModules requires;
      folders = [
        "@out@/${python.sitePackages}"
      ] ++ map (drv: "${drv}/${python.sitePackages}") (builtins.filter (drv: drv != python) required);

      link = part: ''
        build=${part.build}
        for root in ${roots}; do
          if [ -d "$root" ]; then cp -rsf --no-preserve=mode "$root/." $site/; fi
        done
        rm -rf $site/*.data
        ${concatStringsSep "\n" (map (path: "rm -f $site/${escapeShellArg path}") part.wheel.omit)}
        cp -rsf --no-preserve=mode ${
          bytecode {
            inherit (part) name version build;
            inherit python;
          }
        }/. $site/
        ${concatStringsSep "\n" (map omitBytecode part.wheel.omit)}
        for file in $build/wheel/*.data/scripts/*; do
          if ! [ -f "$file" ]; then continue; fi
          # Installers put the interpreter in the place of this mark.
          if [ "$(head -c 8 "$file" | tr -d '\0')" = '#!python' ]; then
            sed '1s|^#!pythonw\?|#!${python.interpreter}|' "$file" > $out/bin/''${file##*/}
            chmod +x $out/bin/''${file##*/}
          else
            ln -s "$file" $out/bin/
          fi
        done
        if [ -d "$(echo $build/wheel/*.data/data)" ]; then cp -rsf --no-preserve=mode $build/wheel/*.data/data/. $out/; fi
        ${concatStringsSep "\n" (
          map (name: script python folders name part.wheel.scripts.${name}) (attrNames part.wheel.scripts)
        )}
        ${if part.metadata == null then "" else "ln -s ${part.metadata} $out/nix-support/axle/${escapeShellArg part.name}.json"}
      '';

      # Bytecode of a file that is left out would import it all the same.
      omitBytecode =
        path:
        let
          source = match "(.*/)?([^/]*)\\.py" path;
          folder = if builtins.elemAt source 0 == null then "" else builtins.elemAt source 0;
        in
        if source == null then
          ""
        else
          "rm -f $site/${escapeShellArg "${folder}__pycache__/${builtins.elemAt source 1}"}.*.pyc";
    in
    pkgs.stdenvNoCC.mkDerivation {
      pname = first.name;
      inherit (first) version;
      name = "${python.libPrefix}-${worlds.label world.target}-${first.name}-${first.version}";
      strictDeps = true;
      propagatedBuildInputs = requires ++ [ python ];
      passAsFile = [
        "buildCommand"
        "worldFile"
        "hook"
      ];
      worldFile = toJSON { inherit (world) id target; };
      hook = worlds.hook world;
      buildCommand = ''
        site=$out/${python.sitePackages}
        mkdir -p $site $out/bin $out/nix-support/axle
        ${concatStringsSep "\n" (map link parts)}
        cp "$worldFilePath" $site/axle-world.json
        cp "$hookPath" $out/nix-support/setup-hook
        echo ${escapeShellArgs (map toString (requires ++ [ python ]))} > $out/nix-support/propagated-build-inputs
        rmdir --ignore-fail-on-non-empty $out/bin
      '';
      passthru = {
        pythonModule = python;
        requiredPythonModules = python.pkgs.requiredPythonModules (requires ++ [ python ]);
        axle.world = world;
        inherit (first) build;
        inherit (first.build) source;
      } // passthru;
    };
}
