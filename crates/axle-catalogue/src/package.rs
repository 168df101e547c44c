//! `packages/<name>.toml`: everything that maintainers declare about a package.

use std::collections::BTreeMap;
use std::path::Path;

use axle_audit::{Code, Measure, MemberRule, Pattern, Policy};
use axle_types::{ComputeCapability, CudaRelease, Glibc, System, WheelCuda};
use pep440_rs::{Version, VersionSpecifiers};
use serde::{Deserialize, Deserializer};

use crate::wheel_grammar::{Names, UnreadableName, Variant};

/// How the names of files of device code end.
const LOOSE: [&str; 3] = ["cubin", "fatbin", "ptx"];

/// One package of the catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Package {
    /// One line that says what the package is.
    pub summary: String,
    /// Releases from this one on are indexed.
    pub since: Version,
    /// Which releases are kept.
    #[serde(default)]
    pub keep: Keep,
    /// Whether packages are made for it, though its wheels neither hold device code nor name a CUDA: torch without CUDA, a
    /// compiler of kernels, the interface of a plugin for GPUs.
    #[serde(default)]
    pub gpu: bool,
    /// Where the project publishes it.
    #[serde(default)]
    pub published: Published,
    /// Third parties that build wheels of it.
    #[serde(default, rename = "publisher")]
    pub publishers: Vec<Publisher>,
    /// What the names of its wheels say of what they were built for.
    #[serde(default)]
    pub names: Names,
    /// How the CUDA that a wheel was built for must match the target's; without it, by minor release if the wheel's
    /// name states one, and by major release otherwise.
    pub cuda_match: Option<CudaMatch>,
    /// How a requirement names the CUDA release that a wheel was built for: the package whose exact pin determines it
    /// (torch pins `nvidia-cuda-runtime-cu12==12.8.90`, later `cuda-toolkit==13.0.2`).
    #[serde(default)]
    pub cuda_from: Vec<String>,
    /// The versions with device code that are preferred over newer ones without; where it is absent, the newest
    /// version is the best.
    pub prefer_device_code: Option<PreferDeviceCode>,
    /// The torch that its wheels are built for, if neither their names nor an exact pin state it.
    #[serde(default)]
    pub torch: Vec<MadeForTorch>,
    /// Alternative members, of which a target loads one.
    #[serde(default)]
    pub alternative: Vec<Alternative>,
    /// What is published about wheels whose bytes were not seen.
    #[serde(default)]
    pub declared: Vec<Declared>,
    /// What it requires besides what its metadata says.
    #[serde(default)]
    pub also_requires: Vec<AlsoRequires>,
    /// Versions of other packages that it does not work beside, where no metadata says so.
    #[serde(default)]
    pub not_with: Vec<NotWith>,
    /// What it compiles with when it runs.
    #[serde(default)]
    pub compiles: Vec<Compiles>,
    /// Extras without which it does not find the GPU's libraries, by the major release of CUDA: without them it runs on
    /// the CPU and looks as if it were fine. A set with CUDA has what they require.
    #[serde(default)]
    pub cuda_extras: BTreeMap<String, Vec<String>>,
    /// How it is compiled from its sdist; without it, it is not.
    pub source: Option<Source>,
    /// How many of a member's containers must run on a GPU, where it is not all of them.
    #[serde(default)]
    pub coverage: Vec<CoverageRule>,
    /// Members (`*` matches any characters) whose device code outside of the device sections is their own.
    #[serde(default)]
    pub own_outside: Vec<String>,
    /// Sonames that members load by `dlopen`, which no ELF header names.
    #[serde(default)]
    pub dlopen: Vec<Dlopen>,
    /// Needed sonames that are left without a provider, each with the reason.
    #[serde(default)]
    pub unprovided: Vec<Unprovided>,
    /// Files that several wheels own and that the python level leaves out.
    #[serde(default)]
    pub omit: Vec<String>,
    /// The modules that are imported to try its wheels. Without it they are those at the top of the wheel: the one that is
    /// called as the package is, or else every public one. An empty list where there is nothing to import.
    pub imports: Option<Vec<String>>,
}

