//! JSON documents that the command line prints.

use serde::Serialize;

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
