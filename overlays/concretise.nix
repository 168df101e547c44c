/**
  Turns high-level packages and a target into one build of each package, or says why not.

  Everything was decided ahead of time, cell by cell; here is only lookup: the newest torch whose cell has
  every package asked for, each by a wheel that serves every compute capability, or by its source where a compiler is
  given.
*/
{
  pkgs,
  lib,
  system,
  versions,
  arguments,
  toolkits,
  cells,
  read,
  source,
  build,
  compile,
  cuda,
  built,
  licences,
  highLevel,
  pythonLevel,
  worlds,
}:
let
  toolkitComplaints = cuda.complaints;
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    concatStringsSep
    elem
    filter
    hashString
    head
    isAttrs
    isFunction
    isList
    listToAttrs
    map
    mapAttrs
    match
    substring
    toJSON
    ;
  inherit (lib) fix extends unique;
  inherit (arguments) interpreterOf compilerOf complaints;
  inherit (cells)
    attemptsOf
    closureOf
    cycleOf
    externalsOf
    kindOf
    memberOf
    objections
    ;

  list = concatStringsSep ", ";

  concretise =
    {
      packages,
      python,
      cuda,
      computeCapabilities ? [ ],
      compiler ? null,
      toolkit ? null,
      torch ? null,
      prefer ? "wheel",
      onlyAudited ? false,
      allow ? [ ],
      extraPackages ? (_: [ ]),
      overrides ? (_: _: { }),
    }@given:
    let
      inherit (interpreterOf python) interpreter version;
      cellFile = read.cellFile {
        inherit cuda;
        python = version;
      };
      wrong =
        complaints {
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
      chosenCompiler = compilerOf compiler;
      capabilities = versions.sort computeCapabilities;

      # --- the request -------------------------------------------------------------------------------------

      # Names are known before a cell is chosen; everything else about a high-level package only after.
      allNames = unique (
        concatMap (
          cell:
          concatMap attrNames [
            cell.packages
            cell.externals
            cell.absent
          ]
        ) (attrValues cellFile.torch)
      );
      highLevels = listToAttrs (
        map (name: {
          inherit name;
          value = highLevel {
            inherit name;
            package = memberOf cell name;
          };
        }) allNames
      );
      requested =
        let
          asked = if isFunction packages then packages highLevels else packages;
          bad = filter (value: !(isAttrs value && value ? axleHighLevel)) asked;
        in
        if !isList asked then
          throw "axle: packages must be a list of high-level packages, or a function to one: packages = hl: [ hl.torch ]"
        else if bad != [ ] then
          throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); give ${(head bad).name or "others"} by extraPackages = ps: [ … ]"
        else
          unique (map (value: value.axleHighLevel) asked);

      # --- the choice --------------------------------------------------------------------------------------

      isAsked =
        candidate:
        torch == null
        || candidate == torch
        || substring 0 (builtins.stringLength torch + 1) candidate == "${torch}.";
      candidates = filter isAsked cellFile.order;
      requestFor = candidate: {
        inherit computeCapabilities onlyAudited;
        # nixpkgs adds its own patch level: 2.42-47.
        glibc = head (match "([0-9.]+).*" pkgs.glibc.version);
        cell = cellFile.torch.${candidate};
        torch = candidate;
        names = requested;
      };
      # The newest that the release takes, to be named to who has given none.
      newestCompiler = if cuda == null then null else (toolkits.compilersOf cuda).gcc.max;
      judged =
        compiling:
        map (candidate: {
          torch = candidate;
          inherit compiling;
          objections = objections (
            requestFor candidate
            // {
              inherit compiling;
              compilerHint = if newestCompiler == null then "gcc13" else "gcc${toString newestCompiler}";
            }
          );
        }) candidates;
      attempts = attemptsOf prefer (chosenCompiler != null);
      fitting = filter (candidate: candidate.objections == [ ]) (concatMap judged attempts);
      chosen = if fitting == [ ] then throw refusal else head fitting;
      chosenTorch = chosen.torch;
      cell = cellFile.torch.${chosenTorch};
      # Of every package of the cell, whoever asks for it: what was not needed to answer this request has its place in
      # the same world.
      isCompiled = lib.genAttrs (attrNames cell.packages) (
        name: kindOf (requestFor chosenTorch) (lib.last attempts) name == "source"
      );

      refusal =
        let
          absent = filter isAsked (attrNames cellFile.absent);
          lines =
            concatMap (
              candidate: map (objection: "  torch ${candidate.torch}: ${objection}") candidate.objections
            ) (judged (lib.last attempts))
            ++ map (candidate: "  torch ${candidate}: ${cellFile.absent.${candidate}.message}") absent;
          command = concatStringsSep " " (
            [ "axle concretise --system ${system} --python ${version}" ]
            ++ [ (if cuda == null then "--cpu" else "--cuda ${cuda}") ]
            ++ map (cc: "--cc ${cc}") capabilities
            ++ lib.optional (torch != null) "--torch ${torch}"
            ++ lib.optional (chosenCompiler != null) "--${chosenCompiler.kind} ${toString chosenCompiler.major}"
            ++ lib.optional (prefer != "wheel") "--prefer ${prefer}"
            ++ lib.optional onlyAudited "--only-audited"
            ++ requested
          );
        in
        "axle: no torch fits ${list requested} for ${system}, Python ${version}, ${
          if cuda == null then "no CUDA" else "CUDA ${cuda}, compute capabilities ${list capabilities}"
        }:\n${
          if lines == [ ] then
            "  torch ${torch}: not in the catalogue, which has ${list cellFile.order}"
          else
            concatStringsSep "\n" lines
        }\nFor changes that would work ask: ${command}";

      # --- the plan ----------------------------------------------------------------------------------------

      target = {
        inherit system cuda;
        python = version;
        compute_capabilities = capabilities;
        compiler =
          if chosenCompiler == null then null else { ${chosenCompiler.kind} = chosenCompiler.major; };
      };
      id = hashString "sha256" (toJSON {
        schema = "axle.plan/1";
        inherit system cuda prefer;
        python = version;
        torch = chosenTorch;
        compute_capabilities = capabilities;
        compiler = if chosenCompiler == null then null else chosenCompiler.name;
        inherit (cell) cell;
        ${if compiled == [ ] then null else "compiled"} = compiled;
      });
      compiled = filter (name: isCompiled.${name}) (attrNames cell.packages);
      names = closureOf cell requested;
      plan = {
        schema = "axle.plan/1";
        inherit id target;
        torch = chosenTorch;
        packages = lib.genAttrs names (
          name:
          let
            package = cell.packages.${name};
          in
          {
            inherit (package) version requires;
            build =
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
                };
          }
        );
        externals = lib.genAttrs (externalsOf cell requested) (
          name:
          builtins.intersectAttrs {
            specifier = 0;
            comparisons = 0;
            fallback = 0;
          } cell.externals.${name}
        );
      };

      # --- the layers --------------------------------------------------------------------------------------

      wheelOf =
        name: version: part:
        read.wheel {
          inherit name version;
          inherit (part) filename sha256;
        };
      # The wheel that a package is taken from, or null.
      wheelOfPackage =
        name:
        if isCompiled.${name} then
          null
        else
          wheelOf name cell.packages.${name}.version cell.packages.${name}.wheel;

      # Builds by name, fallbacks of externals among them; a provider of a soname is looked up here.
      plainBuilds =
        builds:
        mapAttrs (
          name: package:
          if isCompiled.${name} then
            compiledOf builds name package
          else
            patchedOf builds name package.version (wheelOfPackage name)
        ) cell.packages
        // mapAttrs (
          name: external:
          patchedOf builds name external.fallback.version (
            wheelOf name external.fallback.version external.fallback
          )
        ) cell.externals;
      patchedOf =
        builds: name: version: wheel:
        build.build {
          inherit name version wheel;
          source = source wheel.fetch;
          providers = builds;
          meta = licences.meta name;
        };
      compiledOf =
        builds: name: package:
        let
          description = read.sdist {
            inherit name;
            inherit (package) version;
            inherit (package.source) filename;
          };
        in
        compile {
          inherit
            name
            description
            interpreter
            capabilities
            toolkit
            allow
            ;
          inherit (package) version;
          source = source description.fetch;
          links = map (link: {
            name = link;
            build = builds.${link};
            scripts =
              if cell.packages ? ${link} then
                (wheelOfPackage link).scripts or { }
              else
                (wheelOf link cell.externals.${link}.fallback.version cell.externals.${link}.fallback).scripts;
          }) (builtins.sort (a: b: a < b) package.source.links);
          compiler = chosenCompiler;
          cudaRelease = cuda;
          variant = worlds.variant world.target;
          isUnsupported =
            toolkits.objections {
              inherit cuda;
              compiler = chosenCompiler;
            } != [ ];
        };
      auditOf =
        name:
        if !isCompiled.${name} then
          null
        else
          built {
            inherit name capabilities;
            build = builds.${name};
            architectures =
              cuda != null
              &&
                (read.sdist {
                  inherit name;
                  inherit (cell.packages.${name}) version;
                  inherit (cell.packages.${name}.source) filename;
                }).architectures or null != null;
            python = interpreter;
          };
      builds = fix (extends overrides plainBuilds);
      # What `overrides` has of the cell replaces a build; all else is a Python package that is added.
      overridden = overrides builds (plainBuilds builds);
      inCell = cell.packages // cell.externals;
      added = removeAttrs overridden (attrNames inCell);

      # Where each external comes from: the catalogue's own wheels carry what they were concretised for.
      isTaken = name: !(newInterpreter.pkgs.${name} ? concretisation);
      externals = lib.genAttrs (externalsOf cell requested) (name: {
        from = if isTaken name then "package-set" else "catalogue";
        inherit (newInterpreter.pkgs.${name}) version;
      });

      world = {
        target = target // {
          torch = chosenTorch;
        };
        id = worlds.identify {
          inherit target prefer onlyAudited;
          torch = chosenTorch;
          interpreter = interpreter.outPath;
          compiler = if chosenCompiler == null then null else chosenCompiler.stdenv.cc.outPath;
          artefacts = map (
            name:
            (if isCompiled.${name} then cell.packages.${name}.source else cell.packages.${name}.wheel).sha256
          ) torchClosure;
          toolkit = if toolkit == null then null else toolkit.outPath;
          # The set's as it was: as it is now it may be built by packages that carry this world.
          externals = map (
            name:
            if isTaken name then interpreter.pkgs.${name}.outPath else cell.externals.${name}.fallback.sha256
          ) (externalsOf cell [ "torch" ]);
          overrides = mapAttrs (name: _: builds.${name}.drvPath) (builtins.intersectAttrs inCell overridden);
        };
      };
      torchClosure = builtins.sort (a: b: a < b) (closureOf cell [ "torch" ]);

      # The interpreter whose package set holds this concretisation's packages, so that every other package of
      # the set that needs one of them gets this one.
      newInterpreter = interpreter.override (old: {
        self = newInterpreter;
        packageOverrides = lib.composeExtensions (old.packageOverrides or (_: _: { })) pythonPackages;
      });

      pythonPackages =
        self: super:
        let
          # The package set builds its own tools (packaging, say) from the sources of what stands under their names.
          sourceFor = name: { src = super.${name}.src or builds.${name}.source; };

          # Packages that require each other are one derivation, under the name of each.
          members = cycleOf cell;
          derivationOf =
            name:
            let
              together = members name;
              others = filter (other: !elem other together);
            in
            pythonLevel.package {
              inherit world;
              python = newInterpreter;
              parts = map (part: {
                name = part;
                inherit (cell.packages.${part}) version;
                build = builds.${part};
                wheel = wheelOfPackage part;
                audit = auditOf part;
                inherit (highLevels.${part}) metadata;
              }) together;
              requires = unique (
                concatMap (
                  part:
                  map (other: self.${other}) (
                    others cell.packages.${part}.requires ++ cell.packages.${part}.externals
                  )
                ) together
              );
              passthru = {
                highLevel = highLevels.${name};
                concretisation = { inherit id target; };
                inherit plan;
                tests.metadata = testOf name;
              }
              // sourceFor name
              // lib.optionalAttrs (name == "torch") torchAttributes;
            };
          fallback =
            name:
            let
              external = cell.externals.${name};
            in
            pythonLevel.package {
              inherit world;
              python = newInterpreter;
              parts = [
                {
                  inherit name;
                  inherit (external.fallback) version;
                  build = builds.${name};
                  wheel = wheelOf name external.fallback.version external.fallback;
                  audit = null;
                  metadata = null;
                }
              ];
              requires = map (other: self.${other}) external.requires;
              passthru = {
                concretisation = { inherit id target; };
                inherit plan;
              }
              // sourceFor name;
            };

          # An external is the package set's where it has it for this Python and its version satisfies, else the
          # catalogue's own wheel. Old package sets refuse what they have for other Pythons by a throw.
          external =
            name: own:
            let
              # Whether it has an outPath may not be asked: the set's own tools are among the externals.
              isFor = package: !(package.disabled or false) && package.meta.available or true;
              offered = builtins.tryEval (if isFor super.${name} then super.${name}.version or "" else "");
            in
            if super ? ${name} && offered.success && versions.satisfies offered.value own.comparisons then
              super.${name}
            else
              fallback name;
        in
        mapAttrs (
          name: _: if head (members name) == name then derivationOf name else self.${head (members name)}
        ) cell.packages
        // mapAttrs external cell.externals
        # Packages of the set ask for these by whatever name nixpkgs has for them.
        // lib.genAttrs (filter (alias: cell.packages ? ${aliases.${alias}}) (attrNames aliases)) (
          alias: self.${aliases.${alias}}
        )
        // added;

      aliases = {
        torch-bin = "torch";
        pytorch = "torch";
        pytorch-bin = "torch";
        torchvision-bin = "torchvision";
        torchaudio-bin = "torchaudio";
        triton-bin = "triton";
        openai-triton = "triton";
        openai-triton-bin = "triton";
      }
      // (
        if cuda == null then
          {
            torchWithoutCuda = "torch";
            pytorchWithoutCuda = "torch";
            triton-no-cuda = "triton";
          }
        else
          {
            torchWithCuda = "torch";
            pytorchWithCuda = "torch";
            triton-cuda = "triton";
          }
      );

      # What nixpkgs' torch says of itself, and other packages read.
      torchAttributes =
        let
          set = "cudaPackages_${builtins.replaceStrings [ "." ] [ "_" ] cuda}";
          # Headers, libraries and CMake files, where C++ code looks for them.
          development = pkgs.stdenvNoCC.mkDerivation {
            pname = "torch-dev";
            inherit (cell.packages.torch) version;
            strictDeps = true;
            passAsFile = [ "buildCommand" ];
            buildCommand = ''
              mkdir $out
              for folder in include lib share; do ln -s ${builds.torch}/wheel/torch/$folder $out/; done
            '';
            meta = licences.meta "torch";
          };
        in
        {
          cudaSupport = cuda != null;
          cudaCapabilities = capabilities;
          cudaPackages =
            if cuda == null then
              { }
            else
              pkgs.${set} or (throw "axle: the package set has no ${set}, the packages of torch's CUDA");
          rocmSupport = false;
          rocmPackages = { };
          gpuTargetString = concatStringsSep ";" capabilities;
          cxxdev = development;
          dev = development;
          lib = development;
        };

      # Python finds the package at the version of the plan.
      testOf =
        name:
        pkgs.stdenvNoCC.mkDerivation {
          name = "axle-test-${name}";
          passAsFile = [ "buildCommand" ];
          buildCommand = ''
            ${
              (withPackages (ps: [ ps.${name} ])).interpreter
            } -I -c 'import importlib.metadata as m, sys; assert m.version(sys.argv[1]).split("+")[0] == sys.argv[2].split("+")[0], m.version(sys.argv[1])' \
              ${name} ${cell.packages.${name}.version}
            touch $out
          '';
        };

      # One sentence for all, before the package set refuses the first of them.
      unfree = licences.refused (
        map (name: {
          inherit name;
          inherit (cell.packages.${name}) version;
        }) names
      );

      # --- what is given back ------------------------------------------------------------------------------

      withPackages =
        choose:
        let
          chosen = choose newInterpreter.pkgs;
          env = newInterpreter.buildEnv.override {
            extraLibs = worlds.guard {
              inherit world;
              python = newInterpreter;
            } chosen;
            # Whoever puts this environment into a shell with another world's packages is stopped too.
            postBuild = ''
              mkdir -p $out/nix-support
              cp ${pkgs.writeText "axle-world-hook" (worlds.hook world)} $out/nix-support/setup-hook
            '';
          };
        in
        env
        // {
          inherit withPackages;
          inherit (newInterpreter) pkgs;
          axle.world = world;
        };

      ifAllowed = value: if unfree == [ ] then value else throw (licences.refusal unfree);

      env = {
        inherit
          plan
          id
          externals
          builds
          isCompiled
          shell
          ;
        world = world.id;
        packages = ifAllowed (lib.genAttrs names (name: newInterpreter.pkgs.${name}));
        python = ifAllowed (withPackages (ps: map (name: ps.${name}) requested ++ extraPackages ps));
        extend =
          more:
          concretise (
            given
            // {
              packages = highLevelSet: map (name: highLevelSet.${name}) requested;
              extraPackages = ps: extraPackages ps ++ more ps;
            }
          );
      };
      shell = pkgs.stdenv.mkDerivation {
        name = "axle-shell";
        nativeBuildInputs = [ env.python ];
        buildCommand = "echo ${env.python} > $out";
        passthru = { inherit plan; };
      };
    in
    if wrong != [ ] then
      throw "axle: ${concatStringsSep "; " wrong}"
    else
      toolkits.demand {
        inherit cuda allow;
        compiler = chosenCompiler;
      } (builtins.seq cell env);
in
concretise
