//! `components.json`: the wheels that the toolkit of a CUDA release is assembled from, for Nix to compile with.

use std::collections::BTreeMap;

use axle_types::{CudaTarget, System};
use serde::{Deserialize, Serialize};

/// The schema that [`ComponentsFile::schema`] names.
pub const SCHEMA: &str = "axle.components/1";

/// The CUDA releases whose compiler NVIDIA publishes in wheels, by system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentsFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// System to release to its wheels.
    pub systems: BTreeMap<System, BTreeMap<CudaTarget, ToolkitWheels>>,
}

/// The wheels of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolkitWheels {
    /// The version of the toolkit that they belong to: `13.2.2`.
    pub version: String,
    /// The component, as a `[source]` of a package names it (`cublas`), to its wheel.
    pub components: BTreeMap<String, ComponentWheel>,
}

/// The wheel of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentWheel {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The file name; how it is fetched and patched is in `builds/<package>/<version>.json`.
    pub filename: String,
}

impl Default for ComponentsFile {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), systems: BTreeMap::new() }
    }
}

impl ComponentsFile {
    /// Every toolkit of every system.
    pub fn toolkits(&self) -> impl Iterator<Item = (System, CudaTarget, &ToolkitWheels)> {
        self.systems
            .iter()
            .flat_map(|(system, toolkits)| toolkits.iter().map(|(cuda, toolkit)| (*system, *cuda, toolkit)))
    }
}
