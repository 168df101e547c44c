//! Lookup: answers a request from the cells alone, as Nix does.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use axle_catalogue::{
    ArtefactFile, Catalogue, CatalogueError, Cause, CauseKind, Cell, CellCompiler, CellFeature, CellFile,
    CellPackage, CellPtx, CellSource, CellWheel, Matrix, Provenance,
};
use axle_toolkit::{SupportedCompilers, Toolkits};
use axle_types::{ComputeCapability, CudaTarget, PythonVersion, System, comma_separated};

use crate::plan::{
    PLAN_SCHEMA, Plan, PlanBuild, PlanPackage, Refusal, RefusalReason, Suggestion, Target, Warning,
    WarningKind, World, id,
};
use crate::request::{Needs, Pass, Prefer, Request};

mod blocker;
mod explain;
mod host;
mod reasons;
mod suggestions;
mod untried;
mod wanted;

pub use blocker::{BlockedTorch, Blocker};
pub use explain::{Row, Story};
pub use reasons::{Groups, unknown_name};

use blocker::{lacking, uncovered};
use wanted::Wanted;

/// An answer: a plan, or why there is none.
pub type Answer = Result<Plan, Box<Refusal>>;

/// Why a request cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A capability is not in `matrix.toml`.
    #[error("{capability} is not a compute capability that the catalogue knows; it knows {known}")]
    UnknownCapability {
        /// The capability.
        capability: ComputeCapability,
        /// Those that are there.
        known: String,
    },
    /// Capabilities are given, and no CUDA.
    #[error("compute capabilities are given, but no CUDA release: leave them out, or give a CUDA release")]
    CapabilitiesWithoutCuda,
    /// CUDA is given, and no capability.
    #[error("no compute capability is given, but CUDA {0} needs at least one, e.g. 8.6")]
    NoCapability(CudaTarget),
    /// What the sets do not hold cannot be solved.
    #[error(transparent)]
    Solve(Box<dyn std::error::Error + Send + Sync>),
    /// The plan's id cannot be computed.
    #[error("failed to compute the id of the plan: {0}")]
    Id(#[from] serde_json::Error),
}

/// Answers requests from a catalogue, of which it reads each file once.
pub struct Lookup<'a> {
    catalogue: &'a Catalogue,
    matrix: Matrix,
    compilers: OnceCell<SupportedCompilers>,
    toolkits: OnceCell<Option<Toolkits>>,
    cells: Read<(System, PythonVersion, CudaTarget), CellFile>,
    artefacts: Read<String, ArtefactFile>,
    solver: Option<&'a dyn FreeSolver>,
}

/// Files that were read; `None` is one that is not there.
type Read<K, F> = RefCell<BTreeMap<K, Option<Rc<F>>>>;

/// The cell that answers a request.
struct Found {
    file: Rc<CellFile>,
    torch: String,
    wanted: Wanted,
}

/// How a package of a set is made.
#[derive(Clone, Copy, Debug)]
pub enum Build<'a> {
    /// From its wheel.
    Wheel(&'a CellWheel),
    /// Compiled.
    Source(&'a CellSource),
}

impl<'a> Build<'a> {
    /// How it is made for a request, if it can be by an attempt.
    pub fn of(name: &str, package: &'a CellPackage, request: &Request, pass: Pass) -> Option<Self> {
        let prefer = request.preferences.of(name);
        let may_compile = request.compiler.is_some()
            && !request.preferences.only_wheels.includes(name)
            && pass.compiles(prefer);
        let is_taken = |wheel: &&CellWheel| {
            unfit(name, wheel, request).is_empty()
                && (wheel.publisher.is_none() || pass.takes_third_parties(prefer))
        };
        let wheel = || package.wheel.as_ref().filter(is_taken);
        let source = || package.source.as_ref().filter(|source| may_compile && supports(source, request));
        if prefer == Prefer::Source {
            source().map(Self::Source).or_else(|| wheel().map(Self::Wheel))
        } else {
            wheel().map(Self::Wheel).or_else(|| source().map(Self::Source))
        }
    }
}

/// Solves what the sets refuse, by versions that no set holds: `axle lock`.
pub trait FreeSolver {
    /// The result of locking a request that the sets refuse.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    fn instead(
        &self,
        lookup: &Lookup<'_>,
        request: &Request,
    ) -> Result<Instead, Box<dyn std::error::Error + Send + Sync>>;
}

