//! Platform tags (PEP 600): whether a wheel's tag matches what its members need from the machine.
//!
//! The policies are those of `auditwheel`: for each manylinux tag, the libraries that a system has, and their newest
//! symbol versions (PEP 600 and its predecessors).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::facts::{ElfMember, WheelFacts};

/// What the platform tag of a wheel should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformTag {
    /// The manylinux tags of the wheel's name; none where it is for another system, or any.
    pub claimed: Vec<String>,
    /// The oldest manylinux tag whose symbol versions are sufficient for all members, or `linux_…` if there is none;
    /// null if the wheel has no members for glibc.
    pub should_be: Option<String>,
    /// Whether the oldest claimed tag is not older than that; null if either is missing.
    pub honest: Option<bool>,
    /// What keeps it from an older tag.
    pub because: Vec<WantedVersion>,
    /// Unbundled libraries that not every machine of that tag has, so packages must provide them. `auditwheel` would
    /// bundle them, or tag the wheel `linux_…`.
    pub beyond: Vec<String>,
}

/// A symbol version that a member needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WantedVersion {
    /// The member's path.
    pub member: String,
    /// The library that has the symbols.
    pub library: String,
    /// The version.
    pub version: String,
}

/// One manylinux tag.
pub(crate) struct Tag {
    /// `manylinux_2_17`, without the processor.
    pub name: &'static str,
    /// `manylinux2014`.
    alias: Option<&'static str>,
    /// The glibc that it stands for.
    pub glibc: (u16, u16),
    /// By processor and name of version: the newest, and those that are no numbers.
    versions: BTreeMap<&'static str, BTreeMap<&'static str, (Numbers, Vec<&'static str>)>>,
    libraries: Vec<&'static str>,
}

type Numbers = Vec<u32>;

/// The tags, oldest first.
pub(crate) static TAGS: LazyLock<Vec<Tag>> =
    LazyLock::new(|| include_str!("../data/manylinux.txt").split("\n[").filter_map(read_tag).collect());

/// A section of the table, from behind the bracket of its heading on.
fn read_tag(section: &'static str) -> Option<Tag> {
    let (names, rows) = section.split_once("]\n")?;
    let mut names = names.split(' ');
    let name = names.next()?;
    let mut tag = Tag {
        name,
        alias: names.next(),
        glibc: glibc(name)?,
        versions: BTreeMap::new(),
        libraries: Vec::new(),
    };
    for (key, value) in rows.lines().filter_map(|line| line.split_once(": ")) {
        if key == "libraries" {
            tag.libraries = value.split(' ').collect();
            continue;
        }
        let versions = value.split(", ").filter_map(|part| {
            let mut words = part.split(' ');
            Some((words.next()?, (numbers(words.next()?)?, words.collect())))
        });
        tag.versions.insert(key, versions.collect());
    }
    Some(tag)
}

/// `2.17` of `manylinux_2_17` and of `manylinux_2_17_x86_64`.
fn glibc(tag: &str) -> Option<(u16, u16)> {
    let mut parts = tag.strip_prefix("manylinux_")?.split('_');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn numbers(text: &str) -> Option<Numbers> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

impl Tag {
    /// Whether a machine of that tag has the version, like `GLIBC_2.17`. Versions of names that the table
    /// doesn't know are not its business.
    pub fn has(&self, machine: &str, version: &str) -> bool {
        let Some((name, rest)) = version.split_once('_') else { return true };
        match self.versions.get(machine).and_then(|versions| versions.get(name)) {
            None => true,
            Some((newest, others)) => match numbers(rest) {
                Some(numbers) => numbers <= *newest,
                None => others.contains(&rest),
            },
        }
    }

    fn is_for(&self, machine: &str) -> bool {
        self.versions.contains_key(machine)
    }
}

/// The manylinux tags of a wheel's name, each with its glibc and processor; oldest first.
pub(crate) fn claimed(facts: &WheelFacts) -> Vec<(String, (u16, u16), String)> {
    let platforms: BTreeSet<&str> = facts.tags.iter().filter_map(|tag| tag.rsplit('-').next()).collect();
    let mut claimed: Vec<_> = platforms
        .into_iter()
        .filter_map(|platform| {
            let alias = TAGS.iter().find_map(|tag| {
                let rest = platform.strip_prefix(tag.alias?)?.strip_prefix('_')?;
                Some((tag.glibc, rest))
            });
            let spelled = || Some((glibc(platform)?, platform.splitn(4, '_').nth(3)?));
            let (glibc, machine) = alias.or_else(spelled)?;
            Some((platform.to_owned(), glibc, machine.to_owned()))
        })
        .collect();
    claimed.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    claimed
}

/// The tag of that glibc, or the newest one that is older.
pub(crate) fn tag_of(glibc: (u16, u16)) -> Option<&'static Tag> {
    TAGS.iter().rev().find(|tag| tag.glibc <= glibc)
}

/// How tags spell a processor that ELF files spell otherwise.
pub(crate) fn tag_machine(machine: &str) -> &str {
    if machine == "arm" { "armv7l" } else { machine }
}

/// The symbol versions that a member wants of libraries which the wheel does not hold itself.
pub(crate) fn wanted<'a>(
    member: &'a ElfMember,
    held: &'a BTreeSet<&str>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let outside = member.symbol_versions.iter().filter(|(library, _)| !held.contains(library.as_str()));
    outside.flat_map(|(library, versions)| {
        versions.iter().map(move |version| (library.as_str(), version.as_str()))
    })
}

/// Whether a member is linked with musl, which is no glibc of any age.
pub(crate) fn wants_musl(member: &ElfMember) -> bool {
    member.needed.iter().any(|name| name.starts_with("libc.musl-"))
}

