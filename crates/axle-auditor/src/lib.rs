//! Check that a compiled package contains the requested device code.
//!
//! Nothing in a compiled extension says whether its build system respected the requested architectures: some add PTX,
//! some ignore the variable. [`read_folder`] reads the SASS and PTX of each ELF file, as the audit of a wheel does
//! ([`axle_fatbin::Containers`]), and [`Asked::judge`] compares them with the request. [`command`] does both as a
//! program.
//!
//! It is separate from the audit because it is built before any package is compiled: it depends on a tenth of the
//! crates.
//!
//! ```
//! use axle_auditor::{Asked, read_folder};
//!
//! let asked = Asked { name: "markupsafe".to_owned(), ..Asked::default() };
//! let members = read_folder("src".as_ref())?;
//! assert!(asked.judge(&members).is_ok());
//! # Ok::<(), axle_auditor::Error>(())
//! ```

mod command;
mod error;
mod folder;
mod judge;
mod member;

pub use command::command;
pub use error::Error;
pub use folder::read_folder;
pub use judge::{Asked, Mismatch};
pub use member::Member;
