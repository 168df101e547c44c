//! Distributions that the solver may choose, and their compatibility with a CUDA release and a torch.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};

use axle_audit::{Code, Coverage, CudaSource, PtxMember, ServedBy, WheelFacts};
use axle_catalogue::{
    Artefact, Builder, Cause, CudaMatch, Declared, ImportedWheel, Imports, MadeForTorch, Package, Provenance,
    Publisher, TorchWheel, Undeclared, Variant, Verdict,
};
use axle_fatbin::Kind;
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, ExtraName, Glibc, MarkerEnvironment, PythonVersion,
    Requirement, System, VersionOrUrl, WheelCuda, compact, full_python_version, satisfies,
};
use axle_wheel::{Fit, SdistName, WheelName};
use pep440_rs::{Version, VersionSpecifiers};

/// A wheel or an sdist that fits a system and a Python.
#[derive(Debug, Clone)]
pub struct Distribution<'a> {
    /// The artefact.
    pub artefact: &'a Artefact,
    /// What a maintainer wrote about its package.
    pub(crate) package: &'a Package,
    /// The name of its package.
    name: String,
    /// Its version.
    pub(crate) version: Version,
    /// The version as the file name spells it.
    pub version_text: String,
    /// How well a wheel fits; an sdist has no tags.
    pub(crate) fit: Option<Fit>,
    /// What its name says of what it was built for.
    variant: Variant,
    /// Who built it, where that is known.
    builder: Option<Builder<'a>>,
    system: System,
    /// The glibc that its tags ask for.
    tagged_glibc: Option<Glibc>,
    /// Whether its tags name no platform.
    is_any: bool,
    /// Whether it takes C++ symbols of libtorch.
    links_torch: bool,
    /// `Requires-Dist`, as the file, the index or the package's TOML states it; `None` where none of them does.
    requires: Option<&'a [String]>,
    read: Arc<Read>,
}

/// What an artefact requires, read when it is asked for (most artefacts are never looked at) and once for all CUDA
/// releases and torches that it is tried with.
#[derive(Debug, Default)]
struct Read {
    requirements: OnceLock<Result<Vec<Requirement>, Cause>>,
    /// Those whose markers hold, by the extras.
    needs: Mutex<BTreeMap<Vec<ExtraName>, Needs>>,
}

/// What holds for a target, or why that is not known.
pub(crate) type Needs = Result<Arc<[Need]>, Cause>;

/// A requirement that holds for a target.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    pub(crate) name: String,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) specifiers: VersionSpecifiers,
}

impl Need {
    fn of(requirement: &Requirement) -> Result<Self, Cause> {
        let specifiers = match &requirement.version_or_url {
            None => VersionSpecifiers::empty(),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
            Some(VersionOrUrl::Url(_)) => {
                return Err(Cause::UrlRequirement { requirement: requirement.to_string() });
            }
        };
        Ok(Self { name: requirement.name.to_string(), extras: requirement.extras.clone(), specifiers })
    }

    /// Name, extras and specifiers, without spaces.
    pub(crate) fn requirement(&self) -> String {
        let Self { name, extras, specifiers } = self;
        let extras: Vec<_> = extras.iter().map(ToString::to_string).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        format!("{name}{extras}{}", compact(specifiers))
    }
}

/// The torch of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Torch {
    /// Its version, without a local part.
    pub(crate) version: Version,
    /// The ABI of its C++ strings, where that is known.
    pub(crate) cxx11_abi: Option<bool>,
    /// The artefact, for what was imported beside it.
    pub(crate) wheel: TorchWheel,
}

impl Torch {
    /// The torch of a set whose wheel is that one.
    pub(crate) fn of(wheel: &Distribution<'_>, python: PythonVersion, cuda: CudaTarget) -> Self {
        Self {
            version: wheel.version.clone().without_local(),
            cxx11_abi: wheel.cxx11_abi(),
            wheel: TorchWheel {
                version: wheel.version_text.clone(),
                sha256: wheel.artefact.sha256,
                python,
                cuda,
            },
        }
    }
}

