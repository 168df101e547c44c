//! Comparison of a package's published files with the catalogue: new, changed and withdrawn files.
//!
//! Nothing is written here. An alarming change (a file with a different hash, one that vanished, a project that is gone
//! or quarantined) leaves the package's artefacts unchanged until a maintainer accepts it by name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use axle_index::{
    File, FindLinks, Folder as WheelFolder, GithubReleases, IndexError, Origin as Place, Project,
    SettingsError,
};
use axle_types::{
    MarkerEnvironment, PackageName, PythonVersion, Requirement, Sha256, System, marker_environment,
};
use axle_wheel::{Metadata, SdistName, WheelName};
use flate2::read::GzDecoder;
use rayon::prelude::*;

use axle_catalogue::{
    Artefact, ArtefactFile, Catalogue, CatalogueError, Files as _, Matrix, Origin, Package, Provenance,
};

use crate::{Kind, Places};

/// How many requests are under way at once: they wait for the network, not for a processor.
const REQUESTS: usize = 16;

/// Why a package was not updated. Its artefacts are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
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
    /// A place could not say.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index that pip uses cannot be found.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The metadata of an sdist cannot be read.
    #[error("the metadata of {filename} is not valid: {message}; exclude its version with `source.versions`")]
    Sdist {
        /// The sdist.
        filename: String,
        /// What is wrong.
        message: String,
    },
    /// A file has another hash than before: it was replaced under its name.
    #[error(
        "{filename} now has the SHA-256 {found}, but the catalogue records {known}: the published file was \
         replaced. Nothing was updated; find out why before you accept it by name"
    )]
    Replaced {
        /// The file.
        filename: String,
        /// The hash in the catalogue.
        known: Sha256,
        /// The hash that is declared.
        found: Sha256,
    },
    /// A file is not there any more.
    #[error(
        "{filename} is no longer published. Nothing was updated; find out why before you accept it by name"
    )]
    Vanished {
        /// The file.
        filename: String,
    },
    /// The index says something of the project as a whole.
    #[error(
        "the index reports that {name} is {status}. Nothing was updated; find out why before you accept it by name"
    )]
    Status {
        /// The project.
        name: String,
        /// What it says.
        status: String,
    },
    /// A place declares no hash.
    #[error(
        "the index declares no SHA-256 for {filename}, so it cannot be recorded; choose another index with --index-url"
    )]
    NoHash {
        /// The file.
        filename: String,
    },
    /// The threads for the requests cannot be started.
    #[error("failed to start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What was read.
#[derive(Debug, Default)]
pub struct Report {
    /// The packages that were read, each with what is new.
    pub packages: BTreeMap<String, Updated>,
    /// The packages that could not be updated.
    pub errors: Vec<(String, ReadError)>,
    /// Packages that artefacts require and that no maintainer has added.
    pub missing: BTreeSet<String>,
}

/// What was read of one package.
#[derive(Debug)]
pub struct Updated {
    /// Its artefacts, known and new.
    pub file: ArtefactFile,
    /// How many of them are new.
    pub new: usize,
    /// What a person should look at.
    pub problems: Vec<String>,
}

