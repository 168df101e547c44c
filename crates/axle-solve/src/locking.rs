//! `axle lock`: resolves a request with any versions, not only those of a cell.
//!
//! The target is part of the problem: a distribution that does not cover its GPUs, needs a newer glibc or would have to
//! be compiled without a compiler is not a candidate. Every torch is tried, newest first, each together with all
//! requested packages.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use axle_catalogue::{CatalogueError, Cause, Cell, CellFile, Inventory, Provenance};
use axle_types::{CudaTarget, ExtraName, compact, is_asked, is_pin};
use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};

use axle_plan::{
    Asked, Blocker, Build, FreeSolver, Groups, Instead, Lookup, LookupError, Pass, Plan, PlanBuild, Prefer,
    Preferences, Refusal, RefusalReason, Request, Suggestion, Which, shell_word,
};

use crate::candidates::{Candidates, CandidatesError, Target};
use crate::cells::{self, Assembled, Terms};
use crate::solver::{self, Solution, Wanted};

/// A request that is solved freely.
#[derive(Debug, Clone, PartialEq)]
pub struct Locking {
    /// What is asked for; its specifiers decide which versions are taken.
    pub request: Request,
    /// Constraints on the versions of packages that are part of the set, directly or as dependencies.
    pub pins: BTreeMap<String, VersionSpecifiers>,
    /// Versions of an earlier lock that stay as they are.
    pub held: BTreeMap<String, VersionSpecifiers>,
}

/// The result of solving a request with any versions.
#[derive(Debug)]
pub enum Solved {
    /// A set that answers.
    Set(Box<LockedSet>),
    /// Wheels that would be chosen and whose bytes were not read yet: file names by package.
    Unread(BTreeMap<String, BTreeSet<String>>),
    /// There is none.
    Refused(Box<Refusal>),
}

/// One coherent set, solved for one request.
#[derive(Debug, Clone)]
pub struct LockedSet {
    /// Its only cell. Of each package it has the one build that was chosen.
    pub file: CellFile,
    /// The plan that the cell answers the request with.
    pub plan: Plan,
    /// The request as Nix makes it of the lock: by names, for the cell decides all else.
    pub request: Request,
}

/// The most suggestions that a refusal makes.
const MOST: usize = 3;

/// What the sets of all torches are tried with.
struct Tried<'t, 'a> {
    locking: &'t Locking,
    /// What there is for the CUDA release.
    candidates: &'t Candidates<'a>,
    /// What of it serves the request.
    serving: Candidates<'a>,
    /// The versions that will do, and the attempt that is made.
    admitted: &'t BTreeMap<String, VersionSpecifiers>,
    pass: Pass,
    elsewhere: OnceCell<Candidates<'a>>,
}

impl<'a> Tried<'_, 'a> {
    /// What would serve the request on some other machine: seldom asked for.
    fn elsewhere(&self) -> &Candidates<'a> {
        self.elsewhere.get_or_init(|| {
            let request = &self.locking.request;
            let elsewhere = Request {
                compute_capabilities: BTreeSet::new(),
                glibc: Some(self.candidates.inventory.matrix.glibc.max(request.newest_glibc())),
                driver_ptx: None,
                preferences: Preferences {
                    only_audited: Which::default(),
                    publishers: Which::All,
                    ..request.preferences.clone()
                },
                ..request.clone()
            };
            self.candidates.for_request(&elsewhere, self.admitted, self.pass)
        })
    }
}

/// A torch that has no set.
struct Missed {
    torch: String,
    blocker: Box<Blocker>,
}

impl Locking {
    /// The command line that asks this.
    pub fn command(&self) -> String {
        let mut words = vec![self.request.command().replacen("axle concretise", "axle lock", 1)];
        for (name, versions) in &self.pins {
            let pins = versions.iter().map(|one| format!("{name}{one}").replace(' ', ""));
            words.extend(pins.map(|pin| format!("--pin {}", shell_word(&pin))));
        }
        words.push("-o axle.lock.json".to_owned());
        words.join(" ")
    }

