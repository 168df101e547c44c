//! Explanations of a plan (`--explain`): why each package has its version and its build.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axle_catalogue::{Cause, Cell, CellFile, CellSource, CellWheel, Provenance};
use axle_fatbin::Code;
use axle_types::{Requirement, VersionOrUrl, comma_separated, satisfies};
use axle_wheel::WheelName;
use pep440_rs::Version;

use super::blocker::minutes;
use super::reasons::duration;
use super::wanted::Wanted;
use super::{Build, Lookup, LookupError};
use crate::plan::Plan;
use crate::request::{Pass, Prefer, Request};

/// One package of a plan, as the text output shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Whether it is compiled.
    pub is_compiled: bool,
    /// How the facts of its wheel are known.
    pub provenance: Provenance,
    /// The third party that built its wheel, where the project did not.
    pub publisher: Option<String>,
    /// The architectures of its device code, as text; empty if it has none.
    pub architectures: String,
    /// Bytes to download.
    pub size: Option<u64>,
    /// Why it is not the newest version, and why it is compiled; empty where it is the newest, and a wheel.
    pub why: String,
}

/// The explanation of one choice: facts, one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What was chosen.
    pub choice: String,
    /// Why, from what was asked for on.
    pub facts: Vec<String>,
}

/// The maximum number of newer versions in an explanation.
const TOLD: usize = 8;

