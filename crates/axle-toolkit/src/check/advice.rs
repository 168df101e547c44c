//! Advice: what to use instead of a package, held against the same environment before it is given.

use axle_types::{ComputeCapability, CudaRelease, WheelCuda};

use super::list;
use crate::{Environment, Package, Toolkits};

/// What to do about a package without code for some GPUs.
pub(super) fn on_code(
    toolkits: &Toolkits,
    environment: &Environment,
    package: &Package,
    missing: &[ComputeCapability],
) -> String {
    let (name, gpus) = (&package.name, list(missing));
    // Another version of what a package pins contradicts that pin.
    let pinning = environment.packages.iter().find(|other| other.pins.contains_key(name));
    let subject = pinning.unwrap_or(package);
    if let Some(best) = newest(toolkits, environment, subject, missing) {
        return format!("use {} {}, the newest in the catalogue that covers {gpus}", best.name, best.version);
    }
    let elsewhere = releases(toolkits, environment, missing);
    if let Some((best, cuda)) = of_other_cuda(toolkits, environment, subject, missing, &elsewhere) {
        return format!("use CUDA {cuda}: its {} {} covers {gpus}", best.name, best.version);
    }
    let without =
        if name.starts_with("nvidia-") { "do without it" } else { "compile it from source, if possible" };
    format!("no version of {name} in the catalogue covers {gpus}; {without}")
}

/// The newest version of a package that goes with the rest of an environment, and covers some GPUs.
pub(super) fn newest<'a>(
    toolkits: &'a Toolkits,
    environment: &Environment,
    package: &Package,
    gpus: &[ComputeCapability],
) -> Option<&'a Package> {
    let asked = environment.cuda.map(WheelCuda::Release).or(package.cuda);
    let is_other = |other: &&Package| {
        other.name == package.name && other.version != package.version && fits_cuda(other.cuda, asked)
    };
    best(toolkits, toolkits.packages.iter().filter(is_other), environment, package, gpus)
}

/// The same package for another CUDA release: NVIDIA's names tell the major by a suffix, or not at all.
fn of_other_cuda<'a>(
    toolkits: &'a Toolkits,
    environment: &Environment,
    package: &Package,
    gpus: &[ComputeCapability],
    releases: &[CudaRelease],
) -> Option<(&'a Package, CudaRelease)> {
    releases.iter().find_map(|&cuda| {
        let is_alike = |other: &&Package| {
            stem(&other.name) == stem(&package.name) && fits_cuda(other.cuda, Some(WheelCuda::Release(cuda)))
        };
        let found = best(toolkits, toolkits.packages.iter().filter(is_alike), environment, package, gpus)?;
        Some((found, cuda))
    })
}

/// The newest of some packages that is no pre-release, covers the GPUs with all that it pins, and serves the Python and the
/// C library.
fn best<'a>(
    toolkits: &'a Toolkits,
    packages: impl Iterator<Item = &'a Package>,
    environment: &Environment,
    instead_of: &Package,
    gpus: &[ComputeCapability],
) -> Option<&'a Package> {
    let covers = |other: &Package| gpus.iter().all(|&gpu| other.covers(gpu));
    let lacks = |other: &Package| environment.capabilities.iter().any(|&gpu| other.lacks(gpu).is_some());
    let serves = |other: &&Package| {
        let mut pinned =
            other.pins.iter().filter_map(|(name, version)| toolkits.package(name, version, other.system));
        other.system == instead_of.system
            && other.parsed_version().is_some_and(|version| !version.any_prerelease())
            && covers(other)
            && !lacks(other)
            && !pinned.any(lacks)
            && environment.glibc.is_none_or(|glibc| other.glibc.is_none_or(|needs| needs <= glibc))
            && environment
                .python
                .is_none_or(|python| other.pythons.as_ref().is_none_or(|pythons| pythons.contains(&python)))
    };
    packages.filter(serves).max_by_key(|other| other.parsed_version())
}

/// The other releases that make code for the GPUs and run with the driver, the newest first.
fn releases(toolkits: &Toolkits, environment: &Environment, gpus: &[ComputeCapability]) -> Vec<CudaRelease> {
    let serves = |cuda: CudaRelease| match (&environment.driver, toolkits.driver(cuda)) {
        (Some(driver), Some(needs)) => *driver >= needs.compatible,
        _ => true,
    };
    let releases = toolkits.releases.iter().rev().filter(|release| {
        let makes = |gpu: &ComputeCapability| !release.ptxas.running_on(*gpu).0.is_empty();
        environment.cuda != Some(release.cuda)
            && gpus.iter().chain(&environment.capabilities).all(makes)
            && serves(release.cuda)
    });
    releases.map(|release| release.cuda).collect()
}

/// Whether what is built for one CUDA goes with another: the same release where both name one, else the same major.
fn fits_cuda(built_for: Option<WheelCuda>, asked: Option<WheelCuda>) -> bool {
    match (built_for, asked) {
        (Some(built @ WheelCuda::Release(_)), Some(asked @ WheelCuda::Release(_))) => built == asked,
        (Some(built), Some(asked)) => built.major() == asked.major(),
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

/// `nvidia-cudnn` of `nvidia-cudnn-cu12`; `nvidia-cublas` is one.
fn stem(name: &str) -> &str {
    match name.rsplit_once("-cu") {
        Some((stem, major)) if !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name,
    }
}