    /// The same with all that a set has held as it is, but for a package and what is there for its sake alone.
    #[must_use]
    pub fn holding(&self, cell: &Cell, moved: &str) -> Self {
        let others = self.request.packages.keys().filter(|name| *name != moved);
        let mut held = BTreeSet::new();
        let mut next: Vec<&str> = others.map(String::as_str).collect();
        while let Some(name) = next.pop() {
            if name == moved || !held.insert(name) {
                continue;
            }
            let package = cell.packages.get(name);
            next.extend(package.into_iter().flat_map(|one| &one.requires).map(String::as_str));
        }
        let mut versions = BTreeMap::new();
        for name in held {
            if let Some(version) = cell.version_of(name).and_then(|text| Version::from_str(text).ok()) {
                add(&mut versions, name, &VersionSpecifier::equals_version(version).into());
            }
        }
        Self { held: versions, ..self.clone() }
    }

    /// The versions that will do, by package: what is pinned and what the request asks for.
    fn asked(&self) -> BTreeMap<String, VersionSpecifiers> {
        let mut asked = self.pins.clone();
        for (name, of) in &self.request.packages {
            add(&mut asked, name, &of.specifiers);
        }
        asked
    }
}

/// Adds specifiers to those of a package.
fn add(all: &mut BTreeMap<String, VersionSpecifiers>, name: &str, more: &VersionSpecifiers) {
    if more.is_empty() {
        return;
    }
    let known = all.remove(name).unwrap_or_default();
    let mut both: Vec<VersionSpecifier> = known.iter().chain(more.iter()).cloned().collect();
    both.sort_by_cached_key(ToString::to_string);
    both.dedup();
    all.insert(name.to_owned(), both.into_iter().collect());
}

/// Why a lock cannot be solved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The request cannot be asked.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The catalogue contradicts itself.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The id of the cell cannot be computed.
    #[error("failed to compute the id of a cell: {0}")]
    Id(#[from] serde_json::Error),
}

/// Solves what no set holds, from all that a catalogue knows. It reads the catalogue when it is first asked.
#[derive(Default)]
pub struct CatalogueSolver {
    inventory: OnceCell<Inventory>,
}

impl FreeSolver for CatalogueSolver {
    fn instead(
        &self,
        lookup: &Lookup<'_>,
        request: &Request,
    ) -> Result<Instead, Box<dyn std::error::Error + Send + Sync>> {
        if self.inventory.get().is_none() {
            let inventory = Inventory::read(lookup.catalogue())?;
            self.inventory.get_or_init(|| inventory);
        }
        match self.inventory.get() {
            Some(inventory) => Ok(Locker { lookup, inventory }.instead(request)?),
            None => Ok(Instead::Unknown),
        }
    }
}

/// What a lock is solved from: all that a catalogue knows, and the lookup that its set must answer by.
#[derive(Clone, Copy)]
pub struct Locker<'l, 'c> {
    /// The lookup of the catalogue.
    pub lookup: &'l Lookup<'c>,
    /// The catalogue, perhaps with what was audited since it was read.
    pub inventory: &'l Inventory,
}

impl Locker<'_, '_> {
    /// Solves a request freely; a refusal comes with suggestions that have been tried.
    ///
    /// # Errors
    /// As [`Lookup::answer`], and when the catalogue contradicts itself.
    pub fn lock(&self, locking: &Locking) -> Result<Solved, LockError> {
        self.lookup.check(&locking.request)?;
        if let Some(refusal) = self.lookup.unknown_names(&locking.request)? {
            return Ok(Solved::Refused(Box::new(refusal)));
        }
        let reasons = match self.solve(locking)? {
            Ok(solved) => return Ok(solved),
            Err(reasons) => reasons,
        };
        let suggestions = self.fewer_pins(locking)?;
        let refusal = Refusal { suggestions, ..Refusal::new(&locking.request, reasons) };
        Ok(Solved::Refused(Box::new(refusal)))
    }

