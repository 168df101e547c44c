/**
  Wires the layers together over one package set and one catalogue.

  # Inputs

  `pkgs`
  : The package set.

  `catalogue`
  : The folder with the generated `cells` and `builds`.
*/
{ pkgs, catalogue }:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  versions = import ./versions.nix;
  read = import ./catalogue.nix { inherit catalogue system; };
  arguments = import ./arguments.nix { inherit pkgs lib versions; };
  toolkits = import ./toolkits.nix { inherit catalogue system versions; };
  buildCheck = import ./build-check.nix {
    inherit lib toolkits arguments;
    inherit (pkgs) writeText stdenvNoCC;
  };
  cells = import ./cells.nix { inherit lib versions; };
  source = import ./source.nix { inherit (pkgs) fetchPypi fetchurl; };
  build = import ./build.nix { inherit pkgs; };
  highLevel = import ./high-level.nix { inherit (pkgs) writeText; };
  pythonLevel = import ./python-level.nix { inherit pkgs; };
  worlds = import ./worlds.nix { inherit lib; };
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
  };
}
