/**
  The command line, with the catalogue in it.
*/
{ lib, rustPlatform }:
rustPlatform.buildRustPackage {
  pname = "axle";
  version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package.version;
  src = lib.fileset.toSource {
    root = ./.;
    fileset = lib.fileset.unions [
      ./Cargo.toml
      ./Cargo.lock
      ./catalogue
      ./crates
      ./docs
      ./xtask
    ];
  };
  cargoLock.lockFile = ./Cargo.lock;
  cargoBuildFlags = [
    "--package"
    "axle"
  ];
  # Those of xtask are of the whole repository.
  cargoTestFlags = [
    "--workspace"
    "--exclude"
    "xtask"
  ];
  meta = {
    description = "Fits machine-learning wheels to a machine";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "axle";
  };
}
