//! glibc compatibility: whether the members of a wheel load with a glibc version.

use axle_types::Glibc;
use serde::{Deserialize, Serialize};

use crate::conclusions::newest_version;
use crate::facts::{ElfMember, WheelFacts};
use crate::findings::is_device_file;
use crate::platform::wants_musl;
use crate::stable_abi::version_prefix;

/// Whether a wheel loads with a glibc, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlibcCoverage {
    /// The glibc asked about: `2.35`.
    pub glibc: String,
    /// Whether every member loads with it.
    pub covered: bool,
    /// Members that load with it.
    pub content: u64,
    /// Members for the CPU.
    pub counted: u64,
    /// Members that need a newer glibc, or musl, by path.
    pub missing: Vec<String>,
}

/// Concludes whether the wheel loads with that glibc: no member needs a symbol version of a newer one, and none is
/// linked with musl.
pub fn glibc_coverage(facts: &WheelFacts, glibc: Glibc) -> GlibcCoverage {
    let loads = |member: &ElfMember| {
        let wanted = newest_version(std::slice::from_ref(member), "GLIBC_");
        let wanted = wanted.as_deref().and_then(version_prefix);
        !wants_musl(member) && wanted.is_none_or(|wanted| wanted <= (glibc.major(), glibc.minor()))
    };
    let members: Vec<&ElfMember> =
        facts.elf.iter().filter(|member| !is_device_file(&member.machine)).collect();
    let missing: Vec<String> =
        members.iter().filter(|member| !loads(member)).map(|member| member.path.clone()).collect();
    GlibcCoverage {
        glibc: glibc.to_string(),
        covered: missing.is_empty(),
        content: (members.len() - missing.len()) as u64,
        counted: members.len() as u64,
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(path: &str, needed: &str, versions: &[&str]) -> ElfMember {
        let versions = versions.iter().map(|version| (*version).to_owned()).collect();
        ElfMember {
            path: path.to_owned(),
            machine: "x86_64".to_owned(),
            needed: vec![needed.to_owned()],
            symbol_versions: [(needed.to_owned(), versions)].into(),
            ..ElfMember::default()
        }
    }

    #[test]
    fn every_member_must_load() {
        let elf = vec![
            member("a.so", "libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.28", "GLIBC_PRIVATE"]),
            member("b.so", "libc.so.6", &["GLIBC_2.2.5"]),
            member("c.so", "libc.musl-x86_64.so.1", &[]),
            ElfMember { machine: "cuda".to_owned(), ..member("d.cubin", "", &[]) },
        ];
        let told = |elf: &[ElfMember], glibc: Glibc| {
            let facts = WheelFacts { elf: elf.to_vec(), ..WheelFacts::default() };
            let GlibcCoverage { covered, content, counted, missing, .. } = glibc_coverage(&facts, glibc);
            (covered, content, counted, missing.join(" "))
        };
        assert_eq!(told(&elf, Glibc::new(2, 27)), (false, 1, 3, "a.so c.so".to_owned()));
        assert_eq!(told(&elf, Glibc::new(2, 28)), (false, 2, 3, "c.so".to_owned()));
        assert_eq!(told(&elf[..2], Glibc::new(2, 28)), (true, 2, 2, String::new()));
        assert_eq!(told(&elf[..2], Glibc::new(2, 2)), (false, 1, 2, "a.so".to_owned()));
        assert_eq!(told(&[], Glibc::new(2, 0)), (true, 0, 0, String::new()));
    }
}
