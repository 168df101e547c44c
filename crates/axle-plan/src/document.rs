//! JSON documents that the command line prints.

use serde::Serialize;

use crate::Plan;

/// A JSON document: the answer's own fields, and the problems.
#[derive(Debug, Serialize)]
pub struct Document<T> {
    /// The answer.
    #[serde(flatten)]
    pub answer: T,
    /// What could not be answered.
    pub errors: Vec<Problem>,
}

impl<T> Document<T> {
    /// An answer without problems.
    pub fn new(answer: T) -> Self {
        Self { answer, errors: Vec::new() }
    }
}

/// A plan with what is known of it besides what decides it.
#[derive(Debug, Serialize)]
pub struct ToldPlan<'a> {
    /// The plan, the same in Nix.
    #[serde(flatten)]
    pub plan: &'a Plan,
    /// The packages that were never imported beside its torch; null where nothing is known of imports.
    pub untried: Option<Vec<String>>,
}

/// One problem in a JSON document.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// What was asked about.
    pub input: String,
    /// The place in it, a member of a wheel say.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Bytes from the start of that place.
    pub offset: Option<u64>,
    /// What is wrong, and what to do.
    pub message: String,
}
