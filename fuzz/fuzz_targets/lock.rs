//! Any bytes as a lock: what is taken for one holds plain names alone.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| axle::fuzz::lock(bytes));
