//! The overlay refuses the compilers that the command line refuses, in the same words.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use axle_catalogue::{Catalogue, Folder};
use axle_provision::nix;
use axle_types::HostCompiler;
use serde::Deserialize;

/// What Nix objects to a compiler.
#[derive(Debug, PartialEq, Deserialize)]
struct Objection {
    rule: String,
    message: String,
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn nix_and_rust_object_to_the_same_compilers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = nix::ensure()
        .unwrap()
        .command("nix")
        .current_dir(&root)
        .args(["eval", "--json", "--no-write-lock-file", "--override-input", "nixpkgs", "path:./checks/host"])
        .arg(".#legacyPackages.x86_64-linux.compilers")
        .output()
        .unwrap();
    let said: BTreeMap<String, BTreeMap<String, Vec<Objection>>> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));

    let compilers = Catalogue::new(Folder::new(root.join("catalogue"))).compilers().unwrap();
    assert!(said.len() > 10, "{}", said.len());
    for (cuda, by_compiler) in said {
        assert_eq!(by_compiler.len(), 58);
        for (name, objections) in by_compiler {
            let (kind, major) = name.split_once(' ').unwrap();
            let major = major.parse().unwrap();
            let compiler = if kind == "gcc" { HostCompiler::Gcc(major) } else { HostCompiler::Clang(major) };
            let expected = compilers.objection("x86_64-linux".parse().unwrap(), &cuda, compiler);
            let expected = expected.map(|objection| Objection {
                rule: objection.rule.unwrap().code().to_owned(),
                message: objection.message,
            });
            assert_eq!(objections, expected.into_iter().collect::<Vec<_>>(), "CUDA {cuda}, {name}");
        }
    }
}
