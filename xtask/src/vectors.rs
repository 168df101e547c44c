//! `cargo xtask vectors`: test vectors, questions with Rust's answers, that the Nix code must reproduce
//! (`checks/unit/vectors.json`).
//!
//! Small cells are made at random, and asked all that Nix can ask. The same seed makes the same file, so that one that is out
//! of date is found by making it again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::ExitCode;

use axle_catalogue::{
    Absence, Catalogue, CatalogueError, Cause, Cell, CellFile, CellPackage, CellSource, CellWheel, Extra,
    ExtraBlocker, Extras, Files, Folder, Provenance, canonical,
};
use axle_fatbin::Code;
use axle_plan::{Asked, Lookup, LookupError, Prefer, Preferences, Request, Which};
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, Glibc, HostCompiler, PythonVersion, Sha256, System, compact,
};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::generated;

/// Write the test vectors for the Nix code
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    generated: generated::Mode,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue is not valid.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A question cannot be answered.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A cell has no canonical JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The file cannot be written, or is out of date.
    #[error(transparent)]
    Generated(#[from] generated::Error),
}

const SEED: u64 = 22;
/// So many cell files, and so many questions to each.
const WORLDS: usize = 40;
const QUESTIONS: usize = 30;
const NAMES: [&str; 6] = ["torch", "a", "b", "c", "d", "e"];
/// The last is none that a package has.
const EXTRAS: [&str; 3] = ["all", "fast", "none"];
const VERSIONS: [&str; 7] = ["1.0", "1.1", "1.2.1", "1.2.post1", "1.2", "1.3+cu128", "1.10"];
const SPECIFIERS: [&str; 16] = [
    ">=1.1",
    ">=1.2.post1",
    "<=1.2",
    "<1.2",
    "<1.2.post1",
    "<2",
    ">1.2",
    ">1.0",
    "==1.2",
    "==1.3",
    "==1.2.*",
    "!=1.1",
    "!=1.2.*",
    "~=1.1",
    "~=1.2.0",
    "==2.9.01",
];
const CAPABILITIES: [&str; 4] = ["7.0", "8.0", "8.6", "9.0"];
const GLIBCS: [(u16, u16); 5] = [(2, 3), (2, 17), (2, 28), (2, 34), (2, 39)];

/// Writes or compares them.
///
/// # Errors
/// When they cannot be made, or are out of date.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let text = format!("{}\n", serde_json::to_string(&vectors()?)?);
    args.generated.keep("vectors", "checks/unit/vectors.json", Some(&text))?;
    Ok(ExitCode::SUCCESS)
}

fn vectors() -> Result<Value, Error> {
    let mut rng = Rng::with_seed(SEED);
    let real = Catalogue::new(Folder::new("catalogue"));
    let catalogue = Catalogue::new(Known(Folder::new("catalogue")));
    let mut worlds = Vec::new();
    for _ in 0..WORLDS {
        let file = cells(&mut rng)?;
        let lookup = Lookup::with_cells(&catalogue, file.clone())?;
        let mut asked = Vec::new();
        for _ in 0..QUESTIONS {
            let request = question(&mut rng, &file);
            let answer = match lookup.answer(&request)? {
                Ok(plan) => json!({ "id": plan.id, "plan": canonical::sha256_hex(&plan)? }),
                Err(_) => json!({ "refusal": lookup.blocked(&request)? }),
            };
            asked.push(json!({ "request": for_nix(&request), "answer": answer }));
        }
        worlds.push(json!({ "cells": file, "asked": asked }));
    }
    Ok(json!({ "compilers": compilers(&real)?, "versions": versions(&mut rng), "worlds": worlds }))
}

/// The files of the catalogue, with packages of our own.
struct Known(Folder);

impl Files for Known {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        self.0.read(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let of_our_own = || NAMES.iter().map(|name| format!("{name}.toml")).collect();
        if folder == "packages" { Ok(of_our_own()) } else { self.0.list(folder) }
    }

    fn describe(&self, path: &str) -> String {
        self.0.describe(path)
    }
}

