//! `imports.json`: which wheels were imported beside which torch, and what came of it.
//!
//! A set is a claim until somebody installs it. `cargo xtask harvest imports` does: the wheels that a cell chooses are
//! installed by hash, on a machine without a GPU, and the modules of each package of GPU kind are imported. What fails
//! for a reason of its own is a fact against that wheel for that torch, as a broken symbol is; what fails for want of a
//! driver or of a library that an installer leaves to the system is none.

use std::collections::{BTreeSet, HashMap};

use axle_types::{CudaTarget, PythonVersion, Sha256};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::Cell;

/// The schema that [`ImportsFile::schema`] names.
pub const SCHEMA: &str = "axle.imports/1";

/// Every trial, by the torch that it was made beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportsFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// How its facts are known.
    pub provenance: Imported,
    /// The newest torch first, then by Python and CUDA.
    pub torches: Vec<TorchTrials>,
}

/// How the facts of [`ImportsFile`] are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Imported {
    /// The wheels were installed by hash and their modules imported, without a GPU.
    #[default]
    Imported,
}

/// What was tried beside one wheel of torch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TorchTrials {
    /// The torch's version, as its file name spells it.
    pub version: String,
    /// SHA-256 of its wheel, hex.
    pub sha256: Sha256,
    /// The Python that imported.
    pub python: PythonVersion,
    /// The CUDA of the set.
    pub cuda: CudaTarget,
    /// Sorted by package and hash; one for each wheel.
    pub trials: Vec<Trial>,
}

/// What came of importing a wheel beside a torch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The package.
    pub package: String,
    /// Its version, as the file name spells it.
    pub version: String,
    /// SHA-256 of its wheel, hex.
    pub sha256: Sha256,
    /// The modules that were imported, in this order, until one failed.
    pub modules: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The decisive line of the error, without paths of the machine; empty where there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every module was imported.
    Ok,
    /// Torch or the package itself lacks a module, a name or an operator that it asks for.
    ImportError,
    /// No library has a symbol that one of its libraries takes.
    UndefinedSymbol,
    /// Nothing in the set has a library that it needs, though the catalogue knows packages that have.
    MissingLibrary,
    /// It asks for NVIDIA's driver, which the machine lacks: no fact.
    NoDriver,
    /// It needs a library that the system or another package's search path gives, as Nix does and an installer does
    /// not: no fact.
    SystemLibrary,
    /// Its set lacks a package that it imports, or that has another interface than it asks for: no fact about torch.
    OtherPackage,
    /// The interpreter died, perhaps for want of an instruction of the processor: no fact.
    Crash,
    /// It took too long: no fact.
    Timeout,
    /// Anything else: no fact.
    Other,
}

impl Outcome {
    /// Whether it is a fact against the wheel for that torch.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::ImportError | Self::UndefinedSymbol | Self::MissingLibrary)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

impl Default for ImportsFile {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), provenance: Imported::Imported, torches: Vec::new() }
    }
}

impl ImportsFile {
    /// Adds a trial, in the place of an earlier one of the same pair of wheels.
    pub fn add(&mut self, torch: &TorchWheel, trial: Trial) {
        let place = self.torches.iter().position(|one| one.sha256 == torch.sha256);
        let place = place.unwrap_or_else(|| {
            let TorchWheel { version, sha256, python, cuda } = torch.clone();
            self.torches.push(TorchTrials { version, sha256, python, cuda, trials: Vec::new() });
            self.torches.len() - 1
        });
        if let Some(torch) = self.torches.get_mut(place) {
            torch.trials.retain(|one| one.sha256 != trial.sha256);
            torch.trials.push(trial);
        }
        self.sort();
    }

    /// The order that the file is written in.
    pub fn sort(&mut self) {
        self.torches.sort_by(|one, other| {
            let newest = other.version.parse::<Version>().ok().cmp(&one.version.parse().ok());
            let rest = |torch: &TorchTrials| (torch.python, torch.cuda, torch.sha256);
            newest.then_with(|| rest(one).cmp(&rest(other)))
        });
        for torch in &mut self.torches {
            torch
                .trials
                .sort_by(|one, other| (&one.package, one.sha256).cmp(&(&other.package, other.sha256)));
        }
    }
}

