//! Causes: why a distribution, a package or a request is ruled out, as data. The solver's proofs become causes, cells
//! store them, and refusals print them.
//!
//! A cause becomes a sentence where it is shown ([`Cause::about`]), and only there: no code parses sentences.

use std::collections::BTreeSet;
use std::fmt;

use axle_fatbin::Code;
use axle_rules::Rule;
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, Glibc, PythonVersion, System, WheelCuda, comma_separated,
};
use axle_wheel::TagMismatch;
use serde::{Deserialize, Serialize};

use crate::Provenance;

/// Why a version of a package, or the whole request, is ruled out.
///
/// Ordered: of two causes that rule out a file (up to [`Cause::NotAsked`]), the greater one is the nearer miss.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Cause {
    /// There is neither a wheel nor an sdist that can be compiled.
    NoWheel,
    /// No wheel's tags fit.
    Tags {
        /// The nearest miss.
        mismatch: TagMismatch,
        /// The Python tags of the wheels that are compatible in every respect but the Python version.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        pythons: BTreeSet<String>,
    },
    /// No grammar of the package reads the wheel's name.
    UnreadableName {
        /// What is wrong with it.
        message: String,
    },
    /// `Requires-Python` excludes the target's.
    RequiresPython {
        /// What it says.
        specifiers: String,
    },
    /// `Requires-Python` is not valid (PEP 440).
    UnreadablePython {
        /// What it says.
        text: String,
    },
    /// Its members need a newer glibc than the target has, regardless of its tags.
    Glibc {
        /// The glibc that its audit found.
        needs: Glibc,
        /// The one of the target.
        has: Glibc,
    },
    /// Its audit has a glibc version that is not valid.
    UnreadableGlibc {
        /// The text in the audit.
        text: String,
    },
    /// It is made without CUDA.
    WithoutCuda,
    /// It is made for another CUDA.
    Cuda {
        /// The releases that it is made for.
        releases: Vec<WheelCuda>,
    },
    /// Only the major release of the CUDA that it is made for is known.
    UnknownCuda {
        /// The major release.
        major: u16,
    },
    /// It is made for another torch.
    Torch {
        /// The torch, as its name or its package's TOML spells it.
        versions: String,
    },
    /// It is built with the other C++ ABI (`_GLIBCXX_USE_CXX11_ABI`).
    CxxAbi {
        /// Whether its own is the one of C++11.
        cxx11: bool,
    },
    /// It links libtorch's C++ symbols, of an unknown version of torch.
    UnknownTorch,
    /// The catalogue's table of the torch that its versions are made for does not name it.
    UnlistedTorch,
    /// Its code is only declared, and wheels of its package for the same CUDA that were read do not have what is declared.
    Doubtful {
        /// The GPUs that are declared and that none of the others covers.
        lacking: Vec<ComputeCapability>,
        /// The versions that were read, oldest first.
        read: Vec<String>,
    },
    /// It was imported beside that torch, and failed.
    ImportFails {
        /// The torch's version.
        torch: String,
        /// The decisive line of the error.
        error: String,
    },
    /// It does not cover any known GPU.
    CoversNothing,
    /// Some of the target's GPUs are not covered.
    Uncovered {
        /// They.
        lacking: Vec<ComputeCapability>,
        /// All that it covers.
        covers: Vec<ComputeCapability>,
        /// The code in it, SASS before PTX.
        code: Vec<Code>,
    },
    /// It runs on the target's GPUs by PTX alone, in part at least, which the driver is too old to compile.
    Ptx {
        /// The members with PTX alone.
        members: Vec<String>,
        /// The CUDA release that made it.
        cuda: CudaRelease,
        /// The newest whose PTX the driver compiles.
        compiles: CudaRelease,
    },
    /// Its source does not support some of the target's GPUs.
    Unsupported {
        /// They.
        lacking: Vec<ComputeCapability>,
    },
    /// It would have to be compiled, and is not.
    NotCompiled,
    /// It would have to be compiled, and must not be (`--only-wheels`).
    OnlyWheels,
    /// Its bytes were never read, which `--only-audited` requires.
    Unread {
        /// How its facts are known.
        provenance: Provenance,
    },
    /// A third party built it, and the request excludes what that built (`--publisher`).
    Excluded {
        /// The third party.
        publisher: String,
    },
    /// A third party built it, and there is a wheel of the project.
    ThirdParty {
        /// The third party.
        publisher: String,
    },
    /// It has no device code, and another version has.
    NoDeviceCode,
    /// Its source asks for a newer CUDA release.
    OldToolkit {
        /// The oldest that compiles it.
        needs: String,
        /// The one of the target.
        has: CudaTarget,
    },
    /// It would have to be compiled by an unknown CUDA release.
    UnknownToolkit {
        /// The release.
        cuda: CudaTarget,
    },
    /// It was withdrawn from the index (PEP 592).
    Yanked {
        /// Why, as its author wrote; empty where he did not.
        reason: String,
    },
    /// Its bytes were never read, and a decisive fact is not declared.
    Undeclared {
        /// The undeclared fact.
        what: Undeclared,
    },
    /// One of its requirements is not valid (PEP 508).
    UnreadableRequirement {
        /// The line, and what is wrong with it.
        message: String,
    },
    /// A requirement of it names a URL, which has no version.
    UrlRequirement {
        /// The line.
        requirement: String,
    },
    /// It requires another version of itself.
    RequiresItself,
    /// Its metadata is not known.
    UnknownRequirements,
    /// It lacks an extra that the user asks for.
    NoSuchExtra {
        /// The extra.
        extra: String,
        /// Those that it has.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        extras: BTreeSet<String>,
    },
    /// It is another version than the user asks for.
    NotAsked {
        /// What the user asks for.
        requirement: String,
    },
    /// The version in the set does not satisfy a requirement.
    Outside {
        /// The requirement.
        requirement: String,
        /// The package with its extra that requires them; `None` is the user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// Its wheels were chosen, and not audited yet.
    Unaudited {
        /// Their file names.
        files: Vec<String>,
    },
    /// Requirements contradict each other.
    Conflict {
        /// The facts that the contradiction rests on.
        facts: Vec<Fact>,
    },
    /// The catalogue has no package of that name.
    NotInCatalogue {
        /// Similar names, the most similar first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alike: Vec<String>,
    },
    /// The catalogue has no such version.
    NoSuchVersion {
        /// The versions asked for.
        requirement: String,
        /// How many others there are.
        count: usize,
        /// The oldest of them.
        oldest: String,
        /// The newest.
        newest: String,
    },
    /// It is not in the set, for an unknown reason.
    NotInSet,
    /// The catalogue has nothing for the system.
    NoSystem {
        /// The target's.
        system: System,
        /// Those that it has.
        known: Vec<System>,
    },
    /// The catalogue has nothing for the Python.
    NoPython {
        /// The target's.
        python: PythonVersion,
        /// Those that it has.
        known: Vec<PythonVersion>,
    },
    /// The catalogue has nothing for the CUDA release.
    NoCuda {
        /// The target's.
        cuda: CudaTarget,
        /// Those that it has.
        known: Vec<CudaTarget>,
    },
    /// No torch of the catalogue has all that it needs for the Python and the CUDA release.
    NoTorch {
        /// The target's Python.
        python: PythonVersion,
        /// The target's CUDA release.
        cuda: CudaTarget,
        /// The version that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A rule on compilers, drivers or GPUs is broken.
    Rule {
        /// The rule; `None` where nothing is known of the release.
        rule: Option<Rule>,
        /// What is the case, in the rule's words.
        message: String,
    },
}

/// Facts that may be undeclared for a wheel whose bytes were never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undeclared {
    /// The CUDA that it is made for.
    Cuda,
    /// The GPUs that its code runs on.
    Gpus,
    /// The libraries that it needs.
    Libraries,
    /// The glibc that it needs.
    Glibc,
}

