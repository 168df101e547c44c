//! Requirements (PEP 508): `torch[opt-einsum]>=2.9; python_version >= "3.12"`.
//!
//! This is the only place where they are read. pep508_rs, which gives names and environments, reads requirements too,
//! but trusts their authors: it panics at some names and at characters of several bytes, recurses into parentheses
//! without end, fills in environment variables, and takes exponential time and memory for markers.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};
use pep508_rs::{ExtraName, MarkerEnvironment, PackageName};
use thiserror::Error;

use crate::excerpt::excerpt;
use crate::marker::{self, Marker};
use crate::names::parse_name;
use crate::specifiers::{Pin, pin};

/// The most bytes of one requirement.
const LONGEST: usize = 4096;

/// A package that is required, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirement {
    /// The package.
    pub name: PackageName,
    /// The extras of it.
    pub extras: Vec<ExtraName>,
    /// Which versions of it, or where it lies; any version where nothing is said.
    pub version_or_url: Option<VersionOrUrl>,
    /// When it is required.
    pub marker: Marker,
}

/// Which file of a package is required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionOrUrl {
    /// One of such a version.
    VersionSpecifier(VersionSpecifiers),
    /// The one at an address, as it is written.
    Url(String),
}

impl Requirement {
    /// Whether it is required on a machine, of a package that is installed with some extras.
    pub fn evaluate_markers(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        self.marker.holds(environment, extras)
    }
}

impl Requirement {
    /// The specifiers of its versions; `None` where it names an address, or any version will do.
    pub fn specifiers(&self) -> Option<&VersionSpecifiers> {
        match &self.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers),
            Some(VersionOrUrl::Url(_)) | None => None,
        }
    }

    /// The version that it pins: that of `torch==2.9.1`, and the prefix of `torch==2.9.*`.
    pub fn pin(&self) -> Option<Pin<'_>> {
        self.specifiers().and_then(pin)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        for (index, extra) in self.extras.iter().enumerate() {
            write!(f, "{}{extra}", if index == 0 { '[' } else { ',' })?;
        }
        if !self.extras.is_empty() {
            f.write_str("]")?;
        }
        match &self.version_or_url {
            Some(versions @ VersionOrUrl::VersionSpecifier(_)) => versions.fmt(f)?,
            Some(url @ VersionOrUrl::Url(_)) => write!(f, " {url}")?,
            None => {}
        }
        if self.marker.is_empty() { Ok(()) } else { write!(f, " ; {}", self.marker) }
    }
}

impl fmt::Display for VersionOrUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionSpecifier(specifiers) => {
                for (index, specifier) in specifiers.iter().enumerate() {
                    write!(f, "{}{specifier}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Self::Url(url) => write!(f, "@ {url}"),
        }
    }
}

impl FromStr for Requirement {
    type Err = InvalidRequirement;

    /// Reads one `Requires-Dist`, or what a user asks for.
    ///
    /// It refuses what no real package has: too long, too deep, of too many comparisons, or reading environment
    /// variables.
    fn from_str(text: &str) -> Result<Self, InvalidRequirement> {
        read(text.trim()).map_err(|message| InvalidRequirement { text: excerpt(text), message })
    }
}

