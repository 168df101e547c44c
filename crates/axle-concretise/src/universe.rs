//! Every wheel of the catalogue that could be chosen for a system and a Python, and for the others why not.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axle_catalogue::{Artefact, ArtefactFile, Catalogue, CatalogueError, Matrix, Package};
use axle_wheel::{Fit, Glibc, PythonVersion, System, TagMismatch, WheelName};
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, VersionOrUrl};

use axle_catalogue::markers;

/// The catalogue as the solver sees it.
pub struct Universe {
    /// `matrix.toml`.
    pub matrix: Matrix,
    /// What a maintainer wrote about each package.
    pub packages: BTreeMap<String, Package>,
    /// Every artefact, by package.
    pub artefacts: BTreeMap<String, ArtefactFile>,
}

/// A catalogue that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UniverseError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A requirement of an artefact cannot be read.
    #[error("{filename}: its requirement `{requirement}` is not valid: {message}")]
    Requirement {
        /// The artefact.
        filename: String,
        /// The `Requires-Dist` line.
        requirement: String,
        /// What is wrong with it.
        message: String,
    },
    /// The markers of a target cannot be built.
    #[error("no marker environment for Python {python}: {message}")]
    Markers {
        /// The Python.
        python: PythonVersion,
        /// What is wrong.
        message: String,
    },
}

impl Universe {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// When one of its files is missing or not valid.
    pub fn read(catalogue: &Catalogue) -> Result<Self, CatalogueError> {
        let packages = catalogue.packages()?;
        let mut artefacts = BTreeMap::new();
        for name in packages.keys() {
            if let Some(file) = catalogue.artefacts(name)? {
                artefacts.insert(name.clone(), file);
            }
        }
        Ok(Self { matrix: catalogue.matrix()?, packages, artefacts })
    }

    /// The candidates for a system and a Python.
    ///
    /// # Errors
    /// When a requirement in the catalogue is not valid.
    pub fn candidates(&self, system: System, python: PythonVersion) -> Result<Candidates<'_>, UniverseError> {
        let markers = markers::environment(system, python)
            .map_err(|error| UniverseError::Markers { python, message: error.to_string() })?;
        let mut packages = BTreeMap::new();
        for (name, file) in &self.artefacts {
            let mut versions: BTreeMap<Version, Candidate<'_>> = BTreeMap::new();
            for artefact in &file.artefacts {
                let Ok(wheel) = artefact.filename.parse::<WheelName>() else { continue };
                let choice = choose(artefact, &wheel, system, python, self.matrix.glibc);
                let candidate = versions.entry(wheel.version().clone()).or_insert_with(|| Candidate {
                    version_text: wheel.version_text().to_owned(),
                    choice: Err(Unfit::NoWheel),
                    wheels: BTreeSet::new(),
                });
                candidate.wheels.extend(wheel.python_tags().iter().cloned());
                if better(&choice, &candidate.choice) {
                    candidate.choice = choice;
                }
            }
            packages.insert(name.as_str(), versions);
        }
        Ok(Candidates { universe: self, system, python, markers, packages })
    }
}

/// The versions of every package for one system and Python.
pub struct Candidates<'a> {
    /// Where they come from.
    pub universe: &'a Universe,
    /// The system.
    pub system: System,
    /// The Python.
    pub python: PythonVersion,
    markers: MarkerEnvironment,
    packages: BTreeMap<&'a str, BTreeMap<Version, Candidate<'a>>>,
}

/// One version of a package.
pub struct Candidate<'a> {
    /// The version as the file names spell it.
    pub version_text: String,
    /// The best wheel, or the nearest reason why none fits.
    pub choice: Result<Choice<'a>, Unfit>,
    /// The Python tags of all its wheels.
    pub wheels: BTreeSet<String>,
}

/// A wheel that fits a system and a Python.
pub struct Choice<'a> {
    /// The wheel.
    pub artefact: &'a Artefact,
    /// How well it fits.
    fit: Fit,
}

/// Why a version has no wheel to choose, the nearest miss last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unfit {
    /// There is no wheel at all.
    #[error("it has no wheel")]
    NoWheel,
    /// No wheel's tags fit.
    #[error("{0}")]
    Tags(TagMismatch),
    /// `Requires-Python` excludes the target's.
    #[error("it requires Python {0}")]
    RequiresPython(String),
    /// It was withdrawn.
    #[error("it was withdrawn from the index: {0}")]
    Yanked(String),
    /// Its metadata is not known.
    #[error("its requirements are not known")]
    UnknownRequirements,
}

fn choose<'a>(
    artefact: &'a Artefact,
    wheel: &WheelName,
    system: System,
    python: PythonVersion,
    glibc: Glibc,
) -> Result<Choice<'a>, Unfit> {
    let fit = axle_wheel::fit(wheel, system, python, glibc).map_err(Unfit::Tags)?;
    if let Some(requires) = &artefact.requires_python
        && let Ok(specifiers) = VersionSpecifiers::from_str(requires)
        && !specifiers.contains(&markers::full_version(python))
    {
        return Err(Unfit::RequiresPython(requires.clone()));
    }
    if let Some(reason) = &artefact.yanked {
        return Err(Unfit::Yanked(reason.clone()));
    }
    if artefact.requires_dist.is_none() {
        return Err(Unfit::UnknownRequirements);
    }
    Ok(Choice { artefact, fit })
}

fn better(new: &Result<Choice<'_>, Unfit>, old: &Result<Choice<'_>, Unfit>) -> bool {
    match (new, old) {
        (Ok(new), Ok(old)) => (&new.fit, &new.artefact.filename) > (&old.fit, &old.artefact.filename),
        (Ok(_), Err(_)) => true,
        (Err(_), Ok(_)) => false,
        (Err(new), Err(old)) => new > old,
    }
}

/// A requirement that holds for a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    pub(crate) name: String,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) specifiers: VersionSpecifiers,
}

impl<'a> Candidates<'a> {
    /// The versions of a package; `None` when it is not in the catalogue.
    pub fn versions(&self, name: &str) -> Option<&BTreeMap<Version, Candidate<'a>>> {
        self.packages.get(name)
    }

    /// The wheel of a version that fits.
    pub fn choice(&self, name: &str, version: &Version) -> Option<&Choice<'a>> {
        self.versions(name)?.get(version)?.choice.as_ref().ok()
    }

    /// What a wheel requires for this target, with some of its extras.
    pub(crate) fn needs(
        &self,
        artefact: &Artefact,
        extras: &[ExtraName],
    ) -> Result<Vec<Need>, UniverseError> {
        let mut needs = Vec::new();
        for line in artefact.requires_dist.iter().flatten() {
            let invalid = |message: String| UniverseError::Requirement {
                filename: artefact.filename.clone(),
                requirement: line.clone(),
                message,
            };
            let requirement =
                axle_wheel::parse_requirement(line).map_err(|error| invalid(error.to_string()))?;
            if !requirement.evaluate_markers(&self.markers, extras) {
                continue;
            }
            let specifiers = match requirement.version_or_url {
                None => VersionSpecifiers::empty(),
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers,
                Some(VersionOrUrl::Url(_)) => return Err(invalid("a URL names no version".into())),
            };
            needs.push(Need { name: requirement.name.to_string(), extras: requirement.extras, specifiers });
        }
        Ok(needs)
    }
}
