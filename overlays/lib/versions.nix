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
