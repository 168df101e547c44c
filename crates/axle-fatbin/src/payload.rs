//! Payloads of entries: the CUDA release that made an image, as far as its first bytes tell, and decompression.

use std::borrow::Cow;
use std::io::Read;

use axle_types::CudaRelease;
use memchr::memmem;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::arch::Kind;
use crate::container::{Compression, Fields};
use crate::image::ImageError;

/// What is kept of a payload's start. PTX names the release in its leading comment, within about 250
/// bytes; a cubin in its ELF header.
pub(crate) const PREFIX: usize = 1024;

/// What is kept of a payload's start where nothing cheaper tells: a block of zstd has 128 KiB at most, beside the
/// headers of the frame and the block.
pub(crate) const LONG_PREFIX: usize = (128 << 10) + 32;

/// The release that made the image that begins with `prefix`, or `None` where that start doesn't tell cheaply.
pub(crate) fn toolkit(kind: Kind, compression: Compression, prefix: &[u8]) -> Option<CudaRelease> {
    let decompressed;
    let start = match compression {
        Compression::None => prefix,
        Compression::Lz4 => {
            decompressed = lz4_start(prefix, PREFIX);
            &decompressed
        }
        // The first block of a zstd frame is needed whole to read its first byte.
        Compression::Zstd => return None,
    };
    match kind {
        Kind::Sass => toolkit_of_cubin(start),
        Kind::Ptx => release_in(start),
        Kind::Lto | Kind::Unknown(_) => None,
    }
}

/// As [`toolkit`], from up to [`LONG_PREFIX`] bytes: cubins of ABI 8 have the release in a note, behind their names
/// and symbols, which is that near in all but the largest.
pub(crate) fn toolkit_further_in(compression: Compression, prefix: &[u8]) -> Option<CudaRelease> {
    match compression {
        Compression::None => release_in(prefix),
        Compression::Lz4 => release_in(&lz4_start(prefix, LONG_PREFIX)),
        Compression::Zstd => release_in(&zstd_start(prefix, LONG_PREFIX)?),
    }
}

/// Cubins of ABI 7 (CUDA up to 12.9, up to sm_90a) have the release in `e_version`: 128 is 12.8. Those of
/// ABI 8 have 1 there, and the release in notes that lie too far inside.
fn toolkit_of_cubin(start: &[u8]) -> Option<CudaRelease> {
    const OS_ABI_7: u8 = 0x33;
    if !start.starts_with(b"\x7fELF") || start.get(7) != Some(&OS_ABI_7) || start.len() < 24 {
        return None;
    }
    CudaRelease::from_number(Fields(start).u32(20))
}

/// `Cuda compilation tools, release 12.8, V12.8.93`: so tools sign what they make, PTX among the comments at
/// its head, cubins of ABI 8 in a note.
pub(crate) fn release_in(text: &[u8]) -> Option<CudaRelease> {
    const MARK: &[u8] = b"Cuda compilation tools, release ";
    let at = memmem::find(text, MARK)? + MARK.len();
    let rest = text.get(at..)?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
}

/// The whole image of a payload, whose header says that it has `size` bytes.
pub(crate) fn unpack(
    compression: Compression,
    stored: &[u8],
    size: usize,
) -> Result<Cow<'_, [u8]>, ImageError> {
    let broken = ImageError::Stream { compression };
    let mut image = Vec::new();
    let written = match compression {
        Compression::None => return Ok(stored.into()),
        Compression::Lz4 => {
            image.resize(size, 0);
            lz4_flex::block::decompress_into(stored, &mut image).ok()
        }
        Compression::Zstd => {
            image.resize(size, 0);
            FrameDecoder::new().decode_all(stored, &mut image).ok()
        }
    };
    if written == Some(size) { Ok(image.into()) } else { Err(broken) }
}

/// Decompresses the start of an LZ4 block: at most `limit` bytes, fewer where `input` ends or is broken.
fn lz4_start(input: &[u8], limit: usize) -> Vec<u8> {
    let mut output = Vec::with_capacity(limit);
    lz4_sequences(input, limit, &mut output);
    output.truncate(limit);
    output
}

