//! The words of the command line.

use std::path::PathBuf;

use axle_plan::{Prefer, package_name};
use axle_rules::{Rule, RuleError};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, DriverVersion, Glibc, PythonVersion, System, Version,
    compiler_major,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use pep440_rs::VersionSpecifiers;

/// Fits machine-learning wheels to a machine.
#[derive(Debug, Parser)]
#[command(name = "axle", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is inside wheels: SASS and PTX, needed libraries, symbol versions
    Audit(Audit),
    /// Check a build environment that you describe: compiler, GPU, driver, glibc, Python
    Check(Check),
    /// Check this machine, and what is installed on it
    Doctor(Doctor),
    /// Pick one build of every package so that all fit the target (resolve), or say why that is impossible
    Concretise(Concretise),
    /// Resolve versions that the catalogue does not have as a set, and write them to a lock file for Nix
    Lock(Lock),
    /// Show, extend, update or check a catalogue: what is known of every package
    Catalogue(CatalogueCommands),
}

/// How to print an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Human,
    /// One JSON document
    Json,
}

/// How to print what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a person
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
}

/// `axle audit`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub struct Audit {
    /// Compute capability that the wheel must cover, as in 8.6; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU, as in "RTX 3090", instead of its compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// Target glibc, as in 2.35: exit 1 if a wheel needs a newer one
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Compare every file with the hash in the wheel's RECORD
    #[arg(long)]
    pub verify: bool,
    /// Unpack the device code and list its kernels, with the architectures that each was compiled for
    #[arg(long)]
    pub deep: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Show long lists whole, and report what was read over the network
    #[arg(long, short)]
    pub verbose: bool,
    /// For NAME==VERSION: audit the wheel for this Python, as in 3.12 [default: the newest CPython]
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// For NAME==VERSION: audit the wheel for this system, as Nix names it
    #[arg(long, default_value = "x86_64-linux")]
    pub system: System,
    /// For NAME==VERSION: package index to ask [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Report facts only, without the catalogue's conclusions: who provides a library, which members count for a GPU
    #[arg(long)]
    pub no_catalogue: bool,
    /// Folder of a catalogue [default: the one in the program]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_catalogue")]
    pub catalogue: Option<PathBuf>,
    /// What to audit: a wheel, a shared object, a cubin, PTX, a fat binary; a folder of wheels, an unpacked wheel,
    /// site-packages; an http(s) address of a wheel, read by ranges; or a release on the package index
    #[arg(required = true, value_name = "FILE|FOLDER|URL|NAME==VERSION")]
    pub inputs: Vec<String>,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For a person
    Human,
    /// One JSON document
    Json,
    /// Exact pins with hashes, for pip and uv
    Requirements,
    /// pylock.toml (PEP 751), for pip and uv; the package index is asked for the addresses
    Pylock,
}

/// What is asked for, and for what.
#[derive(Debug, Args)]
pub struct RequestArguments {
    /// Python version, as in 3.12, or 3.13t without the GIL
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// CUDA release, as in 12.8
    #[arg(long, value_name = "X.Y", conflicts_with = "cpu", value_parser = cuda_release)]
    pub cuda: Option<CudaTarget>,
    /// Without CUDA
    #[arg(long)]
    pub cpu: bool,
    /// Compute capability of a GPU, as in 8.6; may be repeated
    #[arg(long = "cc", value_name = "X.Y", conflicts_with = "cpu")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU, as in "RTX 3090", instead of its compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME", conflicts_with = "cpu")]
    pub gpus: Vec<String>,
    /// Major version of GCC; with a compiler, what has no wheel that fits may be compiled
    #[arg(long, value_name = "MAJOR", value_parser = compiler_major, conflicts_with = "clang")]
    pub gcc: Option<u16>,
    /// Major version of Clang
    #[arg(long, value_name = "MAJOR", value_parser = compiler_major)]
    pub clang: Option<u16>,
    /// What to prefer: wheels, even of an older torch (wheel), the newest torch, even compiled (newest), or compiling
    /// whatever can be (source); prefix with NAME= to set it for one package; repeatable
    #[arg(long, value_name = "[NAME=]wheel|newest|source", value_parser = preference)]
    pub prefer: Vec<(Option<String>, Prefer)>,
    /// Never compile, or not the package NAME; repeatable
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_wheels: Vec<String>,
    /// Use only wheels whose bytes axle has read, for every package or for NAME; repeatable
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_audited: Vec<String>,
    /// Version of the machine's driver, as in 570.26 [default: new enough]
    #[arg(long, value_name = "VERSION", conflicts_with = "cpu")]
    pub driver: Option<DriverVersion>,
    /// Ignore this compiler or driver rule (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
    pub allowed: Vec<Rule>,
    /// torch version, or the start of one, as in 2.9
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub torch: Option<String>,
    /// System, as Nix names it [default: x86_64-linux, whatever the machine is]
    #[arg(long)]
    pub system: Option<System>,
    /// glibc of the machine [default: 2.35]
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Read the request from this file: axle.toml, or the requirements of requirements.txt or pyproject.toml;
    /// command-line options take precedence
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// Folder of a catalogue [default: the one in the program]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Packages, as in torch, 'flash-attn>=2.7' or 'cuda-toolkit[cublas]'
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

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
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
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

/// `axle doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Look at the files in this folder, as if it were the root, and run none of its programs
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Compute capability to judge for, as in 8.6, instead of those of the GPUs that are found; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU to judge for, as in "RTX 3090", instead of those that are found; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// Report violations of this rule as warnings, not errors (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
    pub allowed: Vec<Rule>,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Folder of a catalogue [default: the one in the program]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
}

