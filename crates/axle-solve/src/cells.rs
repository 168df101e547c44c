//! Cells: one coherent set of packages per (system, Python, CUDA, torch), like a snapshot of a distribution.
//!
//! The version of each package is a function of the cell alone. `matrix.toml` gives the packages an order; a cell is
//! solved in that order, each package with everything before it fixed, so that an application never holds a library
//! back. A package that is not compatible with the fixed ones is absent, with the reason. Packages that the order does
//! not name are only dependencies, and their versions may change until all named packages are fixed: see [`settled`].
//! Then each is fixed in the newest version that satisfies all the others, requirements before what they require.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axle_audit::Coverage;
use axle_catalogue::{
    Absence, Cause, Cell, CellCompiler, CellFeature, CellFile, CellPackage, CellSource, CellWheel, Extra,
    ExtraBlocker, Extras, Inventory, Newer, Package, Provenance, Span, What,
};
use axle_types::{ComputeCapability, CudaTarget, ExtraName, PythonVersion, System, compact, satisfies};
use pep440_rs::Version;

use rayon::prelude::*;

use crate::build_environments;
use crate::candidates::{Candidate, Candidates, CandidatesError, by_ptx};
use crate::distribution::{Distribution, Need, Torch};
use crate::solver::{self, Chosen, Kind, Solution, Wanted};
use axle_patch::{Named, Together, linked};

#[cfg(test)]
mod tests;

/// The cells of one system, Python and CUDA.
#[derive(Debug)]
pub struct Solved<'a> {
    /// The cells whose wheels are all audited.
    pub file: CellFile,
    /// Package and file name of the wheels that keep a torch version out because they have not been audited yet.
    pub unaudited: BTreeSet<(&'a str, &'a str)>,
}

/// Solves the cells of every system, Python and CUDA of the matrix.
///
/// # Errors
/// As [`solve`].
pub fn solve_all(inventory: &Inventory) -> Result<Vec<Solved<'_>>, CandidatesError> {
    let matrix = &inventory.matrix;
    let of_system = |&system| matrix.pythons.iter().map(move |&python| (system, python));
    let targets: Vec<(System, PythonVersion)> = matrix.systems.iter().flat_map(of_system).collect();
    let solved: Vec<_> = targets
        .par_iter()
        .map(|&(system, python)| {
            let candidates = Candidates::new(inventory, system, python)?;
            let cells = matrix.cudas.par_iter().map(|cuda| solve(&candidates, *cuda));
            cells.collect::<Result<Vec<_>, _>>()
        })
        .collect::<Result<_, _>>()?;
    Ok(solved.into_iter().flatten().collect())
}

/// Solves the cells of one system, Python and CUDA.
///
/// # Errors
/// When the catalogue contradicts itself. That a set does not exist is an answer, not an error.
pub fn solve<'a>(candidates: &Candidates<'a>, cuda: CudaTarget) -> Result<Solved<'a>, CandidatesError> {
    let candidates = candidates.for_cuda(cuda);
    let matrix = &candidates.inventory.matrix;
    let mut solved = Solved {
        file: CellFile {
            system: candidates.system,
            python: candidates.python,
            cuda,
            capabilities: matrix.compute_capabilities.clone(),
            order: Vec::new(),
            torch: BTreeMap::new(),
            absent: BTreeMap::new(),
        },
        unaudited: BTreeSet::new(),
    };
    let Some(anchor) = matrix.order.iter().flatten().next() else { return Ok(solved) };
    let Some((anchor, package)) = candidates.package(anchor) else { return Ok(solved) };
    for (name, (version, candidate)) in anchors(&candidates, anchor) {
        match solution(&candidates, cuda, anchor, package, version, candidate) {
            Err(absence) => {
                solved.file.absent.insert(name, absence);
            }
            Ok((of_torch, solution, absent)) => {
                match assemble(&of_torch, cuda, &solution, &Terms::of_cells()) {
                    Assembled::Cell(cell) => {
                        let newer = newer(&of_torch, &solution, anchor);
                        let cell = Box::new(Cell { absent, newer, ..*cell }.seal()?);
                        solved.file.order.push(name.clone());
                        solved.file.torch.insert(name, *cell);
                    }
                    Assembled::Unaudited(wheels) => {
                        let files = wheels.iter().map(|(_, filename)| (*filename).to_owned()).collect();
                        let why = Cause::Unaudited { files };
                        solved.file.absent.insert(name, Absence { version: None, why });
                        solved.unaudited.extend(wheels);
                    }
                }
            }
        }
    }
    Ok(solved)
}

