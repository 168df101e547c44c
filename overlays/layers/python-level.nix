/**
  The python-level layer: one package of one concretisation, as Python imports it.

  It links the build into site-packages, writes console scripts and compiles nothing. Bytecode comes from a
  derivation of its own, which depends on the build and the interpreter only.
*/
{
  pkgs,
  worlds,
  licences,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    map
    match
    toJSON
    ;
  inherit (pkgs.lib) escapeShellArg escapeShellArgs;

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
  # The console scripts of what has been compiled are known when it is there.
  builtScripts = python: folders: ''
    ${python.interpreter} -I - $build/wheel $out/bin ${escapeShellArgs folders} <<'EOF'
    import configparser, glob, os, re, sys

    wheel, to, *folders = sys.argv[1:]
    out = os.path.dirname(to)
    for path in glob.glob(wheel + "/*.dist-info/entry_points.txt"):
        entries = configparser.ConfigParser(delimiters="=", interpolation=None)
        entries.optionxform = str
        entries.read(path)
        for name, target in entries.items("console_scripts") if entries.has_section("console_scripts") else []:
            module, attribute = re.fullmatch(r"([\w.]+)\s*:\s*([\w.]+).*", target).groups()
            with open(os.path.join(to, os.path.basename(name)), "w") as script:
                script.write("#!${python.interpreter} -I\nimport importlib, operator, site, sys\n"
                    "for folder in %r:\n    site.addsitedir(folder)\n"
                    "sys.exit(operator.attrgetter(%r)(importlib.import_module(%r))())\n"
                    % ([folder.replace("@out@", out) for folder in folders], attribute, module))
            os.chmod(script.name, 0o755)
    EOF
  '';

  # What a package finds out of its environment, said to it when it is imported, where the user has not: triton would
  # ask `/sbin/ldconfig` for the driver, and PATH for a C compiler.
  preludes.triton = {
    file = "triton/__init__.py";
    text = ''
      import os as _os

      _os.environ.setdefault("CC", "${pkgs.stdenv.cc}/bin/cc")
      if _os.path.exists("${pkgs.addDriverRunpath.driverLink}/lib/libcuda.so.1"):
          _os.environ.setdefault("TRITON_LIBCUDA_PATH", "${pkgs.addDriverRunpath.driverLink}/lib")
      del _os

    '';
  };

  prelude =
    python: name:
    let
      inherit (preludes.${name}) file text;
    in
    if !(preludes ? ${name}) then
      ""
    else
      ''
        rm $site/${file} $site/${dirOf file}/__pycache__/__init__.*.pyc
        cat ${pkgs.writeText "axle-${name}-prelude.py" text} $build/wheel/${file} > $site/${file}
        ${python.interpreter} -I -m compileall -q --invalidation-mode unchecked-hash -s $out -p / $site/${file}
      '';
in
{
  inherit bytecode;

  /**
    The python-level derivation of a package.

    # Inputs

    `parts`
    : The packages in it: one, or all of a cycle of requirements. Each has `name`, `version`, `build`, `wheel` (its
      object in the catalogue's builds; null for one that is compiled), `audit` (what must have passed of one that is
      compiled, else null) and `metadata` (null for an external's).

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
      ]
      ++ map (drv: "${drv}/${python.sitePackages}") (builtins.filter (drv: drv != python) required);

      omitted = part: if part.wheel == null then [ ] else part.wheel.omit;
      audits = builtins.filter (audit: audit != null) (map (part: part.audit) parts);
      scripts = if first.wheel == null then [ ] else attrNames first.wheel.scripts;
      mainProgram =
        if builtins.elem first.name scripts then
          { mainProgram = first.name; }
        else if builtins.length scripts == 1 then
          { mainProgram = builtins.head scripts; }
        else
          { };

      link = part: ''
        build=${part.build}
        for root in ${roots}; do
          if [ -d "$root" ]; then cp -rsf --no-preserve=mode "$root/." $site/; fi
        done
        rm -rf $site/*.data
        ${concatStringsSep "\n" (map (path: "rm -f $site/${escapeShellArg path}") (omitted part))}
        cp -rsf --no-preserve=mode ${
          bytecode {
            inherit (part) name version build;
            inherit python;
          }
        }/. $site/
        ${concatStringsSep "\n" (map omitBytecode (omitted part))}
        ${prelude python part.name}
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
        ${
          if part.wheel == null then
            builtScripts python folders
          else
            concatStringsSep "\n" (
              map (name: script python folders name part.wheel.scripts.${name}) (attrNames part.wheel.scripts)
            )
        }
        ${
          if part.metadata == null then
            ""
          else
            "ln -s ${part.metadata} $out/nix-support/axle/${escapeShellArg part.name}.json"
        }
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
      name = "${python.libPrefix}-${first.name}-${first.version}-${worlds.label world.target}";
      inherit audits;
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
        echo ${
          escapeShellArgs (map toString (requires ++ [ python ]))
        } > $out/nix-support/propagated-build-inputs
        rmdir --ignore-fail-on-non-empty $out/bin
      '';
      meta = licences.meta first.name // mainProgram;
      passthru = {
        pythonModule = python;
        requiredPythonModules = python.pkgs.requiredPythonModules (requires ++ [ python ]);
        axle.world = world;
        inherit (first) build;
        inherit (first.build) source;
      }
      // passthru;
    };
}
