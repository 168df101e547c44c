//! Requests on small catalogues: what the cells answer, and what a lock does.
#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

mod lock;
mod lookup;

use std::collections::{BTreeMap, BTreeSet};

use axle_plan::{Asked, Lookup, Preferences, Request, Which};
use axle_solve::{Locker, Locking, Solved};
use axle_testing::{Wheel, World, device_library};
use axle_types::{CudaTarget, HostCompiler, PythonVersion, Requirement, System};
use proptest::prelude::*;

const TORCH: &str = "cuda-match = \"minor\"\ncuda-from = [\"runtime\"]";

fn torch(version: &str, python: &str, cuda: &str, codes: &str) -> Wheel {
    Wheel::new(&format!("torch-{version}-{python}-{python}-manylinux_2_28_x86_64.whl"))
        .requires(&[&format!("runtime=={cuda}.90"), "numpy>=1.26", "triton"])
        .cuda(&[cuda])
        .audited(|facts| facts.glibc = Some("2.28".into()))
        .elf(device_library("torch/lib/libtorch_cuda.so", codes))
}

/// Two Pythons; torch 2.9 for CUDA 12.8, 2.7.1 with older code for 12.6; an extension with less code and a newer
/// glibc than torch.
fn world() -> World {
    World::new(&["torch", "extension", "app", "old", "numpy"])
        .package("torch", TORCH)
        .package("runtime", "")
        .package("uncelled", "")
        .wheel(torch("2.9.1", "cp312", "12.8", "sm_70 sm_80 sm_90"))
        .wheel(torch("2.9.0", "cp312", "12.8", "sm_70 sm_80 sm_90"))
        .wheel(torch("2.10.0", "cp312", "12.8", "sm_80 sm_90"))
        .wheel(torch("2.90.0", "cp312", "12.8", "sm_90"))
        .wheel(torch("2.9.1", "cp311", "12.8", "sm_70 sm_80 sm_90"))
        .wheel(torch("2.7.1", "cp312", "12.6", "sm_61 sm_70 sm_80 sm_90"))
        .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::any("runtime", "12.6.90").cuda(&["12.6"]))
        .wheel(Wheel::any("triton", "3.5.1"))
        .wheel(Wheel::any("numpy", "2.3").requires(&["mpmath"]))
        .wheel(Wheel::any("mpmath", "1.3"))
        .wheel(
            Wheel::new("extension-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
                .requires(&["torch"])
                .audited(|facts| facts.glibc = Some("2.34".into()))
                .elf(device_library("extension/a.so", "sm_80 compute_80")),
        )
        .wheel(Wheel::any("app", "1.0").requires(&["extension"]))
        .wheel(Wheel::any("old", "1.0").requires(&["numpy<2"]))
}

/// A request as the command line spells it; `command` writes such lines.
fn request(line: &str) -> Request {
    let mut request = Request {
        packages: BTreeMap::new(),
        system: System::X86_64Linux,
        python: PythonVersion::new(12),
        cuda: CudaTarget::Cpu,
        compute_capabilities: BTreeSet::new(),
        compiler: None,
        driver: None,
        driver_ptx: None,
        allowed: BTreeSet::new(),
        torch: None,
        glibc: None,
        preferences: Preferences::default(),
    };
    let which = |which: &mut Which, value: Option<&str>| match (value, which) {
        (None, which) => *which = Which::All,
        (Some(name), Which::Named(names)) => drop(names.insert(name.to_owned())),
        (Some(_), Which::All) => {}
    };
    let mut packages = Vec::new();
    let mut words = line.strip_prefix("axle concretise ").unwrap_or(line).split(' ');
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        let (word, given) = match word.split_once('=') {
            Some((option, given)) if option.starts_with("--") => (option, Some(given)),
            _ => (word, None),
        };
        match word {
            "--only-wheels" => which(&mut request.preferences.only_wheels, given),
            "--publisher" => request.preferences.publishers = Which::publishers(&[value().to_owned()]),
            "--only-audited" => which(&mut request.preferences.only_audited, given),
            "--prefer" => {
                let value = value();
                match value.split_once('=') {
                    Some((name, prefer)) => {
                        request.preferences.packages.insert(name.to_owned(), prefer.parse().unwrap());
                    }
                    None => request.preferences.all = value.parse().unwrap(),
                }
            }
            "--python" => request.python = value().parse().unwrap(),
            "--cpu" => request.cuda = CudaTarget::Cpu,
            "--cuda" => request.cuda = value().parse().unwrap(),
            "--cc" => drop(request.compute_capabilities.insert(value().parse().unwrap())),
            "--gcc" => request.compiler = Some(HostCompiler::Gcc(value().parse().unwrap())),
            "--clang" => request.compiler = Some(HostCompiler::Clang(value().parse().unwrap())),
            "--driver" => request.driver = Some(value().parse().unwrap()),
            "--allow" => drop(request.allowed.insert(value().parse().unwrap())),
            "--torch" => request.torch = Some(value().to_owned()),
            "--system" => request.system = value().parse().unwrap(),
            "--glibc" => request.glibc = Some(value().parse().unwrap()),
            "" => {}
            package => packages.push(package.trim_matches('\'').parse::<Requirement>().unwrap()),
        }
    }
    for package in packages {
        assert!(request.ask(&package).unwrap());
    }
    request
}

