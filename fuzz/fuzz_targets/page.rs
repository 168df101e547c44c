//! Any bytes as a project's page, as HTML and as JSON. No file it lists leaves its folder or HTTP.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| axle_index::fuzz::page(input));
