//! Fatbin containers and their entries: the headers, field by field.

use std::ops::Range;
use std::{fmt, iter};

use serde::{Deserialize, Serialize};

use crate::arch::{Code, Kind, Suffix};
use crate::image::{Image, ImageError};
use axle_types::{ComputeCapability, CudaRelease};

/// The first four bytes of a container.
pub const MAGIC: [u8; 4] = 0xBA55_ED50_u32.to_le_bytes();
/// Bytes of a container's header: magic, version, header size, payload size.
pub(crate) const CONTAINER_HEADER: usize = 16;
/// Bytes of the fixed part of an entry's header (72 in images made by CUDA 12.4, which say so).
pub(crate) const ENTRY_HEADER: usize = 64;
/// More than any header measured, by far: what one header may make us keep.
const LARGEST_ENTRY_HEADER: u64 = 1 << 20;
/// More than any container measured, by far (NVIDIA lists 19 architectures): what one may make us keep.
const MOST_ENTRIES: usize = 1 << 14;

const VERSION_OF_CONTAINER: u16 = 1;
const VERSION_OF_ENTRY: u16 = 0x0101;
const KIND_CONCATENATED: u16 = 0x100;

const FLAG_LZ4: u64 = 0x2000;
const FLAG_ZSTD: u64 = 0x8000;
const FLAG_ARCHITECTURE: u64 = 0x10_0000;
const FLAG_FAMILY: u64 = 0x20_0000;

/// One container: the entries of one translation unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Where it begins, in bytes from the start of what was scanned.
    pub offset: u64,
    /// Bytes of it, header included.
    pub size: u64,
    /// What it holds, in the order of the file; a concatenated entry is replaced by what it holds.
    pub entries: Vec<Entry>,
    /// The first byte after it that is not zero (rounded down to eight), if there is one. In a section
    /// of device code that is the next container or the end of the section, or something was missed.
    pub followed_at: Option<u64>,
    /// What the images of its SASS and PTX tell, where that was asked for
    /// ([`Scanner::reading_images`](crate::Scanner::reading_images)).
    pub images: Vec<ImageOfEntry>,
}

/// The image of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageOfEntry {
    /// Which of the container's entries it is of.
    pub entry: usize,
    /// What it tells, or why it can't be read.
    pub image: Result<Image, ImageError>,
}

impl Container {
    /// The first byte after it.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// One entry of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// What it was compiled for.
    pub code: Code,
    /// How its payload is stored.
    pub compression: Compression,
    /// The CUDA release that compiled it, if the start of the payload shows it.
    pub toolkit: Option<CudaRelease>,
    /// The version of the PTX language, of PTX entries: `(8, 7)`. A driver must know it.
    pub ptx_version: Option<(u16, u16)>,
}

/// How a payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As it is.
    None,
    /// As one LZ4 block, the default up to CUDA 12.9.
    Lz4,
    /// As one zstd frame, the default since CUDA 13.0.
    Zstd,
}

/// A broken container, or bytes that only look like one.
///
/// The magic can occur by chance outside sections of device code (say, in a program that reads fat
/// binaries), so that only the sections determine whether this is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fatbin container at offset {container:#x}: at offset {offset:#x}, {defect}")]
pub struct Broken {
    /// Where the container begins.
    pub container: u64,
    /// Where the header with the defect begins.
    pub offset: u64,
    /// What is wrong.
    pub defect: Defect,
}

