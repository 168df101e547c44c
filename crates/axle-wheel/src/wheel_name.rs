//! The file name of a wheel: `torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl`.
//!
//! The grammar is that of the binary distribution format (PEP 427, kept at
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>), with the
//! tags of PEP 425.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use axle_types::{PackageName, Version, parse_name, parse_version};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A longer name than any file system of Linux takes (255 bytes) is not worth parsing.
const LONGEST: usize = 255;
/// The most tags that the sets of one wheel may stand for. Real ones stand for up to 30.
pub(crate) const MOST_TAGS: usize = 1024;

/// The parsed file name of a wheel. [`Display`](fmt::Display) gives back the very text that was
/// parsed.
#[derive(Clone, Debug)]
pub struct WheelName {
    filename: String,
    distribution: String,
    name: PackageName,
    version_text: String,
    version: Version,
    build: Option<BuildTag>,
    python: Vec<String>,
    abi: Vec<String>,
    platform: Vec<String>,
}

impl WheelName {
    /// The name of the wheel that a URL leads to: the last segment of its path, with percent
    /// escapes undone (`%2B` is the `+` of a local version). Query and fragment are left out.
    ///
    /// # Errors
    /// When that segment is no name of a wheel.
    pub fn from_url(url: &str) -> Result<Self, WheelNameError> {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let segment = path.rsplit('/').next().unwrap_or(path);
        percent_decode_str(segment).decode_utf8_lossy().parse()
    }

    /// The whole file name, as spelled.
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The project's name as spelled in the file name: `flash_attn`, `PyYAML`.
    pub fn distribution(&self) -> &str {
        &self.distribution
    }

    /// The project's name, normalised as PEP 503 tells: `flash-attn`, `pyyaml`.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The version, with its local part (`+cu128`) where there is one.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The version as spelled in the file name. PEP 440 folds case, and the local versions of
    /// some wheels (`cu12torch2.8cxx11abiTRUE`) are read by a grammar that does not.
    pub fn version_text(&self) -> &str {
        &self.version_text
    }

    /// The build tag, which orders wheels of one version.
    pub fn build(&self) -> Option<&BuildTag> {
        self.build.as_ref()
    }

    /// The Python tags as published: `["py2", "py3"]` for `py2.py3`.
    pub fn python_tags(&self) -> &[String] {
        &self.python
    }

    /// The ABI tags as published.
    pub fn abi_tags(&self) -> &[String] {
        &self.abi
    }

    /// The platform tags as published: `["manylinux2014_x86_64", "manylinux_2_17_x86_64"]`.
    pub fn platform_tags(&self) -> &[String] {
        &self.platform
    }

    /// Every tag that the compressed sets stand for (PEP 425), in the order of the file name.
    pub fn tags(&self) -> impl Iterator<Item = Tag<'_>> {
        self.python.iter().flat_map(move |python| {
            self.abi
                .iter()
                .flat_map(move |abi| self.platform.iter().map(move |platform| Tag { python, abi, platform }))
        })
    }
}

impl FromStr for WheelName {
    type Err = WheelNameError;

    fn from_str(filename: &str) -> Result<Self, WheelNameError> {
        let error = |problem| WheelNameError { filename: filename.to_owned(), problem };
        if filename.len() > LONGEST {
            return Err(WheelNameError {
                filename: filename.chars().take(60).chain(['…']).collect(),
                problem: WheelNameProblem::TooLong { bytes: filename.len() },
            });
        }
        let stem = filename.strip_suffix(".whl").ok_or_else(|| error(WheelNameProblem::Extension))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version_text, build, python, abi, platform) = match *parts.as_slice() {
            [distribution, version, python, abi, platform] => {
                (distribution, version, None, python, abi, platform)
            }
            [distribution, version, build, python, abi, platform] => {
                (distribution, version, Some(build), python, abi, platform)
            }
            _ => return Err(error(WheelNameProblem::Parts { found: parts.len() })),
        };
        let name = parse_name(distribution)
            .ok_or_else(|| error(WheelNameProblem::Distribution { text: distribution.to_owned() }))?;
        let version = parse_version(version_text)
            .ok_or_else(|| error(WheelNameProblem::Version { text: version_text.to_owned() }))?;
        let build = build
            .map(|text| text.parse().map_err(|()| error(WheelNameProblem::Build { text: text.to_owned() })))
            .transpose()?;
        let set = |part, text: &str| {
            tag_set(text).ok_or_else(|| error(WheelNameProblem::Tag { part, text: text.to_owned() }))
        };
        let (python, abi, platform) = (set("Python", python)?, set("ABI", abi)?, set("platform", platform)?);
        let count = python.len() * abi.len() * platform.len();
        if count > MOST_TAGS {
            return Err(error(WheelNameProblem::TooManyTags { count }));
        }
        Ok(Self {
            filename: filename.to_owned(),
            distribution: distribution.to_owned(),
            name,
            version_text: version_text.to_owned(),
            version,
            build,
            python,
            abi,
            platform,
        })
    }
}

