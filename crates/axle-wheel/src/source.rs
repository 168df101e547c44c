//! Where the bytes of a wheel come from.

use std::fmt;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

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
        // Before it is opened: to open a pipe is to wait for its other end.
        if fs_err::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            let message = format!("`{}` is not a file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let metadata = fs_err::File::open(&path)?.metadata()?;
        Ok(Self { path, size: metadata.len() })
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
        Ok(Box::new(io::BufReader::with_capacity(1 << 16, fs_err::File::open(&self.path)?)))
    }
}
