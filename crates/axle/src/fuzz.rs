//! Fuzzing entry points of the command with untrusted input: all output is checked.

use std::path::Path;

use axle_audit::WheelFacts;
use axle_types::{Requirement, is_hidden};
use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::audit::{self, policy::Policies};
use crate::lock;
use crate::output::{self, Text};
use crate::request_file::RequestFile;

/// Prints the audit of a wheel for a person and as JSON, by what the catalogue knows of it.
///
/// # Panics
/// When something in it could steer a terminal, or is no JSON.
pub fn audit(facts: &WheelFacts) {
    for words in
        [["axle", "audit", "x.whl", "--cc=8.6", "--glibc=2.17"].as_slice(), &["axle", "audit", "x.whl", "-v"]]
    {
        let Ok(Arguments { command: Command::Audit(command) }) = Arguments::try_parse_from(words) else {
            unreachable!("these are its own options")
        };
        let policies = Policies::new(None, false);
        let Ok(wheel) = audit::judge(facts.clone(), &policies, &command.compute_capabilities, &command)
        else {
            continue;
        };
        shown(&audit::view::human(&wheel, &command));
        document(&wheel);
    }
}

/// Reads bytes as a lock.
///
/// # Panics
/// When a name in it is none.
pub fn lock(bytes: &[u8]) {
    if let Ok((lock, locking)) = lock::parse(bytes) {
        let plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+!~-#".contains(&byte));
        for (name, versions) in &lock.builds {
            assert!(plain(name));
            for (version, build) in versions {
                assert!(
                    plain(version) && build.wheels.keys().chain(build.sources.keys()).all(|key| plain(key))
                );
            }
        }
        document(&lock);
        let _ = locking.command();
    }
}

/// Reads a text as each kind of file that a request is made of, and as a requirement.
///
/// # Panics
/// When an error about it could steer a terminal.
pub fn request(text: &str) {
    let results = [
        RequestFile::default().axle_toml(text),
        RequestFile::default().pyproject(text),
        RequestFile::default().requirements(Path::new("no/such/folder/requirements.txt"), text, 8),
    ];
    for error in results.into_iter().filter_map(Result::err) {
        assert!(!output::shown(&error).contains(is_hidden));
    }
    if let Ok(requirement) = text.parse::<Requirement>() {
        let shown = requirement.to_string();
        let again = &shown.parse::<Requirement>();
        assert!(again.as_ref().is_ok_and(|again| again.to_string() == shown), "{shown}");
    }
}

fn shown(text: &Text) {
    let colours = |line: &str| line.replace("\u{1b}[", "").contains(is_hidden);
    assert!(!text.lines().any(colours));
}

fn document(value: &impl serde::Serialize) {
    let mut bytes = Vec::new();
    assert!(output::write_json(&mut bytes, value).is_ok());
    assert!(std::str::from_utf8(&bytes).is_ok_and(|text| !text.replace('\n', "").contains(is_hidden)));
    assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
}
