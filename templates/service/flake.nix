{
  description = "A service of NixOS that computes with PyTorch for CUDA";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  # Where you take axle from: a repository, or a folder as path:…
  inputs.axle.url = "github:OWNER/axle";
  # The driver of the machine is opened with the C library of the environment: both are of one nixpkgs.
  inputs.axle.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    { nixpkgs, axle, ... }:
    let
      service = import ./module.nix { inherit axle; };
    in
    {
      nixosModules.default = service;

      # `nixos-rebuild switch --flake .#machine`; your own modules beside these.
      nixosConfigurations.machine = nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          service
          ./machine.nix
        ];
      };
    };
}
