//! `builds/<name>/<version>.json`: how Nix fetches and patches the wheels that cells choose and that toolkits are
//! assembled from.

use axle_types::Sha256;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArchitecturesVariable, BuildSystem, Replacement};

/// The schema that [`BuildFile::schema`] names.
pub const SCHEMA: &str = "axle.builds/2";

/// The wheels of one package version that cells and toolkits have, and how its sdists are compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// File name to build. Where the package has several wheels of one name, as PyTorch's index publishes xformers for each
    /// CUDA, the name is followed by `#` and the start of the hash.
    pub wheels: BTreeMap<String, WheelBuild>,
    /// File name of an sdist to its build.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, SourceBuild>,
}

impl BuildFile {
    /// The key of a wheel whose name is not its alone.
    pub fn key_by_hash(filename: &str, sha256: Sha256) -> String {
        format!("{filename}#{:.12}", sha256.to_string())
    }

    /// The key of a wheel.
    pub fn key(&self, filename: &str, sha256: Sha256) -> String {
        let by_hash = Self::key_by_hash(filename, sha256);
        if self.wheels.contains_key(&by_hash) { by_hash } else { filename.to_owned() }
    }

    /// The names of its files.
    pub fn filenames(&self) -> impl Iterator<Item = &str> {
        self.wheels
            .keys()
            .chain(self.sources.keys())
            .map(|key| key.split_once('#').map_or(&**key, |(name, _)| name))
    }

    /// How a wheel is fetched and patched.
    pub fn wheel(&self, filename: &str, sha256: Sha256) -> Option<&WheelBuild> {
        self.wheels.get(&self.key(filename, sha256))
    }
}

/// How one sdist is fetched and compiled. What it links comes from the cell: [`crate::CellSource::links`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceBuild {
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
    /// Bytes.
    pub size: Option<u64>,
    /// Ready arguments of the fetcher.
    pub fetch: Fetch,
    /// What runs the build.
    pub build_system: BuildSystem,
    /// CUDA components whose headers it includes, by their name in a toolkit.
    pub components: Vec<String>,
    /// Environment variables, as they are.
    pub environment: BTreeMap<String, String>,
    /// What is written otherwise in its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<Replacement>,
    /// Which variable takes the architectures, and how it spells them.
    pub architectures: Option<ArchitecturesVariable>,
    /// Which variable takes the number of jobs.
    pub jobs: Option<String>,
    /// Bytes of memory that one job of the compiler needs, at most.
    pub memory_per_job: Option<u64>,
}

/// How one wheel is fetched and patched. A function of the wheel alone: it names providers by package, and the
/// cell that a build is used in says which version of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WheelBuild {
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
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
    /// Of a wheel whose bytes were not seen, who provides each soname that it is declared to need. Every ELF member
    /// gets all of them as its search path, and one that needs another soname makes the build fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<BTreeMap<String, Provider>>,
}

/// Ready arguments of a fetcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Fetch {
    /// Arguments of nixpkgs' `fetchPypi`.
    #[serde(rename = "fetchPypi")]
    FetchPypi(FetchPypi),
    /// Arguments of nixpkgs' `fetchurl`.
    #[serde(rename = "fetchurl")]
    FetchUrl(FetchUrl),
}

/// Arguments of nixpkgs' `fetchurl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchUrl {
    /// The address.
    pub url: String,
    /// The file's name, with a plain `+`: `%2B` in a store name would be read as a build tag.
    pub name: String,
    /// SRI hash of the file.
    pub hash: String,
}

/// Arguments of nixpkgs' `fetchPypi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FetchPypiArguments")]
pub struct FetchPypi {
    /// The name as the file name spells it.
    pub pname: String,
    /// The version, with `-BUILD` where there is a build tag.
    pub version: String,
    /// The parts of a wheel's name.
    #[serde(flatten)]
    pub wheel: Option<FetchWheel>,
    /// The extension of an sdist's name (`tar.gz`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// SRI hash of the file.
    pub hash: String,
}

/// A [`FetchPypi`] as it is read: flattened fields would all be kept in memory first, to be looked through.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FetchPypiArguments {
    pname: String,
    version: String,
    format: Option<String>,
    python: Option<String>,
    abi: Option<String>,
    platform: Option<String>,
    dist: Option<String>,
    extension: Option<String>,
    hash: String,
}

/// Some arguments of a wheel without the others.
#[derive(Debug, thiserror::Error)]
#[error(
    "a wheel must have all of `format`, `python`, `abi`, `platform` and `dist`, and an sdist none of them"
)]
struct PartialWheel;

impl TryFrom<FetchPypiArguments> for FetchPypi {
    type Error = PartialWheel;