impl Lookup<'_> {
    /// The packages of a plan, as the text output shows them.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn rows(&self, request: &Request, plan: &Plan) -> Result<Vec<Row>, LookupError> {
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else {
            return Ok(Vec::new());
        };
        let Some(cell) = file.torch.get(&plan.torch) else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        for name in plan.packages.keys() {
            let Some(package) = cell.packages.get(name) else { continue };
            let Some(made) = Build::of(name, package, request, Pass::Compiling) else { continue };
            let mut why = Vec::new();
            why.extend(self.newer(request, &file, plan, cell, name)?);
            why.extend(why_compiled(name, package.wheel.as_ref(), made, request));
            let (provenance, publisher, architectures, size) = match made {
                Build::Wheel(wheel) => {
                    why.extend(wheel_notes(wheel));
                    (wheel.provenance, wheel.publisher.clone(), architectures(wheel), wheel.size)
                }
                Build::Source(source) => {
                    let asked = comma_separated(&request.compute_capabilities);
                    (Provenance::Audited, None, asked, source.size)
                }
            };
            rows.push(Row {
                package: name.clone(),
                version: package.version.clone(),
                is_compiled: matches!(made, Build::Source(_)),
                provenance,
                publisher,
                architectures,
                size,
                why: why.join("; "),
            });
        }
        Ok(rows)
    }

    /// The newest version where it is not the plan's, and why it is not.
    fn newer(
        &self,
        request: &Request,
        file: &CellFile,
        plan: &Plan,
        cell: &Cell,
        name: &str,
    ) -> Result<Option<String>, LookupError> {
        let chosen = cell.packages.get(name).map(|package| package.version.as_str()).unwrap_or_default();
        if name == self.anchor() {
            return match newer_torches(file, &plan.torch).first() {
                None => Ok(None),
                Some(newest) if !request.takes_torch(newest) => {
                    let asked = request.torch.as_deref().unwrap_or_default();
                    Ok(Some(format!("newest is {newest}, but {asked} is requested")))
                }
                Some(newest) => {
                    let why = self.why_not(request, file, newest)?;
                    Ok(Some(format!("newest is {newest}, but {why}")))
                }
            };
        }
        if let Some(newer) = cell.newer.get(name) {
            return Ok(Some(format!("newest is {}, but {}", newer.version, newer.why)));
        }
        let others = file.order.iter().filter_map(|torch| {
            let version = &file.torch.get(torch)?.packages.get(name)?.version;
            Some((Version::from_str(version).ok()?, version, torch))
        });
        let newest = others.max_by(|one, other| one.0.cmp(&other.0));
        // What is local names CUDA, torch and builder: it makes nothing newer.
        let public = |version: Version| version.without_local();
        let is_newer = |version: &Version| {
            Version::from_str(chosen).is_ok_and(|chosen| public(version.clone()) > public(chosen))
        };
        Ok(newest
            .filter(|(version, ..)| is_newer(version))
            .map(|(_, version, torch)| format!("{version} is for {} {torch}", self.anchor())))
    }

    /// Why a torch does not answer a request, as what follows a `but`.
    fn why_not(&self, request: &Request, file: &CellFile, torch: &str) -> Result<String, LookupError> {
        if let Some(absence) = file.absent.get(torch) {
            return Ok(absence.about(self.anchor()));
        }
        let only = Request { torch: Some(torch.to_owned()), ..request.clone() };
        let reasons = self.reasons(&only)?;
        if let Some(reason) = reasons.into_iter().min_by_key(|reason| reason.cause.length()) {
            return Ok(reason.message);
        }
        let Some(cell) = file.torch.get(torch) else { return Ok(String::new()) };
        let wanted = Wanted::of(cell, request);
        let closure = super::closure(cell, &wanted.names);
        let compiled: Vec<_> = closure
            .iter()
            .filter(|(name, package)| Build::of(name, package, request, Pass::Wheels).is_none())
            .map(|(name, _)| *name)
            .collect();
        if compiled.is_empty() {
            let theirs = closure.iter().filter_map(|(name, package)| {
                let publisher = package.wheel.as_ref()?.publisher.as_ref()?;
                Some(format!("{name} is built for it by {publisher}, not by the project"))
            });
            let theirs: Vec<_> = theirs.collect();
            return Ok(format!("{} (--torch {torch} uses it)", theirs.join(", ")));
        }
        Ok(format!(
            "{} would be compiled for it, but wheels are preferred (--prefer newest uses it)",
            compiled.join(" and ")
        ))
    }

    /// The whole story of one package of a plan; `None` where it is not in the plan.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn story(&self, request: &Request, plan: &Plan, name: &str) -> Result<Option<Story>, LookupError> {
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else { return Ok(None) };
        let Some(cell) = file.torch.get(&plan.torch) else { return Ok(None) };
        let mut facts = Vec::new();
        if request.packages.contains_key(name) {
            facts.push("requested".to_owned());
        }
        facts.extend(required_by(plan, name));
        let (Some(planned), Some(package)) = (plan.packages.get(name), cell.packages.get(name)) else {
            return Ok(None);
        };
        let Some(made) = Build::of(name, package, request, Pass::Compiling) else { return Ok(None) };
        facts.push(format!("{}, sha256 {}", planned.build.filename(), planned.build.sha256()));
        facts.extend(why_compiled(name, package.wheel.as_ref(), made, request));
        match made {
            Build::Wheel(wheel) => facts.extend(wheel_facts(wheel, package.source.as_ref(), request)),
            Build::Source(source) => facts.extend(source_facts(source, request)),
        }
        facts.extend(self.torch_facts(request, &file, &plan.torch)?);
        if name != self.anchor() {
            facts.extend(self.version_facts(request, plan, cell, name)?);
        }
        Ok(Some(Story { choice: format!("{name} {}", planned.version), facts }))
    }

    /// Why newer torches were passed over.
    fn torch_facts(
        &self,
        request: &Request,
        file: &CellFile,
        torch: &str,
    ) -> Result<Vec<String>, LookupError> {
        let anchor = self.anchor();
        let newer = newer_torches(file, torch);
        if newer.is_empty() {
            return Ok(vec![format!("{anchor} {torch} is the newest")]);
        }
        let mut facts: Vec<String> = Vec::new();
        for newer in newer.iter().take(TOLD) {
            let why = if request.takes_torch(newer) {
                self.why_not(request, file, newer)?
            } else {
                format!("{anchor} {} is requested", request.torch.as_deref().unwrap_or_default())
            };
            facts.push(format!("{anchor} {newer} was passed over: {why}"));
        }
        if let Some(more) = newer.len().checked_sub(TOLD).filter(|more| *more > 0) {
            facts.push(format!("and {more} older ones were passed over"));
        }
        Ok(facts)
    }

    /// Why newer versions of a package are not in the cell.
    fn version_facts(
        &self,
        request: &Request,
        plan: &Plan,
        cell: &Cell,
        name: &str,
    ) -> Result<Vec<String>, LookupError> {
        let Some(chosen) = plan.packages.get(name).and_then(|one| Version::from_str(&one.version).ok())
        else {
            return Ok(Vec::new());
        };
        if let Some(newer) = cell.newer.get(name) {
            return Ok(vec![format!("the newest, {}, is not used: {}", newer.version, newer.why)]);
        }
        let Some(file) = self.artefacts(name)? else { return Ok(Vec::new()) };
        let mut wheels = BTreeMap::<Version, Vec<WheelName>>::new();
        for artefact in &file.artefacts {
            let Some(version) = artefact.version(name).filter(|version| *version > chosen) else { continue };
            let known = wheels.entry(version).or_default();
            known.extend(WheelName::from_str(&artefact.filename));
        }
        if wheels.is_empty() {
            return Ok(vec![format!("{chosen} is the newest in the catalogue")]);
        }
        let mut facts = Vec::new();
        for (version, wheels) in wheels.iter().rev().take(TOLD) {
            let fits =
                |wheel| axle_wheel::fit(wheel, request.system, request.python, self.matrix.glibc).is_ok();
            let why = match self.pin_against(plan, name, version)? {
                Some(pin) => pin,
                None if version.any_prerelease() => "it is a pre-release".to_owned(),
                None if wheels.is_empty() => "it has no wheel".to_owned(),
                None if !wheels.iter().any(fits) => {
                    format!("it has no wheel for Python {} on {}", request.python, request.system)
                }
                None => {
                    "its wheels are not compatible with this CUDA, this torch, or the packages chosen earlier"
                        .to_owned()
                }
            };
            facts.push(format!("{name} {version} is not used: {why}"));
        }
        Ok(facts)
    }

    /// The requirement of a package of the plan that a version does not satisfy.
    fn pin_against(&self, plan: &Plan, name: &str, version: &Version) -> Result<Option<String>, LookupError> {
        for (requirer, package) in &plan.packages {
            if !package.requires.iter().any(|required| required == name) {
                continue;
            }
            let Some(file) = self.artefacts(requirer)? else { continue };
            let filename = package.build.filename();
            let Some(artefact) = file.artefacts.iter().find(|one| one.filename == filename) else { continue };
            for line in artefact.requires_dist.iter().flatten() {
                let Ok(requirement) = line.parse::<Requirement>() else { continue };
                if requirement.name.as_ref() == name
                    && let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &requirement.version_or_url
                    && !satisfies(specifiers, version)
                {
                    return Ok(Some(format!(
                        "{requirer} {} requires {name}{}",
                        package.version,
                        specifiers.to_string().replace(' ', "")
                    )));
                }
            }
        }
        Ok(None)
    }
}

