//! Pieces: the checks that every cell must pass.

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{
    Artefact, ArtefactFile, BuildFile, Catalogue, CatalogueError, CellPackage, CellWheel, ComponentsFile,
    Matrix, Provenance, Provider, WheelBuild, build_path,
};
use axle_plan::{Asked, Lookup, LookupError, Preferences, Request};
use axle_toolkit::SupportedCompilers;
use axle_types::{
    ComputeCapability, CudaTarget, HostCompiler, MarkerEnvironment, Requirement, Sha256, VersionOrUrl,
    full_python_version, marker_environment, satisfies,
};
use pep440_rs::{Version, VersionSpecifiers};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cells::NamedCell;

/// A part of what a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Every file of the cell is published with the hash that the cell has, and has what fetches it.
    Index,
    /// Every wheel is known well enough to be patched, and by bytes that were read or facts that are declared.
    Audit,
    /// The set is coherent: each requirement of each package is met by what the cell holds, and its CUDA release takes
    /// a compiler.
    Validate,
    /// Each package, and all that go together, can be had: a request for them is answered from the cell.
    Concretise,
    /// Nix evaluates the cell's environment to a derivation.
    Nix,
    /// Nix builds the environment.
    Build,
}

impl Piece {
    /// The pieces that need no Nix.
    pub const PLAIN: [Self; 4] = [Self::Index, Self::Audit, Self::Validate, Self::Concretise];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Audit => "audit",
            Self::Validate => "validate",
            Self::Concretise => "concretise",
            Self::Nix => "nix",
            Self::Build => "build",
        }
    }
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Failure {
    /// The package; `None` where it is the cell's as a whole.
    pub package: Option<String>,
    /// The fact.
    pub message: String,
}

impl Failure {
    /// One of the cell as a whole.
    pub fn of_cell(message: impl Into<String>) -> Self {
        Self { package: None, message: message.into() }
    }

    fn of(package: &str, message: impl Into<String>) -> Self {
        Self { package: Some(package.to_owned()), message: message.into() }
    }
}

/// What the pieces are judged by.
pub struct Facts<'a> {
    catalogue: &'a Catalogue,
    matrix: Matrix,
    compilers: SupportedCompilers,
    components: ComponentsFile,
    artefacts: BTreeMap<String, ArtefactFile>,
    builds: BTreeMap<(String, String), BuildFile>,
}

impl<'a> Facts<'a> {
    /// Reads what the catalogue says of some cells.
    ///
    /// # Errors
    /// When a file is not valid.
    pub fn read(catalogue: &'a Catalogue, cells: &[NamedCell]) -> Result<Self, CatalogueError> {
        let components = catalogue.components()?;
        let wheels = components.toolkits().flat_map(|(_, _, toolkit)| toolkit.components.values());
        let of_toolkits = wheels.map(|wheel| (wheel.package.as_str(), wheel.version.as_str()));
        let frozen = cells.iter().flat_map(NamedCell::frozen);
        let frozen = frozen.map(|(name, wheel)| (name, wheel.version.as_str()));
        let versions: BTreeSet<_> =
            cells.iter().flat_map(NamedCell::versions).chain(frozen).chain(of_toolkits).collect();
        let names: BTreeSet<_> = versions.iter().map(|(name, _)| *name).collect();
        let artefacts = names.par_iter().filter_map(|name| {
            catalogue.artefacts(name).map(|file| Some(((*name).to_owned(), file?))).transpose()
        });
        let artefacts = artefacts.collect::<Result<_, _>>()?;
        let builds = versions.par_iter().filter_map(|&(name, version)| {
            let key = (name.to_owned(), version.to_owned());
            catalogue.builds(name, version).map(|file| Some((key, file?))).transpose()
        });
        let builds = builds.collect::<Result<_, _>>()?;
        Ok(Self {
            catalogue,
            matrix: catalogue.matrix()?,
            compilers: catalogue.compilers()?,
            artefacts,
            builds,
            components,
        })
    }

