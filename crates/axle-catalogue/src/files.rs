//! Where a catalogue's files lie: a folder, or the binary itself.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The files of a catalogue, by their path below its root, with `/` between folders.
pub trait Files: Send + Sync {
    /// The bytes of a file; `None` when there is no such file.
    ///
    /// # Errors
    /// What the operating system says when the file is there and cannot be read.
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>>;

    /// The names of the entries of a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// The name of a file for a person.
    fn describe(&self, path: &str) -> String;
}

/// A catalogue in a folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The catalogue in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// Writes a file whole or not at all, and only when its content changes. Returns whether it did.
    ///
    /// # Errors
    /// What the operating system says, with the path; the old file is then still there.
    pub fn write(&self, path: &str, content: &[u8]) -> io::Result<bool> {
        let target = self.0.join(path);
        if matches!(fs_err::read(&target), Ok(old) if old == content) {
            return Ok(false);
        }
        let folder = target.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(folder)?;
        let named = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}; it is as it was", target.display()),
            )
        };
        let file = tempfile::Builder::new().prefix(".axle-").tempfile_in(folder).map_err(named)?;
        // Through the file itself: an error is about the target, not about the temporary file's name.
        let mut bytes = file.as_file();
        bytes.write_all(content).and_then(|()| bytes.sync_all()).map_err(named)?;
        #[cfg(unix)]
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)).map_err(named)?;
        file.persist(&target).map_err(|error| named(error.error))?;
        Ok(true)
    }

    /// The paths of all files below some folders, sorted.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn files_under(&self, folders: &[&str]) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        let mut next: Vec<String> = folders.iter().map(|&folder| folder.to_owned()).collect();
        while let Some(path) = next.pop() {
            if self.0.join(&path).is_dir() {
                next.extend(self.list(&path)?.into_iter().map(|name| format!("{path}/{name}")));
            } else if self.0.join(&path).exists() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Removes a file that is not there any more in what was generated.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        fs_err::remove_file(self.0.join(path))
    }
}

/// Changes to many files of a folder that take place together or not at all.
///
/// What is to change is written to a folder beside, which is then renamed: from that moment on the changes are made, and
/// whoever opens the folder after a crash finishes them ([`Folder::recover`]).
#[derive(Debug)]
pub struct Transaction {
    folder: Folder,
    staged: Folder,
    removed: Vec<String>,
}

/// Where changes are gathered, and what they are called once they are to be made.
const STAGED: &str = ".next";
const COMMITTED: &str = ".committed";
/// What of a transaction lists the files that it removes.
const REMOVED: &str = "removed.json";

impl Folder {
    /// Begins a transaction. What an interrupted one left behind is dropped, or finished if it was committed.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn begin(&self) -> io::Result<Transaction> {
        self.recover()?;
        let staged = self.0.join(STAGED);
        if staged.exists() {
            fs_err::remove_dir_all(&staged)?;
        }
        fs_err::create_dir_all(staged.join("files"))?;
        Ok(Transaction { folder: self.clone(), staged: Self(staged), removed: Vec::new() })
    }

    /// Finishes a transaction that was committed and interrupted. Says whether there was one.
    ///
    /// # Errors
    /// What the operating system says, with the path; it can be called again.
    pub fn recover(&self) -> io::Result<bool> {
        let committed = Self(self.0.join(COMMITTED));
        if !committed.0.exists() {
            return Ok(false);
        }
        for path in committed.files_under(&["files"])? {
            let Some(path) = path.strip_prefix("files/") else { continue };
            let target = self.0.join(path);
            fs_err::create_dir_all(target.parent().unwrap_or(Path::new(".")))?;
            fs_err::rename(committed.0.join("files").join(path), target)?;
        }
        let removed: Vec<String> = match committed.read(REMOVED)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            None => Vec::new(),
        };
        for path in removed {
            match fs_err::remove_file(self.0.join(path)) {
                Err(error) if !is_absence(&error) => return Err(error),
                _ => {}
            }
        }
        fs_err::remove_dir_all(&committed.0)?;
        Ok(true)
    }
}

impl Transaction {
    /// The folder that the files to write are put in.
    pub fn staged(&self) -> Folder {
        Folder(self.staged.0.join("files"))
    }

    /// Removes a file along with the other changes.
    pub fn remove(&mut self, path: &str) {
        self.removed.push(path.to_owned());
    }

