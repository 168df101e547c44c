//! Reading and writing rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Rule;

impl Rule {
    /// Whether `axle audit` reports it, as a finding about a wheel (`AX1xx`). The others are verdicts on an
    /// environment, which `--allow` turns into warnings.
    pub fn is_finding(self) -> bool {
        self.code().starts_with("AX1")
    }
}

/// A text that is neither the code nor the name of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not a rule: rules have codes like AX201 or names like gcc-too-new; docs/rules.md lists them"
)]
pub struct RuleError {
    text: String,
}

/// Accepts a code in any case (`AX201`, `ax201`), or a name (`gcc-too-new`).
impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let named = |rule: &&Self| rule.code().eq_ignore_ascii_case(text) || rule.name() == text;
        Self::ALL.iter().find(named).copied().ok_or_else(|| RuleError { text: text.to_owned() })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_read_back() {
        let codes: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!((codes.len(), names.len()), (Rule::ALL.len(), Rule::ALL.len()));
        for rule in Rule::ALL {
            assert_eq!(rule.code().parse(), Ok(*rule));
            assert_eq!(rule.code().to_lowercase().parse(), Ok(*rule));
            assert_eq!(rule.name().parse(), Ok(*rule));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["AX999", "", "AX2010", "GCC-too-new", " AX201"] {
            let message = format!(
                "'{text}' is not a rule: rules have codes like AX201 or names like gcc-too-new; docs/rules.md lists \
                 them"
            );
            assert_eq!(text.parse::<Rule>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn json_is_the_code() {
        for rule in Rule::ALL {
            let json = serde_json::to_value(rule).unwrap();
            assert_eq!(json, rule.code());
            assert_eq!(serde_json::from_value::<Rule>(json).unwrap(), *rule);
        }
        let error = serde_json::from_str::<Rule>("\"AX999\"").unwrap_err().to_string();
        assert!(error.starts_with("'AX999' is not a rule"), "{error}");
        assert_eq!(format!("{:>7}", Rule::GccTooNew), "  AX201");
    }

    #[test]
    fn rules_are_ordered_by_code() {
        assert!(Rule::ALL.is_sorted());
        assert!(Rule::ALL.is_sorted_by_key(|rule| rule.code()));
        assert!(Rule::ALL.is_sorted_by_key(|rule| !rule.is_finding()));
    }
}
