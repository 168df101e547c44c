//! SASS and PTX in CUDA fat binaries, read as a stream.
//!
//! A CUDA fat binary is a sequence of *containers*, one per translation unit. A container is a sequence of *entries*:
//! machine code (SASS, `sm_86`), assembly for the driver to compile (PTX, `compute_86`), or another kind, which this
//! crate reports rather than skips.
//!
//! [`Scanner`] accepts the bytes of any file, in pieces of any size, and finds the containers in it. It keeps at most
//! one entry header and the start of one payload in memory, so that a library of several gigabytes costs no more than a
//! small one. Sizes come from untrusted files: each is checked against its enclosing structure before it is used, and
//! contradictions are reported as [`Broken`].
//!
//! [`Image`] describes a complete image, for example a standalone `.cubin` or `.ptx` file: its architecture, its
//! kernels, the release that made it. [`demangle`] makes a kernel's name readable.
//!
//! [`Containers`] collects the containers of one ELF file and combines them with the sections that `axle-elf` read, to
//! report which SASS and PTX the file has.
//!
//! [`Code`] says what an entry was compiled for and [`Code::runs_on`] where it runs.
//!
//! ```
//! use axle_fatbin::Code;
//! use axle_types::ComputeCapability;
//!
//! let code: Code = "sm_80".parse()?;
//! let rtx_3090: ComputeCapability = "8.6".parse()?;
//! assert_eq!(code.runs_on(rtx_3090), Some(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The format is not documented by NVIDIA. What is read here was measured on files made by CUDA 11.7
//! to 13.5 and agrees with what `cuobjdump` prints.

mod arch;
mod container;
mod image;
mod kernel;
mod payload;
mod scanner;
mod sections;

pub use arch::{Code, CodeError, Kind, Suffix};
pub use container::{Broken, Compression, Container, Defect, Entry, ImageOfEntry, MAGIC};
pub use image::{Image, ImageError};
pub use kernel::demangle;
pub use payload::zstd_start;
pub use scanner::{Found, Scanner};
pub use sections::{
    Architectures, Containers, ContainersBySection, LINKED, NO_SECTION, PRELINK, SectionError,
    is_device_section,
};