/// What some versions of a package have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// The package.
    pub package: String,
    /// Its versions, as spans of those that are known; empty where the fact is about no version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Span>,
    /// What they have in common.
    #[serde(flatten)]
    pub what: What,
}

/// What a [`Fact`] says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// They require this.
    Requires {
        /// Name, extras and specifiers.
        requirement: String,
        /// What there is of it; `None` where some version satisfies it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<Lack>,
    },
    /// They do not work beside this, though no metadata says so.
    NotWith {
        /// Name and specifiers.
        requirement: String,
        /// What fails.
        reason: String,
    },
    /// They cannot be chosen.
    Unfit {
        /// Why.
        why: Box<Cause>,
    },
    /// The package is not in the catalogue.
    Missing,
    /// Only versions that satisfy this requirement will do.
    Asked {
        /// The requirement.
        requirement: String,
    },
    /// The set has them.
    Has,
    /// All other versions require another version of a package than the set's.
    OthersRequire {
        /// The package.
        needed: String,
        /// Whether no version is left that any other fact is about.
        all: bool,
    },
    /// Of older versions there are more facts.
    More {
        /// So many.
        count: usize,
    },
}

/// Why nothing satisfies a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// The package is not in the catalogue.
    Package,
    /// The catalogue keeps of the package what cells choose, and nothing of these versions.
    Kept,
    /// No version is in the catalogue.
    Version,
}

