//! Tables of CUDA releases for the site, and the input of its forms: targets and names of GPUs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_catalogue::{Catalogue, Matrix};
use axle_toolkit::{CompilerRange, Compilers, Driver, GpuNames, Release, Toolkits};
use axle_types::{ComputeCapability, CudaRelease, System};
use serde::Serialize;

use crate::{Error, shard};

/// The shard `base`: what a question is made of.
#[derive(Serialize)]
struct Base<'a> {
    systems: &'a [System],
    pythons: Vec<String>,
    /// The releases of the matrix, newest first.
    cudas: Vec<String>,
    capabilities: &'a [ComputeCapability],
    glibc: String,
    order: &'a [Vec<String>],
    gpus: Vec<&'a GpuNames>,
    /// The compilers that some release takes.
    compilers: Vec<String>,
    /// By system, the shards with cells.
    cells: BTreeMap<System, Vec<String>>,
}

/// The shard `rules`.
#[derive(Serialize)]
struct Rules<'a> {
    releases: Vec<OfRelease<'a>>,
    capabilities: Vec<OfCapability<'a>>,
    documents: Documents<'a>,
}

/// One release, newest first.
#[derive(Serialize)]
struct OfRelease<'a> {
    cuda: CudaRelease,
    systems: BTreeMap<System, Host>,
    driver: Option<&'a Driver>,
    ptx_isa: &'a str,
    assembler: &'a str,
    source: String,
    /// A letter for each capability: see [`letter`].
    targets: String,
}

/// What a release asks of a system.
#[derive(Serialize)]
struct Host {
    #[serde(flatten)]
    compilers: Compilers,
    source: String,
}

/// One capability, oldest first.
#[derive(Serialize)]
struct OfCapability<'a> {
    capability: ComputeCapability,
    names: &'a [String],
    /// The first and the last release that make machine code which runs there; `None` for a last that is the newest.
    first: Option<CudaRelease>,
    last: Option<CudaRelease>,
    /// The last branch of the driver that serves it.
    driver: Option<u32>,
}

/// Where what no file says is known from.
#[derive(Serialize)]
struct Documents<'a> {
    floors: BTreeSet<&'a str>,
    drivers: BTreeSet<&'a str>,
    deprecations: BTreeSet<&'a str>,
    gpus: BTreeSet<&'a str>,
}

/// Writes the shards `base` and `rules`; `shards` are the engine's.
///
/// # Errors
/// When the catalogue is not valid or lacks its toolkits, or a file cannot be written.
pub fn write(catalogue: &Catalogue, shards: &BTreeSet<String>, folder: &Path) -> Result<(), Error> {
    let matrix = catalogue.matrix()?;
    let toolkits = catalogue.toolkits()?.ok_or(Error::NoToolkits)?;
    let cells = |&system: &System| {
        let of_system = format!("cells/{system}/");
        let cells = shards.iter().filter(|name| name.starts_with(&of_system)).cloned().collect();
        (system, cells)
    };
    let cells = matrix.systems.iter().map(cells).collect();
    shard::write(folder, "base", &base(&matrix, &toolkits, cells))?;
    shard::write(folder, "rules", &rules(&toolkits))?;
    Ok(())
}

fn base<'a>(matrix: &'a Matrix, toolkits: &'a Toolkits, cells: BTreeMap<System, Vec<String>>) -> Base<'a> {
    let mut cudas = matrix.cudas.clone();
    cudas.sort();
    let gpus = toolkits.declared.gpus.iter();
    Base {
        systems: &matrix.systems,
        pythons: matrix.pythons.iter().map(ToString::to_string).collect(),
        cudas: cudas.iter().rev().map(ToString::to_string).collect(),
        capabilities: &matrix.compute_capabilities,
        glibc: matrix.glibc.to_string(),
        order: &matrix.order,
        gpus: gpus.filter(|gpus| matrix.compute_capabilities.contains(&gpus.capability)).collect(),
        compilers: compilers(toolkits, &matrix.systems),
        cells,
    }
}

