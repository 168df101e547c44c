//! Lock files, `axle.lock.json` (`axle.lock/2`): a catalogue of one cell, with the request that it answers.

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{
    BuildFile, Catalogue, CatalogueError, Cell, CellFile, ComponentsFile, InvalidText, ToolkitWheels, Valid,
    package_name, version,
};
use axle_toolkit::SupportedCompilers;
use axle_types::{ComputeCapability, CudaTarget, HostCompiler, PythonVersion, Requirement, System, is_pin};
use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};

use crate::locking::{LockedSet, Locking};
use axle_catalogue::Inventory;
use axle_patch::{BuildError, builds};
use axle_plan::{Preferences, Request, Which};

/// The schema that [`Lock::schema`] names.
pub const LOCK_SCHEMA: &str = "axle.lock/2";

/// What a lock holds: the overlay's `fromLock` reads it as a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_SCHEMA`].
    pub schema: String,
    /// What was asked for.
    pub request: LockedRequest,
    /// The one cell, by system and by the name of its file (`3.12-12.8`).
    pub cells: BTreeMap<System, BTreeMap<String, CellFile>>,
    /// How its files are fetched and built, by package and version.
    pub builds: BTreeMap<String, BTreeMap<String, BuildFile>>,
    /// The compilers that CUDA's releases take on the system.
    pub compilers: SupportedCompilers,
    /// The wheels that the toolkit of the CUDA release is assembled from, where something is compiled and they are
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<LockedComponents>,
}

/// The toolkit of a lock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedComponents {
    /// The one system, its one release, and the wheels.
    pub systems: BTreeMap<System, BTreeMap<CudaTarget, ToolkitWheels>>,
}

/// A request in JSON. The first fields are all that Nix asks the cell; the others say how the cell was solved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRequest {
    /// The packages by name.
    pub packages: Vec<String>,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release; `None` without CUDA.
    pub cuda: Option<CudaTarget>,
    /// The capabilities, sorted by number.
    pub compute_capabilities: BTreeSet<ComputeCapability>,
    /// The compiler.
    pub compiler: Option<HostCompiler>,
    /// The torch version, or the start of one.
    pub torch: Option<String>,
    /// `wheel`, `newest` or `source`.
    pub prefer: String,
    /// Whether only wheels whose bytes were read were taken.
    pub only_audited: bool,
    /// Rules that may be broken, by code.
    #[serde(default)]
    pub allow: Vec<String>,
    /// The system.
    pub system: System,
    /// The glibc of the machine, where it was given.
    #[serde(default)]
    pub glibc: Option<String>,
    /// Its driver.
    #[serde(default)]
    pub driver: Option<String>,
    /// The packages as requirements (PEP 508).
    pub requirements: Vec<String>,
    /// The pins, as requirements.
    #[serde(default)]
    pub pins: Vec<String>,
    /// The preferences of single packages.
    #[serde(default)]
    pub prefer_for: BTreeMap<String, String>,
    /// Whether nothing was to be compiled.
    #[serde(default)]
    pub only_wheels: bool,
    /// Packages that were not to be compiled.
    #[serde(default)]
    pub only_wheels_for: BTreeSet<String>,
    /// Packages of which only wheels whose bytes were read were taken.
    #[serde(default)]
    pub only_audited_for: BTreeSet<String>,
    /// The third parties whose wheels could be taken; none is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishers: Option<BTreeSet<String>>,
}

/// Why a lock is no request.
#[derive(Debug, thiserror::Error)]
#[error("its request is not valid: {field}: {message}")]
pub struct LockedRequestError {
    field: &'static str,
    message: String,
}

/// Why a lock cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteLockError {
    /// What a wheel needs cannot be told.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl Lock {
    /// The lock of a set.
    ///
    /// # Errors
    /// When it cannot be told how one of its files is built, or the catalogue is not valid.
    pub fn new(
        catalogue: &Catalogue,
        inventory: &Inventory,
        locking: &Locking,
        set: &LockedSet,
    ) -> Result<Self, WriteLockError> {
        let system = set.file.system;
        let mut by_name: BTreeMap<String, BTreeMap<String, BuildFile>> = BTreeMap::new();
        for build in builds(inventory, std::slice::from_ref(&set.file), &ComponentsFile::default())? {
            by_name.entry(build.name.clone()).or_default().insert(build.version.clone(), build);
        }
        let name = format!("{}-{}", set.file.python, set.file.cuda);
        Ok(Self {
            schema: LOCK_SCHEMA.to_owned(),
            request: LockedRequest::new(locking),
            cells: BTreeMap::from([(system, BTreeMap::from([(name, set.file.clone())]))]),
            builds: by_name,
            compilers: catalogue.compilers()?.only(system),
            components: None,
        })
    }

    /// Checks every name, version, hash, address and path in it.
    ///
    /// # Errors
    /// The first that is none.
    pub fn check(&self) -> Result<(), InvalidText> {
        self.cells.values().flat_map(BTreeMap::values).try_for_each(Valid::check)?;
        for (name, versions) in &self.builds {
            package_name(name)?;
            for (of, build) in versions {
                version(of)?;
                build.check()?;
            }
        }
        self.compilers.check()?;
        let toolkits = self.components.iter().flat_map(|components| components.systems.values());
        toolkits.flat_map(BTreeMap::values).try_for_each(Valid::check)?;
        let LockedRequest {
            packages, torch, prefer_for, only_wheels_for, only_audited_for, publishers, ..
        } = &self.request;
        let named = packages.iter().chain(prefer_for.keys()).chain(only_wheels_for).chain(only_audited_for);
        let named = named.chain(publishers.iter().flatten());
        named.into_iter().try_for_each(|name| package_name(name))?;
        torch.iter().try_for_each(|torch| version(torch))
    }

    /// The torch of the cell, and the cell; `None` in what is no lock.
    pub fn cell(&self) -> Option<(&str, &Cell)> {
        let file = self.cells.values().flat_map(BTreeMap::values).next()?;
        let torch = file.order.first()?;
        Some((torch, file.torch.get(torch)?))
    }
}

