//! Blockers: the causes that keep a cell from answering a request.

use axle_catalogue::{Absence, Cause, Cell, CellPackage, CellSource, CellWheel};
use axle_types::ComputeCapability;
use serde::Serialize;

use super::wanted::Wanted;
use super::{Build, Lookup, LookupError, closure, supports, unfit, wanted_cells};
use crate::plan::{CompilerSpan, FromSource};
use crate::request::{Pass, Request};

/// A package of a cell, or one that should be in it, with what is wrong. Its JSON is what Nix gives (overlays/lib/blockers.nix).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Blocker {
    /// The package.
    pub package: String,
    /// Its version in the cell, or the newest that there is.
    pub version: Option<String>,
    /// The file name of its wheel.
    #[serde(skip)]
    pub build: Option<String>,
    /// What is wrong.
    pub why: Cause,
    /// What of compiling it, where that is worth a word.
    pub source: Option<FromSource>,
}

/// What keeps the cell of one torch from answering a request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockedTorch {
    /// The torch; `None` if there is no torch for the target.
    pub torch: Option<String>,
    /// Everything that blocks it.
    pub blockers: Vec<Blocker>,
}

impl Lookup<'_> {
    /// Everything that keeps the cells of a target from answering a request, those of newer torches first, then the torches
    /// without a cell: what a refusal is made of, and the same in Nix.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn blocked(&self, request: &Request) -> Result<Vec<BlockedTorch>, LookupError> {
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else {
            return Ok(Vec::new());
        };
        let compilers = self.compiler_spans(request)?;
        let mut torches = Vec::new();
        for (torch, cell) in wanted_cells(&file, request) {
            let blockers = blockers(cell, request, &Wanted::of(cell, request), &compilers);
            torches.push(BlockedTorch { torch: Some(torch.to_owned()), blockers });
        }
        for (torch, absence) in file.absent.iter().filter(|(torch, _)| request.takes_torch(torch)) {
            let blockers = vec![Blocker::absent(self.anchor(), Some(absence))];
            torches.push(BlockedTorch { torch: Some(torch.clone()), blockers });
        }
        if torches.is_empty() {
            let why = self.no_torch(request, &file.order).cause;
            torches.push(BlockedTorch { torch: None, blockers: vec![Blocker::of(self.anchor(), None, why)] });
        }
        Ok(torches)
    }
}

impl Blocker {
    /// A package with what is wrong with it.
    pub fn of(package: &str, version: Option<&str>, why: Cause) -> Self {
        let version = version.map(str::to_owned);
        Self { package: package.to_owned(), version, build: None, why, source: None }
    }

    /// A package that is not there.
    pub fn absent(package: &str, absence: Option<&Absence>) -> Self {
        match absence {
            Some(Absence { version, why }) => Self::of(package, version.as_deref(), why.clone()),
            None => Self::of(package, None, Cause::NotInSet),
        }
    }
}

/// Everything in one cell that keeps it from answering a request, of what the request comes to in it; `compilers` are those
/// that the CUDA release takes.
pub(super) fn blockers(
    cell: &Cell,
    request: &Request,
    wanted: &Wanted,
    compilers: &[CompilerSpan],
) -> Vec<Blocker> {
    let missing = wanted.names.iter().filter(|name| !cell.packages.contains_key(*name));
    let mut blockers: Vec<_> =
        missing.map(|name| Blocker::absent(name, cell.absent.get(name).map(AsRef::as_ref))).collect();
    blockers.extend(wanted.blockers.iter().cloned());
    for (name, package) in closure(cell, &wanted.names) {
        if Build::of(name, package, request, Pass::Compiling).is_some() {
            continue;
        }
        let source = from_source(name, package, request, compilers);
        let causes = match &package.wheel {
            Some(wheel) => unfit(name, wheel, request),
            None => vec![Cause::NoWheel],
        };
        blockers.extend(causes.into_iter().map(|why| Blocker {
            build: package.wheel.as_ref().map(|wheel| wheel.filename.clone()),
            source: source.clone(),
            ..Blocker::of(name, Some(&package.version), why)
        }));
    }
    blockers
}

/// Whether compiling a package would help.
fn from_source(
    name: &str,
    package: &CellPackage,
    request: &Request,
    compilers: &[CompilerSpan],
) -> Option<FromSource> {
    let source = package.source.as_ref()?;
    Some(if !supports(source, request) {
        FromSource::Unsupported {
            lacking: lacking(&source.capabilities, request),
            supports: source.capabilities.clone(),
        }
    } else if request.preferences.only_wheels.includes(name) {
        FromSource::Forbidden
    } else {
        FromSource::Possible { compilers: compilers.to_vec(), minutes: minutes(source, request) }
    })
}

/// The capabilities of a request that are not among some.
pub(super) fn lacking(covers: &[ComputeCapability], request: &Request) -> Vec<ComputeCapability> {
    request.compute_capabilities.iter().filter(|cc| !covers.contains(cc)).copied().collect()
}

/// That a wheel does not cover capabilities.
pub(super) fn uncovered(wheel: &CellWheel, lacking: Vec<ComputeCapability>) -> Cause {
    let code = wheel.sass.iter().chain(&wheel.ptx).copied().collect();
    Cause::Uncovered { lacking, covers: wheel.covers.clone(), code }
}

/// Roughly how many minutes of one core compiling takes, where that is known.
pub(super) fn minutes(source: &CellSource, request: &Request) -> Option<u64> {
    let architectures = request.compute_capabilities.len().max(1) as u64;
    source.minutes.map(|minutes| minutes.saturating_mul(architectures))
}
