//! The embedded catalogue, compressed file by file (`build.rs`): each is decompressed when it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::OnceLock;

use axle_catalogue::{Catalogue, Files, Folder};
use flate2::read::DeflateDecoder;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalogue.bin"));
static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/catalogue.json"));

/// By path: where a file lies in [`PACKED`], how long it is there, and how long unpacked.
type Table = BTreeMap<&'static str, (usize, usize, usize)>;

/// The table of the files.
fn table() -> io::Result<&'static Table> {
    static READ: OnceLock<Result<Table, String>> = OnceLock::new();
    let read = || {
        let rows: Vec<(&str, usize, usize, usize)> =
            serde_json::from_slice(TABLE).map_err(|error| error.to_string())?;
        Ok(rows.into_iter().map(|(path, offset, packed, length)| (path, (offset, packed, length))).collect())
    };
    READ.get_or_init(read).as_ref().map_err(|error| io::Error::other(error.as_str()))
}

struct Embedded;

impl Files for Embedded {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        let Some(&(offset, packed, length)) = table()?.get(path) else { return Ok(None) };
        let packed = offset.checked_add(packed).and_then(|end| PACKED.get(offset..end));
        let mut bytes = Vec::with_capacity(length);
        DeflateDecoder::new(packed.unwrap_or_default()).read_to_end(&mut bytes)?;
        if bytes.len() != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(bytes.into()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let entries =
            table()?.range(below.as_str()..).map_while(|(path, _)| path.strip_prefix(below.as_str()));
        let mut names: Vec<String> =
            entries.map(|rest| rest.split('/').next().unwrap_or(rest).to_owned()).collect();
        names.dedup();
        names.sort();
        Ok(names)
    }

    fn describe(&self, path: &str) -> String {
        format!("{path} of the embedded catalogue")
    }
}

/// The bytes of a file of the catalogue in a folder, or of the embedded one.
pub fn read(folder: Option<&Path>, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
    folder.map_or_else(|| Embedded.read(path), |folder| Folder::new(folder).read(path))
}

/// The catalogue in a folder, or the embedded one.
pub fn catalogue(folder: Option<&Path>) -> Catalogue {
    match folder {
        Some(folder) => Catalogue::new(Folder::new(folder)),
        None => Catalogue::new(Embedded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_that_of_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
        let folder = Folder::new(&root);
        assert_eq!(Embedded.list("").unwrap(), folder.list("").unwrap());
        for name in ["cells", "cells/x86_64-linux", "builds", "packages", "no-such-folder"] {
            assert_eq!(Embedded.list(name).unwrap(), folder.list(name).unwrap(), "{name}");
        }
        for path in table().unwrap().keys() {
            assert_eq!(Embedded.read(path).unwrap(), folder.read(path).unwrap(), "{path}");
        }
        assert_eq!(Embedded.read("no-such-file").unwrap(), None);
    }
}
