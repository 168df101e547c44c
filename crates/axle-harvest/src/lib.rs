//! Harvest of facts that no index states (`cargo xtask harvest`): the rules of CUDA releases from NVIDIA's own files, and
//! whether what sets choose imports. Comparison of the rules with real compilers (`cargo xtask edges`).

mod components;
pub mod edges;
mod host;
mod imports;
mod ptxas;
pub mod toolkit_files;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axle_catalogue::{Catalogue, CatalogueError, Files as _, Folder, write_json};
use axle_index::{IndexError, PackageIndex, Settings, SettingsError};
use axle_toolkit::{Declared, Release, SCHEMA, Toolkits};
use axle_types::ComputeCapability;
use axle_wheel::{ArchiveError, WheelNameError};
use thiserror::Error;

pub use self::components::unaudited_libraries;
use self::toolkit_files::{Downloads, ToolkitFiles};

/// What is written, below the catalogue's folder.
const PATH: &str = "toolkits.json";
/// What Nix reads of it.
const COMPILERS_PATH: &str = "compilers.json";

/// Harvest facts that no index states.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Download NVIDIA's wheels and write catalogue/toolkits.json
    Toolkits(ToolkitsArgs),
    /// Install what the cells choose, import it beside its torch, and write catalogue/imports.json
    Imports(Box<imports::Args>),
}

#[derive(clap::Args)]
struct ToolkitsArgs {
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Also read releases whose files have not changed since the last time
    #[arg(long, conflicts_with = "check")]
    again: bool,
    /// Use no network and write nothing: fail if toolkits.json does not match the audits of packages or the declared
    /// facts
    #[arg(long)]
    check: bool,
}

/// Why nothing can be harvested.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue cannot be read or written.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The settings of pip cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The package index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A wheel cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The name of a wheel is not valid.
    #[error(transparent)]
    Name(#[from] WheelNameError),
    /// A file cannot be read or written; the text names it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file of the catalogue is not valid.
    #[error("failed to read {path}: {message}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A wheel lacks a member that it should have.
    #[error("{filename} does not contain {member}")]
    Member {
        /// The wheel.
        filename: String,
        /// The member.
        member: String,
    },
    /// A program cannot be started.
    #[error("cannot run `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// Wheels cannot be installed.
    #[error("{program} failed: {said}")]
    Install {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// A program prints something else than expected.
    #[error("unexpected output of ptxas from {filename}: {output}")]
    Program {
        /// The wheel.
        filename: String,
        /// What it printed.
        output: String,
    },
    /// The preprocessor stops elsewhere than at the check of a header.
    #[error("preprocessing a header of {filename} failed, but not because of its compiler check: {output}")]
    Preprocessor {
        /// The wheel.
        filename: String,
        /// What it printed.
        output: String,
    },
    /// A header takes compilers with gaps between them.
    #[error("{filename} accepts {compiler} {accepted:?}, which is not a contiguous range")]
    Gaps {
        /// The wheel.
        filename: String,
        /// `gcc` or `clang`.
        compiler: &'static str,
        /// The majors that are taken.
        accepted: Vec<u16>,
    },
    /// The written rules are not what the facts say.
    #[error(
        "catalogue/toolkits.json or compilers.json does not match declared.toml and the artefacts; run `cargo xtask \
         harvest toolkits`"
    )]
    Stale,
    /// There is nothing where there should be something.
    #[error("the index has no CUDA release of {package}")]
    Empty {
        /// The package.
        package: String,
    },
}

