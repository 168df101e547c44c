//! `axle check`: judges an environment that is described.

use axle_plan::{Document, package_name};
use std::path::{Path, PathBuf};

use axle_toolkit::{Environment, Package, Rule, SCHEMA, Severity, Toolkits, Verdict};
use axle_types::{
    ComputeCapability, CudaRelease, DriverVersion, Glibc, HostCompiler, PythonVersion, System, compiler_major,
};
use clap::Args;
use serde_json::{Value, json};

use crate::arguments::ReportFormat;
use crate::embedded;
use crate::output::{self, Answer, Error, Text};
use crate::sarif::{self, Found};

/// The schema of what `check` and `doctor` say.
pub const CHECK_SCHEMA: &str = "axle.check/1";

/// `axle check`.
#[derive(Debug, Args)]
pub struct Check {
    /// CUDA release, as in 12.8
    #[arg(long, value_name = "X.Y")]
    pub cuda: CudaRelease,
    /// Version of GCC, as in 13
    #[arg(long, value_name = "VERSION", value_parser = compiler_major, conflicts_with = "clang")]
    pub gcc: Option<u16>,
    /// Version of Clang, as in 17
    #[arg(long, value_name = "VERSION", value_parser = compiler_major)]
    pub clang: Option<u16>,
    /// GCC release whose libstdc++ Clang takes: the newest that is installed
    #[arg(long, value_name = "MAJOR", requires = "clang")]
    pub libstdcxx: Option<u16>,
    /// Compute capability of a GPU, as in 8.6; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU, as in "RTX 3090", for its compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// Python version, as in 3.12
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// Version of NVIDIA's driver, as in 570.26
    #[arg(long, value_name = "VERSION")]
    pub driver: Option<DriverVersion>,
    /// glibc, as in 2.40
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Memory for compilers, as in 32G
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Package that is to be compiled, whose jobs must fit the memory; repeatable
    #[arg(long = "compile", value_name = "PACKAGE", requires = "memory")]
    pub compiled: Vec<String>,
    /// torch version, or the start of one, as in 2.9; with the libraries that it pins
    #[arg(long, value_name = "VERSION")]
    pub torch: Option<String>,
    /// Report violations of this rule as warnings, not errors (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE")]
    pub allowed: Vec<Rule>,
    /// System, as Nix names it
    #[arg(long, default_value = "x86_64-linux")]
    pub system: System,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Folder of a catalogue [default: the one in the program]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
}

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
            format!("the schema of {path} is `{}` and this axle reads `{SCHEMA}`", toolkits.schema).into()
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
        let message = format!("nothing is known of CUDA {}; axle knows {}", command.cuda, known.join(", "));
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
        format!("nothing is known of torch {version} on {system}; axle knows {}", known.join(", "))
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
            text.line(format_args!("                 known from {}", verdict.source));
        }
        if let Some(fix) = &verdict.fix {
            text.line(format_args!("                 what to do: {fix}"));
        }
    }
    if text.is_empty() {
        text.line(
            "nothing to judge: name a compiler, a GPU, a driver or a package; a glibc is judged with a compiler or a package",
        );
    }
    text
}

/// Reads `32G` or `512M`; the letters are powers of 1024.
pub fn memory(text: &str) -> Result<u64, String> {
    let invalid = || format!("'{text}' is no size of memory: it is written like 32G or 512M");
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| invalid())?;
    let unit: u64 = match text.get(digits.len()..).unwrap_or_default().to_uppercase().as_str() {
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        "T" | "TB" | "TIB" => 1 << 40,
        _ => return Err(invalid()),
    };
    number.checked_mul(unit).ok_or_else(invalid)
}
