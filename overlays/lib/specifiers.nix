/**
  Specifiers that a user writes (PEP 440), held against the versions of a set. Versions here have numbers and perhaps a
  post-release; all others are for Rust.
*/
{ versions }:
let
  inherit (builtins)
    all
    elemAt
    filter
    genList
    isString
    length
    map
    match
    split
    ;
  inherit (versions) compare release toNumber;

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

  # Leading zeros mean nothing.
  normalised =
    version:
    let
      key = keyOf version;
    in
    builtins.concatStringsSep "." (map toString (release key.release))
    + (if key.post < 0 then "" else ".post${toString key.post}");
in
{
  /**
    Reads specifiers of PEP 440: each an operator, a version of plain numbers (with `.postN` or not), and whether it stands
    for all that begin with it (`==2.9.*`). Sorted by version, as Rust writes them; null if it is anything else, like a
    pre-release: those are for `axle concretise`.

    # Examples

    ```nix
    parse "<3, >=1.23"
    => [ { operator = ">="; version = "1.23"; isPrefix = false; } { operator = "<"; version = "3"; isPrefix = false; } ]
    ```
  */
  parse =
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

  /**
    Specifiers as they are written: `>=1.23,<3`.
  */
  show =
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

  /**
    Whether a version satisfies specifiers (PEP 440), or null if it has more than numbers and a post-release.
  */
  holds =
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
}
