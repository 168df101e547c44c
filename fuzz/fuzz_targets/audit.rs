//! Any bytes as the library of a well-made wheel, audited whole: past the checksums of the zip, which
//! damage of the `wheel` target seldom gets by.
#![no_main]

use axle_audit::{Options, Policy, audit, coverage, findings, glibc_coverage, platform_tag, providers};
use axle_types::Glibc;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/axle-audit/tests/common/wheel_writer.rs"]
mod wheel_writer;

fuzz_target!(|library: &[u8]| {
    let (Ok(name), Ok(gpu)) = ("x-1-cp39-abi3-manylinux_2_28_x86_64.whl".parse(), "8.6".parse()) else {
        return;
    };
    let wheel = wheel_writer::Wheel::new(&[("x/lib.abi3.so", library.to_vec())], "");
    let options = Options { verify: true, deep: true, ..Options::default() };
    if let Ok(facts) = audit(&wheel, &name, &options) {
        let _ = coverage(&facts, &Policy::default(), gpu);
        let _ = findings(&facts);
        let _ = glibc_coverage(&facts, Glibc::new(2, 17));
        let _ = platform_tag(&facts);
        let _ = providers(&facts, &Policy::default());
    }
});