/// The members of a compressed tag set: `py2.py3`.
fn tag_set(text: &str) -> Option<Vec<String>> {
    let valid =
        |tag: &str| !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.split('.').map(|tag| valid(tag).then(|| tag.to_owned())).collect()
}

impl fmt::Display for WheelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.filename)
    }
}

impl PartialEq for WheelName {
    fn eq(&self, other: &Self) -> bool {
        self.filename == other.filename
    }
}

impl Eq for WheelName {}

impl std::hash::Hash for WheelName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.filename.hash(state);
    }
}

/// By project, then version, then build tag; the file name only makes the order total.
impl Ord for WheelName {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.name, &self.version, &self.build, &self.filename).cmp(&(
            &other.name,
            &other.version,
            &other.build,
            &other.filename,
        ))
    }
}

impl PartialOrd for WheelName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for WheelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.filename)
    }
}

impl<'de> Deserialize<'de> for WheelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A build tag: it starts with a number, which orders before the rest (`1` < `2` < `10` < `10a`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BuildTag {
    number: u64,
    rest: String,
    text: String,
}

impl BuildTag {
    /// The leading number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What follows the number; often nothing.
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

impl FromStr for BuildTag {
    type Err = ();

    /// Fails when the text does not start with a number of at most 64 bits, or holds what a file
    /// name can't.
    fn from_str(text: &str) -> Result<Self, ()> {
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at_checked(end).ok_or(())?;
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+');
        if !rest.bytes().all(valid) {
            return Err(());
        }
        let number = digits.parse().map_err(|_| ())?;
        Ok(Self { number, rest: rest.to_owned(), text: text.to_owned() })
    }
}

impl fmt::Display for BuildTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for BuildTag {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.number, &self.rest, &self.text).cmp(&(other.number, &other.rest, &other.text))
    }
}

impl PartialOrd for BuildTag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One compatibility tag (PEP 425), spelled `python-abi-platform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag<'name> {
    /// The interpreter: `cp312`, `py3`.
    pub python: &'name str,
    /// The ABI: `cp312`, `abi3`, `none`.
    pub abi: &'name str,
    /// The platform: `manylinux_2_28_x86_64`, `any`.
    pub platform: &'name str,
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

/// A text that is not the name of a wheel, and the part of it that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{filename}` is not the name of a wheel: {problem}")]
#[non_exhaustive]
pub struct WheelNameError {
    /// The text as given, cut short where it is far too long.
    pub filename: String,
    /// What is wrong with it.
    pub problem: WheelNameProblem,
}

