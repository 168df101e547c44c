//! Locks: what `axle lock` writes Nix reads, with the same plan and id.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::{Path, PathBuf};
use std::process::Command;

use axle_provision::nix;
use serde_json::Value;

/// Requests that no cell answers, without wheels that would have to be read first.
const REQUESTS: [&str; 7] = [
    "--python 3.11 --cuda 12.8 --cc 8.6 --cc 9.0 torch --pin triton==3.5.1",
    "--python 3.11 --cuda 12.8 --cc 8.6 torch numpy --pin nvidia-nccl-cu12==2.27.5",
    "--python 3.11 --cuda 12.6 --cc 6.1 torch",
    "--python 3.11 --cpu torch triton --prefer newest",
    "--python 3.11 --cuda 12.8 --cc 8.6 torch flash-attn --pin flash-attn==2.7.4.post1",
    "--python 3.11 --cuda 13.0 --cc 9.0 --gcc 13 flash-attn torch",
    "--python 3.11 --cuda 12.8 --cc 8.6 --gcc 13 mamba-ssm --prefer mamba-ssm=source --pin triton==3.5.1",
];

/// The command line, which is built with the workspace.
fn axle() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let axle = test.ancestors().nth(2).unwrap().join("axle");
    assert!(axle.exists(), "{} is not there: build the workspace", axle.display());
    axle
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn nix_reads_what_axle_locks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let nix = nix::ensure().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (number, request) in REQUESTS.iter().enumerate() {
        let file = folder.path().join(format!("{number}.lock.json"));
        let lock = Command::new(axle())
            .args(["lock", "--offline", "--format", "json"])
            .args(request.split(' '))
            .arg("-o")
            .arg(&file)
            .output()
            .unwrap();
        assert!(lock.status.success(), "{request}: {}", String::from_utf8_lossy(&lock.stderr));
        let mut plan: Value = serde_json::from_slice(&lock.stdout).unwrap();
        plan.as_object_mut().unwrap().remove("errors");

        let check = Command::new(axle()).args(["lock", "--offline", "--check"]).arg(&file).output().unwrap();
        assert!(check.status.success(), "{request}: {}", String::from_utf8_lossy(&check.stdout));

        // The package set of the checks has not every compiler, and the toolkits of CUDA 13 alone: from wheels that are no
        // part of the lock.
        let mut attributes = vec!["id", "plan"];
        attributes.extend((!request.contains("--gcc")).then_some("python"));
        attributes.extend(request.contains("--cuda 13").then_some("toolkit"));
        let attributes = attributes.join(" ");
        let read = nix
            .command("nix")
            .current_dir(&root)
            // A pure evaluation could not read the lock.
            .args(["eval", "--json", "--impure", ".#legacyPackages.x86_64-linux.locks"])
            .args(["--no-write-lock-file", "--override-input", "nixpkgs", "path:./checks/host"])
            .arg("--apply")
            .arg(format!("locks: let lock = locks {}; in {{ inherit (lock) {attributes}; }}", file.display()))
            .output()
            .unwrap();
        assert!(read.status.success(), "{request}: {}", String::from_utf8_lossy(&read.stderr));
        let read: Value = serde_json::from_slice(&read.stdout).unwrap();
        // What should be known of a plan before it is used Nix does not tell.
        for only_rust in ["warnings", "untried"] {
            plan.as_object_mut().unwrap().remove(only_rust);
        }
        assert_eq!(read["plan"], plan, "{request}");
        assert_eq!(read["id"], plan["id"], "{request}");
        for attribute in attributes.split(' ') {
            assert!(!read[attribute].is_null(), "{request}: {attribute}");
        }
    }
}
