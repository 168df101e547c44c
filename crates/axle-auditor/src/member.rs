//! Device code of one ELF file.

use std::fmt;
use std::io::{self, ErrorKind, Read, Seek};

use axle_elf::{Elf, Progress, Reader};
use axle_fatbin::{Architectures, Code, Containers, Image, Scanner};

use crate::error::Error;

/// How much of a file's start tells what it is: up to the machine in an ELF header.
const START: u64 = 20;
/// Bytes that are read at once.
const PIECE: usize = 1 << 17;

/// An ELF file and its device code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the folder.
    pub path: String,
    /// What its device sections hold.
    pub device_code: Architectures,
}

impl Member {
    /// Its device code, SASS first.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &Code> {
        self.device_code.sass.iter().chain(&self.device_code.ptx)
    }
}

/// A line of the report: `x/_C.so: sm_80 sm_90a compute_90`.
impl fmt::Display for Member {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.path)?;
        if self.device_code.is_empty() {
            return formatter.write_str(" no device code");
        }
        self.codes().try_for_each(|code| write!(formatter, " {code}"))
    }
}

/// Reads the file at `path` of the folder; `None` if it is not ELF. Cubins are not either: they are loaded by hand, for
/// whatever GPU they are.
///
/// It is read in pieces, and what is kept of it does not depend on its size.
pub(crate) fn read(path: String, file: &mut (impl Read + Seek), size: u64) -> Result<Option<Member>, Error> {
    let failed = |source| Error::Io { path: path.clone(), source };
    let mut start = Vec::new();
    file.by_ref().take(START).read_to_end(&mut start).map_err(failed)?;
    if !start.starts_with(&axle_elf::MAGIC) || Image::is_cubin(&start) {
        return Ok(None);
    }

    let mut elf = Reader::new(size);
    let mut scanner = Scanner::new(size);
    let mut containers = Containers::default();
    feed(file, size, |piece| {
        elf.push(piece);
        scanner.push(piece, &mut |found| containers.add(found));
        true
    })
    .map_err(failed)?;
    scanner.finish(&mut |found| containers.add(found));
    let Elf { sections, .. } = *loop {
        match elf.finish().map_err(|source| Error::Elf { path: path.clone(), source })? {
            Progress::Done(elf) => break elf,
            Progress::Again(again) => elf = again,
        }
        feed(file, size, |piece| {
            elf.push(piece);
            !elf.is_satisfied()
        })
        .map_err(failed)?;
    };
    match containers.by_section(&sections) {
        Ok(containers) => Ok(Some(Member { path, device_code: containers.architectures() })),
        Err(source) => Err(Error::DeviceCode { path, source }),
    }
}

/// Gives `take` the first `size` bytes of a file piece by piece, as long as it asks for more.
fn feed(file: &mut (impl Read + Seek), size: u64, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    file.rewind()?;
    // One that grows meanwhile is read as long as it was.
    let mut file = file.take(size);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) if !take(piece.get(..count).unwrap_or_default()) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
    }
}
