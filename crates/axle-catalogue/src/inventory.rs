//! Inventory: a whole catalogue in memory, for the steps that run ahead of time.

use std::collections::BTreeMap;

use axle_toolkit::{Release, Toolkits};
use axle_types::{ComputeCapability, CudaRelease, CudaTarget, PythonVersion, System};
use rayon::prelude::*;

use crate::{
    ArtefactFile, BuildEnvironment, BuildEnvironments, Catalogue, CatalogueError, Cause, Imports, Matrix,
    Package,
};

/// Everything that a catalogue knows, but for what is generated from it.
pub struct Inventory {
    /// `matrix.toml`.
    pub matrix: Matrix,
    /// What a maintainer wrote about each package.
    pub packages: BTreeMap<String, Package>,
    /// Every artefact, by package.
    pub artefacts: BTreeMap<String, ArtefactFile>,
    /// What is known of CUDA's releases, where the catalogue says.
    pub toolkits: Option<Toolkits>,
    /// What sources are compiled with, by the package of the source.
    pub environments: BTreeMap<String, BuildEnvironments>,
    /// What was imported beside which torch.
    pub imports: Imports,
}

impl Inventory {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// When one of its files is missing or not valid.
    pub fn read(catalogue: &Catalogue) -> Result<Self, CatalogueError> {
        Self::of(catalogue, catalogue.package_names()?)
    }

    /// Reads of a catalogue what it knows of some packages.
    ///
    /// # Errors
    /// As [`Inventory::read`].
    pub fn of(
        catalogue: &Catalogue,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Self, CatalogueError> {
        let mut packages = BTreeMap::new();
        for name in names {
            if let Some(package) = catalogue.package(&name)? {
                packages.insert(name, package);
            }
        }
        let read = packages.par_iter().filter_map(|(name, _)| {
            catalogue.artefacts(name).map(|file| Some((name.clone(), file?))).transpose()
        });
        let artefacts = read.collect::<Result<_, _>>()?;
        let environments = catalogue.build_environments()?;
        let (matrix, toolkits) = (catalogue.matrix()?, catalogue.toolkits()?);
        let imports = catalogue.imports()?.into();
        Ok(Self { matrix, packages, artefacts, toolkits, environments, imports })
    }

    /// The environments that sources of a package are compiled in on a system and Python.
    pub fn environments_of(
        &self,
        name: &str,
        system: System,
        python: PythonVersion,
    ) -> impl Iterator<Item = &BuildEnvironment> {
        let of_name = self.environments.get(name).into_iter().flat_map(|file| &file.environments);
        of_name.filter(move |one| one.system == system && one.python == python)
    }

    /// The capabilities that the source of a package and a CUDA release both support.
    ///
    /// # Errors
    /// Why nothing can be compiled.
    pub fn compiles_for(&self, package: &Package, cuda: CudaTarget) -> Result<Vec<ComputeCapability>, Cause> {
        let CudaTarget::Release(cuda_release) = cuda else { return Err(Cause::NoWheel) };
        let source = package.source.as_ref().ok_or(Cause::NoWheel)?;
        if let Some(needs) = &source.cuda
            && needs.parse().is_ok_and(|floor: CudaTarget| floor > cuda)
        {
            return Err(Cause::OldToolkit { needs: needs.clone(), has: cuda });
        }
        let targets = &self.toolkit(cuda_release).ok_or(Cause::UnknownToolkit { cuda })?.capabilities;
        let own = source.capabilities.as_ref();
        let supported =
            |cc: &ComputeCapability| targets.contains(cc) && own.is_none_or(|own| own.contains(cc));
        Ok(self.matrix.compute_capabilities.iter().copied().filter(supported).collect())
    }

    /// What is known of a CUDA release.
    pub fn toolkit(&self, cuda: CudaRelease) -> Option<&Release> {
        self.toolkits.iter().flat_map(|toolkits| &toolkits.releases).find(|release| release.cuda == cuda)
    }
}
