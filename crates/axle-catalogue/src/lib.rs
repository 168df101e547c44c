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
//! | `builds/<name>/<version>.json` | generated | [`BuildFile`]: what Nix needs to fetch and patch the wheels that cells choose |
//!
//! Generated files are written whole or not at all, sorted, one fact a line, so that regenerating without news changes
//! no byte and a change reads well in a diff. Ids are SHA-256 of [`canonical`] JSON, which Nix computes as well.

pub mod canonical;
pub mod markers;
pub mod update;

mod artefact;
mod catalogue;
mod cell;
mod files;
mod matrix;
mod package;
mod wheel_build;

pub use artefact::{Artefact, ArtefactFile, Origin, Provenance};
pub use catalogue::{Catalogue, CatalogueError, artefact_path, build_path, cell_path, write_json};
pub use cell::{
    Absence, Cell, CellFile, CellPackage, CellWheel, External, Fallback, Reason, SCHEMA as CELLS_SCHEMA,
};
pub use files::{Files, Folder};
pub use matrix::{Cuda, CudaError, Matrix, Runtime};
pub use package::{CoverageRule, CudaMatch, Dlopen, From as PackageSource, Package, Unprovided};
pub use wheel_build::{
    BuildFile, Fetch, FetchPypi, MemberBuild, Provider, SCHEMA as BUILDS_SCHEMA, UnprovidedSoname, WheelBuild,
};
