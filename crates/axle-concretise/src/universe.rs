//! Every wheel of the catalogue that could be chosen for a system and a Python, and for the others why not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use axle_catalogue::{
    Artefact, ArtefactFile, BuildEnvironment, BuildEnvironments, Catalogue, CatalogueError, Cause, Matrix,
    Package, Provenance,
};
use axle_toolkit::Toolkits;
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, ExtraName, Glibc, MarkerEnvironment, PackageName,
    PythonVersion, System, marker_environment, pin, satisfies,
};
use axle_wheel::{SdistName, WheelName, WheelNameError};
use pep440_rs::{Version, VersionSpecifiers};
use pubgrub::Ranges;
use rayon::prelude::*;

use crate::choice::{Choice, Needs, Torch};
use crate::request::{Prefer, Request};

/// The catalogue as the solver sees it.
pub struct Universe {
    /// `matrix.toml`.
    pub matrix: Matrix,
    /// What a maintainer wrote about each package.
    pub packages: BTreeMap<String, Package>,
    /// Every artefact, by package.
    pub artefacts: BTreeMap<String, ArtefactFile>,
    /// What is known of CUDA's releases, where the catalogue says.
    pub toolkits: Option<Toolkits>,
    /// What sources are compiled with, by the package of the source.
    pub environments: BTreeMap<String, BuildEnvironments>,
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
        let read = packages.par_iter().filter_map(|(name, _)| {
            catalogue.artefacts(name).map(|file| Some((name.clone(), file?))).transpose()
        });
        let artefacts = read.collect::<Result<_, _>>()?;
        let environments = catalogue.build_environments()?;
        let (matrix, toolkits) = (catalogue.matrix()?, catalogue.toolkits()?);
        Ok(Self { matrix, packages, artefacts, toolkits, environments })
    }

    /// The environments that sources of a package are compiled in on a system and Python.
    pub(crate) fn environments_of(
        &self,
        name: &str,
        system: System,
        python: PythonVersion,
    ) -> impl Iterator<Item = &BuildEnvironment> {
        let of_name = self.environments.get(name).into_iter().flat_map(|file| &file.environments);
        of_name.filter(move |one| one.system == system && one.python == python)
    }

    /// The candidates for a system and a Python, whatever their CUDA.
    ///
    /// # Errors
    /// When the file name of an artefact is not valid.
    pub fn candidates(&self, system: System, python: PythonVersion) -> Result<Candidates<'_>, UniverseError> {
        let target = Target { system, python, glibc: self.matrix.glibc, pins: &BTreeMap::new() };
        self.candidates_for(&target)
    }

    /// The candidates for a target, whatever its CUDA.
    ///
    /// # Errors
    /// As [`Universe::candidates`].
    pub(crate) fn candidates_for(&self, target: &Target<'_>) -> Result<Candidates<'_>, UniverseError> {
        let &Target { system, python, .. } = target;
        let markers = marker_environment(system, python)
            .map_err(|error| UniverseError::Markers { python, message: error.to_string() })?;
        let mut packages = BTreeMap::new();
        for (name, package) in &self.packages {
            let Some(file) = self.artefacts.get(name) else { continue };
            let project: Option<PackageName> = name.parse().ok();
            let mut versions: BTreeMap<Version, Candidate<'_>> = BTreeMap::new();
            // Of a version that is spelled in two ways the first file name's is told, in whatever order they come.
            let mut artefacts: Vec<_> = file.artefacts.iter().collect();
            artefacts.sort_by_key(|artefact| &artefact.filename);
            for artefact in artefacts {
                add(artefact, package, project.as_ref(), target, &mut versions)?;
            }
            for candidate in versions.values_mut() {
                // The file name decides where the tags do not.
                candidate.fitting.sort_by(|one, other| other.rank().cmp(&one.rank()));
                candidate.fitting.sort_by_key(|choice| Reverse(choice.is_wheel()));
            }
            packages.insert(name.as_str(), PackageCandidates { package, versions });
        }
        let packages = Arc::new(packages);
        Ok(Candidates {
            universe: self,
            system,
            python,
            torch: None,
            from_source: Arc::default(),
            markers,
            packages,
            ranges: Arc::default(),
        })
    }

    /// The capabilities that the source of an sdist and a CUDA release support both.
    ///
    /// # Errors
    /// Why nothing can be compiled.
    pub(crate) fn compiles_for(
        &self,
        choice: &Choice<'_>,
        cuda: CudaTarget,
    ) -> Result<Vec<ComputeCapability>, Cause> {
        let CudaTarget::Release(CudaRelease { major, minor }) = cuda else { return Err(Cause::NoWheel) };
        let source = choice.package.source.as_ref().ok_or(Cause::NoWheel)?;
        let floor = source.cuda.as_ref().and_then(|floor| floor.parse().ok());
        if floor.is_some_and(|floor: CudaTarget| floor > cuda) {
            return Err(Cause::OldToolkit { needs: source.cuda.clone().unwrap_or_default(), has: cuda });
        }
        let releases = self.toolkits.iter().flat_map(|toolkits| &toolkits.releases);
        let release =
            releases.into_iter().find(|release| (release.cuda.major, release.cuda.minor) == (major, minor));
        let targets = &release.ok_or(Cause::UnknownToolkit { cuda })?.capabilities;
        let own = source.capabilities.as_ref();
        let supported =
            |cc: &ComputeCapability| targets.contains(cc) && own.is_none_or(|own| own.contains(cc));
        Ok(self.matrix.compute_capabilities.iter().copied().filter(supported).collect())
    }
}

