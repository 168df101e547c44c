//! Windows: the parts of a file that are kept in memory while it is streamed.

use std::ops::Range;

use crate::error::{Error, Stop};

/// The most bytes kept of one file, in all its parts.
const LIMIT: u64 = 72 << 20;

/// Parts of a file: its head, and ranges that were asked for.
#[derive(Debug)]
pub(crate) struct Window {
    file_size: u64,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    start: u64,
    end: u64,
    bytes: Vec<u8>,
}

impl Window {
    pub fn new(file_size: u64) -> Self {
        Self { file_size, parts: Vec::new() }
    }

    pub fn file_size(&self) -> u64 {
        self.file_size
    }

    /// Keeps `range` from now on. Fails where that would be too much.
    pub fn want(&mut self, what: &'static str, range: Range<u64>) -> Result<(), Error> {
        let kept = self.wanted();
        let end = range.end.min(self.file_size);
        let size = end.saturating_sub(range.start);
        if kept.saturating_add(size) > LIMIT {
            return Err(Error::TooLarge { what, offset: range.start, limit: LIMIT });
        }
        if size > 0 {
            self.parts.push(Part { start: range.start, end, bytes: Vec::new() });
        }
        Ok(())
    }

    /// How many bytes are kept once all of them have come.
    pub fn wanted(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.end - part.start))
    }

    /// Takes the bytes that lie at `offset` and copies those that are wanted.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len() as u64);
        for part in &mut self.parts {
            let next = part.start.saturating_add(part.bytes.len() as u64);
            let last = end.min(part.end);
            if offset <= next && next < last {
                let index = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
                part.bytes.extend_from_slice(bytes.get(index(next)..index(last)).unwrap_or_default());
            }
        }
    }

    /// Drops the bytes that have come, and wants them still.
    pub fn forget(&mut self) {
        for part in &mut self.parts {
            part.bytes = Vec::new();
        }
    }

    /// Whether all that is wanted has come.
    pub fn is_full(&self) -> bool {
        self.parts.iter().all(|part| part.bytes.len() as u64 == part.end.saturating_sub(part.start))
    }

    /// The `size` bytes at `offset`, which hold `what`.
    pub fn get(&self, what: &'static str, offset: u64, size: u64) -> Result<&[u8], Stop> {
        let out_of_file = Error::OutOfFile { what, offset, size, file_size: self.file_size };
        let end = offset.checked_add(size).filter(|end| *end <= self.file_size).ok_or(out_of_file)?;
        if size == 0 {
            return Ok(&[]);
        }
        let inside = |part: &Part| {
            let from = usize::try_from(offset.checked_sub(part.start)?).ok()?;
            let to = usize::try_from(end.checked_sub(part.start)?).ok()?;
            Some(from..to)
        };
        self.parts
            .iter()
            .find_map(|part| part.bytes.get(inside(part)?))
            .ok_or_else(|| Stop::Missing(std::iter::once(offset..end).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_wanted_is_kept_however_it_comes(
            file in prop::collection::vec(any::<u8>(), 1..300),
            wanted in prop::collection::vec((0_u64..300, 0_u64..100), 0..5),
            piece in 1_usize..50,
        ) {
            let size = file.len() as u64;
            let mut window = Window::new(size);
            for (start, length) in &wanted {
                window.want("part", *start..start + length).unwrap();
            }
            for (index, bytes) in file.chunks(piece).enumerate() {
                window.take((index * piece) as u64, bytes);
            }
            for (start, length) in wanted {
                match window.get("part", start, length) {
                    Ok(bytes) => {
                        let start = usize::try_from(start).unwrap();
                        let end = start + usize::try_from(length).unwrap();
                        prop_assert_eq!(bytes, if length == 0 { &[] } else { &file[start..end] });
                    }
                    Err(Stop::Broken(Error::OutOfFile { .. })) => prop_assert!(start + length > size),
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn what_was_not_wanted_is_missing() {
        let mut window = Window::new(100);
        window.want("part", 10..20).unwrap();
        window.take(0, &[1; 100]);
        assert!(
            matches!(window.get("part", 15, 10), Err(Stop::Missing(ranges)) if ranges.first() == Some(&(15..25)))
        );
    }

    #[test]
    fn too_much_is_refused() {
        let mut window = Window::new(1 << 40);
        let error = window.want("the string table", 0..1 << 39).unwrap_err();
        assert_eq!(
            error.to_string(),
            "at offset 0x0, the string table: more than 75497472, which is the limit"
        );
    }
}
