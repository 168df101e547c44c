//! Whether what was compiled holds the device code that was asked for.
//!
//! An extension that is compiled says nowhere whether its build system has kept to the architectures that it was told:
//! some add PTX, some ignore the variable. [`read_folder`] reads which SASS and PTX each ELF file has, as the audit of a
//! wheel does ([`axle_fatbin::Containers`]), and [`Asked::judge`] compares. [`command`] is both as a program.
//!
//! It stands apart from the audit because everyone who compiles a package builds it first: it takes a tenth of the
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