/// Adds an artefact to the versions of its package.
fn add<'a>(
    artefact: &'a Artefact,
    package: &'a Package,
    project: Option<&PackageName>,
    target: &Target<'_>,
    versions: &mut BTreeMap<Version, Candidate<'a>>,
) -> Result<(), UniverseError> {
    let &Target { system, python, glibc, pins } = target;
    let pin = project.and_then(|project| pins.get(project.as_ref()));
    let is_pinned = |version: &Version| pin.is_some_and(|pin| satisfies(pin, version));
    if !artefact.is_wheel() {
        let name = project.and_then(|project| SdistName::parse(&artefact.filename, project).ok());
        let Some(name) = name else { return Ok(()) };
        let candidate = versions.entry(name.version().clone()).or_insert_with(Candidate::empty);
        match Choice::sdist(artefact, package, &name, system, python, is_pinned(name.version())) {
            Ok(choice) => candidate.fitting.push(choice),
            Err(unfit) => candidate.miss(unfit),
        }
        return Ok(());
    }
    let wheel: WheelName = artefact.filename.parse()?;
    let candidate = versions.entry(wheel.version().clone()).or_insert_with(Candidate::empty);
    let is_pinned = is_pinned(wheel.version());
    match Choice::wheel(artefact, package, &wheel, system, python, glibc, is_pinned) {
        Ok(choice) => candidate.fitting.push(choice),
        Err(unfit) => {
            if unfit.is_other_python() {
                candidate.python_tags.extend(wheel.python_tags().iter().cloned());
            }
            candidate.miss(unfit);
        }
    }
    Ok(())
}

/// What decides which artefacts there are to choose from.
pub(crate) struct Target<'t> {
    pub(crate) system: System,
    pub(crate) python: PythonVersion,
    /// The newest glibc that one may need.
    pub(crate) glibc: Glibc,
    /// Versions that are asked for by number, by package: of them withdrawn files are taken too (PEP 592).
    pub(crate) pins: &'t BTreeMap<String, VersionSpecifiers>,
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
    /// The torch, once one is chosen.
    torch: Option<Torch>,
    /// Packages that are rather compiled than taken as wheels.
    from_source: Arc<BTreeSet<String>>,
    markers: MarkerEnvironment,
    packages: Arc<BTreeMap<&'a str, PackageCandidates<'a>>>,
    /// Which versions satisfy a requirement, by package and specifiers: asked again and again, by every cell.
    ranges: Arc<Mutex<RangeCache>>,
}

/// Versions by package and specifiers.
type RangeCache = HashMap<String, HashMap<VersionSpecifiers, Ranges<Version>>>;

#[derive(Clone)]
struct PackageCandidates<'a> {
    package: &'a Package,
    versions: BTreeMap<Version, Candidate<'a>>,
}

/// One version of a package.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The artefacts that fit system and Python: the wheels before the sdists, of them the best first.
    fitting: Vec<Choice<'a>>,
    /// Those that fit system and Python, and do not serve.
    missed: Vec<Choice<'a>>,
    /// The nearest miss among the others.
    unfit: Cause,
    /// The Python tags of the wheels that are for another Python and fit else.
    python_tags: BTreeSet<String>,
}

