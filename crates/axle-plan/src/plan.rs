//! The answer to a request: a plan, or why there is none (`axle.plan/1`, `axle.refusal/2`).

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{Cause, CauseKind, Provenance, canonical};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, HostCompiler, PythonVersion, Sha256, System, comma_separated,
};
use serde::Serialize;

use crate::request::{Prefer, Request};

/// The schema that [`Plan::schema`] names.
pub const PLAN_SCHEMA: &str = "axle.plan/1";
/// The schema that [`Refusal::schema`] names.
pub const REFUSAL_SCHEMA: &str = "axle.refusal/2";

/// One build of each package, all of them together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`].
    pub schema: &'static str,
    /// SHA-256, hex, of the canonical JSON of all that decides the result; the same in Nix.
    pub id: String,
    /// What was asked for.
    pub target: Target,
    /// The torch version of the cell.
    pub torch: String,
    /// What should be known of it before it is used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The packages.
    pub packages: BTreeMap<String, PlanPackage>,
}

/// What should be known of a package of a plan before it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: WarningKind,
    /// The GPUs in question, of those asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<ComputeCapability>,
    /// The same as a sentence.
    pub message: String,
}

/// Kinds of [`Warning`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum WarningKind {
    /// A feature of it does not work on the GPU.
    Without {
        /// What it is.
        feature: String,
    },
    /// It runs on the CPU: the libraries by which it sees the GPU do not go with the set's torch.
    CpuOnly,
    /// Members run on the GPU by PTX alone, in part at least.
    Ptx {
        /// Their paths.
        members: Vec<String>,
        /// The CUDA release that made the PTX.
        cuda: CudaRelease,
    },
    /// It compiles kernels when it runs.
    Compiles {
        /// With what.
        with: String,
    },
    /// It compiles kernels when it runs, and cannot for the GPU.
    CannotCompile {
        /// With what.
        with: String,
        /// What to do.
        remedy: Option<String>,
    },
}

/// As many members of a wheel are named in a sentence.
const MEMBERS: usize = 3;

impl Warning {
    pub(crate) fn new(package: &str, version: &str, kind: WarningKind, on: Vec<ComputeCapability>) -> Self {
        // What is local names CUDA, torch and ABI, which are the same for all.
        let subject = format!("{package} {}", version.split('+').next().unwrap_or(version));
        let gpus = comma_separated(&on);
        let message = match &kind {
            WarningKind::Without { feature } => {
                format!(
                    "{subject} has no code for {gpus} in what serves {feature}, which does not work there"
                )
            }
            WarningKind::Ptx { members, cuda } => {
                let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
                let named: Vec<_> = members.iter().take(MEMBERS).map(name).collect();
                let more = match members.len().saturating_sub(MEMBERS) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!(
                    "{subject} runs on {gpus} by PTX in {}{more}: the driver must be that of CUDA {cuda} or newer, \
                     and compiles it at the first start, which may take minutes",
                    named.join(", ")
                )
            }
            WarningKind::CpuOnly => format!(
                "{subject} does not see the GPU: what it needs for that does not go with this torch; asked for alone, \
                 `axle lock` solves it without torch"
            ),
            WarningKind::Compiles { with } => format!("{subject} compiles kernels when it runs, with {with}"),
            WarningKind::CannotCompile { with, remedy } => {
                let remedy = remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                format!(
                    "{subject} compiles kernels when it runs, with {with}, which cannot compile for {gpus}{remedy}"
                )
            }
        };
        Self { package: package.to_owned(), version: version.to_owned(), kind, on, message }
    }
}

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release, `None` without CUDA.
    pub cuda: Option<CudaTarget>,
    /// The capabilities, sorted by number and unique.
    pub compute_capabilities: Vec<ComputeCapability>,
    /// The compiler; without one nothing is compiled.
    pub compiler: Option<HostCompiler>,
}

impl Target {
    /// What a request is for.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            system: request.system,
            python: request.python,
            cuda: (request.cuda != CudaTarget::Cpu).then_some(request.cuda),
            compute_capabilities: request.compute_capabilities.iter().copied().collect(),
            compiler: request.compiler,
        }
    }
}

