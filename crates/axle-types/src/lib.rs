//! Types of the field: CUDA releases, compute capabilities, compilers, Pythons, glibc versions, hashes, requirements.
//!
//! A value of these types is valid: it is parsed by `FromStr`, or by the one guarded function that the type names, and
//! displayed as it is parsed. Nothing here reads a file or makes a decision; every other crate of axle builds on it.
//!
//! | of | types |
//! | --- | --- |
//! | CUDA | [`CudaRelease`], [`CudaTarget`], [`WheelCuda`], [`ComputeCapability`], [`DriverVersion`] |
//! | the machine | [`System`], [`Glibc`], [`PythonVersion`], [`HostCompiler`] |
//! | files | [`Sha256`] |
//! | packages | [`PackageName`], [`ExtraName`], [`Version`], [`VersionSpecifiers`], [`Requirement`], [`Marker`] |
//! | text of strangers | [`visible`], [`redacted`], [`excerpt`] |

mod capability;
mod compiler;
mod cuda;
mod driver;
#[cfg(feature = "packages")]
mod environment;
mod excerpt;
#[cfg(feature = "packages")]
mod marker;
#[cfg(feature = "packages")]
mod names;
mod platform;
#[cfg(feature = "packages")]
mod requirement;
#[cfg(feature = "packages")]
mod sha256;
#[cfg(feature = "packages")]
mod specifiers;
mod text;
mod visible;

pub use capability::{ComputeCapability, ComputeCapabilityError};
pub use compiler::{HostCompiler, InvalidCompiler, InvalidCompilerVersion, compiler_major};
pub use cuda::{CudaRelease, CudaTarget, InvalidCuda, WheelCuda};
pub use driver::{DriverVersion, InvalidDriver};
#[cfg(feature = "packages")]
pub use environment::{full_python_version, marker_environment};
pub use excerpt::excerpt;
#[cfg(feature = "packages")]
pub use marker::Marker;
#[cfg(feature = "packages")]
pub use names::{parse_name, parse_version};
#[cfg(feature = "packages")]
pub use pep440_rs::{Version, VersionSpecifiers};
#[cfg(feature = "packages")]
pub use pep508_rs::{ExtraName, MarkerEnvironment, PackageName};
pub use platform::{Glibc, InvalidPlatform, PythonVersion, System};
#[cfg(feature = "packages")]
pub use requirement::{InvalidRequirement, Requirement, VersionOrUrl};
#[cfg(feature = "packages")]
pub use sha256::{InvalidSha256, Sha256};
#[cfg(feature = "packages")]
pub use specifiers::{Pin, compact, is_asked, is_pin, pin, satisfies};
pub use text::{comma_separated, number};
pub use visible::{is_hidden, redacted, visible};
