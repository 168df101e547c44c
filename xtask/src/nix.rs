//! A Nix to test with, and `cargo xtask nix`, which runs it.
//!
//! A machine that has Nix 2.18 or newer uses it. Any other Debian machine gets Debian trixie's Nix: apt
//! resolves, downloads and verifies the packages with a source list and a state of its own, so nothing of the
//! system changes, and they are unpacked into the user's cache. Debian's programs look for their libraries in
//! `/usr/lib`, where the host's older ones are, so `nix` is patched to use the unpacked ones.
//!
//! The store must be `/nix/store`: store paths are written into the RPATHs of everything that is built.
//! Builds are sandboxed; only derivations that ask for the host (`__noChroot`) and downloads whose hash is
//! fixed see it, which Nix calls `sandbox = relaxed`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use fs_err as fs;

/// The oldest Nix that is good enough: the first with all that the flake's tests use.
const OLDEST: (u32, u32) = (2, 18);
/// The Debian suite that a Nix is taken from when the machine has none.
const SUITE: &str = "trixie";
/// Debian's keys, as every Debian machine has them; apt checks the suite's signature against these.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
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
    /// A file or folder could not be read or written; the text names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A program could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program's name.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed ({status}): {stderr}")]
    Failed {
        /// The program's name.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it said on standard error.
        stderr: String,
    },
    /// There is no `/nix/store` and it cannot be made.
    #[error(
        "cannot make /nix/store ({source}); Nix needs it at just this place: make it once with \
         `sudo mkdir -p /nix/store && sudo chown -R $(id -u) /nix`"
    )]
    Store {
        /// Why not.
        source: io::Error,
    },
    /// The machine's apt has no Debian source to take packages from.
    #[error("there is no Nix {}.{} or newer on PATH, and apt knows no Debian mirror to take one from: install Nix", OLDEST.0, OLDEST.1)]
    NoMirror,
    /// The home directory is unknown, so there is no place for a cache.
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no folder to keep Nix in")]
    NoHome,
    /// Cargo built the command line and did not say where it is.
    #[error("cargo build --bin axle names no program called axle")]
    NotBuilt,
    /// What was unpacked is not a working Nix.
    #[error("{} does not run as a Nix of version {}.{} or newer", .0.display(), OLDEST.0, OLDEST.1)]
    Unusable(PathBuf),
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
    let status = command.status().map_err(|source| Error::Start { program: "nix".into(), source })?;
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
    let cache = cache()?;
    fs::create_dir_all(&cache)?;
    let folder = match cached(&cache)? {
        Some(folder) => folder,
        None => fetch(&cache)?,
    };
    Ok(environment(&folder))
}

/// Builds the command line; gives its path.
///
/// # Errors
/// When it cannot be built.
pub fn command_line(root: &Path) -> Result<PathBuf, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = output(Command::new(cargo).current_dir(root).args([
        "build",
        "--quiet",
        // As everything else is built, so that no dependency is compiled anew with other features.
        "--workspace",
        "--bin",
        "axle",
        "--message-format",
        "json-render-diagnostics",
    ]))?;
    // Cargo says where the program is: `"executable":"…"`.
    let said = String::from_utf8_lossy(&built.stdout);
    said.lines()
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
        .map(|(path, _)| PathBuf::from(path))
        .find(|path| path.file_name().is_some_and(|name| name == "axle"))
        .ok_or(Error::NotBuilt)
}

