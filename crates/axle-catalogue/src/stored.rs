//! How artefacts lie in their file: what many have in common stands there once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axle_audit::WheelFacts;
use axle_wheel::WheelName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::artefact::{Artefact, ArtefactFile, Audit, Origin, Provenance, SCHEMA, renamed};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredFile {
    schema: String,
    name: String,
    /// Every line of `Requires-Dist`: most versions share most of theirs.
    requires_dist: Vec<String>,
    /// What most wheels of a version require.
    requirements: BTreeMap<String, StoredRequirements>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    artefacts: Vec<StoredArtefact>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRequirements {
    requires_python: Option<String>,
    /// Places in the file's list of lines.
    requires_dist: Option<Vec<usize>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Requirements {
    requires_python: Option<String>,
    requires_dist: Option<Vec<String>>,
}

impl Requirements {
    fn stored(self, lines: &[String]) -> StoredRequirements {
        let place = |line: &String| lines.binary_search(line).ok();
        let requires_dist = self.requires_dist.map(|own| own.iter().filter_map(place).collect());
        StoredRequirements { requires_python: self.requires_python, requires_dist }
    }
}

impl StoredRequirements {
    fn restored(&self, lines: &[String]) -> Result<Requirements, Contradiction> {
        let line = |place: &usize| lines.get(*place).cloned().ok_or(Contradiction::NoLine { place: *place });
        let own = self.requires_dist.as_ref();
        let requires_dist = own.map(|own| own.iter().map(line).collect()).transpose()?;
        Ok(Requirements { requires_python: self.requires_python.clone(), requires_dist })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredArtefact {
    filename: String,
    origin: Origin,
    sha256: String,
    size: Option<u64>,
    provenance: Provenance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    yanked: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    /// Only where they are not those of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requirements: Option<StoredRequirements>,
    /// What its bytes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit: Option<StoredFacts>,
    /// The hash of the artefact that the facts stand at: the same but for the Python in the names of members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_as: Option<String>,
}

/// Facts without what the artefact says already, what no later step reads, and what is empty.
struct StoredFacts(Arc<WheelFacts>);

impl Serialize for StoredFacts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        stored_facts(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredFacts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WheelFacts::deserialize(deserializer).map(|facts| Self(Arc::new(facts)))
    }
}

/// A file of artefacts that contradicts itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Contradiction {
    #[error("{filename} has the facts of {sha256}, of which there are none")]
    NoFacts { filename: String, sha256: String },
    #[error("the facts of {filename} cannot be read: {message}")]
    Facts { filename: String, message: String },
    #[error("a requirement is line {place} of `requires_dist`, which has fewer")]
    NoLine { place: usize },
    #[error("there are no requirements for {version}, the version of {filename}")]
    NoRequirements { filename: String, version: String },
}

impl From<ArtefactFile> for StoredFile {
    fn from(file: ArtefactFile) -> Self {
        let requirements = common(&file);
        let homes = homes(&file);
        let lines: BTreeSet<&String> =
            file.artefacts.iter().flat_map(|artefact| artefact.requires_dist.iter().flatten()).collect();
        let lines: Vec<String> = lines.into_iter().cloned().collect();
        let artefacts = file
            .artefacts
            .into_iter()
            .map(|artefact| {
                let own = own_requirements(&artefact);
                let version = version_key(&artefact, &file.name);
                let of =
                    artefact.audit.as_ref().and_then(|audit| audit.of.as_ref()).unwrap_or(&artefact.sha256);
                let home = homes.get(of).filter(|home| **home != artefact.sha256).cloned();
                let audit = match home {
                    Some(_) => None,
                    None => artefact.facts().map(|facts| StoredFacts(Arc::new(facts.into_owned()))),
                };
                StoredArtefact {
                    requirements: (requirements.get(&version) != Some(&own)).then(|| own.stored(&lines)),
                    audit_as: home.filter(|_| artefact.audit.is_some()),
                    audit,
                    filename: artefact.filename,
                    origin: artefact.origin,
                    sha256: artefact.sha256,
                    size: artefact.size,
                    provenance: artefact.provenance,
                    yanked: artefact.yanked,
                    published: artefact.published,
                }
            })
            .collect();
        let requirements =
            requirements.into_iter().map(|(version, common)| (version, common.stored(&lines))).collect();
        Self {
            schema: SCHEMA.into(),
            name: file.name,
            requires_dist: lines,
            requirements,
            unreadable: file.unreadable,
            artefacts,
        }
    }
}

impl TryFrom<StoredFile> for ArtefactFile {
    type Error = Contradiction;

    fn try_from(file: StoredFile) -> Result<Self, Contradiction> {
        let StoredFile { name, requires_dist: lines, requirements, unreadable, mut artefacts, .. } = file;
        let mut read: BTreeMap<String, Arc<WheelFacts>> = BTreeMap::new();
        for artefact in &mut artefacts {
            if let Some(StoredFacts(facts)) = artefact.audit.take() {
                read.insert(artefact.sha256.clone(), Arc::new(restored(artefact, facts)?));
            }
        }
        let artefacts = artefacts.into_iter().map(|stored| {
            let home = stored.audit_as.as_ref().unwrap_or(&stored.sha256);
            let audit = match read.get(home) {
                Some(facts) => Some(Audit { facts: facts.clone(), of: stored.audit_as }),
                None if stored.audit_as.is_some() => {
                    let sha256 = home.clone();
                    return Err(Contradiction::NoFacts { filename: stored.filename, sha256 });
                }
                None => None,
            };
            let mut artefact = Artefact {
                size: stored.size,
                yanked: stored.yanked,
                published: stored.published,
                provenance: stored.provenance,
                audit,
                ..Artefact::declared(&stored.filename, stored.origin, &stored.sha256)
            };
            let version = version_key(&artefact, &name);
            let requirements = match &stored.requirements {
                Some(own) => own,
                None => requirements
                    .get(&version)
                    .ok_or(Contradiction::NoRequirements { filename: stored.filename, version })?,
            };
            let requirements = requirements.restored(&lines)?;
            artefact.requires_python = requirements.requires_python;
            artefact.requires_dist = requirements.requires_dist;
            Ok(artefact)
        });
        let artefacts = artefacts.collect::<Result<_, _>>()?;
        Ok(Self { name, artefacts, unreadable })
    }
}

/// Where the facts of each wheel that was read stand: at itself, or at one before it that has the same.
fn homes(file: &ArtefactFile) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    // By version, since other versions' are never the same.
    let mut read: BTreeMap<String, Vec<(&Artefact, &Arc<WheelFacts>)>> = BTreeMap::new();
    for artefact in &file.artefacts {
        let Some(Audit { facts, of: None }) = &artefact.audit else { continue };
        let before = read.entry(version_key(artefact, &file.name)).or_default();
        let same = before.iter().find(|(_, other)| {
            other.elf.len() == facts.elf.len()
                && stored_facts(&renamed(other, &artefact.filename)) == stored_facts(facts)
        });
        let home = same.map_or(artefact, |(home, _)| home);
        homes.insert(artefact.sha256.clone(), home.sha256.clone());
        if same.is_none() {
            before.push((artefact, facts));
        }
    }
    homes
}

fn own_requirements(artefact: &Artefact) -> Requirements {
    Requirements {
        requires_python: artefact.requires_python.clone(),
        requires_dist: artefact.requires_dist.clone(),
    }
}

/// What is the version for requirements: wheels of one public version may be built for several CUDA releases, which
/// their local version tells.
fn version_key(artefact: &Artefact, package: &str) -> String {
    artefact.version(package).map(|version| version.to_string()).unwrap_or_default()
}

/// The requirements that most artefacts of each version have; of equally many the first in order.
fn common(file: &ArtefactFile) -> BTreeMap<String, Requirements> {
    let mut counts: BTreeMap<String, BTreeMap<Requirements, usize>> = BTreeMap::new();
    for artefact in &file.artefacts {
        let of_version = counts.entry(version_key(artefact, &file.name)).or_default();
        *of_version.entry(own_requirements(artefact)).or_default() += 1;
    }
    let most = |counts: BTreeMap<Requirements, usize>| {
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(requirements, _)| requirements)
    };
    counts.into_iter().filter_map(|(version, counts)| Some((version, most(counts)?))).collect()
}

