use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use axle_catalogue::{Catalogue, Cause, CauseKind, Cell, Origin, Provenance};
use axle_plan::{
    Answer, Lookup, LookupError, Plan, PlanBuild, PlanPackage, Prefer, RefusalReason, Request, Row,
    Suggestion, Which,
};
use axle_solve::{CatalogueSolver, Solved};
use axle_testing::{Wheel, World, device_library};
use axle_types::CudaTarget;
use proptest::prelude::*;

use crate::{TORCH, locking, request, requests, solve, torch, world};

fn ask(line: &str) -> Answer {
    ask_of(&world(), line)
}

fn ask_of(world: &World, line: &str) -> Answer {
    answer(&world.catalogue(), &request(line)).unwrap()
}

/// What the command line answers: by the cells, and with the lock that works where they do not.
fn answer(catalogue: &Catalogue, request: &Request) -> Result<Answer, LookupError> {
    Lookup::new(catalogue)?.with_solver(&CatalogueSolver::default()).answer(request)
}

fn planned(line: &str) -> Plan {
    ask(line).unwrap()
}

/// A refusal as its kinds, its messages and its suggestions.
fn refused(line: &str) -> String {
    refused_by(&world(), line)
}

fn refused_by(world: &World, line: &str) -> String {
    let refusal = match ask_of(world, line) {
        Err(refusal) => *refusal,
        Ok(plan) => return format!("$ axle concretise {line}\n{}\n", summary(&plan)),
    };
    let mut text = format!("$ axle concretise {line}\n");
    for RefusalReason { package, versions, kind, message, .. } in &refusal.reasons {
        writeln!(text, "{kind:?}: {package} {}: {message}", versions.join(" ")).unwrap();
    }
    for Suggestion { change, command } in &refusal.suggestions {
        writeln!(text, "  {change}: {command}").unwrap();
        assert!(works(world, command), "{line}: {command}");
    }
    text
}

/// Whether a command that is suggested gives what it says.
fn works(world: &World, command: &str) -> bool {
    if !command.starts_with("axle lock ") {
        return ask_of(world, command).is_ok();
    }
    matches!(solve(world, &locking(command)), Solved::Set(_))
}

/// A plan as its torch and what each package is made of.
fn summary(plan: &Plan) -> String {
    let package = |(name, package): (&String, &PlanPackage)| {
        let how = match package.build {
            PlanBuild::Wheel { provenance: Provenance::Audited, .. } => "wheel",
            PlanBuild::Wheel { .. } => "declared wheel",
            PlanBuild::Source { .. } => "source",
        };
        format!("{name} {} {how}", package.version)
    };
    let packages: Vec<_> = plan.packages.iter().map(package).collect();
    format!("torch {}: {}", plan.torch, packages.join(", "))
}

#[test]
fn the_newest_torch_that_covers_answers() {
    assert_eq!(planned("--cuda 12.8 --cc 9.0 torch").torch, "2.90.0");
    assert_eq!(planned("--cuda 12.8 --cc 8.6 torch").torch, "2.10.0");
    assert_eq!(planned("--cuda 12.8 --cc 7.0 --cc 9.0 torch").torch, "2.9.1");
    assert_eq!(planned("--cuda 12.8 --cc 9.0 triton").torch, "2.90.0");
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
        assert_eq!(refusal.reasons[0].kind, CauseKind::Missing, "{wrong}");
    }
}

#[test]
fn a_plan_holds_what_was_asked_for_and_what_that_requires() {
    let names = |plan: &Plan| plan.packages.keys().cloned().collect::<Vec<_>>();
    let plan = planned("--cuda 12.8 --cc 8.0 app");
    assert_eq!(names(&plan), ["app", "extension", "mpmath", "numpy", "runtime", "torch", "triton"]);
    let plan = planned("--cuda 12.8 --cc 8.0 triton");
    assert_eq!(names(&plan), ["triton"]);
    let plan = planned("--cuda 12.8 --cc 8.0 numpy");
    assert_eq!(names(&plan), ["mpmath", "numpy"]);
    insta::assert_json_snapshot!(planned("--cuda 12.8 --cc 8.0 --gcc 13 --torch 2.9.1 extension"));
}

