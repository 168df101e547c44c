use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr;

use axle_catalogue::Provenance;
use axle_plan::{Lookup, Refusal, RefusalReason, Suggestion};
use axle_solve::{CatalogueSolver, Lock, LockedSet, Locking, Solved};
use axle_testing::{Wheel, World};
use axle_types::Version;
use proptest::prelude::*;

use crate::{TORCH, locking, request, requests, solve, torch};

/// An application that holds a library back, which no cell lets it do.
fn world() -> World {
    World::new(&["torch", "library", "app", "numpy"])
        .package("torch", TORCH)
        .package("runtime", "")
        .wheel(torch("2.10.0", "cp312", "12.8", "sm_80 sm_90").requires(&["runtime==12.8.90"]))
        .wheel(torch("2.9.1", "cp312", "12.8", "sm_70 sm_80 sm_90").requires(&["runtime==12.8.90"]))
        .wheel(torch("2.7.1", "cp312", "12.6", "sm_61 sm_70").requires(&["runtime==12.6.90"]))
        .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::any("runtime", "12.6.90").cuda(&["12.6"]))
        .wheel(Wheel::any("library", "2.0").requires(&["numpy>=2"]))
        .wheel(Wheel::any("library", "1.5").requires(&["numpy>=1"]))
        .wheel(Wheel::any("library", "1.0"))
        .wheel(Wheel::any("library", "0.9").published(|artefact| artefact.yanked = Some(String::new())))
        .wheel(Wheel::any("app", "1.1").requires(&["library<2", "plots; extra == 'plots'"]))
        .wheel(Wheel::any("app", "1.0").requires(&["library==1.0"]))
        .wheel(Wheel::any("plots", "3.0").requires(&["torch<2.10"]))
        .wheel(Wheel::any("numpy", "2.3"))
        .wheel(Wheel::any("numpy", "1.26"))
        .wheel(Wheel::any("unread", "1.0").published(|artefact| {
            artefact.provenance = Provenance::Declared;
            artefact.audit = None;
        }))
}

fn set(line: &str) -> LockedSet {
    match solve(&world(), &locking(line)) {
        Solved::Set(set) => *set,
        other => panic!("{line}: {other:?}"),
    }
}

/// What a set is made of.
fn versions(set: &LockedSet) -> String {
    let cell = &set.file.torch[&set.file.order[0]];
    let packages = cell.packages.iter().map(|(name, package)| format!("{name} {}", package.version));
    packages.collect::<Vec<_>>().join(", ")
}

#[test]
fn versions_move_until_all_go_together() {
    let line = "--cuda 12.8 --cc 8.0 app library torch";
    assert_eq!(versions(&set(line)), "app 1.1, library 1.5, numpy 2.3, runtime 12.8.90, torch 2.10.0");
    let refusal = answer_of(line);
    assert_eq!(
        refusal.suggestions[0].command,
        "axle lock --python 3.12 --cuda 12.8 --cc 8.0 app library torch -o axle.lock.json"
    );
    // The plan is the one of the cell, and of the target.
    let set = set(line);
    assert_eq!((set.plan.torch.as_str(), set.plan.packages.len()), ("2.10.0", 5));
    assert_eq!(set.plan.target.compute_capabilities, ["8.0".parse().unwrap()]);
}

fn answer_of(line: &str) -> Refusal {
    let catalogue = world().catalogue();
    let solver = CatalogueSolver::default();
    *Lookup::new(&catalogue).unwrap().with_solver(&solver).answer(&request(line)).unwrap().unwrap_err()
}

#[test]
fn a_pin_holds_whoever_requires_the_package() {
    let line = "--cuda 12.8 --cc 8.0 app";
    assert!(versions(&set(&format!("{line} --pin library==1.0"))).starts_with("app 1.1, library 1.0, "));
    assert!(versions(&set(&format!("{line} --pin torch==2.9.1"))).contains("torch 2.9.1"));
    assert!(versions(&set(&format!("{line} --torch 2.9"))).contains("torch 2.9.1"));
    // What is withdrawn is taken only where it is asked for by number.
    assert!(versions(&set(&format!("{line} --pin library==0.9"))).contains("library 0.9"));
    assert!(versions(&set("--cuda 12.8 --cc 8.0 library<1.5")).contains("library 1.0"));
    assert!(versions(&set(&format!("{line} --pin numpy==1.26"))).contains("numpy 1.26"));
    assert_eq!(
        answer_of("--cuda 12.8 --cc 8.0 library==1.0").suggestions[0].command,
        "axle lock --python 3.12 --cuda 12.8 --cc 8.0 library --pin library==1.0 -o axle.lock.json"
    );
}

#[test]
fn extras_bring_what_they_require() {
    let set = set("--cuda 12.8 --cc 8.0 app[plots]");
    assert_eq!(versions(&set), "app 1.1, library 1.5, numpy 2.3, plots 3.0, runtime 12.8.90, torch 2.9.1");
    // Nix knows no extras: they are among the requirements.
    assert!(set.plan.packages.contains_key("plots") && set.request.packages["app"].extras.is_empty());
}

#[test]
fn the_target_is_part_of_the_problem() {
    assert!(versions(&set("--cuda 12.8 --cc 7.0 torch")).contains("torch 2.9.1"));
    assert!(versions(&set("--cuda 12.6 --cc 6.1 torch")).contains("torch 2.7.1"));
    let line = "--cuda 12.8 --cc 6.1 torch";
    assert!(matches!(solve(&world(), &locking(line)), Solved::Refused(_)));
}

