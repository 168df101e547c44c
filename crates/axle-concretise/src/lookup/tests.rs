use std::fmt::Write as _;
use std::str::FromStr;

use axle_catalogue::canonical;
use proptest::prelude::*;

use super::*;
use crate::synthetic::{Wheel, World, device_library};

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
    let external = "from = \"package-set\"\ncuda-match = \"none\"";
    World::new(&["torch", "extension", "app", "old", "numpy"])
        .package("torch", TORCH)
        .package("numpy", external)
        .package("mpmath", external)
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
        packages: Vec::new(),
        system: System::X86_64Linux,
        python: PythonVersion::new(12),
        cuda: Cuda::Cpu,
        compute_capabilities: BTreeSet::new(),
        compiler: None,
        driver: None,
        allowed: BTreeSet::new(),
        torch: None,
        glibc: DEFAULT_GLIBC,
    };
    let mut words = line.strip_prefix("axle concretise ").unwrap_or(line).split(' ');
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        match word {
            "--python" => request.python = value().parse().unwrap(),
            "--cpu" => request.cuda = Cuda::Cpu,
            "--cuda" => request.cuda = value().parse().unwrap(),
            "--cc" => drop(request.compute_capabilities.insert(value().parse().unwrap())),
            "--gcc" => request.compiler = Some(Compiler::Gcc(value().parse().unwrap())),
            "--clang" => request.compiler = Some(Compiler::Clang(value().parse().unwrap())),
            "--driver" => request.driver = Some(value().parse().unwrap()),
            "--allow" => drop(request.allowed.insert(value().parse().unwrap())),
            "--torch" => request.torch = Some(value().to_owned()),
            "--system" => request.system = value().parse().unwrap(),
            "--glibc" => request.glibc = value().parse().unwrap(),
            package => request.packages.push(package.to_owned()),
        }
    }
    request
}

fn ask(line: &str) -> Answer {
    answer(&world().catalogue(), &request(line)).unwrap()
}

fn planned(line: &str) -> Plan {
    ask(line).unwrap()
}

/// A refusal as its kinds, its messages and its suggestions.
fn refused(line: &str) -> String {
    let refusal = *ask(line).unwrap_err();
    let mut text = format!("$ axle concretise {line}\n");
    for RefusalReason { package, version, kind, message, .. } in &refusal.reasons {
        let version = version.as_deref().unwrap_or("-");
        writeln!(text, "{kind:?}: {package} {version}: {message}").unwrap();
    }
    for Suggestion { change, command } in &refusal.suggestions {
        writeln!(text, "  {change}: {command}").unwrap();
    }
    text
}

#[test]
fn the_newest_torch_that_covers_answers() {
    assert_eq!(planned("--cuda 12.8 --cc 9.0 torch").torch, "2.90.0");
    assert_eq!(planned("--cuda 12.8 --cc 8.6 torch").torch, "2.10.0");
    assert_eq!(planned("--cuda 12.8 --cc 7.0 --cc 9.0 torch").torch, "2.9.1");
    assert_eq!(planned("--cuda 12.8 triton").torch, "2.90.0");
}

#[test]
fn a_torch_may_be_asked_for_by_the_start_of_its_version() {
    let torch = |asked: &str| planned(&format!("--cuda 12.8 --cc 9.0 --torch {asked} torch")).torch;
    assert_eq!(torch("2.9"), "2.9.1");
    assert_eq!(torch("2.9.0"), "2.9.0");
    assert_eq!(torch("2.90"), "2.90.0");
    assert_eq!(torch("2"), "2.90.0");
    for wrong in ["2.", "2.1", "9.1", "2.9.10", "v2.9"] {
        let refusal = ask(&format!("--cuda 12.8 --cc 9.0 --torch {wrong} torch")).unwrap_err();
        assert_eq!(refusal.reasons[0].kind, Reason::Missing, "{wrong}");
    }
}

#[test]
fn a_plan_holds_what_was_asked_for_and_what_that_requires() {
    let names = |plan: &Plan| plan.packages.keys().cloned().collect::<Vec<_>>();
    let externals = |plan: &Plan| plan.externals.keys().cloned().collect::<Vec<_>>();
    let plan = planned("--cuda 12.8 --cc 8.0 app");
    assert_eq!(names(&plan), ["app", "extension", "runtime", "torch", "triton"]);
    assert_eq!(externals(&plan), ["mpmath", "numpy"]);
    let plan = planned("--cuda 12.8 --cc 8.0 triton");
    assert_eq!(names(&plan), ["triton"]);
    assert!(plan.externals.is_empty());
    // An external that is asked for by name, with what it requires.
    let plan = planned("--cuda 12.8 --cc 8.0 numpy");
    assert!(plan.packages.is_empty());
    assert_eq!(externals(&plan), ["mpmath", "numpy"]);
    insta::assert_json_snapshot!(planned("--cuda 12.8 --cc 8.0 --gcc 13 --torch 2.9.1 extension"));
}

