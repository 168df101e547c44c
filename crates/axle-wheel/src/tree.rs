//! Directories of an unpacked or installed wheel.
//!
//! A directory is as untrusted as an archive. Symbolic links are followed only within the directory; pipes and devices
//! are not opened, since opening one may block forever.

use std::collections::HashMap;
use std::fmt;
use std::fs::{FileType, Metadata as FileMetadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::archive::{ArchiveError, ArchiveProblem, Limits};
use crate::contents::{Contents, ContentsReader, Entry};
use crate::files::{open_file, read_file};

/// Files below one folder.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
    /// What messages call it.
    shown: PathBuf,
    limits: Limits,
    dist_info: Option<String>,
    files: Vec<TreeFile>,
    elsewhere: Vec<String>,
}

#[derive(Clone, Debug)]
struct TreeFile {
    path: String,
    size: u64,
    executable: bool,
}

impl Tree {
    /// All files below `folder`, which a wheel was unpacked to.
    ///
    /// # Errors
    /// When a folder can't be read, or holds what is neither a file nor a link to one of its files.
    pub fn unpacked(folder: &Path, limits: Limits) -> Result<Self, ArchiveError> {
        let mut tree = Self::empty(folder, folder, limits);
        let dist_infos = dist_infos(folder)?;
        tree.dist_info = match dist_infos.as_slice() {
            [dist_info] => Some(dist_info.clone()),
            _ => return Err(tree.error(ArchiveProblem::DistInfo { found: dist_infos })),
        };
        let named = |path: PathBuf| {
            let named = path.into_os_string().into_string();
            named.map_err(|path| {
                let member = folder.join(path).display().to_string();
                tree.error(ArchiveProblem::Path { member, reason: "it is not UTF-8" })
            })
        };
        let paths = files_below(folder, limits)?.into_iter().map(named).collect::<Result<_, _>>()?;
        tree.add(paths)?;
        Ok(tree)
    }

    /// The files at `paths`, relative to `folder`, which the distribution of `dist_info` was installed to.
    /// Those that are not there are left out; those outside of the folder are told by
    /// [`elsewhere`](Self::elsewhere).
    ///
    /// # Errors
    /// When a file is a link out of the folder, or neither a file nor a link to one of its files.
    pub fn installed(
        folder: &Path,
        dist_info: &str,
        paths: Vec<String>,
        limits: Limits,
    ) -> Result<Self, ArchiveError> {
        let mut tree = Self::empty(folder, &folder.join(dist_info), limits);
        tree.dist_info = Some(dist_info.to_owned());
        if paths.len() > limits.members {
            let (count, limit) = (paths.len(), limits.members);
            return Err(tree.error(ArchiveProblem::Members { count, limit }));
        }
        let is_inside = |path: &String| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let (inside, elsewhere) = paths.into_iter().partition(is_inside);
        tree.elsewhere = elsewhere;
        tree.add(inside)?;
        Ok(tree)
    }

    /// The one file at `path`.
    ///
    /// # Errors
    /// When it can't be looked at, or is no file.
    pub fn of_file(path: &Path, limits: Limits) -> Result<Self, ArchiveError> {
        let real = fs_err::canonicalize(path).map_err(|error| io_error(path, error))?;
        let mut tree = Self::empty(real.parent().unwrap_or(Path::new("/")), path, limits);
        let name = real.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let reason = "it is not UTF-8";
        let shown = || path.display().to_string();
        let name = name.ok_or_else(|| tree.error(ArchiveProblem::Path { member: shown(), reason }))?;
        tree.add(vec![name])?;
        Ok(tree)
    }

    /// Files of the distribution that lie outside of the folder, and are not read: `../../../bin/ruff`.
    pub fn elsewhere(&self) -> &[String] {
        &self.elsewhere
    }

    fn empty(root: &Path, shown: &Path, limits: Limits) -> Self {
        let (root, shown) = (root.to_path_buf(), shown.to_path_buf());
        Self { root, shown, limits, dist_info: None, files: Vec::new(), elsewhere: Vec::new() }
    }

    /// Looks at each path, and keeps those that are files.
    fn add(&mut self, mut paths: Vec<String>) -> Result<(), ArchiveError> {
        paths.sort_unstable();
        paths.dedup();
        let root = fs_err::canonicalize(&self.root).map_err(|error| io_error(&self.root, error))?;
        let mut folders = HashMap::new();
        for path in paths {
            let Some(metadata) = self.look(&root, &path, &mut folders)? else { continue };
            if metadata.len() > self.limits.member {
                let (size, limit) = (metadata.len(), self.limits.member);
                return Err(self.error(ArchiveProblem::MemberSize { member: path, size, limit }));
            }
            let executable = mode(&metadata) & 0o100 != 0;
            self.files.push(TreeFile { path, size: metadata.len(), executable });
        }
        Ok(())
    }

