//! Reasons of a refusal: the smallest set of blockers that rules out every torch.
//!
//! Every cell has its own obstacles, and most cells have the same. Obstacles that differ in versions only are told as
//! one, and of all of them as few as possible are told: enough to rule out every torch, and none that the others make
//! superfluous.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axle_catalogue::{Cause, CauseKind, CellFile, Fact, Matrix, Span, What, spans};
use axle_rules::Rule;
use axle_types::comma_separated;
use pep440_rs::Version;

use super::blocker::{Blocker, blockers};
use super::{Lookup, LookupError, Wanted, wanted_cells};
use crate::plan::{FromSource, Refusal, RefusalReason};
use crate::request::Request;

/// Blockers that differ in versions only, by what they have in common.
#[derive(Debug, Default)]
pub struct Groups {
    /// The torches that were looked at, the newest first.
    torches: Vec<String>,
    groups: BTreeMap<Key, Group>,
}

/// Blockers that differ in versions only.
#[derive(Debug)]
struct Group {
    /// The cause of the newest torch among them.
    why: Cause,
    /// The places of the torches that they rule out.
    torches: BTreeSet<usize>,
    versions: BTreeSet<String>,
    builds: BTreeSet<String>,
}

/// What they have in common: the package, the gist of the cause without the torch in question, and what of compiling it.
type Key = (String, Cause, Option<FromSource>);

impl Groups {
    /// Notes a torch; what is noted next is about it.
    pub fn torch(&mut self, torch: &str) {
        self.torches.push(torch.to_owned());
    }

    /// Notes a blocker of the last torch, which is a version of `anchor`.
    pub fn note(&mut self, anchor: &str, blocker: Blocker) {
        let Some(place) = self.torches.len().checked_sub(1) else { return };
        let Blocker { package, version, build, mut why, source } = blocker;
        if let Some(torch) = self.torches.last() {
            leave_out(&mut why, anchor, torch);
        }
        let group = self.groups.entry((package, why.gist(), source)).or_insert_with(|| Group {
            why,
            torches: BTreeSet::new(),
            versions: BTreeSet::new(),
            builds: BTreeSet::new(),
        });
        group.torches.insert(place);
        group.versions.extend(version);
        group.builds.extend(build);
    }

    /// Whether no torch was looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.torches.is_empty()
    }

    /// Every group, those that rule out most first.
    pub fn all(&self, anchor: &str, file: Option<&CellFile>) -> Vec<RefusalReason> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, group)| (Reverse(group.torches.len()), group.torches.first().copied()));
        let known = Known::new(file, &self.torches);
        groups.into_iter().map(|(key, group)| known.reason(anchor, key, group)).collect()
    }
}

/// Leaves the torch in question out of the facts, so that those of other torches are the same; [`put_in`] has it back.
fn leave_out(why: &mut Cause, anchor: &str, torch: &str) {
    let is_torch = |span: &Span| match span {
        Span::One(version) => version.split('+').next() == torch.split('+').next(),
        Span::Many(..) => false,
    };
    for Fact { versions, .. } in facts_of(why, anchor) {
        if let [only] = versions.as_slice()
            && is_torch(only)
        {
            versions.clear();
        }
    }
}

/// The opposite of [`leave_out`], for several torches; says whether there was anything to put in.
fn put_in(why: &mut Cause, anchor: &str, torches: &[Span]) -> bool {
    let mut is_in = false;
    for Fact { versions, what, .. } in facts_of(why, anchor) {
        if versions.is_empty() && !matches!(what, What::Asked { .. } | What::Missing | What::More { .. }) {
            versions.extend_from_slice(torches);
            is_in = true;
        }
    }
    is_in
}

/// The facts about versions of a package.
fn facts_of<'w>(why: &'w mut Cause, package: &str) -> impl Iterator<Item = &'w mut Fact> {
    let facts = match why {
        Cause::Conflict { facts } => facts.as_mut_slice(),
        _ => &mut [],
    };
    facts.iter_mut().filter(move |fact| fact.package == package)
}

