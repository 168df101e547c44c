//! Facts that an audit reports, as the schema `axle.audit/1` defines them.

use std::collections::BTreeMap;

use axle_elf::ElfType;
use axle_fatbin::{Architectures, Code, Compression};
use axle_types::{CudaRelease, Sha256, WheelCuda};
use serde::{Deserialize, Serialize};

use crate::kernels::Kernels;

/// The facts of one wheel. Unknown is null, none is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WheelFacts {
    /// The file's name; of an unpacked or installed wheel, that of its `.dist-info` folder.
    pub filename: String,
    /// The form of the audited wheel; absent for a wheel file as published.
    #[serde(default, skip_serializing_if = "Form::is_wheel")]
    pub form: Form,
    /// SHA-256 of the file in hex, where it was read whole.
    pub sha256: Option<Sha256>,
    /// SHA-256 in hex as the index declares it.
    #[serde(default)]
    pub declared_sha256: Option<Sha256>,
    /// Bytes of the file; of an unpacked or installed wheel, of its files together.
    pub size: u64,
    /// The package, normalised; null for a file that is not a wheel.
    pub name: Option<String>,
    /// The version, normalised; null for a file that is not a wheel.
    pub version: Option<String>,
    /// The build tag.
    pub build: Option<String>,
    /// The tags of the file's name, expanded; of an unpacked or installed wheel, those of `WHEEL`.
    pub tags: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Requires-Dist`, in the order of the file.
    pub requires_dist: Vec<String>,
    /// The ELF members, sorted by path.
    pub elf: Vec<ElfMember>,
    /// The SASS of all members.
    pub sass: Vec<Code>,
    /// The PTX of all members.
    pub ptx: Vec<Code>,
    /// The newest glibc that a member needs: `2.28`.
    pub glibc: Option<String>,
    /// The newest `GLIBCXX` version that a member needs: `3.4.25`.
    pub glibcxx: Option<String>,
    /// Whether its members use libstdc++'s C++11 ABI; null if no member shows it, or if they disagree.
    pub cxx11_abi: Option<bool>,
    /// The CUDA releases that it is built for, according to its images, its requirements and the runtime library that
    /// it links: `12.8`, or `12` if only the major version is known.
    pub cuda: Vec<WheelCuda>,
    /// Libraries that a member needs and the wheel does not hold.
    pub external: Vec<String>,
    /// Console scripts: from the name of the command to `module:object`.
    #[serde(default)]
    pub entry_points: BTreeMap<String, String>,
    /// Files of `*.data/scripts/`, by name.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// The `*.data/…` folders that the wheel has: `torch-2.9.1.data/purelib`.
    #[serde(default)]
    pub data: Vec<String>,
    /// The files and folders at its top.
    #[serde(default)]
    pub top_level: Vec<String>,
    /// The newest `CXXABI` version that a member needs: `1.3.11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cxxabi: Option<String>,
    /// What `METADATA` and `WHEEL` say; absent in audits of before it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// The evidence for each release in `cuda`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuda_evidence: Vec<CudaEvidence>,
    /// How the members compare with `RECORD`, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordFacts>,
    /// Device code in files of its own, which no ELF member holds: what a package loads when it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loose: Vec<LooseCode>,
    /// The kernels in these files, where they were asked for. They are in no section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loose_kernels: Option<Kernels>,
    /// Members that were not opened, as their names say that they are text; only of wheels read over a network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unopened: u64,
    /// Files of an installed wheel that are outside of the directory that it was installed to, and were not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// Files of device code that hold the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LooseCode {
    /// What the files are.
    pub format: LooseFormat,
    /// What each of them holds, sorted; empty where they could not be read.
    #[serde(default)]
    pub code: Vec<Code>,
    /// The CUDA release that compiled them; null if they do not show it.
    pub toolkit: Option<CudaRelease>,
    /// How many there are.
    pub count: u64,
    /// The path of the first of them.
    pub example: String,
}

/// What a file of device code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LooseFormat {
    /// Machine code for one architecture.
    Cubin,
    /// Assembly text.
    Ptx,
    /// Containers, as they lie in `.nv_fatbin`.
    Fatbin,
}

/// The form of an audited wheel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As it is published: a zip.
    #[default]
    Wheel,
    /// A folder that it was unpacked to.
    Unpacked,
    /// One distribution of those in a folder like `site-packages`.
    Installed,
    /// No wheel, but one file.
    File,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Form {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_wheel(&self) -> bool {
        *self == Self::Wheel
    }
}

/// Evidence for a CUDA release that a wheel is built for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CudaEvidence {
    /// The release: `12.8`, or `12` where only the major is known.
    pub cuda: WheelCuda,
    /// The kind of evidence.
    pub by: CudaSource,
    /// The things that do: members, requirements or sonames; sorted.
    pub from: Vec<String>,
}

/// Kinds of evidence for a CUDA release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CudaSource {
    /// Device code of members: the newest release that made a linked image.
    Images,
    /// A requirement that pins a package whose version is CUDA's own.
    Requirement,
    /// The CUDA run-time library that a member needs, which has the major in its name.
    Soname,
}

