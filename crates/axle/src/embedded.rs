//! The catalogue that the program carries.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use axle_catalogue::{Catalogue, Files, Folder};
use include_dir::{Dir, File, include_dir};

static CATALOGUE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue");

/// A folder in the catalogue by its path.
fn folder(path: &str) -> Option<&'static Dir<'static>> {
    let above = match path.rsplit_once('/') {
        Some((above, _)) => folder(above)?,
        None => &CATALOGUE,
    };
    above.dirs().find(|folder| is_at(folder.path(), path))
}

/// A file in the catalogue by its path.
fn file(path: &str) -> Option<&'static File<'static>> {
    let folder = match path.rsplit_once('/') {
        Some((above, _)) => folder(above)?,
        None => &CATALOGUE,
    };
    folder.files().find(|file| is_at(file.path(), path))
}

/// Whether what was found is at `path`. Paths are compared by their components, which takes long where a folder has
/// hundreds of files.
fn is_at(found: &Path, path: &str) -> bool {
    found.as_os_str() == path
}

struct Embedded;

impl Files for Embedded {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        Ok(file(path).map(|file| file.contents().into()))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        // The macro has sorted them.
        let entries = folder(path).into_iter().flat_map(Dir::entries);
        Ok(entries.filter_map(|entry| Some(entry.path().file_name()?.to_str()?.to_owned())).collect())
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
