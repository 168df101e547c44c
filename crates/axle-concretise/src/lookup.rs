//! A request answered from the cells by lookups alone, which is what Nix does too.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{
    Catalogue, CatalogueError, Cell, CellFile, CellPackage, CellWheel, Cuda, Matrix, Package, Reason,
};
use axle_fatbin::{Code, ComputeCapability};
use axle_toolkit::{DriverVersion, Environment, Objection, Rule, Severity};
use axle_wheel::{Glibc, PythonVersion, System};

use crate::glibc;
use crate::plan::{
    Compiler, PLAN_SCHEMA, Plan, PlanBuild, PlanExternal, PlanPackage, REFUSAL_SCHEMA, Refusal,
    RefusalReason, Suggestion, Target, id,
};

#[cfg(test)]
mod tests;

/// What a user asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Names of packages, normalised.
    pub packages: Vec<String>,
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release.
    pub cuda: Cuda,
    /// The capabilities that every package must cover.
    pub compute_capabilities: BTreeSet<ComputeCapability>,
    /// The compiler; without one nothing is compiled.
    pub compiler: Option<Compiler>,
    /// The machine's driver; `None` is one that is new enough.
    pub driver: Option<DriverVersion>,
    /// Rules on compilers and drivers that may be broken.
    pub allowed: BTreeSet<Rule>,
    /// A torch version, or the start of one (`2.9`).
    pub torch: Option<String>,
    /// The glibc of the machine.
    pub glibc: Glibc,
}

impl Request {
    /// The command line that asks this.
    pub fn command(&self) -> String {
        let mut words = vec!["axle concretise".to_owned(), format!("--python {}", self.python)];
        words.push(if self.cuda == Cuda::Cpu { "--cpu".into() } else { format!("--cuda {}", self.cuda) });
        words.extend(self.compute_capabilities.iter().map(|cc| format!("--cc {cc}")));
        match self.compiler {
            Some(Compiler::Gcc(major)) => words.push(format!("--gcc {major}")),
            Some(Compiler::Clang(major)) => words.push(format!("--clang {major}")),
            None => {}
        }
        words.extend(self.driver.iter().map(|driver| format!("--driver {driver}")));
        words.extend(self.allowed.iter().map(|rule| format!("--allow {rule}")));
        words.extend(self.torch.iter().map(|torch| format!("--torch {torch}")));
        if self.system != System::X86_64Linux {
            words.push(format!("--system {}", self.system));
        }
        if self.glibc != DEFAULT_GLIBC {
            words.push(format!("--glibc {}", self.glibc));
        }
        words.extend(self.packages.iter().cloned());
        words.join(" ")
    }
}

/// An answer: a plan, or why there is none.
pub type Answer = Result<Plan, Box<Refusal>>;

/// Why a request has no answer.
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
    /// The plan's id cannot be computed.
    #[error("the plan's id cannot be computed: {0}")]
    Id(#[from] serde_json::Error),
}

/// Answers a request; a refusal comes with suggestions that have been tried.
///
/// # Errors
/// When the catalogue is not valid, or the request names a capability that no GPU has.
pub fn answer(catalogue: &Catalogue, request: &Request) -> Result<Answer, LookupError> {
    let matrix = catalogue.matrix()?;
    let unknown = request.compute_capabilities.iter().find(|one| !matrix.compute_capabilities.contains(one));
    if let Some(&capability) = unknown {
        return Err(LookupError::UnknownCapability { capability, known: join(&matrix.compute_capabilities) });
    }
    let packages = catalogue.packages()?;
    let missing: Vec<_> = request.packages.iter().filter(|name| !packages.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Ok(Err(Box::new(unknown_packages(&missing, &packages, request))));
    }
    match attempt(catalogue, &matrix, request)? {
        Ok(plan) => Ok(Ok(plan)),
        Err(mut refusal) => {
            refusal.suggestions = suggestions(catalogue, &matrix, request)?;
            Ok(Err(refusal))
        }
    }
}

