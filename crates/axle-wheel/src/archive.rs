//! Zip archives of wheels, treated as untrusted.
//!
//! Everything that the zip's directory declares is checked when the archive is opened: how many
//! members, their names, kinds, sizes and places. So an [`Archive`] holds only plain files that
//! can be read, under paths that stay below the folder they are unpacked to. What can only be seen
//! while reading is checked then: a member whose own header contradicts the directory, that gives
//! more or fewer bytes than declared, or other bytes than its checksum tells, is an error that
//! names it.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::Crc;
use thiserror::Error;
use zip::read::ZipArchiveMetadata;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::inflate::Inflate;
use crate::{EntryPointsError, MetadataError, ReadSeek, WheelFileError, WheelSource};
use axle_types::excerpt;

/// What a wheel may ask of the reader. The defaults are several times what the largest wheels of
/// 2026 hold (3 GB in one library, 20 000 members).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most members.
    pub members: usize,
    /// The most bytes read to learn what the archive holds.
    pub directory: u64,
    /// The most bytes in one member, unpacked.
    pub member: u64,
    /// The most bytes in all members, unpacked.
    pub total: u64,
    /// The most times that the members may be larger than the archive. Deflate can reach 1032;
    /// a wheel of many small texts reaches 10.
    pub ratio: u64,
    /// The most bytes in a member that is read whole into memory: `METADATA` and such.
    pub whole: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000,
            directory: 12 << 20,
            member: 16 << 30,
            total: 64 << 30,
            ratio: 250,
            whole: 16 << 20,
        }
    }
}

/// An opened wheel. Threads may share it, each with an [`ArchiveReader`] of its own.
pub struct Archive<'source> {
    source: &'source dyn WheelSource,
    limits: Limits,
    members: Vec<Member>,
}

/// One file in the archive, as the archive's directory declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its path below the top of the wheel, with `/` between folders.
    pub path: String,
    /// How many bytes it has, unpacked.
    pub size: u64,
    /// How many bytes it has in the archive.
    pub compressed_size: u64,
    /// Where its header starts, in bytes from the start of the archive.
    pub offset: u64,
    /// The CRC-32 of its bytes, unpacked.
    pub crc32: u32,
    /// Its Unix mode with the bits that tell its kind, where the archive was made on Unix.
    pub unix_mode: Option<u32>,
    /// Whether it is deflated; stored otherwise.
    deflated: bool,
    /// Where the next member starts, or the file ends.
    end: u64,
}

impl Member {
    /// Whether its owner may execute it.
    pub fn is_executable(&self) -> bool {
        self.unix_mode.is_some_and(|mode| mode & 0o100 != 0)
    }
}

impl<'source> Archive<'source> {
    /// Opens `source` with the default [`Limits`].
    ///
    /// # Errors
    /// As [`open_within`](Self::open_within).
    pub fn open(source: &'source dyn WheelSource) -> Result<Self, ArchiveError> {
        Self::open_within(source, Limits::default())
    }

    /// Opens `source` and checks what it declares.
    ///
    /// # Errors
    /// When it can't be read, is no zip, is cut short, or holds what no wheel should: see
    /// [`ArchiveProblem`].
    pub fn open_within(source: &'source dyn WheelSource, limits: Limits) -> Result<Self, ArchiveError> {
        let error = |problem| ArchiveError { archive: source.to_string(), problem };
        let reader = source.open().map_err(|io| error(ArchiveProblem::Io(io)))?;
        let directory = read_directory(reader, &limits).map_err(error)?;
        let members = check_directory(&directory, source.size(), &limits).map_err(error)?;
        Ok(Self { source, limits, members })
    }

