//! GitHub releases of a repository, as an origin
//! (<https://docs.github.com/en/rest/releases/releases#list-releases>).

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;

use axle_types::{PackageName, Sha256};
use axle_wheel::{Metadata, WheelSource};
use serde::Deserialize;
use url::Url;

use crate::html::MOST_LINKS;
use crate::http::{Client, shown, without_credentials};
use crate::origin::{Release, is_of, is_plain};
use crate::remote_file::{RemoteFile, fetch, metadata};
use crate::simple_api::bounded;
use crate::{File, IndexError, Origin, Problem, Project};

/// Where GitHub's API is, and as whom to ask it.
#[derive(Clone)]
pub struct GithubApi {
    /// With a slash at the end.
    url: Url,
    token: Option<String>,
}

impl GithubApi {
    /// The public one, with the token of `GITHUB_TOKEN` where that is set.
    ///
    /// # Errors
    /// None that the environment can cause.
    pub fn discover() -> Result<Self, IndexError> {
        let token = std::env::var("GITHUB_TOKEN").ok().filter(|token| !token.trim().is_empty());
        Self::new("https://api.github.com", token.as_deref())
    }

    /// The one at `url`, which `token` is sent to: to this server and to no other.
    ///
    /// # Errors
    /// When `url` is no URL, or the token can't be sent.
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, IndexError> {
        let invalid = |message: String| IndexError::Url { url: without_credentials(url), message };
        let mut url = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are supported".to_owned()));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let token = token.map(str::trim);
        if token.is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(IndexError::Token);
        }
        Ok(Self { url, token: token.map(str::to_owned) })
    }
}

impl fmt::Debug for GithubApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubApi").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// The releases of one repository on GitHub; threads may share it.
///
/// Its files are the assets of all releases, also of those marked as pre-releases, which
/// [`File::release`] tells. Drafts are nobody's business yet, and passed over. GitHub tells the
/// SHA-256 of what was uploaded since June 2025; of older assets [`Origin::sha256`] finds it by
/// streaming them.
#[derive(Clone, Debug)]
pub struct GithubReleases {
    client: Client,
    /// `owner/name`.
    repository: String,
    /// The first page.
    url: Url,
    has_token: bool,
}

/// The most pages that are read. GitHub itself gives the newest 10 000 releases and no more.
const MOST_PAGES: usize = 100;
/// The most bytes in a page of a hundred releases; one asset takes 2 kB.
const LARGEST_PAGE: u64 = 128 << 20;
const ACCEPT: &str = "application/vnd.github+json";

impl GithubReleases {
    /// The releases of `repository`, which is written `owner/name`.
    ///
    /// # Errors
    /// When it is not written so.
    pub fn new(client: &Client, api: &GithubApi, repository: &str) -> Result<Self, IndexError> {
        let invalid = || IndexError::Repository { given: repository.to_owned() };
        let is_word = |word: &str| {
            !word.is_empty()
                && !word.starts_with('.')
                && word.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.'))
        };
        let (owner, name) = repository.split_once('/').ok_or_else(invalid)?;
        if !is_word(owner) || !is_word(name) {
            return Err(invalid());
        }
        let url =
            api.url.join(&format!("repos/{owner}/{name}/releases?per_page=100")).map_err(|_| invalid())?;
        let client = match &api.token {
            Some(token) => client.clone().with_token(&api.url, token),
            None => client.clone(),
        };
        Ok(Self { client, repository: repository.to_owned(), url, has_token: api.token.is_some() })
    }

    /// All pages.
    fn pages(&self) -> Result<Vec<(Url, Vec<JsonRelease>)>, IndexError> {
        let mut pages = Vec::new();
        let mut files = 0;
        let mut seen = BTreeSet::new();
        let mut next = Some(self.url.clone());
        while let Some(url) = next {
            let unusable = |message: String| IndexError::Answer { url: shown(&url), message };
            if !seen.insert(url.to_string()) {
                return Err(unusable("its pages link to each other in a circle".to_owned()));
            }
            if pages.len() >= MOST_PAGES {
                return Err(unusable(format!("it has more than {MOST_PAGES} pages, which is the limit")));
            }
            let answer = match self.client.get_whole(&url, ACCEPT, LARGEST_PAGE) {
                Err(IndexError::Status { url, status: 401 }) if self.has_token => {
                    return Err(IndexError::TokenRefused { url });
                }
                answer => answer?,
            };
            let releases = parse_releases(&answer.body)
                .map_err(|message| unusable(format!("{message}; check that this is the API of GitHub")))?;
            next = match answer.head.link.as_deref().and_then(next_link) {
                None => None,
                Some(link) => match url.join(link) {
                    Ok(next) if next.origin() == self.url.origin() => Some(next),
                    _ => {
                        return Err(unusable(format!(
                            "its link to the next page is `{}`",
                            link.escape_debug()
                        )));
                    }
                },
            };
            files += releases.iter().map(|release: &JsonRelease| release.assets.len()).sum::<usize>();
            if files > MOST_LINKS {
                return Err(unusable(format!("it lists more than {MOST_LINKS} files, which is the limit")));
            }
            pages.push((url, releases));
        }
        Ok(pages)
    }
}