/// A refusal of names that are not in the catalogue; suggests the ones that look like them.
fn unknown_packages(missing: &[&String], packages: &BTreeMap<String, Package>, request: &Request) -> Refusal {
    const ALIKE: f64 = 0.8;
    let alike = |name: &str| {
        let likeness = |known: &&String| strsim::jaro_winkler(name, known);
        packages
            .keys()
            .filter(|known| likeness(known) > ALIKE)
            .max_by(|one, two| likeness(one).total_cmp(&likeness(two)))
    };
    let mut reasons = Vec::new();
    for name in missing {
        let hint = match alike(name) {
            Some(alike) => format!("did you mean {alike}?"),
            None => "docs/add-a-package.md says how to add it".to_owned(),
        };
        let message = format!("{name} is not in the catalogue; {hint}");
        reasons.push(RefusalReason {
            package: (*name).clone(),
            version: None,
            build: None,
            kind: Reason::Missing,
            message,
        });
    }
    Refusal { schema: REFUSAL_SCHEMA, target: target(request), reasons, suggestions: Vec::new() }
}

fn target(request: &Request) -> Target {
    Target {
        system: request.system,
        python: request.python,
        cuda: (request.cuda != Cuda::Cpu).then_some(request.cuda),
        compute_capabilities: request.compute_capabilities.iter().copied().collect(),
        compiler: request.compiler,
    }
}

fn attempt(catalogue: &Catalogue, matrix: &Matrix, request: &Request) -> Result<Answer, LookupError> {
    let refuse = |mut reasons: Vec<RefusalReason>| {
        // What was asked for before what it requires, and the shortest story first.
        reasons.sort_by_cached_key(|reason| {
            (!request.packages.contains(&reason.package), reason.message.len(), reason.clone())
        });
        reasons.dedup();
        Ok(Err(Box::new(Refusal {
            schema: REFUSAL_SCHEMA,
            target: target(request),
            reasons,
            suggestions: Vec::new(),
        })))
    };
    if let Some(reason) = refused_compiler(catalogue, request)? {
        return refuse(vec![reason]);
    }
    if let Some(reason) = refused_driver(catalogue, request)? {
        return refuse(vec![reason]);
    }
    let Some(file) = catalogue.cells(request.system, request.python, request.cuda)? else {
        return refuse(vec![no_cells(matrix, request)]);
    };
    let mut reasons = Vec::new();
    for (version, cell) in wanted_cells(&file, request) {
        let found = obstacles(cell, request);
        if found.is_empty() {
            return Ok(Ok(plan(cell, version, request)?));
        }
        reasons.extend(found);
    }
    if reasons.is_empty() {
        reasons.extend(absences(&file, matrix, request));
    }
    refuse(reasons)
}

/// The cells of the torch asked for, or all, newest torch first.
fn wanted_cells<'a>(file: &'a CellFile, request: &'a Request) -> impl Iterator<Item = (&'a str, &'a Cell)> {
    file.order
        .iter()
        .filter(|version| is_wanted(version, request))
        .filter_map(|version| Some((version.as_str(), file.torch.get(version)?)))
}

fn is_wanted(version: &str, request: &Request) -> bool {
    request.torch.as_ref().is_none_or(|torch| is_release_of(version, torch))
}

/// Whether a version is the one asked for, or a release of it: `2.9.1` of `2.9`.
fn is_release_of(version: &str, asked: &str) -> bool {
    version.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn no_cells(matrix: &Matrix, request: &Request) -> RefusalReason {
    let anchor = anchor(matrix);
    let (kind, message) = if !matrix.systems.contains(&request.system) {
        (
            Reason::Missing,
            format!("there are no cells for {}; there are for {}", request.system, join(&matrix.systems)),
        )
    } else if !matrix.pythons.contains(&request.python) {
        (
            Reason::Python,
            format!(
                "there are no cells for Python {}; there are for {}",
                request.python,
                join(&matrix.pythons)
            ),
        )
    } else if !matrix.cudas.contains(&request.cuda) {
        let cuda = match request.cuda {
            Cuda::Cpu => "without CUDA".to_owned(),
            cuda @ Cuda::Toolkit(..) => format!("with CUDA {cuda}"),
        };
        (Reason::Cuda, format!("there are no cells {cuda}; there are with {}", join(&matrix.cudas)))
    } else {
        let message =
            format!("no {anchor} has wheels for both CUDA {} and Python {}", request.cuda, request.python);
        (Reason::Cuda, message)
    };
    RefusalReason { package: anchor, version: None, build: None, kind, message }
}

fn anchor(matrix: &Matrix) -> String {
    matrix.order.iter().flatten().next().cloned().unwrap_or_default()
}

fn absences(file: &CellFile, matrix: &Matrix, request: &Request) -> Vec<RefusalReason> {
    let anchor = anchor(matrix);
    let mut reasons: Vec<_> = file
        .absent
        .iter()
        .filter(|(version, _)| is_wanted(version, request))
        .map(|(version, absence)| RefusalReason {
            package: anchor.clone(),
            version: Some(version.clone()),
            build: None,
            kind: absence.kind,
            message: absence.message.clone(),
        })
        .collect();
    if reasons.is_empty() {
        let asked = request.torch.as_deref().unwrap_or_default();
        let message = format!(
            "{anchor} {asked} is not in the catalogue; for this target it has {}",
            file.order.join(", ")
        );
        reasons.push(RefusalReason {
            package: anchor,
            version: None,
            build: None,
            kind: Reason::Missing,
            message,
        });
    }
    reasons
}

/// The packages of a request with all that they require, in a cell.
fn closure<'a>(cell: &'a Cell, names: &'a [String]) -> BTreeMap<&'a str, &'a CellPackage> {
    let mut closure = BTreeMap::new();
    let mut next: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if let Some(package) = cell.packages.get(name)
            && closure.insert(name, package).is_none()
        {
            next.extend(package.requires.iter().map(String::as_str));
        }
    }
    closure
}

