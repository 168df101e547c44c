//! Any bytes as the text files of a wheel.
#![no_main]

use axle_wheel::{Metadata, WheelFile, console_scripts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = Metadata::parse(bytes) {
        let _ = metadata.requirements();
        let _ = metadata.python_specifiers();
        let _ = metadata.extras();
    }
    let _ = WheelFile::parse(bytes);
    let _ = console_scripts(&String::from_utf8_lossy(bytes));
});
