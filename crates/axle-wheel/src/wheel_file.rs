//! The `WHEEL` file: what the archive says of itself (binary distribution format).

use mailparse::MailHeaderMap;
use thiserror::Error;

/// The fields of a `WHEEL` file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WheelFile {
    /// The version of the wheel format; 1.0 is the only one so far.
    pub wheel_version: String,
    /// Whether the top of the archive goes to the folder for pure Python.
    pub root_is_purelib: bool,
    /// The tags, one a line and expanded. Some wheels were renamed after they were built, so the
    /// file name may say something else.
    pub tags: Vec<String>,
}

impl WheelFile {
    /// Reads the bytes of a `WHEEL` file.
    ///
    /// # Errors
    /// When it is not made of headers, or its `Wheel-Version` is not 1.x.
    pub fn parse(bytes: &[u8]) -> Result<Self, WheelFileError> {
        let (headers, _) = mailparse::parse_headers(bytes)
            .map_err(|error| WheelFileError::Headers { message: error.to_string() })?;
        let first = |field| headers.get_first_value(field).map(|value| value.trim().to_owned());
        let wheel_version = first("Wheel-Version").unwrap_or_default();
        if wheel_version.split('.').next() != Some("1") {
            return Err(WheelFileError::Version { text: wheel_version });
        }
        Ok(Self {
            wheel_version,
            root_is_purelib: first("Root-Is-Purelib").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            tags: headers.get_all_values("Tag").iter().map(|tag| tag.trim().to_owned()).collect(),
        })
    }
}

/// What is wrong with a `WHEEL` file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WheelFileError {
    /// Not made of `Field: value` lines.
    #[error("it is not made of headers: {message}")]
    Headers {
        /// What the parser says.
        message: String,
    },
    /// A format that may mean something else than what we know.
    #[error("its Wheel-Version is `{text}`, and only 1.x is known")]
    Version {
        /// The version as spelled; empty where there is none.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let text = b"Wheel-Version: 1.0\nGenerator: bdist_wheel (0.45.1)\nRoot-Is-Purelib: false\n\
            Tag: cp312-cp312-manylinux_2_17_x86_64\nTag: cp312-cp312-manylinux2014_x86_64\n\n";
        insta::assert_debug_snapshot!(WheelFile::parse(text).unwrap());
    }

    #[test]
    fn unknown_formats_are_refused() {
        for text in ["", "Wheel-Version: 2.0\n", "no headers at all"] {
            assert!(WheelFile::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
