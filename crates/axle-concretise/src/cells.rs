//! Cells: per (system, Python, CUDA, torch) one coherent set of packages, like a snapshot of a distribution.
//!
//! The version of each package is a function of the cell alone. `matrix.toml` gives the packages an order; a cell is
//! solved in that order, each package with everything before it (and all that it requires) fixed, so that an
//! application never holds a library back. A package that does not fit what is fixed is absent with the reason.

use std::collections::{BTreeMap, BTreeSet};

use axle_audit::WheelFacts;
use axle_catalogue::{
    Absence, Artefact, Cell, CellFile, CellPackage, CellWheel, Cuda, External, Fallback, Package,
    PackageSource, Provenance, Reason,
};
use pep440_rs::{Version, VersionSpecifiers};

use crate::comparisons::comparisons;
use crate::solver::{self, Solution, Wanted};
use crate::universe::{Candidate, Candidates, Need, Unfit, Universe, UniverseError};

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

/// Solves the cells of one system, Python and CUDA.
///
/// # Errors
/// When the catalogue contradicts itself. That a set does not exist is an answer, not an error.
pub fn solve<'a>(candidates: &Candidates<'a>, cuda: Cuda) -> Result<Solved<'a>, UniverseError> {
    let candidates = candidates.for_cuda(cuda);
    let matrix = &candidates.universe.matrix;
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
    for (version, candidate) in candidates.versions(anchor).into_iter().flatten().rev() {
        let name = version_text(version, candidate);
        match solution(&candidates, cuda, anchor, package, version, candidate) {
            Err(absence) => {
                solved.file.absent.insert(name, absence);
            }
            Ok((solution, absent)) => match assemble(&candidates, &solution, absent)? {
                Assembled::Cell(cell) => {
                    solved.file.order.push(name.clone());
                    solved.file.torch.insert(name, *cell);
                }
                Assembled::Unaudited(wheels) => {
                    let filenames: Vec<_> = wheels.iter().map(|(_, filename)| *filename).collect();
                    let message = format!("not audited yet: {}", filenames.join(", "));
                    solved.file.absent.insert(name, Absence { kind: Reason::Unknown, message });
                    solved.unaudited.extend(wheels);
                }
            },
        }
    }
    Ok(solved)
}

/// A version as the file name of the chosen wheel spells it.
fn version_text(version: &Version, candidate: &Candidate<'_>) -> String {
    candidate.choice().map_or_else(|_| version.to_string(), |choice| choice.version_text.clone())
}

/// The versions of the cell of one torch, and the packages of `matrix.toml` that are not in it.
fn solution(
    candidates: &Candidates<'_>,
    cuda: Cuda,
    anchor: &str,
    package: &Package,
    version: &Version,
    candidate: &Candidate<'_>,
) -> Result<(Solution, BTreeMap<String, Absence>), Absence> {
    let unfit = |unfit: &Unfit| unfit_absence(candidates, anchor, version, candidate, unfit);
    let choice = candidate.choice().map_err(unfit)?;
    let pinned = candidates.pinned_cuda(package, choice).map_err(|reason| unfit(&reason))?;
    let built_for = pinned.unwrap_or(Cuda::Cpu);
    if built_for != cuda {
        let what = match built_for {
            Cuda::Cpu => "without CUDA".to_owned(),
            Cuda::Toolkit(..) => format!("for CUDA {built_for}"),
        };
        let message = format!("the wheel of {anchor} {version} is built {what}");
        return Err(Absence { kind: Reason::Cuda, message });
    }

    let mut wanted = Wanted::from([(anchor.to_owned(), Some(version.clone()))]);
    let mut solution = solver::solve(candidates, &wanted)
        .map_err(|reason| Absence { kind: Reason::Dependency, message: reason.to_string() })?;
    let mut absent = BTreeMap::new();
    for name in candidates.universe.matrix.order.iter().flatten() {
        if solution.contains_key(name) || absent.contains_key(name) {
            continue;
        }
        wanted = solution.iter().map(|(name, chosen)| (name.clone(), Some(chosen.version.clone()))).collect();
        wanted.insert(name.clone(), None);
        match solver::solve(candidates, &wanted) {
            Ok(larger) => solution = larger,
            Err(reason) => {
                let unsatisfiable = || Absence { kind: Reason::Dependency, message: reason.to_string() };
                let absence = no_candidate(candidates, name).unwrap_or_else(unsatisfiable);
                absent.insert(name.clone(), absence);
            }
        }
    }
    Ok((solution, absent))
}

/// Why none of a package's versions fits, whatever else is in the set: the reason of the newest.
fn no_candidate(candidates: &Candidates<'_>, name: &str) -> Option<Absence> {
    let Some(versions) = candidates.versions(name).filter(|versions| !versions.is_empty()) else {
        return Some(Absence { kind: Reason::Missing, message: format!("{name} is not in the catalogue") });
    };
    if versions.values().any(|candidate| candidate.choice().is_ok()) {
        return None;
    }
    let (version, candidate) = versions.last_key_value()?;
    let unfit = candidate.choice().err()?;
    Some(unfit_absence(candidates, name, version, candidate, unfit))
}

