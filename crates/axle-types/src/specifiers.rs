//! Version specifiers (PEP 440): whether a version satisfies them, and which one they pin.

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};

use crate::CudaTarget;

/// Whether a version satisfies specifiers, a pre-release as well as a release.
pub fn satisfies(specifiers: &VersionSpecifiers, version: &Version) -> bool {
    specifiers.iter().all(|specifier| match specifier.operator() {
        Operator::EqualStar => has_prefix(specifier, version),
        Operator::NotEqualStar => !has_prefix(specifier, version),
        _ => specifier.contains(version),
    })
}

/// Whether a version is one that a user asks for, for a CUDA target. The build that the package index has names no CUDA in
/// its version, so 2.9.0 for CUDA 12.8 is what `pip freeze` calls `==2.9.0+cu128` elsewhere; a version with another local part
/// than the one asked for is not.
pub fn is_asked(specifiers: &VersionSpecifiers, version: &Version, cuda: CudaTarget) -> bool {
    let is_build_asked =
        || format!("{version}+{}", cuda.tag()).parse().is_ok_and(|build| satisfies(specifiers, &build));
    satisfies(specifiers, version) || version.local().is_empty() && is_build_asked()
}

/// Specifiers as a requirement spells them, without spaces.
pub fn compact(specifiers: &VersionSpecifiers) -> String {
    specifiers.to_string().replace(' ', "")
}

/// What an exact specifier names: a version (`==2.9.1`, `===2.9.1`), or all that begin with it (`==2.9.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin<'a> {
    /// The version, or the prefix.
    pub version: &'a Version,
    /// Whether further numbers may follow.
    pub is_prefix: bool,
}

/// The first exact specifier among others.
pub fn pin(specifiers: &VersionSpecifiers) -> Option<Pin<'_>> {
    specifiers.iter().find_map(|specifier| {
        let is_prefix = match specifier.operator() {
            Operator::Equal | Operator::ExactEqual => false,
            Operator::EqualStar => true,
            _ => return None,
        };
        Some(Pin { version: specifier.version(), is_prefix })
    })
}

/// Whether an exact specifier is all there is.
pub fn is_pin(specifiers: &VersionSpecifiers) -> bool {
    specifiers.len() == 1 && pin(specifiers).is_some()
}

/// Whether a version begins with the one before `.*`. A short version is filled with zeros (PEP 440), which
/// `pep440_rs` forgets: it takes `2` for a `2.1.*`.
fn has_prefix(specifier: &VersionSpecifier, version: &Version) -> bool {
    let prefix = specifier.version();
    let release = version.release().iter().chain(std::iter::repeat(&0));
    prefix.epoch() == version.epoch() && prefix.release().iter().zip(release).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(specifiers: &str, version: &str) -> bool {
        satisfies(&specifiers.parse().unwrap(), &version.parse().unwrap())
    }

    #[test]
    fn a_prefix_is_compared_with_all_its_numbers() {
        assert!(holds("==2.0.*", "2") && holds("==2.*", "2.1") && holds("==2.1.*", "2.1rc1"));
        assert!(!holds("==2.1.*", "2") && !holds("==2.1.*", "2.10") && !holds("==1!2.*", "2.1"));
        assert!(holds("!=2.1.*", "2") && !holds("!=2.0.*", "2"));
    }

    #[test]
    fn pins_are_exact_specifiers() {
        let pinned = |text: &str| {
            let specifiers: VersionSpecifiers = text.parse().unwrap();
            let pin = pin(&specifiers)
                .map(|pin| format!("{}{}", pin.version, if pin.is_prefix { ".*" } else { "" }));
            (pin, is_pin(&specifiers))
        };
        assert_eq!(pinned("==2.9.1"), (Some("2.9.1".to_owned()), true));
        assert_eq!(pinned("===2.9.1"), (Some("2.9.1".to_owned()), true));
        assert_eq!(pinned("==2.9.*"), (Some("2.9.*".to_owned()), true));
        assert_eq!(pinned(">=2,==2.9.1"), (Some("2.9.1".to_owned()), false));
        assert_eq!(pinned(">=2.9,<3,!=2.9.1"), (None, false));
    }

    #[test]
    fn a_local_version_satisfies_what_its_public_one_does() {
        assert!(holds("==2.1", "2.1+cu128") && holds("<=2.1", "2.1+cu128") && holds("~=2.0", "2.1+cu128"));
        assert!(
            !holds("==2.1+cpu", "2.1+cu128") && !holds(">2.1", "2.1+cu128") && !holds("===2.1", "2.1+cu128")
        );
    }

    #[test]
    fn a_version_without_a_local_part_is_the_build_for_the_target() {
        let asked = |specifiers: &str, version: &str, cuda: &str| {
            is_asked(&specifiers.parse().unwrap(), &version.parse().unwrap(), cuda.parse().unwrap())
        };
        assert!(asked("==2.9.0+cu128", "2.9.0", "12.8") && asked("===2.9.0+cpu,>=2", "2.9.0", "cpu"));
        assert!(asked("==2.9.0+cu128", "2.9.0+cu128", "12.8") && asked("==2.9.0", "2.9.0+cu126", "12.8"));
        assert!(asked("==2.9.0+cu128", "2.9.0+cu128", "12.9"), "what has the very name is it");
        assert!(!asked("==2.9.0+cu126", "2.9.0", "12.8") && !asked("==2.9.0+cu128", "2.9.1", "12.8"));
        assert!(
            !asked("==2.9.0+cu128", "2.9.0+cu126", "12.8") && !asked("==2.9.0+cu128,<2.9", "2.9.0", "12.8")
        );
        assert!(!asked("==2.9.0+cu12", "2.9.0", "12.8") && !asked("==2.9.0+git", "2.9.0", "12.8"));
    }

    #[test]
    fn a_bound_is_no_door_for_its_own_pre_releases() {
        assert!(!holds("<2.1", "2.1rc1") && holds("<2.1", "2.0rc1") && holds(">=2.1rc1", "2.1rc2"));
        assert!(!holds(">2.1", "2.1.post1") && holds(">=2.1", "2.1.post1"));
    }
}
