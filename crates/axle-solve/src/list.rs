//! Lists of versions: whether what somebody has, or means to install, works together on a machine.
//!
//! Nothing is solved. Of each version the wheel that fits best is judged as the solver judges it ([`Distribution`]), beside
//! the torch of the list, and each requirement is held against the version that the list has of the required package.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use axle_catalogue::{Artefact, Cause, CellPtx, Fact, Inventory, Matrix, Span};
use axle_rules::{Rule, Severity};
use axle_toolkit::{Source, Toolkits, Verdict};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, DriverVersion, ExtraName, Glibc, PythonVersion, System,
    WheelCuda, comma_separated, is_asked,
};
use axle_wheel::TagMismatch;
use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};

use crate::candidates::{self, Candidate, Candidates, CandidatesError, Target};
use crate::distribution::{Distribution, Need, Torch, covered};

#[cfg(test)]
mod tests;

/// Versions that are to work together, and the machine.
#[derive(Debug, Clone)]
pub struct VersionList {
    /// The system.
    pub system: System,
    /// The Python.
    pub python: PythonVersion,
    /// The CUDA release, or none.
    pub cuda: CudaTarget,
    /// The GPUs.
    pub compute_capabilities: BTreeSet<ComputeCapability>,
    /// The driver; `None` for one that is new enough.
    pub driver: Option<DriverVersion>,
    /// The C library; `None` for one that is new enough.
    pub glibc: Option<Glibc>,
    /// The versions, by package.
    pub versions: BTreeMap<String, Listed>,
    /// Whether nothing else is installed, so that what a package requires has to be in the list.
    pub is_complete: bool,
}

/// A version in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The version, perhaps with a local part: `2.9.0+cu128`.
    pub version: Version,
    /// The extras that it was installed with.
    pub extras: Vec<ExtraName>,
}

/// So many other versions of a package are tried before advice is given up.
const MOST_TRIED: usize = 80;

impl VersionList {
    /// The verdicts on each version and each requirement. What the catalogue does not know is listed as not judged.
    ///
    /// # Errors
    /// When the catalogue contradicts itself.
    pub fn judge(&self, inventory: &Inventory, toolkits: &Toolkits) -> Result<Vec<Verdict>, CandidatesError> {
        let list = Judged::new(self, inventory, toolkits)?;
        let troubles = list.troubles(&self.versions, self.cuda);
        let mut verdicts: Vec<Verdict> =
            troubles.iter().map(|trouble| list.verdict(trouble, &troubles)).collect();
        verdicts.extend(list.fitting());
        verdicts.extend(list.unknown());
        Ok(verdicts)
    }

    /// The CUDA release that the torch of a list is built for, as far as its version or the index's wheel tells.
    ///
    /// # Errors
    /// As [`VersionList::judge`].
    pub fn cuda_of_torch(
        inventory: &Inventory,
        system: System,
        python: PythonVersion,
        versions: &BTreeMap<String, Listed>,
    ) -> Result<Option<CudaTarget>, CandidatesError> {
        let Some(listed) = versions.get(anchor(&inventory.matrix)) else { return Ok(None) };
        if let Some(cuda) = cuda_of_local(&listed.version) {
            return Ok(Some(cuda));
        }
        let candidates = Candidates::new(inventory, system, python)?;
        let versions = candidates.versions(anchor(&inventory.matrix));
        let wheels = versions.and_then(|versions| versions.get(&listed.version)).map(Candidate::fitting);
        Ok(wheels.into_iter().flatten().find_map(|wheel| {
            let pinned = candidates.pinned_cuda(wheel.package, wheel).ok().flatten();
            wheel.cuda_basis(pinned).into_iter().find_map(|(cuda, _)| match cuda {
                WheelCuda::Release(release) => Some(release.into()),
                WheelCuda::Cpu => Some(CudaTarget::Cpu),
                WheelCuda::Major(_) => None,
            })
        }))
    }

