//! `cells/<system>/<python>-<cuda>.json`: one coherent set of packages per torch version, or why there is none.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axle_fatbin::Code;
use axle_types::{ComputeCapability, CudaRelease, CudaTarget, Glibc, PythonVersion, Sha256, System};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::pool::{Pool, Unpooled, converted, pool, unpool};
use crate::{Cause, FrozenWheel, Provenance, canonical};

/// The schema that a file of cells names.
pub const SCHEMA: &str = "axle.cells/4";

/// All cells of one system, Python and CUDA.
///
/// In its JSON, values shared by cells are stored once: `packages` and `absences` list all values by name, and each
/// cell (`torch.<version>`) refers to them by number. A source refers to its frozen wheels (`frozen`) in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Pooled", try_from = "Pooled")]
pub struct CellFile {
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release.
    pub cuda: CudaTarget,
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
    /// What the extras of the packages come to in this set, by package; nothing where a package has none. As
    /// [`newer`](Self::newer) it is no part of the hash: extras change no package.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "shared")]
    pub extras: BTreeMap<String, Arc<Extras>>,
}

/// The extras of a package, each with what it comes to in a set.
pub type Extras = BTreeMap<String, Extra>;

/// What asking for an extra adds to a request, extras that it asks for in turn included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The packages that it requires, sorted; the set may lack some. Where the catalogue has some of them not, a few of
    /// those alone: nothing serves the extra.
    pub requires: Vec<String>,
    /// Packages of the set that will not do for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<ExtraBlocker>,
}

/// A package of a set that will not do for an extra.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraBlocker {
    /// The package.
    pub package: String,
    /// Its version in the set.
    pub version: String,
    /// What is wrong with it.
    pub why: Cause,
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
#[serde(deny_unknown_fields)]
pub struct Newer {
    /// The newest version.
    pub version: String,
    /// Why it is not in the cell.
    pub why: Cause,
}

impl Cell {
    /// The version that it has of a package.
    pub fn version_of(&self, name: &str) -> Option<&str> {
        self.packages.get(name).map(|package| package.version.as_str())
    }

    /// Writes the cell's own hash into it.
    ///
    /// # Errors
    /// Never for a cell made of plain data; what serde says, else.
    pub fn seal(mut self) -> Result<Self, serde_json::Error> {
        let mut value = serde_json::to_value(&self)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("cell");
            object.remove("newer");
            object.remove("extras");
        }
        self.cell = canonical::sha256_hex(&value)?;
        Ok(self)
    }
}

/// One package of a cell; `F` is how its source tells what is frozen for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellPackage<F = BTreeMap<String, FrozenWheel>> {
    /// Its version.
    pub version: String,
    /// The wheel that fits the cell for at least one capability.
    pub wheel: Option<CellWheel>,
    /// How it is compiled, where it can be for this cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CellSource<F>>,
    /// Packages of the cell that it requires.
    pub requires: Vec<String>,
    /// What it compiles with when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiles: Option<CellCompiler>,
    /// Whether it is made for a GPU or a torch. What refers to such a package, or was compiled against one, serves this
    /// one alone; anything else takes a plain package as it finds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
    /// Whether the set lacks the libraries by which it sees the GPU: their versions do not go with the set's torch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cpu_only: bool,
}

/// The wheel of a package in a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellWheel {
    /// Its file name.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
    /// Bytes.
    pub size: Option<u64>,
    /// How its facts are known.
    pub provenance: Provenance,
    /// The third party that built it; `None` where the project did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// A wheel of the package with device code, where this one has none and its target has a GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_code_in: Option<String>,
    /// The glibc it needs, by its audit or, where its bytes were not seen, by its tags; `None` when it needs none.
    pub glibc: Option<Glibc>,
    /// The capabilities of [`CellFile::capabilities`] that it covers; all of them when it holds no device code.
    pub covers: Vec<ComputeCapability>,
    /// SASS in it.
    pub sass: Vec<Code>,
    /// PTX in it.
    pub ptx: Vec<Code>,
    /// Whether nothing tells the glibc that it needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_glibc: bool,
    /// What the driver compiles of it when it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_ptx: Vec<CellPtx>,
    /// What of it does not work on some of the GPUs that it covers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<CellFeature>,
}

