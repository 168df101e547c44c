//! `artefacts/<name>.json`: every artefact of a package with its hash, its requirements and the facts of its audit.

use axle_audit::WheelFacts;
use axle_wheel::WheelName;
use serde::{Deserialize, Serialize};

/// The schema that [`ArtefactFile::schema`] names.
pub const SCHEMA: &str = "axle.artefacts/1";

/// The artefacts of one package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtefactFile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The package, normalised (PEP 503).
    pub name: String,
    /// Its artefacts, oldest version first, then by file name.
    pub artefacts: Vec<Artefact>,
}

impl ArtefactFile {
    /// A file of a package; sorts the artefacts.
    pub fn new(name: &str, mut artefacts: Vec<Artefact>) -> Self {
        artefacts.sort_by_cached_key(|artefact| {
            let version = artefact.filename.parse::<WheelName>().map(|name| name.version().clone()).ok();
            (version, artefact.filename.clone())
        });
        Self { schema: SCHEMA.into(), name: name.into(), artefacts }
    }
}

/// One file to fetch, and what is known about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// The file name as published.
    pub filename: String,
    /// Where it is published.
    pub origin: Origin,
    /// SHA-256 of the file, hex: its identity.
    pub sha256: String,
    /// Bytes; `None` where the index does not tell.
    pub size: Option<u64>,
    /// `Requires-Python`, as the index or the metadata states it.
    pub requires_python: Option<String>,
    /// `Requires-Dist` lines; `None` when the metadata is not known, which is not the same as none.
    pub requires_dist: Option<Vec<String>>,
    /// Why the file was withdrawn (PEP 592); an empty reason when none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// How its facts are known.
    pub provenance: Provenance,
    /// What its bytes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<WheelFacts>,
}

/// Where an artefact is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The package index that pip uses.
    Pypi,
}

/// How facts are known, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Published, but the bytes were not seen.
    Declared,
    /// Read out of the bytes whose hash is recorded.
    Audited,
}