/// The part of a wheel's name that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WheelNameProblem {
    /// No file system of Linux could hold it.
    #[error("it has {bytes} bytes, but a file name has at most {LONGEST}")]
    TooLong {
        /// The length of the whole text.
        bytes: usize,
    },
    /// Its sets of tags stand for more than any real wheel's.
    #[error("its compressed tags expand to {count} tags, but the limit is {MOST_TAGS}")]
    TooManyTags {
        /// How many they stand for.
        count: usize,
    },
    /// Something else than `.whl`.
    #[error("it does not end in .whl")]
    Extension,
    /// Not five or six parts between the dashes.
    #[error("it has {found} parts between dashes, but a wheel's name has five, or six with a build tag")]
    Parts {
        /// How many there are.
        found: usize,
    },
    /// No name of a project.
    #[error("`{text}` is not a project name")]
    Distribution {
        /// The first part.
        text: String,
    },
    /// No PEP 440 version.
    #[error("`{text}` is not a PEP 440 version")]
    Version {
        /// The second part.
        text: String,
    },
    /// A build tag that does not start with a number.
    #[error("the build tag `{text}` does not start with a number")]
    Build {
        /// The third part of six.
        text: String,
    },
    /// A tag with characters that no tag has, or an empty one.
    #[error("`{text}` is not a {part} tag")]
    Tag {
        /// Which tag: `Python`, `ABI` or `platform`.
        part: &'static str,
        /// The compressed set as spelled.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_of_a_real_name() {
        let text = "flash_attn-2.8.3+cu12torch2.8cxx11abiTRUE-1a-cp312-cp312-linux_x86_64.whl";
        let wheel: WheelName = text.parse().unwrap();
        assert_eq!(wheel.to_string(), text);
        assert_eq!(wheel.distribution(), "flash_attn");
        assert_eq!(wheel.name().as_ref(), "flash-attn");
        assert_eq!(wheel.version_text(), "2.8.3+cu12torch2.8cxx11abiTRUE");
        assert_eq!(wheel.version().to_string(), "2.8.3+cu12torch2.8cxx11abitrue");
        assert_eq!(wheel.build().map(BuildTag::number), Some(1));
        assert_eq!(wheel.build().map(BuildTag::rest), Some("a"));
    }

    #[test]
    fn compressed_sets_expand_in_order() {
        let wheel: WheelName =
            "six-1.17.0-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl".parse().unwrap();
        let tags: Vec<String> = wheel.tags().map(|tag| tag.to_string()).collect();
        assert_eq!(
            tags,
            [
                "py2-none-manylinux1_x86_64",
                "py2-none-manylinux_2_5_x86_64",
                "py3-none-manylinux1_x86_64",
                "py3-none-manylinux_2_5_x86_64",
            ]
        );
    }

    #[test]
    fn the_name_in_a_url() {
        let wheel = WheelName::from_url(
            "https://example.org/whl/cu128/torch-2.9.1%2Bcu128-cp312-cp312-manylinux_2_28_x86_64.whl#sha256=00",
        )
        .unwrap();
        assert_eq!(wheel.filename(), "torch-2.9.1+cu128-cp312-cp312-manylinux_2_28_x86_64.whl");
        assert!(WheelName::from_url("https://example.org/").is_err());
    }

    #[test]
    fn each_wrong_part_is_named() {
        let messages: Vec<String> = [
            "torch-2.9.1.tar.gz",
            "torch-2.9.1.whl",
            "-2.9.1-cp312-cp312-any.whl",
            "_torch-2.9.1-cp312-cp312-any.whl",
            "torch-nightly-cp312-cp312-any.whl",
            "torch-2.9.1-b1-cp312-cp312-any.whl",
            "torch-2.9.1-cp312--any.whl",
            "torch-2.9.1-cp312-cp312-linux x86.whl",
            "torch-2.9.1-99999999999999999999-cp312-cp312-any.whl",
            &"a".repeat(300),
        ]
        .into_iter()
        .map(|text| text.parse::<WheelName>().unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn build_tags_are_ordered_by_number() {
        let tag = |text: &str| Some(text.parse::<BuildTag>().unwrap());
        assert!(None < tag("0"));
        assert!(tag("2") < tag("10"));
        assert!(tag("10") < tag("10a"));
        assert!(tag("10a") < tag("11"));
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "\\PC*") {
            let _ = text.parse::<WheelName>();
            let _ = WheelName::from_url(&text);
        }

        #[test]
        fn what_parses_is_what_is_shown(
            text in "[A-Za-z][A-Za-z0-9_.]{0,8}-[0-9]{1,2}(\\.[0-9]{1,3}){0,3}(\\+[a-zA-Z0-9.]{1,8})?(-[0-9]{1,3}[a-z]{0,2})?-(cp312|py2\\.py3)-(none|abi3|cp312)-(any|linux_x86_64|manylinux_2_17_x86_64\\.manylinux2014_x86_64)\\.whl",
        ) {
            if let Ok(wheel) = text.parse::<WheelName>() {
                prop_assert_eq!(wheel.to_string(), text.clone());
                prop_assert_eq!(serde_json::to_string(&wheel).unwrap(), serde_json::to_string(&text).unwrap());
                prop_assert_eq!(
                    wheel.tags().count(),
                    wheel.python_tags().len() * wheel.abi_tags().len() * wheel.platform_tags().len()
                );
            }
        }
    }
}
