//! Plans as pylock.toml (PEP 751), for pip and uv.

use axle_catalogue::Catalogue;
use axle_index::{Origin as _, PackageIndex, Settings};
use axle_plan::{Plan, pins};
use axle_types::Sha256;
use axle_wheel::WheelName;
use serde::Serialize;

use crate::output::Error;

/// `pylock.toml`, with the fields of PEP 751 that a plan fills.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Pylock {
    lock_version: &'static str,
    environments: [String; 1],
    requires_python: String,
    created_by: &'static str,
    packages: Vec<Package>,
}

/// A package with its only file.
#[derive(Serialize)]
struct Package {
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdist: Option<File>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wheels: Vec<File>,
}

/// A file and where it is.
#[derive(Serialize)]
struct File {
    name: String,
    url: String,
    hashes: Hashes,
}

/// The hashes of a file.
#[derive(Serialize)]
struct Hashes {
    sha256: Sha256,
}

/// `pylock.toml`. It has to name the address of every file, which the package index is asked for.
pub fn pylock(catalogue: &Catalogue, plan: &Plan, index_url: Option<&str>) -> Result<String, Error> {
    let index = PackageIndex::new(&Settings::discover(index_url)?)?;
    let machine = plan.target.system.architecture();
    let mut lock = Pylock {
        lock_version: "1.0",
        environments: [format!("sys_platform == 'linux' and platform_machine == '{machine}'")],
        requires_python: format!("=={}.*", plan.target.python.version()),
        created_by: "axle",
        packages: Vec::new(),
    };
    for pin in pins(catalogue, plan)? {
        let url = match pin.url {
            Some(url) => url,
            None => address(&index, pin.name, pin.filename, pin.sha256)?,
        };
        let file = File { name: pin.filename.to_owned(), url, hashes: Hashes { sha256: pin.sha256 } };
        let (sdist, wheels) = match pin.filename.parse::<WheelName>() {
            Ok(_) => (None, vec![file]),
            Err(_) => (Some(file), Vec::new()),
        };
        let (name, version) = (pin.name.to_owned(), pin.version.to_owned());
        lock.packages.push(Package { name, version, sdist, wheels });
    }
    toml::to_string(&lock).map_err(|error| error.to_string().into())
}

/// Where the package index has a file.
fn address(index: &PackageIndex, name: &str, filename: &str, sha256: Sha256) -> Result<String, Error> {
    let project = index.project(&name.parse()?)?;
    let file = project.files.into_iter().find(|file| file.filename == filename);
    let file = file.ok_or_else(|| format!("the package index does not have {filename}"))?;
    if file.sha256.is_some_and(|digest| digest != sha256) {
        return Err(format!(
            "{filename} on the package index differs from the one in the catalogue: {}",
            file.url
        )
        .into());
    }
    Ok(file.url.to_string())
}
