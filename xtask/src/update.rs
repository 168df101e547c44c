//! `cargo xtask update`: reads the indexes, audits what cells choose, and writes cells and builds.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axle_audit::{AuditError, Options};
use axle_catalogue::{
    Audit, Catalogue, CatalogueError, CellFile, Cuda, Folder, Provenance, Reason, artefact_path, build_path,
    cell_path, share_with_siblings, update, write_json,
};
use axle_concretise::{BuildError, Universe, UniverseError, builds, cells};
use axle_index::{File, IndexError, Origin as _, PackageIndex, Settings, SettingsError};
use axle_wheel::{LocalFile, PythonVersion, System, WheelName, WheelNameError};
use rayon::prelude::*;
use thiserror::Error;

/// Read what is published, audit what the cells choose, and write cells and builds.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Neither read an index nor audit: only solve what the artefacts say
    #[arg(long)]
    offline: bool,
    /// Offline, and write nothing: fail when a generated file would change
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Universe(#[from] UniverseError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Update(#[from] update::UpdateError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Name(#[from] WheelNameError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0} packages could not be read from the index")]
    Unread(usize),
    #[error("{filename} is chosen by a cell and not on the index any more")]
    Gone { filename: String },
    #[error("these generated files are not what the artefacts say; run `cargo xtask update --offline`:\n{0}")]
    Stale(String),
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.check {
        return check(&args.catalogue);
    }
    let folder = Folder::new(&args.catalogue);
    if args.offline {
        share(&folder)?;
        write(&folder, &solve(&Universe::read(&Catalogue::new(folder.clone()))?)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let index = PackageIndex::new(&Settings::discover(None)?)?;
    let names: Vec<_> = Catalogue::new(folder.clone()).packages()?.into_keys().collect();
    let report =
        update::update(&folder, &index, &names, true, &|name| anstream::eprintln!("reading {name}"))?;
    for (name, error) in &report.errors {
        anstream::eprintln!("{name}: {error}");
    }
    if !report.errors.is_empty() {
        return Err(Error::Unread(report.errors.len()));
    }
    // An audit can only keep a wheel out of a cell, so what is chosen settles after a few rounds.
    loop {
        let mut universe = Universe::read(&Catalogue::new(folder.clone()))?;
        let solved = solve(&universe)?;
        if solved.unaudited.is_empty() {
            return write(&folder, &solved).map(|()| ExitCode::SUCCESS);
        }
        audit(&folder, &index, &mut universe, &solved.unaudited)?;
    }
}

/// Lets wheels share what was read of their siblings, and lays out the files of artefacts anew.
fn share(folder: &Folder) -> Result<(), Error> {
    let catalogue = Catalogue::new(folder.clone());
    for name in catalogue.package_names()? {
        if let Some(mut file) = catalogue.artefacts(&name)? {
            share_with_siblings(&mut file.artefacts);
            write_json(folder, &artefact_path(&name), &file)?;
        }
    }
    Ok(())
}

/// Every cell of the matrix, and the builds of what they choose.
struct Solved {
    cells: Vec<CellFile>,
    builds: Vec<axle_catalogue::BuildFile>,
    /// Wheels that cells would choose, had they been audited: file names by package.
    unaudited: BTreeMap<String, BTreeSet<String>>,
}

fn solve(universe: &Universe) -> Result<Solved, Error> {
    let matrix = &universe.matrix;
    let targets: Vec<(System, PythonVersion, Cuda)> = matrix
        .systems
        .iter()
        .flat_map(|system| matrix.pythons.iter().map(move |python| (*system, *python)))
        .flat_map(|(system, python)| matrix.cudas.iter().map(move |cuda| (system, python, *cuda)))
        .collect();
    let solved = targets
        .par_iter()
        .map(|&(system, python, cuda)| cells::solve(&universe.candidates(system, python)?, cuda))
        .collect::<Result<Vec<_>, _>>()?;
    let mut unaudited: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, filename) in solved.iter().flat_map(|solved| &solved.unaudited) {
        unaudited.entry((*name).to_owned()).or_default().insert((*filename).to_owned());
    }
    for file in solved.iter().map(|solved| &solved.file) {
        let told = |kind| matches!(kind, Reason::Python | Reason::Cuda | Reason::Unknown);
        for (torch, absence) in file.absent.iter().filter(|(_, absence)| !told(absence.kind)) {
            let message = &absence.message;
            anstream::eprintln!(
                "no cell for torch {torch}, Python {}, CUDA {}: {message}",
                file.python,
                file.cuda
            );
        }
    }
    let cells: Vec<_> =
        solved.into_iter().map(|solved| solved.file).filter(|file| !file.order.is_empty()).collect();
    let builds = builds(universe, &cells)?;
    Ok(Solved { cells, builds, unaudited })
}

/// Audits wheels and writes what was found, package by package, so that an interrupted run is continued.
fn audit(
    folder: &Folder,
    index: &PackageIndex,
    universe: &mut Universe,
    unaudited: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), Error> {
    for (name, filenames) in unaudited {
        let Ok(project_name) = name.parse() else { continue };
        let files: BTreeMap<_, _> = index
            .project(&project_name)?
            .files
            .into_iter()
            .map(|file| (file.filename.clone(), file))
            .collect();
        let Some(known) = universe.artefacts.get_mut(name) else { continue };
        for artefact in known.artefacts.iter_mut().filter(|artefact| filenames.contains(&artefact.filename)) {
            anstream::eprintln!("auditing {}", artefact.filename);
            let file = files
                .get(&artefact.filename)
                .ok_or_else(|| Error::Gone { filename: artefact.filename.clone() })?;
            artefact.audit = Some(Audit::own(audit_one(index, file, &artefact.sha256)?));
            artefact.provenance = Provenance::Audited;
        }
        write_json(folder, &artefact_path(name), known)?;
    }
    Ok(())
}

/// Downloads a wheel, which compares its hash with the index's, and audits it.
fn audit_one(index: &PackageIndex, file: &File, sha256: &str) -> Result<axle_audit::WheelFacts, Error> {
    let mut download = tempfile::NamedTempFile::new()?;
    let found = index.download(file, download.as_file_mut())?.to_string();
    if found != sha256 {
        return Err(update::UpdateError::Replaced {
            filename: file.filename.clone(),
            known: sha256.to_owned(),
            found,
        }
        .into());
    }
    let name: WheelName = file.filename.parse()?;
    let mut facts = axle_audit::audit(&LocalFile::open(download.path())?, &name, &Options::default())?;
    facts.sha256 = Some(found);
    Ok(facts)
}

fn write(folder: &Folder, solved: &Solved) -> Result<(), Error> {
    let mut written = BTreeSet::new();
    for file in &solved.cells {
        let path = cell_path(file.system, file.python, file.cuda);
        write_json(folder, &path, file)?;
        written.insert(path);
    }
    for file in &solved.builds {
        let path = build_path(&file.name, &file.version);
        write_json(folder, &path, file)?;
        written.insert(path);
    }
    for path in folder.files_under(&["cells", "builds"])? {
        if !written.contains(&path) {
            folder.remove(&path)?;
        }
    }
    anstream::eprintln!("{} files of cells, {} of builds", solved.cells.len(), solved.builds.len());
    Ok(())
}

/// Generates into a temporary folder and compares.
fn check(catalogue: &Path) -> Result<ExitCode, Error> {
    let folder = Folder::new(catalogue);
    let solved = solve(&Universe::read(&Catalogue::new(folder.clone()))?)?;
    let temporary = tempfile::tempdir()?;
    let fresh = Folder::new(temporary.path());
    write(&fresh, &solved)?;
    let generated = ["cells", "builds"];
    let paths: BTreeSet<_> =
        folder.files_under(&generated)?.into_iter().chain(fresh.files_under(&generated)?).collect();
    let content = |root: &Path, path: &String| fs_err::read(root.join(path)).ok();
    let stale: Vec<_> = paths
        .into_iter()
        .filter(|path| content(catalogue, path) != content(temporary.path(), path))
        .collect();
    if stale.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Error::Stale(stale.join("\n"))) }
}