    /// Its files, in the order of their place in the archive. Folders are left out.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The file at `path`.
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.path == path)
    }

    /// Bytes of the archive.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// A reader of its own, for one thread.
    ///
    /// # Errors
    /// When the source can't be opened.
    pub fn reader(&self) -> Result<ArchiveReader<'_>, ArchiveError> {
        let reader = self.source.open().map_err(|io| self.error(ArchiveProblem::Io(io)))?;
        Ok(ArchiveReader { archive: self, reader })
    }

    /// All bytes of a small file, such as `METADATA`.
    ///
    /// # Errors
    /// When there is no file at `path`, it has more bytes than [`Limits::whole`], or it can't be
    /// read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ArchiveError> {
        let member = self
            .member(path)
            .ok_or_else(|| self.error(ArchiveProblem::Missing { member: path.to_owned() }))?;
        if member.size > self.limits.whole {
            return Err(self.error(ArchiveProblem::MemberSize {
                member: path.to_owned(),
                size: member.size,
                limit: self.limits.whole,
            }));
        }
        let mut bytes = Vec::new();
        self.reader()?
            .member(member)?
            .read_to_end(&mut bytes)
            .map_err(|io| ArchiveError::from_read(io, self.source))?;
        Ok(bytes)
    }

    /// The folder with the wheel's description, without the slash: `torch-2.9.1.dist-info`.
    ///
    /// # Errors
    /// When there is none, or more than one: the archive is no wheel then.
    pub fn dist_info(&self) -> Result<&str, ArchiveError> {
        let mut folders: Vec<&str> = self
            .members
            .iter()
            .filter_map(|member| member.path.split_once('/'))
            .map(|(folder, _)| folder)
            .filter(|folder| folder.ends_with(".dist-info"))
            .collect();
        folders.sort_unstable();
        folders.dedup();
        match folders.as_slice() {
            [folder] => Ok(folder),
            _ => Err(self
                .error(ArchiveProblem::DistInfo { found: folders.into_iter().map(str::to_owned).collect() })),
        }
    }

    fn error(&self, problem: ArchiveProblem) -> ArchiveError {
        ArchiveError { archive: self.source.to_string(), problem }
    }
}

/// Reads the members of an [`Archive`], one after the other.
pub struct ArchiveReader<'archive> {
    archive: &'archive Archive<'archive>,
    reader: Box<dyn ReadSeek + Send>,
}

impl fmt::Display for Archive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl ArchiveReader<'_> {
    /// The bytes of the member of that number.
    pub(crate) fn numbered(&mut self, index: usize, path: &str) -> Result<MemberReader<'_>, ArchiveError> {
        let archive = self.archive;
        let missing = || archive.error(ArchiveProblem::Missing { member: path.to_owned() });
        self.member(archive.members.get(index).ok_or_else(missing)?)
    }

    /// The bytes of `member`, unpacked, as a stream. It must be one of this archive's.
    ///
    /// # Errors
    /// When its header can't be read, or contradicts the directory.
    pub fn member(&mut self, member: &Member) -> Result<MemberReader<'_>, ArchiveError> {
        let archive = self.archive;
        enter(self.reader.as_mut(), member).map_err(|problem| archive.error(problem))?;
        let packed = (&mut self.reader).take(member.compressed_size);
        Ok(MemberReader {
            unpacked: if member.deflated {
                Unpacked::Deflated(Inflate::new(packed, member.size))
            } else {
                Unpacked::Stored(packed)
            },
            source: archive.source,
            path: member.path.clone(),
            size: member.size,
            crc32: member.crc32,
            crc: Crc::new(),
            given: 0,
        })
    }
}

/// Goes to the bytes of `member`, past its own header (APPNOTE 4.3.7), which must say what the directory
/// says: else the wheel holds something else for a tool that reads it in a stream.
fn enter(reader: &mut (dyn ReadSeek + Send), member: &Member) -> Result<(), ArchiveProblem> {
    const ENCRYPTED: u16 = 1;
    /// Checksum and sizes follow the data, and may be zero here.
    const DATA_DESCRIPTOR: u16 = 1 << 3;
    /// More than headers have, mostly.
    const HEADER: u64 = 1 << 10;

    let read = |io| reading(io, &member.path, 0);
    reader.seek(SeekFrom::Start(member.offset)).map_err(read)?;
    reader
        .expect(member.end.saturating_sub(member.offset).min(member.compressed_size.saturating_add(HEADER)));
    let mut header = [0; 30];
    reader.read_exact(&mut header).map_err(read)?;
    let mut path = vec![0; usize::from(u16_at(&header, 26))];
    reader.read_exact(&mut path).map_err(read)?;
    let mut extra = vec![0; usize::from(u16_at(&header, 28))];
    let start = member.offset + (header.len() + path.len() + extra.len()) as u64;
    if start.checked_add(member.compressed_size).is_none_or(|end| end > member.end) {
        return Err(ArchiveProblem::Overlap { member: member.path.clone(), offset: member.offset });
    }
    reader.read_exact(&mut extra).map_err(read)?;

    let flags = u16_at(&header, 6);
    let method = if member.deflated { 8 } else { 0 };
    let sizes = sizes(u32_at(&header, 22), u32_at(&header, 18), &extra);
    let agrees = |found, declared| found == declared || (found == 0 && flags & DATA_DESCRIPTOR != 0);
    let contradictions = [
        ("signature", header.starts_with(b"PK\x03\x04")),
        ("name", path == member.path.as_bytes()),
        ("encryption", flags & ENCRYPTED == 0),
        ("compression", u16_at(&header, 8) == method),
        ("checksum", agrees(u32_at(&header, 14).into(), member.crc32.into())),
        ("size", agrees(sizes.0, member.size)),
        ("compressed size", agrees(sizes.1, member.compressed_size)),
    ];
    if let Some((field, _)) = contradictions.into_iter().find(|(_, agrees)| !agrees) {
        return Err(ArchiveProblem::LocalHeader {
            member: member.path.clone(),
            offset: member.offset,
            field,
        });
    }
    Ok(())
}

