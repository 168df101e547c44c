//! Storage format of artefacts: values that many of them share are stored once.

use axle_types::Sha256;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axle_audit::{ContainerGroup, DeviceCode, ElfMember, WheelFacts};
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
    /// What ELF members say: those of one version say much that those of the others do.
    #[serde(default, skip_serializing_if = "Shared::is_empty", serialize_with = "pruned")]
    shared: Shared,
    artefacts: Vec<StoredArtefact>,
}

/// Says once which lists of an ELF member are shared.
macro_rules! shared_lists {
    ($($name:ident: $item:ty),* $(,)?) => {
        /// Lists that ELF members have in common, each in the order of the first member that has it.
        #[derive(Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Shared {
            $($name: Vec<Vec<$item>>,)*
        }

        /// Where the lists of one ELF member stand in [`Shared`]; nowhere where they are empty.
        #[derive(Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Places {
            $(#[serde(skip_serializing_if = "Option::is_none")] $name: Option<usize>,)*
        }

        impl Shared {
            /// Takes the lists out of a member.
            fn take(&mut self, member: &mut ElfMember) -> Places {
                Places { $($name: take(&mut self.$name, &mut member.$name),)* }
            }

            /// Puts the lists back into a member.
            fn put(&self, places: &Places, member: &mut ElfMember) -> Result<(), Contradiction> {
                $(put(&self.$name, places.$name, &mut member.$name, stringify!($name))?;)*
                Ok(())
            }
        }
    };
}

shared_lists! {
    needed: String,
    rpath: String,
    runpath: String,
    dlopen: String,
    device_code: DeviceCode,
    container_groups: ContainerGroup,
}

