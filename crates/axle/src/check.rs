//! `axle check`: checks an environment that the user describes, or a list of versions.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::Path;

use axle_catalogue::Inventory;
use axle_plan::{Document, package_name};
use axle_rules::Severity;
use axle_solve::{VersionList, cuda_of_local};
use axle_toolkit::{Environment, Package, SCHEMA, Source, Toolkits, Verdict};
use axle_types::{ComputeCapability, CudaRelease, CudaTarget, HostCompiler, System, comma_separated};
use serde_json::{Value, json};

use crate::arguments::{Check, ReportFormat};
use crate::embedded;
use crate::installed::{Installed, listed};
use crate::output::{self, Answer, Error, Text};
use crate::sarif::{self, Found};

/// The schema of what `check` and `doctor` say.
pub const CHECK_SCHEMA: &str = "axle.check/1";

/// Answers from the catalogue.
pub fn run(command: &Check) -> Result<Answer, Error> {
    match verdicts(command) {
        Ok((environment, verdicts)) => answer(&environment, &verdicts, command.format),
        Err(error) => unanswered("check", error, command.format),
    }
}

fn verdicts(command: &Check) -> Result<(Environment, Vec<Verdict>), Error> {
    let toolkits = toolkits(command.catalogue.as_deref())?;
    let Some(installed) = installed(command)? else {
        let environment = environment(command, &toolkits)?;
        let verdicts = axle_toolkit::check(&toolkits, &environment);
        return Ok((environment, verdicts));
    };
    let (environment, list, inventory) = question(command, &toolkits, installed)?;
    let mut verdicts = axle_toolkit::check(&toolkits, &environment);
    verdicts.extend(list.judge(&inventory, &toolkits)?);
    for verdict in &mut verdicts {
        if environment.allowed.contains(&verdict.rule) {
            verdict.severity = verdict.severity.min(Severity::Warning);
        }
    }
    verdicts.sort_by_key(|verdict| (Reverse(verdict.severity), verdict.rule));
    Ok((environment, verdicts))
}

/// Says that a question could not be answered.
pub fn unanswered(input: &str, error: Error, format: ReportFormat) -> Result<Answer, Error> {
    let problems = vec![output::problem(input, error.as_ref())];
    match format {
        ReportFormat::Human => {}
        ReportFormat::Json => {
            let nothing = json!({ "schema": CHECK_SCHEMA, "target": null, "verdicts": [], "ok": null });
            output::json(&Document { answer: nothing, errors: problems })?;
        }
        ReportFormat::Sarif => sarif::print(Vec::new(), &problems)?,
    }
    Err(error)
}

/// Prints verdicts; the answer is no where one of them is an error.
pub fn answer(
    environment: &Environment,
    verdicts: &[Verdict],
    format: ReportFormat,
) -> Result<Answer, Error> {
    let ok = verdicts.iter().all(|verdict| verdict.severity < Severity::Error);
    match format {
        ReportFormat::Human => output::text(&human(verdicts))?,
        ReportFormat::Json => {
            let answer = json!({
                "schema": CHECK_SCHEMA, "target": target(environment), "verdicts": verdicts, "ok": ok,
            });
            output::json(&Document::new(answer))?;
        }
        ReportFormat::Sarif => {
            sarif::print(verdicts.iter().filter_map(|verdict| Found::verdict(None, verdict)).collect(), &[])?;
        }
    }
    Ok(if ok { Answer::Yes } else { Answer::No })
}

/// Reads the toolkits of a catalogue, or, where it has none, those of the program: they are facts about NVIDIA's files.
pub fn toolkits(folder: Option<&Path>) -> Result<Toolkits, Error> {
    let path = "toolkits.json";
    let own = embedded::read(folder, path)?;
    let bytes = match own {
        Some(bytes) => bytes,
        None => embedded::read(None, path)?.ok_or("this axle was built without catalogue/toolkits.json")?,
    };
    let toolkits: Toolkits =
        serde_json::from_slice(&bytes).map_err(|error| format!("{path} is not valid: {error}"))?;
    if toolkits.schema != SCHEMA {
        return Err(
            format!("the schema of {path} is `{}`, but this axle reads `{SCHEMA}`", toolkits.schema).into()
        );
    }
    Ok(toolkits)
}

/// The capabilities that names of GPUs stand for.
pub fn capabilities(folder: Option<&Path>, gpus: &[String]) -> Result<Vec<ComputeCapability>, Error> {
    if gpus.is_empty() {
        return Ok(Vec::new());
    }
    let toolkits = toolkits(folder)?;
    gpus.iter().map(|name| toolkits.gpu(name).map_err(Into::into)).collect()
}

