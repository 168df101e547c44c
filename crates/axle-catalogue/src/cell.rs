//! `cells/<system>/<python>-<cuda>.json`: per torch version one coherent set of packages, or why not.

use std::collections::BTreeMap;

use axle_fatbin::{Code, ComputeCapability};
use axle_wheel::{PythonVersion, System};
use serde::{Deserialize, Serialize};

use crate::{Cuda, Provenance, canonical};

/// The schema that [`CellFile::schema`] names.
pub const SCHEMA: &str = "axle.cells/1";

/// All cells of one system, Python and CUDA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release.
    pub cuda: Cuda,
    /// Every capability that a target may name.
    pub capabilities: Vec<ComputeCapability>,
    /// The torch versions that have a cell, newest first.
    pub order: Vec<String>,
    /// Torch version to its cell.
    pub torch: BTreeMap<String, Cell>,
    /// Torch versions without a cell, each with the reason.
    pub absent: BTreeMap<String, Absence>,
}

/// One coherent set: the version of each package is a function of the cell alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// SHA-256, hex, of the canonical JSON of this object without this field.
    #[serde(default)]
    pub cell: String,
    /// The packages of the set.
    pub packages: BTreeMap<String, CellPackage>,
    /// What the set takes from the package set where the version there satisfies.
    pub externals: BTreeMap<String, External>,
    /// Packages of the catalogue that are not in this set, with the reason.
    pub absent: BTreeMap<String, Absence>,
}

impl Cell {
    /// Writes the cell's own hash into it.
    ///
    /// # Errors
    /// Never for a cell made of plain data; what serde says, else.
    pub fn seal(mut self) -> Result<Self, serde_json::Error> {
        let mut value = serde_json::to_value(&self)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("cell");
        }
        self.cell = canonical::sha256_hex(&value)?;
        Ok(self)
    }
}

/// One package of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellPackage {
    /// Its version.
    pub version: String,
    /// The wheel that fits the cell.
    pub wheel: CellWheel,
    /// Packages of the cell that it requires.
    pub requires: Vec<String>,
    /// Externals that it requires.
    pub externals: Vec<String>,
}

/// The wheel of a package in a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellWheel {
    /// Its file name.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Bytes.
    pub size: Option<u64>,
    /// How its facts are known.
    pub provenance: Provenance,
    /// The glibc it needs, by its audit; `None` when it needs none.
    pub glibc: Option<String>,
    /// The capabilities of [`CellFile::capabilities`] that it covers; all of them when it holds no device code.
    pub covers: Vec<ComputeCapability>,
    /// SASS in it.
    pub sass: Vec<Code>,
    /// PTX in it.
    pub ptx: Vec<Code>,
}

/// A requirement on a package of the package set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct External {
    /// The PEP 440 specifiers of all requirers, joined by commas.
    pub specifier: String,
    /// The same as comparisons of plain release numbers, which Nix can do: all must hold.
    pub comparisons: Vec<(String, String)>,
    /// Other externals that it requires.
    pub requires: Vec<String>,
    /// The catalogue's wheel, for a package set whose version does not satisfy.
    pub fallback: Fallback,
}

/// The catalogue's own wheel of an external.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    /// Its version.
    pub version: String,
    /// Its file name.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

/// Why something is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// What stands in the way.
    pub kind: Reason,
    /// The same as a sentence.
    pub message: String,
}

/// What stands in the way of a package or a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// No wheel for that Python.
    Python,
    /// Built for another CUDA.
    Cuda,
    /// No code for a compute capability.
    ComputeCapability,
    /// The compiler does not fit the toolkit, or there is none.
    Compiler,
    /// A newer glibc is needed.
    Glibc,
    /// A newer driver is needed.
    Driver,
    /// Requirements contradict each other.
    Dependency,
    /// Made for another torch.
    Torch,
    /// A fact that decides it is not known.
    Unknown,
    /// It is not in the catalogue.
    Missing,
}
