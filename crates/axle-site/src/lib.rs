//! Generator of the site: a directory of static files, with axle as WebAssembly, that needs no server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axle_catalogue::{Catalogue, CatalogueError, Folder};
use axle_solve::CandidatesError;
use thiserror::Error;

mod atlas;
mod engine;
mod matrix;
pub mod questions;
mod rules;
mod shard;
mod wasm;

/// Write the site: a directory of static files that needs no server
#[derive(clap::Args)]
pub struct Args {
    /// Directory to write; an existing site is replaced once the new one is complete
    #[arg(short, long, default_value = "target/site")]
    output: PathBuf,
}

/// Why the site cannot be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue cannot be read or written.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The catalogue contradicts itself.
    #[error(transparent)]
    Candidates(#[from] CandidatesError),
    /// The program cannot be compiled to WebAssembly.
    #[error(transparent)]
    Wasm(#[from] wasm::Error),
    /// The catalogue lacks `toolkits.json`.
    #[error("toolkits.json is missing")]
    NoToolkits,
    /// What is to be replaced is not a site.
    #[error("{} exists but is not a site: use another directory", .0.display())]
    NoSite(PathBuf),
    /// A file cannot be read or written; the text names it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What the page loads before it shows its first answer, beside its own files: of the cells any one target.
const FIRST: [&str; 7] = [
    "base",
    "packages",
    "engine",
    "engine/script",
    "engine/start",
    "engine/builds",
    "engine/cells/x86_64-linux/3.12-12.8",
];

/// Writes the site.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let output: &Path = &args.output;
    let is_empty = || Ok::<_, io::Error>(fs_err::read_dir(output)?.next().is_none());
    if output.exists() && !output.join("data/engine.js").exists() && !is_empty()? {
        return Err(Error::NoSite(output.to_owned()));
    }
    let beside = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(beside)?;
    let new = tempfile::Builder::new().prefix(".site-").tempdir_in(beside)?;
    let folder = new.path();

    let module = wasm::build()?;
    let files = Folder::new("catalogue");
    let catalogue = Catalogue::new(files.clone());
    let shards = engine::write(&module, &files, folder)?;
    atlas::write(&catalogue, folder)?;
    matrix::write(&catalogue, folder)?;
    rules::write(&catalogue, &shards, folder)?;
    let mut first = 0;
    for entry in fs_err::read_dir("site")? {
        let entry = entry?;
        first += fs_err::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    for name in FIRST {
        first += fs_err::metadata(folder.join(format!("data/{name}.js")))?.len();
    }
    let whole = size(folder)?;

    fs_err::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    if output.exists() {
        fs_err::remove_dir_all(output)?;
    }
    fs_err::rename(folder, output)?;
    let (shown, kilobytes) = (output.join("index.html"), |bytes: u64| bytes.div_ceil(1000));
    anstream::println!(
        "{}: {} kB on first load, {} kB in total",
        shown.display(),
        kilobytes(first),
        kilobytes(whole)
    );
    Ok(ExitCode::SUCCESS)
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