/// The torches that are newer than one, newest first.
fn newer_torches<'f>(file: &'f CellFile, torch: &str) -> Vec<&'f str> {
    let Ok(chosen) = Version::from_str(torch) else { return Vec::new() };
    let newer: BTreeSet<(Version, &str)> = file
        .order
        .iter()
        .chain(file.absent.keys())
        .filter_map(|torch| Some((Version::from_str(torch).ok()?, torch.as_str())))
        .filter(|(version, _)| *version > chosen && !version.any_prerelease())
        .collect();
    newer.into_iter().rev().map(|(_, torch)| torch).collect()
}

fn required_by(plan: &Plan, name: &str) -> Option<String> {
    let does = |(_, package): &(&String, &crate::plan::PlanPackage)| {
        package.requires.iter().any(|required| required == name)
    };
    let requirers: Vec<_> = plan.packages.iter().filter(does).map(|(name, _)| name.as_str()).collect();
    match requirers.as_slice() {
        [] => None,
        [one] => Some(format!("required by {one}")),
        [one, other] => Some(format!("required by {one} and {other}")),
        [one, others @ ..] => Some(format!("required by {one} and {} others", others.len())),
    }
}

fn why_compiled(name: &str, wheel: Option<&CellWheel>, made: Build<'_>, request: &Request) -> Option<String> {
    let Build::Source(_) = made else { return None };
    if request.preferences.of(name) == Prefer::Source {
        return Some("compiled, as preferred".to_owned());
    }
    let why = match wheel {
        None => "no wheel for this target".to_owned(),
        Some(wheel) => {
            let causes = super::unfit(name, wheel, request);
            let sentences: Vec<_> = causes.iter().map(Cause::predicate).collect();
            format!("its wheel {}", sentences.join(" and "))
        }
    };
    Some(format!("compiled: {why}"))
}

