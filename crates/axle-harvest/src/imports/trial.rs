//! Installing and importing.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use axle_catalogue::{Inventory, LibrariesFile, Outcome, Trial};
use axle_index::Settings;
use axle_types::PythonVersion;

use super::classify::{ImportFailure, Surroundings, classify};
use super::wanted::{Group, Pair, Wheel};
use crate::Error;

/// What imports the modules.
const IMPORT: &str = include_str!("import.py");

/// How long an import may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where wheels are installed and imported.
pub(super) struct Environment {
    uv: PathBuf,
    folder: PathBuf,
    settings: Settings,
    libraries: Option<PathBuf>,
}

impl Environment {
    /// An environment below a folder.
    pub(super) fn new(uv: &Path, folder: &Path, libraries: Option<&Path>) -> Result<Self, Error> {
        fs_err::create_dir_all(folder.join("home"))?;
        let settings = Settings::discover(None)?;
        fs_err::write(folder.join("import.py"), IMPORT)?;
        let folder = fs_err::canonicalize(folder)?;
        Ok(Self { uv: uv.to_owned(), folder, settings, libraries: libraries.map(Path::to_owned) })
    }

    /// Tries every pair of a torch, and reports each result. What cannot be installed is reported and left for another
    /// time; where torch itself does not import, nothing is learned of the others.
    pub(super) fn try_group(
        &self,
        group: &Group,
        inventory: &Inventory,
        libraries: &LibrariesFile,
    ) -> Result<Vec<Trial>, Error> {
        self.make(group.torch.python)?;
        let mut trials = Vec::new();
        for pair in &group.pairs {
            match self.install(&pair.wheels) {
                Err(Error::Install { said, .. }) => {
                    anstream::eprintln!("  {pair}: not installed: {said}");
                    continue;
                }
                installed => installed?,
            }
            let end = self.import(pair)?;
            let set = Set { pair, modules: &end.modules, inventory, libraries };
            let (outcome, error) = match &end.told {
                Ok(errors) => classify(errors, &set),
                Err((outcome, how)) => (*outcome, how.clone()),
            };
            let separator = if error.is_empty() { "" } else { ": " };
            anstream::eprintln!("  {pair}: {outcome}{separator}{error}");
            let is_torch = pair.own.sha256 == group.torch.sha256;
            trials.push(Trial {
                package: pair.package.clone(),
                version: pair.own.version.clone(),
                sha256: pair.own.sha256,
                modules: end.modules,
                outcome,
                error,
            });
            if is_torch && outcome != Outcome::Ok {
                break;
            }
        }
        Ok(trials)
    }

    /// Deletes what the next group does not need.
    pub(super) fn prune(&self, group: &Group, next: Option<&Group>) -> Result<(), Error> {
        let environment = self.environment();
        if environment.exists() {
            fs_err::remove_dir_all(environment)?;
        }
        let needed = next.map(Group::downloads).unwrap_or_default();
        let wheels = group.pairs.iter().flat_map(|pair| &pair.wheels);
        let unneeded: BTreeSet<&String> =
            wheels.filter(|(_, wheel)| !needed.contains_key(&wheel.sha256)).map(|(name, _)| name).collect();
        if unneeded.is_empty() {
            return Ok(());
        }
        self.run(self.uv().args(["cache", "clean"]).args(unneeded))
    }

    fn environment(&self) -> PathBuf {
        self.folder.join("environment")
    }

    fn make(&self, python: PythonVersion) -> Result<(), Error> {
        let python = python.to_string();
        let arguments = ["venv", "--no-python-downloads", "--clear", "--python", python.as_str()];
        self.run(self.uv().args(arguments).arg(self.environment()))
    }