    /// The Python of the catalogue that most of some versions have wheels for, the newest of several.
    ///
    /// # Errors
    /// As [`VersionList::judge`].
    pub fn likely_python(
        inventory: &Inventory,
        system: System,
        versions: &BTreeMap<String, Listed>,
    ) -> Result<Option<PythonVersion>, CandidatesError> {
        let mut best = None;
        for &python in &inventory.matrix.pythons {
            let candidates = Candidates::new(inventory, system, python)?;
            let has_wheel = |(name, listed): &(&String, &Listed)| {
                let versions = candidates.versions(name);
                let fitting = versions.into_iter().flatten().filter(|(version, candidate)| {
                    (*version).clone().without_local() == listed.version.clone().without_local()
                        && candidate.fitting().iter().any(Distribution::is_wheel)
                });
                fitting.count() > 0
            };
            let count = versions.iter().filter(has_wheel).count();
            best = best.max(Some((count, python)));
        }
        Ok(best.map(|(_, python)| python))
    }
}

/// `2.9.0+cu128` is for CUDA 12.8.
pub fn cuda_of_local(version: &Version) -> Option<CudaTarget> {
    let local = version.local().first()?.to_string();
    match local.as_str() {
        "cpu" => Some(CudaTarget::Cpu),
        tag => CudaRelease::from_number(tag.strip_prefix("cu")?.parse().ok()?).map(CudaTarget::from),
    }
}

fn anchor(matrix: &Matrix) -> &str {
    matrix.order.iter().flatten().next().map_or("torch", String::as_str)
}

/// A list beside what the catalogue has of it.
struct Judged<'l, 'a> {
    list: &'l VersionList,
    toolkits: &'l Toolkits,
    candidates: Candidates<'a>,
    anchor: &'l str,
    choices: RefCell<HashMap<Key, Option<Choice<'a>>>>,
}

/// A package in a version, for a CUDA release and a torch.
type Key = (String, Version, CudaTarget, Option<Version>);

/// The wheel that a version comes to.
#[derive(Clone)]
struct Choice<'a> {
    /// The wheel; `None` where none fits the system, the Python and the C library.
    wheel: Option<Distribution<'a>>,
    /// What is wrong with it.
    causes: Vec<Cause>,
    /// What of it the driver compiles.
    by_ptx: Vec<CellPtx>,
}

impl Choice<'_> {
    /// The GPUs that it runs on by PTX, in part at least.
    fn gpus_by_ptx(&self) -> Vec<ComputeCapability> {
        let gpus: BTreeSet<_> = self.by_ptx.iter().flat_map(|ptx| ptx.on.iter().copied()).collect();
        gpus.into_iter().collect()
    }
}

/// Something that is wrong with a list.
#[derive(Clone)]
enum Trouble<'a> {
    /// A version does not fit.
    Unfit { name: String, version: Version, cause: Cause, artefact: Option<&'a Artefact> },
    /// Its code for a GPU has to be compiled by a driver that is too old for it.
    Ptx {
        name: String,
        version: Version,
        gpus: Vec<ComputeCapability>,
        made_by: CudaRelease,
        needs: DriverVersion,
        artefact: &'a Artefact,
    },
    /// A requirement is not met; `None` where the list has nothing of the package.
    Requires { name: String, version: Version, need: Need, has: Option<Version>, artefact: &'a Artefact },
}

impl Trouble<'_> {
    fn rule(&self) -> Rule {
        match self {
            Self::Unfit { cause, .. } => rule_of(cause),
            Self::Ptx { .. } => Rule::DriverTooOldForPtx,
            Self::Requires { .. } => Rule::RequirementNotMet,
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Unfit { cause: Cause::NoWheel | Cause::NotCompiled | Cause::Yanked { .. }, .. }
            | Self::Requires { has: None, .. } => Severity::Warning,
            Self::Unfit { .. } if self.rule() == Rule::NotJudged => Severity::Warning,
            _ => Severity::Error,
        }
    }

    fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    fn name(&self) -> &str {
        match self {
            Self::Unfit { name, .. } | Self::Ptx { name, .. } | Self::Requires { name, .. } => name,
        }
    }

    fn is_about(&self, package: &str) -> bool {
        self.name() == package || matches!(self, Self::Requires { need, .. } if need.name == package)
    }

    fn message(&self, list: &VersionList) -> String {
        match self {
            Self::Unfit { name, version, cause, .. } => match cause {
                Cause::Unaudited { .. } => format!("the wheel of {name} {version} was never read"),
                cause if rule_of(cause) == Rule::NotJudged => {
                    format!("{name} {version} is not judged: {cause}")
                }
                Cause::Cuda { .. } | Cause::WithoutCuda | Cause::NoWheel => about(name, version, cause),
                cause if cause.is_other_python() => about(name, version, cause),
                cause => match cause.to_string().strip_prefix("it ") {
                    Some(predicate) => format!("the wheel of {name} {version} {predicate}"),
                    None => format!("{name} {version}: {cause}"),
                },
            },
            Self::Ptx { name, version, gpus, made_by, needs, .. } => {
                let driver = list.driver.as_ref().map(ToString::to_string).unwrap_or_default();
                format!(
                    "kernels of {name} {version} for {} exist as PTX only, and driver {driver} cannot compile PTX of CUDA {made_by}, which needs {needs}",
                    comma_separated(gpus)
                )
            }
            Self::Requires { name, version, need, has: Some(has), .. } => {
                format!(
                    "{name} {version} requires {}, but the list has {} {has}",
                    need.requirement(),
                    need.name
                )
            }
            Self::Requires { name, version, need, has: None, .. } => {
                format!("{name} {version} requires {}, which is not in the list", need.requirement())
            }
        }
    }

    fn artefact(&self) -> Option<&Artefact> {
        match self {
            Self::Unfit { artefact, .. } => *artefact,
            Self::Ptx { artefact, .. } | Self::Requires { artefact, .. } => Some(artefact),
        }
    }
}