    /// What does not hold of a piece that needs no Nix.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub fn judge(&self, piece: Piece, cell: &NamedCell) -> Result<Vec<Failure>, LookupError> {
        let mut failures = match piece {
            Piece::Index => self.index(cell),
            Piece::Audit => self.audit(cell),
            Piece::Validate => self.validate(cell),
            Piece::Concretise => self.concretise(cell)?,
            Piece::Nix | Piece::Build => Vec::new(),
        };
        failures.sort();
        failures.dedup();
        Ok(failures)
    }

    fn artefact(&self, name: &str, filename: &str, sha256: Sha256) -> Option<&Artefact> {
        let artefacts = &self.artefacts.get(name)?.artefacts;
        artefacts.iter().find(|artefact| artefact.filename == filename && artefact.sha256 == sha256)
    }

    fn build(&self, name: &str, version: &str) -> Option<&BuildFile> {
        self.builds.get(&(name.to_owned(), version.to_owned()))
    }

    fn wheel_build(&self, name: &str, package: &CellPackage, wheel: &CellWheel) -> Option<&WheelBuild> {
        self.build(name, &package.version)?.wheel(&wheel.filename, wheel.sha256)
    }

    fn index(&self, cell: &NamedCell) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut published = |name: &str, version: &str, filename: &str, sha256: Sha256| match self
            .artefact(name, filename, sha256)
        {
            None => failures.push(Failure::of(
                name,
                format!("{filename} is not published with the hash {sha256} of the cell"),
            )),
            Some(Artefact { yanked: Some(reason), .. }) => {
                let reason = if reason.is_empty() { "without a reason" } else { reason };
                failures.push(Failure::of(name, format!("{name} {version} was withdrawn: {reason}")));
            }
            Some(_) => {
                let wheel = || Some(&self.build(name, version)?.wheel(filename, sha256)?.sha256);
                let source = || Some(&self.build(name, version)?.sources.get(filename)?.sha256);
                if wheel().or_else(source).is_none_or(|built| *built != sha256) {
                    let path = build_path(name, version);
                    failures
                        .push(Failure::of(name, format!("{path} does not say how {filename} is fetched")));
                }
            }
        };
        for (name, package) in &cell.cell().packages {
            if let Some(wheel) = &package.wheel {
                published(name, &package.version, &wheel.filename, wheel.sha256);
            }
            if let Some(source) = &package.source {
                // Where there is a wheel too, it has a local version that the sdist has not.
                let version = package.version.split('+').next().unwrap_or(&package.version);
                let own = self
                    .build(name, &package.version)
                    .is_some_and(|build| build.sources.contains_key(&source.filename));
                let version = if own { &package.version } else { version };
                published(name, version, &source.filename, source.sha256);
            }
        }
        for (name, wheel) in cell.frozen() {
            published(name, &wheel.version, &wheel.filename, wheel.sha256);
        }
        let toolkits = self.components.systems.get(&cell.name.system);
        let toolkit = toolkits.and_then(|toolkits| toolkits.get(&cell.name.cuda));
        for wheel in toolkit.iter().flat_map(|toolkit| toolkit.components.values()) {
            let build = self.build(&wheel.package, &wheel.version);
            if !build.is_some_and(|build| build.filenames().any(|filename| filename == wheel.filename)) {
                let path = build_path(&wheel.package, &wheel.version);
                let message = format!(
                    "{path} does not say how {}, a component of the toolkit, is fetched",
                    wheel.filename
                );
                failures.push(Failure::of(&wheel.package, message));
            }
        }
        failures
    }

    fn audit(&self, cell: &NamedCell) -> Vec<Failure> {
        let mut failures = Vec::new();
        for (name, package) in &cell.cell().packages {
            let Some(wheel) = &package.wheel else { continue };
            let mut fail = |message: String| failures.push(Failure::of(name, message));
            if wheel.covers.is_empty() && cell.name.cuda != CudaTarget::Cpu {
                fail(format!("{} covers no compute capability, so no request can get it", wheel.filename));
            }
            if let Some(artefact) = self.artefact(name, &wheel.filename, wheel.sha256)
                && let Some(message) = self.unknown(name, wheel, artefact)
            {
                fail(message);
            }
            let Some(build) = self.wheel_build(name, package, wheel) else { continue };
            for lacking in &build.unprovided {
                fail(format!("{} needs {}, which nothing provides", lacking.member, lacking.soname));
            }
            let members = build.members.iter().filter(|member| !member.alternative);
            let searched = members.flat_map(|member| &member.search);
            let declared = build.declared.iter().flat_map(BTreeMap::values);
            let providers: BTreeSet<_> = searched.chain(declared).collect();
            for provider in providers {
                if let Some(message) = self.unprovided(cell, &wheel.filename, provider) {
                    fail(message);
                }
            }
        }
        failures
    }

    /// Why the facts of a wheel are not known as the cell says.
    fn unknown(&self, name: &str, wheel: &CellWheel, artefact: &Artefact) -> Option<String> {
        let filename = &wheel.filename;
        if artefact.provenance < wheel.provenance {
            return Some(format!("the cell has facts about {filename} that artefacts/{name}.json lacks"));
        }
        let read = artefact.audit.as_ref().and_then(|audit| audit.of.as_ref());
        let is_there = |sha256: Sha256| {
            let artefacts = self.artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
            artefacts
                .into_iter()
                .any(|artefact| artefact.sha256 == sha256 && artefact.provenance == Provenance::Audited)
        };
        match (artefact.provenance, read) {
            (Provenance::Declared, _) | (Provenance::Audited, None) => None,
            (_, Some(sha256)) if is_there(*sha256) => None,
            (_, Some(sha256)) => Some(format!(
                "{filename} has the facts of the wheel with hash {sha256}, which does not exist"
            )),
            (Provenance::Sibling, None) => {
                Some(format!("{filename} does not state which wheel its facts are from"))
            }
        }
    }

    /// Why a library that a wheel needs is not in the cell.
    fn unprovided(&self, cell: &NamedCell, filename: &str, provider: &Provider) -> Option<String> {
        match provider {
            Provider::Runtime { runtime } => (!self.matrix.runtime.libraries.contains_key(runtime))
                .then(|| format!("{filename} needs {runtime}, which matrix.toml does not have")),
            Provider::Package { package, soname, optional } => {
                let Some(held) = cell.cell().packages.get(package) else {
                    return (!optional).then(|| {
                        format!("{filename} needs {soname} of {package}, which is not in the cell")
                    });
                };
                // What is compiled offers what its build makes.
                let build = self.wheel_build(package, held, held.wheel.as_ref()?)?;
                (!optional && !build.libraries.contains_key(soname)).then(|| {
                    format!("{filename} needs {soname}, which {package} {} does not contain", held.version)
                })
            }
            Provider::Own { .. } | Provider::Driver { .. } => None,
        }
    }

    fn validate(&self, cell: &NamedCell) -> Vec<Failure> {
        let mut failures = Vec::new();
        if let Some(message) = self.no_compiler(cell) {
            failures.push(Failure::of_cell(message));
        }
        let python = full_python_version(cell.name.python);
        let environment = match marker_environment(cell.name.system, cell.name.python) {
            Ok(environment) => environment,
            Err(error) => return vec![Failure::of_cell(error.to_string())],
        };
        let packages = cell.cell().packages.iter().filter_map(|(name, package)| {
            let wheel = package.wheel.as_ref().map(|wheel| (&wheel.filename, wheel.sha256));
            let source = package.source.as_ref().map(|source| (&source.filename, source.sha256));
            Some((name, wheel.or(source)?))
        });
        for (name, (filename, sha256)) in packages {
            let Some(artefact) = self.artefact(name, filename, sha256) else { continue };
            let mut fail = |message: String| failures.push(Failure::of(name, message));
            let specifiers = artefact.requires_python.as_ref().map(|text| text.parse::<VersionSpecifiers>());
            match specifiers {
                Some(Ok(specifiers)) if !satisfies(&specifiers, &python) => {
                    fail(format!("{filename} requires Python {specifiers}"));
                }
                Some(Err(error)) => fail(format!("{filename}: its Requires-Python is not valid: {error}")),
                _ => {}
            }
            for line in artefact.requires_dist.iter().flatten() {
                let unmet = match line.parse::<Requirement>() {
                    Ok(requirement) => unmet(cell, &environment, &requirement),
                    Err(error) => Some(error.to_string()),
                };
                if let Some(unmet) = unmet {
                    fail(format!("{filename} requires {line}: {unmet}"));
                }
            }
        }
        failures
    }

    /// Why nothing could be compiled with the cell's CUDA release.
    fn no_compiler(&self, cell: &NamedCell) -> Option<String> {
        if cell.name.cuda == CudaTarget::Cpu || self.newest_gcc(cell).is_some() {
            return None;
        }
        Some(format!("compilers.json has no gcc that CUDA {} supports", cell.name.cuda))
    }

    /// The newest gcc that the CUDA release takes.
    fn newest_gcc(&self, cell: &NamedCell) -> Option<u16> {
        let cuda = cell.name.cuda.to_string();
        let newest = self.compilers.of(cell.name.system, &cuda)?.gcc.max?;
        let objection = self.compilers.objection(cell.name.system, &cuda, HostCompiler::Gcc(newest));
        objection.is_none().then_some(newest)
    }

    fn concretise(&self, cell: &NamedCell) -> Result<Vec<Failure>, LookupError> {
        let lookup = Lookup::with_cells(self.catalogue, (*cell.file).clone())?;
        let mut failures = Vec::new();
        let mut together = BTreeSet::new();
        let of_torch = self.covered(cell, "torch");
        for name in cell.cell().packages.keys() {
            let covered = self.covered(cell, name);
            let request = if cell.name.cuda == CudaTarget::Cpu || !covered.is_empty() {
                if of_torch.is_subset(&covered) {
                    together.insert(name.as_str());
                }
                Self::request(cell, &[name], covered, None)
            } else {
                let newest = self.newest_gcc(cell).map(HostCompiler::Gcc);
                Self::request(cell, &[name], self.compiled(cell, name), newest)
            };
            if request.compute_capabilities.is_empty() && cell.name.cuda != CudaTarget::Cpu {
                failures
                    .push(Failure::of(name, format!("{name} and its requirements have no GPU in common")));
                continue;
            }
            failures.extend(answered(&lookup, cell, &request, name)?);
        }
        if !together.is_empty() && (cell.name.cuda == CudaTarget::Cpu || !of_torch.is_empty()) {
            let names: Vec<_> = together.into_iter().collect();
            let request = Self::request(cell, &names, of_torch, None);
            failures.extend(answered(&lookup, cell, &request, "the packages that cover the GPUs of torch")?);
        }
        Ok(failures)
    }

    /// A package with all that it requires of the cell.
    fn closure<'c>(cell: &'c NamedCell, name: &'c str) -> BTreeSet<&'c str> {
        let (mut closure, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(name) = open.pop() {
            if let Some(package) = cell.cell().packages.get(name)
                && closure.insert(name)
            {
                open.extend(package.requires.iter().map(String::as_str));
            }
        }
        closure
    }

    /// The capabilities that the wheels of a package and of all that it requires cover.
    fn covered(&self, cell: &NamedCell, name: &str) -> BTreeSet<ComputeCapability> {
        let wheels = |capability: &ComputeCapability| {
            Self::closure(cell, name).iter().all(|name| {
                let wheel = cell.cell().packages.get(*name).and_then(|package| package.wheel.as_ref());
                wheel.is_some_and(|wheel| wheel.covers.contains(capability))
            })
        };
        if cell.name.cuda == CudaTarget::Cpu {
            return BTreeSet::new();
        }
        self.matrix.compute_capabilities.iter().copied().filter(wheels).collect()
    }

    /// One capability that a package and all that it requires serve where what can be compiled is compiled; none where
    /// there is no such.
    fn compiled(&self, cell: &NamedCell, name: &str) -> BTreeSet<ComputeCapability> {
        let serves = |capability: &&ComputeCapability| {
            Self::closure(cell, name).iter().all(|name| {
                let package = cell.cell().packages.get(*name);
                let wheel = package.and_then(|package| package.wheel.as_ref());
                let source = package.and_then(|package| package.source.as_ref());
                wheel.is_some_and(|wheel| wheel.covers.contains(capability))
                    || source.is_some_and(|source| source.capabilities.contains(capability))
            })
        };
        self.matrix.compute_capabilities.iter().rev().find(serves).copied().into_iter().collect()
    }

    fn request(
        cell: &NamedCell,
        names: &[&str],
        compute_capabilities: BTreeSet<ComputeCapability>,
        compiler: Option<HostCompiler>,
    ) -> Request {
        Request {
            packages: names.iter().map(|&name| (name.to_owned(), Asked::default())).collect(),
            system: cell.name.system,
            python: cell.name.python,
            cuda: cell.name.cuda,
            compute_capabilities,
            compiler,
            driver: None,
            driver_ptx: None,
            allowed: BTreeSet::new(),
            torch: Some(cell.name.torch.clone()),
            glibc: None,
            preferences: Preferences::default(),
        }
    }
}

