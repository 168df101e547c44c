/**
  Parses and validates the arguments of `concretise`.
*/
{
  pkgs,
  lib,
  versions,
}:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatStringsSep
    elem
    filter
    fromJSON
    head
    isAttrs
    isList
    isString
    map
    match
    replaceStrings
    toJSON
    tryEval
    ;

  list = concatStringsSep ", ";
  isFunction = value: builtins.isFunction value || isAttrs value && value ? __functor;

  preferences = [
    "wheel"
    "newest"
    "source"
  ];
  # A package set often keeps an attribute that it has removed, with a `throw` as its value.
  isThere = name: pkgs ? ${name} && (tryEval pkgs.${name}).success;
  thereLike = pattern: filter (name: match pattern name != null && isThere name) (attrNames pkgs);
  interpreterAttribute =
    version:
    let
      isFree = match ".*t" version != null;
    in
    "python${replaceStrings [ "." "t" ] [ "" "" ] version}${if isFree then "FreeThreading" else ""}";
in
rec {
  inherit isThere thereLike;

  /**
    Whether the package set has an interpreter of a version like `"3.12"`.
  */
  hasPython = version: isThere (interpreterAttribute version);

  /**
    A hint for a misspelt name: `: did you mean torch?`, or nothing.
  */
  didYouMean =
    name: known:
    let
      near = filter (lib.strings.levenshteinAtMost 2 name) known;
    in
    if near == [ ] then "" else ": did you mean ${list near}?";

  /**
    The argument of a function, if it is a set with all required attributes and no unknown one.

    # Inputs

    `called`
    : Its name.

    `arguments`
    : Its arguments, as `functionArgs` returns them: true for optional ones.

    `example`
    : An example of a call.
  */
  known =
    {
      called,
      arguments,
      example,
    }:
    given:
    let
      names = attrNames arguments;
      unknown = filter (name: !arguments ? ${name}) (attrNames given);
      missing = filter (name: !arguments.${name} && !given ? ${name}) names;
    in
    if !isAttrs given then
      throw "axle: ${called} takes a set, like ${example}"
    else if unknown != [ ] then
      throw "axle: ${called} has no argument ${head unknown}${
        let
          meant = didYouMean (head unknown) names;
        in
        if meant == "" then ", but ${list names}" else meant
      }"
    else if missing != [ ] then
      throw "axle: ${called} lacks the argument ${list missing}: call it like ${example}"
    else
      given;

  /**
    The list that a user's function chooses from a package set.

    # Type

    ```
    chosen :: String -> (AttrSet -> [ Any ]) -> AttrSet -> [ Any ]
    ```
  */
  chosen =
    argument: choose: packageSet:
    let
      chosen = choose packageSet;
    in
    if !isFunction choose then
      throw "axle: ${argument} takes a function to a list, like ps: [ ps.requests ]"
    else if !isList chosen then
      throw "axle: the function of ${argument} must give a list, like ps: [ ps.requests ]"
    else
      inContext "while axle reads ${argument} (a missing attribute is a package that neither the environment nor the package set has)" chosen;

  /**
    A list whose elements say where they were read when they cannot be evaluated: an attribute that is missing is an error
    that nothing catches.

    # Type

    ```
    inContext :: String -> [ a ] -> [ a ]
    ```
  */
  inContext = context: map (addErrorContext context);

  /**
    A catalogue to read, of what was given for one: a folder, or one document with the same in it.

    # Inputs

    `called`
    : The function that it was given to.
  */
  catalogueOf =
    called: given:
    let
      # A flake's input and a derivation are sets, too.
      isFolder = builtins.isPath given || isString given || isAttrs given && given ? outPath;
      folder = if isAttrs given then "${given}" else given;
      isLock = path: match ".*\\.json" (toString path) != null;
      takes = "axle: ${called} takes a catalogue, like ${called} ./catalogue";
    in
    if isFolder then
      if builtins.pathExists (folder + "/cells") then
        folder
      else if !builtins.pathExists folder then
        throw "${takes}, and there is no ${toString folder}: add it to the repository, for a flake sees nothing else"
      else if isLock folder then
        throw "${takes}, and ${toString folder} is a file: what `axle lock` wrote is read by fromLock"
      else
        throw "${takes}, and ${toString folder} holds no cells: write them with `axle catalogue update`"
    else if !isAttrs given then
      throw "${takes}, and this is ${
        if given == null then "null" else "of type ${builtins.typeOf given}"
      }"
    else if isAttrs (given.cells or null) then
      given
    else
      throw "${takes}, and this set holds no cells";

  /**
    The overlay `overrides`, checked: a function of two sets to a set of builds.
  */
  overridden =
    overrides: final: prev:
    let
      half = overrides final;
      changed = half prev;
      isBuild = value: isAttrs value && value ? drvPath && value ? source;
      # Each is checked when it is used: one may be defined by another.
      checked =
        name: value:
        if prev ? ${name} && !isBuild value then
          throw "axle: overrides defines a ${name} that is not the build of a wheel: change the existing one, like final: prev: { ${name} = prev.${name}.overrideAttrs (old: { … }); }"
        else
          value;
    in
    if !isFunction overrides || !isFunction half || !isAttrs changed then
      throw "axle: overrides must be a function of two sets to a third, like final: prev: { torch = prev.torch.overrideAttrs (old: { … }); }"
    else
      builtins.mapAttrs checked changed;

  /**
    The interpreter and its version for the argument `python`.

    # Type

    ```
    interpreterOf :: String | Interpreter -> { interpreter :: Interpreter; version :: String; }
    ```
  */
  interpreterOf =
    python:
    let
      attribute = interpreterAttribute python;
    in
    if isAttrs python && python.implementation or "cpython" != "cpython" then
      throw "axle: python must be CPython, for which the wheels of the catalogue are made, and not ${
        python.name or python.implementation
      }"
    else if isAttrs python && python ? pythonVersion then
      {
        version =
          python.pythonVersion + (if match ".*t" (python.executable or "") != null then "t" else "");
        interpreter = python;
      }
    else if !isString python || match "3\\.[0-9]+t?" python == null then
      throw ''axle: python must be a version like "3.12" or an interpreter like pkgs.python312''
    else
      {
        version = python;
        interpreter =
          if isThere attribute then
            pkgs.${attribute}
          else
            throw "axle: the package set has no ${attribute} for python = \"${python}\"; it has ${list (thereLike "python3[0-9]+(FreeThreading)?")}";
      };

  /**
    The compiler for the argument `compiler`: its kind, its major version, its name in ids (`gcc13`) and its stdenv, which
    is looked up only when it is used; null for none.

    # Inputs

    `compiler`
    : `"gcc13"`, `"clang17"`, a stdenv, `"auto"` for the newest GCC that the package set has and CUDA supports, or null.

    `range`
    : The compilers that CUDA supports, as `toolkits.compilersOf` returns them; null without CUDA.
  */
  compilerOf =
    { compiler, range }:
    let
      parts = match "(gcc|clang)([0-9]+)" compiler;
      named =
        name:
        let
          kind = head (match "(gcc|clang)[0-9]+" name);
          number = builtins.elemAt (match "(gcc|clang)([0-9]+)" name) 1;
          attribute = if kind == "gcc" then "${name}Stdenv" else "llvmPackages_${number}";
          there = thereLike "gcc[0-9]+Stdenv|llvmPackages_[0-9]+";
          found =
            if isThere attribute then
              pkgs.${attribute}
            else
              throw "axle: the package set has no ${attribute} for compiler = \"${name}\"; it has ${
                if there == [ ] then "none by number: pass a stdenv" else list there
              }";
        in
        {
          inherit name kind;
          major = fromJSON number;
          stdenv = if kind == "gcc" then found else found.stdenv;
        };
      given =
        stdenv:
        let
          kind = if stdenv.cc.isClang or false then "clang" else "gcc";
          major = head (builtins.splitVersion stdenv.cc.version);
        in
        {
          inherit kind stdenv;
          name = "${kind}${major}";
          major = fromJSON major;
        };
      # If both are equally new, prefer the default one: it is built already.
      ofDefault = given pkgs.stdenv;
      takes =
        major:
        range == null
        ||
          (range.gcc.max == null || major <= range.gcc.max)
          && (range.gcc.min == null || major >= range.gcc.min);
      majorsThere = map (name: fromJSON (head (match "gcc([0-9]+)Stdenv" name))) (
        thereLike "gcc[0-9]+Stdenv"
      );
      taken = builtins.sort (a: b: a > b) (filter takes majorsThere);
    in
    if compiler == null then
      null
    else if compiler == "auto" then
      if
        ofDefault.kind == "gcc" && takes ofDefault.major && (taken == [ ] || ofDefault.major >= head taken)
      then
        ofDefault
      else if taken != [ ] then
        named "gcc${toString (head taken)}"
      else
        throw "axle: compiler = \"auto\" finds no GCC that CUDA supports${
          if range == null || range.gcc.max == null then "" else " (up to ${toString range.gcc.max})"
        } in the package set, which has ${
          if majorsThere == [ ] then "none by number" else list (map toString majorsThere)
        }: pass a stdenv"
    else if isString compiler then
      if parts == null then
        throw ''axle: compiler must be like "gcc13" or "clang17", "auto", or a stdenv, not "${compiler}"''
      else
        named compiler
    else if isAttrs compiler && compiler ? cc then
      given compiler
    else
      throw ''axle: compiler must be like "gcc13" or "clang17", "auto", a stdenv, or null'';

  /**
    The arguments of `concretise` for a request of the command line in JSON.
  */
  ofRequest =
    request:
    {
      inherit (request) packages;
      inherit (request) python;
      cuda = request.cuda or null;
      computeCapabilities = request.compute_capabilities or [ ];
      compiler =
        let
          compiler = request.compiler or null;
          kind = head (attrNames compiler);
        in
        if isAttrs compiler then "${kind}${toString compiler.${kind}}" else compiler;
    }
    // lib.filterAttrs (_: value: value != null) {
      torch = request.torch or null;
      prefer = request.prefer or null;
      onlyAudited = request.only_audited or null;
      publishers = request.publishers or null;
      allow = request.allow or null;
    };

  /**
    The errors in the other arguments, one sentence each.

    # Inputs

    `known`
    : The existing compute capabilities.
  */
  complaints =
    {
      cuda,
      computeCapabilities,
      torch,
      prefer,
      onlyAudited,
      publishers,
      allow,
      known,
    }:
    let
      isLike = pattern: value: isString value && match pattern value != null;
      # An unquoted version is a number: 12.10 would become 12.1.
      mistyped =
        lib.optional (
          cuda != null && !isLike "[0-9]+\\.[0-9]+" cuda
        ) ''cuda must be a version like "12.8", or null for none''
        ++ lib.optional (
          torch != null && !isLike "[0-9]+(\\.[0-9a-z]+)*" torch
        ) ''torch must be a version like "2.9", or null for the newest''
        ++ lib.optional (!isList computeCapabilities) ''computeCapabilities must be a list like [ "8.6" ]''
        ++ lib.optional (!builtins.isBool onlyAudited) "onlyAudited must be true or false"
        ++ lib.optional (
          publishers != null && !(isList publishers && builtins.all isString publishers)
        ) ''publishers must be a list of names like [ "mjun0812" ], or null for any''
        ++ lib.optional (!isList allow) ''allow must be a list of rules like [ "AX201" ]'';
      isRule = isLike "AX2[0-9][0-9]";
      noRules = filter (rule: !isRule rule) allow;
      malformed = filter (cc: !isString cc || match "[0-9]+\\.[0-9]" cc == null) computeCapabilities;
      unknown = filter (cc: !elem cc known) computeCapabilities;
    in
    if mistyped != [ ] then
      mistyped
    else
      lib.optional (
        cuda == null && computeCapabilities != [ ]
      ) "computeCapabilities are for CUDA, and cuda is null: omit them, or set cuda to a CUDA version"
      ++
        lib.optional (cuda != null && computeCapabilities == [ ])
          ''computeCapabilities must name at least one GPU generation, like [ "8.6" ]: see https://developer.nvidia.com/cuda-gpus for yours''
      ++ lib.optional (
        malformed != [ ]
      ) ''a compute capability is written like "8.6", not ${toJSON (head malformed)}''
      ++ lib.optional (
        malformed == [ ] && versions.hasDuplicates computeCapabilities
      ) "computeCapabilities has a duplicate: ${list computeCapabilities}"
      ++ lib.optional (
        malformed == [ ] && cuda != null && unknown != [ ]
      ) "no GPU has compute capability ${list unknown}; CUDA ${cuda} knows ${list known}"
      ++
        lib.optional (noRules != [ ])
          "allow takes the codes of rules, like AX201 (docs/rules.md lists them), not ${toJSON (head noRules)}"
      ++ lib.optional (
        !elem prefer preferences
      ) "prefer must be one of ${list preferences}, not ${toJSON prefer}";
}
