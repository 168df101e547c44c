//! Every wheel of the catalogue that could be chosen for a system and a Python, and for the others why not.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::OnceLock;

use axle_catalogue::{
    Artefact, ArtefactFile, Catalogue, CatalogueError, Cuda, CudaMatch, Matrix, Package, Reason, markers,
};
use axle_wheel::{Fit, Glibc, PythonVersion, System, TagMismatch, VerbatimUrl, WheelName, WheelNameError};
use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, Requirement, VersionOrUrl};

use crate::glibc;
use crate::specifiers::satisfies;

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
    /// The file name of an artefact is not valid.
    #[error(transparent)]
    FileName(#[from] WheelNameError),
    /// The markers of a target cannot be built.
    #[error("no marker environment for Python {python}: {message}")]
    Markers {
        /// The Python.
        python: PythonVersion,
        /// What is wrong.
        message: String,
    },
    /// The package set would have to provide something that depends on the catalogue.
    #[error(
        "{external} is taken from the package set, but its wheel {filename} requires {package}, which is not: \
         `from` must be the same in packages/{external}.toml and packages/{package}.toml"
    )]
    External {
        /// The package that the package set provides.
        external: String,
        /// Its wheel.
        filename: String,
        /// The package of the catalogue that it requires.
        package: String,
    },
    /// The id of a cell cannot be computed.
    #[error("the id of a cell cannot be computed: {0}")]
    Id(#[from] serde_json::Error),
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

    /// The candidates for a system and a Python, whatever their CUDA.
    ///
    /// # Errors
    /// When the file name of an artefact is not valid.
    pub fn candidates(&self, system: System, python: PythonVersion) -> Result<Candidates<'_>, UniverseError> {
        let markers = markers::environment(system, python)
            .map_err(|error| UniverseError::Markers { python, message: error.to_string() })?;
        let mut packages = BTreeMap::new();
        for (name, package) in &self.packages {
            let Some(file) = self.artefacts.get(name) else { continue };
            let mut versions: BTreeMap<Version, Candidate<'_>> = BTreeMap::new();
            // Of a version that is spelled in two ways the first file name's is told, in whatever order they come.
            let mut artefacts: Vec<_> = file.artefacts.iter().collect();
            artefacts.sort_by_key(|artefact| &artefact.filename);
            for artefact in artefacts {
                let wheel: WheelName = artefact.filename.parse()?;
                let candidate = versions.entry(wheel.version().clone()).or_insert_with(|| Candidate {
                    fitting: Vec::new(),
                    unfit: Unfit::NoWheel,
                    python_tags: BTreeSet::new(),
                });
                match choose(artefact, &wheel, system, python, self.matrix.glibc) {
                    Ok(choice) => candidate.fitting.push(choice),
                    Err(unfit) => {
                        if unfit.is_other_python() {
                            candidate.python_tags.extend(wheel.python_tags().iter().cloned());
                        }
                        candidate.miss(unfit);
                    }
                }
            }
            for candidate in versions.values_mut() {
                // The file name decides where the tags do not.
                candidate.fitting.sort_by(|one, other| other.rank().cmp(&one.rank()));
            }
            packages.insert(name.as_str(), PackageCandidates { package, versions });
        }
        Ok(Candidates { universe: self, system, python, markers, packages })
    }
}

/// The versions of every package for one system and Python.
#[derive(Clone)]
pub struct Candidates<'a> {
    /// Where they come from.
    pub universe: &'a Universe,
    /// The system.
    pub system: System,
    /// The Python.
    pub python: PythonVersion,
    markers: MarkerEnvironment,
    packages: BTreeMap<&'a str, PackageCandidates<'a>>,
}

#[derive(Clone)]
struct PackageCandidates<'a> {
    package: &'a Package,
    versions: BTreeMap<Version, Candidate<'a>>,
}

/// One version of a package.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The wheels that fit, the best first.
    fitting: Vec<Choice<'a>>,
    /// The nearest miss among the others.
    unfit: Unfit,
    /// The Python tags of the wheels that are for another Python and fit else.
    python_tags: BTreeSet<String>,
}

impl<'a> Candidate<'a> {
    /// The best wheel.
    ///
    /// # Errors
    /// The nearest reason why none fits.
    pub fn choice(&self) -> Result<&Choice<'a>, &Unfit> {
        self.fitting.first().ok_or(&self.unfit)
    }

    /// The Python tags of the wheels that are for another Python and fit else.
    pub fn other_pythons(&self) -> &BTreeSet<String> {
        &self.python_tags
    }

    fn miss(&mut self, unfit: Unfit) {
        if unfit > self.unfit {
            self.unfit = unfit;
        }
    }
}