#[test]
fn a_plan_names_what_was_never_imported_beside_its_torch() {
    let untried = |world: &World, line: &str| {
        let (catalogue, request) = (world.catalogue(), request(line));
        let lookup = Lookup::new(&catalogue).unwrap();
        let plan = lookup.answer(&request).unwrap().unwrap();
        lookup.untried(&request, &plan).unwrap()
    };
    let (line, torch) =
        ("--cuda 12.8 --cc 8.0 --torch 2.9.1 app", "torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl");
    let world = world();
    assert_eq!(untried(&world, line), None, "nothing is known of imports");
    // What torch requires came with it, and what is plain runs beside any.
    let world = world.import(torch, torch, None);
    assert_eq!(untried(&world, line), Some(vec!["extension".to_owned()]));
    let other = "--cuda 12.8 --cc 8.0 --torch 2.9.0 app";
    assert_eq!(untried(&world, other), Some(vec!["extension".to_owned(), "torch".to_owned()]));
    assert_eq!(untried(&world, "--cuda 12.8 --cc 8.0 numpy"), Some(Vec::new()));
    let world = world.import("extension-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", torch, None);
    assert_eq!(untried(&world, line), Some(Vec::new()));
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

/// The world with sources: of the extension for less than its wheel, and of packages without wheels.
fn compiling() -> World {
    world()
        .wheel(Wheel::any("attention", "2.8").requires(&["torch"]).published(|artefact| {
            artefact.filename = "attention-2.8-cp311-cp311-manylinux_2_28_x86_64.whl".into();
        }))
        .source("extension", "1.0", "7.0 8.0", 30)
        .source("attention", "2.8", "8.0 8.6 9.0", 90)
}

#[test]
fn nothing_is_compiled_without_a_compiler_and_wheels_are_tried_first() {
    let ask = |line: &str| summary(&ask_of(&compiling(), line).unwrap());
    // The wheel serves, or is taken with an older torch, before anything is compiled.
    assert_eq!(
        ask("--cuda 12.8 --cc 8.0 --gcc 13 extension"),
        "torch 2.10.0: extension 1.0 wheel, mpmath 1.3 wheel, numpy 2.3 wheel, runtime 12.8.90 wheel, \
         torch 2.10.0 wheel, triton 3.5.1 wheel"
    );
    assert!(ask_of(&compiling(), "--cuda 12.8 --cc 7.0 extension").is_err());
    assert!(ask_of(&compiling(), "--cuda 12.8 --cc 9.0 attention").is_err());
    assert!(ask("--cuda 12.8 --cc 7.0 --gcc 13 extension").starts_with("torch 2.9.1: extension 1.0 source"));
    assert!(ask("--cuda 12.8 --cc 9.0 --gcc 13 attention").starts_with("torch 2.90.0: attention 2.8 source"));
    assert!(
        ask("--cuda 12.8 --cc 8.0 --gcc 13 --prefer source extension")
            .starts_with("torch 2.10.0: extension 1.0 source")
    );
    assert!(
        ask("--cuda 12.8 --cc 8.0 --gcc 13 --prefer extension=source app").contains("extension 1.0 source")
    );
    assert!(
        ask("--cuda 12.8 --cc 8.0 --gcc 13 --prefer source --prefer extension=wheel app")
            .contains("extension 1.0 wheel")
    );
    // Nothing to compile with: the wheel.
    assert!(ask("--cuda 12.8 --cc 8.0 --prefer source extension").contains("extension 1.0 wheel"));
    // Too old a glibc for the wheel.
    assert!(ask("--cuda 12.8 --cc 8.0 --gcc 13 --glibc 2.31 extension").contains("extension 1.0 source"));
    assert!(
        ask_of(&compiling(), "--cuda 12.8 --cc 8.0 --gcc 13 --glibc 2.31 --only-wheels extension").is_err()
    );
    assert!(
        ask_of(&compiling(), "--cuda 12.8 --cc 8.0 --gcc 13 --glibc 2.31 --only-wheels=extension extension")
            .is_err()
    );
    assert!(
        ask("--cuda 12.8 --cc 8.0 --gcc 13 --glibc 2.31 --only-wheels=attention extension")
            .contains("source")
    );
}

/// A torch with a wheel of the extension, and a newer one for which it must be compiled.
#[test]
fn preferences_choose_between_torches() {
    let extension = |torch: &str, version: &str| {
        Wheel::new(&format!("extension-{version}-cp312-cp312-manylinux_2_28_x86_64.whl"))
            .requires(&[&format!("torch=={torch}")])
            .elf(device_library("extension/a.so", "sm_80"))
    };
    let world = World::new(&["torch", "extension"])
        .package("torch", TORCH)
        .package("runtime", "")
        .package("extension", "cuda-match = \"none\"")
        .wheel(torch("2.9.1", "cp312", "12.8", "sm_80 sm_90"))
        .wheel(torch("2.10.0", "cp312", "12.8", "sm_80 sm_90"))
        .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::any("triton", "3.5.1"))
        .wheel(Wheel::any("numpy", "2.3"))
        .wheel(extension("2.9.1", "1.0"))
        .source("extension", "1.1", "8.0 9.0", 40);
    let ask = |line: &str| {
        let answer = ask_of(&world, &format!("--cuda 12.8 --cc 8.0 {line} extension"));
        answer
            .map(|plan| (plan.torch.clone(), plan.packages["extension"].build.filename().to_owned(), plan.id))
    };
    let wheel = ("2.9.1", "extension-1.0-cp312-cp312-manylinux_2_28_x86_64.whl");
    let source = ("2.10.0", "extension-1.1.tar.gz");
    let mut ids = BTreeSet::new();
    for (line, expected) in [
        ("", wheel),
        ("--gcc 13", wheel),
        ("--gcc 13 --prefer wheel", wheel),
        ("--gcc 13 --prefer newest", source),
        ("--gcc 13 --prefer source", source),
        ("--gcc 13 --prefer extension=newest", source),
        ("--gcc 13 --prefer newest --only-wheels", wheel),
        ("--prefer newest", wheel),
    ] {
        let (torch, filename, id) = ask(line).unwrap();
        assert_eq!((torch.as_str(), filename.as_str()), expected, "{line}");
        ids.insert(id);
    }
    // Compiler or none, the preference, and what is compiled.
    assert_eq!(ids.len(), 7);
    assert_eq!(ask("--gcc 13").unwrap().2, ask("--gcc 13 --prefer wheel").unwrap().2);
    let mut said = vec![
        refused_by(&world, "--cuda 12.8 --cc 9.0 extension"),
        refused_by(&world, "--cuda 12.8 --cc 9.0 --gcc 13 --torch 2.9 extension"),
        refused_by(&world, "--cuda 12.8 --cc 9.0 --only-wheels --gcc 13 extension"),
    ];
    let catalogue = world.catalogue();
    let lookup = Lookup::new(&catalogue).unwrap();
    for line in
        ["--cuda 12.8 --cc 8.0 --gcc 13 extension", "--cuda 12.8 --cc 8.0 --gcc 13 --prefer newest extension"]
    {
        let request = request(line);
        let plan = lookup.answer(&request).unwrap().unwrap();
        let mut text = format!("$ {line}\n");
        for Row { package, version, is_compiled, architectures, why, .. } in
            lookup.rows(&request, &plan).unwrap()
        {
            writeln!(text, "{package} {version} | {is_compiled} | {architectures} | {why}").unwrap();
        }
        for name in ["torch", "extension", "numpy"] {
            let story = lookup.story(&request, &plan, name).unwrap().unwrap();
            writeln!(text, "{}:\n  {}", story.choice, story.facts.join("\n  ")).unwrap();
        }
        said.push(text);
    }
    insta::assert_snapshot!(said.join("\n"));
}