#[test]
fn what_was_not_read_is_read_before() {
    let Solved::Unread(wheels) = solve(&world(), &locking("--cuda 12.8 --cc 8.0 unread")) else { panic!() };
    assert_eq!(wheels["unread"], BTreeSet::from(["unread-1.0-py3-none-any.whl".to_owned()]));
}

#[test]
fn one_package_moves_and_the_rest_is_held() {
    let pinned = locking("--cuda 12.8 --cc 8.0 app torch --pin app==1.0 --pin torch==2.9.1");
    let Solved::Set(before) = solve(&world(), &pinned) else { panic!() };
    let cell = &before.file.torch["2.9.1"];
    let free = locking("--cuda 12.8 --cc 8.0 app torch");
    let moved = |name: &str| match solve(&world(), &free.holding(cell, name)) {
        Solved::Set(set) => versions(&set),
        other => panic!("{other:?}"),
    };
    // With app goes what is there for its sake.
    assert_eq!(moved("app"), "app 1.1, library 1.5, numpy 2.3, runtime 12.8.90, torch 2.9.1");
    assert_eq!(moved("torch"), "app 1.0, library 1.0, runtime 12.8.90, torch 2.10.0");
    assert_eq!(moved("library"), "app 1.0, library 1.0, runtime 12.8.90, torch 2.9.1");
}

#[test]
fn refusals() {
    let world = world();
    let told = |line: &str| {
        let Solved::Refused(refusal) = solve(&world, &locking(line)) else {
            return format!("$ {line}\nit works\n");
        };
        let mut text = format!("$ {line}\n");
        for RefusalReason { kind, message, .. } in &refusal.reasons {
            writeln!(text, "{kind:?}: {message}").unwrap();
        }
        for Suggestion { change, command } in &refusal.suggestions {
            writeln!(text, "  {change}: {command}").unwrap();
            assert!(matches!(solve(&world, &locking(command)), Solved::Set(_)), "{command}");
        }
        text
    };
    let texts = [
        "--cuda 12.8 --cc 8.0 app==1.0 --pin library==1.5",
        "--cuda 12.8 --cc 8.0 app[plots] --pin torch==2.10.0",
        "--cuda 12.8 --cc 8.0 app[nothing]",
        "--cuda 12.8 --cc 8.0 library --pin library==3",
        "--cuda 12.8 --cc 8.0 library --pin nothing==3",
        "--cuda 12.8 --cc 8.0 nothing",
        "--cuda 12.8 --cc 6.1 torch",
        "--cuda 12.8 --cc 8.0 --gcc 99 torch",
        "--cuda 13.0 --cc 8.0 torch",
        "--cuda 12.8 --cc 8.0 --torch 1 torch",
        "--cuda 12.8 --cc 8.0 --glibc 2.17 torch",
        "--python 3.11 --cuda 12.8 --cc 8.0 torch",
    ];
    insta::assert_snapshot!(texts.map(told).join("\n"));
}

#[test]
fn a_lock_says_what_it_was_solved_for() {
    let world = world();
    for line in [
        "--cuda 12.8 --cc 8.0 --cc 9.0 app[plots] torch<2.10 --pin library==1.0 --prefer app=source --only-wheels",
        "--cuda 12.8 --cc 8.0 --gcc 13 --driver 570.26 --allow AX201 --glibc 2.36 --only-audited=app app",
    ] {
        let asked = locking(line);
        let Solved::Set(set) = solve(&world, &asked) else { panic!("{line}") };
        let lock = Lock::new(&world.catalogue(), &world.inventory(), &asked, &set).unwrap();
        let text = serde_json::to_string(&lock).unwrap();
        let read: Lock = serde_json::from_str(&text).unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.request.locking().unwrap(), asked);
        // Everything that is fetched says how.
        let (_, cell) = read.cell().unwrap();
        for (name, package) in &cell.packages {
            let wheel = package.wheel.as_ref().unwrap();
            assert!(read.builds[name][&package.version].wheels.contains_key(&wheel.filename));
        }
    }
}

#[test]
fn a_pin_names_one_version() {
    for (text, is_pin) in [
        ("lib==1", true),
        ("Lib == 1.*", true),
        ("lib===1", true),
        ("lib", false),
        ("lib>=1", false),
        ("lib==1,<2", false),
        ("lib[x]==1", false),
        ("==1", false),
        ("", false),
    ] {
        assert_eq!(axle_solve::pin(text).is_ok(), is_pin, "{text}");
    }
    assert_eq!(axle_solve::pin("Lib_A==1").unwrap().0, "lib-a");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    /// What a cell answers with wheels a lock answers too, with the same torch or a newer one.
    #[test]
    fn a_lock_gives_what_a_cell_gives(request in requests()) {
        // A lock always has a torch that serves.
        let mut request = request;
        request.packages.entry("torch".to_owned()).or_default();
        let world = crate::world();
        let catalogue = world.catalogue();
        let lookup = Lookup::new(&catalogue).unwrap();
        let locking = Locking { request: request.clone(), pins: BTreeMap::new(), held: BTreeMap::new() };
        let locked = solve(&world, &locking);
        let Ok(plan) = lookup.answer(&request).unwrap() else { return Ok(()) };
        let Solved::Set(set) = locked else { panic!("{plan:?}: {locked:?}") };
        let version = |text: &str| Version::from_str(text).unwrap();
        prop_assert!(version(&set.plan.torch) >= version(&plan.torch));
        prop_assert_eq!(&set.plan.target, &plan.target);
        prop_assert!(request.packages.keys().all(|name| set.plan.packages.contains_key(name)));
    }
}
