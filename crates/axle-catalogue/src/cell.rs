//! `cells/<system>/<python>-<cuda>.json`: per torch version one coherent set of packages, or why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use axle_fatbin::{Code, ComputeCapability};
use axle_wheel::{PythonVersion, System};
use serde::{Deserialize, Serialize};

use crate::{Cuda, Provenance, canonical};

/// The schema that a file of cells names.
pub const SCHEMA: &str = "axle.cells/3";

/// All cells of one system, Python and CUDA.
///
/// In its JSON what cells have in common stands once: `packages` and `absences` hold by name all that a cell may have
/// under it, and a cell (`torch.<version>`) says which by number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Pooled", try_from = "Pooled")]
pub struct CellFile {
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

/// One coherent set: the version of each package is a function of the cell alone. Cells of a file share what they have in
/// common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// SHA-256, hex, of the canonical JSON of this object without this field and without [`Self::newer`].
    #[serde(default)]
    pub cell: String,
    /// The packages of the set.
    #[serde(with = "shared")]
    pub packages: BTreeMap<String, Arc<CellPackage>>,
    /// Packages of the catalogue that are not in this set, with the reason.
    #[serde(with = "shared")]
    pub absent: BTreeMap<String, Arc<Absence>>,
    /// Packages of the set of which there is a newer version, with the reason why it is not the set's. It is no part
    /// of the set, nor of its hash: what is published later changes it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "shared")]
    pub newer: BTreeMap<String, Arc<Newer>>,
}

/// Maps to what is shared, as if it were not.
mod shared {
    use super::{Arc, BTreeMap, Deserialize, Serialize};

    pub(super) fn serialize<T: Serialize, S: serde::Serializer>(
        values: &BTreeMap<String, Arc<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(name, value)| (name, &**value)))
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Arc<T>>, D::Error> {
        let values = BTreeMap::<String, T>::deserialize(deserializer)?;
        Ok(values.into_iter().map(|(name, value)| (name, Arc::new(value))).collect())
    }
}

/// A newer version than a cell's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newer {
    /// The newest version.
    pub version: String,
    /// Why it is not in the cell, as what follows a `but`: `torch 2.8.0 requires triton==3.4.0`.
    pub message: String,
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
            object.remove("newer");
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
    /// The wheel that fits the cell for at least one capability.
    pub wheel: Option<CellWheel>,
    /// How it is compiled, where it can be for this cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CellSource>,
    /// Packages of the cell that it requires.
    pub requires: Vec<String>,
    /// Whether it is made for a GPU or a torch. What refers to such a package, or was compiled against one, serves this
    /// one alone; anything else takes a plain package as it finds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
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
    /// The glibc it needs, by its audit or, where its bytes were not seen, by its tags; `None` when it needs none.
    pub glibc: Option<String>,
    /// The capabilities of [`CellFile::capabilities`] that it covers; all of them when it holds no device code.
    pub covers: Vec<ComputeCapability>,
    /// SASS in it.
    pub sass: Vec<Code>,
    /// PTX in it.
    pub ptx: Vec<Code>,
}

/// How a package of a cell is compiled. What compiles it is in `builds/<name>/<version>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellSource {
    /// The file name of the sdist.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Bytes.
    pub size: Option<u64>,
    /// The capabilities of [`CellFile::capabilities`] that its source and the toolkit support.
    pub capabilities: Vec<ComputeCapability>,
    /// Packages of the cell whose builds it links.
    pub links: Vec<String>,
    /// Bytes of memory that one job of the compiler needs, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_per_job: Option<u64>,
    /// Roughly how many minutes of one core it takes for one architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u64>,
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

/// A file of cells as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pooled {
    schema: String,
    system: System,
    python: PythonVersion,
    cuda: Cuda,
    capabilities: Vec<ComputeCapability>,
    order: Vec<String>,
    packages: Pool<CellPackage>,
    absences: Pool<Absence>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    newer: Pool<Newer>,
    torch: BTreeMap<String, PooledCell>,
    absent: BTreeMap<String, Absence>,
}

/// All that cells have under each name.
type Pool<T> = BTreeMap<String, Vec<T>>;

/// A cell that says by number what it has under each name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PooledCell {
    cell: String,
    packages: BTreeMap<String, usize>,
    absent: BTreeMap<String, usize>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    newer: BTreeMap<String, usize>,
}

/// A cell that names what its file does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the cell of torch {torch} has number {number} of {name}, which is not there")]
struct Unpooled {
    torch: String,
    name: String,
    number: usize,
}

impl From<CellFile> for Pooled {
    fn from(file: CellFile) -> Self {
        let (mut packages, mut absences, mut newer) = (Pool::new(), Pool::new(), Pool::new());
        let mut torch = BTreeMap::new();
        // The newest torch's stand first.
        let newest = |version: &String| file.order.iter().position(|one| one == version);
        let mut cells: Vec<_> = file.torch.into_iter().collect();
        cells.sort_by_key(|(version, _)| newest(version));
        for (version, cell) in cells {
            let cell = PooledCell {
                cell: cell.cell,
                packages: pool(cell.packages, &mut packages),
                absent: pool(cell.absent, &mut absences),
                newer: pool(cell.newer, &mut newer),
            };
            torch.insert(version, cell);
        }
        Self {
            schema: SCHEMA.into(),
            system: file.system,
            python: file.python,
            cuda: file.cuda,
            capabilities: file.capabilities,
            order: file.order,
            packages,
            absences,
            newer,
            torch,
            absent: file.absent,
        }
    }
}

impl TryFrom<Pooled> for CellFile {
    type Error = Unpooled;

    fn try_from(file: Pooled) -> Result<Self, Unpooled> {
        let packages = shareable(file.packages);
        let (absences, newer) = (shareable(file.absences), shareable(file.newer));
        let cells = file.torch.into_iter().map(|(torch, cell)| {
            let whole = Cell {
                cell: cell.cell,
                packages: unpool(&torch, cell.packages, &packages)?,
                absent: unpool(&torch, cell.absent, &absences)?,
                newer: unpool(&torch, cell.newer, &newer)?,
            };
            Ok((torch, whole))
        });
        Ok(Self {
            torch: cells.collect::<Result<_, _>>()?,
            system: file.system,
            python: file.python,
            cuda: file.cuda,
            capabilities: file.capabilities,
            order: file.order,
            absent: file.absent,
        })
    }
}

fn pool<T: Clone + PartialEq>(
    values: BTreeMap<String, Arc<T>>,
    pool: &mut Pool<T>,
) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    for (name, value) in values {
        let known = pool.entry(name.clone()).or_default();
        let number = known.iter().position(|one| *one == *value).unwrap_or_else(|| {
            known.push(Arc::unwrap_or_clone(value));
            known.len() - 1
        });
        numbers.insert(name, number);
    }
    numbers
}

/// A pool whose values cells can share.
fn shareable<T>(pool: Pool<T>) -> Pool<Arc<T>> {
    pool.into_iter().map(|(name, values)| (name, values.into_iter().map(Arc::new).collect())).collect()
}

fn unpool<T>(
    torch: &str,
    numbers: BTreeMap<String, usize>,
    pool: &Pool<Arc<T>>,
) -> Result<BTreeMap<String, Arc<T>>, Unpooled> {
    let value = |(name, number): (String, usize)| match pool.get(&name).and_then(|known| known.get(number)) {
        Some(value) => Ok((name, Arc::clone(value))),
        None => Err(Unpooled { torch: torch.to_owned(), name, number }),
    };
    numbers.into_iter().map(value).collect()
}
