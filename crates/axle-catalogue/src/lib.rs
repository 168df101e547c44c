//! The catalogue: packages, artefacts with their audits, toolkits and cells, as a data model that Rust and Nix share.
//!
//! A catalogue is a directory ([`Folder`]) or part of a binary (any [`Files`]):
//!
//! | file | by | what |
//! | --- | --- | --- |
//! | `matrix.toml` | hand | [`Matrix`]: the supported targets, and the order in which the packages of a cell are solved |
//! | `packages/<name>.toml` | hand | [`Package`]: where it is published, and facts that no published file states |
//! | `artefacts/<name>.json` | generated | [`ArtefactFile`]: every artefact with its hash, requirements and audit |
//! | `cells/<system>/<python>-<cuda>.json` | generated | [`CellFile`]: one coherent set per torch version, or why there is none |
//! | `components.json` | generated | [`ComponentsFile`]: the wheels that toolkits are assembled from, to compile with |
//! | `build-environments/<name>.json` | generated | [`BuildEnvironments`]: the frozen wheels that sources are compiled with, which no update changes |
//! | `builds/<name>/<version>.json` | generated | [`BuildFile`]: how Nix fetches and patches the wheels of cells and toolkits |
//! | `libraries.json` | generated | [`LibrariesFile`]: which packages provide a library |
//! | `imports.json` | harvested | [`ImportsFile`]: which wheels were imported beside which torch |
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
mod imports;
mod interned_facts;
mod inventory;
mod json;
mod libraries;
mod matrix;
mod package;
mod pool;
mod store;
mod valid;
mod wheel_build;
mod wheel_grammar;

pub use artefact::{Artefact, ArtefactFile, Audit, Origin, Provenance, share_with_siblings};
pub use build_environment::{BuildEnvironment, BuildEnvironments, FrozenWheel};
pub use catalogue::{
    BUILD_ENVIRONMENTS, COMPONENTS_PATH, Catalogue, CatalogueError, IMPORTS_PATH, LIBRARIES_PATH,
    artefact_path, build_environments_path, build_path, cell_path, write_json,
};
pub use cause::{Cause, CauseKind, Fact, Lack, Span, Undeclared, What, spans};
pub use cell::{
    Absence, Cell, CellCompiler, CellFeature, CellFile, CellPackage, CellPtx, CellSource, CellWheel, Extra,
    ExtraBlocker, Extras, Newer,
};
pub use components::{ComponentWheel, ComponentsFile, ToolkitWheels};
pub use driver::{DriverUse, cuda_libraries};
pub use imports::{
    Imported, ImportedWheel, Imports, ImportsFile, Outcome, TORCH, TorchTrials, TorchWheel, Trial, Verdict,
    imported,
};
pub use interned_facts::stored_facts;
pub use inventory::Inventory;
pub use libraries::LibrariesFile;
pub use matrix::{Compiled, Matrix, Runtime};
pub use package::{
    AlsoRequires, Alternative, ArchitecturesVariable, BuildSystem, Builder, Compiles, CoverageRule,
    CudaMatch, Declared, Dlopen, Keep, Load, MadeForTorch, NotWith, Package, PreferDeviceCode, Published,
    Publisher, Replacement, Source, Spelling, Unprovided,
};
pub use store::{Files, Folder, FolderLock, Transaction, write_file};
pub use valid::{InvalidText, Valid, package_name, version};
pub use wheel_build::{
    BuildFile, Fetch, FetchPypi, FetchUrl, FetchWheel, MemberBuild, Provider, SCHEMA as BUILDS_SCHEMA,
    SourceBuild, UnprovidedSoname, WheelBuild,
};
pub use wheel_grammar::{Grammar, Names, UnreadableName, Variant};
