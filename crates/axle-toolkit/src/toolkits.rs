//! CUDA toolkits: the compilers, targets, drivers and libraries of each release (`catalogue/toolkits.json`).

use std::collections::BTreeMap;
use std::fmt;

use axle_audit::Code;
use axle_types::{ComputeCapability, CudaRelease, DriverVersion, Glibc, HostCompiler, Sha256, System};
use serde::{Deserialize, Serialize};

use crate::Package;

/// The schema that [`Toolkits::schema`] names.
pub const SCHEMA: &str = "axle.toolkits/1";

/// What is known of CUDA's releases, of what belongs to them and of what they run on: `catalogue/toolkits.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toolkits {
    /// [`SCHEMA`].
    pub schema: String,
    /// The minor releases, oldest first.
    pub releases: Vec<Release>,
    /// torch and NVIDIA's libraries: what was audited, by name, then oldest version first.
    pub packages: Vec<Package>,
    /// What no file says.
    pub declared: Declared,
}

/// One minor release of CUDA. Its facts are those of its newest patch release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The release: `12.8`.
    pub cuda: CudaRelease,
    /// What it asks of the compiler and the C library of a system.
    pub hosts: BTreeMap<System, Host>,
    /// What its ptxas makes code for.
    pub ptxas: Targets,
    /// The GPUs that its machine code without a suffix runs on, of all that are known.
    pub capabilities: Vec<ComputeCapability>,
    /// The wheels that belong to it; `None` where nothing lists them.
    pub components: Option<Components>,
}

/// The major release of CUDA whose `cuda-toolkit` wheels list a package.
pub fn listing_major(releases: &[Release], package: &str) -> Option<u16> {
    let lists = |release: &&Release| {
        release.components.as_ref().is_some_and(|components| components.packages.contains_key(package))
    };
    releases.iter().find(lists).map(|release| release.cuda.major)
}

/// What a release asks of the compiler and the C library of one system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// The gcc that `crt/host_config.h` accepts.
    pub gcc: CompilerRange,
    /// The clang that `crt/host_config.h` accepts.
    pub clang: CompilerRange,
    /// The `crt/host_config.h`.
    pub compilers_source: Source,
    /// The first glibc that declares a function otherwise than `crt/math_functions.h` does.
    #[serde(with = "crate::optional::optional_text")]
    pub glibc_headers_below: Option<Glibc>,
    /// The `crt/math_functions.h`.
    pub glibc_source: Source,
}

/// The major versions of a compiler that a release accepts, without gaps; `None` where there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompilerRange {
    /// The oldest.
    pub min: Option<u16>,
    /// The newest.
    pub max: Option<u16>,
}

/// What the assembler of a release makes code for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// Its version: `12.8.93`.
    pub version: String,
    /// The newest version of the PTX language that it reads: `8.7`.
    pub ptx_isa: String,
    /// The machine code that it makes, sorted.
    pub sass: Vec<Code>,
    /// The virtual architectures that it knows, sorted.
    pub ptx: Vec<Code>,
    /// The machine code that it makes and warns about.
    pub deprecated: Vec<Code>,
    /// The program itself.
    pub source: Source,
}

impl Targets {
    /// The targets whose code runs on a GPU: those without a suffix, and those with one.
    pub fn running_on(&self, gpu: ComputeCapability) -> (Vec<Code>, Vec<Code>) {
        let runs = self.sass.iter().copied().filter(|code| code.runs_on(gpu) == Some(true));
        runs.partition(|code| code.is_plain())
    }

    /// The newest PTX without a suffix that a driver can compile for a GPU.
    pub(crate) fn ptx_for(&self, gpu: ComputeCapability) -> Option<Code> {
        let plain = self.ptx.iter().copied().filter(|code| code.is_plain());
        plain.filter(|code| code.runs_on(gpu) == Some(true)).max_by_key(|code| code.capability)
    }

    /// Whether a GPU has code of its own, without a suffix.
    pub fn names(&self, gpu: ComputeCapability) -> bool {
        self.sass.iter().any(|code| code.is_plain() && code.capability == gpu)
    }
}

/// The wheels that belong to a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Components {
    /// The version of the `cuda-toolkit` wheel that lists them.
    pub version: String,
    /// Their versions, by package.
    pub packages: BTreeMap<String, String>,
    /// The `cuda-toolkit` wheel.
    pub source: Source,
}

/// Where a fact was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// In a file whose bytes are known.
    File {
        /// The file's name.
        filename: String,
        /// SHA-256 of the file in hex; `None` for a file of this machine.
        sha256: Option<Sha256>,
        /// The member of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<String>,
    },
    /// In a document: declared.
    Document {
        /// Its title.
        document: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { filename, member: Some(member), .. } => write!(f, "{member} in {filename}"),
            Self::File { filename, member: None, .. } => f.write_str(filename),
            Self::Document { document } => f.write_str(document),
        }
    }
}

