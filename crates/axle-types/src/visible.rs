//! Safe display of untrusted text: on one line, without passwords and without anything that controls a terminal, hides,
//! or reverses the text beside it.
//!
//! Everything that axle prints passes through here: answers, errors, progress. (JSON has its own escapes; its writer
//! uses [`is_hidden`].)

use std::borrow::Cow;

/// The text in one line: control characters, newlines, marks of direction and characters that nobody sees are spelled
/// out, as in `\n` and `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

/// Whether a character steers what shows it, or is not seen: those of the general categories Cc, Cf, Zl and Zp, and what
/// Unicode calls ignorable by default.
pub fn is_hidden(character: char) -> bool {
    /// First and last, in order.
    #[rustfmt::skip]
    const HIDDEN: [(u32, u32); 28] = [
        (0xad, 0xad), (0x34f, 0x34f), (0x600, 0x605), (0x61c, 0x61c), (0x6dd, 0x6dd), (0x70f, 0x70f),
        (0x890, 0x891), (0x8e2, 0x8e2), (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f),
        (0x200b, 0x200f), (0x2028, 0x202e), (0x2060, 0x206f), (0x3164, 0x3164), (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff0, 0xfffb), (0x1_10bd, 0x1_10bd), (0x1_10cd, 0x1_10cd),
        (0x1_3430, 0x1_345f), (0x1_bca0, 0x1_bca3), (0x1_d173, 0x1_d17a), (0xe_0000, 0xe_0fff),
        (0xf_fffe, 0xf_ffff), (0x10_fffe, 0x10_ffff), (0xfffe, 0xffff),
    ];

    let number = u32::from(character);
    number < 0x20
        || (0x7f..0xa0).contains(&number)
        || number >= 0xad && HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&number))
}

/// The text with a `…` in place of each user and password that stands in an address: `https://user:password@host/`,
/// and without its scheme, `user:password@host/`.
pub fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let is_quote = |next: char| next.is_whitespace() || "`\"<>".contains(next);
        let is_part = |next: char| !is_quote(next) && !"'|,".contains(next);
        // What stands between words, and the word.
        let word = rest.find(is_part).unwrap_or(rest.len());
        let (between, from) = rest.split_at(word);
        let end = from.find(|next| !is_part(next)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        shown.push_str(between);
        if word.is_empty() {
            return shown.into();
        }
        let found = secret(word).or_else(|| {
            // A password may hold what else divides words.
            let (_, host) = word.split_once("://")?;
            let whole = from.get(..from.find(is_quote).unwrap_or(from.len()))?;
            if host.contains(['/', '?', '#']) { None } else { secret(whole) }
        });
        if let Some((start, end)) = found {
            shown.push_str(word.get(..start).unwrap_or_default());
            shown.push('…');
            rest = from.get(end..).unwrap_or_default();
        } else {
            shown.push_str(word);
            rest = after;
        }
    }
}

/// Where the user and the password of an address lie.
fn secret(word: &str) -> Option<(usize, usize)> {
    let scheme = word.find("://").map(|at| at + 3);
    let start = scheme.unwrap_or(0);
    let after = word.get(start..)?;
    let authority = after.find(['/', '?', '#']).unwrap_or(after.len());
    let at = after.get(..authority)?.rfind('@').or_else(|| {
        // A password with a slash in it that nobody escaped: what should be the port is no number.
        let (_, port) = after.get(..authority)?.split_once(':')?;
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty();
        if is_port { None } else { after.rfind('@') }
    })?;
    // `name@1.0` and `someone@example.org` are no secrets.
    (scheme.is_some() || after.get(..at)?.contains(':')).then_some((start, start + at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_or_hides_is_spelled_out() {
        for (text, shown) in [
            ("torch 2.9, é, 漢字, 😀", "torch 2.9, é, 漢字, 😀"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}"),
            ("\x1b[31m\u{9b}2J\x7f", "\\u{1b}[31m\\u{9b}2J\\u{7f}"),
            (
                "lib\u{202e}evil\u{200b}\u{feff}\u{2028}\u{2066}.so",
                "lib\\u{202e}evil\\u{200b}\\u{feff}\\u{2028}\\u{2066}.so",
            ),
            ("\u{ad}\u{61c}\u{e0041}", "\\u{ad}\\u{61c}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn passwords_are_left_out() {
        for (text, shown) in [
            ("http://user:hunter2@127.0.0.1:1/x", "http://…@127.0.0.1:1/x"),
            ("https://token@host/", "https://…@host/"),
            ("user:pw@host/simple", "…@host/simple"),
            ("torch @ https://user:pw@h/x.whl", "torch @ https://…@h/x.whl"),
            ("`git+https://user:pw@h/x`, -ihttps://u:p@h", "`git+https://…@h/x`, -ihttps://…@h"),
            ("https://u:p@ss@h/ and https://u:p/ss@h/", "https://…@h/ and https://…@h/"),
            (
                "https://h:8080/@scope/x, a@1.0, me@example.org",
                "https://h:8080/@scope/x, a@1.0, me@example.org",
            ),
            ("(https://u:p@h)", "(https://…@h)"),
            ("'https://u:p,'|w@h/', 'https://u:p@h/'", "'https://…@h/', 'https://…@h/'"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in "\\PC*|[\\x00-\\u{10ffff}]*") {
            prop_assert!(!visible(&text).contains(is_hidden));
            prop_assert!(!text.contains('@') && redacted(&text) == text || text.contains('@'));
        }
    }
}
