//! `RECORD`: the list of a wheel's files with their hashes.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>: rows of path, hash
//! and size, as CSV; the hash is `sha256=` with URL-safe base64 without padding. "Better" algorithms than
//! SHA-256 are allowed; MD5 and SHA-1 are not (PEP 427).

use std::collections::BTreeMap;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::error::Problem;
use crate::facts::RecordFacts;
use crate::memory::Facts;
use crate::weight::listed;

/// The most files that it may list, as many as a wheel may have members: more are told and not read.
const MOST: usize = 100_000;

/// What `RECORD` lists.
#[derive(Debug, Default)]
pub(crate) struct Record {
    rows: BTreeMap<String, Row>,
    unreadable: Option<String>,
}

#[derive(Debug, Default)]
struct Row {
    hash: Option<(Algorithm, Vec<u8>)>,
    size: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

/// Takes the bytes of one member.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

/// What the bytes of a member are, beside what `RECORD` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Verified,
    Wrong,
    Unlisted,
    Unhashed,
    /// The list itself and its signatures, which can't list their own hashes.
    Exempt,
}

impl Record {
    /// Reads the list; what can't be read is told with the facts.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut record = Self::default();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for line in bytes.split(|byte| *byte == b'\n').map(String::from_utf8_lossy) {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() {
                continue;
            }
            if record.rows.len() == MOST {
                record.unreadable.get_or_insert(format!(
                    "it lists more than {MOST} files, of which the rest was not read"
                ));
                break;
            }
            let read = fields(line).and_then(|fields| {
                let [path, hash, size] = <[String; 3]>::try_from(fields).ok()?;
                let size = if size.is_empty() { None } else { Some(size.parse().ok()?) };
                Some((path, Row { hash: read_hash(&hash), size }))
            });
            let Some((path, row)) = read else {
                let start: String = line.chars().take(80).collect();
                record
                    .unreadable
                    .get_or_insert(format!("its line `{start}` does not consist of path, hash and size"));
                continue;
            };
            if record.rows.contains_key(&path) {
                record.unreadable.get_or_insert(format!("it lists `{path}` twice"));
            }
            record.rows.insert(path, row);
        }
        record
    }

    /// A list that can't be had.
    pub fn unreadable(why: String) -> Self {
        Self { unreadable: Some(why), ..Self::default() }
    }

    /// The files that it lists.
    pub fn into_paths(self) -> Vec<String> {
        self.rows.into_keys().collect()
    }

    /// What computes the hash that is listed for the file at `path`, if one is.
    pub fn hasher(&self, path: &str) -> Option<Hasher> {
        let (algorithm, _) = self.rows.get(path)?.hash.as_ref()?;
        Some(match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        })
    }

    /// Compares a member with what is listed.
    pub fn verdict(&self, path: &str, size: u64, hash: Option<&[u8]>) -> Verdict {
        let is_list = path.rsplit_once('/').is_some_and(|(folder, name)| {
            folder.ends_with(".dist-info") && matches!(name, "RECORD" | "RECORD.jws" | "RECORD.p7s")
        });
        match self.rows.get(path) {
            _ if is_list => Verdict::Exempt,
            // Installers write bytecode, and need not list its hash.
            Some(Row { hash: None, .. }) if is_bytecode(path) => Verdict::Exempt,
            None => Verdict::Unlisted,
            Some(Row { size: Some(listed), .. }) if *listed != size => Verdict::Wrong,
            Some(Row { hash: None, .. }) => Verdict::Unhashed,
            Some(Row { hash: Some((_, listed)), .. }) if hash == Some(listed) => Verdict::Verified,
            Some(_) => Verdict::Wrong,
        }
    }

    /// The facts, from the verdicts on all members.
    ///
    /// # Errors
    /// When they are more than is kept.
    pub fn into_facts<'a>(
        self,
        verdicts: impl Iterator<Item = (&'a str, Verdict)>,
        kept: &Facts,
    ) -> Result<RecordFacts, Problem> {
        let mut facts = RecordFacts { unreadable: self.unreadable, ..RecordFacts::default() };
        let mut rows = self.rows;
        for (path, verdict) in verdicts {
            rows.remove(path);
            if !matches!(verdict, Verdict::Verified | Verdict::Exempt) {
                kept.keep(listed(path))?;
            }
            match verdict {
                Verdict::Verified => facts.verified += 1,
                Verdict::Wrong => facts.wrong.push(path.to_owned()),
                Verdict::Unlisted => facts.unlisted.push(path.to_owned()),
                Verdict::Unhashed => facts.unhashed.push(path.to_owned()),
                Verdict::Exempt => {}
            }
        }
        // Folders are listed by some tools; they hold nothing. Scripts are installed elsewhere, and not looked for.
        let is_looked_for = |path: &String| !path.ends_with('/') && !path.starts_with("../");
        for path in rows.into_keys().filter(is_looked_for) {
            kept.keep(listed(&path))?;
            facts.missing.push(path);
        }
        for list in [&mut facts.wrong, &mut facts.unlisted, &mut facts.unhashed] {
            list.sort_unstable();
        }
        Ok(facts)
    }
}

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