/// One sequence after the other: literals, then a match in what was written. `None` when there is no more.
fn lz4_sequences(input: &[u8], limit: usize, output: &mut Vec<u8>) -> Option<()> {
    let mut input = input.iter().copied();
    while output.len() < limit {
        let token = input.next()?;
        let literals = lz4_length(token >> 4, limit, &mut input)?;
        for _ in 0..literals {
            output.push(input.next()?);
        }
        let distance = usize::from(u16::from_le_bytes([input.next()?, input.next()?]));
        let length = lz4_length(token & 0x0f, limit, &mut input)? + 4;
        let from = output.len().checked_sub(distance).filter(|_| distance > 0)?;
        for at in from..from + length.min(limit) {
            output.push(*output.get(at)?);
        }
    }
    Some(())
}

/// What the first block of the zstd frame in `stream` unpacks to, `limit` bytes at most; `None` where `stream` does
/// not hold the whole block, which has 128 KiB at most, or is no such frame.
///
/// A decoder gives nothing before it has the whole window, which may be as large as the content: so the header is
/// replaced by one with a small window, and the block is marked as the last (RFC 8878, 3.1.1).
pub fn zstd_start(stream: &[u8], limit: usize) -> Option<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    /// No size, checksum or dictionary; a window of 2^(10 + 8) bytes, twice the largest block.
    const HEADER: [u8; 2] = [0, 8 << 3];
    let descriptor = *stream.strip_prefix(&MAGIC)?.first()?;
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = [usize::from(single), 2, 4, 8][usize::from(descriptor >> 6)];
    let block = stream.get(MAGIC.len() + 1 + usize::from(!single) + dictionary + size..)?;
    let (&[first, second, third], content) = block.split_first_chunk::<3>()?;
    let length = usize::from(first >> 3) | usize::from(second) << 5 | usize::from(third) << 13;
    // One byte stands for a block that repeats it.
    let is_repeated = (first >> 1) & 3 == 1;
    let content = content.get(..if is_repeated { 1 } else { length })?;
    let frame = [&MAGIC, &HEADER[..], &[first | 1, second, third], content].concat();
    let mut start = Vec::new();
    let decoder = StreamingDecoder::new(frame.as_slice()).ok()?;
    // A broken end leaves what came before it.
    let _ = decoder.take(u64::try_from(limit).ok()?).read_to_end(&mut start);
    Some(start)
}

/// A length of four bits, continued in whole bytes while it is all ones, cut at `limit`.
fn lz4_length(bits: u8, limit: usize, input: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let mut length = usize::from(bits);
    let mut more = bits == 0x0f;
    while more {
        let byte = input.next()?;
        length = length.saturating_add(usize::from(byte));
        more = byte == 0xff;
    }
    Some(length.min(limit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ptx_names_its_release() {
        let text = b"\n//\n// Generated by NVIDIA NVVM Compiler\n// Compiler Build ID: CL-35583870\n\
            // Cuda compilation tools, release 12.8, V12.8.93\n//\n.version 8.7\n";
        assert_eq!(toolkit(Kind::Ptx, Compression::None, text), Some(CudaRelease { major: 12, minor: 8 }));
        let packed = lz4_flex::block::compress(text);
        assert_eq!(toolkit(Kind::Ptx, Compression::Lz4, &packed), Some(CudaRelease { major: 12, minor: 8 }));
        assert_eq!(toolkit(Kind::Ptx, Compression::None, b".version 8.7\n"), None);
    }

    #[test]
    fn a_cubin_of_abi_7_names_its_release() {
        let mut header = b"\x7fELF\x02\x01\x01\x33\x07\0\0\0\0\0\0\0\x02\0\xbe\0\x80\0\0\0".to_vec();
        assert_eq!(
            toolkit(Kind::Sass, Compression::None, &header),
            Some(CudaRelease { major: 12, minor: 8 })
        );
        header[7] = 0x41;
        assert_eq!(toolkit(Kind::Sass, Compression::None, &header), None);
    }

    proptest! {
        #[test]
        fn the_start_of_an_lz4_block_is_the_start_of_what_was_packed(
            words in prop::collection::vec(prop::collection::vec(0_u8..4, 1..40), 0..60),
            limit in 1_usize..600,
        ) {
            let text = words.concat();
            let packed = lz4_flex::block::compress(&text);
            let start = lz4_start(&packed, limit);
            prop_assert_eq!(&start[..], &text[..text.len().min(limit)]);
        }

        #[test]
        fn any_bytes_are_read_within_the_limit(bytes: Vec<u8>, limit in 0_usize..100) {
            prop_assert!(lz4_start(&bytes, limit).len() <= limit);
            toolkit(Kind::Sass, Compression::Lz4, &bytes);
            toolkit(Kind::Ptx, Compression::None, &bytes);
        }
    }
}
