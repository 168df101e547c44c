//! ELF shared objects: soname, needed libraries, search paths, symbol versions and sections, read from a stream.
//!
//! [`Reader`] accepts an ELF file in pieces of any size, and returns an [`Elf`]: its machine, soname, needed libraries,
//! search paths, interpreter, needed symbol versions, and the positions of its sections. Libraries in wheels have
//! gigabytes, so the reader keeps only the head of the file and the tables that the head locates. If something needed
//! is outside of these, it asks for the stream a second time ([`Progress::Again`]).
//!
//! ```
//! use axle_elf::{Progress, Reader};
//!
//! let bytes = std::fs::read(std::env::current_exe()?)?;
//! let mut reader = Reader::new(bytes.len() as u64);
//! let elf = loop {
//!     for piece in bytes.chunks(1 << 16) {
//!         reader.push(piece);
//!     }
//!     match reader.finish()? {
//!         Progress::Done(elf) => break elf,
//!         Progress::Again(again) => reader = again,
//!     }
//! };
//! assert!(!elf.sections.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Files are hostile: every place and size is checked against the file, every count has a limit, and what
//! is wrong is an [`Error`] that names the table and the offset. Tables are found as the loader finds
//! them, through the program headers; section headers are used only for what has no other source.

mod error;
mod parse;
mod reader;
mod symbols;
mod window;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use error::Error;
pub use reader::{Progress, Reader};

/// The first four bytes of every ELF file.
pub const MAGIC: [u8; 4] = *b"\x7fELF";

/// The relevant contents of one ELF file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Elf {
    /// The processor, as Linux names it: `x86_64`, `aarch64`; `cuda` for a cubin; `em-N` for others.
    pub machine: String,
    /// Whether it is run or loaded.
    pub elf_type: ElfType,
    /// The processor's flags (`e_flags`).
    pub flags: u32,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// `DT_NEEDED`, in the order of the file, which is the order of loading.
    pub needed: Vec<String>,
    /// `DT_RPATH`, split at colons, in order. Holds for what is loaded by this file too.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`, split at colons, in order. Holds for this file alone, and `DT_RPATH` is void then.
    pub runpath: Vec<String>,
    /// The program that runs it (`PT_INTERP`).
    pub interpreter: Option<String>,
    /// The symbol versions that it needs, by library (`DT_VERNEED`), sorted.
    pub symbol_versions: BTreeMap<String, Vec<String>>,
    /// Whether it calls libstdc++ through the C++11 ABI of its strings and lists. `None` where it does
    /// not link libstdc++, calls neither kind, calls both, or its symbols were out of reach.
    pub cxx11_abi: Option<bool>,
    /// Whether it takes C++ symbols of libtorch (`c10`, `at`, `torch`) from outside, which other releases of torch may
    /// lack. `None` where its symbols were out of reach.
    pub torch_cxx: Option<bool>,
    /// What it takes of CPython's C API: its undefined symbols that begin with `Py` or `_Py`, sorted. `None`
    /// where its symbols were out of reach.
    pub python_symbols: Option<Vec<String>>,
    /// Its sections, in the order of the section table.
    pub sections: Vec<Section>,
}

/// What an ELF file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfType {
    /// A program: of a fixed address, or one that says that it is position independent, or a shared
    /// object with an interpreter and without a soname.
    Executable,
    /// A library.
    SharedObject,
    /// An object to link (`.o`).
    Relocatable,
    /// Something else: a core file, or a type of some system.
    #[default]
    Other,
}

/// A section with bytes in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes in the file: 0 for those that only take memory (`.bss`).
    pub size: u64,
}
