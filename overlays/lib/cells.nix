/**
  Lookups in one cell of the catalogue.
*/
{
  lib,
  versions,
  blockers,
}:
let
  comparisons = import ./specifiers.nix { inherit versions; };
  inherit (builtins)
    attrNames
    concatMap
    elem
    filter
    foldl'
    genericClosure
    head
    length
    map
    sort
    ;
  inherit (lib) optional unique;
in
rec {
  /**
    The transitive requirements of the named packages in a cell, including themselves.

    # Type

    ```
    closureOf :: Cell -> [String] -> [String]
    ```
  */
  closureOf =
    cell: names:
    map (item: item.key) (genericClosure {
      startSet = map (key: { inherit key; }) (filter (name: cell.packages ? ${name}) names);
      operator = item: map (key: { inherit key; }) cell.packages.${item.key}.requires;
    });

  /**
    The compute capabilities that the wheels of the named packages and of all their requirements cover.
  */
  coveredOf =
    cell: names:
    let
      wheels = filter (wheel: wheel != null) (
        map (name: cell.packages.${name}.wheel) (closureOf cell names)
      );
      together = covers: wheel: filter (cc: elem cc wheel.covers) covers;
    in
    if wheels == [ ] then [ ] else foldl' together (head wheels).covers wheels;

  /**
    The requirement cycle of a package in a cell: all packages that require each other, directly or transitively,
    including the named one; `[ name ]` if there is no cycle.
  */
  cycleOf =
    cell: name:
    builtins.sort (a: b: a < b) (
      filter (other: elem name (closureOf cell [ other ])) (closureOf cell [ name ])
    );

  /**
    A package of a cell, or an error with the reason why the cell lacks it.
  */
  memberOf =
    cell: name:
    cell.packages.${name}
      or (throw "axle: ${blockers.show (blockers.absent name (cell.absent.${name} or null))}");

  /**
    What extras and specifiers of requested packages come to in a cell: `names`, the packages that the extras require, and
    `blockers`, the packages of the cell that do not satisfy them and the extras that do not exist.

    # Type

    ```
    wantedOf :: Cell -> { extras :: { <package> = [String]; }; specifiers :: { <package> = String; }; }
      -> { names :: [String]; blockers :: [Blocker]; }
    ```
  */
  wantedOf =
    cell:
    {
      extras ? { },
      specifiers ? { },
    }:
    let
      ofPackage =
        package:
        let
          known = cell.extras.${package} or { };
          inherit (cell.packages.${package}) version;
          of =
            extra:
            known.${extra} or {
              requires = [ ];
              blockers = [
                {
                  inherit package version;
                  why = {
                    cause = "no-such-extra";
                    inherit extra;
                    # As Rust writes it: a package without any extra has no list of them.
                    ${if known == { } then null else "extras"} = attrNames known;
                  };
                }
              ];
            };
          asked = comparisons.parse specifiers.${package};
          isSatisfied = comparisons.holds version asked;
          requirement = package + comparisons.show asked;
          outside =
            if !(specifiers ? ${package}) then
              [ ]
            else if isSatisfied == null then
              throw "axle: Nix compares plain version numbers only, and the set has ${package} ${version}; for ${requirement} write a lock file with `axle lock`, and read it with fromLock"
            else if isSatisfied then
              [ ]
            else
              [
                {
                  requires = [ ];
                  blockers = [
                    {
                      inherit package version;
                      why = {
                        cause = "outside";
                        inherit requirement;
                      };
                    }
                  ];
                }
              ];
        in
        # That the cell lacks the package is another blocker.
        if cell.packages ? ${package} then outside ++ map of (extras.${package} or [ ]) else [ ];
      all = concatMap ofPackage (attrNames (extras // specifiers));
    in
    {
      names = concatMap (one: one.requires) all;
      blockers = map (blocker: blocker // { source = null; }) (concatMap (one: one.blockers or [ ]) all);
    };

  /**
    Why the wheel of a package in a cell does not fit a request: a list of causes, empty if it fits.
  */
  wheelCauses =
    {
      cell,
      computeCapabilities,
      onlyAudited,
      publishers ? null,
      glibc,
      ...
    }:
    name:
    let
      inherit (cell.packages.${name}) wheel;
      publisher = wheel.publisher or null;
      lacking = filter (cc: !elem cc wheel.covers) computeCapabilities;
      isOlder =
        wheel.glibc != null
        && !versions.satisfies wheel.glibc [
          [
            "<="
            glibc
          ]
        ];
    in
    if wheel == null then
      [ { cause = "no-wheel"; } ]
    else
      optional (lacking != [ ]) {
        cause = "uncovered";
        inherit lacking;
        inherit (wheel) covers;
        code = wheel.sass ++ wheel.ptx;
      }
      ++ optional isOlder {
        cause = "glibc";
        needs = wheel.glibc;
        has = glibc;
      }
      ++ optional (publisher != null && publishers != null && !elem publisher publishers) {
        cause = "excluded";
        inherit publisher;
      }
      ++ optional (onlyAudited && wheel.provenance != "audited") {
        cause = "unread";
        inherit (wheel) provenance;
      };

  /**
    Whether compiling a package of a cell would help a request: null if it has no source that can be compiled, otherwise
    what prevents it, or the compilers that work.
  */
  sourceOf =
    {
      cell,
      computeCapabilities,
      compilers,
      ...
    }:
    name:
    let
      source = cell.packages.${name}.source or null;
      lacking = filter (cc: !elem cc source.capabilities) computeCapabilities;
      architectures = if computeCapabilities == [ ] then 1 else length computeCapabilities;
      minutes = source.minutes or null;
    in
    if source == null then
      null
    else if lacking != [ ] then
      {
        compiling = "unsupported";
        inherit lacking;
        supports = source.capabilities;
      }
    else
      {
        compiling = "possible";
        inherit compilers;
        minutes = if minutes == null then null else minutes * architectures;
      };

  /**
    How a package of a cell is built: from its `"wheel"` or its `"source"`, or null if neither fits.

    # Inputs

    `compiling`
    : `"never, by projects"`, `"never"`, `"where needed"` or `"where possible"`; the first takes no third party's wheel.
  */
  kindOf =
    request: compiling: name:
    let
      isOfProject = (request.cell.packages.${name}.wheel.publisher or null) == null;
      byWheel = wheelCauses request name == [ ] && (compiling != "never, by projects" || isOfProject);
      compiles = compiling == "where needed" || compiling == "where possible";
      bySource = compiles && (sourceOf request name).compiling or null == "possible";
    in
    if bySource && (compiling == "where possible" || !byWheel) then
      "source"
    else if byWheel then
      "wheel"
    else
      null;

  /**
    The attempts of a preference, in order: each of them goes over all torches, newest first. Without a compiler, nothing
    is compiled.
  */
  attemptsOf =
    prefer: hasCompiler:
    if !hasCompiler then
      lib.optional (prefer == "wheel") "never, by projects" ++ [ "never" ]
    else
      {
        wheel = [
          "never, by projects"
          "never"
          "where needed"
        ];
        newest = [ "where needed" ];
        source = [ "where possible" ];
      }
      .${prefer};

  /**
    The blockers that prevent a cell from answering a request; none if it can.

    # Inputs

    `names`
    : The requested packages.

    `extras`
    : The extras requested of them, by package.

    `glibc`
    : The version of the package set's glibc.

    `compiling`
    : As in `kindOf`.

    `compilers`
    : The compilers that the CUDA release supports, as `{ compiler; oldest; newest; }`.
  */
  blockersOf =
    {
      cell,
      names,
      compiling,
      extras ? { },
      specifiers ? { },
      ...
    }@request:
    let
      more = wantedOf cell { inherit extras specifiers; };
      wanted = unique (names ++ more.names);
      missing = filter (name: !(cell.packages ? ${name})) wanted;
      # A wheel that nothing is wrong with is a third party's, where only the projects' are taken.
      causesOf =
        name:
        let
          causes = wheelCauses request name;
        in
        if causes != [ ] then
          causes
        else
          [
            {
              cause = "third-party";
              inherit (cell.packages.${name}.wheel) publisher;
            }
          ];
      why =
        name:
        if kindOf request compiling name != null then
          [ ]
        else
          map (why: {
            package = name;
            inherit (cell.packages.${name}) version;
            inherit why;
            source = sourceOf request name;
          }) (causesOf name);
    in
    map (name: blockers.absent name (cell.absent.${name} or null)) (sort (a: b: a < b) missing)
    ++ more.blockers
    ++ concatMap why (sort (a: b: a < b) (closureOf cell wanted));
}
