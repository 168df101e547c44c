//! Storage of a catalogue's files: a directory, or the binary itself.

use std::borrow::Cow;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axle_wheel::read_file;

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
        fs_err::create_dir_all(target.parent().unwrap_or(Path::new(".")))?;
        write_file(&target, content)
    }

    /// Keeps others from changing the folder: alone, or along with those that share it. It is given back when what is
    /// returned is dropped, or the process ends.
    ///
    /// # Errors
    /// When another process changes it now; what the operating system says.
    pub fn lock(&self, share: bool) -> io::Result<FolderLock> {
        let folder = File::open(&self.0).map_err(|error| {
            let message =
                format!("cannot open {}: {error}; give the directory of an axle catalogue", self.0.display());
            io::Error::new(error.kind(), message)
        })?;
        match if share { folder.try_lock_shared() } else { folder.try_lock() } {
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "another process is changing the catalogue in {}; try again when it has finished",
                    self.0.display()
                );
                Err(io::Error::new(io::ErrorKind::ResourceBusy, message))
            }
            // Some file systems know no locks.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            _ => Ok(FolderLock { _folder: folder }),
        }
    }

    /// Removes what processes left behind that were killed while they wrote into the folder itself.
    pub fn sweep(&self) {
        /// Nobody takes so long to write a file.
        const OLD: Duration = Duration::from_hours(1);

        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY)) {
            let metadata = entry.path().symlink_metadata().ok().filter(std::fs::Metadata::is_file);
            let modified = metadata.and_then(|metadata| metadata.modified().ok());
            let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if age.is_some_and(|age| age > OLD) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
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

/// How files are called while they are written.
const TEMPORARY: &str = ".axle-";

/// The most bytes of a file of a catalogue: that of torch has 2 MB.
const LARGEST: u64 = 64 << 20;

/// Others are kept from changing a folder as long as there is one ([`Folder::lock`]).
#[derive(Debug)]
pub struct FolderLock {
    _folder: File,
}

/// Writes a file whole or not at all, and only when its content changes. Returns whether it did.
///
/// A link is followed: it stays, and what it leads to is written. A pipe or a device, as `/dev/stdout`, is written to.
///
/// # Errors
/// What the operating system says, with the path; the old file is then still there.
pub fn write_file(target: &Path, content: &[u8]) -> io::Result<bool> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot write {}: {error}; it is unchanged", target.display()))
    };
    let found = match std::fs::metadata(target) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(named(error)),
    };
    let is_stream = |path: &Path| ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    match &found {
        Some(found) if found.is_dir() => return Err(named(io::ErrorKind::IsADirectory.into())),
        Some(found) if !found.is_file() || is_stream(target) => {
            return write_stream(target, content).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot write to {}: {error}", target.display()))
            });
        }
        _ => {}
    }
    let place = end_of_links(target).map_err(named)?;
    let is_same = found.as_ref().is_some_and(|found| found.len() == content.len() as u64)
        && read_file(&place, content.len() as u64).is_ok_and(|old| old == content);
    if is_same {
        return Ok(false);
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder).map_err(named)?;
    // Through the file itself: an error is about the target, not about the temporary file's name.
    let mut bytes = file.as_file();
    bytes.write_all(content).and_then(|()| bytes.sync_all()).map_err(named)?;
    // As other files of a repository; a temporary file is for its owner only.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.map_or(0o644, |found| found.permissions().mode() & 0o777);
        file.as_file().set_permissions(PermissionsExt::from_mode(mode)).map_err(named)?;
    }
    file.persist(&place).map_err(|error| named(error.error))?;
    Ok(true)
}

/// Where a link leads, even to nothing; a path that is none stays.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_path_buf();
    // As many as Linux follows.
    for _ in 0..40 {
        match std::fs::read_link(&place) {
            Ok(next) => place = place.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("it is a link without a target"))
}

