//! Environments that rules are checked against.

use axle_rules::Rule;
use std::collections::BTreeSet;

use axle_types::{ComputeCapability, CudaRelease, DriverVersion, Glibc, HostCompiler, PythonVersion, System};

use crate::Package;

/// An environment in which CUDA code is built or run. Anything that is not specified is not checked.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The system.
    pub system: System,
    /// The CUDA release that compiles, or whose libraries are used.
    pub cuda: Option<CudaRelease>,
    /// The compiler of the host's code.
    pub compiler: Option<HostCompiler>,
    /// The gcc release whose libstdc++ clang takes.
    pub libstdcxx: Option<u16>,
    /// The GPUs.
    pub capabilities: BTreeSet<ComputeCapability>,
    /// The Python.
    pub python: Option<PythonVersion>,
    /// The driver.
    pub driver: Option<DriverVersion>,
    /// The C library that runs.
    pub glibc: Option<Glibc>,
    /// The C library whose headers the compiler includes; `None` for the one that runs.
    pub glibc_headers: Option<Glibc>,
    /// Bytes of memory for compilers.
    pub memory: Option<u64>,
    /// The packages that are to be compiled; their jobs must fit the memory.
    pub compiled: BTreeSet<String>,
    /// The packages that are, or will be, installed together.
    pub packages: Vec<Package>,
    /// Rules that are only warned about.
    pub allowed: BTreeSet<Rule>,
}

impl Environment {
    /// An environment in which only the system is specified.
    pub fn new(system: System) -> Self {
        Self {
            system,
            cuda: None,
            compiler: None,
            libstdcxx: None,
            capabilities: BTreeSet::new(),
            python: None,
            driver: None,
            glibc: None,
            glibc_headers: None,
            memory: None,
            compiled: BTreeSet::new(),
            packages: Vec::new(),
            allowed: BTreeSet::new(),
        }
    }
}
