/**
  Every distinct build of the whole matrix, once: what a build server builds and pushes to a cache.

  `jobs` has them as `builds`, by name, and as `cells` an aggregate a cell. `order` names the builds, cheapest first.
  Which capabilities and compilers are compiled for, says `matrix.toml`; a build that the package set lacks a toolkit or a
  compiler for is left out and listed in `lacking`. `counts` says how many packages and builds there are, and how many
  builds there would be were each cell built for itself.
*/
{
  pkgs,
  axle ? pkgs.axle,
  matrix ? builtins.fromTOML (builtins.readFile ../catalogue/matrix.toml),
}:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    concatStringsSep
    filter
    foldl'
    isString
    length
    listToAttrs
    map
    mapAttrs
    sort
    split
    substring
    tryEval
    unsafeDiscardStringContext
    ;

  inherit (pkgs) lib;
  names = import ./names.nix;
  compiled = matrix.compiled or { };

  # Of what has no known size, torch's wheels are most.
  sizeOf = wheel: if wheel.size or 0 == null then 1000000000 else wheel.size or 0;

  # The requests of a cell: its wheels, and what is compiled of it for each list of capabilities and each compiler.
  requestsOf =
    file: torch:
    let
      plain = {
        inherit torch;
        inherit (file) python;
        cuda = if file.cuda == "cpu" then null else file.cuda;
        packages = highLevel: [ highLevel.torch ];
        computeCapabilities =
          if file.cuda == "cpu" then [ ] else axle.internal.cells.coveredOf file.torch.${torch} [ "torch" ];
      };
      compiling = concatMap (
        compiler:
        map (
          computeCapabilities:
          plain
          // {
            inherit compiler computeCapabilities;
            prefer = "source";
          }
        ) (if file.cuda == "cpu" then [ [ ] ] else compiled.compute-capabilities or [ ])
      ) (compiled.compilers or [ ]);
    in
    [ plain ] ++ compiling;

  # A build is refused when the package set lacks what it takes: then there is nothing to build.
  buildsOf =
    file: torch:
    let
      cell = file.torch.${torch};
      costOf =
        build: name:
        let
          package = cell.packages.${name};
        in
        # A core-minute is worth as much as 100 MB.
        if build.isCompiled or false then
          (package.source.minutes or 60) * (length build.capabilities) * 100000000
        else
          sizeOf (package.wheel or { });
      metaOf =
        build: name:
        let
          package = cell.packages.${name};
          part = if build.isCompiled or false then package.source else package.wheel;
          # In bytes, of what is fetched; and how long one core compiles it for one capability.
          known = filter (attribute: part.${attribute} or null != null) [
            "size"
            "minutes"
          ];
        in
        lib.genAttrs known (attribute: part.${attribute});
      ofRequest =
        request:
        let
          # The wheels of a cell are counted once, where nothing is compiled.
          hasBuild =
            name:
            if request ? compiler then
              env.isCompiled.${name} or false
            else
              cell.packages.${name}.wheel or true != null;
          env = axle.concretise request;
          answer = tryEval env.builds;
        in
        if !answer.success then
          [ ]
        else
          map (
            name:
            let
              build = answer.value.${name};
              evaluated = tryEval build.drvPath;
            in
            {
              inherit name;
              build = build // {
                meta = build.meta // metaOf build name;
              };
              of = "for Python ${file.python}, CUDA ${file.cuda}, torch ${torch}";
              drvPath = if evaluated.success then evaluated.value else null;
              cost = costOf build name;
            }
          ) (filter hasBuild (attrNames answer.value));
    in
    concatMap ofRequest (requestsOf file torch);

  cells = concatMap (
    file:
    map (torch: {
      inherit file torch;
      builds = buildsOf file torch;
    }) file.order
  ) (map (name: axle.cells.${name}) (attrNames axle.cells));
  all = concatMap (cell: cell.builds) cells;
  isThere = one: one.drvPath != null;
  evaluated = filter isThere all;

  # A name that Nix, Hydra and shells take without quotes.
  plain =
    text:
    concatStringsSep "_" (filter (part: isString part && part != "") (split "[^A-Za-z0-9_-]+" text));
  # The name is a text: it refers to nothing.
  keyOf = one: plain "${one.build.name}-${substring 11 8 (unsafeDiscardStringContext one.drvPath)}";
  distinct = listToAttrs (
    map (one: {
      name = keyOf one;
      value = one;
    }) evaluated
  );
  builds = mapAttrs (_: one: one.build) distinct;

  # As nixpkgs' `releaseTools.aggregate`: there when all of it is.
  aggregateOf =
    name: keys:
    pkgs.runCommand "axle-cell-${name}"
      {
        constituents = map (key: builds.${key}) keys;
        _hydraAggregate = true;
        preferLocalBuild = true;
        __structuredAttrs = false;
        meta.description = "Every build of a cell";
      }
      ''
        mkdir -p $out/nix-support
        echo $constituents > $out/nix-support/hydra-aggregate-constituents
      '';
in
{
  jobs = {
    inherit builds;
    cells = listToAttrs (
      map (
        cell:
        let
          name = names.environment cell.file cell.torch;
        in
        {
          inherit name;
          value = aggregateOf name (lib.unique (map keyOf (filter isThere cell.builds)));
        }
      ) cells
    );
  };

  order = map keyOf (
    sort (a: b: if a.cost == b.cost then keyOf a < keyOf b else a.cost < b.cost) (attrValues distinct)
  );

  lacking = attrNames (
    listToAttrs (
      map (one: {
        name = "${one.name} ${one.of}";
        value = null;
      }) (filter (one: !isThere one) all)
    )
  );

  counts = {
    cells = length cells;
    packages = foldl' (
      sum: cell: sum + length (attrNames cell.file.torch.${cell.torch}.packages)
    ) 0 cells;
    builds = length (attrNames distinct);
    each-for-itself = length evaluated;
  };
}
