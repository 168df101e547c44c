//! Policies: the knowledge about a package that conclusions from its facts need.

use std::collections::BTreeMap;

use axle_fatbin::Code;
use axle_types::ComputeCapability;

use crate::providers::Provider;

/// Knowledge about a package that the bytes of its wheels do not show. The default knows nothing: every member counts,
/// with all of its containers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The members that the target loads, where the wheel holds alternatives; `None` for all.
    pub loaded: Option<Vec<Pattern>>,
    /// How members count that do not count in full; the first pattern that matches counts.
    pub members: Vec<(Pattern, MemberRule)>,
    /// Members whose containers outside of the device sections are the package's own, and count.
    pub own_outside: Vec<Pattern>,
    /// The provider of each library, by soname.
    pub providers: BTreeMap<String, Provider>,
    /// How many of the standalone files of device code must run on a GPU. Only the package's own code determines which
    /// of them it loads; `None` if that is unknown.
    pub loose: Option<Measure>,
}

impl Policy {
    /// Whether the target loads the member at `path`.
    pub fn loads(&self, path: &str) -> bool {
        self.loaded.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(path)))
    }

    /// How the member at `path` counts, where it does not count in full.
    pub fn member(&self, path: &str) -> Option<&MemberRule> {
        self.members.iter().find(|(pattern, _)| pattern.matches(path)).map(|(_, rule)| rule)
    }

    /// Whether containers outside of the device sections count in the member at `path`.
    pub fn owns_outside(&self, path: &str) -> bool {
        self.own_outside.iter().any(|pattern| pattern.matches(path))
    }
}

/// How a member counts for coverage.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRule {
    /// How many of its containers must run on a GPU.
    pub measure: Measure,
    /// What it is for, where the package does without it on a GPU that it does not cover.
    pub feature: Option<String>,
    /// The oldest GPU that it is called on; on older ones it does not count.
    pub from: Option<ComputeCapability>,
    /// Code in it that does nothing.
    pub stubs: Vec<Code>,
}

impl From<Measure> for MemberRule {
    fn from(measure: Measure) -> Self {
        Self { measure, feature: None, from: None, stubs: Vec::new() }
    }
}

/// How many of a member's containers must run on a GPU, for the member to cover it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Each.
    All,
    /// One at least.
    Any,
    /// That share of them, from 0 to 1.
    Share(f64),
}

/// A pattern for paths of members: `*` matches any characters, including `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that `text` spells. Every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether the whole of `path` fits.
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = self.0.split('*');
        // Without an asterisk there is one part, else the first and the last are bound to the ends.
        let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let matches = |pattern: &str, path: &str| Pattern::new(pattern).matches(path);
        assert!(matches("a/b.so", "a/b.so"));
        assert!(!matches("a/b.so", "a/b.so.1"));
        assert!(matches("*", "") && matches("*", "a/b"));
        assert!(matches("a/*_cuda130.so", "a/lib_cuda130.so"));
        assert!(!matches("a/*_cuda130.so", "a/lib_cuda131.so"));
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("*b*d*", "abcde"));
        assert!(!matches("*d*b*", "abcde"));
        assert!(matches("sm90/*.so*", "sm90/x/y.so.1"));
    }
}