/// Members of a wheel that some GPUs run by PTX alone, in part at least.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellPtx {
    /// Their paths.
    pub members: Vec<String>,
    /// The CUDA release that made the PTX; `None` where that is not known, and the cell's is meant.
    pub cuda: Option<CudaRelease>,
    /// The GPUs.
    pub on: Vec<ComputeCapability>,
}

/// What a wheel does not do on some GPUs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellFeature {
    /// What it is, as the package's TOML says it.
    pub feature: String,
    /// The GPUs.
    pub on: Vec<ComputeCapability>,
}

/// What a package compiles with when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellCompiler {
    /// The compiler, as a sentence names it.
    pub with: String,
    /// The GPUs that it cannot compile for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<ComputeCapability>,
    /// What to do where it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a package of a cell is compiled. What compiles it is in `builds/<name>/<version>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSource<F = BTreeMap<String, FrozenWheel>> {
    /// The file name of the sdist.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
    /// Bytes.
    pub size: Option<u64>,
    /// The capabilities of [`CellFile::capabilities`] that its source and the toolkit support.
    pub capabilities: Vec<ComputeCapability>,
    /// Packages of the cell that it is compiled against: what it links, and what their libraries need.
    pub links: Vec<String>,
    /// The wheels by package that it is compiled with besides, whatever the cell has of them.
    pub frozen: F,
    /// Bytes of memory that one job of the compiler needs, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_per_job: Option<u64>,
    /// Roughly how many minutes of one core it takes for one architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u64>,
}

/// Why something is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// The newest version that there is; `None` where it is not about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it is absent.
    pub why: Cause,
}

impl Absence {
    /// The absence of a package as a sentence.
    pub fn about(&self, package: &str) -> String {
        match &self.version {
            Some(version) => self.why.about(&format!("{package} {version}")),
            None => self.why.about(package),
        }
    }
}

impl<F> CellPackage<F> {
    /// The same package whose source tells otherwise what is frozen for it.
    fn with_frozen<G, E>(self, convert: impl FnOnce(F) -> Result<G, E>) -> Result<CellPackage<G>, E> {
        let source = self.source.map(|source| {
            Ok(CellSource {
                filename: source.filename,
                sha256: source.sha256,
                size: source.size,
                capabilities: source.capabilities,
                links: source.links,
                frozen: convert(source.frozen)?,
                memory_per_job: source.memory_per_job,
                minutes: source.minutes,
            })
        });
        let Self { version, wheel, requires, compiles, gpu, cpu_only, .. } = self;
        Ok(CellPackage { version, wheel, source: source.transpose()?, requires, compiles, gpu, cpu_only })
    }
}

/// A file of cells as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pooled {
    #[serde(deserialize_with = "own_schema")]
    schema: String,
    system: System,
    python: PythonVersion,
    cuda: CudaTarget,
    capabilities: Vec<ComputeCapability>,
    order: Vec<String>,
    packages: Pool<CellPackage<Numbers>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    frozen: Pool<FrozenWheel>,
    absences: Pool<Absence>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    newer: Pool<Newer>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extras: Pool<Extras>,
    torch: BTreeMap<String, PooledCell>,
    absent: BTreeMap<String, Absence>,
}

/// A lock holds cells too, whose schema nobody else looks at.
fn own_schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let schema = String::deserialize(deserializer)?;
    if schema == SCHEMA {
        Ok(schema)
    } else {
        Err(D::Error::custom(format_args!(
            "the schema of its cells is `{schema}`, and axle reads `{SCHEMA}`"
        )))
    }
}

/// Which there is under each name.
type Numbers = BTreeMap<String, usize>;

/// A cell that says by number what it has under each name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PooledCell {
    cell: String,
    packages: Numbers,
    absent: Numbers,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    newer: Numbers,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extras: Numbers,
}

impl From<CellFile> for Pooled {
    fn from(file: CellFile) -> Self {
        let (mut packages, mut absences) = (Pool::new(), Pool::new());
        let (mut newer, mut extras) = (Pool::new(), Pool::new());
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
                extras: pool(cell.extras, &mut extras),
            };
            torch.insert(version, cell);
        }
        let mut frozen = Pool::new();
        let Ok(packages) = converted(packages, |_, package: Arc<CellPackage>| {
            Arc::unwrap_or_clone(package).with_frozen(|wheels| Ok::<_, Infallible>(pool(wheels, &mut frozen)))
        });
        Self {
            schema: SCHEMA.into(),
            system: file.system,
            python: file.python,
            cuda: file.cuda,
            capabilities: file.capabilities,
            order: file.order,
            packages,
            frozen,
            absences: owned(absences),
            newer: owned(newer),
            extras: owned(extras),
            torch,
            absent: file.absent,
        }
    }
}