/// One package of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanPackage {
    /// Its version.
    pub version: String,
    /// How it is made.
    pub build: PlanBuild,
    /// Packages of the plan that it requires.
    pub requires: Vec<String>,
}

/// How a package of a plan is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PlanBuild {
    /// From a wheel.
    Wheel {
        /// Its file name.
        filename: String,
        /// SHA-256 of the file, hex.
        sha256: Sha256,
        /// How its facts are known, where not by its own bytes.
        #[serde(skip_serializing_if = "is_audited")]
        provenance: Provenance,
        /// The third party that built it, where the project did not.
        #[serde(skip_serializing_if = "Option::is_none")]
        publisher: Option<String>,
    },
    /// Compiled.
    Source {
        /// The file name of the sdist.
        filename: String,
        /// SHA-256 of the file, hex.
        sha256: Sha256,
    },
}

impl PlanBuild {
    /// The name of the file that is fetched.
    pub fn filename(&self) -> &str {
        match self {
            Self::Wheel { filename, .. } | Self::Source { filename, .. } => filename,
        }
    }

    /// Its SHA-256, hex.
    pub fn sha256(&self) -> Sha256 {
        match self {
            Self::Wheel { sha256, .. } | Self::Source { sha256, .. } => *sha256,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_audited(provenance: &Provenance) -> bool {
    *provenance == Provenance::Audited
}

/// What the plan id is the hash of, beside the target.
pub(crate) struct World<'a> {
    /// The torch version of the cell.
    pub(crate) torch: &'a str,
    /// The hash of the cell.
    pub(crate) cell: &'a str,
    /// What is preferred for every package.
    pub(crate) prefer: Prefer,
    /// The packages of the cell, whoever asks for them, that are compiled for this target. All else that decides
    /// between wheels and sources (a compiler, the preferences for one package, the glibc, `--only-audited`) decides it
    /// through them.
    pub(crate) compiled: BTreeSet<&'a str>,
}

/// The plan id.
pub(crate) fn id(target: &Target, world: &World<'_>) -> Result<String, serde_json::Error> {
    canonical::sha256_hex(&identity(target, world))
}

/// What the plan id is the hash of. A change of it changes every id there is: a new [`PLAN_SCHEMA`].
pub(crate) fn identity(target: &Target, world: &World<'_>) -> serde_json::Value {
    let mut identity = serde_json::json!({
        "schema": PLAN_SCHEMA,
        "system": target.system,
        "python": target.python,
        "cuda": target.cuda,
        "torch": world.torch,
        "compute_capabilities": target.compute_capabilities,
        "compiler": target.compiler.map(HostCompiler::id),
        "prefer": world.prefer.to_string(),
        "cell": world.cell,
    });
    if let (Some(object), false) = (identity.as_object_mut(), world.compiled.is_empty()) {
        object.insert("compiled".to_owned(), serde_json::json!(world.compiled));
    }
    identity
}

/// Why there is no plan, and what would work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusal {
    /// [`REFUSAL_SCHEMA`].
    pub schema: &'static str,
    /// What was asked for.
    pub target: Target,
    /// Why each candidate does not work, the shortest story first.
    pub reasons: Vec<RefusalReason>,
    /// The smallest changes that work; each was tried.
    pub suggestions: Vec<Suggestion>,
}

impl Refusal {
    /// A refusal without suggestions.
    pub fn new(request: &Request, reasons: Vec<RefusalReason>) -> Self {
        Self { schema: REFUSAL_SCHEMA, target: Target::of(request), reasons, suggestions: Vec::new() }
    }
}

/// Why some candidates do not work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RefusalReason {
    /// The package that blocks the request.
    pub package: String,
    /// Its versions, oldest first; none where it is about no version.
    pub versions: Vec<String>,
    /// The torch versions that it rules out, newest first; none where it rules out all there could be.
    pub torch: Vec<String>,
    /// The file name of the wheel, where it is one.
    pub build: Option<String>,
    /// The kind of the cause.
    pub kind: CauseKind,
    /// The exact cause.
    pub cause: Cause,
    /// What of compiling it, where that is worth a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<FromSource>,
    /// The same as a sentence.
    pub message: String,
}

