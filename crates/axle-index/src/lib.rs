//! Where artefacts are published.
//!
//! An [`Origin`] lists the files of a project and gives their metadata and their bytes.
//! [`PackageIndex`] is the one there is so far: an index that speaks the simple repository API, as
//! JSON (PEP 691, PEP 700) or as HTML (PEP 503). Which index that is, the user's pip decides:
//! [`Settings::discover`] looks where pip looks.
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
//! The metadata of a wheel is read from the file that the index offers beside it (PEP 658, PEP
//! 714), or else out of the wheel itself, by ranges: some hundred kilobytes of a gigabyte. The
//! same ranges let axle-audit stream a wheel that was never stored.
//!
//! Answers are hostile input: they are bounded in size, hashes and sizes are compared with what the
//! index declared, and no message shows credentials.

mod cache;
mod error;
mod facts;
mod find_links;
mod folder;
mod github;
mod http;
mod origin;
mod package_index;
mod remote_file;
mod resolver;
mod settings;
mod simple_api;

pub use error::{IndexError, Problem};
pub use facts::PublishedFacts;
pub use find_links::FindLinks;
pub use folder::Folder;
pub use github::{GithubApi, GithubReleases};
pub use http::{Client, Notice, Patience, Traffic};
pub use origin::{
    CoreMetadata, Digest, File, InvalidDigest, Origin, Project, ProjectStatus, Published, Release,
};
pub use package_index::PackageIndex;
pub use remote_file::RemoteFile;
pub use settings::{Settings, SettingsError};
