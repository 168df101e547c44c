//! `libraries.json`: the packages that provide each library, so that a lookup does not have to read all builds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::BuildFile;

/// The schema that [`LibrariesFile::schema`] names.
pub const SCHEMA: &str = "axle.libraries/1";

/// The libraries in the wheels of all builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibrariesFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// Soname to the packages that have it in any version that a cell or a toolkit chooses.
    pub libraries: BTreeMap<String, BTreeSet<String>>,
}

impl LibrariesFile {
    /// The libraries of some builds.
    pub fn of<'a>(builds: impl IntoIterator<Item = &'a BuildFile>) -> Self {
        let mut file = Self::default();
        for build in builds {
            for soname in build.wheels.values().flat_map(|wheel| wheel.libraries.keys()) {
                file.libraries.entry(soname.clone()).or_default().insert(build.name.clone());
            }
        }
        file
    }
}

impl Default for LibrariesFile {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), libraries: BTreeMap::new() }
    }
}
