//! SHA-256 hashes of files.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use sha2::Digest as _;
use thiserror::Error;

use crate::text::serde_as_text;

/// A SHA-256, shown as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// The hash as Subresource Integrity and Nix spell it: `sha256-…=`.
    pub fn sri(&self) -> String {
        format!("sha256-{}", BASE64.encode(&self.0))
    }

    /// What bytes hash to.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = InvalidSha256;

    fn from_str(text: &str) -> Result<Self, InvalidSha256> {
        HEXLOWER
            .decode(text.to_ascii_lowercase().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidSha256 { text: text.to_owned() })
    }
}

serde_as_text!(Sha256);

/// A text that is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a SHA-256: it must be 64 hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidSha256 {
    /// The text as given.
    pub text: String,
}