    /// A set, or the reasons why there is none.
    fn solve(&self, locking: &Locking) -> Result<Result<Solved, Vec<RefusalReason>>, LockError> {
        let locking = &Locking { request: self.lookup.informed(&locking.request)?, ..locking.clone() };
        let request = &locking.request;
        if let Some(reason) = self.lookup.refused_host(request)? {
            return Ok(Err(vec![reason]));
        }
        let mut admitted = locking.asked();
        locking.held.iter().for_each(|(name, versions)| add(&mut admitted, name, versions));
        let target = Target {
            system: request.system,
            python: request.python,
            glibc: self.lookup.matrix().glibc.max(request.newest_glibc()),
            pins: &admitted,
        };
        let candidates = Candidates::for_target(self.inventory, &target)?;
        let unheard: Vec<_> = admitted
            .iter()
            .filter_map(|(name, versions)| no_such_version(&candidates, name, versions, request.cuda))
            .collect();
        if !unheard.is_empty() {
            return Ok(Err(unheard));
        }
        let candidates = candidates.for_cuda(request.cuda);
        let anchor = self.lookup.anchor();
        // Of each release of torch that has one, the build for this CUDA.
        let builds: BTreeMap<String, Version> = cells::anchors(&candidates, anchor)
            .into_iter()
            .filter(|(_, (_, candidate))| candidates.choose(candidate).is_ok())
            .map(|(torch, (version, _))| (torch, version.clone()))
            .collect();
        let attempt = |pass| {
            let tried = Tried {
                locking,
                candidates: &candidates,
                serving: candidates.for_request(request, &admitted, pass),
                admitted: &admitted,
                pass,
                elsewhere: OnceCell::new(),
            };
            self.attempt(&tried, &builds)
        };
        let mut missed: Vec<Missed> = Vec::new();
        // What the projects' own wheels give all wheels give too: that a third party's were taken shows whether they
        // have to be tried alone.
        for &pass in request.passes().iter().filter(|pass| **pass != Pass::Projects) {
            match attempt(pass)? {
                Ok(solved) if pass == Pass::Wheels && takes_third_parties(&solved, request) => {
                    return Ok(Ok(attempt(Pass::Projects)?.unwrap_or(solved)));
                }
                Ok(solved) => return Ok(Ok(solved)),
                Err(why) => missed = why,
            }
        }
        if let Some(solved) = self.of_the_catalogue(request, &admitted)? {
            return Ok(Ok(solved));
        }
        // Torches of other releases of CUDA say nothing, unless there are no others.
        let is_of_cuda = |missed: &Missed| builds.contains_key(&missed.torch);
        if missed.iter().any(is_of_cuda) {
            missed.retain(is_of_cuda);
        }
        Ok(Err(self.told(request, missed)))
    }

    /// The set of the newest torch that has one, or what each misses.
    fn attempt(
        &self,
        tried: &Tried<'_, '_>,
        builds: &BTreeMap<String, Version>,
    ) -> Result<Result<Solved, Vec<Missed>>, LockError> {
        let (anchor, request) = (self.lookup.anchor(), &tried.locking.request);
        let mut missed = Vec::new();
        for (torch, nearest) in cells::anchors(&tried.serving, anchor) {
            // Where no build serves, the refusal is about the one for this CUDA.
            let build = builds.get(&torch).filter(|_| tried.serving.choose(nearest.1).is_err());
            let build = build.and_then(|version| tried.serving.versions(anchor)?.get_key_value(version));
            let of_torch = build.unwrap_or(nearest);
            let versions = tried.admitted.get(anchor);
            let is_admitted = versions.is_none_or(|asked| is_asked(asked, of_torch.0, request.cuda));
            if !is_admitted || !request.takes_torch(&torch) {
                continue;
            }
            match self.beside_or_without(tried, &torch, of_torch)? {
                Ok(solved) => return Ok(Ok(solved)),
                Err(blocker) => missed.push(Missed { torch, blocker }),
            }
        }
        Ok(Err(missed))
    }

