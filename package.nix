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
      ./THIRD-PARTY-NOTICES.txt
      ./xtask
    ];
  };
  cargoLock.lockFile = ./Cargo.lock;
  cargoBuildFlags = [
    "--package"
    "axle"
  ];
  # What maintenance takes is of the whole repository.
  cargoTestFlags = [
    "--workspace"
  ]
  ++
    lib.concatMap
      (name: [
        "--exclude"
        name
      ])
      [
        "axle-harvest"
        "axle-matrix"
        "axle-provision"
        "axle-site"
        "xtask"
      ];
  # What the licences of its dependencies ask for.
  postInstall = ''
    install -D -m 644 THIRD-PARTY-NOTICES.txt -t $out/share/doc/axle
  '';
  meta = {
    description = "Fits machine-learning wheels to a machine";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "axle";
  };
}
