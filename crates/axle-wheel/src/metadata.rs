//! The core metadata of a package: `METADATA` of a wheel, `PKG-INFO` of an sdist.
//!
//! The format is <https://packaging.python.org/en/latest/specifications/core-metadata/>: the
//! headers of an e-mail. Any 1.x and 2.x is read; fields that axle does not use are skipped.

use std::fmt;

use mailparse::MailHeaderMap;
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, PackageName, Requirement, VerbatimUrl};
use thiserror::Error;

use crate::wheel_name::{parse_version, project_name};

/// What a package says of itself. Shown as the headers that it was read from, without those that axle does not use.
///
/// Requirements are kept as spelled, in the order of the file: what upstream wrote is a fact, how
/// we read it may change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// The version of the format, such as `2.4`.
    pub metadata_version: String,
    /// The project's name as spelled.
    pub spelled_name: String,
    /// The project's name, normalised (PEP 503).
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// `Summary`: one line that says what it is.
    pub summary: Option<String>,
    /// `Requires-Python` as spelled.
    pub requires_python: Option<String>,
    /// Each `Requires-Dist` as spelled.
    pub requires_dist: Vec<String>,
    /// Each `Provides-Extra` as spelled.
    pub provides_extra: Vec<String>,
    /// The fields that an sdist leaves to its build (metadata 2.2, PEP 643), in lower case.
    pub dynamic: Vec<String>,
}

impl fmt::Display for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Metadata-Version: {}", self.metadata_version)?;
        writeln!(formatter, "Name: {}", self.spelled_name)?;
        writeln!(formatter, "Version: {}", self.version)?;
        let one = [("Summary", &self.summary), ("Requires-Python", &self.requires_python)];
        for (field, value) in one.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?))) {
            writeln!(formatter, "{field}: {value}")?;
        }
        let many = [
            ("Requires-Dist", &self.requires_dist),
            ("Provides-Extra", &self.provides_extra),
            ("Dynamic", &self.dynamic),
        ];
        for (field, value) in
            many.into_iter().flat_map(|(field, all)| all.iter().map(move |value| (field, value)))
        {
            // A value that was folded over lines stays one value.
            writeln!(formatter, "{field}: {}", value.replace('\n', " "))?;
        }
        Ok(())
    }
}

impl Metadata {
    /// Reads the bytes of a `METADATA` or `PKG-INFO` file.
    ///
    /// # Errors
    /// When it is not made of headers, or name, version or the format's own version are missing
    /// or wrong. Requirements are not looked at: see [`requirements`](Self::requirements).
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        // Some tools write a byte order mark; e-mail knows none.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (headers, _) = mailparse::parse_headers(bytes)
            .map_err(|error| MetadataError::Headers { message: error.to_string() })?;
        let first = |field| headers.get_first_value(field).map(|value| value.trim().to_owned());
        let needed =
            |field| first(field).filter(|value| !value.is_empty()).ok_or(MetadataError::Missing { field });
        let all = |field: &'static str| -> Vec<String> {
            headers.get_all_values(field).iter().map(|value| value.trim().to_owned()).collect()
        };

        let metadata_version = needed("Metadata-Version")?;
        if !matches!(metadata_version.split('.').next(), Some("1" | "2")) {
            return Err(MetadataError::Invalid { field: "Metadata-Version", text: metadata_version });
        }
        let spelled_name = needed("Name")?;
        let name = project_name(&spelled_name)
            .ok_or_else(|| MetadataError::Invalid { field: "Name", text: spelled_name.clone() })?;
        let version = needed("Version")?;
        let version =
            parse_version(&version).ok_or(MetadataError::Invalid { field: "Version", text: version })?;
        Ok(Self {
            metadata_version,
            spelled_name,
            name,
            version,
            summary: first("Summary").filter(|value| !value.is_empty()),
            requires_python: first("Requires-Python").filter(|value| !value.is_empty()),
            requires_dist: all("Requires-Dist"),
            provides_extra: all("Provides-Extra"),
            dynamic: all("Dynamic").iter().map(|field| field.to_ascii_lowercase()).collect(),
        })
    }

    /// `Requires-Python`, parsed (PEP 440); none where the file has none.
    ///
    /// # Errors
    /// When it is no version specifier.
    pub fn python_specifiers(&self) -> Result<Option<VersionSpecifiers>, MetadataError> {
        let Some(text) = &self.requires_python else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| MetadataError::Invalid { field: "Requires-Python", text: text.clone() })
    }

    /// Each `Requires-Dist`, parsed (PEP 508), in the order of the file.
    ///
    /// # Errors
    /// The first that is no requirement.
    pub fn requirements(&self) -> Result<Vec<Requirement<VerbatimUrl>>, MetadataError> {
        self.requires_dist.iter().map(|text| parse_requirement(text)).collect()
    }

    /// Each `Provides-Extra`, normalised (PEP 685), in the order of the file.
    ///
    /// # Errors
    /// The first that is no name.
    pub fn extras(&self) -> Result<Vec<ExtraName>, MetadataError> {
        self.provides_extra
            .iter()
            .map(|text| {
                text.parse()
                    .map_err(|_| MetadataError::Invalid { field: "Provides-Extra", text: text.clone() })
            })
            .collect()
    }

    /// Whether the requirements are only known after a build: for an sdist whose metadata is older
    /// than 2.2, or marks them dynamic (PEP 643). Those of a wheel never are.
    pub fn has_dynamic_requirements(&self) -> bool {
        let old = match parse_version(&self.metadata_version) {
            Some(version) => version < Version::new([2, 2]),
            None => true,
        };
        old || self.dynamic.iter().any(|field| field == "requires-dist")
    }
}

