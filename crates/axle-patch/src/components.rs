//! The wheels that the toolkit of a CUDA release is assembled from, for Nix to compile with.
//!
//! NVIDIA publishes a compiler in wheels from CUDA 13.0 on; the `cuda-toolkit` wheel of a release lists the versions that
//! belong together. Of them those are taken that every compile needs, those that the `[source]` of some package names,
//! and what these require.

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{Artefact, ComponentWheel, ComponentsFile, Inventory, Provenance, ToolkitWheels};
use axle_toolkit::Release;
use axle_types::{CudaTarget, Requirement, System};
use axle_wheel::WheelName;
use pep440_rs::Version;

#[cfg(test)]
mod tests;

/// What every compile needs: nvcc, what it runs, the run time, and the headers that nvcc's own headers include. The
/// overlay's `cuda.nix` takes the same.
const CORE: [&str; 5] = ["nvcc", "crt", "nvvm", "cudart", "cccl"];

/// The toolkits of the matrix.
#[derive(Debug, Default)]
pub struct Components {
    /// Which wheels each is assembled from.
    pub file: ComponentsFile,
    /// Those of them that have not been audited yet: file names by package.
    pub unaudited: BTreeMap<String, BTreeSet<String>>,
}

/// A toolkit that cannot be assembled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentsError {
    /// A wheel that the release lists is not in the catalogue.
    #[error(
        "the toolkit of CUDA {cuda} lists {package} {version}, but the catalogue has no file of it: read it with \
         `cargo xtask update {package}`"
    )]
    Missing {
        /// The release.
        cuda: CudaTarget,
        /// The package.
        package: String,
        /// Its version.
        version: String,
    },
}

/// The toolkits of every CUDA release of the matrix whose compiler is published in wheels.
///
/// # Errors
/// When the catalogue does not have a wheel that a release lists.
pub fn components(inventory: &Inventory) -> Result<Components, ComponentsError> {
    let mut components = Components::default();
    let named: BTreeSet<&str> = inventory
        .packages
        .values()
        .filter_map(|package| package.source.as_ref())
        .flat_map(|source| source.components.iter().map(String::as_str))
        .chain(CORE)
        .collect();
    for release in inventory.toolkits.iter().flat_map(|toolkits| &toolkits.releases) {
        let cuda = CudaTarget::Release(release.cuda);
        if !inventory.matrix.cudas.contains(&cuda) {
            continue;
        }
        for &system in &inventory.matrix.systems {
            let toolkit = Toolkit { inventory, release, cuda, system };
            if let Some(wheels) = toolkit.wheels(&named, &mut components.unaudited)? {
                components.file.systems.entry(system).or_default().insert(cuda, wheels);
            }
        }
    }
    Ok(components)
}

/// The component that a package of NVIDIA's is, as nvcc's documents and nixpkgs name it.
fn component(package: &str) -> Option<&str> {
    let name = package.strip_prefix("nvidia-")?;
    Some(match name.strip_prefix("cuda-").unwrap_or(name) {
        "runtime" => "cudart",
        "nvml-dev" => "nvml",
        "profiler-api" => "profiler",
        other => other,
    })
}

/// A release on a system.
struct Toolkit<'a> {
    inventory: &'a Inventory,
    release: &'a Release,
    cuda: CudaTarget,
    system: System,
}

impl<'a> Toolkit<'a> {
    /// The wheels; `None` where NVIDIA publishes no compiler of this release for this system, or where the catalogue has
    /// none of the packages.
    fn wheels(
        &self,
        named: &BTreeSet<&str>,
        unaudited: &mut BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Option<ToolkitWheels>, ComponentsError> {
        let Some(list) = &self.release.components else { return Ok(None) };
        let listed: BTreeMap<&str, (&str, &str)> = list
            .packages
            .iter()
            .filter(|(package, _)| self.inventory.packages.contains_key(*package))
            .filter_map(|(package, version)| {
                Some((component(package)?, (package.as_str(), version.as_str())))
            })
            .collect();
        if !CORE.iter().all(|component| listed.contains_key(component)) {
            return Ok(None);
        }
        let mut components = BTreeMap::new();
        let mut open: Vec<&str> =
            named.iter().filter_map(|component| Some(listed.get(component)?.0)).collect();
        while let Some(package) = open.pop() {
            let Some(component) = component(package).filter(|name| !components.contains_key(*name)) else {
                continue;
            };
            let artefact = match listed.get(component) {
                Some((package, version)) => match self.exactly(package, version)? {
                    Some(artefact) => artefact,
                    None if CORE.contains(&component) => return Ok(None),
                    None => continue,
                },
                // The lists leave out what is compatible over all of a major release (nvJitLink).
                None => match self.newest(package) {
                    Some(artefact) => artefact,
                    None => continue,
                },
            };
            let version = artefact.version(package).map(|version| version.to_string()).unwrap_or_default();
            if artefact.provenance < Provenance::Audited {
                unaudited.entry(package.to_owned()).or_default().insert(artefact.filename.clone());
            }
            let required = required(artefact).into_iter();
            open.extend(
                required.filter_map(|name| Some(self.inventory.packages.get_key_value(&name)?.0.as_str())),
            );
            let wheel =
                ComponentWheel { package: package.to_owned(), version, filename: artefact.filename.clone() };
            components.insert(component.to_owned(), wheel);
        }
        Ok(Some(ToolkitWheels { version: list.version.clone(), components }))
    }

    /// The wheel of a version for the system; `None` where the version has wheels for other systems only.
    fn exactly(&self, package: &str, version: &str) -> Result<Option<&'a Artefact>, ComponentsError> {
        let is_version = |artefact: &&Artefact| {
            artefact
                .version(package)
                .is_some_and(|own| version.parse::<Version>().is_ok_and(|one| one == own))
        };
        let of_version: Vec<_> = self.artefacts(package).filter(is_version).collect();
        if of_version.is_empty() {
            let (package, version) = (package.to_owned(), version.to_owned());
            return Err(ComponentsError::Missing { cuda: self.cuda, package, version });
        }
        Ok(of_version.into_iter().find(|artefact| self.fits(artefact)))
    }

    /// The newest wheel of the release for the system.
    fn newest(&self, package: &str) -> Option<&'a Artefact> {
        let of_release = |artefact: &'a Artefact| {
            let version = artefact.version(package).filter(|version| !version.any_prerelease())?;
            let [major, minor, ..] = *version.release() else { return None };
            let is_own = (major, minor) == (self.release.cuda.major.into(), self.release.cuda.minor.into());
            is_own.then_some((version, artefact))
        };
        self.artefacts(package)
            .filter(|artefact| artefact.yanked.is_none() && self.fits(artefact))
            .filter_map(of_release)
            .max_by(|(one, _), (other, _)| one.cmp(other))
            .map(|(_, artefact)| artefact)
    }

    fn artefacts(&self, package: &str) -> impl Iterator<Item = &'a Artefact> {
        self.inventory.artefacts.get(package).into_iter().flat_map(|file| &file.artefacts)
    }

    fn fits(&self, artefact: &Artefact) -> bool {
        let Ok(wheel) = artefact.filename.parse::<WheelName>() else { return false };
        let architecture = self.system.architecture();
        wheel.platform_tags().iter().any(|tag| tag == "any" || tag.ends_with(architecture))
    }
}

/// The names of what an artefact requires. Wheels of components require nothing conditionally.
pub fn required(artefact: &Artefact) -> BTreeSet<String> {
    let lines = artefact.requires_dist.iter().flatten();
    lines.filter_map(|line| Some(line.parse::<Requirement>().ok()?.name.to_string())).collect()
}
