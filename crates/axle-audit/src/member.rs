//! Audit of one member of a wheel.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Mutex;

use axle_elf::Elf;
use axle_fatbin::Scanner;
use axle_wheel::{ArchiveError, Contents, ContentsReader, Entry};

use crate::amd::Bundles;
use crate::device_code::{Facts, Gathered};
use crate::dlopen::Guesses;
use crate::error::{AuditError, Problem};
use crate::facts::{ElfMember, LooseFormat};
use crate::kernels;
use crate::memory::Memory;
use crate::record::{Hasher, Record, Verdict};
use crate::stable_abi::abi3;
use crate::standalone::{self, LooseFile};

/// Bytes that are unpacked before they are looked at.
const PIECE: usize = 1 << 17;

/// What is asked of every member.
pub(crate) struct Asked<'a> {
    /// What its bytes are compared with.
    pub record: Option<&'a Record>,
    /// Whether the wheel's name says that its extension modules keep to the stable ABI.
    pub abi3: bool,
    /// Whether images are unpacked and their kernels listed.
    pub deep: bool,
    /// Where kernels of files of device code are gathered, if they are asked for.
    pub kernels: Option<&'a Mutex<kernels::Gathered>>,
    /// What may be kept of all members.
    pub memory: &'a Memory,
}

/// What reading a member gives.
pub(crate) struct Read {
    /// Its facts, if it is ELF.
    pub elf: Option<Box<ElfMember>>,
    /// What it holds, if it is a file of device code.
    pub loose: Option<LooseFile>,
    /// How it compares with `RECORD`.
    pub verdict: Option<Verdict>,
}

/// Reads a member, whole if it is ELF, device code, or must be hashed, else a few bytes of it. `advance` is told how many
/// bytes were done with.
pub(crate) fn audit_member(
    contents: &dyn Contents,
    reader: &mut dyn ContentsReader,
    member: &Entry<'_>,
    asked: &Asked<'_>,
    advance: &dyn Fn(u64),
) -> Result<Read, AuditError> {
    let error = |problem| AuditError { wheel: contents.to_string(), problem };
    // Once there is too much, nothing more is read.
    asked.memory.facts.keep(0).map_err(error)?;
    let mut piece = Vec::new();
    let mut elf_reader = axle_elf::Reader::new(member.size);
    let scanner = Scanner::new(member.size);
    let mut scanner = if asked.deep { scanner.reading_images() } else { scanner };
    let mut gathered = Gathered::new(asked.deep);
    let mut guesses = Guesses::default();
    let mut bundles = Bundles::default();
    let mut hasher = asked.record.and_then(|record| record.hasher(member.path));
    let mut pieces = Pieces { contents, stream: reader.open(member)? };
    pieces.next(&mut piece, standalone::START)?;
    let format = LooseFormat::of(member.path, &piece);
    let is_elf = format.is_none() && piece.starts_with(&axle_elf::MAGIC);
    let is_kept = format.is_some() && member.size <= standalone::LARGEST;
    if !is_elf && !is_kept && hasher.is_none() {
        advance(member.size);
        let verdict = asked.record.map(|record| record.verdict(member.path, member.size, None));
        let loose = format.map(LooseFile::unread);
        asked.memory.facts.keep(loose.as_ref().map_or(0, LooseFile::weight)).map_err(error)?;
        return Ok(Read { elf: None, loose, verdict });
    }
    let mut kept = Vec::new();
    let _kept = asked.memory.heads.take(if is_kept { member.size } else { 0 });
    let head = elf_reader.wanted();
    let mut head_share = Some(asked.memory.heads.take(if is_elf { head } else { 0 }));
    let mut tables = None;
    while !piece.is_empty() {
        if let Some(hasher) = &mut hasher {
            hasher.update(&piece);
        }
        if is_elf {
            elf_reader.push(&piece);
            let beyond = elf_reader.wanted() - head;
            if beyond > 0 {
                tables.get_or_insert_with(|| asked.memory.tables.take(beyond));
            }
            let image = asked.deep.then(|| asked.memory.image.take(1));
            scanner.push(&piece, &mut |found| gathered.add(found));
            drop(image);
            guesses.push(&piece);
            bundles.push(&piece);
        }
        if is_kept {
            kept.extend_from_slice(&piece);
        }
        advance(piece.len() as u64);
        pieces.next(&mut piece, PIECE)?;
    }
    drop(pieces);
    scanner.finish(&mut |found| gathered.add(found));
    let hash = hasher.map(Hasher::finish);
    let verdict = asked.record.map(|record| record.verdict(member.path, member.size, hash.as_deref()));
    if !is_elf {
        let read = |format| {
            let _image = asked.deep.then(|| asked.memory.image.take(1));
            if is_kept { LooseFile::read(format, &kept, asked.kernels) } else { LooseFile::unread(format) }
        };
        let loose = format.map(read);
        asked.memory.facts.keep(loose.as_ref().map_or(0, LooseFile::weight)).map_err(error)?;
        return Ok(Read { elf: None, loose, verdict });
    }

    let elf_error = |source| error(Problem::Elf { member: member.path.to_owned(), source });
    let mut again = None;
    let elf = loop {
        match elf_reader.finish().map_err(elf_error)? {
            axle_elf::Progress::Done(elf) => break elf,
            axle_elf::Progress::Again(reader) => elf_reader = reader,
        }
        if again.is_none() {
            // What was kept is given back, and read once more: while it was kept, who waits for it and who waits for the
            // rest would wait for each other.
            elf_reader.forget();
            (head_share, tables) = (None, None);
            again = Some((asked.memory.again.take(1), asked.memory.heads.take(u64::MAX)));
        }
        let mut pieces = Pieces { contents, stream: reader.open(member)? };
        while !elf_reader.is_satisfied() {
            pieces.next(&mut piece, PIECE)?;
            if piece.is_empty() {
                break;
            }
            elf_reader.push(&piece);
        }
    };
    let device = gathered.into_facts(member.path, &elf.sections).map_err(error)?;
    let claims_abi3 = member.path.ends_with(".abi3.so") || (asked.abi3 && is_extension(member.path));
    let abi3 = elf.python_symbols.as_deref().filter(|_| claims_abi3).map(abi3);
    let known = elf.needed.iter().chain(&elf.soname).map(String::as_str);
    let more = ElfMember {
        dlopen: guesses.finish(known),
        amd: bundles.finish(&elf.sections),
        abi3,
        ..ElfMember::default()
    };
    drop((head_share, tables, again));
    let facts = facts(member, *elf, device, more);
    asked.memory.facts.keep(facts.weight()).map_err(error)?;
    Ok(Read { elf: Some(Box::new(facts)), loose: None, verdict })
}

