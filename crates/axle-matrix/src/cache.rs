//! Cache of checks that passed: a key is the SHA-256 of everything that determines the result.
//!
//! Failures are not cached: they may be temporary (a full disk, no network).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::Path;

use axle_catalogue::{Files as _, Folder};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::cells::NamedCell;
use crate::pieces::Piece;

/// More keys than that are forgotten, the oldest first.
const KEPT: usize = 50_000;

/// The keys of what works.
pub struct Cache {
    folder: Folder,
    known: HashSet<String>,
    /// The same, the newest first.
    order: Vec<String>,
}

/// The file in the cache folder.
const FILE: &str = "matrix.keys";

impl Cache {
    /// Reads what earlier runs have left in a folder.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let folder = Folder::new(folder);
        let bytes = folder.read(FILE)?.unwrap_or_default();
        let order: Vec<_> = String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect();
        Ok(Self { folder, known: order.iter().cloned().collect(), order })
    }

    /// Whether it works.
    pub fn has(&self, key: &str) -> bool {
        self.known.contains(key)
    }

    /// Keeps what works now.
    ///
    /// # Errors
    /// When it cannot be written; what was there is still there.
    pub fn keep(&self, working: &[String]) -> io::Result<()> {
        let now: HashSet<_> = working.iter().collect();
        let earlier = self.order.iter().filter(|key| !now.contains(key));
        let lines: String = working.iter().chain(earlier).take(KEPT).flat_map(|key| [key, "\n"]).collect();
        self.folder.write(FILE, lines.as_bytes()).map(drop)
    }
}

/// Makes the keys of pieces.
pub struct Keys {
    /// SHA-256 of the files of the catalogue that any cell is made of.
    files: BTreeMap<String, String>,
    /// SHA-256 of this program.
    program: String,
    /// SHA-256 of what Nix evaluates.
    nix: String,
}

impl Keys {
    /// Hashes all that cells are made of: files of the catalogue, this program, and, where `nix` names the package set,
    /// the Nix code.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new(folder: &Path, cells: &[NamedCell], nix: Option<&str>) -> io::Result<Self> {
        let paths: BTreeSet<_> = cells.iter().flat_map(NamedCell::inputs).collect();
        let files = Folder::new(folder);
        let hash = |path: String| Some(files.read(&path).transpose()?.map(|bytes| (path, sha256(&bytes))));
        let program = sha256(&fs_err::read(std::env::current_exe()?)?);
        let nix = nix.map_or_else(|| Ok(String::new()), nix_code)?;
        Ok(Self { files: paths.into_iter().filter_map(hash).collect::<io::Result<_>>()?, program, nix })
    }

    /// The key of a piece of a cell.
    pub fn key(&self, piece: Piece, cell: &NamedCell) -> String {
        let code = if piece == Piece::Nix { &self.nix } else { &self.program };
        let mut hasher = Sha256::new();
        for part in [piece.name(), &cell.name.to_string(), &cell.cell().cell, code] {
            hasher.update(part);
            hasher.update("\n");
        }
        for path in cell.inputs() {
            let hash = self.files.get(&path).map_or("", String::as_str);
            hasher.update(format!("{path} {hash}\n"));
        }
        HEXLOWER.encode(&hasher.finalize())
    }
}

/// The key of an environment that is built.
pub fn build_key(derivation: &str) -> String {
    sha256(format!("build\n{derivation}\n").as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The hash of the flake's own code, evaluated on a package set.
fn nix_code(package_set: &str) -> io::Result<String> {
    let folder = Folder::new(".");
    let mut paths = folder.files_under(&["overlays", "checks"])?;
    paths.retain(|path| Path::new(path).extension().is_some_and(|extension| extension != "lock"));
    paths.extend(["flake.nix", "flake.lock"].map(str::to_owned));
    let mut hasher = Sha256::new();
    hasher.update(format!("{package_set}\n"));
    for path in paths {
        let bytes = folder.read(&path)?.unwrap_or_default();
        hasher.update(format!("{path} {}\n", sha256(&bytes)));
    }
    Ok(HEXLOWER.encode(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_is_kept_with_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::read(folder.path()).unwrap();
        assert!(!cache.has("one"));
        cache.keep(&["one".into(), "two".into()]).unwrap();
        let cache = Cache::read(folder.path()).unwrap();
        assert!(cache.has("one") && cache.has("two") && !cache.has("three"));
        cache.keep(&["three".into(), "two".into()]).unwrap();
        assert_eq!(fs_err::read_to_string(folder.path().join(FILE)).unwrap(), "three\ntwo\none\n");
    }
}
