//! Streaming decompression of deflate (RFC 1951).

use std::io::{self, Read};

use fdeflate::{DecompressionError, Decompressor};

/// How far back deflate refers to at most (RFC 1951, section 2).
const WINDOW: usize = 1 << 15;
/// How much is unpacked in one go.
const FRESH: usize = 7 << 15;
const PACKED: usize = 1 << 16;
/// fdeflate reads the form of zlib (RFC 1950): the two bytes before deflate's, for the largest window…
const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];
/// … and room for the checksum behind them, which a zip does not have: its own is another, and is compared elsewhere.
const ZLIB_CHECKSUM: [u8; 4] = [0; 4];

/// The bytes that a deflate stream holds. What follows its end is not looked at.
pub(crate) struct Inflate<R> {
    packed: R,
    decompressor: Box<Decompressor>,
    /// What was read of `packed`: `input[start..end]` is still to be unpacked.
    input: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether `packed` ended, and the checksum's room was put behind it.
    ended: bool,
    /// The last bytes that were unpacked: `output[given..made]` is still to be given.
    output: Vec<u8>,
    given: usize,
    made: usize,
}

impl<R: Read> Inflate<R> {
    /// Unpacks `packed`, which is said to make `size` bytes; it may make others.
    pub(crate) fn new(packed: R, size: u64) -> Self {
        let mut decompressor = Box::new(Decompressor::new());
        decompressor.ignore_adler32();
        let mut input = vec![0; PACKED];
        input[..ZLIB_HEADER.len()].copy_from_slice(&ZLIB_HEADER);
        // Most members are small texts.
        let fresh = usize::try_from(size).map_or(FRESH, |size| size.clamp(1, FRESH));
        Self {
            packed,
            decompressor,
            input,
            start: 0,
            end: ZLIB_HEADER.len(),
            ended: false,
            output: vec![0; WINDOW + fresh],
            given: 0,
            made: 0,
        }
    }

    /// Unpacks more, until there is something or the stream ends.
    fn unpack(&mut self) -> io::Result<()> {
        while self.given == self.made && !self.decompressor.is_done() {
            if self.made == self.output.len() {
                self.output.copy_within(self.made - WINDOW.., 0);
                (self.given, self.made) = (WINDOW, WINDOW);
            }
            let input = &self.input[self.start..self.end];
            let (read, made) = self
                .decompressor
                .read(input, &mut self.output, self.made, self.ended)
                .map_err(|error| refused(&error))?;
            self.start += read;
            self.made += made;
            if (read, made) == (0, 0) {
                self.fill()?;
            }
        }
        Ok(())
    }

    /// Reads more of `packed` behind what is still to be unpacked.
    fn fill(&mut self) -> io::Result<()> {
        if self.ended {
            return Err(refused(&DecompressionError::InsufficientInput));
        }
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let mut read = self.packed.read(&mut self.input[self.end..PACKED - ZLIB_CHECKSUM.len()])?;
        if read == 0 {
            self.ended = true;
            read = ZLIB_CHECKSUM.len();
            self.input[self.end..self.end + read].copy_from_slice(&ZLIB_CHECKSUM);
        }
        self.end += read;
        Ok(())
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.made {
            self.unpack()?;
        }
        let count = buffer.len().min(self.made - self.given);
        buffer[..count].copy_from_slice(&self.output[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

fn refused(error: &DecompressionError) -> io::Error {
    let (kind, what) = match error {
        DecompressionError::InsufficientInput => {
            (io::ErrorKind::UnexpectedEof, "its compressed data ends too early")
        }
        DecompressionError::DistanceTooFarBack | DecompressionError::InputStartsWithRun => {
            (io::ErrorKind::InvalidData, "its compressed data refers to data before its start")
        }
        DecompressionError::InvalidUncompressedBlockLength => {
            (io::ErrorKind::InvalidData, "its compressed data contains a block with a contradictory length")
        }
        _ => (io::ErrorKind::InvalidData, "its compressed data contains a code that is not valid in deflate"),
    };
    io::Error::new(kind, what)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::read::DeflateDecoder;
    use flate2::write::DeflateEncoder;
    use proptest::prelude::*;

    use super::*;

    /// What a decoder gives, and whether it then refused.
    fn read(mut decoder: impl Read) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let refused = decoder.read_to_end(&mut bytes).is_err();
        (bytes, refused)
    }

    /// Gives few bytes at a time, as a network may.
    struct Slow<'bytes>(&'bytes [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    /// Runs, copies from far back and noise: what makes deflate use all that it has.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            (any::<u8>(), 1..70_000_usize).prop_map(|(byte, count)| vec![byte; count]),
            proptest::collection::vec(any::<u8>(), 1..3000),
            (proptest::collection::vec(0..4_u8, 1..200), 1..300_usize)
                .prop_map(|(word, count)| word.repeat(count)),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn deflate(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_packed_is_unpacked(content in content(), level in 0..10_u32, step in 1..5000_usize, said in any::<u16>()) {
            let packed = deflate(&content, level);
            prop_assert!(read(Inflate::new(Slow(&packed, step), said.into())) == (content, false));
        }

        #[test]
        fn what_is_broken_is_refused_where_zlib_refuses_it(
            content in content(), level in 0..10_u32, cut in any::<prop::sample::Index>(), flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut packed = deflate(&content, level);
            packed.truncate(cut.index(packed.len()) + 1);
            for (at, byte) in flips {
                let at = at.index(packed.len());
                packed[at] ^= byte;
            }
            let (theirs, they_refuse) = read(DeflateDecoder::new(packed.as_slice()));
            let (ours, we_refuse) = read(Inflate::new(packed.as_slice(), content.len() as u64));
            // Past the end, zeros may be read as one more code: the size that a zip declares tells.
            prop_assert!(we_refuse == they_refuse || ours.len() != theirs.len(), "{they_refuse} at {}", theirs.len());
            prop_assert!(they_refuse || ours == theirs);
        }
    }
}