fn cells(rng: &mut Rng) -> Result<CellFile, Error> {
    let cuda =
        if rng.usize(..5) == 0 { CudaTarget::Cpu } else { CudaTarget::Release(CudaRelease::new(12, 8)) };
    let mut file = CellFile {
        system: System::X86_64Linux,
        python: PythonVersion::new(12),
        cuda,
        capabilities: capabilities(),
        order: Vec::new(),
        torch: BTreeMap::new(),
        absent: BTreeMap::new(),
    };
    for torch in ["2.9.1", "2.9.0", "2.8.0"] {
        if rng.usize(..5) == 0 {
            file.absent.insert(torch.to_owned(), absence(rng, torch));
            continue;
        }
        let mut cell = Cell::default();
        let there: Vec<&str> =
            NAMES.into_iter().filter(|name| *name == "torch" || rng.usize(..4) > 0).collect();
        for name in NAMES {
            if !there.contains(&name) {
                if rng.usize(..4) > 0 {
                    cell.absent.insert(name.to_owned(), absence(rng, "1.0").into());
                }
                continue;
            }
            let version = if name == "torch" {
                torch.to_owned()
            } else {
                rng.choice(VERSIONS).unwrap_or("1.0").to_owned()
            };
            let others = there.iter().filter(|other| **other != name && rng.usize(..4) == 0);
            let requires = others.map(|other| (*other).to_owned()).collect();
            let source = (rng.usize(..3) == 0).then(|| source(rng, name));
            let wheel = (source.is_none() || rng.usize(..3) > 0).then(|| wheel(rng, name, cuda));
            let package = CellPackage {
                version,
                wheel,
                source,
                requires,
                compiles: None,
                gpu: rng.bool(),
                cpu_only: false,
            };
            cell.packages.insert(name.to_owned(), package.into());
        }
        for name in &there {
            if rng.bool() {
                let extras = extras(rng, &cell);
                cell.extras.insert((*name).to_owned(), extras.into());
            }
        }
        file.order.push(torch.to_owned());
        file.torch.insert(torch.to_owned(), cell.seal()?);
    }
    Ok(file)
}

/// Extras that require packages, of which the cell may lack some, and for which others may not do.
fn extras(rng: &mut Rng, cell: &Cell) -> Extras {
    let mut extras = Extras::new();
    for name in EXTRAS.into_iter().filter(|name| *name != "none") {
        if rng.usize(..3) == 0 {
            continue;
        }
        let requires: BTreeSet<_> = (0..rng.usize(..3)).filter_map(|_| rng.choice(NAMES)).collect();
        let mut blockers = Vec::new();
        if rng.usize(..4) == 0
            && let Some((package, held)) = rng.choice(cell.packages.iter())
        {
            let why = Cause::Outside { requirement: format!("{package}>=2"), by: Some(format!("x[{name}]")) };
            blockers.push(ExtraBlocker { package: package.clone(), version: held.version.clone(), why });
        }
        let requires = requires.into_iter().map(str::to_owned).collect();
        extras.insert(name.to_owned(), Extra { requires, blockers });
    }
    extras
}

fn capabilities() -> Vec<ComputeCapability> {
    CAPABILITIES.iter().filter_map(|text| text.parse().ok()).collect()
}

fn some<T: Clone>(rng: &mut Rng, all: &[T], one_in: usize) -> Vec<T> {
    all.iter().filter(|_| rng.usize(..one_in) > 0).cloned().collect()
}

fn absence(rng: &mut Rng, version: &str) -> Absence {
    let why = match rng.usize(..4) {
        0 => Cause::NoWheel,
        1 => Cause::Torch { versions: "2.7".to_owned() },
        2 => Cause::Cuda { releases: Vec::new() },
        _ => Cause::NotInSet,
    };
    Absence { version: rng.bool().then(|| version.to_owned()), why }
}

fn wheel(rng: &mut Rng, name: &str, cuda: CudaTarget) -> CellWheel {
    let provenance = [Provenance::Audited, Provenance::Audited, Provenance::Sibling, Provenance::Declared];
    let code = |text: &str| text.parse::<Code>().ok();
    let all = capabilities();
    CellWheel {
        filename: format!("{name}-1.0-py3-none-any.whl"),
        sha256: Sha256::of(&rng.u64(..).to_be_bytes()),
        size: None,
        provenance: rng.choice(provenance).unwrap_or(Provenance::Audited),
        publisher: (rng.usize(..4) == 0).then(|| "builder".to_owned()),
        device_code_in: None,
        glibc: rng.choice(GLIBCS).filter(|_| rng.bool()).map(|(major, minor)| Glibc::new(major, minor)),
        covers: if cuda == CudaTarget::Cpu || rng.bool() { all } else { some(rng, &all, 3) },
        sass: ["sm_70", "sm_80", "sm_90a"].into_iter().filter_map(code).filter(|_| rng.bool()).collect(),
        ptx: ["compute_90"].into_iter().filter_map(code).filter(|_| rng.bool()).collect(),
        unknown_glibc: false,
        by_ptx: Vec::new(),
        without: Vec::new(),
    }
}

fn source(rng: &mut Rng, name: &str) -> CellSource {
    CellSource {
        filename: format!("{name}-1.0.tar.gz"),
        sha256: Sha256::of(&rng.u64(..).to_be_bytes()),
        size: None,
        capabilities: some(rng, &capabilities(), 4),
        links: Vec::new(),
        frozen: BTreeMap::new(),
        memory_per_job: None,
        minutes: rng.bool().then(|| rng.u64(1..200)),
    }
}

