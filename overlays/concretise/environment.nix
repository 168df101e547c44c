/**
  The result of `concretise`: environments, shells, and their parts.
*/
{
  pkgs,
  lib,
  arguments,
  licences,
  worlds,
}:
let
  inherit (builtins) map;
in
{
  request,
  choice,
  planned,
  layer,
  packages,
  packageSet,
  world,
  cuda,
  toolkits,
  extraPackages,
  extend,
}:
let
  inherit (request) interpreter;
  inherit (packageSet) adopt;

  guard = worlds.guard {
    inherit world;
    python = interpreter;
    own = choice.cell.packages;
  };

  environment =
    drvs:
    withAttributes (
      interpreter.buildEnv.override {
        extraLibs = guard (map adopt drvs);
        # A shell with this environment and packages of another world fails too.
        postBuild = ''
          mkdir -p $out/nix-support
          cp ${pkgs.writeText "axle-world-hook" (worlds.hook world)} $out/nix-support/setup-hook
        '';
      }
    );
  withAttributes =
    env:
    env
    // {
      inherit withPackages;
      inherit (packageSet) pkgs;
      # pyproject.nix and others read it to evaluate markers.
      inherit (interpreter) version;
      axle = { inherit world; };
      # nixpkgs' own `override` would return an environment that does not carry its world.
      override =
        change:
        let
          guarded =
            old:
            let
              new = if builtins.isFunction change then change old else change;
            in
            new
            // lib.optionalAttrs (new ? extraLibs) {
              extraLibs = guard (map adopt new.extraLibs);
            };
        in
        withAttributes (env.override guarded);
    };
  withPackages = choose: environment (arguments.chosen "withPackages" choose packageSet.pkgs);

  # One message for all of them, before the package set refuses the first.
  unfree = licences.refused (
    map (name: {
      inherit name;
      inherit (choice.cell.packages.${name}) version;
    }) planned.names
  );
  ifAllowed = value: if unfree == [ ] then value else throw (licences.refusal unfree);

  # The requested compiler, else one that the toolkit supports: torch has nvcc call $CC.
  shellStdenv =
    if request.compiler != null then
      request.compiler.stdenv
    else if cuda != null && toolkits.hostCompiler != null then
      toolkits.hostCompiler.stdenv
    else
      pkgs.stdenv;
  shellWith =
    {
      packages ? [ ],
      variables,
    }:
    shellStdenv.mkDerivation (
      {
        name = "axle-shell";
        # The programs in the shell read variables from the process environment.
        __structuredAttrs = false;
        nativeBuildInputs = [ python ] ++ packages;
        buildCommand = "echo ${python} > $out";
        passthru = { inherit (planned) plan; };
      }
      // variables
    );

  python = ifAllowed (
    environment (map (name: packages.${name}) choice.names ++ extraPackages packageSet.pkgs)
  );
in
{
  inherit (planned) plan id;
  inherit (layer) builds;
  inherit (choice) isCompiled;
  inherit python extend;
  world = world.id;
  packages = ifAllowed (lib.genAttrs planned.names (name: packages.${name}));

  inherit (toolkits) toolkit;

  shell = shellWith {
    variables = lib.optionalAttrs (toolkits.atRunTime != null) { CUDA_HOME = "${toolkits.atRunTime}"; };
  };

  /*
    A development shell: compiler, ninja, and with `cuda = true` the toolkit, its nvcc on PATH. `packages` adds packages;
    all other arguments are attributes of the derivation.
  */
  devShell =
    given:
    let
      cuda = given.cuda or false;
      packages = given.packages or [ ];
    in
    if !builtins.isAttrs given then
      throw "axle: devShell takes a set, like { cuda = true; packages = [ pkgs.bash ]; }"
    else if !builtins.isBool cuda then
      throw "axle: cuda of devShell must be true or false: the release is that of the concretisation"
    else if !builtins.isList packages then
      throw "axle: packages of devShell must be a list, like [ pkgs.bash ]"
    else
      shellWith {
        packages = packages ++ [ pkgs.ninja ] ++ lib.optional cuda toolkits.toolkit;
        variables =
          lib.optionalAttrs cuda {
            CUDA_HOME = "${toolkits.toolkit}";
            CUDA_PATH = "${toolkits.toolkit}";
            CUDACXX = "${toolkits.toolkit}/bin/nvcc";
            TORCH_CUDA_ARCH_LIST = builtins.concatStringsSep ";" request.capabilities;
          }
          // removeAttrs given [
            "cuda"
            "packages"
          ];
      };
}