/// What the command line says of the machine.
fn machine(command: &Check, toolkits: &Toolkits) -> Result<Environment, Error> {
    let of_gpu = command.gpus.iter().find_map(|name| Some((name, axle_toolkit::system_of_gpu(name)?)));
    if let (Some((name, system)), None) = (of_gpu, command.system) {
        output::note(&format!(
            "{name} comes with {system} only, so that is checked; --system says otherwise"
        ));
    }
    let system = command.system.or(of_gpu.map(|(_, system)| system)).unwrap_or(System::X86_64Linux);
    let mut environment = Environment::new(system);
    environment.compiler = command.gcc.map(HostCompiler::Gcc).or(command.clang.map(HostCompiler::Clang));
    environment.libstdcxx = command.libstdcxx;
    environment.capabilities = command.compute_capabilities.iter().copied().collect();
    for name in &command.gpus {
        environment.capabilities.insert(toolkits.gpu(name)?);
    }
    environment.python = command.python;
    environment.driver.clone_from(&command.driver);
    environment.glibc = command.glibc;
    environment.memory = command.memory;
    environment.compiled =
        command.compiled.iter().map(|name| package_name(name)).collect::<Result<_, _>>()?;
    environment.allowed = command.allowed.iter().copied().collect();
    Ok(environment)
}

/// The question without a list.
fn environment(command: &Check, toolkits: &Toolkits) -> Result<Environment, Error> {
    let mut environment = machine(command, toolkits)?;
    environment.cuda = command.cuda.map(|cuda| known(toolkits, cuda)).transpose()?;
    if let Some(version) = &command.torch {
        environment.packages = torch(toolkits, version, environment.system)?;
    }
    Ok(environment)
}

fn known(toolkits: &Toolkits, cuda: CudaRelease) -> Result<CudaRelease, Error> {
    if toolkits.release(cuda).is_some() {
        return Ok(cuda);
    }
    let known = comma_separated(toolkits.releases.iter().map(|release| release.cuda));
    Err(format!("CUDA {cuda} is unknown; axle knows {known}").into())
}

/// What the command line and its files list; `None` where there is no list.
fn installed(command: &Check) -> Result<Option<Installed>, Error> {
    if command.packages.is_empty() && command.requirements.is_empty() && command.freeze.is_none() {
        if command.cpu {
            return Err("--cpu checks a list of versions; give some, e.g. torch==2.9.1".into());
        }
        return Ok(None);
    }
    let mut installed = Installed::default();
    for path in command.freeze.iter().chain(&command.requirements) {
        let read = Installed::read(path)?;
        let shown = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
        tell(&shown, &read);
        let Installed { versions, python, cuda, gpus, driver, glibc, system, is_report, skipped } = read;
        for version in versions {
            installed.add(version)?;
        }
        installed.python = installed.python.or(python);
        installed.cuda = installed.cuda.or(cuda);
        installed.gpus.extend(gpus);
        installed.driver = installed.driver.or(driver);
        installed.glibc = installed.glibc.or(glibc);
        installed.system = installed.system.or(system);
        installed.is_report |= is_report;
        installed.skipped.extend(skipped);
    }
    // What stands on the command line is rather meant.
    let mut given = Installed::default();
    for text in &command.packages {
        given.add(listed(text)?)?;
    }
    installed.versions.extend(given.versions);
    if installed.versions.is_empty() {
        return Err("the list names no version: write NAME==VERSION, as `pip freeze` does".into());
    }
    Ok(Some(installed))
}

