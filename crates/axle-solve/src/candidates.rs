//! Candidates: the distributions of the catalogue that can be chosen for a system and a Python, and the causes that
//! rule out the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use axle_audit::{Coverage, PtxMember};
use axle_catalogue::{
    Artefact, CatalogueError, Cause, CellPtx, CudaMatch, Inventory, Package, PreferDeviceCode, Provenance,
};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, ExtraName, Glibc, MarkerEnvironment, PackageName,
    PythonVersion, System, WheelCuda, is_asked, marker_environment, pin, satisfies,
};
use axle_wheel::{SdistName, WheelName, WheelNameError};
use pep440_rs::{Version, VersionSpecifiers};
use pubgrub::Ranges;

use crate::conflicts::Conflicts;
use crate::distribution::{Distribution, Needs, Torch, covered};
use axle_plan::{Pass, Prefer, Request};

/// A catalogue that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CandidatesError {
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The file name of an artefact is not valid.
    #[error(transparent)]
    FileName(#[from] WheelNameError),
    /// The markers of a target cannot be built.
    #[error("failed to make the marker environment of Python {python}: {message}")]
    Markers {
        /// The Python.
        python: PythonVersion,
        /// What is wrong.
        message: String,
    },
    /// The id of a cell cannot be computed.
    #[error("failed to compute the id of a cell: {0}")]
    Id(#[from] serde_json::Error),
}

impl<'a> Candidates<'a> {
    /// The candidates for a system and a Python, whatever their CUDA.
    ///
    /// # Errors
    /// When the file name of an artefact is not valid.
    pub fn new(
        inventory: &'a Inventory,
        system: System,
        python: PythonVersion,
    ) -> Result<Self, CandidatesError> {
        let target = Target { system, python, glibc: inventory.matrix.glibc, pins: &BTreeMap::new() };
        Self::for_target(inventory, &target)
    }

    /// The candidates for a target, whatever its CUDA.
    ///
    /// # Errors
    /// As [`Candidates::new`].
    pub(crate) fn for_target(inventory: &'a Inventory, target: &Target<'_>) -> Result<Self, CandidatesError> {
        let &Target { system, python, .. } = target;
        let markers = marker_environment(system, python)
            .map_err(|error| CandidatesError::Markers { python, message: error.to_string() })?;
        let mut packages = BTreeMap::new();
        for (name, package) in &inventory.packages {
            let Some(file) = inventory.artefacts.get(name) else { continue };
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
                candidate.fitting.sort_by_key(|distribution| Reverse(distribution.is_wheel()));
            }
            packages.insert(name.as_str(), PackageCandidates { package, versions });
        }
        let packages = Arc::new(packages);
        Ok(Self {
            inventory,
            system,
            python,
            cuda: None,
            torch: None,
            bare: Arc::default(),
            conflicts: Arc::new(Conflicts::of(inventory)),
            from_source: Arc::default(),
            markers,
            packages,
            ranges: Arc::default(),
        })
    }
}

