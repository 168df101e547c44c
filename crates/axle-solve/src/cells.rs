//! Cells: one coherent set of packages per (system, Python, CUDA, torch), like a snapshot of a distribution.
//!
//! The version of each package is a function of the cell alone. `matrix.toml` gives the packages an order; a cell is
//! solved in that order, each package with everything before it fixed, so that an application never holds a library
//! back. A package that is not compatible with the fixed ones is absent, with the reason. Packages that the order does
//! not name are only dependencies, and their versions may change until all named packages are fixed: see [`settled`].
//! Then each is fixed in the newest version that satisfies all the others, requirements before what they require.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axle_catalogue::{
    Absence, Cause, Cell, CellFile, CellPackage, CellSource, CellWheel, Extra, ExtraBlocker, Extras, Fact,
    Inventory, Newer, Package, Provenance, Span, TorchWheel, What,
};
use axle_fatbin::Kind;
use axle_types::{CudaTarget, ExtraName, PythonVersion, System, compact, satisfies};
use pep440_rs::{Version, VersionSpecifiers};

use rayon::prelude::*;

use crate::build_environments;
use crate::candidates::{Candidate, Candidates, CandidatesError};
use crate::distribution::{Distribution, Need, Torch};
use crate::solver::{self, Chosen, Solution, Wanted};
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
    let candidates = beside(candidates, cuda, package, (version, candidate))?;
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
        let needs = distribution.and_then(|distribution| candidates.needs(distribution, &chosen.extras).ok());
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
    let wheel = TorchWheel {
        version: distribution.version_text.clone(),
        sha256: distribution.artefact.sha256,
        python: candidates.python,
        cuda,
    };
    let version = version.clone().without_local();
    let torch = Torch { version, cxx11_abi: distribution.cxx11_abi(), wheel };
    Ok(candidates.for_torch(torch))
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

/// The packages of a solution, but for torch itself, of which there is a newer release, each with the first reason why
/// that is not the solution's.
fn newer(candidates: &Candidates<'_>, solution: &Solution, anchor: &str) -> BTreeMap<String, Arc<Newer>> {
    let needs = |name: &str, chosen: &Chosen| {
        let distribution = candidates.choice(name, &chosen.version)?;
        candidates.needs(distribution, &chosen.extras).ok()
    };
    let mut pins: BTreeMap<String, Vec<(&str, &Version, VersionSpecifiers)>> = BTreeMap::new();
    for (requirer, chosen) in solution {
        for need in needs(requirer, chosen).iter().flat_map(|needs| needs.iter()) {
            let pins = pins.entry(need.name.clone()).or_default();
            pins.push((requirer, &chosen.version, need.specifiers.clone()));
        }
    }
    let mut all = BTreeMap::new();
    for (name, chosen) in solution.iter().filter(|(name, _)| *name != anchor) {
        let Some(versions) = candidates.versions(name) else { continue };
        let Some((newest, candidate)) = versions.iter().rev().find(|(version, _)| !version.any_prerelease())
        else {
            continue;
        };
        if newest.clone().without_local() <= chosen.version.clone().without_local() {
            continue;
        }
        let pin = pins.get(name).into_iter().flatten().find(|(.., pin)| !satisfies(pin, newest));
        let fact = |package: &str, version: &Version, what| Fact {
            package: package.to_owned(),
            versions: vec![Span::One(version.clone().without_local().to_string())],
            what,
        };
        let requires = |requirement| What::Requires { requirement, lacks: None };
        let why = if let Some((requirer, version, pin)) = pin {
            let requirement = format!("{name}{}", compact(pin));
            Cause::Conflict { facts: vec![fact(requirer, version, requires(requirement))] }
        } else {
            match candidates.choose(candidate) {
                Err(why) => candidate.with_pythons(why),
                Ok(distribution) => {
                    let unmet =
                        unmet(candidates, solution, distribution).into_iter().flat_map(|(need, version)| {
                            [
                                fact(name, newest, requires(need.requirement())),
                                fact(&need.name, &version, What::Has),
                            ]
                        });
                    Cause::Conflict { facts: unmet.collect() }
                }
            }
        };
        let version = newest.clone().without_local().to_string();
        all.insert(name.clone(), Arc::new(Newer { version, why }));
    }
    all
}

/// The first requirement of an artefact that a solution does not meet, with the version that the solution has.
fn unmet(
    candidates: &Candidates<'_>,
    solution: &Solution,
    distribution: &Distribution<'_>,
) -> Option<(Need, Version)> {
    let needs = candidates.needs(distribution, &[]).ok()?;
    needs.iter().find_map(|need| {
        let version = &solution.get(&need.name)?.version;
        (!satisfies(&need.specifiers, version)).then(|| (need.clone(), version.clone()))
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
    distribution: &Distribution<'_>,
    extras: &[ExtraName],
) -> Option<Vec<Need>> {
    let mut needs = candidates.needs(distribution, extras).ok()?.to_vec();
    let mut seen = BTreeSet::new();
    let mut place = 0;
    while let Some(Need { name, extras, .. }) = needs.get(place).cloned() {
        place += 1;
        for extra in extras {
            let required = candidates.choice(&name, &solution.get(&name)?.version)?;
            let bare = candidates.needs(required, &[]).ok()?;
            let all = candidates.needs(required, std::slice::from_ref(&extra)).ok()?;
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
            let needs = requirements(candidates, solution, distribution, extras)?.into_iter();
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
        let wheel = if distribution.is_wheel() { wheel(candidates, distribution, cuda) } else { None };
        let source = sources.source(name, distribution);
        if wheel.is_none() && source.is_none() {
            continue;
        }
        let package = CellPackage {
            version: distribution.version_text.clone(),
            wheel,
            source,
            requires: requires.iter().cloned().collect(),
            gpu: candidates.is_of_gpu_kind(name, &distribution.version),
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
        let bare = candidates.needs(&distribution, &[]).unwrap_or_default();
        let all = candidates.needs(&distribution, std::slice::from_ref(&extra)).unwrap_or_default();
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
    distribution: &Distribution<'_>,
    cuda: CudaTarget,
) -> Option<CellWheel> {
    let artefact = distribution.artefact;
    let capabilities = &candidates.inventory.matrix.compute_capabilities;
    let facts = distribution.facts();
    let (sass, ptx) = match facts {
        Some(facts) => (facts.sass.clone(), facts.ptx.clone()),
        None => distribution
            .declared_code()
            .unwrap_or_default()
            .into_iter()
            .partition(|code| code.kind == Kind::Sass),
    };
    Some(CellWheel {
        filename: artefact.filename.clone(),
        sha256: artefact.sha256,
        size: artefact.size,
        provenance: artefact.provenance,
        glibc: distribution.glibc(),
        covers: distribution.covers(capabilities, cuda).ok().flatten()?,
        sass,
        ptx,
    })
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