/// One `Requires-Dist`, parsed (PEP 508).
///
/// # Errors
/// When it is no requirement, or one that no real package has: too long, too deep, or reading environment variables.
pub fn parse_requirement(text: &str) -> Result<Requirement<VerbatimUrl>, MetadataError> {
    let error = |message| MetadataError::Requirement { text: text.to_owned(), message };
    if let Some(reason) = refused_requirement(text) {
        return Err(error(reason.to_owned()));
    }
    // Not the error's own Display, which draws an underline below the text.
    text.parse::<Requirement<VerbatimUrl>>().map_err(|parse| error(parse.message.to_string()))
}

/// Why a requirement is not given to pep508_rs, which trusts its input: it panics on some names
/// and on characters of several bytes, recurses into parentheses without end, and fills in environment variables.
fn refused_requirement(text: &str) -> Option<&'static str> {
    const LONGEST: usize = 4096;
    const DEEPEST: usize = 32;

    let ends_as_name = |name: &str| name.ends_with(|last: char| last.is_ascii_alphanumeric());
    let is_extra = |extra: &str| extra.trim().parse::<ExtraName>().is_ok();
    let in_name = |byte: char| byte.is_ascii_alphanumeric() || "-_.".contains(byte);
    let (name, rest) = text.split_at(text.find(|byte| !in_name(byte)).unwrap_or(text.len()));
    let extras = rest.trim_start().strip_prefix('[').and_then(|rest| rest.split(']').next());
    if text.len() > LONGEST {
        Some("it is longer than 4096 bytes")
    } else if !text.is_ascii() {
        Some("it is not ASCII")
    } else if text.matches('(').count() > DEEPEST {
        Some("it has more than 32 parentheses")
    } else if text.contains("${") {
        Some("it refers to an environment variable")
    } else if !ends_as_name(name) {
        Some("it does not start with a package name")
    } else if extras.is_some_and(|extras| !extras.trim().is_empty() && !extras.split(',').all(is_extra)) {
        Some("an extra is no name")
    } else {
        None
    }
}

