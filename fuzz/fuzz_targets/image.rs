//! Any bytes as a cubin, as PTX, and as the name of a kernel.
#![no_main]

use axle_fatbin::{Image, demangle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for image in [Image::cubin(bytes), Image::ptx(bytes)].into_iter().flatten() {
        let names: usize = image.kernels.iter().map(String::len).sum();
        assert!(names <= bytes.len(), "{names}");
    }
    let _ = demangle(&String::from_utf8_lossy(bytes));
});
