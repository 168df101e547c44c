//! Any text as the files that a request is made of, and as a requirement.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| axle::fuzz::request(&String::from_utf8_lossy(bytes)));
