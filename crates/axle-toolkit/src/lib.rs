//! Which CUDA toolkit goes with which compiler, GPU, driver, C library and Python.
//!
//! [`check`] judges an [`Environment`] by [`Toolkits`], and says for each [`Rule`] that applies what is the case, on
//! which fact that rests, where the fact was read, and what to do. It runs nothing and looks at no machine: the
//! environment may be one that is planned.
//!
//! `Toolkits` is data, `catalogue/toolkits.json`. Nearly all of it is read out of files that NVIDIA ships, by
//! `cargo xtask harvest toolkits`: the compilers that a release takes by running its own `crt/host_config.h` through a
//! preprocessor, the targets by asking its own ptxas, what a library covers by auditing the library. What no file says
//! (names of GPUs, the drivers that a release needs) is declared in `catalogue/declared.toml`, with its document.
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
pub use gpu::GpuNameError;
pub use package::{Lacking, Package};
pub use supported::{COMPILERS_SCHEMA, Compilers, Objection, SupportedCompilers};
pub use toolkits::{
    ClangLibrary, CompilerFloor, CompilerRange, Components, Declared, Deprecation, Driver, DriverEnd,
    GpuNames, Host, JobMemory, Release, SCHEMA, Source, Targets, Toolkits, listing_major,
};
pub use verdict::Verdict;
