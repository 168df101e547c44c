//! Driver use: which members of a wheel open a library of the GPU driver at run time.
//!
//! No ELF header tells: `libcudart.so.12` needs only the C library, and opens `libcuda.so.1` by name. The driver is not
//! part of any package set, so every member that may open one of its libraries also searches the driver's directory.

use std::collections::{BTreeMap, BTreeSet};

use axle_audit::{ElfMember, MOST_DLOPEN};

use crate::{ArtefactFile, Runtime};

/// What a member has to do with the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriverUse {
    /// Nothing that is known.
    None,
    /// It has device code, loads a CUDA library or is one: the name of the library that it opens may be in another
    /// file, or be composed at run time.
    Possible,
    /// It needs a library of the driver, or names one.
    Own,
}

impl DriverUse {
    /// What a member of a package's wheel does, where `is_cuda` says whether a soname is that of a CUDA library.
    pub fn of(runtime: &Runtime, package: &str, elf: &ElfMember, is_cuda: impl Fn(&str) -> bool) -> Self {
        // Of so many names some were not kept.
        let is_cut_short = elf.dlopen.len() + elf.needed.len() >= MOST_DLOPEN;
        let mut loads = elf.needed.iter().chain(&elf.dlopen);
        if is_cut_short || loads.clone().any(|name| runtime.is_of_driver(name)) {
            Self::Own
        } else if !elf.device_code.is_empty() || is_cuda_package(package) || loads.any(|name| is_cuda(name)) {
            Self::Possible
        } else {
            Self::None
        }
    }
}

/// The names of CUDA's libraries: those of all wheels of NVIDIA's packages that were read.
pub fn cuda_libraries(artefacts: &BTreeMap<String, ArtefactFile>) -> BTreeSet<&str> {
    let packages = artefacts.iter().filter(|(name, _)| is_cuda_package(name));
    let wheels =
        packages.flat_map(|(_, file)| &file.artefacts).filter_map(|artefact| artefact.audit.as_ref());
    let members = wheels.flat_map(|audit| &audit.facts.elf);
    members.filter(|elf| elf.is_library()).map(ElfMember::file_name).collect()
}

/// Whether the libraries of a package are NVIDIA's: all of them call the driver, or are called by one that does.
fn is_cuda_package(package: &str) -> bool {
    package.starts_with("nvidia-")
}

#[cfg(test)]
mod tests {
    use axle_audit::DeviceCode;

    use super::*;

    fn runtime() -> Runtime {
        let driver = ["libcuda.so.1", "libnvidia-ml.so.1"].map(str::to_owned).to_vec();
        Runtime { driver, libraries: BTreeMap::new() }
    }

    fn member(needed: &[&str], dlopen: &[&str]) -> ElfMember {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        ElfMember { needed: names(needed), dlopen: names(dlopen), ..ElfMember::default() }
    }

    fn of(package: &str, member: &ElfMember) -> DriverUse {
        DriverUse::of(&runtime(), package, member, |soname| soname == "libcudart.so.12")
    }

    #[test]
    fn names_of_the_driver_are_told_without_their_version() {
        let runtime = runtime();
        for name in ["libcuda.so.1", "libcuda.so", "libcuda.so.1.1", "libcuda.so.570.26", "libnvidia-ml.so.1"]
        {
            assert!(runtime.is_of_driver(name), "{name}");
        }
        for name in ["libcudart.so.12", "libcuda-40d19bb1.so", "libcuda", "cuda.so", "libcuda.sole", ""] {
            assert!(!runtime.is_of_driver(name), "{name}");
        }
    }

    #[test]
    fn what_names_or_needs_the_driver_opens_it_itself() {
        assert_eq!(of("torch", &member(&["libc.so.6"], &["libcuda.so"])), DriverUse::Own);
        assert_eq!(of("torch", &member(&["libcuda.so.1"], &[])), DriverUse::Own);
        let many: Vec<String> = (0..MOST_DLOPEN).map(|number| format!("lib{number}.so")).collect();
        let cut_short = ElfMember { dlopen: many, ..ElfMember::default() };
        assert_eq!(of("torch", &cut_short), DriverUse::Own, "names are missing, and may be the driver's");
    }

    #[test]
    fn cuda_libraries_what_needs_them_and_device_code_may_open_it() {
        assert_eq!(of("torch", &member(&["libcudart.so.12"], &[])), DriverUse::Possible);
        assert_eq!(of("torch", &member(&[], &["libcudart.so.12"])), DriverUse::Possible);
        assert_eq!(of("nvidia-cuda-nvrtc-cu12", &member(&["libc.so.6"], &[])), DriverUse::Possible);
        let code: DeviceCode = serde_json::from_value(serde_json::json!({
            "section": ".nv_fatbin", "arch": "sm_86", "kind": "sass", "compression": "none", "toolkit": null,
            "count": 1,
        }))
        .unwrap();
        let kernels = ElfMember { device_code: vec![code], ..ElfMember::default() };
        assert_eq!(of("torch", &kernels), DriverUse::Possible);
        assert_eq!(of("numpy", &member(&["libm.so.6"], &["libopenblas.so.0"])), DriverUse::None);
    }
}
