{
  description = "A container image with PyTorch for CUDA";

  # Where you take axle from: a repository, or a folder as path:…
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
        computeCapabilities = [ "8.6" ]; # the GPUs that it has to run on
      };
    in
    {
      # `nix run . | docker load`: a script that writes the image, which lies nowhere as a whole.
      packages.${system}.default = pkgs.callPackage ./image.nix { inherit (env) python; };
    };
}
