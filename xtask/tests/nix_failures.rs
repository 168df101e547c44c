//! What evaluates and must not build: Nix says why, and names both sides of what does not go together.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::Path;

use axle_provision::nix;

/// The two worlds that meet, as hooks name them.
const TARGETS: &[&str] = &[
    "one for Python 3.11, CUDA 12.8, torch 2.10.0, compute capabilities 8.6 9.0",
    "compute capabilities 8.0;",
];
/// The same as store names have it, where an environment finds two files at one place.
const NAMES: &[&str] = &["-torch2.10-cu128-cc8.6-9.0/", "-torch2.10-cu128-cc8.0/", "axle-world.json"];

/// What is built, and what it must say.
const FAILURES: &[(&str, &[&str])] = &[
    ("build-env", NAMES),
    ("python-with-packages", NAMES),
    ("shell-of-packages", TARGETS),
    ("shell-of-environments", TARGETS),
    ("shell-of-both", TARGETS),
    ("shell-of-shells", TARGETS),
    (
        "declared-too-little",
        &["libcufile_rdma.so.1 needs libmlx5.so.1, which is not declared for nvidia-nvtx-cu12"],
    ),
    (
        "nothing-to-replace",
        &[
            "axle: src/markupsafe/__init__.py of this sdist does not have `no such text`: change [[source.replace]]",
        ],
    ),
    (
        "audit-finds-no-code",
        &["axle: markupsafe was compiled for other architectures than sm_86: there is no device code"],
    ),
    (
        "linked-unsatisfied",
        &[
            "axle: unsatisfied 1.0 of the package set requires typing-extensions<4, and this concretisation has typing-extensions 4.15.0",
        ],
    ),
    ("wrong-hash", &["six-1.17.0-py2.py3-none-any.whl"]),
];

#[test]
#[ignore = "fetches a Nix when the machine has none, and small wheels from the package index"]
fn what_does_not_go_together_is_not_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let nix = nix::ensure().unwrap();
    nix::place_auditor(&root).unwrap();
    for (name, expected) in FAILURES {
        let output = nix
            .command("nix")
            .current_dir(&root)
            .args(["build", "--no-link", "--print-build-logs", "--no-write-lock-file"])
            .args(["--override-input", "nixpkgs", "path:./checks/host"])
            .arg(format!(".#legacyPackages.x86_64-linux.failures.{name}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name} was built");
        for text in *expected {
            assert!(said.contains(text), "{name} does not say `{text}`: {said}");
        }
    }
}
