//! Build environments: the frozen wheels that sources are compiled with.
//!
//! A compile may take hours, and must not be repeated because setuptools or sympy has a newer version. The packages
//! that a source is compiled *against*, torch and the libraries that torch needs, are those of the cell. Everything
//! else is frozen for each recipe in `build-environments/<name>.json`: the requirements of the build system, and those
//! of importing torch. No update changes it. If no existing environment meets the needs of a cell, another one is
//! appended; to refreeze an environment, remove its file.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axle_catalogue::{BuildEnvironment, BuildEnvironments, FrozenWheel, Provenance, Source};
use axle_types::{CudaTarget, PythonVersion, System, satisfies};
use pep440_rs::{Version, VersionSpecifiers};
use rayon::prelude::*;

use crate::candidates::{Candidates, CandidatesError};
use crate::cells::{anchors, beside, requirements};
use crate::distribution::Need;
use crate::solver::{self, Solution, Wanted};
use axle_catalogue::Inventory;

#[cfg(test)]
mod tests;

/// The environments of every recipe, with those that were lacking.
#[derive(Debug, Default)]
pub struct Completed {
    /// By the package that is compiled.
    pub environments: BTreeMap<String, BuildEnvironments>,
    /// Wheels that environments would have, had they been audited: file names by package.
    pub unaudited: BTreeMap<String, BTreeSet<String>>,
}

/// Adds the environments that the sources of a inventory lack, for every torch of every target.
///
/// # Errors
/// When the catalogue contradicts itself.
pub fn complete(inventory: &Inventory) -> Result<Completed, CandidatesError> {
    let matrix = &inventory.matrix;
    let targets: Vec<(System, PythonVersion)> = matrix
        .systems
        .iter()
        .flat_map(|system| matrix.pythons.iter().map(move |python| (*system, *python)))
        .collect();
    let added: Vec<_> = targets
        .par_iter()
        .map(|&(system, python)| added(inventory, system, python))
        .collect::<Result<_, _>>()?;
    let mut completed =
        Completed { environments: inventory.environments.clone(), unaudited: BTreeMap::new() };
    for Added { environments, unaudited } in added {
        for (name, more) in environments {
            completed.environments.entry(name.to_owned()).or_default().environments.extend(more);
        }
        for (name, filename) in unaudited {
            completed.unaudited.entry(name).or_default().insert(filename);
        }
    }
    Ok(completed)
}

/// What one target lacks.
#[derive(Default)]
struct Added<'a> {
    environments: BTreeMap<&'a str, Vec<BuildEnvironment>>,
    unaudited: BTreeSet<(String, String)>,
}

fn added(inventory: &Inventory, system: System, python: PythonVersion) -> Result<Added<'_>, CandidatesError> {
    let mut added = Added::default();
    let recipes: Vec<(&str, &Source)> = inventory
        .packages
        .iter()
        .filter_map(|(name, package)| Some((name.as_str(), package.source.as_ref()?)))
        .collect();
    let Some(anchor) = inventory.matrix.order.iter().flatten().next().filter(|_| !recipes.is_empty()) else {
        return Ok(added);
    };
    let candidates = Candidates::new(inventory, system, python)?;
    let Some((anchor, package)) = candidates.package(anchor) else { return Ok(added) };
    // The newest first: what it needs is the most that an older one may need, as a rule.
    for &cuda in inventory.matrix.cudas.iter().rev().filter(|cuda| **cuda != CudaTarget::Cpu) {
        let candidates = candidates.for_cuda(cuda);
        for (_, (version, candidate)) in anchors(&candidates, anchor) {
            let Ok(candidates) = beside(&candidates, cuda, package, (version, candidate)) else {
                continue;
            };
            for &(name, recipe) in &recipes {
                let mut sources = candidates.versions(name).into_iter().flat_map(BTreeMap::values);
                if sources.all(|candidate| candidate.sdist().is_none()) {
                    continue;
                }
                let known = added.environments.get(name).into_iter().flatten();
                let known = inventory.environments_of(name, system, python).chain(known);
                let of_torch = Wanted::from([(anchor.to_owned(), Some(version.clone()))]);
                let Some(Lacking { wheels, unaudited }) = lacking(&candidates, recipe, of_torch, known)
                else {
                    continue;
                };
                if unaudited.is_empty() {
                    let environment = BuildEnvironment { system, python, wheels };
                    added.environments.entry(name).or_default().push(environment);
                }
                added.unaudited.extend(unaudited);
            }
        }
    }
    Ok(added)
}