/// What a solution comes to.
enum Assembled<'a> {
    Cell(Box<Cell>),
    /// Package and file name of its wheels that have not been audited.
    Unaudited(BTreeSet<(&'a str, &'a str)>),
}

/// A package of a solution, with all that a cell says of it.
struct Member<'a> {
    name: &'a str,
    package: &'a Package,
    artefact: &'a Artefact,
    version: String,
    needs: Vec<Need>,
}

/// Turns a solution into a cell.
fn assemble<'a>(
    candidates: &Candidates<'a>,
    solution: &Solution,
    absent: BTreeMap<String, Absence>,
) -> Result<Assembled<'a>, UniverseError> {
    let members: Vec<Member<'a>> = solution
        .iter()
        .filter_map(|(name, chosen)| {
            let (name, package) = candidates.package(name)?;
            let choice = candidates.choice(name, &chosen.version)?;
            let needs = candidates.needs(choice, &chosen.extras).ok()?;
            let version = choice.version_text.clone();
            Some(Member { name, package, artefact: choice.artefact, version, needs })
        })
        .collect();
    let unaudited: BTreeSet<_> = members
        .iter()
        .filter(|member| member.artefact.provenance < Provenance::Audited)
        .map(|member| (member.name, member.artefact.filename.as_str()))
        .collect();
    if !unaudited.is_empty() {
        return Ok(Assembled::Unaudited(unaudited));
    }

    let is_external = |name: &str| {
        candidates.package(name).is_some_and(|(_, package)| package.from == PackageSource::PackageSet)
    };
    let mut cell = Cell { absent, ..Cell::default() };
    for member in &members {
        let Member { name, package, artefact, version, needs } = member;
        let Some(facts) = artefact.facts() else { continue };
        // A package may require extras of itself.
        let required: BTreeSet<_> =
            needs.iter().map(|need| need.name.as_str()).filter(|required| required != name).collect();
        let (externals, packages): (Vec<_>, Vec<_>) =
            required.into_iter().map(str::to_owned).partition(|name| is_external(name));
        if is_external(name) {
            if let Some(package) = packages.into_iter().next() {
                let (external, filename) = ((*name).to_owned(), artefact.filename.clone());
                return Err(UniverseError::External { external, filename, package });
            }
            let specifiers = requirers(&members, name);
            let external = External {
                specifier: specifiers.to_string(),
                comparisons: comparisons(&specifiers),
                requires: externals,
                fallback: Fallback {
                    version: version.clone(),
                    filename: artefact.filename.clone(),
                    sha256: artefact.sha256.clone(),
                },
            };
            cell.externals.insert((*name).to_owned(), external);
        } else {
            let package = CellPackage {
                version: version.clone(),
                wheel: Some(wheel(candidates.universe, package, artefact, &facts)),
                source: None,
                requires: packages,
                externals,
            };
            cell.packages.insert((*name).to_owned(), package);
        }
    }
    Ok(Assembled::Cell(Box::new(cell.seal()?)))
}

/// The specifiers of all that require a package, sorted and once each.
fn requirers(members: &[Member<'_>], name: &str) -> VersionSpecifiers {
    let specifiers: BTreeMap<String, _> = members
        .iter()
        .flat_map(|member| &member.needs)
        .filter(|need| need.name == name)
        .flat_map(|need| need.specifiers.iter().cloned())
        .map(|specifier| (specifier.to_string(), specifier))
        .collect();
    specifiers.into_values().collect()
}

fn wheel(universe: &Universe, package: &Package, artefact: &Artefact, facts: &WheelFacts) -> CellWheel {
    let policy = package.policy();
    let covers = universe.matrix.compute_capabilities.iter().copied();
    CellWheel {
        filename: artefact.filename.clone(),
        sha256: artefact.sha256.clone(),
        size: artefact.size,
        provenance: artefact.provenance,
        glibc: facts.glibc.clone(),
        covers: covers.filter(|&cc| axle_audit::coverage(facts, &policy, cc).covered == Some(true)).collect(),
        sass: facts.sass.clone(),
        ptx: facts.ptx.clone(),
    }
}

fn unfit_absence(
    candidates: &Candidates<'_>,
    name: &str,
    version: &Version,
    candidate: &Candidate<'_>,
    unfit: &Unfit,
) -> Absence {
    let kind = unfit.kind();
    let others = candidate.other_pythons();
    let message = match unfit {
        Unfit::Tags(_) if kind == Reason::Python && !others.is_empty() => {
            let others: Vec<&str> = others.iter().map(String::as_str).collect();
            let python = candidates.python;
            format!("{name} {version} has no wheel for Python {python}: there are {}", others.join(", "))
        }
        Unfit::Cuda(built_for) => {
            format!("the wheel of {name} {version} is built for CUDA {}", built_for.join(", "))
        }
        _ => format!("{name} {version} cannot be chosen: {unfit}"),
    };
    Absence { kind, message }
}
