//! Fuzzing entry points of the parsers of untrusted input.

use url::Url;

use crate::origin::{is_of, is_plain, project_of_wheel};
use crate::simple_api::{self, Naming};
use crate::{Release, facts, github};

/// Reads bytes as a page, as HTML and as JSON, in both ways.
pub fn page(bytes: &[u8]) {
    let Ok(url) = Url::parse("https://example.org/whl/cu128/torch/") else { return };
    for kind in ["text/html", "application/json"] {
        for naming in [Naming::ByText, Naming::ByUrl] {
            let Ok(page) = simple_api::parse(&url, kind, bytes, naming) else { continue };
            for file in page.files {
                assert!(is_plain(&file.filename), "{}", file.filename.escape_debug());
                assert!(matches!(file.url.scheme(), "http" | "https"));
                assert!(file.url.username().is_empty() && file.url.fragment().is_none());
            }
        }
    }
}

/// Reads a text as the releases of a repository, as a `Link` header, and as a tag.
pub fn github(text: &str) {
    let _ = github::next_link(text);
    let _ = Release::of_tag(text, false);
    for release in github::parse_releases(text.as_bytes()).unwrap_or_default() {
        let told = Release::of_tag(&release.tag_name, false);
        for file in release.assets.into_iter().filter_map(|asset| asset.into_file(&told).ok()) {
            assert!(is_plain(&file.filename));
        }
    }
}

/// Reads a text as a line of a table of facts.
pub fn fact(line: &str) {
    if let Ok((identity, name, file)) = facts::fact(line) {
        assert_eq!(facts::identity(file.url.as_str()).as_ref(), Ok(&identity));
        assert_eq!(project_of_wheel(&file.filename).as_ref(), Some(&name));
        assert!(is_of(&name, &file.filename) && is_plain(&file.filename));
    }
}