    /// Installs exactly some wheels, each by its hash.
    fn install(&self, wheels: &BTreeMap<String, Wheel>) -> Result<(), Error> {
        let line = |(name, wheel): (&String, &Wheel)| {
            format!("{name}=={} --hash=sha256:{}\n", wheel.version, wheel.sha256)
        };
        let requirements = self.folder.join("requirements.txt");
        fs_err::write(&requirements, wheels.iter().map(line).collect::<String>())?;
        let mut uv = self.uv();
        uv.args(["pip", "sync", "--require-hashes", "--no-build", "--link-mode", "hardlink", "--python"]);
        self.run(uv.arg(self.environment()).arg(requirements))
    }

    fn uv(&self) -> Command {
        let mut uv = Command::new(&self.uv);
        uv.env("UV_CACHE_DIR", self.folder.join("cache"))
            .env("UV_DEFAULT_INDEX", &self.settings.index_url)
            .env("UV_NO_CONFIG", "1")
            .env_remove("UV_INDEX")
            .env_remove("UV_FIND_LINKS")
            .stdin(Stdio::null());
        if let Some(certificates) = &self.settings.certificates {
            uv.env("SSL_CERT_FILE", certificates);
        }
        uv
    }

    fn run(&self, uv: &mut Command) -> Result<(), Error> {
        let start = |source| Error::Start { program: self.uv.display().to_string(), source };
        let output = uv.output().map_err(start)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::Install { program: self.uv.display().to_string(), said })
    }

    /// Imports modules in a process of its own, which sees nothing of the user's.
    fn import(&self, pair: &Pair) -> Result<End, Error> {
        let result = self.folder.join("result.json");
        if result.exists() {
            fs_err::remove_file(&result)?;
        }
        let python = self.environment().join("bin/python");
        let mut command = Command::new(&python);
        command
            .arg("-I")
            .arg(self.folder.join("import.py"))
            .arg(&result)
            .arg(&pair.package)
            .args(&pair.imports)
            .current_dir(self.folder.join("home"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.join("home"))
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let start = |source| Error::Start { program: python.display().to_string(), source };
        let status = wait(command.spawn().map_err(start)?)?;
        // What it was about to import is written before it does.
        let Told { modules, errors } = serde_json::from_slice(&fs_err::read(&result)?).map_err(|error| {
            Error::File { path: result.display().to_string(), message: error.to_string() }
        })?;
        let told = match (errors, status) {
            (Some(errors), _) => Ok(errors),
            (None, None) => Err((Outcome::Timeout, format!("it took more than {} s", PATIENCE.as_secs()))),
            (None, Some(status)) => Err((
                Outcome::Crash,
                match status.signal() {
                    Some(signal) => format!("the interpreter was killed by signal {signal}"),
                    None => "the interpreter ended early".to_owned(),
                },
            )),
        };
        Ok(End { modules, told })
    }
}

/// What `import.py` writes.
#[derive(serde::Deserialize)]
struct Told {
    /// The modules.
    modules: Vec<String>,
    /// What went wrong; `None` until it is known.
    errors: Option<Vec<ImportFailure>>,
}

/// The end of an import.
struct End {
    /// The modules that were to be imported.
    modules: Vec<String>,
    /// The errors, or how it ended without any being told.
    told: Result<Vec<ImportFailure>, (Outcome, String)>,
}

/// How a process ended; `None` if it was stopped because it took too long.
fn wait(mut child: Child) -> Result<Option<ExitStatus>, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is installed for a pair, and what the catalogue knows.
struct Set<'a> {
    pair: &'a Pair,
    modules: &'a [String],
    inventory: &'a Inventory,
    libraries: &'a LibrariesFile,
}

impl Surroundings for Set<'_> {
    fn is_own(&self, module: &str) -> bool {
        let root = |module: &str| module.split('.').next().unwrap_or_default().to_owned();
        let own = self.modules.iter().map(|module| root(module));
        own.chain(["torch".to_owned()]).any(|own| own == root(module))
    }

    fn is_driver(&self, soname: &str) -> bool {
        self.inventory.matrix.runtime.is_of_driver(soname)
    }

    fn is_missing(&self, soname: &str) -> bool {
        let providers = self.libraries.libraries.get(soname);
        providers.is_some_and(|names| !names.iter().any(|name| self.pair.wheels.contains_key(name)))
    }
}
