//! Device code for AMD GPUs: clang offload bundles, found while a member is streamed.
//!
//! <https://clang.llvm.org/docs/ClangOffloadBundler.html>: a bundle is a magic, a number of entries, and for each
//! its offset, its size and its name, like `hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-`. A compressed one begins
//! with `CCOB`, sizes and a hash, and holds the same as one zlib or zstd stream. HIP puts one for each
//! translation unit (or all device code that was linked together) into `.hip_fatbin`, at multiples of 4096.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use axle_elf::Section;
use memchr::memmem;

const PLAIN: &[u8] = b"__CLANG_OFFLOAD_BUNDLE__";
const COMPRESSED: &[u8] = b"CCOB";
/// The section that holds nothing else.
const SECTION: &str = ".hip_fatbin";

/// The list of entries has some kilobytes, and is in the first block of a zstd stream, of 128 KiB at most.
const KEPT: usize = 132 << 10;
/// The most bytes of the list of entries, unpacked.
const LONGEST_LIST: usize = 64 << 10;
/// Real libraries have a few hundred. Each costs some work, so that further ones are no longer looked for.
const MOST_BUNDLES: usize = 1 << 13;

/// The most bytes of lists of targets that differ. Real libraries have one list for all bundles, of some hundred bytes.
const LARGEST_LISTS: usize = 256 << 10;

/// Bundles begin at multiples of a page; in files that were packed again, of a word at least.
const ALIGNMENT: u64 = 8;

/// The name under which bundles are counted that can't be read.
const UNREADABLE: &str = "unreadable";

/// Finds bundles in a stream.
#[derive(Default)]
pub(crate) struct Bundles {
    position: u64,
    /// The end of the last piece, in which a magic may begin.
    tail: Vec<u8>,
    /// The bundle that is being kept: where it begins, and its first bytes.
    open: Option<(u64, Vec<u8>)>,
    /// Bytes of a bundle that was read, still to come.
    skip: u64,
    /// Where bundles begin, and the number of the list of their targets.
    found: Vec<(u64, Option<usize>)>,
    /// The lists, each once, and their bytes.
    lists: HashMap<Vec<String>, usize>,
    listed: usize,
}

impl Bundles {
    pub fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && self.found.len() < MOST_BUNDLES {
            if self.open.is_some() {
                piece = self.keep(piece);
                continue;
            }
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
                self.skip -= skipped as u64;
                self.position = self.position.saturating_add(skipped as u64);
                piece = piece.get(skipped..).unwrap_or_default();
                continue;
            }
            // The end of what was before, with the start of this: a magic may lie across.
            let mut across = std::mem::take(&mut self.tail);
            let before = across.len();
            across.extend_from_slice(piece.get(..PLAIN.len().min(piece.len())).unwrap_or_default());
            if let Some(at) = find(&across).filter(|at| *at < before) {
                let start = self.position.saturating_sub((before - at) as u64);
                self.open = Some((start, across.get(at..before).unwrap_or_default().to_vec()));
            } else if let Some(at) = find(piece) {
                self.position = self.position.saturating_add(at as u64);
                self.open = Some((self.position, Vec::new()));
                piece = piece.get(at..).unwrap_or_default();
            } else {
                let joined = if piece.len() < PLAIN.len() { &across } else { piece };
                self.tail =
                    joined.get(joined.len().saturating_sub(PLAIN.len() - 1)..).unwrap_or_default().to_vec();
                self.position = self.position.saturating_add(piece.len() as u64);
                return;
            }
        }
    }

    /// Takes bytes for the open bundle, and gives the rest.
    fn keep<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let Some((_, bytes)) = &mut self.open else { return piece };
        let (taken, rest) = piece.split_at((KEPT - bytes.len().min(KEPT)).min(piece.len()));
        bytes.extend_from_slice(taken);
        self.position = self.position.saturating_add(taken.len() as u64);
        if bytes.len() >= KEPT {
            self.close();
        }
        rest
    }

    /// Reads what was kept. Where it holds the start of a further bundle, that is read from it too.
    fn close(&mut self) {
        let Some((mut start, bytes)) = self.open.take() else { return };
        let mut bytes = bytes.as_slice();
        loop {
            let mut next = 1;
            if start % ALIGNMENT == 0 {
                let bundle = read(bytes);
                if let Some(bundle) = &bundle {
                    match usize::try_from(bundle.size) {
                        Ok(size) if size <= bytes.len() => next = size.max(1),
                        // What lies in a bundle is none.
                        _ => self.skip = bundle.size - bytes.len() as u64,
                    }
                }
                let list = bundle.and_then(|bundle| self.number(bundle.targets));
                self.found.push((start, list));
            }
            let further = bytes.get(next..).filter(|_| self.skip == 0).and_then(find);
            let Some(at) = further.filter(|_| self.found.len() < MOST_BUNDLES) else { return };
            next += at;
            start = start.saturating_add(next as u64);
            bytes = bytes.get(next..).unwrap_or_default();
        }
    }

    /// The number of a list; none of one that is too much to be kept.
    fn number(&mut self, targets: Vec<String>) -> Option<usize> {
        let next = self.lists.len();
        if let Some(number) = self.lists.get(&targets) {
            return Some(*number);
        }
        self.listed += targets.iter().map(|target| target.len() + size_of::<String>()).sum::<usize>() + 64;
        (self.listed <= LARGEST_LISTS).then(|| *self.lists.entry(targets).or_insert(next))
    }

    /// How many bundles hold code for each target, once the sections are known: what can't be read counts
    /// only where nothing but bundles should be.
    pub fn finish(mut self, sections: &[Section]) -> BTreeMap<String, u64> {
        self.close();
        let holds =
            |section: &Section, at: u64| at.checked_sub(section.offset).is_some_and(|by| by < section.size);
        let in_section =
            |at: u64| sections.iter().any(|section| section.name == SECTION && holds(section, at));
        let mut unreadable = 0;
        let mut uses = vec![0; self.lists.len()];
        for (at, list) in self.found {
            match list.and_then(|list| uses.get_mut(list)) {
                Some(count) => *count += 1,
                None => unreadable += u64::from(in_section(at)),
            }
        }
        let mut counts = BTreeMap::new();
        if unreadable > 0 {
            counts.insert(UNREADABLE.to_owned(), unreadable);
        }
        for (targets, number) in self.lists {
            let uses = uses.get(number).copied().unwrap_or_default();
            for target in targets {
                *counts.entry(target).or_default() += uses;
            }
        }
        counts
    }
}

