/**
  The functions of nixpkgs' `lib` that axle calls, with the same meaning.
*/
let
  inherit (builtins)
    concatStringsSep
    elem
    foldl'
    isAttrs
    isFunction
    listToAttrs
    map
    match
    replaceStrings
    ;
in
rec {
  fix =
    f:
    let
      x = f x;
    in
    x;

  extends =
    overlay: f: final:
    let
      prev = f final;
    in
    prev // overlay final prev;

  composeExtensions =
    f: g: final: prev:
    let
      first = f final prev;
    in
    first // g final (prev // first);

  composeManyExtensions = foldl' composeExtensions (_: _: { });

  genAttrs =
    names: f:
    listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );

  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];

  optional = condition: x: if condition then [ x ] else [ ];

  optionals = condition: xs: if condition then xs else [ ];

  optionalAttrs = condition: set: if condition then set else { };

  isDerivation = x: isAttrs x && x.type or null == "derivation";

  escapeShellArg =
    value:
    let
      text = toString value;
    in
    if match "[[:alnum:],._+:@%/-]+" text == null then
      "'${replaceStrings [ "'" ] [ "'\\''" ] text}'"
    else
      text;

  escapeShellArgs = values: concatStringsSep " " (map escapeShellArg values);

  toLower =
    let
      upper = [
        "A"
        "B"
        "C"
        "D"
        "E"
        "F"
        "G"
        "H"
        "I"
        "J"
        "K"
        "L"
        "M"
        "N"
        "O"
        "P"
        "Q"
        "R"
        "S"
        "T"
        "U"
        "V"
        "W"
        "X"
        "Y"
        "Z"
      ];
      lower = [
        "a"
        "b"
        "c"
        "d"
        "e"
        "f"
        "g"
        "h"
        "i"
        "j"
        "k"
        "l"
        "m"
        "n"
        "o"
        "p"
        "q"
        "r"
        "s"
        "t"
        "u"
        "v"
        "w"
        "x"
        "y"
        "z"
      ];
    in
    replaceStrings upper lower;

  filterAttrs =
    keep: set:
    removeAttrs set (builtins.filter (name: !keep name set.${name}) (builtins.attrNames set));

  inherit (builtins) mapAttrs;

  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);

  mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (builtins.attrNames set));

  inherit foldl';

  last = list: builtins.elemAt list (builtins.length list - 1);

  versions = {
    major = version: builtins.elemAt (builtins.splitVersion version) 0;
    majorMinor =
      version:
      concatStringsSep "." (
        map (builtins.elemAt (builtins.splitVersion version)) [
          0
          1
        ]
      );
  };

  strings.levenshteinAtMost =
    most: one: other:
    let
      letters = text: builtins.genList (at: builtins.substring at 1 text) (builtins.stringLength text);
      min = a: b: if a < b then a else b;
      # The distances of one start of `one` to all starts of `other`.
      row =
        before: letter:
        foldl' (
          row: at:
          let
            isSame = builtins.elemAt (letters other) at == letter;
            last' = builtins.elemAt row at;
            above = builtins.elemAt before (at + 1);
            diagonal = builtins.elemAt before at;
          in
          row ++ [ (if isSame then diagonal else 1 + min diagonal (min last' above)) ]
        ) [ (1 + builtins.head before) ] (builtins.genList (at: at) (builtins.stringLength other));
      first = builtins.genList (at: at) (builtins.stringLength other + 1);
    in
    last (foldl' row first (letters one)) <= most;

  getAttrs = names: set: genAttrs names (name: set.${name});

  catAttrs = builtins.catAttrs;

  getBin = drv: drv.bin or drv;

  /**
    Gives the result of `f args` an `override`, which takes changed arguments, or a function from the old ones.
  */
  makeOverridable =
    f: args:
    f args
    // {
      override = new: makeOverridable f (args // (if isFunction new then new args else new));
    };
}
