//! Remote files, read with range requests.

use std::fmt;
use std::fs::File as StdFile;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use axle_wheel::{Archive, Contents as _, Metadata, ReadSeek, WheelSource};
use sha2::Digest as _;

use crate::fetched::Fetched;
use crate::http::{Client, FileVersion, Part, Stream, shown};
use crate::{File, IndexError};
use axle_types::Sha256;

/// A published file as a source of bytes.
///
/// Its end is fetched at once: the directory of a zip stands there, and with most tools the
/// wheel's metadata right before it. Each reader then asks for what it needs: little after a
/// jump, no more than it expects, and more and more while it goes straight on, so that a large member comes as one
/// stream. What came is kept in a temporary file for who reads it again.
///
/// Where the server gives no parts, the whole file is fetched once, into a temporary file without
/// a name.
#[derive(Debug)]
pub struct RemoteFile {
    file: File,
    size: u64,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Ranges { client: Box<Client>, tail: Arc<[u8]>, fetched: Arc<Fetched>, version: Option<FileVersion> },
    Stored { file: Arc<StdFile>, sha256: Sha256 },
}

/// How much of the end of a file is fetched first: no more than a thirtieth, in which the directory and the metadata of
/// most wheels are. Directories take 1 to 3 % of wheels of Python, and those of torch's (13 000 members) 1.2 MB of 100 MB
/// or more.
fn tail_length(size: u64) -> u64 {
    (size / 30).clamp(4 << 10, 2 << 20).min(size)
}

/// The most bytes that are stored of a file whose size nobody declared.
const LARGEST_FILE: u64 = 16 << 30;

impl RemoteFile {
    /// Looks at `file`, and fetches its end.
    ///
    /// # Errors
    /// When it can't be reached, or has another size than declared.
    pub fn open(client: &Client, file: &File) -> Result<Self, IndexError> {
        // Without a declared size, one byte tells it.
        let (start, end) = match file.size {
            Some(size) => (size - tail_length(size), size),
            None => (0, 1),
        };
        if end == 0 {
            return Self::store(client, file);
        }
        let mut stream = client.stream(&file.url, start, Some(end), None);
        let total = match stream.connect()? {
            Part::Given { total } => total,
            Part::Whole => return Self::store(client, file),
        };
        if let Some(declared) = file.size.filter(|declared| *declared != total) {
            return Err(wrong_size(file, declared, total));
        }
        if file.size.is_none() {
            let version = stream.version().cloned();
            stream = client.stream(&file.url, total - tail_length(total), Some(total), version.as_ref());
        }
        let mut tail = Vec::new();
        stream.read_to_end(&mut tail).map_err(|error| from_io(error, file))?;
        let version = stream.version().cloned();
        let bytes = Bytes::Ranges {
            client: Box::new(client.clone()),
            tail: tail.into(),
            fetched: Arc::new(Fetched::new()),
            version,
        };
        Ok(Self { file: file.clone(), size: total, bytes })
    }

    /// Fetches the whole of `file`.
    fn store(client: &Client, file: &File) -> Result<Self, IndexError> {
        let write = |source| IndexError::Write { url: file.url.to_string(), source };
        let mut stored = tempfile::tempfile().map_err(write)?;
        let sha256 = fetch(client, file, &mut stored)?;
        let size = stored.stream_position().map_err(write)?;
        Ok(Self { file: file.clone(), size, bytes: Bytes::Stored { file: Arc::new(stored), sha256 } })
    }

    /// The SHA-256 of its bytes, where they were fetched whole.
    pub fn sha256(&self) -> Option<Sha256> {
        match self.bytes {
            Bytes::Ranges { .. } => None,
            Bytes::Stored { sha256, .. } => Some(sha256),
        }
    }
}

impl fmt::Display for RemoteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.file.url))
    }
}