impl Origin for GithubReleases {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let mut files = Vec::new();
        let mut problems = Vec::new();
        let pages = self.pages()?;
        if let Some(found) = pages.iter().flat_map(|(_, releases)| releases).find_map(repository_of)
            && !found.eq_ignore_ascii_case(&self.repository)
        {
            problems.push(Problem::Renamed { asked: self.repository.clone(), found });
        }
        for (url, releases) in pages {
            let unusable = |message: String| IndexError::Answer { url: shown(&url), message };
            for release in releases.into_iter().filter(|release| !release.draft) {
                let told = Release::of_tag(&release.tag_name, release.prerelease);
                for asset in release.assets.into_iter().filter(|asset| is_of(name, &asset.name)) {
                    let unfinished = asset.state.clone().filter(|state| state != "uploaded");
                    let file = asset.into_file(&told).map_err(unusable)?;
                    match unfinished {
                        Some(state) => {
                            problems.push(Problem::Unfinished { url: file.url.to_string(), state });
                        }
                        None => files.push(file),
                    }
                }
            }
        }
        let mut project = Project::new(name, files, problems);
        // A release that was published between two pages stands on both.
        project.files.dedup();
        if let Some(twice) = project.files.windows(2).find_map(|pair| match pair {
            [one, other] if one.url == other.url => Some(&one.url),
            _ => None,
        }) {
            return Err(IndexError::Answer {
                url: shown(&self.url),
                message: format!("it lists {twice} twice, with different contents; try again"),
            });
        }
        if project.files.is_empty() && project.problems.is_empty() {
            return Err(IndexError::NotFound {
                name: name.clone(),
                origin: shown(&self.url).replace("?per_page=100", ""),
                hint: "check the names of the package and the repository, and the files of its releases",
            });
        }
        Ok(project)
    }

    fn metadata(&self, file: &File) -> Result<Metadata, IndexError> {
        metadata(&self.client, file)
    }

    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError> {
        Ok(Box::new(RemoteFile::open(&self.client, file)?))
    }

    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError> {
        fetch(&self.client, file, writer)
    }
}

/// A release as the API gives it; fields that axle does not use are passed over.
#[derive(Deserialize)]
pub(crate) struct JsonRelease {
    pub(crate) tag_name: String,
    html_url: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default, deserialize_with = "bounded")]
    pub(crate) assets: Vec<JsonAsset>,
}

#[derive(Deserialize)]
pub(crate) struct JsonAsset {
    name: String,
    browser_download_url: String,
    size: Option<u64>,
    /// `sha256:` and the hash.
    digest: Option<String>,
    state: Option<String>,
    updated_at: Option<String>,
}

impl JsonAsset {
    pub(crate) fn into_file(self, release: &Release) -> Result<File, String> {
        let name = self.name;
        if !is_plain(&name) {
            return Err(format!("`{}` is not a file name", name.escape_debug()));
        }
        let file = File::at(&self.browser_download_url).map_err(|error| error.to_string())?;
        if file.filename != name {
            return Err(format!("the URL of the asset `{name}` is {}", file.url));
        }
        let sha256 = self.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
        Ok(File {
            sha256: sha256
                .map(str::parse)
                .transpose()
                .map_err(|error: axle_types::InvalidSha256| error.to_string())?,
            size: self.size,
            uploaded: self.updated_at,
            release: Some(release.clone()),
            ..file
        })
    }
}

pub(crate) fn parse_releases(body: &[u8]) -> Result<Vec<JsonRelease>, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    bounded(&mut json)
        .and_then(|releases| json.end().map(|()| releases))
        .map_err(|error| format!("it is not a list of releases: {error}"))
}

/// `owner/name` of the repository that a release says it is of.
fn repository_of(release: &JsonRelease) -> Option<String> {
    let url = Url::parse(release.html_url.as_deref()?).ok()?;
    let mut segments = url.path_segments()?;
    Some(format!("{}/{}", segments.next()?, segments.next()?))
}

/// The page after this one (RFC 8288): `<https://…?page=2>; rel="next", <…>; rel="last"`.
pub(crate) fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (link, after) = after.split_once('>')?;
        // A comma may stand in quotes, but not in the parameters that GitHub sends.
        let (parameters, next) = after.split_once(',').unwrap_or((after, ""));
        let is_next = parameters.split(';').any(|parameter| {
            parameter.trim().strip_prefix("rel=").is_some_and(|rel| {
                rel.trim_matches('"').split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(link);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_next_page() {
        for (header, next) in [
            (
                r#"<https://h/?page=2>; rel="next", <https://h/?page=9>; rel="last""#,
                Some("https://h/?page=2"),
            ),
            (
                r#"<https://h/?page=1>; rel="prev", <https://h/?page=3>; rel="next""#,
                Some("https://h/?page=3"),
            ),
            ("<?a,b>;title=x;rel=next", Some("?a,b")),
            (r#"<a>; rel="last NEXT""#, Some("a")),
            (r#"<a>; rel="prev", <b>; rel="first""#, None),
            (r#"<a>; rel="nextish""#, None),
            ("<a; rel=next", None),
            ("", None),
        ] {
            assert_eq!(next_link(header), next, "{header}");
        }
    }
}
