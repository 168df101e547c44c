//! Errors of reading a compiled package.

use std::io;

/// Why a folder can't be judged. Paths are of files in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder can't be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A link leads out of the folder, or nowhere.
    #[error("{path}: the symbolic link leads out of the directory")]
    Link {
        /// The link.
        path: String,
    },
    /// A pipe, a socket or a device.
    #[error("{path}: only files, directories and symbolic links are supported")]
    Kind {
        /// The path of it.
        path: String,
    },
    /// A file begins as ELF files do and is broken.
    #[error("{path}: {source}")]
    Elf {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: axle_elf::Error,
    },
    /// A file has device code that can't be read.
    #[error("{path}: {source}")]
    DeviceCode {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: axle_fatbin::SectionError,
    },
}
