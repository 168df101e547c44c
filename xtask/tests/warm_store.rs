//! Builds are never repeated: once a cell has been built, another one with the same wheels fetches and patches none.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::Path;
use std::process::Output;

use xtask::nix::{self, NixEnv};

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
