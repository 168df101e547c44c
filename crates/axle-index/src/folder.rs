//! Local directories of wheels, as an origin.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use axle_types::{PackageName, Sha256};
use axle_wheel::{Archive, Contents as _, LocalFile, Metadata, WheelSource};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use url::Url;

use crate::origin::{is_of, is_plain};
use crate::remote_file::copy;
use crate::{File, IndexError, Origin, Problem, Project};

/// A folder of wheels and sdists on this machine, with all folders in it.
///
/// Each file of the project that is asked for is hashed, several at a time. Links to files are followed
/// (a folder in a Nix store is made of them), links to folders are not, so that the way is never
/// endless. What can't be read, and what is no file, becomes a [`Problem`] with its path.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Absolute, without links.
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// When there is none, or it can't be reached.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, IndexError> {
        let path = fs_err::canonicalize(path.as_ref()).map_err(IndexError::Local)?;
        // Fails where it is no folder, and where it may not be listed.
        fs_err::read_dir(&path).map_err(IndexError::Local)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The paths of all wheels and sdists of a project, and what is in the way.
    fn find(&self, name: &PackageName) -> Result<(Vec<PathBuf>, Vec<Problem>), IndexError> {
        let mut found = Vec::new();
        let mut problems = Vec::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            let entries = match fs_err::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if folder == self.path => return Err(IndexError::Local(error)),
                Err(error) => {
                    problems.push(unreadable(&folder, reason(&error)));
                    continue;
                }
            };
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        problems.push(unreadable(&folder, reason(&error)));
                        break;
                    }
                };
                let path = entry.path();
                let filename = entry.file_name();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_symlink() && path.is_dir() => {
                        problems.push(unreadable(
                            &path,
                            "it is a symbolic link to a directory, which is not followed",
                        ));
                    }
                    _ if !is_of(name, &filename.to_string_lossy()) => {}
                    Ok(_) if filename.to_str().is_some_and(is_plain) => found.push(path),
                    Ok(_) => problems.push(unreadable(&path, "its name is not valid text")),
                    Err(error) => problems.push(unreadable(&path, reason(&error))),
                }
            }
        }
        Ok((found, problems))
    }

    /// The path of a file of this folder.
    fn path_of(&self, file: &File) -> Result<PathBuf, IndexError> {
        let path = file.url.to_file_path().ok().filter(|path| path.starts_with(&self.path));
        path.ok_or_else(|| IndexError::Url {
            url: file.url.to_string(),
            message: format!("it is not in {}", self.path.display()),
        })
    }

    fn local(&self, file: &File) -> Result<LocalFile, IndexError> {
        let local = LocalFile::open(self.path_of(file)?).map_err(IndexError::Local)?;
        match file.size {
            Some(declared) if declared != local.size() => {
                Err(IndexError::Size { url: file.url.to_string(), declared, found: local.size() })
            }
            _ => Ok(local),
        }
    }
}

impl Origin for Folder {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let (paths, mut problems) = self.find(name)?;
        let hashed: Vec<Result<File, Problem>> = paths.into_par_iter().map(|path| hash(&path)).collect();
        let mut files = Vec::new();
        for result in hashed {
            match result {
                Ok(file) => files.push(file),
                Err(problem) => problems.push(problem),
            }
        }
        if files.is_empty() && problems.is_empty() {
            return Err(IndexError::NotFound {
                name: name.clone(),
                origin: self.path.display().to_string(),
                hint: "check the spelling, or put its wheels there",
            });
        }
        problems.sort_by_key(ToString::to_string);
        Ok(Project::new(name, files, problems))
    }

    fn metadata(&self, file: &File) -> Result<Metadata, IndexError> {
        Ok(Archive::open(&self.local(file)?)?.metadata()?)
    }

    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError> {
        Ok(Box::new(self.local(file)?))
    }

    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError> {
        let mut reader = self.local(file)?.open().map_err(IndexError::Local)?;
        copy(&mut reader, file, writer, IndexError::Local)
    }
}

/// The file at `path`, with its size and hash.
fn hash(path: &Path) -> Result<File, Problem> {
    let read = || -> Result<File, IndexError> {
        let local = LocalFile::open(path).map_err(IndexError::Local)?;
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let url = Url::from_file_path(path).map_err(|()| IndexError::Url {
            url: path.display().to_string(),
            message: "it is not absolute".to_owned(),
        })?;
        let file = File { size: Some(local.size()), ..File::new(filename, url) };
        let mut reader = local.open().map_err(IndexError::Local)?;
        let sha256 = copy(&mut reader, &file, &mut io::sink(), IndexError::Local)?;
        Ok(File { sha256: Some(sha256), ..file })
    };
    read().map_err(|error| match error {
        IndexError::Local(error) => unreadable(path, reason(&error)),
        other => unreadable(path, other.to_string()),
    })
}

fn unreadable(path: &Path, message: impl Into<String>) -> Problem {
    Problem::Unreadable { path: path.to_path_buf(), message: message.into() }
}

/// What went wrong, without the path, which the problem names.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidInput => "it is not a file".to_owned(),
        kind => kind.to_string(),
    }
}
