//! Files that a command writes from what is in the repository, and that CI compares with what it would write.

use std::io;

use axle_catalogue::{Files as _, Folder};

/// Whether such files are written.
#[derive(clap::Args)]
// Commands flatten it into arguments of the same name, and clap names a group by the name.
#[group(skip)]
pub struct Args {
    /// Compare with what is there, and write nothing
    #[arg(long)]
    check: bool,
}

/// Why a file is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file is not what the command writes.
    #[error("{path} is out of date: run `cargo xtask {command}`")]
    Outdated {
        /// The file, from the root of the repository.
        path: String,
        /// The command that writes it.
        command: &'static str,
    },
}

impl Args {
    /// Writes a file as `cargo xtask COMMAND` does, or compares it; without a text it should not be there.
    ///
    /// # Errors
    /// When it cannot be read or written, or is out of date.
    pub fn keep(&self, command: &'static str, path: &str, text: Option<&str>) -> Result<(), Error> {
        let root = Folder::new(".");
        if root.read(path)?.as_deref() == text.map(str::as_bytes) {
            return Ok(());
        }
        if self.check {
            return Err(Error::Outdated { path: path.to_owned(), command });
        }
        match text {
            Some(text) => root.write(path, text.as_bytes()).map(drop)?,
            None => fs_err::remove_file(path)?,
        }
        Ok(())
    }
}