impl RefusalReason {
    /// A reason that concerns the target, for every torch.
    pub fn of_target(package: &str, version: Option<String>, cause: Cause) -> Self {
        Self {
            package: package.to_owned(),
            versions: version.into_iter().collect(),
            torch: Vec::new(),
            build: None,
            kind: cause.kind(),
            message: cause.about(package),
            cause,
            source: None,
        }
    }
}

/// Whether compiling a package would help where its wheel does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "compiling", rename_all = "kebab-case")]
pub enum FromSource {
    /// Its source does not support the capabilities.
    Unsupported {
        /// Those that it does not support.
        lacking: Vec<ComputeCapability>,
        /// Those that it does.
        supports: Vec<ComputeCapability>,
    },
    /// It would, but for `--only-wheels`.
    Forbidden,
    /// It would, with a compiler.
    Possible {
        /// Those that the CUDA release takes; none without CUDA, where any will do.
        compilers: Vec<CompilerSpan>,
        /// Roughly how many minutes of one core it takes.
        minutes: Option<u64>,
    },
}

/// Releases of a compiler, by their major versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CompilerSpan {
    /// `gcc` or `clang`.
    pub compiler: &'static str,
    /// The oldest.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
}

/// A change that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The change, as in `with CUDA 12.6`.
    pub change: String,
    /// The command to run.
    pub command: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(
        system: &str,
        python: &str,
        cuda: Option<&str>,
        capabilities: &[&str],
        compiler: Option<&str>,
    ) -> Target {
        Target {
            system: system.parse().unwrap(),
            python: python.parse().unwrap(),
            cuda: cuda.map(|cuda| cuda.parse().unwrap()),
            compute_capabilities: capabilities.iter().map(|cc| cc.parse().unwrap()).collect(),
            compiler: compiler.map(|compiler| compiler.parse().unwrap()),
        }
    }

    /// The id is a promise: Nix computes the same from the same JSON, and what was built is found under it.
    #[test]
    fn the_id_is_the_hash_of_canonical_json() {
        let of_cuda = target("x86_64-linux", "3.12", Some("12.8"), &["8.6", "9.0", "10.0"], Some("gcc13"));
        let cell = "00".repeat(32);
        let world = |compiled: &[&'static str], prefer| World {
            torch: "2.9.1",
            cell: &cell,
            prefer,
            compiled: compiled.iter().copied().collect(),
        };
        let value = identity(&of_cuda, &world(&[], Prefer::Wheel));
        insta::assert_snapshot!(canonical::to_string(&value).unwrap(), @r#"{"cell":"0000000000000000000000000000000000000000000000000000000000000000","compiler":"gcc13","compute_capabilities":["8.6","9.0","10.0"],"cuda":"12.8","prefer":"wheel","python":"3.12","schema":"axle.plan/1","system":"x86_64-linux","torch":"2.9.1"}"#);
        // As `sha256sum` says of that line.
        insta::assert_snapshot!(id(&of_cuda, &world(&[], Prefer::Wheel)).unwrap(), @r"aefe8fd420631512b9928d521e4cc7488c81172d600d6794b08ac8efaaf2091f");
        let value = identity(&of_cuda, &world(&["b", "a"], Prefer::Newest));
        insta::assert_snapshot!(canonical::to_string(&value).unwrap(), @r#"{"cell":"0000000000000000000000000000000000000000000000000000000000000000","compiled":["a","b"],"compiler":"gcc13","compute_capabilities":["8.6","9.0","10.0"],"cuda":"12.8","prefer":"newest","python":"3.12","schema":"axle.plan/1","system":"x86_64-linux","torch":"2.9.1"}"#);
        let cpu = target("aarch64-linux", "3.13t", None, &[], None);
        insta::assert_snapshot!(canonical::to_string(&identity(&cpu, &world(&[], Prefer::Wheel))).unwrap(), @r#"{"cell":"0000000000000000000000000000000000000000000000000000000000000000","compiler":null,"compute_capabilities":[],"cuda":null,"prefer":"wheel","python":"3.13t","schema":"axle.plan/1","system":"aarch64-linux","torch":"2.9.1"}"#);
    }
}