/// The result of locking a request that the sets refuse.
#[derive(Debug)]
pub enum Instead {
    /// A lock gives what is asked for.
    Works(Suggestion),
    /// Wheels have to be audited first, or the solver says no more than the sets.
    Unknown,
    /// Locking is refused too, for these reasons.
    Refused(Vec<RefusalReason>),
}

impl<'a> Lookup<'a> {
    /// Reads what every answer needs.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn new(catalogue: &'a Catalogue) -> Result<Self, CatalogueError> {
        Ok(Self {
            catalogue,
            matrix: catalogue.matrix()?,
            compilers: OnceCell::new(),
            toolkits: OnceCell::new(),
            cells: RefCell::default(),
            artefacts: RefCell::default(),
            solver: None,
        })
    }

    /// Asks a solver for what the sets refuse, so that a refusal can name the lock that works.
    #[must_use]
    pub fn with_solver(self, solver: &'a dyn FreeSolver) -> Self {
        Self { solver: Some(solver), ..self }
    }

    /// Answers from cells that are not in the catalogue, as those of a lock.
    ///
    /// # Errors
    /// As [`Lookup::new`].
    pub fn with_cells(catalogue: &'a Catalogue, file: CellFile) -> Result<Self, CatalogueError> {
        let lookup = Self::new(catalogue)?;
        let key = (file.system, file.python, file.cuda);
        lookup.cells.borrow_mut().insert(key, Some(Rc::new(file)));
        Ok(lookup)
    }

    /// Answers a request; a refusal comes with suggestions that have been tried.
    ///
    /// # Errors
    /// When the catalogue is not valid, or the request is none: it names a capability that no GPU has, or one without
    /// CUDA, or none with it.
    pub fn answer(&self, request: &Request) -> Result<Answer, LookupError> {
        self.check(request)?;
        let request = &self.informed(request)?;
        if let Some(refusal) = self.unknown_names(request)? {
            return Ok(Err(Box::new(refusal)));
        }
        if let Some(found) = self.find(request)? {
            return Ok(Ok(plan(&found, request)?));
        }
        let mut reasons = self.reasons(request)?;
        let mut suggestions = Vec::new();
        // What contradicts itself in the sets, or is in none, a lock may have in other versions.
        if reasons.iter().any(|reason| matches!(reason.kind, CauseKind::Dependency | CauseKind::Missing)) {
            let is_specified = request.packages.values().any(|asked| !asked.specifiers.is_empty());
            let instead = match self.solver {
                Some(solver) => solver.instead(self, request).map_err(LookupError::Solve)?,
                None => Instead::Unknown,
            };
            match instead {
                Instead::Works(suggestion) => suggestions.push(suggestion),
                Instead::Refused(told) if is_specified && told.len() <= reasons.len() => reasons = told,
                Instead::Refused(_) | Instead::Unknown => {}
            }
        }
        let suggestions = self.suggestions(request, suggestions)?;
        Ok(Err(Box::new(Refusal { suggestions, ..Refusal::new(request, reasons) })))
    }

    /// The request with what the catalogue knows of its driver.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn informed(&self, request: &Request) -> Result<Request, CatalogueError> {
        let driver_ptx = match &request.driver {
            Some(driver) => self.toolkits()?.and_then(|toolkits| toolkits.declared.newest_ptx(driver)),
            None => None,
        };
        Ok(Request { driver_ptx, ..request.clone() })
    }

    /// Says what makes a request no question.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, request: &Request) -> Result<(), LookupError> {
        let known = &self.matrix.compute_capabilities;
        let asked = &request.compute_capabilities;
        if let Some(&capability) = asked.iter().find(|one| !known.contains(one)) {
            return Err(LookupError::UnknownCapability { capability, known: comma_separated(known) });
        }
        match (request.cuda, asked.is_empty()) {
            (CudaTarget::Cpu, false) => Err(LookupError::CapabilitiesWithoutCuda),
            (cuda @ CudaTarget::Release(_), true) => Err(LookupError::NoCapability(cuda)),
            _ => Ok(()),
        }
    }

    /// The cell that answers a request. In this order count: that all that is asked for is there; the preferences;
    /// the newest torch.
    fn find(&self, request: &Request) -> Result<Option<Found>, LookupError> {
        if self.refused_host(request)?.is_some() {
            return Ok(None);
        }
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else { return Ok(None) };
        for pass in request.passes() {
            for (torch, cell) in wanted_cells(&file, request) {
                let wanted = Wanted::of(cell, request);
                if serves(cell, request, &wanted, *pass) {
                    let torch = torch.to_owned();
                    return Ok(Some(Found { file: Rc::clone(&file), torch, wanted }));
                }
            }
        }
        Ok(None)
    }

    /// The cells of a target, which are read once; `None` where the catalogue has none.
    ///
    /// # Errors
    /// When the file cannot be read or is not valid.
    pub fn cells(
        &self,
        system: System,
        python: PythonVersion,
        cuda: CudaTarget,
    ) -> Result<Option<Rc<CellFile>>, CatalogueError> {
        let key = (system, python, cuda);
        if let Some(file) = self.cells.borrow().get(&key) {
            return Ok(file.clone());
        }
        let file = self.catalogue.cells(system, python, cuda)?.map(Rc::new);
        self.cells.borrow_mut().insert(key, file.clone());
        Ok(file)
    }

    fn artefacts(&self, name: &str) -> Result<Option<Rc<ArtefactFile>>, CatalogueError> {
        if let Some(file) = self.artefacts.borrow().get(name) {
            return Ok(file.clone());
        }
        let file = self.catalogue.artefacts(name)?.map(Rc::new);
        self.artefacts.borrow_mut().insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn compilers(&self) -> Result<&SupportedCompilers, CatalogueError> {
        if let Some(compilers) = self.compilers.get() {
            return Ok(compilers);
        }
        let compilers = self.catalogue.compilers()?;
        Ok(self.compilers.get_or_init(|| compilers))
    }

    fn toolkits(&self) -> Result<Option<&Toolkits>, CatalogueError> {
        if self.toolkits.get().is_none() {
            let toolkits = self.catalogue.toolkits()?;
            self.toolkits.get_or_init(|| toolkits);
        }
        Ok(self.toolkits.get().and_then(Option::as_ref))
    }

    /// The catalogue that it answers from.
    pub fn catalogue(&self) -> &'a Catalogue {
        self.catalogue
    }

    /// Its `matrix.toml`.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The package that has a cell per version: torch.
    pub fn anchor(&self) -> &str {
        self.matrix.order.iter().flatten().next().map_or("torch", String::as_str)
    }
}

