//! A package index that speaks the simple repository API.

use std::io::Write;

use axle_wheel::{Archive, Contents as _, Metadata, PackageName, WheelSource};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::http::{Client, Patience, Traffic, without_credentials};
use crate::remote_file::{RemoteFile, fetch};
use crate::{Digest, File, IndexError, Origin, Project, Settings, simple_api};

/// The most bytes in a project's page. The largest of 2026 has 30 MB (nightly builds of every day
/// since years).
const LARGEST_PAGE: u64 = 256 << 20;
/// The most bytes in a metadata file.
const LARGEST_METADATA: u64 = 16 << 20;

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
        Self::with_patience(settings, Patience::default())
    }

    /// The same, trying as often and waiting as long as `patience` says.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_patience(settings: &Settings, patience: Patience) -> Result<Self, IndexError> {
        let invalid = |message: String| IndexError::Url {
            url: without_credentials(&settings.index_url),
            message: format!("{message}; an index URL looks like https://example.org/simple"),
        };
        let mut url = Url::parse(&settings.index_url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are read".to_owned()));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { client: Client::new(settings, patience)?, url })
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

    /// The metadata file beside a wheel (PEP 658): its URL with `.metadata` at the end.
    fn metadata_beside(&self, file: &File, declared: Option<Digest>) -> Result<Metadata, IndexError> {
        let mut url = file.url.clone();
        url.set_path(&format!("{}.metadata", file.url.path()));
        let answer = self.client.get_whole(&url, &[], LARGEST_METADATA)?;
        let found = Digest(Sha256::digest(&answer.body).into());
        match declared {
            Some(declared) if declared != found => {
                Err(IndexError::Hash { url: url.to_string(), declared, found })
            }
            _ => Metadata::parse(&answer.body)
                .map_err(|source| IndexError::Metadata { url: url.to_string(), source }),
        }
    }
}

impl Origin for PackageIndex {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let url = self
            .url
            .join(&format!("{name}/"))
            .map_err(|error| IndexError::Url { url: self.url.to_string(), message: error.to_string() })?;
        let answer = self.client.get_whole(&url, &[("Accept", simple_api::ACCEPT)], LARGEST_PAGE);
        match answer {
            Ok(answer) => simple_api::parse(name, &url, &answer.content_type, &answer.body),
            Err(IndexError::Status { status: 404 | 410, .. }) => {
                Err(IndexError::NotFound { name: name.clone(), index: self.url.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    fn metadata(&self, file: &File) -> Result<Metadata, IndexError> {
        match &file.core_metadata {
            Some(beside) => self.metadata_beside(file, beside.sha256),
            None => Ok(Archive::open(&self.remote_file(file)?)?.metadata()?),
        }
    }

    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError> {
        Ok(Box::new(self.remote_file(file)?))
    }

    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Digest, IndexError> {
        fetch(&self.client, file, writer)
    }
}
