use std::borrow::Borrow;

use axle_audit::ElfMember;
use axle_catalogue::{CauseKind, Provenance};
use axle_types::PythonVersion;

use super::*;
use crate::candidates::tests::of_x86;
use axle_testing::{CUDA_12_8, Wheel, World, device_library, library};

const TORCH: &str = "cuda-match = \"minor\"\ncuda-from = [\"cuda-runtime\"]";

/// A torch for Python 3.12 that pins its CUDA run time.
fn torch(version: &str, cuda: &str) -> Wheel {
    Wheel::new(&format!("torch-{version}-cp312-cp312-manylinux_2_28_x86_64.whl"))
        .requires(&[&format!("cuda-runtime=={cuda}.90")])
        .cuda(&[cuda])
}

/// Torch 2.9.1 for CUDA 12.8 and 2.7.1 for 12.6, with their run times.
fn world(order: &[&str]) -> World {
    World::new(order)
        .package("torch", TORCH)
        .package("cuda-runtime", "")
        .wheel(torch("2.9.1", "12.8"))
        .wheel(torch("2.7.1", "12.6"))
        .wheel(Wheel::any("cuda_runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::any("cuda_runtime", "12.6.90").cuda(&["12.6"]))
}

fn solved(world: &World) -> CellFile {
    solve(&of_x86(&world.inventory()), CUDA_12_8).unwrap().file
}

/// The one cell of a world, for torch 2.9.1.
fn cell(world: &World) -> Cell {
    solved(world).torch.remove("2.9.1").unwrap()
}

fn versions(cell: &Cell) -> Vec<String> {
    cell.packages.iter().map(|(name, package)| format!("{name} {}", package.version)).collect()
}

/// Why packages are absent, or versions of one.
fn absences<A: Borrow<Absence>>(absent: &BTreeMap<String, A>, of: Option<&str>) -> String {
    let line = |(name, absence): (&String, &A)| {
        let absence = absence.borrow();
        format!("{name} ({:?}): {}\n", absence.why.kind(), absence.about(of.unwrap_or(name)))
    };
    absent.iter().map(line).collect()
}

#[test]
fn who_links_some_torch_is_unknown_and_torch_itself_is_not() {
    let linking = |path: &str| ElfMember { torch_cxx: Some(true), ..library(path, &["libc10.so"]) };
    let own = torch("2.9.1", "12.8")
        .elf(library("torch/lib/libc10.so", &[]))
        .elf(linking("torch/lib/libtorch_python.so"));
    let extension =
        Wheel::new("extension-1.0-cp312-cp312-manylinux_2_28_x86_64.whl").elf(linking("extension/_C.so"));
    let world = World::new(&["torch", "extension"])
        .package("torch", TORCH)
        .package("cuda-runtime", "")
        .package("extension", "")
        .wheel(own)
        .wheel(Wheel::any("cuda_runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(extension);
    let cell = cell(&world);
    assert!(cell.packages.contains_key("torch"));
    assert_eq!(
        absences(&cell.absent, None),
        "extension (Unknown): extension 1.0 cannot be chosen: it links the C++ symbols of an unknown version of torch\n"
    );
}

#[test]
fn what_does_not_import_beside_a_torch_is_no_choice_for_it() {
    let wheel = |version: &str, python: &str| {
        format!("extension-{version}-{python}-{python}-manylinux_2_28_x86_64.whl")
    };
    let torch_wheel = |version: &str| format!("torch-{version}-cp312-cp312-manylinux_2_28_x86_64.whl");
    let world = World::new(&["torch", "extension", "pure"])
        .package("torch", TORCH)
        .package("cuda-runtime", "")
        .wheel(torch("2.9.1", "12.8"))
        .wheel(torch("2.10.0", "12.8"))
        .wheel(Wheel::any("cuda_runtime", "12.8.90").cuda(&["12.8"]))
        .wheel(Wheel::new(&wheel("1.0", "cp312")))
        .wheel(Wheel::new(&wheel("1.1", "cp312")))
        .wheel(Wheel::new(&wheel("1.1", "cp311")))
        .wheel(Wheel::any("pure", "3.0"))
        .wheel(Wheel::any("pure", "3.1"));
    let versions_beside = |world: &World| {
        let file = solved(world);
        let of = |(torch, cell): (&String, &Cell)| {
            let versions =
                ["extension", "pure"].map(|name| cell.version_of(name).unwrap_or("none").to_owned());
            format!("{torch}: {}", versions.join(", "))
        };
        file.torch.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(versions_beside(&world), ["2.10.0: 1.1, 3.1", "2.9.1: 1.1, 3.1"]);

    let lacks = Some("cannot import name 'ScalingType' from 'torch.nn.functional'");
    let world = world
        .import(&wheel("1.1", "cp311"), &torch_wheel("2.9.1"), lacks)
        .import("pure-3.1-py3-none-any.whl", &torch_wheel("2.9.1"), lacks)
        .import("pure-3.1-py3-none-any.whl", &torch_wheel("2.10.0"), None);
    assert_eq!(versions_beside(&world), ["2.10.0: 1.1, 3.1", "2.9.1: 1.0, 3.0"]);
    let newer = &cell(&world).newer;
    let told: Vec<_> =
        newer.iter().map(|(name, newer)| newer.why.about(&format!("{name} {}", newer.version))).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    extension 1.1 does not import beside torch 2.9.1, where it was tried: cannot import name 'ScalingType' from 'torch.nn.functional'
    pure 3.1 does not import beside torch 2.9.1, where it was tried: cannot import name 'ScalingType' from 'torch.nn.functional'
    ");

    // Where no version is left it is absent, for that reason.
    let world = world.import(
        &wheel("1.0", "cp312"),
        &torch_wheel("2.9.1"),
        Some("libx.so: undefined symbol: _ZN3c105ErrorE"),
    );
    insta::assert_snapshot!(absences(&cell(&world).absent, None), @"extension (Torch): extension 1.1 does not import beside torch 2.9.1, where it was tried: cannot import name 'ScalingType' from 'torch.nn.functional'");
}

#[test]
fn every_torch_has_a_cell_or_a_reason() {
    let unaudited = Wheel::new("torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl")
        .requires(&["cuda-runtime==12.8.90"])
        .published(|artefact| {
            artefact.audit = None;
            artefact.provenance = Provenance::Declared;
        });
    let wheel = |version: &str| torch(version, "12.8");
    let world = world(&["torch"])
        .wheel(unaudited)
        .wheel(Wheel::new("torch-2.8.0-cp310-cp310-manylinux_2_28_x86_64.whl"))
        .wheel(Wheel::new("torch-2.8.0-cp311-cp311-manylinux_2_28_x86_64.whl"))
        .wheel(Wheel::new("torch-2.8.0-cp313-cp313-manylinux_2_28_aarch64.whl"))
        .wheel(Wheel::new("torch-2.6.0-cp312-cp312-manylinux_2_28_aarch64.whl"))
        .wheel(Wheel::new("torch-2.5.1-cp312-cp312-manylinux_2_39_x86_64.whl"))
        .wheel(wheel("2.5.0").published(|artefact| artefact.requires_python = Some("<3.12".into())))
        .wheel(wheel("2.4.1").published(|artefact| artefact.requires_python = Some(">=3.8, whatever".into())))
        .wheel(wheel("2.4.0").published(|artefact| artefact.yanked = Some("it eats files".into())))
        .wheel(wheel("2.3.1").published(|artefact| artefact.yanked = Some(String::new())))
        .wheel(wheel("2.3.0").published(|artefact| artefact.requires_dist = None))
        .wheel(wheel("2.2.2").requires(&["cuda-runtime==12.8.90", "triton==3.5.1"]))
        .wheel(wheel("2.2.1").requires(&["cuda-runtime (12"]))
        .wheel(wheel("2.2.0").audited(|facts| facts.glibc = Some("2.39".into())))
        .wheel(wheel("2.1.2").audited(|facts| facts.glibc = Some("new".into())))
        .wheel(wheel("2.1.1").cuda(&["12"]))
        .wheel(wheel("2.1.0").requires(&[]).cuda(&[]))
        .wheel(wheel("2.0.0").cuda(&["11.8", "12.6"]));
    let inventory = world.inventory();
    let solved = solve(&of_x86(&inventory), CUDA_12_8).unwrap();
    assert_eq!(solved.file.order, ["2.9.1"]);
    assert_eq!(versions(&solved.file.torch["2.9.1"]), ["cuda-runtime 12.8.90", "torch 2.9.1"]);
    let unaudited: Vec<_> = solved.unaudited.into_iter().collect();
    assert_eq!(unaudited, [("torch", "torch-2.9.0-cp312-cp312-manylinux_2_28_x86_64.whl")]);
    insta::assert_snapshot!(absences(&solved.file.absent, Some("torch")));
}

#[test]
fn the_order_of_the_artefacts_means_nothing() {
    let world = world(&["torch", "app", "other"])
        // Two spellings of one version.
        .wheel(Wheel::new("app-1.0-py3-none-any.whl").requires(&["lib>1", "other[x]; python_version > '3'"]))
        .wheel(Wheel::new("app-1.0.0-py3-none-manylinux_2_28_x86_64.whl").requires(&["lib", "other"]))
        .wheel(Wheel::any("other", "1.0").requires(&["lib<2; extra == 'x'", "gone"]))
        .wheel(Wheel::any("lib", "1.0"))
        .wheel(Wheel::any("lib", "2.0"));
    assert_eq!(world.cells(), world.clone().reversed().cells());
    assert_eq!(cell(&world).absent.len(), 2);
}

#[test]
fn what_comes_before_is_fixed() {
    // The library comes first and takes its newest version, though the application wants an older one.
    let library_first = |order: &[&str]| {
        world(order)
            .wheel(Wheel::any("lib", "1.0"))
            .wheel(Wheel::any("lib", "2.0"))
            .wheel(Wheel::any("app", "1.0"))
            .wheel(Wheel::any("app", "1.1").requires(&["lib<2"]))
    };
    let cell_of = |order: &[&str]| versions(&cell(&library_first(order)));
    assert_eq!(cell_of(&["torch", "lib", "app"])[..2], ["app 1.0", "cuda-runtime 12.8.90"]);
    assert_eq!(cell_of(&["torch", "lib", "app"])[2], "lib 2.0");
    assert_eq!(cell_of(&["torch", "app", "lib"])[2], "lib 1.0");
    assert_eq!(cell_of(&["torch", "app", "lib"])[0], "app 1.1");
}

#[test]
fn what_does_not_fit_is_absent_with_the_reason() {
    let world = world(&["torch", "lib", "app", "extension", "old", "foreign", "unknown", "needs-absent"])
        .wheel(Wheel::any("lib", "2.0"))
        .wheel(Wheel::any("app", "1.0").requires(&["lib<2"]))
        .wheel(Wheel::any("app", "1.1").requires(&["torch<2.9,>2"]))
        .wheel(Wheel::new("old-1.0-cp39-cp39-linux_x86_64.whl"))
        .wheel(Wheel::new("old-1.1-cp310-cp310-linux_x86_64.whl"))
        .package("extension", "cuda-match = \"major\"")
        .wheel(Wheel::any("extension", "1.0").cuda(&["13.0"]))
        .wheel(Wheel::new("foreign-1.0-cp312-cp312-win_amd64.whl"))
        .wheel(Wheel::any("needs_absent", "1.0").requires(&["old"]));
    let cell = cell(&world);
    assert_eq!(versions(&cell), ["cuda-runtime 12.8.90", "lib 2.0", "torch 2.9.1"]);
    insta::assert_snapshot!(absences(&cell.absent, None));
}

#[test]
fn an_older_version_serves_where_the_newest_is_for_another_cuda() {
    let world = world(&["torch", "extension"])
        .package("extension", "cuda-match = \"major\"")
        .wheel(Wheel::any("extension", "1.0").cuda(&["12"]))
        .wheel(Wheel::any("extension", "1.1").cuda(&["12.4"]))
        .wheel(Wheel::any("extension", "1.2").cuda(&["13.0"]));
    assert_eq!(versions(&cell(&world))[1], "extension 1.1");
}

#[test]
fn of_two_wheels_of_a_version_the_one_for_the_cuda_serves() {
    let world = world(&["torch", "extension"])
        .package("extension", "cuda-match = \"minor\"")
        .wheel(Wheel::new("extension-1.0-1-py3-none-any.whl").cuda(&["12.8"]))
        .wheel(Wheel::new("extension-1.0-2-py3-none-any.whl").cuda(&["12.6"]));
    let cell = cell(&world);
    assert_eq!(
        cell.packages["extension"].wheel.as_ref().unwrap().filename,
        "extension-1.0-1-py3-none-any.whl"
    );
}

#[test]
fn cuda_matches_as_the_package_says() {
    let fits = |rule: &str, built: &[&str], cuda: &str| {
        let world = World::new(&["a"])
            .package("a", &format!("cuda-match = \"{rule}\""))
            .wheel(Wheel::any("a", "1").cuda(built));
        let inventory = world.inventory();
        let candidates = of_x86(&inventory).for_cuda(cuda.parse().unwrap());
        let candidate = candidates.versions("a").unwrap().values().next().unwrap();
        candidates.choose(candidate).map(|_| ()).map_err(|unfit| unfit.kind())
    };
    for cuda in ["cpu", "12.8"] {
        assert_eq!(fits("minor", &[], cuda), Ok(()));
        assert_eq!(fits("none", &["13.0"], cuda), Ok(()));
    }
    assert_eq!(fits("minor", &["12.8"], "cpu"), Err(CauseKind::Cuda));
    assert_eq!(fits("major", &["12.8"], "cpu"), Err(CauseKind::Cuda));
    assert_eq!(fits("minor", &["12.8"], "12.8"), Ok(()));
    assert_eq!(fits("minor", &["12.6", "12.8"], "12.8"), Ok(()));
    assert_eq!(fits("minor", &["12.80"], "12.8"), Err(CauseKind::Cuda));
    assert_eq!(fits("minor", &["12", "12.8"], "12.8"), Ok(()));
    assert_eq!(fits("minor", &["12", "12.6"], "12.8"), Err(CauseKind::Unknown));
    assert_eq!(fits("minor", &["12"], "12.8"), Err(CauseKind::Unknown));
    assert_eq!(fits("minor", &["13"], "12.8"), Err(CauseKind::Cuda));
    assert_eq!(fits("major", &["12"], "12.8"), Ok(()));
    assert_eq!(fits("major", &["12.1"], "12.8"), Ok(()));
    assert_eq!(fits("major", &["1.2", "112.8"], "12.8"), Err(CauseKind::Cuda));
}

#[test]
fn an_exact_pin_says_more_than_what_is_linked() {
    // torch 2.5.0 pins the run time of 12.4, and holds a library that was built with 12.5.
    let both = ["12.6", "12.8"];
    let world = World::new(&["torch"])
        .package("torch", TORCH)
        .wheel(torch("2.9.1", "12.6").cuda(&both))
        .wheel(torch("2.9.0", "12.8").cuda(&both))
        .wheel(Wheel::any("cuda_runtime", "12.8.90"));
    let file = solved(&world);
    assert_eq!(file.order, ["2.9.0"]);
    assert_eq!(file.absent["2.9.1"].about("torch"), "the wheel of torch 2.9.1 is built for CUDA 12.6");
}

#[test]
fn what_the_metadata_lacks_is_required_too() {
    let also = r#"
cuda-match = "none"

[[also-requires]]
versions = "<2"
requires-dist = ["setuptools<82; python_version < '3.13'", "colorama; sys_platform == 'win32'"]
reason = "it imports it"
"#;
    let world = world(&["torch", "app"])
        .package("app", also)
        .wheel(Wheel::any("app", "1.0").requires(&["torch"]))
        .wheel(Wheel::any("setuptools", "81.0"))
        .wheel(Wheel::any("setuptools", "82.0"));
    let cell = cell(&world);
    assert_eq!(cell.packages["app"].requires, ["setuptools", "torch"]);
    assert_eq!(cell.packages["setuptools"].version, "81.0");

    // The rows are of versions.
    let newer = world.wheel(Wheel::any("app", "2.0").requires(&["torch"]));
    assert_eq!(self::cell(&newer).packages["app"].requires, ["torch"]);
}

#[test]
fn a_package_names_all_that_it_requires() {
    let world = world(&["torch", "app"])
        .wheel(Wheel::any("app", "1.0").requires(&[
            "numpy>=1.26,!=2.0",
            "sympy",
            "app[extra]; extra == 'all'",
            "torch",
        ]))
        .wheel(Wheel::any("sympy", "1.14").requires(&["mpmath<1.4", "numpy<3"]))
        .wheel(Wheel::any("mpmath", "1.3"))
        .wheel(Wheel::any("numpy", "2.3"));
    let cell = cell(&world);
    assert_eq!(
        versions(&cell),
        ["app 1.0", "cuda-runtime 12.8.90", "mpmath 1.3", "numpy 2.3", "sympy 1.14", "torch 2.9.1"]
    );
    assert_eq!(cell.packages["app"].requires, ["numpy", "sympy", "torch"]);
    assert_eq!(cell.packages["sympy"].requires, ["mpmath", "numpy"]);
    let wheel = cell.packages["numpy"].wheel.as_ref().unwrap();
    assert_eq!(wheel.covers.len(), 5, "what has no device code runs beside every GPU");
}

#[test]
fn what_is_only_required_keeps_nothing_out() {
    // The first application takes the newest numpy, and the second one wants an older: both go with that.
    let applications = |order: &[&str]| {
        world(order)
            .wheel(Wheel::any("one", "1.0").requires(&["numpy>=1"]))
            .wheel(Wheel::any("other", "1.0").requires(&["numpy<2"]))
            .wheel(Wheel::any("numpy", "1.26"))
            .wheel(Wheel::any("numpy", "2.3"))
    };
    let cell_of = |order: &[&str]| versions(&cell(&applications(order)));
    assert_eq!(cell_of(&["torch", "one"])[1], "numpy 2.3");
    let both = ["cuda-runtime 12.8.90", "numpy 1.26", "one 1.0", "other 1.0", "torch 2.9.1"];
    assert_eq!(cell_of(&["torch", "one", "other"]), both);
    assert_eq!(cell_of(&["torch", "other", "one"]), both);
    // Its own turn is what fixes it.
    assert_eq!(cell_of(&["torch", "one", "other", "numpy"]), both);
    assert_eq!(cell_of(&["torch", "numpy", "one", "other"])[1..3], ["numpy 2.3", "one 1.0"]);
}

#[test]
fn what_is_required_is_fixed_before_what_that_requires() {
    // There are fewer versions of mpmath than of sympy: the solver decides it first.
    let world = world(&["torch", "app"])
        .wheel(Wheel::any("app", "1.0").requires(&["sympy", "wrapper"]))
        .wheel(Wheel::any("sympy", "1.14").requires(&["mpmath<1.4"]))
        .wheel(Wheel::any("sympy", "1.13").requires(&["mpmath"]))
        .wheel(Wheel::any("sympy", "1.12").requires(&["mpmath"]))
        .wheel(Wheel::any("wrapper", "1.0").requires(&["mpmath"]))
        .wheel(Wheel::any("mpmath", "1.3"))
        .wheel(Wheel::any("mpmath", "1.4"));
    assert_eq!(versions(&cell(&world))[2..4], ["mpmath 1.3", "sympy 1.14"]);
}

#[test]
fn what_is_made_for_the_gpu_stays_as_the_first_takes_it() {
    let kernels = |version: &str| {
        let wheel = Wheel::new(&format!("kernels-{version}-py3-none-any.whl"));
        wheel.elf(device_library("kernels/a.so", "sm_80 sm_90"))
    };
    let world = world(&["torch", "one", "other"])
        .wheel(Wheel::any("one", "1.0").requires(&["kernels"]))
        .wheel(Wheel::any("other", "1.0").requires(&["kernels<2"]))
        .wheel(kernels("1.0"))
        .wheel(kernels("2.0"));
    let cell = cell(&world);
    assert_eq!(versions(&cell), ["cuda-runtime 12.8.90", "kernels 2.0", "one 1.0", "torch 2.9.1"]);
    assert_eq!(
        absences(&cell.absent, None),
        "other (Dependency): other 1.0 requires kernels<2; the set has kernels 2.0\n"
    );
}

#[test]
fn a_wheel_says_what_it_covers() {
    let world = world(&["torch", "app"]).wheel(
        Wheel::any("app", "1.0")
            .elf(device_library("app/a.so", "sm_80 sm_90a compute_90"))
            .elf(library("app/b.so", &[])),
    );
    let cell = cell(&world);
    let wheel = cell.packages["app"].wheel.as_ref().unwrap();
    let covers: Vec<_> = wheel.covers.iter().map(ToString::to_string).collect();
    assert_eq!(covers, ["8.0", "8.6", "9.0"]);
}

#[test]
fn a_file_name_that_is_none_is_an_error() {
    let mut inventory = world(&["torch"]).inventory();
    let torch = inventory.artefacts.get_mut("torch").unwrap();
    torch.artefacts[0].filename = "torch.whl".to_owned();
    let candidates = Candidates::new(&inventory, System::X86_64Linux, PythonVersion::new(12));
    let error = candidates.map(|_| ()).unwrap_err();
    assert!(matches!(error, CandidatesError::FileName(_)), "{error}");
}

#[test]
fn a_package_without_its_toml_is_not_there() {
    let mut inventory = world(&["torch"]).inventory();
    inventory.packages.remove("cuda-runtime");
    let file = solve(&of_x86(&inventory), CUDA_12_8).unwrap().file;
    assert_eq!(
        file.absent["2.9.1"].about("torch"),
        "torch 2.9.1 requires cuda-runtime==12.8.90, which is not in the catalogue"
    );
    inventory.packages.clear();
    assert!(solve(&of_x86(&inventory), CUDA_12_8).unwrap().file.torch.is_empty());
}

#[test]
fn what_does_not_work_together_is_never_chosen_together() {
    let not_with = r#"
        [[not-with]]
        versions = "<2.3"
        other = "numpy"
        other-versions = ">=2"
        reason = "compiled against NumPy 1"
        document = "-"
    "#;
    let world = |order: &[&str], numpys: &[&str]| {
        let world = World::new(order)
            .package("torch", &format!("{TORCH}\n{not_with}"))
            .package("cuda-runtime", "")
            .package("numpy", "")
            .package("app", "")
            .wheel(Wheel::any("cuda_runtime", "12.8.90").cuda(&["12.8"]))
            .wheel(torch("2.2.2", "12.8"))
            .wheel(torch("2.9.1", "12.8"))
            .wheel(Wheel::any("app", "1.0").requires(&["numpy"]));
        numpys.iter().fold(world, |world, version| world.wheel(Wheel::any("numpy", version)))
    };
    for order in [&["torch", "numpy", "app"][..], &["torch", "app", "numpy"]] {
        let file = solved(&world(order, &["1.26.4", "2.3.0"]));
        assert_eq!(file.torch["2.2.2"].version_of("numpy"), Some("1.26.4"));
        assert_eq!(file.torch["2.9.1"].version_of("numpy"), Some("2.3.0"));
    }
    let file = solved(&world(&["torch", "numpy", "app"], &["2.3.0"]));
    assert_eq!(file.torch["2.9.1"].version_of("numpy"), Some("2.3.0"));
    insta::assert_snapshot!(absences(&file.torch["2.2.2"].absent, None), @r"
    app (Dependency): app 1.0 requires numpy; torch 2.2.2 does not work with numpy>=2 (compiled against NumPy 1)
    numpy (Dependency): torch 2.2.2 does not work with numpy>=2 (compiled against NumPy 1)
    ");
}

#[test]
fn a_table_of_torches_says_nothing_of_what_it_does_not_name() {
    let table = "[[torch]]\nversions = \"==1.*\"\ntorch = \"2.9\"\ndocument = \"-\"";
    let of = |versions: &[&str]| {
        let world = world(&["torch", "codec"]).package("codec", table);
        cell(&versions.iter().fold(world, |world, version| world.wheel(Wheel::any("codec", version))))
    };
    assert_eq!(
        absences(&of(&["2.0"]).absent, None),
        "codec (Unknown): codec 2.0 cannot be chosen: the torch that it is built for is unknown: the catalogue's table for the package does not name this version\n"
    );
    assert_eq!(of(&["2.0", "1.2"]).version_of("codec"), Some("1.2"));
}

/// A wheel on GitHub whose bytes were not seen.
fn declared(filename: &str) -> Wheel {
    Wheel::new(filename).published(|artefact| {
        artefact.audit = None;
        artefact.provenance = Provenance::Declared;
        let url = format!("https://github.com/them/it/releases/download/v1/{filename}");
        artefact.origin = axle_catalogue::Origin::Url(url);
    })
}

const THEIRS: &str = r#"
    [published]
    github = ["them/it"]
    [names]
    local = ['^cu(?<cuda>\d+)torch(?<torch>[\d.]+)cxx11abi(?<abi>TRUE|FALSE)$']
    [[declared]]
    versions = "<=1"
    requires-dist = []
    needed = []
    sass = ["sm_80", "sm_90"]
    document = "-"
"#;

#[test]
fn the_name_of_a_wheel_is_a_claim() {
    let of = |rows: &str| {
        let world = World::new(&["torch", "attn"])
            .package("torch", TORCH)
            .package("cuda-runtime", "")
            .package("attn", &format!("{THEIRS}{rows}"))
            .wheel(torch("2.9.1", "12.8").audited(|facts| facts.cxx11_abi = Some(true)))
            .wheel(Wheel::any("cuda_runtime", "12.8.90").cuda(&["12.8"]))
            .wheel(declared("attn-1.0+cu128torch2.9cxx11abiFALSE-cp312-cp312-linux_x86_64.whl"));
        cell(&world)
    };
    assert_eq!(
        absences(&of("").absent, None),
        "attn (Torch): attn 1.0+cu128torch2.9cxx11abifalse cannot be chosen: it is built with the old C++ ABI, but torch with the new one (C++11)\n"
    );
    let told = "[[declared]]\nversions = \"<=1\"\ntorch = \"2.9\"\ncxx11-abi = true\ndocument = \"-\"\n";
    assert!(of(told).packages.contains_key("attn"));
    let of_another_torch = told.replace("2.9", "2.8");
    assert!(!of(&of_another_torch).packages.contains_key("attn"));
}

#[test]
fn a_glibc_that_nothing_tells_is_marked() {
    let of = |rows: &str| {
        let world = world(&["torch", "attn"])
            .package("attn", &format!("{THEIRS}{rows}"))
            .wheel(declared("attn-1.0+cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"));
        let wheel = cell(&world).packages["attn"].wheel.clone().unwrap();
        (wheel.glibc.map(|glibc| glibc.to_string()), wheel.unknown_glibc)
    };
    assert_eq!(of(""), (None, true));
    let told = "[[declared]]\nversions = \"<=1\"\nglibc = \"2.32\"\ndocument = \"-\"\n";
    assert_eq!(of(told), (Some("2.32".to_owned()), false));
}

#[test]
fn what_is_declared_beats_nothing_that_was_read() {
    let read = |version: &str, codes: &str| {
        let filename =
            format!("attn-{version}+cu128torch2.9cxx11abiTRUE-cp312-cp312-manylinux_2_28_x86_64.whl");
        Wheel::new(&filename).elf(device_library("attn/_C.so", codes))
    };
    let rows = THEIRS.replace("\"sm_80\", ", "\"sm_70\", \"sm_80\", ");
    let of = |wheels: Vec<Wheel>| {
        let world = world(&["torch", "attn"])
            .package("attn", &rows)
            .wheel(declared("attn-1.0+cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl"));
        let world = wheels.into_iter().fold(world, World::wheel);
        let covers = cell(&world).packages["attn"].wheel.clone().unwrap().covers;
        covers.first().map(ToString::to_string)
    };
    assert_eq!(of(vec![]).as_deref(), Some("7.0"));
    // The older sister was read, and has nothing for 7.0.
    assert_eq!(of(vec![read("0.9", "sm_80 sm_90")]).as_deref(), Some("8.0"));
    let agreeing = vec![read("0.9", "sm_70 sm_80 sm_90"), read("0.8", "sm_80 sm_90")];
    assert_eq!(of(agreeing).as_deref(), Some("7.0"));
}

#[test]
fn a_set_with_cuda_has_what_makes_the_gpu_visible() {
    let world = world(&["torch", "onnx"])
        .package("onnx", "cuda-match = \"none\"\n[cuda-extras]\n12 = [\"cuda\"]")
        .package("cublas", "")
        .wheel(Wheel::any("cublas", "12.8"))
        .wheel(Wheel::any("onnx", "1.0").requires(&["cublas; extra == 'cuda'"]));
    assert_eq!(cell(&world).packages["onnx"].requires, ["cublas"]);
}

#[test]
fn cells_say_what_does_not_work_and_what_the_driver_compiles() {
    let toml = r#"
        [[coverage]]
        member = "*/libnccl.so"
        feature = "several GPUs"
        reason = "-"
        [[compiles]]
        with = "ptxas"
        capabilities = ["8.0"]
        remedy = "take another"
        document = "-"
    "#;
    let wheel = Wheel::new("attn-1.0-cp312-cp312-manylinux_2_28_x86_64.whl")
        .elf(device_library("attn/libnccl.so", "sm_80"))
        .elf(device_library("attn/_C.so", "sm_80 compute_80"));
    let world = world(&["torch", "attn"]).package("attn", toml).wheel(wheel);
    let package = cell(&world).packages["attn"].clone();
    let wheel = package.wheel.clone().unwrap();
    let [without] = wheel.without.as_slice() else { panic!("{:?}", wheel.without) };
    assert_eq!(without.feature, "several GPUs");
    let [hopper, ampere]: [ComputeCapability; 2] = ["9.0", "8.6"].map(|cc| cc.parse().unwrap());
    assert!(without.on.contains(&hopper) && !without.on.contains(&ampere));
    let [by_ptx] = wheel.by_ptx.as_slice() else { panic!("{:?}", wheel.by_ptx) };
    assert_eq!((by_ptx.members.as_slice(), &by_ptx.on), (&["attn/_C.so".to_owned()][..], &without.on));
    let compiler = package.compiles.clone().unwrap();
    assert!(compiler.lacks.contains(&hopper) && compiler.lacks.contains(&ampere));
    assert_eq!(compiler.remedy.as_deref(), Some("take another"));
}

/// A package that the project and two others build, with a fact for those of one of them and for its own.
const ATTENTION: &str = r#"
cuda-match = "major"
[published]
github = ["project/attention"]
[names]
local = ['^cu(?<cuda>\d+)torch(?<torch>[\d.]+)$']
[[publisher]]
name = "builder"
github = ["builder/wheels"]
why = "it builds the project's tags"
document = "its workflow"
names = { local = ['^cu(?<cuda>\d+)\.torch\.(?<torch>[\d.]+)$'] }
[[declared]]
cuda = ["12.6", "12.8"]
requires-dist = ["torch"]
needed = []
sass = ["sm_80"]
document = "setup.py"
[[declared]]
publisher = "builder"
cuda = ["12.6", "12.8"]
requires-dist = ["torch"]
needed = []
sass = ["sm_80", "sm_90"]
document = "its workflow"
"#;

/// A wheel of a release on GitHub, whose bytes nobody has seen.
fn unseen(repository: &str, filename: &str) -> Wheel {
    Wheel::new(filename).published(|artefact| {
        artefact.origin = axle_catalogue::Origin::Url(format!(
            "https://github.com/{repository}/releases/download/v1/{filename}"
        ));
        artefact.provenance = Provenance::Declared;
        artefact.requires_dist = None;
        artefact.audit = None;
    })
}

/// The wheel of a package in the cell of a world, and who built it.
fn built(world: &World, name: &str) -> (String, Option<String>) {
    let cell = cell(world);
    let wheel = cell.packages[name].wheel.clone().unwrap();
    (wheel.filename, wheel.publisher)
}

#[test]
fn a_wheel_of_the_project_comes_before_one_of_a_third_party() {
    let world = world(&["torch", "attention"]).package("attention", ATTENTION);
    let theirs = world
        .wheel(unseen("builder/wheels", "attention-2.0+cu126.torch.2.9-cp312-cp312-linux_x86_64.whl"))
        .wheel(unseen("builder/wheels", "attention-2.0+cu128.torch.2.9-cp312-cp312-linux_x86_64.whl"))
        .wheel(unseen("builder/wheels", "attention-3.0+cu128.torch.2.8-cp312-cp312-linux_x86_64.whl"));
    // What it is built for is read by a grammar of its own, and the target's own CUDA is the better one.
    let of_builder = "attention-2.0+cu128.torch.2.9-cp312-cp312-linux_x86_64.whl";
    assert_eq!(built(&theirs, "attention"), (of_builder.to_owned(), Some("builder".to_owned())));
    assert_eq!(
        cell(&theirs).packages["attention"].wheel.as_ref().unwrap().covers.len(),
        3,
        "by its own facts"
    );

    // The project's, be it an older version.
    let file = "attention-1.0+cu128torch2.9-cp312-cp312-linux_x86_64.whl";
    let both = theirs.wheel(unseen("project/attention", file));
    assert_eq!(built(&both, "attention"), (file.to_owned(), None));
    assert_eq!(
        cell(&both).newer["attention"].why.to_string(),
        "it is built for torch 2.8",
        "the newest of all is for another torch"
    );
}

#[test]
fn a_newer_version_of_a_third_party_is_told_as_that() {
    let world = world(&["torch", "attention"])
        .package("attention", ATTENTION)
        .wheel(unseen("builder/wheels", "attention-2.0+cu128.torch.2.9-cp312-cp312-linux_x86_64.whl"))
        .wheel(unseen("project/attention", "attention-1.0+cu128torch2.9-cp312-cp312-linux_x86_64.whl"));
    let newer = &cell(&world).newer["attention"];
    assert_eq!(newer.why.to_string(), "it is built by builder, not by the project");
}

#[test]
fn what_nobody_is_known_to_have_built_is_not_taken() {
    let world = world(&["torch", "attention"])
        .package("attention", ATTENTION)
        .wheel(unseen("somebody/else", "attention-2.0+cu128torch2.9-cp312-cp312-linux_x86_64.whl"));
    let cell = cell(&world);
    assert!(!cell.packages.contains_key("attention"));
    assert_eq!(cell.absent["attention"].why.kind(), CauseKind::Unknown);
}

/// Kernels in the version for torch 2.9, and a newer version for any platform that has none.
fn with_kernels() -> World {
    let toml = r#"
cuda-match = "major"
[prefer-device-code]
versions = ">=2"
reason = "it is slow without"
"#;
    let file = "quantise-2.0-cp312-cp312-manylinux_2_28_x86_64.whl";
    let kernels = |name: &str| Wheel::new(name).elf(device_library("quantise/a.so", "sm_80 sm_90"));
    world(&["torch", "quantise"])
        .package("quantise", toml)
        .wheel(kernels("quantise-1.0-cp312-cp312-manylinux_2_28_x86_64.whl").cuda(&["12.8"]))
        .wheel(kernels(file).cuda(&["12.8"]))
        .wheel(Wheel::any("quantise", "2.0"))
        .wheel(Wheel::any("quantise", "3.0"))
}

#[test]
fn a_version_with_device_code_is_better_where_the_package_says_so() {
    let set = cell(&with_kernels());
    assert_eq!(versions(&set)[1], "quantise 2.0");
    assert_eq!(set.newer["quantise"].why.to_string(), "it has no device code");
    assert_eq!(set.packages["quantise"].wheel.as_ref().unwrap().device_code_in, None);
    // Without a GPU it means nothing.
    let inventory = with_kernels().inventory();
    let candidates = of_x86(&inventory).for_cuda(CudaTarget::Cpu);
    assert_eq!(solver::newest(&candidates, "quantise").unwrap().to_string(), "3.0");
}

#[test]
fn a_wheel_without_device_code_says_which_has_some() {
    let world = with_kernels().package("quantise", "cuda-match = \"major\"");
    let set = cell(&world);
    assert_eq!(versions(&set)[1], "quantise 3.0");
    assert_eq!(
        set.packages["quantise"].wheel.as_ref().unwrap().device_code_in.as_deref(),
        Some("quantise-2.0-cp312-cp312-manylinux_2_28_x86_64.whl")
    );
}

/// The reasons why a set has not the newest, a line each.
fn not_newest(world: &World) -> String {
    let line = |(name, newer): (&String, &Arc<Newer>)| format!("{name} {}: {}\n", newer.version, newer.why);
    cell(world).newer.iter().map(line).collect()
}

#[test]
fn why_the_newest_is_not_taken_is_proved() {
    let minor = "cuda-match = \"minor\"\n[names]\nlocal = ['^cu(?<cuda>\\d+)$']";
    let world = world(&["torch", "mamba", "app", "lib", "free"])
        // Of the builds of a release the one that would fit lacks something that the catalogue does not keep; that others
        // are for another CUDA is not why.
        .package("mamba", minor)
        .wheel(Wheel::new("mamba-2.0+cu128-py3-none-any.whl").requires(&["tilelang==0.1.8"]))
        .wheel(Wheel::new("mamba-2.0+cu130-py3-none-any.whl").requires(&["tilelang==0.1.8"]))
        .wheel(Wheel::new("mamba-1.0+cu128-py3-none-any.whl"))
        .package("tilelang", "cuda-match = \"none\"\nkeep = \"chosen\"")
        .wheel(Wheel::any("tilelang", "0.1.9"))
        // What the set takes later does not keep it out.
        .wheel(Wheel::any("app", "1.0").requires(&["lib<2", "deep"]))
        .wheel(Wheel::any("lib", "1.0"))
        .wheel(Wheel::any("lib", "2.0"))
        .wheel(Wheel::any("deep", "1.0").requires(&["deeper<3"]))
        .wheel(Wheel::any("deeper", "2.0"))
        .wheel(Wheel::any("deeper", "3.0"))
        .wheel(Wheel::any("free", "1.0"))
        .wheel(Wheel::any("free", "2.0").requires(&["lib>1"]))
        .wheel(Wheel::any("free", "3.0a1"));
    insta::assert_snapshot!(not_newest(&world));
}
