//! `matrix.toml`: the supported systems, Pythons, CUDA releases and compute capabilities, written by hand.

use std::collections::BTreeMap;

use axle_types::{ComputeCapability, CudaTarget, Glibc, PythonVersion, System};
use serde::Deserialize;

/// The supported systems, Pythons, CUDA versions and capabilities, and the order in which a cell is solved.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Matrix {
    /// Systems, as Nix names them.
    pub systems: Vec<System>,
    /// Python versions.
    pub pythons: Vec<PythonVersion>,
    /// CUDA minor releases (`12.8`).
    pub cudas: Vec<CudaTarget>,
    /// The newest glibc that a wheel of a cell may ask for.
    pub glibc: Glibc,
    /// Every compute capability that a target may name; another one is refused as unknown.
    pub compute_capabilities: Vec<ComputeCapability>,
    /// The packages in the order in which a cell is solved, one by one, each with everything before it fixed; the
    /// groups say what kind of package each is. The first package of the first group is the one that has a cell per version: torch.
    pub order: Vec<Vec<String>>,
    /// Sonames that no wheel provides, by where they come from.
    pub runtime: Runtime,
    /// What is compiled besides what cells take from wheels.
    #[serde(default)]
    pub compiled: Compiled,
}

impl Matrix {
    /// Every combination that may have a file of cells.
    pub fn targets(&self) -> impl Iterator<Item = (System, PythonVersion, CudaTarget)> {
        let of_system = move |system| {
            let of_python = move |python| self.cudas.iter().map(move |cuda| (system, python, *cuda));
            self.pythons.iter().copied().flat_map(of_python)
        };
        self.systems.iter().copied().flat_map(of_system)
    }
}

/// What a build server compiles: every source of every cell for each of the lists of capabilities by each of the
/// compilers. Requests take any other; this only says what is built ahead and tested.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compiled {
    /// Lists of capabilities; a build is for all that one of them names.
    pub compute_capabilities: Vec<Vec<ComputeCapability>>,
    /// Compilers as `concretise` takes them: `gcc13`, `clang17`.
    pub compilers: Vec<String>,
}

/// Sonames that come from outside all wheels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Runtime {
    /// Sonames of the GPU driver, found at run time in the driver's folder, never in the store.
    pub driver: Vec<String>,
    /// Sonames of the package set's libraries: the name of the library (`libc`, `libstdcxx`, …, known to the
    /// overlay) to the sonames that it offers.
    pub libraries: BTreeMap<String, Vec<String>>,
}

impl Runtime {
    /// Whether a library that is opened by that name is the driver's, whatever version it names: `libcuda.so` is.
    pub fn is_of_driver(&self, name: &str) -> bool {
        fn without_version(name: &str) -> Option<&str> {
            let (stem, version) = name.split_once(".so")?;
            (version.is_empty() || version.starts_with('.')).then_some(stem)
        }
        without_version(name)
            .is_some_and(|stem| self.driver.iter().any(|soname| without_version(soname) == Some(stem)))
    }
}
