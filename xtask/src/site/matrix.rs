//! The matrix: every cell by every package of `matrix.toml`. What stands behind a letter is in the files of the cells,
//! which the page loads when it is asked.

use std::collections::BTreeSet;
use std::path::Path;

use axle_catalogue::{Catalogue, Cell, CellFile, Provenance, Reason};
use axle_wheel::{PythonVersion, System};
use serde::Serialize;

use super::{Error, shard};

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

/// Writes the shards `matrix`, and `matrix/all`, which has one group more: all else that is in a cell.
///
/// # Errors
/// When the catalogue is not valid, or a file cannot be written.
pub fn write(catalogue: &Catalogue, folder: &Path) -> Result<(), Error> {
    let matrix = catalogue.matrix()?;
    let mut files = Vec::new();
    for (system, python, cuda) in matrix.targets() {
        files.extend(catalogue.cells(system, python, cuda)?);
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
    cell.absent.get(name).map_or('-', |absence| match absence.kind {
        Reason::Python => 'P',
        Reason::Cuda => 'C',
        Reason::ComputeCapability => 'G',
        Reason::Compiler => 'K',
        Reason::Glibc => 'L',
        Reason::Driver => 'D',
        Reason::Dependency => 'R',
        Reason::Torch => 'T',
        Reason::Unknown => 'U',
        Reason::Missing => 'M',
    })
}
