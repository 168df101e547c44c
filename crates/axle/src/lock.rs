//! `axle lock`: writes, checks and updates lock files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axle_catalogue::{BuildFile, Catalogue, Cell, ComponentWheel, Folder, Inventory, write_json};
use axle_index::{PackageIndex, Settings};
use axle_plan::{Document, Lookup, REFUSAL_SCHEMA, Refusal, ToldPlan, package_name};
use axle_solve::{LOCK_SCHEMA, Lock, LockedComponents, LockedSet, Locker, Locking, Solved};
use axle_update::Audits;
use axle_wheel::read_file;
use serde::Deserialize;
use serde_json::json;

use crate::arguments::{self, Format};
use crate::output::{self, Answer, Error, Text};
use crate::reading::Reading;
use crate::{concretise, embedded};

/// The most bytes of a lock. One of a hundred packages has 1 MB.
const LARGEST: u64 = 16 << 20;

/// Locks, checks a lock, or moves a package of one.
pub fn run(command: &arguments::Lock) -> Result<Answer, Error> {
    let answer = answer(command);
    if let (Err(error), Format::Json) = (&answer, command.format) {
        let unanswered = json!({ "schema": REFUSAL_SCHEMA, "reasons": [], "suggestions": [] });
        let problem = output::problem(&command.request.packages.join(" "), error.as_ref());
        output::json(&Document { answer: unanswered, errors: vec![problem] })?;
    }
    answer
}

fn answer(command: &arguments::Lock) -> Result<Answer, Error> {
    let catalogue = embedded::catalogue(command.request.catalogue.as_deref());
    match (&command.check, &command.update) {
        (Some(path), _) => check(command, &catalogue, path),
        (None, Some(name)) => update(command, &catalogue, name),
        (None, None) => {
            let request = concretise::request(&command.request)?;
            let mut pins = BTreeMap::new();
            for (name, versions) in &command.pins {
                if pins.insert(name.clone(), versions.clone()).is_some_and(|other| other != *versions) {
                    return Err(format!("{name} is pinned twice, to different versions; pin it once").into());
                }
            }
            let locking = Locking { request, pins, held: BTreeMap::new() };
            match solve(command, &catalogue, &locking)? {
                Ok(solution) => write(command, &catalogue, &locking, &solution),
                Err(refusal) => refused(command, refusal),
            }
        }
    }
}

/// A set, and all that was known when it was solved.
struct Solution {
    inventory: Inventory,
    set: LockedSet,
}

/// Solves, and reads what must be read for it, until there is nothing else to read: what is found in a wheel can only
/// keep it out.
fn solve(
    command: &arguments::Lock,
    catalogue: &Catalogue,
    locking: &Locking,
) -> Result<Result<Solution, Box<Refusal>>, Error> {
    let lookup = Lookup::new(catalogue)?;
    let mut inventory = Inventory::read(catalogue)?;
    let mut audits = None;
    let mut reading = Reading::new(command.yes);
    loop {
        let locker = Locker { lookup: &lookup, inventory: &inventory };
        let unread = match locker.lock(locking)? {
            Solved::Set(set) => return Ok(Ok(Solution { inventory, set: *set })),
            Solved::Refused(refusal) => return Ok(Err(refusal)),
            Solved::Unread(wheels) => wheels,
        };
        let audits = match &mut audits {
            Some(audits) => audits,
            none => {
                let audits = none.insert(audits_of(command)?);
                let before = count(&unread);
                audits.apply(&mut inventory.artefacts);
                if before > 0 && is_known(&inventory, &unread) {
                    continue;
                }
                audits
            }
        };
        if command.offline {
            let names: Vec<_> = unread.values().flatten().map(String::as_str).collect();
            return Err(format!(
                "{} must be read before they can be locked; remove --offline",
                names.join(", ")
            )
            .into());
        }
        let sizes = sizes(&inventory, &unread);
        let what = format!("{} wheel{}", sizes.len(), if sizes.len() == 1 { "" } else { "s" });
        reading.announce(&what, &sizes)?;
        audits.audit(&mut inventory.artefacts, &unread)?;
    }
}

/// The sizes of wheels, as far as the index declares them.
fn sizes(inventory: &Inventory, wheels: &BTreeMap<String, BTreeSet<String>>) -> Vec<Option<u64>> {
    let of = |(name, filenames): (&String, &BTreeSet<String>)| -> Vec<Option<u64>> {
        let artefacts = inventory.artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
        let chosen = artefacts.filter(|artefact| filenames.contains(&artefact.filename));
        chosen.map(|artefact| artefact.size).collect()
    };
    wheels.iter().flat_map(of).collect()
}

fn count(wheels: &BTreeMap<String, BTreeSet<String>>) -> usize {
    wheels.values().map(BTreeSet::len).sum()
}

/// Whether an earlier run has read one of the wheels, so that solving anew goes on.
fn is_known(inventory: &Inventory, wheels: &BTreeMap<String, BTreeSet<String>>) -> bool {
    wheels.iter().any(|(name, filenames)| {
        let artefacts = inventory.artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
        let mut chosen = artefacts.filter(|artefact| filenames.contains(&artefact.filename));
        chosen.any(|artefact| artefact.audit.is_some())
    })
}