/// A member's bytes in pieces of a given size.
struct Pieces<'a, R> {
    contents: &'a dyn Contents,
    stream: R,
}

impl<R: io::Read> Pieces<'_, R> {
    /// Replaces `piece` by the next bytes: `size` of them, fewer at the end.
    fn next(&mut self, piece: &mut Vec<u8>, size: usize) -> Result<(), AuditError> {
        piece.resize(size, 0);
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.stream.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_read(error, self.contents).into()),
            }
        }
        piece.truncate(filled);
        Ok(())
    }
}

/// Whether Python imports a file of that name: `_C.so`, `_C.cpython-312-x86_64-linux-gnu.so`; no `libx.so`.
fn is_extension(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    Path::new(name).extension().is_some_and(|extension| extension == "so") && !name.starts_with("lib")
}

/// Adds what the headers and the sections tell to what was found on the way.
fn facts(member: &Entry<'_>, elf: Elf, device: Facts, found: ElfMember) -> ElfMember {
    ElfMember {
        path: member.path.to_owned(),
        size: member.size,
        soname: elf.soname,
        machine: elf.machine,
        elf_type: elf.elf_type,
        executable: member.executable,
        needed: elf.needed,
        interpreter: elf.interpreter,
        rpath: elf.rpath,
        runpath: elf.runpath,
        symbol_versions: elf.symbol_versions,
        cxx11_abi: elf.cxx11_abi,
        // Said only of what links torch: everything else is plain `false`.
        torch_cxx: elf.torch_cxx.filter(|takes| *takes),
        sass: device.device.sass,
        ptx: device.device.ptx,
        containers: device.containers,
        device_code: device.device_code,
        container_groups: device.container_groups,
        prelink: device.prelink,
        outside: device.outside,
        kernels: device.kernels,
        ..found
    }
}