/// A version of torch and what there is of it.
pub(crate) type Anchor<'c, 'a> = (&'c Version, &'c Candidate<'a>);

/// The releases of torch by name, newest first, each with the version that stands for it: of those that differ in their
/// local part alone (`2.9.1+cu128`) one that fits, and of them one whose bytes were seen.
pub(crate) fn anchors<'c, 'a>(candidates: &'c Candidates<'a>, anchor: &str) -> Vec<(String, Anchor<'c, 'a>)> {
    let mut releases: BTreeMap<Version, Vec<Anchor<'c, 'a>>> = BTreeMap::new();
    for (version, candidate) in candidates.versions(anchor).into_iter().flatten() {
        releases.entry(version.clone().without_local()).or_default().push((version, candidate));
    }
    let best = |(_, versions): (Version, Vec<Anchor<'c, 'a>>)| {
        let rank = |(version, candidate): &Anchor<'c, 'a>| match candidates.choose(candidate) {
            Ok(distribution) => (true, distribution.is_seen(), None, (*version).clone()),
            Err(unfit) => (false, false, Some(unfit), (*version).clone()),
        };
        let (version, candidate) = versions.into_iter().max_by_key(rank)?;
        let name = version_text(candidates, version, candidate);
        Some((name.split('+').next().unwrap_or_default().to_owned(), (version, candidate)))
    };
    releases.into_iter().rev().filter_map(best).collect()
}

/// A version as the file name of the chosen wheel spells it.
fn version_text(candidates: &Candidates<'_>, version: &Version, candidate: &Candidate<'_>) -> String {
    candidates
        .choose(candidate)
        .map_or_else(|_| version.to_string(), |distribution| distribution.version_text.clone())
}

/// Packages that are not in a set, with the reason.
type Absences = BTreeMap<String, Arc<Absence>>;

/// The versions of the cell of one torch, chosen among the candidates that go with it, and the packages of
/// `matrix.toml` that are not in it.
fn solution<'a>(
    candidates: &Candidates<'a>,
    cuda: CudaTarget,
    anchor: &str,
    package: &Package,
    version: &Version,
    candidate: &Candidate<'_>,
) -> Result<(Candidates<'a>, Solution, Absences), Absence> {
    let mut candidates = beside(candidates, cuda, package, (version, candidate))?;
    let wanted = Wanted::from([(anchor.to_owned(), Some(version.clone()))]);
    let mut solution = solver::solve(&candidates, &wanted).map_err(|why| Absence { version: None, why })?;
    let mut absent = BTreeMap::new();
    let mut had_turn = BTreeSet::from([anchor]);
    for name in candidates.inventory.matrix.order.iter().flatten() {
        let mut wanted = settled(&candidates, &solution, |name| had_turn.contains(name));
        had_turn.insert(name);
        if wanted.contains_key(name) {
            continue;
        }
        if let Some(absence) = no_candidate(&candidates, name) {
            absent.insert(name.clone(), Arc::new(absence));
            continue;
        }
        wanted.insert(name.clone(), None);
        match solver::solve(&candidates, &wanted) {
            Ok(larger) => solution = larger,
            Err(why) => {
                // On the CPU rather than not at all; the set says so.
                if let Some(bare) = candidates.without_cuda_extras(name)
                    && let Ok(larger) = solver::solve(&bare, &wanted)
                {
                    (candidates, solution) = (bare, larger);
                    continue;
                }
                absent.insert(name.clone(), Arc::new(Absence { version: None, why }));
            }
        }
    }
    let solution = newest(&candidates, solution, |name| had_turn.contains(name));
    Ok((candidates, solution, absent))
}

