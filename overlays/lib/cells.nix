/**
  Questions to one cell of the catalogue, answered by lookup.
*/
{ lib, versions }:
let
  inherit (builtins)
    concatMap
    concatStringsSep
    elem
    filter
    foldl'
    genericClosure
    head
    length
    map
    ;
  inherit (lib) unique;

  list = concatStringsSep ", ";
in
rec {
  /**
    The packages of a cell that the named ones require, themselves included.

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
    The compute capabilities that the wheels of the named packages, and of all that they require, cover together.
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
    The packages of a cell that require each other, by whatever way, the named one among them: `[ name ]` but for
    cycles.
  */
  cycleOf =
    cell: name:
    builtins.sort (a: b: a < b) (
      filter (other: elem name (closureOf cell [ other ])) (closureOf cell [ name ])
    );

  /**
    A package of a cell, or the reason why it lacks it.
  */
  memberOf =
    cell: name:
    cell.packages.${name}
      or (throw "axle: ${cell.absent.${name}.message or "${name} is not in this cell"}");

  /**
    Why the wheel of a package in a cell does not serve a request: one sentence each, none when it does.
  */
  wheelObjections =
    {
      cell,
      computeCapabilities,
      onlyAudited,
      glibc,
      ...
    }:
    name:
    let
      inherit (cell.packages.${name}) version wheel;
      uncovered = filter (cc: !elem cc wheel.covers) computeCapabilities;
    in
    if wheel == null then
      [ "${name} ${version} has no wheel that fits this cell" ]
    else
      lib.optional (uncovered != [ ])
        "the wheel of ${name} ${version} has no code for ${list uncovered} (it covers ${
          if wheel.covers == [ ] then "nothing" else list wheel.covers
        })"
      ++ lib.optional (
        onlyAudited && wheel.provenance != "audited"
      ) "the facts about the wheel of ${name} ${version} are ${wheel.provenance}, not audited"
      ++ lib.optional (
        wheel.glibc != null
        && !versions.satisfies wheel.glibc [
          [
            "<="
            glibc
          ]
        ]
      ) "the wheel of ${name} ${version} needs glibc ${wheel.glibc}, and the package set has ${glibc}";

  /**
    Why a package of a cell cannot be compiled for a request, given a compiler.
  */
  sourceObjections =
    { cell, computeCapabilities, ... }:
    name:
    let
      package = cell.packages.${name};
      uncovered = filter (cc: !elem cc package.source.capabilities) computeCapabilities;
    in
    if package.source or null == null then
      [ "${name} ${package.version} cannot be compiled for this cell" ]
    else
      lib.optional (uncovered != [ ])
        "the source of ${name} ${package.version} does not compile for ${list uncovered} (it compiles for ${list package.source.capabilities})";

  /**
    Where a package of a cell is taken from: `"wheel"` or `"source"`, or null where neither serves.

    # Inputs

    `compiling`
    : `"never"`, `"where needed"` or `"where possible"`.
  */
  kindOf =
    request: compiling: name:
    let
      byWheel = wheelObjections request name == [ ];
      bySource = compiling != "never" && sourceObjections request name == [ ];
    in
    if bySource && (compiling == "where possible" || !byWheel) then
      "source"
    else if byWheel then
      "wheel"
    else
      null;

  /**
    The attempts that a preference makes, in their order: each of them over all torches, newest first. Without a
    compiler nothing is compiled.
  */
  attemptsOf =
    prefer: hasCompiler:
    if !hasCompiler then
      [ "never" ]
    else
      {
        wheel = [
          "never"
          "where needed"
        ];
        newest = [ "where needed" ];
        source = [ "where possible" ];
      }
      .${prefer};

  /**
    Why a cell does not serve a request: one sentence each, none when it does.

    # Inputs

    `names`
    : The packages that are asked for.

    `glibc`
    : The version of the package set's C library.

    `compiling`
    : As in `kindOf`.

    `compilerHint`
    : A compiler that would do.
  */
  objections =
    {
      cell,
      torch,
      names,
      computeCapabilities,
      compiling,
      compilerHint ? "gcc13",
      ...
    }@request:
    let
      missing = filter (name: !(cell.packages ? ${name})) (unique ([ "torch" ] ++ names));
      architectures = if computeCapabilities == [ ] then 1 else length computeCapabilities;
      time =
        package:
        if package.source.minutes or null == null then
          ""
        else
          " in roughly ${toString (package.source.minutes * architectures)} minutes of one core";
      why =
        name:
        if kindOf request compiling name != null then
          [ ]
        else
          wheelObjections request name
          # Hours of work are not begun unasked.
          ++
            lib.optional (compiling == "never" && sourceObjections request name == [ ])
              "${name} ${cell.packages.${name}.version} could be compiled${time cell.packages.${name}}: give a compiler, like compiler = \"${compilerHint}\""
          # That there is no way to compile it is not worth a second sentence.
          ++ lib.optionals (compiling != "never" && cell.packages.${name}.source or null != null) (
            sourceObjections request name
          );
    in
    if missing != [ ] then
      map (
        name: cell.absent.${name}.message or "${name} is not in the catalogue for torch ${torch}"
      ) missing
    else
      concatMap why (closureOf cell names);
}