/// The audits of the package index, kept in the user's cache.
fn audits_of(command: &arguments::Lock) -> Result<Audits, Error> {
    let index = PackageIndex::new(&Settings::discover(command.index_url.as_deref())?)?;
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| given("HOME").map(|home| home.join(".cache"))).ok_or(
        "neither XDG_CACHE_HOME nor HOME is set, so there is no cache directory for audits; set one of them",
    )?;
    Ok(Audits::new(index, &cache.join("axle"), |done| output::note(&done)))
}

/// Writes a lock, and prints its plan.
fn write(
    command: &arguments::Lock,
    catalogue: &Catalogue,
    locking: &Locking,
    solution: &Solution,
) -> Result<Answer, Error> {
    let lock = document(catalogue, locking, solution)?;
    for name in locking.pins.keys() {
        if !lock.cell().is_some_and(|(_, cell)| cell.packages.contains_key(name)) {
            output::note(&format!("{name} is pinned, but nothing requested requires it"));
        }
    }
    let name = command.output.file_name().ok_or_else(|| {
        format!("`{}` is not a file name that a lock could be written to", command.output.display())
    })?;
    let parent = command.output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = Folder::new(parent.unwrap_or(Path::new(".")));
    folder.sweep();
    write_json(&folder, &name.to_string_lossy(), &lock)?;
    let set = &solution.set;
    let lookup = Lookup::with_cells(catalogue, set.file.clone())?;
    let told = ToldPlan { plan: &set.plan, untried: lookup.untried(&set.request, &set.plan)? };
    match command.format {
        Format::Json => output::json(&Document::new(&told))?,
        Format::Human => {
            let rows = lookup.rows(&set.request, &set.plan)?;
            let path = command.output.display().to_string();
            let path = if path.starts_with(['.', '/']) { path } else { format!("./{path}") };
            let flake = format!("(pkgs.axle.fromLock {path}).env\n");
            output::text(&concretise::human(&told, &set.request, &rows, &flake))?;
        }
    }
    Ok(Answer::Yes)
}

fn document(catalogue: &Catalogue, locking: &Locking, solution: &Solution) -> Result<Lock, Error> {
    let mut lock = Lock::new(catalogue, &solution.inventory, locking, &solution.set)?;
    let compiles =
        lock.cell().is_some_and(|(_, cell)| cell.packages.values().any(|package| package.source.is_some()));
    if compiles {
        add_toolkit(catalogue, &mut lock)?;
    }
    Ok(lock)
}

/// Adds the wheels that the toolkit of the lock's CUDA release is assembled from, where the catalogue knows them.
fn add_toolkit(catalogue: &Catalogue, lock: &mut Lock) -> Result<(), Error> {
    let (system, Some(cuda)) = (lock.request.system, lock.request.cuda) else { return Ok(()) };
    let all = catalogue.components()?;
    let Some(toolkit) = all.systems.get(&system).and_then(|releases| releases.get(&cuda)) else {
        return Ok(());
    };
    for ComponentWheel { package, version, .. } in toolkit.components.values() {
        if let Some(build) = catalogue.builds(package, version)? {
            let known = lock.builds.entry(package.clone()).or_default();
            known.entry(version.clone()).and_modify(|known| add_wheels(known, &build)).or_insert(build);
        }
    }
    let releases = BTreeMap::from([(cuda, toolkit.clone())]);
    lock.components = Some(LockedComponents { systems: BTreeMap::from([(system, releases)]) });
    Ok(())
}

/// Adds the wheels that are not there yet.
fn add_wheels(known: &mut BuildFile, more: &BuildFile) {
    for (filename, wheel) in &more.wheels {
        known.wheels.entry(filename.clone()).or_insert_with(|| wheel.clone());
    }
}

fn refused(command: &arguments::Lock, mut refusal: Box<Refusal>) -> Result<Answer, Error> {
    concretise::name_catalogue(&mut refusal, &command.request);
    match command.format {
        Format::Json => output::json(&Document::new(&refusal))?,
        Format::Human => output::message(&concretise::refused(&refusal)),
    }
    Ok(Answer::No)
}

/// Reads a lock, with its request and its cell.
fn read(path: &Path) -> Result<(Lock, Locking), Error> {
    let bytes = read_file(path, LARGEST)
        .map_err(|error| format!("{error}; write one with `axle lock`, or name another with -o"))?;
    parse(&bytes).map_err(|error| {
        format!(
            "{} is not a lock file that this axle can read: {error}; write it again with `axle lock`",
            path.display()
        )
        .into()
    })
}

