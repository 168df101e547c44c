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
    genericClosure
    map
    removeAttrs
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
    The externals among the named ones, those that the named packages require, and those that these require.
  */
  externalsOf =
    cell: names:
    map (item: item.key) (genericClosure {
      startSet = map (key: { inherit key; }) (
        unique (
          filter (name: cell.externals ? ${name}) names
          ++ concatMap (name: cell.packages.${name}.externals) (closureOf cell names)
        )
      );
      operator = item: map (key: { inherit key; }) cell.externals.${item.key}.requires;
    });

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
    A package or an external of a cell, in the terms of a package.
  */
  memberOf =
    cell: name:
    if cell.externals ? ${name} then
      {
        inherit (cell.externals.${name}.fallback) version;
        requires = [ ];
        externals = cell.externals.${name}.requires;
        wheel = removeAttrs cell.externals.${name}.fallback [ "version" ];
      }
    else
      cell.packages.${name} or (throw "axle: ${cell.absent.${name}.message or "${name} is not in this cell"}");

  /**
    Why a cell does not serve a request: one sentence each, none when it does.

    # Inputs

    `names`
    : The packages and externals that are asked for.

    `glibc`
    : The version of the package set's C library.
  */
  objections =
    {
      cell,
      torch,
      names,
      computeCapabilities,
      onlyAudited,
      glibc,
    }:
    let
      absent = name: !(cell.packages ? ${name} || cell.externals ? ${name});
      missing = filter absent (unique ([ "torch" ] ++ names));
      wheelObjections =
        name:
        let
          inherit (cell.packages.${name}) version wheel;
          uncovered = filter (cc: !elem cc wheel.covers) computeCapabilities;
        in
        lib.optional (uncovered != [ ])
          "the wheel of ${name} ${version} has no code for ${list uncovered} (it covers ${
            if wheel.covers == [ ] then "nothing" else list wheel.covers
          })"
        ++ lib.optional (
          onlyAudited && wheel.provenance != "audited"
        ) "the facts about the wheel of ${name} ${version} are ${wheel.provenance}, not audited"
        ++ lib.optional (
          wheel.glibc != null && !versions.satisfies wheel.glibc [ [ "<=" glibc ] ]
        ) "the wheel of ${name} ${version} needs glibc ${wheel.glibc}, and the package set has ${glibc}";
    in
    if missing != [ ] then
      map (
        name: cell.absent.${name}.message or "${name} is not in the catalogue for torch ${torch}"
      ) missing
    else
      concatMap wheelObjections (closureOf cell names);
}
