//! Debian packages, unpacked into the user's cache, for programs that a machine may lack.
//!
//! Apt resolves, downloads and verifies their packages with a source list and a state of its own, so nothing of the
//! system changes, and they are unpacked into the user's cache. Debian's programs look for their libraries in `/usr/lib`,
//! where the host's older ones are: they have to be run through the [loader](Unpacked::loader) unpacked with them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use fs_err as fs;

/// Debian's keys, as every Debian machine has them; apt checks the suite's signature against these.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Why a program cannot be had.
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
        status: ExitStatus,
        /// The end of what it said on standard error.
        stderr: String,
    },
    /// The machine's apt has no Debian source to take packages from.
    #[error(
        "{wanted} is not on PATH, and apt has no Debian mirror configured to download it from: install it"
    )]
    NoMirror {
        /// What was to be fetched.
        wanted: &'static str,
    },
    /// The home directory is unknown, so there is no place for a cache.
    #[error(
        "neither XDG_CACHE_HOME nor HOME is set, so there is no cache directory for programs; set one of them"
    )]
    NoHome,
    /// What was unpacked does not run.
    #[error("{} does not contain a working {wanted}", .folder.display())]
    Unusable {
        /// What was to be fetched.
        wanted: &'static str,
        /// Where it is.
        folder: PathBuf,
    },
}

/// What is fetched.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What it is, for a person.
    pub what: &'static str,
    /// What its folder in the cache is called, before the version.
    pub name: &'static str,
    /// The suite that it is taken from.
    pub suite: &'static str,
    /// Its packages; the first says the version.
    pub packages: &'static [&'static str],
    /// Packages in whose place the machine's own programs serve.
    pub present: &'static [&'static str],
}

/// Packages that were unpacked into the folder `root` of a folder, before that is moved to its place in the cache.
#[derive(Debug)]
pub struct Unpacked {
    /// The folder as it is.
    pub folder: PathBuf,
    /// Where it is going to be.
    pub target: PathBuf,
}

impl Unpacked {
    /// The loader of the C library that was unpacked; the libraries are in its folder.
    ///
    /// # Errors
    /// When there is none, or the folders cannot be read.
    pub fn loader(&self) -> Result<PathBuf, Error> {
        for folder in fs::read_dir(self.folder.join("root/usr/lib"))? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let file = file?;
                if file.file_name().to_string_lossy().starts_with("ld-linux") {
                    return Ok(file.path());
                }
            }
        }
        Err(Error::Unusable { wanted: "C library", folder: self.folder.clone() })
    }

    /// Where a path of it is going to be.
    pub fn moved(&self, path: &Path) -> PathBuf {
        self.target.join(path.strip_prefix(&self.folder).unwrap_or(path))
    }
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

/// The folder in the cache with what is wanted: what an earlier run left there, else fetched, complete or not at all.
/// `finish` makes what was unpacked ready to run.
///
/// # Errors
/// When it is not there and cannot be had.
pub fn ensure(
    wanted: &Wanted,
    works: impl Fn(&Path) -> bool,
    finish: impl FnOnce(&Unpacked) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let cache = cache()?;
    fs::create_dir_all(&cache)?;
    for entry in fs::read_dir(&cache)? {
        let entry = entry?;
        let is_ours =
            entry.file_name().to_string_lossy().strip_prefix(wanted.name).is_some_and(|v| v.starts_with('-'));
        if is_ours && works(&entry.path()) {
            return Ok(entry.path());
        }
    }
    let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(&cache)?;
    let packages = Apt::new(work.path(), wanted)?.download(wanted.packages)?;
    let folder = work.path().join(wanted.name);
    fs::create_dir_all(folder.join("root"))?;
    for package in &packages {
        output(Command::new("dpkg").arg("-x").arg(package).arg(folder.join("root")))?;
    }
    let of = |package: &PathBuf| {
        let name =
            package.file_name()?.to_str()?.strip_prefix(wanted.packages.first()?)?.strip_prefix('_')?;
        name.split(['+', '-', '_']).next().map(str::to_owned)
    };
    let version = packages.iter().find_map(of).unwrap_or_else(|| wanted.suite.to_owned());
    let target = cache.join(format!("{}-{version}", wanted.name));
    finish(&Unpacked { folder: folder.clone(), target: target.clone() })?;
    // Another run may have been faster: then its folder is as good as ours.
    if let Err(error) = fs::rename(folder, &target)
        && !works(&target)
    {
        return Err(error.into());
    }
    if works(&target) { Ok(target) } else { Err(Error::Unusable { wanted: wanted.what, folder: target }) }
}

/// The Debian mirror that the machine's own apt uses.
fn mirror(wanted: &Wanted) -> Result<String, Error> {
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
        .ok_or(Error::NoMirror { wanted: wanted.what })
}

/// An apt with a source and a state of its own: it resolves, downloads and verifies, and installs nothing.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path, wanted: &Wanted) -> Result<Self, Error> {
        for name in ["apt/lists/partial", "apt/archives/partial"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let architecture = output(Command::new("dpkg").arg("--print-architecture"))?;
        let architecture = String::from_utf8_lossy(&architecture.stdout).trim().to_owned();
        let present = wanted.present.iter().map(|package| {
            format!(
                "Package: {package}\nStatus: install ok installed\nArchitecture: {architecture}\nVersion: 999:0\n\n"
            )
        });
        fs::write(folder.join("apt/status"), present.collect::<String>())?;
        let (mirror, suite) = (mirror(wanted)?, wanted.suite);
        fs::write(
            folder.join("apt/sources.list"),
            format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"),
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

/// Runs a program to its end; what it says on standard error is shown only when it fails.
///
/// # Errors
/// When it cannot be started, or fails.
pub fn output(command: &mut Command) -> Result<Output, Error> {
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