/// Adds an artefact to the versions of its package.
fn add<'a>(
    artefact: &'a Artefact,
    package: &'a Package,
    project: Option<&PackageName>,
    target: &Target<'_>,
    versions: &mut BTreeMap<Version, Candidate<'a>>,
) -> Result<(), CandidatesError> {
    let &Target { system, python, glibc, pins } = target;
    let pin = project.and_then(|project| pins.get(project.as_ref()));
    let is_pinned = |version: &Version| pin.is_some_and(|pin| satisfies(pin, version));
    if !artefact.is_wheel() {
        let name = project.and_then(|project| SdistName::parse(&artefact.filename, project).ok());
        let Some(name) = name else { return Ok(()) };
        let candidate = versions.entry(name.version().clone()).or_insert_with(Candidate::empty);
        match Distribution::sdist(artefact, package, &name, system, python, is_pinned(name.version())) {
            Ok(distribution) => candidate.fitting.push(distribution),
            Err(unfit) => candidate.miss(unfit),
        }
        return Ok(());
    }
    let wheel: WheelName = artefact.filename.parse()?;
    let candidate = versions.entry(wheel.version().clone()).or_insert_with(Candidate::empty);
    let is_pinned = is_pinned(wheel.version());
    match Distribution::wheel(artefact, package, &wheel, system, python, glibc, is_pinned) {
        Ok(distribution) => candidate.fitting.push(distribution),
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
    pub inventory: &'a Inventory,
    /// The system.
    pub system: System,
    /// The Python.
    pub python: PythonVersion,
    /// The CUDA release, once one is chosen.
    cuda: Option<CudaTarget>,
    /// The torch, once one is chosen.
    torch: Option<Torch>,
    /// Packages without the extras that bring the GPU's libraries, because no set has them with these.
    bare: Arc<BTreeSet<String>>,
    /// Versions of packages that do not work beside each other.
    pub(crate) conflicts: Arc<Conflicts>,
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
    fitting: Vec<Distribution<'a>>,
    /// Those that fit system and Python, and do not serve.
    missed: Vec<Distribution<'a>>,
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
    pub fn fitting(&self) -> &[Distribution<'a>] {
        &self.fitting
    }

    /// All that fits system and Python, whether it serves or not.
    pub(crate) fn known(&self) -> impl Iterator<Item = &Distribution<'a>> {
        self.fitting.iter().chain(&self.missed)
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
    pub(crate) fn sdist(&self) -> Option<&Distribution<'a>> {
        self.fitting.iter().find(|distribution| !distribution.is_wheel())
    }

    /// Keeps what fits.
    fn keep(&mut self, fits: impl Fn(&Distribution<'a>) -> Result<(), Cause>) {
        for distribution in std::mem::take(&mut self.fitting) {
            match fits(&distribution) {
                Ok(()) => self.fitting.push(distribution),
                Err(unfit) => {
                    self.miss(unfit);
                    self.missed.push(distribution);
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
    pub(crate) fn choose<'c>(&self, candidate: &'c Candidate<'a>) -> Result<&'c Distribution<'a>, Cause> {
        let mut unfit = Vec::new();
        for distribution in &candidate.fitting {
            match self.torch.as_ref().map_or(Ok(()), |torch| self.fits(distribution, torch)) {
                Ok(()) => return Ok(distribution),
                Err(reason) => unfit.push(reason),
            }
        }
        Err(unfit.into_iter().fold(candidate.unfit.clone(), Cause::max))
    }

    fn fits(&self, distribution: &Distribution<'_>, torch: &Torch) -> Result<(), Cause> {
        distribution.fits_torch(torch, &self.inventory.imports)
    }

    /// The best artefact of a version of a package.
    pub(crate) fn choice(&self, name: &str, version: &Version) -> Option<&Distribution<'a>> {
        self.choose(self.versions(name)?.get(version)?).ok()
    }

    /// Whether all that fits system and Python of a version is for other versions of a package than one, whatever else it
    /// lacks. Where nothing tells what it requires, it is what its public version requires.
    pub(crate) fn is_for_other(&self, name: &str, version: &Version, needed: &str, taken: &Version) -> bool {
        let Some(versions) = self.versions(name) else { return false };
        let of = |version: &Version| {
            let candidate = versions.get(version);
            let mut choices = candidate.into_iter().flat_map(Candidate::known).peekable();
            choices.peek().is_some()
                && choices.all(|distribution| self.asks_for_other(distribution, needed, taken))
        };
        of(version) || of(&version.clone().without_local())
    }

    fn asks_for_other(&self, distribution: &Distribution<'_>, needed: &str, taken: &Version) -> bool {
        let is_named = self.torch.as_ref().is_some_and(|torch| {
            torch.version == taken.clone().without_local()
                && matches!(self.fits(distribution, torch), Err(Cause::Torch { .. }))
        });
        let needs = distribution.needs(&self.markers, &[]).unwrap_or_default();
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
        let (Some((_, package)), Some(distribution)) = (self.package(name), self.choice(name, version))
        else {
            return false;
        };
        distribution.is_of_gpu_kind(self.pinned_cuda(package, distribution).ok().flatten())
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

    /// These, with some packages as others have them.
    pub(crate) fn with<'n>(&self, others: &Self, names: impl Iterator<Item = &'n str>) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        let those = names.filter_map(|name| others.packages.get_key_value(name));
        packages.extend(those.map(|(name, package)| (*name, package.clone())));
        Self { packages: Arc::new(packages), ..self.clone() }
    }

    /// Those that go with a CUDA release, as far as names, exact pins, audits and declarations tell, and that cover one
    /// GPU at least.
    pub(crate) fn for_cuda(&self, cuda: CudaTarget) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        let capabilities = &self.inventory.matrix.compute_capabilities;
        for (name, PackageCandidates { package, versions }) in &mut packages {
            for candidate in versions.values_mut() {
                candidate.keep(|distribution| {
                    distribution.fits_cuda(cuda, self.pinned_cuda(package, distribution).ok().flatten())?;
                    distribution.has_requirements()?;
                    let covers = if distribution.is_wheel() {
                        self.covers(name, distribution, capabilities, cuda)?
                    } else {
                        Some(self.inventory.compiles_for(distribution.package, cuda)?)
                    };
                    match covers {
                        Some(covers) if covers.is_empty() => Err(Cause::CoversNothing),
                        _ => Ok(()),
                    }
                });
            }
        }
        Self { packages: Arc::new(packages), cuda: Some(cuda), ..self.clone() }
    }

    /// Those that serve a request: in the versions that are asked for, for all its capabilities, and no more than an
    /// attempt takes.
    pub(crate) fn for_request(
        &self,
        request: &Request,
        asked: &BTreeMap<String, VersionSpecifiers>,
        pass: Pass,
    ) -> Self {
        let mut packages = BTreeMap::clone(&self.packages);
        let mut from_source = BTreeSet::new();
        for (&name, PackageCandidates { versions, .. }) in &mut packages {
            let asked = asked.get(name);
            let prefers_source = request.preferences.of(name) == Prefer::Source;
            for (version, candidate) in versions {
                if let Some(asked) = asked
                    && !is_asked(asked, version, request.cuda)
                {
                    candidate.fitting.clear();
                    let requirement = format!("{name}{}", asked.to_string().replace(' ', ""));
                    candidate.miss(Cause::NotAsked { requirement });
                    continue;
                }
                candidate.keep(|distribution| self.serves(name, distribution, request, pass));
                if prefers_source {
                    candidate.fitting.sort_by_key(Distribution::is_wheel);
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
        distribution: &Distribution<'_>,
        request: &Request,
        pass: Pass,
    ) -> Result<(), Cause> {
        for extra in request.packages.get(name).iter().flat_map(|asked| &asked.extras) {
            let extras: BTreeSet<&ExtraName> = distribution
                .requirements()?
                .iter()
                .flat_map(|requirement| requirement.marker.extras())
                .collect();
            if !extras.contains(extra) {
                let extras = extras.iter().map(ToString::to_string).collect();
                return Err(Cause::NoSuchExtra { extra: extra.to_string(), extras });
            }
        }
        let lacking = |covers: &[ComputeCapability]| -> Vec<_> {
            request.compute_capabilities.iter().filter(|cc| !covers.contains(cc)).copied().collect()
        };
        if !distribution.is_wheel() {
            let preferences = &request.preferences;
            if request.compiler.is_none() || !pass.compiles(preferences.of(name)) {
                return Err(Cause::NotCompiled);
            }
            if preferences.only_wheels.includes(name) {
                return Err(Cause::OnlyWheels);
            }
            let lacking = lacking(&self.inventory.compiles_for(distribution.package, request.cuda)?);
            return if lacking.is_empty() { Ok(()) } else { Err(Cause::Unsupported { lacking }) };
        }
        if let Some(publisher) = distribution.publisher() {
            let publisher = publisher.name.clone();
            if !request.preferences.publishers.includes(&publisher) {
                return Err(Cause::Excluded { publisher });
            }
            if !pass.takes_third_parties(request.preferences.of(name)) {
                return Err(Cause::ThirdParty { publisher });
            }
        }
        if request.preferences.only_audited.includes(name)
            && distribution.artefact.provenance < Provenance::Audited
            && distribution.artefact.origin.url().is_some()
        {
            return Err(Cause::Unread { provenance: distribution.artefact.provenance });
        }
        let capabilities: Vec<_> = request.compute_capabilities.iter().copied().collect();
        // What was not audited yet is, before it is taken.
        let Some(coverage) = distribution.coverage(&capabilities, request.cuda)? else { return Ok(()) };
        let lacking = lacking(&covered(&coverage));
        if !lacking.is_empty() {
            let covers = distribution.covers(&self.inventory.matrix.compute_capabilities, request.cuda)?;
            let covers = covers.unwrap_or_default();
            return Err(Cause::Uncovered { lacking, covers, code: distribution.code() });
        }
        let doubt = self.doubt(name, distribution, &capabilities, request.cuda);
        if let Some(doubtful) = doubt {
            return Err(doubtful);
        }
        let needs = axle_plan::Needs {
            glibc: distribution.glibc(),
            is_glibc_unknown: distribution.is_glibc_unknown(),
            by_ptx: &by_ptx(&coverage),
        };
        request.exceeded(&needs).into_iter().next().map_or(Ok(()), Err)
    }

    /// Why what is declared of a wheel's code is in doubt: some GPUs that it is said to cover none of the wheels covers
    /// that were read, of the same package and for the same CUDA. A weaker fact beats no stronger one nearby.
    pub(crate) fn doubt(
        &self,
        name: &str,
        distribution: &Distribution<'_>,
        capabilities: &[ComputeCapability],
        cuda: CudaTarget,
    ) -> Option<Cause> {
        if cuda == CudaTarget::Cpu || distribution.is_seen() || distribution.facts().is_some() {
            return None;
        }
        let package = self.packages.get(name)?;
        let made_for =
            |one: &Distribution<'_>| one.cuda(self.pinned_cuda(package.package, one).ok().flatten());
        let own = made_for(distribution)?;
        let all = package.versions.iter().flat_map(|(version, candidate)| {
            candidate.fitting.iter().chain(&candidate.missed).map(move |one| (version, one))
        });
        let read: Vec<_> = all
            .filter(|(_, one)| one.is_wheel() && one.facts().is_some())
            .filter_map(|(version, one)| Some((version, one, made_for(one)?)))
            .collect();
        // Those for the same release; where it does not matter which, those for the same major one.
        let is_own = |of: WheelCuda| of == own;
        let by_major =
            !read.iter().any(|(.., of)| is_own(*of)) && package.package.cuda_match != Some(CudaMatch::Minor);
        let is_near = |of: WheelCuda| is_own(of) || (by_major && of.major() == own.major());
        let near: Vec<_> = read.iter().filter(|(.., of)| is_near(*of)).collect();
        let covered: BTreeSet<ComputeCapability> = near
            .iter()
            .filter_map(|(_, one, _)| one.covers(capabilities, cuda).ok().flatten())
            .flatten()
            .collect();
        let lacking: Vec<_> = capabilities.iter().filter(|cc| !covered.contains(cc)).copied().collect();
        if near.is_empty() || lacking.is_empty() {
            return None;
        }
        let mut versions: Vec<String> =
            near.iter().map(|(version, ..)| (*version).clone().without_local().to_string()).collect();
        versions.dedup();
        Some(Cause::Doubtful { lacking, read: versions })
    }

    /// The capabilities among some that an artefact covers, without those that are only declared and in doubt; `None`
    /// where it was not audited yet.
    ///
    /// # Errors
    /// As [`Distribution::covers`].
    pub(crate) fn covers(
        &self,
        name: &str,
        distribution: &Distribution<'_>,
        capabilities: &[ComputeCapability],
        cuda: CudaTarget,
    ) -> Result<Option<Vec<ComputeCapability>>, Cause> {
        let Some(covers) = distribution.covers(capabilities, cuda)? else { return Ok(None) };
        Ok(Some(match self.doubt(name, distribution, &covers, cuda) {
            Some(Cause::Doubtful { lacking, .. }) => {
                covers.into_iter().filter(|cc| !lacking.contains(cc)).collect()
            }
            _ => covers,
        }))
    }

    /// Whether an artefact is of the kind that its package is rather taken as.
    pub(crate) fn is_preferred(&self, name: &str, distribution: &Distribution<'_>) -> bool {
        distribution.is_wheel() != self.from_source.contains(name)
    }

    /// Whether an artefact lacks the device code that its package is rather taken with.
    pub(crate) fn lacks_device_code(&self, distribution: &Distribution<'_>) -> bool {
        let is_preferred = |preferred: &PreferDeviceCode| {
            let public = distribution.version.clone().without_local();
            satisfies(&preferred.versions, &public) && distribution.has_device_code() != Some(false)
        };
        self.cuda.is_some_and(|cuda| cuda != CudaTarget::Cpu)
            && distribution.is_wheel()
            && distribution.package.prefer_device_code.as_ref().is_some_and(|rule| !is_preferred(rule))
    }

    /// Whether the name of an artefact says the CUDA release of the target.
    pub(crate) fn names_release(&self, distribution: &Distribution<'_>) -> bool {
        self.cuda.is_some_and(|cuda| distribution.names_release(cuda))
    }

    /// The CUDA release that a wheel was built for, told by its exact pin of a package that is versioned like CUDA.
    ///
    /// # Errors
    /// As [`Candidates::needs`].
    pub(crate) fn pinned_cuda(
        &self,
        package: &Package,
        distribution: &Distribution<'_>,
    ) -> Result<Option<CudaRelease>, Cause> {
        if package.cuda_from.is_empty() {
            return Ok(None);
        }
        let needs = distribution.needs(&self.markers, &[])?;
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

    /// What a version of a package requires for this target, with some of its extras. With CUDA the extras that bring the
    /// GPU's libraries are among them, unless the package is taken without.
    ///
    /// # Errors
    /// As [`Distribution::needs`].
    pub(crate) fn needs(&self, name: &str, distribution: &Distribution<'_>, extras: &[ExtraName]) -> Needs {
        let named = self.cuda_extras(distribution.package).filter(|_| !self.bare.contains(name));
        let Some(named) = named else { return distribution.needs(&self.markers, extras) };
        let known = distribution.extras()?;
        let own: Vec<ExtraName> =
            known.iter().filter(|extra| named.iter().any(|name| name == extra.as_ref())).cloned().collect();
        // A version from before there was such an extra finds the libraries no better.
        if let (Some(extra), true) = (named.first(), own.is_empty()) {
            let extras = known.iter().map(ToString::to_string).collect();
            return Err(Cause::NoSuchExtra { extra: extra.clone(), extras });
        }
        let mut all: Vec<ExtraName> = extras.iter().chain(&own).cloned().collect();
        all.sort();
        all.dedup();
        distribution.needs(&self.markers, &all)
    }

    /// The extras that bring the GPU's libraries to a package, for the CUDA of this target.
    fn cuda_extras<'p>(&self, package: &'p Package) -> Option<&'p [String]> {
        let Some(CudaTarget::Release(CudaRelease { major, .. })) = self.cuda else { return None };
        package.cuda_extras.get(&major.to_string()).map(Vec::as_slice)
    }

    /// These, with one package taken without the extras that bring the GPU's libraries; `None` where it has none.
    pub(crate) fn without_cuda_extras(&self, name: &str) -> Option<Self> {
        let (_, package) = self.package(name)?;
        self.cuda_extras(package).filter(|_| !self.bare.contains(name))?;
        let mut bare = BTreeSet::clone(&self.bare);
        bare.insert(name.to_owned());
        Some(Self { bare: Arc::new(bare), ..self.clone() })
    }

    /// Whether a package is taken without what makes it see the GPU.
    pub(crate) fn is_bare(&self, name: &str) -> bool {
        self.bare.contains(name)
    }
}

/// What of a wheel the driver compiles, by the release that made it: those members together that the same GPUs run so.
pub(crate) fn by_ptx(coverage: &[Coverage]) -> Vec<CellPtx> {
    let mut on: BTreeMap<(Option<CudaRelease>, &str), Vec<ComputeCapability>> = BTreeMap::new();
    for one in coverage.iter().filter(|one| one.covered == Some(true)) {
        for PtxMember { member, cuda, .. } in &one.by_ptx {
            on.entry((*cuda, member)).or_default().push(one.cc);
        }
    }
    let mut together: BTreeMap<(Option<CudaRelease>, Vec<ComputeCapability>), Vec<String>> = BTreeMap::new();
    for ((cuda, member), on) in on {
        together.entry((cuda, on)).or_default().push(member.to_owned());
    }
    together.into_iter().map(|((cuda, on), members)| CellPtx { members, cuda, on }).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Candidates for Python 3.12 on x86_64.
    pub(crate) fn of_x86(inventory: &Inventory) -> Candidates<'_> {
        Candidates::new(inventory, System::X86_64Linux, PythonVersion::new(12)).unwrap()
    }
}
