/**
  The auditor of compiled packages: a program of a few crates, so that compiling one package does not require building
  the whole command line.
*/
{
  lib,
  pkgs,
  rustPlatform,
  rustc,
}:
let
  inherit (builtins)
    filter
    fromTOML
    genList
    head
    readFile
    ;
  inherit (lib) fileset;

  crate = name: [
    (../../crates + "/${name}/Cargo.toml")
    (../../crates + "/${name}/src")
  ];
  standalone = ../../crates/axle-auditor/standalone;
  oldest = (fromTOML (readFile (standalone + "/Cargo.toml"))).package.rust-version;

  # Releases of nixpkgs also have newer Rust compilers than their default, for browsers.
  newer = filter (name: pkgs ? ${name}) (
    genList (index: "rust_1_${toString (index + lib.toInt (lib.versions.minor oldest))}") 50
  );
  platform =
    if lib.versionAtLeast rustc.version oldest then
      rustPlatform
    else if newer != [ ] then
      pkgs.${head newer}.packages.stable.rustPlatform
    else
      throw "axle: axle-auditor, which audits compiled packages, needs Rust ${oldest} or newer, and this package set has ${rustc.version}; set `axle-auditor` in an overlay to one that was built elsewhere";
in
platform.buildRustPackage {
  pname = "axle-auditor";
  version = (fromTOML (readFile ../../Cargo.toml)).workspace.package.version;
  src = fileset.toSource {
    root = ../..;
    fileset = fileset.unions (
      [
        # The crates inherit from it.
        ../../Cargo.toml
        (standalone + "/Cargo.toml")
        (standalone + "/Cargo.lock")
      ]
      ++ crate "axle-auditor"
      ++ crate "axle-elf"
      ++ crate "axle-fatbin"
    );
  };
  sourceRoot = "source/crates/axle-auditor/standalone";
  cargoLock.lockFile = standalone + "/Cargo.lock";
  # The crates inherit the minimum Rust version of the whole workspace.
  cargoBuildFlags = [ "--ignore-rust-version" ];
  # Its tests need the crates of the full audit.
  doCheck = false;
  meta = {
    description = "Checks that a compiled package contains the device code that was asked for";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "axle-auditor";
  };
}