/// Versions of a package that are next to each other among those that are known; JSON has one as a string, more as first
/// and last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// One version.
    One(String),
    /// From the first to the last.
    Many(String, String),
}

/// The kind of a cause, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// No wheel for that Python.
    Python,
    /// Built for another CUDA.
    Cuda,
    /// No code for a compute capability.
    ComputeCapability,
    /// The toolkit does not support the compiler, or no compiler is given.
    Compiler,
    /// A newer glibc is needed.
    Glibc,
    /// A newer driver is needed.
    Driver,
    /// Requirements contradict each other.
    Dependency,
    /// Made for another torch.
    Torch,
    /// A fact that decides it is not known.
    Unknown,
    /// It is not in the catalogue.
    Missing,
}

impl Cause {
    /// That no wheel's tags fit.
    pub fn tags(mismatch: TagMismatch) -> Self {
        Self::Tags { mismatch, pythons: BTreeSet::new() }
    }

    /// The kind of the cause.
    pub fn kind(&self) -> CauseKind {
        match self {
            Self::Tags { mismatch: TagMismatch::Glibc { .. }, .. } | Self::Glibc { .. } => CauseKind::Glibc,
            Self::RequiresPython { .. } | Self::NoPython { .. } => CauseKind::Python,
            Self::Tags { .. } if self.is_other_python() => CauseKind::Python,
            Self::NoWheel
            | Self::Tags { .. }
            | Self::Excluded { .. }
            | Self::ThirdParty { .. }
            | Self::Yanked { .. }
            | Self::NotInCatalogue { .. }
            | Self::NoSuchVersion { .. }
            | Self::NotInSet
            | Self::NoSystem { .. }
            | Self::NoTorch { asked: Some(_), .. } => CauseKind::Missing,
            Self::Cuda { .. }
            | Self::WithoutCuda
            | Self::OldToolkit { .. }
            | Self::NoCuda { .. }
            | Self::NoTorch { asked: None, .. } => CauseKind::Cuda,
            Self::Torch { .. } | Self::CxxAbi { .. } | Self::ImportFails { .. } => CauseKind::Torch,
            Self::CoversNothing | Self::Uncovered { .. } | Self::Unsupported { .. } | Self::NoDeviceCode => {
                CauseKind::ComputeCapability
            }
            Self::RequiresItself
            | Self::NoSuchExtra { .. }
            | Self::NotAsked { .. }
            | Self::Outside { .. }
            | Self::Conflict { .. } => CauseKind::Dependency,
            Self::NotCompiled | Self::OnlyWheels => CauseKind::Compiler,
            Self::Ptx { .. } => CauseKind::Driver,
            Self::UnreadableName { .. }
            | Self::UnreadablePython { .. }
            | Self::UnreadableGlibc { .. }
            | Self::UnknownCuda { .. }
            | Self::UnknownTorch
            | Self::UnlistedTorch
            | Self::Doubtful { .. }
            | Self::UnknownToolkit { .. }
            | Self::Undeclared { .. }
            | Self::UnreadableRequirement { .. }
            | Self::UrlRequirement { .. }
            | Self::UnknownRequirements
            | Self::Unaudited { .. }
            | Self::Unread { .. }
            | Self::Rule { rule: None, .. } => CauseKind::Unknown,
            Self::Rule { rule: Some(rule), .. } => match rule {
                Rule::DriverTooOld | Rule::DriverTooNew | Rule::DriverBeforeGpu => CauseKind::Driver,
                Rule::CapabilityDropped | Rule::CapabilityTooNew => CauseKind::ComputeCapability,
                _ => CauseKind::Compiler,
            },
        }
    }