/// A wheel that fits a system and a Python.
#[derive(Debug, Clone)]
pub struct Choice<'a> {
    /// The wheel.
    pub artefact: &'a Artefact,
    /// The version as the file name spells it.
    pub version_text: String,
    /// How well it fits.
    fit: Fit,
    /// The parsed `Requires-Dist`, on demand: most wheels are never looked at.
    requirements: OnceLock<Result<Vec<Requirement<VerbatimUrl>>, Unfit>>,
}

impl Choice<'_> {
    fn rank(&self) -> (&Fit, &str) {
        (&self.fit, &self.artefact.filename)
    }

    fn requirements(&self) -> Result<&[Requirement<VerbatimUrl>], Unfit> {
        let parse = |line: &&String| {
            axle_wheel::parse_requirement(line)
                .map_err(|error| Unfit::UnreadableRequirement(error.to_string()))
        };
        self.requirements
            .get_or_init(|| {
                // The order of the lines means nothing, and must not decide which explanation is found.
                let lines: BTreeSet<_> = self.artefact.requires_dist.iter().flatten().collect();
                lines.iter().map(parse).collect()
            })
            .as_deref()
            .map_err(Clone::clone)
    }
}

/// Why a version has no wheel to choose, the nearest miss last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
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
    /// `Requires-Python` says nothing that PEP 440 knows.
    #[error("its Requires-Python, `{0}`, cannot be read")]
    UnreadablePython(String),
    /// Its members need a newer glibc than cells allow, whatever its tags say.
    #[error("it needs glibc {needs}, which is newer than {has}")]
    Glibc {
        /// The glibc that its audit found.
        needs: Glibc,
        /// The one of `matrix.toml`.
        has: Glibc,
    },
    /// Its audit tells a glibc that is none.
    #[error("its glibc, `{0}`, cannot be read")]
    UnreadableGlibc(String),
    /// It is made for another CUDA.
    #[error("it is made for CUDA {}", .0.join(", "))]
    Cuda(Vec<String>),
    /// Only the major release of the CUDA that it is made for is known.
    #[error("it is made for some CUDA {0}; which minor release is not known")]
    UnknownCuda(String),
    /// It was withdrawn.
    #[error("it was withdrawn from the index{}", reason(.0))]
    Yanked(String),
    /// A requirement of it says nothing that PEP 508 knows: the line, and what is wrong with it.
    #[error("{0}")]
    UnreadableRequirement(String),
    /// A requirement of it names a URL.
    #[error("its Requires-Dist `{0}` names a URL, which has no version")]
    UrlRequirement(String),
    /// It requires another version of itself.
    #[error("it requires another version of itself")]
    RequiresItself,
    /// Its metadata is not known.
    #[error("its requirements are not known")]
    UnknownRequirements,
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl Unfit {
    /// What stands in the way.
    pub fn kind(&self) -> Reason {
        match self {
            Self::Tags(TagMismatch::Glibc { .. }) | Self::Glibc { .. } => Reason::Glibc,
            Self::RequiresPython(_) => Reason::Python,
            Self::Tags(_) if self.is_other_python() => Reason::Python,
            Self::NoWheel | Self::Tags(_) | Self::Yanked(_) => Reason::Missing,
            Self::Cuda(_) => Reason::Cuda,
            Self::RequiresItself => Reason::Dependency,
            Self::UnreadablePython(_)
            | Self::UnreadableGlibc(_)
            | Self::UnknownCuda(_)
            | Self::UnreadableRequirement(_)
            | Self::UrlRequirement(_)
            | Self::UnknownRequirements => Reason::Unknown,
        }
    }

    /// Whether only the Python keeps it out.
    fn is_other_python(&self) -> bool {
        matches!(
            self,
            Self::Tags(
                TagMismatch::Python { .. } | TagMismatch::Abi { .. } | TagMismatch::FreeThreaded { .. }
            )
        )
    }
}

fn choose<'a>(
    artefact: &'a Artefact,
    wheel: &WheelName,
    system: System,
    python: PythonVersion,
    glibc: Glibc,
) -> Result<Choice<'a>, Unfit> {
    let fit = axle_wheel::fit(wheel, system, python, glibc).map_err(Unfit::Tags)?;
    if let Some(requires) = &artefact.requires_python {
        let specifiers =
            VersionSpecifiers::from_str(requires).map_err(|_| Unfit::UnreadablePython(requires.clone()))?;
        if !satisfies(&specifiers, &markers::full_version(python)) {
            return Err(Unfit::RequiresPython(requires.clone()));
        }
    }
    // The tags are what the author claims, the audit what the members need.
    if let Some(needs) = artefact.audit.as_ref().and_then(|audit| audit.facts.glibc.as_ref()) {
        match glibc::floor(needs) {
            Some(needs) if needs > glibc => return Err(Unfit::Glibc { needs, has: glibc }),
            Some(_) => {}
            None => return Err(Unfit::UnreadableGlibc(needs.clone())),
        }
    }
    if let Some(reason) = &artefact.yanked {
        return Err(Unfit::Yanked(reason.clone()));
    }
    if artefact.requires_dist.is_none() {
        return Err(Unfit::UnknownRequirements);
    }
    let version_text = wheel.version_text().to_owned();
    Ok(Choice { artefact, version_text, fit, requirements: OnceLock::new() })
}

