//! One judge: commands that are asked about the same wheel and the same target say the same.
//!
//! Wheels of the repository's catalogue and targets are drawn at random, and each command's own way to its answer is
//! gone: `audit` (coverage by the package's policy), `check` and `doctor` (what `toolkits.json` holds of the wheel),
//! `catalogue show` (the summary), `concretise` (the set), `lock` (solving it anew) and the page.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use axle_audit::{coverage, wheel_cuda};
use axle_catalogue::{Catalogue, Cause, CellPackage, CellWheel, Folder, Inventory};
use axle_plan::{Asked, Lookup, Preferences, Request, Which};
use axle_rules::{Rule, Severity};
use axle_solve::{Candidates, Listed, Locker, Locking, Solved, VersionList};
use axle_toolkit::Source;
use axle_types::{ComputeCapability, CudaTarget, Glibc, PythonVersion, System, Version, WheelCuda};
use axle_web::{Question, answers};
use fastrand::Rng;
use serde_json::json;

const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue");
/// So many sets, and so many wheels of each, each for one GPU and one glibc.
const SETS: usize = 24;
const WHEELS: usize = 12;
/// Solving takes a second: of so many wheels one is locked.
const LOCKED_OF: usize = 6;

/// A wheel of a set, and a machine.
struct Case<'a> {
    system: System,
    python: PythonVersion,
    cuda: CudaTarget,
    torch: &'a str,
    name: &'a str,
    package: &'a CellPackage,
    wheel: &'a CellWheel,
    gpu: ComputeCapability,
    glibc: Glibc,
}

/// What a command says of the wheel: whether it runs on the GPU, and whether the machine's glibc will do.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Verdict {
    covers: bool,
    loads: bool,
}

#[test]
fn commands_agree_about_a_wheel_and_a_target() {
    let catalogue = Catalogue::new(Folder::new(CATALOGUE));
    let inventory = Inventory::read(&catalogue).unwrap();
    let lookup = Lookup::new(&catalogue).unwrap();
    let mut rng = Rng::with_seed(7);
    let targets: Vec<_> = inventory.matrix.targets().filter(|(.., cuda)| *cuda != CudaTarget::Cpu).collect();
    let mut judged: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for _ in 0..SETS {
        let (system, python, cuda) = rng.choice(targets.iter().copied()).unwrap();
        let Some(file) = catalogue.cells(system, python, cuda).unwrap() else { continue };
        let Some((torch, cell)) = rng.choice(file.torch.iter()) else { continue };
        let candidates = Candidates::new(&inventory, system, python).unwrap();
        let of_gpus: Vec<_> = cell.packages.iter().filter(|(_, package)| package.gpu).collect();
        for index in 0..WHEELS {
            let Some((name, package)) = rng.choice(of_gpus.iter()) else { continue };
            let Some(wheel) = &package.wheel else { continue };
            let case = Case {
                system,
                python,
                cuda,
                torch,
                name,
                package,
                wheel,
                gpu: rng.choice(file.capabilities.iter().copied()).unwrap(),
                glibc: Glibc::new(2, rng.u16(12..36)),
            };
            let said = [
                ("concretise", Some(by_set(&lookup, &case))),
                ("audit", by_audit(&inventory, &case)),
                ("check", by_rules(&inventory, &case)),
                ("check of a list", by_list(&inventory, &case)),
                ("catalogue show", by_summary(&inventory, &candidates, &case)),
                ("lock", (index % LOCKED_OF == 0).then(|| by_lock(&lookup, &inventory, &case)).flatten()),
                ("the page", by_page(&catalogue, &lookup, &case)),
            ];
            let expected = Verdict {
                covers: wheel.covers.contains(&case.gpu),
                loads: wheel.glibc.is_none_or(|needs| needs <= case.glibc),
            };
            for (command, verdict) in said {
                let Some(verdict) = verdict else { continue };
                assert_eq!(
                    verdict, expected,
                    "{command} of {} for {} with glibc {} on {system}, Python {python}, CUDA {cuda}",
                    wheel.filename, case.gpu, case.glibc
                );
                let counts = judged.entry(command).or_default();
                counts[usize::from(verdict.covers) * 2 + usize::from(verdict.loads)] += 1;
            }
        }
    }
    // Each was asked, and said yes and no, or nothing was compared.
    assert_eq!(judged.len(), 7, "{judged:?}");
    for (command, [neither, loads, covers, both]) in judged {
        let no_is_said = neither + loads + covers > 5 || command == "lock";
        assert!(no_is_said && both > 5, "{command}: {neither} {loads} {covers} {both}");
    }
}

