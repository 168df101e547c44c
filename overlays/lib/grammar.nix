/**
  The syntax of strings from a catalogue or a lock file that become part of a command. Such a file may come from a
  stranger: it is data, and must never be run as code.
*/
let
  inherit (builtins)
    filter
    isInt
    isString
    match
    split
    toJSON
    ;

  kinds = {
    "name of an environment variable" = value: match "[A-Za-z_][A-Za-z0-9_]*" value != null;
    "name of a program" = value: match "[A-Za-z0-9_+][A-Za-z0-9_.+-]*" value != null;
    "soname" = value: match "[A-Za-z0-9_+][A-Za-z0-9_.+-]*" value != null;
    # Below a directory, and not an option.
    "path in a wheel" =
      value:
      match "[^/-].*" value != null
      && match ".*[[:cntrl:]].*" value == null
      && filter (part: part == "..") (split "/" value) == [ ];
    "version number" = value: match "[0-9]+(\\.[0-9]+)*" value != null;
  };
in
{
  /**
    The value, if it matches the kind; otherwise an error that quotes it.

    # Examples

    ```nix
    demand "path in a wheel" "torch/lib/libtorch.so"
    => "torch/lib/libtorch.so"
    ```
  */
  demand =
    kind: value:
    let
      text = if isInt value then toString value else value;
    in
    if isString text && kinds.${kind} text then
      text
    else
      throw "axle: ${toJSON value} is not a ${kind}: the catalogue or the lock is damaged, or was not written by axle; generate it again";
}