impl LockedRequest {
    fn new(Locking { request, pins, .. }: &Locking) -> Self {
        let Preferences { all, packages, only_wheels, only_audited, publishers } = &request.preferences;
        let named = |which: &Which| match which {
            Which::All => BTreeSet::new(),
            Which::Named(names) => names.clone(),
        };
        let pins = pins.iter().flat_map(|(name, versions)| {
            versions.iter().map(move |version| format!("{name}{version}").replace(' ', ""))
        });
        Self {
            packages: request.packages.keys().cloned().collect(),
            python: request.python,
            cuda: (request.cuda != CudaTarget::Cpu).then_some(request.cuda),
            compute_capabilities: request.compute_capabilities.clone(),
            compiler: request.compiler,
            torch: request.torch.clone(),
            prefer: all.to_string(),
            only_audited: *only_audited == Which::All,
            allow: request.allowed.iter().map(ToString::to_string).collect(),
            system: request.system,
            glibc: request.glibc.map(|glibc| glibc.to_string()),
            driver: request.driver.as_ref().map(ToString::to_string),
            requirements: request.packages.iter().map(|(name, asked)| asked.requirement(name)).collect(),
            pins: pins.collect(),
            prefer_for: packages.iter().map(|(name, prefer)| (name.clone(), prefer.to_string())).collect(),
            only_wheels: *only_wheels == Which::All,
            only_wheels_for: named(only_wheels),
            only_audited_for: named(only_audited),
            publishers: (*publishers != Which::All).then(|| named(publishers)),
        }
    }

    /// What the lock was solved for.
    ///
    /// # Errors
    /// When a field says nothing that can be asked.
    pub fn locking(&self) -> Result<Locking, LockedRequestError> {
        let which = |all: bool, named: &BTreeSet<String>| {
            if all { Which::All } else { Which::Named(named.clone()) }
        };
        let allowed = self.allow.iter().map(|rule| read("allow", rule));
        let packages =
            self.prefer_for.iter().map(|(name, prefer)| Ok((name.clone(), read("prefer_for", prefer)?)));
        let mut request = Request {
            packages: BTreeMap::new(),
            system: self.system,
            python: self.python,
            cuda: self.cuda.unwrap_or(CudaTarget::Cpu),
            compute_capabilities: self.compute_capabilities.clone(),
            compiler: self.compiler,
            driver: self.driver.as_deref().map(|driver| read("driver", driver)).transpose()?,
            driver_ptx: None,
            allowed: allowed.collect::<Result<_, _>>()?,
            torch: self.torch.clone(),
            glibc: self.glibc.as_deref().map(|glibc| read("glibc", glibc)).transpose()?,
            preferences: Preferences {
                all: read("prefer", &self.prefer)?,
                packages: packages.collect::<Result<_, _>>()?,
                only_wheels: which(self.only_wheels, &self.only_wheels_for),
                only_audited: which(self.only_audited, &self.only_audited_for),
                publishers: self.publishers.clone().map_or(Which::All, Which::Named),
            },
        };
        for line in &self.requirements {
            let requirement = line.parse::<Requirement>().map_err(|error| wrong("requirements", &error))?;
            request.ask(&requirement).map_err(|error| wrong("requirements", &error))?;
        }
        let mut pins = BTreeMap::new();
        for line in &self.pins {
            let (name, versions) = pin(line).map_err(|message| wrong("pins", &message))?;
            pins.insert(name, versions);
        }
        Ok(Locking { request, pins, held: BTreeMap::new() })
    }
}

fn read<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, LockedRequestError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| wrong(field, &error))
}

fn wrong(field: &'static str, message: &dyn std::fmt::Display) -> LockedRequestError {
    LockedRequestError { field, message: message.to_string() }
}

/// A pin, `NAME==VERSION`: the package, normalised, and the versions that will do.
///
/// # Errors
/// What is wrong with it.
pub fn pin(text: &str) -> Result<(String, VersionSpecifiers), String> {
    let wrong = || format!("`{text}` is not a pin: write NAME==VERSION");
    let requirement: Requirement = text.parse().map_err(|_| wrong())?;
    match requirement.specifiers() {
        Some(versions) if requirement.extras.is_empty() && is_pin(versions) => {
            Ok((requirement.name.to_string(), versions.clone()))
        }
        _ => Err(wrong()),
    }
}