/// Every compiler that some release takes on one of the systems.
fn compilers(toolkits: &Toolkits, systems: &[System]) -> Vec<String> {
    let of = |release: &Release| {
        systems.iter().filter_map(|system| toolkits.compilers(release, *system)).collect::<Vec<_>>()
    };
    let all: Vec<Compilers> = toolkits.releases.iter().flat_map(of).collect();
    let names = |name: &str, range: fn(&Compilers) -> CompilerRange| {
        let oldest = all.iter().filter_map(|one| range(one).min).min().unwrap_or(1);
        let newest = all.iter().filter_map(|one| range(one).max).max().unwrap_or(oldest);
        (oldest..=newest).rev().map(|major| format!("{name}{major}")).collect::<Vec<_>>()
    };
    [names("gcc", |one| one.gcc), names("clang", |one| one.clang)].concat()
}

fn rules(toolkits: &Toolkits) -> Rules<'_> {
    let declared = &toolkits.declared;
    let known: BTreeSet<ComputeCapability> =
        toolkits.releases.iter().flat_map(|release| release.capabilities.iter().copied()).collect();
    let releases = toolkits.releases.iter().rev().map(|release| {
        let host = |(&system, host): (&System, &axle_toolkit::Host)| {
            let compilers = toolkits.compilers(release, system)?;
            Some((system, Host { compilers, source: host.compilers_source.to_string() }))
        };
        OfRelease {
            cuda: release.cuda,
            systems: release.hosts.iter().filter_map(host).collect(),
            driver: declared.drivers.iter().find(|driver| driver.cuda == release.cuda),
            ptx_isa: &release.ptxas.ptx_isa,
            assembler: &release.ptxas.version,
            source: release.ptxas.source.to_string(),
            targets: known.iter().map(|cc| letter(toolkits, release, *cc)).collect(),
        }
    });
    let newest = toolkits.releases.last().map(|release| release.cuda);
    let capabilities = known.iter().map(|&capability| {
        let mut made = toolkits.releases.iter().filter(|release| release.capabilities.contains(&capability));
        let first = made.next().map(|release| release.cuda);
        let last = made.next_back().map(|release| release.cuda).or(first);
        let names = declared.gpus.iter().find(|gpus| gpus.capability == capability);
        OfCapability {
            capability,
            names: names.map_or(&[], |gpus| &gpus.names),
            first,
            last: last.filter(|last| Some(*last) != newest),
            driver: declared.driver_ends.iter().find(|end| capability <= end.up_to).map(|end| end.branch),
        }
    });
    Rules {
        releases: releases.collect(),
        capabilities: capabilities.collect(),
        documents: Documents {
            floors: declared.compiler_floors.iter().map(|one| one.document.as_str()).collect(),
            drivers: declared.drivers.iter().map(|one| one.document.as_str()).collect(),
            deprecations: declared.deprecations.iter().map(|one| one.document.as_str()).collect(),
            gpus: declared.gpus.iter().map(|one| one.document.as_str()).collect(),
        },
    }
}

/// What a release makes for a GPU, as a letter: `o` its own machine code, `s` machine code of its generation that runs there, `x`
/// only code with a suffix, `p` only PTX, `n` nothing; `d` is machine code that it announces to drop.
fn letter(toolkits: &Toolkits, release: &Release, gpu: ComputeCapability) -> char {
    let (plain, suffixed) = release.ptxas.running_on(gpu);
    let is_deprecated =
        toolkits.declared.deprecations.iter().any(|one| one.cuda.contains(&release.cuda) && gpu < one.below);
    let has_ptx = || release.ptxas.ptx.iter().any(|code| code.is_plain() && code.runs_on(gpu) == Some(true));
    match () {
        () if !plain.is_empty() && is_deprecated => 'd',
        () if release.ptxas.names(gpu) => 'o',
        () if !plain.is_empty() => 's',
        () if !suffixed.is_empty() => 'x',
        () if has_ptx() => 'p',
        () => 'n',
    }
}
