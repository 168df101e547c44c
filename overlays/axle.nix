/**
  Wires the layers together over one package set and one catalogue.

  # Inputs

  `pkgs`
  : The package set.

  `catalogue`
  : The directory with the generated `cells` and `builds`, or one document with the same contents.

  `toolkitCatalogue`
  : The catalogue with the wheels that CUDA toolkits are assembled from; null for `catalogue` itself.
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
    # Do not read the same catalogue twice.
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
  highLevel = import ./layers/high-level.nix { inherit (pkgs) lib writeText; };
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
    The same functions over another catalogue, such as one that `axle lock` wrote.

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
    The same functions over a lock file that `axle lock` wrote, and `env`, the environment that was requested then.

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
          # Nix's error for a file that is not JSON cannot be caught.
          builtins.addErrorContext
            "while axle reads the lock ${toString file} (if it is not JSON, write it again with `axle lock`)"
            (builtins.fromJSON (builtins.readFile file))
        else
          throw "axle: fromLock takes a lock file, and ${
            if isFolder then
              "${toString file} is a folder"
            else if isPath then
              "${toString file} does not exist"
            else
              "this is not a path"
          }: write one with `axle lock -o axle.lock.json`, and add it to the repository";
      locked = import ./axle.nix {
        inherit pkgs;
        catalogue = document;
        # A lock file has the distributions of an environment, and no toolkit.
        toolkitCatalogue = if toolkitCatalogue == null then catalogue else toolkitCatalogue;
      };
      schema = document.schema or null;
      hasRequest = builtins.isAttrs (document.request or null);
    in
    if schema != "axle.lock/2" || !hasRequest then
      throw "axle: ${toString file} is not a lock file of this release (its schema is ${
        if builtins.isString schema then schema else "missing"
      }, and ${
        if hasRequest then "not axle.lock/2" else "it has no request"
      }): write it again with `axle lock`"
    else
      locked
      // {
        env = locked.concretise (arguments.ofRequest document.request);
      };

  /**
    `axle-with-driver`: runs a command so that it finds the GPU driver on machines other than NixOS.
  */
  withDriver = import ./builders/with-driver.nix { inherit pkgs build; };

  /**
    The setup hook for builds that compile CUDA code: see build-check.nix.
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
