//! The lookup and the solver agree: where the solver may take what a cell holds and nothing else, it answers a request
//! with the plan that is looked up in the cell, or both refuse.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_catalogue::{Artefact, ArtefactFile, Catalogue, Cell, CellFile, Folder, Inventory, Package};
use axle_plan::{Answer, Asked, Lookup, Plan, PlanBuild, PlanPackage, Prefer, Preferences, Request};
use axle_solve::{Locker, Locking, Solved};
use axle_types::{CudaTarget, Glibc, HostCompiler};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rayon::prelude::*;

/// Requests for a set of packages, of each of some 230 cells.
const SETS: usize = 24;
/// Of the plain packages of a cell, one in so many is asked for alone: they differ in little.
const PLAIN: usize = 12;

fn catalogue() -> Catalogue {
    Catalogue::new(Folder::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue")))
}

/// The inventory of what a cell holds: the very files.
fn only(inventory: &Inventory, cell: &Cell) -> Inventory {
    let of = |name: &String, file: &ArtefactFile| {
        let package = cell.packages.get(name);
        let wheel = package.and_then(|package| package.wheel.as_ref());
        let source = package.and_then(|package| package.source.as_ref());
        let held: BTreeSet<_> = [
            wheel.map(|file| (&file.filename, &file.sha256)),
            source.map(|file| (&file.filename, &file.sha256)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let is_held = |artefact: &&Artefact| held.contains(&(&artefact.filename, &artefact.sha256));
        let kept: Vec<_> = file.artefacts.iter().filter(is_held).cloned().collect();
        (!kept.is_empty()).then(|| ArtefactFile::new(name, kept))
    };
    let artefacts: BTreeMap<_, _> =
        inventory.artefacts.iter().filter_map(|(name, file)| Some((name.clone(), of(name, file)?))).collect();
    let packages = inventory.packages.iter().filter(|(name, _)| artefacts.contains_key(*name));
    // What the cell takes without the libraries of its GPU the solver is given so.
    let as_taken = |(name, package): (&String, &Package)| {
        let mut package = package.clone();
        if cell.packages.get(name).is_some_and(|package| package.cpu_only) {
            package.cuda_extras.clear();
        }
        (name.clone(), package)
    };
    Inventory {
        packages: packages.map(as_taken).collect(),
        matrix: inventory.matrix.clone(),
        toolkits: inventory.toolkits.clone(),
        environments: inventory.environments.clone(),
        imports: inventory.imports.clone(),
        artefacts,
    }
}

/// Requests to a cell: packages alone, each of GPU kind among them, and sets, for targets of all kinds.
fn requests(file: &CellFile, torch: &str, cell: &Cell) -> Vec<Request> {
    // Each cell has other samples, and the same each time.
    let samples = || {
        let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &cell.cell.as_bytes()[..32]);
        TestRunner::new_with_rng(Config::default(), seed)
    };
    let (mut targets, mut sets_of) = (samples(), samples());
    let capabilities = match file.cuda {
        CudaTarget::Cpu => Just(Vec::new()).boxed(),
        CudaTarget::Release(_) => prop::sample::subsequence(file.capabilities.clone(), 1..=2).boxed(),
    };
    let compiler = prop_oneof![
        3 => Just(None),
        2 => Just(Some(HostCompiler::Gcc(13))),
        1 => Just(Some(HostCompiler::Clang(17))),
        1 => Just(Some(HostCompiler::Gcc(9))),
    ];
    let glibc =
        prop_oneof![4 => Just(Glibc::new(2, 39)), 1 => Just(Glibc::new(2, 28)), 1 => Just(Glibc::new(2, 17))];
    let prefer = prop_oneof![3 => Just(Prefer::Wheel), 1 => Just(Prefer::Newest), 1 => Just(Prefer::Source)];
    let target = (capabilities, compiler, glibc, prefer);
    let names: Vec<String> = cell.packages.keys().chain(cell.absent.keys()).cloned().collect();
    let sets = prop::sample::subsequence(names.clone(), 1..=5.min(names.len()));
    let mut sample = |packages: Vec<String>| {
        let (capabilities, compiler, glibc, all) = target.new_tree(&mut targets).unwrap().current();
        Request {
            packages: packages.into_iter().map(|name| (name, Asked::default())).collect(),
            system: file.system,
            python: file.python,
            cuda: file.cuda,
            compute_capabilities: capabilities.into_iter().collect(),
            compiler,
            driver: None,
            driver_ptx: None,
            allowed: BTreeSet::new(),
            torch: Some(torch.to_owned()),
            glibc: Some(glibc),
            preferences: Preferences { all, ..Preferences::default() },
        }
    };
    let is_asked_alone = |(place, name): &(usize, String)| {
        place % PLAIN == 0 || cell.packages.get(name).is_none_or(|package| package.gpu)
    };
    let alone = names.into_iter().enumerate().filter(is_asked_alone);
    let mut requests: Vec<_> = alone.map(|(_, name)| sample(vec![name])).collect();
    requests.extend((0..SETS).map(|_| sample(sets.new_tree(&mut sets_of).unwrap().current())));
    requests
}

/// What two plans have to share: the torch, and each package with its build. A cell names what is compiled as its wheel,
/// with the local version of that.
fn told(plan: &Plan) -> (&str, BTreeMap<&str, PlanPackage>) {
    let packages = plan.packages.iter().map(|(name, package)| {
        let mut package = package.clone();
        if matches!(package.build, PlanBuild::Source { .. }) {
            package.version.truncate(package.version.find('+').unwrap_or(package.version.len()));
        }
        (name.as_str(), package)
    });
    (&plan.torch, packages.collect())
}

/// Where two answers differ, the request.
fn difference(request: &Request, looked_up: &Answer, solved: &Solved) -> Option<String> {
    let said = match (looked_up, solved) {
        (Ok(plan), Solved::Set(set)) if told(plan) == told(&set.plan) => return None,
        (Err(_), Solved::Refused(_)) => return None,
        (Ok(plan), Solved::Set(set)) => format!("{:?} and {:?}", told(plan), told(&set.plan)),
        (Err(refusal), _) => format!("no plan, for {:?}", refusal.reasons),
        (Ok(_), other) => format!("a plan, and {other:?}"),
    };
    Some(format!("{}: {said}", request.command()))
}

/// Asks a cell, and the solver of what it holds: whether there is a plan, and where the answers differ the request.
fn compare(inventory: &Inventory, file: &CellFile, torch: &str, cell: &Cell) -> Vec<(bool, Option<String>)> {
    let catalogue = catalogue();
    let lookup = Lookup::with_cells(&catalogue, file.clone()).unwrap();
    // A lock that finds no set takes the cell's: here it has none to take.
    let no_cells = CellFile { order: Vec::new(), torch: BTreeMap::new(), ..file.clone() };
    let without_cells = Lookup::with_cells(&catalogue, no_cells).unwrap();
    let inventory = only(inventory, cell);
    let answer = |request| {
        let locking = Locking { request, pins: BTreeMap::new(), held: BTreeMap::new() };
        let solved = Locker { lookup: &without_cells, inventory: &inventory }.lock(&locking).unwrap();
        let looked_up = lookup.answer(&locking.request).unwrap();
        (looked_up.is_ok(), difference(&locking.request, &looked_up, &solved))
    };
    requests(file, torch, cell).into_iter().map(answer).collect()
}

#[test]
fn the_solver_answers_as_the_cells_do() {
    let catalogue = catalogue();
    let inventory = Inventory::read(&catalogue).unwrap();
    let file = |(system, python, cuda)| catalogue.cells(system, python, cuda).unwrap();
    let files: Vec<_> = inventory.matrix.targets().filter_map(file).collect();
    let cells: Vec<_> = files
        .iter()
        .flat_map(|file| file.torch.iter().map(move |(torch, cell)| (file, torch, cell)))
        .collect();
    let compared: Vec<(bool, Option<String>)> = cells
        .par_iter()
        .flat_map_iter(|&(file, torch, cell)| compare(&inventory, file, torch, cell))
        .collect();
    let different: Vec<_> = compared.iter().filter_map(|(_, differ)| differ.as_deref()).collect();
    let planned = compared.iter().filter(|(is_plan, _)| *is_plan).count();
    println!("{} requests to {} cells, {planned} of them answered with a plan", compared.len(), cells.len());
    let first: Vec<_> = different.iter().take(3).copied().collect();
    assert!(different.is_empty(), "{} differ, as {}", different.len(), first.join("\n"));
    assert!(compared.len() > 10_000 && planned > compared.len() / 10);
}