    /// The set of one torch; where there is none and torch was not asked for, one of what needs no torch, with a torch
    /// beside it that need not serve, as cells have it.
    fn beside_or_without(
        &self,
        tried: &Tried<'_, '_>,
        torch: &str,
        anchor: cells::Anchor<'_, '_>,
    ) -> Result<Result<Solved, Box<Blocker>>, LockError> {
        let Tried { locking: Locking { request, .. }, candidates, serving, .. } = tried;
        let Some((name, package)) = candidates.package(self.lookup.anchor()) else {
            return Ok(Err(Box::new(Blocker::of(self.lookup.anchor(), None, Cause::NotInSet))));
        };
        let of_torch = Wanted::from([(name.to_owned(), Some(anchor.0.clone()))]);
        let blocker = match cells::beside(serving, request.cuda, package, anchor) {
            Err(absence) => Box::new(Blocker::absent(name, Some(&absence))),
            Ok(beside) => match self.solution(&beside, request, &of_torch) {
                Err(why) => Box::new(Blocker::of(name, None, why)),
                Ok(solution) => match self.assembled(&beside, tried, torch, &solution)? {
                    Ok(solved) => return Ok(Ok(solved)),
                    Err(blocker) => blocker,
                },
            },
        };
        if request.packages.contains_key(name) {
            return Ok(Err(blocker));
        }
        // What the request needs has to serve; what the torch alone needs does not.
        let without = || {
            let anchor = candidates.versions(name)?.get_key_value(anchor.0)?;
            let beside = cells::beside(candidates, request.cuda, package, anchor).ok()?;
            let alone = serving.without(name).for_torch_of(&beside);
            let alone = self.solution(&alone, request, &Wanted::new()).ok()?;
            let elsewhere = tried.elsewhere().for_torch_of(&beside);
            let candidates = elsewhere.with(serving, alone.keys().map(String::as_str));
            let mut fixed = of_torch;
            fixed.extend(cells::settled(serving, &alone, |name| request.packages.contains_key(name)));
            let solution = self.solution(&candidates, request, &fixed).ok()?;
            Some((candidates, solution))
        };
        if let Some((candidates, solution)) = without()
            && let Ok(solved) = self.assembled(&candidates, tried, torch, &solution)?
        {
            return Ok(Ok(solved));
        }
        Ok(Err(blocker))
    }

    /// The newest set of the catalogue that serves, where solving anew finds none: a lock gives what a lookup does.
    fn of_the_catalogue(
        &self,
        request: &Request,
        admitted: &BTreeMap<String, VersionSpecifiers>,
    ) -> Result<Option<Solved>, LockError> {
        // What extras come to is not a requirement of the set.
        if request.packages.values().any(|asked| !asked.extras.is_empty()) {
            return Ok(None);
        }
        let file = self.lookup.cells(request.system, request.python, request.cuda)?;
        let serving = self.lookup.blocked(request)?.into_iter().filter(|one| one.blockers.is_empty());
        for torch in serving.filter_map(|one| one.torch) {
            let Some(cell) = file.as_ref().and_then(|file| file.torch.get(&torch)) else { continue };
            let is_admitted = |(name, asked): (&String, &VersionSpecifiers)| match cell.version_of(name) {
                Some(version) => version.parse().is_ok_and(|version| is_asked(asked, &version, request.cuda)),
                None => true,
            };
            if !admitted.iter().all(is_admitted) {
                continue;
            }
            if let Ok(solved) =
                self.set(request, &torch, only_what_is_built(cell.clone(), request).seal()?)?
            {
                return Ok(Some(solved));
            }
        }
        Ok(None)
    }

    /// The versions of what a request asks for and of what is fixed beside it.
    fn solution(
        &self,
        candidates: &Candidates<'_>,
        request: &Request,
        fixed: &Wanted,
    ) -> Result<Solution, Cause> {
        let mut wanted: Wanted = request.packages.keys().map(|name| (name.clone(), None)).collect();
        wanted.extend(fixed.clone());
        let in_matrix = self.lookup.matrix().order.iter().flatten().filter(|name| wanted.contains_key(*name));
        let mut order: Vec<&str> = in_matrix.map(String::as_str).collect();
        let others = wanted.keys().map(String::as_str).filter(|name| !order.contains(name));
        order.extend(others.collect::<Vec<_>>());
        let extras: Vec<(&str, ExtraName)> = request
            .packages
            .iter()
            .flat_map(|(name, asked)| asked.extras.iter().map(|extra| (name.as_str(), extra.clone())))
            .collect();
        solver::solve_in_order(candidates, &wanted, &order, &extras)
    }

