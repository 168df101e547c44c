use std::collections::BTreeSet;
use std::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::candidates::tests::of_x86;
use axle_testing::{Wheel, World};

/// A package is its place in the world: `a` is 0.
type World5 = Vec<Vec<Release>>;

#[derive(Debug, Clone)]
struct Release {
    version: &'static str,
    fits: bool,
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone)]
struct Requirement {
    package: usize,
    extra: Option<&'static str>,
    specifier: &'static str,
    when: When,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    Here,
    Elsewhere,
    Extra(&'static str),
}

impl Requirement {
    fn line(&self) -> String {
        let extra = self.extra.map_or_else(String::new, |extra| format!("[{extra}]"));
        let marker = match self.when {
            When::Always => String::new(),
            When::Here => "; python_version >= '3.12' and sys_platform == 'linux'".to_owned(),
            When::Elsewhere => "; python_version < '3.12' or sys_platform == 'win32'".to_owned(),
            When::Extra(extra) => format!("; extra == '{extra}'"),
        };
        format!("{}{extra}{}{marker}", name(self.package), self.specifier)
    }

    fn holds(&self, extras: &BTreeSet<&str>) -> bool {
        match self.when {
            When::Always | When::Here => true,
            When::Elsewhere => false,
            When::Extra(extra) => extras.contains(extra),
        }
    }
}

fn name(package: usize) -> String {
    ["a", "b", "c", "d", "e", "f"][package].to_owned()
}

fn worlds() -> impl Strategy<Value = World5> {
    let versions = ["1.0", "1.1", "2.0rc1", "2.0", "2.0+cpu", "3.0", "3.1.dev1"];
    let specifiers = [
        "",
        "",
        "",
        "==1.0",
        "==2.0",
        ">=1.1",
        "<2",
        "<=2.0",
        "!=1.1",
        "~=1.0",
        "==2.*",
        "!=2.*",
        ">2.0",
        "==2.0+cpu",
        ">=2.0rc1",
        "===1.0",
        "<3.1",
        ">1.0,<3",
    ];
    let when = [When::Always, When::Always, When::Here, When::Elsewhere, When::Extra("x"), When::Extra("y")];
    (1..=5_usize).prop_flat_map(move |packages| {
        let extra = prop::sample::select(vec![None, None, None, Some("x"), Some("y")]);
        // One beyond the end is not in the catalogue.
        let package = prop_oneof![20 => 0..packages, 1 => Just(packages)];
        let requirement =
            (package, extra, prop::sample::select(specifiers.to_vec()), prop::sample::select(when.to_vec()))
                .prop_map(|(package, extra, specifier, when)| Requirement {
                    package,
                    extra,
                    specifier,
                    when,
                });
        let requirements = prop::collection::vec(requirement, 0..4);
        let releases = prop::sample::subsequence(versions.to_vec(), 1..=4).prop_flat_map(move |versions| {
            let fits = prop::bool::weighted(0.85);
            prop::collection::vec((fits, requirements.clone()), versions.len()).prop_map(move |details| {
                let details = versions.iter().zip(details);
                let release = |(&version, (fits, requirements))| Release { version, fits, requirements };
                details.map(release).collect::<Vec<_>>()
            })
        });
        prop::collection::vec(releases, packages)
    })
}

fn world(packages: &World5, order: &[&str]) -> World {
    let mut world = World::new(order);
    for (package, releases) in packages.iter().enumerate() {
        for Release { version, fits, requirements } in releases {
            let tag = if *fits { "py3-none-any" } else { "cp39-cp39-linux_x86_64" };
            let lines: Vec<_> = requirements.iter().map(Requirement::line).collect();
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let filename = format!("{}-{version}-{tag}.whl", name(package));
            world = world.wheel(Wheel::new(&filename).requires(&lines));
        }
    }
    world
}

/// Package to version and extras.
type Assignment = BTreeMap<String, (Version, Vec<String>)>;

/// Every set of versions that holds what is wanted and what that requires, nothing else: tried one by one.
fn every_solution(packages: &World5, wanted: &Wanted) -> Vec<Assignment> {
    let mut solutions = Vec::new();
    extend(packages, wanted, &BTreeMap::new(), &mut solutions);
    solutions
}

fn extend(
    packages: &World5,
    wanted: &Wanted,
    chosen: &BTreeMap<usize, &Release>,
    solutions: &mut Vec<Assignment>,
) {
    // What is reached from what is wanted, with its extras.
    let mut reached: BTreeMap<usize, BTreeSet<&str>> = (0..6)
        .filter(|&package| wanted.contains_key(&name(package)))
        .map(|one| (one, BTreeSet::new()))
        .collect();
    loop {
        let mut further = reached.clone();
        for (package, extras) in &reached {
            let requirements = chosen.get(package).into_iter().flat_map(|release| &release.requirements);
            for requirement in requirements.filter(|requirement| requirement.holds(extras)) {
                further.entry(requirement.package).or_default().extend(requirement.extra);
            }
        }
        if further == reached {
            break;
        }
        reached = further;
    }
    if let Some(package) = reached.keys().find(|package| !chosen.contains_key(package)) {
        for release in packages.get(*package).into_iter().flatten().filter(|release| release.fits) {
            let mut chosen = chosen.clone();
            chosen.insert(*package, release);
            extend(packages, wanted, &chosen, solutions);
        }
        return;
    }
    let version = |package: usize| Version::from_str(chosen[&package].version).unwrap();
    let satisfied = reached.iter().all(|(package, extras)| {
        chosen[package].requirements.iter().filter(|requirement| requirement.holds(extras)).all(
            |requirement| {
                let specifiers = VersionSpecifiers::from_str(requirement.specifier).unwrap();
                specifiers.contains(&version(requirement.package))
            },
        )
    });
    let as_wanted = reached.keys().all(|&package| {
        wanted.get(&name(package)).into_iter().flatten().all(|fixed| *fixed == version(package))
    });
    if satisfied && as_wanted {
        let extras = |extras: &BTreeSet<&str>| extras.iter().map(|&extra| extra.to_owned()).collect();
        let assignment = reached.iter().map(|(&one, asked)| (name(one), (version(one), extras(asked))));
        solutions.push(assignment.collect());
    }
}

/// The greater, the better.
fn quality(version: &Version) -> (bool, &Version) {
    (!version.any_prerelease(), version)
}

fn assignment(solution: &Solution) -> Assignment {
    let extras = |chosen: &Chosen| chosen.extras.iter().map(ToString::to_string).collect();
    solution.iter().map(|(name, chosen)| (name.clone(), (chosen.version.clone(), extras(chosen)))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_brute_force(
        packages in worlds(),
        fixed in prop::option::of(prop::sample::select(vec!["1.0", "2.0", "3.0"])),
        second in prop::option::of(0..5_usize),
    ) {
        let mut wanted = Wanted::from([("a".to_owned(), fixed.map(|version| version.parse().unwrap()))]);
        if let Some(second) = second.filter(|second| *second < packages.len() && *second > 0) {
            wanted.insert(name(second), None);
        }
        let world = world(&packages, &["a"]);
        let inventory = world.inventory();
        let solved = solve(&of_x86(&inventory), &wanted);
        let reversed = world.reversed().inventory();
        prop_assert_eq!(&solved, &solve(&of_x86(&reversed), &wanted), "the order of the input matters");

        let mut rivals = every_solution(&packages, &wanted);
        let solution = match solved {
            Err(cause) => {
                prop_assert!(rivals.is_empty(), "{:?} is a solution, but: {}", rivals.first(), cause);
                prop_assert!(
                    matches!(&cause, Cause::Conflict { facts } if !facts.is_empty()),
                    "{:?}",
                    cause
                );
                return Ok(());
            }
            Ok(solution) => assignment(&solution),
        };
        prop_assert!(rivals.contains(&solution), "{:?} is none of {:#?}", solution, rivals);

        for other in rivals.iter().filter(|other| **other != solution) {
            prop_assert!(has_better(&solution, other), "{:?} is as good as {:?}", other, solution);
        }
        for name in wanted.keys() {
            let version = |assignment: &Assignment| assignment[name].0.clone();
            let best = rivals.iter().map(version).max_by(|one, other| quality(one).cmp(&quality(other)));
            prop_assert_eq!(Some(version(&solution)), best, "{}", name);
            rivals.retain(|rival| version(rival) == version(&solution));
        }
    }
}

/// Whether one of two solutions has a better version of some package than the other.
fn has_better(solution: &Assignment, other: &Assignment) -> bool {
    solution
        .iter()
        .any(|(name, (ours, _))| other.get(name).is_some_and(|(theirs, _)| quality(theirs) < quality(ours)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Each torch, then one package after the other in the order of `matrix.toml`, each in its best version that goes with
    /// those before, which stay as they are; what has none is absent. What the order does not name has no version that could
    /// be better for all.
    #[test]
    fn cells_follow_the_order(
        packages in worlds(),
        order in Just(vec!["b", "c", "d", "e"]).prop_shuffle(),
        named in 0..=4_usize,
    ) {
        let order: Vec<_> = ["a"].into_iter().chain(order.into_iter().take(named)).collect();
        let world = world(&packages, &order);
        let inventory = world.inventory();
        let file = crate::cells::solve(&of_x86(&inventory), axle_types::CudaTarget::Cpu).unwrap().file;

        let parse = |text: &str| Version::from_str(text).unwrap();
        let mut torches: BTreeMap<Version, Version> = BTreeMap::new();
        for release in packages[0].iter().filter(|release| release.fits) {
            let version = parse(release.version);
            let best = torches.entry(version.clone().without_local()).or_insert_with(|| version.clone());
            *best = version.max(best.clone());
        }
        for name in file.order.iter().chain(file.absent.keys()) {
            prop_assert!(packages[0].iter().any(|release| parse(release.version).without_local() == parse(name)));
        }
        prop_assert!(file.order.iter().all(|name| torches.contains_key(&parse(name))));

        for (public, torch) in torches {
            let mut fixed = Wanted::from([("a".to_owned(), Some(torch))]);
            let Some(cell) = file.torch.iter().find(|(name, _)| parse(name) == public).map(|(_, cell)| cell) else {
                let solutions = every_solution(&packages, &fixed);
                prop_assert!(solutions.is_empty(), "{} has {:?}", public, solutions.first());
                continue;
            };
            let versions: BTreeMap<_, _> =
                cell.packages.iter().map(|(name, package)| (name.clone(), parse(&package.version))).collect();
            for &next in &order[1..] {
                let mut wanted = fixed.clone();
                wanted.insert(next.to_owned(), None);
                let solutions = every_solution(&packages, &wanted);
                let best = solutions.iter().map(|solution| &solution[next].0);
                let best = best.max_by(|one, other| quality(one).cmp(&quality(other)));
                prop_assert_eq!(versions.get(next), best, "{} of {}", next, public);
                prop_assert_eq!(best.is_none(), cell.absent.contains_key(next), "{} of {}", next, public);
                if let Some(best) = best {
                    fixed.insert(next.to_owned(), Some(best.clone()));
                }
            }
            let solutions = every_solution(&packages, &fixed);
            let is_cell = |solution: &&Assignment| {
                solution.iter().map(|(name, (version, _))| (name, version)).eq(&versions)
            };
            let ours = solutions.iter().find(is_cell);
            prop_assert!(ours.is_some(), "{:?} of {} is none of {:?}", versions, public, solutions);
            for other in solutions.iter().filter(|other| Some(*other) != ours) {
                prop_assert!(ours.is_some_and(|ours| has_better(ours, other)), "{:?} is as good", other);
            }
        }
    }
}

fn refusal(world: &World, name: &str) -> String {
    let wanted = Wanted::from([(name.to_owned(), None)]);
    solve(&of_x86(&world.inventory()), &wanted).unwrap_err().to_string()
}

#[test]
fn explanations_are_one_sentence() {
    let torch = Wheel::any("torch", "2.9.1");
    let pinned = World::new(&["torch"])
        .wheel(torch.requires(&["triton==3.5.1"]))
        .wheel(Wheel::new("triton-3.5.1-cp310-cp310-manylinux_2_28_x86_64.whl"))
        .wheel(Wheel::any("triton", "3.4.0"));
    let outdated = World::new(&["app"])
        .wheel(Wheel::any("app", "1.0").requires(&["numpy<2", "scipy"]))
        .wheel(Wheel::any("app", "1.1").requires(&["numpy<2", "scipy"]))
        .wheel(Wheel::any("app", "1.2").requires(&["numpy<2", "scipy"]))
        .wheel(Wheel::any("scipy", "1.16").requires(&["numpy>=2"]))
        .wheel(Wheel::any("numpy", "1.26"))
        .wheel(Wheel::any("numpy", "2.3"));
    let extra = World::new(&["app"])
        .wheel(Wheel::any("app", "1.0").requires(&["toolkit[cufft]>=13"]))
        .wheel(Wheel::any("toolkit", "13.0").requires(&["cufft==12.*; extra == 'cufft'"]))
        .wheel(Wheel::any("cufft", "11.0"));
    let unknown = World::new(&["app"]).wheel(Wheel::any("app", "1.0").requires(&["nothing>1"]));
    let url =
        World::new(&["app"]).wheel(Wheel::any("app", "1.0").requires(&["b @ https://example.org/b.whl"]));
    let unreadable = World::new(&["app"]).wheel(Wheel::any("app", "1.0").requires(&["b >< 1"]));
    let own = World::new(&["app"]).wheel(Wheel::any("app", "1.0").requires(&["app>1"]));
    let explained = [
        refusal(&pinned, "torch"),
        refusal(&outdated, "app"),
        refusal(&extra, "app"),
        refusal(&unknown, "app"),
        refusal(&unknown, "nothing"),
        refusal(&url, "app"),
        refusal(&unreadable, "app"),
        refusal(&own, "app"),
    ];
    insta::assert_snapshot!(explained.join("\n\n"));
}

#[test]
fn a_long_history_is_told_by_what_goes_with_the_set() {
    let of_torch = |version: &str, torch: &str| {
        let pin = format!("torch=={torch}");
        Wheel::any("vision", version).requires(&[&pin, &format!("pillow>={version}")])
    };
    let mut world = World::new(&["torch", "vision"]).wheel(Wheel::any("torch", "2.9.1"));
    for minor in 1..9 {
        world = world
            .wheel(of_torch(&format!("0.{minor}"), &format!("2.{minor}")))
            .wheel(Wheel::any("torch", &format!("2.{minor}")));
    }
    let other_python = "vision-0.9-cp310-cp310-manylinux_2_28_x86_64.whl";
    let world = world.wheel(Wheel::new(other_python).requires(&["torch==2.9.1"]));
    let wanted =
        Wanted::from([("torch".to_owned(), Some("2.9.1".parse().unwrap())), ("vision".to_owned(), None)]);
    insta::assert_snapshot!(
        solve(&of_x86(&world.inventory()), &wanted).unwrap_err(),
        @"vision 0.9 cannot be chosen: it is for cp310, not for CPython 3.12; the set has torch 2.9.1; all other versions of vision require another version of torch"
    );
}

#[test]
fn a_package_may_require_extras_of_itself() {
    let world = World::new(&["a"])
        .wheel(Wheel::any("a", "1.0").requires(&[
            "a[x,y]; extra == 'all'",
            "b; extra == 'x'",
            "c; extra == 'y'",
            "a>=1",
        ]))
        .wheel(Wheel::any("b", "1.0"))
        .wheel(Wheel::any("c", "1.0"))
        .wheel(Wheel::any("app", "1.0").requires(&["a[all]"]));
    let inventory = world.inventory();
    let wanted = Wanted::from([("app".to_owned(), None)]);
    let solution = assignment(&solve(&of_x86(&inventory), &wanted).unwrap());
    assert_eq!(solution.keys().collect::<Vec<_>>(), ["a", "app", "b", "c"]);
    assert_eq!(solution["a"].1, ["all", "x", "y"]);
}

#[test]
fn versions_that_nobody_can_count_to_are_no_panic() {
    let largest = u64::MAX;
    let world = World::new(&["a"])
        .wheel(Wheel::any("b", "1.0"))
        .wheel(Wheel::any("a", "1.0").requires(&[&format!("b~={largest}.0"), &format!("b=={largest}.*")]));
    let message = refusal(&world, "a");
    assert!(message.contains("but no such version is in the catalogue"), "{message}");
}