/// What of a solution stays as it is when something is added: the packages that were asked for, and what is made for the
/// GPU or the torch. A plain package that is only required moves on: held at the version that suited its first
/// requirer, numpy would keep out whatever needs an older one.
pub(crate) fn settled(
    candidates: &Candidates<'_>,
    solution: &Solution,
    is_asked: impl Fn(&str) -> bool,
) -> Wanted {
    let stays = |(name, chosen): &(&String, &Chosen)| {
        is_asked(name) || candidates.is_of_gpu_kind(name, &chosen.version)
    };
    let fixed = |(name, chosen): (&String, &Chosen)| (name.clone(), Some(chosen.version.clone()));
    solution.iter().filter(stays).map(fixed).collect()
}

/// A solution with what is not settled in the newest versions there can be: one package after the other that a settled one
/// requires, by name, which settles it.
fn newest(candidates: &Candidates<'_>, mut solution: Solution, is_asked: impl Fn(&str) -> bool) -> Solution {
    let required = |name: &str, chosen: &Chosen| -> Vec<String> {
        let distribution = candidates.choice(name, &chosen.version);
        let needs =
            distribution.and_then(|distribution| candidates.needs(name, distribution, &chosen.extras).ok());
        needs.iter().flat_map(|needs| needs.iter()).map(|need| need.name.clone()).collect()
    };
    let mut fixed = settled(candidates, &solution, is_asked);
    loop {
        let of_fixed = solution.iter().filter(|(name, _)| fixed.contains_key(*name));
        let open: BTreeSet<String> = of_fixed.flat_map(|(name, chosen)| required(name, chosen)).collect();
        let mut open = open.into_iter().filter(|name| !fixed.contains_key(name));
        let Some(name) = open.next() else { return solution };
        let newest = solver::newest(candidates, &name);
        if newest.as_ref() != solution.get(&name).map(|chosen| &chosen.version) {
            let mut wanted = fixed.clone();
            wanted.insert(name.clone(), None);
            if let Ok(newer) = solver::solve_in_order(candidates, &wanted, &[name.as_str()], &[]) {
                solution = newer;
            }
        }
        let Some(chosen) = solution.get(&name) else { return solution };
        fixed.insert(name, Some(chosen.version.clone()));
    }
}

/// The candidates that go with a torch.
///
/// # Errors
/// Why that torch cannot be chosen.
pub(crate) fn beside<'a>(
    candidates: &Candidates<'a>,
    cuda: CudaTarget,
    package: &Package,
    (version, candidate): Anchor<'_, '_>,
) -> Result<Candidates<'a>, Absence> {
    let absence = |why| absence(version, candidate, why);
    let distribution = candidates.choose(candidate).map_err(absence)?;
    let pinned = candidates.pinned_cuda(package, distribution).map_err(absence)?;
    if cuda != CudaTarget::Cpu && !distribution.is_for_cuda(pinned) {
        return Err(absence(Cause::WithoutCuda));
    }
    Ok(candidates.for_torch(Torch::of(distribution, candidates.python, cuda)))
}

/// Why none of a package's versions fits, whatever else is in the set: the reason of the newest.
fn no_candidate(candidates: &Candidates<'_>, name: &str) -> Option<Absence> {
    let Some(versions) = candidates.versions(name).filter(|versions| !versions.is_empty()) else {
        return Some(Absence { version: None, why: Cause::NotInSet });
    };
    if versions.values().any(|candidate| candidates.choose(candidate).is_ok()) {
        return None;
    }
    let (version, candidate) = versions.last_key_value()?;
    Some(absence(version, candidate, candidates.choose(candidate).err()?))
}

