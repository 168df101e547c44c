//! Audits of wheels: the facts in their bytes (device code, needed libraries, symbol versions), and findings.
//!
//! [`audit`] streams every ELF member of a wheel, in parallel, and returns [`WheelFacts`]: the needs and the device
//! code of each member, and what follows for the wheel as a whole. It unpacks nothing to disk and runs nothing. Facts
//! depend on the bytes of the wheel alone.
//!
//! [`audit_unpacked`], [`audit_installed`] and [`audit_file`] do the same for an unpacked wheel, an installed one, and
//! a single file.
//!
//! [`coverage`] concludes from these facts whether the wheel runs on a GPU. The knowledge about a package that this
//! needs (which of its members are loaded, which code is its own) is a [`Policy`]. [`glibc_coverage`] concludes whether
//! the wheel loads with a given glibc.
//!
//! [`findings`] reports defects and oddities, each with a code that docs/rules explains, and [`platform_tag`]
//! computes the platform tag that the wheel should have. Both use nothing but the facts.
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

mod amd;
mod audit;
mod conclusions;
mod coverage;
mod device_code;
mod dlopen;
mod error;
mod facts;
mod findings;
mod glibc;
mod kernels;
mod member;
mod member_names;
mod memory;
mod platform;
mod policy;
mod providers;
mod record;
mod stable_abi;
mod standalone;
mod weight;

pub use audit::{Options, Progress, audit, audit_file, audit_installed, audit_unpacked, installed_files};
pub use axle_elf::{ElfType, MAGIC as ELF_MAGIC};
pub use axle_fatbin::{Architectures, Code, CodeError, Compression, MAGIC as FATBIN_MAGIC};
pub use conclusions::wheel_cuda;
pub use coverage::{Coverage, PtxMember, ServedBy, coverage};
pub use dlopen::MOST_DLOPEN;
pub use error::{AuditError, Problem};
pub use facts::{
    Abi3, ContainerGroup, CudaEvidence, CudaSource, Description, DeviceCode, DeviceCodeKind, ElfMember, Form,
    LooseCode, LooseFormat, RecordFacts, WheelFacts,
};
pub use findings::{Finding, findings};
pub use glibc::{GlibcCoverage, glibc_coverage};
pub use kernels::{Kernel, KernelGroup, Kernels, UnreadImages};
pub use platform::{PlatformTag, WantedVersion, platform_tag};
pub use policy::{Measure, MemberRule, Pattern, Policy};
pub use providers::{NeededLibrary, Provider, ProviderKind, providers};
