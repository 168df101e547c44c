//! `matrix.toml`: what is supported, written by hand.

use std::collections::BTreeMap;

use axle_fatbin::ComputeCapability;
use axle_wheel::{Glibc, PythonVersion, System};
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
    pub cudas: Vec<Cuda>,
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
    pub fn targets(&self) -> impl Iterator<Item = (System, PythonVersion, Cuda)> {
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

/// A CUDA minor release, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cuda {
    /// Without CUDA.
    Cpu,
    /// Major and minor number of the toolkit.
    Toolkit(u16, u16),
}

impl std::fmt::Display for Cuda {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::Toolkit(major, minor) => write!(formatter, "{major}.{minor}"),
        }
    }
}

/// A CUDA version that is not written as a minor release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a CUDA version: write major and minor, as in `12.8`, or `cpu`")]
pub struct CudaError(pub String);

impl std::str::FromStr for Cuda {
    type Err = CudaError;

    fn from_str(text: &str) -> Result<Self, CudaError> {
        if text == "cpu" {
            return Ok(Self::Cpu);
        }
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::Toolkit(number(major)?, number(minor)?)))
            .ok_or_else(|| CudaError(text.to_owned()))
    }
}

impl serde::Serialize for Cuda {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cuda {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_is_a_minor_release() {
        assert_eq!("12.8".parse(), Ok(Cuda::Toolkit(12, 8)));
        assert_eq!("cpu".parse(), Ok(Cuda::Cpu));
        for wrong in ["", "12", "12.", ".8", "12.8.1", "+12.8", "cu128", "99999999.1"] {
            assert_eq!(wrong.parse::<Cuda>(), Err(CudaError(wrong.into())), "{wrong}");
        }
        assert!(Cuda::Toolkit(12, 10) > Cuda::Toolkit(12, 9));
    }
}