/// The packages of a solution, but for torch itself, of which there is a newer release, each with the reason why that
/// is not the solution's: a fact of its files, or what the solver finds when it is tried. Of one for which no reason is
/// proved nothing is said.
fn newer(candidates: &Candidates<'_>, solution: &Solution, anchor: &str) -> BTreeMap<String, Arc<Newer>> {
    let others = solution.iter().filter(|(name, _)| *name != anchor);
    let newer = others.filter_map(|(name, chosen)| {
        let releases = candidates.versions(name)?.iter().filter(|(version, _)| !version.any_prerelease());
        let newest = releases.clone().map(|(version, _)| version.clone().without_local()).max()?;
        if newest <= chosen.version.clone().without_local() {
            return None;
        }
        // A release may be there in several builds, which differ in their local part alone.
        let builds: Vec<_> =
            releases.filter(|(version, _)| (*version).clone().without_local() == newest).collect();
        let why = why_not(candidates, solution, name, chosen, &builds)?;
        Some((name.clone(), Arc::new(Newer { version: newest.to_string(), why })))
    });
    newer.collect()
}

/// Why a solution has none of the builds of a package's newest release; `None` where nothing proves a reason.
fn why_not(
    candidates: &Candidates<'_>,
    solution: &Solution,
    name: &str,
    chosen: &Chosen,
    builds: &[Anchor<'_, '_>],
) -> Option<Cause> {
    let unfit = |(version, candidate): &Anchor<'_, '_>| match candidates.choose(candidate) {
        Ok(_) => Ok((*version).clone()),
        Err(why) => Err(candidate.with_pythons(why)),
    };
    let (fitting, unfit): (Vec<_>, Vec<_>) = builds.iter().map(unfit).partition(Result::is_ok);
    let fitting: Vec<Version> = fitting.into_iter().flatten().collect();
    if fitting.is_empty() {
        return unfit.into_iter().filter_map(Result::err).max();
    }
    // Tried at the package's turn, and else beside the whole set.
    let of_turn = refuted(candidates, &before(candidates, solution, name), name, &fitting);
    let is_worse =
        || fitting.iter().filter_map(|version| worse(candidates, name, version, &chosen.version)).min();
    let of_set = || {
        let fixed = |(name, chosen): (&String, &Chosen)| (name.clone(), Some(chosen.version.clone()));
        refuted(candidates, &solution.iter().map(fixed).collect(), name, &fitting)
    };
    of_turn.or_else(is_worse).or_else(of_set)
}

/// What stays as it is when a package of a solution has its turn: the packages that had theirs before, and what of their
/// requirements is made for the GPU or the torch. What the order does not name comes after all of it.
fn before(candidates: &Candidates<'_>, solution: &Solution, name: &str) -> Wanted {
    let order = candidates.inventory.matrix.order.iter().flatten();
    let earlier: BTreeSet<&str> = order.map(String::as_str).take_while(|other| *other != name).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&str> = earlier.iter().copied().collect();
    while let Some(one) = next.pop() {
        let Some((one, chosen)) = solution.get_key_value(one) else { continue };
        if one == name || !reached.insert(one) {
            continue;
        }
        let distribution = candidates.choice(one, &chosen.version);
        let needs =
            distribution.and_then(|distribution| candidates.needs(one, distribution, &chosen.extras).ok());
        let needed = needs
            .iter()
            .flat_map(|needs| needs.iter())
            .filter_map(|need| Some(solution.get_key_value(&need.name)?.0.as_str()));
        next.extend(needed.collect::<Vec<_>>());
    }
    let mut fixed = settled(candidates, solution, |other| earlier.contains(other));
    fixed.retain(|other, _| reached.contains(other.as_str()));
    fixed
}

