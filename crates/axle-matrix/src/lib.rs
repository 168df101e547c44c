//! The support matrix (`cargo xtask matrix`): checks of every piece of every cell, changes since the last release, and
//! differences between two states of the cells.

mod cache;
mod cells;
pub mod difference;
mod environments;
mod pieces;
mod report;
mod since;
pub mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use axle_catalogue::{Catalogue, CatalogueError, CellFile, Folder, write_json};
use axle_plan::LookupError;
use clap::ValueEnum;
use globset::Glob;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::Deserialize;
use thiserror::Error;

pub use cells::CellName;

use crate::difference::Difference;
use crate::state::State;
use axle_provision::{debian, nix};
use cache::{Cache, Keys};
use cells::{NamedCell, Shard};
use environments::Environments;
use pieces::{Facts, Failure, Piece};
use report::{Report, Seen};

/// Check every piece of every cell: index, audit, validate, concretise; with --nix also its evaluation, with --build
/// also the environment.
///
/// A cell is named by Python, CUDA and torch: `py312-cu128-torch2.9.1`. Exit status: 0 if every check passes, 1 if one
/// fails, 2 if one cannot be run.
#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Args {
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Check only the cells whose name matches, e.g. 'py312-cu128-*'; repeatable
    #[arg(long, value_name = "GLOB")]
    cell: Vec<Glob>,
    /// Check only the cells that have changed since this git revision
    #[arg(long, value_name = "REV")]
    since: Option<String>,
    /// Check only one shard of the cells: 3/16 is the third of sixteen
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Also evaluate the environment of each cell
    #[arg(long)]
    nix: bool,
    /// Also evaluate and build the environment of each cell (gigabytes each)
    #[arg(long)]
    build: bool,
    /// Flake of the package set to evaluate with; checks/host is the stand-in package set of the tests
    #[arg(long, value_name = "FLAKE", default_value = "path:./checks/host")]
    nixpkgs: String,
    /// Ignore the cached results of earlier runs
    #[arg(long)]
    no_cache: bool,
    /// Compare with the recorded state of the last release: fail if a cell, a package or a capability is lost
    #[arg(long)]
    check: bool,
    /// Compare, and record the current state if nothing is lost except for the packages named here
    #[arg(long, value_name = "PACKAGE", num_args = 0.., value_delimiter = ',')]
    accept: Option<Vec<String>>,
    /// File with the recorded state
    #[arg(long, value_name = "FILE", default_value = "checks/recorded.json")]
    recorded: PathBuf,
    /// Print the matrix of a GitHub workflow, with one job per shard, and check nothing
    #[arg(long, conflicts_with_all = ["check", "accept", "shard", "builds"])]
    list: bool,
    /// Maximum number of shards that --list prints
    #[arg(long, value_name = "N", default_value_t = 16, requires = "list")]
    shards: usize,
    /// Count the builds with the stand-in package set: how many are distinct, and how many there would be if each cell
    /// were built separately
    #[arg(long)]
    builds: bool,
    /// Output format
    #[arg(long, default_value = "human")]
    format: Format,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