impl<'a> Distribution<'a> {
    /// A wheel, if it fits; of a pinned version also one that was withdrawn.
    pub(crate) fn wheel(
        artefact: &'a Artefact,
        package: &'a Package,
        wheel: &WheelName,
        system: System,
        python: PythonVersion,
        glibc: Glibc,
        is_pinned: bool,
    ) -> Result<Self, Cause> {
        let fit = axle_wheel::fit(wheel, system, python, glibc).map_err(Cause::tags)?;
        let variant = package
            .variant(wheel.version_text(), artefact.origin.url())
            .map_err(|error| Cause::UnreadableName { message: error.to_string() })?;
        // The tags are what the author claims, the audit what the members need.
        if let Some(needs) = artefact.audit.as_ref().and_then(|audit| audit.facts.glibc.as_ref()) {
            match Glibc::of_symbol_version(needs) {
                Some(needs) if needs > glibc => return Err(Cause::Glibc { needs, has: glibc }),
                Some(_) => {}
                None => return Err(Cause::UnreadableGlibc { text: needs.clone() }),
            }
        }
        let mut distribution = Self {
            artefact,
            package,
            name: wheel.name().to_string(),
            version: wheel.version().clone(),
            version_text: wheel.version_text().to_owned(),
            fit: Some(fit),
            variant,
            builder: package.builder(artefact.origin.url()),
            system,
            tagged_glibc: wheel.glibc(),
            is_any: wheel.platform_tags().iter().all(|tag| tag == "any"),
            links_torch: artefact.audit.as_ref().is_some_and(|audit| links_torch(&audit.facts)),
            requires: None,
            read: Arc::default(),
        };
        distribution.check_metadata(python, is_pinned)?;
        distribution.requires = distribution
            .artefact
            .requires_dist
            .as_deref()
            .or_else(|| distribution.declared().find_map(|row| row.requires_dist.as_deref()));
        Ok(distribution)
    }

    /// An sdist, if the package says how it is compiled.
    pub(crate) fn sdist(
        artefact: &'a Artefact,
        package: &'a Package,
        name: &SdistName,
        system: System,
        python: PythonVersion,
        is_pinned: bool,
    ) -> Result<Self, Cause> {
        let source = package
            .source
            .as_ref()
            .filter(|source| satisfies(&source.versions, name.version()))
            .ok_or(Cause::NoWheel)?;
        let requires = artefact.requires_dist.as_deref().or(source.requires_dist.as_deref());
        let distribution = Self {
            artefact,
            package,
            name: name.name().to_string(),
            version: name.version().clone(),
            version_text: name.version().to_string(),
            fit: None,
            variant: Variant::default(),
            builder: Some(Builder::Project),
            system,
            tagged_glibc: None,
            is_any: false,
            links_torch: false,
            requires,
            read: Arc::default(),
        };
        distribution.check_metadata(python, is_pinned)?;
        Ok(distribution)
    }

