//! Why an origin can't say or give what was asked for.

use std::io;

use axle_wheel::{ArchiveError, MetadataError, PackageName};
use thiserror::Error;

use crate::Digest;

/// Why an origin can't say or give what was asked for. No URL in it holds credentials.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The index has no project of that name.
    #[error("{index} has no package `{name}`; check the spelling, or choose another index with --index-url")]
    NotFound {
        /// The name, normalised.
        name: PackageName,
        /// The URL of the index.
        index: String,
    },
    /// Not a URL of a file or an index.
    #[error("`{url}` can't be read: {message}")]
    Url {
        /// The text as given, without credentials.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// The server answered with an error.
    #[error("{url} answered with status {status}; {}", advice(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server can't be reached, or the connection broke.
    #[error("{url} can't be reached: {message}; check the network and the URL")]
    Connection {
        /// What was asked for.
        url: String,
        /// What happened.
        message: String,
    },
    /// The answer is not what was asked for.
    #[error("{url} gave an answer that can't be used: {message}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// The answer is larger than what was asked for can be.
    #[error("{url} gave an answer of more than {limit} bytes, which is refused")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// A file has another size than its origin declares.
    #[error(
        "{url} has {found} bytes, and the index declares {declared}; the file was replaced or cut short, so it is not used"
    )]
    Size {
        /// The file.
        url: String,
        /// The size that the index declares.
        declared: u64,
        /// The size that the server tells, or how many bytes came.
        found: u64,
    },
    /// A file has other bytes than its origin declares.
    #[error(
        "{url} has the SHA-256 {found}, and the index declares {declared}; the file was replaced or damaged, so it is not used"
    )]
    Hash {
        /// The file.
        url: String,
        /// The hash that the index declares.
        declared: Digest,
        /// The hash of the bytes.
        found: Digest,
    },
    /// A metadata file beside a wheel is broken.
    #[error("{url}: {source}")]
    Metadata {
        /// The metadata file.
        url: String,
        /// What is wrong with it.
        source: MetadataError,
    },
    /// A wheel is broken.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The certificates that the user's settings name can't be used.
    #[error(
        "the certificates in {path} can't be used: {message}; see PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE"
    )]
    Certificates {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// What was received can't be written.
    #[error("{url} can't be stored: {source}; make room, or set TMPDIR to a folder with more")]
    Write {
        /// The file.
        url: String,
        /// What happened.
        source: io::Error,
    },
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => "check the credentials in the URL",
        404 | 410 => "it is not there (any more); check the URL",
        408 | 429 | 500..=599 => "try again later",
        _ => "check the URL",
    }
}