impl Lookup<'_> {
    /// Why nothing answers a request.
    pub(super) fn reasons(&self, request: &Request) -> Result<Vec<RefusalReason>, LookupError> {
        if let Some(reason) = self.refused_host(request)? {
            return Ok(vec![reason]);
        }
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else {
            return Ok(vec![self.no_cells(request)]);
        };
        let compilers = self.compiler_spans(request)?;
        let anchor = self.anchor();
        let mut groups = Groups::default();
        for (torch, cell) in wanted_cells(&file, request) {
            groups.torch(torch);
            for blocker in blockers(cell, request, &Wanted::of(cell, request), &compilers) {
                groups.note(anchor, blocker);
            }
        }
        if groups.is_empty() {
            let mut absent: Vec<_> =
                file.absent.iter().filter(|(torch, _)| request.takes_torch(torch)).collect();
            absent.sort_by_key(|(torch, _)| Reverse(Version::from_str(torch).ok()));
            for (torch, absence) in absent {
                groups.torch(torch);
                let version = absence.version.as_ref().unwrap_or(torch).clone();
                groups.note(anchor, Blocker::of(anchor, Some(&version), absence.why.clone()));
            }
        }
        if groups.is_empty() {
            return Ok(vec![self.no_torch(request, &file.order)]);
        }
        let chosen = shortest(&groups, request, anchor);
        let mut reasons = Vec::new();
        let is_coverage =
            |(_, why, source): &&Key| kind(why, source.as_ref()) == CauseKind::ComputeCapability;
        if chosen.iter().all(is_coverage) {
            // What the release makes no code for, none of its wheels has: that is the shorter story.
            let dropped = self.refused_capabilities(request, Rule::CapabilityDropped)?;
            if !dropped.is_empty() {
                return Ok(dropped);
            }
            // Older PTX may run on a newer GPU, so that this alone does not rule a wheel out.
            reasons = self.refused_capabilities(request, Rule::CapabilityTooNew)?;
        }
        let known = Known::new(Some(&file), &groups.torches);
        let told =
            chosen.into_iter().filter_map(|key| Some(known.reason(anchor, key, groups.groups.get(key)?)));
        reasons.extend(told);
        Ok(reasons)
    }

    fn no_cells(&self, request: &Request) -> RefusalReason {
        let Matrix { systems, pythons, cudas, .. } = &self.matrix;
        let &Request { system, python, cuda, .. } = request;
        let cause = if !systems.contains(&system) {
            Cause::NoSystem { system, known: systems.clone() }
        } else if !pythons.contains(&python) {
            Cause::NoPython { python, known: pythons.clone() }
        } else if !cudas.contains(&cuda) {
            Cause::NoCuda { cuda, known: cudas.clone() }
        } else {
            Cause::NoTorch { python, cuda, asked: None, known: Vec::new() }
        };
        RefusalReason::of_target(self.anchor(), None, cause)
    }

    /// The reason that there is no torch of the requested version; `known` are those of the target.
    pub fn no_torch(&self, request: &Request, known: &[String]) -> RefusalReason {
        let &Request { python, cuda, .. } = request;
        let cause = Cause::NoTorch { python, cuda, asked: request.torch.clone(), known: known.to_vec() };
        RefusalReason::of_target(self.anchor(), None, cause)
    }

    /// A refusal of names that are not in the catalogue; suggests the ones that look like them.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn unknown_names(&self, request: &Request) -> Result<Option<Refusal>, LookupError> {
        let known = self.catalogue.package_names()?;
        let named = request.packages.keys().chain(request.preferences.names());
        let unknown: BTreeSet<&String> = named.filter(|name| !known.contains(name)).collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        let reasons = unknown
            .iter()
            .map(|name| RefusalReason::of_target(name, None, unknown_cause(name, &known)))
            .collect();
        let suggestions = self.other_names(request, &unknown, &known)?;
        Ok(Some(Refusal { suggestions, ..Refusal::new(request, reasons) }))
    }
}

