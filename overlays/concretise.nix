/**
  Turns high-level packages and a target into one build of each package, or says why not.

  Everything was decided ahead of time, cell by cell; here is only lookup: the newest torch whose cell has
  every package asked for, with wheels that serve every compute capability.
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
  highLevel,
  pythonLevel,
  worlds,
}:
let
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
    closureOf
    cycleOf
    externalsOf
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
      wrong = complaints {
        inherit
          cuda
          computeCapabilities
          torch
          prefer
          allow
          ;
        known = cellFile.capabilities;
      };
      chosenCompiler = compilerOf compiler;
      capabilities = versions.sort computeCapabilities;

      # --- the request -------------------------------------------------------------------------------------

      # Names are known before a cell is chosen; everything else about a high-level package only after.
      allNames = unique (
        concatMap (cell: concatMap attrNames [ cell.packages cell.externals cell.absent ]) (
          attrValues cellFile.torch
        )
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
          throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); give ${
            (head bad).name or "others"
          } by extraPackages = ps: [ … ]"
        else
          unique (map (value: value.axleHighLevel) asked);

      # --- the choice --------------------------------------------------------------------------------------

      isAsked = candidate: torch == null || candidate == torch || substring 0 (builtins.stringLength torch + 1) candidate == "${torch}.";
      candidates = filter isAsked cellFile.order;
      judged = map (candidate: {
        torch = candidate;
        objections = objections {
          inherit computeCapabilities onlyAudited;
          # nixpkgs adds its own patch level: 2.42-47.
          glibc = head (match "([0-9.]+).*" pkgs.glibc.version);
          cell = cellFile.torch.${candidate};
          torch = candidate;
          names = requested;
        };
      }) candidates;
      fitting = filter (candidate: candidate.objections == [ ]) judged;
      chosenTorch = if fitting == [ ] then throw refusal else (head fitting).torch;
      cell = cellFile.torch.${chosenTorch};

      refusal =
        let
          absent = filter isAsked (attrNames cellFile.absent);
          lines =
            concatMap (
              candidate: map (objection: "  torch ${candidate.torch}: ${objection}") candidate.objections
            ) judged
            ++ map (candidate: "  torch ${candidate}: ${cellFile.absent.${candidate}.message}") absent;
          command = concatStringsSep " " (
            [ "axle concretise --system ${system} --python ${version}" ]
            ++ [ (if cuda == null then "--cpu" else "--cuda ${cuda}") ]
            ++ map (cc: "--cc ${cc}") capabilities
            ++ lib.optional (torch != null) "--torch ${torch}"
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
        compiler = if chosenCompiler == null then null else { ${chosenCompiler.kind} = chosenCompiler.major; };
      };
      id = hashString "sha256" (toJSON {
        schema = "axle.plan/1";
        inherit system cuda prefer;
        python = version;
        torch = chosenTorch;
        compute_capabilities = capabilities;
        compiler = if chosenCompiler == null then null else chosenCompiler.name;
        inherit (cell) cell;
      });
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
            build = {
              kind = "wheel";
              inherit (package.wheel) filename sha256;
            };
          }
        );
        externals = lib.genAttrs (externalsOf cell requested) (
          name: builtins.intersectAttrs { specifier = 0; comparisons = 0; fallback = 0; } cell.externals.${name}
        );
      };

      # --- the layers --------------------------------------------------------------------------------------

      wheelOf =
        name: version: filename:
        read.wheel { inherit name version filename; };

      # Builds by name, fallbacks of externals among them; a provider of a soname is looked up here.
      plainBuilds =
        builds:
        mapAttrs (
          name: package:
          buildOf builds name package.version (wheelOf name package.version package.wheel.filename)
        ) cell.packages
        // mapAttrs (
          name: external:
          buildOf builds name external.fallback.version (
            wheelOf name external.fallback.version external.fallback.filename
          )
        ) cell.externals;
      buildOf =
        builds: name: version: wheel:
        build.build {
          inherit name version wheel;
          source = source wheel.fetch;
          providers = builds;
        };
      builds = fix (extends overrides plainBuilds);

      # An external is the package set's where it has it for this Python and its version satisfies, else the
      # catalogue's own wheel. A package set refuses what it has for other Pythons only by a throw.
      basePackages = interpreter.pkgs;
      isTaken =
        name:
        let
          offered = builtins.tryEval (
            builtins.seq (basePackages.${name}.outPath or null) (basePackages.${name}.version or "")
          );
        in
        basePackages ? ${name} && offered.success && versions.satisfies offered.value cell.externals.${name}.comparisons;
      externals = lib.genAttrs (externalsOf cell requested) (
        name:
        if isTaken name then
          {
            from = "package-set";
            inherit (basePackages.${name}) version;
          }
        else
          {
            from = "catalogue";
            inherit (cell.externals.${name}.fallback) version;
          }
      );

      world = {
        target = target // {
          torch = chosenTorch;
        };
        id = worlds.identify {
          inherit target prefer onlyAudited;
          torch = chosenTorch;
          interpreter = interpreter.outPath;
          compiler = if chosenCompiler == null then null else chosenCompiler.stdenv.cc.outPath;
          wheels = map (name: cell.packages.${name}.wheel.sha256) torchClosure;
          externals = map (
            name: if isTaken name then basePackages.${name}.outPath else cell.externals.${name}.fallback.sha256
          ) (externalsOf cell [ "torch" ]);
          overrides = mapAttrs (name: _: builds.${name}.drvPath) (overrides builds (plainBuilds builds));
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
        self: _super:
        let
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
                wheel = wheelOf part cell.packages.${part}.version cell.packages.${part}.wheel.filename;
                inherit (highLevels.${part}) metadata;
              }) together;
              requires = unique (
                concatMap (
                  part:
                  map (other: self.${other}) (others cell.packages.${part}.requires ++ cell.packages.${part}.externals)
                ) together
              );
              passthru = {
                highLevel = highLevels.${name};
                concretisation = { inherit id target; };
              };
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
                  wheel = wheelOf name external.fallback.version external.fallback.filename;
                  metadata = null;
                }
              ];
              requires = map (other: self.${other}) external.requires;
              passthru.concretisation = { inherit id target; };
            };
        in
        mapAttrs (
          name: _:
          if head (members name) == name then derivationOf name else self.${head (members name)}
        ) cell.packages
        // lib.genAttrs (filter (name: !isTaken name) (attrNames cell.externals)) fallback;

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

      env = {
        inherit
          plan
          id
          externals
          shell
          ;
        world = world.id;
        packages = lib.genAttrs names (name: newInterpreter.pkgs.${name});
        python = withPackages (ps: map (name: ps.${name}) requested ++ extraPackages ps);
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
