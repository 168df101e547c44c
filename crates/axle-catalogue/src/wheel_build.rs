//! `builds/<name>/<version>.json`: what Nix needs to fetch and patch the wheels that cells choose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schema that [`BuildFile::schema`] names.
pub const SCHEMA: &str = "axle.builds/1";

/// The wheels of one package version that cells choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// File name to build.
    pub wheels: BTreeMap<String, WheelBuild>,
}

/// How one wheel is fetched and patched. A function of the wheel alone: it names providers by package, and the
/// cell that a build is used in says which version of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelBuild {
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Bytes.
    pub size: Option<u64>,
    /// Ready arguments of the fetcher.
    pub fetch: Fetch,
    /// `py3` for a wheel that is built once for all Pythons, else the interpreter's tag (`cp311`).
    pub python_tag: String,
    /// The ELF members that are patched.
    pub members: Vec<MemberBuild>,
    /// Sonames that the wheel offers, each with the folder of the unpacked wheel.
    pub libraries: BTreeMap<String, String>,
    /// Members that the python level leaves out.
    pub omit: Vec<String>,
    /// Console scripts: name to `module:attribute`.
    pub scripts: BTreeMap<String, String>,
    /// Needed sonames that nothing provides; not empty means that the build is refused.
    pub unprovided: Vec<UnprovidedSoname>,
}

/// Ready arguments of a fetcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fetch {
    /// Arguments of nixpkgs' `fetchPypi`.
    #[serde(rename = "fetchPypi")]
    FetchPypi(FetchPypi),
}

/// Arguments of nixpkgs' `fetchPypi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchPypi {
    /// The name as the file name spells it.
    pub pname: String,
    /// The version, with `-BUILD` where there is a build tag.
    pub version: String,
    /// `wheel`.
    pub format: String,
    /// The Python tags as published.
    pub python: String,
    /// The ABI tags as published.
    pub abi: String,
    /// The platform tags as published.
    pub platform: String,
    /// The folder of the index's file server: the Python tags.
    pub dist: String,
    /// SRI hash of the file.
    pub hash: String,
}

/// How one ELF member is patched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberBuild {
    /// Path in the wheel.
    pub path: String,
    /// The search path, in order.
    pub search: Vec<Provider>,
    /// `true` for `DT_RPATH`, which upstream shipped and whose transitivity it relies on; `false` for `DT_RUNPATH`.
    pub rpath: bool,
    /// Whether the member is an executable, which gets the package set's loader.
    pub interpreter: bool,
}

/// One entry of a search path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Provider {
    /// A folder of the same wheel, relative to the wheel's root.
    Own {
        /// The folder.
        own: String,
    },
    /// The folder of another package's wheel that offers a soname.
    Package {
        /// The package.
        package: String,
        /// The soname.
        soname: String,
    },
    /// A library of the package set.
    Runtime {
        /// Its name in `matrix.toml`'s runtime table.
        runtime: String,
    },
    /// The driver's folder.
    Driver {
        /// Always `true`.
        driver: bool,
    },
}

/// A needed soname that nothing provides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnprovidedSoname {
    /// The member that needs it.
    pub member: String,
    /// The soname.
    pub soname: String,
}
