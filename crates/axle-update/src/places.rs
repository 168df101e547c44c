//! Places of publication: the origins of each package's distributions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axle_index::{Client, Event, GithubApi, IndexError, PackageIndex, PublishedFacts, RetryPolicy, Settings};

/// Kinds of places that publish artefacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The package index.
    Index,
    /// Releases on GitHub.
    Github,
    /// Pages of wheels.
    FindLinks,
    /// Folders of wheels.
    Directory,
    /// A table of published facts, where one is imported.
    Facts,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Index, Self::Github, Self::FindLinks, Self::Directory, Self::Facts];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Github => "github",
            Self::FindLinks => "find-links",
            Self::Directory => "directory",
            Self::Facts => "facts",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("`{text}` is not one of {known}"))
    }
}

/// Where artefacts are published.
pub struct Places {
    pub(crate) index: PackageIndex,
    pub(crate) client: Client,
    pub(crate) github: GithubApi,
    /// The kinds that are read.
    pub kinds: BTreeSet<Kind>,
    /// A table of published facts to import.
    pub facts: Option<PublishedFacts>,
    /// The folder that folders of wheels are relative to.
    pub root: PathBuf,
    pub(crate) cache: Option<PathBuf>,
}

impl Places {
    /// The index of the settings, and the public addresses of everything else. What is read is kept in `cache`, where
    /// one is given; `listener` hears what takes long.
    ///
    /// # Errors
    /// When a certificate cannot be read, or the index has no valid address.
    pub fn new(
        settings: &Settings,
        github: GithubApi,
        cache: Option<&Path>,
        listener: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Self, IndexError> {
        let mut client = Client::new(settings, RetryPolicy::of_maintainer())?.with_listener(listener);
        if let Some(cache) = cache {
            client = client.with_cache(cache.join("http"));
        }
        Ok(Self {
            index: PackageIndex::with_client(settings, client.clone())?,
            client,
            github,
            kinds: Kind::ALL.into(),
            facts: None,
            root: PathBuf::new(),
            cache: cache.map(Path::to_path_buf),
        })
    }

    /// The package index.
    pub fn index(&self) -> &PackageIndex {
        &self.index
    }

    /// What asks the servers.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads a table of published facts, without what is known to be contradictory.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn import(&mut self, table: &Path, conflicts: Option<&Path>) -> Result<(), IndexError> {
        self.facts = Some(PublishedFacts::load(&self.client, table, conflicts)?);
        Ok(())
    }
}
