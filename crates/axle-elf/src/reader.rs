//! Streaming reader of ELF files.

use crate::Elf;
use crate::error::{Error, Stop};
use crate::parse::{parse, places_beyond};
use crate::window::Window;

/// How much of a file's head is kept. Linkers put the dynamic tables there, and patchelf moves them to a
/// segment of their own, which the head names. The tables of libtorch_cpu.so 2.9.1 end at 8,107,024; those
/// of libtensorflow_cc.so.2 2.18 at 52 million: such a file is fed a second time, up to there.
const HEAD: u64 = 8 << 20;

/// What a pass keeps at least, from the first byte that the one before found missing.
const MARGIN: u64 = 64 << 10;

/// Each pass reads what the one before found missing; the tables are nested four deep.
const MOST_PASSES: u32 = 6;

/// Reads an ELF file that is fed in pieces of any size, from its first byte on.
#[derive(Debug)]
pub struct Reader {
    window: Window,
    head: u64,
    position: u64,
    passes: u32,
    planned: bool,
}

/// The state of a [`Reader`] at the end of a pass.
#[derive(Debug)]
pub enum Progress {
    /// The file was read.
    Done(Box<Elf>),
    /// The file must be fed once more, from its first byte on.
    Again(Reader),
}

impl Reader {
    /// Starts at the first byte of a file of `file_size` bytes.
    pub fn new(file_size: u64) -> Self {
        Self::with_head(file_size, HEAD)
    }

    /// As [`new`](Self::new), with `head` bytes kept of the file's head, 8 MiB at most.
    pub fn with_head(file_size: u64, head: u64) -> Self {
        let head = head.min(HEAD).min(file_size);
        let mut window = Window::new(file_size);
        // It is within the window's limit.
        let planned = window.want("the head", 0..head).is_err() || head == file_size;
        Self { window, head, position: 0, passes: 1, planned }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = match usize::try_from(self.head.saturating_sub(self.position)) {
            Ok(left) if !self.planned && left < bytes.len() => bytes.split_at(left),
            _ => (bytes, &[][..]),
        };
        self.window.take(self.position, head);
        self.position = self.position.saturating_add(head.len() as u64);
        if !rest.is_empty() {
            // The head is whole: what it names further on is wanted too. What is too much is not: should
            // it be needed all the same, parsing will say so.
            self.planned = true;
            for (what, range) in places_beyond(&self.window, self.head) {
                let _ = self.window.want(what, range);
            }
            self.push(rest);
        }
    }

    /// The most bytes that this pass keeps of the file: of its head at first, and of what the head names
    /// further on once it was fed.
    pub fn wanted(&self) -> u64 {
        self.window.wanted()
    }

    /// Drops what it keeps of the file, all of which is fed again.
    pub fn forget(&mut self) {
        self.window.forget();
    }

    /// Whether all that was asked for a second pass has come, so that the rest need not be fed.
    pub fn is_satisfied(&self) -> bool {
        self.passes > 1 && self.window.is_full()
    }

    /// Ends the file, or what of it a second pass needs.
    ///
    /// # Errors
    /// When the file is shorter than was said, or broken.
    pub fn finish(mut self) -> Result<Progress, Error> {
        match parse(&self.window) {
            Ok(elf) => Ok(Progress::Done(Box::new(elf))),
            Err(Stop::Broken(error)) => Err(error),
            Err(Stop::Missing(ranges)) => {
                if self.position < self.window.file_size() && !self.is_satisfied() {
                    let problem = format!("it ends before {:#x}", self.window.file_size());
                    return Err(Error::malformed("the file", self.position, problem));
                }
                if self.passes == MOST_PASSES {
                    let first = ranges.first().map_or(0, |range| range.start);
                    return Err(Error::malformed("the file", first, "its tables are too scattered"));
                }
                for range in ranges {
                    // Some tables are walked record by record: the next ones are not far.
                    let end = range.end.max(range.start.saturating_add(MARGIN));
                    self.window.want("a table", range.start..end)?;
                }
                Ok(Progress::Again(Self { position: 0, passes: self.passes + 1, planned: true, ..self }))
            }
        }
    }
}