impl Package {
    /// Who builds what is published at an address, `None` being the package index; nobody where the package's TOML names
    /// no such place.
    pub fn builder(&self, url: Option<&str>) -> Option<Builder<'_>> {
        match url {
            Some(url) if !self.published.holds(url) => {
                self.publishers.iter().find(|one| one.holds(url)).map(Builder::Publisher)
            }
            _ => Some(Builder::Project),
        }
    }

    /// Whether what is published at an address is of use: where third parties are named, of nobody else.
    pub fn names_place(&self, url: Option<&str>) -> bool {
        self.publishers.is_empty() || self.builder(url).is_some()
    }

    /// What the name and the address of a wheel say, by the grammar of who built it.
    ///
    /// # Errors
    /// When it has a local version that the grammar does not read.
    pub fn variant(&self, version_text: &str, url: Option<&str>) -> Result<Variant, UnreadableName> {
        let own = match self.builder(url) {
            Some(Builder::Publisher(publisher)) => publisher.names.as_ref(),
            _ => None,
        };
        own.unwrap_or(&self.names).read(version_text, url)
    }

    /// What is published of a wheel of the package whose bytes were not seen; nothing where it is not known who built it.
    pub fn declared_for<'a>(
        &'a self,
        version: &Version,
        variant: &Variant,
        system: System,
        builder: Option<Builder<'_>>,
    ) -> impl Iterator<Item = &'a Declared> {
        let public = version.clone().without_local();
        let (cuda, torch) = (variant.cuda, variant.torch.as_ref());
        let by = builder.map(|builder| builder.publisher().map(|publisher| publisher.name.clone()));
        self.declared.iter().filter(move |row| {
            by.as_ref().is_some_and(|by| row.is_of(by.as_deref()))
                && row.versions.contains(&public)
                && (row.cuda.is_empty() || cuda.is_some_and(|of| row.cuda.contains(&of)))
                && row.torch.as_ref().is_none_or(|of| torch == Some(of))
                && row.system.is_none_or(|of| system == of)
        })
    }

    /// Every `Requires-Dist` line that is declared of wheels whose bytes were not seen.
    pub fn declared_requirements(&self) -> impl Iterator<Item = &String> {
        self.declared.iter().flat_map(|row| row.requires_dist.iter().flatten())
    }

    /// Whether the device code of its wheels keeps none of them from a GPU: each kernel is a feature, which asks for its
    /// capability before it is called.
    pub fn has_optional_device_code(&self) -> bool {
        self.coverage.iter().any(|rule| rule.member == "*" && rule.share == Some(0.0))
    }

    /// Whether a target may leave a member for another one.
    pub fn is_alternative(&self, path: &str) -> bool {
        let mut patterns = self.alternative.iter().map(|one| Pattern::new(one.member.replace("{cuda}", "*")));
        patterns.any(|pattern| pattern.matches(path))
    }

    /// `Requires-Dist` lines that the metadata of a version lacks.
    pub fn also_required<'a>(&'a self, version: &Version) -> impl Iterator<Item = &'a String> + use<'a> {
        let public = version.clone().without_local();
        let rows = self.also_requires.iter().filter(move |row| row.versions.contains(&public));
        rows.flat_map(|row| &row.requires_dist)
    }

    /// How the members of the wheels of a version count for coverage.
    pub fn policy(&self, version: Option<&Version>) -> Policy {
        let public = version.map(|version| version.clone().without_local());
        let holds = |versions: &VersionSpecifiers| match &public {
            Some(public) => versions.contains(public),
            None => versions.is_empty(),
        };
        let rules: Vec<&CoverageRule> = self.coverage.iter().filter(|rule| holds(&rule.versions)).collect();
        let is_loose = |rule: &&&CoverageRule| {
            let extension = Path::new(&rule.member).extension();
            LOOSE.iter().any(|loose| extension.is_some_and(|extension| extension == *loose))
        };
        Policy {
            loaded: None,
            // Files of device code are measured together, by the rule for them.
            loose: rules.iter().find(is_loose).map(|rule| rule.member_rule().measure),
            members: rules.iter().map(|rule| (Pattern::new(&rule.member), rule.member_rule())).collect(),
            own_outside: self.own_outside.iter().map(Pattern::new).collect(),
            ..Policy::default()
        }
    }

    /// What a version compiles with when it runs.
    pub fn compiles_with(&self, version: &Version) -> Option<&Compiles> {
        let public = version.clone().without_local();
        self.compiles.iter().find(|row| row.versions.contains(&public))
    }
}