    /// Whether only the Python version rules it out.
    pub fn is_other_python(&self) -> bool {
        let Self::Tags { mismatch, .. } = self else { return false };
        matches!(
            mismatch,
            TagMismatch::Python { .. } | TagMismatch::Abi { .. } | TagMismatch::FreeThreaded { .. }
        )
    }

    /// The cause without the details that its sentence omits: causes with the same gist are reported as one.
    #[must_use]
    pub fn gist(&self) -> Self {
        match self {
            Self::Uncovered { lacking, covers, code } => {
                let Some(start) = start(lacking, covers, code) else { return self.clone() };
                let (lacking, code) = (lacking.clone(), partial(lacking, code).copied().collect());
                Self::Uncovered { lacking, covers: vec![start], code }
            }
            other => other.clone(),
        }
    }

    /// The number of facts in its explanation; shorter explanations are preferred.
    pub fn length(&self) -> usize {
        match self {
            Self::Conflict { facts } => facts.len(),
            _ => 1,
        }
    }

    /// The cause as a sentence, without a full stop, about a package with its version, as in `torch 2.9.1`.
    pub fn about(&self, subject: &str) -> String {
        match self {
            Self::NoWheel => format!("{subject} has no wheel for this target"),
            Self::Tags { mismatch, pythons } if self.is_other_python() && !pythons.is_empty() => {
                let python = match mismatch {
                    TagMismatch::Python { has, .. }
                    | TagMismatch::Abi { has, .. }
                    | TagMismatch::FreeThreaded { has, .. } => format!("Python {has}"),
                    _ => "this Python".to_owned(),
                };
                format!("{subject} has no wheel for {python}, only for {}", comma_separated(pythons))
            }
            Self::Cuda { releases } => {
                format!("the wheel of {subject} is built for CUDA {}", comma_separated(releases))
            }
            Self::WithoutCuda => format!("the wheel of {subject} is built without CUDA"),
            Self::Uncovered { .. }
            | Self::Glibc { .. }
            | Self::UnreadableGlibc { .. }
            | Self::Ptx { .. }
            | Self::Doubtful { .. }
            | Self::Unread { .. }
            | Self::Excluded { .. }
            | Self::ThirdParty { .. } => {
                format!("the wheel of {subject} {}", self.predicate())
            }
            Self::ImportFails { .. }
            | Self::NoSuchExtra { .. }
            | Self::Outside { .. }
            | Self::NotInCatalogue { .. }
            | Self::NotInSet => format!("{subject} {}", self.predicate()),
            Self::NoSystem { .. }
            | Self::NoPython { .. }
            | Self::NoCuda { .. }
            | Self::NoTorch { .. }
            | Self::NoSuchVersion { .. }
            | Self::Rule { .. }
            | Self::Conflict { .. } => self.to_string(),
            _ => format!("{subject} cannot be chosen: {self}"),
        }
    }