impl<'a> Candidate<'a> {
    fn empty() -> Self {
        Self { fitting: Vec::new(), missed: Vec::new(), unfit: Cause::NoWheel, python_tags: BTreeSet::new() }
    }

    /// The Python tags of the wheels that are for another Python and fit else.
    pub fn other_pythons(&self) -> &BTreeSet<String> {
        &self.python_tags
    }

    /// The artefacts that fit system and Python: the wheels before the sdists, of them the best first.
    pub fn fitting(&self) -> &[Choice<'a>] {
        &self.fitting
    }

    /// Why none fits, where none does: the nearest miss.
    pub fn unfit(&self) -> Cause {
        self.with_pythons(self.unfit.clone())
    }

    /// A cause with the Pythons that there are wheels for, where only the Python keeps them out.
    pub(crate) fn with_pythons(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Tags { mismatch, .. } => Cause::Tags { mismatch, pythons: self.python_tags.clone() },
            other => other,
        }
    }

    /// The sdist that can be compiled.
    pub(crate) fn sdist(&self) -> Option<&Choice<'a>> {
        self.fitting.iter().find(|choice| !choice.is_wheel())
    }

    /// Keeps what fits.
    fn keep(&mut self, fits: impl Fn(&Choice<'a>) -> Result<(), Cause>) {
        for choice in std::mem::take(&mut self.fitting) {
            match fits(&choice) {
                Ok(()) => self.fitting.push(choice),
                Err(unfit) => {
                    self.miss(unfit);
                    self.missed.push(choice);
                }
            }
        }
    }

    fn miss(&mut self, unfit: Cause) {
        if unfit > self.unfit {
            self.unfit = unfit;
        }
    }
}

