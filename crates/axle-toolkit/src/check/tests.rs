//! Tests of each rule, on an environment that satisfies it and on one that violates it, with the facts of
//! `catalogue/toolkits.json`.

use axle_rules::{Rule, Severity};
use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::packages::components;
use super::{Case, check};
use crate::{Environment, Lacking, Package, Source, Toolkits, Verdict};
use axle_types::{ComputeCapability, HostCompiler, WheelCuda};

fn toolkits() -> Toolkits {
    serde_json::from_str(include_str!("../../../../catalogue/toolkits.json")).unwrap()
}

fn environment(cuda: &str) -> Environment {
    let mut environment = Environment::new("x86_64-linux".parse().unwrap());
    environment.cuda = Some(cuda.parse().unwrap());
    environment
}

/// A package that serves some GPUs and lacks others.
fn package(name: &str, serves: &[&str], lacks: &[&str]) -> Package {
    let capabilities =
        |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ComputeCapability>>();
    Package {
        name: name.to_owned(),
        version: "1.0".to_owned(),
        system: "x86_64-linux".parse().unwrap(),
        cuda: None,
        pythons: None,
        sass: capabilities(serves),
        ptx: Vec::new(),
        specialised: Vec::new(),
        lacking: if lacks.is_empty() {
            Vec::new()
        } else {
            vec![Lacking { member: format!("{name}/lib/lib{name}.so"), capabilities: capabilities(lacks) }]
        },
        glibc: None,
        cxx11_abi: None,
        links_torch: false,
        pins: std::collections::BTreeMap::new(),
        source: Source::Document { document: "a test".to_owned() },
    }
}

fn with(cuda: &str, change: impl FnOnce(&mut Environment)) -> Environment {
    let mut environment = environment(cuda);
    change(&mut environment);
    environment
}

fn for_gpu(cuda: &str, gpu: &str) -> Environment {
    with(cuda, |e| e.capabilities = [gpu.parse().unwrap()].into())
}

fn for_driver(cuda: &str, driver: &str, gpu: &str) -> Environment {
    with(cuda, |e| {
        e.driver = Some(driver.parse().unwrap());
        e.capabilities = [gpu.parse().unwrap()].into();
    })
}

fn with_glibc(cuda: &str, glibc: &str) -> Environment {
    with(cuda, |e| {
        e.compiler = Some(HostCompiler::Gcc(13));
        e.glibc = Some(glibc.parse().unwrap());
    })
}

fn with_package(cuda: &str, package: Package, change: impl FnOnce(&mut Environment)) -> Environment {
    with(cuda, |e| {
        e.packages = vec![package];
        change(e);
    })
}

/// A torch with one C++ ABI, and an extension with another or the same.
fn with_abis(torch: bool, extension: bool) -> Environment {
    with("12.8", |e| {
        e.packages = vec![
            Package { cxx11_abi: Some(torch), ..package("torch", &[], &[]) },
            Package { cxx11_abi: Some(extension), links_torch: true, ..package("made", &[], &[]) },
        ];
    })
}