/// File names and sonames of what the wheel holds.
pub(crate) fn held(facts: &WheelFacts) -> BTreeSet<&str> {
    facts
        .elf
        .iter()
        .flat_map(|member| [member.path.rsplit('/').next(), member.soname.as_deref()])
        .flatten()
        .collect()
}

/// Computes the platform tag that a wheel should have, and whether its own tag is honest.
pub fn platform_tag(facts: &WheelFacts) -> PlatformTag {
    let claimed = claimed(facts);
    let held = held(facts);
    let machine = claimed.first().map_or_else(
        || facts.elf.iter().map(|member| tag_machine(&member.machine)).find(|machine| is_known(machine)),
        |(.., machine)| Some(machine.as_str()),
    );
    let names = || claimed.iter().map(|(name, ..)| name.clone()).collect();
    let Some(machine) = machine.filter(|_| !facts.elf.iter().any(wants_musl)) else {
        return PlatformTag { claimed: names(), ..PlatformTag::default() };
    };
    let members: Vec<&ElfMember> =
        facts.elf.iter().filter(|member| tag_machine(&member.machine) == machine).collect();
    if members.is_empty() {
        return PlatformTag { claimed: names(), ..PlatformTag::default() };
    }

    let tags: Vec<&Tag> = TAGS.iter().filter(|tag| tag.is_for(machine)).collect();
    let suffices = |tag: &Tag| {
        members.iter().all(|member| wanted(member, &held).all(|(_, version)| tag.has(machine, version)))
    };
    let found = tags.iter().position(|tag| suffices(tag));
    let tag = found.and_then(|at| tags.get(at)).copied();
    let older = found.map_or(tags.last(), |at| at.checked_sub(1).and_then(|at| tags.get(at)));
    let mut because = BTreeSet::new();
    for member in older.into_iter().flat_map(|_| &members) {
        for (library, version) in wanted(member, &held) {
            if older.is_some_and(|tag| !tag.has(machine, version)) {
                let (library, version) = (library.to_owned(), version.to_owned());
                because.insert(WantedVersion { member: member.path.clone(), library, version });
            }
        }
    }
    let libraries = tag.or(tags.last().copied()).map(|tag| tag.libraries.as_slice()).unwrap_or_default();
    let is_system = |name: &str| libraries.contains(&name) || name.starts_with("ld-linux");
    PlatformTag {
        should_be: Some(format!("{}_{machine}", tag.map_or("linux", |tag| tag.name))),
        honest: claimed.first().map(|(_, glibc, _)| tag.is_some_and(|tag| tag.glibc <= *glibc)),
        because: because.into_iter().collect(),
        beyond: facts.external.iter().filter(|name| !is_system(name)).cloned().collect(),
        claimed: names(),
    }
}

fn is_known(machine: &str) -> bool {
    TAGS.iter().any(|tag| tag.is_for(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(tags: &[&str], versions: &[&str]) -> WheelFacts {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let member = ElfMember {
            path: "x/_C.so".to_owned(),
            machine: "x86_64".to_owned(),
            symbol_versions: [("libc.so.6".to_owned(), owned(versions))].into(),
            ..ElfMember::default()
        };
        let external = owned(&["ld-linux-x86-64.so.2", "libc.so.6", "libcuda.so.1"]);
        WheelFacts { tags: owned(tags), elf: vec![member], external, ..WheelFacts::default() }
    }

    #[test]
    fn the_table_is_read_whole() {
        assert_eq!(TAGS.len(), 16);
        assert!(TAGS.is_sorted_by_key(|tag| tag.glibc));
        let tag = tag_of((2, 17)).unwrap();
        assert_eq!((tag.name, tag.alias), ("manylinux_2_17", Some("manylinux2014")));
        assert!(tag.has("x86_64", "GLIBC_2.17") && !tag.has("x86_64", "GLIBC_2.18"));
        assert!(tag.has("aarch64", "GLIBC_2.18") && tag.has("x86_64", "CXXABI_TM_1"));
        assert!(!tag.has("x86_64", "GLIBC_PRIVATE") && tag.has("x86_64", "libcudart.so.12"));
        assert!(!tag_of((2, 5)).unwrap().has("x86_64", "ZLIB_1.2.2.4"));
        assert_eq!(tag_of((2, 33)).unwrap().name, "manylinux_2_31");
    }

    #[test]
    fn an_honest_tag() {
        let told =
            platform_tag(&wheel(&["cp312-cp312-manylinux_2_28_x86_64"], &["GLIBC_2.2.5", "GLIBC_2.27"]));
        assert_eq!(told.should_be.as_deref(), Some("manylinux_2_27_x86_64"));
        assert_eq!(told.honest, Some(true));
        assert_eq!(told.beyond, ["libcuda.so.1"]);
        assert_eq!(told.because.len(), 1);
    }

    #[test]
    fn the_oldest_claim_counts() {
        let tags = ["cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux2014_x86_64"];
        let told = platform_tag(&wheel(&tags, &["GLIBC_2.27"]));
        assert_eq!(told.claimed, ["manylinux2014_x86_64", "manylinux_2_28_x86_64"]);
        assert_eq!(told.honest, Some(false));
    }

    #[test]
    fn what_no_tag_has_is_plain_linux() {
        let told = platform_tag(&wheel(&["cp312-cp312-linux_x86_64"], &["GLIBC_PRIVATE"]));
        assert_eq!((told.should_be.as_deref(), told.honest), (Some("linux_x86_64"), None));
        assert_eq!(platform_tag(&WheelFacts::default()), PlatformTag::default());
    }
}
