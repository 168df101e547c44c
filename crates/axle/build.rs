//! Packs the catalogue for the program: each file compressed by itself, with a table of where it lies.
//!
//! `catalogue.bin` is the compressed files, one after the other. `catalogue.json` is the table, sorted by path: path, offset,
//! compressed length and length in bytes.

use std::io::{self, Write};
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() -> io::Result<()> {
    let root = Path::new("../../catalogue");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut paths = Vec::new();
    list(root, "", &mut paths)?;
    paths.sort();
    let (mut packed, mut table) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = fs::read(root.join(&path))?;
        let offset = packed.len();
        let mut encoder = DeflateEncoder::new(packed, Compression::best());
        encoder.write_all(&bytes)?;
        packed = encoder.finish()?;
        table.push((path, offset, packed.len() - offset, bytes.len()));
    }
    let output = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&output).join("catalogue.bin"), packed)?;
    fs::write(Path::new(&output).join("catalogue.json"), serde_json::to_vec(&table)?)
}

/// The files below a folder, by their path below the root with `/` between folders.
fn list(root: &Path, below: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| io::Error::other("a name in the catalogue is not UTF-8"))?;
        // What a program has just written under a temporary name is no part of it.
        if name.starts_with('.') {
            continue;
        }
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            list(root, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