/// Wheels whose bytes were not read are marked, and refused where only others are wanted.
#[test]
fn only_audited() {
    let file = |provenance: Provenance| {
        let mut file = world().cells().into_iter().find(|file| file.cuda.to_string() == "12.6").unwrap();
        let cell = file.torch.values_mut().next().unwrap();
        let torch = Arc::make_mut(cell.packages.get_mut("torch").unwrap());
        torch.wheel.as_mut().unwrap().provenance = provenance;
        file
    };
    let catalogue = world().catalogue();
    for (line, provenance, serves) in [
        ("--cuda 12.6 --cc 8.0 torch", Provenance::Declared, true),
        ("--cuda 12.6 --cc 8.0 --only-audited torch", Provenance::Declared, false),
        ("--cuda 12.6 --cc 8.0 --only-audited=torch torch", Provenance::Sibling, false),
        ("--cuda 12.6 --cc 8.0 --only-audited=triton torch", Provenance::Sibling, true),
        ("--cuda 12.6 --cc 8.0 --only-audited torch", Provenance::Audited, true),
    ] {
        let lookup = Lookup::with_cells(&catalogue, file(provenance)).unwrap();
        let request = request(line);
        assert_eq!(lookup.answer(&request).unwrap().is_ok(), serves, "{line}");
        let blocked = lookup.blocked(&request).unwrap();
        let of_cell = blocked.into_iter().filter(|one| one.torch.as_deref() == Some("2.7.1"));
        let causes: Vec<_> = of_cell.flat_map(|one| one.blockers).map(|one| one.why).collect();
        let expected = if serves { vec![] } else { vec![Cause::Unread { provenance }] };
        assert_eq!(causes, expected, "{line}");
    }
}

