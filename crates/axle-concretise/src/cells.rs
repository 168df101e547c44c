//! Cells: per (system, Python, CUDA, torch) one coherent set of packages, like a snapshot of a distribution.
//!
//! The version of each package is a function of the cell alone. `matrix.toml` orders the packages in groups; a cell is
//! solved group by group, each with everything before it fixed, so that an application never holds a library back.

use std::collections::{BTreeMap, BTreeSet};

use axle_audit::WheelFacts;
use axle_catalogue::{
    Absence, Artefact, CELLS_SCHEMA, Cell, CellFile, CellPackage, CellWheel, Cuda, CudaMatch, External,
    Fallback, Package, PackageSource, Reason,
};
use pep440_rs::{Operator, Version, VersionSpecifiers};
use pubgrub::Ranges;

use crate::comparisons::comparisons;
use crate::solver::{self, Solution, SolveError, Wanted};
use crate::universe::{Candidate, Candidates, Need, Unfit, Universe, UniverseError};

/// The cells of one system, Python and CUDA.
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
    let matrix = &candidates.universe.matrix;
    let mut solved = Solved {
        file: CellFile {
            schema: CELLS_SCHEMA.into(),
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
    for (version, candidate) in candidates.versions(anchor).into_iter().flatten().rev() {
        match cell(candidates, cuda, anchor, version, candidate, &mut solved.unaudited)? {
            Ok(cell) => {
                solved.file.order.push(candidate.version_text.clone());
                solved.file.torch.insert(candidate.version_text.clone(), cell);
            }
            Err(absence) => {
                solved.file.absent.insert(candidate.version_text.clone(), absence);
            }
        }
    }
    Ok(solved)
}

fn cell<'a>(
    candidates: &Candidates<'a>,
    cuda: Cuda,
    anchor: &str,
    version: &Version,
    candidate: &Candidate<'a>,
    all_unaudited: &mut BTreeSet<(&'a str, &'a str)>,
) -> Result<Result<Cell, Absence>, UniverseError> {
    let universe = candidates.universe;
    let choice = match &candidate.choice {
        Ok(choice) => choice,
        Err(unfit) => return Ok(Err(unfit_absence(candidates, anchor, candidate, unfit))),
    };
    let built_for = built_for(candidates, &universe.packages[anchor], choice.artefact)?;
    if built_for != cuda {
        let what =
            if built_for == Cuda::Cpu { "without CUDA".to_owned() } else { format!("for CUDA {built_for}") };
        let message = format!("the wheel of {anchor} {version} is built {what}");
        return Ok(Err(Absence { kind: Reason::Cuda, message }));
    }

    let mut wanted = Wanted::from([(anchor.to_owned(), Ranges::singleton(version.clone()))]);
    let mut solution = match solver::solve(candidates, &wanted) {
        Ok(solution) => solution,
        Err(SolveError::Universe(error)) => return Err(error),
        Err(SolveError::Unsatisfiable(message)) => {
            return Ok(Err(Absence { kind: Reason::Dependency, message }));
        }
    };
    let mut absent = BTreeMap::new();
    for name in universe.matrix.order.iter().flatten().filter(|name| *name != anchor) {
        wanted.extend(
            solution.iter().map(|(name, chosen)| (name.clone(), Ranges::singleton(chosen.version.clone()))),
        );
        if wanted.contains_key(name) {
            continue;
        }
        wanted.insert(name.clone(), Ranges::full());
        match solver::solve(candidates, &wanted) {
            Ok(larger) => solution = larger,
            Err(SolveError::Universe(error)) => return Err(error),
            Err(SolveError::Unsatisfiable(message)) => {
                wanted.remove(name);
                absent.insert(name.clone(), Absence { kind: Reason::Dependency, message });
            }
        }
    }
    assemble(candidates, cuda, &solution, absent, all_unaudited)
}