/// A member's size and compressed size, of which those that are `0xffffffff` stand in the Zip64 field
/// (APPNOTE 4.5.3).
fn sizes(size: u32, compressed: u32, mut extra: &[u8]) -> (u64, u64) {
    const ZIP64: u16 = 1;

    let mut large = &[][..];
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let (field, rest) = rest.split_at(usize::from(u16_at(head, 2)).min(rest.len()));
        if u16_at(head, 0) == ZIP64 {
            large = field;
        }
        extra = rest;
    }
    let mut take = |short: u32| match large.split_first_chunk() {
        Some((size, rest)) if short == u32::MAX => {
            large = rest;
            u64::from_le_bytes(*size)
        }
        _ => short.into(),
    };
    (take(size), take(compressed))
}

/// The number at `at`; zero behind the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u16::from_le_bytes)
}

/// As [`u16_at`].
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u64::from_le_bytes)
}

/// As [`u16_at`].
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_le_bytes)
}

/// The decoder of a member's bytes.
enum Unpacked<'reader> {
    Stored(io::Take<&'reader mut Box<dyn ReadSeek + Send>>),
    Deflated(Inflate<io::Take<&'reader mut Box<dyn ReadSeek + Send>>>),
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(reader) => reader.read(buffer),
            Self::Deflated(reader) => reader.read(buffer),
        }
    }
}

/// The bytes of one member, unpacked.
///
/// Its errors are [`ArchiveError`]s inside of [`io::Error`]s; [`ArchiveError::from_read`] takes
/// them out again. The checksum is known to be right once the end was reached without an error.
pub struct MemberReader<'reader> {
    unpacked: Unpacked<'reader>,
    source: &'reader dyn WheelSource,
    path: String,
    size: u64,
    crc32: u32,
    crc: Crc,
    given: u64,
}

impl MemberReader<'_> {
    fn error(&self, kind: io::ErrorKind, problem: ArchiveProblem) -> io::Error {
        io::Error::new(kind, ArchiveError { archive: self.source.to_string(), problem })
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match self.unpacked.read(buffer) {
            Ok(count) => count,
            Err(io) if io.kind() == io::ErrorKind::Interrupted => return Err(io),
            Err(io) => return Err(self.error(io.kind(), reading(io, &self.path, self.given))),
        };
        self.given += count as u64;
        if self.given > self.size || (count == 0 && self.given < self.size) {
            let problem = ArchiveProblem::Length {
                member: self.path.clone(),
                declared: self.size,
                more: self.given > self.size,
            };
            return Err(self.error(io::ErrorKind::InvalidData, problem));
        }
        self.crc.update(buffer.get(..count).unwrap_or_default());
        if count == 0 && self.crc.sum() != self.crc32 {
            let problem = ArchiveProblem::Checksum {
                member: self.path.clone(),
                declared: self.crc32,
                found: self.crc.sum(),
            };
            return Err(self.error(io::ErrorKind::InvalidData, problem));
        }
        Ok(count)
    }
}

/// What an error while reading a member means: broken data, or a source that can't be reached.
fn reading(io: io::Error, member: &str, offset: u64) -> ArchiveProblem {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match io.kind() {
        InvalidData | InvalidInput | UnexpectedEof => {
            ArchiveProblem::Data { member: member.to_owned(), offset, message: io.to_string() }
        }
        _ => ArchiveProblem::Io(io),
    }
}