/// Of each rule an environment that keeps it, and one that breaks it.
fn cases() -> Vec<(Rule, Environment, Environment)> {
    let gcc = |cuda, major| with(cuda, |e| e.compiler = Some(HostCompiler::Gcc(major)));
    let clang = |cuda, major| with(cuda, |e| e.compiler = Some(HostCompiler::Clang(major)));
    let made = || package("made", &["7.5"], &["6.1"]);
    let with_made =
        |gpu: &str| with_package("13.0", made(), |e| e.capabilities = [gpu.parse().unwrap()].into());
    let for_312 = || Package { pythons: Some(vec!["3.12".parse().unwrap()]), ..made() };
    let for_glibc = || Package { glibc: Some("2.28".parse().unwrap()), ..made() };
    let for_cuda_12 = || Package { cuda: Some(WheelCuda::Major(12)), ..made() };
    // A compiler may include the headers of another C library than the one that runs, as Nix's do.
    let with_headers = |headers: &str| {
        let running = with_glibc("12.8", "2.36");
        Environment { glibc_headers: Some(headers.parse().unwrap()), ..running }
    };
    let libstdcxx = |cuda, libstdcxx| {
        with(cuda, |e| {
            e.compiler = Some(HostCompiler::Clang(20));
            e.libstdcxx = Some(libstdcxx);
        })
    };
    let memory = |gibibytes: u64| {
        with("12.8", |e| {
            e.memory = Some(gibibytes << 30);
            e.compiled = ["flash-attn".to_owned()].into();
        })
    };
    vec![
        (Rule::UnknownToolkit, environment("12.8"), environment("12.7")),
        (Rule::GccTooNew, gcc("12.8", 14), gcc("12.8", 15)),
        (Rule::GccTooNew, gcc("13.4", 16), gcc("13.5", 17)),
        (Rule::GccTooOld, gcc("12.8", 6), gcc("12.8", 5)),
        (Rule::ClangTooNew, clang("12.8", 19), clang("12.8", 20)),
        (Rule::ClangTooOld, clang("12.8", 7), clang("12.8", 6)),
        (Rule::ClangTooOld, clang("12.8", 7), clang("12.8", 2)),
        (Rule::CapabilityDropped, for_gpu("12.9", "6.1"), for_gpu("13.0", "6.1")),
        (Rule::CapabilityDropped, for_gpu("12.9", "10.1"), for_gpu("13.0", "10.1")),
        (Rule::CapabilityTooNew, for_gpu("12.8", "12.0"), for_gpu("12.6", "12.0")),
        (Rule::CapabilityTooNew, for_gpu("13.0", "11.0"), for_gpu("12.9", "11.0")),
        (Rule::CapabilityDeprecated, for_gpu("12.6", "6.1"), for_gpu("12.9", "6.1")),
        (Rule::PackageWithoutCode, with_made("7.5"), with_made("6.1")),
        (Rule::DriverTooOld, for_driver("12.8", "570.26", "8.6"), for_driver("12.8", "520.61.05", "8.6")),
        (
            Rule::DriverTooOldForPtx,
            for_driver("12.8", "570.26", "8.6"),
            for_driver("12.8", "535.54.03", "8.6"),
        ),
        (
            Rule::DriverTooOldForPtx,
            for_driver("12.6", "560.28.03", "12.0"),
            for_driver("12.6", "535.54.03", "12.0"),
        ),
        (Rule::DriverTooNew, for_driver("12.8", "580.95.05", "6.1"), for_driver("12.8", "590.44.01", "6.1")),
        (
            Rule::DriverBeforeGpu,
            for_driver("12.8", "570.26", "12.0"),
            for_driver("12.8", "560.35.03", "12.0"),
        ),
        (
            Rule::DriverBeforeGpu,
            for_driver("11.8", "520.61.05", "8.9"),
            for_driver("11.8", "515.43.04", "8.9"),
        ),
        (
            Rule::PythonNotServed,
            with_package("12.8", for_312(), |e| e.python = Some("3.12".parse().unwrap())),
            with_package("12.8", for_312(), |e| e.python = Some("3.9".parse().unwrap())),
        ),
        (
            Rule::PythonNotServed,
            with("12.8", |e| e.python = Some("3.12".parse().unwrap())),
            with("12.8", |e| e.python = Some("3.8".parse().unwrap())),
        ),
        (
            Rule::GlibcTooOld,
            with_package("12.8", for_glibc(), |e| e.glibc = Some("2.28".parse().unwrap())),
            with_package("12.8", for_glibc(), |e| e.glibc = Some("2.17".parse().unwrap())),
        ),
        (Rule::GlibcHeadersTooNew, with_glibc("12.9", "2.40"), with_glibc("12.9", "2.41")),
        (Rule::GlibcHeadersTooNew, with_glibc("13.1", "2.41"), with_glibc("13.1", "2.42")),
        (Rule::GlibcHeadersTooNew, with_glibc("13.2", "2.42"), with_glibc("13.0", "2.42")),
        (Rule::GlibcHeadersTooNew, with_headers("2.40"), with_headers("2.41")),
        (Rule::LibstdcxxTooNew, libstdcxx("13.1", 15), libstdcxx("13.1", 16)),
        (Rule::LibstdcxxTooNew, libstdcxx("13.3", 16), libstdcxx("13.3", 17)),
        (Rule::LibstdcxxTooNew, libstdcxx("13.0", 15), libstdcxx("13.0", 16)),
        (Rule::AbiMismatch, with_abis(true, true), with_abis(false, true)),
        (Rule::TooLittleMemory, environment("12.8"), memory(32)),
        (Rule::TooLittleMemory, environment("12.8"), memory(8)),
        (
            Rule::MixedCudaMajors,
            with_package("12.8", for_cuda_12(), |_| ()),
            with_package("13.0", for_cuda_12(), |_| ()),
        ),
    ]
}

