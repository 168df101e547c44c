//! Nix for the tests, and `cargo xtask nix`, which runs it.
//!
//! A machine that has Nix 2.18 or newer uses it. Any other Debian machine gets [Debian](crate::debian) trixie's Nix, in
//! the user's cache. Nix starts itself again by its name, so it is patched to use the loader and the libraries unpacked
//! with it.
//!
//! The store must be `/nix/store`: store paths are written into the RPATHs of everything that is built.
//! Builds are sandboxed; only derivations that ask for the host (`__noChroot`) and downloads whose hash is
//! fixed see it, which Nix calls `sandbox = relaxed`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use fs_err as fs;

use cargo_metadata::Artifact;

use crate::cargo::{artefacts, cargo};
use crate::debian::{self, Unpacked, Wanted, output};

/// The oldest Nix that is good enough: the first with all that the flake's tests use.
const OLDEST: (u32, u32) = (2, 18);
/// What a machine gets that has none.
const WANTED: Wanted = Wanted {
    what: "Nix 2.18 or newer",
    name: "nix",
    suite: "trixie",
    packages: &["nix-bin", "patchelf"],
    present: &[],
};
/// The names that the one program `nix` answers to.
const NAMES: [&str; 6] = ["nix", "nix-build", "nix-instantiate", "nix-store", "nix-shell", "nix-hash"];

/// Runs Nix, the machine's own or one that is fetched for the purpose.
#[derive(clap::Args)]
pub struct Args {
    /// Arguments for `nix`; without any, tells which Nix is used.
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// Why there is no Nix to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be written; the text names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A program cannot be had or run.
    #[error(transparent)]
    Debian(#[from] debian::Error),
    /// There is no `/nix/store` and it cannot be made.
    #[error(
        "cannot create /nix/store ({source}), which Nix needs at exactly this path; create it once with \
         `sudo mkdir -p /nix/store && sudo chown -R $(id -u) /nix`"
    )]
    Store {
        /// Why not.
        source: io::Error,
    },
    /// Cargo built a program and did not say where it is.
    #[error("`cargo build --bin {program}` did not report a program called {program}")]
    NotBuilt {
        /// The program.
        program: &'static str,
    },
}

/// A Nix that works: where its programs are and how they are to be run.
#[derive(Debug, Clone)]
pub struct NixEnv {
    /// The folder with `nix`, `nix-build` and so on; `None` where they are on PATH anyway.
    pub bin: Option<PathBuf>,
    /// Environment variables to set, by name.
    pub vars: Vec<(&'static str, String)>,
}

impl NixEnv {
    /// A command that runs one of Nix's programs (`nix`, `nix-build`, …) in the right environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = match &self.bin {
            Some(bin) => Command::new(bin.join(program)),
            None => Command::new(program),
        };
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
        // Nix starts itself again by name as a build helper.
        if let Some(bin) = &self.bin {
            let mut path = OsString::from(bin);
            if let Some(rest) = std::env::var_os("PATH") {
                path.push(":");
                path.push(rest);
            }
            command.env("PATH", path);
        }
        command
    }
}

/// Runs `cargo xtask nix`.
///
/// # Errors
/// When there is no Nix and none can be had, or it cannot be started.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let nix = ensure()?;
    let mut command = nix.command("nix");
    if args.args.is_empty() {
        command.arg("--version");
    } else {
        command.args(&args.args);
    }
    let status = command.status().map_err(|source| debian::Error::Start { program: "nix".into(), source })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A modern Nix: the machine's own, else the one in the user's cache, else one fetched into it.
///
/// # Errors
///
/// When neither is there nor can be had; see [`Error`].
pub fn ensure() -> Result<NixEnv, Error> {
    if is_modern(Path::new("nix")) {
        let features = "extra-experimental-features = nix-command flakes\nsandbox = relaxed\n";
        return Ok(NixEnv { bin: None, vars: vec![("NIX_CONFIG", features.into())] });
    }
    fs::create_dir_all("/nix/store").map_err(|source| Error::Store { source })?;
    let folder = debian::ensure(&WANTED, |folder| is_modern(&folder.join("bin/nix")), finish)?;
    Ok(environment(&folder))
}