/// Finds and reads the zip's directory, without reading more than the limit allows.
fn read_directory(
    mut reader: Box<dyn ReadSeek + Send>,
    limits: &Limits,
) -> Result<Arc<ZipArchiveMetadata>, ArchiveProblem> {
    let size = reader.seek(SeekFrom::End(0)).map_err(ArchiveProblem::Io)?;
    let mut budget = Budget { reader, left: limits.directory, exceeded: false };
    let opened =
        ZipArchive::new(&mut budget).map(|archive| (archive.metadata(), archive.comment().len() as u64));
    match opened {
        Ok((directory, comment)) => {
            check_end(&mut *budget.reader, size.saturating_sub(END as u64 + comment))?;
            Ok(directory)
        }
        Err(_) if budget.exceeded => Err(ArchiveProblem::DirectorySize { limit: limits.directory }),
        Err(ZipError::Io(io)) if io.kind() != io::ErrorKind::UnexpectedEof => Err(ArchiveProblem::Io(io)),
        Err(zip) => {
            let mut start = Vec::new();
            budget.reader.seek(SeekFrom::Start(0)).map_err(ArchiveProblem::Io)?;
            (&mut budget.reader).take(4).read_to_end(&mut start).map_err(ArchiveProblem::Io)?;
            let mut tail = Vec::new();
            budget
                .reader
                .seek(SeekFrom::Start(size.saturating_sub(END as u64)))
                .map_err(ArchiveProblem::Io)?;
            (&mut budget.reader).take(4).read_to_end(&mut tail).map_err(ArchiveProblem::Io)?;
            Err(match (start.as_slice(), tail.as_slice()) {
                // The end-of-directory record is in its place: what it points to is wrong.
                (_, b"PK\x05\x06") => ArchiveProblem::Directory { message: zip.to_string() },
                (b"PK\x03\x04", _) => ArchiveProblem::Truncated { size },
                ([], _) => ArchiveProblem::Empty,
                ([b'<', b'!' | b'h' | b'H' | b'?', ..], _) => ArchiveProblem::WebPage,
                _ => ArchiveProblem::NotZip { size },
            })
        }
    }
}

/// The bytes of the record that ends a zip, without its comment.
const END: usize = 22;

/// The record at the end (APPNOTE 4.3.16) must say that the directory ends where the record begins. Otherwise a reader
/// that locates the directory by subtracting its size (CPython's zipfile) would read a different one.
fn check_end(reader: &mut (dyn ReadSeek + Send), at: u64) -> Result<(), ArchiveProblem> {
    const LARGE: u64 = u32::MAX as u64;

    let error = |message: &str| Err(ArchiveProblem::Directory { message: message.to_owned() });
    let mut record = |at: u64, bytes: &mut [u8]| match reader
        .seek(SeekFrom::Start(at))
        .and_then(|_| reader.read_exact(bytes))
    {
        Err(io) if io.kind() == io::ErrorKind::UnexpectedEof => error("its end is outside of the file"),
        read => read.map_err(ArchiveProblem::Io),
    };
    let mut end = [0; END];
    record(at, &mut end)?;
    if !end.starts_with(b"PK\x05\x06") {
        return error("there is data after the end of the zip");
    }
    let (mut size, mut start) = (u64::from(u32_at(&end, 12)), u64::from(u32_at(&end, 16)));
    let mut ends_at = at;

    // In front of it may be the locator of the larger record of Zip64 (APPNOTE 4.3.14, 4.3.15).
    let mut locator = [0; 20];
    if let Some(locator_at) = at.checked_sub(20) {
        record(locator_at, &mut locator)?;
        if locator.starts_with(b"PK\x06\x07") {
            let mut large = [0; 56];
            ends_at = u64_at(&locator, 8);
            record(ends_at, &mut large)?;
            if (size != LARGE && size != u64_at(&large, 40))
                || (start != LARGE && start != u64_at(&large, 48))
            {
                return error("its two end records contradict each other");
            }
            (size, start) = (u64_at(&large, 40), u64_at(&large, 48));
        }
    }
    if start.checked_add(size) != Some(ends_at) {
        return error("it is not at the position that the end record states");
    }
    Ok(())
}

/// Gives up after so many bytes.
struct Budget {
    reader: Box<dyn ReadSeek + Send>,
    left: u64,
    exceeded: bool,
}

