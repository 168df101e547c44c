//! `cargo xtask ci`: the checks that every change must pass, in minutes; with `--all` also slow ones that rarely fail.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use axle_provision::cargo::cargo;
use axle_provision::nix;
use thiserror::Error;

/// Check formatting, lints, tests, generated files, parsers by fuzzing, and the flake
#[derive(clap::Args)]
pub struct Args {
    /// Also run the checks that are slow and rarely fail: nightly, and before a release
    ///
    /// They test the page in a browser, plans installed by pip and uv, the solver against another one, audits against
    /// other tools, and harvested and audited facts against their sources.
    #[arg(long)]
    all: bool,
}

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
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let root = Path::new(".");
    with_cargo(&["fmt", "--all", "--check"])?;
    with_cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    // What Nix builds must build with the Rust of older package sets.
    let mut older = cargo();
    older.env("CLIPPY_CONF_DIR", "crates/axle-auditor/standalone");
    older.args(["clippy", "--quiet", "-p", "axle-auditor", "-p", "axle-elf", "-p", "axle-fatbin"]);
    step(older.args(["--", "-D", "clippy::incompatible_msrv"]), "cargo clippy, for an older Rust")?;
    if cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        with_cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"])?;
    } else {
        anstream::eprintln!("→ cargo deny is not installed; the nightly run has it");
    }
    with_cargo(&["test", "--workspace"])?;
    with_cargo(&["xtask", "update", "--check"])?;
    step(Command::new(nix::command_line(root)?).args(["catalogue", "check"]), "axle catalogue check")?;
    with_cargo(&["xtask", "notices", "--check"])?;
    with_cargo(&["xtask", "rules", "--check"])?;
    with_cargo(&["xtask", "vectors", "--check"])?;
    with_cargo(&["xtask", "matrix", "--check"])?;
    with_cargo(&["xtask", "field", "--check"])?;
    with_cargo(&["xtask", "fuzz"])?;

    let nix = nix::ensure()?;
    nix::place_auditor(root)?;
    if args.all {
        with_cargo(&["xtask", "sample"])?;
        with_cargo(&["xtask", "harvest", "toolkits", "--check"])?;
        // What asks the package index, Nix or Chromium, of all crates, as everything else is built.
        with_cargo(&["test", "--workspace", "--test", "*", "--", "--ignored"])?;
    } else {
        // As everything else is built: of one crate alone, its dependencies would be built once more.
        with_cargo(&["test", "--workspace", "--test", "nix_*", "--", "--ignored", "--skip", "slow_"])?;
        with_cargo(&["test", "--workspace", "--test", "book", "--", "--ignored", "snippets_of_nix"])?;
    }
    let mut check = nix.command("nix");
    check.args([
        "flake",
        "check",
        "--no-write-lock-file",
        "--option",
        "allow-import-from-derivation",
        "false",
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
