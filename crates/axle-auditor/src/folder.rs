//! Directory traversal: the ELF files of a compiled package.

use std::fs::{self, File, FileType};
use std::path::Path;
use std::{io, iter};

use crate::error::Error;
use crate::member::{self, Member};

/// Reads all ELF files in `folder`, sorted by path.
///
/// A link is read as what it leads to, which must lie in the folder. Pipes and devices are not opened, since to open one
/// may wait for ever.
///
/// # Errors
/// When a file can't be read or is broken, or a link leads out of the folder.
pub fn read_folder(folder: &Path) -> Result<Vec<Member>, Error> {
    let root = folder.canonicalize().map_err(|source| Error::Io { path: shown(folder), source })?;
    let mut members = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for (path, kind) in list(&root, &folder)? {
            if kind.is_dir() {
                folders.push(path);
            } else {
                members.extend(read_file(&root, &path, kind)?);
            }
        }
    }
    members.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(members)
}

fn list(root: &Path, folder: &Path) -> Result<Vec<(std::path::PathBuf, FileType)>, Error> {
    let failed = |source| Error::Io { path: below(root, folder), source };
    let entry =
        |entry: io::Result<fs::DirEntry>| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
    fs::read_dir(folder).and_then(|entries| entries.map(entry).collect()).map_err(failed)
}

fn read_file(root: &Path, path: &Path, kind: FileType) -> Result<Option<Member>, Error> {
    let name = below(root, path);
    let failed = |source| Error::Io { path: name.clone(), source };
    let mut kind = kind;
    if kind.is_symlink() {
        if !path.canonicalize().is_ok_and(|real| real.starts_with(root)) {
            return Err(Error::Link { path: name });
        }
        kind = path.metadata().map_err(failed)?.file_type();
        // What is in it is found where it really lies.
        if kind.is_dir() {
            return Ok(None);
        }
    }
    if !kind.is_file() {
        return Err(Error::Kind { path: name });
    }
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    member::read(name, &mut file, size)
}

/// How a report calls what lies at `path` below `root`.
fn below(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(below) if below != Path::new("") => shown(below),
        _ => shown(path),
    }
}

/// A path as text of one line.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.extend(iter::once(character));
        }
    }
    text
}