#[test]
fn each_rule_kept_and_broken() {
    let toolkits = toolkits();
    let mut text = String::new();
    for (rule, keeps, breaks) in cases() {
        let said = |environment: &Environment| -> Vec<Verdict> {
            let verdicts = check(&toolkits, environment).into_iter();
            verdicts.filter(|verdict| verdict.rule == rule).collect()
        };
        let (kept, broken) = (said(&keeps), said(&breaks));
        assert!(kept.iter().all(|verdict| verdict.severity == Severity::Ok), "{}", shown(&kept));
        assert!(broken.iter().any(|verdict| verdict.severity > Severity::Ok), "{rule}: {}", shown(&broken));
        assert!(
            broken.iter().all(|verdict| verdict.severity <= rule.severity()),
            "{rule}: {}",
            shown(&broken)
        );
        let _ = writeln!(text, "{rule} {}\n{}{}", rule.name(), shown(&kept), shown(&broken));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn no_rule_is_untested() {
    let tested: BTreeSet<Rule> = cases().into_iter().map(|(rule, ..)| rule).collect();
    let untested: Vec<_> =
        Rule::ALL.iter().filter(|rule| !rule.is_finding() && !tested.contains(rule)).collect();
    // The first has a test of its own, below; the second is judged in a builder, by the overlay's hook, which the checks of
    // the flake run; the others are about lists of versions, which axle-solve judges.
    let elsewhere = [
        Rule::CapabilityOnlySpecialised,
        Rule::OtherTools,
        Rule::OtherCuda,
        Rule::OtherTorch,
        Rule::RequirementNotMet,
        Rule::NoWheel,
        Rule::NotJudged,
    ];
    assert_eq!(untested, elsewhere.iter().collect::<Vec<_>>());
}

/// Verdicts, as a person reads them.
fn shown(verdicts: &[Verdict]) -> String {
    let lines = verdicts.iter().map(|verdict| {
        let fix = verdict.fix.as_ref().map(|fix| format!("  what to do: {fix}\n")).unwrap_or_default();
        format!(
            "{}: {}\n  fact: {}\n  from: {}\n{fix}",
            verdict.severity, verdict.message, verdict.fact, verdict.source
        )
    });
    lines.collect()
}

/// No release names a GPU by suffixed targets alone so far: one is made.
#[test]
fn capability_only_specialised() {
    let mut toolkits = toolkits();
    let release = toolkits.releases.iter_mut().find(|release| release.cuda.to_string() == "12.8").unwrap();
    release.ptxas.sass = ["sm_80", "sm_90a"].map(|code| code.parse().unwrap()).to_vec();
    let verdicts = |gpu| -> Vec<Verdict> {
        let verdicts = check(&toolkits, &for_gpu("12.8", gpu)).into_iter();
        verdicts.filter(|verdict| verdict.rule == Rule::CapabilityOnlySpecialised).collect()
    };
    assert_eq!(verdicts("8.6"), []);
    insta::assert_snapshot!(shown(&verdicts("9.0")));
}

#[test]
fn an_allowed_rule_only_warns() {
    let mut environment = with("12.8", |e| e.compiler = Some(HostCompiler::Gcc(15)));
    let worst =
        |environment: &Environment| check(&toolkits(), environment).first().map(|verdict| verdict.severity);
    assert_eq!(worst(&environment), Some(Severity::Error));
    environment.allowed.insert(Rule::GccTooNew);
    assert_eq!(worst(&environment), Some(Severity::Warning));
}

#[test]
fn gpus_go_by_many_names() {
    let toolkits = toolkits();
    let capability = |name: &str| toolkits.gpu(name).map(|capability| capability.to_string());
    for (name, expected) in [
        ("RTX 3090", "8.6"),
        ("rtx3090ti", "8.6"),
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "8.9"),
        ("NVIDIA A100-SXM4-40GB", "8.0"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("NVIDIA RTX 6000 Ada Generation", "8.9"),
        ("GTX 1080 Ti", "6.1"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "8.0"),
        ("NVIDIA A10-24Q", "8.6"),
        ("GRID T4-16Q", "7.5"),
        ("NVIDIA GH200 144G HBM3e", "9.0"),
        ("NVIDIA H20-3e", "9.0"),
        ("NVIDIA B300 SXM6 AC", "10.3"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "12.0"),
        ("NVIDIA RTX PRO 1000 Blackwell Generation Laptop GPU", "12.0"),
        ("NVIDIA TITAN X (Pascal)", "6.1"),
        ("GeForce GTX TITAN X", "5.2"),
        ("Orin (nvgpu)", "8.7"),
        ("NVIDIA Thor", "11.0"),
        ("Tesla K80", "3.7"),
        ("Jetson Orin", "8.7"),
        ("Jetson AGX Orin 64GB", "8.7"),
        ("NVIDIA Jetson AGX Orin Developer Kit", "8.7"),
        ("Orin Nano", "8.7"),
        ("Jetson Orin Nano Super", "8.7"),
        ("IGX Orin", "8.7"),
        ("Jetson Nano", "5.3"),
        ("Xavier NX", "7.2"),
        ("Jetson Thor T5000", "11.0"),
        ("AGX Thor", "11.0"),
        ("GB200 NVL72", "10.0"),
        ("GB300 NVL72", "10.3"),
        ("DGX B200", "10.0"),
        ("HGX H100", "9.0"),
        ("DGX A100", "8.0"),
        ("NVIDIA GH200 Grace Hopper Superchip", "9.0"),
        ("Grace Hopper", "9.0"),
        ("NVIDIA DGX Spark (GB10)", "12.1"),
        ("RTX 5070 Ti Laptop GPU", "12.0"),
        ("Tesla T4", "7.5"),
        ("RTX 6000 Pro", "12.0"),
        ("RTX PRO 6000 Blackwell Workstation Edition", "12.0"),
        ("Quadro RTX 6000", "7.5"),
        ("RTX 8000", "7.5"),
        ("GRID V100D-8Q", "7.0"),
        ("NVIDIA GeForce RTX 3060 Lite Hash Rate", "8.6"),
    ] {
        assert_eq!(capability(name).as_deref(), Ok(expected), "{name}");
    }
    let error = |name: &str| capability(name).unwrap_err().to_string();
    assert_eq!(
        error("RTX 4091"),
        "'RTX 4091' is not a GPU that axle knows; did you mean RTX 4090 or RTX 3090 or RTX 4050? If not, give its compute \
         capability with --cc"
    );
    assert_eq!(
        error("4090"),
        "'4090' is not a GPU that axle knows; did you mean RTX 4090 or RTX 4090 D? If not, give its compute capability with --cc"
    );
    assert_eq!(
        error("Voodoo"),
        "'Voodoo' is not a GPU that axle knows; give its compute capability with --cc, e.g. 8.6"
    );
    assert_eq!(
        error("AMD Instinct MI300X"),
        "'AMD Instinct MI300X' is a GPU by AMD, which does not run CUDA: axle picks builds for NVIDIA GPUs, or for none (--cpu)"
    );
    for (name, nearest) in [
        ("Nano", ["Jetson Nano", "Jetson Orin Nano"].as_slice()),
        ("RTX 6000", &["Quadro RTX 6000", "RTX 6000 Ada", "RTX PRO 6000"]),
        ("Jetson Oryn", &[]),
        ("DGX", &["DGX Spark"]),
        ("RTX 5090 Ti", &["RTX 5070 Ti"]),
    ] {
        let error = toolkits.gpu(name).unwrap_err();
        let found = nearest.iter().all(|known| error.nearest().iter().any(|one| one == known));
        assert!(found && !error.nearest().is_empty(), "{error}");
    }
    for (name, vendor) in [
        ("gfx942", "AMD"),
        ("MI250", "AMD"),
        ("Radeon RX 7900 XTX", "AMD"),
        ("RX7600", "AMD"),
        ("Intel Arc A770", "Intel"),
        ("Gaudi 3", "Intel"),
        ("Apple M3 Max", "Apple"),
        ("M2", "Apple"),
    ] {
        assert!(error(name).contains(&format!("is a GPU by {vendor}, ")), "{}", error(name));
    }
    assert_eq!(capability("Tesla M4").as_deref(), Ok("5.2"), "NVIDIA had one too");
    assert!(capability("").is_err());
    assert!(capability("NVIDIA").is_err());
}

#[test]
fn gpus_beside_an_arm_processor_say_their_system() {
    use axle_types::System;
    for name in
        ["GB10", "DGX Spark", "NVIDIA GH200 480GB", "GB200 NVL72", "Grace Hopper", "Jetson Orin", "Thor"]
    {
        assert_eq!(crate::system_of_gpu(name), Some(System::Aarch64Linux), "{name}");
    }
    for name in ["H100", "B200", "RTX 5090", "L4"] {
        assert_eq!(crate::system_of_gpu(name), None, "{name}");
    }
}

#[test]
fn every_gpu_has_a_name_once() {
    let toolkits = toolkits();
    for gpus in &toolkits.declared.gpus {
        for name in &gpus.names {
            assert_eq!(toolkits.gpu(name), Ok(gpus.capability), "{name}");
        }
    }
}

#[test]
fn every_release_has_its_drivers_and_compilers() {
    let toolkits = toolkits();
    for release in &toolkits.releases {
        let cuda = release.cuda;
        assert!(toolkits.driver(cuda).is_some(), "no driver for CUDA {cuda} in catalogue/declared.toml");
        assert!(toolkits.compiler_floor(cuda).is_some(), "no oldest compiler for CUDA {cuda}");
    }
    // A newer release asks for the same compilers and drivers, or newer ones.
    for pair in toolkits.releases.windows(2) {
        for (system, old) in &pair[0].hosts {
            let Some(new) = pair[1].hosts.get(system) else { continue };
            assert!(old.gcc.max <= new.gcc.max && old.clang.max <= new.clang.max, "{}", pair[1].cuda);
        }
        let needs = |cuda| toolkits.driver(cuda).map(|driver| driver.compatible.clone());
        assert!(needs(pair[0].cuda) <= needs(pair[1].cuda));
    }
}

fn worst_of_all(toolkits: &Toolkits, environment: &Environment) -> Severity {
    check(toolkits, environment).iter().map(|verdict| verdict.severity).max().unwrap_or(Severity::Ok)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// A verdict never gets worse when an older capability is replaced by one that the toolkit and every package name.
    #[test]
    fn a_newer_capability_that_all_name_is_no_worse(
        release in any::<prop::sample::Index>(),
        torch in any::<Option<prop::sample::Index>>(),
        old in any::<prop::sample::Index>(),
        new in any::<prop::sample::Index>(),
        driver in prop::sample::select(vec!["450.80.02", "525.60.13", "535.54.03", "570.26", "580.65.06", "595.45.04"]),
    ) {
        let toolkits = toolkits();
        let release = release.get(&toolkits.releases);
        let torches: Vec<_> = toolkits.packages.iter().filter(|package| package.name == "torch").collect();
        let mut environment = environment(&release.cuda.to_string());
        environment.driver = Some(driver.parse().unwrap());
        environment.packages = torch.map(|torch| (*torch.get(&torches)).clone()).into_iter().collect();
        let case = Case { toolkits: &toolkits, environment: &environment, release };
        let with = |gpu: ComputeCapability| Environment { capabilities: [gpu].into(), ..environment.clone() };
        // What is judged of packages, those that belong to the toolkit among them, is fine where all name the GPU.
        let is_before = |start: &crate::DriverStart| {
            environment.driver.as_ref().is_some_and(|driver| driver.branch() < start.branch)
        };
        let all_name = |gpu: ComputeCapability| {
            let mut starts = toolkits.declared.driver_starts.iter();
            // Not of every GPU is it known which driver came first.
            !starts.any(|start| start.capabilities.contains(&gpu) && is_before(start))
                && release.ptxas.names(gpu)
                && environment.packages.iter().all(|package| package.sass.contains(&gpu))
                && components(&case).iter().all(|(package, _)| package.covers(gpu))
        };
        let all: Vec<ComputeCapability> = toolkits.declared.gpus.iter().map(|gpus| gpus.capability).collect();
        let named: Vec<_> = all.iter().copied().filter(|&gpu| all_name(gpu)).collect();
        prop_assume!(!named.is_empty());
        let new = *new.get(&named);
        let older: Vec<_> = all.iter().copied().filter(|&gpu| gpu < new).collect();
        prop_assume!(!older.is_empty());
        let old = *old.get(&older);
        for rule in Rule::ALL {
            let worst = |gpu| {
                let verdicts = check(&toolkits, &with(gpu)).into_iter();
                verdicts.filter(|verdict| verdict.rule == *rule).map(|verdict| verdict.severity).max()
            };
            // What was dropped is not announced to be dropped.
            let (before, after) = (worst(old).unwrap_or(Severity::Ok), worst(new).unwrap_or(Severity::Ok));
            let announced = *rule == Rule::CapabilityDeprecated && worst_of_all(&toolkits, &with(old)) == Severity::Error;
            prop_assert!(after <= before || announced, "{rule}, {old} -> {new}: {environment:?}");
        }
        prop_assert!(worst_of_all(&toolkits, &with(new)) <= worst_of_all(&toolkits, &with(old)));
    }
}
