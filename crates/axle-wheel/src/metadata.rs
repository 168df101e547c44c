//! The core metadata of a package: `METADATA` of a wheel, `PKG-INFO` of an sdist.
//!
//! The format is <https://packaging.python.org/en/latest/specifications/core-metadata/>: the
//! headers of an e-mail. Any 1.x and 2.x is read; fields that axle does not use are skipped.

use std::fmt;

use axle_types::{ExtraName, InvalidRequirement, PackageName, Requirement, parse_name, parse_version};
use pep440_rs::{Version, VersionSpecifiers};
use thiserror::Error;

use crate::headers::{Headers, HeadersError};

/// Core metadata of a package. Displayed as the headers that it was read from, without those that axle does not use.
///
/// Requirements are kept as spelled, in the order of the file: the text is a fact, while its interpretation may change.
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

/// The fields that are read.
const FIELDS: [&str; 8] = [
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Requires-Python",
    "Requires-Dist",
    "Provides-Extra",
    "Dynamic",
];

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
            writeln!(formatter, "{field}: {value}")?;
        }
        Ok(())
    }
}

impl Metadata {
    /// Reads the bytes of a `METADATA` or `PKG-INFO` file.
    ///
    /// # Errors
    /// When it has more than real files have, or name, version or the format's own version are missing
    /// or wrong. Requirements are not looked at: see [`requirements`](Self::requirements).
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let headers = Headers::read(bytes, &FIELDS)?;
        let needed = |field| headers.first(field).ok_or(MetadataError::Missing { field });

        let metadata_version = needed("Metadata-Version")?;
        if !matches!(metadata_version.split('.').next(), Some("1" | "2")) {
            return Err(MetadataError::Invalid { field: "Metadata-Version", text: metadata_version });
        }
        let spelled_name = needed("Name")?;
        let name = parse_name(&spelled_name)
            .ok_or_else(|| MetadataError::Invalid { field: "Name", text: spelled_name.clone() })?;
        let version = needed("Version")?;
        let version =
            parse_version(&version).ok_or(MetadataError::Invalid { field: "Version", text: version })?;
        Ok(Self {
            metadata_version,
            spelled_name,
            name,
            version,
            summary: headers.first("Summary"),
            requires_python: headers.first("Requires-Python"),
            requires_dist: headers.all("Requires-Dist"),
            provides_extra: headers.all("Provides-Extra"),
            dynamic: headers.all("Dynamic").iter().map(|field| field.to_ascii_lowercase()).collect(),
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
    pub fn requirements(&self) -> Result<Vec<Requirement>, MetadataError> {
        self.requires_dist.iter().map(|text| Ok(text.parse()?)).collect()
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

/// What is wrong with a metadata file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// More than any real file has.
    #[error(transparent)]
    Headers(#[from] HeadersError),
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
    #[error("its Requires-Dist {0}")]
    Requirement(#[from] InvalidRequirement),
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

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Metadata::parse(&bytes);
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