/// Reads the rules and writes them, or compares them.
///
/// # Errors
/// When they cannot be read, or differ from what is written.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    match &args.what {
        What::Toolkits(args) => toolkits(args)?,
        What::Imports(args) => imports::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn toolkits(args: &ToolkitsArgs) -> Result<(), Error> {
    let folder = Folder::new(&args.catalogue);
    let known = if args.again { Vec::new() } else { known(&args.catalogue)? };
    let mut releases = if args.check { known } else { releases(&known)? };
    let gpus = gpus(&folder, &releases)?;
    for release in &mut releases {
        release.capabilities = ptxas::capabilities(&release.ptxas, &gpus);
    }
    let toolkits = Toolkits {
        schema: SCHEMA.to_owned(),
        packages: components::packages(&folder, &releases, &gpus)?,
        releases,
        declared: declared(&args.catalogue)?,
    };
    if args.check {
        let temporary = tempfile::tempdir()?;
        let fresh = Folder::new(temporary.path());
        write(&fresh, &toolkits)?;
        let is_current = |path| Ok::<_, Error>(fresh.read(path)? == folder.read(path)?);
        return if is_current(PATH)? && is_current(COMPILERS_PATH)? { Ok(()) } else { Err(Error::Stale) };
    }
    let changed = write(&folder, &toolkits)?;
    anstream::eprintln!(
        "{} releases, {} packages: {PATH} {}",
        toolkits.releases.len(),
        toolkits.packages.len(),
        if changed { "changed" } else { "is unchanged" }
    );
    Ok(())
}

/// Writes all files, and tells whether any of them changed.
fn write(folder: &Folder, toolkits: &Toolkits) -> Result<bool, Error> {
    let compilers = write_json(folder, COMPILERS_PATH, &toolkits.supported_compilers())?;
    Ok(write_json(folder, PATH, toolkits)? || compilers)
}

/// The GPUs that facts are told of: those of the matrix, and those that releases have since come to name.
fn gpus(folder: &Folder, releases: &[Release]) -> Result<Vec<ComputeCapability>, Error> {
    let matrix = Catalogue::new(folder.clone()).matrix()?.compute_capabilities;
    let named = releases.iter().flat_map(|release| &release.ptxas.sass);
    let named = named.filter(|code| code.is_plain()).map(|code| code.capability);
    let gpus: BTreeSet<_> = matrix.into_iter().chain(named).collect();
    Ok(gpus.into_iter().collect())
}

/// What was harvested so far.
///
/// # Errors
/// A file that cannot be read or is of another schema.
pub fn read(catalogue: &Path) -> Result<Toolkits, Error> {
    parse(catalogue)
}

/// The releases that were harvested so far; what else the file says is written anew.
fn known(catalogue: &Path) -> Result<Vec<Release>, Error> {
    #[derive(serde::Deserialize)]
    struct Known {
        releases: Vec<Release>,
    }
    if !catalogue.join(PATH).exists() {
        return Ok(Vec::new());
    }
    parse::<Known>(catalogue).map(|known| known.releases)
}

fn parse<T: serde::de::DeserializeOwned>(catalogue: &Path) -> Result<T, Error> {
    serde_json::from_slice(&fs_err::read(catalogue.join(PATH))?)
        .map_err(|error| Error::File { path: PATH.to_owned(), message: error.to_string() })
}

/// Every release, oldest first. One that was read from the same files before is not read again.
fn releases(known: &[Release]) -> Result<Vec<Release>, Error> {
    let index = PackageIndex::new(&Settings::discover(None)?)?;
    let mut releases = toolkit_files::all(&index)?
        .iter()
        // One after the other: a program that was just written can't be run while another thread starts one.
        .map(|files| match known.iter().find(|release| files.are_those_of(release)) {
            Some(release) => Ok(release.clone()),
            None => release(&index, files),
        })
        .collect::<Result<Vec<_>, _>>()?;
    releases.sort_by_key(|release| release.cuda);
    Ok(releases)
}

fn release(index: &PackageIndex, files: &ToolkitFiles) -> Result<Release, Error> {
    anstream::eprintln!("reading CUDA {}", files.cuda);
    let downloads = Downloads::of(index, files)?;
    Ok(Release {
        cuda: files.cuda,
        hosts: host::hosts(&downloads, files)?,
        ptxas: ptxas::targets(&downloads, files)?,
        // Filled in when all releases are known.
        capabilities: Vec::new(),
        components: components::listed(&downloads, files)?,
    })
}

fn declared(catalogue: &Path) -> Result<Declared, Error> {
    let path = catalogue.join("declared.toml");
    let text = fs_err::read_to_string(&path)?;
    toml::from_str(&text).map_err(|error| Error::File {
        path: path.display().to_string(),
        message: error.to_string().replace('\n', " "),
    })
}
