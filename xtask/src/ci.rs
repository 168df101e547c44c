//! `cargo xtask ci`: everything that must hold of a change, in minutes.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use thiserror::Error;
use xtask::cargo::cargo;
use xtask::nix;

/// Check format, lints, tests, generated files, parsers by fuzzing, real tools (by pip), and the flake
#[derive(clap::Args)]
pub struct Args {}

/// What does not hold.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Nix.
    #[error(transparent)]
    Nix(#[from] nix::Error),
    /// A program cannot be started.
    #[error("cannot run `{command}`: {source}")]
    Start {
        /// The command.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A step failed; it has said why.
    #[error("`{0}` failed")]
    Failed(String),
}

/// Runs every step; the first that fails ends it.
///
/// # Errors
/// The step that failed.
pub fn run(_: &Args) -> Result<ExitCode, Error> {
    let root = Path::new(".");
    with_cargo(&["fmt", "--all", "--check"])?;
    with_cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    with_cargo(&["test", "--workspace"])?;
    with_cargo(&["xtask", "update", "--check"])?;
    step(Command::new(nix::command_line(root)?).args(["catalogue", "check"]), "axle catalogue check")?;
    with_cargo(&["xtask", "matrix", "--check"])?;
    with_cargo(&["xtask", "sample"])?;
    with_cargo(&["xtask", "harvest", "toolkits", "--check"])?;
    with_cargo(&["xtask", "fuzz"])?;

    let nix = nix::ensure()?;
    nix::place_command_line(root)?;
    // What asks the package index, Nix or Chromium, of all crates, as everything else is built.
    with_cargo(&["test", "--workspace", "--test", "*", "--", "--ignored"])?;
    let mut check = nix.command("nix");
    check.args([
        "flake",
        "check",
        "--no-write-lock-file",
        "--override-input",
        "nixpkgs",
        "path:./checks/host",
    ]);
    step(&mut check, "nix flake check")?;
    Ok(ExitCode::SUCCESS)
}

fn with_cargo(arguments: &[&str]) -> Result<(), Error> {
    let mut command = cargo();
    command.args(arguments);
    step(&mut command, &format!("cargo {}", arguments.join(" ")))
}

fn step(command: &mut Command, name: &str) -> Result<(), Error> {
    anstream::eprintln!("→ {name}");
    let start = Instant::now();
    let status = command.status().map_err(|source| Error::Start { command: name.to_owned(), source })?;
    if !status.success() {
        return Err(Error::Failed(name.to_owned()));
    }
    anstream::eprintln!("  {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
