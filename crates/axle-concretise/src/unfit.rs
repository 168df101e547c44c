//! Why an artefact cannot be chosen.

use axle_catalogue::{Built, Cuda, Reason};
use axle_fatbin::ComputeCapability;
use axle_wheel::{Glibc, TagMismatch};
use pep508_rs::ExtraName;

/// Why a version has nothing to choose, the nearest miss last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// There is no wheel at all, and no sdist that can be compiled.
    #[error("it has no wheel")]
    NoWheel,
    /// No wheel's tags fit.
    #[error("{0}")]
    Tags(TagMismatch),
    /// No grammar of the package reads the wheel's name.
    #[error("its name says something that is not understood: {0}")]
    UnreadableName(String),
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
    /// It is made without CUDA.
    #[error("it is made without CUDA")]
    WithoutCuda,
    /// It is made for another CUDA.
    #[error("it is made for CUDA {}", built(.0))]
    Cuda(Vec<Built>),
    /// Only the major release of the CUDA that it is made for is known.
    #[error("it is made for some CUDA {0}; which minor release is not known")]
    UnknownCuda(u16),
    /// It is made for another torch.
    #[error("it is made for torch {0}")]
    Torch(String),
    /// It is made for the other ABI of C++ strings.
    #[error("it is made for the {} C++ ABI, and torch for the other", if *.0 { "new (C++11)" } else { "old" })]
    CxxAbi(bool),
    /// It links libtorch's C++ symbols, and nothing tells of which torch.
    #[error("it links the C++ symbols of some torch; of which, nothing tells")]
    UnknownTorch,
    /// None of a target's GPUs is covered.
    #[error("its code covers no GPU that is known")]
    CoversNothing,
    /// Some of the target's GPUs are not covered.
    #[error("its code does not cover {}", list(.0))]
    Uncovered(Vec<ComputeCapability>),
    /// Its source does not support some of the target's GPUs.
    #[error("its source does not support {}", list(.0))]
    Unsupported(Vec<ComputeCapability>),
    /// It would have to be compiled, and is not.
    #[error("it has no wheel that fits, and is compiled only if a compiler is given")]
    NotCompiled,
    /// It would have to be compiled, and must not be.
    #[error("it has no wheel that fits, and --only-wheels keeps it from being compiled")]
    OnlyWheels,
    /// Its bytes were not read, as was asked.
    #[error("its bytes were not read, and --only-audited asks for that")]
    Unread,
    /// Its source asks for a newer CUDA release.
    #[error("its source needs CUDA {needs} or newer to be compiled, not {has}")]
    OldToolkit {
        /// The oldest that compiles it.
        needs: String,
        /// The one of the target.
        has: Cuda,
    },
    /// It would have to be compiled by a release of which nothing is known.
    #[error("it has no wheel, and nothing is known of compiling with CUDA {0}")]
    UnknownToolkit(Cuda),
    /// It was withdrawn.
    #[error("it was withdrawn from the index{}", reason(.0))]
    Yanked(String),
    /// Its bytes were not seen, and this is not declared of it.
    #[error("its bytes were not seen, and {0} not declared")]
    Undeclared(&'static str),
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
    /// It lacks an extra that the user asks for.
    #[error("it has no extra `{0}`")]
    NoSuchExtra(ExtraName),
    /// It is another version than the user asks for.
    #[error("{0} is asked for")]
    NotAsked(String),
}

fn list(capabilities: &[ComputeCapability]) -> String {
    capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn reason(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

pub(crate) fn built(releases: &[Built]) -> String {
    releases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Unfit {
    /// What stands in the way.
    pub fn kind(&self) -> Reason {
        match self {
            Self::Tags(TagMismatch::Glibc { .. }) | Self::Glibc { .. } => Reason::Glibc,
            Self::RequiresPython(_) => Reason::Python,
            Self::Tags(_) if self.is_other_python() => Reason::Python,
            Self::NoWheel | Self::Tags(_) | Self::Yanked(_) => Reason::Missing,
            Self::Cuda(_) | Self::WithoutCuda | Self::OldToolkit { .. } => Reason::Cuda,
            Self::Torch(_) | Self::CxxAbi(_) => Reason::Torch,
            Self::CoversNothing | Self::Uncovered(_) | Self::Unsupported(_) => Reason::ComputeCapability,
            Self::RequiresItself | Self::NoSuchExtra(_) | Self::NotAsked(_) => Reason::Dependency,
            Self::NotCompiled | Self::OnlyWheels => Reason::Compiler,
            Self::UnreadableName(_)
            | Self::UnreadablePython(_)
            | Self::UnreadableGlibc(_)
            | Self::UnknownCuda(_)
            | Self::UnknownTorch
            | Self::UnknownToolkit(_)
            | Self::Undeclared(_)
            | Self::UnreadableRequirement(_)
            | Self::UrlRequirement(_)
            | Self::UnknownRequirements
            | Self::Unread => Reason::Unknown,
        }
    }

    /// Whether only the Python keeps it out.
    pub(crate) fn is_other_python(&self) -> bool {
        matches!(
            self,
            Self::Tags(
                TagMismatch::Python { .. } | TagMismatch::Abi { .. } | TagMismatch::FreeThreaded { .. }
            )
        )
    }
}