fn is_bytecode(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "pyc")
}

fn read_hash(text: &str) -> Option<(Algorithm, Vec<u8>)> {
    let (name, hash) = text.split_once('=')?;
    let algorithm = match name {
        "sha256" => Algorithm::Sha256,
        "sha384" => Algorithm::Sha384,
        "sha512" => Algorithm::Sha512,
        _ => return None,
    };
    Some((algorithm, BASE64URL_NOPAD.decode(hash.trim_end_matches('=').as_bytes()).ok()?))
}

/// The fields of a line of CSV: `a,"b, ""c""",d`.
fn fields(line: &str) -> Option<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                fields.last_mut()?.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut()?.push(other),
        }
    }
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::Memory;

    const LIST: &str = "x/a.py,sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ,5\r\n\
        \"x/b, \"\"c\"\".py\",sha512=m3HSJL1i83hdltRq0-o9czGb-8KJDKra4t_3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw,5\n\
        x/old.py,md5=aaaa,5\nx/gone.py,,\nx-1.dist-info/RECORD,,\n";

    fn verdict(path: &str, bytes: &[u8]) -> Verdict {
        let record = Record::parse(LIST.as_bytes());
        let hash = record.hasher(path).map(|mut hasher| {
            hasher.update(bytes);
            hasher.finish()
        });
        record.verdict(path, bytes.len() as u64, hash.as_deref())
    }

    #[test]
    fn members_are_compared() {
        assert_eq!(verdict("x/a.py", b"hello"), Verdict::Verified);
        assert_eq!(verdict("x/a.py", b"hallo"), Verdict::Wrong);
        assert_eq!(verdict("x/a.py", b"hello!"), Verdict::Wrong);
        assert_eq!(verdict("x/b, \"c\".py", b"hello"), Verdict::Verified);
        assert_eq!(verdict("x/old.py", b"hello"), Verdict::Unhashed);
        assert_eq!(verdict("x/new.py", b""), Verdict::Unlisted);
        assert_eq!(verdict("x-1.dist-info/RECORD", b""), Verdict::Exempt);
    }

    #[test]
    fn what_is_listed_and_not_there_is_missing() {
        let verdicts =
            [("x/a.py", Verdict::Verified), ("y", Verdict::Unlisted), ("x/old.py", Verdict::Unhashed)];
        let kept = Memory::new(false).facts;
        let facts = Record::parse(LIST.as_bytes()).into_facts(verdicts.into_iter(), &kept).unwrap();
        assert_eq!(facts.missing, ["x-1.dist-info/RECORD", "x/b, \"c\".py", "x/gone.py"]);
        assert_eq!((facts.verified, facts.unlisted, facts.unreadable), (1, vec!["y".to_owned()], None));
    }

    #[test]
    fn broken_lines_are_told() {
        let told = |text: &str| Record::parse(text.as_bytes()).unreadable;
        assert_eq!(told("a,b\n").unwrap(), "its line `a,b` does not consist of path, hash and size");
        assert_eq!(told("a,,x\n").unwrap(), "its line `a,,x` does not consist of path, hash and size");
        assert_eq!(told("\"a,,1\n").unwrap(), "its line `\"a,,1` does not consist of path, hash and size");
        assert_eq!(told("a,,\na,,\n").unwrap(), "it lists `a` twice");
    }

    #[test]
    fn more_files_than_a_wheel_has_are_not_read() {
        let list =
            |count: usize| (0..count).map(|index| format!("{index:x},,\n")).collect::<Vec<_>>().concat();
        let record = Record::parse(list(MOST).as_bytes());
        assert_eq!((record.rows.len(), record.unreadable), (MOST, None));
        let record = Record::parse(list(MOST + 2).as_bytes());
        assert_eq!(record.rows.len(), MOST);
        assert_eq!(
            record.unreadable.unwrap(),
            "it lists more than 100000 files, of which the rest was not read"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            Record::parse(&bytes).into_facts(std::iter::empty(), &Memory::new(false).facts).unwrap();
        }
    }
}
