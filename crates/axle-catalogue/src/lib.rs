//! The data model that Rust and Nix share: everything axle knows.
//!
//! A catalogue is a folder ([`Folder`]) or part of a binary (any [`Files`]):
//!
//! | file | by | what |
//! | --- | --- | --- |
//! | `matrix.toml` | hand | [`Matrix`]: what is supported, and the order in which a cell is solved |
//! | `packages/<name>.toml` | hand | [`Package`]: where it is published and what no file says about it |
//! | `artefacts/<name>.json` | generated | [`ArtefactFile`]: every artefact with hash, requirements and audit |
//! | `cells/<system>/<python>-<cuda>.json` | generated | [`CellFile`]: per torch version one coherent set, or why not |
//! | `components.json` | generated | [`ComponentsFile`]: the wheels that toolkits are assembled from, to compile with |
//! | `build-environments/<name>.json` | generated | [`BuildEnvironments`]: what sources are compiled with, frozen: no update moves it |
//! | `builds/<name>/<version>.json` | generated | [`BuildFile`]: what Nix needs to fetch and patch the wheels of cells and toolkits |
//! | `libraries.json` | generated | [`LibrariesFile`]: which packages bring a library |
//!
//! Generated files are written whole or not at all, sorted, one fact a line, so that regenerating without news changes
//! no byte and a change reads well in a diff. Ids are SHA-256 of [`canonical`] JSON, which Nix computes as well.
//!
//! To read one takes no network. What asks the places of publication is the feature `update`.

pub mod canonical;
pub mod check;

mod alternatives;
mod artefact;
mod build_environment;
mod catalogue;
mod cause;
mod cell;
mod components;
mod driver;
mod files;
mod inventory;
mod json;
mod libraries;
mod matrix;
mod names;
mod package;
mod pool;
mod stored;
mod valid;
mod wheel_build;

pub use artefact::{Artefact, ArtefactFile, Audit, Origin, Provenance, share_with_siblings};
pub use build_environment::{BuildEnvironment, BuildEnvironments, FrozenWheel};
pub use catalogue::{
    BUILD_ENVIRONMENTS, COMPONENTS_PATH, Catalogue, CatalogueError, LIBRARIES_PATH, artefact_path,
    build_environments_path, build_path, cell_path, write_json,
};
pub use cause::{Cause, CauseKind, Fact, Lack, Span, Undeclared, What, spans};
pub use cell::{
    Absence, Cell, CellFile, CellPackage, CellSource, CellWheel, Extra, ExtraBlocker, Extras, Newer,
};
pub use components::{ComponentWheel, ComponentsFile, ToolkitWheels};
pub use driver::{DriverUse, cuda_libraries};
pub use files::{Files, Folder, FolderLock, Transaction, write_file};
pub use inventory::Inventory;
pub use libraries::LibrariesFile;
pub use matrix::{Compiled, Matrix, Runtime};
pub use names::{Grammar, Names, UnreadableName, Variant};
pub use package::{
    AlsoRequires, Alternative, ArchitecturesVariable, BuildSystem, CoverageRule, CudaMatch, Declared, Dlopen,
    Keep, Load, MadeForTorch, Package, Published, Replacement, Source, Spelling, Unprovided,
};
pub use stored::stored_facts;
pub use valid::{InvalidText, Valid, package_name, version};
pub use wheel_build::{
    BuildFile, Fetch, FetchPypi, FetchUrl, FetchWheel, MemberBuild, Provider, SCHEMA as BUILDS_SCHEMA,
    SourceBuild, UnprovidedSoname, WheelBuild,
};
