{
  description = "PyTorch for CUDA in a home directory, by home-manager";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  # Where axle comes from: a repository, or a directory as path:…
  inputs.axle.url = "github:OWNER/axle";
  inputs.axle.inputs.nixpkgs.follows = "nixpkgs";
  inputs.home-manager.url = "github:nix-community/home-manager";
  inputs.home-manager.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      nixpkgs,
      axle,
      home-manager,
      ...
    }:
    let
      pkgs = import nixpkgs {
        system = "x86_64-linux";
        overlays = [ axle.overlays.default ];
        config.allowUnfreePredicate = axle.lib.allowUnfreePredicate;
      };
      env = pkgs.axle.concretise {
        packages = hl: [ hl.torch ];
        python = "3.13";
        cuda = "12.8";
        computeCapabilities = [ "8.6" ]; # the GPU of the machine
      };
    in
    {
      # `home-manager switch --flake .#me`
      homeConfigurations.me = home-manager.lib.homeManagerConfiguration {
        inherit pkgs;
        modules = [ ./home.nix ];
        extraSpecialArgs = { inherit env; };
      };
    };
}