/// Builds the command line; gives its path.
///
/// # Errors
/// When it cannot be built.
pub fn command_line(root: &Path) -> Result<PathBuf, Error> {
    program(root, "axle")
}

fn program(root: &Path, program: &'static str) -> Result<PathBuf, Error> {
    let built = output(cargo().current_dir(root).args([
        "build",
        "--quiet",
        // As everything else is built, so that no dependency is compiled anew with other features.
        "--workspace",
        "--bin",
        program,
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    let is_program = |artefact: &Artifact| artefact.target.name == program;
    artefacts(&built.stdout)
        .filter(is_program)
        .find_map(|artefact| artefact.executable)
        .map(Into::into)
        .ok_or(Error::NotBuilt { program })
}

/// Builds the judge of what is compiled, and puts it into the stand-in package set, which has no Rust.
///
/// # Errors
/// When it cannot be built or written.
pub fn place_auditor(root: &Path) -> Result<(), Error> {
    const NAME: &str = "axle-auditor";
    let program = program(root, NAME)?;
    let folder = root.join("checks/host");
    let new = tempfile::NamedTempFile::new_in(&folder)?;
    // Without what only a debugger reads it is a tenth as large.
    output(Command::new("strip").arg("-o").arg(new.path()).arg(&program))?;
    new.persist(folder.join(NAME)).map_err(|error| error.error)?;
    Ok(())
}

/// How a Nix that was unpacked into `folder` is run: without a daemon, without build users and binary caches.
fn environment(folder: &Path) -> NixEnv {
    let shell = folder.join("root/usr/bin/bash-static");
    let config = format!(
        "experimental-features = nix-command flakes\n\
         build-users-group =\n\
         substituters =\n\
         max-jobs = auto\n\
         sandbox = relaxed\n\
         sandbox-fallback = false\n\
         sandbox-paths = /bin/sh={}\n",
        shell.display()
    );
    NixEnv { bin: Some(folder.join("bin")), vars: vec![("NIX_CONFIG", config)] }
}

/// Makes `nix` use the loader and libraries unpacked with it, and gives it all its names.
fn finish(unpacked: &Unpacked) -> Result<(), debian::Error> {
    let loader = unpacked.loader()?;
    let libraries = loader.parent().unwrap_or(&loader);
    let programs = unpacked.folder.join("root/usr/bin");
    // Debian's patchelf, too, needs the libraries unpacked with it; its loader can be told where they are.
    let mut patchelf = Command::new(&loader);
    patchelf.arg("--library-path").arg(libraries).arg(programs.join("patchelf"));
    patchelf.arg("--set-interpreter").arg(unpacked.moved(&loader));
    patchelf.arg("--force-rpath").arg("--set-rpath").arg(unpacked.moved(libraries));
    output(patchelf.arg(programs.join("nix")))?;

    let bin = unpacked.folder.join("bin");
    fs::create_dir(&bin)?;
    for name in NAMES {
        fs::os::unix::fs::symlink("../root/usr/bin/nix", bin.join(name))?;
    }
    Ok(())
}

/// Whether `nix` is a Nix that runs and is new enough.
fn is_modern(nix: &Path) -> bool {
    let Ok(output) = Command::new(nix).arg("--version").stdin(Stdio::null()).output() else { return false };
    output.status.success()
        && version(&String::from_utf8_lossy(&output.stdout)).is_some_and(|found| found >= OLDEST)
}

/// Major and minor version out of what `nix --version` prints: `nix (Nix) 2.26.3`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().next_back()?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(version("nix (Nix) 2.26.3\n"), Some((2, 26)));
        assert_eq!(version("nix (Nix) 2.8.0pre20220530_af23d38"), Some((2, 8)));
        assert_eq!(version("nix (Determinate Nix 3.1.0) 2.27.1"), Some((2, 27)));
        assert_eq!(version("command not found"), None);
    }

    #[test]
    fn newer_minor_versions_compare_by_number() {
        assert!(version("nix (Nix) 2.8.0").is_some_and(|found| found < OLDEST));
        assert!(version("nix (Nix) 2.100.0").is_some_and(|found| found > OLDEST));
    }
}