    fn check_metadata(&self, python: PythonVersion, is_pinned: bool) -> Result<(), Cause> {
        let declared = || self.declared().find_map(|row| row.requires_python.as_ref());
        if let Some(requires) = self.artefact.requires_python.as_ref().or_else(declared) {
            let specifiers = VersionSpecifiers::from_str(requires)
                .map_err(|_| Cause::UnreadablePython { text: requires.clone() })?;
            if !satisfies(&specifiers, &full_python_version(python)) {
                return Err(Cause::RequiresPython { specifiers: requires.clone() });
            }
        }
        match &self.artefact.yanked {
            Some(reason) if !is_pinned => Err(Cause::Yanked { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// What must be in a cell for an sdist to be compiled: what it is compiled against. A wheel needs nothing.
    pub(crate) fn build_needs(&self) -> Vec<Need> {
        let source = self.package.source.as_ref().filter(|_| !self.is_wheel());
        let names = source.into_iter().flat_map(|source| &source.links);
        let need = |name: &String| Need {
            name: name.clone(),
            extras: Vec::new(),
            specifiers: VersionSpecifiers::empty(),
        };
        names.map(need).collect()
    }

    /// Whether it is a wheel; else it must be compiled.
    pub fn is_wheel(&self) -> bool {
        self.fit.is_some()
    }

    /// What decides between two that fit: what the project built over what others did, what was read over what was only
    /// declared, then the tags, then the name.
    pub(crate) fn rank(&self) -> (bool, bool, &Option<Fit>, &str) {
        (self.publisher().is_none(), self.is_seen(), &self.fit, &self.artefact.filename)
    }

    /// The third party that built it; `None` where the project did.
    pub(crate) fn publisher(&self) -> Option<&'a Publisher> {
        self.builder.and_then(Builder::publisher)
    }

    /// Whether its name says the very CUDA release of a target.
    pub(crate) fn names_release(&self, cuda: CudaTarget) -> bool {
        matches!((self.variant.cuda, cuda), (Some(WheelCuda::Release(own)), CudaTarget::Release(of)) if own == of)
    }

    /// Whether a wheel has device code; `None` where nothing tells. One for any platform has none.
    pub(crate) fn has_device_code(&self) -> Option<bool> {
        match self.facts() {
            Some(facts) => Some(!facts.sass.is_empty() || !facts.ptx.is_empty()),
            None if self.artefact.filename.ends_with("-any.whl") => Some(false),
            None => self.declared_code().map(|code| !code.is_empty()),
        }
    }

    /// Whether its bytes were seen, or can be.
    pub(crate) fn is_seen(&self) -> bool {
        self.artefact.provenance > Provenance::Declared || self.artefact.origin.url().is_none()
    }

    /// What is published of it, where its bytes were not seen.
    fn declared(&self) -> impl Iterator<Item = &'a Declared> {
        self.package.declared_for(&self.version, &self.variant, self.system, self.builder)
    }

    /// The SASS and PTX that are declared of it, where its bytes were not seen.
    pub(crate) fn declared_code(&self) -> Option<Vec<Code>> {
        let sass = self.declared().find_map(|row| row.sass.as_ref())?;
        let ptx = self.declared().find_map(|row| row.ptx.as_ref());
        Some(sass.iter().chain(ptx.into_iter().flatten()).copied().collect())
    }

    /// Where its code is declared, where its bytes were not seen.
    pub(crate) fn declared_document(&self) -> Option<&'a str> {
        let row = self.declared().find(|row| row.sass.is_some()).filter(|_| self.facts().is_none())?;
        Some(&row.document)
    }

    /// The sonames that it is declared to need, where its bytes were not seen.
    pub(crate) fn declared_needs(&self) -> Option<&'a [String]> {
        self.declared().find_map(|row| row.needed.as_deref())
    }

    /// Says so where nothing tells what it requires.
    ///
    /// # Errors
    /// That it is unknown.
    pub(crate) fn has_requirements(&self) -> Result<(), Cause> {
        self.requires.map(drop).ok_or(Cause::UnknownRequirements)
    }