    /// Makes the changes.
    ///
    /// # Errors
    /// What the operating system says, with the path. Until the changes are committed the folder is as it was.
    pub fn commit(self) -> io::Result<()> {
        let removed = serde_json::to_vec(&self.removed).map_err(io::Error::other)?;
        self.staged.write(REMOVED, &removed)?;
        fs_err::rename(&self.staged.0, self.folder.0.join(COMMITTED))?;
        self.folder.recover()?;
        Ok(())
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        match fs_err::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs_err::read_dir(self.0.join(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn describe(&self, path: &str) -> String {
        self.0.join(path).display().to_string()
    }
}

/// Whether there is no file at the path that was asked for: where a file stands in a folder's place, none can be.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        (root, folder)
    }

    #[test]
    fn equal_bytes_are_not_written_again() {
        let (root, folder) = folder();
        assert!(folder.write("builds/x/1.0.json", b"one").unwrap());
        let path = root.path().join("builds/x/1.0.json");
        let written = || fs_err::metadata(&path).unwrap().modified().unwrap();
        let first = written();
        assert!(!folder.write("builds/x/1.0.json", b"one").unwrap());
        assert_eq!(written(), first);
        assert!(folder.write("builds/x/1.0.json", b"two").unwrap());
        assert_eq!(fs_err::read(&path).unwrap(), b"two");
        // As other files of a repository; a temporary file is for its owner only.
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(folder.files_under(&["builds", "cells"]).unwrap(), ["builds/x/1.0.json"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let (root, folder) = folder();
        folder.write("artefacts/x.json/file", b"").unwrap();
        // A folder stands in the place of the file.
        let error = folder.write("artefacts/x.json", b"new").unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot write {}/artefacts/x.json: ", root.path().display())),
            "{error}"
        );
        assert!(error.ends_with("; it is as it was"), "{error}");
        assert_eq!(folder.list("artefacts").unwrap(), ["x.json"]);
    }

    #[test]
    fn a_transaction_changes_all_files_or_none() {
        let (root, folder) = folder();
        for path in ["cells/a.json", "cells/b.json", "builds/x/1.json"] {
            folder.write(path, b"old").unwrap();
        }
        let content =
            |path: &str| folder.read(path).unwrap().map(|bytes| String::from_utf8(bytes.into()).unwrap());
        let changed = || {
            let mut transaction = folder.begin().unwrap();
            transaction.staged().write("cells/a.json", b"new").unwrap();
            transaction.staged().write("builds/y/2.json", b"new").unwrap();
            transaction.remove("cells/b.json");
            transaction
        };
        // Interrupted before the commit: nothing has changed, and the next one begins anew.
        std::mem::forget(changed());
        assert_eq!(content("cells/a.json").unwrap(), "old");
        // Interrupted behind it: the next one who comes finishes.
        let transaction = changed();
        transaction.staged.write(REMOVED, br#"["cells/b.json"]"#).unwrap();
        fs_err::rename(root.path().join(STAGED), root.path().join(COMMITTED)).unwrap();
        fs_err::rename(root.path().join(".committed/files/cells/a.json"), root.path().join("cells/a.json"))
            .unwrap();
        assert!(folder.recover().unwrap() && !folder.recover().unwrap());
        assert_eq!(content("cells/a.json").unwrap(), "new");
        assert_eq!(content("builds/y/2.json").unwrap(), "new");
        assert_eq!(content("cells/b.json"), None);
        assert_eq!(content("builds/x/1.json").unwrap(), "old");
        // And whole.
        let mut transaction = folder.begin().unwrap();
        transaction.remove("builds/x/1.json");
        transaction.commit().unwrap();
        assert_eq!(content("builds/x/1.json"), None);
        assert!(!root.path().join(COMMITTED).exists() && !root.path().join(STAGED).exists());
    }

    #[test]
    fn a_file_that_is_not_there_is_no_error_and_one_that_cannot_be_read_is() {
        let (root, folder) = folder();
        folder.write("matrix.toml", b"").unwrap();
        for path in ["artefacts/x.json", "matrix.toml/x.json"] {
            assert_eq!(folder.read(path).unwrap(), None, "{path}");
            assert_eq!(folder.list(path).unwrap(), Vec::<String>::new(), "{path}");
        }
        fs_err::create_dir(root.path().join("artefacts")).unwrap();
        let error = folder.read("artefacts").unwrap_err().to_string();
        assert!(error.contains(&folder.describe("artefacts")), "{error}");
    }
}
