//! Generation of everything that follows from artefacts: sets, toolkits, and the builds of chosen files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_catalogue::{
    BUILD_ENVIRONMENTS, BuildEnvironments, BuildFile, COMPONENTS_PATH, Catalogue, CatalogueError, CellFile,
    ComponentsFile, Folder, Inventory, LIBRARIES_PATH, LibrariesFile, artefact_path, build_environments_path,
    build_path, cell_path, write_json,
};
use axle_patch::{builds, components};
use axle_solve::build_environments::{self, Completed};
use axle_solve::cells;
use rayon::prelude::*;

use crate::UpdateError;

/// Every cell and every toolkit of the matrix, and the builds of what they choose.
pub struct Generated {
    /// The sets.
    pub cells: Vec<CellFile>,
    /// What the sources of the cells are compiled with.
    pub environments: BTreeMap<String, BuildEnvironments>,
    /// The wheels of each toolkit.
    pub components: ComponentsFile,
    /// Nothing as long as something is not audited.
    pub builds: Vec<BuildFile>,
    /// Wheels that cells, toolkits and environments would choose, had they been audited: file names by package.
    pub unaudited: BTreeMap<String, BTreeSet<String>>,
}

impl Generated {
    /// Itself, unless something must be audited first.
    ///
    /// # Errors
    /// With the wheels that must.
    pub fn whole(self) -> Result<Self, UpdateError> {
        let unaudited: Vec<_> = self.unaudited.values().flatten().map(String::as_str).collect();
        if unaudited.is_empty() { Ok(self) } else { Err(UpdateError::Unaudited(unaudited.join(", "))) }
    }
}

/// Generates all of it from an inventory; what sources are compiled with comes before, where it is lacking.
///
/// # Errors
/// When the catalogue contradicts itself.
pub fn generate(inventory: &mut Inventory) -> Result<Generated, UpdateError> {
    let Completed { environments, mut unaudited } = build_environments::complete(inventory)?;
    inventory.environments = environments;
    let inventory = &*inventory;
    let solved = cells::solve_all(inventory)?;
    let toolkits = components(inventory)?;
    for (name, filenames) in toolkits.unaudited {
        unaudited.entry(name).or_default().extend(filenames);
    }
    let components = toolkits.file;
    for (name, filename) in solved.iter().flat_map(|solved| &solved.unaudited) {
        unaudited.entry((*name).to_owned()).or_default().insert((*filename).to_owned());
    }
    let cells: Vec<_> =
        solved.into_iter().map(|solved| solved.file).filter(|file| !file.order.is_empty()).collect();
    let builds = if unaudited.is_empty() { builds(inventory, &cells, &components)? } else { Vec::new() };
    let environments = in_use(&inventory.environments, &cells);
    Ok(Generated { cells, environments, components, builds, unaudited })
}

/// The environments that some cell compiles in.
fn in_use(
    environments: &BTreeMap<String, BuildEnvironments>,
    cells: &[CellFile],
) -> BTreeMap<String, BuildEnvironments> {
    let mut used = BTreeSet::new();
    for file in cells {
        for (name, package) in file.torch.values().flat_map(|cell| &cell.packages) {
            used.extend(package.source.iter().map(|source| (name, file.system, file.python, &source.frozen)));
        }
    }
    let of_name = |(name, file): (&String, &BuildEnvironments)| {
        let mut file = file.clone();
        file.environments.retain(|one| used.contains(&(name, one.system, one.python, &one.wheels)));
        (!file.environments.is_empty()).then(|| (name.clone(), file))
    };
    environments.iter().filter_map(of_name).collect()
}

/// What is generated from the artefacts.
const GENERATED: [&str; 5] = ["cells", "builds", BUILD_ENVIRONMENTS, COMPONENTS_PATH, LIBRARIES_PATH];

impl Generated {
    /// Writes it into a folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    fn write_into(&self, folder: &Folder) -> Result<(), CatalogueError> {
        for file in &self.cells {
            write_json(folder, &cell_path(file.system, file.python, file.cuda), file)?;
        }
        for (name, file) in &self.environments {
            write_json(folder, &build_environments_path(name), file)?;
        }
        if !self.components.systems.is_empty() {
            write_json(folder, COMPONENTS_PATH, &self.components)?;
        }
        for file in &self.builds {
            write_json(folder, &build_path(&file.name, &file.version), file)?;
        }
        let libraries = LibrariesFile::of(&self.builds);
        if !libraries.libraries.is_empty() {
            write_json(folder, LIBRARIES_PATH, &libraries)?;
        }
        Ok(())
    }
}

/// Writes artefacts and all that is generated from them, as a whole or not at all; what is there no more goes.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Folder, inventory: &Inventory, generated: &Generated) -> Result<(), UpdateError> {
    let mut transaction = folder.begin()?;
    let staged = transaction.staged();
    generated.write_into(&staged)?;
    let written: Vec<_> = inventory
        .artefacts
        .par_iter()
        .map(|(name, file)| {
            let path = artefact_path(name);
            write_json(&staged, &path, file).map(|_| path)
        })
        .collect::<Result<_, _>>()?;
    let kept: BTreeSet<_> = written.into_iter().chain(staged.files_under(&GENERATED)?).collect();
    for path in folder.files_under(&["artefacts"])?.into_iter().chain(folder.files_under(&GENERATED)?) {
        if !kept.contains(&path) {
            transaction.remove(&path);
        }
    }
    transaction.commit()?;
    Ok(())
}

/// The generated files of a catalogue that are not what its artefacts say.
///
/// # Errors
/// When the catalogue contradicts itself, or no temporary folder can be written.
pub fn stale(catalogue: &Path) -> Result<Vec<String>, UpdateError> {
    let folder = Folder::new(catalogue);
    let generated = generate(&mut Inventory::read(&Catalogue::new(folder.clone()))?)?.whole()?;
    let temporary = tempfile::tempdir()?;
    let fresh = Folder::new(temporary.path());
    generated.write_into(&fresh)?;
    let paths: BTreeSet<_> =
        folder.files_under(&GENERATED)?.into_iter().chain(fresh.files_under(&GENERATED)?).collect();
    let content = |root: &Path, path: &String| fs_err::read(root.join(path)).ok();
    Ok(paths.into_iter().filter(|path| content(catalogue, path) != content(temporary.path(), path)).collect())
}
