//! PEP 440 specifiers as comparisons of plain release numbers, which Nix can do.

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};

/// The comparisons that a version of plain numbers must all pass to satisfy the specifiers: pairs of an operator
/// (`==`, `!=`, `<`, `<=`, `>`, `>=`, or `!=*`: does not begin with) and a release.
///
/// Pre-, post- and development releases, local versions and epochs never are plain numbers, so an operand that is one
/// is moved to the release next to it.
pub fn comparisons(specifiers: &VersionSpecifiers) -> Vec<(String, String)> {
    let mut comparisons: Vec<_> = specifiers.iter().flat_map(comparison).collect();
    comparisons.sort();
    comparisons.dedup();
    comparisons
}

fn comparison(specifier: &VersionSpecifier) -> Vec<(String, String)> {
    let version = specifier.version();
    let release = version.release();
    // Where a plain number stands to the operand, when it has the operand's release.
    let before = version.any_prerelease();
    let after = version.post().is_some() && !before;
    let one = |operator: &str| vec![(operator.to_owned(), text(release))];
    // No plain number equals an operand that is none.
    let plain = !before && !after && !version.is_local();
    let impossible = || vec![("<".to_owned(), "0".to_owned())];
    if version.epoch() != 0 {
        return match specifier.operator() {
            Operator::NotEqual | Operator::NotEqualStar | Operator::LessThan | Operator::LessThanEqual => {
                Vec::new()
            }
            _ => impossible(),
        };
    }
    match specifier.operator() {
        Operator::Equal | Operator::ExactEqual if plain => one("=="),
        Operator::Equal | Operator::ExactEqual => impossible(),
        Operator::NotEqual if plain => one("!="),
        Operator::NotEqual => Vec::new(),
        Operator::LessThan if after => one("<="),
        Operator::LessThan => one("<"),
        Operator::LessThanEqual if before => one("<"),
        Operator::LessThanEqual => one("<="),
        Operator::GreaterThan if before => one(">="),
        Operator::GreaterThan => one(">"),
        Operator::GreaterThanEqual if after => one(">"),
        Operator::GreaterThanEqual => one(">="),
        Operator::EqualStar => between(release, release, after),
        Operator::NotEqualStar => one("!=*"),
        Operator::TildeEqual => between(release, &release[..release.len().saturating_sub(1)], after),
    }
}

/// From a release on, up to the next one of a prefix.
fn between(from: &[u64], prefix: &[u64], after: bool) -> Vec<(String, String)> {
    let mut next = prefix.to_vec();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    vec![(if after { ">" } else { ">=" }.to_owned(), text(from)), ("<".to_owned(), text(&next))]
}

fn text(release: &[u64]) -> String {
    Version::new(release).to_string()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use proptest::prelude::*;

    use super::*;
    use crate::specifiers::satisfies;

    fn holds(version: &Version, (operator, operand): &(String, String)) -> bool {
        let operand = Version::from_str(operand).unwrap();
        match operator.as_str() {
            "==" => *version == operand,
            "!=" => *version != operand,
            "<" => *version < operand,
            "<=" => *version <= operand,
            ">" => *version > operand,
            ">=" => *version >= operand,
            "!=*" => {
                let padded = version.release().iter().copied().chain(std::iter::repeat(0));
                !padded.zip(operand.release()).all(|(left, right)| left == *right)
            }
            other => panic!("{other}"),
        }
    }

    proptest! {
        #[test]
        fn agree_with_pep_440(
            operator in prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "~="]),
            operand in prop::collection::vec(0_u64..4, 2..4),
            suffix in prop::sample::select(vec!["", "", "", "a1", "rc2", ".post1", ".dev3", ".*"]),
            version in prop::collection::vec(0_u64..4, 1..5),
        ) {
            prop_assume!(suffix != ".*" || operator == "==" || operator == "!=");
            let specifiers = VersionSpecifiers::from_str(&format!("{operator}{}{suffix}", text(&operand))).unwrap();
            let version = Version::new(version);
            let all = comparisons(&specifiers).iter().all(|comparison| holds(&version, comparison));
            prop_assert_eq!(all, satisfies(&specifiers, &version), "{} {}: {:?}", version, specifiers, comparisons(&specifiers));
        }
    }
}