/// That a package is not in the catalogue, as a sentence with the names that look like its own.
pub fn unknown_name(name: &str, known: &[String]) -> String {
    unknown_cause(name, known).about(name)
}

fn unknown_cause(name: &str, known: &[String]) -> Cause {
    Cause::NotInCatalogue { alike: nearest(name, known).into_iter().map(str::to_owned).collect() }
}

/// The names that look like one, the most alike first.
pub(super) fn nearest<'k>(name: &str, known: &'k [String]) -> Vec<&'k str> {
    const ALIKE: f64 = 0.85;
    const MOST: usize = 3;
    let mut alike: Vec<_> = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known.as_str()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(one, one_name), (other, other_name)| {
        other.total_cmp(one).then_with(|| one_name.cmp(other_name))
    });
    alike.into_iter().take(MOST).map(|(_, known)| known).collect()
}

/// What stands in the way, where compiling instead is one of its ways out.
fn kind(why: &Cause, source: Option<&FromSource>) -> CauseKind {
    match (why, source) {
        (Cause::NoWheel, Some(FromSource::Possible { .. } | FromSource::Forbidden)) => CauseKind::Compiler,
        (Cause::NoWheel, Some(FromSource::Unsupported { .. })) => CauseKind::ComputeCapability,
        _ => why.kind(),
    }
}

/// The groups that together rule out every torch, as few as can be had by taking the largest first. Of those that rule out as
/// much: what is asked for, the shorter story, torch itself, what no compiler mends, and what takes longest to compile.
fn shortest<'g>(groups: &'g Groups, request: &Request, anchor: &str) -> Vec<&'g Key> {
    let groups = &groups.groups;
    let mut left: BTreeSet<usize> = groups.values().flat_map(|group| &group.torches).copied().collect();
    let mut chosen: Vec<(&Key, &BTreeSet<usize>)> = Vec::new();
    while !left.is_empty() {
        let best = groups.iter().min_by_key(|(key, group)| {
            let new = group.torches.intersection(&left).count();
            let (package, why, source) = *key;
            let minutes = match source {
                Some(FromSource::Possible { minutes, .. }) => Some(minutes.unwrap_or(0)),
                _ => None,
            };
            let is_asked = request.packages.contains_key(package);
            let order = (why.length(), package != anchor, minutes.is_some(), Reverse(minutes));
            (Reverse(new), !is_asked, order, *key)
        });
        let Some((key, group)) = best else { break };
        left.retain(|place| !group.torches.contains(place));
        chosen.push((key, &group.torches));
    }
    // What was taken early may be covered by what came after.
    let mut place = 0;
    while place < chosen.len() {
        let others =
            || chosen.iter().enumerate().filter(|(other, _)| *other != place).flat_map(|(_, one)| one.1);
        let covered: BTreeSet<_> = others().collect();
        let is_superfluous =
            chosen.get(place).is_some_and(|(_, torches)| torches.iter().all(|one| covered.contains(one)));
        if is_superfluous {
            chosen.remove(place);
        } else {
            place += 1;
        }
    }
    chosen.sort_by_key(|(_, torches)| torches.first());
    chosen.into_iter().map(|(key, _)| key).collect()
}

/// The versions that there are, for spans of them.
struct Known<'a> {
    torches: &'a [String],
    versions: BTreeMap<&'a str, BTreeSet<Version>>,
}

