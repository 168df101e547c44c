//! Reads where packages are published, and writes what is new to a catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_index::{File, IndexError, Origin as _, PackageIndex};
use axle_wheel::{Metadata, PythonVersion, System, WheelName, parse_requirement};
use pep508_rs::{MarkerEnvironment, MarkerTree, PackageName};
use rayon::prelude::*;

use crate::{
    Artefact, ArtefactFile, Catalogue, CatalogueError, Folder, Matrix, Origin, Package, Provenance,
    artefact_path, markers, write_json,
};

/// How many requests are under way at once: they wait for the network, not for a processor.
const REQUESTS: usize = 16;

/// Why a package was not updated. Its file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The catalogue cannot be read or written.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// No maintainer has added the package.
    #[error("{name} is not a package of the catalogue: add it as packages/{name}.toml")]
    Unknown {
        /// The package.
        name: String,
    },
    /// Not the name of a package.
    #[error("`{name}` is not the name of a package: {message}")]
    Name {
        /// The text.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The index could not say.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file has another hash than before: it was replaced under its name.
    #[error(
        "{filename} now has the SHA-256 {found}, and the catalogue knows {known}: a file under a known name was \
         replaced. Nothing was updated; find out why before you remove the old entry"
    )]
    Replaced {
        /// The file.
        filename: String,
        /// The hash in the catalogue.
        known: String,
        /// The hash that the index declares.
        found: String,
    },
    /// The index declares no hash.
    #[error(
        "the index declares no SHA-256 for {filename}, so it cannot be recorded; choose another with --index-url"
    )]
    NoHash {
        /// The file.
        filename: String,
    },
    /// The threads for the requests cannot be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What an update did.
#[derive(Debug, Default)]
pub struct Report {
    /// The packages that were read, each with what is new.
    pub packages: BTreeMap<String, Updated>,
    /// The packages that could not be updated.
    pub errors: Vec<(String, UpdateError)>,
    /// Packages that artefacts require and that no maintainer has added.
    pub missing: BTreeSet<String>,
}

/// What is new of one package.
#[derive(Debug, Default)]
pub struct Updated {
    /// How many artefacts the catalogue has now.
    pub artefacts: usize,
    /// How many of them are new.
    pub new: usize,
    /// Files of the index that end in `.whl` and whose names are not those of this package's wheels, listed so that
    /// nothing is dropped silently.
    pub unreadable: Vec<String>,
}

