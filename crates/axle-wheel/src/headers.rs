//! The headers of `METADATA`, `PKG-INFO` and `WHEEL`: `Field: value` lines up to an empty one.
//!
//! They are those of an e-mail in form alone: the text is UTF-8, and nothing in it is encoded (RFC 2047). So one pass
//! over the lines reads them. Of fields that nobody asks for nothing is kept, however long they are: old tools put whole
//! descriptions and licences there.

use thiserror::Error;

/// The most bytes of one value. Python's index takes 512 for a summary, its longest field of one line.
const LONGEST: usize = 4096;
/// The most values of one file: the package with most requirements in 2026 has 1,743.
const MOST: usize = 1 << 14;
/// The most bytes of all values of one file.
const LARGEST: usize = 1 << 20;

/// The values of the fields that were asked for, in the order of the file.
#[derive(Debug)]
pub(crate) struct Headers(Vec<(&'static str, String)>);

impl Headers {
    /// Reads the values of `fields`, whose names are compared without case.
    pub fn read(bytes: &[u8], fields: &[&'static str]) -> Result<Self, HeadersError> {
        // Some tools write a byte order mark; e-mail knows none.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut values = Vec::new();
        let mut open: Option<(&'static str, Vec<u8>)> = None;
        let mut left = LARGEST;
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii_end();
            if line.first().is_some_and(|first| matches!(first, b' ' | b'\t')) {
                // The line before goes on.
                if let Some((field, value)) = &mut open {
                    append(field, value, b" ", &mut left)?;
                    append(field, value, line.trim_ascii_start(), &mut left)?;
                }
                continue;
            }
            values.extend(open.take());
            if line.is_empty() {
                break;
            }
            // Lines that are none are passed over, as other readers do.
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(colon);
            let Some(field) = fields.iter().find(|field| field.as_bytes().eq_ignore_ascii_case(name)) else {
                continue;
            };
            if values.len() == MOST {
                return Err(HeadersError::TooMuch { field });
            }
            let mut kept = Vec::new();
            append(field, &mut kept, value.get(1..).unwrap_or_default().trim_ascii(), &mut left)?;
            open = Some((field, kept));
        }
        values.extend(open);
        let text = |value: Vec<u8>| match String::from_utf8(value) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        Ok(Self(values.into_iter().map(|(field, value)| (field, text(value))).collect()))
    }

    /// The first value of a field, unless it is empty.
    pub fn first(&self, field: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    }

    /// All values of a field.
    pub fn all(&self, field: &str) -> Vec<String> {
        self.0.iter().filter(|(name, _)| *name == field).map(|(_, value)| value.clone()).collect()
    }
}

/// Adds to a value, as long as it stays one that real files have. `left` is what may be kept of all.
fn append(
    field: &'static str,
    value: &mut Vec<u8>,
    more: &[u8],
    left: &mut usize,
) -> Result<(), HeadersError> {
    if value.len() + more.len() > LONGEST {
        return Err(HeadersError::TooLong { field });
    }
    *left = left.checked_sub(more.len()).ok_or(HeadersError::TooMuch { field })?;
    value.extend_from_slice(more);
    Ok(())
}

/// Why headers are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeadersError {
    /// One value is longer than that of any real file.
    #[error("its {field} has more than {LONGEST} bytes, which is the limit")]
    TooLong {
        /// The field.
        field: &'static str,
    },
    /// There are more values, or more bytes of them, than in any real file.
    #[error("its {field} exceeds the limits of {MOST} fields and {LARGEST} bytes")]
    TooMuch {
        /// The first field that is too much.
        field: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Headers, String> {
        Headers::read(text.as_bytes(), &["Name", "Tag"]).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_unfolded_and_others_passed_over() {
        let text = "\u{feff}tag: a\r\n\tb \r\n   c\nOther: x\n y\nno header\nTAG:d\nName:\n\nTag: body\n";
        let headers = read(text).unwrap();
        assert_eq!(
            (headers.all("Tag"), headers.first("Name")),
            (vec!["a b c".to_owned(), "d".to_owned()], None)
        );
        let latin = Headers::read(b"Name: caf\xe9\n", &["Name"]).unwrap();
        assert_eq!(latin.first("Name").unwrap(), "caf\u{fffd}");
        // Encoded words are not decoded: the text is UTF-8.
        assert_eq!(read("Name: =?utf-8?q?a=0Ab?=").unwrap().first("Name").unwrap(), "=?utf-8?q?a=0Ab?=");
    }

    #[test]
    fn what_no_real_file_has_is_refused() {
        let long = "a".repeat(LONGEST);
        assert!(read(&format!("Name: {long}\n")).is_ok());
        let refused = "its Name has more than 4096 bytes, which is the limit";
        assert_eq!(read(&format!("Name: {long}a\n")).unwrap_err(), refused);
        assert_eq!(read(&format!("Name: {long}\n a\n")).unwrap_err(), refused);
        assert_eq!(read(&format!("Name: a\n{}", " b\n".repeat(LONGEST))).unwrap_err(), refused);
        assert!(read(&"Tag:a\n".repeat(MOST)).is_ok());
        let refused = "its Tag exceeds the limits of 16384 fields and 1048576 bytes";
        assert_eq!(read(&"Tag:a\n".repeat(MOST + 1)).unwrap_err(), refused);
        assert_eq!(read(&format!("Tag: {long}\n").repeat(257)).unwrap_err(), refused);
        assert_eq!(read(&format!("Tag:\n {}\n", &long[1..]).repeat(257)).unwrap_err(), refused);
        // Not of fields that nobody asks for.
        let description = format!("Description: {long}\n{}Name: a\n", format!(" {long}\n").repeat(1000));
        assert_eq!(read(&description).unwrap().first("Name").unwrap(), "a");
    }

    /// Had it to look at a byte more than a few times, the largest file that is read would take hours.
    #[test]
    fn the_largest_file_is_read_in_one_pass() {
        for piece in ["=?utf-8?q?=0A?= ", "=?", " b\n", "a:\n", "a\n", "Summary: =?\n =?\n", "Name"] {
            let text = format!("Name: a\nSummary: a\n{}", piece.repeat((16 << 20) / piece.len()));
            assert_eq!(read(&text).unwrap().first("Name").unwrap(), "a", "{piece:?}");
        }
    }
}