/// Which releases of a package the catalogue keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Every one since [`Package::since`].
    #[default]
    All,
    /// Those that a cell chooses or an exact requirement names, and the newest.
    Chosen,
}

/// Where a package is published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Published {
    /// Whether the package index has it.
    pub index: bool,
    /// Repositories on GitHub (`owner/name`) whose releases hold wheels.
    pub github: Vec<String>,
    /// Pages that link to wheels; `{variant}` is replaced by each of `variants`.
    pub find_links: Vec<String>,
    /// The values of `{variant}`.
    pub variants: Vec<String>,
    /// A folder of wheels, from the catalogue's own folder on.
    pub directory: Option<String>,
}

impl Published {
    /// Whether an address is in one of the places that are named: what others have built is another thing.
    pub fn holds(&self, url: &str) -> bool {
        self.directory.is_some() || is_among(url, &self.github, &self.find_links)
    }
}

/// Whether an address is of a release of one of some repositories, or begins as one of some addresses does.
fn is_among(url: &str, repositories: &[String], addresses: &[String]) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let of_repository = |repository: &String| rest.starts_with(&format!("github.com/{repository}/releases/"));
    let of_address = |address: &String| {
        let address = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        rest.starts_with(address.split('{').next().unwrap_or_default())
    };
    repositories.iter().any(of_repository) || addresses.iter().any(of_address)
}

/// A third party that builds wheels of a package. What it built is taken only where the project has no wheel that fits,
/// before anything is compiled; facts that are declared of the project's wheels say nothing of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Publisher {
    /// What plans, `--publisher` and rows of [`Package::declared`] call it.
    pub name: String,
    /// Repositories on GitHub (`owner/name`) whose releases hold its wheels.
    #[serde(default)]
    pub github: Vec<String>,
    /// Pages that link to its wheels; `{variant}` is replaced by each of `variants`.
    #[serde(default)]
    pub find_links: Vec<String>,
    /// The values of `{variant}`.
    #[serde(default)]
    pub variants: Vec<String>,
    /// How the addresses of its wheels begin, where they do not stand beneath its pages.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// What the names of its wheels say, where they are not spelled as the project's.
    pub names: Option<Names>,
    /// Who it is, and why its wheels may be used.
    pub why: String,
    /// The document that states how it builds them.
    pub document: String,
}

impl Publisher {
    /// Whether an address is in one of its places.
    fn holds(&self, url: &str) -> bool {
        is_among(url, &self.github, &self.find_links) || is_among(url, &[], &self.addresses)
    }
}

/// Who built a wheel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Builder<'a> {
    /// The project itself.
    Project,
    /// A third party.
    Publisher(&'a Publisher),
}

impl<'a> Builder<'a> {
    /// The third party, where it is one.
    pub fn publisher(self) -> Option<&'a Publisher> {
        match self {
            Self::Project => None,
            Self::Publisher(publisher) => Some(publisher),
        }
    }
}

impl Default for Published {
    fn default() -> Self {
        Self {
            index: true,
            github: Vec::new(),
            find_links: Vec::new(),
            variants: Vec::new(),
            directory: None,
        }
    }
}

/// That versions with device code are better than newer ones without.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PreferDeviceCode {
    /// The versions that are better with their device code.
    pub versions: VersionSpecifiers,
    /// What is lost without it.
    pub reason: String,
}

/// The torch that some versions of a package are made for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MadeForTorch {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// The torch: the start of a release (`2.9`), specifiers (`>=2.11`), `same` for the package's own version, or `any`.
    pub torch: String,
    /// The document that states it.
    pub document: String,
}