fn request(case: &Case<'_>) -> Request {
    Request {
        packages: BTreeMap::from([(case.name.to_owned(), Asked::default())]),
        system: case.system,
        python: case.python,
        cuda: case.cuda,
        compute_capabilities: BTreeSet::from([case.gpu]),
        compiler: None,
        driver: None,
        driver_ptx: None,
        allowed: BTreeSet::new(),
        torch: Some(case.torch.to_owned()),
        glibc: Some(case.glibc),
        preferences: Preferences { only_wheels: Which::All, ..Preferences::default() },
    }
}

/// What causes of a refusal say of the wheel; without one it serves.
fn of_causes<'c>(name: &str, causes: impl Iterator<Item = (&'c str, &'c Cause)>) -> Verdict {
    let mut verdict = Verdict { covers: true, loads: true };
    for (_, cause) in causes.filter(|(package, _)| *package == name) {
        match cause {
            Cause::Uncovered { .. } => verdict.covers = false,
            Cause::Glibc { .. } => verdict.loads = false,
            _ => {}
        }
    }
    verdict
}

fn by_set(lookup: &Lookup<'_>, case: &Case<'_>) -> Verdict {
    let request = request(case);
    let blocked = lookup.blocked(&request).unwrap();
    let blockers: Vec<_> = blocked.iter().flat_map(|one| &one.blockers).collect();
    // An answer and no blocker are the same.
    assert_eq!(lookup.answer(&request).unwrap().is_ok(), blockers.is_empty());
    of_causes(case.name, blockers.iter().map(|one| (one.package.as_str(), &one.why)))
}

fn by_audit(inventory: &Inventory, case: &Case<'_>) -> Option<Verdict> {
    let artefacts = &inventory.artefacts[case.name].artefacts;
    let artefact = artefacts.iter().find(|one| one.sha256 == case.wheel.sha256)?;
    let facts = &artefact.audit.as_ref()?.facts;
    let policy = inventory.packages[case.name].policy_for(facts, case.cuda);
    let needs: Option<Glibc> = facts.glibc.as_deref().and_then(Glibc::of_symbol_version);
    Some(Verdict {
        covers: coverage(facts, &policy, case.gpu).covered == Some(true),
        loads: needs.is_none_or(|needs| needs <= case.glibc),
    })
}

/// `toolkits.json` holds some of the wheels, without the policies that depend on the target.
fn by_rules(inventory: &Inventory, case: &Case<'_>) -> Option<Verdict> {
    let package = inventory.toolkits.as_ref()?.packages.iter().find(|package| {
        let named = (package.name.as_str(), package.version.as_str(), package.system);
        named == (case.name, case.package.version.as_str(), case.system)
            && matches!(&package.source, Source::File { filename, .. } if *filename == case.wheel.filename)
    })?;
    let artefacts = &inventory.artefacts[case.name].artefacts;
    let facts = &artefacts.iter().find(|one| one.sha256 == case.wheel.sha256)?.audit.as_ref()?.facts;
    // Names of NVIDIA's packages say it since CUDA 13 no more; their listing does.
    let same_major = |one: Option<WheelCuda>| one.and_then(WheelCuda::major);
    if let (Some(audited), Some(listed)) = (same_major(wheel_cuda(facts)), same_major(package.cuda)) {
        assert_eq!(audited, listed, "{}", case.wheel.filename);
    }
    // Of code that cannot be judged, and of what is done without, the rules say nothing.
    if package.lacks(case.gpu).is_none() && !package.covers(case.gpu) {
        return None;
    }
    Some(Verdict {
        covers: package.lacks(case.gpu).is_none(),
        loads: package.glibc.is_none_or(|needs| needs <= case.glibc),
    })
}