/// Why the matrix cannot be looked at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue cannot be read or written.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A cell cannot be looked up.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// There is no Nix.
    #[error(transparent)]
    Nix(#[from] nix::Error),
    /// There is no folder to keep results in.
    #[error(transparent)]
    Cache(#[from] debian::Error),
    /// A file cannot be read or written; the text names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// git cannot say what has changed.
    #[error(transparent)]
    Since(#[from] since::Error),
    /// There is nothing where there should be something.
    #[error("{0} has no cells; give the directory of an axle catalogue")]
    Empty(PathBuf),
    /// No cell has such a name.
    #[error("no cell matches {globs}; the catalogue has {example} and {others} others")]
    NoSuchCell {
        /// What was asked for.
        globs: String,
        /// A name of a cell.
        example: String,
        /// How many others there are.
        others: usize,
    },
    /// The recorded state cannot be read.
    #[error("failed to read {path}: {message}; record the current state with `cargo xtask matrix --accept`")]
    Recorded {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Nix failed.
    #[error("failed to count the builds: {0}")]
    Failed(String),
    /// A document cannot be written as JSON.
    #[error("invalid JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// What `legacyPackages.<system>.buildCounts` of the flake says.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Counts {
    cells: usize,
    packages: usize,
    builds: usize,
    each_for_itself: usize,
}

/// Looks at the cells, and shows what was seen.
///
/// # Errors
/// When that cannot be told.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let catalogue = Catalogue::new(Folder::new(&args.catalogue));
    let (all, files) = cells::read(&catalogue)?;
    let cells = selected(args, all)?;
    if args.list {
        anstream::println!("{}", cells::github_matrix(cells.len(), args.shards));
        return Ok(ExitCode::SUCCESS);
    }
    if args.builds {
        return count(args, &cells);
    }
    let is_compared = args.check || args.accept.is_some();
    let (difference, state) = is_compared.then(|| compare(args, &files, &cells)).transpose()?.unzip();
    let (seen, known) = look(args, &catalogue, cells)?;
    let report = Report { seen, known, difference };
    let accepted: BTreeSet<String> = args.accept.iter().flatten().cloned().collect();
    let lost = report.difference.as_ref().map(|difference| difference.lost(&accepted)).unwrap_or_default();
    let ok = report.holds() && lost.is_empty();
    match args.format {
        Format::Human => anstream::print!("{}", report.human()),
        Format::Json => anstream::println!("{}", report.json(ok)?),
    }
    if !lost.is_empty() {
        anstream::eprintln!(
            "lost since the last release: {}; restore it, or record the loss with --accept PACKAGE",
            lost.join("; ")
        );
    }
    if ok && args.accept.is_some() {
        let folder = args.recorded.parent().unwrap_or(Path::new(""));
        let name = args.recorded.file_name().unwrap_or_default().to_string_lossy();
        if write_json(&Folder::new(folder), &name, &state.unwrap_or_default())? {
            anstream::eprintln!("recorded the current state in {}", args.recorded.display());
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cells that the arguments name.
fn selected(args: &Args, all: Vec<NamedCell>) -> Result<Vec<NamedCell>, Error> {
    let Some(first) = all.first() else { return Err(Error::Empty(args.catalogue.clone())) };
    let example = first.name.to_string();
    let others = all.len() - 1;
    let globs: Vec<_> = args.cell.iter().map(Glob::compile_matcher).collect();
    let mut cells = all;
    if !globs.is_empty() {
        cells.retain(|cell| globs.iter().any(|glob| glob.is_match(cell.name.to_string())));
        if cells.is_empty() {
            let globs = args.cell.iter().map(Glob::glob).collect::<Vec<_>>().join(" or ");
            return Err(Error::NoSuchCell { globs, example, others });
        }
    }
    if let Some(revision) = &args.since {
        cells = since::touched(cells, &args.catalogue, revision, args.nix || args.build)?;
    }
    if let Some(shard) = args.shard {
        cells = shard.take(cells);
    }
    Ok(cells)
}

/// What is different from the recorded state in the cells looked at, and the state to record.
fn compare(args: &Args, files: &[Arc<CellFile>], cells: &[NamedCell]) -> Result<(Difference, State), Error> {
    let now = State::of(files.iter().map(Arc::as_ref));
    let problem = |message: String| Error::Recorded { path: args.recorded.clone(), message };
    let recorded: State = match fs_err::read(&args.recorded) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| problem(error.to_string()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.accept.is_some() => {
            State::default()
        }
        Err(error) => return Err(problem(error.to_string())),
    };
    // A cell that is lost is in no selection: of what is recorded it is found by its name.
    let is_partial = !args.cell.is_empty() || args.since.is_some() || args.shard.is_some();
    if !is_partial {
        return Ok((difference::between(&recorded, &now), now));
    }
    let names: BTreeSet<_> = cells.iter().map(|cell| cell.name.to_string()).collect();
    let globs: Vec<_> = args.cell.iter().map(Glob::compile_matcher).collect();
    let there: BTreeSet<String> = now.cells.keys().cloned().collect();
    let is_lost = |name: &str| !there.contains(name) && globs.iter().any(|glob| glob.is_match(name));
    let is_looked_at = |name: &str| names.contains(name) || is_lost(name);
    let difference =
        difference::between(&recorded.clone().only(is_looked_at), &now.clone().only(is_looked_at));
    let mut state = recorded.only(|name| !is_looked_at(name));
    state.cells.extend(now.only(is_looked_at).cells);
    Ok((difference, state))
}

/// Looks at the pieces of cells; tells also how many outcomes were known.
fn look(args: &Args, catalogue: &Catalogue, cells: Vec<NamedCell>) -> Result<(Vec<Seen>, usize), Error> {
    let with_nix = args.nix || args.build;
    let folder = debian::cache()?;
    let cache = Cache::read(&folder)?;
    let keys = Keys::new(&args.catalogue, &cells, with_nix.then_some(args.nixpkgs.as_str()))?;
    let mut known: BTreeMap<(usize, Piece), String> = BTreeMap::new();
    let mut open = Vec::new();
    let pieces = Piece::PLAIN.into_iter().chain(args.nix.then_some(Piece::Nix)).filter(|piece| {
        // What is built is evaluated anyway.
        !(args.build && *piece == Piece::Nix)
    });
    for piece in pieces {
        for (number, cell) in cells.iter().enumerate() {
            let key = keys.key(piece, cell);
            if !args.no_cache && cache.has(&key) {
                known.insert((number, piece), key);
            } else {
                open.push((number, piece, key));
            }
        }
    }
    let bar = progress(open.len() + if args.build { cells.len() } else { 0 });
    let mut seen: Vec<Seen> = cells.into_iter().map(|cell| Seen { cell, pieces: BTreeMap::new() }).collect();
    let count = known.len();
    let mut working: Vec<String> = known.values().cloned().collect();
    for (number, piece) in known.into_keys() {
        seen[number].pieces.insert(piece, Vec::new());
    }

    let plain: Vec<_> = open.iter().filter(|(_, piece, _)| *piece != Piece::Nix).collect();
    let outcomes = plain_outcomes(catalogue, &seen, &plain, &bar)?;
    let mut outcomes: Vec<(usize, Piece, Option<String>, Vec<Failure>)> = plain
        .into_iter()
        .zip(outcomes)
        .map(|((number, piece, key), failures)| (*number, *piece, Some(key.clone()), failures))
        .collect();
    if with_nix {
        let evaluated: Vec<_> = if args.build {
            (0..seen.len()).map(|number| (number, None)).collect()
        } else {
            let open = open.iter().filter(|(_, piece, _)| *piece == Piece::Nix);
            open.map(|(number, _, key)| (*number, Some(key.clone()))).collect()
        };
        outcomes.extend(nix_outcomes(args, &cache, &seen, evaluated, &bar)?);
    }
    bar.finish_and_clear();
    for (number, piece, key, failures) in outcomes {
        if failures.is_empty() {
            working.extend(key);
        }
        seen[number].pieces.insert(piece, failures);
    }
    cache.keep(&working)?;
    Ok((seen, count))
}

/// The outcomes of pieces that need no Nix, in parallel.
fn plain_outcomes(
    catalogue: &Catalogue,
    seen: &[Seen],
    open: &[&(usize, Piece, String)],
    bar: &ProgressBar,
) -> Result<Vec<Vec<Failure>>, Error> {
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let numbers: BTreeSet<_> = open.iter().map(|(number, ..)| *number).collect();
    let cells: Vec<_> = numbers.into_iter().map(|number| seen[number].cell.clone()).collect();
    let facts = Facts::read(catalogue, &cells)?;
    let outcome = |(number, piece, _): &&(usize, Piece, String)| {
        let failures = facts.judge(*piece, &seen[*number].cell);
        bar.inc(1);
        failures
    };
    Ok(open.par_iter().map(outcome).collect::<Result<_, _>>()?)
}

/// An outcome with its cell's number, and the key that is kept when it works.
type Outcome = (usize, Piece, Option<String>, Vec<Failure>);

/// Evaluates, and with `--build` builds, the environments of some cells.
fn nix_outcomes(
    args: &Args,
    cache: &Cache,
    seen: &[Seen],
    open: Vec<(usize, Option<String>)>,
    bar: &ProgressBar,
) -> Result<Vec<Outcome>, Error> {
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let nix = nix::ensure()?;
    if args.build {
        nix::place_auditor(Path::new("."))?;
    }
    let environments = Environments { nix: &nix, package_set: &args.nixpkgs };
    let cells: Vec<_> = open.iter().map(|(number, _)| &seen[*number].cell).collect();
    let derivations = environments.evaluate(&cells, |count| {
        if !args.build {
            bar.inc(count as u64);
        }
    })?;
    let mut outcomes = Vec::new();
    for ((number, key), derivation) in open.into_iter().zip(derivations) {
        match derivation {
            Err(failure) => outcomes.push((number, Piece::Nix, None, vec![failure])),
            Ok(derivation) => {
                outcomes.push((number, Piece::Nix, key, Vec::new()));
                if args.build {
                    let key = cache::build_key(&derivation);
                    let is_known = !args.no_cache && cache.has(&key);
                    let built =
                        if is_known { Ok(String::new()) } else { environments.build(&seen[number].cell)? };
                    outcomes.push((number, Piece::Build, Some(key), built.err().into_iter().collect()));
                }
            }
        }
        if args.build {
            bar.inc(1);
        }
    }
    Ok(outcomes)
}

/// A bar on a terminal; nothing elsewhere.
fn progress(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} checks, {eta} left");
    let bar = ProgressBar::new(length as u64);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// Counts the builds, and the packages of each cell.
fn count(args: &Args, cells: &[NamedCell]) -> Result<ExitCode, Error> {
    for cell in cells {
        anstream::println!("{:<28} {:>4} packages", cell.name.to_string(), cell.cell().packages.len());
    }
    let systems: BTreeSet<_> = cells.iter().map(|cell| cell.name.system).collect();
    for system in systems {
        let output = nix::ensure()?
            .command("nix")
            .args(["eval", "--json", "--no-write-lock-file", "--override-input", "nixpkgs", &args.nixpkgs])
            .arg(format!(".#legacyPackages.{system}.buildCounts"))
            .output()?;
        if !output.status.success() {
            return Err(Error::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let Counts { cells, packages, builds, each_for_itself } = serde_json::from_slice(&output.stdout)?;
        anstream::println!(
            "{cells} cells with {packages} packages in total; {builds} distinct builds, {each_for_itself} if each cell were built \
             separately"
        );
    }
    Ok(ExitCode::SUCCESS)
}
