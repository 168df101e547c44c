//! `artefacts/<name>.json`: every artefact of a package with its hash, its requirements and the facts of its audit.

use axle_types::Sha256;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axle_audit::WheelFacts;
use axle_wheel::{SdistName, WheelName};
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::interned_facts::StoredFile;

/// The schema that a file of artefacts names.
pub const SCHEMA: &str = "axle.artefacts/4";

/// The artefacts of one package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "StoredFile", try_from = "StoredFile")]
pub struct ArtefactFile {
    /// The package, normalised (PEP 503).
    pub name: String,
    /// Its artefacts, oldest version first, then by file name and origin.
    pub artefacts: Vec<Artefact>,
    /// What the sources list under names that are not those of this package's wheels or sdists: nothing is dropped
    /// silently.
    pub unreadable: Vec<String>,
}

impl ArtefactFile {
    /// A file of a package; sorts the artefacts.
    pub fn new(name: &str, mut artefacts: Vec<Artefact>) -> Self {
        artefacts.sort_by_cached_key(|artefact| {
            (artefact.version(name), artefact.filename.clone(), artefact.origin.clone())
        });
        Self { name: name.into(), artefacts, unreadable: Vec::new() }
    }
}

/// One file to fetch, and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Artefact {
    /// The file name as published.
    pub filename: String,
    /// Where it is published.
    pub origin: Origin,
    /// SHA-256 of the file, hex: its identity.
    pub sha256: Sha256,
    /// Size in bytes; `None` if the index does not declare it.
    pub size: Option<u64>,
    /// `Requires-Python`, as the index or the metadata states it.
    pub requires_python: Option<String>,
    /// `Requires-Dist` lines; `None` when the metadata is not known, which is not the same as none.
    pub requires_dist: Option<Vec<String>>,
    /// Why the file was withdrawn (PEP 592); an empty reason when none was given.
    pub yanked: Option<String>,
    /// Who states the hash, of a fact that was imported: `owner/repository:path`.
    pub published: Option<String>,
    /// How its facts are known.
    pub provenance: Provenance,
    /// What its bytes say, or those of its sibling.
    pub audit: Option<Audit>,
}

impl Artefact {
    /// What is published of a file, and nothing more.
    pub fn declared(filename: &str, origin: Origin, sha256: Sha256) -> Self {
        Self {
            filename: filename.to_owned(),
            origin,
            sha256,
            size: None,
            requires_python: None,
            requires_dist: None,
            yanked: None,
            published: None,
            provenance: Provenance::Declared,
            audit: None,
        }
    }

    /// The version that its name spells, for the package of that name.
    pub fn version(&self, package: &str) -> Option<Version> {
        if let Ok(wheel) = self.filename.parse::<WheelName>() {
            return Some(wheel.version().clone());
        }
        SdistName::parse(&self.filename, &package.parse().ok()?).ok().map(|sdist| sdist.version().clone())
    }

    /// Whether it is a wheel; else it is an sdist.
    pub fn is_wheel(&self) -> bool {
        self.filename.strip_suffix(".whl").is_some()
    }

    /// What its bytes say, or those of its sibling, members under their names in this wheel.
    pub fn facts(&self) -> Option<Cow<'_, WheelFacts>> {
        self.audit.as_ref().map(|audit| audit.facts_of(&self.filename))
    }
}

/// What the bytes of a wheel say: of its own, or of a wheel of the same version for another Python.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The facts.
    pub facts: Arc<WheelFacts>,
    /// SHA-256 of the wheel whose members the facts name, where it is not this one.
    pub of: Option<Sha256>,
}

impl Audit {
    /// The facts of a wheel that was read itself.
    pub fn own(facts: WheelFacts) -> Self {
        Self { facts: Arc::new(facts), of: None }
    }

    /// The facts, their members under the names that they have in `filename`.
    fn facts_of(&self, filename: &str) -> Cow<'_, WheelFacts> {
        match &self.of {
            None => Cow::Borrowed(&self.facts),
            Some(_) => renamed(&self.facts, filename),
        }
    }
}

