//! Scanner that finds fatbin containers in a stream of bytes.

use std::ops::Range;

use crate::arch::Kind;
use crate::container::{
    Broken, CONTAINER_HEADER, Compression, Container, Defect, ENTRY_HEADER, Entry, EntryHeader, Fields,
    ImageOfEntry, MAGIC, check_entries, container_payload, entry_header, entry_header_size,
};
use crate::image::{Image, ImageError};
use crate::payload::{LONG_PREFIX, PREFIX, toolkit, toolkit_further_in, unpack};

/// Containers begin at multiples of this.
const ALIGNMENT: usize = 8;

/// The most bytes of a payload that are unpacked, and kept for it. The largest of
/// libtorch_cuda.so 2.9.1 has 4.1 MB and unpacks to 29.3 MB.
const LARGEST_PAYLOAD: u64 = 64 << 20;

/// The most times that all of a file's images may be larger, unpacked, than the file, beside one of the largest.
/// The largest of libtorch_cuda.so is 7 times what is stored; a stream can be 30,000 times.
const MOST_TIMES: u64 = 100;

/// What a [`Scanner`] reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole container.
    Container(Container),
    /// What began like a container and can't be one.
    Broken(Broken),
}

/// Finds the containers in the bytes of a file, fed in pieces of any size from its first byte on.
///
/// ```
/// use axle_fatbin::Scanner;
///
/// let file = [0_u8; 4096];
/// let mut found = Vec::new();
/// let mut scanner = Scanner::new(4096);
/// for piece in file.chunks(1000) {
///     scanner.push(piece, &mut |what| found.push(what));
/// }
/// scanner.finish(&mut |what| found.push(what));
/// assert!(found.is_empty());
/// ```
#[derive(Debug)]
pub struct Scanner {
    /// Bytes in the whole file, or the most there can be.
    file_size: u64,
    /// Whether images are read whole.
    reads_images: bool,
    /// Bytes fed so far.
    position: u64,
    /// Bytes that images were unpacked to.
    unpacked: u64,
    state: State,
    /// A piece of a word or of a header, kept until the rest of it comes.
    buffer: Vec<u8>,
    /// The last container, until it is known what follows it.
    last: Option<Container>,
}

#[derive(Debug)]
enum State {
    /// Between containers.
    Search,
    /// In a container's header.
    ContainerHeader,
    /// In an entry's header, of which `size` bytes are wanted.
    EntryHeader { container: Open, size: usize },
    /// In an entry's payload.
    Payload { container: Open, payload: Payload },
}

/// A container that is being read.
#[derive(Debug)]
struct Open {
    offset: u64,
    /// The first byte after it.
    end: u64,
    entries: Vec<Entry>,
    images: Vec<ImageOfEntry>,
    /// Whether the start of an image told its release, or a longer one was looked at: one is enough, as one run of
    /// the compiler makes a container.
    looked: bool,
}

/// A payload that is being passed over.
#[derive(Debug)]
struct Payload {
    /// Bytes still to come.
    left: u64,
    /// How many of the first bytes are wanted in the buffer.
    wanted: usize,
    /// Whether it is the image of the container's latest entry.
    single: bool,
    /// What is unpacked of it at its end.
    packed: Option<Packed>,
}

/// Images that are stored as one payload.
#[derive(Debug)]
struct Packed {
    compression: Compression,
    unpacked: usize,
    /// Which entry's image lies where, unpacked.
    places: Vec<(usize, Range<u64>)>,
}

impl Scanner {
    /// Starts at the first byte of a file of `file_size` bytes; `u64::MAX` where that isn't known.
    pub fn new(file_size: u64) -> Self {
        let state = State::Search;
        let buffer = Vec::new();
        Self { file_size, reads_images: false, position: 0, unpacked: 0, state, buffer, last: None }
    }

