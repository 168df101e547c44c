//! Simple repository API: the page of a project, as JSON or as HTML
//! (<https://packaging.python.org/en/latest/specifications/simple-repository-api/>).

use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::html::{Link, MOST_LINKS, links};
use crate::origin::is_plain;
use crate::{CoreMetadata, File, ProjectStatus};
use axle_types::Sha256;

/// What we ask for: JSON where there is some (PEP 691), else HTML.
pub(crate) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// What a page says.
pub(crate) struct Page {
    /// The project's name, as spelled, where it is told.
    pub(crate) name: Option<String>,
    pub(crate) status: Option<ProjectStatus>,
    /// In the page's order.
    pub(crate) files: Vec<File>,
}

/// What tells the name of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The page: what is installed and stored goes by that, and some indexes serve files under other
    /// names. Each link leads to a file.
    ByText,
    /// The URL: the page may be any page, with other links on it, and the text of a link any text.
    ByUrl,
}

/// Reads the page that `url` gave.
pub(crate) fn parse(url: &Url, content_type: &str, body: &[u8], naming: Naming) -> Result<Page, String> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" | "application/vnd.pypi.simple.v1+json" => parse_json(url, body),
        "text/html" | "application/xhtml+xml" | "application/vnd.pypi.simple.v1+html" => {
            parse_html(url, body, naming)
        }
        "" => Err("it has no content type".to_owned()),
        other => Err(format!("it is of type {other}, but a package index returns JSON or HTML")),
    }
}

/// The page as PEP 691 and PEP 700 define it; fields that axle does not use are passed over.
#[derive(Deserialize)]
struct JsonPage {
    meta: Option<JsonMeta>,
    name: Option<String>,
    #[serde(rename = "project-status")]
    status: Option<JsonStatus>,
    #[serde(deserialize_with = "bounded")]
    files: Vec<JsonFile>,
}

