//! What Nix says when it refuses: one snapshot of every message in `checks/refusals.nix`.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use axle_provision::nix::{self, NixEnv};

/// Evaluates an attribute below the refusals of the flake, over the package set in `checks/host`.
fn evaluate(nix: &NixEnv, attribute: &str, more: &[&str]) -> Output {
    nix.command("nix")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["eval", "--json", "--no-write-lock-file", "--override-input", "nixpkgs", "path:./checks/host"])
        .arg(format!(".#legacyPackages.x86_64-linux.refusals{attribute}"))
        .args(more)
        .output()
        .unwrap()
}

/// The message itself: what follows the last `error:`, without Nix's indentation.
fn message(stderr: &str) -> String {
    let text = stderr.rsplit_once("error:").map_or(stderr, |(_, text)| text);
    text.trim()
        .lines()
        .map(|line| line.strip_prefix("       ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn every_refusal_says_what_to_do() {
    let nix = nix::ensure().unwrap();
    let listing = evaluate(&nix, "", &["--apply", "builtins.attrNames"]);
    let names: Vec<String> = serde_json::from_slice(&listing.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&listing.stderr)));

    let mut report = String::new();
    for name in names {
        let output = evaluate(&nix, &format!(".{name}"), &[]);
        assert!(!output.status.success(), "{name} is not refused");
        let message = message(&String::from_utf8_lossy(&output.stderr));
        assert!(message.starts_with("axle: "), "{name} is refused by something else: {message}");
        writeln!(report, "# {name}\n{message}\n").unwrap();
    }
    insta::assert_snapshot!(report);
}