/// What is wrong with a metadata file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not made of `Field: value` lines.
    #[error("it is not made of headers: {message}")]
    Headers {
        /// What the parser says.
        message: String,
    },
    /// A field that must be there is not, or is empty.
    #[error("it has no {field}")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field holds something else than it should.
    #[error("its {field} is `{text}`, which is not valid")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        text: String,
    },
    /// A `Requires-Dist` is not PEP 508.
    #[error("its Requires-Dist `{text}` is no requirement: {message}")]
    Requirement {
        /// Its value.
        text: String,
        /// What the parser says.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TORCH: &str = "Metadata-Version: 2.1\nName: torch\nVersion: 2.9.1\nSummary: Tensors and \
        Dynamic neural networks in Python\nRequires-Python: >=3.10\nDescription-Content-Type: text/markdown\n\
        License-File: LICENSE\nRequires-Dist: filelock\nRequires-Dist: setuptools; python_version >= \"3.12\"\n\
        Requires-Dist: nvidia-cublas-cu12==12.8.4.1; platform_system == \"Linux\"\n\
        Requires-Dist: opt-einsum>=3.3; extra == \"opt-einsum\"\nProvides-Extra: opt-einsum\nDynamic: Author\n\n\
        # Not a header\nRequires-Dist: not-this\n";

    #[test]
    fn what_is_shown_reads_as_the_same() {
        let text = "Metadata-Version: 2.4\nName: Flash_Attn\nVersion: 2.8.3\nSummary: Fast\nRequires-Python: >=3.9\n\
            Requires-Dist: torch\nRequires-Dist: einops; extra == 'x'\nProvides-Extra: x\nDynamic: requires-dist\n";
        let metadata = Metadata::parse(text.as_bytes()).unwrap();
        assert_eq!(metadata.to_string(), text);
        assert_eq!(Metadata::parse(metadata.to_string().as_bytes()).unwrap(), metadata);
    }

    #[test]
    fn fields() {
        let metadata = Metadata::parse(TORCH.as_bytes()).unwrap();
        insta::assert_debug_snapshot!(metadata);
        assert_eq!(metadata.python_specifiers().unwrap().unwrap().to_string(), ">=3.10");
        let requirements = metadata.requirements().unwrap();
        assert_eq!(requirements[2].name.as_ref(), "nvidia-cublas-cu12");
        assert!(metadata.has_dynamic_requirements());
    }

    #[test]
    fn dynamic_requirements() {
        let metadata = |text: &str| {
            Metadata::parse(format!("Metadata-Version: {text}Name: a\nVersion: 1\n").as_bytes()).unwrap()
        };
        assert!(metadata("2.1\n").has_dynamic_requirements());
        assert!(!metadata("2.2\n").has_dynamic_requirements());
        assert!(!metadata("2.10\nDynamic: Version\n").has_dynamic_requirements());
        assert!(metadata("2.4\nDynamic: Requires-Dist\n").has_dynamic_requirements());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let messages: Vec<String> = [
            "",
            "Name: a\nVersion: 1\n",
            "Metadata-Version: 3.0\nName: a\nVersion: 1\n",
            "Metadata-Version: 2.1\nVersion: 1\n",
            "Metadata-Version: 2.1\nName: -\nVersion: 1\n",
            "Metadata-Version: 2.1\nName: a\nVersion: one\n",
        ]
        .into_iter()
        .map(|text| Metadata::parse(text.as_bytes()).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(messages.join("\n"));
        let metadata = Metadata::parse(
            b"Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b >> 1\nRequires-Python: three\n",
        )
        .unwrap();
        insta::assert_snapshot!(metadata.requirements().unwrap_err());
        insta::assert_snapshot!(metadata.python_specifiers().unwrap_err());
    }

    #[test]
    fn requirements_that_break_the_parser_are_refused() {
        let deep = format!("a; {}python_version > '3'", "(".repeat(1000));
        let long = format!("a=={}", "1".repeat(5000));
        for text in [
            "a-é",
            "a-; python_version > '3'",
            "a[b-]",
            "a @ ${HOME}",
            "y[z]>=1,<2; extra == 'w'ÿ",
            deep.as_str(),
            long.as_str(),
        ] {
            assert!(parse_requirement(text).is_err(), "{text}");
        }
        for text in ["a[]", "a [b, c-d]>1", "nvidia-cublas-cu12==12.8.4.1; platform_system == \"Linux\""] {
            assert!(parse_requirement(text).is_ok(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Metadata::parse(&bytes);
        }

        #[test]
        fn any_requirement_gives_an_answer(
            text in "[a-z]{1,2}[-._é]?( ?\\[[a-z,. -]{0,6}\\])? ?(@ ?\\PC{0,9}|\\(?[<>=!~]{1,2} ?[0-9.*a-z]{0,4}\\)?)? ?(; ?[a-z_]{0,12} ?(==|in|>|~=|not in)? ?['\"]?\\PC{0,5}['\"]?)?",
        ) {
            if let Err(error) = parse_requirement(&text) {
                prop_assert!(error.to_string().contains(&text));
            }
        }

        #[test]
        fn any_field_gives_an_answer(python in "\\PC{0,20}", requirement in "[a-z]{0,3}\\PC{0,30}") {
            let text = format!(
                "Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Python: {python}\nRequires-Dist: {requirement}\n"
            );
            if let Ok(metadata) = Metadata::parse(text.as_bytes()) {
                let _ = metadata.python_specifiers();
                if let Err(error) = metadata.requirements() {
                    let _ = error.to_string();
                }
            }
        }
    }
}
