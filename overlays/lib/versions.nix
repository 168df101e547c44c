/**
  Release numbers, compared by number: `2.10` is newer than `2.9`, and `1.2` is `1.2.0`.

  Rust decides everything about versions ahead of time. It does not know the versions of the package set; these are
  compared here.
*/
let
  inherit (builtins)
    all
    elemAt
    filter
    fromJSON
    genList
    isString
    length
    map
    match
    split
    ;
in
rec {
  /**
    The components of a version, or null if they are not plain numbers.

    # Examples

    ```nix
    release "1.26.4"
    => [ 1 26 4 ]
    release "2.0rc1"
    => null
    ```
  */
  release =
    version:
    if match "[0-9]+(\\.[0-9]+)*" version == null then
      null
    else
      map toNumber (filter isString (split "\\." version));

  # Versions like 2024.04 have leading zeros, which JSON does not allow.
  toNumber = digits: fromJSON (builtins.head (match "0*([0-9]+)" digits));

  /**
    Compares two versions of plain numbers: -1, 0 or 1.
  */
  compare =
    a: b:
    let
      left = release a;
      right = release b;
      at = list: index: if index < length list then elemAt list index else 0;
      go =
        index:
        if index >= length left && index >= length right then
          0
        else if at left index < at right index then
          -1
        else if at left index > at right index then
          1
        else
          go (index + 1);
    in
    go 0;

  /**
    Whether a version satisfies every comparison, each an operator and a version. A version that is not plain numbers
    satisfies none; an unknown operator is an error.

    # Examples

    ```nix
    satisfies "2.3.5" [ [ ">=" "1.23" ] [ "<" "3" ] ]
    => true
    ```
  */
  satisfies =
    version: comparisons:
    release version != null
    && all (
      comparison:
      let
        operator = elemAt comparison 0;
        order = compare version (elemAt comparison 1);
      in
      release (elemAt comparison 1) != null
      && (
        {
          ">=" = order >= 0;
          "<=" = order <= 0;
          ">" = order > 0;
          "<" = order < 0;
          "==" = order == 0;
          "!=" = order != 0;
        }
        .${operator}
          or (throw "axle: the operator ${operator} of the catalogue is unknown to this overlay: use the overlay and the catalogue of one release")
      )
    ) comparisons;

  /**
    Reads specifiers of PEP 440: each an operator, a version of plain numbers (with `.postN` or not), and whether it stands
    for all that begin with it (`==2.9.*`). Sorted by version, as Rust writes them; null if it is anything else, like a
    pre-release: those are for `axle concretise`.

    # Examples

    ```nix
    specifiers "<3, >=1.23"
    => [ { operator = ">="; version = "1.23"; isPrefix = false; } { operator = "<"; version = "3"; isPrefix = false; } ]
    ```
  */
  specifiers =
    text:
    let
      one =
        part:
        let
          groups = match "[[:space:]]*(~=|==|!=|<=|>=|<|>)[[:space:]]*([0-9]+(\\.[0-9]+)*(\\.post[0-9]+)?)(\\.\\*)?[[:space:]]*" part;
          operator = elemAt groups 0;
          version = elemAt groups 1;
          isPrefix = elemAt groups 4 != null;
          isMeant =
            if isPrefix then
              builtins.elem operator [
                "=="
                "!="
              ]
              && release version != null
            else
              operator != "~=" || length (release (keyOf version).release) > 1;
        in
        if groups == null || !isMeant then
          null
        else
          {
            inherit operator isPrefix;
            version = normalised version;
          };
      parts = map one (filter isString (split "," text));
    in
    if builtins.elem null parts then
      null
    else
      builtins.sort (a: b: order (keyOf a.version) (keyOf b.version) < 0) parts;

  # Leading zeros mean nothing.
  normalised =
    version:
    let
      key = keyOf version;
    in
    builtins.concatStringsSep "." (map toString (release key.release))
    + (if key.post < 0 then "" else ".post${toString key.post}");

  /**
    Specifiers as they are written: `>=1.23,<3`.
  */
  writtenSpecifiers =
    specifiers:
    builtins.concatStringsSep "," (
      map (
        {
          operator,
          version,
          isPrefix,
        }:
        operator + version + (if isPrefix then ".*" else "")
      ) specifiers
    );

  # The release of a version and its post-release, -1 for none, without its local version; null for another one.
  keyOf =
    version:
    let
      groups = match "([0-9]+(\\.[0-9]+)*)([.]post([0-9]+))?([+].*)?" version;
      post = elemAt groups 3;
    in
    if groups == null then
      null
    else
      {
        release = elemAt groups 0;
        post = if post == null then -1 else toNumber post;
      };
  order =
    a: b:
    let
      ofRelease = compare a.release b.release;
    in
    if ofRelease != 0 then
      ofRelease
    else if a.post < b.post then
      -1
    else if a.post > b.post then
      1
    else
      0;

  /**
    Whether a version satisfies specifiers (PEP 440), or null if it has more than numbers and a post-release.
  */
  satisfiesSpecifiers =
    version: specifiers:
    let
      key = keyOf version;
      components = release key.release;
      at = list: index: if index < length list then elemAt list index else 0;
      begins =
        prefix: all (index: at components index == at prefix index) (genList (i: i) (length prefix));
      one =
        {
          operator,
          version,
          isPrefix,
        }:
        let
          than = keyOf version;
          ofThan = release than.release;
          compared = order key than;
        in
        if isPrefix then
          begins ofThan == (operator == "==")
        else
          {
            ">=" = compared >= 0;
            "<=" = compared <= 0;
            "<" = compared < 0;
            # A post-release is newer than its release, but does not count as such.
            ">" = compared > 0 && (than.post >= 0 || compare key.release than.release != 0);
            "==" = compared == 0;
            "!=" = compared != 0;
            "~=" = compared >= 0 && begins (genList (elemAt ofThan) (length ofThan - 1));
          }
          .${operator};
    in
    if key == null then null else all one specifiers;

  /**
    Sorts compute capabilities, like `"8.6"` and `"12.0"`, by number.
  */
  sort = builtins.sort (a: b: compare a b < 0);

  # `genList` keeps the evaluator from building the pairs more than once.
  /**
    Whether a list has duplicates.
  */
  hasDuplicates =
    list:
    builtins.any (
      index: builtins.elem (elemAt list index) (genList (before: elemAt list before) index)
    ) (genList (index: index) (length list));
}
