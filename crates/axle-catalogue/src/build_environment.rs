//! `build-environments/<name>.json`: the frozen wheels that the sources of a package are compiled with.

use std::collections::BTreeMap;

use axle_types::{PythonVersion, Sha256, System};
use serde::{Deserialize, Serialize};

use crate::pool::{Pool, Unpooled, pool, unpool};

/// The schema that a file of build environments names.
pub const SCHEMA: &str = "axle.build-environments/1";

/// The environments that the sources of a package are compiled in, beside what they are compiled against. A cell takes
/// the first of its system and Python that has all it needs, so that an environment which is added moves none.
///
/// In its JSON each wheel stands once, and an environment says which by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Pooled", try_from = "Pooled")]
pub struct BuildEnvironments {
    /// The environments, those that were frozen first in front.
    pub environments: Vec<BuildEnvironment>,
}

/// What a source is compiled with on one system and Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildEnvironment {
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The wheels, by package.
    pub wheels: BTreeMap<String, FrozenWheel>,
}

/// A wheel that no update moves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenWheel {
    /// The version of its package.
    pub version: String,
    /// Its file name; how it is fetched and patched is in `builds/<package>/<version>.json`.
    pub filename: String,
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
}

/// A file of build environments as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pooled {
    schema: String,
    wheels: Pool<FrozenWheel>,
    environments: Vec<PooledEnvironment>,
}

/// An environment that says by number what it has under each name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PooledEnvironment {
    system: System,
    python: PythonVersion,
    wheels: BTreeMap<String, usize>,
}

impl From<BuildEnvironments> for Pooled {
    fn from(file: BuildEnvironments) -> Self {
        let mut wheels = Pool::new();
        let environments = file.environments.into_iter().map(|environment| PooledEnvironment {
            system: environment.system,
            python: environment.python,
            wheels: pool(environment.wheels, &mut wheels),
        });
        Self { environments: environments.collect(), schema: SCHEMA.into(), wheels }
    }
}

impl TryFrom<Pooled> for BuildEnvironments {
    type Error = Unpooled;

    fn try_from(file: Pooled) -> Result<Self, Unpooled> {
        let environments = file.environments.into_iter().map(|environment| {
            let PooledEnvironment { system, python, wheels } = environment;
            let of = || format!("the build environment of Python {python} on {system}");
            let wheels = unpool(of, wheels, &file.wheels)?;
            Ok(BuildEnvironment { system, python, wheels })
        });
        Ok(Self { environments: environments.collect::<Result<_, _>>()? })
    }
}
