//! The catalogue that the program carries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use axle_catalogue::{Catalogue, Files, Folder};
use include_dir::{Dir, include_dir};

static CATALOGUE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../catalogue");

/// Every file by its path: to look one up in a folder of the other form compares it with all that lie beside it.
static FILES: LazyLock<BTreeMap<&str, &[u8]>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    let mut folders = vec![&CATALOGUE];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().filter_map(|file| Some((file.path().to_str()?, file.contents()))));
    }
    files
});

struct Embedded;

impl Files for Embedded {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        Ok(FILES.get(path).map(|&contents| contents.into()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let folder = format!("{folder}/");
        let below = FILES.range(folder.as_str()..).map_while(|(path, _)| path.strip_prefix(folder.as_str()));
        Ok(below.filter(|name| !name.contains('/')).map(str::to_owned).collect())
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