/// The externals that a request and its closure require, with what those require.
fn externals<'a>(
    cell: &'a Cell,
    request: &'a Request,
    closure: &BTreeMap<&str, &'a CellPackage>,
) -> BTreeSet<&'a str> {
    let mut externals = BTreeSet::new();
    let asked = request.packages.iter().map(String::as_str);
    let mut next: Vec<&str> =
        asked.chain(closure.values().flat_map(|package| &package.externals).map(String::as_str)).collect();
    while let Some(name) = next.pop() {
        if let Some(external) = cell.externals.get(name)
            && externals.insert(name)
        {
            next.extend(external.requires.iter().map(String::as_str));
        }
    }
    externals
}

/// Everything in a cell that keeps it from answering a request.
fn obstacles(cell: &Cell, request: &Request) -> Vec<RefusalReason> {
    let mut reasons = Vec::new();
    for name in &request.packages {
        if !cell.packages.contains_key(name) && !cell.externals.contains_key(name) {
            let absence = cell.absent.get(name);
            let message = absence
                .map_or_else(|| format!("{name} is not in this cell"), |absence| absence.message.clone());
            let kind = absence.map_or(Reason::Missing, |absence| absence.kind);
            reasons.push(RefusalReason { package: name.clone(), version: None, build: None, kind, message });
        }
    }
    for (name, package) in closure(cell, &request.packages) {
        let mut refuse = |kind, message| {
            reasons.push(RefusalReason {
                package: name.to_owned(),
                version: Some(package.version.clone()),
                build: package.wheel.as_ref().map(|wheel| wheel.filename.clone()),
                kind,
                message,
            });
        };
        let Some(chosen) = &package.wheel else {
            refuse(Reason::Compiler, format!("{name} {} has no wheel that fits this cell", package.version));
            continue;
        };
        let uncovered: Vec<_> =
            request.compute_capabilities.iter().filter(|cc| !chosen.covers.contains(cc)).collect();
        if !uncovered.is_empty() {
            refuse(Reason::ComputeCapability, uncovered_message(name, &package.version, chosen, &uncovered));
        }
        let wheel = format!("the wheel of {name} {}", package.version);
        match chosen.glibc.as_ref().map(|needed| (needed, glibc::floor(needed))) {
            Some((needed, Some(floor))) if floor > request.glibc => {
                let message = format!("{wheel} needs glibc {needed}, the target has {}", request.glibc);
                refuse(Reason::Glibc, message);
            }
            Some((needed, None)) => {
                let message = format!("{wheel} needs glibc `{needed}`, which cannot be read");
                refuse(Reason::Unknown, message);
            }
            _ => {}
        }
    }
    reasons
}

fn uncovered_message(
    name: &str,
    version: &str,
    wheel: &CellWheel,
    uncovered: &[&ComputeCapability],
) -> String {
    let covers = match wheel.covers.first() {
        Some(first) => {
            format!("its code starts at sm_{}{}; it covers {}", first.major, first.minor, join(&wheel.covers))
        }
        None => "it covers none".to_owned(),
    };
    let runs = |code: &&Code| uncovered.iter().any(|&&cc| code.runs_on(cc) == Some(true));
    let partial: Vec<_> = wheel.sass.iter().chain(&wheel.ptx).filter(runs).map(ToString::to_string).collect();
    let partial = match partial.as_slice() {
        [] => String::new(),
        codes => format!(", and only some of its kernels have {}", codes.join(" or ")),
    };
    format!("the wheel of {name} {version} does not cover {}: {covers}{partial}", join(uncovered))
}