/// What is wrong with a container. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The container's header is of a version or size that is not known.
    #[error("unknown container header (version {version}, {header_size} bytes)")]
    ContainerHeader {
        /// The version that it states.
        version: u16,
        /// The size of the header that it states.
        header_size: u16,
    },
    /// The container is larger than what is left of the file.
    #[error("its size of {size} bytes extends beyond the end of the file")]
    ContainerSize {
        /// The payload size that it states.
        size: u64,
    },
    /// What is left of the container has no room for an entry's header.
    #[error("{left} bytes are left, too few for an entry")]
    NoRoomForEntry {
        /// Bytes left in the container.
        left: u64,
    },
    /// The entry's header is of a version that is not known.
    #[error("unknown version {version:#06x} of an entry's header")]
    EntryVersion {
        /// The version that it states.
        version: u16,
    },
    /// The entry's header is too small, or too large for its container.
    #[error("an entry's header of {size} bytes does not fit (64 to {room} bytes)")]
    EntryHeaderSize {
        /// The size that it states.
        size: u32,
        /// The room for it.
        room: u64,
    },
    /// The entry's payload is larger than what is left of the container.
    #[error("an entry's payload of {size} bytes does not fit into the {room} bytes left")]
    PayloadSize {
        /// The padded size that it states.
        size: u64,
        /// The room for it.
        room: u64,
    },
    /// The compressed stream is larger than the payload that holds it.
    #[error("a compressed stream of {compressed} bytes does not fit into its payload of {payload} bytes")]
    CompressedSize {
        /// The size of the stream that it states.
        compressed: u32,
        /// The padded size that it states.
        payload: u64,
    },
    /// SASS or PTX for an architecture whose number makes no sense.
    #[error("architecture {number} is not valid")]
    Architecture {
        /// The number that it states.
        number: u32,
    },
    /// Both suffixes at once.
    #[error("flags {flags:#x} set suffix 'a' and 'f' at once")]
    Suffix {
        /// The flags that it states.
        flags: u64,
    },
    /// More than one compression at once.
    #[error("flags {flags:#x} set more than one compression")]
    Compression {
        /// The flags that it states.
        flags: u64,
    },
    /// The table of a concatenated entry lies outside its header, or does not add up.
    #[error("the table of a concatenated entry is broken: {why}")]
    Concatenated {
        /// What is wrong with it.
        why: &'static str,
    },
    /// More entries than any real container has.
    #[error("more than {MOST_ENTRIES} entries")]
    TooManyEntries,
    /// The file ends within the container.
    #[error("the file ends within it")]
    Truncated,
}

/// The container's header, checked: the size of its payload.
pub(crate) fn container_payload(header: &[u8; CONTAINER_HEADER], room: u64) -> Result<u64, Defect> {
    let fields = Fields(header);
    let (version, header_size, size) = (fields.u16(4), fields.u16(6), fields.u64(8));
    if version != VERSION_OF_CONTAINER || usize::from(header_size) != CONTAINER_HEADER {
        return Err(Defect::ContainerHeader { version, header_size });
    }
    if size > room {
        return Err(Defect::ContainerSize { size });
    }
    Ok(size)
}

/// The whole size of an entry's header, read from its fixed part. `room` is what the container has left.
pub(crate) fn entry_header_size(header: &[u8], room: u64) -> Result<usize, Defect> {
    let fields = Fields(header);
    let (version, size) = (fields.u16(2), fields.u32(4));
    if version != VERSION_OF_ENTRY {
        return Err(Defect::EntryVersion { version });
    }
    let room = room.min(LARGEST_ENTRY_HEADER);
    match usize::try_from(size) {
        Ok(whole) if whole >= ENTRY_HEADER && u64::from(size) <= room => Ok(whole),
        _ => Err(Defect::EntryHeaderSize { size, room }),
    }
}

/// What an entry's whole header says.
pub(crate) struct EntryHeader {
    /// Bytes of payload that follow, padding included.
    pub payload: u64,
    /// Bytes of the payload that are the stored or compressed image.
    pub image: u64,
    /// How the payload is stored.
    pub compression: Compression,
    /// Bytes of the payload, unpacked.
    pub unpacked: u64,
    /// The entry, or what a concatenated entry holds; toolkits are not known yet.
    pub entries: Vec<Entry>,
    /// Where in the unpacked payload the image of each entry lies.
    pub places: Vec<Range<u64>>,
    /// Whether the payload is the image of the one entry, so that its start may tell the toolkit.
    pub single: bool,
}

/// Reads an entry's whole header. `room` is what the container has left after it.
pub(crate) fn entry_header(header: &[u8], room: u64) -> Result<EntryHeader, Defect> {
    let fields = Fields(header);
    let payload = fields.u64(8);
    if payload > room {
        return Err(Defect::PayloadSize { size: payload, room });
    }
    let compression = compression(fields.u64(40))?;
    let compressed = fields.u32(16);
    if compression != Compression::None && u64::from(compressed) > payload {
        return Err(Defect::CompressedSize { compressed, payload });
    }
    let image = if compression == Compression::None { payload } else { u64::from(compressed) };
    let unpacked = if compression == Compression::None { payload } else { fields.u64(56) };
    let single = fields.u16(0) != KIND_CONCATENATED;
    let (entries, places) = if single {
        (vec![entry(fields, compression)?], iter::once(0..unpacked).collect())
    } else {
        concatenated(fields, compression, unpacked)?
    };
    Ok(EntryHeader { payload, image, compression, unpacked, entries, places, single })
}

/// Whether a container may hold that many entries.
pub(crate) fn check_entries(count: usize) -> Result<(), Defect> {
    if count > MOST_ENTRIES { Err(Defect::TooManyEntries) } else { Ok(()) }
}

