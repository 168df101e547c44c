//! `cargo xtask book`: builds the pages of `docs/` as a book, and checks every link.
//!
//! The test of the book makes it: mdBook is a dependency of the tests alone, since it takes more than a minute to
//! compile.

use std::process::ExitCode;

use axle_provision::cargo::cargo;

use thiserror::Error;

/// Make the book of docs/ with mdBook, in target/book, and check its links
#[derive(clap::Args)]
pub struct Args {}

/// Why there is no book.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Cargo cannot be started.
    #[error("cannot run cargo: {0}")]
    Start(#[from] std::io::Error),
}

/// Makes the book.
///
/// # Errors
/// When cargo cannot be started.
pub fn run(_: &Args) -> Result<ExitCode, Error> {
    let status = cargo()
        .args(["test", "--quiet", "--workspace", "--test", "book", "--", "the_book_is_built", "--nocapture"])
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
