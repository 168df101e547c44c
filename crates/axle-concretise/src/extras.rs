//! The extras that a requirement's marker asks for.

use std::collections::BTreeSet;
use std::str::FromStr;

use pep508_rs::{ExtraName, Requirement};

/// The extras that a requirement's marker names.
pub(crate) fn extras_of(requirement: &Requirement) -> BTreeSet<ExtraName> {
    let text = requirement.marker.try_to_string().unwrap_or_default();
    let mut extras = BTreeSet::new();
    for part in text.split("extra == ").skip(1) {
        let quoted = part.split(['\'', '"']).nth(1);
        extras.extend(quoted.and_then(|name| ExtraName::from_str(name).ok()));
    }
    extras
}
