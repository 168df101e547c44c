//! States of cells, to be compared: before and after an update, or the last release and now.

use std::collections::BTreeMap;

use axle_catalogue::{Absence, Cell, CellFile, CellPackage, CellWheel};
use axle_types::ComputeCapability;
use serde::{Deserialize, Serialize};

use crate::CellName;

/// The schema of a state that is stored.
const SCHEMA: &str = "axle.matrix-record/1";

/// The cells by their names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "Pooled", try_from = "Pooled")]
pub struct State {
    /// What each holds.
    pub cells: BTreeMap<String, CellState>,
    /// Why a cell is not there; not stored.
    pub absent: BTreeMap<String, Absence>,
}

/// What one cell holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellState {
    /// The packages.
    pub packages: BTreeMap<String, PackageState>,
    /// Why a package is not there; not stored.
    pub absent: BTreeMap<String, Absence>,
}

/// How a package can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageState {
    /// Its version.
    pub version: String,
    /// The capabilities that its wheel covers; `None` where there is no wheel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheel: Option<Vec<ComputeCapability>>,
    /// The capabilities that it can be compiled for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<ComputeCapability>,
    /// What its wheel is and holds, as a sentence; not stored.
    #[serde(skip)]
    pub code: String,
}

impl State {
    /// What some files of cells hold.
    pub fn of<'f>(files: impl IntoIterator<Item = &'f CellFile>) -> Self {
        let mut state = Self::default();
        for file in files {
            let name = |torch: &String| {
                let CellFile { system, python, cuda, .. } = *file;
                CellName { system, python, cuda, torch: torch.clone() }.to_string()
            };
            state.cells.extend(file.torch.iter().map(|(torch, cell)| (name(torch), CellState::of(cell))));
            let absent = file.absent.iter();
            state.absent.extend(absent.map(|(torch, absence)| (name(torch), absence.clone())));
        }
        state
    }

    /// Only the cells that `is_wanted` names.
    #[must_use]
    pub fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.cells.retain(|name, _| is_wanted(name));
        self
    }
}

impl CellState {
    fn of(cell: &Cell) -> Self {
        let packages = cell.packages.iter().map(|(name, package)| (name.clone(), PackageState::of(package)));
        let absent = cell.absent.iter().map(|(name, absence)| (name.clone(), Absence::clone(absence)));
        Self { packages: packages.collect(), absent: absent.collect() }
    }
}

impl PackageState {
    fn of(package: &CellPackage) -> Self {
        Self {
            version: package.version.clone(),
            wheel: package.wheel.as_ref().map(|wheel| wheel.covers.clone()),
            source: package.source.iter().flat_map(|source| source.capabilities.iter().copied()).collect(),
            code: package.wheel.as_ref().map_or_else(|| "there is no wheel".to_owned(), code),
        }
    }
}

fn code(wheel: &CellWheel) -> String {
    let code: Vec<_> = wheel.sass.iter().chain(&wheel.ptx).map(ToString::to_string).collect();
    format!(
        "{} has {}",
        wheel.filename,
        if code.is_empty() { "no device code".to_owned() } else { code.join(", ") }
    )
}

/// A state as it is stored: what cells have in common stands once, and a cell names it by number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pooled {
    schema: String,
    packages: BTreeMap<String, Vec<PackageState>>,
    cells: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A stored state that cannot be read.
#[derive(Debug, thiserror::Error)]
enum PooledError {
    #[error("the schema is {0}; this program reads {SCHEMA}")]
    Schema(String),
    #[error("the cell {cell} refers to entry {number} of {name}, which does not exist")]
    Number { cell: String, name: String, number: usize },
}

impl From<State> for Pooled {
    fn from(state: State) -> Self {
        let mut packages: BTreeMap<String, Vec<PackageState>> = BTreeMap::new();
        let mut number = |name: &String, package: PackageState| {
            let known = packages.entry(name.clone()).or_default();
            known.iter().position(|one| *one == package).unwrap_or_else(|| {
                known.push(package);
                known.len() - 1
            })
        };
        let mut numbers = |cell: CellState| -> BTreeMap<String, usize> {
            let bare = |package| PackageState { code: String::new(), ..package };
            cell.packages.into_iter().map(|(name, one)| (name.clone(), number(&name, bare(one)))).collect()
        };
        let cells = state.cells.into_iter().map(|(name, cell)| (name, numbers(cell))).collect();
        Self { schema: SCHEMA.to_owned(), packages, cells }
    }
}

impl TryFrom<Pooled> for State {
    type Error = PooledError;

    fn try_from(stored: Pooled) -> Result<Self, PooledError> {
        if stored.schema != SCHEMA {
            return Err(PooledError::Schema(stored.schema));
        }
        let mut state = Self::default();
        for (cell, numbers) in stored.cells {
            let mut packages = BTreeMap::new();
            for (name, number) in numbers {
                let Some(one) = stored.packages.get(&name).and_then(|states| states.get(number)) else {
                    return Err(PooledError::Number { cell, name, number });
                };
                packages.insert(name, one.clone());
            }
            state.cells.insert(cell, CellState { packages, absent: BTreeMap::new() });
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(version: &str, wheel: Option<&[&str]>) -> PackageState {
        let wheel = wheel.map(|capabilities| capabilities.iter().map(|one| one.parse().unwrap()).collect());
        PackageState { version: version.into(), wheel, source: Vec::new(), code: String::new() }
    }

    #[test]
    fn a_state_is_read_as_it_was_stored() {
        let cell = |torch| CellState {
            packages: [
                ("numpy".to_owned(), package("2.3.5", None)),
                ("torch".to_owned(), package(torch, Some(&["7.0", "8.0"]))),
            ]
            .into(),
            absent: BTreeMap::new(),
        };
        let cells = [("py312-cu128-torch2.8.0", "2.8.0"), ("py312-cu128-torch2.9.1", "2.9.1")];
        let cells = cells.map(|(name, torch)| (name.to_owned(), cell(torch)));
        let state = State { cells: cells.into(), absent: BTreeMap::new() };
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(text.matches("2.3.5").count(), 1, "{text}");
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);

        let problem = |text: &str| serde_json::from_str::<State>(text).unwrap_err().to_string();
        assert!(problem(&text.replace("record/1", "record/9")).contains("record/9"));
        let beyond = text.replace(r#"{"numpy":0,"torch":1}"#, r#"{"numpy":0,"torch":7}"#);
        assert_eq!(
            problem(&beyond),
            "the cell py312-cu128-torch2.9.1 refers to entry 7 of torch, which does not exist"
        );
    }
}
