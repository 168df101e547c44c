//! HTML parser for pages of a package index: their links and `meta` elements.
//!
//! A full HTML parser builds the tree of a page, which can take minutes for a hostile page of one megabyte. Here the
//! tags are read one after the other, in one pass (<https://html.spec.whatwg.org/multipage/parsing.html>,
//! "Tokenization"): nesting does not matter for links.

use std::collections::BTreeMap;

/// The most links of a page, as many as a page of an index may list files.
pub(crate) const MOST_LINKS: usize = 150_000;
/// The attributes of a tag that are kept, and the most bytes of a link's text and of a value: a page of an index has five
/// short ones.
const MOST_ATTRIBUTES: usize = 32;
const LONGEST: usize = 16 << 10;

/// What of a page is of use.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Where links start, if that is not the page itself.
    pub(crate) base: Option<String>,
    /// What `<meta name=… content=…>` says, the first of each name.
    pub(crate) meta: BTreeMap<String, String>,
    /// The links, in the page's order.
    pub(crate) list: Vec<Link>,
}

/// `<a href="…" data-yanked>text</a>`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) href: String,
    /// Without tags within it.
    pub(crate) text: String,
    attributes: Vec<(String, String)>,
}

impl Link {
    /// The value of an attribute, empty where it has none.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a page.
pub(crate) fn links(page: &str) -> Result<Links, String> {
    let mut found = Links::default();
    // Whether the last link is still open.
    let mut open = false;
    let mut rest = page;
    loop {
        let (text, from) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if let Some(link) = found.list.last_mut().filter(|_| open) {
            add_text(&mut link.text, text);
        }
        let Some(after) = from.strip_prefix('<') else { break };
        rest = match after.as_bytes().first() {
            Some(b'!') if after.starts_with("!--") => past(after, "-->"),
            Some(b'!' | b'?') => past(after, ">"),
            Some(b'/') => {
                let (name, _) = name(after.get(1..).unwrap_or_default());
                open &= !name.eq_ignore_ascii_case("a");
                past(after, ">")
            }
            Some(first) if first.is_ascii_alphabetic() => {
                let (name, from) = name(after);
                let (attributes, behind) = attributes(from);
                let name = name.to_ascii_lowercase();
                match name.as_str() {
                    "a" => {
                        open = false;
                        if let Some(href) = value(&attributes, "href") {
                            if found.list.len() == MOST_LINKS {
                                return Err(format!(
                                    "it has more than {MOST_LINKS} links, which is the limit"
                                ));
                            }
                            let href = href.to_owned();
                            found.list.push(Link { href, text: String::new(), attributes });
                            open = true;
                        }
                        behind
                    }
                    "base" => {
                        found.base = found.base.or_else(|| value(&attributes, "href").map(str::to_owned));
                        behind
                    }
                    "meta" => {
                        if let (Some(name), Some(content)) =
                            (value(&attributes, "name"), value(&attributes, "content"))
                            && found.meta.len() < MOST_ATTRIBUTES
                        {
                            found.meta.entry(name.to_owned()).or_insert_with(|| content.to_owned());
                        }
                        behind
                    }
                    // What is in them is no HTML.
                    "script" | "style" | "title" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" => {
                        past_end_tag(behind, &name)
                    }
                    _ => behind,
                }
            }
            // A mere character.
            _ => {
                if let Some(link) = found.list.last_mut().filter(|_| open) {
                    add_text(&mut link.text, "<");
                }
                after
            }
        };
    }
    Ok(found)
}

/// What follows a mark; nothing where there is none.
fn past<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or("", |(_, rest)| rest)
}

/// What follows `</name…>`; nothing where there is no such tag.
fn past_end_tag<'a>(text: &'a str, wanted: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        let (name, behind) = name(after);
        if name.eq_ignore_ascii_case(wanted) {
            return past(behind, ">");
        }
        rest = after;
    }
    ""
}