impl Read for Budget {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let Some(left) = self.left.checked_sub(count as u64) else {
            self.exceeded = true;
            return Err(io::Error::other("the zip's directory is too large"));
        };
        self.left = left;
        Ok(count)
    }
}

impl Seek for Budget {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.reader.seek(position)
    }
}

/// The files that the directory lists, once nothing about them is suspicious.
fn check_directory(
    directory: &ZipArchiveMetadata,
    size: u64,
    limits: &Limits,
) -> Result<Vec<Member>, ArchiveProblem> {
    if directory.has_duplicate_names() {
        return Err(ArchiveProblem::Duplicate);
    }
    if directory.len() > limits.members {
        return Err(ArchiveProblem::Members { count: directory.len(), limit: limits.members });
    }
    let mut members = Vec::with_capacity(directory.len());
    let mut folders = Vec::new();
    for index in 0..directory.len() {
        let entry =
            directory.entry(index).map_err(|zip| ArchiveProblem::Directory { message: zip.to_string() })?;
        let name = entry.name_raw();
        let path = check_path(name)?;
        let member = Member {
            path: path.trim_end_matches('/').to_owned(),
            size: entry.size(),
            compressed_size: entry.compressed_size(),
            offset: entry.header_start(),
            crc32: entry.crc32(),
            unix_mode: entry.unix_mode(),
            deflated: entry.compression() == CompressionMethod::Deflated,
            end: size,
        };
        let is_folder = path.ends_with('/');
        check_member(&member, is_folder, entry.encrypted(), entry.compression(), limits)?;
        if is_folder {
            folders.push(member.path);
        } else {
            members.push(member);
        }
    }
    check_paths(&members, &folders)?;
    members.sort_by_key(|member| member.offset);
    check_places(&mut members)?;

    let total = members.iter().fold(0u64, |total, member| total.saturating_add(member.size));
    // Small archives of empty or repeated texts may compress as well as they like.
    let limit = limits.total.min(size.saturating_mul(limits.ratio).max(limits.whole));
    if total > limit {
        return Err(ArchiveProblem::TotalSize { size: total, limit });
    }
    Ok(members)
}

/// Linux takes no longer path (`PATH_MAX`).
const LONGEST_PATH: usize = 4096;

/// A path that stays below the folder it is unpacked to, and means the same to every reader.
fn check_path(name: &[u8]) -> Result<&str, ArchiveProblem> {
    let error = |reason| ArchiveProblem::Path {
        member: String::from_utf8_lossy(name).escape_debug().to_string(),
        reason,
    };
    if name.len() > LONGEST_PATH {
        return Err(ArchiveProblem::Path {
            member: excerpt(&String::from_utf8_lossy(name)).escape_debug().to_string(),
            reason: "it is longer than 4096 bytes",
        });
    }
    let path = std::str::from_utf8(name).map_err(|_| error("it is not UTF-8"))?;
    if path.starts_with('/') {
        return Err(error("it is absolute"));
    }
    // Bytes, not characters: there can be hundreds of thousands of paths.
    if path.bytes().any(|byte| byte == b'\\' || byte.is_ascii_control()) {
        return Err(error("it contains a backslash or a control character"));
    }
    let parts = path.strip_suffix('/').unwrap_or(path).split('/');
    for part in parts {
        match part {
            "" => return Err(error("one of its components is empty")),
            "." | ".." => return Err(error("it contains `.` or `..`")),
            _ => {}
        }
    }
    Ok(path)
}

fn check_member(
    member: &Member,
    is_folder: bool,
    encrypted: bool,
    method: CompressionMethod,
    limits: &Limits,
) -> Result<(), ArchiveProblem> {
    const KIND: u32 = 0o170_000;
    const FILE: u32 = 0o100_000;
    const FOLDER: u32 = 0o040_000;

    let path = || member.path.clone();
    let expected = if is_folder { FOLDER } else { FILE };
    match member.unix_mode.map(|mode| mode & KIND) {
        // Many tools leave out the bits that tell the kind.
        None | Some(0) => {}
        Some(kind) if kind == expected => {}
        Some(_) => {
            let mode = member.unix_mode.unwrap_or_default();
            return Err(ArchiveProblem::Kind { member: path(), mode });
        }
    }
    if encrypted {
        return Err(ArchiveProblem::Encrypted { member: path() });
    }
    if !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
        let method = format!("{method:?}");
        return Err(ArchiveProblem::Method { member: path(), method });
    }
    if member.size > limits.member {
        return Err(ArchiveProblem::MemberSize { member: path(), size: member.size, limit: limits.member });
    }
    Ok(())
}