/// Why a request for what a cell holds is not answered with it.
fn answered(
    lookup: &Lookup<'_>,
    cell: &NamedCell,
    request: &Request,
    what: &str,
) -> Result<Vec<Failure>, LookupError> {
    let package = cell.cell().packages.contains_key(what).then(|| what.to_owned());
    let failure = |message: String| Failure { package: package.clone(), message };
    let plan = match lookup.answer(request)? {
        Ok(plan) => plan,
        Err(refusal) => {
            let reasons = refusal.reasons.iter().map(|reason| reason.message.as_str());
            let reasons = reasons.collect::<Vec<_>>().join("; ");
            return Ok(vec![failure(format!("`{}` is refused: {reasons}", request.command()))]);
        }
    };
    let version = |name: &String| cell.cell().packages.get(name).map(|package| &package.version);
    let other = |name: &String| plan.packages.get(name).map(|package| &package.version) != version(name);
    let others: Vec<_> = request.packages.keys().filter(|name| other(name)).map(String::as_str).collect();
    if plan.torch != cell.name.torch || !others.is_empty() {
        let message = format!(
            "`{}` is answered with torch {} and with versions other than those of the cell for: {}",
            request.command(),
            plan.torch,
            others.join(", ")
        );
        return Ok(vec![failure(message)]);
    }
    Ok(Vec::new())
}

/// Why a cell does not meet a requirement; `None` where it does or where the requirement is not for it.
fn unmet(cell: &NamedCell, environment: &MarkerEnvironment, requirement: &Requirement) -> Option<String> {
    if !requirement.evaluate_markers(environment, &[]) {
        return None;
    }
    let name = requirement.name.to_string();
    let Some((_, version)) = cell.versions().find(|(held, _)| *held == name) else {
        return Some("the cell has none".to_owned());
    };
    match &requirement.version_or_url {
        None => None,
        Some(VersionOrUrl::Url(_)) => Some("the cell has no packages from URLs".to_owned()),
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
            let is_met = version.parse::<Version>().is_ok_and(|version| satisfies(specifiers, &version));
            (!is_met).then(|| format!("the cell has {version}"))
        }
    }
}
