//! Package names and versions, parsed with limits that the underlying libraries lack.

use pep440_rs::Version;
use pep508_rs::PackageName;

/// The most bytes of a version: no name of a file holds a longer one.
const LONGEST_VERSION: usize = 255;

/// A package's name, normalised (PEP 503).
pub fn parse_name(text: &str) -> Option<PackageName> {
    // pep508_rs takes the empty name for a name.
    if text.is_empty() { None } else { text.parse().ok() }
}

/// A version (PEP 440), without the blanks around it that PEP 440 lets pass.
pub fn parse_version(text: &str) -> Option<Version> {
    let is_one = !text.is_empty() && text.len() <= LONGEST_VERSION && !text.contains(char::is_whitespace);
    if is_one { text.parse().ok() } else { None }
}
