//! Cargo, run as from a shell.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use cargo_metadata::{Artifact, Message};

/// A command that runs the cargo that runs this, or the one on PATH.
///
/// The variables that tell a program its own package are taken away: build scripts look at them too (ring's does), and
/// would run again at each change between a shell's call and one from here; then all that depends on them is compiled
/// again.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for name in of_package() {
        cargo.env_remove(name);
    }
    cargo
}

/// What cargo built, as `--message-format json` says it.
pub fn artefacts(output: &[u8]) -> impl Iterator<Item = Artifact> {
    Message::parse_stream(output).filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artefact)) => Some(artefact),
        _ => None,
    })
}

/// The names of the variables in which cargo tells a program that it runs what package it is of.
pub fn of_package() -> impl Iterator<Item = OsString> {
    let is_of_package = |name: &OsStr| {
        name.to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    };
    std::env::vars_os().map(|(name, _)| name).filter(move |name| is_of_package(name))
}