fn about(name: &str, version: &Version, cause: &Cause) -> String {
    cause.about(&format!("{name} {version}"))
}

/// The rule that a cause breaks.
fn rule_of(cause: &Cause) -> Rule {
    match cause {
        Cause::RequiresPython { .. } => Rule::PythonNotServed,
        cause if cause.is_other_python() => Rule::PythonNotServed,
        Cause::Glibc { .. } | Cause::Tags { mismatch: TagMismatch::Glibc { .. }, .. } => Rule::GlibcTooOld,
        Cause::Cuda { .. } | Cause::WithoutCuda => Rule::OtherCuda,
        Cause::Torch { .. } | Cause::ImportFails { .. } => Rule::OtherTorch,
        Cause::Conflict { .. } => Rule::RequirementNotMet,
        Cause::CxxAbi { .. } => Rule::AbiMismatch,
        Cause::CoversNothing | Cause::Uncovered { .. } | Cause::Doubtful { .. } => Rule::PackageWithoutCode,
        Cause::NoWheel | Cause::NotCompiled | Cause::Tags { .. } | Cause::Yanked { .. } => Rule::NoWheel,
        _ => Rule::NotJudged,
    }
}

impl<'l, 'a> Judged<'l, 'a> {
    fn new(
        list: &'l VersionList,
        inventory: &'a Inventory,
        toolkits: &'l Toolkits,
    ) -> Result<Self, CandidatesError>
    where
        'a: 'l,
    {
        let pins =
            list.versions.iter().map(|(name, listed)| (name.clone(), exactly(&listed.version))).collect();
        // The C library is judged with all else, so that it hides nothing.
        let glibc = Glibc::new(2, u16::MAX);
        let target = Target { system: list.system, python: list.python, glibc, pins: &pins };
        Ok(Self {
            list,
            toolkits,
            candidates: Candidates::for_target(inventory, &target)?,
            anchor: anchor(&inventory.matrix),
            choices: RefCell::default(),
        })
    }

