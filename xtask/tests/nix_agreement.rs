//! The two lookups agree: over every cell, Rust and Nix answer requests with the same plan and id, or both refuse.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axle_catalogue::{Catalogue, Cause, CauseKind, CellFile, Folder};
use axle_plan::{Asked, Lookup, LookupError, Plan, Prefer, Preferences, RefusalReason, Request, Which};
use axle_provision::nix;
use axle_solve::CatalogueSolver;
use axle_types::{ComputeCapability, CudaTarget, Glibc, HostCompiler};
use rayon::prelude::*;
use serde_json::{Value, json};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every cell file of the catalogue.
fn cell_files() -> Vec<CellFile> {
    let folder = Folder::new(root().join("catalogue"));
    let paths = folder.files_under(&["cells"]).unwrap();
    let read = |path: &String| fs_err::read(root().join("catalogue").join(path)).unwrap();
    paths.iter().map(|path| serde_json::from_slice(&read(path)).unwrap()).collect()
}

/// What is asked of a cell file: each capability of each torch, pairs of them, and what is refused or seldom asked.
fn requests(file: &CellFile) -> Vec<Request> {
    let plain = Request {
        packages: asked(&["torch"]),
        system: file.system,
        python: file.python,
        cuda: file.cuda,
        compute_capabilities: BTreeSet::new(),
        compiler: None,
        driver: None,
        driver_ptx: None,
        allowed: BTreeSet::new(),
        torch: None,
        // A package set's glibc is no limit that somebody gave: a wheel passes whose own is not known.
        glibc: None,
        preferences: Preferences::default(),
    };
    // Without CUDA there are no capabilities to ask for.
    let known: &[ComputeCapability] = if file.cuda == CudaTarget::Cpu { &[] } else { &file.capabilities };
    let mut requests = if known.is_empty() { vec![plain.clone()] } else { Vec::new() };
    for capabilities in known.chunks(2) {
        requests
            .push(Request { compute_capabilities: capabilities.iter().copied().collect(), ..plain.clone() });
    }
    for torch in &file.order {
        requests.extend(known.iter().map(|&capability| Request {
            compute_capabilities: [capability].into(),
            torch: Some(torch.clone()),
            ..plain.clone()
        }));
    }

    let newest = file.order.first().and_then(|torch| file.torch.get(torch));
    let torch = newest.and_then(|cell| cell.packages.get("torch"));
    let covered = torch.and_then(|torch| torch.wheel.as_ref()).map(|wheel| &wheel.covers);
    let covered = covered.into_iter().flatten().copied().filter(|_| file.cuda != CudaTarget::Cpu);
    let served = Request { compute_capabilities: covered.collect(), ..plain.clone() };
    let torch = |version: &str| Some(version.to_owned());
    requests.extend([
        Request { packages: asked(&["triton", "jinja2"]), ..served.clone() },
        Request { packages: asked(&["sympy"]), ..served.clone() },
        Request { packages: asked(&["no-such-package"]), ..served.clone() },
        Request { compiler: Some(HostCompiler::Gcc(13)), ..served.clone() },
        Request { compiler: Some(HostCompiler::Clang(17)), ..served.clone() },
        Request { torch: torch("2"), ..served.clone() },
        Request { torch: torch("2.1"), ..served.clone() },
        Request { torch: torch("9.9"), ..served.clone() },
        Request { torch: file.absent.keys().next().cloned(), ..served.clone() },
        Request { packages: asked(&["flash-attn"]), ..served.clone() },
        Request { packages: asked(&["flash-attn"]), compiler: Some(HostCompiler::Gcc(13)), ..served.clone() },
        Request {
            packages: asked(&["flash-attn", "xformers"]),
            compiler: Some(HostCompiler::Clang(17)),
            ..served.clone()
        },
        Request {
            packages: asked(&["flash-attn"]),
            compiler: Some(HostCompiler::Gcc(13)),
            preferences: prefer(Prefer::Source),
            ..served.clone()
        },
        Request {
            packages: asked(&["flash-attn"]),
            compiler: Some(HostCompiler::Gcc(13)),
            preferences: prefer(Prefer::Newest),
            ..served.clone()
        },
        Request { packages: asked(&["flash-attn"]), preferences: only_audited(), ..served.clone() },
        Request { packages: asked(&["flash-attn"]), preferences: only_projects(), ..served.clone() },
        Request { glibc: Some(Glibc::new(2, 27)), ..served.clone() },
        Request { glibc: Some(Glibc::new(2, 5)), ..served },
        // GPUs without CUDA, and CUDA without a GPU.
        Request {
            cuda: CudaTarget::Cpu,
            compute_capabilities: file.capabilities.iter().copied().take(1).collect(),
            ..plain.clone()
        },
        plain.clone(),
    ]);
    requests
}