    /// Reads the images of SASS and PTX whole, too, as [`Container::images`]. That keeps the largest payload
    /// and what it unpacks to, up to 64 MiB each, and takes time in proportion to what is unpacked.
    #[must_use]
    pub fn reading_images(self) -> Self {
        Self { reads_images: true, ..self }
    }

    /// Accepts the next bytes of the file, and reports the containers that they complete.
    pub fn push(&mut self, mut bytes: &[u8], tell: &mut impl FnMut(Found)) {
        while !bytes.is_empty() {
            // The state is taken out and put back, so that what a state holds can be moved to the next.
            self.state = match std::mem::replace(&mut self.state, State::Search) {
                State::Search => self.search(&mut bytes, tell),
                State::ContainerHeader => self.container_header(&mut bytes, tell),
                State::EntryHeader { container, size } => {
                    self.entry_header(container, size, &mut bytes, tell)
                }
                State::Payload { container, payload } => self.payload(container, payload, &mut bytes, tell),
            };
        }
    }

    /// Ends the file, and reports the last container, or one that the end of the file truncates.
    pub fn finish(mut self, tell: &mut impl FnMut(Found)) {
        self.tell_last(None, tell);
        let container = match self.state {
            State::Search => return,
            State::ContainerHeader => self.buffer_start(),
            State::EntryHeader { container, .. } | State::Payload { container, .. } => container.offset,
        };
        tell(Found::Broken(Broken { container, offset: self.position, defect: Defect::Truncated }));
    }

    /// Looks for the magic in whole words; keeps a piece of a word for the next call.
    fn search(&mut self, bytes: &mut &[u8], tell: &mut impl FnMut(Found)) -> State {
        let within = usize::try_from(self.position % ALIGNMENT as u64).unwrap_or(0);
        if within != 0 || !self.buffer.is_empty() {
            // After a container of odd size the buffer lacks the start of its word: the rest is no start.
            let size = self.buffer.len() + (ALIGNMENT - within);
            if !self.fill(bytes, size) {
                return State::Search;
            }
            if self.buffer.iter().any(|byte| *byte != 0) {
                self.tell_last(Some(self.buffer_start()), tell);
            }
            if self.buffer.len() == ALIGNMENT && is_magic(&self.buffer) {
                return State::ContainerHeader;
            }
            self.buffer.clear();
            return State::Search;
        }

        let (words, rest) = bytes.split_at(bytes.len() - bytes.len() % ALIGNMENT);
        let mut passed = 0;
        if self.last.is_some() {
            let zeros = words.chunks_exact(ALIGNMENT).take_while(|word| word.iter().all(|byte| *byte == 0));
            passed = zeros.count() * ALIGNMENT;
            if passed < words.len() {
                self.tell_last(Some(self.position + passed as u64), tell);
            }
        }
        if let Some(at) = find_magic(words.get(passed..).unwrap_or_default()) {
            let at = passed + at;
            self.position += at as u64;
            *bytes = bytes.get(at..).unwrap_or_default();
            return State::ContainerHeader;
        }
        self.position += words.len() as u64;
        *bytes = rest;
        self.fill(bytes, ALIGNMENT);
        State::Search
    }

    fn container_header(&mut self, bytes: &mut &[u8], tell: &mut impl FnMut(Found)) -> State {
        if !self.fill(bytes, CONTAINER_HEADER) {
            return State::ContainerHeader;
        }
        let offset = self.buffer_start();
        let room = self.file_size.saturating_sub(self.position);
        let header = self.buffer.first_chunk().copied().unwrap_or_default();
        self.buffer.clear();
        match container_payload(&header, room) {
            Ok(size) => {
                let end = self.position.saturating_add(size);
                let container = Open { offset, end, entries: Vec::new(), images: Vec::new(), looked: false };
                self.next_entry(container, tell)
            }
            Err(defect) => broken(offset, offset, defect, tell),
        }
    }