/// Facts as they are stored: without what the artefact says already, what no later step reads, and what is empty.
pub fn stored_facts(facts: &WheelFacts) -> Value {
    const SAID: [&str; 14] = [
        "filename",
        "form",
        "sha256",
        "declared_sha256",
        "size",
        "name",
        "version",
        "build",
        "tags",
        "requires_python",
        "requires_dist",
        "description",
        "data",
        "top_level",
    ];
    let mut value = serde_json::to_value(facts).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        for name in SAID {
            object.remove(name);
        }
    }
    if let Some(members) = value.get_mut("elf").and_then(Value::as_array_mut) {
        for member in members.iter_mut().filter_map(Value::as_object_mut) {
            // The floors of the wheel are concluded from the symbol versions; sizes differ from Python to Python.
            member.remove("size");
            member.remove("symbol_versions");
        }
    }
    prune(&mut value);
    value
}

/// Removes members of objects that are null, false or empty.
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(prune);
            object.retain(|_, value| match value {
                Value::Null | Value::Bool(false) => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(members) => !members.is_empty(),
                _ => true,
            });
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn restored(artefact: &StoredArtefact, facts: Arc<WheelFacts>) -> Result<WheelFacts, Contradiction> {
    let wheel: WheelName = artefact.filename.parse().map_err(|error: axle_wheel::WheelNameError| {
        Contradiction::Facts { filename: artefact.filename.clone(), message: error.to_string() }
    })?;
    Ok(WheelFacts {
        filename: artefact.filename.clone(),
        sha256: Some(artefact.sha256.clone()),
        size: artefact.size.unwrap_or_default(),
        name: Some(wheel.name().to_string()),
        version: Some(wheel.version().to_string()),
        ..Arc::unwrap_or_clone(facts)
    })
}