impl<'a> Candidates<'a> {
    /// The versions of a package; `None` when it is not in the catalogue.
    pub fn versions(&self, name: &str) -> Option<&BTreeMap<Version, Candidate<'a>>> {
        self.packages.get(name).map(|package| &package.versions)
    }

    /// The versions that specifiers admit, as intervals that begin and end with one and hold no other version of the
    /// catalogue. The intervals that the specifiers themselves spell would miss local versions, which satisfy `==` of
    /// their public one (PEP 440).
    pub(crate) fn range(&self, name: &str, specifiers: &VersionSpecifiers) -> Ranges<Version> {
        let Some(versions) = self.versions(name) else { return Ranges::empty() };
        if specifiers.is_empty() {
            return Ranges::full();
        }
        if let Ok(known) = self.ranges.lock()
            && let Some(range) = known.get(name).and_then(|known| known.get(specifiers))
        {
            return range.clone();
        }
        let mut intervals: Vec<(Bound<Version>, Bound<Version>)> = Vec::new();
        let mut adjacent = false;
        for version in versions.keys() {
            if !satisfies(specifiers, version) {
                adjacent = false;
                continue;
            }
            let end = Bound::Included(version.clone());
            match intervals.last_mut() {
                Some((_, last)) if adjacent => *last = end,
                _ => intervals.push((end.clone(), end)),
            }
            adjacent = true;
        }
        let range: Ranges<Version> = intervals.into_iter().collect();
        if let Ok(mut known) = self.ranges.lock() {
            known.entry(name.to_owned()).or_default().insert(specifiers.clone(), range.clone());
        }
        range
    }

    /// The best artefact of a version.
    ///
    /// # Errors
    /// The nearest reason why none fits.
    pub(crate) fn choose<'c>(&self, candidate: &'c Candidate<'a>) -> Result<&'c Choice<'a>, Cause> {
        let mut unfit = Vec::new();
        for choice in &candidate.fitting {
            match self.torch.as_ref().map_or(Ok(()), |torch| choice.fits_torch(torch)) {
                Ok(()) => return Ok(choice),
                Err(reason) => unfit.push(reason),
            }
        }
        Err(unfit.into_iter().fold(candidate.unfit.clone(), Cause::max))
    }

    /// The best artefact of a version of a package.
    pub(crate) fn choice(&self, name: &str, version: &Version) -> Option<&Choice<'a>> {
        self.choose(self.versions(name)?.get(version)?).ok()
    }

    /// Whether all that fits system and Python of a version is for other versions of a package than one, whatever else it
    /// lacks. Where nothing tells what it requires, it is what its public version requires.
    pub(crate) fn is_for_other(&self, name: &str, version: &Version, needed: &str, taken: &Version) -> bool {
        let Some(versions) = self.versions(name) else { return false };
        let of = |version: &Version| {
            let candidate = versions.get(version);
            let mut choices =
                candidate.into_iter().flat_map(|one| one.fitting.iter().chain(&one.missed)).peekable();
            choices.peek().is_some() && choices.all(|choice| self.asks_for_other(choice, needed, taken))
        };
        of(version) || of(&version.clone().without_local())
    }

    fn asks_for_other(&self, choice: &Choice<'_>, needed: &str, taken: &Version) -> bool {
        let is_named = self.torch.as_ref().is_some_and(|torch| {
            torch.version == taken.clone().without_local()
                && matches!(choice.fits_torch(torch), Err(Cause::Torch { .. }))
        });
        let needs = self.needs(choice, &[]).unwrap_or_default();
        is_named || needs.iter().any(|need| need.name == needed && !satisfies(&need.specifiers, taken))
    }

    /// What a maintainer wrote about a package that has artefacts, with its name as long as the catalogue lives.
    pub(crate) fn package(&self, name: &str) -> Option<(&'a str, &'a Package)> {
        self.packages.get_key_value(name).map(|(name, candidates)| (*name, candidates.package))
    }

    /// Whether a version of a package is made for a GPU or a torch: its TOML says so or has its CUDA match the target's, it is
    /// compiled, or its wheel has device code, is made for a CUDA release or links libtorch. All else is plain: it runs
    /// beside any torch and any CUDA.
    pub(crate) fn is_of_gpu_kind(&self, name: &str, version: &Version) -> bool {
        let (Some((_, package)), Some(choice)) = (self.package(name), self.choice(name, version)) else {
            return false;
        };
        choice.is_of_gpu_kind(self.pinned_cuda(package, choice).ok().flatten())
    }

    /// Those that go with a torch.
    pub(crate) fn for_torch(&self, torch: Torch) -> Self {
        Self { torch: Some(torch), ..self.clone() }
    }

    /// Those that go with the torch of others.
    pub(crate) fn for_torch_of(&self, others: &Self) -> Self {
        Self { torch: others.torch.clone(), ..self.clone() }
    }

    /// Those without any of a package.
    pub(crate) fn without(&self, name: &str) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        for candidate in packages.get_mut(name).into_iter().flat_map(|package| package.versions.values_mut())
        {
            candidate.fitting.clear();
        }
        Self { packages: Arc::new(packages), ..self.clone() }
    }

    /// Those that go with a CUDA release, as far as names, exact pins, audits and declarations tell, and that cover one
    /// GPU at least.
    pub(crate) fn for_cuda(&self, cuda: CudaTarget) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        let capabilities = &self.universe.matrix.compute_capabilities;
        for PackageCandidates { package, versions } in packages.values_mut() {
            for candidate in versions.values_mut() {
                candidate.keep(|choice| {
                    choice.fits_cuda(cuda, self.pinned_cuda(package, choice).ok().flatten())?;
                    choice.has_requirements()?;
                    let covers = if choice.is_wheel() {
                        choice.covers(capabilities, cuda)?
                    } else {
                        Some(self.universe.compiles_for(choice, cuda)?)
                    };
                    match covers {
                        Some(covers) if covers.is_empty() => Err(Cause::CoversNothing),
                        _ => Ok(()),
                    }
                });
            }
        }
        Self { packages: Arc::new(packages), ..self.clone() }
    }

    /// Those that serve a request: in the versions that are asked for, for all its capabilities, and compiled only where
    /// that is allowed; with `compiling` also what prefers wheels.
    pub(crate) fn for_request(
        &self,
        request: &Request,
        asked: &BTreeMap<String, VersionSpecifiers>,
        compiling: bool,
    ) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        let mut from_source = BTreeSet::new();
        for (&name, PackageCandidates { versions, .. }) in &mut packages {
            let asked = asked.get(name);
            let prefers_source = request.preferences.of(name) == Prefer::Source;
            for (version, candidate) in versions {
                if let Some(asked) = asked
                    && !satisfies(asked, version)
                {
                    candidate.fitting.clear();
                    let requirement = format!("{name}{}", asked.to_string().replace(' ', ""));
                    candidate.miss(Cause::NotAsked { requirement });
                    continue;
                }
                candidate.keep(|choice| self.serves(name, choice, request, compiling));
                if prefers_source {
                    candidate.fitting.sort_by_key(Choice::is_wheel);
                }
            }
            if prefers_source {
                from_source.insert(name.to_owned());
            }
        }
        Self { packages: Arc::new(packages), from_source: Arc::new(from_source), ..self.clone() }
    }

    /// Why an artefact does not serve a request.
    fn serves(
        &self,
        name: &str,
        choice: &Choice<'_>,
        request: &Request,
        compiling: bool,
    ) -> Result<(), Cause> {
        for extra in request.packages.get(name).iter().flat_map(|asked| &asked.extras) {
            let extras: BTreeSet<&ExtraName> =
                choice.requirements()?.iter().flat_map(|requirement| requirement.marker.extras()).collect();
            if !extras.contains(extra) {
                let extras = extras.iter().map(ToString::to_string).collect();
                return Err(Cause::NoSuchExtra { extra: extra.to_string(), extras });
            }
        }
        let lacking = |covers: &[ComputeCapability]| -> Vec<_> {
            request.compute_capabilities.iter().filter(|cc| !covers.contains(cc)).copied().collect()
        };
        if !choice.is_wheel() {
            let preferences = &request.preferences;
            if request.compiler.is_none() || (!compiling && preferences.of(name) == Prefer::Wheel) {
                return Err(Cause::NotCompiled);
            }
            if preferences.only_wheels.includes(name) {
                return Err(Cause::OnlyWheels);
            }
            let lacking = lacking(&self.universe.compiles_for(choice, request.cuda)?);
            return if lacking.is_empty() { Ok(()) } else { Err(Cause::Unsupported { lacking }) };
        }
        if request.preferences.only_audited.includes(name)
            && choice.artefact.provenance < Provenance::Audited
            && choice.artefact.origin.url().is_some()
        {
            return Err(Cause::Unread { provenance: choice.artefact.provenance });
        }
        if let Some(needs) = choice.glibc()
            && needs > request.glibc
        {
            return Err(Cause::Glibc { needs, has: request.glibc });
        }
        let capabilities: Vec<_> = request.compute_capabilities.iter().copied().collect();
        // What was not audited yet is, before it is taken.
        let Some(covers) = choice.covers(&capabilities, request.cuda)? else { return Ok(()) };
        let lacking = lacking(&covers);
        if lacking.is_empty() {
            return Ok(());
        }
        let covers = choice.covers(&self.universe.matrix.compute_capabilities, request.cuda)?;
        Err(Cause::Uncovered { lacking, covers: covers.unwrap_or_default(), code: choice.code() })
    }

    /// Whether an artefact is of the kind that its package is rather taken as.
    pub(crate) fn is_preferred(&self, name: &str, choice: &Choice<'_>) -> bool {
        choice.is_wheel() != self.from_source.contains(name)
    }

    /// The CUDA release that a wheel was built for, told by its exact pin of a package that is versioned like CUDA.
    ///
    /// # Errors
    /// As [`Candidates::needs`].
    pub(crate) fn pinned_cuda(
        &self,
        package: &Package,
        choice: &Choice<'_>,
    ) -> Result<Option<CudaRelease>, Cause> {
        if package.cuda_from.is_empty() {
            return Ok(None);
        }
        let needs = self.needs(choice, &[])?;
        let release = |name: &String| {
            let need = needs.iter().find(|need| need.name == *name)?;
            match pin(&need.specifiers)?.version.release() {
                [major, minor, ..] => {
                    Some(CudaRelease { major: (*major).try_into().ok()?, minor: (*minor).try_into().ok()? })
                }
                _ => None,
            }
        };
        Ok(package.cuda_from.iter().find_map(release))
    }

    /// What an artefact requires for this target, with some of its extras.
    ///
    /// # Errors
    /// As [`Choice::needs`].
    pub(crate) fn needs(&self, choice: &Choice<'_>, extras: &[ExtraName]) -> Needs {
        choice.needs(&self.markers, extras)
    }
}
