//! The simple repository API: the page of a project, as JSON or as HTML
//! (<https://packaging.python.org/en/latest/specifications/simple-repository-api/>).

use axle_wheel::PackageName;
use scraper::{Html, Selector};
use serde::Deserialize;
use url::Url;

use crate::{CoreMetadata, Digest, File, IndexError, Project};

/// What we ask for: JSON where there is some (PEP 691), else HTML.
pub(crate) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// Reads the page of project `name` that `url` gave.
pub(crate) fn parse(
    name: &PackageName,
    url: &Url,
    content_type: &str,
    body: &[u8],
) -> Result<Project, IndexError> {
    let unusable = |message: String| IndexError::Answer {
        url: url.to_string(),
        message: format!("{message}; check that --index-url names a package index"),
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let files = match kind.as_str() {
        "application/json" | "application/vnd.pypi.simple.v1+json" => parse_json(url, body),
        "text/html" | "application/vnd.pypi.simple.v1+html" => parse_html(url, body),
        "" => Err("it has no content type".to_owned()),
        other => Err(format!("it is of type {other}, and a package index gives JSON or HTML")),
    };
    let mut files = files.map_err(unusable)?;
    files.sort_by(|one, other| one.filename.cmp(&other.filename));
    files.dedup();
    if let Some(twice) = files.windows(2).find_map(|pair| match pair {
        [one, other] if one.filename == other.filename => Some(&one.filename),
        _ => None,
    }) {
        return Err(unusable(format!("it lists `{twice}` twice, and not alike")));
    }
    Ok(Project { name: name.clone(), files })
}

/// The page as PEP 691 and PEP 700 define it; fields that axle does not use are passed over.
#[derive(Deserialize)]
struct JsonPage {
    meta: Option<JsonMeta>,
    files: Vec<JsonFile>,
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

fn parse_json(url: &Url, body: &[u8]) -> Result<Vec<File>, String> {
    let page: JsonPage =
        serde_json::from_slice(body).map_err(|error| format!("it is no project page: {error}"))?;
    let version = page.meta.and_then(|meta| meta.api_version);
    if let Some(version) = version.filter(|version| version.split('.').next() != Some("1")) {
        return Err(format!("it speaks version {version} of the simple API, and only 1.x is known"));
    }
    page.files
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
                ..file_at(url, &file.url, &file.filename)?
            })
        })
        .collect()
}

fn parse_html(page: &Url, body: &[u8]) -> Result<Vec<File>, String> {
    let text = String::from_utf8_lossy(body);
    if !text.contains('<') {
        return Err("it is said to be HTML and is not".to_owned());
    }
    let document = Html::parse_document(&text);
    let selector = |text: &'static str| Selector::parse(text).map_err(|error| error.to_string());
    let version = document.select(&selector("meta[name='pypi:repository-version']")?).next();
    if let Some(version) = version.and_then(|meta| meta.attr("content"))
        && version.split('.').next() != Some("1")
    {
        return Err(format!("it speaks version {version} of the simple API, and only 1.x is known"));
    }
    let base = match document.select(&selector("base[href]")?).next().and_then(|base| base.attr("href")) {
        Some(base) => page.join(base).map_err(|error| format!("its base `{base}` is no URL: {error}"))?,
        None => page.clone(),
    };
    let anchors = selector("a[href]")?;
    // A page may link to folders too, such as the list of all projects.
    let is_folder = |href: &str| base.join(href).is_ok_and(|url| url.path().ends_with('/'));
    document
        .select(&anchors)
        .filter_map(|anchor| Some((anchor, anchor.attr("href")?)))
        .filter(|(_, href)| !is_folder(href))
        .map(|(anchor, href)| {
            let filename: String = anchor.text().collect();
            let core_metadata = anchor
                .attr("data-core-metadata")
                .or_else(|| anchor.attr("data-dist-info-metadata"))
                .filter(|value| *value != "false");
            Ok(File {
                requires_python: anchor
                    .attr("data-requires-python")
                    .filter(|python| !python.is_empty())
                    .map(str::to_owned),
                yanked: anchor.attr("data-yanked").map(str::to_owned),
                core_metadata: core_metadata
                    .map(|value| {
                        let sha256 = value.strip_prefix("sha256=").map(str::to_owned);
                        digest(sha256).map(|sha256| CoreMetadata { sha256 })
                    })
                    .transpose()?,
                ..file_at(&base, href, filename.trim())?
            })
        })
        .collect()
}

fn digest(text: Option<String>) -> Result<Option<Digest>, String> {
    text.map(|text| text.parse()).transpose().map_err(|error: crate::InvalidDigest| error.to_string())
}

/// The file that `href` leads to, as seen from `base`.
fn file_at(base: &Url, href: &str, filename: &str) -> Result<File, String> {
    let url = base.join(href).map_err(|error| format!("`{href}` is no URL: {error}"))?;
    let file = File::at(url.as_str()).map_err(|error| error.to_string())?;
    if !filename.is_empty() && filename != file.filename {
        // Some indexes serve files under other names than the page tells; what is installed and
        // stored goes by the page's.
        let plain = !filename.contains(['/', '\\']) && !filename.chars().any(char::is_control);
        if !plain {
            return Err(format!("`{}` is no name of a file", filename.escape_debug()));
        }
        return Ok(File { filename: filename.to_owned(), ..file });
    }
    Ok(file)
}
