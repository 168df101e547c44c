//! Any text as a line of published facts.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| axle_index::fuzz::fact(input));