/// Writes to what is no regular file, without waiting for somebody to read from a pipe.
fn write_stream(path: &Path, content: &[u8]) -> io::Result<bool> {
    #[cfg(unix)]
    let _held = {
        use std::os::unix::fs::OpenOptionsExt;
        let waiting_for_nobody = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path);
        waiting_for_nobody.map_err(|error| match error.raw_os_error() {
            Some(libc::ENXIO) => io::Error::new(error.kind(), "no process reads from it"),
            _ => error,
        })?
    };
    OpenOptions::new().append(true).open(path)?.write_all(content)?;
    Ok(true)
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
        if self.0.join(COMMITTED).exists() {
            let message = format!(
                "an update of the catalogue in {} was interrupted halfway; finish it with \
                 `axle catalogue update --catalogue` or `cargo xtask update --offline`",
                self.0.display()
            );
            return Err(io::Error::other(message));
        }
        match read_file(&self.0.join(path), LARGEST) {
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
    use std::os::unix::fs::PermissionsExt;

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
        assert!(error.ends_with("; it is unchanged"), "{error}");
        assert_eq!(folder.list("artefacts").unwrap(), ["x.json"]);
    }

    #[test]
    fn what_is_no_regular_file_is_written_to_and_stays() {
        let (root, folder) = folder();
        let path = |name: &str| root.path().join(name);
        folder.write("old/file", b"old").unwrap();
        std::os::unix::fs::symlink("old/file", path("link")).unwrap();
        std::os::unix::fs::symlink("old/new", path("dangling")).unwrap();
        std::os::unix::fs::symlink("loop", path("loop")).unwrap();
        assert!(folder.write("link", b"new").unwrap() && folder.write("dangling", b"new").unwrap());
        assert!(path("link").is_symlink() && path("dangling").is_symlink());
        assert_eq!(fs_err::read(path("old/file")).unwrap(), b"new");
        assert_eq!(fs_err::read(path("old/new")).unwrap(), b"new");
        folder.write("loop", b"new").unwrap_err();

        assert!(write_file(Path::new("/dev/null"), b"new").unwrap());
        let kind = fs_err::metadata("/dev/null").unwrap().file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_char_device(&kind));
        write_file(Path::new("/dev/full"), b"new").unwrap_err();

        let pipe = path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = folder.write("pipe", b"new").unwrap_err().to_string();
        assert_eq!(error, format!("cannot write to {}: no process reads from it", pipe.display()));
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        while folder.write("pipe", b"new").is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(reader.join().unwrap(), b"new");
        assert!(!fs_err::metadata(pipe).unwrap().is_file());
    }

    #[test]
    fn permissions_stay_as_they_were() {
        let (root, folder) = folder();
        folder.write("a", b"old").unwrap();
        fs_err::set_permissions(root.path().join("a"), PermissionsExt::from_mode(0o600)).unwrap();
        folder.write("a", b"new").unwrap();
        assert_eq!(fs_err::metadata(root.path().join("a")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_changes_a_folder_at_a_time() {
        let (root, folder) = folder();
        let busy = format!(
            "another process is changing the catalogue in {}; try again when it has finished",
            root.path().display()
        );
        let alone = folder.lock(false).unwrap();
        for share in [false, true] {
            assert_eq!(folder.lock(share).unwrap_err().to_string(), busy);
        }
        drop(alone);
        let shared = [folder.lock(true).unwrap(), folder.lock(true).unwrap()];
        assert_eq!(folder.lock(false).unwrap_err().to_string(), busy);
        drop(shared);
        folder.lock(false).unwrap();
    }

    #[test]
    fn half_an_update_is_not_read() {
        let (root, folder) = folder();
        folder.write("matrix.toml", b"").unwrap();
        fs_err::create_dir(root.path().join(COMMITTED)).unwrap();
        assert!(folder.read("matrix.toml").unwrap_err().to_string().contains("was interrupted"));
        assert!(folder.recover().unwrap());
        assert_eq!(folder.read("matrix.toml").unwrap().unwrap().as_ref(), b"");
    }

    #[test]
    fn what_was_left_behind_is_removed_when_it_is_old() {
        let (root, folder) = folder();
        for name in [".axle-old", ".axle-new", "other"] {
            folder.write(name, b"").unwrap();
        }
        let old = File::options().write(true).open(root.path().join(".axle-old")).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
        folder.sweep();
        assert_eq!(folder.list("").unwrap(), [".axle-new", "other"]);
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
