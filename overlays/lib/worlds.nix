/**
  Worlds: packages of two concretisations must not be mixed.

  Every python-level derivation carries its world three times: as the attribute `axle` for evaluation, as a setup hook for
  builds and shells, and as a file at a fixed path, where an environment of links finds two different contents.
*/
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    filter
    foldl'
    hashString
    map
    toJSON
    replaceStrings
    ;

  describe =
    target:
    "Python ${target.python}, ${
      if target.cuda == null then "no CUDA" else "CUDA ${target.cuda}"
    }, torch ${target.torch}"
    + (
      if target.compute_capabilities == [ ] then
        ""
      else
        ", compute capabilities ${concatStringsSep " " target.compute_capabilities}"
    );
in
rec {
  inherit describe;

  /**
    A package's normalised name (PEP 503).

    # Examples

    ```nix
    normalise "Jinja2"
    => "jinja2"
    ```
  */
  normalise = name: replaceStrings [ "_" "." ] [ "-" "-" ] (lib.toLower name);

  /**
    The versions of torch and CUDA for a store name.

    # Examples

    ```nix
    variant { torch = "2.9.1"; cuda = "12.8"; }
    => "torch2.9-cu128"
    ```
  */
  variant =
    { torch, cuda, ... }:
    "torch${lib.versions.majorMinor torch}-${
      if cuda == null then "cpu" else "cu${replaceStrings [ "." ] [ "" ] cuda}"
    }";

  /**
    The same with the compute capabilities, which also distinguish two worlds.

    # Examples

    ```nix
    label { torch = "2.9.1"; cuda = "12.8"; compute_capabilities = [ "8.6" "9.0" ]; }
    => "torch2.9-cu128-cc8.6-9.0"
    ```
  */
  label =
    target:
    variant target
    + (
      if target.compute_capabilities == [ ] then
        ""
      else
        "-cc${concatStringsSep "-" target.compute_capabilities}"
    );

  /**
    The difference between two targets, as a clause: `cuda: 12.8 here, 13.0 there`.
  */
  difference =
    ours: theirs:
    let
      show =
        value:
        if value == null || value == [ ] then
          "none"
        else if builtins.isList value then
          concatStringsSep " " value
        else if builtins.isAttrs value then
          concatStringsSep " " (map (kind: "${kind}${toString value.${kind}}") (attrNames value))
        else
          toString value;
      fields = filter (field: ours.${field} or null != theirs.${field} or null) (
        attrNames (ours // theirs)
      );
    in
    if fields == [ ] then
      "their package sets, overrides or preferences differ"
    else
      concatStringsSep "; " (
        map (
          field:
          "${
            replaceStrings [ "_" ] [ " " ] field
          }: ${show (ours.${field} or null)} here, ${show (theirs.${field} or null)} there"
        ) fields
      );

  /**
    The identity of a world: the hash of everything that distinguishes two worlds.
  */
  identify = facts: hashString "sha256" (toJSON facts);

  /**
    The message about two worlds that are mixed.
  */
  conflict =
    ours: theirs:
    "axle: packages of two concretisations are mixed (${difference ours theirs}): one for ${describe ours}, one for ${describe theirs}; use one call of `concretise` for all of them";

  /**
    The setup hook of a world: stops a build or a shell that has seen another one.
  */
  hook =
    world:
    let
      target = lib.escapeShellArg (describe world.target);
    in
    ''
      if [[ -n "''${axleWorld-}" && "$axleWorld" != ${world.id} ]]; then
        printf 'axle: packages of two concretisations are mixed: one for %s, one for %s; use one call of `concretise` for all of them\n' "$axleTarget" ${target} >&2
        exit 1
      fi
      axleWorld=${world.id}
      axleTarget=${target}
    '';

  /**
    Returns the packages of an environment if all of them belong to the interpreter, all of their requirements belong to
    one world, and no package is present twice; throws otherwise.

    # Inputs

    `world`
    : The world that they must belong to.

    `python`
    : The interpreter of the environment.

    `own`
    : The packages of the world, by name.

    `packages`
    : The packages to check and return.
  */
  guard =
    {
      world,
      python,
      own,
    }:
    packages:
    let
      # An environment would silently leave these out.
      foreign = filter (drv: drv.pythonModule or null != python) packages;
      nameOf = drv: if builtins.isFunction drv then "a function" else drv.name or (toJSON drv);
      sentence =
        drv:
        let
          theirs = drv.pythonModule.pythonVersion or null;
        in
        if theirs == null then
          "${nameOf drv} is not a Python package, and an environment would leave it out: take packages from what `withPackages` offers, like ps: [ ps.requests ]"
        else if theirs != python.pythonVersion then
          "${nameOf drv} is a package of Python ${theirs}, not of ${python.pythonVersion}, and an environment would leave it out: take packages from what `withPackages` offers, like ps: [ ps.requests ]"
        else
          "${nameOf drv} comes from another package set (two nixpkgs, or an interpreter that was overridden): let one input follow the other, as with inputs.axle.inputs.nixpkgs.follows = \"nixpkgs\", or take it from what `withPackages` offers";
      required = python.pkgs.requiredPythonModules packages;
      strangers = filter (drv: (drv.axle.world or world).id != world.id) required;
      stranger = builtins.head strangers;
      # The given packages that require it, if it is not one of them itself.
      holdersOf =
        one:
        let
          brings =
            drv:
            drv.outPath != one.outPath
            && elem one.outPath (map (other: other.outPath) (python.pkgs.requiredPythonModules [ drv ]));
        in
        if elem one.outPath (map (drv: drv.outPath) packages) then
          [ ]
        else
          map (drv: drv.name) (filter brings packages);
      broughtBy =
        one:
        let
          holders = holdersOf one;
        in
        if holders == [ ] then "" else " (required by ${concatStringsSep ", " holders})";
      named = filter (drv: drv ? pname && drv ? pythonModule) required;
      # A package that this world has, from elsewhere.
      isImpostor = drv: !(drv ? axle) && own ? ${normalise drv.pname};
      impostors = filter isImpostor named;
      impostor = builtins.head impostors;
      byName = foldl' (
        seen: drv:
        let
          name = normalise drv.pname;
          others = filter (other: other != drv.outPath) (seen.${name} or [ ]);
        in
        seen // { ${name} = others ++ [ drv.outPath ]; }
      ) { } named;
      twice = filter (name: builtins.length byName.${name} > 1) (attrNames byName);
    in
    if foreign != [ ] then
      throw "axle: ${concatStringsSep "; " (map sentence foreign)}"
    else if strangers != [ ] then
      throw "${conflict world.target stranger.axle.world.target}; the other one has ${stranger.name}${broughtBy stranger}"
    else if impostors != [ ] then
      throw "axle: ${impostor.name} is the package set's, and this concretisation has a ${normalise impostor.pname} of its own${broughtBy impostor}: take packages from what `withPackages` offers, like ps: [ ps.${normalise impostor.pname} ]"
    else if twice != [ ] then
      throw "axle: ${
        concatStringsSep "; " (
          map (name: "${name} would be present twice: ${concatStringsSep " and " byName.${name}}") twice
        )
      }; take each package from one set, that of `env.python.pkgs`"
    else
      packages;
}