    /// What is wrong with some versions for a CUDA release.
    fn troubles(&self, versions: &BTreeMap<String, Listed>, cuda: CudaTarget) -> Vec<Trouble<'a>> {
        let torch = versions.get(self.anchor).and_then(|torch| self.torch(&torch.version, cuda));
        let mut troubles = Vec::new();
        for (name, listed) in versions {
            let Some(choice) = self.choice(name, &listed.version, cuda, torch.as_ref()) else { continue };
            let artefact = choice.wheel.as_ref().map(|wheel| wheel.artefact);
            let version = &listed.version;
            troubles.extend(choice.causes.iter().map(|cause| Trouble::Unfit {
                name: name.clone(),
                version: version.clone(),
                cause: cause.clone(),
                artefact,
            }));
            let Some(wheel) = &choice.wheel else { continue };
            troubles.extend(self.ptx(name, version, &choice, wheel, cuda));
            troubles.extend(self.conflicts(name, version, versions, artefact));
            let Ok(needs) = self.candidates.needs(name, wheel, &listed.extras) else { continue };
            for need in needs.iter() {
                let has = versions.get(&need.name).map(|other| &other.version);
                let is_met = match has {
                    Some(has) => is_asked(&need.specifiers, has, cuda),
                    None => !self.list.is_complete,
                };
                if !is_met {
                    troubles.push(Trouble::Requires {
                        name: name.clone(),
                        version: version.clone(),
                        need: need.clone(),
                        has: has.cloned(),
                        artefact: wheel.artefact,
                    });
                }
            }
        }
        troubles
    }

    /// What a version does not work with, of the rest of the list, though no metadata says so.
    fn conflicts(
        &self,
        name: &str,
        version: &Version,
        versions: &BTreeMap<String, Listed>,
        artefact: Option<&'a Artefact>,
    ) -> Vec<Trouble<'a>> {
        let conflicts = &self.candidates.conflicts;
        let stated = conflicts.sides(name, version).filter(|(conflict, _)| conflict.package == name);
        let met = stated.filter(|(conflict, side)| {
            versions.get(&conflict.other).is_some_and(|other| {
                let mut sides = conflicts.sides(&conflict.other, &other.version);
                sides.any(|(of, other_side)| of == *conflict && other_side != *side)
            })
        });
        met.filter_map(|(conflict, _)| {
            let what = conflict.what(self.candidates.inventory)?;
            let versions = vec![Span::One(version.to_string())];
            let facts = vec![Fact { package: name.to_owned(), versions, what }];
            let (name, version) = (name.to_owned(), version.clone());
            Some(Trouble::Unfit { name, version, cause: Cause::Conflict { facts }, artefact })
        })
        .collect()
    }

    fn torch(&self, version: &Version, cuda: CudaTarget) -> Option<Torch> {
        let choice = self.choice(self.anchor, version, cuda, None)?;
        Some(Torch::of(choice.wheel.as_ref()?, self.list.python, cuda))
    }

    /// The wheel of a version that fits best; `None` where the catalogue does not know the version.
    fn choice(
        &self,
        name: &str,
        version: &Version,
        cuda: CudaTarget,
        torch: Option<&Torch>,
    ) -> Option<Choice<'a>> {
        let key = (name.to_owned(), version.clone(), cuda, torch.map(|torch| torch.version.clone()));
        if let Some(known) = self.choices.borrow().get(&key) {
            return known.clone();
        }
        let choice = self.choose(name, version, cuda, torch);
        self.choices.borrow_mut().insert(key, choice.clone());
        choice
    }

    fn choose(
        &self,
        name: &str,
        version: &Version,
        cuda: CudaTarget,
        torch: Option<&Torch>,
    ) -> Option<Choice<'a>> {
        let asked = exactly(version);
        let versions = self.candidates.versions(name)?;
        let of_cuda = |cuda| -> Vec<_> {
            versions.iter().filter(|(version, _)| is_asked(&asked, version, cuda)).collect()
        };
        let mut matching = of_cuda(cuda);
        if let (true, Some(own)) = (matching.is_empty(), cuda_of_local(version)) {
            matching = of_cuda(own);
        }
        if matching.is_empty() {
            return None;
        }
        let wheels =
            matching.iter().flat_map(|(_, candidate)| candidate.fitting()).filter(|wheel| wheel.is_wheel());
        let judged = wheels.map(|wheel| {
            let (causes, by_ptx) = self.causes(name, wheel, cuda, torch);
            Choice { wheel: Some(wheel.clone()), causes, by_ptx }
        });
        // Of several builds that for the CUDA is meant, whatever else it lacks.
        let is_for_other = |cause: &Cause| matches!(cause, Cause::Cuda { .. } | Cause::WithoutCuda);
        let best = judged.min_by_key(|choice| {
            let nearest = Reverse(choice.causes.iter().max().cloned());
            (choice.causes.iter().any(is_for_other), choice.causes.len(), nearest)
        });
        Some(best.unwrap_or_else(|| {
            let unfit =
                matching.iter().map(|(_, candidate)| candidate.unfit()).max().unwrap_or(Cause::NoWheel);
            Choice { wheel: None, causes: vec![unfit], by_ptx: Vec::new() }
        }))
    }

    /// What is wrong with a wheel, and what of it the driver compiles.
    fn causes(
        &self,
        name: &str,
        wheel: &Distribution<'a>,
        cuda: CudaTarget,
        torch: Option<&Torch>,
    ) -> (Vec<Cause>, Vec<CellPtx>) {
        let pinned = self.candidates.pinned_cuda(wheel.package, wheel).ok().flatten();
        let mut causes = Vec::new();
        let is_for_cpu = name == self.anchor && cuda != CudaTarget::Cpu && !wheel.is_for_cuda(pinned);
        causes.extend(is_for_cpu.then_some(Cause::WithoutCuda));
        causes.extend(wheel.fits_cuda(cuda, pinned).err().filter(|_| !is_for_cpu));
        if let Some(torch) = torch.filter(|_| name != self.anchor) {
            causes.extend(wheel.fits_torch(torch, &self.candidates.inventory.imports).err());
        }
        if let (Some(has), Some(needs)) = (self.list.glibc, wheel.glibc())
            && needs > has
        {
            causes.push(Cause::Glibc { needs, has });
        }
        if let Some(reason) = wheel.artefact.yanked.clone() {
            causes.push(Cause::Yanked { reason });
        }
        let mut by_ptx = Vec::new();
        let gpus: Vec<_> = self.list.compute_capabilities.iter().copied().collect();
        let is_other_cuda = causes.iter().any(|cause| rule_of(cause) == Rule::OtherCuda);
        if !gpus.is_empty() && cuda != CudaTarget::Cpu && !is_other_cuda {
            match wheel.coverage(&gpus, cuda) {
                Err(cause) => causes.push(cause),
                Ok(None) => {
                    let is_plain = wheel.artefact.filename.ends_with("-none-any.whl");
                    let files = vec![wheel.artefact.filename.clone()];
                    causes.extend((!is_plain).then_some(Cause::Unaudited { files }));
                }
                Ok(Some(all)) => {
                    let covered = covered(&all);
                    let lacking: Vec<_> = gpus.iter().filter(|gpu| !covered.contains(gpu)).copied().collect();
                    if lacking.is_empty() {
                        causes.extend(self.candidates.doubt(name, wheel, &gpus, cuda));
                    } else {
                        let known = &self.candidates.inventory.matrix.compute_capabilities;
                        let covers = wheel.covers(known, cuda).ok().flatten().unwrap_or_default();
                        causes.push(Cause::Uncovered { lacking, covers, code: wheel.code() });
                    }
                    by_ptx = candidates::by_ptx(&all);
                }
            }
        }
        causes.dedup();
        (causes, by_ptx)
    }

    /// PTX that the driver cannot compile: of the members that [`axle_audit::coverage`] names, as in plans.
    fn ptx(
        &self,
        name: &str,
        version: &Version,
        choice: &Choice<'a>,
        wheel: &Distribution<'a>,
        cuda: CudaTarget,
    ) -> Option<Trouble<'a>> {
        let (driver, target) = (self.list.driver.as_ref()?, cuda.release()?);
        let made_by = choice.by_ptx.iter().map(|ptx| ptx.cuda.unwrap_or(target)).max()?;
        let needs = self.toolkits.driver(made_by)?.own.clone().filter(|own| driver < own)?;
        Some(Trouble::Ptx {
            name: name.to_owned(),
            version: version.clone(),
            gpus: choice.gpus_by_ptx(),
            made_by,
            needs,
            artefact: wheel.artefact,
        })
    }

    fn verdict(&self, trouble: &Trouble<'a>, all: &[Trouble<'a>]) -> Verdict {
        let severity = trouble.severity();
        let message = trouble.message(self.list);
        Verdict {
            rule: trouble.rule(),
            severity,
            fact: match trouble {
                Trouble::Unfit { name, version, cause, .. } => format!("{name} {version}: {cause}"),
                Trouble::Ptx { .. } => message.clone(),
                Trouble::Requires { name, version, need, .. } => {
                    format!("{name} {version} requires {}", need.requirement())
                }
            },
            message,
            source: source(trouble.name(), trouble.artefact()),
            fix: if trouble.is_error() { self.advice(trouble, all) } else { None },
        }
    }

    /// A change of the list that was tried: it takes this trouble away and makes no other.
    fn advice(&self, trouble: &Trouble<'a>, all: &[Trouble<'a>]) -> Option<String> {
        let list = self.list;
        let errors = all.iter().filter(|trouble| trouble.is_error()).count();
        let needed = match trouble {
            Trouble::Requires { need, .. } => Some(need.name.as_str()),
            Trouble::Unfit { cause: Cause::Torch { .. } | Cause::CxxAbi { .. }, .. } => Some(self.anchor),
            _ => None,
        };
        let mut changed = [Some(trouble.name()), needed].into_iter().flatten();
        let version = changed.find_map(|name| Some((name, self.other_version(name, trouble, errors)?)));
        if let Some((name, version)) = version {
            return Some(format!(
                "use {name} {version}, the newest in the catalogue that fits the rest of the list"
            ));
        }
        let mut cudas = self.candidates.inventory.matrix.cudas.iter().rev().copied();
        let runs = |cuda: &CudaTarget| match (
            &list.driver,
            cuda.release().and_then(|cuda| self.toolkits.driver(cuda)),
        ) {
            (Some(driver), Some(needs)) => *driver >= needs.compatible,
            _ => *cuda != CudaTarget::Cpu,
        };
        let fits = |cuda: &CudaTarget| {
            *cuda != list.cuda
                && runs(cuda)
                && !self.troubles(&list.versions, *cuda).iter().any(Trouble::is_error)
        };
        if list.cuda != CudaTarget::Cpu
            && let Some(cuda) = cudas.find(fits)
        {
            return Some(format!("use CUDA {cuda}, for which the whole list fits"));
        }
        self.compiling(trouble.name()).or_else(|| match trouble.rule() {
            Rule::GlibcTooOld => Some("use a system with a newer glibc".to_owned()),
            Rule::PythonNotServed => Some("use one of these Pythons".to_owned()),
            Rule::DriverTooOldForPtx => Some("install a newer driver".to_owned()),
            _ => None,
        })
    }

    /// The newest other version of a package that is without the trouble, and has none of its own.
    fn other_version(&self, name: &str, trouble: &Trouble<'a>, errors: usize) -> Option<Version> {
        let list = self.list;
        let own = &list.versions.get(name)?.version;
        let known = self.candidates.versions(name)?.keys().rev();
        let mut tried = BTreeSet::new();
        let others = known.map(|version| version.clone().without_local()).filter(|version| {
            *version != own.clone().without_local()
                && (own.any_prerelease() || !version.any_prerelease())
                && tried.insert(version.clone())
        });
        let torch = list.versions.get(self.anchor).filter(|_| name != self.anchor);
        let torch = torch.and_then(|torch| self.torch(&torch.version, list.cuda));
        others.take(MOST_TRIED).find(|version| {
            let choice = self.choice(name, version, list.cuda, torch.as_ref());
            if choice.is_none_or(|choice| choice.wheel.is_none() || !choice.causes.is_empty()) {
                return false;
            }
            let mut versions = list.versions.clone();
            if let Some(listed) = versions.get_mut(name) {
                listed.version = version.clone();
            }
            let after = self.troubles(&versions, list.cuda);
            let left = || after.iter().filter(|one| one.is_error());
            let is_left = |one: &Trouble<'_>| one.is_about(name) || one.is_about(trouble.name());
            !left().any(is_left) && left().count() < errors
        })
    }

    /// Whether a version can be compiled for the list.
    fn compiling(&self, name: &str) -> Option<String> {
        let listed = self.list.versions.get(name)?;
        let candidate = self.candidates.versions(name)?.get(&listed.version)?;
        let package = candidate.sdist()?.package;
        let gpus = self.candidates.inventory.compiles_for(package, self.list.cuda).ok()?;
        let compiles = self.list.compute_capabilities.iter().all(|gpu| gpus.contains(gpu));
        compiles.then(|| format!("compile {name} {} from its sdist, against this torch", listed.version))
    }

    /// What fits: each package that is made for a GPU or a torch, and the requirements.
    fn fitting(&self) -> Vec<Verdict> {
        let VersionList { versions, cuda, compute_capabilities: gpus, .. } = self.list;
        let torch = versions.get(self.anchor).and_then(|torch| self.torch(&torch.version, *cuda));
        let mut fitting = Vec::new();
        let mut met = 0;
        let mut first = None;
        for (name, listed) in versions {
            let Some(choice) = self.choice(name, &listed.version, *cuda, torch.as_ref()) else { continue };
            let Some(wheel) = &choice.wheel else { continue };
            let needs = self.candidates.needs(name, wheel, &listed.extras).unwrap_or_default();
            let is_met = |need: &&Need| {
                versions.get(&need.name).is_some_and(|has| is_asked(&need.specifiers, &has.version, *cuda))
            };
            let of_this = needs.iter().filter(is_met).count();
            if of_this > 0 {
                first = first.or(Some((name, wheel.artefact)));
            }
            met += of_this;
            let pinned = self.candidates.pinned_cuda(wheel.package, wheel).ok().flatten();
            if !choice.causes.is_empty() || !wheel.is_of_gpu_kind(pinned) {
                continue;
            }
            let subject = format!("{name} {}", listed.version);
            let has_code = !gpus.is_empty() && !wheel.code().is_empty();
            let (rule, mut message) = if has_code {
                (Rule::PackageWithoutCode, format!("{subject} has code for {}", comma_separated(gpus)))
            } else {
                let target =
                    if *cuda == CudaTarget::Cpu { "no CUDA".to_owned() } else { format!("CUDA {cuda}") };
                (Rule::OtherCuda, format!("{subject} goes with {target}"))
            };
            let by_ptx = choice.gpus_by_ptx();
            if has_code && !by_ptx.is_empty() {
                message.push_str(", at least in part as PTX");
                if by_ptx.len() < gpus.len() {
                    message = format!("{message} for {}", comma_separated(&by_ptx));
                }
            }
            let fact = format!("{} was judged", wheel.artefact.filename);
            let source = source(name, Some(wheel.artefact));
            fitting.push(Verdict { rule, severity: Severity::Ok, message, fact, source, fix: None });
        }
        if let Some((name, artefact)) = first {
            let requirements = if met == 1 { "requirement is" } else { "requirements are" };
            let message = format!("{met} {requirements} met within the list");
            let (fact, source) = (message.clone(), source(name, Some(artefact)));
            let rule = Rule::RequirementNotMet;
            fitting.push(Verdict { rule, severity: Severity::Ok, message, fact, source, fix: None });
        }
        fitting
    }

    /// What the catalogue does not know.
    fn unknown(&self) -> Option<Verdict> {
        let is_unknown = |(name, listed): &(&String, &Listed)| {
            self.choice(name, &listed.version, self.list.cuda, None).is_none()
        };
        let unknown = self.list.versions.iter().filter(is_unknown);
        let told: Vec<String> = unknown
            .map(|(name, listed)| match self.candidates.versions(name) {
                Some(versions) if !versions.is_empty() => {
                    format!("{name} {} (other versions are known)", listed.version)
                }
                _ => format!("{name} {}", listed.version),
            })
            .collect();
        let message = format!("not judged, for the catalogue does not know them: {}", told.join(", "));
        (!told.is_empty()).then(|| Verdict {
            rule: Rule::NotJudged,
            severity: Severity::Note,
            fact: message.clone(),
            message,
            source: Source::Document { document: "the catalogue".to_owned() },
            fix: None,
        })
    }
}

fn exactly(version: &Version) -> VersionSpecifiers {
    VersionSpecifier::equals_version(version.clone()).into()
}

/// Where a fact about a package was read.
fn source(name: &str, artefact: Option<&Artefact>) -> Source {
    match artefact {
        Some(artefact) => {
            Source::File { filename: artefact.filename.clone(), sha256: Some(artefact.sha256), member: None }
        }
        None => Source::Document { document: format!("the published files of {name}") },
    }
}
