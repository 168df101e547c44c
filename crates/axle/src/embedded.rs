//! The catalogue that the program carries.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use axle_catalogue::{Catalogue, Files, Folder};
use include_dir::{Dir, include_dir};

static CATALOGUE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue");

struct Embedded;

impl Files for Embedded {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        Ok(CATALOGUE.get_file(path).map(|file| file.contents().into()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let files = CATALOGUE.get_dir(folder).into_iter().flat_map(Dir::files);
        let mut names: Vec<_> =
            files.filter_map(|file| Some(file.path().file_name()?.to_str()?.to_owned())).collect();
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
