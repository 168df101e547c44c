//! The platform tag that auditwheel gives real wheels is what the audit says that it should be.
//!
//! Needs the network (some 40 MB through pip): run it by `cargo test -p axle-audit --test network_auditwheel -- --ignored`.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use axle_audit::{Options, audit, platform_tag};
use axle_wheel::LocalFile;

/// Self-contained wheels: auditwheel calls those that need libraries of other packages `linux_…`.
const WHEELS: [&str; 4] =
    ["numpy==1.26.4", "onnxruntime==1.20.1", "tokenizers==0.23.3", "cryptography==50.0.2"];

fn pip(arguments: &[&str], folder: &Path) {
    let status = Command::new("python3").args(["-m", "pip"]).args(arguments).arg(folder).status().unwrap();
    assert!(status.success(), "pip {arguments:?}");
}

#[test]
#[ignore = "needs the network"]
fn platform_tags_are_those_of_auditwheel() {
    let folder = tempfile::tempdir().unwrap();
    let (tool, wheels) = (folder.path().join("tool"), folder.path().join("wheels"));
    pip(&["install", "--quiet", "auditwheel==6.8.2", "--target"], &tool);
    for wheel in WHEELS {
        let platform = ["2_17", "2_27", "2_28"].map(|glibc| format!("--platform=manylinux_{glibc}_x86_64"));
        let mut arguments =
            vec!["download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11", wheel];
        arguments.extend(platform.iter().map(String::as_str));
        arguments.push("--dest");
        pip(&arguments, &wheels);
    }
    for entry in std::fs::read_dir(wheels).unwrap() {
        let path = entry.unwrap().path();
        let output = Command::new("python3")
            .args(["-m", "auditwheel", "show"])
            .arg(&path)
            .env("PYTHONPATH", &tool)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let theirs = text.split("following platform tag: \"").nth(1).and_then(|rest| rest.split('"').next());
        let name = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let facts = audit(&LocalFile::open(&path).unwrap(), &name, &Options::default()).unwrap();
        assert_eq!(platform_tag(&facts).should_be.as_deref(), theirs, "{name}: {text}");
    }
}