    /// The cause as what follows the package in a sentence: `does not cover 6.1: …`.
    pub fn predicate(&self) -> String {
        let text = self.to_string();
        text.strip_prefix("it ").map_or(text.clone(), str::to_owned)
    }
}

/// The cause as a sentence about `it`.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWheel => f.write_str("it has no wheel"),
            Self::Tags { mismatch, .. } => mismatch.fmt(f),
            Self::UnreadableName { message } => write!(f, "its file name is not valid: {message}"),
            Self::RequiresPython { specifiers } => write!(f, "it requires Python {specifiers}"),
            Self::UnreadablePython { text } => write!(f, "its Requires-Python `{text}` is not valid"),
            Self::Glibc { needs, has } => write!(f, "it needs glibc {needs}, but the target has {has}"),
            Self::UnreadableGlibc { text } => {
                write!(f, "it needs glibc `{text}`, which is not a valid version")
            }
            Self::WithoutCuda => f.write_str("it is built without CUDA"),
            Self::Cuda { releases } => write!(f, "it is built for CUDA {}", comma_separated(releases)),
            Self::UnknownCuda { major } => {
                write!(f, "it is built for an unknown minor release of CUDA {major}")
            }
            Self::Torch { versions } => write!(f, "it is built for torch {versions}"),
            Self::CxxAbi { cxx11: true } => {
                f.write_str("it is built with the new C++ ABI (C++11), but torch with the old one")
            }
            Self::CxxAbi { cxx11: false } => {
                f.write_str("it is built with the old C++ ABI, but torch with the new one (C++11)")
            }
            Self::UnknownTorch => f.write_str("it links the C++ symbols of an unknown version of torch"),
            Self::UnlistedTorch => f.write_str(
                "the torch that it is built for is unknown: the catalogue's table for the package does not name this version",
            ),
            Self::Doubtful { lacking, read } => write!(
                f,
                "it was never read, and what is declared of it is in doubt: it is said to cover {}, but no wheel of the package for this CUDA that was read does ({})",
                comma_separated(lacking),
                comma_separated(read)
            ),
            Self::Ptx { members, cuda, compiles } => write!(
                f,
                "it has only PTX of CUDA {cuda} for this GPU in {}, and the driver compiles PTX up to CUDA {compiles}; --allow AX211 continues without what is in there",
                comma_separated(members)
            ),
            Self::ImportFails { torch, error } => {
                write!(f, "it does not import beside torch {torch}, where it was tried: {error}")
            }
            Self::CoversNothing => f.write_str("its code does not cover any known GPU"),
            Self::Uncovered { lacking, covers, code } => {
                write!(f, "it {}", uncovered(lacking, covers, code))
            }
            Self::Unsupported { lacking } => {
                write!(f, "its source does not support {}", comma_separated(lacking))
            }
            Self::NotCompiled => {
                f.write_str("it has no compatible wheel, and is compiled only if a compiler is given")
            }
            Self::OnlyWheels => {
                f.write_str("it has no compatible wheel, and --only-wheels forbids compiling it")
            }
            Self::Unread { provenance } => {
                let known = match provenance {
                    Provenance::Sibling => "from its wheel for another Python",
                    _ => "from its published metadata",
                };
                write!(
                    f,
                    "it is known only {known}, but --only-audited requires its own bytes to have been read"
                )
            }
            Self::Excluded { publisher } => {
                write!(f, "it is built by {publisher}, not by the project, and --publisher excludes it")
            }
            Self::ThirdParty { publisher } => {
                write!(f, "it is built by {publisher}, not by the project")
            }
            Self::NoDeviceCode => f.write_str("it has no device code"),
            Self::OldToolkit { needs, has } => {
                write!(f, "compiling its source needs CUDA {needs} or newer, but the target has {has}")
            }
            Self::UnknownToolkit { cuda } => {
                write!(f, "it has no wheel, and compiling with CUDA {cuda} is not known to work")
            }
            Self::Yanked { reason } if reason.is_empty() => f.write_str("it was withdrawn from the index"),
            Self::Yanked { reason } => write!(f, "it was withdrawn from the index: {reason}"),
            Self::Undeclared { what } => {
                let what = match what {
                    Undeclared::Cuda => "the CUDA release that it is built for is",
                    Undeclared::Gpus => "the GPUs that it runs on are",
                    Undeclared::Libraries => "the libraries that it needs are",
                    Undeclared::Glibc => "the glibc that it needs is",
                };
                write!(f, "its bytes were never read, and {what} not declared")
            }
            Self::UnreadableRequirement { message } | Self::Rule { rule: None, message } => {
                f.write_str(message)
            }
            Self::UrlRequirement { requirement } => {
                write!(f, "its Requires-Dist `{requirement}` names a URL instead of versions")
            }
            Self::RequiresItself => f.write_str("it requires another version of itself"),
            Self::UnknownRequirements => f.write_str("its requirements are unknown"),
            Self::NoSuchExtra { extra, extras } if extras.is_empty() => {
                write!(f, "it has no extra `{extra}`, nor any other extra")
            }
            Self::NoSuchExtra { extra, extras } => {
                write!(f, "it has no extra `{extra}`; it has {}", comma_separated(extras))
            }
            Self::NotAsked { requirement } => write!(f, "{requirement} is requested"),
            Self::Outside { requirement, by: None } => {
                write!(f, "it is the only version for this target, but {requirement} is requested")
            }
            Self::Outside { requirement, by: Some(by) } => {
                write!(f, "it is the only version for this target, but {by} requires {requirement}")
            }
            Self::Unaudited { files } => {
                write!(f, "it needs files that have not been audited yet: {}", comma_separated(files))
            }
            Self::Conflict { facts } => conflict(facts, f),
            Self::NotInCatalogue { alike } => {
                f.write_str("it is not in the catalogue; ")?;
                match alike.as_slice() {
                    [] => f.write_str("docs/add-a-package.md explains how to add it"),
                    [one] => write!(f, "did you mean {one}?"),
                    [others @ .., last] => write!(f, "did you mean {} or {last}?", comma_separated(others)),
                }
            }
            Self::NoSuchVersion { requirement, count, oldest, newest } => {
                let has = match count {
                    1 => format!("only {newest}"),
                    count => format!("{count} versions, {oldest} to {newest}"),
                };
                let name = requirement.split(|c: char| "=<>!~[ ".contains(c)).next().unwrap_or(requirement);
                write!(
                    f,
                    "{requirement} is not in the catalogue, which has {has}; `axle catalogue update --catalogue FOLDER {name}` reads all published versions into a copy of the catalogue"
                )
            }
            Self::NotInSet => f.write_str("it is not in the catalogue for this target"),
            Self::NoSystem { system, known } => {
                write!(f, "the catalogue does not support {system}{}", those("; it supports", known))
            }
            Self::NoPython { python, known } => {
                write!(
                    f,
                    "the catalogue has no torch for Python {python}{}",
                    those("; it has torch for", known)
                )
            }
            Self::NoCuda { cuda, known } => {
                let own = cuda_in_words(std::slice::from_ref(cuda));
                write!(f, "the catalogue has no cells {own}")?;
                if known.is_empty() { Ok(()) } else { write!(f, "; it has cells {}", cuda_in_words(known)) }
            }
            Self::NoTorch { asked: Some(asked), known, .. } if !known.is_empty() => {
                write!(
                    f,
                    "torch {asked} is not in the catalogue; for this target it has {}",
                    comma_separated(known)
                )
            }
            Self::NoTorch { python, cuda, asked, .. } => {
                let asked = asked.as_ref().map(|asked| format!(" {asked}")).unwrap_or_default();
                let cuda = match cuda {
                    CudaTarget::Cpu => "without CUDA".to_owned(),
                    cuda @ CudaTarget::Release(_) => format!("and CUDA {cuda}"),
                };
                write!(
                    f,
                    "the catalogue has no torch{asked} for Python {python} {cuda} with everything that it requires"
                )
            }
            Self::Rule { rule: Some(rule), message } => write!(f, "{rule}: {message}"),
        }
    }
}

