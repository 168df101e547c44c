//! Shards: data as scripts, since a page opened from a file cannot load anything else.

use std::io::{self, Write as _};
use std::path::Path;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Writes `data/<name>.js`: a call of `axle.put` with the value as JSON, compressed.
///
/// # Errors
/// When the file cannot be written.
pub fn write(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    place(folder, name, &script(name, &serde_json::to_vec(value)?)?)
}

/// A script that hands over bytes.
///
/// # Errors
/// When they cannot be compressed.
pub fn script(name: &str, bytes: &[u8]) -> io::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(format!("axle.put({},\"{}\")\n", serde_json::to_string(name)?, BASE64.encode(&encoder.finish()?)))
}

/// Writes `data/<name>.js`.
///
/// # Errors
/// When the file cannot be written.
pub fn place(folder: &Path, name: &str, script: &str) -> io::Result<()> {
    let path = folder.join("data").join(format!("{name}.js"));
    fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
    fs_err::write(path, script)
}
