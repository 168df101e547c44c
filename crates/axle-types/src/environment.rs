//! The marker environment (PEP 508) of a target.

use pep440_rs::Version;
use pep508_rs::MarkerEnvironment;
use pep508_rs::MarkerEnvironmentBuilder;

use crate::platform::{PythonVersion, System};

/// A patch number that no CPython release reaches: a target names a minor version, and means its newest patch release.
const NEWEST_PATCH: u64 = 99;

/// The version of the interpreter that `Requires-Python` and `python_full_version` see.
pub fn full_python_version(python: PythonVersion) -> Version {
    Version::new([u64::from(python.major()), u64::from(python.minor()), NEWEST_PATCH])
}

/// What markers evaluate to on a system under a Python.
///
/// # Errors
/// Never for a Python that has a version; what the parser of versions says, else.
pub fn marker_environment(
    system: System,
    python: PythonVersion,
) -> Result<MarkerEnvironment, pep440_rs::VersionParseError> {
    let full = full_python_version(python).to_string();
    let minor = python.version().to_string();
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: system.architecture(),
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: &minor,
        sys_platform: "linux",
    })
}