    fn entry_header(
        &mut self,
        mut container: Open,
        size: usize,
        bytes: &mut &[u8],
        tell: &mut impl FnMut(Found),
    ) -> State {
        if !self.fill(bytes, size) {
            return State::EntryHeader { container, size };
        }
        let offset = self.buffer_start();
        let header = match entry_header_size(&self.buffer, container.end.saturating_sub(offset)) {
            Ok(whole) if whole > size => return State::EntryHeader { container, size: whole },
            Ok(_) => entry_header(&self.buffer, container.end.saturating_sub(self.position)),
            Err(defect) => Err(defect),
        };
        self.buffer.clear();
        let checked = header.and_then(|header| {
            check_entries(container.entries.len() + header.entries.len()).map(|()| header)
        });
        match checked {
            Ok(header) => {
                let packed = if self.reads_images { self.packed(&mut container, &header) } else { None };
                let EntryHeader { payload, image, entries, single, .. } = header;
                let most = match &packed {
                    Some(_) => usize::MAX,
                    None if single && container.looks(&entries) => LONG_PREFIX,
                    None if single => PREFIX,
                    None => 0,
                };
                container.entries.extend(entries);
                let wanted = usize::try_from(image).unwrap_or(usize::MAX).min(most);
                let payload = Payload { left: payload, wanted, single, packed };
                if payload.left == 0 {
                    return self.next_entry(container, tell);
                }
                State::Payload { container, payload }
            }
            Err(defect) => broken(container.offset, offset, defect, tell),
        }
    }

