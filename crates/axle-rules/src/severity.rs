//! Severities, from harmless to fatal.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The severity of a finding or a verdict, in ascending order: the maximum of several is the worst of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The rule is satisfied. Findings of `axle audit` never have this severity.
    Ok,
    /// Worth knowing; nothing is wrong.
    Note,
    /// It may fail on some machine, or a declaration is inaccurate.
    Warning,
    /// It fails, or a file is not what its metadata declares. Commands exit with status 1.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_the_same_word() {
        for (severity, word) in [
            (Severity::Ok, "ok"),
            (Severity::Note, "note"),
            (Severity::Warning, "warning"),
            (Severity::Error, "error"),
        ] {
            assert_eq!(severity.to_string(), word);
            assert_eq!(serde_json::to_value(severity).unwrap(), word);
            assert_eq!(serde_json::from_value::<Severity>(word.into()).unwrap(), severity);
        }
        assert_eq!(format!("{:<8}|", Severity::Error), "error   |");
    }

    #[test]
    fn the_worst_is_the_maximum() {
        let worst = [Severity::Note, Severity::Error, Severity::Ok, Severity::Warning].into_iter().max();
        assert_eq!(worst, Some(Severity::Error));
    }
}
