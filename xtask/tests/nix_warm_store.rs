//! Builds are never repeated: once a cell has been built, another one with the same wheels fetches and patches none.
//! And what is compiled is audited, by a derivation of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::Path;
use std::process::Output;

use axle_provision::nix::{self, NixEnv};

fn build(nix: &NixEnv, fixture: &str, more: &[&str]) -> Output {
    let output = nix
        .command("nix")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["build", "--no-link", "--no-write-lock-file"])
        .args(["--override-input", "nixpkgs", "path:./checks/host"])
        .arg(format!(".#legacyPackages.x86_64-linux.fixtures.{fixture}"))
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
#[ignore = "fetches a Nix when the machine has none, and small wheels from the package index"]
fn a_second_cell_on_a_warm_store_builds_no_wheel() {
    let nix = nix::ensure().unwrap();
    build(&nix, "first", &[]);
    for other in ["second", "third"] {
        let planned = build(&nix, other, &["--dry-run"]);
        let planned = String::from_utf8_lossy(&planned.stderr);
        let repeated: Vec<_> = planned
            .lines()
            .filter(|line| line.contains("-wheel-") || line.contains(".whl") || line.contains("-bytecode-"))
            .collect();
        assert!(repeated.is_empty(), "{other} builds again {repeated:#?}");
    }
}

#[test]
#[ignore = "fetches a Nix when the machine has none, and a small sdist from the package index"]
fn what_is_compiled_is_audited_before_it_is_used() {
    let nix = nix::ensure().unwrap();
    nix::place_auditor(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    build(&nix, "compiled", &[]);
    let inputs = nix
        .command("nix")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["derivation", "show", "--recursive", "--no-write-lock-file"])
        .args(["--override-input", "nixpkgs", "path:./checks/host"])
        .arg(".#legacyPackages.x86_64-linux.fixtures.compiled")
        .output()
        .unwrap();
    let inputs: serde_json::Value = serde_json::from_slice(&inputs.stdout).unwrap();
    // Newer releases of Nix have them one level deeper.
    let inputs = inputs.get("derivations").unwrap_or(&inputs);
    let needs = |name: &str, needed: &str| {
        let derivations = inputs.as_object().unwrap().iter().filter(|(path, _)| path.ends_with(name));
        derivations.into_iter().any(|(_, derivation)| derivation.to_string().contains(needed))
    };
    let (build, audit) = ("-markupsafe-3.0.4-torch2.10-cpu.drv", "-markupsafe-3.0.4-torch2.10-cpu-audit.drv");
    assert!(needs("-python3.11-markupsafe-3.0.4-torch2.10-cpu.drv", audit), "it does not wait for the audit");
    assert!(needs(audit, build), "the audit does not read the build");
    assert!(!needs(build, "-axle-auditor.drv"), "the build itself depends on axle");
}