/// Facts under the names of a wheel for another Python: an extension module has the interpreter's tag in its file name
/// (`_C.cpython-312-x86_64-linux-gnu.so`).
pub(crate) fn renamed<'a>(facts: &'a WheelFacts, filename: &str) -> Cow<'a, WheelFacts> {
    let tag = |filename: &str| {
        let wheel: WheelName = filename.parse().ok()?;
        let abi = wheel.abi_tags().iter().find_map(|tag| tag.strip_prefix("cp"))?;
        Some(format!(".cpython-{abi}-"))
    };
    let (Some(from), Some(to)) = (tag(&facts.filename), tag(filename)) else { return Cow::Borrowed(facts) };
    if from == to {
        return Cow::Borrowed(facts);
    }
    let mut facts = facts.clone();
    filename.clone_into(&mut facts.filename);
    for member in &mut facts.elf {
        member.path = member.path.replace(&from, &to);
        member.soname = member.soname.take().map(|soname| soname.replace(&from, &to));
    }
    Cow::Owned(facts)
}

/// Where an artefact is published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The package index that pip uses.
    Pypi,
    /// An address of its own: a release on GitHub, a page of wheels.
    Url(String),
}

impl Origin {
    /// The address, where it has one of its own.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Pypi => None,
            Self::Url(url) => Some(url),
        }
    }
}

/// How facts are known, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provenance {
    /// Published, but the bytes were not seen.
    Declared,
    /// Read out of the bytes of the same version's wheel for another Python.
    Sibling,
    /// Read out of the bytes whose hash is recorded.
    Audited,
}

/// Lets wheels that were not read share what was read: of the same bytes, published elsewhere too, or else of the same
/// version, system and origin for another Python. Facts of a wheel's own bytes are never replaced.
pub fn share_with_siblings(artefacts: &mut [Artefact]) {
    let same_bytes: BTreeMap<Sha256, Audit> = artefacts
        .iter()
        .filter(|artefact| artefact.provenance == Provenance::Audited)
        .filter_map(|artefact| Some((artefact.sha256, artefact.audit.clone()?)))
        .collect();
    for artefact in artefacts.iter_mut() {
        if let Some(audit) = same_bytes.get(&artefact.sha256) {
            artefact.audit = Some(audit.clone());
            artefact.provenance = Provenance::Audited;
        }
    }
    let mut read: BTreeMap<_, (Sha256, Arc<WheelFacts>)> = BTreeMap::new();
    for artefact in artefacts.iter().filter(|artefact| artefact.provenance == Provenance::Audited) {
        if let (Some(audit), Some(kind)) = (&artefact.audit, kind(artefact)) {
            let of = audit.of.unwrap_or(artefact.sha256);
            read.entry(kind).or_insert_with(|| (of, audit.facts.clone()));
        }
    }
    for artefact in artefacts.iter_mut().filter(|artefact| artefact.provenance != Provenance::Audited) {
        let sibling = kind(artefact).and_then(|kind| read.get(&kind));
        if let Some((of, facts)) = sibling {
            artefact.audit = Some(Audit { facts: facts.clone(), of: Some(*of) });
            artefact.provenance = Provenance::Sibling;
        } else {
            artefact.audit = None;
            artefact.provenance = Provenance::Declared;
        }
    }
}

/// What wheels that are siblings have in common: version, platform, folder of publication, and that they are for one
/// CPython each.
fn kind(artefact: &Artefact) -> Option<(String, Vec<String>, Option<String>)> {
    let wheel: WheelName = artefact.filename.parse().ok()?;
    if !wheel.abi_tags().iter().all(|tag| tag.starts_with("cp")) {
        return None;
    }
    let machine = |tag: &String| {
        ["x86_64", "aarch64"]
            .iter()
            .find(|machine| tag.ends_with(*machine))
            .map(|machine| (*machine).to_owned())
    };
    let mut machines: Vec<_> = wheel.platform_tags().iter().filter_map(machine).collect();
    machines.sort();
    machines.dedup();
    let folder =
        artefact.origin.url().map(|url| url.rsplit_once('/').map_or(url, |(folder, _)| folder).to_owned());
    Some((wheel.version_text().to_owned(), machines, folder))
}
