//! Command-line arguments of `axle` and its subcommands.

use std::path::PathBuf;

use axle_plan::{Prefer, package_name};
use axle_rules::{Rule, RuleError};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, DriverVersion, Glibc, PythonVersion, System, Version,
    compiler_major,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use pep440_rs::VersionSpecifiers;

/// Fits CUDA Python wheels to a machine.
#[derive(Debug, Parser)]
#[command(name = "axle", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// Subcommands of `axle`.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands of `axle`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is inside wheels: SASS and PTX, needed libraries, symbol versions
    Audit(Audit),
    /// Check a build environment that you describe: compiler, GPU, driver, glibc, Python
    Check(Check),
    /// Check this machine and the packages installed on it
    Doctor(Doctor),
    /// Pick one build of every package so that all fit the target (resolve), or report why there is none
    Concretise(Concretise),
    /// Resolve a set of versions that the catalogue does not have, and write it to a lock file for Nix
    Lock(Lock),
    /// Show, extend, update or check a catalogue: the packages that axle knows, with their wheels
    Catalogue(CatalogueCommands),
}

/// Output formats of most subcommands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text, to be read
    Human,
    /// One JSON document
    Json,
}

/// Output formats of reports: `axle audit`, `axle check`, `axle doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text, to be read
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
    /// Compute capability that the wheel must cover, e.g. 8.6; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// GPU by name, e.g. "RTX 3090", instead of by compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// CUDA release of torch, e.g. 12.8: of a wheel with libraries for several releases, judge the one that is loaded
    #[arg(long, value_name = "X.Y")]
    pub cuda: Option<CudaRelease>,
    /// Target glibc version, e.g. 2.35: exit 1 if a wheel needs a newer one
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Compare every file with the hash in the wheel's RECORD
    #[arg(long)]
    pub verify: bool,
    /// Decompress the device code and list its kernels, with the architectures that each was compiled for
    #[arg(long)]
    pub deep: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Show long lists in full, and report how much was read over the network
    #[arg(long, short)]
    pub verbose: bool,
    /// Read wheels over the network without asking, however large they are
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// For NAME==VERSION: audit the wheel for this Python, e.g. 3.12 [default: the newest CPython]
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// For NAME==VERSION: audit the wheel for this system (Nix system name)
    #[arg(long, default_value = "x86_64-linux")]
    pub system: System,
    /// For NAME==VERSION: package index to use [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Report facts only, without the catalogue's conclusions: which package provides a library, which members count
    /// towards covering a GPU
    #[arg(long)]
    pub no_catalogue: bool,
    /// Directory of the catalogue [default: the one embedded in axle]
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_catalogue")]
    pub catalogue: Option<PathBuf>,
    /// Input to audit: a wheel, a shared object, a cubin, PTX, a fat binary; a directory of wheels, an unpacked wheel,
    /// site-packages; the http(s) URL of a wheel, read with range requests; or a release on the package index
    #[arg(required = true, value_name = "FILE|FOLDER|URL|NAME==VERSION")]
    pub inputs: Vec<String>,
}

/// Output formats of plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// Text, to be read
    Human,
    /// One JSON document
    Json,
    /// Exact pins with hashes, for pip and uv
    Requirements,
    /// pylock.toml (PEP 751), for pip and uv; the URLs are requested from the package index
    Pylock,
}