/// The packages of a set that are imported to try it: torch, and what else is of GPU kind. What torch requires comes with
/// it and is loaded by it, so it counts only where its TOML names modules.
///
/// `imports` is [`Package::imports`](crate::Package::imports) of a package; who has an empty list is left out.
pub fn imported(cell: &Cell, imports: impl Fn(&str) -> Option<Vec<String>>) -> Vec<&str> {
    let mut of_torch = BTreeSet::new();
    let mut next = vec![TORCH];
    while let Some(package) = next.pop().and_then(|name| cell.packages.get(name)) {
        for required in &package.requires {
            if of_torch.insert(required.as_str()) {
                next.push(required);
            }
        }
    }
    let is_imported = |name: &str| match imports(name) {
        Some(modules) => !modules.is_empty(),
        None => name == TORCH || !of_torch.contains(name),
    };
    let of_gpu_kind = cell.packages.iter().filter(|(_, package)| package.gpu).map(|(name, _)| name.as_str());
    of_gpu_kind.filter(|name| is_imported(name)).collect()
}

/// The package that every trial is made beside.
pub const TORCH: &str = "torch";

/// The torch that something is tried beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchWheel {
    /// Its version; a local part does not matter.
    pub version: String,
    /// SHA-256 of its wheel, hex.
    pub sha256: Sha256,
    /// The Python.
    pub python: PythonVersion,
    /// The CUDA of the set.
    pub cuda: CudaTarget,
}

impl TorchWheel {
    /// Its version without the local part, which names the CUDA.
    pub fn public(&self) -> &str {
        self.version.split('+').next().unwrap_or_default()
    }
}

/// The wheel that something is asked of.
#[derive(Debug, Clone, Copy)]
pub struct ImportedWheel<'a> {
    /// The package.
    pub package: &'a str,
    /// Its version, as the file name spells it.
    pub version: &'a str,
    /// The file name.
    pub filename: &'a str,
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
}

impl ImportedWheel<'_> {
    /// Whether it is for any machine, and so the same for every Python and CUDA.
    pub fn is_pure(&self) -> bool {
        self.filename.ends_with("-any.whl")
    }
}

/// The trials, to be asked of pairs.
#[derive(Debug, Clone, Default)]
pub struct Imports {
    trials: Vec<Known>,
    /// Places in [`Self::trials`] of a package's.
    of_package: HashMap<String, Vec<usize>>,
}

#[derive(Debug, Clone)]
struct Known {
    torch: TorchWheel,
    trial: Trial,
}

/// What trials say of a wheel beside a torch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The very pair was never tried, nor was its like known to fail.
    Untried,
    /// It was tried, and nothing speaks against it.
    Tried,
    /// It fails: the trial that says so, perhaps of a sibling.
    Fails(&'a Trial),
}

impl From<ImportsFile> for Imports {
    fn from(file: ImportsFile) -> Self {
        let mut imports = Self::default();
        for TorchTrials { version, sha256, python, cuda, trials } in file.torches {
            let torch = TorchWheel { version, sha256, python, cuda };
            for trial in trials {
                let places = imports.of_package.entry(trial.package.clone()).or_default();
                places.push(imports.trials.len());
                imports.trials.push(Known { torch: torch.clone(), trial });
            }
        }
        imports
    }
}

impl Imports {
    /// Whether a wheel of a package was ever tried.
    pub fn names(&self, package: &str, sha256: Sha256) -> bool {
        let places = self.of_package.get(package).into_iter().flatten();
        places.filter_map(|place| self.trials.get(*place)).any(|known| known.trial.sha256 == sha256)
    }