/// Says what was read of a file, and what was not.
fn tell(path: &str, read: &Installed) {
    let count = read.versions.len();
    let facts = [
        Some(format!("{count} version{}", if count == 1 { "" } else { "s" })),
        read.python.map(|python| format!("Python {python}")),
        read.cuda.map(|cuda| match cuda {
            CudaTarget::Cpu => "no CUDA".to_owned(),
            CudaTarget::Release(release) => format!("CUDA {release}"),
        }),
        (!read.gpus.is_empty()).then(|| read.gpus.join(", ")),
        read.driver.as_ref().map(|driver| format!("driver {driver}")),
        read.glibc.map(|glibc| format!("glibc {glibc}")),
        read.system.map(|system| system.to_string()),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    output::note(&format!("{path}: read {}", facts.join(", ")));
    for (line, why) in &read.skipped {
        output::note(&format!("{path}: `{line}` is skipped: {why}"));
    }
}

/// The question about a list, completed by what was read and by what the torch of the list tells.
fn question(
    command: &Check,
    toolkits: &Toolkits,
    installed: Installed,
) -> Result<(Environment, VersionList, Inventory), Error> {
    let mut environment = machine(command, toolkits)?;
    let is_named = !command.gpus.is_empty() || !command.compute_capabilities.is_empty();
    for name in installed.gpus.iter().filter(|_| !is_named && !command.cpu) {
        match toolkits.gpu(name) {
            Ok(capability) => drop(environment.capabilities.insert(capability)),
            Err(error) => output::note(&format!("{error}; it is not checked")),
        }
    }
    if command.system.is_none() && command.gpus.is_empty() {
        let of_gpus = || installed.gpus.iter().find_map(|name| axle_toolkit::system_of_gpu(name));
        environment.system = installed.system.or_else(of_gpus).unwrap_or(environment.system);
    }
    environment.driver = environment.driver.or(installed.driver);
    environment.glibc = environment.glibc.or(installed.glibc);
    let (system, versions) = (environment.system, installed.versions);

    let catalogue = embedded::catalogue(command.catalogue.as_deref());
    let matrix = catalogue.matrix()?;
    let anchor = matrix.order.iter().flatten().next();
    let names: BTreeSet<String> = versions.keys().chain(anchor).cloned().collect();
    let inventory = Inventory::of(&catalogue, names)?;
    let python = if let Some(python) = command.python.or(installed.python) {
        python
    } else {
        let likely = VersionList::likely_python(&inventory, system, &versions)?;
        let python = likely.ok_or("no Python is given (--python 3.12)")?;
        output::note(&format!("no Python is given, so {python} is checked; --python says otherwise"));
        python
    };
    let local =
        versions.get(anchor.map_or("torch", String::as_str)).and_then(|torch| cuda_of_local(&torch.version));
    let told = command.cuda.map(CudaTarget::from).or(command.cpu.then_some(CudaTarget::Cpu));
    let cuda = if let Some(cuda) = told.or(local).or(installed.cuda) {
        cuda
    } else {
        let of_torch = VersionList::cuda_of_torch(&inventory, system, python, &versions)?;
        let cuda = of_torch
            .ok_or("no CUDA is given, and the list has no torch that would tell (--cuda 12.8, or --cpu)")?;
        let what = cuda.release().map_or_else(|| "no CUDA".to_owned(), |cuda| format!("CUDA {cuda}"));
        output::note(&format!("no CUDA is given, so {what} is checked, which its torch is built for"));
        cuda
    };
    environment.cuda = cuda.release().map(|cuda| known(toolkits, cuda)).transpose()?;
    environment.python = Some(python);
    if cuda == CudaTarget::Cpu {
        environment.capabilities.clear();
        environment.driver = None;
    }
    // The list is judged by itself; here it only says that nothing else is installed.
    environment.packages = versions
        .iter()
        .map(|(name, listed)| {
            let source = Source::Document { document: "the list".to_owned() };
            Package::named(name, &listed.version.to_string(), system, source)
        })
        .collect();
    let list = VersionList {
        system,
        python,
        cuda,
        compute_capabilities: environment.capabilities.clone(),
        driver: environment.driver.clone(),
        glibc: environment.glibc,
        versions,
        is_complete: command.freeze.is_some() && !installed.is_report,
    };
    Ok((environment, list, inventory))
}

/// A torch, and of the libraries that it pins those that were audited.
fn torch(toolkits: &Toolkits, version: &str, system: System) -> Result<Vec<Package>, Error> {
    let torch = toolkits.torch(version, system).ok_or_else(|| {
        let torches: Vec<&Package> =
            toolkits.packages.iter().filter(|package| package.name == "torch").collect();
        let on = |system: System| torches.iter().filter(move |torch| torch.system == system);
        let others = System::ALL.into_iter().filter(|other| on(*other).next().is_some());
        let known = match comma_separated(on(system).map(|torch| &torch.version)) {
            known if known.is_empty() => format!("axle has read torch for {} only", comma_separated(others)),
            known => format!("axle knows {known}"),
        };
        format!("torch {version} is unknown on {system}; {known}")
    })?;
    let pinned = torch.pins.iter().filter_map(|(name, version)| toolkits.package(name, version, system));
    Ok([torch].into_iter().chain(pinned).cloned().collect())
}

/// What is judged, as JSON.
pub fn target(environment: &Environment) -> Value {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::String);
    let compiler = environment.compiler.map(|compiler| json!({ compiler.name(): compiler.major() }));
    let packages: serde_json::Map<String, Value> = environment
        .packages
        .iter()
        .map(|package| (package.name.clone(), Value::String(package.version.clone())))
        .collect();
    json!({
        "system": environment.system,
        "cuda": environment.cuda,
        "compiler": compiler,
        "libstdcxx": environment.libstdcxx,
        "compute_capabilities": environment.capabilities,
        "python": text(environment.python.map(|python| python.to_string())),
        "driver": environment.driver,
        "glibc": text(environment.glibc.map(|glibc| glibc.to_string())),
        "glibc_headers": text(environment.glibc_headers.map(|glibc| glibc.to_string())),
        "memory": environment.memory,
        "packages": packages,
    })
}

/// The verdicts, the worst first, each with its source and what to do.
pub fn human(verdicts: &[Verdict]) -> Text {
    let mut text = Text::default();
    for verdict in verdicts {
        text.line(format_args!("{:<8} {}  {}", verdict.severity, verdict.rule, verdict.message));
        if verdict.severity > Severity::Ok {
            text.line(format_args!("                 source: {}", verdict.source));
        }
        if let Some(fix) = &verdict.fix {
            text.line(format_args!("                 what to do: {fix}"));
        }
    }
    if text.is_empty() {
        text.line(
            "nothing to check: give a compiler, a GPU, a driver or a package; a glibc is checked against a compiler or a package",
        );
    }
    text
}
