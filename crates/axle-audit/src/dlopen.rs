//! Libraries that a file probably loads at run time (`dlopen`).

use std::collections::BTreeSet;

use memchr::memmem;

/// Longer names are no longer kept: it is a guess, and must stay cheap.
const LONGEST: usize = 128;

/// So many names of libraries are kept of a member: where [`ElfMember::dlopen`](crate::ElfMember::dlopen) and what is
/// needed are that many, there may be more.
pub const MOST_DLOPEN: usize = 256;

/// Finds strings that are the name of a shared library in a stream: `libX.so`, `libX.so.1`, up to a NUL, from
/// a NUL or the last `/` of a path on.
#[derive(Default)]
pub(crate) struct Guesses {
    names: BTreeSet<String>,
    /// The end of the last piece: a name may lie across.
    tail: Vec<u8>,
}

impl Guesses {
    pub fn push(&mut self, piece: &[u8]) {
        let mut across = std::mem::take(&mut self.tail);
        across.extend_from_slice(piece.get(..LONGEST.min(piece.len())).unwrap_or_default());
        self.search(&across);
        self.search(piece);
        // Of a short piece, what was before still counts.
        let kept = if piece.len() < LONGEST { &across } else { piece };
        self.tail = kept.get(kept.len().saturating_sub(LONGEST)..).unwrap_or_default().to_vec();
    }

    fn search(&mut self, bytes: &[u8]) {
        for at in memmem::find_iter(bytes, b".so") {
            if self.names.len() < MOST_DLOPEN
                && let Some(name) = name_around(bytes, at)
                && !self.names.contains(name)
            {
                self.names.insert(name.to_owned());
            }
        }
    }

    /// What was found, sorted, without what is known otherwise. Who bundles libraries renames what is needed,
    /// and the old name stays behind in the table of strings: it is known too.
    pub fn finish<'a>(self, known: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut names = self.names;
        for name in known {
            names.remove(name);
            if let Some((stem, version)) = name.split_once(".so") {
                names.remove(&format!("{}.so{version}", without_hash(stem)));
            }
        }
        names.into_iter().collect()
    }
}

/// The name of a bundled library as it was: `libgomp` of `libgomp-24e2ab19` (auditwheel) and of
/// `libgomp.24e2ab19` (PyTorch's own tool).
pub(crate) fn without_hash(stem: &str) -> &str {
    let is_hash = |text: &str| text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    stem.rsplit_once(['-', '.']).filter(|(_, end)| is_hash(end)).map_or(stem, |(stem, _)| stem)
}

/// The name whose `.so` is at `at`, if it is one with both its ends in `bytes`.
fn name_around(bytes: &[u8], at: usize) -> Option<&str> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(byte);
    let before = bytes.get(at.saturating_sub(LONGEST)..at)?;
    let stem = before.iter().rev().take_while(|byte| in_name(byte)).count();
    let start = at - stem;
    let behind = bytes.get(at..)?.iter().take(LONGEST).position(|byte| !in_name(byte))?;
    let ends = (*bytes.get(start.checked_sub(1)?)?, *bytes.get(at + behind)?);
    let name = std::str::from_utf8(bytes.get(start..at + behind)?).ok()?;
    let (_, version) = name.split_once(".so")?;
    let numbered = version.is_empty()
        || version.strip_prefix('.').is_some_and(|version| {
            version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        });
    (matches!(ends, (0 | b'/', 0)) && numbered && name.starts_with("lib") && stem > "lib".len())
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guess(bytes: &[u8], piece: usize) -> Vec<String> {
        let mut guesses = Guesses::default();
        for piece in bytes.chunks(piece) {
            guesses.push(piece);
        }
        guesses.finish(["libc.so.6", "libpng16-4ef4b109.so.16"].into_iter())
    }

    #[test]
    fn names_of_libraries_are_found() {
        let text =
            b"\0libcuda.so.1\0libc.so.6\0/usr/lib/libnvidia-ml.so\0see libz.so.1\0libx.so.y\0.so\0lib.so\0\
            libfoo.so.2 is missing\0libstdc++.so.6.0.30\0libpng16.so.16\0";
        assert_eq!(guess(text, 4096), ["libcuda.so.1", "libnvidia-ml.so", "libstdc++.so.6.0.30"]);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            words in prop::collection::vec("(\0|/|lib[a-z]{1,9}|\\.so|\\.1|[a-z .]{1,90})", 0..60),
            piece in 1_usize..300,
        ) {
            let text = words.concat().into_bytes();
            // What is longer than a window holds may be missed in small pieces, never made up.
            let whole = guess(&text, 1 << 20);
            let parts = guess(&text, piece);
            prop_assert!(parts.iter().all(|name| whole.contains(name)));
            if piece >= LONGEST {
                let short = |name: &&String| name.len() + 2 <= LONGEST;
                prop_assert!(whole.iter().filter(short).all(|name| parts.contains(name)));
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>, piece in 1_usize..50) {
            guess(&bytes, piece);
        }
    }
}