/// Reads packages and, when `follow` is set, all that they require. `accepted` names files and projects of which a
/// person has accepted what is alarming.
///
/// An error with one package does not stop the others: it is in the report.
///
/// # Errors
/// When the catalogue itself cannot be read.
pub fn read(
    catalogue: &Catalogue,
    places: &Places,
    names: &[String],
    follow: bool,
    accepted: &BTreeSet<String>,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Report, ReadError> {
    let matrix = catalogue.matrix()?;
    let packages = catalogue.packages()?;
    let environments = environments(&matrix);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(REQUESTS).build()?;
    let reader = Reader { catalogue, places, packages: &packages, accepted, metadata: Mutex::default() };

    let mut report = Report::default();
    let mut next: BTreeSet<String> = names.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    while !next.is_empty() {
        seen.extend(next.iter().cloned());
        let results: Vec<_> = pool.install(|| {
            next.par_iter()
                .map(|name| {
                    progress(name);
                    (name.clone(), reader.read(name))
                })
                .collect()
        });
        next = BTreeSet::new();
        for (name, result) in results {
            match result {
                Ok(updated) => {
                    let required = required(&updated.file, &environments, &packages);
                    next.extend(required.filter(|name| !seen.contains(name)));
                    report.packages.insert(name, updated);
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

struct Reader<'a> {
    catalogue: &'a Catalogue,
    places: &'a Places,
    packages: &'a BTreeMap<String, Package>,
    accepted: &'a BTreeSet<String>,
    /// Metadata that was read already, by its own hash: the wheels of a version mostly have the same.
    metadata: Mutex<BTreeMap<String, Metadata>>,
}

/// A place, and what it lists of a project.
type Listed = (Kind, Box<dyn Place>, Project);

/// What tells artefacts of a package apart: one name may be published at several addresses with other bytes.
type Key = (Origin, String);

impl Reader<'_> {
    fn read(&self, name: &str) -> Result<Updated, ReadError> {
        let package = self.packages.get(name).ok_or_else(|| ReadError::Unknown { name: name.to_owned() })?;
        let project: PackageName = name
            .parse()
            .map_err(|error| ReadError::Name { name: name.to_owned(), message: format!("{error}") })?;
        let mut known: BTreeMap<Key, Artefact> = self
            .catalogue
            .artefacts(name)?
            .into_iter()
            .flat_map(|file| file.artefacts)
            .map(|artefact| ((artefact.origin.clone(), artefact.filename.clone()), artefact))
            .collect();
        let mut unplaced: BTreeSet<Key> =
            known.keys().filter(|(origin, _)| !package.names_place(origin.url())).cloned().collect();
        known.retain(|key, _| !unplaced.contains(key));
        let before = known.len();
        let mut problems = Vec::new();
        let mut unreadable = BTreeSet::new();
        let mut wanted: BTreeMap<Key, (File, Sha256)> = BTreeMap::new();
        for (kind, place, listed) in self.listed(name, &project, package)? {
            problems.extend(listed.problems.iter().map(ToString::to_string));
            let mut found = BTreeSet::new();
            for file in listed.files {
                let origin = match kind {
                    Kind::Index => Origin::Pypi,
                    _ => Origin::Url(file.url.to_string()),
                };
                found.insert(file.filename.clone());
                if !package.names_place(origin.url()) {
                    unplaced.insert((origin, file.filename));
                    continue;
                }
                match is_wanted(&file.filename, origin.url(), &project, package) {
                    Wanted::No => continue,
                    Wanted::Unreadable => {
                        unreadable.insert(file.filename);
                        continue;
                    }
                    Wanted::Yes => {}
                }
                let key = (origin, file.filename.clone());
                // The alarm of a replaced file comes before anything else is asked for.
                let sha256 = self.sha256(kind, &*place, &file, known.get(&key))?;
                wanted.entry(key).or_insert((file, sha256));
            }
            if kind == Kind::Index {
                let vanished = known.keys().find(|(origin, filename)| {
                    *origin == Origin::Pypi && !found.contains(filename) && !self.accepted.contains(filename)
                });
                if let Some((_, filename)) = vanished {
                    return Err(ReadError::Vanished { filename: filename.clone() });
                }
                known.retain(|(origin, filename), _| *origin != Origin::Pypi || found.contains(filename));
            }
        }
        if !unplaced.is_empty() {
            problems.push(format!(
                "left out {} wheels at addresses that neither [published] nor a [[publisher]] of packages/{name}.toml \
                 names: nothing is known of who built them",
                unplaced.len()
            ));
        }
        // Collected twice: of several errors always the first is told.
        let results: Vec<_> = wanted
            .into_par_iter()
            .map(|((origin, _), (file, sha256))| {
                let known = known.get(&(origin.clone(), file.filename.clone()));
                self.artefact(package, &project, origin, &file, sha256, known)
            })
            .collect();
        let fresh: Vec<Artefact> = results.into_iter().collect::<Result<_, _>>()?;
        known.extend(
            fresh
                .into_iter()
                .map(|artefact| ((artefact.origin.clone(), artefact.filename.clone()), artefact)),
        );
        let mut file = ArtefactFile::new(name, known.into_values().collect());
        file.unreadable = unreadable.into_iter().collect();
        Ok(Updated { new: file.artefacts.len().saturating_sub(before), file, problems })
    }

    /// What each place that the package names lists of it.
    fn listed(&self, name: &str, project: &PackageName, package: &Package) -> Result<Vec<Listed>, ReadError> {
        let Places { index, client, github, kinds, facts, root, .. } = self.places;
        let published = &package.published;
        let mut places: Vec<(Kind, Box<dyn Place>)> = Vec::new();
        if published.index {
            places.push((Kind::Index, Box::new(index.clone())));
        }
        for repository in &published.github {
            places.push((Kind::Github, Box::new(GithubReleases::new(client, github, repository)?)));
        }
        for publisher in &package.publishers {
            for repository in &publisher.github {
                places.push((Kind::Github, Box::new(GithubReleases::new(client, github, repository)?)));
            }
        }
        let pages = published.find_links.iter().map(|page| (page, &published.variants));
        let theirs = package
            .publishers
            .iter()
            .flat_map(|publisher| publisher.find_links.iter().map(|page| (page, &publisher.variants)));
        for (page, variants) in pages.chain(theirs) {
            let variants: &[String] = if page.contains("{variant}") { variants } else { &[] };
            places.push((Kind::FindLinks, Box::new(FindLinks::new(client, page, variants)?)));
        }
        if let Some(folder) = &published.directory {
            places.push((Kind::Directory, Box::new(WheelFolder::new(root.join(folder))?)));
        }
        places.retain(|(kind, _)| kinds.contains(kind));
        if let Some(facts) = facts {
            places.push((Kind::Facts, Box::new(facts.clone())));
        }
        let mut listed = Vec::new();
        for (kind, place) in places {
            let found = match place.project(project) {
                Ok(found) => found,
                // A table of facts is about some packages.
                Err(IndexError::NotFound { .. }) if kind == Kind::Facts => continue,
                Err(error) => return Err(error.into()),
            };
            if let Some(status) = &found.status
                && status.marker == "quarantined"
                && !self.accepted.contains(name)
            {
                let reason = status.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let status = format!("{}{reason}", status.marker);
                return Err(ReadError::Status { name: name.to_owned(), status });
            }
            listed.push((kind, place, found));
        }
        Ok(listed)
    }

    /// The declared hash, which must be the one known. Where a place declares none, the bytes tell it, once.
    fn sha256(
        &self,
        kind: Kind,
        place: &dyn Place,
        file: &File,
        known: Option<&Artefact>,
    ) -> Result<Sha256, ReadError> {
        let known = known.filter(|_| !self.accepted.contains(&file.filename));
        if file.sha256.is_none() && kind != Kind::Index {
            return match known {
                Some(known) => Ok(known.sha256),
                None => Ok(place.sha256(file)?),
            };
        }
        declared_sha256(file, known)
    }

    fn artefact(
        &self,
        package: &Package,
        project: &PackageName,
        origin: Origin,
        file: &File,
        sha256: Sha256,
        known: Option<&Artefact>,
    ) -> Result<Artefact, ReadError> {
        let published = file.published.as_ref().map(|published| published.source.clone());
        let known = known.filter(|known| known.sha256 == sha256);
        let is_seen = origin == Origin::Pypi;
        if let Some(known) = known.filter(|known| known.requires_dist.is_some() || !is_seen) {
            return Ok(Artefact {
                yanked: file.yanked.clone(),
                size: known.size.or(file.size),
                published: known.published.clone().or(published),
                ..known.clone()
            });
        }
        let fresh = Artefact {
            size: file.size,
            requires_python: file.requires_python.clone(),
            yanked: file.yanked.clone(),
            published,
            provenance: known.map_or(Provenance::Declared, |known| known.provenance),
            audit: known.and_then(|known| known.audit.clone()),
            ..Artefact::declared(&file.filename, origin, sha256)
        };
        // What stands elsewhere is a fact that was published; its bytes are not asked for.
        if !is_seen {
            return Ok(fresh);
        }
        let metadata = if fresh.is_wheel() { self.metadata(file)? } else { self.sdist_metadata(file)? };
        let compiled = || {
            let version = SdistName::parse(&file.filename, project).ok()?.version().clone();
            let source = package.source.as_ref().filter(|source| source.versions.contains(&version))?;
            source.requires_dist.clone()
        };
        let dynamic = !fresh.is_wheel() && metadata.has_dynamic_requirements();
        Ok(Artefact {
            requires_python: metadata.requires_python.or(fresh.requires_python.clone()),
            requires_dist: if dynamic { compiled() } else { Some(metadata.requires_dist) },
            ..fresh
        })
    }

    /// The metadata of a wheel, read once where several have the same.
    fn metadata(&self, file: &File) -> Result<Metadata, ReadError> {
        let beside = file.core_metadata.as_ref().and_then(|beside| beside.sha256);
        self.remembered(beside.or(file.sha256), || Ok(self.places.index.metadata(file)?))
    }

    /// The metadata of an sdist: `PKG-INFO` in its top folder. The whole sdist must be read for it.
    fn sdist_metadata(&self, file: &File) -> Result<Metadata, ReadError> {
        let unreadable = |message: String| ReadError::Sdist { filename: file.filename.clone(), message };
        self.remembered(file.sha256, || {
            let mut download = tempfile::tempfile().map_err(|error| unreadable(error.to_string()))?;
            self.places.index.download(file, &mut download)?;
            let bytes = pkg_info(download).map_err(unreadable)?;
            Metadata::parse(&bytes).map_err(|error| unreadable(error.to_string()))
        })
    }

    /// Metadata by the hash of what it was read from, which never changes: from this run, from the cache, or read now.
    fn remembered(
        &self,
        hash: Option<Sha256>,
        read: impl FnOnce() -> Result<Metadata, ReadError>,
    ) -> Result<Metadata, ReadError> {
        let Some(hash) = hash.map(|hash| hash.to_string()) else { return read() };
        if let Ok(known) = self.metadata.lock()
            && let Some(metadata) = known.get(&hash)
        {
            return Ok(metadata.clone());
        }
        let cache =
            self.places.cache.as_ref().map(|cache| axle_catalogue::Folder::new(cache.join("metadata")));
        let kept = cache.as_ref().and_then(|cache| cache.read(&hash).ok().flatten());
        let kept = kept.and_then(|bytes| Metadata::parse(&bytes).ok());
        let metadata = if let Some(metadata) = kept {
            metadata
        } else {
            let metadata = read()?;
            if let Some(cache) = cache {
                // Only to be faster the next time.
                let _ = cache.write(&hash, metadata.to_string().as_bytes());
            }
            metadata
        };
        if let Ok(mut known) = self.metadata.lock() {
            known.insert(hash, metadata.clone());
        }
        Ok(metadata)
    }
}

/// The bytes of `PKG-INFO` in the top folder of an sdist.
fn pkg_info(mut sdist: std::fs::File) -> Result<Vec<u8>, String> {
    /// The most bytes in it, and the most that are unpacked to find it.
    const LARGEST: u64 = 16 << 20;
    const MOST: u64 = 2 << 30;

    let told = |error: std::io::Error| error.to_string();
    std::io::Seek::rewind(&mut sdist).map_err(told)?;
    let mut archive = tar::Archive::new(GzDecoder::new(std::io::BufReader::new(sdist)).take(MOST));
    // As they lie there: further headers, which hold long names and could hold gigabytes, are passed over like files.
    // The name that is looked for is short.
    for entry in archive.entries().map_err(told)?.raw(true) {
        let entry = entry.map_err(told)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.header().path().map_err(told)?.into_owned();
        if path.components().count() == 2 && path.file_name().is_some_and(|name| name == "PKG-INFO") {
            let mut bytes = Vec::new();
            entry.take(LARGEST).read_to_end(&mut bytes).map_err(told)?;
            return Ok(bytes);
        }
    }
    Err("its top directory has no PKG-INFO".to_owned())
}

#[derive(Debug, PartialEq)]
enum Wanted {
    Yes,
    No,
    Unreadable,
}

/// Whether a file can matter to a cell: recent enough; a wheel for CPython or any Python 3, for a Linux that has cells,
/// or an sdist of a version that the package says how to compile.
fn is_wanted(filename: &str, url: Option<&str>, project: &PackageName, package: &Package) -> Wanted {
    if Path::new(filename).extension().is_none_or(|extension| extension != "whl") {
        let sdist = SdistName::parse(filename, project).ok();
        let is_wanted = sdist.zip(package.source.as_ref()).is_some_and(|(sdist, source)| {
            sdist.filename().ends_with(".tar.gz")
                && *sdist.version() >= package.since
                && source.versions.contains(sdist.version())
        });
        return if is_wanted { Wanted::Yes } else { Wanted::No };
    }
    let Ok(wheel) = filename.parse::<WheelName>() else { return Wanted::Unreadable };
    if wheel.name() != project {
        return Wanted::Unreadable;
    }
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
    let is_wanted = *wheel.version() >= package.since
        && wheel.python_tags().iter().any(|tag| python(tag))
        && wheel.platform_tags().iter().any(|tag| platform(tag));
    if !is_wanted {
        return Wanted::No;
    }
    // Of an address nothing is asked here but who built what is there.
    match package.variant(wheel.version_text(), url) {
        Ok(_) => Wanted::Yes,
        Err(_) => Wanted::Unreadable,
    }
}

/// The declared hash, which must be the one known.
fn declared_sha256(file: &File, known: Option<&Artefact>) -> Result<Sha256, ReadError> {
    let found = file.sha256.ok_or_else(|| ReadError::NoHash { filename: file.filename.clone() })?;
    match known {
        Some(known) if known.sha256 != found => {
            Err(ReadError::Replaced { filename: file.filename.clone(), known: known.sha256, found })
        }
        _ => Ok(found),
    }
}

/// The marker environments of all systems and Pythons of the matrix.
fn environments(matrix: &Matrix) -> Vec<MarkerEnvironment> {
    let target = |system: System| matrix.pythons.iter().map(move |python: &PythonVersion| (system, *python));
    System::ALL
        .into_iter()
        .flat_map(target)
        .filter_map(|(system, python)| marker_environment(system, python).ok())
        .collect()
}

/// The packages that artefacts require on some system and Python, and those that an extra of theirs requires and
/// that are in the catalogue.
fn required<'a>(
    file: &'a ArtefactFile,
    environments: &'a [MarkerEnvironment],
    packages: &'a BTreeMap<String, Package>,
) -> impl Iterator<Item = String> + 'a {
    let stated = file.artefacts.iter().flat_map(|one| one.requires_dist.iter().flatten());
    let package = packages.get(&file.name);
    let also =
        package.into_iter().flat_map(|package| &package.also_requires).flat_map(|row| &row.requires_dist);
    let declared = package.into_iter().flat_map(Package::declared_requirements);
    let lines: BTreeSet<&str> = stated.chain(also).chain(declared).map(String::as_str).collect();
    lines.into_iter().filter_map(move |line| {
        let requirement = line.parse::<Requirement>().ok()?;
        let name = requirement.name.to_string();
        let holds = |with_extras: bool| {
            environments
                .iter()
                .any(|environment| requirement.marker.holds_with(environment, &|_| with_extras))
        };
        let follow = holds(false) || packages.contains_key(&name) && holds(true);
        follow.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(since: &str) -> Package {
        toml::from_str(&format!("summary = \"A toy\"\nsince = \"{since}\"\n")).unwrap()
    }

    /// A header that gives the next file another name may hold gigabytes: none is read.
    #[test]
    fn long_names_of_an_sdist_are_passed_over() {
        use std::io::{Seek as _, Write as _};

        let add = |tar: &mut Vec<u8>, kind: u8, name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_path(name).unwrap();
            header.set_size(bytes.len() as u64);
            header.set_entry_type(tar::EntryType::new(kind));
            header.set_cksum();
            tar.extend(header.as_bytes());
            tar.extend(bytes);
            tar.resize(tar.len().next_multiple_of(512), 0);
        };
        let mut tar = Vec::new();
        add(&mut tar, b'L', "././@LongLink", b"x-1/PKG-INFO\0");
        add(&mut tar, b'0', "x-1/forged", b"forged");
        add(&mut tar, b'x', "x-1/PKG-INFO", &vec![b'9'; 1 << 20]);
        add(&mut tar, b'0', "x-1/y/PKG-INFO", b"deep");
        add(&mut tar, b'0', "x-1/PKG-INFO", b"Metadata-Version: 2.1");
        let mut file = tempfile::tempfile().unwrap();
        let mut packed = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
        packed.write_all(&tar).unwrap();
        packed.finish().unwrap();
        file.rewind().unwrap();
        assert_eq!(pkg_info(file), Ok(b"Metadata-Version: 2.1".to_vec()));
    }

    #[test]
    fn wheels_that_no_cell_can_use_are_not_wanted() {
        let wanted =
            |name: &str| is_wanted(name, None, &"x".parse().unwrap(), &package("2.8")) == Wanted::Yes;
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
            ..Artefact::declared("x-1.0-py3-none-any.whl", Origin::Pypi, Sha256([0; 32]))
        };
        let file = ArtefactFile::new("x", vec![artefact]);
        let environments: Vec<_> = System::ALL
            .into_iter()
            .flat_map(|system| {
                ["3.11", "3.12"].map(|python| marker_environment(system, python.parse().unwrap()))
            })
            .collect::<Result<_, _>>()
            .unwrap();
        let mut packages: BTreeMap<_, _> =
            ["extra-known", "extra-windows", "x"].map(|name| (name.to_owned(), package("1"))).into();
        let also = axle_catalogue::AlsoRequires {
            versions: pep440_rs::VersionSpecifiers::empty(),
            requires_dist: vec!["also".to_owned(), "never; sys_platform == 'win32'".to_owned()],
            reason: "it imports it".to_owned(),
        };
        packages.get_mut("x").unwrap().also_requires.push(also);
        let followed: BTreeSet<_> = required(&file, &environments, &packages).collect();
        let expected = ["also", "always", "arm", "extra-known", "linux", "new-python"];
        assert_eq!(followed, expected.map(str::to_owned).into());
    }

    #[test]
    fn a_hash_is_declared_and_stays() {
        let hash = Sha256([0; 32]);
        let url = |fragment: &str| format!("https://example.org/x-1.0-py3-none-any.whl{fragment}");
        let known = |sha256: Sha256| Artefact::declared("x-1.0-py3-none-any.whl", Origin::Pypi, sha256);
        let file = File::at(&url(&format!("#sha256={hash}"))).unwrap();
        assert_eq!(declared_sha256(&file, None).unwrap(), hash);
        assert_eq!(declared_sha256(&file, Some(&known(hash))).unwrap(), hash);
        let replaced = declared_sha256(&file, Some(&known(Sha256([1; 32])))).unwrap_err();
        assert!(matches!(replaced, ReadError::Replaced { .. }), "{replaced}");
        let undeclared = declared_sha256(&File::at(&url("")).unwrap(), None).unwrap_err();
        assert!(matches!(undeclared, ReadError::NoHash { .. }), "{undeclared}");
    }
}