impl WheelSource for RemoteFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        match &self.bytes {
            Bytes::Ranges { client, tail, fetched, version } => Ok(Box::new(RangeReader {
                client: client.as_ref().clone(),
                file: self.file.clone(),
                size: self.size,
                tail: Arc::clone(tail),
                fetched: Arc::clone(fetched),
                version: version.clone(),
                position: 0,
                expected: 0,
                stream: None,
                window: FIRST_WINDOW,
            })),
            Bytes::Stored { file, .. } => Ok(Box::new(io::BufReader::with_capacity(
                1 << 16,
                StoredReader { file: Arc::clone(file), position: 0, size: self.size },
            ))),
        }
    }
}

/// How much is asked for after a jump, at most.
const FIRST_WINDOW: u64 = 128 << 10;
/// Who has read so much in one go is given the rest of the file in one answer: each request can
/// cost seconds of waiting, and leaving an answer early costs one connection.
const LARGEST_WINDOW: u64 = 8 << 20;
/// What is cheaper to read and throw away than to make another request.
const WORTH_SKIPPING: u64 = 512 << 10;

struct RangeReader {
    client: Client,
    file: File,
    size: u64,
    tail: Arc<[u8]>,
    fetched: Arc<Fetched>,
    /// The version of the file that the tail is of: other bytes don't fit it.
    version: Option<FileVersion>,
    position: u64,
    /// Where it will be read to, as far as it was told.
    expected: u64,
    stream: Option<Stream>,
    window: u64,
}

impl RangeReader {
    /// A stream that stands at the position: the one at hand where it is near, else a new one.
    fn stream(&mut self) -> io::Result<&mut Stream> {
        let expected = self.expected.saturating_sub(self.position);
        let mut next_window = if expected == 0 { FIRST_WINDOW } else { expected.min(FIRST_WINDOW) };
        if let Some(mut stream) = self.stream.take() {
            let (at, end) = (stream.position(), stream.end().unwrap_or(self.size));
            if at <= self.position && self.position < end && self.position - at <= WORTH_SKIPPING {
                skip(&mut stream, self.position - at)?;
                return Ok(self.stream.insert(stream));
            }
            if at <= end && end - at <= WORTH_SKIPPING {
                // Read to its end, a connection can be used again.
                skip(&mut stream, end - at)?;
            }
            if self.position >= end && self.position - end <= WORTH_SKIPPING {
                next_window = if self.window < LARGEST_WINDOW {
                    self.window.saturating_mul(8).max(expected)
                } else {
                    self.size
                };
            }
        }
        self.window = next_window;
        // What is in the tail is at hand already.
        let end = self.position.saturating_add(self.window).min(self.tail_start());
        let mut stream = self.client.stream(&self.file.url, self.position, Some(end), self.version.as_ref());
        match stream.connect().map_err(io::Error::other)? {
            Part::Given { total } if total == self.size => Ok(self.stream.insert(stream)),
            Part::Given { total } => Err(io::Error::other(wrong_size(&self.file, self.size, total))),
            Part::Whole => Err(io::Error::other(IndexError::Answer {
                url: self.file.url.to_string(),
                message: "it no longer supports range requests".to_owned(),
            })),
        }
    }

    fn tail_start(&self) -> u64 {
        self.size - self.tail.len() as u64
    }
}

fn skip(stream: &mut Stream, count: u64) -> io::Result<()> {
    io::copy(&mut stream.take(count), &mut io::sink()).map(drop)
}

impl ReadSeek for RangeReader {
    fn expect(&mut self, bytes: u64) {
        self.expected = self.position.saturating_add(bytes);
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.size {
            return Ok(0);
        }
        let count = match self.position.checked_sub(self.tail_start()) {
            Some(offset) => {
                let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                self.tail.get(offset..).unwrap_or_default().read(buffer)?
            }
            None => match self.fetched.read(self.position, buffer) {
                0 => {
                    let count = self.stream()?.read(buffer)?;
                    self.fetched.keep(self.position, buffer.get(..count).unwrap_or_default());
                    count
                }
                count => count,
            },
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for RangeReader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.position = seek(target, self.position, self.size)?;
        Ok(self.position)
    }
}

/// Reads the temporary file. Threads share its handle, so each keeps its own position.
struct StoredReader {
    file: Arc<StdFile>,
    position: u64,
    size: u64,
}

impl Read for StoredReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for StoredReader {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.position = seek(target, self.position, self.size)?;
        Ok(self.position)
    }
}

