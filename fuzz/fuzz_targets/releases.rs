//! Any text as the releases of a repository, as a `Link` header, and as a tag.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| axle_index::fuzz::github(input));
