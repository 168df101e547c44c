//! Downloaded parts of a remote file.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use rangemap::RangeSet;

/// Bytes that were fetched, each at its place in a temporary file without a name, so that who reads a member once more
/// does not fetch it once more.
///
/// Where they cannot be kept, as on a full disk, they are fetched again.
#[derive(Debug)]
pub(crate) struct Fetched {
    file: Option<File>,
    /// What of the file is written.
    ranges: Mutex<RangeSet<u64>>,
}

impl Fetched {
    pub(crate) fn new() -> Self {
        Self { file: tempfile::tempfile().ok(), ranges: Mutex::default() }
    }

    /// Keeps bytes that start at `position`.
    pub(crate) fn keep(&self, position: u64, bytes: &[u8]) {
        let range = position..position + bytes.len() as u64;
        if !range.is_empty()
            && self.file.as_ref().is_some_and(|file| file.write_all_at(bytes, position).is_ok())
        {
            self.ranges.lock().unwrap_or_else(PoisonError::into_inner).insert(range);
        }
    }

    /// Reads bytes that start at `position`; how many, which is none where they are not kept.
    pub(crate) fn read(&self, position: u64, buffer: &mut [u8]) -> usize {
        let Some((file, kept)) = self.file.as_ref().zip(self.range(position)) else { return 0 };
        let count = usize::try_from(kept.end - position).unwrap_or(usize::MAX).min(buffer.len());
        buffer.get_mut(..count).and_then(|buffer| file.read_at(buffer, position).ok()).unwrap_or_default()
    }

    /// The range around `position`.
    fn range(&self, position: u64) -> Option<Range<u64>> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner).get(&position).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_up_to_its_end() {
        let fetched = Fetched::new();
        fetched.keep(10, b"abcd");
        fetched.keep(14, b"efgh");
        fetched.keep(30, b"z");
        fetched.keep(40, b"");
        let read = |position| {
            let mut buffer = [b'.'; 12];
            let count = fetched.read(position, &mut buffer);
            String::from_utf8_lossy(&buffer[..count]).into_owned()
        };
        let found = [9, 10, 13, 17, 18, 30, 40].map(read);
        assert_eq!(found, ["", "abcdefgh", "defgh", "h", "", "z", ""]);
    }

    #[test]
    fn without_a_file_nothing_is_kept() {
        let fetched = Fetched { file: None, ..Fetched::new() };
        fetched.keep(0, b"abcd");
        assert_eq!(fetched.read(0, &mut [0; 4]), 0);
    }
}