/// What a person should know of a wheel that is taken.
fn wheel_notes(wheel: &CellWheel) -> Vec<String> {
    let by = wheel.publisher.as_ref().map(|name| format!("built by {name}, not by the project"));
    let without = wheel.device_code_in.as_ref().map(|other| format!("it has no device code, unlike {other}"));
    by.into_iter().chain(without).collect()
}

fn wheel_facts(wheel: &CellWheel, source: Option<&CellSource>, request: &Request) -> Vec<String> {
    let mut facts = vec![match wheel.provenance {
        Provenance::Audited => "its facts were read from its own bytes".to_owned(),
        Provenance::Sibling => "its facts were read from its wheel for another Python".to_owned(),
        Provenance::Declared => "its facts are its published metadata; its bytes were never read".to_owned(),
    }];
    let codes: Vec<Code> = wheel.sass.iter().chain(&wheel.ptx).copied().collect();
    facts.extend(wheel_notes(wheel));
    if codes.is_empty() && wheel.device_code_in.is_some() {
        // That is said.
    } else if codes.is_empty() {
        facts.push("it has no device code, so it works with any GPU".to_owned());
    } else {
        facts.push(format!(
            "its code is {}; it covers {}",
            comma_separated(&codes),
            comma_separated(&wheel.covers)
        ));
    }
    facts.extend(wheel.glibc.as_ref().map(|glibc| format!("it needs glibc {glibc}")));
    if source.is_some() {
        let why = match request.compiler {
            None => "no compiler is given",
            Some(_) => "its wheel is compatible",
        };
        facts.push(format!("it could be compiled, but is not: {why}"));
    }
    facts
}

fn source_facts(source: &CellSource, request: &Request) -> Vec<String> {
    let mut facts = vec![format!("its source supports {}", comma_separated(&source.capabilities))];
    if !source.links.is_empty() {
        facts.push(format!("it is compiled against {}", comma_separated(&source.links)));
    }
    if !source.frozen.is_empty() {
        let frozen = source.frozen.iter().map(|(name, wheel)| format!("{name} {}", wheel.version));
        facts.push(format!("it is compiled with {}, frozen across updates", comma_separated(frozen)));
    }
    facts.extend(minutes(source, request).map(|minutes| format!("compiling it takes {}", duration(minutes))));
    facts.extend(
        source
            .memory_per_job
            .map(|bytes| format!("one compile job needs up to {} MiB of memory", bytes >> 20)),
    );
    facts
}

/// `sm_75 to sm_120, PTX`.
fn architectures(wheel: &CellWheel) -> String {
    let sass = match wheel.sass.as_slice() {
        [first, _, .., last] => format!("{first} to {last}"),
        few => comma_separated(few),
    };
    match (wheel.ptx.as_slice(), sass.is_empty()) {
        ([], _) => sass,
        ([one], true) => one.to_string(),
        ([first, .., last], true) => format!("{first} to {last}"),
        (_, false) => format!("{sass}, PTX"),
    }
}
