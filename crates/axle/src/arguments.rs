//! The words of the command line.

use std::path::PathBuf;

use axle_catalogue::Cuda;
use axle_concretise::Prefer;
use axle_fatbin::ComputeCapability;
use axle_toolkit::{DriverVersion, MajorMinor, Rule, VersionError};
use axle_wheel::{Glibc, PythonVersion, System, Version};
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
    /// Say what is inside wheels: SASS and PTX, needed libraries, symbol versions
    Audit(Audit),
    /// Judge a build environment that you describe: compiler, GPU, driver, glibc, Python
    Check(crate::check::Check),
    /// Judge this machine, and what is installed on it
    Doctor(crate::doctor::Doctor),
    /// Pick one build of every package so that all fit the target, or say why not
    Concretise(Concretise),
    /// Solve freely what no cell of the catalogue holds, and write a catalogue of one cell for Nix
    Lock(Lock),
    /// Read where wheels are published, and show what is known
    Index(Index),
    /// Check a catalogue
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

/// `axle audit`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub struct Audit {
    /// Compute capability that the wheel must cover, as in 8.6; may be repeated
    #[arg(long = "cc", value_name = "X.Y")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU, as in "RTX 3090", for its compute capability; may be repeated
    #[arg(long = "gpu", value_name = "NAME")]
    pub gpus: Vec<String>,
    /// The glibc that the wheel must be content with, as in 2.35
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
    pub format: Format,
    /// Show long lists whole, and tell what was read over the network
    #[arg(long, short)]
    pub verbose: bool,
    /// Of NAME==VERSION the wheel for this Python, as in 3.12, instead of the newest CPython
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// Of NAME==VERSION the wheel for this system, as Nix names it
    #[arg(long, default_value = "x86_64-linux")]
    pub system: System,
    /// Package index of NAME==VERSION, instead of the one that pip uses
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Draw no conclusions from the catalogue: who provides a library, which members count for a GPU
    #[arg(long)]
    pub no_catalogue: bool,
    /// Folder of a catalogue, instead of the one in the program
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
    pub cuda: Option<Cuda>,
    /// Without CUDA
    #[arg(long)]
    pub cpu: bool,
    /// Compute capability of a GPU, as in 8.6; may be repeated
    #[arg(long = "cc", value_name = "X.Y", conflicts_with = "cpu")]
    pub compute_capabilities: Vec<ComputeCapability>,
    /// Name of a GPU, as in "RTX 3090", for its compute capability; may be repeated
    #[arg(long = "gpu", value_name = "NAME", conflicts_with = "cpu")]
    pub gpus: Vec<String>,
    /// Major version of GCC; with a compiler, what has no wheel that fits may be compiled
    #[arg(long, value_name = "MAJOR", value_parser = major, conflicts_with = "clang")]
    pub gcc: Option<u16>,
    /// Major version of Clang
    #[arg(long, value_name = "MAJOR", value_parser = major)]
    pub clang: Option<u16>,
    /// Wheels of an older torch before compiling (wheel), the newest torch before wheels (newest), or compile all that
    /// can be (source); NAME= says it for one package; may be repeated
    #[arg(long, value_name = "[NAME=]wheel|newest|source", value_parser = preference)]
    pub prefer: Vec<(Option<String>, Prefer)>,
    /// Compile nothing, or not the package named; may be repeated
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_wheels: Vec<String>,
    /// Take only wheels whose bytes were read, of everything or of the package named; may be repeated
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub only_audited: Vec<String>,
    /// Version of the machine's driver, as in 570.26; without it, one that is new enough
    #[arg(long, value_name = "VERSION", conflicts_with = "cpu")]
    pub driver: Option<DriverVersion>,
    /// Rule on compilers and drivers that may be broken, by code or name; may be repeated
    #[arg(long = "allow", value_name = "RULE")]
    pub allowed: Vec<Rule>,
    /// torch version, or the start of one, as in 2.9
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub torch: Option<String>,
    /// System, as Nix names it; x86_64-linux without it, whatever the machine is
    #[arg(long)]
    pub system: Option<System>,
    /// glibc of the machine; 2.35 without it
    #[arg(long, value_name = "X.Y")]
    pub glibc: Option<Glibc>,
    /// File to read the request from: axle.toml, or the requirements of requirements.txt or pyproject.toml; what the
    /// command line says goes before
    #[arg(long, value_name = "FILE")]
    pub from: Vec<PathBuf>,
    /// Folder of a catalogue, instead of the one in the program
    #[arg(long, value_name = "FOLDER")]
    pub catalogue: Option<PathBuf>,
    /// Packages, as in torch, 'flash-attn>=2.7' or 'cuda-toolkit[cublas]'
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// `axle concretise`.
#[derive(Debug, Args)]
pub struct Concretise {
    /// What is asked for.
    #[command(flatten)]
    pub request: RequestArguments,
    /// Tell why this package of the plan is what it is
    #[arg(long, value_name = "NAME")]
    pub explain: Option<String>,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    pub format: PlanFormat,
    /// Package index that pylock's addresses are asked of, instead of the one that pip uses
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
    /// Version that a package must have where it is there, whoever requires it; may be repeated
    #[arg(long = "pin", value_name = "NAME==VERSION", value_parser = axle_concretise::pin)]
    pub pins: Vec<(String, VersionSpecifiers)>,
    /// Where the lock is written
    #[arg(long, short, value_name = "FILE", default_value = "axle.lock.json", conflicts_with = "check")]
    pub output: PathBuf,
    /// Say whether a lock is what would be locked today, and write nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_REQUESTS)]
    pub check: Option<PathBuf>,
    /// Move this package of the lock, with what is there for its sake alone, and leave all else
    #[arg(long, value_name = "NAME", conflicts_with = "check", conflicts_with_all = OF_REQUESTS)]
    pub update: Option<String>,
    /// Read no wheel: fail where the bytes of one must be read first
    #[arg(long)]
    pub offline: bool,
    /// Package index to read wheels from, instead of the one that pip uses
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// How to print the plan
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

/// A preference, for one package or for all.
fn preference(text: &str) -> Result<(Option<String>, Prefer), String> {
    let (name, prefer) = match text.split_once('=') {
        Some((name, prefer)) => {
            (Some(crate::output::package_name(name).map_err(|error| error.to_string())?), prefer)
        }
        None => (None, text),
    };
    let prefer = prefer.parse().map_err(|error: axle_concretise::RequestError| error.to_string())?;
    Ok((name, prefer))
}

/// The text of a PEP 440 version.
pub fn version(text: &str) -> Result<String, String> {
    let version: Result<Version, _> = text.parse();
    version.map(|version| version.to_string()).map_err(|error| error.to_string())
}

/// A CUDA release; that there is none is said by `--cpu`.
pub fn cuda_release(text: &str) -> Result<Cuda, String> {
    match text.parse() {
        Ok(cuda @ Cuda::Toolkit(..)) => Ok(cuda),
        _ => Err("a CUDA release is written with major and minor, as in 12.8; --cpu is without".to_owned()),
    }
}

/// A compiler's version, of which its major counts.
fn major(text: &str) -> Result<u16, VersionError> {
    Ok(text.parse::<MajorMinor>()?.major)
}

/// `axle index`.
#[derive(Debug, Args)]
pub struct Index {
    /// What to do with the index.
    #[command(subcommand)]
    pub command: IndexCommand,
}

/// What to do with the index.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Read the package index for packages and all that they require, and write what is new to a catalogue
    Update(IndexUpdate),
    /// Show what is known of a package: by version, CUDA, Python and architectures
    Show(IndexShow),
    /// Ask the package index about a package, and write its TOML
    Add(IndexAdd),
}

/// `axle index add`.
#[derive(Debug, Args)]
pub struct IndexAdd {
    /// Folder of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index, instead of the one that pip uses
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// The oldest release to index, instead of the newest final one
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

/// `axle index update`.
#[derive(Debug, Args)]
pub struct IndexUpdate {
    /// Folder of the catalogue
    #[arg(long, value_name = "FOLDER", default_value = "catalogue")]
    pub catalogue: PathBuf,
    /// Package index, instead of the one that pip uses
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Only the packages named, not what they require
    #[arg(long)]
    pub no_deps: bool,
    /// Packages; all of the catalogue when none is named
    #[arg(value_name = "PACKAGE")]
    pub packages: Vec<String>,
}

/// `axle index show`.
#[derive(Debug, Args)]
pub struct IndexShow {
    /// Folder of a catalogue, instead of the one in the program
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