/// Why no version of a package goes with what is fixed, the shortest story; `None` where one does.
fn refuted(candidates: &Candidates<'_>, fixed: &Wanted, name: &str, versions: &[Version]) -> Option<Cause> {
    let mut causes = Vec::new();
    for version in versions {
        let mut wanted = fixed.clone();
        wanted.insert(name.to_owned(), Some(version.clone()));
        causes.push(solver::solve(candidates, &wanted).err()?);
    }
    let mut why = causes.into_iter().min_by_key(Cause::length)?;
    if let Cause::Conflict { facts } = &mut why {
        // It was only tried: the set has another version.
        facts.retain(|fact| fact.package != name || fact.what != What::Has);
        for fact in facts.iter_mut().filter(|fact| fact.package == name && !fact.versions.is_empty()) {
            let public = versions.first().map(|version| version.clone().without_local().to_string());
            fact.versions = public.into_iter().map(Span::One).collect();
        }
    }
    Some(why)
}

/// Why a newer version that would go with a set is worse than the one that the set has.
fn worse(candidates: &Candidates<'_>, name: &str, newer: &Version, chosen: &Version) -> Option<Cause> {
    let [newer_kind, kind] = [newer, chosen].map(|version| Kind::of(candidates, name, version));
    if newer_kind >= kind {
        return None;
    }
    if newer_kind.is_preferred != kind.is_preferred {
        return Some(Cause::NoWheel);
    }
    let publisher = candidates.choice(name, newer)?.publisher();
    Some(match publisher {
        Some(publisher) if newer_kind.is_of_project != kind.is_of_project => {
            Cause::ThirdParty { publisher: publisher.name.clone() }
        }
        _ => Cause::NoDeviceCode,
    })
}

/// What a solution comes to.
pub(crate) enum Assembled<'a> {
    Cell(Box<Cell>),
    /// Package and file name of its wheels that have not been audited.
    Unaudited(BTreeSet<(&'a str, &'a str)>),
}

/// What a solution is held against when a cell is made of it.
pub(crate) struct Terms {
    /// The weakest provenance of a wheel whose bytes can be seen.
    pub(crate) provenance: Provenance,
    /// The extras that are asked for, by package.
    pub(crate) extras: BTreeMap<String, Vec<ExtraName>>,
    /// Whether it says what its packages' extras come to: a lock answers its own request alone.
    pub(crate) with_extras: bool,
}

impl Terms {
    fn of_cells() -> Self {
        Self { provenance: Provenance::Audited, extras: BTreeMap::new(), with_extras: true }
    }
}

/// A package of a solution, with all that a cell says of it.
struct Member<'a> {
    name: &'a str,
    distribution: Distribution<'a>,
    requires: BTreeSet<String>,
}

/// What an artefact of a solution requires, with some of its extras. Where it requires extras of another package it
/// requires what these are: that package itself is the same whether anything in a cell requires extras of it or not.
pub(crate) fn requirements(
    candidates: &Candidates<'_>,
    solution: &Solution,
    name: &str,
    distribution: &Distribution<'_>,
    extras: &[ExtraName],
) -> Option<Vec<Need>> {
    let mut needs = candidates.needs(name, distribution, extras).ok()?.to_vec();
    let mut seen = BTreeSet::new();
    let mut place = 0;
    while let Some(Need { name, extras, .. }) = needs.get(place).cloned() {
        place += 1;
        for extra in extras {
            let required = candidates.choice(&name, &solution.get(&name)?.version)?;
            let bare = candidates.needs(&name, required, &[]).ok()?;
            let all = candidates.needs(&name, required, std::slice::from_ref(&extra)).ok()?;
            if seen.insert((name.clone(), extra)) {
                needs.extend(all.iter().filter(|need| !bare.contains(need)).cloned());
            }
        }
    }
    Some(needs)
}