/// A list of this version and the torch of its set, in which nothing else is wrong.
///
/// Nothing where the version has several builds: a list takes the one that serves, a set the one that was read.
fn by_list(inventory: &Inventory, case: &Case<'_>) -> Option<Verdict> {
    let public = |version: &str| version.split('+').next().map(str::to_owned);
    let builds: BTreeSet<&str> = inventory.artefacts[case.name]
        .artefacts
        .iter()
        .filter_map(|one| one.filename.split('-').nth(1))
        .filter(|version| public(version) == public(&case.package.version))
        .collect();
    if builds.len() > 1 && case.name != "torch" {
        return None;
    }
    let listed = |text: &str| Listed { version: text.parse().unwrap(), extras: Vec::new() };
    let versions = [("torch", case.torch), (case.name, case.package.version.as_str())];
    let list = VersionList {
        system: case.system,
        python: case.python,
        cuda: case.cuda,
        compute_capabilities: BTreeSet::from([case.gpu]),
        driver: None,
        glibc: Some(case.glibc),
        versions: versions.into_iter().map(|(name, version)| (name.to_owned(), listed(version))).collect(),
        is_complete: false,
    };
    let toolkits = inventory.toolkits.as_ref().unwrap();
    // As a version is shown: its local part in small letters.
    let subject = format!("{} {}", case.name, listed(&case.package.version).version);
    let mut verdict = Verdict { covers: true, loads: true };
    let errors = list.judge(inventory, toolkits).unwrap().into_iter();
    for error in errors.filter(|verdict| verdict.severity == Severity::Error) {
        let is_of_wheel = error.message.contains(&subject);
        match error.rule {
            Rule::PackageWithoutCode if is_of_wheel => verdict.covers = false,
            Rule::GlibcTooOld if is_of_wheel => verdict.loads = false,
            Rule::PackageWithoutCode | Rule::GlibcTooOld => {}
            _ => panic!(
                "{} of {}, Python {}, CUDA {}, torch {}, glibc {}: {}",
                error.rule,
                case.wheel.filename,
                case.python,
                case.cuda,
                case.torch,
                case.glibc,
                error.message
            ),
        }
    }
    Some(verdict)
}