    /// What the file at `path` is: nothing where there is none, or a folder. `folders` remembers which folders
    /// are known to lie below `root`.
    fn look(
        &self,
        root: &Path,
        path: &str,
        folders: &mut HashMap<PathBuf, bool>,
    ) -> Result<Option<FileMetadata>, ArchiveError> {
        let full = self.root.join(path);
        let link = || self.error(ArchiveProblem::Link { member: path.to_owned() });
        let Ok(mut metadata) = full.symlink_metadata() else { return Ok(None) };
        let inside = |path: &Path| path.canonicalize().is_ok_and(|real| real.starts_with(root));
        let folder = full.parent().unwrap_or(root).to_path_buf();
        if !*folders.entry(folder).or_insert_with_key(|folder| inside(folder)) {
            return Err(link());
        }
        if metadata.is_symlink() {
            if !inside(&full) {
                return Err(link());
            }
            metadata = full.metadata().map_err(|error| io_error(&full, error))?;
        }
        if metadata.is_dir() {
            // What is in it is found where it really lies.
            return Ok(None);
        }
        if !metadata.is_file() {
            let (member, mode) = (path.to_owned(), mode(&metadata));
            return Err(self.error(ArchiveProblem::Kind { member, mode }));
        }
        Ok(Some(metadata))
    }

    fn error(&self, problem: ArchiveProblem) -> ArchiveError {
        ArchiveError { archive: self.shown.display().to_string(), problem }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.display().fmt(f)
    }
}

impl Contents for Tree {
    fn entries(&self) -> Vec<Entry<'_>> {
        let files = self.files.iter().enumerate();
        files
            .map(|(index, file)| Entry {
                path: &file.path,
                size: file.size,
                executable: file.executable,
                index,
            })
            .collect()
    }

    fn size(&self) -> u64 {
        self.files.iter().fold(0, |size, file| size.saturating_add(file.size))
    }

    fn reader(&self) -> Result<Box<dyn ContentsReader + '_>, ArchiveError> {
        Ok(Box::new(TreeReader(self)))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ArchiveError> {
        let missing = || self.error(ArchiveProblem::Missing { member: path.to_owned() });
        let file = self.files.iter().find(|file| file.path == path).ok_or_else(missing)?;
        let limit = self.limits.whole;
        if file.size > limit {
            let (member, size) = (path.to_owned(), file.size);
            return Err(self.error(ArchiveProblem::MemberSize { member, size, limit }));
        }
        read_file(&self.root.join(path), limit).map_err(|io| self.error(ArchiveProblem::Io(io)))
    }

    fn dist_info(&self) -> Result<&str, ArchiveError> {
        self.dist_info.as_deref().ok_or_else(|| self.error(ArchiveProblem::DistInfo { found: Vec::new() }))
    }
}

struct TreeReader<'a>(&'a Tree);

impl ContentsReader for TreeReader<'_> {
    fn open(&mut self, entry: &Entry<'_>) -> Result<Box<dyn Read + '_>, ArchiveError> {
        let path = self.0.root.join(entry.path);
        let file = open_file(&path).map_err(|io| self.0.error(ArchiveProblem::Io(io)))?;
        // One that grows while it is read is read as long as it was.
        Ok(Box::new(file.take(entry.size)))
    }
}

/// The `.dist-info` folders directly in `folder`, sorted.
///
/// # Errors
/// When it can't be read.
pub fn dist_infos(folder: &Path) -> Result<Vec<String>, ArchiveError> {
    let folders = list(folder, Path::new(""))?.into_iter().filter(|(_, kind)| kind.is_dir());
    // A name that is not UTF-8 is none.
    let names = folders.filter_map(|(name, _)| name.into_os_string().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".dist-info")).collect();
    names.sort_unstable();
    Ok(names)
}

/// The path of everything below `folder` that is no folder, in no order. Links are not followed.
///
/// # Errors
/// When a folder can't be read, or there is more than `limits` let be.
pub fn files_below(folder: &Path, limits: Limits) -> Result<Vec<PathBuf>, ArchiveError> {
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        for (path, kind) in list(folder, &below)? {
            if kind.is_dir() {
                folders.push(path);
            } else {
                paths.push(path);
            }
        }
        let (count, limit) = (paths.len() + folders.len(), limits.members);
        if count > limit {
            let problem = ArchiveProblem::Members { count, limit };
            return Err(ArchiveError { archive: folder.display().to_string(), problem });
        }
    }
    Ok(paths)
}