/// An environment that is not there yet.
struct Lacking {
    wheels: BTreeMap<String, FrozenWheel>,
    /// Package and file name of its wheels that have not been audited.
    unaudited: BTreeSet<(String, String)>,
}

/// The environment of a recipe beside a torch, in the newest versions; `None` where a known one will do, or where there is
/// none.
fn lacking<'e>(
    candidates: &Candidates<'_>,
    recipe: &Source,
    torch: Wanted,
    mut known: impl Iterator<Item = &'e BuildEnvironment>,
) -> Option<Lacking> {
    let mut wanted = torch;
    for name in &recipe.links {
        wanted.entry(name.clone()).or_insert(None);
    }
    let linked = solver::solve(candidates, &wanted).ok()?;
    let of_linked = needs(candidates, &linked, recipe)?;
    if known.any(|environment| meets(environment, &of_linked)) {
        return None;
    }
    for name in &recipe.build_requires {
        wanted.entry(name.clone()).or_insert(None);
    }
    let solution = solver::solve(candidates, &wanted).ok()?;
    let mut next = needs(candidates, &solution, recipe)?;
    let mut lacking = Lacking { wheels: BTreeMap::new(), unaudited: BTreeSet::new() };
    while let Some(Need { name, .. }) = next.pop() {
        if lacking.wheels.contains_key(&name) {
            continue;
        }
        let distribution =
            candidates.choice(&name, &solution.get(&name)?.version).filter(|one| one.is_wheel())?;
        next.extend(plain(
            candidates,
            &solution,
            requirements(candidates, &solution, &name, distribution, &[])?,
        ));
        let (artefact, version) = (distribution.artefact, distribution.version_text.clone());
        if distribution.is_seen() && artefact.provenance < Provenance::Audited {
            lacking.unaudited.insert((name.clone(), artefact.filename.clone()));
        }
        let (filename, sha256) = (artefact.filename.clone(), artefact.sha256);
        lacking.wheels.insert(name, FrozenWheel { version, filename, sha256 });
    }
    Some(lacking)
}

/// What a recipe is compiled with in a solution: what its build system needs, and the plain packages that what it links
/// needs to be imported. What these require in turn is in an environment anyway.
fn needs(candidates: &Candidates<'_>, solution: &Solution, recipe: &Source) -> Option<Vec<Need>> {
    let any = |name: &String| Need {
        name: name.clone(),
        extras: Vec::new(),
        specifiers: VersionSpecifiers::empty(),
    };
    let mut needs: Vec<Need> = recipe.build_requires.iter().map(any).collect();
    for name in &recipe.links {
        let distribution = candidates.choice(name, &solution.get(name)?.version)?;
        needs.extend(plain(
            candidates,
            solution,
            requirements(candidates, solution, name, distribution, &[])?,
        ));
    }
    Some(needs)
}

/// Those of some requirements that are neither for the GPU nor for torch.
fn plain(candidates: &Candidates<'_>, solution: &Solution, needs: Vec<Need>) -> Vec<Need> {
    let is_plain = |need: &Need| {
        solution.get(&need.name).is_some_and(|chosen| !candidates.is_of_gpu_kind(&need.name, &chosen.version))
    };
    needs.into_iter().filter(is_plain).collect()
}

fn meets(environment: &BuildEnvironment, needs: &[Need]) -> bool {
    needs.iter().all(|need| {
        let version =
            environment.wheels.get(&need.name).and_then(|wheel| Version::from_str(&wheel.version).ok());
        version.is_some_and(|version| satisfies(&need.specifiers, &version))
    })
}

/// The wheels that a recipe is compiled with in a cell: those of the first environment that has all it needs.
pub(crate) fn frozen(
    candidates: &Candidates<'_>,
    solution: &Solution,
    name: &str,
    recipe: &Source,
) -> Option<BTreeMap<String, FrozenWheel>> {
    let needs = needs(candidates, solution, recipe)?;
    let (system, python) = (candidates.system, candidates.python);
    let mut environments = candidates.inventory.environments_of(name, system, python);
    Some(environments.find(|environment| meets(environment, &needs))?.wheels.clone())
}