fn prefer(all: Prefer) -> Preferences {
    Preferences { all, ..Preferences::default() }
}

fn only_audited() -> Preferences {
    Preferences { only_audited: Which::All, ..Preferences::default() }
}

fn only_projects() -> Preferences {
    Preferences { publishers: Which::default(), ..Preferences::default() }
}

/// Packages by name, of whatever version and without extras.
fn asked(names: &[&str]) -> BTreeMap<String, Asked> {
    names.iter().map(|&name| (name.to_owned(), Asked::default())).collect()
}

/// A request as `checks/plans.nix` reads it.
fn for_nix(request: &Request) -> Value {
    json!({
        "packages": request.packages.keys().collect::<Vec<_>>(),
        "python": request.python,
        "cuda": (request.cuda != CudaTarget::Cpu).then_some(request.cuda),
        "compute_capabilities": request.compute_capabilities,
        "compiler": request.compiler.map(HostCompiler::id),
        "torch": request.torch,
        "glibc": request.newest_glibc().to_string(),
        "prefer": request.preferences.all.to_string(),
        "only_audited": !request.preferences.only_audited.is_empty(),
        "publishers": match &request.preferences.publishers {
            Which::All => None,
            Which::Named(names) => Some(names),
        },
    })
}

fn answers_of_rust(requests: &[Request]) -> Vec<Value> {
    let catalogue = Catalogue::new(Folder::new(root().join("catalogue")));
    // Requests of one file stand together, which is read once.
    let answers = |requests: &[Request]| -> Vec<Value> {
        let solver = CatalogueSolver::default();
        let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
        requests.iter().map(|request| answer(&lookup, request)).collect()
    };
    requests.par_chunks(100).flat_map_iter(answers).collect()
}

fn answer(lookup: &Lookup<'_>, request: &Request) -> Value {
    // What is no question, and what CUDA does not take, Nix refuses with an error.
    let is_error = |reason: &RefusalReason| match &reason.cause {
        Cause::NotInCatalogue { .. } | Cause::NoCuda { .. } => true,
        Cause::Rule { .. } => matches!(reason.kind, CauseKind::Compiler | CauseKind::Unknown),
        _ => false,
    };
    match lookup.answer(request) {
        // What should be known of a plan before it is used Nix does not tell.
        Ok(Ok(plan)) => json!({ "id": plan.id, "plan": Plan { warnings: Vec::new(), ..plan } }),
        Ok(Err(refusal)) if refusal.reasons.iter().all(is_error) => Value::Null,
        Ok(Err(_)) => json!({ "refusal": lookup.blocked(request).unwrap() }),
        Err(LookupError::CapabilitiesWithoutCuda | LookupError::NoCapability(_)) => Value::Null,
        Err(error) => panic!("{error}"),
    }
}

fn answers_of_nix(requests: &[Request]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.json");
    let document: Vec<_> = requests.iter().map(for_nix).collect();
    fs_err::write(&file, serde_json::to_vec(&document).unwrap()).unwrap();
    let output = nix::ensure()
        .unwrap()
        .command("nix")
        .current_dir(root())
        // A pure evaluation could not read the requests.
        .args(["eval", "--json", "--impure", ".#legacyPackages.x86_64-linux.plans"])
        .args(["--no-write-lock-file", "--override-input", "nixpkgs", "path:./checks/host"])
        .arg("--apply")
        .arg(format!("plans: plans (builtins.fromJSON (builtins.readFile {}))", json!(file)))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn rust_and_nix_give_the_same_plans() {
    let requests: Vec<_> = cell_files().iter().flat_map(requests).collect();
    let nix = answers_of_nix(&requests);
    let rust = answers_of_rust(&requests);
    assert_eq!(rust.len(), nix.len());
    for ((request, rust), nix) in requests.iter().zip(&rust).zip(&nix) {
        assert_eq!(rust, nix, "{}", for_nix(request));
    }
    // All kinds of answers were among them, or nothing was compared.
    assert!(rust.iter().any(Value::is_null));
    assert!(rust.iter().any(|answer| answer.get("plan").is_some()));
    assert!(rust.iter().any(|answer| answer.get("refusal").is_some()));
}