impl Shared {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn take<T: PartialEq>(lists: &mut Vec<Vec<T>>, own: &mut Vec<T>) -> Option<usize> {
    let own = std::mem::take(own);
    if own.is_empty() {
        return None;
    }
    let place = lists.iter().position(|list| *list == own);
    Some(place.unwrap_or_else(|| {
        lists.push(own);
        lists.len() - 1
    }))
}

fn put<T: Clone>(
    lists: &[Vec<T>],
    place: Option<usize>,
    own: &mut Vec<T>,
    name: &'static str,
) -> Result<(), Contradiction> {
    let Some(place) = place else { return Ok(()) };
    own.clone_from(lists.get(place).ok_or(Contradiction::NoList { name, place })?);
    Ok(())
}

/// Writes a value without what is null, false or empty.
fn pruned<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
    prune(&mut value);
    value.serialize(serializer)
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
    sha256: Sha256,
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
    /// Of each ELF member of `audit`, where its lists are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared: Vec<Places>,
    /// The hash of the artefact that the facts stand at: the same but for the Python in the names of members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_as: Option<Sha256>,
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
    #[error("{filename} refers to the facts of {sha256}, which do not exist")]
    NoFacts { filename: String, sha256: Sha256 },
    #[error("the facts of {filename} are not valid: {message}")]
    Facts { filename: String, message: String },
    #[error("a member refers to list {place} of `{name}` in `shared`, which has fewer lists")]
    NoList { name: &'static str, place: usize },
    #[error("{filename} has lists in `shared` for {told} members, but has {members} members")]
    Members { filename: String, told: usize, members: usize },
    #[error("a requirement refers to line {place} of `requires_dist`, which has fewer lines")]
    NoLine { place: usize },
    #[error("the requirements of version {version}, which {filename} has, are missing")]
    NoRequirements { filename: String, version: String },
}

impl From<ArtefactFile> for StoredFile {
    fn from(file: ArtefactFile) -> Self {
        let requirements = common(&file);
        let homes = homes(&file);
        let lines: BTreeSet<&String> =
            file.artefacts.iter().flat_map(|artefact| artefact.requires_dist.iter().flatten()).collect();
        let lines: Vec<String> = lines.into_iter().cloned().collect();
        let mut shared = Shared::default();
        // A file that is published in several places stands there with its facts once.
        let mut told = BTreeSet::new();
        let artefacts = file
            .artefacts
            .into_iter()
            .map(|artefact| {
                let own = own_requirements(&artefact);
                let version = version_key(&artefact, &file.name);
                let of = artefact.audit.as_ref().and_then(|audit| audit.of).unwrap_or(artefact.sha256);
                let home = homes.get(&of).filter(|home| **home != artefact.sha256).copied();
                let tells = home.is_none() && artefact.audit.is_some() && told.insert(artefact.sha256);
                let mut facts = if tells { artefact.facts().map(Cow::into_owned) } else { None };
                let members = facts.iter_mut().flat_map(|facts| &mut facts.elf);
                StoredArtefact {
                    shared: members.map(|member| shared.take(member)).collect(),
                    audit: facts.map(|facts| StoredFacts(Arc::new(facts))),
                    requirements: (requirements.get(&version) != Some(&own)).then(|| own.stored(&lines)),
                    audit_as: home.filter(|_| artefact.audit.is_some()),
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
            shared,
            artefacts,
        }
    }
}

impl TryFrom<StoredFile> for ArtefactFile {
    type Error = Contradiction;

    fn try_from(file: StoredFile) -> Result<Self, Contradiction> {
        let StoredFile {
            name, requires_dist: lines, requirements, unreadable, shared, mut artefacts, ..
        } = file;
        let mut read: BTreeMap<Sha256, Arc<WheelFacts>> = BTreeMap::new();
        for artefact in &mut artefacts {
            if let Some(StoredFacts(facts)) = artefact.audit.take() {
                read.insert(artefact.sha256, Arc::new(restored(artefact, facts, &shared)?));
            }
        }
        // Wheels of a version spell it alike, and to parse each of their names takes longer than to read the file.
        let mut versions: BTreeMap<String, String> = BTreeMap::new();
        let artefacts = artefacts.into_iter().map(|stored| {
            let home = stored.audit_as.unwrap_or(stored.sha256);
            let audit = match read.get(&home) {
                Some(facts) => Some(Audit { facts: facts.clone(), of: stored.audit_as }),
                None if stored.audit_as.is_some() => {
                    let sha256 = home;
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
                ..Artefact::declared(&stored.filename, stored.origin, stored.sha256)
            };
            let requirements = if let Some(own) = &stored.requirements {
                own
            } else {
                let spelled = stored.filename.split('-').nth(1).filter(|_| artefact.is_wheel());
                let read = || version_key(&artefact, &name);
                let version = match spelled {
                    Some(spelled) => versions.entry(spelled.to_owned()).or_insert_with(read).clone(),
                    None => read(),
                };
                requirements
                    .get(&version)
                    .ok_or(Contradiction::NoRequirements { filename: stored.filename, version })?
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
fn homes(file: &ArtefactFile) -> BTreeMap<Sha256, Sha256> {
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
        homes.insert(artefact.sha256, home.sha256);
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
    let mut value = serde_json::to_value(facts)
        .unwrap_or_else(|error| unreachable!("facts are made of text, numbers and lists by name: {error}"));
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

fn restored(
    artefact: &StoredArtefact,
    facts: Arc<WheelFacts>,
    shared: &Shared,
) -> Result<WheelFacts, Contradiction> {
    let mut facts = Arc::unwrap_or_clone(facts);
    let (told, members) = (artefact.shared.len(), facts.elf.len());
    if told != members {
        return Err(Contradiction::Members { filename: artefact.filename.clone(), told, members });
    }
    for (places, member) in artefact.shared.iter().zip(&mut facts.elf) {
        shared.put(places, member)?;
    }
    let wheel: WheelName = artefact.filename.parse().map_err(|error: axle_wheel::WheelNameError| {
        Contradiction::Facts { filename: artefact.filename.clone(), message: error.to_string() }
    })?;
    Ok(WheelFacts {
        filename: artefact.filename.clone(),
        sha256: Some(artefact.sha256),
        size: artefact.size.ok_or_else(|| Contradiction::Facts {
            filename: artefact.filename.clone(),
            message: "its bytes were read, but its size is missing".to_owned(),
        })?,
        name: Some(wheel.name().to_string()),
        version: Some(wheel.version().to_string()),
        ..facts
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEEL: &str = "made-1.0-cp312-cp312-manylinux_2_28_x86_64.whl";

    /// A package of two versions, each with two libraries that need the same.
    fn file() -> ArtefactFile {
        let member = |path: &str| {
            serde_json::json!({
                "path": path,
                "machine": "x86_64",
                "needed": ["libtorch.so", "libc.so.6"],
                "runpath": ["$ORIGIN"],
                "device_code": [{
                    "section": ".nv_fatbin", "arch": "sm_90", "kind": "sass", "compression": "none",
                    "toolkit": null, "count": 2,
                }],
            })
        };
        let elf = serde_json::json!({ "elf": [member("made/a.so"), member("made/b.so")] });
        let artefact = |version: &str, sha256: Sha256| {
            let mut facts: WheelFacts = serde_json::from_value(elf.clone()).unwrap();
            let filename = WHEEL.replace("1.0", version);
            facts.filename.clone_from(&filename);
            facts.sha256 = Some(sha256);
            facts.size = 1000;
            facts.name = Some("made".into());
            facts.version = Some(version.to_owned());
            Artefact {
                audit: Some(Audit::own(facts)),
                provenance: Provenance::Audited,
                size: Some(1000),
                ..Artefact::declared(&filename, Origin::Pypi, sha256)
            }
        };
        ArtefactFile::new("made", vec![artefact("1.0", Sha256([1; 32])), artefact("2.0", Sha256([2; 32]))])
    }

    #[test]
    fn what_members_have_in_common_stands_once() {
        let file = file();
        let stored = serde_json::to_value(&file).unwrap();
        assert_eq!(stored["shared"]["needed"], serde_json::json!([["libtorch.so", "libc.so.6"]]));
        let members = stored["artefacts"][1]["audit"]["elf"].as_array().unwrap();
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|member| member.get("needed").is_none()));
        assert_eq!(serde_json::from_value::<ArtefactFile>(stored).unwrap(), file);
    }

    #[test]
    fn a_file_in_two_places_has_its_facts_once() {
        let mut file = file();
        let elsewhere = Artefact {
            origin: Origin::Url(format!("https://example.org/{WHEEL}")),
            ..file.artefacts[0].clone()
        };
        file.artefacts.insert(1, elsewhere);
        let stored = serde_json::to_value(&file).unwrap();
        let told = |place: usize| stored["artefacts"][place].get("audit").is_some();
        assert_eq!([0, 1, 2].map(told), [true, false, true]);
        assert_eq!(serde_json::from_value::<ArtefactFile>(stored).unwrap(), file);
    }

    #[test]
    fn lists_that_are_not_there_are_told() {
        let stored = serde_json::to_value(file()).unwrap();
        let told = |change: fn(&mut Value)| {
            let mut changed = stored.clone();
            change(&mut changed);
            serde_json::from_value::<ArtefactFile>(changed).unwrap_err().to_string()
        };
        assert_eq!(
            told(|file| file["artefacts"][0]["shared"][1]["runpath"] = 1.into()),
            "a member refers to list 1 of `runpath` in `shared`, which has fewer lists"
        );
        assert_eq!(
            told(|file| file["artefacts"][1]["shared"] = serde_json::json!([])),
            format!("{} has lists in `shared` for 0 members, but has 2 members", WHEEL.replace("1.0", "2.0"))
        );
    }
}