fn find(bytes: &[u8]) -> Option<usize> {
    let plain = memmem::find(bytes, PLAIN);
    let compressed = memmem::find(bytes, COMPRESSED);
    plain.into_iter().chain(compressed).min()
}

/// What the start of a bundle tells.
struct Bundle {
    /// Its targets, without the host.
    targets: Vec<String>,
    /// How many bytes it has, at least.
    size: u64,
}

/// Reads the bundle that begins with `bytes`; `None` where that can't be read.
fn read(bytes: &[u8]) -> Option<Bundle> {
    if !bytes.starts_with(COMPRESSED) {
        return entries(bytes);
    }
    let short = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
    // Magic, version, method; then the whole size (since version 2), the unpacked size and a hash of 8
    // bytes; sizes have 4 bytes, in version 3 they have 8.
    let (size, header) = match short(4)? {
        1 => (0, 20),
        2 => (u64::from(u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?)), 24),
        3 => (u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?), 32),
        _ => return None,
    };
    let stream = bytes.get(header..)?;
    let mut list = Vec::new();
    // A stream that ends too early was cut here: what came is the start of the list.
    match short(6)? {
        0 => drop(flate2::read::ZlibDecoder::new(stream).take(LONGEST_LIST as u64).read_to_end(&mut list)),
        1 => list = axle_fatbin::zstd_start(stream, LONGEST_LIST)?,
        _ => return None,
    }
    Some(Bundle { size, ..entries(&list)? })
}

fn entries(bytes: &[u8]) -> Option<Bundle> {
    const LONGEST_NAME: u64 = 256;
    const MOST_ENTRIES: u64 = 1 << 10;
    let mut rest = bytes.strip_prefix(PLAIN)?;
    let count = number(&mut rest).filter(|count| *count <= MOST_ENTRIES)?;
    let mut bundle = Bundle { targets: Vec::new(), size: 0 };
    for _ in 0..count {
        let (offset, size) = (number(&mut rest)?, number(&mut rest)?);
        let length = usize::try_from(number(&mut rest).filter(|length| *length <= LONGEST_NAME)?).ok()?;
        let (name, after) = rest.split_at_checked(length)?;
        rest = after;
        bundle.size = bundle.size.max(offset.checked_add(size)?);
        let name = std::str::from_utf8(name).ok()?;
        // The host's entry is empty: it only marks the place.
        if size > 0
            && !name.starts_with("host-")
            && let Some((_, target)) = name.rsplit_once("--")
        {
            bundle.targets.push(target.to_owned());
        }
    }
    Some(bundle)
}

