//! `NAME==VERSION`: a release on the package index, and the one wheel of it that is audited.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use axle_index::{File, IndexError, Origin as _, PackageIndex};
use axle_types::{Glibc, PackageName, PythonVersion, System, Version};
use axle_wheel::{BuildTag, Fit, SdistName, TagMismatch, WheelName, fit};
use pep440_rs::VersionSpecifier;

/// What a wheel may need: an audit reads it and runs nothing, so that no glibc is too new.
const ANY_GLIBC: Glibc = Glibc::new(2, u16::MAX);

/// One version of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    name: PackageName,
    version: Version,
}

/// Why a release gives no wheel to audit.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The index cannot say.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The package has no such version, or only an sdist of it.
    #[error("{index} has no wheel of {release}{}; {}", advice_on_sources(*sources), advice(newest.as_ref()))]
    NoWheel {
        /// The release asked for.
        release: Release,
        /// The URL of the index.
        index: String,
        /// Whether it has an sdist of it.
        sources: bool,
        /// The newest version with wheels.
        newest: Option<Version>,
    },
    /// None of its wheels is for the target.
    #[error("{index} has no wheel of {release} for {target}; the nearest is {nearest}, but {mismatch}")]
    NoFit {
        /// The release asked for.
        release: Release,
        /// The URL of the index.
        index: String,
        /// The system, and the Python where one was asked for.
        target: String,
        /// The file name of the wheel that came nearest.
        nearest: String,
        /// Why it does not fit.
        mismatch: Box<TagMismatch>,
    },
}

fn advice_on_sources(sources: bool) -> &'static str {
    if sources {
        ", but an sdist, which contains source code only: build a wheel with `pip wheel --no-deps`, and audit that"
    } else {
        ""
    }
}

fn advice(newest: Option<&Version>) -> String {
    match newest {
        Some(version) => format!("the newest version with wheels is {version}"),
        None => "no version has a wheel".to_owned(),
    }
}

impl Release {
    /// Reads `NAME==VERSION`; `None` when a text is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.split_once("==")?;
        let name = Some(name.trim()).filter(|name| !name.is_empty())?;
        Some(Self { name: name.parse().ok()?, version: version.trim().parse().ok()? })
    }

    /// The wheel for a Python, or for the newest CPython that has one (not free-threaded), on a system: of several the
    /// one with the highest build tag, and of those the one with the best tags, newest platform first.
    pub fn wheel(
        &self,
        index: &PackageIndex,
        system: System,
        python: Option<PythonVersion>,
    ) -> Result<File, ReleaseError> {
        let files = index.project(&self.name)?.files;
        let sdists = files.iter().filter_map(|file| SdistName::parse(&file.filename, &self.name).ok());
        let sources = sdists.into_iter().any(|sdist| *sdist.version() == self.version);
        let published: Vec<(WheelName, File)> = files
            .into_iter()
            .filter_map(|file| Some((file.filename.parse::<WheelName>().ok()?, file)))
            .filter(|(wheel, _)| *wheel.name() == self.name)
            .collect();
        // As an exact pin is read: a local version (`+cu128`) may follow where none is asked for.
        let asked = VersionSpecifier::equals_version(self.version.clone());
        let wheels: Vec<_> = published.iter().filter(|(wheel, _)| asked.contains(wheel.version())).collect();
        let pythons = match python {
            Some(python) => vec![python],
            None => named_pythons(wheels.iter().map(|(wheel, _)| wheel)),
        };
        for &python in &pythons {
            let fits = wheels.iter().filter_map(|(wheel, file)| {
                let fit = fit(wheel, system, python, ANY_GLIBC).ok()?;
                Some((Preference::new(wheel, file, fit), file))
            });
            if let Some((_, file)) = fits.max_by(|(one, _), (other, _)| one.cmp(other)) {
                return Ok(file.clone());
            }
        }

        let (release, index) = (self.clone(), index.url().to_string());
        let mismatches = pythons.first().into_iter().flat_map(|&python| {
            let mismatch = move |wheel| fit(wheel, system, python, ANY_GLIBC).err();
            wheels.iter().filter_map(move |(wheel, _)| Some((mismatch(wheel)?, wheel.to_string())))
        });
        let Some((mismatch, nearest)) = mismatches.max_by(|(one, _), (other, _)| one.cmp(other)) else {
            let newest = published.iter().map(|(wheel, _)| wheel.version()).max().cloned();
            return Err(ReleaseError::NoWheel { release, index, sources, newest });
        };
        let target =
            python.map_or_else(|| system.to_string(), |python| format!("Python {python} on {system}"));
        Err(ReleaseError::NoFit { release, index, target, nearest, mismatch: Box::new(mismatch) })
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// What decides between the wheels of a release that fit one Python, the most important first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Preference {
    /// A yanked file is taken only where there is no other (PEP 592).
    not_yanked: bool,
    version: Version,
    build: Option<BuildTag>,
    fit: Fit,
    /// Makes the order total.
    filename: Reverse<String>,
}

impl Preference {
    fn new(wheel: &WheelName, file: &File, fit: Fit) -> Self {
        Self {
            not_yanked: file.yanked.is_none(),
            version: wheel.version().clone(),
            build: wheel.build().cloned(),
            fit,
            filename: Reverse(file.filename.clone()),
        }
    }
}

/// The Pythons that wheels are named for, newest first. Last comes the oldest Python 3, for wheels that say `py3`.
fn named_pythons<'a>(wheels: impl Iterator<Item = &'a WheelName>) -> Vec<PythonVersion> {
    let minor = |tag: &String| tag.strip_prefix("cp3").or(tag.strip_prefix("py3"))?.parse().ok();
    let minors: BTreeSet<u8> = wheels.flat_map(WheelName::python_tags).filter_map(minor).chain([0]).collect();
    minors.into_iter().rev().map(PythonVersion::new).collect()
}