    /// What it requires.
    pub(crate) fn requirements(&self) -> Result<&[Requirement], Cause> {
        let parse = |line: &&String| {
            line.parse::<Requirement>()
                .map_err(|error| Cause::UnreadableRequirement { message: error.to_string() })
        };
        self.read
            .requirements
            .get_or_init(|| {
                // The order of the lines means nothing, and must not decide which explanation is found.
                let stated = self.requires.ok_or(Cause::UnknownRequirements)?;
                let mut lines: Vec<_> =
                    stated.iter().chain(self.package.also_required(&self.version)).collect();
                lines.sort();
                lines.dedup();
                lines.iter().map(parse).collect()
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    /// What it requires for its target, with some of its extras. A marker holds where it holds without extras or with one
    /// of them: packaging evaluates them one by one.
    ///
    /// # Errors
    /// When a requirement cannot be read, or names a URL in place of versions.
    pub(crate) fn needs(&self, markers: &MarkerEnvironment, extras: &[ExtraName]) -> Needs {
        let evaluate = || {
            let requirements = self.requirements()?.iter().filter(|requirement| {
                let holds = |extras: &[ExtraName]| requirement.evaluate_markers(markers, extras);
                holds(&[]) || extras.iter().any(|extra| holds(std::slice::from_ref(extra)))
            });
            requirements.map(Need::of).collect()
        };
        let Ok(mut known) = self.read.needs.lock() else { return evaluate() };
        if let Some(needs) = known.get(extras) {
            return needs.clone();
        }
        known.entry(extras.to_vec()).or_insert_with(evaluate).clone()
    }

    /// The extras that its requirements name.
    ///
    /// # Errors
    /// As [`Distribution::requirements`].
    pub(crate) fn extras(&self) -> Result<BTreeSet<ExtraName>, Cause> {
        let requirements = self.requirements()?.iter();
        Ok(requirements.flat_map(|requirement| requirement.marker.extras()).cloned().collect())
    }

    /// Whether anything tells that it is made for CUDA.
    pub(crate) fn is_for_cuda(&self, pinned: Option<CudaRelease>) -> bool {
        let named = self.variant.cuda.is_some_and(|built| built != WheelCuda::Cpu);
        named || pinned.is_some() || self.facts().is_some_and(|facts| !facts.cuda.is_empty())
    }

    /// Whether it is made for a GPU or a torch. `pinned` is the CUDA release that its requirements pin.
    pub(crate) fn is_of_gpu_kind(&self, pinned: Option<CudaRelease>) -> bool {
        let has_code = |facts: &WheelFacts| !facts.sass.is_empty() || !facts.ptx.is_empty();
        self.package.gpu
            || self.package.cuda_match != Some(CudaMatch::None)
            || !self.is_wheel()
            || self.links_torch
            || self.is_for_cuda(pinned)
            || self.facts().is_some_and(has_code)
    }

    /// The ABI of its C++ strings, where its name, its audit or its package's TOML tells.
    pub(crate) fn cxx11_abi(&self) -> Option<bool> {
        let audited = || self.facts()?.cxx11_abi;
        let declared = || self.declared().find_map(|row| row.cxx11_abi);
        // A name is a claim: flash-attn 2.8 has wheels called `cxx11abiFALSE` that are built with the new ABI.
        audited().or_else(declared).or(self.variant.cxx11_abi)
    }

    /// Why it does not go with a CUDA release. `pinned` is the release that its requirements pin.
    ///
    /// # Errors
    /// The reason.
    pub(crate) fn fits_cuda(&self, cuda: CudaTarget, pinned: Option<CudaRelease>) -> Result<(), Cause> {
        if !self.is_wheel() {
            return if cuda == CudaTarget::Cpu { Err(Cause::NoWheel) } else { Ok(()) };
        }
        let rule = self.cuda_match();
        let pinned = pinned.map(WheelCuda::Release);
        // Libraries built with other releases are linked into a wheel: its name and its pin say what it is for.
        for told in [self.variant.cuda, pinned].into_iter().flatten() {
            mismatch(&[told], rule, cuda)?;
        }
        match self.facts() {
            Some(facts) => {
                mismatch(&self.audited_cuda(facts, cuda), rule, cuda).map_err(|unfit| match unfit {
                    // Of libraries for several releases none is for this one.
                    Cause::Cuda { .. } if !self.package.alternative.is_empty() => {
                        Cause::Cuda { releases: all_cuda(facts) }
                    }
                    unfit => unfit,
                })?;
            }
            None if self.is_seen() || rule == CudaMatch::None => {}
            None if self.variant.cuda.is_none() && pinned.is_none() => {
                return Err(Cause::Undeclared { what: Undeclared::Cuda });
            }
            None => {}
        }
        Ok(())
    }

    /// How its CUDA must match: the minor release where its name tells one, unless the package's TOML says otherwise.
    fn cuda_match(&self) -> CudaMatch {
        let told = match self.variant.cuda {
            Some(WheelCuda::Release(_)) => CudaMatch::Minor,
            _ => CudaMatch::Major,
        };
        self.package.cuda_match.unwrap_or(told)
    }

    /// The CUDA releases that its audit found, in the members that a target loads.
    fn audited_cuda(&self, facts: &WheelFacts, cuda: CudaTarget) -> Vec<WheelCuda> {
        let loaded = self.package.loaded(facts, cuda);
        let told = facts.cuda_evidence.iter().filter(|evidence| {
            let is_member = |from: &String| facts.elf.iter().any(|member| member.path == *from);
            !evidence
                .from
                .iter()
                .all(|from| is_member(from) && loaded.as_ref().is_some_and(|loaded| !loaded(from)))
        });
        if facts.cuda_evidence.is_empty() {
            return all_cuda(facts);
        }
        let mut releases: Vec<WheelCuda> = told.map(|evidence| evidence.cuda).collect();
        releases.sort();
        releases.dedup();
        releases.retain(|release| facts.cuda.contains(release));
        releases
    }

    /// Why it does not go with a torch: by what is known of it, else because it was imported beside that torch and failed.
    ///
    /// # Errors
    /// The reason.
    pub(crate) fn fits_torch(&self, torch: &Torch, imports: &Imports) -> Result<(), Cause> {
        if !self.is_wheel() {
            return Ok(());
        }
        let links = self.links_torch;
        match (&self.variant.torch, self.made_for_torch()) {
            (Some(told), _) if !starts_with(&torch.version, told) => {
                return Err(Cause::Torch { versions: told.to_string() });
            }
            (None, Some(row)) if !self.is_made_for(&row.torch, torch) => {
                let told = if row.torch == "same" {
                    self.version.only_release().to_string()
                } else {
                    row.torch.clone()
                };
                return Err(Cause::Torch { versions: told });
            }
            (None, None) if links && !self.pins_torch() => return Err(Cause::UnknownTorch),
            // A table that ends says nothing of what comes after.
            (None, None) if !self.package.torch.is_empty() && !self.pins_torch() => {
                return Err(Cause::UnlistedTorch);
            }
            _ => {}
        }
        let calls_torch = links || self.facts().is_none();
        match (self.cxx11_abi().filter(|_| calls_torch), torch.cxx11_abi) {
            (Some(own), Some(of_torch)) if own != of_torch => return Err(Cause::CxxAbi { cxx11: own }),
            _ => {}
        }
        match imports.verdict(self.imported(), &torch.wheel) {
            Verdict::Fails(trial) => {
                Err(Cause::ImportFails { torch: torch.version.to_string(), error: trial.error.clone() })
            }
            Verdict::Tried | Verdict::Untried => Ok(()),
        }
    }

    /// As what it is looked up among imports.
    fn imported(&self) -> ImportedWheel<'_> {
        ImportedWheel {
            package: &self.name,
            version: &self.version_text,
            filename: &self.artefact.filename,
            sha256: self.artefact.sha256,
        }
    }

    /// What the package's TOML says of the torch that it is made for.
    fn made_for_torch(&self) -> Option<&'a MadeForTorch> {
        let public = self.version.clone().without_local();
        self.package.torch.iter().find(|row| satisfies(&row.versions, &public))
    }

    /// Whether the torch that the package's TOML names is that of a cell.
    fn is_made_for(&self, told: &str, torch: &Torch) -> bool {
        match told {
            "any" => true,
            "same" => starts_with(&torch.version, &self.version.only_release()),
            _ => match (told.parse::<Version>(), told.parse::<VersionSpecifiers>()) {
                (Ok(start), _) => starts_with(&torch.version, &start),
                (_, Ok(specifiers)) => satisfies(&specifiers, &torch.version),
                _ => false,
            },
        }
    }

    fn pins_torch(&self) -> bool {
        let pins =
            |requirement: &Requirement| requirement.name.as_ref() == "torch" && requirement.pin().is_some();
        self.requirements().is_ok_and(|requirements| requirements.iter().any(pins))
    }

    /// What its bytes say, its members perhaps under the names of another Python's wheel.
    pub(crate) fn facts(&self) -> Option<&'a WheelFacts> {
        self.artefact.audit.as_ref().map(|audit| &*audit.facts)
    }

