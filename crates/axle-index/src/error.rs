//! Errors of origins: package indexes, servers, local files.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use axle_types::{PackageName, Sha256};
use axle_wheel::{ArchiveError, MetadataError};
use thiserror::Error;

/// Why a request to an origin fails. URLs in it never contain credentials.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The origin has no project of that name.
    #[error("{origin} has no package `{name}`; {hint}")]
    NotFound {
        /// The name, normalised.
        name: PackageName,
        /// What was asked: a URL or a path.
        origin: String,
        /// What to do.
        hint: &'static str,
    },
    /// Not a URL of a file or an index.
    #[error("failed to read `{url}`: {message}")]
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
    #[error("failed to reach {url}: {message}; check the network and the URL")]
    Connection {
        /// What was asked for.
        url: String,
        /// What happened.
        message: String,
    },
    /// Not the name of a repository.
    #[error("`{}` is not a GitHub repository; write it as owner/name", given.escape_debug())]
    Repository {
        /// The text as given.
        given: String,
    },
    /// A token that can't be one. It is not shown.
    #[error("the GitHub token contains characters that are not valid in a token; check GITHUB_TOKEN")]
    Token,
    /// GitHub does not know the token.
    #[error("{url} rejects the token; check GITHUB_TOKEN, or unset it")]
    TokenRefused {
        /// What was asked for.
        url: String,
    },
    /// The response is too slow.
    #[error("{url} sent only {bytes} bytes in {seconds} s; try again later")]
    TooSlow {
        /// What was asked for.
        url: String,
        /// How much came.
        bytes: u64,
        /// In which time.
        seconds: f32,
    },
    /// The response is not the expected one.
    #[error("the response of {url} is not usable: {message}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// The server's rate limit is reached.
    #[error(
        "{url} accepts no more requests for {wait:?}; try again after that, or, if this is GitHub, with a token in \
         GITHUB_TOKEN"
    )]
    RateLimited {
        /// What was asked for.
        url: String,
        /// For how long; longer than the [patience](crate::RetryPolicy) lasts.
        wait: Duration,
    },
    /// A file became another one while it was fetched.
    #[error(
        "{url} was replaced during its download, at byte {position}; the bytes before are useless: download it again"
    )]
    Changed {
        /// The file.
        url: String,
        /// How many bytes came of the former one, or where a part of it was to begin.
        position: u64,
    },
    /// A local file can't be read.
    #[error("{0}")]
    Local(io::Error),
    /// A list that must be valid as a whole has an invalid line.
    #[error("{}: line {line}: {message}; fix or remove the line: the whole file is ignored until then", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The answer is larger than what was asked for can be.
    #[error("the response of {url} has more than {limit} bytes, which is the limit")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// A file has another size than its origin declares.
    #[error(
        "{url} has {found} bytes, but its origin declares {declared}; the file was replaced or truncated, so it is not used"
    )]
    Size {
        /// The file.
        url: String,
        /// The declared size.
        declared: u64,
        /// The size that the server reports, or the number of bytes received.
        found: u64,
    },
    /// A file has other bytes than its origin declares.
    #[error(
        "{url} has the SHA-256 {found}, but its origin declares {declared}; the file was replaced or damaged, so it is not used"
    )]
    Hash {
        /// The file.
        url: String,
        /// The declared hash.
        declared: Sha256,
        /// The hash of the bytes.
        found: Sha256,
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
        "failed to load the certificates in {path}: {message}; check PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE"
    )]
    Certificates {
        /// The file.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The downloaded bytes can't be written.
    #[error("failed to store {url}: {source}; free some space, or set TMPDIR to a directory that has more")]
    Write {
        /// The file.
        url: String,
        /// What happened.
        source: io::Error,
    },
}

/// Entries that an origin skipped, and other facts that a person should look at. URLs in it never contain credentials.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// A page of find-links is not there, which is how the lack of a variant shows.
    #[error("{url} answered with status {status}: this variant is not published, or not there")]
    NoPage {
        /// The page.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The origin answers under another name than it was asked for.
    #[error("`{asked}` is now called `{found}`; check that it is still the same project")]
    Renamed {
        /// The name that was asked for.
        asked: String,
        /// The name that answered.
        found: String,
    },
    /// An asset whose upload was not finished.
    #[error("{url} is not completely uploaded (its state is `{state}`), so it is skipped")]
    Unfinished {
        /// The asset.
        url: String,
        /// What its origin says.
        state: String,
    },
    /// A file or folder that can't be read.
    #[error("skipped {}: {message}", path.to_string_lossy().escape_debug())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A line of a table that can't be read.
    #[error("{}: skipped line {line}: {message}", path.display())]
    Line {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// Lines of a table that contradict each other.
    #[error(
        "{}: lines {} contradict each other about {url}; none of them is used",
        path.display(),
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Conflict {
        /// The table.
        path: PathBuf,
        /// The lines, from 1.
        lines: Vec<u64>,
        /// What they speak of.
        url: String,
    },
    /// A line of a table about a file for which different hashes are known to be published.
    #[error(
        "{}: line {line} is not used: different hashes are published for {url}; audit its bytes to decide between them",
        path.display()
    )]
    Distrusted {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What it speaks of.
        url: String,
    },
}

fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => "check the credentials in the URL",
        404 | 410 => "it does not exist, or no longer exists; check the URL",
        408 | 429 | 500..=599 => "try again later",
        _ => "check the URL",
    }
}