/// A text that is not a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a requirement (PEP 508): {message}")]
#[non_exhaustive]
pub struct InvalidRequirement {
    /// The text, or its start.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

fn read(text: &str) -> Result<Requirement, String> {
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    if !text.is_ascii() {
        return Err("it is not ASCII".to_owned());
    }
    if text.contains("${") {
        return Err("it refers to an environment variable".to_owned());
    }
    let in_name = |next: char| next.is_ascii_alphanumeric() || "-_.".contains(next);
    let (name, rest) = text.split_at(text.find(|next| !in_name(next)).unwrap_or(text.len()));
    let spelled = name;
    let name = parse_name(name).ok_or("it does not start with a package name")?;
    let (extras, rest) = extras(rest.trim_start())?;
    let (version_or_url, marker) = version_or_url(rest.trim_start())?;
    if version_or_url.is_none() && is_archive(spelled) {
        return Err("it is a file name: write NAME @ URL".to_owned());
    }
    let marker = marker.map(marker::parse).transpose()?.unwrap_or_default();
    Ok(Requirement { name, extras, version_or_url, marker })
}

/// `[a,b]` at the start, and the rest.
fn extras(text: &str) -> Result<(Vec<ExtraName>, &str), String> {
    let Some(inner) = text.strip_prefix('[') else { return Ok((Vec::new(), text)) };
    let (names, rest) = inner.split_once(']').ok_or("a bracket is not closed")?;
    if names.trim().is_empty() {
        return Ok((Vec::new(), rest));
    }
    let name = |name: &str| match name.trim() {
        "" => Err("an extra has no name".to_owned()),
        name => name.parse().map_err(|_| format!("the extra `{name}` is not a valid name")),
    };
    Ok((names.split(',').map(name).collect::<Result<_, _>>()?, rest))
}

/// The versions or the address, and the marker behind the semicolon.
fn version_or_url(text: &str) -> Result<(Option<VersionOrUrl>, Option<&str>), String> {
    let specifiers = |text: &str| -> Result<Option<VersionOrUrl>, String> {
        let specifier = |text: &str| {
            text.trim().parse::<VersionSpecifier>().map_err(|error| error.to_string().trim_end().to_owned())
        };
        let specifiers = text.split(',').map(specifier).collect::<Result<VersionSpecifiers, _>>()?;
        Ok(Some(VersionOrUrl::VersionSpecifier(specifiers)))
    };
    if let Some(rest) = text.strip_prefix('@') {
        let (url, marker) = url_and_marker(rest.trim_start())?;
        return Ok((Some(VersionOrUrl::Url(url.to_owned())), marker));
    }
    if let Some(rest) = text.strip_prefix('(') {
        let (inside, rest) = rest.split_once(')').ok_or("a parenthesis is not closed")?;
        return match rest.trim_start() {
            "" => Ok((specifiers(inside)?, None)),
            rest => {
                let marker = rest.strip_prefix(';').ok_or_else(|| format!("expected `;` before `{rest}`"))?;
                Ok((specifiers(inside)?, Some(marker)))
            }
        };
    }
    let (versions, marker) = match text.split_once(';') {
        Some((versions, marker)) => (versions.trim_end(), Some(marker)),
        None => (text, None),
    };
    match versions.chars().next() {
        None => Ok((None, marker)),
        Some('<' | '=' | '>' | '~' | '!') => Ok((specifiers(versions)?, marker)),
        Some(other) => Err(format!("expected one of `@ ( < = > ~ ! ;`, found `{other}`")),
    }
}

/// An address ends at a blank, behind which only a marker stands. (A semicolon may be part of it.)
fn url_and_marker(text: &str) -> Result<(&str, Option<&str>), String> {
    let (url, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    if url.is_empty() {
        return Err("expected a URL after `@`".to_owned());
    }
    match (url.strip_suffix(';'), rest.trim_start()) {
        (_, "") => Ok((url, None)),
        (Some(_), _) => Err("expected a space before the `;` that follows a URL".to_owned()),
        (None, rest) => {
            let marker = rest.strip_prefix(';').ok_or_else(|| format!("expected `;` before `{rest}`"))?;
            Ok((url, Some(marker)))
        }
    }
}

/// Whether a package's name reads as that of a file: pip takes it for one.
fn is_archive(name: &str) -> bool {
    const EXTENSIONS: [&str; 12] = [
        ".whl",
        ".tbz",
        ".txz",
        ".tlz",
        ".zip",
        ".tgz",
        ".tar",
        ".tar.bz2",
        ".tar.xz",
        ".tar.lz",
        ".tar.lzma",
        ".tar.gz",
    ];
    EXTENSIONS.iter().any(|extension| name.ends_with(extension))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read() {
        let read = |text: &str| {
            let requirement = text.parse::<Requirement>().unwrap();
            format!("{requirement} | {:?}", requirement.version_or_url.is_some())
        };
        let told: Vec<String> = [
            "Torch",
            " a_b [X, y.z] >= 1 , <2 ",
            "a[]",
            "nvidia-cublas-cu12==12.8.4.1; platform_system == \"Linux\"",
            "requests (>=2,<3) ; extra == 'x'",
            "a>=1;os_name=='x'",
            "a~=1.0,!=1.5.*",
            "a===1.0",
            "x @ https://h/x.whl;a ; os_name == 'x'",
            "x[y]@file:///x.whl",
        ]
        .map(read)
        .into();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let deep = format!("a; {}python_version > '3'", "(".repeat(200_000));
        let long = format!("a=={}", "1".repeat(5000));
        let told: Vec<String> = [
            "",
            "-a",
            "a-é",
            "a-; python_version > '3'",
            "a[b-]",
            "a[b",
            "a[,b]",
            "a @ ${HOME}",
            "a @",
            "a @ https://h/x; os_name == 'x'",
            "a @ https://h/x y",
            "y[z]>=1,<2; extra == 'w'ÿ",
            "a >> 1",
            "a 1",
            "a (>1",
            "a (>1) b",
            "a>=",
            "a-1.0.tar.gz",
            deep.as_str(),
            long.as_str(),
        ]
        .iter()
        .map(|text| text.parse::<Requirement>().unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    proptest! {
        #[test]
        fn any_requirement_gives_an_answer(
            text in "[a-z]{1,2}[-._é]?( ?\\[[a-z,. -]{0,6}\\])? ?(@ ?\\PC{0,9}|\\(?[<>=!~]{1,2} ?[0-9.*a-z]{0,4}\\)?)? ?(; ?[a-z_]{0,12} ?(==|in|>|~=|not in)? ?['\"]?\\PC{0,5}['\"]?)?",
        ) {
            if let Err(error) = text.parse::<Requirement>() {
                prop_assert!(error.to_string().contains(&text));
            }
        }

        /// uv's reader of requirements, on those that it takes: it panics at others.
        #[test]
        #[expect(clippy::disallowed_types, reason = "what it says is compared with")]
        fn another_reader_says_the_same(
            text in "[a-z][a-z0-9._]{0,3}[a-z0-9]( ?\\[([a-z](, ?[a-z]){0,2})?\\])? ?((\\([<>=!~]{1,2} ?[0-9]\\.[0-9*]\\))|([<>=!~]{1,2} ?[0-9](\\.[0-9*])?( ?, ?[<>]=? ?[0-9]){0,2}))? ?(; ?os_name == 'x')?",
        ) {
            let theirs = pep508_rs::Requirement::<pep508_rs::VerbatimUrl>::from_str(&text);
            let ours = text.parse::<Requirement>();
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
            if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                prop_assert_eq!(ours.to_string(), theirs.to_string());
            }
        }
    }
}