/// Builds the command line and puts it into the stand-in package set, which has no Rust; it audits what is compiled.
///
/// # Errors
/// When it cannot be built or written.
pub fn place_command_line(root: &Path) -> Result<(), Error> {
    let program = command_line(root)?;
    let folder = root.join("checks/host");
    let new = tempfile::NamedTempFile::new_in(&folder)?;
    // Without what only a debugger reads it is a tenth as large.
    output(Command::new("strip").arg("-o").arg(new.path()).arg(&program))?;
    new.persist(folder.join("axle")).map_err(|error| error.error)?;
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

/// The folder of the user's cache that is ours.
///
/// # Errors
/// When the home directory is unknown.
pub fn cache() -> Result<PathBuf, Error> {
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given("XDG_CACHE_HOME")
        .or_else(|| given("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("axle"))
        .ok_or(Error::NoHome)
}

/// A Nix that an earlier run has left in the cache.
fn cached(cache: &Path) -> Result<Option<PathBuf>, Error> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("nix-") && is_modern(&entry.path().join("bin/nix"))
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Fetches Debian's Nix into the cache, complete or not at all.
fn fetch(cache: &Path) -> Result<PathBuf, Error> {
    let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(cache)?;
    let packages = Apt::new(work.path(), &mirror()?)?.download(&["nix-bin", "patchelf"])?;

    let root = work.path().join("nix/root");
    fs::create_dir_all(&root)?;
    for package in &packages {
        output(Command::new("dpkg").arg("-x").arg(package).arg(&root))?;
    }
    let version = packages
        .iter()
        .filter_map(|package| package.file_name()?.to_str()?.strip_prefix("nix-bin_"))
        .find_map(|rest| rest.split(['+', '-', '_']).next())
        .unwrap_or(SUITE);
    let folder = cache.join(format!("nix-{version}"));
    relocate(&root, &folder.join("root"))?;

    let bin = work.path().join("nix/bin");
    fs::create_dir(&bin)?;
    for name in NAMES {
        fs::os::unix::fs::symlink("../root/usr/bin/nix", bin.join(name))?;
    }
    // Another run may have been faster: then its folder is as good as ours.
    if let Err(error) = fs::rename(work.path().join("nix"), &folder)
        && !is_modern(&folder.join("bin/nix"))
    {
        return Err(error.into());
    }
    if is_modern(&folder.join("bin/nix")) { Ok(folder) } else { Err(Error::Unusable(folder)) }
}

/// Makes `nix`, unpacked under `root`, use the loader and libraries unpacked with it, once `root` is `target`.
fn relocate(root: &Path, target: &Path) -> Result<(), Error> {
    let mut loaders = Vec::new();
    for folder in fs::read_dir(root.join("usr/lib"))? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("ld-linux") {
                loaders.push(file.path());
            }
        }
    }
    let (Some(loader), Some(libraries)) = (loaders.first(), loaders.first().and_then(|path| path.parent()))
    else {
        return Err(Error::Unusable(root.to_owned()));
    };
    let moved = |path: &Path| target.join(path.strip_prefix(root).unwrap_or(path));
    // Debian's patchelf, too, needs the libraries unpacked with it; its loader can be told where they are.
    let mut patchelf = Command::new(loader);
    patchelf.arg("--library-path").arg(libraries).arg(root.join("usr/bin/patchelf"));
    patchelf.arg("--set-interpreter").arg(moved(loader));
    patchelf.arg("--force-rpath").arg("--set-rpath").arg(moved(libraries));
    output(patchelf.arg(root.join("usr/bin/nix")))?;
    Ok(())
}

/// The Debian mirror that the machine's own apt uses.
fn mirror() -> Result<String, Error> {
    let listing = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(COMPONENT) $(REPO_URI) $(RELEASE)",
        "Created-By: Packages",
    ]))?;
    let codename =
        output(Command::new("sh").args(["-c", ". /etc/os-release && echo \"$VERSION_CODENAME\""]))?;
    let codename = String::from_utf8_lossy(&codename.stdout).trim().to_owned();
    String::from_utf8_lossy(&listing.stdout)
        .lines()
        .find_map(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["main", uri, release] if *release == codename => Some((*uri).to_owned()),
            _ => None,
        })
        .ok_or(Error::NoMirror)
}

/// An apt with a source and a state of its own: it resolves, downloads and verifies, and installs nothing.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path, mirror: &str) -> Result<Self, Error> {
        for name in ["apt/lists/partial", "apt/archives/partial"] {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::write(folder.join("apt/status"), "")?;
        fs::write(
            folder.join("apt/sources.list"),
            format!("deb [signed-by={KEYRING}] {mirror} {SUITE} main\n"),
        )?;
        Ok(Self { folder: folder.join("apt") })
    }

    /// Downloads the packages with all that they depend on; gives the package files.
    fn download(&self, packages: &[&str]) -> Result<Vec<PathBuf>, Error> {
        output(self.command().arg("update"))?;
        output(
            self.command()
                .args(["install", "--yes", "--no-install-recommends", "--download-only"])
                .args(packages),
        )?;
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder.join("archives"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                files.push(path);
            }
        }
        Ok(files)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        for (option, name) in [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::State", ""),
            ("Dir::State::status", "status"),
            ("Dir::Cache", ""),
        ] {
            command.arg("-o").arg(format!("{option}={}", self.folder.join(name).display()));
        }
        // Nothing of the machine's own preferences, and no change of user: the folder is ours alone.
        for option in [
            "Dir::Etc::sourceparts=/dev/null",
            "Dir::Etc::preferences=/dev/null",
            "Dir::Etc::preferencesparts=/dev/null",
            "Acquire::Languages=none",
            "APT::Sandbox::User=",
        ] {
            command.arg("-o").arg(option);
        }
        command
    }
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

/// Runs a program to its end; what it says on standard error is shown only when it fails.
fn output(command: &mut Command) -> Result<Output, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut lines: Vec<_> = stderr.lines().rev().take(5).collect();
    lines.reverse();
    Err(Error::Failed { program, status: output.status, stderr: lines.join("; ") })
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