    /// The glibc that it needs: by its audit or, where its bytes were not seen, by what is declared or its tags. One
    /// that an audit tells and cannot be read has kept the wheel out.
    pub(crate) fn glibc(&self) -> Option<Glibc> {
        match self.facts() {
            Some(facts) => facts.glibc.as_deref().and_then(Glibc::of_symbol_version),
            None => self.declared().find_map(|row| row.glibc).or(self.tagged_glibc),
        }
    }

    /// Whether nothing tells the glibc that it needs: a wheel for Linux without a `manylinux` tag, whose bytes were not
    /// seen.
    pub(crate) fn is_glibc_unknown(&self) -> bool {
        self.is_wheel() && self.facts().is_none() && !self.is_any && self.glibc().is_none()
    }

    /// The CUDA that it is made for, as its name, its pin or its bytes tell.
    pub(crate) fn cuda(&self, pinned: Option<CudaRelease>) -> Option<WheelCuda> {
        let read = || self.facts()?.cuda.iter().copied().max();
        self.variant.cuda.or(pinned.map(WheelCuda::Release)).or_else(read)
    }

    /// The capabilities among some that it covers with a CUDA release; `None` where it was not audited yet.
    ///
    /// # Errors
    /// When what decides it is neither audited nor declared.
    pub(crate) fn covers(
        &self,
        capabilities: &[ComputeCapability],
        cuda: CudaTarget,
    ) -> Result<Option<Vec<ComputeCapability>>, Cause> {
        if cuda == CudaTarget::Cpu {
            return Ok(Some(capabilities.to_vec()));
        }
        Ok(self.coverage(capabilities, cuda)?.as_deref().map(covered))
    }