    fn payload(
        &mut self,
        mut container: Open,
        mut payload: Payload,
        bytes: &mut &[u8],
        tell: &mut impl FnMut(Found),
    ) -> State {
        let before = self.position;
        self.fill(bytes, payload.wanted);
        let rest = payload.left.saturating_sub(self.position - before);
        self.skip(bytes, rest);
        payload.left = payload.left.saturating_sub(self.position - before);
        if payload.left > 0 {
            return State::Payload { container, payload };
        }
        if payload.single
            && let Some(entry) = container.entries.last_mut()
        {
            let start = self.buffer.get(..PREFIX).unwrap_or(&self.buffer);
            entry.toolkit = toolkit(entry.code.kind, entry.compression, start);
            if entry.toolkit.is_none() && entry.code.kind == Kind::Sass && !container.looked {
                entry.toolkit = toolkit_further_in(entry.compression, &self.buffer);
                container.looked = true;
            }
            container.looked |= entry.toolkit.is_some();
        }
        if let Some(packed) = payload.packed {
            container.read(&packed, &self.buffer);
            // A large one is the exception: what it took is not kept for the next.
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        self.next_entry(container, tell)
    }

    /// What to unpack of the payload that follows `header`, whose entries come next: nothing where it holds
    /// neither SASS nor PTX, or is too large, which is told.
    fn packed(&mut self, container: &mut Open, header: &EntryHeader) -> Option<Packed> {
        let entries = header.entries.iter().zip(&header.places).zip(container.entries.len()..);
        let images = entries.filter(|((entry, _), _)| matches!(entry.code.kind, Kind::Sass | Kind::Ptx));
        let places: Vec<_> = images.map(|((_, place), entry)| (entry, place.clone())).collect();
        let size = header.image.max(header.unpacked);
        let most = self.position.saturating_mul(MOST_TIMES).saturating_add(LARGEST_PAYLOAD);
        let limit = most.saturating_sub(self.unpacked).min(LARGEST_PAYLOAD);
        if size > limit {
            let error = ImageError::TooLarge { size, limit };
            container.images.extend(
                places.into_iter().map(|(entry, _)| ImageOfEntry { entry, image: Err(error.clone()) }),
            );
            return None;
        }
        let unpacked = usize::try_from(header.unpacked).ok()?;
        if places.is_empty() {
            return None;
        }
        self.unpacked = self.unpacked.saturating_add(header.unpacked);
        Some(Packed { compression: header.compression, unpacked, places })
    }

    /// What comes after a header or payload: another entry, or the end of the container.
    fn next_entry(&mut self, container: Open, tell: &mut impl FnMut(Found)) -> State {
        let left = container.end.saturating_sub(self.position);
        if left == 0 {
            let Open { offset, end, entries, images, .. } = container;
            let size = end.saturating_sub(offset);
            self.last = Some(Container { offset, size, entries, followed_at: None, images });
            return State::Search;
        }
        if left < ENTRY_HEADER as u64 {
            return broken(container.offset, self.position, Defect::NoRoomForEntry { left }, tell);
        }
        State::EntryHeader { container, size: ENTRY_HEADER }
    }

    fn tell_last(&mut self, followed_at: Option<u64>, tell: &mut impl FnMut(Found)) {
        if let Some(last) = self.last.take() {
            tell(Found::Container(Container { followed_at, ..last }));
        }
    }

    /// Moves bytes into the buffer until it holds `size`, and tells whether it does.
    fn fill(&mut self, bytes: &mut &[u8], size: usize) -> bool {
        let wanted = size.saturating_sub(self.buffer.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(wanted);
        self.buffer.extend_from_slice(taken);
        self.position = self.position.saturating_add(wanted as u64);
        *bytes = rest;
        self.buffer.len() >= size
    }

    fn skip(&mut self, bytes: &mut &[u8], size: u64) {
        let skipped = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
        *bytes = bytes.get(skipped..).unwrap_or_default();
        self.position = self.position.saturating_add(skipped as u64);
    }

    /// Where the first byte in the buffer lies in the file.
    fn buffer_start(&self) -> u64 {
        self.position.saturating_sub(self.buffer.len() as u64)
    }
}

impl Open {
    /// Whether a longer start of the next payload is looked at for its release.
    fn looks(&self, entries: &[Entry]) -> bool {
        !self.looked && entries.iter().any(|entry| entry.code.kind == Kind::Sass)
    }

    /// Reads the images that are stored as `stored`.
    fn read(&mut self, packed: &Packed, stored: &[u8]) {
        let unpacked = unpack(packed.compression, stored, packed.unpacked);
        for (index, place) in &packed.places {
            let Some(entry) = self.entries.get_mut(*index) else { continue };
            let range =
                usize::try_from(place.start).unwrap_or(usize::MAX)..usize::try_from(place.end).unwrap_or(0);
            let image = match (&unpacked, entry.code.kind) {
                (Err(error), _) => Err(error.clone()),
                (Ok(unpacked), Kind::Ptx) => Image::ptx(unpacked.get(range).unwrap_or_default()),
                (Ok(unpacked), _) => Image::cubin(unpacked.get(range).unwrap_or_default()),
            };
            if let Ok(image) = &image {
                entry.toolkit = image.toolkit.or(entry.toolkit);
            }
            self.images.push(ImageOfEntry { entry: *index, image });
        }
    }
}

/// The search goes on right after the header with the defect.
fn broken(container: u64, offset: u64, defect: Defect, tell: &mut impl FnMut(Found)) -> State {
    tell(Found::Broken(Broken { container, offset, defect }));
    State::Search
}

fn is_magic(word: &[u8]) -> bool {
    Fields(word).u32(0) == u32::from_le_bytes(MAGIC)
}

/// The first word that begins with the magic. Most of a library is passed here, so that blocks of words
/// are judged at once, without a branch in between.
fn find_magic(words: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32 * ALIGNMENT;
    let mut at = 0;
    for block in words.chunks(BLOCK) {
        if block.chunks_exact(ALIGNMENT).fold(false, |any, word| any | is_magic(word)) {
            let word = block.chunks_exact(ALIGNMENT).position(is_magic)?;
            return Some(at + word * ALIGNMENT);
        }
        at += block.len();
    }
    None
}