impl Fact {
    /// The package with its versions.
    fn subject(&self) -> String {
        if self.versions.is_empty() {
            return self.package.clone();
        }
        format!("{} {}", self.package, comma_separated(&self.versions))
    }
}

/// The facts as clauses; what the same versions require is one of them.
fn conflict(facts: &[Fact], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if facts.is_empty() {
        return f.write_str("its requirements contradict the rest of the set");
    }
    let mut clauses: Vec<String> = Vec::new();
    let same = |one: &Fact, other: &Fact| one.package == other.package && one.versions == other.versions;
    for facts in facts.chunk_by(same) {
        let Some(first) = facts.first() else { continue };
        let (package, subject) = (&first.package, first.subject());
        let mut requirements = Vec::new();
        let mut others = Vec::new();
        for Fact { what, .. } in facts {
            match what {
                What::Requires { requirement, lacks } => requirements.push(match lacks {
                    None => requirement.clone(),
                    Some(Lack::Package) => format!("{requirement}, which is not in the catalogue"),
                    Some(Lack::Kept) => {
                        format!("{requirement}, a gap of the catalogue, which keeps no such version")
                    }
                    Some(Lack::Version) => format!("{requirement}, but no such version is in the catalogue"),
                }),
                What::NotWith { requirement, reason } => {
                    others.push(format!("{subject} does not work with {requirement} ({reason})"));
                }
                What::Unfit { why } => others.push(why.about(&subject)),
                What::Missing => others.push(format!("{package} is not in the catalogue")),
                What::Asked { requirement } => others.push(format!("{requirement} is requested")),
                What::Has => others.push(format!("the set has {subject}")),
                What::OthersRequire { needed, all } => {
                    let which = if *all { "all versions" } else { "all other versions" };
                    others.push(format!("{which} of {package} require another version of {needed}"));
                }
                What::More { count } => {
                    others.push(format!("({count} further facts about older versions of {package} omitted)"));
                }
            }
        }
        if !requirements.is_empty() {
            clauses.push(format!("{subject} requires {}", requirements.join(" and ")));
        }
        clauses.extend(others);
    }
    f.write_str(&clauses.join("; "))
}