/// Where a seek leads to.
fn seek(target: SeekFrom, position: u64, size: u64) -> io::Result<u64> {
    let position = match target {
        SeekFrom::Start(position) => Some(position),
        SeekFrom::End(offset) => size.checked_add_signed(offset),
        SeekFrom::Current(offset) => position.checked_add_signed(offset),
    };
    position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start of the file"))
}

/// The most bytes in a metadata file.
const LARGEST_METADATA: u64 = 16 << 20;

/// The metadata of a wheel: from the file beside it where its origin offers one, which is its URL with
/// `.metadata` at the end (PEP 658), else out of the wheel.
pub(crate) fn metadata(client: &Client, file: &File) -> Result<Metadata, IndexError> {
    let Some(beside) = &file.core_metadata else {
        return Ok(Archive::open(&RemoteFile::open(client, file)?)?.metadata()?);
    };
    let mut url = file.url.clone();
    url.set_path(&format!("{}.metadata", file.url.path()));
    let answer = client.get_whole(&url, "*/*", LARGEST_METADATA)?;
    let found = Sha256::of(&answer.body);
    match beside.sha256 {
        Some(declared) if declared != found => {
            Err(IndexError::Hash { url: url.to_string(), declared, found })
        }
        _ => Metadata::parse(&answer.body)
            .map_err(|source| IndexError::Metadata { url: url.to_string(), source }),
    }
}

/// Writes all bytes of `file`, and compares size and hash with what is declared.
pub(crate) fn fetch(client: &Client, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError> {
    let mut stream = client.stream(&file.url, 0, None, None);
    stream.connect()?;
    if let (Some(declared), Some(total)) = (file.size, stream.total())
        && declared != total
    {
        return Err(wrong_size(file, declared, total));
    }
    copy(&mut stream, file, writer, |error| from_io(error, file))
}

/// Writes all bytes of `reader`, and compares size and hash with what is declared of `file`.
pub(crate) fn copy(
    reader: &mut dyn Read,
    file: &File,
    writer: &mut dyn Write,
    unreadable: impl Fn(io::Error) -> IndexError,
) -> Result<Sha256, IndexError> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0u64;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        size += count as u64;
        // More than declared is not even stored.
        if size > LARGEST_FILE {
            return Err(IndexError::TooLarge { url: file.url.to_string(), limit: LARGEST_FILE });
        }
        if let Some(declared) = file.size.filter(|declared| size > *declared) {
            return Err(wrong_size(file, declared, size));
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        hasher.update(bytes);
        writer.write_all(bytes).map_err(|source| IndexError::Write { url: file.url.to_string(), source })?;
    }
    if let Some(declared) = file.size.filter(|declared| size != *declared) {
        return Err(wrong_size(file, declared, size));
    }
    let found = Sha256(hasher.finalize().into());
    match file.sha256 {
        Some(declared) if declared != found => {
            Err(IndexError::Hash { url: file.url.to_string(), declared, found })
        }
        _ => Ok(found),
    }
}

fn wrong_size(file: &File, declared: u64, found: u64) -> IndexError {
    IndexError::Size { url: file.url.to_string(), declared, found }
}

/// The error inside of an error of [`Stream`].
fn from_io(error: io::Error, file: &File) -> IndexError {
    match error.downcast::<IndexError>() {
        Ok(error) => error,
        Err(io) => IndexError::Connection { url: file.url.to_string(), message: io.to_string() },
    }
}
