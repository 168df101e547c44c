/**
  The python-level layer: one package of one concretisation, ready to be imported.

  It links a build into site-packages, writes console scripts and compiles nothing. Bytecode comes from a separate
  derivation, which depends only on the build and the interpreter.
*/
{
  pkgs,
  worlds,
  licences,
}:
let
  inherit (builtins)
    attrNames
    elem
    filter
    head
    length
    listToAttrs
    map
    toJSON
    tryEval
    unsafeDiscardStringContext
    ;

  preludes = import ./preludes.nix { inherit pkgs; };

  # Everything that a wheel installs into site-packages is in its root or in these two directories of its data.
  roots = "$build/wheel $build/wheel/*.data/purelib $build/wheel/*.data/platlib";

  /**
    Bytecode of a build for one interpreter. It is never checked against the sources, which never change in the store.
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
      __structuredAttrs = false;
      strictDeps = true;
      passAsFile = [ "buildCommand" ];
      buildCommand = ''
        mkdir -p $out
        for root in ${roots}; do
          if ! [ -d "$root" ]; then continue; fi
          mkdir sources
          cp -rs --no-preserve=mode "$root/." sources/
          # Files that are not Python of this version, like templates, do not keep the others from being compiled.
          ${python.interpreter} -I -m compileall -q -j 0 --invalidation-mode unchecked-hash \
            -s "$PWD/sources" -p / sources > /dev/null || true
          (cd sources && find . -name '*.pyc' -type f -exec cp --parents -t $out {} +)
          chmod -R u+w sources
          rm -rf sources
        done
      '';
    };

  # The headers and libraries of torch in site-packages, and their paths in nixpkgs' torch.
  development.torch = {
    "torch/include" = "include";
    "torch/share/*" = "share/";
    "torch/lib/lib*" = "lib/";
  };

  derivation =
    {
      pname,
      version,
      python,
      world,
      isGpu ? false,
      requires,
      inputs ? [ ],
      spec,
      audits ? [ ],
      replaces ? null,
      meta,
      passthru,
    }:
    let
      required = python.pkgs.requiredPythonModules requires;
      propagated = requires ++ inputs ++ [ python ];
    in
    pkgs.stdenvNoCC.mkDerivation {
      inherit pname version audits;
      name = "${python.libPrefix}-${pname}-${version}-${worlds.label world.target}";
      __structuredAttrs = false;
      strictDeps = true;
      propagatedBuildInputs = propagated;
      passAsFile = [
        "buildCommand"
        "spec"
      ];
      spec = toJSON (
        {
          site = python.sitePackages;
          inherit (python) interpreter;
          folders = [
            "${placeholder "out"}/${python.sitePackages}"
          ]
          ++ map (drv: "${drv}/${python.sitePackages}") (filter (drv: drv != python) required);
          world = { inherit (world) id target; };
          hook = worlds.hook world;
          propagated = map toString propagated;
          metadata = { };
          replaced = { };
          versions = { };
          development = { };
        }
        // spec
      );
      buildCommand = ''
        ${python.interpreter} -I ${../builders/link.py} "$specPath"
      '';
      inherit meta;
      passthru = passthru // {
        pythonModule = python;
        requiredPythonModules = python.pkgs.requiredPythonModules (requires ++ [ python ]);
        axle = {
          inherit world isGpu;
          ${if replaces == null then null else "replaces"} = replaces;
        };
      };
    };
in
{
  inherit bytecode;

  /**
    The python-level derivation of a package.

    # Inputs

    `parts`
    : The packages in it: one, or all packages of a requirement cycle. Each has `name`, `version`, `build`, `wheel` (its
      entry in the catalogue's builds; null if it is compiled), `audit` (the audit that a compiled package must pass,
      else null) and `metadata`.

    `requires`
    : The python-level derivations that it requires.

    `python`
    : The interpreter.

    `world`
    : `id` and `target` of its world.

    `isGpu`
    : Whether packages that are compiled against it, or refer to it, are rebuilt.

    `toolkit`
    : The CUDA toolkit that it compiles with at run time, or null.

    `passthru`
    : Further attributes of the derivation.
  */
  package =
    {
      parts,
      requires,
      python,
      world,
      isGpu,
      toolkit,
      passthru,
    }:
    let
      first = head parts;
      changes = preludes { inherit toolkit; };
      scripts = if first.wheel == null then [ ] else attrNames first.wheel.scripts;
      mainProgram =
        if elem first.name scripts then
          { mainProgram = first.name; }
        else if length scripts == 1 then
          { mainProgram = head scripts; }
        else
          { };
    in
    derivation {
      pname = first.name;
      inherit (first) version;
      inherit
        python
        world
        isGpu
        requires
        ;
      audits = filter (audit: audit != null) (map (part: part.audit) parts);
      spec = {
        parts = map (part: {
          inherit (part) name;
          build = "${part.build}";
          bytecode = "${bytecode {
            inherit (part) name version build;
            inherit python;
          }}";
          omit = if part.wheel == null then [ ] else part.wheel.omit;
          preludes = changes.${part.name} or [ ];
        }) parts;
        metadata = listToAttrs (
          map (part: {
            inherit (part) name;
            value = "${part.metadata}";
          }) parts
        );
        development = development.${first.name} or { };
      };
      meta = licences.meta first.name // mainProgram;
      passthru = {
        inherit (first) build;
        inherit (first.build) source;
      }
      // passthru;
    };

  /**
    The python-level derivation of a package of the package set: its finished output, linked as if it had been built with
    the packages of this world.

    # Inputs

    `output`
    : The package from the package set.

    `requires`
    : The packages of this world that it requires.

    `required`
    : All packages of this world that it requires, directly or transitively.

    `inputs`
    : Its other propagated inputs.

    `passthru`
    : Further attributes of the derivation.
  */
  linked =
    {
      world,
      interpreter,
      output,
      inputs,
      requires,
      required,
      passthru,
    }:
    let
      # The store path of the replaced package, which programs may contain, and its replacement. A path that the output
      # does not refer to needs none.
      pathOf =
        drv:
        let
          path = tryEval (unsafeDiscardStringContext "${drv.axle.replaces}");
        in
        if path.success then
          [
            {
              name = path.value;
              value = "${drv}";
            }
          ]
        else
          [ ];
      standIns = filter (drv: drv.axle ? replaces) required;
    in
    derivation {
      pname = output.pname or (builtins.parseDrvName output.name).name;
      version = output.version or (builtins.parseDrvName output.name).version;
      python = interpreter;
      inherit world requires inputs;
      replaces = output;
      spec = {
        parts = [
          {
            inherit (output) name;
            output = "${output}";
          }
        ];
        replaced = listToAttrs (builtins.concatMap pathOf standIns);
        versions = listToAttrs (
          map (drv: {
            name = worlds.normalise drv.pname;
            value = drv.version;
          }) required
        );
        packaging = "${interpreter.pkgs.packaging}/${interpreter.sitePackages}";
      };
      meta = output.meta or { };
      passthru = passthru // {
        build = output;
        source = output.src or null;
      };
    };
}
