//! Any bytes as a wheel: all of its members read, then audited whole.
#![no_main]

use std::fmt;
use std::io::{self, Cursor};

use axle_audit::{Options, Policy, audit, coverage};
use axle_wheel::{Archive, ArchiveError, ReadSeek, WheelSource};
use libfuzzer_sys::fuzz_target;

struct Bytes(Vec<u8>);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("input")
    }
}

impl WheelSource for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

fn read(source: &Bytes) -> Result<(), ArchiveError> {
    let archive = Archive::open(source)?;
    let mut reader = archive.reader()?;
    for member in archive.members() {
        if let Ok(mut bytes) = reader.member(member) {
            let count = io::copy(&mut bytes, &mut io::sink());
            assert!(count.is_err() || count.is_ok_and(|count| count == member.size));
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let (Ok(name), Ok(gpu)) = ("x-1-py3-none-any.whl".parse(), "8.6".parse()) else { return };
    let source = Bytes(bytes.to_vec());
    let _ = read(&source);
    if let Ok(facts) = audit(&source, &name, &Options::default()) {
        coverage(&facts, &Policy::default(), gpu);
    }
});
