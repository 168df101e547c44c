//! Package indexes with the simple repository API.

use std::io::Write;

use axle_types::{PackageName, Sha256};
use axle_wheel::{Metadata, WheelSource};
use url::Url;

use crate::http::{Answer, Client, RetryPolicy, Traffic, without_credentials};
use crate::remote_file::{RemoteFile, fetch, metadata};
use crate::simple_api::{self, Naming};
use crate::{File, IndexError, Origin, Problem, Project, Settings};

/// The most bytes in a project's page. The largest of 2026 has 30 MB (nightly builds of every day
/// since years).
pub(crate) const LARGEST_PAGE: u64 = 64 << 20;

/// A package index that speaks the simple repository API; threads may share it.
#[derive(Clone, Debug)]
pub struct PackageIndex {
    client: Client,
    /// Without credentials, and with a slash at the end.
    url: Url,
}

impl PackageIndex {
    /// The index that `settings` name.
    ///
    /// # Errors
    /// When its URL is none, or the certificates can't be read.
    pub fn new(settings: &Settings) -> Result<Self, IndexError> {
        Self::with_patience(settings, RetryPolicy::default())
    }

    /// The same, trying as often and waiting as long as `patience` says.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_patience(settings: &Settings, patience: RetryPolicy) -> Result<Self, IndexError> {
        Self::with_client(settings, Client::new(settings, patience)?)
    }

    /// The same, asked by `client`, which was made of the same settings.
    ///
    /// # Errors
    /// When the index URL is none.
    pub fn with_client(settings: &Settings, client: Client) -> Result<Self, IndexError> {
        let invalid = |message: String| IndexError::Url {
            url: without_credentials(&settings.index_url),
            message: format!("{message}; an index URL looks like https://example.org/simple"),
        };
        let mut url = Url::parse(&settings.index_url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are supported".to_owned()));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { client, url })
    }

    /// Its URL, without credentials.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What was received until now.
    pub fn traffic(&self) -> &Traffic {
        self.client.traffic()
    }

    /// The same as [`Origin::open`], with the concrete type.
    ///
    /// # Errors
    /// When the file can't be had, or has another size than declared.
    pub fn remote_file(&self, file: &File) -> Result<RemoteFile, IndexError> {
        RemoteFile::open(&self.client, file)
    }
}

impl Origin for PackageIndex {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let url = self
            .url
            .join(&format!("{name}/"))
            .map_err(|error| IndexError::Url { url: self.url.to_string(), message: error.to_string() })?;
        let answer = match self.client.get_whole(&url, simple_api::ACCEPT, LARGEST_PAGE) {
            Ok(answer) => answer,
            Err(IndexError::Status { status: 404 | 410, .. }) => {
                return Err(IndexError::NotFound {
                    name: name.clone(),
                    origin: self.url.to_string(),
                    hint: "check the spelling, or choose another index with --index-url",
                });
            }
            Err(error) => return Err(error),
        };
        // Links are relative to where the page was found in the end.
        let base = Url::parse(&answer.head.url).unwrap_or_else(|_| url.clone());
        project(name, &base, &answer).map_err(|message| IndexError::Answer {
            url: url.to_string(),
            message: format!("{message}; check that --index-url names a package index"),
        })
    }

    fn metadata(&self, file: &File) -> Result<Metadata, IndexError> {
        metadata(&self.client, file)
    }

    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError> {
        Ok(Box::new(self.remote_file(file)?))
    }

    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError> {
        fetch(&self.client, file, writer)
    }
}

/// Reads the page of project `name`, whose links start at `base`.
fn project(name: &PackageName, base: &Url, answer: &Answer) -> Result<Project, String> {
    let page = simple_api::parse(base, &answer.head.content_type, &answer.body, Naming::ByText)?;
    let mut problems = Vec::new();
    if let Some(found) = page.name.filter(|found| found.parse::<PackageName>().ok().as_ref() != Some(name)) {
        problems.push(Problem::Renamed { asked: name.to_string(), found });
    }
    let mut project = Project::new(name, page.files, problems);
    project.status = page.status;
    project.files.dedup();
    if let Some(twice) = project.files.windows(2).find_map(|pair| match pair {
        [one, other] if one.filename == other.filename => Some(&one.filename),
        _ => None,
    }) {
        return Err(format!("it lists `{twice}` twice, with different contents"));
    }
    Ok(project)
}
