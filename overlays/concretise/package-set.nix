/**
  The package set that users of a concretisation choose from: the packages of its world merged with those of the
  interpreter's own set.

  The interpreter's own packages are never changed. A package that requires nothing of the world is used as it is. For any
  other, the finished output is linked into a python-level derivation of this world. Only a package that is compiled
  against a GPU package, or refers to one, is rebuilt, without its tests.
*/
{
  lib,
  pythonLevel,
  worlds,
}:
let
  inherit (builtins)
    any
    attrNames
    filter
    isAttrs
    mapAttrs
    tryEval
    ;
  inherit (worlds) normalise;

  # nixpkgs' names for packages that have another name in the catalogue.
  aliasesOf =
    cuda:
    {
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
in
/**
  # Inputs

  `world`, `cuda`
  : Those of the concretisation.

  `interpreter`
  : The interpreter from the package set.

  `packages`
  : The packages of the world by name, including refused ones.

  `added`
  : Packages that the user adds, by name.

  # Output

  The interpreter with `pkgs`, the package set.
*/
{
  world,
  cuda,
  interpreter,
  packages,
  added,
}:
let
  plain = interpreter.pkgs;

  # The passthru attributes that other nixpkgs packages read, for the replacement of `original`, the package set's own
  # package. Packages in them are taken from this set (`inSet`), otherwise they would be present twice.
  passthruOf =
    original: inSet:
    let
      theirs = tryEval (original.passthru or { });
      ofOthers = mapAttrs (name: _: inSet.passthru.${name}) (
        builtins.intersectAttrs {
          optional-dependencies = null;
          dependencies = null;
          build-system = null;
        } theirs.value
      );
    in
    if theirs.success then
      removeAttrs theirs.value [
        "pythonModule"
        "requiredPythonModules"
        "pythonPath"
        "tests"
      ]
      // ofOthers
    else
      { };

  # A package of the world, with the attributes that nixpkgs packages read.
  withPassthru =
    super: attribute: drv:
    let
      isThere = super ? ${attribute};
      self =
        lib.optionalAttrs isThere (passthruOf plain.${attribute} super.${attribute})
        // {
          # A package of the world cannot be overridden.
          override = _: self;
          overridePythonAttrs = _: self;
        }
        // drv
        // {
          axle = drv.axle // lib.optionalAttrs isThere { replaces = plain.${attribute}; };
        };
    in
    self;

  aliases = lib.filterAttrs (_: name: packages ? ${name}) (aliasesOf cuda);

  isModule = value: isAttrs value && value ? pythonModule && isAttrs value.pythonModule;

  # The replacement for one of the interpreter's own packages, with requirements from this world.
  placed =
    attribute: inSet:
    let
      isOther = drv: isModule drv && drv != interpreter;
      required = filter isOther inSet.requiredPythonModules;
      propagated = inSet.propagatedBuildInputs or [ ];
      isOfWorld = drv: drv ? axle;
    in
    if any (drv: drv.axle.isGpu or false) (required ++ filter isModule (inSet.buildInputs or [ ])) then
      # Its tests may need any package, which may take an hour to build.
      inSet.overridePythonAttrs or (_: inSet) (_: {
        doCheck = false;
      })
    else if any isOfWorld required then
      pythonLevel.linked {
        inherit world interpreter;
        requires = filter isOther propagated;
        inputs = filter (input: !isModule input && input != interpreter) propagated;
        output = plain.${attribute};
        passthru = passthruOf plain.${attribute} inSet;
        required = filter isOfWorld required;
      }
    else
      # Its optional dependencies come from this set too.
      plain.${attribute}
      // lib.optionalAttrs (inSet ? optional-dependencies) { inherit (inSet) optional-dependencies; };

  inThisWorld =
    own: attribute: inSet:
    let
      name = normalise (inSet.pname or attribute);
    in
    if !(isAttrs inSet && inSet.type or null == "derivation") then
      inSet
    else if attribute == "python" then
      inSet
    # Hooks and the like, which are not part of an environment.
    else if !isModule inSet then
      plain.${attribute}
    # numpy_1 and protobuf5 are other versions of packages that the world has.
    else if own ? ${name} then
      own.${name}
    else
      placed attribute inSet;

  overlay =
    _: super:
    let
      inWorld = mapAttrs (withPassthru super) packages;
      own = inWorld // mapAttrs (_: name: inWorld.${name}) aliases;
    in
    mapAttrs (inThisWorld own) (removeAttrs super (attrNames own)) // own // added;

  around = interpreter.override (old: {
    self = around;
    packageOverrides = lib.composeExtensions (old.packageOverrides or (_: _: { })) overlay;
  });
in
{
  interpreter = around;
  inherit (around) pkgs;

  /**
    Turns a package that the user passes into one of this world. It may come from the package set above, from the
    interpreter's own, or from anywhere else.
  */
  adopt =
    drv:
    let
      attribute = drv.pname or "";
      of = set: set.${attribute} or set.${normalise attribute} or null;
      here = of around.pkgs;
      isSame =
        other:
        isAttrs other && (tryEval (other.outPath or null)).success && other.outPath or null == drv.outPath;
      # A user's own package may share its name with one of the set that cannot be evaluated.
      isNamesake = tryEval ((of plain).name or null == drv.name);
    in
    # If the package is of this set anyway, do not evaluate the interpreter's own: it may be a torch.
    if
      isModule drv
      && !(drv ? axle)
      && drv.pythonModule == interpreter
      && isNamesake.success
      && isNamesake.value
      && !isSame here
      && isSame (of plain)
    then
      here
    else
      drv;
}