/// What a set holds works together: as a list of versions nothing is wrong with it, for a GPU that all of it covers.
#[test]
fn a_set_is_a_list_without_a_fault() {
    let catalogue = Catalogue::new(Folder::new(CATALOGUE));
    let inventory = Inventory::read(&catalogue).unwrap();
    let toolkits = inventory.toolkits.as_ref().unwrap();
    let lookup = Lookup::new(&catalogue).unwrap();
    let mut rng = Rng::with_seed(11);
    let targets: Vec<_> = inventory.matrix.targets().filter(|(.., cuda)| *cuda != CudaTarget::Cpu).collect();
    let mut judged = 0;
    for _ in 0..SETS {
        let (system, python, cuda) = rng.choice(targets.iter().copied()).unwrap();
        let Some(file) = catalogue.cells(system, python, cuda).unwrap() else { continue };
        let Some((torch, cell)) = rng.choice(file.torch.iter()) else { continue };
        let gpu = ComputeCapability::new(8, 6);
        let wheels: Vec<&String> =
            cell.packages.iter().filter(|(_, one)| one.wheel.is_some()).map(|(name, _)| name).collect();
        for _ in 0..WHEELS {
            let name = rng.choice(wheels.iter()).unwrap();
            let request = Request {
                packages: BTreeMap::from([((*name).clone(), Asked::default())]),
                system,
                python,
                cuda,
                compute_capabilities: BTreeSet::from([gpu]),
                compiler: None,
                driver: None,
                allowed: BTreeSet::new(),
                torch: Some(torch.clone()),
                glibc: Some(Glibc::new(2, 39)),
                driver_ptx: None,
                preferences: Preferences { only_wheels: Which::All, ..Preferences::default() },
            };
            let Ok(plan) = lookup.answer(&request).unwrap() else { continue };
            let versions = plan.packages.iter().map(|(name, package)| {
                let version = package.version.parse().unwrap();
                (name.clone(), Listed { version, extras: Vec::new() })
            });
            let list = VersionList {
                system,
                python,
                cuda,
                compute_capabilities: BTreeSet::from([gpu]),
                driver: None,
                glibc: Some(Glibc::new(2, 39)),
                versions: versions.collect(),
                is_complete: false,
            };
            let errors: Vec<_> = list.judge(&inventory, toolkits).unwrap();
            let errors: Vec<_> = errors.iter().filter(|one| one.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{name}, Python {python}, CUDA {cuda}, torch {torch}: {errors:#?}");
            judged += 1;
        }
    }
    assert!(judged > SETS, "{judged}");
}

fn by_summary(inventory: &Inventory, candidates: &Candidates<'_>, case: &Case<'_>) -> Option<Verdict> {
    let version: Version = case.package.version.parse().unwrap();
    let candidate = candidates.versions(case.name)?.get(&version)?;
    let wheel = candidate.fitting().iter().find(|one| one.artefact.sha256 == case.wheel.sha256)?;
    let summary = candidates.summary(wheel, &inventory.matrix.cudas);
    let of_cuda = summary.coverage.iter().find(|one| one.cudas.contains(&case.cuda))?;
    let Ok(Some(all)) = &of_cuda.capabilities else { return None };
    let coverage = all.iter().find(|one| one.cc == case.gpu)?;
    let needs: Option<Glibc> = summary.glibc.as_deref().map(|glibc| glibc.parse().unwrap());
    Some(Verdict {
        covers: coverage.covered == Some(true),
        loads: needs.is_none_or(|needs| needs <= case.glibc),
    })
}

/// A lock of this very version, which has to be there wherever the set serves. Of a refusal the solver names the first
/// reason only, which may be about another package.
fn by_lock(lookup: &Lookup<'_>, inventory: &Inventory, case: &Case<'_>) -> Option<Verdict> {
    let pin = format!("=={}", case.package.version).parse().unwrap();
    let locking = Locking {
        request: request(case),
        pins: BTreeMap::from([(case.name.to_owned(), pin)]),
        held: BTreeMap::new(),
    };
    match (Locker { lookup, inventory }).lock(&locking).unwrap() {
        Solved::Set(set) => {
            let filename = set.plan.packages[case.name].build.filename();
            (filename == case.wheel.filename).then_some(Verdict { covers: true, loads: true })
        }
        Solved::Unread(_) => None,
        Solved::Refused(refusal) => {
            let answer = lookup.answer(&request(case)).unwrap();
            let Case { name, package, gpu, python, cuda, torch, .. } = case;
            let reasons: Vec<_> = refusal.reasons.iter().map(|reason| &reason.cause).collect();
            assert!(
                answer.is_err(),
                "a plan and no lock of {name} {} for {gpu}, Python {python}, CUDA {cuda}, torch {torch}: {reasons:?}",
                package.version
            );
            None
        }
    }
}

fn by_page(catalogue: &Catalogue, lookup: &Lookup<'_>, case: &Case<'_>) -> Option<Verdict> {
    let question: Question = serde_json::from_value(json!({
        "system": case.system, "python": case.python.to_string(), "cuda": case.cuda.to_string(),
        "compute_capabilities": [case.gpu.to_string()], "packages": [case.name], "only_wheels": true,
        "glibc": case.glibc.to_string(), "torch": case.torch,
    }))
    .unwrap();
    let answers = answers(catalogue, lookup, &question).unwrap();
    let [answer] = answers.answers.as_slice() else { panic!("one CUDA was asked for") };
    let reasons = answer.refusal.iter().flat_map(|refusal| &refusal.answer.reasons);
    let causes: Vec<_> = reasons.map(|reason| (reason.package.as_str(), &reason.cause)).collect();
    let refused = of_causes(case.name, causes.into_iter());
    if answer.plan.is_some() {
        return Some(refused);
    }
    // A refusal names as few reasons as rule the set out: what it does not name, it does not deny.
    let set = by_set(lookup, case);
    (refused != Verdict { covers: true, loads: true })
        .then_some(Verdict { covers: refused.covers && set.covers, loads: refused.loads && set.loads })
}