/// Why what is made for some CUDA releases does not go with another.
fn cuda_mismatch(built_for: &[String], rule: CudaMatch, cuda: Cuda) -> Option<Unfit> {
    if built_for.is_empty() || rule == CudaMatch::None {
        return None;
    }
    let mismatch = Unfit::Cuda(built_for.to_vec());
    let Cuda::Toolkit(major, minor) = cuda else { return Some(mismatch) };
    // An audit writes `12.8`, or `12` where it found the major release alone.
    let is_same_major = |built: &&String| built.split('.').next() == Some(&major.to_string());
    let same_major: Vec<_> = built_for.iter().filter(is_same_major).collect();
    let is_same = |built: &&String| **built == format!("{major}.{minor}");
    match same_major.iter().find(|built| !built.contains('.')) {
        _ if same_major.is_empty() => Some(mismatch),
        _ if rule == CudaMatch::Major || same_major.iter().any(is_same) => None,
        Some(unknown) => Some(Unfit::UnknownCuda((*unknown).clone())),
        None => Some(mismatch),
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
        self.packages.get(name).map(|package| &package.versions)
    }

    /// The wheel of a version that fits.
    pub fn choice(&self, name: &str, version: &Version) -> Option<&Choice<'a>> {
        self.versions(name)?.get(version)?.choice().ok()
    }

    /// What a maintainer wrote about a package that has artefacts, with its name as long as the catalogue lives.
    pub(crate) fn package(&self, name: &str) -> Option<(&'a str, &'a Package)> {
        self.packages.get_key_value(name).map(|(name, candidates)| (*name, candidates.package))
    }

    /// Those that go with a CUDA release, as far as exact pins and audits tell.
    pub(crate) fn for_cuda(&self, cuda: Cuda) -> Self {
        let mut candidates = self.clone();
        for PackageCandidates { package, versions } in candidates.packages.values_mut() {
            for candidate in versions.values_mut() {
                for choice in std::mem::take(&mut candidate.fitting) {
                    let pinned = self.pinned_cuda(package, &choice).ok().flatten();
                    let pinned = pinned.map(|pinned| pinned.to_string());
                    let audited = choice.artefact.audit.as_ref().map(|audit| audit.facts.cuda.as_slice());
                    // Libraries built with other releases are linked into a wheel: the pin says what it is for.
                    let mismatch = [Some(pinned.as_slice()), audited]
                        .into_iter()
                        .flatten()
                        .find_map(|built_for| cuda_mismatch(built_for, package.cuda_match, cuda));
                    match mismatch {
                        None => candidate.fitting.push(choice),
                        Some(unfit) => candidate.miss(unfit),
                    }
                }
            }
        }
        candidates
    }

    /// The CUDA release that a wheel was built for, told by its exact pin of a package that is versioned like CUDA.
    ///
    /// # Errors
    /// As [`Candidates::needs`].
    pub(crate) fn pinned_cuda(&self, package: &Package, choice: &Choice<'_>) -> Result<Option<Cuda>, Unfit> {
        if package.cuda_from.is_empty() {
            return Ok(None);
        }
        let needs = self.needs(choice, &[])?;
        let pin = |name: &String| {
            let need = needs.iter().find(|need| need.name == *name)?;
            let exact = need.specifiers.iter().find(|specifier| *specifier.operator() == Operator::Equal)?;
            match exact.version().release() {
                [major, minor, ..] => {
                    Some(Cuda::Toolkit((*major).try_into().ok()?, (*minor).try_into().ok()?))
                }
                _ => None,
            }
        };
        Ok(package.cuda_from.iter().find_map(pin))
    }

    /// What a wheel requires for this target, with some of its extras. A marker holds where it holds without extras
    /// or with one of them: packaging evaluates them one by one.
    ///
    /// # Errors
    /// When a requirement cannot be read, or names a URL in place of versions.
    pub(crate) fn needs(&self, choice: &Choice<'_>, extras: &[ExtraName]) -> Result<Vec<Need>, Unfit> {
        let mut needs = Vec::new();
        for requirement in choice.requirements()? {
            let holds = |extras: &[ExtraName]| requirement.evaluate_markers(&self.markers, extras);
            if !holds(&[]) && !extras.iter().any(|extra| holds(std::slice::from_ref(extra))) {
                continue;
            }
            let specifiers = match &requirement.version_or_url {
                None => VersionSpecifiers::empty(),
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
                Some(VersionOrUrl::Url(_)) => {
                    return Err(Unfit::UrlRequirement(requirement.to_string()));
                }
            };
            let extras = requirement.extras.clone();
            needs.push(Need { name: requirement.name.to_string(), extras, specifiers });
        }
        Ok(needs)
    }
}