fn entry(fields: Fields<'_>, compression: Compression) -> Result<Entry, Defect> {
    let kind = match fields.u16(0) {
        1 => Kind::Ptx,
        2 => Kind::Sass,
        8 => Kind::Lto,
        other => Kind::Unknown(other),
    };
    let (number, flags) = (fields.u32(28), fields.u64(40));
    let suffix = match (flags & FLAG_ARCHITECTURE != 0, flags & FLAG_FAMILY != 0) {
        (false, false) => Suffix::Plain,
        (true, false) => Suffix::Architecture,
        (false, true) => Suffix::Family,
        (true, true) => return Err(Defect::Suffix { flags }),
    };
    // What runs has two or three digits; a kind that nobody described may state anything.
    let named = Some(number).filter(|number| *number < 1000).and_then(ComputeCapability::from_number);
    let capability = match (kind, named) {
        (Kind::Unknown(_), named) => named.unwrap_or(ComputeCapability::new(0, 0)),
        (_, Some(capability)) if number >= 10 => capability,
        _ => return Err(Defect::Architecture { number }),
    };
    let ptx_version = (kind == Kind::Ptx).then(|| (fields.u16(26), fields.u16(24)));
    Ok(Entry { code: Code { kind, capability, suffix }, compression, toolkit: None, ptx_version })
}

/// What a concatenated entry holds, and where in its payload of `whole` bytes, unpacked: its header's extension is
/// a table of entry headers.
///
/// Their "header size" and "payload size" are offset and size within the decompressed payload. The table
/// alone tells the architectures, so nothing is decompressed.
fn concatenated(
    fields: Fields<'_>,
    compression: Compression,
    whole: u64,
) -> Result<(Vec<Entry>, Vec<Range<u64>>), Defect> {
    let broken = |why| Defect::Concatenated { why };
    let index = |number: u32| usize::try_from(number).map_err(|_| broken("it is too large"));
    let table = index(fields.u32(20))?;
    let table = fields.0.get(table..).filter(|rest| table >= ENTRY_HEADER && rest.len() >= 8);
    let table = table.ok_or(broken("it is not in the entry's header"))?;
    let (count, bytes) = (index(Fields(table).u32(0))?, index(Fields(table).u32(4))?);
    check_entries(count)?;
    let mut rows = table.get(8..bytes.max(8)).ok_or(broken("it is longer than the header"))?;

    let mut entries = Vec::with_capacity(count);
    let mut places = Vec::with_capacity(count);
    let mut total = 0_u64;
    for _ in 0..count {
        let row = Fields(rows);
        rows = rows.get(row_size(row)..).ok_or(broken("its size and its count disagree"))?;
        if row.u16(0) == KIND_CONCATENATED {
            return Err(broken("it contains another concatenated entry"));
        }
        let (begin, size) = (u64::from(row.u32(4)), row.u64(8));
        let end = begin.checked_add(size).filter(|end| *end <= whole);
        places.push(begin..end.ok_or(broken("an image is outside of the payload"))?);
        total = total.checked_add(size).ok_or(broken("the sizes of its images overflow"))?;
        entries.push(entry(row, compression)?);
    }
    if !rows.is_empty() {
        return Err(broken("its size and its count disagree"));
    }
    if total != whole {
        return Err(broken("the sizes of its images do not add up to the payload's"));
    }
    Ok((entries, places))
}

/// Bytes of a row in the table of a concatenated entry: a name and an extension may follow the header, each with a
/// NUL and padded to eight bytes (measured on what fatbinary 13.5 makes with `--ident` and for sm_100 and later).
fn row_size(row: Fields<'_>) -> usize {
    let (extension, name) = (u64::from(row.u32(20)), u64::from(row.u32(32)));
    let end_of_extension = match usize::try_from(extension) {
        Ok(at) if at > 0 => extension + 8 + u64::from(row.u32(at.saturating_add(4))) + 1,
        _ => 0,
    };
    let end_of_name = if name == 0 { 0 } else { name + u64::from(row.u32(36)) + 1 };
    let end = end_of_extension.max(end_of_name).max(ENTRY_HEADER as u64).next_multiple_of(8);
    usize::try_from(end).unwrap_or(usize::MAX)
}

fn compression(flags: u64) -> Result<Compression, Defect> {
    match (flags & FLAG_LZ4 != 0, flags & FLAG_ZSTD != 0) {
        (false, false) => Ok(Compression::None),
        (true, false) => Ok(Compression::Lz4),
        (false, true) => Ok(Compression::Zstd),
        (true, true) => Err(Defect::Compression { flags }),
    }
}

/// Little-endian numbers at fixed places. What lies beyond the end reads as zero; callers have checked
/// the length of the fixed part.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(self, at: usize) -> [u8; N] {
        self.0.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
    }

    pub fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }

    pub fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    pub fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}
