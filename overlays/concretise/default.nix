/**
  Resolves high-level packages and a target to one build of each package, or reports why there is none.

  Rust decided everything ahead of time, cell by cell; this is only a lookup. It takes the newest torch whose cell has
  every requested package: as a wheel that covers every compute capability, or as a source if a compiler is given.

  There is one file per step: request, choice, plan, builds, packages, package-set, environment.
*/
{
  pkgs,
  lib,
  system,
  versions,
  arguments,
  toolkits,
  cells,
  blockers,
  read,
  source,
  build,
  compile,
  cuda,
  audited,
  licences,
  highLevel,
  pythonLevel,
  worlds,
}:
let
  inherit (builtins)
    head
    map
    mapAttrs
    match
    seq
    concatStringsSep
    ;

  understand = import ./request.nix {
    inherit
      lib
      arguments
      toolkits
      cells
      cuda
      read
      highLevel
      versions
      ;
  };
  choose = import ./choice.nix {
    inherit
      lib
      system
      cells
      blockers
      toolkits
      ;
    # nixpkgs appends its own patch level: 2.42-47.
    glibc = head (match "([0-9.]+).*" pkgs.glibc.version);
  };
  planOf = import ./plan.nix { inherit lib system cells; };
  layerOf = import ./builds.nix {
    inherit
      lib
      read
      source
      build
      compile
      audited
      licences
      toolkits
      worlds
      ;
  };
  packagesOf = import ./packages.nix {
    inherit
      pkgs
      lib
      cells
      blockers
      pythonLevel
      worlds
      ;
  };
  packageSetOf = import ./package-set.nix { inherit lib pythonLevel worlds; };
  gpuTests = import ../gpu-tests { inherit pkgs; };
  environmentOf = import ./environment.nix {
    inherit
      pkgs
      lib
      arguments
      licences
      worlds
      ;
  };

  toolkitsOf = given: {
    toolkit = cuda.everything given;
    atRunTime = cuda.atRunTime given;
    hostCompiler = cuda.hostCompiler given.cuda;
  };

  # The arguments of a request, without those that only concern the environment made from the answer.
  ofRequest =
    given:
    removeAttrs given [
      "extraPackages"
      "overrides"
    ];

  # Accepts known arguments only; an unknown one is refused with a suggestion.
  known =
    called: given:
    arguments.known {
      inherit called;
      arguments = builtins.functionArgs ask // {
        extraPackages = true;
        overrides = true;
      };
      example = ''{ packages = hl: [ hl.torch ]; python = "3.13"; cuda = "12.8"; computeCapabilities = [ "8.6" ]; }'';
    } given;

  # The steps that build nothing.
  ask =
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
      publishers ? null,
      allow ? [ ],
    }:
    let
      request = understand {
        inherit
          packages
          python
          cuda
          computeCapabilities
          compiler
          toolkit
          torch
          prefer
          onlyAudited
          publishers
          allow
          ;
        inherit (choice) cell;
      };
      choice = choose {
        inherit
          request
          cuda
          torch
          prefer
          onlyAudited
          publishers
          ;
      };
      planned = planOf {
        inherit
          request
          choice
          cuda
          prefer
          ;
      };
    in
    # An invalid request, or a compiler that CUDA does not support, is an error and not an answer.
    if request.complaints != [ ] then
      throw "axle: ${concatStringsSep "; " request.complaints}"
    else
      toolkits.demand {
        inherit cuda allow;
        inherit (request) compiler;
      } { inherit request choice planned; };

  /**
    The answer to a request as data: `id` and `plan`, or `refusal`, the blockers by torch (lib/blockers.nix). It takes the
    arguments of `concretise`.
  */
  answer =
    given:
    let
      inherit (ask (ofRequest (known "answer" given))) choice planned;
    in
    if choice.fits then { inherit (planned) id plan; } else { inherit (choice) refusal; };

  concretise = given: concretiseKnown (known "concretise" given);
  concretiseKnown =
    {
      cuda,
      toolkit ? null,
      prefer ? "wheel",
      onlyAudited ? false,
      publishers ? null,
      allow ? [ ],
      extraPackages ? (_: [ ]),
      overrides ? (_: _: { }),
      ...
    }@given:
    let
      inherit (ask (ofRequest given)) request choice planned;
      layer = layerOf {
        inherit
          request
          choice
          cuda
          toolkit
          allow
          ;
        overrides = arguments.overridden overrides;
      };

      # The CUDA toolkit of this world, and the part of it that an environment refers to.
      ofWorld = toolkitsOf {
        inherit cuda toolkit allow;
        linked = lib.filterAttrs (name: _: licences.isNvidia name) (
          lib.getAttrs (cells.closureOf choice.cell [ "torch" ]) layer.builds
        );
      };

      world = {
        target = planned.target // {
          inherit (choice) torch;
        };
        # Everything that distinguishes two worlds. Adding a package to a cell does not change it.
        id = worlds.identify {
          inherit (planned) target;
          inherit prefer onlyAudited publishers;
          inherit (choice) torch;
          interpreter = request.interpreter.outPath;
          compiler = if request.compiler == null then null else request.compiler.stdenv.cc.outPath;
          artefacts = map (
            name:
            let
              package = choice.cell.packages.${name};
            in
            (if choice.isCompiled.${name} then package.source else package.wheel).sha256
          ) (builtins.sort (a: b: a < b) (cells.closureOf choice.cell [ "torch" ]));
          toolkit = if ofWorld.atRunTime == null then null else ofWorld.atRunTime.outPath;
          overrides = mapAttrs (name: _: layer.builds.${name}.drvPath) layer.changed;
        };
      };
      made = packagesOf {
        inherit
          request
          choice
          planned
          layer
          world
          cuda
          ;
        toolkit = ofWorld.atRunTime;
        passthru = name: {
          tests = {
            metadata = versionTest name;
          }
          // lib.optionalAttrs (cuda != null && builtins.elem name gpuTests.names) {
            gpu = gpuTests.testOf {
              inherit name;
              inherit (made) packages;
              pythonWith = drvs: environment.python.withPackages (_: drvs);
            };
          };
        };
      };
      packageSet = packageSetOf {
        inherit world cuda;
        inherit (request) interpreter;
        packages = made.absent // made.packages;
        inherit (layer) added;
      };
      environment = environmentOf {
        inherit
          request
          choice
          planned
          layer
          packageSet
          world
          cuda
          ;
        extraPackages = arguments.chosen "extraPackages" extraPackages;
        toolkits = ofWorld;
        inherit (made) packages;
        extend =
          more:
          concretise (
            given
            // {
              packages =
                highLevels: map (name: highLevels.${name}.withExtras (request.extras.${name} or [ ])) request.names;
              extraPackages = ps: extraPackages ps ++ arguments.chosen "extend" more ps;
            }
          );
      };

      # Python finds the package in the version of the plan.
      versionTest =
        name:
        pkgs.stdenvNoCC.mkDerivation {
          name = "axle-test-${name}";
          passAsFile = [ "buildCommand" ];
          buildCommand = ''
            ${
              (environment.python.withPackages (_: [ made.packages.${name} ])).interpreter
            } -I -c ${lib.escapeShellArg "import importlib.metadata as m, sys; assert m.version(sys.argv[1]).split('+')[0] == sys.argv[2].split('+')[0], m.version(sys.argv[1])"} \
              ${lib.escapeShellArgs [
                name
                choice.cell.packages.${name}.version
              ]}
            touch $out
          '';
        };
    in
    seq choice.cell environment;
in
{
  inherit answer concretise;
}
