{
  description = "A container image with PyTorch for CUDA";

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
      };
    in
    {
      # `nix run . | docker load`: a script that streams the image, so the store never holds a complete copy.
      packages.${system}.default = pkgs.callPackage ./image.nix { inherit (env) python; };
    };
}
