//! `cargo xtask update`: reads where packages are published, audits what cells choose, solves the cells again, and says
//! what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use axle_catalogue::audits::{Audits, AuditsError};
use axle_catalogue::update::{self, Kind, Places, UpdateError};
use axle_catalogue::{
    Artefact, ArtefactFile, BUILD_ENVIRONMENTS, BuildEnvironments, BuildFile, COMPONENTS_PATH, Catalogue,
    CatalogueError, CellFile, ComponentsFile, Folder, Inventory, Keep, LIBRARIES_PATH, LibrariesFile,
    Provenance, artefact_path, build_environments_path, build_path, cell_path, share_with_siblings,
    write_json,
};
use axle_index::{GithubApi, IndexError, Settings, SettingsError};
use axle_patch::{BuildError, ComponentsError, builds};
use axle_solve::build_environments::{self, Completed};
use axle_solve::{CandidatesError, cells};
use axle_types::{Requirement, redacted, visible};
use rayon::prelude::*;
use thiserror::Error;

use crate::difference;
use crate::state::State;
use xtask::debian;

/// Read what is published, audit what the cells choose, write cells, toolkits and builds, and show what has changed.
///
/// The catalogue changes as a whole or not at all: when a cell lost a package or went to an older version, nothing is
/// written until that is accepted by name.
#[derive(clap::Args)]
pub struct Args {
    /// Packages to read, with all that they require; every package of the catalogue without one
    packages: Vec<String>,
    /// Folder of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Neither read nor audit: only solve what the artefacts say
    #[arg(long)]
    offline: bool,
    /// Offline, and write nothing: fail when a generated file would change
    #[arg(long)]
    check: bool,
    /// Kinds of places to read: index, github, find-links, directory
    #[arg(long, value_delimiter = ',', default_value = "index,github,find-links,directory")]
    places: Vec<Kind>,
    /// A table of published facts to import: JSON lines with filename, url, sha256, sources, source
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// JSON lines with the URLs of facts that contradict each other, which are not imported
    #[arg(long, value_name = "FILE", requires = "facts")]
    conflicts: Option<PathBuf>,
    /// Accept what is alarming or lost of a file, a project or a package; may be given several times
    #[arg(long, value_name = "NAME")]
    accept: Vec<String>,
    /// Read nothing that is published, and audit anew what was audited of a package, as when axle has learnt to find
    /// more; may be given several times
    #[arg(long, value_name = "PACKAGE", conflicts_with_all = ["packages", "offline", "check", "facts"])]
    again: Vec<String>,
    /// Freeze anew what the sources of a package are compiled with, in the newest versions, so that they are compiled
    /// again; of every package without a name. Without this option no update moves what is frozen
    #[arg(long, value_name = "PACKAGE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    move_build_environments: Vec<String>,
    /// Audit up to so many gigabytes of what no cell chooses of the packages named, newest first
    #[arg(long, value_name = "GB", default_value_t = 0)]
    rest: u64,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Inventory(#[from] CandidatesError),
    #[error(transparent)]
    Components(#[from] ComponentsError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Index(#[from] IndexError),
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
    #[error("nothing says how {0} is compiled: its packages/{0}.toml has no [source]")]
    NotCompiled(String),
    #[error("{0} packages could not be read; the catalogue is as it was")]
    Unread(usize),
    #[error("{0}; accept each with --accept PACKAGE; the catalogue is as it was")]
    Lost(String),
    #[error("{0} must be audited: run `cargo xtask update` without --offline; the catalogue is as it was")]
    Unaudited(String),
    #[error("these generated files are not what the artefacts say; run `cargo xtask update --offline`:\n{0}")]
    Stale(String),
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if args.check {
        return check(&args.catalogue);
    }
    let begun = Instant::now();
    let folder = Folder::new(&args.catalogue);
    let _lock = folder.lock(false)?;
    if folder.recover()? {
        anstream::eprintln!("an interrupted update was finished first");
    }
    let catalogue = Catalogue::new(folder.clone());
    let mut inventory = Inventory::read(&catalogue)?;
    let before = read_cells(&catalogue, &inventory);
    let frozen = inventory.environments.clone();
    thaw(&args.move_build_environments, &mut inventory)?;
    let accepted: BTreeSet<String> = args.accept.iter().cloned().collect();

    let solved = if args.offline {
        share(&mut inventory);
        solve(&mut inventory)?.whole()?
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
        let libraries = libraries(&inventory);
        audits.audit(&mut inventory.artefacts, &libraries)?;
        audits.rest(&mut inventory.artefacts, &args.packages, args.rest)?;
        let traffic = places.client().traffic();
        anstream::eprintln!(
            "{} requests, {} of them answered that nothing changed; {} MB; {:.0?}",
            traffic.requests(),
            traffic.unchanged(),
            traffic.bytes() / 1_000_000,
            begun.elapsed()
        );
        prune(&mut inventory, &solved);
        share(&mut inventory);
        if inventory.artefacts == published && difference::is_none(&before, &solved.cells) {
            anstream::eprintln!("nothing is new; {:.0?}", begun.elapsed());
            return Ok(ExitCode::SUCCESS);
        }
        solve(&mut inventory)?.whole()?
    };
    let difference = difference::between(&State::of(&before), &State::of(&solved.cells));
    anstream::print!("{difference}{}", difference::frozen(&frozen, &solved.environments));
    let lost = difference.lost(&accepted);
    if !lost.is_empty() {
        return Err(Error::Lost(lost.join("; ")));
    }
    write(&folder, &inventory, &solved)?;
    Ok(ExitCode::SUCCESS)
}

fn places(args: &Args, cache: &Path) -> Result<Places, Error> {
    let listener = |notice: &axle_index::Notice| anstream::eprintln!("{}", visible(&notice.to_string()));
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
    let report = update::update(catalogue, places, &names, true, accepted, &|_| {})?;
    for (name, updated) in &report.packages {
        for problem in &updated.problems {
            anstream::eprintln!("{name}: {}", visible(problem));
        }
        for filename in &updated.file.unreadable {
            anstream::eprintln!("{name}: the name {} is not understood", visible(filename));
        }
    }
    for name in &report.missing {
        anstream::eprintln!("{name} is required and not in the catalogue");
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

/// Audits what cells choose until they choose nothing else: an audit can only keep a wheel out of a cell.
fn settle(audits: &Audits, inventory: &mut Inventory) -> Result<Solved, Error> {
    loop {
        share(inventory);
        let solved = solve(inventory)?;
        if solved.unaudited.is_empty() {
            return Ok(solved);
        }
        audits.audit(&mut inventory.artefacts, &solved.unaudited)?;
    }
}

/// Takes away what some packages are compiled with, so that it is frozen anew; the empty name is all.
fn thaw(names: &[String], inventory: &mut Inventory) -> Result<(), Error> {
    for name in names {
        if name.is_empty() {
            inventory.environments.clear();
        } else if inventory.packages.get(name).is_some_and(|package| package.source.is_some()) {
            inventory.environments.remove(name);
        } else {
            return Err(Error::NotCompiled(name.clone()));
        }
    }
    Ok(())
}

fn share(inventory: &mut Inventory) {
    inventory.artefacts.par_iter_mut().for_each(|(_, file)| share_with_siblings(&mut file.artefacts));
}

/// Drops what is kept only where it is chosen and is not: of a package whose TOML says so, the versions that no cell
/// chooses and no exact requirement names, but the newest.
fn prune(inventory: &mut Inventory, solved: &Solved) {
    let mut chosen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &solved.builds {
        chosen.entry(&file.name).or_default().extend(file.filenames());
    }
    let pinned = pinned_by_whole(inventory);
    for (name, file) in &mut inventory.artefacts {
        if inventory.packages.get(name).is_none_or(|package| package.keep == Keep::All) {
            continue;
        }
        let versions = |artefact: &Artefact| artefact.version(name);
        let newest =
            file.artefacts.iter().filter_map(versions).filter(|version| !version.any_prerelease()).max();
        let of_name = chosen.get(name.as_str());
        let mut kept: BTreeSet<_> = file
            .artefacts
            .iter()
            .filter(|artefact| of_name.is_some_and(|of_name| of_name.contains(artefact.filename.as_str())))
            .filter_map(versions)
            .collect();
        kept.extend(newest);
        file.artefacts.retain(|artefact| {
            artefact.version(name).is_some_and(|version| kept.contains(&version))
                || is_pinned(&pinned, name, artefact)
        });
    }
}

/// The versions by package that packages which are kept whole require exactly, and that NVIDIA's of these require in
/// turn: they pin parts of themselves.
fn pinned_by_whole(inventory: &Inventory) -> BTreeMap<String, BTreeSet<String>> {
    let is_whole =
        |name: &String| inventory.packages.get(name).is_some_and(|package| package.keep == Keep::All);
    let whole = inventory.artefacts.iter().filter(|(name, _)| is_whole(name));
    let mut all = pinned(whole.flat_map(|(_, file)| &file.artefacts));
    let count = |all: &BTreeMap<String, BTreeSet<String>>| all.values().map(BTreeSet::len).sum::<usize>();
    loop {
        let before = count(&all);
        let nvidia = inventory.artefacts.iter().filter(|(name, _)| name.starts_with("nvidia-"));
        let parts = nvidia.flat_map(|(name, file)| {
            file.artefacts.iter().filter(|artefact| is_pinned(&all, name, artefact))
        });
        for (name, versions) in pinned(parts) {
            all.entry(name).or_default().extend(versions);
        }
        if count(&all) == before {
            return all;
        }
    }
}

/// Whether the version of an artefact is among those that are pinned.
fn is_pinned(pinned: &BTreeMap<String, BTreeSet<String>>, name: &str, artefact: &Artefact) -> bool {
    let version = artefact.version(name).map(|version| version.to_string());
    version.is_some_and(|version| pinned.get(name).is_some_and(|pins| pins.contains(&version)))
}

/// The versions that artefacts require exactly.
fn pinned<'a>(artefacts: impl Iterator<Item = &'a Artefact>) -> BTreeMap<String, BTreeSet<String>> {
    let mut pinned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let lines: BTreeSet<&String> =
        artefacts.flat_map(|artefact| artefact.requires_dist.iter().flatten()).collect();
    for line in lines {
        let Ok(requirement) = line.parse::<Requirement>() else { continue };
        let Some(axle_types::VersionOrUrl::VersionSpecifier(specifiers)) = requirement.version_or_url else {
            continue;
        };
        let exact = specifiers.iter().filter(|one| *one.operator() == pep440_rs::Operator::Equal);
        pinned
            .entry(requirement.name.to_string())
            .or_default()
            .extend(exact.map(|one| one.version().to_string()));
    }
    pinned
}

/// NVIDIA's libraries of the versions that anything requires exactly, a wheel each: the rules of toolkits tell what each
/// of them covers, whether a cell chooses it or not.
fn libraries(inventory: &Inventory) -> BTreeMap<String, BTreeSet<String>> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let pinned = pinned(inventory.artefacts.values().flat_map(|file| &file.artefacts));
    for (name, versions) in pinned.into_iter().filter(|(name, _)| name.starts_with("nvidia-")) {
        let Some(file) = inventory.artefacts.get(&name) else { continue };
        for version in versions {
            let is_here = |artefact: &&Artefact| {
                artefact.version(&name).is_some_and(|own| own.to_string() == version)
                    && (artefact.filename.contains("x86_64") || artefact.filename.ends_with("-any.whl"))
            };
            let of_version: Vec<_> = file.artefacts.iter().filter(is_here).collect();
            if of_version.iter().all(|artefact| artefact.provenance < Provenance::Audited)
                && let Some(first) = of_version.first()
            {
                wanted.entry(name.clone()).or_default().insert(first.filename.clone());
            }
        }
    }
    wanted
}

/// Every cell and every toolkit of the matrix, and the builds of what they choose.
struct Solved {
    cells: Vec<CellFile>,
    /// What the sources of the cells are compiled with.
    environments: BTreeMap<String, BuildEnvironments>,
    components: ComponentsFile,
    /// Nothing as long as something is not audited.
    builds: Vec<BuildFile>,
    /// Wheels that cells, toolkits and environments would choose, had they been audited: file names by package.
    unaudited: BTreeMap<String, BTreeSet<String>>,
}

impl Solved {
    /// Itself, unless something must be audited first.
    fn whole(self) -> Result<Self, Error> {
        let unaudited: Vec<_> = self.unaudited.values().flatten().map(String::as_str).collect();
        if unaudited.is_empty() { Ok(self) } else { Err(Error::Unaudited(unaudited.join(", "))) }
    }
}

/// Solves the cells; what sources are compiled with comes before, where it is lacking.
fn solve(inventory: &mut Inventory) -> Result<Solved, Error> {
    let begun = Instant::now();
    let Completed { environments, mut unaudited } = build_environments::complete(inventory)?;
    inventory.environments = environments;
    let inventory = &*inventory;
    let solved = cells::solve_all(inventory)?;
    let components = axle_patch::components(inventory)?;
    for (name, filenames) in components.unaudited {
        unaudited.entry(name).or_default().extend(filenames);
    }
    let components = components.file;
    for (name, filename) in solved.iter().flat_map(|solved| &solved.unaudited) {
        unaudited.entry((*name).to_owned()).or_default().insert((*filename).to_owned());
    }
    let cells: Vec<_> =
        solved.into_iter().map(|solved| solved.file).filter(|file| !file.order.is_empty()).collect();
    let count: usize = cells.iter().map(|file| file.order.len()).sum();
    anstream::eprintln!("{count} cells solved in {:.1?}", begun.elapsed());
    let builds = if unaudited.is_empty() { builds(inventory, &cells, &components)? } else { Vec::new() };
    let environments = in_use(&inventory.environments, &cells);
    Ok(Solved { cells, environments, components, builds, unaudited })
}

/// The environments that some cell compiles in.
fn in_use(
    environments: &BTreeMap<String, BuildEnvironments>,
    cells: &[CellFile],
) -> BTreeMap<String, BuildEnvironments> {
    let mut used = BTreeSet::new();
    for file in cells {
        for (name, package) in file.torch.values().flat_map(|cell| &cell.packages) {
            used.extend(package.source.iter().map(|source| (name, file.system, file.python, &source.frozen)));
        }
    }
    let of_name = |(name, file): (&String, &BuildEnvironments)| {
        let mut file = file.clone();
        file.environments.retain(|one| used.contains(&(name, one.system, one.python, &one.wheels)));
        (!file.environments.is_empty()).then(|| (name.clone(), file))
    };
    environments.iter().filter_map(of_name).collect()
}

/// The cells of the catalogue as it is.
fn read_cells(catalogue: &Catalogue, inventory: &Inventory) -> Vec<CellFile> {
    // Cells of another schema say nothing that could be compared.
    let file = |(system, python, cuda)| catalogue.cells(system, python, cuda).ok().flatten();
    inventory.matrix.targets().filter_map(file).collect()
}

fn write(folder: &Folder, inventory: &Inventory, solved: &Solved) -> Result<(), Error> {
    let mut transaction = folder.begin()?;
    let staged = transaction.staged();
    generate(&staged, solved)?;
    let written: Vec<_> = inventory
        .artefacts
        .par_iter()
        .map(|(name, file)| {
            let path = artefact_path(name);
            write_json(&staged, &path, file).map(|_| path)
        })
        .collect::<Result<_, _>>()?;
    let kept: BTreeSet<_> = written.into_iter().chain(staged.files_under(&GENERATED)?).collect();
    for path in folder.files_under(&["artefacts"])?.into_iter().chain(folder.files_under(&GENERATED)?) {
        if !kept.contains(&path) {
            transaction.remove(&path);
        }
    }
    transaction.commit()?;
    let count = |provenance: Provenance| {
        let artefacts = inventory.artefacts.values().flat_map(|file: &ArtefactFile| &file.artefacts);
        artefacts.filter(|artefact| artefact.provenance == provenance).count()
    };
    anstream::eprintln!(
        "{} packages; artefacts: {} audited, {} sibling, {} declared; {} files of cells, {} of builds",
        inventory.artefacts.len(),
        count(Provenance::Audited),
        count(Provenance::Sibling),
        count(Provenance::Declared),
        solved.cells.len(),
        solved.builds.len()
    );
    Ok(())
}

/// What is generated from the artefacts.
const GENERATED: [&str; 5] = ["cells", "builds", BUILD_ENVIRONMENTS, COMPONENTS_PATH, LIBRARIES_PATH];

/// Writes it.
fn generate(folder: &Folder, solved: &Solved) -> Result<(), CatalogueError> {
    for file in &solved.cells {
        write_json(folder, &cell_path(file.system, file.python, file.cuda), file)?;
    }
    for (name, file) in &solved.environments {
        write_json(folder, &build_environments_path(name), file)?;
    }
    if !solved.components.systems.is_empty() {
        write_json(folder, COMPONENTS_PATH, &solved.components)?;
    }
    for file in &solved.builds {
        write_json(folder, &build_path(&file.name, &file.version), file)?;
    }
    let libraries = LibrariesFile::of(&solved.builds);
    if !libraries.libraries.is_empty() {
        write_json(folder, LIBRARIES_PATH, &libraries)?;
    }
    Ok(())
}

/// Generates into a temporary folder and compares.
fn check(catalogue: &Path) -> Result<ExitCode, Error> {
    let folder = Folder::new(catalogue);
    let solved = solve(&mut Inventory::read(&Catalogue::new(folder.clone()))?)?.whole()?;
    let temporary = tempfile::tempdir()?;
    let fresh = Folder::new(temporary.path());
    generate(&fresh, &solved)?;
    let paths: BTreeSet<_> =
        folder.files_under(&GENERATED)?.into_iter().chain(fresh.files_under(&GENERATED)?).collect();
    let content = |root: &Path, path: &String| fs_err::read(root.join(path)).ok();
    let stale: Vec<_> = paths
        .into_iter()
        .filter(|path| content(catalogue, path) != content(temporary.path(), path))
        .collect();
    if stale.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Error::Stale(stale.join("\n"))) }
}
