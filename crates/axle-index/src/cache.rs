//! HTTP cache on disk, so that unchanged responses are not sent again.
//!
//! Each response is one file: a line of JSON, and the body. It is written under a temporary name and renamed, so that
//! other processes see a complete response or none, and it contains its own hash: a truncated or damaged file is
//! treated as missing, and replaced.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::http::Answer;
use axle_types::Sha256;

#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// What an answer says beside its body, as far as it is of use here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Where the answer came from, after all redirections.
    pub(crate) url: String,
    pub(crate) content_type: String,
    pub(crate) link: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct FirstLine {
    version: u32,
    request: String,
    head: Head,
    size: u64,
    sha256: Sha256,
}

/// To be raised when what is kept changes its meaning.
const VERSION: u32 = 1;
/// The most bytes in a first line.
const LARGEST_HEAD: u64 = 64 << 10;

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The answer to `request` that was kept, if there is a sound one of at most `limit` bytes.
    pub(crate) fn load(&self, request: &str, limit: u64) -> Option<Answer> {
        let file = fs_err::File::open(self.path(request)).ok()?;
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(LARGEST_HEAD)).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let first: FirstLine = serde_json::from_slice(bytes.get(..end)?).ok()?;
        let body = bytes.split_off(end + 1);
        let is_sound = first.version == VERSION
            && first.request == request
            && first.size == body.len() as u64
            && first.size <= limit
            && first.sha256 == Sha256::of(&body);
        is_sound.then_some(Answer { head: first.head, body })
    }

    /// Keeps an answer that can be asked after.
    pub(crate) fn store(&self, request: &str, answer: &Answer) -> io::Result<()> {
        let head = &answer.head;
        if head.etag.is_none() && head.last_modified.is_none() {
            return Ok(());
        }
        let first = FirstLine {
            version: VERSION,
            request: request.to_owned(),
            head: head.clone(),
            size: answer.body.len() as u64,
            sha256: Sha256::of(&answer.body),
        };
        fs_err::create_dir_all(&self.folder)?;
        // Readable by its owner alone: pages of a private index are private.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, &first)?;
        file.write_all(b"\n")?;
        file.write_all(&answer.body)?;
        file.persist(self.path(request)).map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, request: &str) -> PathBuf {
        self.folder.join(Sha256::of(request.as_bytes()).to_string())
    }
}