/// Takes a number off the front.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bundle(names: &[&str]) -> Vec<u8> {
        let mut bytes = [PLAIN, &(names.len() as u64).to_le_bytes()].concat();
        for name in names {
            let size = u64::from(!name.starts_with("host")) * 8;
            for number in [200, size, name.len() as u64] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(name.as_bytes());
        }
        bytes.resize(208, 0);
        bytes
    }

    fn compressed(bundle: &[u8], version: u16, method: u16) -> Vec<u8> {
        let stream = if method == 0 {
            let mut encoder = flate2::read::ZlibEncoder::new(bundle, flate2::Compression::fast());
            let mut stream = Vec::new();
            encoder.read_to_end(&mut stream).unwrap();
            stream
        } else {
            ruzstd::encoding::compress_to_vec(bundle, ruzstd::encoding::CompressionLevel::Fastest)
        };
        let sizes = [0, 12, 16, 24][usize::from(version)];
        let mut bytes =
            [COMPRESSED, &version.to_le_bytes(), &method.to_le_bytes(), &vec![0; sizes], &stream].concat();
        let size = bytes.len() as u64;
        match version {
            2 => bytes[8..12].copy_from_slice(&size.to_le_bytes()[..4]),
            3 => bytes[8..16].copy_from_slice(&size.to_le_bytes()),
            _ => {}
        }
        bytes
    }

    const NAMES: [&str; 3] = [
        "host-x86_64-unknown-linux-gnu-",
        "hipv4-amdgcn-amd-amdhsa--gfx90a:xnack-",
        "hipv4-amdgcn-amd-amdhsa--gfx1100",
    ];

    fn told(file: &[u8], piece: usize) -> Vec<(String, u64)> {
        let mut bundles = Bundles::default();
        for piece in file.chunks(piece) {
            bundles.push(piece);
        }
        let section = Section { name: SECTION.to_owned(), offset: 4096, size: u64::MAX - 4096 };
        bundles.finish(&[section]).into_iter().collect()
    }

    #[test]
    fn bundles_of_every_kind_are_read() {
        let plain = bundle(&NAMES);
        let mut file = vec![0; 4096];
        for one in
            [plain.clone(), compressed(&plain, 1, 0), compressed(&plain, 2, 1), compressed(&plain, 3, 1)]
        {
            file.extend(one);
            file.resize(file.len().next_multiple_of(4096) + (200 << 10), 0);
        }
        file.extend(b"CCOB\x09\0\0\0");
        let expected =
            [("gfx1100".to_owned(), 4), ("gfx90a:xnack-".to_owned(), 4), ("unreadable".to_owned(), 1)];
        for piece in [1 << 20, 1 << 17, 4096, 1000, 7] {
            assert_eq!(told(&file, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn lists_that_differ_are_kept_up_to_a_limit() {
        let mut file = vec![0; 4096];
        for number in 0..4000 {
            let name = format!("hipv4-amdgcn-amd-amdhsa--{number:08}");
            file.extend(bundle(&[&name]));
            file.resize(file.len().next_multiple_of(512), 0);
        }
        let told = told(&file, 4096);
        let unreadable = told.iter().find(|(name, _)| name == "unreadable").unwrap().1;
        assert!((2000..3500).contains(&told.len()), "{}", told.len());
        assert_eq!(told.len() as u64 - 1 + unreadable, 4000);
    }

    #[test]
    fn a_program_that_reads_bundles_holds_none() {
        let section = Section { name: ".rodata".to_owned(), offset: 0, size: 1 << 20 };
        let mut bundles = Bundles::default();
        bundles.push(b"\0__CLANG_OFFLOAD_BUNDLE__\0CCOB\0");
        assert!(bundles.finish(&[section]).is_empty());
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            gaps in prop::collection::vec((0_usize..200_000, 2_u16..4, 0_u16..2), 0..5),
            piece in 100_usize..5000,
        ) {
            let mut file = vec![0; 4096];
            for (gap, version, method) in gaps {
                file.resize((file.len() + gap).next_multiple_of(8), 0);
                file.extend(compressed(&bundle(&NAMES), version, method));
            }
            prop_assert_eq!(told(&file, piece), told(&file, 1 << 22));
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, version in 0_u16..4, method in 0_u16..3) {
            let head = [COMPRESSED, &version.to_le_bytes(), &method.to_le_bytes(), &bytes].concat();
            told(&head, 50);
            told(&[PLAIN, &bytes].concat(), 50);
        }
    }
}
