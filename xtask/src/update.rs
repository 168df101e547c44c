//! `cargo xtask update`: reads the published files of packages, audits the wheels that cells choose, solves the cells
//! again, and prints the changes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use axle_catalogue::{ArtefactFile, Catalogue, CatalogueError, CellFile, Folder, Inventory, Provenance};
use axle_index::{GithubApi, IndexError, Settings, SettingsError};
use axle_types::{redacted, visible};
use axle_update::{
    Audits, AuditsError, Generated, Kind, Places, ReadError, UpdateError, nvidia_libraries, prune, settle,
    share, thaw,
};
use thiserror::Error;

use axle_matrix::difference;
use axle_matrix::state::State;
use axle_provision::debian;

/// Read the published files, audit the wheels that cells choose, write cells, toolkits and builds, and print the
/// changes.
///
/// The catalogue changes as a whole or not at all: if a cell loses a package or gets an older version of one, nothing
/// is written until that is accepted by name.
#[derive(clap::Args)]
pub struct Args {
    /// Packages to read, with all of their requirements [default: every package of the catalogue]
    packages: Vec<String>,
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Neither read nor audit: solve from the known artefacts only
    #[arg(long)]
    offline: bool,
    /// Work offline and write nothing: fail if a generated file would change
    #[arg(long)]
    check: bool,
    /// Kinds of places to read: index, github, find-links, directory
    #[arg(long, value_delimiter = ',', default_value = "index,github,find-links,directory")]
    places: Vec<Kind>,
    /// Table of published facts to import: JSON lines with filename, url, sha256, sources, source
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// JSON lines with the URLs of facts that contradict each other, which are not imported
    #[arg(long, value_name = "FILE", requires = "facts")]
    conflicts: Option<PathBuf>,
    /// Accept alarming changes and losses of this file, project or package; repeatable
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Read no published files, and audit the audited wheels of this package again, e.g. after audits have gained
    /// facts; repeatable
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["packages", "offline", "check", "facts"])]
    again: Vec<String>,
    /// Freeze the build environments of a package again, with the newest versions, which causes it to be compiled
    /// again; without a name, those of every package. Without this option, no update changes a frozen build environment
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    move_build_environments: Vec<String>,
    /// Audit up to this many gigabytes of wheels that no cell chooses, of the packages named, newest first
    #[arg(long, value_name = "GB", default_value_t = 0)]
    rest: u64,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error(transparent)]
    Audit(#[from] AuditsError),
    #[error(transparent)]
    Cache(#[from] debian::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the catalogue has no package {0}")]
    NoSuchPackage(String),
    #[error("failed to read {0} packages; the catalogue is unchanged")]
    Unread(usize),
    #[error("{0}; accept each with --accept PACKAGE; the catalogue is unchanged")]
    Lost(String),
    #[error("these generated files do not match the artefacts; run `cargo xtask update --offline`:\n{0}")]
    Stale(String),
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.check {
        let stale = axle_update::stale(&args.catalogue)?;
        return if stale.is_empty() {
            Ok(ExitCode::SUCCESS)
        } else {
            Err(Error::Stale(stale.join(
                "
",
            )))
        };
    }
    let begun = Instant::now();
    let folder = Folder::new(&args.catalogue);
    let _lock = folder.lock(false)?;
    if folder.recover()? {
        anstream::eprintln!("finished an interrupted update first");
    }
    let catalogue = Catalogue::new(folder.clone());
    let mut inventory = Inventory::read(&catalogue)?;
    let before = read_cells(&catalogue, &inventory);
    let frozen = inventory.environments.clone();
    thaw(&args.move_build_environments, &mut inventory)?;
    let accepted: BTreeSet<String> = args.accept.iter().cloned().collect();

    let solved = if args.offline {
        share(&mut inventory);
        generated(&mut inventory)?
    } else {
        let cache = debian::cache()?;
        let places = places(args, &cache)?;
        let published = inventory.artefacts.clone();
        if args.again.is_empty() {
            read(args, &catalogue, &places, &accepted, &mut inventory)?;
        } else if let Some(unknown) = args.again.iter().find(|name| !inventory.packages.contains_key(*name)) {
            return Err(Error::NoSuchPackage(unknown.clone()));
        }
        let audits = Audits::new(places.index().clone(), &cache, |done| {
            anstream::eprintln!("{}", visible(done));
        });
        audits.apply(&mut inventory.artefacts);
        audits.again(&mut inventory.artefacts, &args.again)?;
        let solved = settle(&audits, &mut inventory)?;
        let libraries = nvidia_libraries(&inventory);
        audits.audit(&mut inventory.artefacts, &libraries)?;
        audits.rest(&mut inventory.artefacts, &args.packages, args.rest)?;
        let traffic = places.client().traffic();
        anstream::eprintln!(
            "{} requests, {} of them unchanged (304); {} MB; {:.0?}",
            traffic.requests(),
            traffic.unchanged(),
            traffic.bytes() / 1_000_000,
            begun.elapsed()
        );
        prune(&mut inventory, &solved);
        share(&mut inventory);
        if inventory.artefacts == published && difference::is_none(&before, &solved.cells) {
            anstream::eprintln!("nothing new; {:.0?}", begun.elapsed());
            return Ok(ExitCode::SUCCESS);
        }
        generated(&mut inventory)?
    };
    let difference = difference::between(&State::of(&before), &State::of(&solved.cells));
    anstream::print!("{difference}{}", difference::frozen(&frozen, &solved.environments));
    let lost = difference.lost(&accepted);
    if !lost.is_empty() {
        return Err(Error::Lost(lost.join("; ")));
    }
    axle_update::write(&folder, &inventory, &solved)?;
    summarise(&inventory, &solved);
    Ok(ExitCode::SUCCESS)
}

fn places(args: &Args, cache: &Path) -> Result<Places, Error> {
    let listener = |notice: &axle_index::Event| anstream::eprintln!("{}", visible(&notice.to_string()));
    let mut places = Places::new(&Settings::discover(None)?, GithubApi::discover()?, Some(cache), listener)?;
    places.kinds = args.places.iter().copied().collect();
    places.root.clone_from(&args.catalogue);
    if let Some(table) = &args.facts {
        places.import(table, args.conflicts.as_deref())?;
    }
    Ok(places)
}

/// Puts what is published into the inventory.
fn read(
    args: &Args,
    catalogue: &Catalogue,
    places: &Places,
    accepted: &BTreeSet<String>,
    inventory: &mut Inventory,
) -> Result<(), Error> {
    let names: Vec<_> = if args.packages.is_empty() {
        inventory.packages.keys().cloned().collect()
    } else {
        args.packages.clone()
    };
    let report = axle_update::read(catalogue, places, &names, true, accepted, &|_| {})?;
    for (name, updated) in &report.packages {
        for problem in &updated.problems {
            anstream::eprintln!("{name}: {}", visible(problem));
        }
        for filename in &updated.file.unreadable {
            anstream::eprintln!("{name}: skipped {}, whose name is not valid", visible(filename));
        }
    }
    for name in &report.missing {
        anstream::eprintln!("{name} is required but not in the catalogue");
    }
    for (name, error) in &report.errors {
        anstream::eprintln!("{name}: {}", visible(&redacted(&error.to_string())));
    }
    if !report.errors.is_empty() {
        return Err(Error::Unread(report.errors.len()));
    }
    for (name, updated) in report.packages {
        inventory.artefacts.insert(name, updated.file);
    }
    Ok(())
}

/// The cells of the catalogue as it is.
fn read_cells(catalogue: &Catalogue, inventory: &Inventory) -> Vec<CellFile> {
    // Cells of another schema say nothing that could be compared.
    let file = |(system, python, cuda)| catalogue.cells(system, python, cuda).ok().flatten();
    inventory.matrix.targets().filter_map(file).collect()
}

/// What there is to generate, where nothing must be audited first.
fn generated(inventory: &mut Inventory) -> Result<Generated, UpdateError> {
    let begun = Instant::now();
    let generated = axle_update::generate(inventory)?.whole()?;
    let count: usize = generated.cells.iter().map(|file| file.order.len()).sum();
    anstream::eprintln!("{count} cells solved in {:.1?}", begun.elapsed());
    Ok(generated)
}

/// Says how much there is.
fn summarise(inventory: &Inventory, generated: &Generated) {
    let count = |provenance: Provenance| {
        let artefacts = inventory.artefacts.values().flat_map(|file: &ArtefactFile| &file.artefacts);
        artefacts.filter(|artefact| artefact.provenance == provenance).count()
    };
    anstream::eprintln!(
        "{} packages; artefacts: {} audited, {} sibling, {} declared; {} cell files, {} build files",
        inventory.artefacts.len(),
        count(Provenance::Audited),
        count(Provenance::Sibling),
        count(Provenance::Declared),
        generated.cells.len(),
        generated.builds.len()
    );
}