fn plan(cell: &Cell, torch: &str, request: &Request) -> Result<Plan, serde_json::Error> {
    let target = target(request);
    let closure = closure(cell, &request.packages);
    let externals = externals(cell, request, &closure);
    Ok(Plan {
        schema: PLAN_SCHEMA,
        id: id(&target, torch, &cell.cell)?,
        target,
        torch: torch.to_owned(),
        packages: closure
            .into_iter()
            .filter_map(|(name, package)| Some((name, package, package.wheel.as_ref()?)))
            .map(|(name, package, wheel)| {
                let build =
                    PlanBuild::Wheel { filename: wheel.filename.clone(), sha256: wheel.sha256.clone() };
                let package = PlanPackage {
                    version: package.version.clone(),
                    build,
                    requires: package.requires.clone(),
                };
                (name.to_owned(), package)
            })
            .collect(),
        externals: externals
            .into_iter()
            .filter_map(|name| Some((name, cell.externals.get(name)?)))
            .map(|(name, external)| {
                let external = PlanExternal {
                    specifier: external.specifier.clone(),
                    comparisons: external.comparisons.clone(),
                    fallback: external.fallback.clone(),
                };
                (name.to_owned(), external)
            })
            .collect(),
    })
}

/// Why the CUDA release does not take the compiler, unless that is allowed.
fn refused_compiler(
    catalogue: &Catalogue,
    request: &Request,
) -> Result<Option<RefusalReason>, CatalogueError> {
    let (Some(compiler), Cuda::Toolkit(..)) = (request.compiler, request.cuda) else { return Ok(None) };
    let compiler = match compiler {
        Compiler::Gcc(major) => axle_toolkit::Compiler::Gcc(major),
        Compiler::Clang(major) => axle_toolkit::Compiler::Clang(major),
    };
    let objection = catalogue.compilers()?.objection(request.system, &request.cuda.to_string(), compiler);
    let is_allowed =
        |objection: &Objection| objection.rule.is_some_and(|rule| request.allowed.contains(&rule));
    Ok(objection.filter(|objection| !is_allowed(objection)).map(|Objection { rule, message }| RefusalReason {
        package: compiler.name().to_owned(),
        version: Some(compiler.major().to_string()),
        build: None,
        kind: if rule.is_some() { Reason::Compiler } else { Reason::Unknown },
        message: match rule {
            Some(rule) => format!(
                "{rule}: {message}; --allow {rule} takes it at your own risk, as nvcc's -allow-unsupported-compiler does"
            ),
            None => message,
        },
    }))
}

/// Why the driver does not run programs of the CUDA release, or not on these GPUs, unless that is allowed.
fn refused_driver(catalogue: &Catalogue, request: &Request) -> Result<Option<RefusalReason>, CatalogueError> {
    let (Some(driver), Cuda::Toolkit(major, minor)) = (&request.driver, request.cuda) else {
        return Ok(None);
    };
    let reason = |kind, message| RefusalReason {
        package: "driver".to_owned(),
        version: Some(driver.to_string()),
        build: None,
        kind,
        message,
    };
    let Some(toolkits) = catalogue.toolkits()? else {
        let message = "nothing is known of drivers: the catalogue has no toolkits.json".to_owned();
        return Ok(Some(reason(Reason::Unknown, message)));
    };
    let mut environment = Environment::new(request.system);
    environment.cuda = Some(axle_toolkit::Cuda { major, minor });
    environment.driver = Some(driver.clone());
    environment.capabilities.clone_from(&request.compute_capabilities);
    environment.allowed.clone_from(&request.allowed);
    let verdicts = axle_toolkit::check(&toolkits, &environment);
    let broken = verdicts.into_iter().find(|verdict| {
        matches!(verdict.rule, Rule::DriverTooOld | Rule::DriverTooNew) && verdict.severity == Severity::Error
    });
    Ok(broken.map(|verdict| reason(Reason::Driver, format!("{}: {}", verdict.rule, verdict.message))))
}

/// The smallest changes to a request that work, one of a kind, nearest first.
fn suggestions(
    catalogue: &Catalogue,
    matrix: &Matrix,
    request: &Request,
) -> Result<Vec<Suggestion>, LookupError> {
    let mut suggestions = Vec::new();
    for changes in [
        other_compiler(request),
        other_torch(request),
        other_cuda(matrix, request),
        other_python(matrix, request),
        fewer_capabilities(catalogue, request)?,
    ] {
        for (change, request) in changes {
            if attempt(catalogue, matrix, &request)?.is_ok() {
                suggestions.push(Suggestion { change, command: request.command() });
                break;
            }
        }
    }
    Ok(suggestions)
}

