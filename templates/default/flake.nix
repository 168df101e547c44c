{
  description = "PyTorch for CUDA";

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
        python = "3.13"; # cache.nixos.org has 3.13 and 3.14, which Hydra builds
        cuda = "12.8";
        computeCapabilities = [ "8.6" ]; # the GPUs that it must run on
      };
    in
    {
      # `nix run . -- -c 'import torch; print(torch.cuda.is_available())'`
      packages.${system}.default = env.python;

      # `nix develop`
      devShells.${system}.default = env.shell;
    };
}
