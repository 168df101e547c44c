/**
  The judge of what is compiled: a program of a few crates, so that nobody builds the whole command line to compile
  one package.
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

  # Releases of nixpkgs have compilers newer than their own, for browsers.
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
        # What the crates inherit.
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
  # The crates inherit the version that the whole workspace needs.
  cargoBuildFlags = [ "--ignore-rust-version" ];
  # Its tests take the crates of the audit.
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