/// The name at the start, and what follows.
fn name(text: &str) -> (&str, &str) {
    let is_end = |next: char| next.is_ascii_whitespace() || matches!(next, '/' | '>');
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

/// The attributes behind a tag's name, their names in lower case; and what follows the tag.
fn attributes(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|next: char| next.is_ascii_whitespace() || next == '/');
        match rest.chars().next() {
            None => return (found, ""),
            Some('>') => return (found, rest.get(1..).unwrap_or_default()),
            Some(_) => {}
        }
        // A name may begin with `=`.
        let is_end = |next: char| next.is_ascii_whitespace() || matches!(next, '/' | '>' | '=');
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest.get(first..).and_then(|after| after.find(is_end)).map_or(rest.len(), |at| first + at);
        let (name, after) = rest.split_at(end);
        let behind = after.trim_start_matches(|next: char| next.is_ascii_whitespace());
        let value = match behind.strip_prefix('=') {
            None => {
                rest = after;
                ""
            }
            Some(given) => {
                let given = given.trim_start_matches(|next: char| next.is_ascii_whitespace());
                let (value, after) = if let Some(quote @ ('"' | '\'')) = given.chars().next() {
                    let inner = given.get(1..).unwrap_or_default();
                    inner.split_once(quote).unwrap_or((inner, ""))
                } else {
                    let is_end = |next: char| next.is_ascii_whitespace() || next == '>';
                    given.split_at(given.find(is_end).unwrap_or(given.len()))
                };
                rest = after;
                value
            }
        };
        if found.len() < MOST_ATTRIBUTES && name.len() + value.len() <= LONGEST {
            let name = name.to_ascii_lowercase();
            // The first of a name counts.
            if found.iter().all(|(known, _)| *known != name) {
                found.push((name, unescaped(value)));
            }
        }
    }
}

fn value<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn add_text(text: &mut String, more: &str) {
    if text.len() + more.len() <= LONGEST {
        text.push_str(&unescaped(more));
    }
}

/// The text with character references undone: by number, and those that writers of attributes need.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let is_end = |next: char| !next.is_ascii_alphanumeric() && next != '#';
        let (reference, behind) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        if let Some(character) = referred(reference) {
            plain.push(character);
            rest = behind.strip_prefix(';').unwrap_or(behind);
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

fn referred(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = reference.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(number) => u32::from_str_radix(number, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number).filter(|character| *character != '\0')
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(page: &str) -> Vec<(String, String)> {
        links(page).unwrap().list.into_iter().map(|link| (link.href, link.text)).collect()
    }

    #[test]
    fn what_an_index_writes_is_read() {
        let page = "<!DOCTYPE html><html><HEAD><meta name=\"pypi:repository-version\" content='1.1'>\
            <base href=../ ><title><a href=no></title></head><body><!-- <a href=no> -->\
            <A class=x HREF=\"x-1.whl#sha256=00\" data-requires-python=\"&gt;=3.9&#x2c;&lt;4\" data-yanked>x-<b>1</b>&amp;.whl</a > y\
            <a href='y.whl' href=no data-core-metadata=true/>y.whl<a name=no>no</a><br><a href = z.whl>z <5\n</a></body>";
        let found = links(page).unwrap();
        assert_eq!((found.base.as_deref(), found.meta.len()), (Some("../"), 1));
        assert_eq!(found.meta["pypi:repository-version"], "1.1");
        let [x, y, z] = found.list.as_slice() else { panic!("{found:?}") };
        assert_eq!((x.href.as_str(), x.text.as_str()), ("x-1.whl#sha256=00", "x-1&.whl"));
        assert_eq!(x.attribute("data-requires-python"), Some(">=3.9,<4"));
        assert_eq!(x.attribute("data-yanked"), Some(""));
        assert_eq!((y.href.as_str(), y.text.as_str()), ("y.whl", "y.whl"));
        assert_eq!(y.attribute("data-core-metadata"), Some("true/"));
        assert_eq!((z.href.as_str(), z.text.as_str()), ("z.whl", "z <5\n"));
    }

    #[test]
    fn what_ends_too_early_ends() {
        for page in
            ["<", "<a", "<a href", "<a href=", "<a href='x", "<!--", "</a", "<script>", "<a href=x>&", "&#"]
        {
            read(page);
        }
        assert_eq!(
            read("<a href=x>&unknown; &#0; a&ampb"),
            [("x".to_owned(), "&unknown; &#0; a&ampb".to_owned())]
        );
    }

    /// Each made a parser of HTML take minutes at a fiftieth of its length.
    #[test]
    fn the_largest_page_is_read_in_one_pass() {
        const SIZE: usize = 64 << 20;
        let times = |piece: &str| piece.repeat(SIZE / piece.len());
        for page in [
            times("<div>") + &times("</p>"),
            times("<span>") + &times("</x>"),
            format!(
                "<a href=x {}>",
                (0..2_000_000).map(|index| format!("a{index}=b")).collect::<Vec<_>>().join(" ")
            ),
            times("<script></scrip"),
            times("<!-- "),
            times("<a href='"),
            format!("<a href=x>{}", times("&")),
        ] {
            assert!(links(&page).unwrap().list.len() < 3);
        }
        assert!(links(&"<a href=x>".repeat(MOST_LINKS + 1)).unwrap_err().contains("150000 links"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(page in "([<>/a-c='\" &#;!?-]|script|href|\\PC)*") {
            let _ = links(&page);
        }
    }
}