/// Turns a solution into a cell, which is not sealed yet.
pub(crate) fn assemble<'a>(
    candidates: &Candidates<'a>,
    cuda: CudaTarget,
    solution: &Solution,
    terms: &Terms,
) -> Assembled<'a> {
    let members: Vec<Member<'a>> = solution
        .iter()
        .filter_map(|(name, chosen)| {
            let (name, _) = candidates.package(name)?;
            let distribution = candidates.choice(name, &chosen.version)?;
            let extras = terms.extras.get(name).map(Vec::as_slice).unwrap_or_default();
            let needs = requirements(candidates, solution, name, distribution, extras)?.into_iter();
            // A package may require extras of itself.
            let requires = needs.map(|need| need.name).filter(|required| required != name).collect();
            Some(Member { name, distribution: distribution.clone(), requires })
        })
        .collect();
    let unaudited: BTreeSet<_> = members
        .iter()
        .filter(|member| member.distribution.is_wheel() && member.distribution.is_seen())
        .filter(|member| member.distribution.artefact.provenance < terms.provenance)
        .map(|member| (member.name, member.distribution.artefact.filename.as_str()))
        .collect();
    if !unaudited.is_empty() {
        return Assembled::Unaudited(unaudited);
    }

    let mut cell = Cell::default();
    let sources = Sources { candidates, solution, together: together(&members), cuda };
    for Member { name, distribution, requires } in &members {
        let wheel = if distribution.is_wheel() { wheel(candidates, name, distribution, cuda) } else { None };
        let source = sources.source(name, distribution);
        if wheel.is_none() && source.is_none() {
            continue;
        }
        let package = CellPackage {
            version: distribution.version_text.clone(),
            wheel,
            source,
            requires: requires.iter().cloned().collect(),
            compiles: compiler(candidates, distribution, cuda),
            gpu: candidates.is_of_gpu_kind(name, &distribution.version),
            cpu_only: candidates.is_bare(name),
        };
        cell.packages.insert((*name).to_owned(), Arc::new(package));
    }
    if terms.with_extras {
        for Member { name, distribution, .. } in &members {
            let extras = extras(candidates, solution, &cell, distribution, name);
            if !extras.is_empty() && cell.packages.contains_key(*name) {
                cell.extras.insert((*name).to_owned(), Arc::new(extras));
            }
        }
    }
    Assembled::Cell(Box::new(cell))
}

/// So many packages that the catalogue does not have are named of an extra.
const MOST_UNKNOWN: usize = 3;

/// What each extra of a package comes to in a set.
fn extras(
    candidates: &Candidates<'_>,
    solution: &Solution,
    cell: &Cell,
    distribution: &Distribution<'_>,
    name: &str,
) -> Extras {
    let extras = distribution.extras().unwrap_or_default().into_iter();
    extras
        .map(|extra| (extra.to_string(), of_extra(candidates, solution, cell, distribution, name, extra)))
        .collect()
}

