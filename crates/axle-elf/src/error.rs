//! Errors of reading ELF files.

use std::ops::Range;

/// Why an ELF file can't be read. Offsets and sizes are in bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It does not begin as ELF files do.
    #[error("it is not an ELF file")]
    NotElf,
    /// A table lies, in part or whole, outside of the file.
    #[error(
        "at offset {offset:#x}, {what} ({size} bytes) would extend beyond the end of the file at {file_size:#x}"
    )]
    OutOfFile {
        /// The table.
        what: &'static str,
        /// Where it should begin.
        offset: u64,
        /// How long it should be.
        size: u64,
        /// The size of the file.
        file_size: u64,
    },
    /// A table holds what can't be.
    #[error("at offset {offset:#x}, {what}: {problem}")]
    Malformed {
        /// The table.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// More than any real file has.
    #[error("at offset {offset:#x}, {what}: more than {limit}, which is the limit")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// The limit.
        limit: u64,
    },
}

impl Error {
    /// Where in the file it is, in bytes.
    pub fn offset(&self) -> u64 {
        match self {
            Self::NotElf => 0,
            Self::OutOfFile { offset, .. }
            | Self::Malformed { offset, .. }
            | Self::TooLarge { offset, .. } => *offset,
        }
    }

    pub(crate) fn malformed(what: &'static str, offset: u64, problem: impl Into<String>) -> Self {
        Self::Malformed { what, offset, problem: problem.into() }
    }
}

/// Why parsing ends early: the file is broken, or bytes are wanted that were not kept.
#[derive(Debug)]
pub(crate) enum Stop {
    Broken(Error),
    /// Never none.
    Missing(Vec<Range<u64>>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}
