//! Bounded reading of files that a user names: only regular files, and only up to a limit.
//!
//! Opening a pipe waits for its other end, and `/dev/zero` never ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a regular file, or a link to one. Waits for nothing.
///
/// # Errors
/// When there is none; the message names it.
pub fn open_file(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| {
        let message = format!("failed to open file `{}`: {error}", path.display());
        io::Error::new(error.kind(), message)
    };
    let none = || io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` is not a file", path.display()));
    // Before it is opened: to open a device may do something.
    if !path.metadata().map_err(named)?.is_file() {
        return Err(none());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    without_waiting(&mut options);
    let file = options.open(path).map_err(named)?;
    // And after: it may have been exchanged.
    if file.metadata().map_err(named)?.is_file() { Ok(file) } else { Err(none()) }
}

#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
}

#[cfg(not(unix))]
fn without_waiting(_: &mut OpenOptions) {}

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// When there is none, it has more, or it can't be read; the message names it.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| {
        io::Error::new(error.kind(), format!("failed to read file `{}`: {error}", path.display()))
    })?;
    if bytes.len() as u64 > limit {
        let message = format!("`{}` has more than {limit} bytes, which is the limit", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The same of a file in UTF-8, without a byte order mark.
///
/// # Errors
/// As [`read_file`]; when it is not UTF-8 too.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read_file(path, limit)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("`{}` is not UTF-8: byte {at} is invalid", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_are_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "\u{feff}text").unwrap();
        assert_eq!(read_file(&path, 7).unwrap().len(), 7);
        assert_eq!(read_text(&path, 7).unwrap(), "text");
        let refused = format!("`{}` has more than 6 bytes, which is the limit", path.display());
        assert_eq!(read_file(&path, 6).unwrap_err().to_string(), refused);
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(read_text(&path, 7).unwrap_err().to_string().ends_with("is not UTF-8: byte 2 is invalid"));
        let error = read_file(&folder.path().join("b"), 7).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link, Path::new("/dev/zero"), folder.path()] {
            let refused = format!("`{}` is not a file", path.display());
            assert_eq!(read_file(path, 7).unwrap_err().to_string(), refused);
        }
    }
}