/// `axle concretise`.
#[derive(Debug, Args)]
pub struct Concretise {
    /// What is asked for.
    #[command(flatten)]
    pub request: RequestArguments,
    /// Explain why this package of the plan has the version and build that it has
    #[arg(long, value_name = "NAME")]
    pub explain: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlanFormat,
    /// Package index to ask for pylock's addresses [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
}

/// Arguments of a request, which a lock tells itself when it is checked or updated.
const OF_REQUESTS: [&str; 18] = [
    "python",
    "cuda",
    "cpu",
    "compute_capabilities",
    "gpus",
    "gcc",
    "clang",
    "prefer",
    "only_wheels",
    "only_audited",
    "driver",
    "allowed",
    "torch",
    "system",
    "glibc",
    "from",
    "packages",
    "pins",
];

/// `axle lock`.
#[derive(Debug, Args)]
pub struct Lock {
    /// What is asked for.
    #[command(flatten)]
    pub request: RequestArguments,
    /// Constrain NAME to this version if it is part of the set, directly or as a dependency; repeatable
    #[arg(long = "pin", value_name = "NAME==VERSION", value_parser = axle_solve::pin)]
    pub pins: Vec<(String, VersionSpecifiers)>,
    /// File to write the lock to
    #[arg(long, short, value_name = "FILE", default_value = "axle.lock.json", conflicts_with = "check")]
    pub output: PathBuf,
    /// Compare this lock with what would be locked today, and write nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_REQUESTS)]
    pub check: Option<PathBuf>,
    /// Upgrade this package and the dependencies that only it needs; keep every other version
    #[arg(long, value_name = "NAME", conflicts_with = "check", conflicts_with_all = OF_REQUESTS)]
    pub update: Option<String>,
    /// Read no wheel: fail if the bytes of one have to be read first
    #[arg(long)]
    pub offline: bool,
    /// Package index to read wheels from [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// How to print the plan
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// A preference, for one package or for all.
fn preference(text: &str) -> Result<(Option<String>, Prefer), String> {
    let (name, prefer) = match text.split_once('=') {
        Some((name, prefer)) => (Some(package_name(name).map_err(|error| error.to_string())?), prefer),
        None => (None, text),
    };
    let prefer = prefer.parse().map_err(|error: axle_plan::RequestError| error.to_string())?;
    Ok((name, prefer))
}

/// The text of a PEP 440 version.
pub fn version(text: &str) -> Result<String, String> {
    let version: Result<Version, _> = text.parse();
    version.map(|version| version.to_string()).map_err(|error| error.to_string())
}

/// A rule on environments. Findings of an audit are about a wheel, whatever the environment.
pub fn allowable(text: &str) -> Result<Rule, String> {
    let rule: Rule = text.parse().map_err(|error: RuleError| error.to_string())?;
    if rule.is_finding() {
        return Err(format!("{rule} is a finding of `axle audit`, which no option allows"));
    }
    Ok(rule)
}

/// A CUDA release; that there is none is said by `--cpu`.
pub fn cuda_release(text: &str) -> Result<CudaTarget, String> {
    match text.parse() {
        Ok(cuda @ CudaTarget::Release(_)) => Ok(cuda),
        _ => Err("a CUDA release is written with major and minor, as in 12.8; --cpu is without".to_owned()),
    }
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

/// `axle catalogue add`.
#[derive(Debug, Args)]
pub struct CatalogueAdd {
    /// Folder of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Oldest release to index [default: the newest final one]
    #[arg(long, value_name = "VERSION")]
    pub since: Option<Version>,
    /// Packages
    #[arg(value_name = "PACKAGE", required = true)]
    pub packages: Vec<String>,
}

/// `axle catalogue`.
#[derive(Debug, Args)]
pub struct CatalogueCommands {
    /// What to do with the catalogue.
    #[command(subcommand)]
    pub command: CatalogueCommand,
}

/// What to do with a catalogue.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Show what is known of a package: by version, CUDA, Python and architectures
    Show(CatalogueShow),
    /// Ask the package index about a package, and write its TOML
    Add(CatalogueAdd),
    /// Read the package index for packages and all that they require, and write what is new to a catalogue
    Update(CatalogueUpdate),
    /// Check that a catalogue is whole: schemas, references, order, bytes
    Check(CatalogueCheck),
}

/// `axle catalogue check`.
#[derive(Debug, Args)]
pub struct CatalogueCheck {
    /// Folder of the catalogue
    #[arg(value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// `axle catalogue update`.
#[derive(Debug, Args)]
pub struct CatalogueUpdate {
    /// Folder of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Update only the packages named, not what they require
    #[arg(long)]
    pub no_deps: bool,
    /// Packages; all of the catalogue when none is named
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// `axle catalogue show`.
#[derive(Debug, Args)]
pub struct CatalogueShow {
    /// Folder of a catalogue [default: the one in the program]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// List every artefact with its hash
    #[arg(long)]
    pub files: bool,
    /// Package
    pub package: String,
}