/// Answers one request.
///
/// # Errors
/// As [`Lookup::answer`].
pub fn answer(catalogue: &Catalogue, request: &Request) -> Result<Answer, LookupError> {
    Lookup::new(catalogue)?.answer(request)
}

/// The cells of the torch asked for, or all, newest torch first.
fn wanted_cells<'a>(file: &'a CellFile, request: &'a Request) -> impl Iterator<Item = (&'a str, &'a Cell)> {
    file.order
        .iter()
        .filter(|version| request.takes_torch(version))
        .filter_map(|version| Some((version.as_str(), file.torch.get(version)?)))
}

fn serves(cell: &Cell, request: &Request, wanted: &Wanted, pass: Pass) -> bool {
    wanted.names.iter().all(|name| cell.packages.contains_key(name))
        && wanted.blockers.is_empty()
        && closure(cell, &wanted.names)
            .into_iter()
            .all(|(name, package)| Build::of(name, package, request, pass).is_some())
}

/// Why a wheel does not serve a request.
fn unfit(name: &str, wheel: &CellWheel, request: &Request) -> Vec<Cause> {
    let mut causes = Vec::new();
    let lacking = lacking(&wheel.covers, request);
    if !lacking.is_empty() {
        causes.push(uncovered(wheel, lacking));
    }
    causes.extend(request.exceeded(&Needs::of(wheel)));
    if let Some(publisher) = &wheel.publisher
        && !request.preferences.publishers.includes(publisher)
    {
        causes.push(Cause::Excluded { publisher: publisher.clone() });
    }
    if wheel.provenance != Provenance::Audited && request.preferences.only_audited.includes(name) {
        causes.push(Cause::Unread { provenance: wheel.provenance });
    }
    causes
}

