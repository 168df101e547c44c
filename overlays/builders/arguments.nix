/**
  What a user gives to `concretise`, understood or refused.
*/
{
  pkgs,
  lib,
  versions,
}:
let
  inherit (builtins)
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
    ;

  list = concatStringsSep ", ";

  preferences = [
    "wheel"
    "newest"
    "source"
  ];
in
{
  /**
    The interpreter and its version, of what was given for `python`.

    # Type

    ```
    interpreterOf :: String | Interpreter -> { interpreter :: Interpreter; version :: String; }
    ```
  */
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
          pkgs.${attribute}
            or (throw "axle: the package set has no ${attribute} for python = \"${python}\"; it has ${list there}");
      };

  /**
    The compiler of what was given for `compiler`: its kind, its major version, its name in ids (`gcc13`) and, only
    looked up when it is used, the stdenv that it is; null for none.
  */
  compilerOf =
    compiler:
    let
      parts = match "(gcc|clang)([0-9]+)" compiler;
      attribute =
        if head parts == "gcc" then "${compiler}Stdenv" else "llvmPackages_${builtins.elemAt parts 1}";
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
          major = fromJSON (builtins.elemAt parts 1);
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
        major = fromJSON major;
        stdenv = compiler;
      }
    else
      throw ''axle: compiler must be like "gcc13" or "clang17", a stdenv, or null'';

  /**
    The arguments of `concretise` that ask what a request of the command line, in JSON, asks.
  */
  ofRequest =
    request:
    {
      packages = highLevel: map (name: highLevel.${name}) request.packages;
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
      allow = request.allow or null;
    };

  /**
    What is wrong with the other arguments, one sentence each.

    # Inputs

    `known`
    : The compute capabilities that there are.
  */
  complaints =
    {
      cuda,
      computeCapabilities,
      torch,
      prefer,
      onlyAudited,
      allow,
      known,
    }:
    let
      # Without its quotes a version is a number, and 12.10 would be 12.1.
      mistyped =
        lib.optional (
          cuda != null && !isString cuda
        ) ''cuda must be a version like "12.8", or null for none''
        ++ lib.optional (
          torch != null && !isString torch
        ) ''torch must be a version like "2.9", or null for the newest''
        ++ lib.optional (!isList computeCapabilities) ''computeCapabilities must be a list like [ "8.6" ]''
        ++ lib.optional (!builtins.isBool onlyAudited) "onlyAudited must be true or false"
        ++ lib.optional (!isList allow) ''allow must be a list of rules like [ "AX201" ]'';
      isRule = rule: isString rule && match "AX2[0-9][0-9]" rule != null;
      noRules = filter (rule: !isRule rule) allow;
      malformed = filter (cc: !isString cc || match "[0-9]+\\.[0-9]" cc == null) computeCapabilities;
      unknown = filter (cc: !elem cc known) computeCapabilities;
    in
    if mistyped != [ ] then
      mistyped
    else
      lib.optional (
        cuda == null && computeCapabilities != [ ]
      ) "computeCapabilities are for CUDA, and cuda is null: leave them out or name a CUDA version"
      ++
        lib.optional (cuda != null && computeCapabilities == [ ])
          ''computeCapabilities must name at least one GPU generation, like [ "8.6" ]: see https://developer.nvidia.com/cuda-gpus for yours''
      ++ lib.optional (
        malformed != [ ]
      ) ''a compute capability is written like "8.6", not ${toJSON (head malformed)}''
      ++ lib.optional (
        malformed == [ ] && versions.hasDuplicates computeCapabilities
      ) "computeCapabilities names one twice: ${list computeCapabilities}"
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