/// Reads the bytes of a lock.
pub fn parse(bytes: &[u8]) -> Result<(Lock, Locking), Error> {
    /// All that is looked at first.
    #[derive(Deserialize)]
    struct Named {
        schema: Option<String>,
    }

    let schema = match serde_json::from_slice::<Named>(bytes) {
        Ok(named) => named.schema,
        Err(error) if error.is_data() => None,
        Err(error) => return Err(error.into()),
    };
    match schema.as_deref() {
        Some(LOCK_SCHEMA) => {}
        Some(other) => {
            return Err(format!("its schema is `{other}`, but this axle reads `{LOCK_SCHEMA}`").into());
        }
        None => return Err("it has no schema".into()),
    }
    let lock: Lock = serde_json::from_slice(bytes)?;
    lock.check()?;
    let locking = lock.request.locking()?;
    let cells = lock.cells.values().flat_map(BTreeMap::values).map(|file| file.torch.len()).sum::<usize>();
    match lock.cell() {
        None => Err("it contains no cell".into()),
        Some(_) if cells > 1 => Err("it contains more than one cell".into()),
        Some(_) => Ok((lock, locking)),
    }
}

/// Says whether a lock is what would be locked today.
fn check(command: &arguments::Lock, catalogue: &Catalogue, path: &Path) -> Result<Answer, Error> {
    let (lock, locking) = read(path)?;
    let solution = match solve(command, catalogue, &locking)? {
        Ok(solution) => solution,
        Err(refusal) => return refused(command, refusal),
    };
    let fresh = document(catalogue, &locking, &solution)?;
    let changes = changes(&lock, &fresh);
    let is_same = changes.is_empty();
    match command.format {
        Format::Json => output::json(&Document::new(json!({
            "schema": "axle.lock-check/1", "ok": is_same, "changes": changes,
        })))?,
        Format::Human if is_same => {
            let said = format!("{} is up to date", path.display());
            output::text(&Text::default().with(said))?;
        }
        Format::Human => {
            let said = format!("{} is out of date:", path.display());
            let mut text = Text::default().with(said);
            for change in &changes {
                text.line(format_args!("  {change}"));
            }
            output::text(&text)?;
        }
    }
    Ok(if is_same { Answer::Yes } else { Answer::No })
}

/// Moves a package of a lock.
fn update(command: &arguments::Lock, catalogue: &Catalogue, name: &str) -> Result<Answer, Error> {
    let name = package_name(name)?;
    let (lock, locking) = read(&command.output)?;
    let held = lock.cell().and_then(|(_, cell)| Some((version(cell, &name)?, locking.holding(cell, &name))));
    let Some((before, held)) = held else {
        return Err(format!("{name} is not in {}", command.output.display()).into());
    };
    if locking.pins.contains_key(&name) {
        return Err(format!(
            "{name} is pinned in {}; lock again with another --pin",
            command.output.display()
        )
        .into());
    }
    let solution = match solve(command, catalogue, &held)? {
        Ok(solution) => solution,
        Err(refusal) => return refused(command, refusal),
    };
    let fresh = document(catalogue, &locking, &solution)?;
    let after = fresh.cell().and_then(|(_, cell)| version(cell, &name));
    if after.as_deref() == Some(before.as_str()) {
        output::note(&format!(
            "{name} stays at {before}: no newer version is compatible with the other locked packages"
        ));
    }
    for change in changes(&lock, &fresh) {
        output::note(&change);
    }
    write(command, catalogue, &locking, &solution)
}

/// The version that a cell has of a package.
fn version(cell: &Cell, name: &str) -> Option<String> {
    cell.packages.get(name).map(|package| package.version.clone())
}

/// What is different in another lock of the same request, a line each.
fn changes(before: &Lock, after: &Lock) -> Vec<String> {
    let nothing = Cell::default();
    let cell = |lock: &'_ Lock| lock.cell().map_or_else(|| nothing.clone(), |(_, cell)| cell.clone());
    let (old, new) = (cell(before), cell(after));
    let names: BTreeSet<&String> = old.packages.keys().chain(new.packages.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        match (version(&old, name), version(&new, name)) {
            (Some(old), Some(new)) if old != new => changes.push(format!("{name} {old} -> {new}")),
            (Some(old), None) => changes.push(format!("{name} {old} is removed")),
            (None, Some(new)) => changes.push(format!("{name} {new} is added")),
            _ if old.packages.get(name) != new.packages.get(name) => {
                changes.push(format!("{name} is built differently or has other requirements"));
            }
            _ => {}
        }
    }
    if changes.is_empty() && old != new {
        changes.push("the cell has changed".to_owned());
    }
    for (name, versions) in &after.builds {
        for (version, build) in versions {
            let known = before.builds.get(name).and_then(|versions| versions.get(version));
            if known.is_some_and(|known| known != build) {
                changes.push(format!("{name} {version} is fetched or patched differently"));
            }
        }
    }
    if changes.is_empty() && before.builds != after.builds {
        changes.push("different files are fetched".to_owned());
    }
    if before.request != after.request {
        changes.push("the request is written differently".to_owned());
    }
    if before.compilers != after.compilers {
        changes.push("the CUDA release supports other compilers".to_owned());
    }
    if before.components != after.components {
        changes.push("the toolkit consists of other wheels".to_owned());
    }
    if changes.is_empty() && before != after {
        changes.push("the cell is stored under another key".to_owned());
    }
    changes
}