impl TryFrom<Pooled> for CellFile {
    type Error = Unpooled;

    fn try_from(file: Pooled) -> Result<Self, Unpooled> {
        let packages = converted(file.packages, |name, package| {
            let of = || format!("the source of {name}");
            package.with_frozen(|numbers| unpool(of, numbers, &file.frozen)).map(Arc::new)
        })?;
        let (absences, newer) = (shareable(file.absences), shareable(file.newer));
        let extras = shareable(file.extras);
        let cells = file.torch.into_iter().map(|(torch, cell)| {
            let of = || format!("the cell of torch {torch}");
            let whole = Cell {
                cell: cell.cell,
                packages: unpool(of, cell.packages, &packages)?,
                absent: unpool(of, cell.absent, &absences)?,
                newer: unpool(of, cell.newer, &newer)?,
                extras: unpool(of, cell.extras, &extras)?,
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

/// A pool whose values cells can share.
fn shareable<T>(pool: Pool<T>) -> Pool<Arc<T>> {
    pool.into_iter().map(|(name, values)| (name, values.into_iter().map(Arc::new).collect())).collect()
}

/// A pool of values that cells have shared.
fn owned<T: Clone>(pool: Pool<Arc<T>>) -> Pool<T> {
    pool.into_iter()
        .map(|(name, values)| (name, values.into_iter().map(Arc::unwrap_or_clone).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(version: &str) -> CellSource {
        let wheel = |version: &str| FrozenWheel {
            version: version.to_owned(),
            filename: format!("setuptools-{version}-py3-none-any.whl"),
            sha256: Sha256([0; 32]),
        };
        CellSource {
            filename: "extension-1.0.tar.gz".to_owned(),
            sha256: Sha256([1; 32]),
            size: None,
            capabilities: Vec::new(),
            links: vec!["torch".to_owned()],
            frozen: BTreeMap::from([("setuptools".to_owned(), wheel(version))]),
            memory_per_job: None,
            minutes: None,
        }
    }

    #[test]
    fn what_cells_have_in_common_stands_once() {
        let package = |version: &str| CellPackage {
            version: version.to_owned(),
            wheel: None,
            source: Some(source("80.0")),
            requires: Vec::new(),
            compiles: None,
            gpu: true,
            cpu_only: false,
        };
        let cell = |versions: &[(&str, &str)]| {
            let packages =
                versions.iter().map(|(name, version)| ((*name).to_owned(), package(version).into()));
            Cell { packages: packages.collect(), ..Cell::default() }
        };
        let torches = [
            ("2.9.1".to_owned(), cell(&[("extension", "1.0"), ("other", "1.0")])),
            ("2.8.0".to_owned(), cell(&[("extension", "1.0"), ("other", "0.9")])),
        ];
        let file = CellFile {
            system: System::X86_64Linux,
            python: PythonVersion::new(12),
            cuda: "12.8".parse().unwrap(),
            capabilities: Vec::new(),
            order: vec!["2.9.1".to_owned(), "2.8.0".to_owned()],
            torch: torches.into(),
            absent: BTreeMap::new(),
        };
        let text = serde_json::to_string(&file).unwrap();
        assert_eq!(text.matches("setuptools-80.0").count(), 1, "{text}");
        assert_eq!(serde_json::from_str::<CellFile>(&text).unwrap(), file);

        let problem = |text: &str| serde_json::from_str::<CellFile>(text).unwrap_err().to_string();
        assert_eq!(
            problem(&text.replacen("\"setuptools\":0", "\"setuptools\":1", 1)),
            "the source of extension refers to entry 1 of setuptools, which does not exist"
        );
        assert_eq!(
            problem(&text.replace("\"other\":1", "\"other\":2")),
            "the cell of torch 2.8.0 refers to entry 2 of other, which does not exist"
        );
    }
}