/// The paths below `root` of what is in the folder at `below`, and what it is.
fn list(root: &Path, below: &Path) -> Result<Vec<(PathBuf, FileType)>, ArchiveError> {
    let failed = |error| io_error(root, error);
    let mut entries = Vec::new();
    for entry in fs_err::read_dir(root.join(below)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        entries.push((below.join(entry.file_name()), entry.file_type().map_err(failed)?));
    }
    Ok(entries)
}

/// The permissions and the kind of a file, as Unix has them.
#[cfg(unix)]
fn mode(metadata: &FileMetadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata)
}

/// Elsewhere none are known.
#[cfg(not(unix))]
fn mode(_: &FileMetadata) -> u32 {
    0
}

fn io_error(path: &Path, error: std::io::Error) -> ArchiveError {
    ArchiveError { archive: path.display().to_string(), problem: ArchiveProblem::Io(error) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "1234").unwrap();
        }
        folder
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.entries().iter().map(|entry| entry.path).collect()
    }

    fn unpacked(folder: &tempfile::TempDir) -> Result<Tree, String> {
        let shown = folder.path().display().to_string();
        Tree::unpacked(folder.path(), Limits::default())
            .map_err(|error| error.to_string().replace(&shown, "folder"))
    }

    #[test]
    fn links_stay_in_the_folder() {
        let folder = folder(&["x-1.dist-info/METADATA", "x/lib/a.so"]);
        symlink("lib/a.so", folder.path().join("x/b.so")).unwrap();
        symlink("lib", folder.path().join("x/lib64")).unwrap();
        symlink(".", folder.path().join("x/loop")).unwrap();
        let tree = unpacked(&folder).unwrap();
        assert_eq!(paths(&tree), ["x-1.dist-info/METADATA", "x/b.so", "x/lib/a.so"]);
        let mut bytes = Vec::new();
        let entries = tree.entries();
        tree.reader().unwrap().open(&entries[1]).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!((bytes.as_slice(), tree.size()), (&b"1234"[..], 12));

        for target in ["/etc/passwd", "../..", "nowhere"] {
            let link = folder.path().join("x/out");
            symlink(target, &link).unwrap();
            assert_eq!(
                unpacked(&folder).unwrap_err(),
                "folder: member `x/out` is a symbolic link to outside of the directory or to a missing file, and is not followed"
            );
            fs_err::remove_file(link).unwrap();
        }
    }

    #[test]
    fn what_is_listed_is_looked_for() {
        let folder = folder(&["x-1.dist-info/RECORD", "x/a.so", "y.py"]);
        let outside = self::folder(&["z.so"]);
        let listed = |path: &str| vec![path.to_owned(), "x/a.so".to_owned(), "gone.py".to_owned()];
        let installed = |path: &str| {
            Tree::installed(folder.path(), "x-1.dist-info", listed(path), Limits::default())
                .map(|tree| (paths(&tree).join(" "), tree.elsewhere().join(" ")))
                .map_err(|error| error.problem.to_string())
        };
        assert_eq!(installed("y.py"), Ok(("x/a.so y.py".to_owned(), String::new())));
        for path in ["../z.so", "/etc/passwd", "x/../y.py", "./y.py", ""] {
            assert_eq!(installed(path), Ok(("x/a.so".to_owned(), path.to_owned())));
        }
        symlink(outside.path(), folder.path().join("link")).unwrap();
        let refused = "member `link/z.so` is a symbolic link to outside of the directory or to a missing file, and is not followed";
        assert_eq!(installed("link/z.so"), Err(refused.to_owned()));
    }

    #[test]
    fn one_description_makes_a_wheel() {
        let message = |files| unpacked(&folder(files)).unwrap_err();
        assert_eq!(
            message(&["a"]),
            "folder: this is not a wheel: it should have one .dist-info directory, but has none"
        );
        assert_eq!(
            message(&["x-1.dist-info/METADATA", "y-1.dist-info/METADATA"]),
            "folder: this is not a wheel: it should have one .dist-info directory, but has x-1.dist-info, y-1.dist-info"
        );
    }

    #[test]
    fn too_much_is_refused() {
        let folder = folder(&["x-1.dist-info/METADATA", "x/a.so", "x/b.so"]);
        let limits = Limits { members: 2, ..Limits::default() };
        let error = Tree::unpacked(folder.path(), limits).unwrap_err();
        assert_eq!(error.problem.to_string(), "it has 3 members, but the limit is 2");
        let limits = Limits { member: 3, whole: 3, ..Limits::default() };
        assert!(Tree::unpacked(folder.path(), limits).is_err());
    }
}
