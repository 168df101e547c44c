{
  description = "axle fits machine-learning wheels to a machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      eachSystem = f: lib.genAttrs systems (system: f (pkgsOf system));

      pkgsOf =
        system:
        import nixpkgs {
          inherit system;
          overlays = [ self.overlays.default ];
          config.allowUnfreePredicate = self.lib.allowUnfreePredicate;
        };

      builds = eachSystem (pkgs: import ./checks/builds.nix { inherit pkgs; });
      buildsOf = pkgs: builds.${pkgs.stdenv.hostPlatform.system};
      recurse = set: set // { recurseForDerivations = true; };

      # The stand-in package set of checks/host has no Rust.
      hasRust = pkgs: pkgs ? rustPlatform;
    in
    {
      overlays.default = import ./overlays;

      lib = import ./overlays/lib;

      packages = eachSystem (
        pkgs:
        {
          with-driver = pkgs.axle.withDriver;
        }
        // lib.optionalAttrs (hasRust pkgs) (
          let
            axle = pkgs.callPackage ./package.nix { };
          in
          {
            inherit axle;
            inherit (pkgs) axle-auditor;
            default = axle;
          }
        )
      );

      legacyPackages = eachSystem (pkgs: {
        # One environment a cell, for every capability that its torch covers.
        environments = import ./checks/environments.nix { inherit pkgs; };

        # The same where only the driver's folder has a driver, which has no GPU; `cargo xtask e2e --driver` asks them for one.
        driver = (import ./checks/driver.nix { inherit pkgs; }).environments;

        # Every distinct build of the matrix once, with their order and counts, for a build server.
        builds = recurse (buildsOf pkgs).jobs.builds;
        cells = recurse (buildsOf pkgs).jobs.cells;
        buildOrder = (buildsOf pkgs).order;
        buildCounts = (buildsOf pkgs).counts;
        buildsLacking = (buildsOf pkgs).lacking;

        # What is built on a machine with a GPU: `nix build .#gpuTests.torch`; `.#gpuTests.torch.dryRun` anywhere.
        gpuTests = import ./checks/gpu.nix { inherit pkgs; };

        # Environments of small wheels, of several cells; a test looks at what each of them builds.
        fixtures =
          let
            fixture = import ./checks/fixture.nix { inherit pkgs; };
          in
          {
            first = fixture.env.python;
            second = fixture.withoutCuda.python;
            third = fixture.other.python;
            compiled = (import ./checks/compiled.nix { inherit pkgs; }).env.packages.markupsafe.tests.metadata;
          };

        # What evaluates and must not build; a test looks for what it says.
        failures = import ./checks/failures.nix { inherit pkgs; };

        # Requests that must be refused; a test compares what each of them says.
        refusals = import ./checks/refusals.nix {
          inherit pkgs;
          strict = import nixpkgs {
            inherit (pkgs.stdenv.hostPlatform) system;
            overlays = [ self.overlays.default ];
          };
        };
        compilers = import ./checks/compilers.nix { inherit pkgs; };

        # Answers requests; a test compares them with those of the command line.
        plans = import ./checks/plans.nix { inherit pkgs; };

        # Reads locks; a test compares them with the plans that the command line made of them.
        locks = import ./checks/locks.nix { inherit pkgs; };
      });

      # `nix run .#gpu-test-torch`, and with `-- --dry-run` on a machine without a GPU.
      apps = eachSystem (
        pkgs:
        lib.mapAttrs' (name: test: {
          name = "gpu-test-${name}";
          value = {
            type = "app";
            program = "${test.program}/bin/gpu-test-${name}";
            meta.description = "Tries ${name} on the GPU of this machine";
          };
        }) (import ./checks/gpu.nix { inherit pkgs; })
      );

      checks = eachSystem (pkgs: import ./checks { inherit pkgs; });

      # The same builds, for Hydra, nix-fast-build and `nix-eval-jobs --force-recurse`. `nix flake check` takes nothing but
      # sets in it, so that only those of legacyPackages are marked `recurseForDerivations`.
      hydraJobs = lib.genAttrs systems (system: builds.${system}.jobs);

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = lib.optionals (hasRust pkgs) [
            pkgs.cargo
            pkgs.clippy
            pkgs.rustc
            pkgs.rustfmt
            pkgs.nixfmt
          ];
        };
      });

      formatter = lib.genAttrs (builtins.filter (system: pkgsOf system ? nixfmt) systems) (
        system: (pkgsOf system).nixfmt
      );

      templates = lib.mapAttrs (name: _: {
        path = ./templates + "/${name}";
        inherit (import (./templates + "/${name}/flake.nix")) description;
      }) (builtins.readDir ./templates);
    };
}
