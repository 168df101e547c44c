//! Wheels: their names, tags, versions and metadata, and bounded access to the zip archive.
//!
//! A wheel's file name says for which Python and which platform it was built. [`WheelName`] reads
//! it, and [`fit`] says how well it fits a [`System`], a [`PythonVersion`] and a [`Glibc`], or why
//! it does not:
//!
//! ```
//! use axle_types::System;
//! use axle_wheel::{TagMismatch, WheelName, fit};
//!
//! let wheel: WheelName = "torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl".parse()?;
//! assert_eq!(wheel.name().as_ref(), "torch");
//! assert_eq!(wheel.version().to_string(), "2.9.1");
//!
//! let (python, glibc) = ("3.12".parse()?, "2.35".parse()?);
//! assert!(fit(&wheel, System::X86_64Linux, python, glibc).is_ok());
//!
//! let mismatch = fit(&wheel, System::X86_64Linux, python, "2.17".parse()?).unwrap_err();
//! assert!(matches!(mismatch, TagMismatch::Glibc { .. }));
//! assert_eq!(mismatch.to_string(), "it needs glibc 2.28, but the target has 2.17");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The wheel itself is a zip. [`Archive`] opens one from any [`WheelSource`] (a local file here,
//! ranges of a URL in axle-index), and treats it as hostile: every name, count and size is checked
//! before a byte is decompressed, and a member never gives more bytes than it declared.
//!
//! ```no_run
//! use axle_wheel::{Archive, Contents, LocalFile};
//!
//! let file = LocalFile::open("torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl")?;
//! let archive = Archive::open(&file)?;
//! let metadata = archive.metadata()?;
//! for requirement in metadata.requirements()? {
//!     // …
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Contents`] are the files of a wheel wherever they lie: an archive's, or those of a folder that a wheel was
//! unpacked or installed to ([`Tree`]).
//!
//! Nothing in this crate touches the network, and nothing of a wheel is ever executed.

mod archive;
mod compatibility;
mod contents;
mod entry_points;
mod files;
mod headers;
mod inflate;
mod metadata;
mod sdist_name;
mod source;
mod tree;
mod wheel_file;
mod wheel_name;

pub use archive::{Archive, ArchiveError, ArchiveProblem, ArchiveReader, Limits, Member, MemberReader};
pub use compatibility::{Fit, TagMismatch, fit};
pub use contents::{Contents, ContentsReader, Entry};
pub use entry_points::{ConsoleScript, EntryPointsError, console_scripts};
pub use files::{open_file, read_file, read_text};
pub use headers::HeadersError;
pub use metadata::{Metadata, MetadataError};
pub use sdist_name::{SdistName, SdistNameError};
pub use source::{LocalFile, ReadSeek, WheelSource};
pub use tree::{Tree, dist_infos, files_below};
pub use wheel_file::{WheelFile, WheelFileError};
pub use wheel_name::{BuildTag, Tag, WheelName, WheelNameError, WheelNameProblem};
