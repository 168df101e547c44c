//! `axle check`: checks an environment that the user describes.

use axle_plan::{Document, package_name};
use axle_rules::Severity;
use std::path::Path;

use axle_toolkit::{Environment, Package, SCHEMA, Toolkits, Verdict};
use axle_types::{ComputeCapability, HostCompiler, System};
use serde_json::{Value, json};

use crate::arguments::{Check, ReportFormat};
use crate::embedded;
use crate::output::{self, Answer, Error, Text};
use crate::sarif::{self, Found};

/// The schema of what `check` and `doctor` say.
pub const CHECK_SCHEMA: &str = "axle.check/1";

/// Answers from the catalogue's toolkits.
pub fn run(command: &Check) -> Result<Answer, Error> {
    match environment(command) {
        Ok((toolkits, environment)) => {
            answer(&environment, &axle_toolkit::check(&toolkits, &environment), command.format)
        }
        Err(error) => unanswered("check", error, command.format),
    }
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

fn environment(command: &Check) -> Result<(Toolkits, Environment), Error> {
    let toolkits = toolkits(command.catalogue.as_deref())?;
    let mut environment = Environment::new(command.system);
    if toolkits.release(command.cuda).is_none() {
        let known: Vec<_> = toolkits.releases.iter().map(|release| release.cuda.to_string()).collect();
        let message = format!("CUDA {} is unknown; axle knows {}", command.cuda, known.join(", "));
        return Err(message.into());
    }
    environment.cuda = Some(command.cuda);
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
    if let Some(version) = &command.torch {
        environment.packages = torch(&toolkits, version, command.system)?;
    }
    Ok((toolkits, environment))
}

/// A torch, and of the libraries that it pins those that were audited.
fn torch(toolkits: &Toolkits, version: &str, system: System) -> Result<Vec<Package>, Error> {
    let torch = toolkits.torch(version, system).ok_or_else(|| {
        let torches =
            toolkits.packages.iter().filter(|package| package.name == "torch" && package.system == system);
        let known: Vec<_> = torches.map(|package| package.version.as_str()).collect();
        format!("torch {version} is unknown on {system}; axle knows {}", known.join(", "))
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