/// The capability that plain code starts at, where all that it lacks are before it.
fn start(
    lacking: &[ComputeCapability],
    covers: &[ComputeCapability],
    code: &[Code],
) -> Option<ComputeCapability> {
    let first = covers.first().filter(|first| lacking.iter().all(|one| one < *first));
    first.filter(|_| code.iter().any(|code| code.is_plain())).copied()
}

/// The code that runs on some of the capabilities that are not covered: only some of the kernels have it.
fn partial<'c>(lacking: &[ComputeCapability], code: &'c [Code]) -> impl Iterator<Item = &'c Code> {
    code.iter().filter(|code| lacking.iter().any(|&cc| code.runs_on(cc) == Some(true)))
}

/// Which GPUs a wheel does not cover, and which it does.
fn uncovered(lacking: &[ComputeCapability], covers: &[ComputeCapability], code: &[Code]) -> String {
    let covered = if covers.is_empty() {
        "it covers none".to_owned()
    } else if let Some(first) = start(lacking, covers, code) {
        format!("it has complete code for sm_{}{} and newer only", first.major, first.minor)
    } else if code.iter().any(|code| code.is_plain()) {
        format!("it covers {}", comma_separated(covers))
    } else {
        format!("its code is {}, which runs on {} only", comma_separated(code), comma_separated(covers))
    };
    let partial = match partial(lacking, code).map(ToString::to_string).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        codes => format!(" ({} is in some kernels, not all)", codes.join(" or ")),
    };
    format!("does not cover {}: {covered}{partial}", comma_separated(lacking))
}