/// The request: packages and a target.
#[derive(Debug, Args)]
pub struct RequestArguments {
    /// Python version, e.g. 3.12, or 3.13t for the free-threaded build
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// CUDA release, e.g. 12.8
    #[arg(long, value_name = "X.Y", conflicts_with = "cpu", value_parser = cuda_release)]
    pub cuda: Option<CudaTarget>,
    /// Resolve for CPUs only, without CUDA
    #[arg(long)]
    pub cpu: bool,
    /// Compute capability of a GPU, e.g. 8.6; repeatable
    #[arg(long = "cc", value_name = "X.Y", conflicts_with = "cpu")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// GPU by name, e.g. "RTX 3090", instead of by compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME", conflicts_with = "cpu")]
    pub gpus: Vec<String>,
    /// Major version of GCC; with a compiler, packages that have no compatible wheel may be compiled
    #[arg(long, value_name = "MAJOR", value_parser = compiler_major, conflicts_with = "clang")]
    pub gcc: Option<u16>,
    /// Major version of Clang, instead of GCC
    #[arg(long, value_name = "MAJOR", value_parser = compiler_major)]
    pub clang: Option<u16>,
    /// Preference: wheels, even of an older torch (wheel); the newest torch, even if compiled (newest); or compiling
    /// everything that can be compiled (source); prefix with NAME= to set it for one package; repeatable
    #[arg(long, value_name = "[NAME=]wheel|newest|source", value_parser = preference)]
    pub prefer: Vec<(Option<String>, Prefer)>,
    /// Never compile any package, or the package NAME; repeatable
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_wheels: Vec<String>,
    /// Use only wheels whose bytes axle has read, for every package or for NAME; repeatable
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_audited: Vec<String>,
    /// Use wheels of this third party where the project has none, rather than compile: a name, none, or any [default:
    /// any]; repeatable
    #[arg(long = "publisher", value_name = "NAME|none|any")]
    pub publishers: Vec<String>,
    /// Version of NVIDIA's driver on the target, e.g. 570.26 [default: new enough]
    #[arg(long, value_name = "VERSION", conflicts_with = "cpu")]
    pub driver: Option<DriverVersion>,
    /// Ignore this compiler or driver rule (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
    pub allowed: Vec<Rule>,
    /// torch version or prefix of one, e.g. 2.9
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub torch: Option<String>,
    /// Nix system name of the target [default: x86_64-linux, whatever machine axle runs on]
    #[arg(long)]
    pub system: Option<System>,
    /// glibc version of the target [default: 2.35]
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Read the request from this file: axle.toml, or the requirements in requirements.txt or pyproject.toml;
    /// command-line options take precedence; repeatable
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// Directory of the catalogue [default: the one embedded in axle]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Packages, e.g. torch, 'flash-attn>=2.7' or 'cuda-toolkit[cublas]'
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// `axle check`.
#[derive(Debug, Args)]
pub struct Check {
    /// CUDA release, e.g. 12.8 [default with a list: the one that its torch is built for]
    #[arg(long, value_name = "X.Y", value_parser = CudaRelease::of_version, required_unless_present_any = OF_LISTS)]
    pub cuda: Option<CudaRelease>,
    /// Check a list for CPUs only, without CUDA
    #[arg(long, conflicts_with_all = ["cuda", "compute_capabilities", "gpus", "driver"])]
    pub cpu: bool,
    /// Major version of GCC, e.g. 13
    #[arg(long, value_name = "VERSION", value_parser = compiler_major, conflicts_with = "clang")]
    pub gcc: Option<u16>,
    /// Major version of Clang, e.g. 17
    #[arg(long, value_name = "VERSION", value_parser = compiler_major)]
    pub clang: Option<u16>,
    /// Major version of the GCC whose libstdc++ Clang uses: the newest installed
    #[arg(long, value_name = "MAJOR", requires = "clang")]
    pub libstdcxx: Option<u16>,
    /// Compute capability of a GPU, e.g. 8.6; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// GPU by name, e.g. "RTX 3090", for its compute capability; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// Python version, e.g. 3.12
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// Version of NVIDIA's driver, e.g. 570.26
    #[arg(long, value_name = "VERSION")]
    pub driver: Option<DriverVersion>,
    /// glibc version, e.g. 2.40
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// Memory available to compile jobs, e.g. 32G
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Package to compile: check that its compile jobs fit into --memory; repeatable
    #[arg(long = "compile", value_name = "PACKAGE", requires = "memory")]
    pub compiled: Vec<String>,
    /// torch version or prefix of one, e.g. 2.9; checked together with the libraries that it pins
    #[arg(long, value_name = "VERSION", conflicts_with_all = OF_LISTS)]
    pub torch: Option<String>,
    /// Check the versions in this file together: a requirements file with exact versions; repeatable
    #[arg(long = "requirement", short = 'r', value_name = "FILE|-")]
    pub requirements: Vec<PathBuf>,
    /// Check what is installed in an environment: the output of `pip freeze`, or of `python -m torch.utils.collect_env`,
    /// which also says Python, CUDA, GPUs, driver and glibc; command-line options take precedence
    #[arg(long, value_name = "FILE|-")]
    pub freeze: Option<PathBuf>,
    /// Report violations of this rule as warnings, not errors (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
    pub allowed: Vec<Rule>,
    /// Nix system name [default: x86_64-linux, or the one that the GPU comes with]
    #[arg(long)]
    pub system: Option<System>,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Directory of the catalogue [default: the one embedded in axle]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Versions to check together, e.g. torch==2.8.0 xformers==0.0.32.post1: whether they work with each other, and on the
    /// GPU. Nothing is picked: `axle concretise` and `axle lock` do
    #[arg(value_name = "NAME==VERSION")]
    pub packages: Vec<String>,
}

/// What makes a question of `axle check` one about a list of versions.
const OF_LISTS: [&str; 3] = ["packages", "requirements", "freeze"];

/// `axle doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Examine the files under this directory as the root of a machine, and run none of its programs
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Compute capability to check for, e.g. 8.6, instead of those of the GPUs found; repeatable
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// GPU to check for, by name, e.g. "RTX 3090", instead of the GPUs found; repeatable
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// Report violations of this rule as warnings, not errors (code or name); repeatable
    #[arg(long = "allow", value_name = "RULE", value_parser = allowable)]
    pub allowed: Vec<Rule>,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: ReportFormat,
    /// Directory of the catalogue [default: the one embedded in axle]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
}

