//! The repository's catalogue knows what every library covers that its packages pin.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_library_that_is_pinned_was_audited() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    assert_eq!(axle_harvest::unaudited_libraries(&folder).unwrap(), BTreeSet::new());
}