    fn try_from(read: FetchPypiArguments) -> Result<Self, PartialWheel> {
        let FetchPypiArguments { pname, version, extension, hash, .. } = read;
        let wheel = match (read.format, read.python, read.abi, read.platform, read.dist) {
            (Some(format), Some(python), Some(abi), Some(platform), Some(dist)) => {
                Some(FetchWheel { format, python, abi, platform, dist })
            }
            (None, None, None, None, None) => None,
            _ => return Err(PartialWheel),
        };
        Ok(Self { pname, version, wheel, extension, hash })
    }
}

/// What `fetchPypi` takes for a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchWheel {
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
}

/// How one ELF member is patched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberBuild {
    /// Path in the wheel.
    pub path: String,
    /// The search path, in order.
    pub search: Vec<Provider>,
    /// `true` for `DT_RPATH`, which upstream shipped and whose transitivity it relies on; `false` for `DT_RUNPATH`, which
    /// a member that opens the driver itself always has: LD_LIBRARY_PATH is searched before it.
    pub rpath: bool,
    /// Whether the member is an executable, which gets the package set's loader.
    pub interpreter: bool,
    /// Whether only some targets load it: where the cell lacks one of its providers, it is left as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alternative: bool,
}

/// One entry of a search path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", untagged, try_from = "ProviderEntry")]
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
        /// Whether it is searched only in cells that have the package: what is opened by `dlopen` is named by the TOML,
        /// whatever the cell, and an alternative member is not loaded in every cell.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        optional: bool,
    },
    /// A library of the package set.
    Runtime {
        /// Its name in `matrix.toml`'s runtime table.
        runtime: String,
    },
    /// The driver's folder, after all others.
    Driver {
        /// Always `true`.
        driver: bool,
    },
}

/// A [`Provider`] as it is read: one object with all that any may say is read at once, where the variants would be tried
/// one by one. There are tens of thousands.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProviderEntry {
    own: Option<String>,
    package: Option<String>,
    soname: Option<String>,
    optional: bool,
    runtime: Option<String>,
    driver: Option<bool>,
}

/// An entry of a search path that is of no kind, or of several.
#[derive(Debug, thiserror::Error)]
#[error("an entry of a search path must have `own`, or `package` and `soname`, or `runtime`, or `driver`")]
struct UnknownProvider;

impl TryFrom<ProviderEntry> for Provider {
    type Error = UnknownProvider;

    fn try_from(entry: ProviderEntry) -> Result<Self, UnknownProvider> {
        let ProviderEntry { own, package, soname, optional, runtime, driver } = entry;
        match (own, package, soname, runtime, driver) {
            (Some(own), None, None, None, None) => Ok(Self::Own { own }),
            (None, Some(package), Some(soname), None, None) => {
                Ok(Self::Package { package, soname, optional })
            }
            (None, None, None, Some(runtime), None) => Ok(Self::Runtime { runtime }),
            (None, None, None, None, Some(driver)) => Ok(Self::Driver { driver }),
            _ => Err(UnknownProvider),
        }
    }
}

/// A needed soname that nothing provides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnprovidedSoname {
    /// The member that needs it.
    pub member: String,
    /// The soname.
    pub soname: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_fetched_with_all_parts_of_its_name_or_not_at_all() {
        let wheel = serde_json::json!({
            "pname": "made", "version": "1.0", "format": "wheel", "python": "cp312", "abi": "cp312",
            "platform": "manylinux_2_28_x86_64", "dist": "cp312", "hash": "sha256-",
        });
        let read: FetchPypi = serde_json::from_value(wheel.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), wheel);

        let mut partial = wheel;
        partial.as_object_mut().unwrap().remove("abi");
        assert_eq!(
            serde_json::from_value::<FetchPypi>(partial).unwrap_err().to_string(),
            "a wheel must have all of `format`, `python`, `abi`, `platform` and `dist`, and an sdist none of them"
        );
    }

    #[test]
    fn an_entry_of_a_search_path_is_of_one_kind() {
        let read = |entry: serde_json::Value| serde_json::from_value::<Provider>(entry);
        let package =
            Provider::Package { package: "made".into(), soname: "libmade.so".into(), optional: false };
        assert_eq!(read(serde_json::json!({"package": "made", "soname": "libmade.so"})).unwrap(), package);
        for entry in [
            serde_json::json!({}),
            serde_json::json!({"package": "made"}),
            serde_json::json!({"own": "made", "driver": true}),
        ] {
            assert_eq!(
                read(entry).unwrap_err().to_string(),
                "an entry of a search path must have `own`, or `package` and `soname`, or `runtime`, or `driver`"
            );
        }
    }
}