/// `axle concretise`.
#[derive(Debug, Args)]
pub struct Concretise {
    /// The request.
    #[command(flatten)]
    pub request: RequestArguments,
    /// Explain why this package of the plan has its version and build
    #[arg(long, value_name = "NAME")]
    pub explain: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlanFormat,
    /// Package index to request the URLs of a pylock from [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
}

/// Arguments of a request, which conflict with checking or updating a lock file: that contains its request.
const OF_REQUESTS: [&str; 19] = [
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
    "publishers",
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
    /// The request.
    #[command(flatten)]
    pub request: RequestArguments,
    /// Constrain NAME to this version if it is part of the set, directly or as a dependency; repeatable
    #[arg(long = "pin", value_name = "NAME==VERSION", value_parser = axle_solve::pin)]
    pub pins: Vec<(String, VersionSpecifiers)>,
    /// Lock file to write
    #[arg(long, short, value_name = "FILE", default_value = "axle.lock.json", conflicts_with = "check")]
    pub output: PathBuf,
    /// Compare this lock file with what would be locked today, and write nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_REQUESTS)]
    pub check: Option<PathBuf>,
    /// Upgrade this package and the dependencies that only it needs; keep every other version
    #[arg(long, value_name = "NAME", conflicts_with = "check", conflicts_with_all = OF_REQUESTS)]
    pub update: Option<String>,
    /// Never read a wheel: fail if a chosen wheel has not been audited yet
    #[arg(long)]
    pub offline: bool,
    /// Read wheels without asking, however large they are
    #[arg(long, short = 'y', conflicts_with = "offline")]
    pub yes: bool,
    /// Package index to read wheels from [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Output format of the plan
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// Parses a preference, for one package or for all.
fn preference(text: &str) -> Result<(Option<String>, Prefer), String> {
    let (name, prefer) = match text.split_once('=') {
        Some((name, prefer)) => (Some(package_name(name).map_err(|error| error.to_string())?), prefer),
        None => (None, text),
    };
    let prefer = prefer.parse().map_err(|error: axle_plan::RequestError| error.to_string())?;
    Ok((name, prefer))
}

/// Checks the text of a PEP 440 version.
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

/// Parses a CUDA release; `--cpu`, not this option, selects no CUDA.
pub fn cuda_release(text: &str) -> Result<CudaTarget, String> {
    CudaRelease::of_version(text)
        .map(CudaTarget::Release)
        .map_err(|_| "write a CUDA release as MAJOR.MINOR, e.g. 12.8, or use --cpu for no CUDA".to_owned())
}

/// Parses a size of memory such as `32G` or `512M`; the units are powers of 1024.
pub fn memory(text: &str) -> Result<u64, String> {
    let invalid = || format!("'{text}' is not a size of memory: write it like 32G or 512M");
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
    /// Directory of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Oldest release to index [default: the newest that is not a pre-release]
    #[arg(long, value_name = "VERSION")]
    pub since: Option<Version>,
    /// Packages to add
    #[arg(value_name = "PACKAGE", required = true)]
    pub packages: Vec<String>,
}

/// `axle catalogue`.
#[derive(Debug, Args)]
pub struct CatalogueCommands {
    /// The subcommand of `axle catalogue`.
    #[command(subcommand)]
    pub command: CatalogueCommand,
}

/// Subcommands of `axle catalogue`.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Show what the catalogue has of a package, by version, CUDA, Python and architecture
    Show(CatalogueShow),
    /// Look a package up on the package index, and write its TOML file
    Add(CatalogueAdd),
    /// Read packages and all of their requirements from the package index, and write what is new to a catalogue
    Update(CatalogueUpdate),
    /// Check that a catalogue is valid and complete: schemas, references, order, bytes
    Check(CatalogueCheck),
}

/// `axle catalogue check`.
#[derive(Debug, Args)]
pub struct CatalogueCheck {
    /// Directory of the catalogue
    #[arg(value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// `axle catalogue update`.
#[derive(Debug, Args)]
pub struct CatalogueUpdate {
    /// Directory of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index [default: the one that pip uses]
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Update only the packages named, not their requirements
    #[arg(long)]
    pub no_deps: bool,
    /// Packages to update [default: all of the catalogue]
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// `axle catalogue show`.
#[derive(Debug, Args)]
pub struct CatalogueShow {
    /// Directory of the catalogue [default: the one embedded in axle]
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
    /// List each artefact with its hash
    #[arg(long)]
    pub files: bool,
    /// Package to show
    pub package: String,
}