    /// What is known of a wheel beside a torch. The nearest trials decide: those of the very pair; of a wheel for any
    /// machine those beside any wheel of that torch version; and of a compiled wheel those of the same version for
    /// another Python beside the same torch version and CUDA, but only against it: each wheel has to be tried itself to
    /// count as tried.
    pub fn verdict(&self, wheel: ImportedWheel<'_>, torch: &TorchWheel) -> Verdict<'_> {
        let Some(places) = self.of_package.get(wheel.package) else { return Verdict::Untried };
        let near: Vec<_> = places
            .iter()
            .filter_map(|place| self.trials.get(*place))
            .filter(|known| known.torch.public() == torch.public() && known.trial.version == wheel.version)
            .collect();
        let own = |known: &&&Known| {
            known.trial.sha256 == wheel.sha256 && (wheel.is_pure() || known.torch.sha256 == torch.sha256)
        };
        let own: Vec<_> = near.iter().filter(own).map(|known| &known.trial).collect();
        if !own.is_empty() {
            return failure(own.into_iter()).map_or(Verdict::Tried, Verdict::Fails);
        }
        let siblings = near.iter().filter(|known| !wheel.is_pure() && known.torch.cuda == torch.cuda);
        failure(siblings.map(|known| &known.trial)).map_or(Verdict::Untried, Verdict::Fails)
    }
}

/// The first failure among trials, unless one of them succeeded.
fn failure<'a>(trials: impl Iterator<Item = &'a Trial>) -> Option<&'a Trial> {
    let mut failure = None;
    for trial in trials {
        if trial.outcome == Outcome::Ok {
            return None;
        }
        failure = failure.or(trial.outcome.is_failure().then_some(trial));
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"schema":"axle.imports/1","provenance":"imported","torches":[
        {"version":"2.9.1","sha256":"00","python":"3.12","cuda":"12.8","trials":[
            {"package":"compiled","version":"1","sha256":"c2","modules":["compiled"],"outcome":"undefined-symbol","error":"x"},
            {"package":"pure","version":"2","sha256":"aa","modules":["pure"],"outcome":"import-error","error":"y"},
            {"package":"unlucky","version":"1","sha256":"dd","modules":["unlucky"],"outcome":"no-driver","error":"z"}]},
        {"version":"2.8.0","sha256":"01","python":"3.12","cuda":"12.8","trials":[
            {"package":"pure","version":"2","sha256":"aa","modules":["pure"],"outcome":"ok"}]}]}"#;

    fn hash(start: &str) -> Sha256 {
        start.repeat(32).parse().unwrap()
    }

    fn file() -> ImportsFile {
        // Hashes are long, and all that matters of them is that they differ.
        let long = ["00", "01", "c2", "aa", "dd"].iter().fold(FILE.to_owned(), |text, start| {
            text.replace(&format!("\"sha256\":\"{start}\""), &format!("\"sha256\":\"{}\"", start.repeat(32)))
        });
        serde_json::from_str(&long).unwrap()
    }

    fn verdict(wheel: (&str, &str, &str, &str), torch: (&str, &str, &str)) -> String {
        let (package, version, tags, sha256) = wheel;
        let filename = format!("{package}-{version}-{tags}.whl");
        let wheel = ImportedWheel { package, version, filename: &filename, sha256: hash(sha256) };
        let (version, sha256, cuda) = torch;
        let torch = TorchWheel {
            version: version.to_owned(),
            sha256: hash(sha256),
            python: "3.11".parse().unwrap(),
            cuda: cuda.parse().unwrap(),
        };
        let imports = Imports::from(file());
        match imports.verdict(wheel, &torch) {
            Verdict::Fails(trial) => format!("fails: {}", trial.error),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_nearest_trials_decide() {
        let (any, cp311) = ("py3-none-any", "cp311-cp311-linux_x86_64");
        // A wheel for any machine is the same beside every build of a torch.
        assert_eq!(verdict(("pure", "2", any, "aa"), ("2.9.1+cpu", "03", "cpu")), "fails: y");
        assert_eq!(verdict(("pure", "2", any, "aa"), ("2.8.0", "01", "12.8")), "Tried");
        assert_eq!(verdict(("pure", "2", any, "aa"), ("2.10.0", "04", "12.8")), "Untried");
        // A failure is one of its siblings' too, but not for another CUDA.
        assert_eq!(verdict(("compiled", "1", cp311, "c1"), ("2.9.1", "05", "12.8")), "fails: x");
        assert_eq!(verdict(("compiled", "1", cp311, "c1"), ("2.9.1+cu130", "05", "13.0")), "Untried");
        assert_eq!(verdict(("compiled", "2", cp311, "c3"), ("2.9.1", "05", "12.8")), "Untried");
        // What the machine lacks speaks against nobody.
        assert_eq!(verdict(("unlucky", "1", cp311, "dd"), ("2.9.1", "00", "12.8")), "Tried");
        assert_eq!(verdict(("unknown", "1", any, "ee"), ("2.9.1", "00", "12.8")), "Untried");
    }

    #[test]
    fn trials_are_kept_once_and_in_order() {
        let mut file = file();
        let written = file.clone();
        let old = file.torches.pop().unwrap();
        let torch = TorchWheel {
            version: old.version.clone(),
            sha256: old.sha256,
            python: old.python,
            cuda: old.cuda,
        };
        for trial in old.trials.iter().chain(&old.trials) {
            file.add(&torch, trial.clone());
        }
        assert_eq!(file, written);
        file.torches.reverse();
        file.sort();
        assert_eq!(file, written);
        assert_eq!(Outcome::UndefinedSymbol.to_string(), "undefined-symbol");
    }
}
