//! Compatibility of CUDA toolkits with compilers, GPUs, drivers, C libraries and Pythons.
//!
//! [`check`] checks an [`Environment`] against [`Toolkits`], and reports for each [`Rule`] that applies the result, the
//! fact behind it, the source of that fact, and what to do. It runs nothing and does not examine any machine: the
//! environment may be a planned one.
//!
//! `Toolkits` is data, `catalogue/toolkits.json`. `cargo xtask harvest toolkits` reads nearly all of it from files that
//! NVIDIA ships: the compilers that a release supports, by preprocessing its own `crt/host_config.h`; its targets, from
//! its own ptxas; the coverage of a library, by auditing the library. Facts that no file states (names of GPUs, the
//! drivers that a release needs) are declared in `catalogue/declared.toml`, each with its document.
//!
//! ```
//! use axle_rules::Severity;
//! use axle_toolkit::{Environment, Toolkits, check};
//! use axle_types::HostCompiler;
//!
//! # fn example(toolkits: &Toolkits) -> Result<(), Box<dyn std::error::Error>> {
//! let mut environment = Environment::new("x86_64-linux".parse()?);
//! environment.cuda = Some("12.8".parse()?);
//! environment.compiler = Some(HostCompiler::Gcc(15));
//! for verdict in check(toolkits, &environment) {
//!     if verdict.severity == Severity::Error {
//!         println!("{}: {}", verdict.rule, verdict.message);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod check;
mod environment;
mod gpu;
mod optional;
mod package;
mod supported;
mod toolkits;
mod verdict;

pub use check::check;
pub use environment::Environment;
pub use gpu::{GpuNameError, system_of_gpu};
pub use package::{Lacking, Package};
pub use supported::{COMPILERS_SCHEMA, Compilers, Objection, SupportedCompilers};
pub use toolkits::{
    ClangLibrary, CompilerFloor, CompilerRange, Components, Declared, Deprecation, Driver, DriverEnd,
    DriverStart, GpuNames, Host, JobMemory, Release, SCHEMA, Source, Targets, Toolkits, listing_major,
};
pub use verdict::Verdict;