/// Members of which a target loads one: bitsandbytes has a library for each CUDA minor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alternative {
    /// The members' paths; `*` stands for any characters and `{cuda}` for a release's digits (`128`).
    pub member: String,
    /// The targets that load it.
    pub load: Load,
    /// How that is known.
    pub reason: String,
}

/// Which targets load an alternative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// None: it is for other hardware.
    Never,
    /// Those without CUDA.
    Cpu,
    /// Those of the CUDA minor in its name.
    SameMinor,
    /// Those of the same CUDA major, of the newest minor there is that is not newer than theirs.
    NewestMinor,
}

/// What is published about wheels whose bytes were not seen. Of several that apply, the first that says something
/// of a fact counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Declared {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// The third parties that built them; the project itself, where none is named.
    #[serde(default, deserialize_with = "one_or_more")]
    pub publisher: Vec<String>,
    /// The CUDA in their names, where only those of one or of some are meant (`12`, `12.6`, `cpu`).
    #[serde(default, deserialize_with = "one_or_more")]
    pub cuda: Vec<WheelCuda>,
    /// The torch in their names, where only those for one are meant (`2.6`).
    pub torch: Option<Version>,
    /// The system, where only wheels of one are meant.
    pub system: Option<System>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Requires-Dist` lines.
    pub requires_dist: Option<Vec<String>>,
    /// The SASS that every container of every member has.
    pub sass: Option<Vec<Code>>,
    /// The PTX that every container of every member has.
    pub ptx: Option<Vec<Code>>,
    /// The sonames that its members need from outside.
    pub needed: Option<Vec<String>>,
    /// Whether its C++ strings are those of the C++11 ABI, whatever their names claim; said of wheels that were seen too,
    /// where their symbols don't tell.
    pub cxx11_abi: Option<bool>,
    /// The glibc that its members need, where the tags of the wheels name none.
    pub glibc: Option<Glibc>,
    /// The document that states it.
    pub document: String,
}

impl Declared {
    /// Whether it is said of wheels of a third party; of the project's, where it is none.
    fn is_of(&self, publisher: Option<&str>) -> bool {
        match publisher {
            None => self.publisher.is_empty(),
            Some(name) => self.publisher.iter().any(|one| one == name),
        }
    }
}

/// A value, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore<T> {
        One(T),
        More(Vec<T>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(all) => all,
    })
}

/// What some versions of a package require besides what their metadata says: where there is an installer, it is there
/// anyway, or is left to the user.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AlsoRequires {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// `Requires-Dist` lines.
    pub requires_dist: Vec<String>,
    /// What fails without them.
    pub reason: String,
}

/// Versions of another package that some versions of a package do not work beside: a break of an interface, after
/// which metadata that is published already cannot be changed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NotWith {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// The other package (`numpy`).
    pub other: String,
    /// The versions of it in question (`>=2`).
    pub other_versions: VersionSpecifiers,
    /// What fails.
    pub reason: String,
    /// The document that states it.
    pub document: String,
}

/// The compiler with which some versions of a package make code for a GPU when they run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compiles {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// The compiler, as a sentence names it (`its own ptxas`, `NVRTC`, `the nvcc on PATH`).
    pub with: String,
    /// The CUDA release that the compiler is of; what that can compile for is in `toolkits.json`. Without it, it is the
    /// target's.
    pub cuda: Option<CudaRelease>,
    /// The GPUs that it can compile for, where these are other ones than its release's.
    pub capabilities: Option<Vec<ComputeCapability>>,
    /// For some GPUs, the oldest CUDA release of a compiler that can compile its code.
    #[serde(default)]
    pub needs: BTreeMap<ComputeCapability, CudaRelease>,
    /// What to do where it cannot.
    pub remedy: Option<String>,
    /// How that is known.
    pub document: String,
}

/// How a package is compiled from its sdist.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// The versions that are compiled this way.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// What runs the build.
    pub build_system: BuildSystem,
    /// Packages that its build system needs (`setuptools`, `ninja`). They are frozen, as is what the packages under
    /// [`Self::links`] need to be imported.
    #[serde(default)]
    pub build_requires: Vec<String>,
    /// Packages that it is compiled against: torch. They are the cell's.
    #[serde(default)]
    pub links: Vec<String>,
    /// CUDA components whose headers it includes, by their name in a toolkit (`cccl`, `cublas`, `cusparse`).
    #[serde(default)]
    pub components: Vec<String>,
    /// Environment variables, as they are.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What is written otherwise in its files before it is compiled.
    #[serde(default)]
    pub replace: Vec<Replacement>,
    /// Which variable takes the architectures, and how it spells them.
    pub architectures: Option<ArchitecturesVariable>,
    /// Which variable takes the number of jobs.
    pub jobs: Option<String>,
    /// `Requires-Dist` lines, where the metadata of the sdist marks them dynamic.
    pub requires_dist: Option<Vec<String>>,
    /// The capabilities that its source supports; every one without it.
    pub capabilities: Option<Vec<ComputeCapability>>,
    /// The oldest CUDA release that compiles it (`11.8`).
    pub cuda: Option<String>,
    /// Bytes of memory that one job of the compiler needs, at most.
    pub memory_per_job: Option<u64>,
    /// Roughly how many minutes of one core it takes for one architecture.
    pub minutes: Option<u64>,
    /// Where the capabilities, the memory and the rest are known from.
    pub document: String,
}

/// A text in a source file that is replaced by another one, at each occurrence. The build fails if there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The file, from the root of the sdist on.
    pub file: String,
    /// The text to replace.
    pub old: String,
    /// What is put in its place.
    pub new: String,
}

/// What builds a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildSystem {
    /// `setup.py`, with torch's extension builder or without.
    Setuptools,
    /// scikit-build-core over CMake.
    ScikitBuildCore,
    /// CMake called by hand.
    Cmake,
}

/// The environment variable that passes the architectures to a build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArchitecturesVariable {
    /// The environment variable.
    pub variable: String,
    /// How each is spelled.
    pub spelling: Spelling,
    /// The separator between them.
    pub separator: String,
}

/// How a build spells an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// `8.6`.
    Dotted,
    /// `86`.
    Digits,
}

/// How the CUDA that a wheel was built for must match the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CudaMatch {
    /// The same minor release.
    Minor,
    /// The same major release.
    Major,
    /// The wheel holds nothing of CUDA that could mismatch.
    None,
}

/// Another measure of coverage for some members.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoverageRule {
    /// The versions of the package.
    #[serde(default = "VersionSpecifiers::empty")]
    pub versions: VersionSpecifiers,
    /// The members' paths; `*` matches any characters.
    pub member: String,
    /// The share of the containers that must run on a GPU, from 0 to 1; without it, one at least.
    pub share: Option<f64>,
    /// What the members are for, where the package does without them on a GPU that they do not cover
    /// (`communication between GPUs`).
    pub feature: Option<String>,
    /// The oldest GPU that the package calls these members on; on older ones they do not count.
    pub from: Option<ComputeCapability>,
    /// Code in these members that does nothing: kernels without a body, which are there for the linker.
    #[serde(default)]
    pub stubs: Vec<Code>,
    /// Why not all of them.
    pub reason: String,
}

impl CoverageRule {
    fn member_rule(&self) -> MemberRule {
        let measure = self.share.map_or(Measure::Any, Measure::Share);
        MemberRule { measure, feature: self.feature.clone(), from: self.from, stubs: self.stubs.clone() }
    }
}

/// Sonames that members of a wheel load by `dlopen`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dlopen {
    /// The members' paths; `*` matches any characters.
    pub member: String,
    /// Where each soname comes from: soname to package, for the packages that are in the cell.
    pub sonames: BTreeMap<String, String>,
    /// Why: what loads it, and how that is known.
    pub reason: String,
}

/// A needed soname that stays without a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unprovided {
    /// The members' paths; `*` matches any characters.
    pub member: String,
    /// The sonames.
    pub sonames: Vec<String>,
    /// Why the wheel works without them.
    pub reason: String,
}
