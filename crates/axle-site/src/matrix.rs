//! Matrix of the site: a table of every cell and every package of `matrix.toml`. The details behind each letter are in
//! the cell files, which the page loads on request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_catalogue::{Catalogue, CauseKind, Cell, CellFile, Provenance};
use axle_types::{PythonVersion, System};
use serde::Serialize;

use crate::{Error, shard};

/// Cells by packages.
#[derive(Serialize)]
struct Overview {
    /// The packages of the rows, by group.
    order: Vec<Vec<String>>,
    targets: Vec<Target>,
}

/// One system, Python and CUDA.
#[derive(Serialize)]
struct Target {
    system: System,
    python: PythonVersion,
    cuda: String,
    /// The torch versions that have a cell, newest first.
    torch: Vec<String>,
    /// For each of these, a letter for each package: see [`letter`].
    cells: Vec<String>,
    /// How many torch versions have none.
    absent: usize,
}

/// The sentences of one target: the files of the cells have causes alone.
#[derive(Serialize)]
struct Sentences {
    /// Why a torch has no cell.
    absent: BTreeMap<String, String>,
    /// By torch, what is said of the packages of its cell.
    cells: BTreeMap<String, OfCell>,
}

/// What is said of the packages of a cell.
#[derive(Serialize)]
struct OfCell {
    /// Why they are not in it.
    absent: BTreeMap<String, Absent>,
    /// Why they are not the newest.
    newer: BTreeMap<String, String>,
}

/// Why a package is not there.
#[derive(Serialize)]
struct Absent {
    kind: CauseKind,
    message: String,
}

impl Sentences {
    fn of(file: &CellFile, anchor: &str) -> Self {
        let of_cell = |cell: &Cell| OfCell {
            absent: cell
                .absent
                .iter()
                .map(|(name, absence)| {
                    let (kind, message) = (absence.why.kind(), absence.about(name));
                    (name.clone(), Absent { kind, message })
                })
                .collect(),
            newer: cell.newer.iter().map(|(name, newer)| (name.clone(), newer.why.to_string())).collect(),
        };
        let absent = file.absent.iter().map(|(torch, absence)| (torch.clone(), absence.about(anchor)));
        let cells = file.torch.iter().map(|(torch, cell)| (torch.clone(), of_cell(cell)));
        Self { absent: absent.collect(), cells: cells.collect() }
    }
}

/// Writes the shards `sentences/<target>`, `matrix`, and `matrix/all`, which has one group more: all else that is in a cell.
///
/// # Errors
/// When the catalogue is not valid, or a file cannot be written.
pub fn write(catalogue: &Catalogue, folder: &Path) -> Result<(), Error> {
    let matrix = catalogue.matrix()?;
    let mut files = Vec::new();
    for (system, python, cuda) in matrix.targets() {
        files.extend(catalogue.cells(system, python, cuda)?);
    }
    let anchor = matrix.order.iter().flatten().next().map_or("torch", String::as_str);
    for file in &files {
        let name = format!("sentences/{}/{}-{}", file.system, file.python, file.cuda);
        shard::write(folder, &name, &Sentences::of(file, anchor))?;
    }
    let cells = files.iter().flat_map(|file| file.torch.values());
    let names = cells.flat_map(|cell| cell.packages.keys());
    let rest: BTreeSet<&String> =
        names.filter(|name| !matrix.order.iter().flatten().any(|one| one == *name)).collect();
    let mut all = matrix.order.clone();
    all.push(rest.into_iter().cloned().collect());
    shard::write(folder, "matrix", &overview(&files, matrix.order))?;
    shard::write(folder, "matrix/all", &overview(&files, all))?;
    Ok(())
}

fn overview(files: &[CellFile], order: Vec<Vec<String>>) -> Overview {
    let letters = |cell: &Cell| order.iter().flatten().map(|name| letter(cell, name)).collect();
    let target = |file: &CellFile| Target {
        system: file.system,
        python: file.python,
        cuda: file.cuda.to_string(),
        cells: file.order.iter().filter_map(|torch| file.torch.get(torch)).map(letters).collect(),
        torch: file.order.clone(),
        absent: file.absent.len(),
    };
    Overview { targets: files.iter().map(target).collect(), order }
}

/// How a cell has a package, as a letter: `a`, `s` or `d` as a wheel whose facts are audited, a sibling's or declared; `c` only
/// compiled. Capitals are the reasons why it has none, and `-` is a package that nothing says
/// anything about.
fn letter(cell: &Cell, name: &str) -> char {
    if let Some(package) = cell.packages.get(name) {
        return match package.wheel.as_ref().map(|wheel| wheel.provenance) {
            Some(Provenance::Audited) => 'a',
            Some(Provenance::Sibling) => 's',
            Some(Provenance::Declared) => 'd',
            None => 'c',
        };
    }
    cell.absent.get(name).map_or('-', |absence| match absence.why.kind() {
        CauseKind::Python => 'P',
        CauseKind::Cuda => 'C',
        CauseKind::ComputeCapability => 'G',
        CauseKind::Compiler => 'K',
        CauseKind::Glibc => 'L',
        CauseKind::Driver => 'D',
        CauseKind::Dependency => 'R',
        CauseKind::Torch => 'T',
        CauseKind::Unknown => 'U',
        CauseKind::Missing => 'M',
    })
}
