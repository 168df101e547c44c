//! Verdicts: the result of checking one rule on an environment.

use axle_rules::{Rule, Severity};
use serde::Serialize;

use crate::Source;

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
