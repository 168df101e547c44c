//! Update of a catalogue: reads the published files of packages, audits the wheels that sets choose, solves the sets
//! again, drops artefacts that nothing chooses, and writes everything or nothing.

mod audits;
mod generate;
mod places;
mod prune;
mod read;
mod settle;

use std::io;

use axle_catalogue::CatalogueError;
use axle_patch::{BuildError, ComponentsError};
use axle_solve::CandidatesError;
use thiserror::Error;

pub use audits::{Audits, AuditsError};
pub use generate::{Generated, generate, stale, write};
pub use places::{Kind, Places};
pub use prune::{nvidia_libraries, prune};
pub use read::{ReadError, Report, Updated, read};
pub use settle::{settle, share, thaw};

/// Why a catalogue cannot be brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The catalogue cannot be read, or written.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The catalogue contradicts itself.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// A toolkit cannot be assembled.
    #[error(transparent)]
    Components(#[from] ComponentsError),
    /// It cannot be computed how a file is built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A wheel cannot be audited.
    #[error(transparent)]
    Audit(#[from] AuditsError),
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A package without a source is to be compiled otherwise.
    #[error("how to compile {0} is unknown: packages/{0}.toml has no [source]")]
    NotCompiled(String),
    /// Wheels would be chosen whose bytes were not read.
    #[error("{0} must be audited: run `cargo xtask update` without --offline; the catalogue is unchanged")]
    Unaudited(String),
}
