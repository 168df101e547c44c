//! The file name of a source distribution: `flash_attn-2.8.3.tar.gz`.

use std::fmt;

use axle_types::{PackageName, parse_name, parse_version};
use pep440_rs::Version;
use thiserror::Error;

/// The parsed file name of an sdist.
///
/// PEP 625 asks for `name-version.tar.gz` with the name normalised, but older sdists spell the
/// name with dashes, and some are zips. Where the name ends can then only be told by who knows
/// the project: `foo-1-2.tar.gz` is version 2 of `foo-1` or version `1-2` of `foo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdistName {
    filename: String,
    distribution: String,
    name: PackageName,
    version: Version,
    extension: &'static str,
}

impl SdistName {
    const EXTENSIONS: [&'static str; 2] = [".tar.gz", ".zip"];

    /// Reads `filename` as an sdist of `project`.
    ///
    /// # Errors
    /// When it has another extension, is of another project, or its version is not PEP 440.
    pub fn parse(filename: &str, project: &PackageName) -> Result<Self, SdistNameError> {
        let (stem, extension) = Self::EXTENSIONS
            .into_iter()
            .find_map(|extension| Some((filename.strip_suffix(extension)?, extension)))
            .ok_or_else(|| SdistNameError::Extension { filename: filename.to_owned() })?;
        let splits = stem.match_indices('-').filter_map(|(dash, _)| stem.split_at_checked(dash));
        let mut error = SdistNameError::Project { filename: filename.to_owned(), project: project.clone() };
        for (distribution, version) in splits {
            if parse_name(distribution).as_ref() != Some(project) {
                continue;
            }
            let version = version.trim_start_matches('-');
            match parse_version(version) {
                Some(version) => {
                    return Ok(Self {
                        filename: filename.to_owned(),
                        distribution: distribution.to_owned(),
                        name: project.clone(),
                        version,
                        extension,
                    });
                }
                None => {
                    error =
                        SdistNameError::Version { filename: filename.to_owned(), text: version.to_owned() };
                }
            }
        }
        Err(error)
    }

    /// The whole file name, as spelled.
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The project's name as spelled in the file name.
    pub fn distribution(&self) -> &str {
        &self.distribution
    }

    /// The project's name, normalised (PEP 503).
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// `.tar.gz` or `.zip`.
    pub fn extension(&self) -> &'static str {
        self.extension
    }
}

impl fmt::Display for SdistName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.filename)
    }
}

/// Why a file name is not that of an sdist of a project.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SdistNameError {
    /// Neither `.tar.gz` nor `.zip`.
    #[error("`{filename}` is not the name of an sdist: it ends neither in .tar.gz nor in .zip")]
    Extension {
        /// The text as given.
        filename: String,
    },
    /// It names another project.
    #[error("`{filename}` is not the name of an sdist of {project}")]
    Project {
        /// The text as given.
        filename: String,
        /// The project that was expected.
        project: PackageName,
    },
    /// The text after the project's name is not a version.
    #[error("`{filename}` is not the name of an sdist: `{text}` is not a PEP 440 version")]
    Version {
        /// The text as given.
        filename: String,
        /// What should be the version.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(filename: &str, project: &str) -> Result<SdistName, SdistNameError> {
        SdistName::parse(filename, &project.parse().unwrap())
    }

    #[test]
    fn new_and_old_spellings() {
        for (filename, project, version) in [
            ("flash_attn-2.8.3.tar.gz", "flash-attn", "2.8.3"),
            ("flash-attn-2.8.3.tar.gz", "flash-attn", "2.8.3"),
            ("PyYAML-6.0.tar.gz", "pyyaml", "6.0"),
            ("zope.interface-5.0.zip", "zope-interface", "5.0"),
            ("foo-1-2.tar.gz", "foo-1", "2"),
        ] {
            let sdist = parse(filename, project).unwrap();
            assert_eq!((sdist.version().to_string(), sdist.to_string()), (version.into(), filename.into()));
        }
    }

    #[test]
    fn refused_names() {
        let messages: Vec<String> = [
            ("torch-2.9.1.tar.bz2", "torch"),
            ("torchvision-0.24.tar.gz", "torch"),
            ("torch-latest.tar.gz", "torch"),
            ("torch.tar.gz", "torch"),
        ]
        .into_iter()
        .map(|(filename, project)| parse(filename, project).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(messages.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "\\PC{0,40}(\\.tar\\.gz)?") {
            let _ = parse(&text, "torch");
        }
    }
}