    /// The cell of a solution, with the plan that it answers with.
    fn assembled(
        &self,
        candidates: &Candidates<'_>,
        tried: &Tried<'_, '_>,
        torch: &str,
        solution: &Solution,
    ) -> Result<Result<Solved, Box<Blocker>>, LockError> {
        let request = &tried.locking.request;
        let extras = request
            .packages
            .iter()
            .map(|(name, asked)| (name.clone(), asked.extras.iter().cloned().collect()))
            .collect();
        let terms = Terms { provenance: Provenance::Sibling, extras, with_extras: false };
        let cell = match cells::assemble(candidates, request.cuda, solution, &terms) {
            Assembled::Cell(cell) => *cell,
            Assembled::Unaudited(wheels) => {
                let mut unread: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
                for (name, filename) in wheels {
                    unread.entry(name.to_owned()).or_default().insert(filename.to_owned());
                }
                return Ok(Ok(Solved::Unread(unread)));
            }
        };
        self.set(request, torch, only_what_is_built(cell, request).seal()?)
    }

    /// A cell with the plan that it answers a request with.
    fn set(
        &self,
        request: &Request,
        torch: &str,
        cell: Cell,
    ) -> Result<Result<Solved, Box<Blocker>>, LockError> {
        let file = CellFile {
            system: request.system,
            python: request.python,
            cuda: request.cuda,
            capabilities: self.lookup.matrix().compute_capabilities.clone(),
            order: vec![torch.to_owned()],
            torch: BTreeMap::from([(torch.to_owned(), cell)]),
            absent: BTreeMap::new(),
        };
        let packages = request.packages.keys().map(|name| (name.clone(), Asked::default())).collect();
        let request = Request { packages, ..request.clone() };
        // The same lookup as of every other cell: what Nix will find.
        match Lookup::with_cells(self.lookup.catalogue(), file.clone())?.answer(&request)? {
            Ok(plan) => Ok(Ok(Solved::Set(Box::new(LockedSet { file, plan, request })))),
            Err(refusal) => {
                let blocker = match refusal.reasons.into_iter().next() {
                    Some(reason) => Blocker {
                        version: reason.versions.into_iter().next_back(),
                        build: reason.build,
                        source: reason.source,
                        ..Blocker::of(&reason.package, None, reason.cause)
                    },
                    None => Blocker::of(self.lookup.anchor(), None, Cause::NotInSet),
                };
                Ok(Err(Box::new(blocker)))
            }
        }
    }

    /// Why no torch will do: each reason once, those first that rule out most.
    fn told(&self, request: &Request, missed: Vec<Missed>) -> Vec<RefusalReason> {
        if missed.is_empty() {
            return vec![self.lookup.no_torch(request, &[])];
        }
        let mut groups = Groups::default();
        for Missed { torch, blocker } in missed {
            groups.torch(&torch);
            groups.note(self.lookup.anchor(), *blocker);
        }
        groups.all(self.lookup.anchor(), None)
    }

    /// Solves freely what the cells refuse for the versions that they hold: a lock gives what is asked for, or tells which
    /// requirements contradict it, of which cells know only what came of them.
    fn instead(&self, request: &Request) -> Result<Instead, LockError> {
        let mut locking = Locking { request: request.clone(), pins: BTreeMap::new(), held: BTreeMap::new() };
        for (name, asked) in &mut locking.request.packages {
            if is_pin(&asked.specifiers) {
                locking.pins.insert(name.clone(), std::mem::take(&mut asked.specifiers));
            }
        }
        let inventory = self.inventory;
        // Extras are answered by the cells in more words, and of cells without artefacts a solver can say nothing.
        let tells_more = request
            .packages
            .iter()
            .all(|(name, asked)| asked.extras.is_empty() && inventory.artefacts.contains_key(name))
            && inventory.artefacts.contains_key(self.lookup.anchor());
        let specified = request.packages.iter().filter(|(_, asked)| !asked.specifiers.is_empty());
        let blamed: Vec<&String> =
            specified.map(|(name, _)| name).filter(|name| *name != self.lookup.anchor()).collect();
        Ok(match self.solve(&locking)? {
            Err(mut reasons) if tells_more => {
                if let [package] = blamed.as_slice() {
                    for reason in &mut reasons {
                        reason.package.clone_from(package);
                    }
                }
                Instead::Refused(reasons)
            }
            Err(_) => Instead::Unknown,
            solved if works(&solved) => {
                let change = "with a lock file, for versions that no cell has".to_owned();
                Instead::Works(Suggestion { change, command: locking.command() })
            }
            Ok(_) => Instead::Unknown,
        })
    }

