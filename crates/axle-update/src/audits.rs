//! Audits of wheels on the package index: each wheel is audited once, and its audit is kept by hash, so that an
//! interrupted run resumes where it stopped.

use axle_types::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axle_audit::{AuditError, Options, WheelFacts};
use axle_index::{File, IndexError, Origin as _, PackageIndex};
use axle_wheel::{LocalFile, WheelName, WheelNameError};
use rayon::prelude::*;

use axle_catalogue::{Artefact, ArtefactFile, Audit, Files as _, Folder, Origin, Provenance};

/// How many wheels are under way at once: while some are read others are on their way.
const AT_ONCE: usize = 4;

/// Raised when an audit finds more or other things than before: what was kept before is worthless then.
const VERSION: u32 = 2;

/// The artefacts of a catalogue, by package.
pub type Artefacts = BTreeMap<String, ArtefactFile>;

/// Audits wheels of a package index, and keeps what it finds.
pub struct Audits {
    index: PackageIndex,
    kept: Folder,
    listener: Box<dyn Fn(&str) + Send + Sync>,
    /// The files of each project, asked for once.
    projects: Mutex<BTreeMap<String, BTreeMap<String, File>>>,
}

/// Why a wheel cannot be audited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditsError {
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The wheel cannot be read.
    #[error("{filename}: {error}")]
    Audit {
        /// The wheel.
        filename: String,
        /// Why not.
        error: Box<AuditError>,
    },
    /// Its file name is not valid.
    #[error(transparent)]
    Name(#[from] WheelNameError),
    /// It cannot be kept.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The index has it no more.
    #[error("{filename} is chosen, but is no longer on the index")]
    Gone {
        /// The wheel.
        filename: String,
    },
    /// Its bytes are others.
    #[error(
        "{filename} has the SHA-256 {found}, but the index declares {known}; it was replaced, or damaged in transit"
    )]
    Replaced {
        /// The wheel.
        filename: String,
        /// What the catalogue says.
        known: Sha256,
        /// What it has.
        found: Sha256,
    },
    /// No thread can be started.
    #[error("failed to start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Audits {
    /// Audits of an index, kept below a folder; `listener` hears of each that is done.
    pub fn new(index: PackageIndex, cache: &Path, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let folder: PathBuf = cache.join(format!("audits-{VERSION}"));
        let listener = Box::new(listener);
        Self { index, kept: Folder::new(folder), listener, projects: Mutex::default() }
    }

    /// Takes up what earlier runs have found.
    pub fn apply(&self, artefacts: &mut Artefacts) {
        let kept = self.kept.list("").unwrap_or_default();
        let known: BTreeSet<Sha256> = kept.iter().filter_map(|name| name.parse().ok()).collect();
        artefacts.par_iter_mut().for_each(|(_, file)| {
            for artefact in file.artefacts.iter_mut().filter(|artefact| is_open(artefact)) {
                if known.contains(&artefact.sha256)
                    && let Some(facts) = self.known(artefact.sha256)
                {
                    take(artefact, facts);
                }
            }
        });
    }

    /// Audits some wheels: file names by package.
    ///
    /// # Errors
    /// When one of them cannot be had or read.
    pub fn audit(
        &self,
        artefacts: &mut Artefacts,
        wanted: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<(), AuditsError> {
        let wheels: Vec<_> = wanted
            .iter()
            .filter_map(|(name, filenames)| Some((name, artefacts.get(name)?, filenames)))
            .flat_map(|(name, file, filenames)| {
                let chosen = file.artefacts.iter().filter(|artefact| filenames.contains(&artefact.filename));
                chosen.filter(|artefact| is_open(artefact)).map(move |artefact| (name.as_str(), artefact))
            })
            .collect();
        let found = self.all(wheels, false)?;
        put(artefacts, &found);
        Ok(())
    }

    /// Audits anew every wheel of some packages that was audited: of another version of axle, which found less.
    ///
    /// # Errors
    /// When one of them cannot be had or read.
    pub fn again(&self, artefacts: &mut Artefacts, packages: &[String]) -> Result<(), AuditsError> {
        let is_own = |artefact: &&Artefact| {
            let audit = artefact.audit.as_ref();
            artefact.origin == Origin::Pypi && audit.is_some_and(|audit| audit.of.is_none())
        };
        let wheels: Vec<_> = packages
            .iter()
            .filter_map(|name| Some((name.as_str(), artefacts.get(name)?)))
            .flat_map(|(name, file)| {
                file.artefacts.iter().filter(is_own).map(move |artefact| (name, artefact))
            })
            .collect();
        let found = self.all(wheels, false)?;
        put(artefacts, &found);
        Ok(())
    }

    /// Audits one wheel of each combination of version and system of what no cell chooses, newest first, as far as so
    /// many gigabytes go: of some packages, of all where none is named. What cannot be read is passed over with a word.
    ///
    /// # Errors
    /// When no threads can be started.
    pub fn rest(
        &self,
        artefacts: &mut Artefacts,
        packages: &[String],
        gigabytes: u64,
    ) -> Result<(), AuditsError> {
        let mut left = gigabytes.saturating_mul(1_000_000_000);
        let mut open: Vec<(&str, &Artefact)> = Vec::new();
        let is_wanted = |name: &String| packages.is_empty() || packages.contains(name);
        for (name, file) in artefacts.iter().filter(|(name, _)| is_wanted(name)) {
            open.extend(combinations(file).into_iter().map(|artefact| (name.as_str(), artefact)));
        }
        open.sort_by_cached_key(|(name, artefact)| {
            std::cmp::Reverse((artefact.version(name), artefact.filename.clone()))
        });
        // The newest of every package before the second newest of any.
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut ranked: Vec<_> = open
            .into_iter()
            .map(|(name, artefact)| {
                let place = places.entry(name).or_default();
                *place += 1;
                (*place, name, artefact)
            })
            .collect();
        ranked.sort_by_key(|(place, name, _)| (*place, *name));
        let mut chosen = Vec::new();
        for (_, name, artefact) in ranked {
            let size = artefact.size.unwrap_or_default();
            if size <= left {
                left -= size;
                chosen.push((name, artefact));
            }
        }
        let found = self.all(chosen, true)?;
        put(artefacts, &found);
        Ok(())
    }

    fn all(
        &self,
        wheels: Vec<(&str, &Artefact)>,
        lenient: bool,
    ) -> Result<BTreeMap<Sha256, WheelFacts>, AuditsError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(AT_ONCE).build()?;
        let (done, all) = (AtomicUsize::new(0), wheels.len());
        let results: Vec<_> = pool.install(|| {
            wheels
                .into_par_iter()
                .map(|(name, artefact)| {
                    let facts = self.one(name, artefact);
                    let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                    (self.listener)(&format!("audited {number} of {all}: {}", artefact.filename));
                    facts.map(|facts| (artefact.sha256, facts))
                })
                .collect()
        });
        let mut found = BTreeMap::new();
        for result in results {
            match result {
                Ok((sha256, facts)) => {
                    found.insert(sha256, facts);
                }
                Err(error) if lenient => (self.listener)(&error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Downloads a wheel, compares its hash with the index's, and audits it; or tells what was kept.
    fn one(&self, name: &str, artefact: &Artefact) -> Result<WheelFacts, AuditsError> {
        if let Some(facts) = self.known(artefact.sha256) {
            return Ok(facts);
        }
        let file = self.file(name, &artefact.filename)?;
        let mut download = tempfile::NamedTempFile::new()?;
        let found = self.index.download(&file, download.as_file_mut())?;
        if found != artefact.sha256 {
            let (filename, known) = (artefact.filename.clone(), artefact.sha256);
            return Err(AuditsError::Replaced { filename, known, found });
        }
        let wheel: WheelName = artefact.filename.parse()?;
        let failed =
            |error| AuditsError::Audit { filename: artefact.filename.clone(), error: Box::new(error) };
        let mut facts = axle_audit::audit(&LocalFile::open(download.path())?, &wheel, &Options::default())
            .map_err(failed)?;
        facts.sha256 = Some(found);
        let text = serde_json::to_vec(&facts).map_err(io::Error::other)?;
        self.kept.write(&artefact.sha256.to_string(), &text)?;
        Ok(facts)
    }

    fn known(&self, sha256: Sha256) -> Option<WheelFacts> {
        let bytes = self.kept.read(&sha256.to_string()).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    fn file(&self, name: &str, filename: &str) -> Result<File, AuditsError> {
        let gone = || AuditsError::Gone { filename: filename.to_owned() };
        let Ok(mut projects) = self.projects.lock() else { return Err(gone()) };
        if !projects.contains_key(name) {
            let project = self.index.project(&name.parse().map_err(|_| gone())?)?;
            let files = project.files.into_iter().map(|file| (file.filename.clone(), file));
            projects.insert(name.to_owned(), files.collect());
        }
        projects.get(name).and_then(|files| files.get(filename)).cloned().ok_or_else(gone)
    }
}

/// Whether an artefact can be audited and was not yet.
fn is_open(artefact: &Artefact) -> bool {
    artefact.is_wheel() && artefact.origin == Origin::Pypi && artefact.provenance < Provenance::Audited
}

fn take(artefact: &mut Artefact, facts: WheelFacts) {
    artefact.audit = Some(Audit::own(facts));
    artefact.provenance = Provenance::Audited;
}

/// Gives what was found to every entry of a file that is published in several places: of two that tell one file's facts
/// differently, the older may be the one that is kept.
fn put(artefacts: &mut Artefacts, found: &BTreeMap<Sha256, WheelFacts>) {
    for artefact in artefacts.values_mut().flat_map(|file| &mut file.artefacts) {
        if let Some(facts) = found.get(&artefact.sha256) {
            take(artefact, facts.clone());
        }
    }
}

/// One wheel of each combination of version and system of which none was audited: for the newest Python.
fn combinations(file: &ArtefactFile) -> Vec<&Artefact> {
    let kind = |artefact: &Artefact| {
        let wheel: WheelName = artefact.filename.parse().ok()?;
        let machines: BTreeSet<&str> = wheel
            .platform_tags()
            .iter()
            .filter_map(|tag| ["x86_64", "aarch64", "any"].into_iter().find(|machine| tag.ends_with(machine)))
            .collect();
        Some((wheel.version_text().to_owned(), machines.into_iter().collect::<Vec<_>>().join(".")))
    };
    let is_audited = |artefact: &&Artefact| artefact.provenance == Provenance::Audited;
    let audited: BTreeSet<_> = file.artefacts.iter().filter(is_audited).filter_map(kind).collect();
    let mut open: BTreeMap<_, &Artefact> = BTreeMap::new();
    for artefact in file.artefacts.iter().filter(|artefact| is_open(artefact)) {
        if let Some(kind) = kind(artefact).filter(|kind| !audited.contains(kind)) {
            open.insert(kind, artefact);
        }
    }
    open.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_several_places_is_told_alike_in_all_of_them() {
        let facts = |glibc: &str| WheelFacts { glibc: Some(glibc.to_owned()), ..WheelFacts::default() };
        let audited = |origin: Origin| {
            let (filename, sha256) = ("made-1.0-py3-none-manylinux_2_28_x86_64.whl", Sha256([1; 32]));
            let mut artefact = Artefact::declared(filename, origin, sha256);
            take(&mut artefact, facts("2.17"));
            artefact
        };
        let elsewhere = Origin::Url("https://example.org/made-1.0.whl".to_owned());
        let file = ArtefactFile::new("made", vec![audited(Origin::Pypi), audited(elsewhere)]);
        let mut artefacts = Artefacts::from([("made".to_owned(), file)]);

        put(&mut artefacts, &BTreeMap::from([(Sha256([1; 32]), facts("2.28"))]));

        let told = artefacts["made"].artefacts.iter().map(|artefact| artefact.audit.clone());
        assert!(told.eq([Some(Audit::own(facts("2.28"))), Some(Audit::own(facts("2.28")))]));
    }
}
