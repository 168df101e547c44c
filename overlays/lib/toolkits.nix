/**
  The compilers that each CUDA release supports, as Rust has recorded them. The only decision made here is which of two
  numbers is larger.
*/
{
  read,
  system,
  versions,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    filter
    ;

  ranges = (read.file "compilers").systems.${system} or { };

  # The codes of the rules in docs/rules.md.
  rules = {
    gcc = {
      tooNew = "AX201";
      tooOld = "AX202";
    };
    clang = {
      tooNew = "AX203";
      tooOld = "AX204";
    };
  };
in
rec {
  /**
    The known CUDA releases for this system, oldest first.
  */
  releases = versions.sort (attrNames ranges);

  /**
    The compilers that a CUDA release supports: for each kind the oldest and the newest major version, and the limits on
    the libraries that they use; null for no limit.

    # Type

    ```
    compilersOf :: String -> {
      gcc :: { min :: Int | Null; max :: Int | Null; };
      clang :: …;
      libstdcxx_max :: Int | Null;
      glibc_headers_below :: String | Null;
    }
    ```
  */
  compilersOf =
    cuda:
    ranges.${cuda}
      or (throw "axle: the compilers that CUDA ${cuda} supports on ${system} are unknown; known CUDA releases: ${
        if releases == [ ] then "none" else concatStringsSep ", " releases
      }");

  /**
    The compilers that a CUDA release supports, as `{ compiler; oldest; newest; }`; empty without CUDA, where any works.
    If a release has no limit, it is that of the major versions that Rust considers.
  */
  spansOf =
    cuda:
    if cuda == null then
      [ ]
    else
      let
        bound = value: other: if value == null then other else value;
        span = compiler: range: {
          inherit compiler;
          oldest = bound range.min 1;
          newest = bound range.max 40;
        };
        ranges = compilersOf cuda;
      in
      [
        (span "gcc" ranges.gcc)
        (span "clang" ranges.clang)
      ];

  /**
    Why a CUDA release does not support a compiler: a list of `{ rule; message; }`, empty if it does, or without CUDA.

    # Type

    ```
    objections :: { cuda :: String | Null; compiler :: { kind :: String; major :: Int; } | Null; } -> [ AttrSet ]
    ```
  */
  objections =
    { cuda, compiler }:
    let
      inherit (compiler) kind major;
      range = (compilersOf cuda).${kind};
      name = "${kind} ${toString major}";
      others = filter (
        other:
        let
          its = ranges.${other}.${kind};
        in
        (its.max == null || major <= its.max) && (its.min == null || major >= its.min)
      ) releases;
      orOthers =
        if others == [ ] then "" else "; ${name} is supported by CUDA ${concatStringsSep ", " others}";
    in
    if cuda == null || compiler == null then
      [ ]
    else if range.max != null && major > range.max then
      [
        {
          rule = rules.${kind}.tooNew;
          message = "${name} is too new for CUDA ${cuda}, which supports ${kind} up to ${toString range.max}${orOthers}";
        }
      ]
    else if range.min != null && major < range.min then
      [
        {
          rule = rules.${kind}.tooOld;
          message = "${name} is too old for CUDA ${cuda}, which supports ${kind} ${toString range.min} or newer${orOthers}";
        }
      ]
    else
      [ ];

  /**
    The value, if the CUDA release supports the compiler. An objection is an error, or a warning if violations of its rule
    are allowed.

    # Type

    ```
    demand :: { cuda :: String | Null; compiler :: AttrSet | Null; allow :: [ String ]; } -> a -> a
    ```
  */
  demand =
    {
      cuda,
      compiler,
      allow,
    }:
    value:
    builtins.foldl'
      (
        value: objection:
        if elem objection.rule allow then
          builtins.trace "axle: warning: ${objection.rule}: ${objection.message}" value
        else
          throw "axle: ${objection.rule}: ${objection.message}; allow = [ \"${objection.rule}\" ] makes this a warning, at your own risk, as nvcc's -allow-unsupported-compiler does"
      )
      value
      (objections {
        inherit cuda compiler;
      });
}
