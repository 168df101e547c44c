//! The `WHEEL` file: tags and format version of the archive (binary distribution format).

use thiserror::Error;

use crate::headers::{Headers, HeadersError};
use crate::wheel_name::MOST_TAGS;
use crate::{WheelName, WheelNameProblem};

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
    /// When it has more than real files have, or its `Wheel-Version` is not 1.x.
    pub fn parse(bytes: &[u8]) -> Result<Self, WheelFileError> {
        let headers = Headers::read(bytes, &["Wheel-Version", "Root-Is-Purelib", "Tag"])?;
        let wheel_version = headers.first("Wheel-Version").unwrap_or_default();
        if wheel_version.split('.').next() != Some("1") {
            return Err(WheelFileError::Version { text: wheel_version });
        }
        let tags = headers.all("Tag");
        let too_many = || WheelFileError::Tags { limit: MOST_TAGS };
        let mut left = MOST_TAGS;
        for tag in &tags {
            left = left.checked_sub(expand(tag).ok_or_else(too_many)?.len()).ok_or_else(too_many)?;
        }
        let root_is_purelib =
            headers.first("Root-Is-Purelib").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Ok(Self { wheel_version, root_is_purelib, tags })
    }

    /// The tags, where some tools write compressed sets.
    pub fn expanded_tags(&self) -> Vec<String> {
        self.tags.iter().filter_map(|tag| expand(tag)).flatten().collect()
    }
}

/// What a tag, or a compressed set of tags, stands for; nothing of one that stands for too many.
fn expand(tag: &str) -> Option<Vec<String>> {
    match format!("x-1-{tag}.whl").parse::<WheelName>() {
        Ok(name) => Some(name.tags().map(|tag| tag.to_string()).collect()),
        Err(error) if matches!(error.problem, WheelNameProblem::TooManyTags { .. }) => None,
        Err(_) => Some(vec![tag.to_owned()]),
    }
}

/// What is wrong with a `WHEEL` file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WheelFileError {
    /// More than any real file has.
    #[error(transparent)]
    Headers(#[from] HeadersError),
    /// Its tags stand for more than any real wheel's.
    #[error("its compressed tags expand to more than {limit} tags, which is the limit")]
    Tags {
        /// The limit.
        limit: usize,
    },
    /// A format that may mean something else than what we know.
    #[error("its Wheel-Version is `{text}`, but only 1.x is supported")]
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

    #[test]
    fn sets_that_stand_for_too_many_tags_are_refused() {
        let read = |tags: &str| WheelFile::parse(format!("Wheel-Version: 1.0\n{tags}").as_bytes());
        let tags = read("Tag: py2.py3-none-any\nTag: odd\n").unwrap().expanded_tags();
        assert_eq!(tags, ["py2-none-any", "py3-none-any", "odd"]);
        // 26 x 26 tags a line.
        let letters = ('a'..='z').map(String::from).collect::<Vec<_>>().join(".");
        let line = format!("Tag: {letters}-{letters}-any\n");
        assert_eq!(read(&line).unwrap().expanded_tags().len(), 676);
        for tags in [line.repeat(2), format!("Tag: {letters}-{letters}-{letters}\n")] {
            assert_eq!(read(&tags), Err(WheelFileError::Tags { limit: 1024 }));
        }
    }
}
