//! Data as the page loads it: a script that hands over one value, since a page from a file may read nothing else.

use std::io::{self, Write as _};
use std::path::Path;

use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

/// Writes `data/<name>.js`: a call of `axle.put` with the value as JSON, compressed. Returns its size.
///
/// # Errors
/// When the file cannot be written.
pub fn write(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&serde_json::to_vec(value)?)?;
    let script =
        format!("axle.put({},\"{}\")\n", serde_json::to_string(name)?, BASE64.encode(&encoder.finish()?));
    let path = folder.join("data").join(format!("{name}.js"));
    fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
    fs_err::write(path, &script)?;
    Ok(script.len())
}