/// What to change, and the request with the change.
type Changed = (String, Request);

/// Another release of the same compiler, the nearest first, and none at all.
fn other_compiler(request: &Request) -> Vec<Changed> {
    let Some(compiler) = request.compiler else { return Vec::new() };
    let (major, with): (u16, fn(u16) -> Compiler) = match compiler {
        Compiler::Gcc(major) => (major, Compiler::Gcc),
        Compiler::Clang(major) => (major, Compiler::Clang),
    };
    // Releases of a decade: further away there is none that any CUDA takes.
    let mut others: Vec<u16> = (major.saturating_sub(10)..=major.saturating_add(10)).collect();
    others.retain(|&other| other != major && other > 0);
    others.sort_by_key(|&other| (other.abs_diff(major), Reverse(other)));
    let changed = |compiler: Compiler| Request { compiler: Some(compiler), ..request.clone() };
    let others = others.into_iter().map(with).map(|other| (format!("with {other}"), changed(other)));
    others.chain([("without a compiler".to_owned(), Request { compiler: None, ..request.clone() })]).collect()
}

fn other_torch(request: &Request) -> Vec<Changed> {
    let asked = request.torch.iter();
    asked
        .map(|torch| {
            (format!("without asking for torch {torch}"), Request { torch: None, ..request.clone() })
        })
        .collect()
}

/// Between CUDA and none a request changes more than its CUDA: the capabilities come and go with it, and which to ask
/// for is not ours to guess.
fn other_cuda(matrix: &Matrix, request: &Request) -> Vec<Changed> {
    let mut cudas = matrix.cudas.clone();
    cudas.retain(|&cuda| cuda != request.cuda && cuda != Cuda::Cpu && request.cuda != Cuda::Cpu);
    // Of two at the same distance the newer one.
    cudas.sort_by_key(|&cuda| (distance(cuda, request.cuda), Reverse(cuda)));
    cudas.into_iter().map(|cuda| (format!("with CUDA {cuda}"), Request { cuda, ..request.clone() })).collect()
}

fn other_python(matrix: &Matrix, request: &Request) -> Vec<Changed> {
    let mut pythons = matrix.pythons.clone();
    pythons.retain(|&python| python != request.python);
    pythons.sort_by_key(|python| (python.minor().abs_diff(request.python.minor()), *python));
    let with = |python| (format!("with Python {python}"), Request { python, ..request.clone() });
    pythons.into_iter().map(with).collect()
}

/// Without the capabilities that a cell lacks: the cells that lack fewest first, of them the newest torch.
fn fewer_capabilities(catalogue: &Catalogue, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let asked = &request.compute_capabilities;
    let file = catalogue.cells(request.system, request.python, request.cuda)?;
    let cells = file.iter().flat_map(|file| wanted_cells(file, request));
    let mut lacking: Vec<BTreeSet<ComputeCapability>> = Vec::new();
    for (_, cell) in cells {
        let closure = closure(cell, &request.packages);
        let lacks = |cc: &&ComputeCapability| closure.values().any(|package| !covers(package, cc));
        let lacked = asked.iter().filter(lacks).copied().collect::<BTreeSet<_>>();
        if !lacked.is_empty() && lacked.len() < asked.len() && !lacking.contains(&lacked) {
            lacking.push(lacked);
        }
    }
    lacking.sort_by_key(BTreeSet::len);
    let without = |lacked: BTreeSet<ComputeCapability>| {
        let compute_capabilities = asked.difference(&lacked).copied().collect();
        (format!("without {}", join(&lacked)), Request { compute_capabilities, ..request.clone() })
    };
    Ok(lacking.into_iter().map(without).collect())
}

fn covers(package: &CellPackage, capability: &ComputeCapability) -> bool {
    package.wheel.as_ref().is_some_and(|wheel| wheel.covers.contains(capability))
}

/// How far a CUDA release is from another: the same major first.
fn distance(one: Cuda, other: Cuda) -> (u16, u16) {
    match (one, other) {
        (Cuda::Toolkit(major, minor), Cuda::Toolkit(other_major, other_minor)) => {
            (major.abs_diff(other_major), minor.abs_diff(other_minor))
        }
        _ => (u16::MAX, 0),
    }
}

/// The glibc of a target that names none.
pub const DEFAULT_GLIBC: Glibc = Glibc::new(2, 35);

fn join<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