/// No path may be both a file and a folder. Each is compared with the next in an order in which what is in a folder
/// comes right behind it: to list the folders of every path would cost the square of its length.
fn check_paths(members: &[Member], folders: &[String]) -> Result<(), ArchiveProblem> {
    let files = members.iter().map(|member| (member.path.as_str(), true));
    let mut paths: Vec<(&str, bool)> =
        files.chain(folders.iter().map(|folder| (folder.as_str(), false))).collect();
    // Nothing is smaller than the NUL that a slash counts as.
    let ordered = |byte: u8| if byte == b'/' { 0 } else { byte };
    paths.sort_unstable_by(|one, other| one.0.bytes().map(ordered).cmp(other.0.bytes().map(ordered)));
    for ((path, is_file), (next, next_is_file)) in paths.iter().zip(paths.iter().skip(1)) {
        let below = next.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        if (below && *is_file) || (path == next && (*is_file || *next_is_file)) {
            return Err(ArchiveProblem::Path {
                member: (*path).to_owned(),
                reason: "it is used both as a file and as a directory",
            });
        }
    }
    Ok(())
}

/// No byte may belong to two members: that is how zip bombs are made.
fn check_places(members: &mut [Member]) -> Result<(), ArchiveProblem> {
    /// The fixed part of a local header; the path follows it, then the data.
    const HEADER: u64 = 30;
    let mut end = None;
    for member in members.iter_mut().rev() {
        member.end = end.unwrap_or(member.end);
        end = Some(member.offset);
    }
    for member in members {
        let header = HEADER + member.path.len() as u64;
        let fits = member
            .offset
            .checked_add(header)
            .and_then(|start| start.checked_add(member.compressed_size))
            .is_some_and(|end| end <= member.end);
        if !fits {
            return Err(ArchiveProblem::Overlap { member: member.path.clone(), offset: member.offset });
        }
    }
    Ok(())
}

/// Why an archive, or a member of it, can't be read.
#[derive(Debug, Error)]
#[error("{archive}: {problem}")]
#[non_exhaustive]
pub struct ArchiveError {
    /// What the source calls itself: a path or a URL.
    pub archive: String,
    /// What is wrong.
    #[source]
    pub problem: ArchiveProblem,
}

impl ArchiveError {
    /// The error that a [`MemberReader`] gave while `source` was read.
    pub fn from_read(error: io::Error, source: &dyn fmt::Display) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(io) => Self { archive: source.to_string(), problem: ArchiveProblem::Io(io) },
        }
    }
}

