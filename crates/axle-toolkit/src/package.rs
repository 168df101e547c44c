//! Packages of an environment: torch, its extensions and NVIDIA's libraries, as audited.

use std::collections::BTreeMap;

use axle_audit::{Policy, ServedBy, WheelFacts, coverage, wheel_cuda};
use axle_types::{ComputeCapability, Glibc, PythonVersion, System, WheelCuda};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::Source;

/// What a version of a package holds, as far as an environment is judged by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The package, normalised (PEP 503).
    pub name: String,
    /// Its version.
    pub version: String,
    /// The system that it is for.
    pub system: System,
    /// The CUDA that it is made for, or only its major; `None` where nothing tells.
    pub cuda: Option<WheelCuda>,
    /// The Pythons that it has wheels for; `None` where it does not depend on Python's version.
    #[serde(default, with = "crate::optional::optional_texts", skip_serializing_if = "Option::is_none")]
    pub pythons: Option<Vec<PythonVersion>>,
    /// The capabilities that machine code alone serves.
    pub sass: Vec<ComputeCapability>,
    /// The capabilities for which the driver must compile PTX.
    pub ptx: Vec<ComputeCapability>,
    /// What is served only by code for a part of a GPU generation (`sm_90a`), because there is no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialised: Vec<ComputeCapability>,
    /// The capabilities that it does not serve, and because of which of its libraries.
    pub lacking: Vec<Lacking>,
    /// The glibc that it asks for.
    #[serde(default, with = "crate::optional::optional_text", skip_serializing_if = "Option::is_none")]
    pub glibc: Option<Glibc>,
    /// Whether it calls libstdc++ through the C++11 ABI; `None` where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cxx11_abi: Option<bool>,
    /// Whether it links torch's libraries.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub links_torch: bool,
    /// The versions of other packages that it asks for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<String, String>,
    /// What was audited.
    pub source: Source,
}

/// Capabilities that one library does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lacking {
    /// The library's path in the package; the first where there are several.
    pub member: String,
    /// The capabilities.
    pub capabilities: Vec<ComputeCapability>,
}

/// The libraries of torch whose C++ symbols an extension calls.
const TORCH: [&str; 6] = [
    "libc10.so",
    "libc10_cuda.so",
    "libtorch.so",
    "libtorch_cpu.so",
    "libtorch_cuda.so",
    "libtorch_python.so",
];

impl Package {
    /// A package of which only this is known.
    pub fn named(name: &str, version: &str, system: System, source: Source) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            system,
            cuda: None,
            pythons: None,
            sass: Vec::new(),
            ptx: Vec::new(),
            specialised: Vec::new(),
            lacking: Vec::new(),
            glibc: None,
            cxx11_abi: None,
            links_torch: false,
            pins: BTreeMap::new(),
            source,
        }
    }

    /// What an audit found, asked for some capabilities. A package is as good as its worst library.
    pub fn from_audit(
        facts: &WheelFacts,
        policy: &Policy,
        system: System,
        capabilities: &[ComputeCapability],
        source: Source,
    ) -> Self {
        let (name, version) = (facts.name.as_deref(), facts.version.as_deref());
        let mut package = Self {
            cuda: wheel_cuda(facts),
            glibc: facts.glibc.as_deref().and_then(|glibc| glibc.parse().ok()),
            cxx11_abi: facts.cxx11_abi,
            links_torch: facts.external.iter().any(|soname| TORCH.contains(&soname.as_str())),
            ..Self::named(name.unwrap_or_default(), version.unwrap_or_default(), system, source)
        };
        if !facts.elf.iter().any(|member| !member.container_groups.is_empty() || member.machine == "cuda") {
            return package;
        }
        for &gpu in capabilities {
            let coverage = coverage(facts, policy, gpu);
            match (coverage.covered, coverage.by, coverage.missing.first()) {
                (Some(true), ServedBy::Sass, _) if coverage.plain == 0 => package.specialised.push(gpu),
                (Some(true), ServedBy::Sass, _) => package.sass.push(gpu),
                (Some(true), ServedBy::Ptx | ServedBy::Mixed, _) => package.ptx.push(gpu),
                (Some(false), _, Some(member)) => package.lack(member, gpu),
                _ => {}
            }
        }
        package
    }

    /// The package without what it needs of a machine: only what it is, and for which CUDA.
    #[must_use]
    pub fn without_code(&self) -> Self {
        Self {
            sass: Vec::new(),
            ptx: Vec::new(),
            specialised: Vec::new(),
            lacking: Vec::new(),
            glibc: None,
            ..self.clone()
        }
    }

    fn lack(&mut self, member: &str, gpu: ComputeCapability) {
        match self.lacking.iter_mut().find(|lacking| lacking.member == member) {
            Some(lacking) => lacking.capabilities.push(gpu),
            None => self.lacking.push(Lacking { member: member.to_owned(), capabilities: vec![gpu] }),
        }
    }

    /// Whether it has device code that could be judged.
    pub fn has_device_code(&self) -> bool {
        !(self.sass.is_empty()
            && self.ptx.is_empty()
            && self.specialised.is_empty()
            && self.lacking.is_empty())
    }

    /// Whether it is known to run on a GPU.
    pub fn covers(&self, gpu: ComputeCapability) -> bool {
        [&self.sass, &self.ptx, &self.specialised].into_iter().any(|served| served.contains(&gpu))
    }

    /// The library because of which it does not serve a GPU; `None` where it does, or is not known not to.
    pub fn lacks(&self, gpu: ComputeCapability) -> Option<&str> {
        let lacking = self.lacking.iter().find(|lacking| lacking.capabilities.contains(&gpu))?;
        Some(&lacking.member)
    }

    pub(crate) fn parsed_version(&self) -> Option<Version> {
        self.version.parse().ok()
    }
}
