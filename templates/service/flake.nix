{
  description = "A NixOS service that computes with PyTorch for CUDA";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  # Where axle comes from: a repository, or a directory as path:…
  inputs.axle.url = "github:OWNER/axle";
  # The environment opens the machine's driver with its own C library, so both must come from one nixpkgs.
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