    /// The code in it, as audited or declared, SASS before PTX; none where that is not known.
    pub(crate) fn code(&self) -> Vec<Code> {
        match self.facts() {
            Some(facts) => facts.sass.iter().chain(&facts.ptx).copied().collect(),
            None => self.declared_code().unwrap_or_default(),
        }
    }

    /// How much of it runs on each of some capabilities with a CUDA release; `None` where it was not audited yet.
    ///
    /// # Errors
    /// As [`Distribution::covers`].
    pub(crate) fn coverage(
        &self,
        capabilities: &[ComputeCapability],
        cuda: CudaTarget,
    ) -> Result<Option<Vec<Coverage>>, Cause> {
        // Without CUDA nothing of its device code runs.
        if cuda == CudaTarget::Cpu {
            return Ok(Some(Vec::new()));
        }
        let Some(facts) = self.facts() else {
            if self.is_seen() {
                return Ok(None);
            }
            if self.cuda_match() == CudaMatch::None && self.declared_needs().is_none() {
                return Err(Cause::Undeclared { what: Undeclared::Libraries });
            }
            let code = self.declared_code().ok_or(Cause::Undeclared { what: Undeclared::Gpus })?;
            self.declared_needs().ok_or(Cause::Undeclared { what: Undeclared::Libraries })?;
            let is_optional = self.package.has_optional_device_code();
            let coverage = |cc: &ComputeCapability| {
                let by_code = declared_coverage(&code, *cc);
                Coverage { covered: by_code.covered.map(|covered| covered || is_optional), ..by_code }
            };
            return Ok(Some(capabilities.iter().map(coverage).collect()));
        };
        let policy = self.package.policy_for(facts, cuda);
        Ok(Some(capabilities.iter().map(|cc| axle_audit::coverage(facts, &policy, *cc)).collect()))
    }

    /// What tells the CUDA that it is made for, and which it tells.
    pub(crate) fn cuda_basis(&self, pinned: Option<CudaRelease>) -> Vec<(WheelCuda, CudaBasis)> {
        let named = self.variant.cuda.map(|cuda| (cuda, CudaBasis::Name));
        let pinned = pinned.map(|cuda| (WheelCuda::Release(cuda), CudaBasis::Requirement));
        let mut told: Vec<_> = named.into_iter().chain(pinned).collect();
        for evidence in self.facts().into_iter().flat_map(|facts| &facts.cuda_evidence) {
            let by = match evidence.by {
                CudaSource::Images => CudaBasis::Images,
                CudaSource::Requirement => CudaBasis::Requirement,
                CudaSource::Soname => CudaBasis::Soname,
            };
            told.push((evidence.cuda, by));
        }
        told.dedup();
        told
    }
}

/// The source of the CUDA release that a wheel is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CudaBasis {
    /// Its file name, its address, or the name of its package.
    Name,
    /// A requirement that pins a package whose version is CUDA's own.
    Requirement,
    /// Its device code: the release that made it.
    Images,
    /// The CUDA library that a member needs.
    Soname,
}

/// The capabilities that are covered.
pub(crate) fn covered(coverage: &[Coverage]) -> Vec<ComputeCapability> {
    coverage.iter().filter(|one| one.covered == Some(true)).map(|one| one.cc).collect()
}

/// What declared code comes to on a GPU. No code at all is said by an empty list: it runs everywhere.
fn declared_coverage(code: &[Code], cc: ComputeCapability) -> Coverage {
    let runs = |kind: Kind| code.iter().any(|code| code.kind == kind && code.runs_on(cc) == Some(true));
    let by = match (runs(Kind::Sass), runs(Kind::Ptx)) {
        (true, _) => ServedBy::Sass,
        (false, true) => ServedBy::Ptx,
        (false, false) => ServedBy::None,
    };
    // Which member that is nobody knows.
    let any_member = PtxMember { member: "*".to_owned(), cuda: None, containers: 0 };
    Coverage {
        cc,
        covered: Some(code.is_empty() || by != ServedBy::None),
        by,
        runnable: 0,
        plain: 0,
        specialised: 0,
        counted: 0,
        missing: Vec::new(),
        without: Vec::new(),
        by_ptx: if by == ServedBy::Ptx { vec![any_member] } else { Vec::new() },
    }
}

