{
  description = "Jupyter with PyTorch for CUDA";

  # Where axle comes from: a repository, or a directory as path:…
  inputs.axle.url = "github:OWNER/axle";

  outputs =
    { axle, ... }:
    let
      system = "x86_64-linux";
      pkgs = import axle.inputs.nixpkgs {
        inherit system;
        overlays = [ axle.overlays.default ];
        config.allowUnfreePredicate = axle.lib.allowUnfreePredicate;
      };
      env = pkgs.axle.concretise {
        packages = hl: [ hl.torch ];
        python = "3.13";
        cuda = "12.8";
        computeCapabilities = [ "8.6" ]; # the GPUs that it must run on
        extraPackages = ps: [ ps.ipykernel ];
      };
      kernel = pkgs.callPackage ./kernel.nix {
        inherit (env) python;
        name = "torch";
        title = "PyTorch for CUDA";
      };
    in
    {
      packages.${system}.default = kernel;

      # `nix develop --command jupyter lab`. Jupyter is the package set's own: it starts the kernel as a separate program,
      # so neither contains packages of the other.
      devShells.${system}.default = pkgs.mkShell {
        packages = [ (pkgs.python313.withPackages (ps: [ ps.jupyterlab ])) ];
        shellHook = "export JUPYTER_PATH=${kernel}\${JUPYTER_PATH:+:$JUPYTER_PATH}";
      };
    };
}
