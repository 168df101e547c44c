//! Verdicts: the result of checking one rule on an environment.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Rule, Source};

/// What a rule says of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// What is the case, as one sentence without a full stop.
    pub message: String,
    /// The fact that it rests on.
    pub fact: String,
    /// Where that was read.
    pub source: Source,
    /// What to do; `None` where nothing needs to be done.
    pub fix: Option<String>,
}

/// How bad a verdict is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rule holds.
    Ok,
    /// It holds, and there is something to know.
    Note,
    /// It may go wrong.
    Warning,
    /// It goes wrong.
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

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
