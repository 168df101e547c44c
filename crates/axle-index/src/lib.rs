//! Origins of distributions: package indexes, GitHub releases, find-links pages, directories and tables of facts.
//!
//! An [`Origin`] lists the files of a project, and provides their metadata and their bytes. The list looks the same for
//! every origin: a [`Project`] with [`File`]s, each with what its origin declares about it and no more. There are five:
//!
//! | origin | what it is | hashes | what else it tells |
//! | --- | --- | --- | --- |
//! | [`PackageIndex`] | an index that speaks the simple repository API, as JSON (PEP 691, 700) or HTML (PEP 503) | declared | size, date, required Python, yanked (PEP 592), metadata beside the wheel (PEP 658), status (PEP 792) |
//! | [`GithubReleases`] | the assets of all releases of a repository | declared since 2025 | size, date, release |
//! | [`FindLinks`] | pages that link to wheels, like PyTorch's: one for each variant | where a link has `#sha256=` | variant |
//! | [`Folder`] | a folder of wheels on this machine | of the bytes | size |
//! | [`PublishedFacts`] | a table of what others published about wheels | as published | where it was published, variant or release |
//!
//! Where no hash is declared, [`Origin::sha256`] finds it by streaming the file.
//!
//! Which package index it is, the user's pip decides: [`Settings::discover`] looks where pip looks.
//!
//! ```no_run
//! use axle_index::{Origin, PackageIndex, Settings};
//!
//! let index = PackageIndex::new(&Settings::discover(None)?)?;
//! let project = index.project(&"triton".parse()?)?;
//! for file in &project.files {
//!     if file.filename.ends_with(".whl") {
//!         let metadata = index.metadata(file)?;
//!         println!("{}: {:?}", file.filename, metadata.requires_dist);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Those that ask servers share a [`Client`]: its certificates, its connections, its count of
//! [`Traffic`], and its cache. With a cache, a page that is known is asked for by its `ETag` or its
//! date, and only sent when it changed.
//!
//! ```no_run
//! use axle_index::{Client, FindLinks, GithubApi, GithubReleases, RetryPolicy, Settings};
//!
//! let client = Client::new(&Settings::discover(None)?, RetryPolicy::default())?
//!     .with_cache("/var/cache/axle")
//!     .with_listener(|notice| eprintln!("{notice}"));
//! let flash = GithubReleases::new(&client, &GithubApi::discover()?, "Dao-AILab/flash-attention")?;
//! let torch = FindLinks::new(&client, "https://download.pytorch.org/whl/{variant}/{name}/", ["cpu", "cu128"])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The metadata of a wheel is read from the file that the origin offers beside it (PEP 658, PEP
//! 714), or else out of the wheel itself, by ranges: some hundred kilobytes of a gigabyte. The
//! same ranges let axle-audit stream a wheel that was never stored. A connection that breaks is taken
//! up where it broke, and only if the file is still the same one.
//!
//! Answers are hostile input: they are bounded in size and time, hashes and sizes are compared with
//! what was declared, and no message shows credentials. What is wrong with one file of many becomes
//! a [`Problem`] of the project; what makes the list itself doubtful, an [`IndexError`].

mod cache;
mod error;
mod facts;
mod fetched;
mod find_links;
mod folder;
#[doc(hidden)]
pub mod fuzz;
mod github;
mod html;
mod http;
mod origin;
mod package_index;
mod program;
mod remote_file;
mod resolver;
mod settings;
mod simple_api;

pub use error::{IndexError, Problem};
pub use facts::PublishedFacts;
pub use find_links::FindLinks;
pub use folder::Folder;
pub use github::{GithubApi, GithubReleases};
pub use http::{Client, Event, RetryPolicy, Traffic};
pub use origin::{CoreMetadata, File, Origin, Project, ProjectStatus, Published, Release};
pub use package_index::PackageIndex;
pub use program::{Silence, ask_program};
pub use remote_file::RemoteFile;
pub use settings::{Settings, SettingsError};