/// As many entries as a page may list.
pub(crate) fn bounded<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct Entries<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = list.next_element()? {
                if entries.len() == MOST_LINKS {
                    return Err(A::Error::custom(format!(
                        "it lists more than {MOST_LINKS} entries, which is the limit"
                    )));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_seq(Entries(PhantomData))
}

/// PEP 792.
#[derive(Deserialize)]
struct JsonStatus {
    status: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct JsonMeta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Option<JsonHashes>,
    size: Option<u64>,
    upload_time: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    yanked: JsonYanked,
    core_metadata: Option<JsonMetadata>,
    /// The name before PEP 714.
    dist_info_metadata: Option<JsonMetadata>,
}

#[derive(Default, Deserialize)]
struct JsonHashes {
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonYanked {
    Is(bool),
    Because(String),
    Unknown(()),
}

impl Default for JsonYanked {
    fn default() -> Self {
        Self::Is(false)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonMetadata {
    Is(bool),
    Hashed(JsonHashes),
}

fn parse_json(url: &Url, body: &[u8]) -> Result<Page, String> {
    let page: JsonPage =
        serde_json::from_slice(body).map_err(|error| format!("it is not a project page: {error}"))?;
    let version = page.meta.and_then(|meta| meta.api_version);
    if let Some(version) = version.filter(|version| version.split('.').next() != Some("1")) {
        return Err(format!("it uses version {version} of the simple API, but only 1.x is supported"));
    }
    let status = page.status.and_then(|status| project_status(status.status?, status.reason));
    let files = page
        .files
        .into_iter()
        .map(|file| {
            let core_metadata = match file.core_metadata.or(file.dist_info_metadata) {
                None | Some(JsonMetadata::Is(false)) => None,
                Some(JsonMetadata::Is(true)) => Some(CoreMetadata { sha256: None }),
                Some(JsonMetadata::Hashed(hashes)) => Some(CoreMetadata { sha256: digest(hashes.sha256)? }),
            };
            Ok(File {
                sha256: digest(file.hashes.unwrap_or_default().sha256)?,
                size: file.size,
                requires_python: file.requires_python.filter(|python| !python.is_empty()),
                yanked: match file.yanked {
                    JsonYanked::Because(reason) => Some(reason),
                    JsonYanked::Is(true) => Some(String::new()),
                    JsonYanked::Is(false) | JsonYanked::Unknown(()) => None,
                },
                core_metadata,
                uploaded: file.upload_time,
                ..file_at(url, &file.url, &file.filename)?
            })
        })
        .collect::<Result<_, String>>()?;
    Ok(Page { name: page.name, status, files })
}

/// The status, where it is another than what most projects are.
fn project_status(marker: String, reason: Option<String>) -> Option<ProjectStatus> {
    (marker != "active").then_some(ProjectStatus { marker, reason })
}

fn parse_html(page: &Url, body: &[u8], naming: Naming) -> Result<Page, String> {
    let text = String::from_utf8_lossy(body);
    if !text.contains('<') {
        return Err("its content type is HTML, but its content is not".to_owned());
    }
    let found = links(&text)?;
    let version = found.meta.get("pypi:repository-version");
    if let Some(version) = version.filter(|version| version.split('.').next() != Some("1")) {
        return Err(format!("it uses version {version} of the simple API, but only 1.x is supported"));
    }
    let base = match &found.base {
        Some(base) => page.join(base).map_err(|error| format!("its base `{base}` is not a URL: {error}"))?,
        None => page.clone(),
    };
    let is_wanted = |href: &str| match (base.join(href), naming) {
        // A page may link to folders too, such as the list of all projects.
        (Ok(url), Naming::ByText) => !url.path().ends_with('/'),
        (Err(_), Naming::ByText) => true,
        // Case by case the rest is a link to a picture, to a mailbox, to another page.
        (url, Naming::ByUrl) => url.is_ok_and(|url| {
            let path = url.path();
            matches!(url.scheme(), "http" | "https")
                && [".whl", ".tar.gz", ".zip"].iter().any(|extension| path.ends_with(extension))
        }),
    };
    let file = |link: &Link| {
        let filename = match naming {
            Naming::ByText => link.text.trim(),
            Naming::ByUrl => "",
        };
        let core_metadata = link
            .attribute("data-core-metadata")
            .or_else(|| link.attribute("data-dist-info-metadata"))
            .filter(|value| *value != "false");
        let requires_python = link.attribute("data-requires-python").filter(|python| !python.is_empty());
        Ok(File {
            requires_python: requires_python.map(str::to_owned),
            yanked: link.attribute("data-yanked").map(str::to_owned),
            core_metadata: core_metadata
                .map(|value| {
                    let sha256 = value.strip_prefix("sha256=").map(str::to_owned);
                    digest(sha256).map(|sha256| CoreMetadata { sha256 })
                })
                .transpose()?,
            ..file_at(&base, &link.href, filename)?
        })
    };
    let files =
        found.list.iter().filter(|link| is_wanted(&link.href)).map(file).collect::<Result<_, String>>()?;
    let status = found.meta.get("pypi:project-status").and_then(|marker| {
        project_status(marker.clone(), found.meta.get("pypi:project-status-reason").cloned())
    });
    Ok(Page { name: None, status, files })
}

fn digest(text: Option<String>) -> Result<Option<Sha256>, String> {
    text.map(|text| text.parse()).transpose().map_err(|error: axle_types::InvalidSha256| error.to_string())
}

/// The file that `href` leads to, as seen from `base`.
fn file_at(base: &Url, href: &str, filename: &str) -> Result<File, String> {
    let url = base.join(href).map_err(|error| format!("`{href}` is not a URL: {error}"))?;
    let file = File::at(url.as_str()).map_err(|error| error.to_string())?;
    if !filename.is_empty() && filename != file.filename {
        if !is_plain(filename) {
            return Err(format!("`{}` is not a file name", filename.escape_debug()));
        }
        return Ok(File { filename: filename.to_owned(), ..file });
    }
    Ok(file)
}
