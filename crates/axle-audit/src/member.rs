//! One member of a wheel.

use std::io::{ErrorKind, Read};

use axle_elf::Elf;
use axle_fatbin::Scanner;
use axle_wheel::{ArchiveError, ArchiveReader, Member, WheelSource};

use crate::device_code::{Facts, Gathered};
use crate::error::{AuditError, Problem};
use crate::facts::ElfMember;

/// Bytes that are unpacked before they are looked at.
const PIECE: usize = 1 << 17;

/// Reads a member, whole if it is ELF; gives `None` after four bytes if it is not. `advance` is told how
/// many bytes were done with.
pub(crate) fn audit_member(
    source: &dyn WheelSource,
    reader: &mut ArchiveReader<'_>,
    member: &Member,
    advance: &dyn Fn(u64),
) -> Result<Option<ElfMember>, AuditError> {
    let mut piece = Vec::new();
    let mut elf_reader = axle_elf::Reader::new(member.size);
    let mut scanner = Scanner::new(member.size);
    let mut gathered = Gathered::default();
    let mut pieces = Pieces { source, stream: reader.member(member)? };
    pieces.next(&mut piece, axle_elf::MAGIC.len())?;
    if piece != axle_elf::MAGIC {
        advance(member.size);
        return Ok(None);
    }
    while !piece.is_empty() {
        elf_reader.push(&piece);
        scanner.push(&piece, &mut |found| gathered.add(found));
        advance(piece.len() as u64);
        pieces.next(&mut piece, PIECE)?;
    }
    drop(pieces);
    scanner.finish(&mut |found| gathered.add(found));

    let error = |problem| AuditError { wheel: source.to_string(), problem };
    let elf_error = |source| error(Problem::Elf { member: member.path.clone(), source });
    let elf = loop {
        match elf_reader.finish().map_err(elf_error)? {
            axle_elf::Progress::Done(elf) => break elf,
            axle_elf::Progress::Again(again) => elf_reader = again,
        }
        let mut pieces = Pieces { source, stream: reader.member(member)? };
        while !elf_reader.is_satisfied() {
            pieces.next(&mut piece, PIECE)?;
            if piece.is_empty() {
                break;
            }
            elf_reader.push(&piece);
        }
    };
    let device = gathered.into_facts(&member.path, &elf.sections).map_err(error)?;
    Ok(Some(facts(member, *elf, device)))
}

/// A member's bytes in pieces of a given size.
struct Pieces<'a, R> {
    source: &'a dyn WheelSource,
    stream: R,
}

impl<R: Read> Pieces<'_, R> {
    /// Replaces `piece` by the next bytes: `size` of them, fewer at the end.
    fn next(&mut self, piece: &mut Vec<u8>, size: usize) -> Result<(), AuditError> {
        piece.resize(size, 0);
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.stream.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_read(error, self.source).into()),
            }
        }
        piece.truncate(filled);
        Ok(())
    }
}

fn facts(member: &Member, elf: Elf, device: Facts) -> ElfMember {
    ElfMember {
        path: member.path.clone(),
        size: member.size,
        soname: elf.soname,
        machine: elf.machine,
        elf_type: elf.elf_type,
        executable: member.is_executable(),
        needed: elf.needed,
        interpreter: elf.interpreter,
        rpath: elf.rpath,
        runpath: elf.runpath,
        symbol_versions: elf.symbol_versions,
        cxx11_abi: elf.cxx11_abi,
        sass: device.device.sass,
        ptx: device.device.ptx,
        containers: device.containers,
        device_code: device.device_code,
        container_groups: device.container_groups,
        prelink: device.prelink,
        outside: device.outside,
    }
}