/// What there is instead, after the words that say so; nothing where there is none.
fn those<T: fmt::Display>(words: &str, known: &[T]) -> String {
    if known.is_empty() { String::new() } else { format!("{words} {}", comma_separated(known)) }
}

/// `for CUDA 12.6, 12.8 and without CUDA`.
fn cuda_in_words(cudas: &[CudaTarget]) -> String {
    let toolkits: Vec<_> = cudas.iter().filter(|cuda| **cuda != CudaTarget::Cpu).collect();
    let with = (!toolkits.is_empty()).then(|| format!("for CUDA {}", comma_separated(&toolkits)));
    let without = cudas.contains(&CudaTarget::Cpu).then(|| "without CUDA".to_owned());
    with.into_iter().chain(without).collect::<Vec<_>>().join(" and ")
}

/// Versions as spans: those that are meant and have none between that is not are one.
///
/// `versions` are all that are known, oldest first, each with whether it is meant.
pub fn spans<V: ToString>(versions: impl IntoIterator<Item = (V, bool)>) -> Vec<Span> {
    let mut spans: Vec<Vec<String>> = Vec::new();
    let mut adjacent = false;
    for (version, is_meant) in versions {
        match spans.last_mut() {
            Some(span) if is_meant && adjacent => span.push(version.to_string()),
            _ if is_meant => spans.push(vec![version.to_string()]),
            _ => {}
        }
        adjacent = is_meant;
    }
    let mut all = Vec::new();
    for span in spans {
        match span.as_slice() {
            [first, _, .., last] => all.push(Span::Many(first.clone(), last.clone())),
            few => all.extend(few.iter().cloned().map(Span::One)),
        }
    }
    all
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(version) => f.write_str(version),
            Self::Many(first, last) => write!(f, "{first} to {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_no_holes() {
        let all = "1 2 3 4- 5 6 7- 8".split(' ');
        let spans = spans(all.map(|one| (one.trim_end_matches('-'), !one.ends_with('-'))));
        assert_eq!(comma_separated(&spans), "1 to 3, 5, 6, 8");
        assert_eq!(serde_json::to_string(&spans).unwrap(), r#"[["1","3"],"5","6","8"]"#);
    }

    #[test]
    fn a_cause_is_read_as_it_was_written() {
        let requires = |requirement: &str| What::Requires { requirement: requirement.into(), lacks: None };
        let fact = |package: &str, version: &str, what| Fact {
            package: package.into(),
            versions: vec![Span::One(version.into())],
            what,
        };
        let facts = vec![
            fact("a", "1.0", requires("torch==2.8")),
            fact("a", "1.0", requires("b")),
            fact("b", "3", What::Unfit { why: Box::new(Cause::WithoutCuda) }),
            fact("torch", "2.9.1", What::Has),
        ];
        let cause = Cause::Conflict { facts };
        let text = serde_json::to_string(&cause).unwrap();
        assert_eq!(serde_json::from_str::<Cause>(&text).unwrap(), cause);
        insta::assert_snapshot!(cause, @"a 1.0 requires torch==2.8 and b; the wheel of b 3 is built without CUDA; the set has torch 2.9.1");
        assert!(serde_json::from_str::<Cause>(r#"{"cause":"no-such-cause"}"#).is_err());
        assert!(serde_json::from_str::<Cause>(r#"{"cause":"cxx-abi","cxx11":true,"other":1}"#).is_err());
    }
}
