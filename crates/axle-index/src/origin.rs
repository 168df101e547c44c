//! What every place that publishes artefacts can do.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use axle_wheel::{Metadata, PackageName, WheelSource};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use url::Url;

use crate::IndexError;

/// A place where artefacts are published.
pub trait Origin: Send + Sync {
    /// What is published of the project `name`.
    ///
    /// # Errors
    /// [`IndexError::NotFound`] when it has no such project; other errors when it can't say.
    fn project(&self, name: &PackageName) -> Result<Project, IndexError>;

    /// The metadata of a wheel of that project.
    ///
    /// # Errors
    /// When it can't be had or is broken.
    fn metadata(&self, file: &File) -> Result<Metadata, IndexError>;

    /// The bytes of a file, to be read from any place in it.
    ///
    /// # Errors
    /// When the file can't be had, or has another size than declared.
    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError>;

    /// Writes all bytes of a file, and says what they hash to.
    ///
    /// # Errors
    /// When the file can't be had, or size or hash are others than declared. What was written
    /// until then is worthless.
    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Digest, IndexError>;
}

/// The published files of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its normalised name.
    pub name: PackageName,
    /// Its files, in the order of their names.
    pub files: Vec<File>,
}

/// One published file, as its origin declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its name, without folders.
    pub filename: String,
    /// Where it is, without credentials and without a fragment.
    pub url: Url,
    /// What its bytes hash to, where that is declared.
    pub sha256: Option<Digest>,
    /// How many bytes it has, where that is declared. HTML does not tell it.
    pub size: Option<u64>,
    /// `Requires-Python`, as spelled.
    pub requires_python: Option<String>,
    /// The reason, possibly empty, for which the file was yanked (PEP 592); none if it was not.
    pub yanked: Option<String>,
    /// The metadata file beside it, where the origin offers one (PEP 658, PEP 714).
    pub core_metadata: Option<CoreMetadata>,
}

impl File {
    /// A file of which only the address is known.
    ///
    /// # Errors
    /// When `url` does not lead to a file by HTTP.
    pub fn at(url: &str) -> Result<Self, IndexError> {
        let invalid = |message: &str| IndexError::Url {
            url: crate::http::without_credentials(url),
            message: message.to_owned(),
        };
        let mut url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are read"));
        }
        let fragment = url.fragment().map(str::to_owned);
        url.set_fragment(None);
        // Credentials are sent by the client, and must not stand in what is stored or shown.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let segment = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let filename = percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        if filename.is_empty() || filename.contains(['/', '\\']) || filename.chars().any(char::is_control) {
            return Err(invalid("it does not end in the name of a file"));
        }
        let sha256 = fragment
            .as_deref()
            .and_then(|fragment| fragment.strip_prefix("sha256="))
            .map(str::parse)
            .transpose()
            .map_err(|error: InvalidDigest| invalid(&error.to_string()))?;
        Ok(Self {
            filename,
            url,
            sha256,
            size: None,
            requires_python: None,
            yanked: None,
            core_metadata: None,
        })
    }
}

/// That an origin offers the metadata of a wheel as a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreMetadata {
    /// What its bytes hash to, where that is declared.
    pub sha256: Option<Digest>,
}

/// A SHA-256, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        HEXLOWER
            .decode(text.to_ascii_lowercase().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidDigest { text: text.to_owned() })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no SHA-256: that has 64 hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidDigest {
    /// The text as given.
    pub text: String,
}
