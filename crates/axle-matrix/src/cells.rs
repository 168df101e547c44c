//! Cells by name, with the files that each depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use axle_catalogue::{
    COMPONENTS_PATH, Catalogue, CatalogueError, Cell, CellFile, FrozenWheel, artefact_path, build_path,
};
use axle_types::{CudaTarget, PythonVersion, System};

/// The system whose cells are named without it.
const DEFAULT_SYSTEM: System = System::X86_64Linux;

/// The name of a cell: `py312-cu128-torch2.9.1`, before it the system where that is another than `x86_64-linux`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellName {
    /// The system.
    pub system: System,
    /// The Python.
    pub python: PythonVersion,
    /// The CUDA release.
    pub cuda: CudaTarget,
    /// The version of torch.
    pub torch: String,
}

impl CellName {
    /// The attribute of `legacyPackages.<system>.environments` that is this cell's.
    pub fn attribute(&self) -> String {
        let cuda = match self.cuda {
            CudaTarget::Cpu => "cpu".to_owned(),
            cuda @ CudaTarget::Release(_) => format!("cuda{cuda}"),
        };
        format!("python{}-{cuda}-torch{}", self.python, self.torch).replace('.', "_")
    }
}

impl fmt::Display for CellName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.system != DEFAULT_SYSTEM {
            write!(formatter, "{}/", self.system)?;
        }
        let python = self.python.to_string().replace('.', "");
        write!(formatter, "py{python}-{}-torch{}", self.cuda.tag(), self.torch)
    }
}

/// A cell with the file that it stands in.
#[derive(Clone)]
pub struct NamedCell {
    /// Its name.
    pub name: CellName,
    /// All cells of the same system, Python and CUDA.
    pub file: Arc<CellFile>,
}

impl NamedCell {
    /// What it holds.
    pub fn cell(&self) -> &Cell {
        &self.file.torch[&self.name.torch]
    }

    /// Every package of the cell with its version.
    pub fn versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let packages = self.cell().packages.iter();
        packages.map(|(name, package)| (name.as_str(), package.version.as_str()))
    }

    /// What its sources are compiled with: packages with their wheels.
    pub fn frozen(&self) -> impl Iterator<Item = (&str, &FrozenWheel)> {
        let sources = self.cell().packages.values().filter_map(|package| package.source.as_ref());
        sources.flat_map(|source| &source.frozen).map(|(name, wheel)| (name.as_str(), wheel))
    }

    /// The files of the catalogue, but for the cell's own, that say something of the cell.
    pub fn inputs(&self) -> BTreeSet<String> {
        let shared = ["matrix.toml", "compilers.json", "toolkits.json", COMPONENTS_PATH].map(str::to_owned);
        let frozen = self.frozen().map(|(name, wheel)| (name, wheel.version.as_str()));
        let of_packages = self.versions().chain(frozen).flat_map(|(name, version)| {
            [format!("packages/{name}.toml"), artefact_path(name), build_path(name, version)]
        });
        shared.into_iter().chain(of_packages).collect()
    }
}

/// All cells of a catalogue, in the order of its matrix, the newest torch first; and the files that they stand in.
///
/// # Errors
/// When a file is not valid.
pub fn read(catalogue: &Catalogue) -> Result<(Vec<NamedCell>, Vec<Arc<CellFile>>), CatalogueError> {
    let (mut cells, mut files) = (Vec::new(), Vec::new());
    for (system, python, cuda) in catalogue.matrix()?.targets() {
        let Some(file) = catalogue.cells(system, python, cuda)? else { continue };
        let file = Arc::new(file);
        for torch in file.order.iter().filter(|torch| file.torch.contains_key(*torch)) {
            let name = CellName { system, python, cuda, torch: torch.clone() };
            cells.push(NamedCell { name, file: file.clone() });
        }
        files.push(file);
    }
    Ok((cells, files))
}

/// One of the runners that the cells are spread over: `3/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("write the shard and the number of shards, e.g. `3/16`".to_owned()),
        }
    }
}

impl Shard {
    /// Every so many-th cell: neighbours cost alike.
    pub fn take(self, cells: Vec<NamedCell>) -> Vec<NamedCell> {
        cells.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}

/// The matrix of a GitHub workflow: a job for each shard, of which there are no more than cells.
pub fn github_matrix(cells: usize, shards: usize) -> serde_json::Value {
    let of = shards.min(cells);
    let shard = |number| BTreeMap::from([("shard", format!("{number}/{of}"))]);
    serde_json::json!({ "include": (1..=of).map(shard).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(system: &str, python: &str, cuda: &str) -> CellName {
        CellName {
            system: system.parse().unwrap(),
            python: python.parse().unwrap(),
            cuda: cuda.parse().unwrap(),
            torch: "2.9.1".into(),
        }
    }

    #[test]
    fn a_name_says_the_system_only_where_it_is_another() {
        let plain = name("x86_64-linux", "3.12", "12.8");
        assert_eq!(plain.to_string(), "py312-cu128-torch2.9.1");
        assert_eq!(plain.attribute(), "python3_12-cuda12_8-torch2_9_1");
        let other = name("aarch64-linux", "3.13t", "cpu");
        assert_eq!(other.to_string(), "aarch64-linux/py313t-cpu-torch2.9.1");
        assert_eq!(other.attribute(), "python3_13t-cpu-torch2_9_1");
    }

    #[test]
    fn shards_hold_each_cell_once() {
        let file = Arc::new(CellFile {
            system: DEFAULT_SYSTEM,
            python: "3.12".parse().unwrap(),
            cuda: CudaTarget::Cpu,
            capabilities: Vec::new(),
            order: Vec::new(),
            torch: BTreeMap::new(),
            absent: BTreeMap::new(),
        });
        let cells: Vec<_> = (0..7)
            .map(|torch| NamedCell {
                name: CellName { torch: torch.to_string(), ..name("x86_64-linux", "3.12", "cpu") },
                file: file.clone(),
            })
            .collect();
        let torches = |shard: &str| -> Vec<String> {
            let taken = shard.parse::<Shard>().unwrap().take(cells.clone());
            taken.into_iter().map(|cell| cell.name.torch).collect()
        };
        assert_eq!(torches("1/3"), ["0", "3", "6"]);
        assert_eq!(torches("2/3"), ["1", "4"]);
        assert_eq!(torches("3/3"), ["2", "5"]);
        assert_eq!(torches("8/9"), Vec::<String>::new());
        for wrong in ["", "3", "0/3", "4/3", "a/3", "3/", "1/0", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn there_are_no_more_jobs_than_cells() {
        let jobs = |cells, shards| github_matrix(cells, shards).to_string();
        assert_eq!(jobs(232, 2), r#"{"include":[{"shard":"1/2"},{"shard":"2/2"}]}"#);
        assert_eq!(jobs(1, 16), r#"{"include":[{"shard":"1/1"}]}"#);
        assert_eq!(jobs(0, 16), r#"{"include":[]}"#);
    }
}