fn supports(source: &CellSource, request: &Request) -> bool {
    request.compute_capabilities.iter().all(|capability| source.capabilities.contains(capability))
}

/// Some packages of a cell with all that they require.
fn closure<'a>(cell: &'a Cell, names: &BTreeSet<String>) -> BTreeMap<&'a str, &'a CellPackage> {
    let mut closure = BTreeMap::new();
    let mut next: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if let Some((name, package)) = cell.packages.get_key_value(name)
            && closure.insert(name.as_str(), &**package).is_none()
        {
            next.extend(package.requires.iter().map(String::as_str));
        }
    }
    closure
}

/// What a user of a plan should know: what runs by PTX, what does not work on the GPUs, and what compiles as it runs.
fn warnings(closure: &BTreeMap<&str, &CellPackage>, request: &Request) -> Vec<Warning> {
    let asked = |on: &[ComputeCapability]| -> Vec<ComputeCapability> {
        request.compute_capabilities.iter().filter(|cc| on.contains(cc)).copied().collect()
    };
    let CudaTarget::Release(target) = request.cuda else { return Vec::new() };
    let mut warnings = Vec::new();
    for (name, package) in closure {
        let mut warn = |kind, on| warnings.push(Warning::new(name, &package.version, kind, on));
        // What is compiled is compiled for the GPUs that are asked for.
        if let Some(Build::Wheel(wheel)) = Build::of(name, package, request, Pass::Compiling) {
            for CellFeature { feature, on } in &wheel.without {
                let on = asked(on);
                if !on.is_empty() {
                    warn(WarningKind::Without { feature: feature.clone() }, on);
                }
            }
            for CellPtx { members, cuda, on } in &wheel.by_ptx {
                let on = asked(on);
                if !on.is_empty() {
                    warn(WarningKind::Ptx { members: members.clone(), cuda: cuda.unwrap_or(target) }, on);
                }
            }
        }
        if package.cpu_only {
            warn(WarningKind::CpuOnly, Vec::new());
        }
        if let Some(CellCompiler { with, lacks, remedy }) = &package.compiles {
            let lacks = asked(lacks);
            let kind = if lacks.is_empty() {
                WarningKind::Compiles { with: with.clone() }
            } else {
                WarningKind::CannotCompile { with: with.clone(), remedy: remedy.clone() }
            };
            warn(kind, lacks);
        }
    }
    warnings
}

fn plan(found: &Found, request: &Request) -> Result<Plan, serde_json::Error> {
    let Found { file, torch, wanted } = found;
    let target = Target::of(request);
    let nothing = Cell::default();
    let cell = file.torch.get(torch).unwrap_or(&nothing);
    let closure = closure(cell, &wanted.names);
    let made = |name: &str, package| Build::of(name, package, request, Pass::Compiling);
    let is_compiled = |name: &str, package| matches!(made(name, package), Some(Build::Source(_)));
    let world = World {
        torch,
        cell: &cell.cell,
        prefer: request.preferences.all,
        compiled: cell
            .packages
            .iter()
            .filter(|(name, package)| is_compiled(name, package))
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    let warnings = warnings(&closure, request);
    Ok(Plan {
        schema: PLAN_SCHEMA,
        id: id(&target, &world)?,
        target,
        torch: torch.clone(),
        warnings,
        packages: closure
            .into_iter()
            .filter_map(|(name, package)| Some((name, package, made(name, package)?)))
            .map(|(name, package, build)| {
                let build = match build {
                    Build::Wheel(wheel) => PlanBuild::Wheel {
                        filename: wheel.filename.clone(),
                        sha256: wheel.sha256,
                        provenance: wheel.provenance,
                        publisher: wheel.publisher.clone(),
                    },
                    Build::Source(source) => {
                        PlanBuild::Source { filename: source.filename.clone(), sha256: source.sha256 }
                    }
                };
                let (version, requires) = (package.version.clone(), package.requires.clone());
                (name.to_owned(), PlanPackage { version, build, requires })
            })
            .collect(),
    })
}
