use axle_catalogue::{Cell, CellFile, CellSource, ComponentsFile};

use super::*;
use crate::candidates::tests::of_x86;
use crate::cells::solve;
use axle_patch::builds;
use axle_testing::{CUDA_12_8, Wheel, World, library};

const TORCH: &str = "cuda-match = \"minor\"\ncuda-from = [\"cuda-runtime\"]";

fn extension(build_requires: &str) -> String {
    format!(
        r#"
        [source]
        build-system = "setuptools"
        build-requires = {build_requires}
        links = ["torch"]
        requires-dist = ["torch", "einops"]
        document = "its setup.py"
        "#
    )
}

/// A torch that links the run time of CUDA, and requires plain packages and a compiler of kernels.
fn torch(version: &str, requires: &[&str]) -> Wheel {
    let requires: Vec<&str> = ["cuda-runtime==12.8.90", "triton"].iter().chain(requires).copied().collect();
    Wheel::new(&format!("torch-{version}-cp312-cp312-manylinux_2_28_x86_64.whl"))
        .requires(&requires)
        .cuda(&["12.8"])
        .elf(library("torch/lib/libc10.so", &["libcudart.so.12", "libc.so.6"]))
}

/// An extension of torch without a wheel.
fn world() -> World {
    World::new(&["torch", "extension", "einops", "numpy"])
        .package("torch", TORCH)
        .package("cuda-runtime", "")
        .package("triton", "gpu = true\ncuda-match = \"none\"")
        .package("extension", &extension(r#"["ninja", "setuptools"]"#))
        .sdist("extension", "1.0")
        .wheel(torch("2.9.1", &["setuptools", "sympy>=1.13"]))
        .wheel(
            Wheel::any("cuda_runtime", "12.8.90")
                .cuda(&["12.8"])
                .elf(library("nvidia/cuda_runtime/lib/libcudart.so.12", &[])),
        )
        .wheel(Wheel::any("triton", "3.5.1").requires(&["filelock"]))
        .wheel(Wheel::any("filelock", "4.0"))
        .wheel(Wheel::any("setuptools", "80.0"))
        .wheel(Wheel::any("ninja", "1.11"))
        .wheel(Wheel::any("sympy", "1.13").requires(&["mpmath<1.4"]))
        .wheel(Wheel::any("mpmath", "1.3"))
        .wheel(Wheel::any("mpmath", "1.4"))
        .wheel(Wheel::any("einops", "0.8"))
        .wheel(Wheel::any("numpy", "2.0"))
}

/// The same after an update that has something newer of everything plain.
fn updated(world: World) -> World {
    world
        .wheel(Wheel::any("filelock", "4.1"))
        .wheel(Wheel::any("setuptools", "81.0"))
        .wheel(Wheel::any("ninja", "1.12"))
        .wheel(Wheel::any("sympy", "1.14").requires(&["mpmath"]))
        .wheel(Wheel::any("einops", "0.9"))
        .wheel(Wheel::any("numpy", "2.1"))
}

type Environments = BTreeMap<String, BuildEnvironments>;

/// The cells of a world and what is frozen, once they are solved with what was frozen before.
fn solved(world: &World, before: &Environments) -> (CellFile, Environments) {
    let mut inventory = world.compiling_inventory();
    inventory.environments.clone_from(before);
    let completed = complete(&inventory).unwrap();
    assert!(completed.unaudited.is_empty(), "{:?}", completed.unaudited);
    inventory.environments = completed.environments;
    (solve(&of_x86(&inventory), CUDA_12_8).unwrap().file, inventory.environments)
}

fn source(cell: &Cell) -> &CellSource {
    cell.packages["extension"].source.as_ref().unwrap()
}

fn versions(source: &CellSource) -> String {
    let wheels = source.frozen.iter().map(|(name, wheel)| format!("{name} {}", wheel.version));
    wheels.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_source_is_compiled_against_what_torch_needs_and_with_what_is_frozen() {
    let (file, environments) = solved(&world(), &Environments::new());
    let source = source(&file.torch["2.9.1"]);
    // Importing torch needs neither triton nor what that requires.
    assert_eq!(source.links, ["cuda-runtime", "torch"]);
    assert_eq!(versions(source), "mpmath 1.3, ninja 1.11, setuptools 80.0, sympy 1.13");
    assert_eq!(environments["extension"].environments.len(), 1);
}

#[test]
fn an_update_moves_no_source() {
    let (before, frozen) = solved(&world(), &Environments::new());
    let (after, still) = solved(&updated(world()), &frozen);
    let (before, after) = (&before.torch["2.9.1"], &after.torch["2.9.1"]);
    for (name, version) in [("setuptools", "81.0"), ("sympy", "1.14"), ("einops", "0.9"), ("numpy", "2.1")] {
        assert_eq!(after.packages[name].version, version);
    }
    let text = |cell| serde_json::to_string(source(cell)).unwrap();
    assert_eq!(text(after), text(before));
    assert_eq!(still, frozen);

    // Without the file it is frozen anew.
    let (moved, _) = solved(&updated(world()), &Environments::new());
    let moved = source(&moved.torch["2.9.1"]);
    assert_eq!(versions(moved), "mpmath 1.4, ninja 1.12, setuptools 81.0, sympy 1.14");
}

#[test]
fn an_environment_is_added_where_none_will_do_and_moves_no_other() {
    let old =
        world().wheel(torch("2.8.0", &["setuptools", "sympy==1.12"])).wheel(Wheel::any("sympy", "1.12"));
    let (before, frozen) = solved(&old, &Environments::new());
    assert_eq!(frozen["extension"].environments.len(), 2);
    assert_eq!(versions(source(&before.torch["2.8.0"])), "ninja 1.11, setuptools 80.0, sympy 1.12");

    let new = updated(old).wheel(torch("2.10.0", &["setuptools>80", "sympy"]));
    let (after, added) = solved(&new, &frozen);
    assert_eq!(
        versions(source(&after.torch["2.10.0"])),
        "mpmath 1.4, ninja 1.12, setuptools 81.0, sympy 1.14"
    );
    let (first, last) = added["extension"].environments.split_at(2);
    assert_eq!(first, frozen["extension"].environments);
    assert_eq!(last.len(), 1);
    for torch in ["2.9.1", "2.8.0"] {
        assert_eq!(source(&after.torch[torch]), source(&before.torch[torch]), "{torch}");
    }
}

#[test]
fn what_a_recipe_names_newly_is_frozen() {
    let (_, frozen) = solved(&world(), &Environments::new());
    let recipe = extension(r#"["ninja", "setuptools", "wheel"]"#);
    let more = world().package("extension", &recipe).wheel(Wheel::any("wheel", "0.45"));
    let (file, _) = solved(&more, &frozen);
    let with = versions(source(&file.torch["2.9.1"]));
    assert_eq!(with, "mpmath 1.3, ninja 1.11, setuptools 80.0, sympy 1.13, wheel 0.45");
}

#[test]
fn what_was_not_read_is_not_frozen() {
    let unread = Wheel::any("ninja", "1.12").published(|artefact| {
        artefact.provenance = Provenance::Declared;
        artefact.audit = None;
    });
    let inventory = world().wheel(unread).compiling_inventory();
    let completed = complete(&inventory).unwrap();
    assert!(completed.environments.is_empty());
    let filenames = BTreeSet::from(["ninja-1.12-py3-none-any.whl".to_owned()]);
    assert_eq!(completed.unaudited, BTreeMap::from([("ninja".to_owned(), filenames)]));
    // Until then it cannot be compiled.
    let file = solve(&of_x86(&inventory), CUDA_12_8).unwrap().file;
    assert!(!file.torch["2.9.1"].packages.contains_key("extension"));
}

#[test]
fn what_is_frozen_is_built() {
    let (_, frozen) = solved(&world(), &Environments::new());
    let world = updated(world());
    let (file, environments) = solved(&world, &frozen);
    let inventory = Inventory { environments, ..world.compiling_inventory() };
    let builds = builds(&inventory, &[file], &ComponentsFile::default()).unwrap();
    let of = |name: &str| -> Vec<&str> {
        builds.iter().filter(|build| build.name == name).map(|build| build.version.as_str()).collect()
    };
    assert_eq!(of("setuptools"), ["80.0", "81.0"]);
    assert_eq!(of("sympy"), ["1.13", "1.14"]);
}