/// Updates packages and, when `follow` is set, all that they require.
///
/// An error with one package does not stop the others: it is in the report.
///
/// # Errors
/// When the catalogue itself cannot be read.
pub fn update(
    folder: &Folder,
    index: &PackageIndex,
    names: &[String],
    follow: bool,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Report, UpdateError> {
    let catalogue = Catalogue::new(folder.clone());
    let matrix = catalogue.matrix()?;
    let packages = catalogue.packages()?;
    let environments = environments(&matrix);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(REQUESTS).build()?;

    let mut report = Report::default();
    let mut next: BTreeSet<String> = names.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    while !next.is_empty() {
        seen.extend(next.iter().cloned());
        let results: Vec<_> = pool.install(|| {
            next.par_iter()
                .map(|name| {
                    progress(name);
                    let result = read(&catalogue, folder, index, &packages, name);
                    (name.clone(), result)
                })
                .collect()
        });
        next = BTreeSet::new();
        for (name, result) in results {
            match result {
                Ok((updated, file)) => {
                    report.packages.insert(name, updated);
                    next.extend(
                        required(&file, &environments, &packages).filter(|name| !seen.contains(name)),
                    );
                }
                Err(error) => report.errors.push((name, error)),
            }
        }
        if !follow {
            break;
        }
        let (known, missing): (BTreeSet<_>, BTreeSet<_>) =
            next.into_iter().partition(|name| packages.contains_key(name));
        report.missing.extend(missing);
        next = known;
    }
    Ok(report)
}

fn read(
    catalogue: &Catalogue,
    folder: &Folder,
    index: &PackageIndex,
    packages: &BTreeMap<String, Package>,
    name: &str,
) -> Result<(Updated, ArtefactFile), UpdateError> {
    let package = packages.get(name).ok_or_else(|| UpdateError::Unknown { name: name.to_owned() })?;
    let project_name: PackageName = name
        .parse()
        .map_err(|error| UpdateError::Name { name: name.to_owned(), message: format!("{error}") })?;
    let mut known: BTreeMap<String, Artefact> = catalogue
        .artefacts(name)?
        .into_iter()
        .flat_map(|file| file.artefacts)
        .map(|artefact| (artefact.filename.clone(), artefact))
        .collect();
    let before = known.len();
    let mut updated = Updated::default();

    let mut wanted = Vec::new();
    for file in index.project(&project_name)?.files {
        if Path::new(&file.filename).extension().is_none_or(|extension| extension != "whl") {
            continue;
        }
        match file.filename.parse::<WheelName>() {
            Ok(wheel) if *wheel.name() != project_name => updated.unreadable.push(file.filename),
            Ok(wheel) if is_wanted(&wheel, package) => wanted.push(file),
            Ok(_) => {}
            Err(_) => updated.unreadable.push(file.filename),
        }
    }
    // The alarm of a replaced file comes before anything else is asked for.
    let wanted: Vec<_> = wanted
        .iter()
        .map(|file| {
            let known = known.get(&file.filename);
            Ok((file, declared_sha256(file, known)?, known))
        })
        .collect::<Result<_, UpdateError>>()?;
    // Collected twice: of several errors always the first is told.
    let results: Vec<_> =
        wanted.into_par_iter().map(|(file, sha256, known)| artefact(index, file, sha256, known)).collect();
    let fresh: Vec<Artefact> = results.into_iter().collect::<Result<_, _>>()?;
    // A file that left the index stays: what is locked to it can still say what it was.
    known.extend(fresh.into_iter().map(|artefact| (artefact.filename.clone(), artefact)));

    let file = ArtefactFile::new(name, known.into_values().collect());
    updated.artefacts = file.artefacts.len();
    updated.new = updated.artefacts - before;
    write_json(folder, &artefact_path(name), &file)?;
    Ok((updated, file))
}

/// Whether a wheel can matter to a cell: recent enough, for CPython or any Python 3, for a Linux that has cells.
fn is_wanted(wheel: &WheelName, package: &Package) -> bool {
    let python = |tag: &str| {
        let minor = tag.strip_prefix("cp3").and_then(|minor| minor.parse::<u16>().ok());
        // An abi3 wheel names the oldest CPython that it serves.
        minor.is_some_and(|minor| minor >= 9 || wheel.abi_tags().iter().any(|abi| abi == "abi3"))
            || tag.starts_with("py3")
    };
    let platform = |tag: &str| {
        let linux = tag.starts_with("manylinux") || tag.starts_with("linux_");
        tag == "any" || linux && System::ALL.iter().any(|system| tag.ends_with(system.architecture()))
    };
    *wheel.version() >= package.since
        && wheel.python_tags().iter().any(|tag| python(tag))
        && wheel.platform_tags().iter().any(|tag| platform(tag))
}

/// The hash that the index declares, which must be the one known.
fn declared_sha256(file: &File, known: Option<&Artefact>) -> Result<String, UpdateError> {
    let found = file
        .sha256
        .as_ref()
        .ok_or_else(|| UpdateError::NoHash { filename: file.filename.clone() })?
        .to_string();
    match known {
        Some(known) if known.sha256 != found => {
            Err(UpdateError::Replaced { filename: file.filename.clone(), known: known.sha256.clone(), found })
        }
        _ => Ok(found),
    }
}

fn artefact(
    index: &PackageIndex,
    file: &File,
    sha256: String,
    known: Option<&Artefact>,
) -> Result<Artefact, UpdateError> {
    if let Some(known) = known.filter(|known| known.requires_dist.is_some()) {
        return Ok(Artefact { yanked: file.yanked.clone(), ..known.clone() });
    }
    let metadata: Metadata = index.metadata(file)?;
    Ok(Artefact {
        size: file.size,
        requires_python: metadata.requires_python.or_else(|| file.requires_python.clone()),
        requires_dist: Some(metadata.requires_dist),
        yanked: file.yanked.clone(),
        provenance: known.map_or(Provenance::Declared, |known| known.provenance),
        audit: known.and_then(|known| known.audit.clone()),
        ..Artefact::declared(&file.filename, Origin::Pypi, &sha256)
    })
}

/// The marker environments of all systems and Pythons of the matrix.
fn environments(matrix: &Matrix) -> Vec<MarkerEnvironment> {
    let target = |system: System| matrix.pythons.iter().map(move |python: &PythonVersion| (system, *python));
    System::ALL
        .into_iter()
        .flat_map(target)
        .filter_map(|(system, python)| markers::environment(system, python).ok())
        .collect()
}

/// The packages that artefacts require on some system and Python, and those that an extra of theirs requires and
/// that are in the catalogue.
fn required<'a>(
    file: &'a ArtefactFile,
    environments: &'a [MarkerEnvironment],
    packages: &'a BTreeMap<String, Package>,
) -> impl Iterator<Item = String> + 'a {
    let lines = file.artefacts.iter().flat_map(|one| one.requires_dist.iter().flatten()).map(String::as_str);
    let lines: BTreeSet<&str> = lines.collect();
    lines.into_iter().filter_map(move |line| {
        let requirement = parse_requirement(line).ok()?;
        let name = requirement.name.to_string();
        let holds =
            |marker: &MarkerTree| environments.iter().any(|environment| marker.evaluate(environment, &[]));
        let with_extras = || requirement.marker.clone().simplify_extras_with(|_| true);
        let follow = holds(&requirement.marker) || packages.contains_key(&name) && holds(&with_extras());
        follow.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(since: &str) -> Package {
        toml::from_str(&format!("summary = \"A toy\"\nsince = \"{since}\"\n")).unwrap()
    }

    #[test]
    fn wheels_that_no_cell_can_use_are_not_wanted() {
        let wanted = |name: &str| is_wanted(&name.parse().unwrap(), &package("2.8"));
        for name in [
            "x-2.8-py3-none-any.whl",
            "x-2.8.0-py2.py3-none-any.whl",
            "x-2.10.0-cp39-cp39-manylinux_2_28_x86_64.whl",
            "x-2.10.0-cp314-cp314t-manylinux_2_28_aarch64.whl",
            "x-2.10.0-cp36-abi3-manylinux1_x86_64.manylinux2014_x86_64.whl",
            "x-2.10.0-cp311-cp311-linux_x86_64.whl",
            "x-2.9.1+cu128-cp311-cp311-manylinux_2_28_x86_64.whl",
        ] {
            assert!(wanted(name), "{name}");
        }
        for name in [
            "x-2.7.1-py3-none-any.whl",
            // A version that is to come.
            "x-2.8rc1-py3-none-any.whl",
            "x-2.9.1-py2-none-any.whl",
            "x-2.9.1-cp38-cp38-manylinux_2_28_x86_64.whl",
            "x-2.9.1-pp310-pypy310_pp73-manylinux_2_28_x86_64.whl",
            "x-2.9.1-cp311-cp311-win_amd64.whl",
            "x-2.9.1-cp311-none-macosx_11_0_arm64.whl",
            "x-2.9.1-cp311-cp311-musllinux_1_2_x86_64.whl",
            "x-2.9.1-cp311-cp311-manylinux2014_i686.whl",
        ] {
            assert!(!wanted(name), "{name}");
        }
    }

    #[test]
    fn what_is_required_on_some_target_is_followed() {
        let lines = [
            "always",
            "linux; sys_platform == 'linux'",
            "windows; sys_platform == 'win32'",
            "old-python; python_version < '3.9'",
            "new-python; python_version >= '3.12'",
            "arm; platform_machine == 'aarch64'",
            "extra-known; extra == 'all'",
            "extra-unknown; extra == 'all'",
            "extra-windows; extra == 'all' and sys_platform == 'win32'",
            "always>=2; python_version >= '3.11'",
            "what? is this",
        ];
        let artefact = Artefact {
            requires_dist: Some(lines.map(str::to_owned).into()),
            ..Artefact::declared("x-1.0-py3-none-any.whl", Origin::Pypi, &"0".repeat(64))
        };
        let file = ArtefactFile::new("x", vec![artefact]);
        let environments: Vec<_> = System::ALL
            .into_iter()
            .flat_map(|system| {
                ["3.11", "3.12"].map(|python| markers::environment(system, python.parse().unwrap()))
            })
            .collect::<Result<_, _>>()
            .unwrap();
        let packages = ["extra-known", "extra-windows"].map(|name| (name.to_owned(), package("1"))).into();
        let followed: BTreeSet<_> = required(&file, &environments, &packages).collect();
        let expected = ["always", "arm", "extra-known", "linux", "new-python"];
        assert_eq!(followed, expected.map(str::to_owned).into());
    }

    #[test]
    fn a_hash_is_declared_and_stays() {
        let hash = "0".repeat(64);
        let url = |fragment: &str| format!("https://example.org/x-1.0-py3-none-any.whl{fragment}");
        let known = |sha256: &str| Artefact::declared("x-1.0-py3-none-any.whl", Origin::Pypi, sha256);
        let file = File::at(&url(&format!("#sha256={hash}"))).unwrap();
        assert_eq!(declared_sha256(&file, None).unwrap(), hash);
        assert_eq!(declared_sha256(&file, Some(&known(&hash))).unwrap(), hash);
        let replaced = declared_sha256(&file, Some(&known(&"1".repeat(64)))).unwrap_err();
        assert!(matches!(replaced, UpdateError::Replaced { .. }), "{replaced}");
        let undeclared = declared_sha256(&File::at(&url("")).unwrap(), None).unwrap_err();
        assert!(matches!(undeclared, UpdateError::NoHash { .. }), "{undeclared}");
    }
}
