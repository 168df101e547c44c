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
    genericClosure
    hashString
    head
    isAttrs
    isFunction
    isList
    isString
    listToAttrs
    map
    mapAttrs
    match
    replaceStrings
    substring
    toJSON
    ;
  inherit (lib) fix extends unique;

  list = concatStringsSep ", ";

  preferences = [
    "wheel"
    "newest"
    "source"
  ];

  # An interpreter and its version from what the user gave for `python`.
  interpreterOf =
    python:
    let
      isFree = isString python && match "3\\.[0-9]+t" python != null;
      digits = replaceStrings [ "." "t" ] [ "" "" ] python;
      attribute = "python${digits}${if isFree then "FreeThreading" else ""}";
      there = filter (name: match "python3[0-9]+(FreeThreading)?" name != null) (attrNames pkgs);
    in
    if isAttrs python && python ? pythonVersion then
      {
        version = python.pythonVersion + (if match ".*t" (python.executable or "") != null then "t" else "");
        interpreter = python;
      }
    else if !isString python || match "3\\.[0-9]+t?" python == null then
      throw ''axle: python must be a version like "3.12" or an interpreter like pkgs.python312''
    else
      {
        version = python;
        interpreter =
          pkgs.${attribute}
            or (throw "axle: the package set has no ${attribute} for python = \"${python}\"; it has ${list there}");
      };

  # The compiler's name in ids, and the stdenv that it is.
  compilerOf =
    compiler:
    let
      parts = match "(gcc|clang)([0-9]+)" compiler;
      attribute = if head parts == "gcc" then "${compiler}Stdenv" else "llvmPackages_${builtins.elemAt parts 1}";
      there = filter (name: match "gcc[0-9]+Stdenv|llvmPackages_[0-9]+" name != null) (attrNames pkgs);
      found =
        pkgs.${attribute}
          or (throw "axle: the package set has no ${attribute} for compiler = \"${compiler}\"; it has ${
            if there == [ ] then "none by number: give a stdenv" else list there
          }");
    in
    if compiler == null then
      null
    else if isString compiler then
      if parts == null then
        throw ''axle: compiler must be like "gcc13" or "clang17", or a stdenv, not "${compiler}"''
      else
        {
          name = compiler;
          kind = head parts;
          major = builtins.fromJSON (builtins.elemAt parts 1);
          stdenv = if head parts == "gcc" then found else found.stdenv;
        }
    else if isAttrs compiler && compiler ? cc then
      let
        kind = if compiler.cc.isClang or false then "clang" else "gcc";
        major = head (builtins.splitVersion compiler.cc.version);
      in
      {
        inherit kind;
        name = "${kind}${major}";
        major = builtins.fromJSON major;
        stdenv = compiler;
      }
    else
      throw ''axle: compiler must be like "gcc13" or "clang17", a stdenv, or null'';

  # What is wrong with the arguments themselves, one sentence each.
  complaints =
    {
      cuda,
      computeCapabilities,
      prefer,
      known,
    }:
    let
      malformed = filter (cc: !isString cc || match "[0-9]+\\.[0-9]" cc == null) computeCapabilities;
      unknown = filter (cc: !elem cc known) computeCapabilities;
    in
    lib.optional (cuda == null && computeCapabilities != [ ])
      "computeCapabilities are for CUDA, and cuda is null: leave them out or name a CUDA version"
    ++ lib.optional (cuda != null && computeCapabilities == [ ])
      ''computeCapabilities must name at least one GPU generation, like [ "8.6" ]: see https://developer.nvidia.com/cuda-gpus for yours''
    ++ lib.optional (malformed != [ ]) ''a compute capability is written like "8.6", not ${toJSON (head malformed)}''
    ++ lib.optional (malformed == [ ] && versions.hasDuplicates computeCapabilities)
      "computeCapabilities names one twice: ${list computeCapabilities}"
    ++ lib.optional (
      malformed == [ ] && cuda != null && unknown != [ ]
    ) "no GPU has compute capability ${list unknown}; CUDA ${cuda} knows ${list known}"
    ++ lib.optional (!elem prefer preferences) ''prefer must be one of ${list preferences}, not "${toString prefer}"'';

  # The packages of a cell that the named ones require, themselves included, sorted.
  closureOf =
    cell: names:
    map (item: item.key) (genericClosure {
      startSet = map (key: { inherit key; }) (filter (name: cell.packages ? ${name}) names);
      operator = item: map (key: { inherit key; }) cell.packages.${item.key}.requires;
    });

  # The externals among the named ones, those that the named packages require, and those that these require.
  externalsOf =
    cell: names:
    map (item: item.key) (genericClosure {
      startSet = map (key: { inherit key; }) (
        unique (
          filter (name: cell.externals ? ${name}) names
          ++ concatMap (name: cell.packages.${name}.externals) (closureOf cell names)
        )
      );
      operator = item: map (key: { inherit key; }) cell.externals.${item.key}.requires;
    });

  # A package or an external of a cell, in the terms of a package.
  memberOf =
    cell: name:
    if cell.externals ? ${name} then
      {
        inherit (cell.externals.${name}.fallback) version;
        requires = [ ];
        externals = cell.externals.${name}.requires;
        wheel = builtins.removeAttrs cell.externals.${name}.fallback [ "version" ];
      }
    else
      cell.packages.${name} or (throw "axle: ${cell.absent.${name}.message or "${name} is not in this cell"}");

  # Why a cell does not serve a request: one sentence each, none when it does.
  objections =
    {
      cell,
      torch,
      names,
      computeCapabilities,
      onlyAudited,
      glibc,
    }:
    let
      absent = name: !(cell.packages ? ${name} || cell.externals ? ${name});
      missing = filter absent (unique ([ "torch" ] ++ names));
      wheelObjections =
        name:
        let
          inherit (cell.packages.${name}) version wheel;
          uncovered = filter (cc: !elem cc wheel.covers) computeCapabilities;
        in
        lib.optional (uncovered != [ ])
          "the wheel of ${name} ${version} has no code for ${list uncovered} (it covers ${
            if wheel.covers == [ ] then "nothing" else list wheel.covers
          })"
        ++ lib.optional (
          onlyAudited && wheel.provenance != "audited"
        ) "the facts about the wheel of ${name} ${version} are ${wheel.provenance}, not audited"
        ++ lib.optional (
          wheel.glibc != null && versions.compare wheel.glibc glibc > 0
        ) "the wheel of ${name} ${version} needs glibc ${wheel.glibc}, and the package set has ${glibc}";
    in
    if missing != [ ] then
      map (
        name: cell.absent.${name}.message or "${name} is not in the catalogue for torch ${torch}"
      ) missing
    else
      concatMap wheelObjections (closureOf cell names);

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
      extraPackages ? (_: [ ]),
      overrides ? (_: _: { }),
    }@arguments:
    let
      inherit (interpreterOf python) interpreter version;
      cellFile = read.cellFile {
        inherit system cuda;
        python = version;
      };
      wrong = complaints {
        inherit cuda computeCapabilities prefer;
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
            inherit (cell) cell;
            package = memberOf cell name;
          };
        }) allNames
      );
      requested =
        let
          given = if isFunction packages then packages highLevels else packages;
          bad = filter (value: !(isAttrs value && value ? axleHighLevel)) given;
        in
        if !isList given then
          throw "axle: packages must be a list of high-level packages, or a function to one: packages = hl: [ hl.torch ]"
        else if bad != [ ] then
          throw "axle: packages takes high-level packages only (packages = hl: [ hl.torch ]); give ${
            (head bad).name or "others"
          } by extraPackages = ps: [ … ]"
        else
          unique (map (value: value.axleHighLevel) given);

      # --- the choice --------------------------------------------------------------------------------------

      isAsked = candidate: torch == null || candidate == torch || substring 0 (builtins.stringLength torch + 1) candidate == "${torch}.";
      candidates = filter isAsked cellFile.order;
      judged = map (candidate: {
        torch = candidate;
        objections = objections {
          inherit computeCapabilities onlyAudited;
          glibc = pkgs.glibc.version;
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

      # An external is the package set's where its version satisfies, else the catalogue's own wheel.
      basePackages = interpreter.pkgs;
      isTaken =
        name:
        basePackages ? ${name} && versions.satisfies (basePackages.${name}.version or "") cell.externals.${name}.comparisons;
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
          members = name: cell.packages.${name}.component or [ name ];
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
              required = newInterpreter.pkgs.requiredPythonModules chosen;
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
            arguments
            // {
              packages = highLevelSet: map (name: highLevelSet.${name}) requested;
              extraPackages = ps: extraPackages ps ++ more ps;
            }
          );
      };
      shell = pkgs.mkShell { packages = [ env.python ]; };
    in
    if wrong != [ ] then throw "axle: ${concatStringsSep "; " wrong}" else builtins.seq cell env;
in
concretise