impl<'a> Known<'a> {
    fn new(file: Option<&'a CellFile>, torches: &'a [String]) -> Self {
        let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, package) in
            file.iter().flat_map(|file| file.torch.values()).flat_map(|cell| &cell.packages)
        {
            versions.entry(name.as_str()).or_default().extend(Version::from_str(&package.version));
        }
        Self { torches, versions }
    }

    /// The reason of a group, with its sentence.
    fn reason(&self, anchor: &str, (package, _, source): &Key, group: &Group) -> RefusalReason {
        let torches: Vec<&String> =
            group.torches.iter().filter_map(|&place| self.torches.get(place)).collect();
        let torch_spans = self.torch_spans(group);
        let mut cause = group.why.clone();
        let names_torch = put_in(&mut cause, anchor, &torch_spans);
        let subject = match (group.versions.is_empty(), package == anchor) {
            (true, _) => package.clone(),
            (false, true) => format!("{package} {}", comma_separated(&torch_spans)),
            (false, false) => format!("{package} {}", self.version_spans(package, &group.versions)),
        };
        let told = cause.about(&subject)
            + &source.as_ref().map(|source| compiling(&cause, source)).unwrap_or_default();
        let is_for_all = torches.len() == self.torches.len();
        let is_about_torch = package == anchor && !group.versions.is_empty();
        let message = if is_for_all || names_torch || is_about_torch {
            told
        } else {
            format!("{anchor} {}: {told}", comma_separated(&torch_spans))
        };
        let single = |all: &BTreeSet<String>| (all.len() == 1).then(|| all.first().cloned()).flatten();
        let mut versions: Vec<String> = group.versions.iter().cloned().collect();
        versions.sort_by_cached_key(|version| Version::from_str(version).ok());
        RefusalReason {
            package: package.clone(),
            versions,
            torch: torches.into_iter().cloned().collect(),
            build: single(&group.builds),
            kind: kind(&cause, source.as_ref()),
            cause,
            source: source.clone(),
            message,
        }
    }

    /// Torches as a person lists them: `2.2.0 to 2.4.1` where there is none between that is not meant.
    fn torch_spans(&self, group: &Group) -> Vec<Span> {
        let oldest_first = self.torches.iter().enumerate().rev();
        spans(oldest_first.map(|(place, torch)| (torch, group.torches.contains(&place))))
    }

    fn version_spans(&self, package: &str, versions: &BTreeSet<String>) -> String {
        let meant: BTreeSet<_> =
            versions.iter().filter_map(|version| Version::from_str(version).ok()).collect();
        let known = self.versions.get(package).into_iter().flatten();
        let known: BTreeSet<_> = known.chain(&meant).collect();
        comma_separated(spans(known.into_iter().map(|version| (version, meant.contains(version)))))
    }
}

/// What of compiling a package, as the end of the sentence that says why there is no wheel.
fn compiling(why: &Cause, source: &FromSource) -> String {
    let instead = if *why == Cause::NoWheel { "" } else { " instead" };
    match source {
        FromSource::Forbidden => format!("; --only-wheels forbids compiling it{instead}"),
        FromSource::Unsupported { lacking, supports } if supports.is_empty() => {
            format!(
                ", and its source does not support {} or any other GPU of this CUDA release",
                comma_separated(lacking)
            )
        }
        FromSource::Unsupported { lacking, supports } => {
            format!(
                ", and its source does not support {}, only {}",
                comma_separated(lacking),
                comma_separated(supports)
            )
        }
        FromSource::Possible { compilers, minutes } => {
            let options: Vec<_> = compilers
                .iter()
                .map(|span| format!("--{} ({} to {})", span.compiler, span.oldest, span.newest))
                .collect();
            let options =
                if options.is_empty() { "--gcc or --clang".to_owned() } else { options.join(" or ") };
            let time = minutes.map(|minutes| format!(" ({})", duration(minutes))).unwrap_or_default();
            format!("; pass {options} to compile it{instead}{time}")
        }
    }
}

/// Minutes of one core as a person says them.
pub(super) fn duration(minutes: u64) -> String {
    const HOUR: u64 = 60;
    if minutes < 2 * HOUR {
        format!("about {minutes} core-minutes")
    } else {
        format!("about {} core-hours", minutes.saturating_add(HOUR / 2) / HOUR)
    }
}
