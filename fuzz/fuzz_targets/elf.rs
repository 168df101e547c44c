//! Any bytes as an ELF file. How much of the head is kept must not change what is read, apart from the symbols,
//! which are worth no second pass.
#![no_main]

use axle_elf::{Elf, Error, Progress, Reader};
use libfuzzer_sys::fuzz_target;

fn read(file: &[u8], piece: usize, head: u64) -> Result<Elf, Error> {
    let mut reader = Reader::with_head(file.len() as u64, head);
    loop {
        for bytes in file.chunks(piece) {
            reader.push(bytes);
        }
        match reader.finish()? {
            Progress::Done(elf) => return Ok(*elf),
            Progress::Again(again) => reader = again,
        }
    }
}

fuzz_target!(|file: &[u8]| {
    let whole = read(file, usize::MAX, u64::MAX);
    let parts = read(file, 1000, 200);
    if let (Ok(whole), Ok(mut parts)) = (whole, parts) {
        parts.cxx11_abi = whole.cxx11_abi;
        parts.python_symbols.clone_from(&whole.python_symbols);
        assert_eq!(whole, parts);
    }
});
