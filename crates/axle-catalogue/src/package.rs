//! `packages/<name>.toml`: all that a maintainer writes about a package.

use std::collections::BTreeMap;

use axle_audit::{Measure, Pattern, Policy};
use pep440_rs::Version;
use serde::Deserialize;

/// One package of the catalogue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Package {
    /// One line that says what the package is.
    pub summary: String,
    /// Releases from this one on are indexed.
    pub since: Version,
    /// Where an environment takes the package from.
    #[serde(default)]
    pub from: From,
    /// How the CUDA that a wheel was built for must match the target's.
    #[serde(default)]
    pub cuda_match: CudaMatch,
    /// How a requirement names the CUDA release that a wheel was built for: the package whose exact pin tells it
    /// (torch pins `nvidia-cuda-runtime-cu12==12.8.90`, later `cuda-toolkit==13.0.2`).
    #[serde(default)]
    pub cuda_from: Vec<String>,
    /// How many of a member's containers must run on a GPU, where it is not all of them.
    #[serde(default)]
    pub coverage: Vec<CoverageRule>,
    /// Members (`*` stands for any characters) whose device code outside of the device sections is their own.
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
}

impl Package {
    /// How the members of its wheels count for coverage.
    pub fn policy(&self) -> Policy {
        let measure = |rule: &CoverageRule| rule.share.map_or(Measure::Any, Measure::Share);
        Policy {
            loaded: None,
            loose: None,
            measures: self.coverage.iter().map(|rule| (Pattern::new(&rule.member), measure(rule))).collect(),
            own_outside: self.own_outside.iter().map(Pattern::new).collect(),
            ..Policy::default()
        }
    }
}

/// Where an environment takes a package from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// From the catalogue's artefacts.
    #[default]
    Catalogue,
    /// From the package set where its version satisfies, else from the catalogue's wheel.
    PackageSet,
}

/// How the CUDA that a wheel was built for must match the target's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CudaMatch {
    /// The same minor release.
    Minor,
    /// The same major release.
    #[default]
    Major,
    /// The wheel holds nothing of CUDA that could mismatch.
    None,
}

/// Another measure of coverage for some members.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoverageRule {
    /// The members' paths; `*` stands for any characters.
    pub member: String,
    /// The share of the containers that must run on a GPU, from 0 to 1; without it, one at least.
    pub share: Option<f64>,
    /// Why not all of them.
    pub reason: String,
}

/// Sonames that members of a wheel load by `dlopen`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dlopen {
    /// The members' paths; `*` stands for any characters.
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
    /// The members' paths; `*` stands for any characters.
    pub member: String,
    /// The sonames.
    pub sonames: Vec<String>,
    /// Why the wheel works without them.
    pub reason: String,
}