/// A request as the command line spells it.
fn locking(line: &str) -> Locking {
    let line = line.strip_prefix("axle lock ").unwrap_or(line);
    let line = line.strip_suffix(" -o axle.lock.json").unwrap_or(line);
    let mut pins = BTreeMap::new();
    let mut words = Vec::new();
    let mut rest = line.split(' ');
    while let Some(word) = rest.next() {
        if word == "--pin" {
            pins.extend([axle_solve::pin(rest.next().unwrap()).unwrap()]);
        } else {
            words.push(word);
        }
    }
    Locking { request: request(&words.join(" ")), pins, held: BTreeMap::new() }
}

fn solve(world: &World, locking: &Locking) -> Solved {
    let (catalogue, inventory) = (world.catalogue(), world.inventory());
    let lookup = Lookup::new(&catalogue).unwrap();
    Locker { lookup: &lookup, inventory: &inventory }.lock(locking).unwrap()
}

fn requests() -> impl Strategy<Value = Request> {
    let packages =
        ["torch", "extension", "app", "old", "numpy", "triton", "mpmath", "runtime", "uncelled", "attention"];
    let packages = prop::sample::subsequence(packages.to_vec(), 1..4);
    let capabilities = prop::sample::subsequence(vec!["6.1", "7.0", "8.0", "8.6", "9.0"], 1..4);
    let cuda = prop::sample::select(vec!["12.6", "12.8", "13.0", "12.9", "cpu"]);
    let torch = prop::option::of(prop::sample::select(vec!["2.9", "2.10.0", "2.7", "1.13"]));
    let glibc = prop::sample::select(vec!["2.17", "2.31", "2.35"]);
    let compiler = prop::sample::select(vec!["", "--gcc 13", "--clang 17"]);
    let prefer = prop::sample::select(vec![
        "",
        "--prefer newest",
        "--prefer source",
        "--prefer extension=source",
        "--prefer attention=newest",
    ]);
    let only = prop::sample::select(vec!["", "", "--only-wheels", "--only-wheels=extension"]);
    let options =
        (compiler, prefer, only).prop_map(|(compiler, prefer, only)| format!("{compiler} {prefer} {only}"));
    (packages, capabilities, cuda, 10..=12_u8, torch, glibc, options).prop_map(
        |(packages, capabilities, cuda, python, torch, glibc, options)| Request {
            packages: packages.into_iter().map(|name| (name.to_owned(), Asked::default())).collect(),
            compute_capabilities: capabilities
                .into_iter()
                .filter(|_| cuda != "cpu")
                .map(|one| one.parse().unwrap())
                .collect(),
            cuda: cuda.parse().unwrap(),
            python: PythonVersion::new(python),
            torch: torch.map(str::to_owned),
            glibc: Some(glibc.parse().unwrap()),
            ..request(&options)
        },
    )
}