/// What is wrong with an archive.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveProblem {
    /// Its bytes can't be read.
    #[error("failed to read it: {0}")]
    Io(#[source] io::Error),
    /// It has no bytes at all.
    #[error("the file is empty; download it again")]
    Empty,
    /// It starts like an HTML page, which servers send instead of a missing file.
    #[error(
        "this is an HTML page, not a wheel; the download probably failed: open the page to see why, and download the file again"
    )]
    WebPage,
    /// It neither starts nor ends as a zip does.
    #[error(
        "this is not a wheel: its {size} bytes are not a zip archive; check that this is the file you mean"
    )]
    NotZip {
        /// The size of the file.
        size: u64,
    },
    /// It starts as a zip, but the directory at its end is missing.
    #[error(
        "the file is truncated after {size} bytes: the zip directory at its end is missing; download it again"
    )]
    Truncated {
        /// The size of the file.
        size: u64,
    },
    /// The directory at the end of the zip is wrong.
    #[error("the zip directory is broken: {message}; download the file again")]
    Directory {
        /// What is wrong with it.
        message: String,
    },
    /// The directory takes more bytes than [`Limits::directory`].
    #[error("the zip directory has more than {limit} bytes, which is the limit")]
    DirectorySize {
        /// The limit.
        limit: u64,
    },
    /// Two members have the same name, so the contents depend on the reader.
    #[error("two members of the zip have the same name")]
    Duplicate,
    /// More members than [`Limits::members`].
    #[error("it has {count} members, but the limit is {limit}")]
    Members {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The path of a member is unsafe, or unclear.
    #[error("the path of member `{member}` is refused: {reason}")]
    Path {
        /// The path, with control characters escaped.
        member: String,
        /// Why.
        reason: &'static str,
    },
    /// A member is a link, a device or such.
    #[error("member `{member}` is neither a file nor a directory (mode {mode:o})")]
    Kind {
        /// The path.
        member: String,
        /// The Unix mode.
        mode: u32,
    },
    /// A file of a folder is a link that leads out of it.
    #[error(
        "member `{member}` is a symbolic link to outside of the directory or to a missing file, and is not followed"
    )]
    Link {
        /// The path.
        member: String,
    },
    /// A member is encrypted.
    #[error("member `{member}` is encrypted")]
    Encrypted {
        /// The path.
        member: String,
    },
    /// A member is compressed in a way that wheels are not (PEP 427 allows stored and deflated).
    #[error("member `{member}` is compressed with {method}, but wheels use Stored or Deflated")]
    Method {
        /// The path.
        member: String,
        /// The method.
        method: String,
    },
    /// A member overlaps the next one, or the end of the archive.
    #[error("member `{member}` at offset {offset} overlaps the data that follows it")]
    Overlap {
        /// The path.
        member: String,
        /// Where its header starts.
        offset: u64,
    },
    /// A member's own header and the directory contradict each other, so that the contents of the wheel depend on the
    /// reader.
    #[error(
        "the header of member `{member}` at offset {offset} has a different {field} than the zip directory"
    )]
    LocalHeader {
        /// The path, as the directory has it.
        member: String,
        /// Where the header starts.
        offset: u64,
        /// What they disagree on.
        field: &'static str,
    },
    /// A member is larger than the limit for its use.
    #[error("member `{member}` has {size} bytes, but the limit is {limit}")]
    MemberSize {
        /// The path.
        member: String,
        /// Its size, unpacked.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// All members together are larger than [`Limits::total`] or [`Limits::ratio`] allow.
    #[error("its members have {size} bytes, but the limit for a file of this size is {limit}")]
    TotalSize {
        /// The sum of their sizes, unpacked.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The compressed bytes of a member are broken.
    #[error("member `{member}` is broken at offset {offset}: {message}; download the file again")]
    Data {
        /// The path.
        member: String,
        /// How many bytes were unpacked before.
        offset: u64,
        /// What is wrong.
        message: String,
    },
    /// A member gives more or fewer bytes than declared.
    #[error("member `{member}` has {} bytes than the {declared} it declares", if *more { "more" } else { "fewer" })]
    Length {
        /// The path.
        member: String,
        /// The declared size, unpacked.
        declared: u64,
        /// Whether there are more.
        more: bool,
    },
    /// The bytes of a member do not match its checksum.
    #[error(
        "member `{member}` is damaged: its CRC-32 is {found:08x}, but should be {declared:08x}; download the file again"
    )]
    Checksum {
        /// The path.
        member: String,
        /// What the archive declares.
        declared: u32,
        /// What the bytes give.
        found: u32,
    },
    /// A member that a wheel must have is missing.
    #[error("member `{member}` is missing")]
    Missing {
        /// The path.
        member: String,
    },
    /// Not exactly one `*.dist-info` folder.
    #[error("this is not a wheel: it should have one .dist-info directory, but has {}", list(found))]
    DistInfo {
        /// Those that were found.
        found: Vec<String>,
    },
    /// `METADATA` is broken.
    #[error("member `{member}`: {source}")]
    Metadata {
        /// The path.
        member: String,
        /// What is wrong with it.
        source: MetadataError,
    },
    /// `WHEEL` is broken.
    #[error("member `{member}`: {source}")]
    WheelFile {
        /// The path.
        member: String,
        /// What is wrong with it.
        source: WheelFileError,
    },
    /// `entry_points.txt` is broken.
    #[error("member `{member}`: {source}")]
    EntryPoints {
        /// The path.
        member: String,
        /// What is wrong with it.
        source: EntryPointsError,
    },
}

/// The first of them, and how many more there are.
fn list(found: &[String]) -> String {
    const SHOWN: usize = 8;
    match (found.len(), found.split_at_checked(SHOWN)) {
        (0, _) => "none".to_owned(),
        (_, Some((first, rest))) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => found.join(", "),
    }
}