#[test]
fn refusals_say_why_and_what_works() {
    let refusals = [
        refused("--cuda 12.8 --cc 6.1 torch"),
        refused("--cuda 12.8 --cc 6.1 --cc 8.0 --torch 2.9 torch"),
        refused("--cuda 12.8 --cc 7.0 --cc 8.6 app"),
        refused("--cuda 12.8 --cc 8.0 --glibc 2.31 extension torch"),
        refused("--python 3.11 --cuda 12.8 --cc 8.0 extension"),
        refused("--python 3.11 --cuda 12.6 --cc 8.0 torch"),
        refused("--python 3.9 --cuda 12.8 --cc 8.0 torch"),
        refused("--cuda 12.9 --cc 8.0 torch"),
        refused("--cuda 13.0 --cc 8.0 torch"),
        refused("--cuda 12.8 --cc 8.0 --torch 2.7 torch"),
        refused("--cuda 12.8 --cc 8.0 --torch 1.13 torch"),
        refused("--cuda 12.8 --cc 8.0 --clang 17 old uncelled"),
        refused("--cuda 12.8 --cc 8.0 --gcc 15 torch"),
        refused("--cuda 12.8 --cc 8.0 --clang 6 torch"),
        refused("--cuda 12.8 --cc 8.0 --driver 470.10 torch"),
        refused("--cuda 12.8 --cc 6.1 --gcc 14 torch"),
        refused("--cuda 12.8 --cc 6.1 --gcc 15 --allow AX201 torch"),
        refused("--cuda 12.8 --cc 8.0 troch zlib"),
        refused("--system aarch64-linux --cuda 12.8 --cc 8.0 torch"),
        refused("--cpu torch"),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_capability_that_no_gpu_has_is_an_error() {
    let error = answer(&world().catalogue(), &request("--cuda 12.8 --cc 8.8 torch")).unwrap_err();
    assert!(matches!(error, LookupError::UnknownCapability { .. }));
    insta::assert_snapshot!(error, @"8.8 is not a compute capability that the catalogue knows; it knows 6.1, 7.0, 8.0, 8.6, 9.0");
}

#[test]
fn a_glibc_that_cannot_be_read_is_unknown() {
    let mut cell = world().cells()[0].torch.values().next().unwrap().clone();
    cell.packages.get_mut("torch").unwrap().wheel.as_mut().unwrap().glibc = Some("new".into());
    let reasons = obstacles(&cell, &request("--cuda 12.6 torch"));
    assert_eq!(reasons.iter().map(|reason| reason.kind).collect::<Vec<_>>(), [Reason::Unknown]);
}

/// The id is a promise: Nix computes the same from the same JSON, and what was built is found under it.
#[test]
fn the_id_is_the_hash_of_canonical_json() {
    let target = target(&request("--cuda 12.8 --cc 9.0 --cc 10.0 --cc 8.6 --gcc 13 torch"));
    let cell = "00".repeat(32);
    let value = crate::plan::identity(&target, "2.9.1", &cell);
    insta::assert_snapshot!(canonical::to_string(&value).unwrap(), @r#"{"cell":"0000000000000000000000000000000000000000000000000000000000000000","compiler":"gcc13","compute_capabilities":["8.6","9.0","10.0"],"cuda":"12.8","prefer":"wheel","python":"3.12","schema":"axle.plan/1","system":"x86_64-linux","torch":"2.9.1"}"#);
    // As `sha256sum` says of that line.
    insta::assert_snapshot!(id(&target, "2.9.1", &cell).unwrap(), @"aefe8fd420631512b9928d521e4cc7488c81172d600d6794b08ac8efaaf2091f");
    let cpu = self::target(&request("--cpu --python 3.13t --system aarch64-linux torch"));
    insta::assert_snapshot!(canonical::to_string(&crate::plan::identity(&cpu, "2.9.1", &cell)).unwrap(), @r#"{"cell":"0000000000000000000000000000000000000000000000000000000000000000","compiler":null,"compute_capabilities":[],"cuda":null,"prefer":"wheel","python":"3.13t","schema":"axle.plan/1","system":"aarch64-linux","torch":"2.9.1"}"#);
}

#[test]
fn the_id_names_the_world_and_not_what_was_asked_for() {
    let id = |line: &str| planned(line).id;
    let first = id("--cuda 12.8 --cc 8.0 torch");
    assert_eq!(first, id("--cuda 12.8 --cc 8.0 triton torch --torch 2.10"));
    for other in [
        "--cuda 12.8 --cc 8.6 torch",
        "--cuda 12.6 --cc 8.0 torch",
        "--cuda 12.8 --cc 8.0 --gcc 13 torch",
        "--cuda 12.8 --cc 8.0 --torch 2.9 torch",
        "--python 3.11 --cuda 12.8 --cc 8.0 torch",
    ] {
        assert_ne!(first, id(other), "{other}");
    }
}

fn requests() -> impl Strategy<Value = Request> {
    let packages = ["torch", "extension", "app", "old", "numpy", "triton", "mpmath", "runtime", "uncelled"];
    let packages = prop::sample::subsequence(packages.to_vec(), 1..4);
    let capabilities = prop::sample::subsequence(vec!["6.1", "7.0", "8.0", "8.6", "9.0"], 0..4);
    let cuda = prop::sample::select(vec!["12.6", "12.8", "13.0", "12.9", "cpu"]);
    let torch = prop::option::of(prop::sample::select(vec!["2.9", "2.10.0", "2.7", "1.13"]));
    let glibc = prop::sample::select(vec!["2.17", "2.31", "2.35"]);
    (packages, capabilities, cuda, 10..=12_u8, torch, glibc).prop_map(
        |(packages, capabilities, cuda, python, torch, glibc)| Request {
            packages: packages.into_iter().map(str::to_owned).collect(),
            compute_capabilities: capabilities.into_iter().map(|one| one.parse().unwrap()).collect(),
            cuda: cuda.parse().unwrap(),
            python: PythonVersion::new(python),
            torch: torch.map(str::to_owned),
            glibc: glibc.parse().unwrap(),
            ..request("")
        },
    )
}

proptest! {
    #[test]
    fn a_plan_exists_where_a_cell_serves(request in requests()) {
        let world = world();
        let catalogue = world.catalogue();
        // What a cell must say, spelled out another way: walk the requirements, look at each wheel.
        let serves = |cell: &Cell| {
            let mut names: BTreeSet<&String> = request.packages.iter().collect();
            for _ in 0..10 {
                let known: Vec<_> = names.iter().filter_map(|name| cell.packages.get(*name)).collect();
                names.extend(known.iter().flat_map(|package| &package.requires));
            }
            names.iter().all(|name| match cell.packages.get(*name) {
                None => cell.externals.contains_key(*name),
                Some(package) => {
                    let glibc = package.wheel.as_ref().unwrap().glibc.as_ref().map(|glibc| Glibc::from_str(glibc).unwrap());
                    request.compute_capabilities.iter().all(|cc| package.wheel.as_ref().unwrap().covers.contains(cc))
                        && glibc <= Some(request.glibc)
                }
            })
        };
        let cells = world.cells();
        let file = cells.iter().find(|file| (file.python, file.cuda) == (request.python, request.cuda));
        let asked = |torch: &&String| {
            let parts = |version: &str| version.split('.').map(str::to_owned).collect::<Vec<_>>();
            request.torch.as_ref().is_none_or(|asked| parts(torch).starts_with(&parts(asked)))
        };
        let expected = file.and_then(|file| file.order.iter().filter(asked).find(|torch| serves(&file.torch[*torch])));
        match answer(&catalogue, &request).unwrap() {
            Ok(plan) => {
                prop_assert_eq!(Some(&plan.torch), expected);
                for package in plan.packages.values() {
                    prop_assert!(package.requires.iter().all(|name| plan.packages.contains_key(name)));
                }
            }
            Err(refusal) => {
                prop_assert_eq!(None, expected);
                prop_assert!(!refusal.reasons.is_empty());
                for Suggestion { command, .. } in refusal.suggestions {
                    let again = self::request(&command);
                    prop_assert!(answer(&catalogue, &again).unwrap().is_ok(), "{}", command);
                    prop_assert_eq!(&again.packages, &request.packages);
                    prop_assert!(again.compute_capabilities.is_subset(&request.compute_capabilities));
                    // The command line asks for capabilities exactly where it asks for CUDA.
                    let asked = (again.cuda == Cuda::Cpu, again.compute_capabilities.is_empty());
                    prop_assert_eq!(asked, (request.cuda == Cuda::Cpu, request.compute_capabilities.is_empty()));
                }
            }
        }
    }
}
