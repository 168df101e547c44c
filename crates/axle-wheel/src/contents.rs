//! Contents of a wheel, in an archive or in a directory.

use std::fmt;
use std::io::Read;

use crate::archive::{Archive, ArchiveError, ArchiveProblem, ArchiveReader};
use crate::{ConsoleScript, Metadata, WheelFile, console_scripts};

/// The files of a wheel: packed in an [`Archive`], or lying in a folder as a [`Tree`](crate::Tree).
///
/// Its [`Display`](fmt::Display) is what messages call it. Threads may share it, each with a reader of its own.
pub trait Contents: fmt::Display + Send + Sync {
    /// Its files.
    fn entries(&self) -> Vec<Entry<'_>>;

    /// The bytes of all of it: of the archive, or of the files together.
    fn size(&self) -> u64;

    /// A reader of its own, for one thread.
    ///
    /// # Errors
    /// When the source can't be opened.
    fn reader(&self) -> Result<Box<dyn ContentsReader + '_>, ArchiveError>;

    /// All bytes of a small file, such as `METADATA`.
    ///
    /// # Errors
    /// When there is no file at `path`, it has too many bytes, or it can't be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, ArchiveError>;

    /// The folder with the wheel's description, without the slash: `torch-2.9.1.dist-info`.
    ///
    /// # Errors
    /// When there is none, or more than one: it is no wheel then.
    fn dist_info(&self) -> Result<&str, ArchiveError>;

    /// The wheel's `METADATA`.
    ///
    /// # Errors
    /// When the file is missing or broken.
    fn metadata(&self) -> Result<Metadata, ArchiveError> {
        let member = format!("{}/METADATA", self.dist_info()?);
        Metadata::parse(&self.read(&member)?)
            .map_err(|source| error(self, ArchiveProblem::Metadata { member, source }))
    }

    /// The archive's `WHEEL` file.
    ///
    /// # Errors
    /// When the file is missing or broken.
    fn wheel_file(&self) -> Result<WheelFile, ArchiveError> {
        let member = format!("{}/WHEEL", self.dist_info()?);
        WheelFile::parse(&self.read(&member)?)
            .map_err(|source| error(self, ArchiveProblem::WheelFile { member, source }))
    }

    /// The commands that the wheel asks to be made; none where it has no `entry_points.txt`.
    ///
    /// # Errors
    /// When the file is broken.
    fn console_scripts(&self) -> Result<Vec<ConsoleScript>, ArchiveError> {
        let member = format!("{}/entry_points.txt", self.dist_info()?);
        if self.entries().iter().all(|entry| entry.path != member) {
            return Ok(Vec::new());
        }
        console_scripts(&String::from_utf8_lossy(&self.read(&member)?))
            .map_err(|source| error(self, ArchiveProblem::EntryPoints { member, source }))
    }
}

fn error(contents: &(impl Contents + ?Sized), problem: ArchiveProblem) -> ArchiveError {
    ArchiveError { archive: contents.to_string(), problem }
}

/// One file of [`Contents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path below the top of the wheel, with `/` between folders.
    pub path: &'a str,
    /// How many bytes it has, unpacked.
    pub size: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
    /// Its number in what holds it.
    pub(crate) index: usize,
}

/// Reads the files of [`Contents`], one after the other.
pub trait ContentsReader {
    /// The bytes of one of its entries as a stream; errors of the stream are told by
    /// [`ArchiveError::from_read`].
    ///
    /// # Errors
    /// When its start can't be read.
    fn open(&mut self, entry: &Entry<'_>) -> Result<Box<dyn Read + '_>, ArchiveError>;
}

impl Contents for Archive<'_> {
    fn entries(&self) -> Vec<Entry<'_>> {
        let members = self.members().iter().enumerate();
        members
            .map(|(index, member)| Entry {
                path: &member.path,
                size: member.size,
                executable: member.is_executable(),
                index,
            })
            .collect()
    }

    fn size(&self) -> u64 {
        Archive::size(self)
    }

    fn reader(&self) -> Result<Box<dyn ContentsReader + '_>, ArchiveError> {
        Ok(Box::new(Archive::reader(self)?))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ArchiveError> {
        Archive::read(self, path)
    }

    fn dist_info(&self) -> Result<&str, ArchiveError> {
        Archive::dist_info(self)
    }
}

impl ContentsReader for ArchiveReader<'_> {
    fn open(&mut self, entry: &Entry<'_>) -> Result<Box<dyn Read + '_>, ArchiveError> {
        Ok(Box::new(self.numbered(entry.index, entry.path)?))
    }
}
