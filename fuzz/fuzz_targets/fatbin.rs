//! Any bytes as a file with fat binaries. The size of the pieces must not change what is found.
#![no_main]

use axle_fatbin::{Found, Scanner};
use libfuzzer_sys::fuzz_target;

fn scan(file: &[u8], piece: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(file.len() as u64);
    for bytes in file.chunks(piece) {
        scanner.push(bytes, &mut |what| found.push(what));
    }
    scanner.finish(&mut |what| found.push(what));
    found
}

fuzz_target!(|file: &[u8]| {
    let found = scan(file, usize::MAX);
    assert_eq!(found, scan(file, 13));
    for what in found {
        if let Found::Container(container) = what {
            assert!(container.end() <= file.len() as u64);
            for entry in container.entries {
                let name = entry.code.to_string();
                assert!(name.parse() == Ok(entry.code), "{name}");
            }
        }
    }
});
