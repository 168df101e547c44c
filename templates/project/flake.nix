{
  description = "A Python project on PyTorch for CUDA, with an editable install in its shell";

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
      project = env.python.pkgs.callPackage ./package.nix { };
      editable = env.python.pkgs.callPackage ./editable.nix { };
    in
    {
      packages.${system} = {
        # `nix run`
        default = project;
        # Python with the project and everything that it requires, for a service or an image.
        python = env.python.withPackages (_: [ project ]);
      };

      # `nix develop`, from the root of the working tree; direnv does the same.
      devShells.${system}.default = pkgs.mkShell {
        packages = [ (env.python.withPackages (_: [ editable ])) ];
        shellHook = "export PROJECT=$PWD";
      };
    };
}