/// What no file says: `catalogue/declared.toml`, written by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Declared {
    /// GPUs by their compute capability.
    pub gpus: Vec<GpuNames>,
    /// The drivers that releases need.
    pub drivers: Vec<Driver>,
    /// The last drivers for GPUs.
    pub driver_ends: Vec<DriverEnd>,
    /// The first drivers for GPUs.
    #[serde(default)]
    pub driver_starts: Vec<DriverStart>,
    /// The oldest compilers, where the header has no bound.
    pub compiler_floors: Vec<CompilerFloor>,
    /// The C++ libraries that clang may take, where that was tried.
    #[serde(default)]
    pub clang_libraries: Vec<ClangLibrary>,
    /// What a release announces to drop.
    pub deprecations: Vec<Deprecation>,
    /// How much memory the compilers of a package take.
    pub job_memory: Vec<JobMemory>,
}

impl Declared {
    /// The newest CUDA release whose PTX a driver compiles; `None` where it is older than all that are known.
    pub fn newest_ptx(&self, driver: &DriverVersion) -> Option<CudaRelease> {
        let compiled =
            self.drivers.iter().filter(|release| release.own.as_ref().is_some_and(|own| own <= driver));
        compiled.map(|release| release.cuda).max()
    }
}

/// The GPUs of one compute capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GpuNames {
    /// The capability.
    pub capability: ComputeCapability,
    /// Their names, without `NVIDIA`, `GeForce` and the like.
    pub names: Vec<String>,
    /// The document that says so.
    pub document: String,
}

/// The drivers that a release needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Driver {
    /// The release.
    pub cuda: CudaRelease,
    /// The driver that came with it: from this on all of it works. `None` where that is not known.
    #[serde(default)]
    pub own: Option<DriverVersion>,
    /// The driver from which on it runs by minor-version compatibility, without compiling PTX.
    pub compatible: DriverVersion,
    /// The document that says so.
    pub document: String,
}

/// The last driver for some GPUs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DriverEnd {
    /// GPUs up to this capability.
    pub up_to: ComputeCapability,
    /// The last branch of the driver that serves them.
    pub branch: u32,
    /// The document that says so.
    pub document: String,
}

/// The first driver for some GPUs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DriverStart {
    /// The GPUs.
    pub capabilities: Vec<ComputeCapability>,
    /// The first branch of the driver that serves them.
    pub branch: u32,
    /// The document that says so.
    pub document: String,
}

/// The oldest compiler that a release supports, where its header has no bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CompilerFloor {
    /// The major releases of CUDA.
    pub cuda_majors: Vec<u16>,
    /// The oldest gcc.
    pub gcc: u16,
    /// The oldest clang.
    pub clang: u16,
    /// The document that says so.
    pub document: String,
}

/// The newest C++ library that compiles where clang takes it. No file says it: nvcc parses the library itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClangLibrary {
    /// The releases.
    pub cuda: Vec<CudaRelease>,
    /// The gcc release of the newest libstdc++.
    pub newest: u16,
    /// How that is known.
    pub document: String,
}

/// What a release announces to drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deprecation {
    /// The releases.
    pub cuda: Vec<CudaRelease>,
    /// GPUs below this capability.
    pub below: ComputeCapability,
    /// The document that says so.
    pub document: String,
}

/// How much memory the compilers of a package take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JobMemory {
    /// The package.
    pub package: String,
    /// Gibibytes that one compile job takes at its peak.
    pub gibibytes: u64,
    /// The variable that says how many jobs run.
    pub variable: String,
    /// The document that says so.
    pub document: String,
}

impl Toolkits {
    /// A release.
    pub fn release(&self, cuda: CudaRelease) -> Option<&Release> {
        self.releases.iter().find(|release| release.cuda == cuda)
    }

    /// The wheels of a torch: of the versions that begin with `version`, number by number, the newest.
    pub fn torch(&self, version: &str, system: System) -> Option<&Package> {
        let begins = |found: &str| {
            found.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
        };
        self.packages
            .iter()
            .filter(|package| package.name == "torch" && package.system == system && begins(&package.version))
            .max_by_key(|package| package.parsed_version())
    }

    /// A package of some version.
    pub fn package(&self, name: &str, version: &str, system: System) -> Option<&Package> {
        self.packages
            .iter()
            .find(|package| package.name == name && package.version == version && package.system == system)
    }

    /// The newest C++ library that clang may take, where that was tried.
    pub(crate) fn clang_library(&self, cuda: CudaRelease) -> Option<&ClangLibrary> {
        self.declared.clang_libraries.iter().find(|one| one.cuda.contains(&cuda))
    }

    /// The oldest compiler that a release supports by NVIDIA's documents.
    pub(crate) fn compiler_floor(&self, cuda: CudaRelease) -> Option<&CompilerFloor> {
        self.declared.compiler_floors.iter().find(|floor| floor.cuda_majors.contains(&cuda.major))
    }

    /// The drivers that a release needs.
    pub fn driver(&self, cuda: CudaRelease) -> Option<&Driver> {
        self.declared.drivers.iter().find(|driver| driver.cuda == cuda)
    }
}

impl Host {
    /// The versions of a compiler that it accepts.
    pub(crate) fn range(&self, compiler: HostCompiler) -> CompilerRange {
        match compiler {
            HostCompiler::Gcc(_) => self.gcc,
            HostCompiler::Clang(_) => self.clang,
        }
    }
}
