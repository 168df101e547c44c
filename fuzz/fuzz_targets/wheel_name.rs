//! Any text as a wheel's name. What is accepted is written as it was read.
#![no_main]

use axle_wheel::WheelName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<WheelName>() {
        assert_eq!(name.filename(), text);
        assert!(name.tags().count() > 0);
    }
});
