//! A wheel in, a report of facts out.
//!
//! [`audit`] reads every ELF member of a wheel in a stream, all of them in parallel, and gives
//! [`WheelFacts`]: what the members need, which device code they hold, and what follows for the wheel as
//! a whole. It unpacks nothing to disk and runs nothing. Facts depend on the bytes of the wheel alone.
//!
//! Beside wheels as they are published, [`audit_unpacked`], [`audit_installed`] and [`audit_file`] take what was
//! unpacked from one, was installed, or is one file.
//!
//! [`coverage`] concludes from these facts whether the wheel runs on a GPU. What that takes to know of a
//! package (which of its members are loaded, which code is its own) comes as a [`Policy`]. [`glibc_coverage`] concludes
//! whether it loads with a glibc.
//!
//! [`findings`] says what is wrong or odd about it, each by a code with a page in docs/rules, and
//! [`platform_tag`] what its platform tag should be. Both know nothing but the facts.
//!
//! ```no_run
//! use axle_audit::{Options, Policy, audit, coverage};
//! use axle_wheel::LocalFile;
//!
//! let path = "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl";
//! let facts = audit(&LocalFile::open(path)?, &path.parse()?, &Options::default())?;
//! let coverage = coverage(&facts, &Policy::default(), "8.6".parse()?);
//! assert_eq!(coverage.covered, Some(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod conclusions;
mod coverage;
mod device_code;
mod error;
mod facts;
mod findings;
mod glibc;
mod kernels;
mod loaded;
mod loose;
mod member;
mod memory;
mod names;
mod offload;
mod platform;
mod policy;
mod providers;
mod record;
mod stable_abi;
mod weight;

pub use audit::{Options, Progress, audit, audit_file, audit_installed, audit_unpacked, installed_files};
pub use axle_elf::{ElfType, MAGIC as ELF_MAGIC};
pub use axle_fatbin::{Architectures, Code, CodeError, Compression, MAGIC as FATBIN_MAGIC};
pub use conclusions::wheel_cuda;
pub use coverage::{Coverage, ServedBy, coverage};
pub use error::{AuditError, Problem};
pub use facts::{
    Abi3, ContainerGroup, CudaEvidence, CudaSource, Description, DeviceCode, DeviceCodeKind, ElfMember, Form,
    LooseCode, LooseFormat, RecordFacts, WheelFacts,
};
pub use findings::{Finding, findings};
pub use glibc::{GlibcCoverage, glibc_coverage};
pub use kernels::{Kernel, KernelGroup, Kernels, UnreadImages};
pub use loaded::MOST_DLOPEN;
pub use platform::{PlatformTag, WantedVersion, platform_tag};
pub use policy::{Measure, Pattern, Policy};
pub use providers::{NeededLibrary, Provider, ProviderKind, providers};
