//! What Nix builds of the auditor: few crates, in the versions of everything else, out of the files that it is given.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use axle_provision::cargo::cargo;
use fs_err as fs;
use toml::{Table, Value};

/// Where the auditor stands apart from the workspace.
const STANDALONE: &str = "crates/axle-auditor/standalone";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a command that succeeds prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of a lock file. Which version of a dependency is meant stands there only where the file has several.
fn packages(path: &str) -> Vec<Table> {
    let lock: Table = fs::read_to_string(root().join(path)).unwrap().parse().unwrap();
    let Some(Value::Array(packages)) = lock.get("package") else { panic!("{path} has no packages") };
    let package = |package: &Value| {
        let mut package = package.as_table().unwrap().clone();
        for dependency in package.get_mut("dependencies").and_then(Value::as_array_mut).into_iter().flatten()
        {
            let name = dependency.as_str().unwrap().split(' ').next().unwrap();
            *dependency = Value::from(name);
        }
        package
    };
    packages.iter().map(package).collect()
}

/// `serde 1.0.229`.
fn named(package: &Table) -> String {
    format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
}

#[test]
fn the_lock_file_has_what_it_needs_in_the_versions_of_the_workspace() {
    let manifest = root().join(STANDALONE).join("Cargo.toml");
    let locked = cargo()
        .args(["metadata", "--format-version", "1", "--frozen", "--manifest-path"])
        .arg(&manifest)
        .output()
        .unwrap();
    assert!(
        locked.status.success(),
        "{}write it anew: cp Cargo.lock {STANDALONE}/ && cargo tree --manifest-path {STANDALONE}/Cargo.toml",
        String::from_utf8_lossy(&locked.stderr)
    );

    let (all, own) = (packages("Cargo.lock"), packages(&format!("{STANDALONE}/Cargo.lock")));
    // What comes from the registry is the same, with hash and dependencies; the lock file of the workspace knows of the
    // others what they need for their tests, too.
    let published: Vec<_> = own.iter().filter(|package| package.contains_key("source")).collect();
    for package in &published {
        let name = named(package);
        assert!(all.contains(package), "{name}: cp Cargo.lock {STANDALONE}/ && cargo tree --manifest-path …");
    }
    assert!(published.len() < 30, "{} crates to judge one package", published.len());

    let tree =
        ["tree", "--frozen", "--package", "axle-auditor", "--edges", "normal,build", "--target", "all"];
    let tree = printed(cargo().current_dir(root()).args(tree).args(["--prefix", "none", "--format", "{p}"]));
    let needed: BTreeSet<String> = tree
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| format!("{name} {}", rest.split(' ').next().unwrap()))
        .collect();
    let own: BTreeSet<String> = own.iter().map(named).collect();
    assert_eq!(own, &needed | &BTreeSet::from(["axle-auditor-standalone 0.0.0".to_owned()]));
}

#[test]
#[ignore = "builds it anew, which takes a minute"]
fn it_builds_from_what_nix_is_given() {
    // The files that overlays/builders/auditor.nix takes.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("auditor");
    let mut files = vec!["Cargo.toml".to_owned()];
    files.extend(["Cargo.toml", "Cargo.lock"].map(|file| format!("{STANDALONE}/{file}")));
    for name in ["axle-auditor", "axle-elf", "axle-fatbin"] {
        files.push(format!("crates/{name}/Cargo.toml"));
        let sources = fs::read_dir(root().join(format!("crates/{name}/src"))).unwrap();
        let names = sources.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.extend(names.map(|file| format!("crates/{name}/src/{file}")));
    }
    let _ = fs::remove_dir_all(folder.join("crates"));
    for file in files {
        let copy = folder.join(&file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(root().join(file), copy).unwrap();
    }
    let target = folder.join("target");
    printed(
        cargo()
            .current_dir(folder.join(STANDALONE))
            .args(["build", "--release", "--frozen", "--ignore-rust-version"])
            .env("CARGO_TARGET_DIR", &target),
    );
    let version = printed(Command::new(target.join("release/axle-auditor")).arg("--version"));
    assert!(version.starts_with("axle-auditor "), "{version}");
}