    /// Without one of the pins, or with any version of one of the packages.
    fn fewer_pins(&self, locking: &Locking) -> Result<Vec<Suggestion>, LockError> {
        let without = locking.pins.keys().map(|name| {
            let mut changed = locking.clone();
            changed.pins.remove(name);
            (format!("without the pin of {name}"), changed)
        });
        let specified = locking.request.packages.iter().filter(|(_, asked)| !asked.specifiers.is_empty());
        let any = specified.map(|(name, asked)| {
            let mut changed = locking.clone();
            let asked = Asked { extras: asked.extras.clone(), ..Asked::default() };
            changed.request.packages.insert(name.clone(), asked);
            (format!("with any version of {name}"), changed)
        });
        let other_torch = locking.request.torch.iter().map(|_| {
            let mut changed = locking.clone();
            changed.request.torch = None;
            (format!("with any {}", self.lookup.anchor()), changed)
        });
        let mut suggestions = Vec::new();
        for (change, changed) in without.chain(any).chain(other_torch) {
            if suggestions.len() < MOST && works(&self.solve(&changed)?) {
                suggestions.push(Suggestion { change, command: changed.command() });
            }
        }
        Ok(suggestions)
    }
}

/// Whether a set has a third party's wheel of a package that prefers wheels.
fn takes_third_parties(solved: &Solved, request: &Request) -> bool {
    let Solved::Set(set) = solved else { return false };
    set.plan.packages.iter().any(|(name, package)| {
        request.preferences.of(name) == Prefer::Wheel
            && matches!(package.build, PlanBuild::Wheel { publisher: Some(_), .. })
    })
}

/// Whether something was found that an audit cannot take back: a wheel without compiled code has no code for a GPU and
/// no need of a library.
fn works(solved: &Result<Solved, Vec<RefusalReason>>) -> bool {
    match solved {
        Ok(Solved::Set(_)) => true,
        Ok(Solved::Unread(wheels)) => wheels.values().flatten().all(|name| name.ends_with("-none-any.whl")),
        Ok(Solved::Refused(_)) | Err(_) => false,
    }
}

/// A cell with the one build of each package that serves a request.
fn only_what_is_built(mut cell: Cell, request: &Request) -> Cell {
    for (name, package) in &mut cell.packages {
        let package = Arc::make_mut(package);
        match Build::of(name, package, request, Pass::Compiling) {
            Some(Build::Wheel(_)) => package.source = None,
            Some(Build::Source(_)) => package.wheel = None,
            None => {}
        }
    }
    cell
}

/// Where no version of a package will do, which there are.
fn no_such_version(
    candidates: &Candidates<'_>,
    name: &str,
    asked: &VersionSpecifiers,
    cuda: CudaTarget,
) -> Option<RefusalReason> {
    let cause = match candidates.versions(name).filter(|versions| !versions.is_empty()) {
        None => Cause::NotInCatalogue { alike: Vec::new() },
        Some(versions) if versions.keys().any(|version| is_asked(asked, version, cuda)) => return None,
        Some(versions) => {
            let end = |version: Option<&Version>| version.map(ToString::to_string).unwrap_or_default();
            Cause::NoSuchVersion {
                requirement: format!("{name}{}", compact(asked)),
                count: versions.len(),
                oldest: end(versions.keys().next()),
                newest: end(versions.keys().next_back()),
            }
        }
    };
    Some(RefusalReason::of_target(name, None, cause))
}