/// The CUDA releases that an audit found in any member, oldest first.
fn all_cuda(facts: &WheelFacts) -> Vec<WheelCuda> {
    let mut releases: Vec<WheelCuda> = facts.cuda.clone();
    releases.sort();
    releases
}

/// Whether a version is one, or a release of one: `2.8.1` of `2.8`.
fn starts_with(version: &Version, start: &Version) -> bool {
    let padded = version.release().iter().chain(std::iter::repeat(&0));
    start.release().iter().zip(padded).all(|(one, other)| one == other)
}

/// Why what is made for some CUDA releases does not go with another.
fn mismatch(built_for: &[WheelCuda], rule: CudaMatch, cuda: CudaTarget) -> Result<(), Cause> {
    let is_cpu = built_for.contains(&WheelCuda::Cpu);
    let CudaTarget::Release(CudaRelease { major, minor }) = cuda else {
        // Without CUDA nothing of it can be loaded, whatever the rule.
        let with: Vec<_> = built_for.iter().copied().filter(|built| *built != WheelCuda::Cpu).collect();
        return if with.is_empty() || is_cpu || rule == CudaMatch::None {
            Ok(())
        } else {
            Err(Cause::Cuda { releases: with })
        };
    };
    if built_for.is_empty() || rule == CudaMatch::None {
        return Ok(());
    }
    if is_cpu {
        return Err(Cause::WithoutCuda);
    }
    let same_major = built_for.iter().filter(|built| match built {
        WheelCuda::Major(of) | WheelCuda::Release(CudaRelease { major: of, minor: _ }) => *of == major,
        WheelCuda::Cpu => false,
    });
    let same_major: Vec<_> = same_major.collect();
    if same_major.is_empty() {
        return Err(Cause::Cuda { releases: built_for.to_vec() });
    }
    if rule == CudaMatch::Major || same_major.contains(&&WheelCuda::Release(CudaRelease { major, minor })) {
        return Ok(());
    }
    if same_major.contains(&&WheelCuda::Major(major)) {
        return Err(Cause::UnknownCuda { major });
    }
    Err(Cause::Cuda { releases: built_for.to_vec() })
}

/// The library that every C++ interface of torch begins with.
const C10: &str = "libc10.so";

/// Whether some member takes C++ symbols of a torch that is not in the wheel: the libraries of torch's own wheel take
/// each other's.
fn links_torch(facts: &WheelFacts) -> bool {
    let is_torch = facts.elf.iter().any(|member| member.soname.as_deref() == Some(C10));
    !is_torch && facts.elf.iter().any(|member| member.torch_cxx == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUDA_12_8: CudaTarget = CudaTarget::Release(CudaRelease::new(12, 8));

    fn fits(built_for: &[&str], rule: CudaMatch, cuda: CudaTarget) -> Result<(), String> {
        let built_for: Vec<WheelCuda> = built_for.iter().map(|text| text.parse().unwrap()).collect();
        mismatch(&built_for, rule, cuda).map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn cuda_matches_by_the_rule_of_the_package() {
        use CudaMatch::{Major, Minor, None};
        for (built_for, rule, cuda) in [
            (&["12.8"][..], Minor, CUDA_12_8),
            (&["12.6"], Major, CUDA_12_8),
            (&["12"], Major, CUDA_12_8),
            (&["11.8"], None, CUDA_12_8),
            (&[], Minor, CUDA_12_8),
            (&["11.8", "12.8"], Minor, CUDA_12_8),
            (&["cpu"], Minor, CudaTarget::Cpu),
            (&[], Major, CudaTarget::Cpu),
        ] {
            assert_eq!(fits(built_for, rule, cuda), Ok(()), "{built_for:?} {rule:?} {cuda}");
        }
        for (built_for, rule, cuda, reason) in [
            (&["12.6"][..], Minor, CUDA_12_8, "it is built for CUDA 12.6"),
            (&["13.0"], Major, CUDA_12_8, "it is built for CUDA 13.0"),
            (&["12"], Minor, CUDA_12_8, "it is built for an unknown minor release of CUDA 12"),
            (&["cpu"], Major, CUDA_12_8, "it is built without CUDA"),
            (&["12.8"], Major, CudaTarget::Cpu, "it is built for CUDA 12.8"),
        ] {
            assert_eq!(fits(built_for, rule, cuda), Err(reason.to_owned()), "{built_for:?} {rule:?} {cuda}");
        }
    }
}
