//! `cargo xtask site`: the page where people find what fits.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axle_catalogue::{Catalogue, CatalogueError, Folder};
use axle_concretise::UniverseError;
use thiserror::Error;

mod atlas;
mod matrix;
mod rules;
mod shard;

/// Write the site
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write
    #[arg(short, long, default_value = "target/site")]
    output: PathBuf,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Universe(#[from] UniverseError),
    #[error("toolkits.json is missing")]
    NoToolkits,
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let catalogue = Catalogue::new(Folder::new("catalogue"));
    let folder: &Path = &args.output;
    atlas::write(&catalogue, folder)?;
    matrix::write(&catalogue, folder)?;
    rules::write(&catalogue, folder)?;
    for entry in fs_err::read_dir("site")? {
        let entry = entry?;
        fs_err::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(ExitCode::SUCCESS)
}