/// Turns a solution into a cell, or says which of its wheels cannot be used.
fn assemble<'a>(
    candidates: &Candidates<'a>,
    cuda: Cuda,
    solution: &Solution,
    absent: BTreeMap<String, Absence>,
    all_unaudited: &mut BTreeSet<(&'a str, &'a str)>,
) -> Result<Result<Cell, Absence>, UniverseError> {
    let universe = candidates.universe;
    let mut needs: BTreeMap<&str, Vec<Need>> = BTreeMap::new();
    let mut artefacts: BTreeMap<&str, &'a Artefact> = BTreeMap::new();
    let mut unaudited = Vec::new();
    for (name, chosen) in solution {
        let Some(choice) = candidates.choice(name, &chosen.version) else { continue };
        needs.insert(name, candidates.needs(choice.artefact, &chosen.extras)?);
        artefacts.insert(name, choice.artefact);
        if choice.artefact.audit.is_none()
            && let Some((name, _)) = universe.artefacts.get_key_value(name)
        {
            unaudited.push((name.as_str(), choice.artefact.filename.as_str()));
        }
    }
    if !unaudited.is_empty() {
        let filenames: Vec<_> = unaudited.iter().map(|(_, filename)| *filename).collect();
        let message = format!("not audited yet: {}", filenames.join(", "));
        all_unaudited.extend(unaudited);
        return Ok(Err(Absence { kind: Reason::Unknown, message }));
    }

    let is_external = |name: &str| {
        universe.packages.get(name).is_some_and(|package| package.from == PackageSource::PackageSet)
    };
    let names_of = |needs: &[Need], external: bool| -> Vec<String> {
        let names: BTreeSet<_> = needs
            .iter()
            .map(|need| need.name.as_str())
            .filter(|name| is_external(name) == external)
            .collect();
        names.into_iter().map(str::to_owned).collect()
    };
    let mut cell = Cell { absent, ..Cell::default() };
    for (&name, artefact) in &artefacts {
        let Some(facts) = &artefact.audit else { continue };
        let Some(package) = universe.packages.get(name) else { continue };
        if let Some(absence) = cuda_mismatch(name, package, facts, cuda) {
            return Ok(Err(absence));
        }
        let version = solution[name].version.clone();
        let version_text = candidates
            .versions(name)
            .and_then(|versions| versions.get(&version))
            .map_or_else(|| version.to_string(), |candidate| candidate.version_text.clone());
        if is_external(name) {
            let specifiers = requirers(&needs, name);
            let external = External {
                specifier: specifiers.to_string(),
                comparisons: comparisons(&specifiers),
                requires: names_of(&needs[name], true),
                fallback: Fallback {
                    version: version_text,
                    filename: artefact.filename.clone(),
                    sha256: artefact.sha256.clone(),
                },
            };
            cell.externals.insert(name.to_owned(), external);
        } else {
            let package = CellPackage {
                version: version_text,
                wheel: wheel(universe, package, artefact, facts),
                requires: names_of(&needs[name], false),
                externals: names_of(&needs[name], true),
            };
            cell.packages.insert(name.to_owned(), package);
        }
    }
    cell.seal().map(Ok).map_err(|error| UniverseError::Requirement {
        filename: String::new(),
        requirement: String::new(),
        message: error.to_string(),
    })
}

/// The specifiers of all that require a package, sorted and once each.
fn requirers(needs: &BTreeMap<&str, Vec<Need>>, name: &str) -> VersionSpecifiers {
    let specifiers: BTreeMap<String, _> = needs
        .values()
        .flatten()
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

fn cuda_mismatch(name: &str, package: &Package, facts: &WheelFacts, cuda: Cuda) -> Option<Absence> {
    let Cuda::Toolkit(major, _) = cuda else { return None };
    if facts.cuda.is_empty() {
        return None;
    }
    let fits = facts.cuda.iter().filter_map(|built| built.parse().ok()).any(|built| {
        match (package.cuda_match, built) {
            (CudaMatch::None, _) => true,
            (CudaMatch::Major, Cuda::Toolkit(built, _)) => built == major,
            (CudaMatch::Minor, built) => built == cuda,
            (CudaMatch::Major, Cuda::Cpu) => false,
        }
    });
    (!fits).then(|| Absence {
        kind: Reason::Cuda,
        message: format!(
            "the wheel of {name}, {}, is made for CUDA {}",
            facts.filename,
            facts.cuda.join(", ")
        ),
    })
}

/// The CUDA release that a wheel was built for, told by its exact pin of a package that is versioned like CUDA.
fn built_for(
    candidates: &Candidates<'_>,
    package: &Package,
    artefact: &Artefact,
) -> Result<Cuda, UniverseError> {
    let needs = candidates.needs(artefact, &[])?;
    let pin = |name: &String| {
        let need = needs.iter().find(|need| need.name == *name)?;
        let exact = need.specifiers.iter().find(|specifier| *specifier.operator() == Operator::Equal)?;
        match exact.version().release() {
            [major, minor, ..] => Some(Cuda::Toolkit((*major).try_into().ok()?, (*minor).try_into().ok()?)),
            _ => None,
        }
    };
    Ok(package.cuda_from.iter().find_map(pin).unwrap_or(Cuda::Cpu))
}

fn unfit_absence(
    candidates: &Candidates<'_>,
    name: &str,
    candidate: &Candidate<'_>,
    unfit: &Unfit,
) -> Absence {
    let version = &candidate.version_text;
    let tags: Vec<&str> = candidate.wheels.iter().map(String::as_str).collect();
    let (kind, message) = match unfit {
        Unfit::UnknownRequirements => (Reason::Unknown, format!("{name} {version}: {unfit}")),
        Unfit::Yanked(_) => (Reason::Missing, format!("{name} {version}: {unfit}")),
        Unfit::NoWheel | Unfit::Tags(_) | Unfit::RequiresPython(_) => (
            Reason::Python,
            format!(
                "{name} {version} has no wheel for Python {}: there are {}",
                candidates.python,
                tags.join(", ")
            ),
        ),
    };
    Absence { kind, message }
}