/// A wheel's own description, besides its file name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `Metadata-Version`.
    pub metadata_version: String,
    /// `Name`, normalised.
    pub name: String,
    /// `Version`, normalised.
    pub version: String,
    /// `Wheel-Version`; null if there is no readable `WHEEL` file.
    pub wheel_version: Option<String>,
    /// `Root-Is-Purelib`.
    pub root_is_purelib: Option<bool>,
    /// `Tag`, in the order of the file.
    pub tags: Vec<String>,
}

/// How the members of a wheel compare with its `RECORD`. Paths are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFacts {
    /// Members whose bytes have the hash and the size that it lists.
    pub verified: u64,
    /// Members that it does not list.
    pub unlisted: Vec<String>,
    /// What it lists and the wheel does not hold.
    pub missing: Vec<String>,
    /// Members of other bytes than it lists.
    pub wrong: Vec<String>,
    /// Members listed without a usable hash: without any, or with one of an algorithm that is not allowed.
    pub unhashed: Vec<String>,
    /// Why the file, or a line of it, can't be read.
    pub unreadable: Option<String>,
}

/// The facts of one ELF member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ElfMember {
    /// Its path in the wheel.
    pub path: String,
    /// Bytes of it, unpacked.
    pub size: u64,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// The processor that it is for: `x86_64`, `aarch64`.
    pub machine: String,
    /// Whether it is run or loaded.
    pub elf_type: ElfType,
    /// Whether the zip marks it executable.
    pub executable: bool,
    /// `DT_NEEDED`, in the order of loading.
    pub needed: Vec<String>,
    /// `PT_INTERP`.
    pub interpreter: Option<String>,
    /// `DT_RPATH`, split.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split.
    pub runpath: Vec<String>,
    /// The symbol versions that it needs, by library.
    pub symbol_versions: BTreeMap<String, Vec<String>>,
    /// Whether it uses libstdc++'s C++11 ABI; null if its symbols do not show it.
    pub cxx11_abi: Option<bool>,
    /// Whether it imports C++ symbols of libtorch, which makes it compatible only with the torch release that it was
    /// built for; null if its symbols do not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torch_cxx: Option<bool>,
    /// The SASS in `.nv_fatbin` and `__nv_relfatbin`.
    pub sass: Vec<Code>,
    /// The PTX in `.nv_fatbin` and `__nv_relfatbin`.
    pub ptx: Vec<Code>,
    /// Containers in `.nv_fatbin` and `__nv_relfatbin`.
    pub containers: u64,
    /// All entries, those outside of the device sections too, by what they have in common.
    pub device_code: Vec<DeviceCode>,
    /// All containers, including those outside of the device sections, grouped by the architectures that they contain.
    /// Coverage of any GPU can be computed from them.
    pub container_groups: Vec<ContainerGroup>,
    /// The part of `sass` and `ptx` that is in `__nv_relfatbin`, before device linking.
    pub prelink: Architectures,
    /// Code in other sections, by section; `""` for code in no section.
    pub outside: BTreeMap<String, Architectures>,
    /// Code for AMD's GPUs: how many clang offload bundles hold some for each target (`gfx90a:xnack-`), and
    /// how many are `unreadable`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amd: BTreeMap<String, u64>,
    /// Libraries that it may load by `dlopen`: a guess, from strings that look like `libX.so.1` and are
    /// neither its soname nor needed. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dlopen: Vec<String>,
    /// What it takes of CPython, where its name or the wheel's says that it keeps to the stable ABI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abi3: Option<Abi3>,
    /// Its kernels, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Kernels>,
}

impl ElfMember {
    /// Whether the loader loads it: an executable or a shared object for the machine, not a relocatable object or device
    /// code.
    pub fn is_loaded(&self) -> bool {
        !self.needed.is_empty() || self.soname.is_some() || self.interpreter.is_some()
    }

    /// Whether others may need it, which they do by the name of its file.
    pub fn is_library(&self) -> bool {
        self.elf_type == ElfType::SharedObject
            && (self.soname.is_some() || self.file_name().starts_with("lib"))
    }

    /// The last part of its path.
    pub fn file_name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, name)| name)
    }
}

/// What an extension module takes of CPython, against the stable ABI (PEP 384).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Abi3 {
    /// The oldest Python whose stable ABI has all of it that is stable.
    pub python: String,
    /// The symbols that are new in that Python.
    pub newest: Vec<String>,
    /// Symbols that no stable ABI has, so that another Python may lack or change them.
    pub unstable: Vec<String>,
}

/// Entries that have all of this in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceCode {
    /// The section that they are in.
    pub section: String,
    /// What they were compiled for.
    pub arch: Code,
    /// What they are.
    pub kind: DeviceCodeKind,
    /// How they are stored.
    pub compression: Compression,
    /// The CUDA release that compiled them; null if the images do not show it cheaply.
    pub toolkit: Option<CudaRelease>,
    /// The version of the PTX language, of PTX; a driver must know it.
    #[serde(default)]
    pub ptx_version: Option<String>,
    /// How many there are.
    pub count: u64,
}

/// What device code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceCodeKind {
    /// Machine code.
    Sass,
    /// Assembly.
    Ptx,
    /// Intermediate code for link-time optimisation.
    Lto,
    /// An undocumented kind; its number is in `arch`.
    Unknown,
}

/// Containers of one section that hold the same set of codes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerGroup {
    /// The section that they are in.
    pub section: String,
    /// What they hold, sorted, each once.
    #[serde(default)]
    pub code: Vec<Code>,
    /// How many there are.
    pub count: u64,
}
