/**
  Wires the layers together over one package set and one catalogue.

  # Inputs

  `pkgs`
  : The package set.

  `catalogue`
  : The folder with the generated `cells` and `builds`, or one document with the same in it.
*/
{ pkgs, catalogue }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  versions = import ./versions.nix;
  read = import ./catalogue.nix { inherit catalogue system; };
  arguments = import ./arguments.nix { inherit pkgs lib versions; };
  toolkits = import ./toolkits.nix { inherit read system versions; };
  buildCheck = import ./build-check.nix {
    inherit lib toolkits arguments;
    inherit (pkgs) writeText stdenvNoCC;
  };
  cells = import ./cells.nix { inherit lib versions; };
  source = import ./source.nix { inherit (pkgs) fetchPypi fetchurl; };
  build = import ./build.nix { inherit pkgs; };
  licences = import ./licences.nix { inherit pkgs; };
  cuda = import ./cuda.nix {
    inherit
      pkgs
      lib
      versions
      toolkits
      read
      source
      licences
      ;
    inherit (build) build;
  };
  inherit
    (import ./compile.nix {
      inherit
        pkgs
        lib
        build
        cuda
        buildCheck
        licences
        ;
    })
    compile
    ;
  built = import ./built.nix { inherit pkgs lib; };
  highLevel = import ./high-level.nix { inherit (pkgs) writeText; };
  worlds = import ./worlds.nix { inherit lib; };
  pythonLevel = import ./python-level.nix { inherit pkgs worlds licences; };
in
{
  concretise = import ./concretise.nix {
    inherit
      pkgs
      lib
      system
      versions
      arguments
      toolkits
      cells
      read
      source
      build
      compile
      cuda
      built
      licences
      highLevel
      pythonLevel
      worlds
      ;
  };

  /**
    The same functions over another catalogue, such as one that `axle lock` has written.

    # Type

    ```
    withCatalogue :: Path -> AttrSet
    ```
  */
  withCatalogue =
    other:
    import ./axle.nix {
      inherit pkgs;
      catalogue = other;
    };

  /**
    The same functions over what `axle lock` has written, and `env`, the environment that was asked for then.

    # Type

    ```
    fromLock :: Path -> AttrSet
    ```
  */
  fromLock =
    file:
    let
      document = builtins.fromJSON (builtins.readFile file);
      locked = import ./axle.nix {
        inherit pkgs;
        catalogue = document;
      };
    in
    if document.schema or null != "axle.lock/1" then
      throw "axle: ${toString file} is not a lock of this release (its schema is ${document.schema or "missing"}, not axle.lock/1): write it anew with `axle lock`"
    else
      locked
      // {
        env = locked.concretise (arguments.ofRequest document.request);
      };

  /**
    A setup hook for builds that compile CUDA code: see build-check.nix.
  */
  buildCheckHook = buildCheck.hook;

  /**
    The catalogue's cells for this system, as `concretise` reads them.
  */
  inherit (read) cells;

  /**
    The pure functions by file, for tests.
  */
  internal = {
    inherit
      versions
      arguments
      toolkits
      cells
      worlds
      ;
    catalogue = read;
    build = { inherit (build) relativeTo; };
    licences = { inherit (licences) isNvidia; };
  };
}
