/**
  Blockers: the causes that rule out a package for a request, as data that Rust and Nix share: `{ package; version; why;
  source; }`. `why` is a cause from the catalogue, `source` says whether compiling would help; `version` and `source` may
  be null.

  Only `axle concretise` words them as sentences; here the data are printed as they are.
*/
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    isAttrs
    isList
    isString
    map
    toJSON
    ;

  # The fields that name the kind of a value; they are printed before its contents.
  tags = [
    "cause"
    "fact"
    "tag"
    "compiling"
  ];

  text =
    value:
    if isString value then
      value
    else if isList value then
      concatStringsSep ", " (map item value)
    else if value ? oldest then
      "${value.compiler} ${toString value.oldest} to ${toString value.newest}"
    else if isAttrs value then
      tagged value
    else
      toJSON value;

  # A range of versions is a list of two within a list.
  item = value: if isList value then concatStringsSep " to " value else text value;

  tagged =
    value:
    let
      tag = filter (name: value ? ${name}) tags;
      fields = filter (name: !builtins.elem name tag && value.${name} != null && value.${name} != [ ]) (
        attrNames value
      );
      held = concatStringsSep "; " (map (name: "${name} ${text value.${name}}") fields);
      name = concatStringsSep " " (map (name: value.${name}) tag);
    in
    if fields == [ ] then
      name
    else if tag == [ ] then
      held
    else
      "${name} (${held})";
in
rec {
  /**
    A blocker as one line.

    # Type

    ```
    show :: Blocker -> String
    ```

    # Examples

    ```nix
    show { package = "a"; version = "1"; why = { cause = "glibc"; needs = "2.35"; has = "2.31"; }; source = null; }
    => "a 1: glibc (has 2.31; needs 2.35)"
    ```
  */
  show =
    {
      package,
      version ? null,
      why,
      source ? null,
    }:
    "${package}${if version == null then "" else " ${version}"}: ${tagged why}${
      if source == null then "" else ", compiling ${tagged source}"
    }";

  /**
    The blocker for a package that the cell lacks. `absence` is the cell's reason, or null.
  */
  absent = package: absence: {
    inherit package;
    version = absence.version or null;
    why = absence.why or { cause = "not-in-set"; };
    source = null;
  };
}
