//! Policies from the catalogue, for the conclusions of an audit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_audit::{NeededLibrary, Policy, Provider, ProviderKind, WheelFacts};
use axle_catalogue::{Catalogue, CatalogueError, Package};
use axle_types::{CudaRelease, CudaTarget, Requirement};
use serde::Serialize;

use crate::embedded;

/// Which policy conclusions were drawn by.
#[derive(Debug, Serialize)]
pub struct Used {
    /// Whether the catalogue was asked.
    pub catalogue: bool,
    /// The entry of the catalogue; null where it has none for the package.
    pub package: Option<String>,
}

impl Used {
    /// In words.
    pub fn human(&self) -> String {
        match (self.catalogue, &self.package) {
            (false, _) => "none: the catalogue was not used".to_owned(),
            (true, None) => "none: the package is not in the catalogue".to_owned(),
            (true, Some(package)) => format!("{package} of the catalogue"),
        }
    }
}

/// Makes policies out of a catalogue, or without one.
pub struct Policies(Option<Catalogue>);

impl Policies {
    /// The catalogue in a folder, or the embedded one, or none.
    pub fn new(folder: Option<&Path>, none: bool) -> Self {
        Self((!none).then(|| embedded::catalogue(folder)))
    }

    /// What is known of a wheel's package and of the libraries that it needs. With a CUDA release the members count that
    /// it loads, where the wheel has some for each release.
    pub fn of(
        &self,
        facts: &WheelFacts,
        cuda: Option<CudaRelease>,
    ) -> Result<(Policy, Used), CatalogueError> {
        let Some(catalogue) = &self.0 else {
            return Ok((Policy::default(), Used { catalogue: false, package: None }));
        };
        let package = package(catalogue, facts)?;
        let used = Used { catalogue: true, package: facts.name.clone().filter(|_| package.is_some()) };
        let version = facts.version.as_deref().and_then(|version| version.parse().ok());
        let policy = package.map(|package| match cuda {
            Some(cuda) => package.policy_for(facts, CudaTarget::Release(cuda)),
            None => package.policy(version.as_ref()),
        });
        Ok((Policy { providers: providers(catalogue, facts)?, ..policy.unwrap_or_default() }, used))
    }

    /// Of a wheel with members for several CUDA releases, of which one is loaded: the releases that the catalogue
    /// knows, oldest first, with the policy for each. Empty for any other wheel.
    pub fn by_cuda(&self, facts: &WheelFacts) -> Result<Vec<(CudaTarget, Policy)>, CatalogueError> {
        let Some(catalogue) = &self.0 else { return Ok(Vec::new()) };
        let Some(package) = package(catalogue, facts)?.filter(|package| !package.alternative.is_empty())
        else {
            return Ok(Vec::new());
        };
        let has_code = |policy: &Policy| {
            facts.elf.iter().any(|member| policy.loads(&member.path) && !member.container_groups.is_empty())
        };
        let mut cudas = catalogue.matrix()?.cudas;
        cudas.sort();
        let policies = cudas.into_iter().map(|cuda| (cuda, package.policy_for(facts, cuda)));
        Ok(policies.filter(|(_, policy)| has_code(policy)).collect())
    }
}

fn package(catalogue: &Catalogue, facts: &WheelFacts) -> Result<Option<Package>, CatalogueError> {
    let name = facts.name.as_deref();
    Ok(name.map(|name| catalogue.package(name)).transpose()?.flatten())
}

/// Who brings the libraries that a wheel needs from outside.
fn providers(
    catalogue: &Catalogue,
    facts: &WheelFacts,
) -> Result<BTreeMap<String, Provider>, CatalogueError> {
    if facts.external.is_empty() {
        return Ok(BTreeMap::new());
    }
    let runtime = catalogue.matrix()?.runtime;
    let mut providers = BTreeMap::new();
    let known = |sonames: Vec<String>, kind| {
        sonames.into_iter().map(move |soname| (soname, Provider { kind, packages: Vec::new() }))
    };
    for (library, sonames) in runtime.libraries {
        let kind = match library.as_str() {
            "libc" => ProviderKind::Glibc,
            "libstdcxx" => ProviderKind::CxxRuntime,
            _ => ProviderKind::System,
        };
        providers.extend(known(sonames, kind));
    }
    providers.extend(known(runtime.driver, ProviderKind::Driver));

    let unknown: BTreeSet<&str> =
        facts.external.iter().map(String::as_str).filter(|name| !providers.contains_key(*name)).collect();
    for (soname, packages) in packages(catalogue, facts, &unknown)? {
        providers.insert(soname, Provider { kind: ProviderKind::Package, packages });
    }
    Ok(providers)
}

/// The packages whose wheels offer the libraries. Where several do, those that the wheel itself requires, else those
/// that go with its CUDA: the same name may stand for different majors.
fn packages(
    catalogue: &Catalogue,
    facts: &WheelFacts,
    sonames: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<String>>, CatalogueError> {
    if sonames.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut offers: BTreeMap<String, Vec<String>> = catalogue
        .libraries()?
        .libraries
        .into_iter()
        .filter(|(soname, _)| sonames.contains(soname.as_str()))
        .map(|(soname, packages)| (soname, packages.into_iter().collect()))
        .collect();
    if offers.values().all(|packages| packages.len() < 2) {
        return Ok(offers);
    }
    let required: BTreeSet<String> = facts
        .requires_dist
        .iter()
        .filter_map(|text| Some(text.parse::<Requirement>().ok()?.name.to_string()))
        .collect();
    let beside = beside(catalogue, facts)?;
    for packages in offers.values_mut().filter(|packages| packages.len() > 1) {
        for narrower in [&required, &beside] {
            if packages.iter().any(|package| narrower.contains(package)) {
                packages.retain(|package| narrower.contains(package));
            }
        }
    }
    Ok(offers)
}

/// The packages that cells hold for the majors of CUDA that the wheel is made for.
fn beside(catalogue: &Catalogue, facts: &WheelFacts) -> Result<BTreeSet<String>, CatalogueError> {
    let matrix = catalogue.matrix()?;
    let is_for = |cuda: &&CudaTarget| {
        let CudaTarget::Release(CudaRelease { major, .. }) = cuda else { return false };
        facts.cuda.iter().any(|cuda| cuda.major() == Some(*major))
    };
    let mut packages = BTreeSet::new();
    for cuda in matrix.cudas.iter().filter(is_for) {
        for system in &matrix.systems {
            for python in &matrix.pythons {
                let file = catalogue.cells(*system, *python, *cuda)?;
                let cells = file.iter().flat_map(|file| file.torch.values());
                packages.extend(cells.flat_map(|cell| cell.packages.keys().cloned()));
            }
        }
    }
    Ok(packages)
}

/// Who brings which of the libraries, for a person: first those that not every machine has.
pub fn human(needed: &[NeededLibrary]) -> Vec<String> {
    let mut needed: Vec<&NeededLibrary> = needed.iter().collect();
    needed.sort_by_key(|library| {
        matches!(library.provider, Some(ProviderKind::Glibc | ProviderKind::CxxRuntime))
    });
    let named = needed.into_iter().map(|library| {
        let provider = match library.provider {
            None => return library.soname.clone(),
            Some(ProviderKind::Glibc) => "glibc".to_owned(),
            Some(ProviderKind::CxxRuntime) => "C++ runtime".to_owned(),
            Some(ProviderKind::Driver) => "driver".to_owned(),
            Some(ProviderKind::System) => "system".to_owned(),
            Some(ProviderKind::Package) => library.packages.join(" or "),
        };
        format!("{} ({provider})", library.soname)
    });
    named.collect()
}