#[test]
fn specifiers_never_move_a_version() {
    let texts = [
        refused("--cuda 12.8 --cc 9.0 torch==2.9.0"),
        refused("--cuda 12.8 --cc 9.0 'torch>=2.9,<2.10'"),
        refused("--cuda 12.8 --cc 9.0 numpy>=2"),
        refused("--cuda 12.8 --cc 8.0 extension<1"),
        refused("--cuda 12.8 --cc 8.0 extension==0.9 torch"),
        refused("--cuda 12.8 --cc 8.0 numpy<2"),
        refused("--cuda 12.8 --cc 8.0 'torch==2.9.*' torch!=2.9.0,!=2.9.1"),
    ];
    insta::assert_snapshot!(texts.join("\n"));
    assert_eq!(planned("--cuda 12.8 --cc 8.0 torch numpy>=2,<3").packages["numpy"].version, "2.3");
}

#[test]
fn what_is_no_question_has_no_answer() {
    let message = |line: &str| answer(&world().catalogue(), &request(line)).unwrap_err().to_string();
    let texts = ["--cuda 12.8 torch", "--cpu --cc 8.6 torch", "--cuda 12.8 --cc 3.5 torch"].map(message);
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn extras_are_what_they_require() {
    let world = World::new(&["torch", "plots", "triton", "numpy"])
        .package("torch", TORCH)
        .package("runtime", "")
        .wheel(Wheel::any("numpy", "2.3"))
        .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::any("triton", "3.5.1"))
        .wheel(Wheel::any("plots", "1.0").requires(&["triton; extra == 'more'"]))
        .wheel(torch("2.9.1", "cp312", "12.8", "sm_80").requires(&[
            "runtime==12.8.90",
            "plots[more]>=1; extra == 'plots'",
            "plots>=2; extra == 'newer'",
            "pillow; extra == 'images'",
            "plots; extra == 'windows' and sys_platform == 'win32'",
        ]));
    let names = |line: &str| {
        let plan = ask_of(&world, line).unwrap();
        plan.packages.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("--cuda 12.8 --cc 8.0 torch"), "runtime torch");
    assert_eq!(names("--cuda 12.8 --cc 8.0 torch[plots]"), "plots runtime torch triton");
    assert_eq!(names("--cuda 12.8 --cc 8.0 torch[windows]"), "runtime torch");
    assert_eq!(names("--cuda 12.8 --cc 8.0 torch[Plots,windows]"), "plots runtime torch triton");
    let texts = [
        refused_by(&world, "--cuda 12.8 --cc 8.0 torch[newer]"),
        refused_by(&world, "--cuda 12.8 --cc 8.0 torch[images]"),
        refused_by(&world, "--cuda 12.8 --cc 8.0 torch[plots,nothing]"),
        refused_by(&world, "--cuda 12.8 --cc 8.0 numpy[nothing]"),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

/// The refusals that people meet, on packages as they are published.
#[test]
fn refusals_of_the_field() {
    let torch = |version: &str, python: &str, system: &str, cuda: &[&str], cudnn: &str, codes: &str| {
        let runtime = cuda.first().map(|cuda| format!("runtime=={cuda}.90"));
        let cudnn = format!("cudnn=={cudnn}");
        let pins: Vec<&str> = runtime.iter().map(String::as_str).chain([cudnn.as_str()]).collect();
        let wheel =
            Wheel::new(&format!("torch-{version}-{python}-{python}-manylinux_2_28_{system}.whl")).cuda(cuda);
        let wheel = if cuda.is_empty() { wheel } else { wheel.requires(&pins) };
        wheel.elf(device_library("torch/lib/libtorch_cuda.so", codes))
    };
    let new = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120";
    let old = "sm_50 sm_60 sm_70 sm_80 sm_86 sm_90";
    let x86 = "x86_64";
    let world = World::new(&[
        "torch",
        "xformers",
        "flash-attn",
        "mamba-ssm",
        "causal-conv1d",
        "hopper",
        "vllm",
        "cudnn-frontend",
    ])
    .with_systems(&["x86_64-linux", "aarch64-linux"])
    .with_cudas(&["cpu", "12.6", "12.8", "13.0"])
    .package("torch", TORCH)
    .package("runtime", "")
    .package("cudnn", "cuda-match = \"none\"")
    .wheel(torch("2.9.1", "cp312", x86, &["13.0"], "9.13", new))
    .wheel(torch("2.8.0", "cp312", x86, &["12.8"], "9.10", new))
    .wheel(torch("2.8.0", "cp311", x86, &["12.8"], "9.10", new))
    .wheel(torch("2.7.1", "cp312", x86, &["12.6"], "9.5", old))
    .wheel(torch("2.7.0", "cp312", x86, &["12.6"], "9.5", old))
    .wheel(torch("2.9.1", "cp312", "aarch64", &["13.0"], "9.13", new))
    .wheel(torch("2.8.0", "cp312", "aarch64", &[], "9.10", ""))
    .wheel(Wheel::any("runtime", "12.6.90").cuda(&["12.6"]))
    .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
    .wheel(Wheel::any("runtime", "13.0.90").cuda(&["13.0"]))
    .wheel(Wheel::any("cudnn", "9.5"))
    .wheel(Wheel::any("cudnn", "9.10"))
    .wheel(Wheel::any("cudnn", "9.13"))
    .wheel(Wheel::any("cudnn_frontend", "1.0").requires(&["cudnn<9.6"]))
    .wheel(Wheel::any("xformers", "0.0.32").requires(&["torch==2.8.0"]))
    .wheel(Wheel::any("vllm", "0.11").requires(&["torch==2.8.0"]))
    .wheel(
        Wheel::new("hopper-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
            .requires(&["torch"])
            .elf(device_library("hopper/a.so", "sm_90a")),
    )
    .source("flash-attn", "2.8.3", "8.0 8.6 9.0", 120)
    .source("mamba-ssm", "2.2.6", "7.0 8.0 8.6 9.0", 20)
    .source("causal-conv1d", "1.5.3", "6.1 7.0 8.0 8.6 9.0", 10);
    let texts = [
        "--cuda 12.8 --cc 6.1 torch",
        "--cuda 12.8 --cc 6.1 --gcc 13 flash-attn torch",
        "--cuda 12.8 --cc 7.0 --cc 8.6 --gcc 13 flash-attn",
        "--cuda 13.0 --cc 9.0 --gcc 13 flash-attn",
        "--cuda 13.0 --cc 9.0 --gcc 16 flash-attn",
        "--cuda 13.0 --cc 9.0 flash-attn",
        "--cuda 13.0 --cc 8.6 --cc 9.0 --only-wheels flash-attn torch",
        "--cuda 12.7 --cc 9.0 torch",
        "--python 3.11 --cuda 12.6 --cc 9.0 --torch 2.7 torch",
        "--cpu flash-attn",
        "--cuda 12.6 --cc 9.0 --torch 2.7.1 vllm",
        "--cuda 12.8 --cc 9.0 xformers torch==2.9.1",
        "--cuda 12.6 --cc 9.0 cudnn-frontend torch",
        "--cuda 12.8 --cc 9.0 cudnn-frontend torch",
        "--cuda 13.0 --cc 9.0 flash-atn",
        "--cuda 12.6 --cc 9.0 --prefer flash-atn=source torch",
        "--cuda 12.6 --cc 8.6 hopper",
        "--cuda 13.0 --cc 9.0 hopper",
        "--system aarch64-linux --cuda 13.0 --cc 9.0 --torch 2.8 torch",
        "--cuda 12.8 --cc 8.6 --gcc 13 torch flash-attn mamba-ssm causal-conv1d",
        "--cuda 12.8 --cc 8.6 torch flash-attn mamba-ssm causal-conv1d",
        "--cuda 12.6 --cc 6.1 --gcc 13 torch flash-attn mamba-ssm causal-conv1d",
        "--cuda 13.0 --cc 6.1 torch flash-attn mamba-ssm causal-conv1d",
    ];
    insta::assert_snapshot!(texts.map(|line| refused_by(&world, line)).join("\n"));
}

/// What each package of a plan is made of, spelled out another way: walk the requirements, look at each wheel, then at
/// each source. `None` where the cell does not serve.
fn made(cell: &Cell, request: &Request, is_first_pass: bool) -> Option<BTreeMap<String, bool>> {
    let mut names: BTreeSet<&String> = request.packages.keys().collect();
    for _ in 0..10 {
        let known: Vec<_> = names.iter().filter_map(|name| cell.packages.get(*name)).collect();
        names.extend(known.iter().flat_map(|package| &package.requires));
    }
    let mut made = BTreeMap::new();
    for name in names {
        let package = cell.packages.get(name)?;
        let has_wheel = package.wheel.as_ref().is_some_and(|wheel| {
            let glibc = wheel.glibc;
            request.compute_capabilities.iter().all(|cc| wheel.covers.contains(cc))
                && glibc <= Some(request.newest_glibc())
        });
        let has_source = package.source.as_ref().is_some_and(|source| {
            request.compute_capabilities.iter().all(|cc| source.capabilities.contains(cc))
        });
        let prefer = request.preferences.packages.get(name).unwrap_or(&request.preferences.all);
        let is_forbidden = match &request.preferences.only_wheels {
            Which::All => true,
            Which::Named(names) => names.contains(name),
        };
        let may_compile = has_source
            && request.compiler.is_some()
            && !is_forbidden
            && !(is_first_pass && *prefer == Prefer::Wheel);
        let is_compiled = match (has_wheel, may_compile, prefer) {
            (false, false, _) => return None,
            (true, true, Prefer::Source) | (false, true, _) => true,
            (true, ..) => false,
        };
        made.insert(name.clone(), is_compiled);
    }
    Some(made)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn a_plan_exists_where_a_cell_serves(request in requests()) {
        let world = compiling();
        let catalogue = world.catalogue();
        let cells = world.cells();
        let file = cells.iter().find(|file| (file.python, file.cuda) == (request.python, request.cuda));
        let asked = |torch: &&String| {
            let parts = |version: &str| version.split('.').map(str::to_owned).collect::<Vec<_>>();
            request.torch.as_ref().is_none_or(|asked| parts(torch).starts_with(&parts(asked)))
        };
        let expected = [true, false].into_iter().find_map(|is_first_pass| {
            let mut torches = file?.order.iter().filter(asked);
            torches.find_map(|torch| Some((torch.clone(), made(&file?.torch[torch], &request, is_first_pass)?)))
        });
        match answer(&catalogue, &request).unwrap() {
            Ok(plan) => {
                let is_source = |package: &PlanPackage| matches!(package.build, PlanBuild::Source { .. });
                let made = plan.packages.iter().map(|(name, package)| (name.clone(), is_source(package))).collect();
                prop_assert_eq!(Some((plan.torch.clone(), made)), expected);
                for package in plan.packages.values() {
                    prop_assert!(package.requires.iter().all(|name| plan.packages.contains_key(name)));
                }
            }
            Err(refusal) => {
                prop_assert_eq!(None, expected);
                prop_assert!(!refusal.reasons.is_empty());
                prop_assert!(refusal.suggestions.len() <= 3);
                // Each torch that was asked for is ruled out, and by no reason that the others make superfluous.
                if let Some(file) = file && refusal.reasons.iter().all(|reason| !reason.torch.is_empty()) {
                    let all: BTreeSet<_> = file.order.iter().filter(asked).collect();
                    for left_out in 0..=refusal.reasons.len() {
                        let reasons = refusal.reasons.iter().enumerate().filter(|(place, _)| *place != left_out);
                        let out: BTreeSet<_> = reasons.flat_map(|(_, reason)| &reason.torch).collect();
                        let is_whole = all.iter().all(|torch| out.contains(torch));
                        prop_assert!(all.is_empty() || is_whole == (left_out == refusal.reasons.len()), "{:?}", refusal);
                    }
                }
                for Suggestion { command, .. } in refusal.suggestions {
                    if command.starts_with("axle lock ") {
                        prop_assert!(works(&world, &command), "{}", command);
                        continue;
                    }
                    let again = crate::request(&command);
                    prop_assert!(answer(&catalogue, &again).unwrap().is_ok(), "{}", command);
                    prop_assert!(again.packages.keys().all(|name| request.packages.contains_key(name)));
                    let is_fewer = again.compute_capabilities.is_subset(&request.compute_capabilities);
                    prop_assert!(is_fewer || request.cuda == CudaTarget::Cpu);
                    prop_assert_eq!(again.cuda == CudaTarget::Cpu, again.compute_capabilities.is_empty());
                }
            }
        }
    }
}

/// A third party's wheel for the newer torch, and the project's for the older.
#[test]
fn third_parties_are_asked_before_anything_is_compiled_and_after_the_projects() {
    let toml = r#"
cuda-match = "none"
[published]
github = ["project/attention"]
[names]
local = ['^torch(?<torch>[\d.]+)$']
[[publisher]]
name = "builder"
github = ["builder/wheels"]
why = "it builds the project's tags"
document = "its workflow"
"#;
    let wheel = |repository: &str, torch: &str| {
        let filename = format!("attention-2.8+torch{torch}-py3-none-any.whl");
        Wheel::new(&filename).requires(&["torch"]).published(|artefact| {
            let url = format!("https://github.com/{repository}/releases/download/v1/{filename}");
            artefact.origin = Origin::Url(url);
        })
    };
    let theirs = || {
        World::new(&["torch", "attention"])
            .package("torch", TORCH)
            .package("runtime", "")
            .package("attention", toml)
            .wheel(torch("2.10.0", "cp312", "12.8", "sm_80 sm_90"))
            .wheel(torch("2.90.0", "cp312", "12.8", "sm_90"))
            .wheel(Wheel::any("runtime", "12.8.90").cuda(&["12.8"]))
            .wheel(Wheel::any("triton", "3.5.1"))
            .wheel(Wheel::any("numpy", "2.3"))
            .wheel(wheel("builder/wheels", "2.90"))
    };
    let ask = |world: &World, line: &str| {
        let plan = ask_of(world, &format!("--cuda 12.8 --cc 9.0 {line} attention"));
        match plan.map(|plan| (plan.torch.clone(), plan.packages["attention"].build.clone())) {
            Ok((torch, PlanBuild::Wheel { publisher, .. })) => {
                format!("torch {torch}, wheel of {}", publisher.as_deref().unwrap_or("the project"))
            }
            Ok((torch, PlanBuild::Source { .. })) => format!("torch {torch}, source"),
            Err(refusal) => {
                refusal.reasons.iter().map(|reason| reason.message.clone()).collect::<Vec<_>>().join("; ")
            }
        }
    };
    let only_theirs = theirs();
    assert_eq!(ask(&only_theirs, ""), "torch 2.90.0, wheel of builder");
    assert_eq!(ask(&only_theirs, "--publisher builder"), "torch 2.90.0, wheel of builder");
    insta::assert_snapshot!(
        ask(&only_theirs, "--torch 2.90.0 --publisher none"),
        @"the wheel of attention 2.8+torch2.90 is built by builder, not by the project, and --publisher excludes it"
    );
    let both = theirs().wheel(wheel("project/attention", "2.10"));
    assert_eq!(ask(&both, ""), "torch 2.10.0, wheel of the project");
    assert_eq!(ask(&both, "--torch 2.90.0"), "torch 2.90.0, wheel of builder");
    assert_eq!(ask(&both, "--prefer newest"), "torch 2.90.0, wheel of builder");
    // Hours of compiling come last.
    let compiled = only_theirs.source("attention", "2.8+torch2.90", "9.0", 90);
    assert_eq!(ask(&compiled, "--gcc 13"), "torch 2.90.0, wheel of builder");
    assert_eq!(ask(&compiled, "--gcc 13 --publisher none"), "torch 2.90.0, source");
}
