//! Any bytes as the library and the descriptions of a well-made wheel, audited and printed, for a person and as JSON, with
//! what the catalogue knows. Nothing that is printed steers a terminal.
#![no_main]

use axle_audit::{Options, audit};
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/axle-audit/tests/common/wheel_writer.rs"]
mod wheel_writer;

fuzz_target!(|bytes: &[u8]| {
    let Ok(name) = "x-1-cp39-abi3-manylinux_2_28_x86_64.whl".parse() else { return };
    let (text, library) = bytes.split_at(bytes.len().min(usize::from(*bytes.first().unwrap_or(&0))));
    let members = [("x/\u{202e}\u{9b}lib.abi3.so", library.to_vec())];
    let wheel = wheel_writer::Wheel::new(&members, &String::from_utf8_lossy(text));
    let options = Options { verify: true, deep: true, ..Options::default() };
    if let Ok(facts) = audit(&wheel, &name, &options) {
        axle::fuzz::audit(&facts);
    }
});
