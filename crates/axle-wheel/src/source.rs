//! Byte sources of wheels: local files, and others that implement the trait.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::files::open_file;

/// What can be read from any place.
pub trait ReadSeek: Read + Seek {
    /// Hears that so many bytes will be read from its place on, or fewer: who has to ask for them asks for no more.
    fn expect(&mut self, _bytes: u64) {}
}

impl<T: Read + Seek> ReadSeek for io::BufReader<T> {}

impl<T: AsRef<[u8]>> ReadSeek for io::Cursor<T> {}

/// The bytes of one wheel, which several threads may read at the same time.
///
/// Its [`Display`](fmt::Display) is what messages call it: a path, or a URL without credentials.
pub trait WheelSource: fmt::Display + Send + Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// A reader of its own, at the start.
    ///
    /// # Errors
    /// When the bytes can't be reached; the message says where they were looked for.
    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>>;
}

/// A wheel on this machine.
#[derive(Clone, Debug)]
pub struct LocalFile {
    path: PathBuf,
    size: u64,
}

impl LocalFile {
    /// Looks at the file at `path`.
    ///
    /// # Errors
    /// When there is no file that can be read; the message names it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let size = open_file(&path)?.metadata()?.len();
        Ok(Self { path, size })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl WheelSource for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        // Some files of the kernel have more bytes than they say, without end.
        let file = Bounded { file: open_file(&self.path)?, left: self.size, size: self.size };
        Ok(Box::new(io::BufReader::with_capacity(1 << 16, file)))
    }
}

/// As much of a file as it had when it was looked at.
struct Bounded {
    file: File,
    left: u64,
    size: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let position = match position {
            SeekFrom::End(by) => SeekFrom::Start(self.size.saturating_add_signed(by)),
            other => other,
        };
        let place = self.file.seek(position)?;
        self.left = self.size.saturating_sub(place);
        Ok(place)
    }
}
