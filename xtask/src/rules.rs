//! `cargo xtask rules`: docs/rules.md, and the page of each code.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use axle_catalogue::{Files as _, Folder};

/// Write the pages of all rules and findings
#[derive(clap::Args)]
pub struct Args {
    /// Compare with the pages that are there, and write nothing
    #[arg(long)]
    check: bool,
}

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A page cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A page is not what the table says.
    #[error("{0} is out of date: run `cargo xtask rules`")]
    Outdated(String),
}

/// Writes or compares them.
///
/// # Errors
/// When they cannot be written, or are out of date.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let folder = Folder::new("docs");
    let pages = axle_rules::pages();
    let paths: BTreeSet<&str> = pages.iter().map(|(path, _)| path.as_str()).collect();
    for (path, text) in &pages {
        if folder.read(path)?.as_deref() == Some(text.as_bytes()) {
            continue;
        }
        if args.check {
            return Err(Error::Outdated(format!("docs/{path}")));
        }
        folder.write(path, text.as_bytes())?;
    }
    for name in fs_err::read_dir("docs/rules")? {
        let name = name?.file_name();
        let path = format!("rules/{}", name.display());
        if paths.contains(path.as_str()) {
            continue;
        }
        if args.check {
            return Err(Error::Outdated(format!("docs/{path}")));
        }
        fs_err::remove_file(Path::new("docs").join(path))?;
    }
    Ok(ExitCode::SUCCESS)
}
