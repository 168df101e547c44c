/**
  The python-level packages of a concretisation, by name: those of its cell. A package that does not fit the request is
  refused when it is used, whoever requires it.
*/
{
  pkgs,
  lib,
  cells,
  blockers,
  pythonLevel,
  worlds,
}:
let
  inherit (builtins)
    concatMap
    concatStringsSep
    elem
    filter
    head
    map
    mapAttrs
    replaceStrings
    ;
  inherit (lib) unique;
in
/**
  # Output

  `packages` by name, and `absent`: the packages of the catalogue that the cell lacks, whose paths throw a message.
*/
{
  request,
  choice,
  planned,
  layer,
  world,
  cuda,
  toolkit,
  passthru,
}:
let
  inherit (request) interpreter highLevels;
  inherit (choice) blockersOf cell torch;
  inherit (planned) id target plan;

  # A package that throws the reason of its refusal when it is built or linked. Its other attributes can be evaluated,
  # because the requirements of every package of the package set are searched for it.
  refused =
    drv: sentence:
    let
      self = drv // {
        type = "derivation";
        outPath = throw sentence;
        drvPath = throw sentence;
        out = self;
        outputName = "out";
      };
    in
    self;

  sentenceOf =
    name: found:
    "axle: ${name} is not available with torch ${torch} for ${system}, Python ${request.python}, ${
      if cuda == null then "no CUDA" else "CUDA ${cuda}"
    }: ${concatStringsSep "; " (map blockers.show found)}; run `axle concretise${
      if cuda == null then " --cpu" else " --cuda ${cuda}"
    } --python ${request.python}${
      concatStringsSep "" (map (cc: " --cc ${cc}") request.capabilities)
    } ${name}` for changes that work";
  system = pkgs.stdenv.hostPlatform.system;

  # The attributes of a package that has no derivation.
  stub = name: {
    pname = name;
    name = "${interpreter.libPrefix}-${name}-${worlds.label world.target}";
    pythonModule = interpreter;
    requiredPythonModules = [ interpreter ];
    propagatedBuildInputs = [ ];
    passthru = { };
    meta = { };
    axle = {
      inherit world;
      isGpu = true;
    };
  };
  # A package with only a source has no derivation without a compiler; the refusal asks for one.
  isMade = name: choice.isCompiled.${name} || cell.packages.${name}.wheel != null;

  judged =
    name: drv:
    let
      found = blockersOf name;
    in
    if found == [ ] then
      drv
    else
      refused (if isMade name then drv else stub name) (sentenceOf name found);

  # Packages that require each other share one derivation, under each of their names.
  members = cells.cycleOf cell;
  derivationOf =
    name:
    let
      together = members name;
      requires = unique (
        filter (other: !elem other together) (concatMap (part: cell.packages.${part}.requires) together)
      );
    in
    pythonLevel.package {
      inherit world;
      python = interpreter;
      isGpu = builtins.any (part: isGpu part) together;
      inherit toolkit;
      parts = map (part: {
        name = part;
        inherit (cell.packages.${part}) version;
        build = layer.builds.${part};
        wheel = layer.wheelOf part;
        audit = layer.auditOf part;
        inherit (highLevels.${part}) metadata;
      }) together;
      requires = map (other: packages.${other}) requires;
      passthru = {
        highLevel = highLevels.${name};
        concretisation = { inherit id target; };
        inherit plan;
        # The package set builds its own tools, such as packaging, from the `src` of the packages of these names.
        src = layer.builds.${name}.source;
      }
      // passthru name
      // lib.optionalAttrs (name == "torch") torchAttributes;
    };
  isGpu = name: cell.packages.${name}.gpu or false;

  packages = mapAttrs (
    name: _:
    judged name (
      if head (members name) == name then derivationOf name else packages.${head (members name)}
    )
  ) cell.packages;

  # Attributes of nixpkgs' torch that other packages read. Headers, libraries and CMake files are in the usual places of
  # the output, so `dev` is the package itself: a `dev` without the Python modules would hide them from every package
  # that has torch among its inputs.
  torchAttributes =
    let
      set = "cudaPackages_${replaceStrings [ "." ] [ "_" ] cuda}";
    in
    {
      inherit (pkgs) stdenv;
      cudaSupport = cuda != null;
      cudaCapabilities = request.capabilities;
      cudaPackages =
        if cuda == null then
          { }
        else
          pkgs.${set} or (throw "axle: the package set has no ${set}, the packages of torch's CUDA");
      rocmSupport = false;
      rocmPackages = { };
      gpuTargetString = concatStringsSep ";" request.capabilities;
      cxxdev = packages.torch;
      dev = packages.torch;
      lib = packages.torch;
    };
in
{
  inherit packages;

  absent = mapAttrs (
    name: absence: refused (stub name) (sentenceOf name [ (blockers.absent name absence) ])
  ) cell.absent;
}
