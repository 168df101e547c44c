/**
  Wires the layers together over one package set and one catalogue.

  # Inputs

  `pkgs`
  : The package set.

  `catalogue`
  : The folder with the generated `cells` and `builds`, or one document with the same in it.

  `toolkitCatalogue`
  : The one that knows the wheels that CUDA's toolkits are put together from; null for `catalogue` itself.
*/
{
  pkgs,
  catalogue,
  toolkitCatalogue ? null,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;

  versions = import ./lib/versions.nix;
  grammar = import ./lib/grammar.nix;
  read = import ./lib/catalogue.nix { inherit catalogue system; };
  arguments = import ./builders/arguments.nix { inherit pkgs lib versions; };
  toolkits = import ./lib/toolkits.nix { inherit read system versions; };
  buildCheck = import ./builders/build-check.nix {
    inherit
      lib
      toolkits
      arguments
      grammar
      ;
    inherit (pkgs) writeText stdenvNoCC;
  };
  blockers = import ./lib/blockers.nix;
  cells = import ./lib/cells.nix { inherit lib versions blockers; };
  source = import ./layers/source.nix { inherit (pkgs) fetchPypi fetchurl; };
  build = import ./layers/build.nix { inherit pkgs; };
  licences = import ./builders/licences.nix { inherit pkgs; };
  cuda = import ./builders/cuda.nix {
    inherit
      pkgs
      lib
      versions
      toolkits
      arguments
      source
      licences
      ;
    # What is one catalogue is read once.
    read =
      if toolkitCatalogue == null then
        read
      else
        import ./lib/catalogue.nix {
          catalogue = toolkitCatalogue;
          inherit system;
        };
    inherit (build) build;
  };
  inherit
    (import ./layers/compile.nix {
      inherit
        pkgs
        lib
        build
        cuda
        buildCheck
        licences
        grammar
        ;
    })
    compile
    ;
  audited = import ./builders/audited.nix { inherit pkgs lib; };
  highLevel = import ./layers/high-level.nix { inherit (pkgs) writeText; };
  worlds = import ./lib/worlds.nix { inherit lib; };
  pythonLevel = import ./layers/python-level.nix { inherit pkgs worlds licences; };
in
{
  inherit
    (import ./concretise {
      inherit
        pkgs
        lib
        system
        versions
        arguments
        toolkits
        cells
        blockers
        read
        source
        build
        compile
        cuda
        audited
        licences
        highLevel
        pythonLevel
        worlds
        ;
    })
    answer
    concretise
    ;

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
      catalogue = arguments.catalogueOf "withCatalogue" other;
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
      isPath = builtins.isPath file || builtins.isString file;
      isThere = isPath && builtins.pathExists file;
      isFolder = isThere && builtins.pathExists (toString file + "/.");
      document =
        if isThere && !isFolder then
          # What is no JSON is an error that nothing catches.
          builtins.addErrorContext
            "while axle reads the lock ${toString file} (if it is no JSON, write it anew with `axle lock`)"
            (builtins.fromJSON (builtins.readFile file))
        else
          throw "axle: fromLock takes the file of a lock, and ${
            if isFolder then
              "${toString file} is a folder"
            else if isPath then
              "there is no ${toString file}"
            else
              "this is none"
          }: write one with `axle lock -o axle.lock.json`, and add it to the repository";
      locked = import ./axle.nix {
        inherit pkgs;
        catalogue = document;
        # A lock holds what an environment is made of, and no toolkit.
        toolkitCatalogue = if toolkitCatalogue == null then catalogue else toolkitCatalogue;
      };
      schema = document.schema or null;
      hasRequest = builtins.isAttrs (document.request or null);
    in
    if schema != "axle.lock/2" || !hasRequest then
      throw "axle: ${toString file} is not a lock of this release (its schema is ${
        if builtins.isString schema then schema else "missing"
      }, and ${
        if hasRequest then "not axle.lock/2" else "it holds no request"
      }): write it anew with `axle lock`"
    else
      locked
      // {
        env = locked.concretise (arguments.ofRequest document.request);
      };

  /**
    A command that runs others where the driver of a machine that is not NixOS is found: `axle-with-driver`.
  */
  withDriver = import ./builders/with-driver.nix { inherit pkgs build; };

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
      grammar
      arguments
      toolkits
      cells
      worlds
      blockers
      ;
    catalogue = read;
    build = { inherit (build) relativeTo; };
    cuda = { inherit (cuda) hostCompiler; };
    licences = { inherit (licences) isNvidia; };
  };
}