fn question(rng: &mut Rng, file: &CellFile) -> Request {
    let mut packages = BTreeMap::new();
    for _ in 0..=rng.usize(..3) {
        let extras = if rng.usize(..3) == 0 { some(rng, &EXTRAS, 2) } else { Vec::new() };
        let extras = extras.iter().filter_map(|extra| extra.parse().ok()).collect();
        let count = if rng.usize(..3) == 0 { rng.usize(1..3) } else { 0 };
        let specifiers = (0..count).filter_map(|_| rng.choice(SPECIFIERS)?.parse().ok()).collect();
        let asked = Asked { extras, specifiers };
        packages.insert(rng.choice(NAMES).unwrap_or("a").to_owned(), asked);
    }
    let mut compute_capabilities: BTreeSet<_> = some(rng, &file.capabilities, 3).into_iter().collect();
    if compute_capabilities.is_empty() {
        compute_capabilities.extend(file.capabilities.last().copied());
    }
    let compilers = [None, None, Some(HostCompiler::Gcc(13)), Some(HostCompiler::Clang(17))];
    let torches = [
        None,
        None,
        Some("2.9"),
        Some("2.9.0"),
        Some("2.8"),
        Some("2.1"),
        Some("2.9.0+cu128"),
        Some("2.8.0+cpu"),
        Some("2.9+cu128"),
    ];
    let (major, minor) = rng.choice(GLIBCS).unwrap_or((2, 28));
    let only_audited = if rng.usize(..4) == 0 { Which::All } else { Which::default() };
    Request {
        packages,
        system: file.system,
        python: file.python,
        cuda: file.cuda,
        compute_capabilities: if file.cuda == CudaTarget::Cpu {
            BTreeSet::new()
        } else {
            compute_capabilities
        },
        compiler: rng.choice(compilers).flatten(),
        driver: None,
        driver_ptx: None,
        allowed: BTreeSet::new(),
        torch: rng.choice(torches).flatten().map(str::to_owned),
        glibc: Some(Glibc::new(major, minor)),
        preferences: Preferences {
            all: rng.choice([Prefer::Wheel, Prefer::Newest, Prefer::Source]).unwrap_or_default(),
            only_audited,
            publishers: if rng.usize(..4) == 0 { Which::default() } else { Which::All },
            ..Preferences::default()
        },
    }
}

/// A request as the functions of `overlays/concretise` take it.
fn for_nix(request: &Request) -> Value {
    json!({
        "names": request.packages.keys().collect::<Vec<_>>(),
        "extras": request
            .packages
            .iter()
            .filter(|(_, asked)| !asked.extras.is_empty())
            .map(|(name, asked)| (name, asked.extras.iter().map(ToString::to_string).collect::<Vec<_>>()))
            .collect::<BTreeMap<_, _>>(),
        "specifiers": request
            .packages
            .iter()
            .filter(|(_, asked)| !asked.specifiers.is_empty())
            .map(|(name, asked)| (name, compact(&asked.specifiers)))
            .collect::<BTreeMap<_, _>>(),
        "capabilities": request.compute_capabilities,
        "compiler": request.compiler.map(|compiler| match compiler {
            HostCompiler::Gcc(major) => json!({ "kind": "gcc", "major": major, "name": compiler.id() }),
            HostCompiler::Clang(major) => json!({ "kind": "clang", "major": major, "name": compiler.id() }),
        }),
        "torch": request.torch,
        "glibc": request.glibc,
        "prefer": request.preferences.all.to_string(),
        "onlyAudited": !request.preferences.only_audited.is_empty(),
        "publishers": match &request.preferences.publishers {
            Which::All => None,
            Which::Named(names) => Some(names),
        },
    })
}

/// Of each CUDA release and compiler the rule that it breaks: `{cuda: {gcc: [null, "AX202", …], clang: […]}}`, by major from 1
/// on.
fn compilers(catalogue: &Catalogue) -> Result<Value, Error> {
    const NEWEST: u16 = 30;
    let (known, toolkits) = (catalogue.compilers()?, catalogue.toolkits()?);
    let mut all = serde_json::Map::new();
    for release in toolkits.iter().flat_map(|toolkits| &toolkits.releases) {
        let cuda = release.cuda.to_string();
        let rules = |with: fn(u16) -> HostCompiler| -> Vec<_> {
            let objection = |major| known.objection(System::X86_64Linux, &cuda, with(major));
            (1..NEWEST).map(|major| objection(major).and_then(|objection| objection.rule)).collect()
        };
        let of_cuda = json!({ "gcc": rules(HostCompiler::Gcc), "clang": rules(HostCompiler::Clang) });
        if known.of(System::X86_64Linux, &cuda).is_some() {
            all.insert(cuda, of_cuda);
        }
    }
    Ok(all.into())
}

/// Two versions of plain numbers and how they compare (PEP 440): `[one, other, -1 | 0 | 1]`.
fn versions(rng: &mut Rng) -> Vec<Value> {
    let version = |rng: &mut Rng| {
        let numbers: Vec<String> =
            (0..=rng.usize(..4)).map(|_| rng.choice([0, 1, 2, 9, 10, 28]).unwrap_or(0).to_string()).collect();
        numbers.join(".")
    };
    let mut all = Vec::new();
    for _ in 0..1000 {
        let (one, other) = (version(rng), version(rng));
        let (Ok(left), Ok(right)) = (one.parse::<pep440_rs::Version>(), other.parse()) else { continue };
        all.push(json!([one, other, left.cmp(&right) as i8]));
    }
    all
}