/// What one extra comes to: what it requires beside the package's own requirements, and what the extras come to that it
/// requires.
fn of_extra<'a>(
    candidates: &Candidates<'a>,
    solution: &Solution,
    cell: &Cell,
    distribution: &Distribution<'a>,
    name: &str,
    extra: ExtraName,
) -> Extra {
    let (mut requires, mut blockers) = (BTreeSet::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut next = vec![(name.to_owned(), extra, Some(distribution.clone()))];
    while let Some((name, extra, distribution)) = next.pop() {
        let Some(distribution) = distribution else { continue };
        if !seen.insert((name.clone(), extra.clone())) {
            continue;
        }
        let known = distribution.extras().unwrap_or_default();
        if !known.contains(&extra) {
            let extras = known.iter().map(ToString::to_string).collect();
            let why = Cause::NoSuchExtra { extra: extra.to_string(), extras };
            blockers.push(ExtraBlocker { package: name, version: distribution.version_text.clone(), why });
            continue;
        }
        let bare = candidates.needs(&name, &distribution, &[]).unwrap_or_default();
        let all = candidates.needs(&name, &distribution, std::slice::from_ref(&extra)).unwrap_or_default();
        for need in all.iter().filter(|need| !bare.contains(need)) {
            let version = solution.get(&need.name).map(|chosen| &chosen.version);
            if let (Some(version), Some(text)) = (version, cell.version_of(&need.name))
                && !satisfies(&need.specifiers, version)
            {
                let requirement = format!("{}{}", need.name, compact(&need.specifiers));
                let why = Cause::Outside { requirement, by: Some(format!("{name}[{extra}]")) };
                blockers.push(ExtraBlocker { package: need.name.clone(), version: text.to_owned(), why });
            }
            let of_need = || candidates.choice(&need.name, version?).cloned();
            next.extend(need.extras.iter().map(|extra| (need.name.clone(), extra.clone(), of_need())));
            requires.insert(need.name.clone());
        }
    }
    // What the catalogue does not know keeps the extra out whatever else it requires: a few names will do.
    let is_known = |name: &String| candidates.inventory.packages.contains_key(name);
    let unknown: Vec<String> =
        requires.iter().filter(|name| !is_known(name)).take(MOST_UNKNOWN).cloned().collect();
    if !unknown.is_empty() {
        return Extra { requires: unknown, blockers: Vec::new() };
    }
    blockers.sort_by(|one, other| (&one.package, &one.why).cmp(&(&other.package, &other.why)));
    Extra { requires: requires.into_iter().collect(), blockers }
}

fn wheel(
    candidates: &Candidates<'_>,
    name: &str,
    distribution: &Distribution<'_>,
    cuda: CudaTarget,
) -> Option<CellWheel> {
    let artefact = distribution.artefact;
    let capabilities = &candidates.inventory.matrix.compute_capabilities;
    let coverage = distribution.coverage(capabilities, cuda).ok().flatten()?;
    let facts = distribution.facts();
    let (sass, ptx) = match facts {
        Some(facts) => (facts.sass.clone(), facts.ptx.clone()),
        None => distribution
            .declared_code()
            .unwrap_or_default()
            .into_iter()
            .partition(|code| code.kind == axle_fatbin::Kind::Sass),
    };
    Some(CellWheel {
        filename: artefact.filename.clone(),
        sha256: artefact.sha256,
        size: artefact.size,
        provenance: artefact.provenance,
        publisher: distribution.publisher().map(|publisher| publisher.name.clone()),
        device_code_in: device_code_elsewhere(candidates, name, distribution, cuda),
        glibc: distribution.glibc(),
        covers: candidates.covers(name, distribution, capabilities, cuda).ok().flatten()?,
        sass,
        ptx,
        unknown_glibc: distribution.is_glibc_unknown(),
        by_ptx: by_ptx(&coverage),
        without: without(&coverage),
    })
}

/// What of a wheel does not work on some of the GPUs that it covers.
fn without(coverage: &[Coverage]) -> Vec<CellFeature> {
    let mut features: BTreeMap<&str, Vec<ComputeCapability>> = BTreeMap::new();
    for one in coverage.iter().filter(|one| one.covered == Some(true)) {
        for feature in &one.without {
            features.entry(feature).or_default().push(one.cc);
        }
    }
    features.into_iter().map(|(feature, on)| CellFeature { feature: feature.to_owned(), on }).collect()
}

/// What a package compiles with when it runs, for a target with CUDA.
fn compiler(
    candidates: &Candidates<'_>,
    distribution: &Distribution<'_>,
    cuda: CudaTarget,
) -> Option<CellCompiler> {
    let CudaTarget::Release(target) = cuda else { return None };
    let row = distribution.package.compiles_with(&distribution.version)?;
    let release = row.cuda.unwrap_or(target);
    let inventory = candidates.inventory;
    let toolkit = inventory.toolkit(release);
    let compiles_for = |cc: &ComputeCapability| {
        let is_new_enough = row.needs.get(cc).is_none_or(|needs| release >= *needs);
        let is_known = match (&row.capabilities, toolkit) {
            (Some(own), _) => own.contains(cc),
            // A compiler inside compiles for the very GPU that it finds.
            (None, Some(toolkit)) if row.cuda.is_some() => {
                toolkit.ptxas.sass.iter().any(|code| code.is_plain() && code.capability == *cc)
            }
            (None, Some(toolkit)) => toolkit.capabilities.contains(cc),
            // What an unknown release can compile for is not known, and nothing is said against it.
            (None, None) => true,
        };
        is_new_enough && is_known
    };
    let capabilities = inventory.matrix.compute_capabilities.iter().copied();
    let lacks = capabilities.filter(|cc| !compiles_for(cc)).collect();
    Some(CellCompiler { with: row.with.clone(), lacks, remedy: row.remedy.clone() })
}

/// The newest wheel of a package with device code, where the one that is taken for a target with a GPU has none.
fn device_code_elsewhere(
    candidates: &Candidates<'_>,
    name: &str,
    distribution: &Distribution<'_>,
    cuda: CudaTarget,
) -> Option<String> {
    if cuda == CudaTarget::Cpu || distribution.has_device_code() != Some(false) {
        return None;
    }
    let versions = candidates.versions(name)?.iter().rev();
    let with_code = versions
        .flat_map(|(_, candidate)| candidate.known())
        .find(|other| other.is_wheel() && other.has_device_code() == Some(true));
    with_code.map(|other| other.artefact.filename.clone())
}

/// The wheels of a solution, with what each package requires of the others.
fn together<'m>(members: &'m [Member<'_>]) -> Together<'m> {
    let wheels = members.iter().filter(|member| member.distribution.is_wheel()).map(|member| {
        let (version, artefact) = (member.distribution.version_text.as_str(), member.distribution.artefact);
        let named = Named { version, filename: &artefact.filename, sha256: Some(artefact.sha256) };
        (member.name, named)
    });
    let requires =
        members.iter().map(|member| (member.name, member.requires.iter().map(String::as_str).collect()));
    Together { wheels: wheels.collect(), requires: requires.collect() }
}

/// How packages of a solution can be compiled.
struct Sources<'c, 'a> {
    candidates: &'c Candidates<'a>,
    solution: &'c Solution,
    together: Together<'c>,
    cuda: CudaTarget,
}

impl Sources<'_, '_> {
    /// How a version of a package can be compiled, where there is all that it takes.
    fn source(&self, name: &str, distribution: &Distribution<'_>) -> Option<CellSource> {
        let Self { candidates, solution, together, cuda } = self;
        // The sdist may have another local version than the wheel: none.
        let public = distribution.version.clone().without_local();
        let sdist = candidates.versions(name)?.get(&public)?.sdist()?;
        let inventory = candidates.inventory;
        let capabilities = inventory.compiles_for(sdist.package, *cuda).ok().filter(|all| !all.is_empty())?;
        let recipe = sdist.package.source.as_ref()?;
        let frozen = build_environments::frozen(candidates, solution, name, recipe)?;
        let links = linked(inventory, together, *cuda, &recipe.links).ok()?;
        Some(CellSource {
            filename: sdist.artefact.filename.clone(),
            sha256: sdist.artefact.sha256,
            size: sdist.artefact.size,
            capabilities,
            links: links.into_iter().map(str::to_owned).collect(),
            frozen,
            memory_per_job: recipe.memory_per_job,
            minutes: recipe.minutes,
        })
    }
}

/// Why a version is not there.
fn absence(version: &Version, candidate: &Candidate<'_>, why: Cause) -> Absence {
    Absence { version: Some(version.to_string()), why: candidate.with_pythons(why) }
}
