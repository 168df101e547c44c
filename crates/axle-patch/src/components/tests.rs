use axle_catalogue::{BuildFile, Provider};

use super::*;
use crate::builds;
use axle_testing::{Wheel, World, library};

const X86_64: &str = "py3-none-manylinux_2_27_x86_64";

fn wheel(name: &str, version: &str) -> Wheel {
    Wheel::new(&format!("{name}-{version}-{X86_64}.whl"))
}

/// The TOML of a package that is compiled with some component.
fn compiled_with(component: &str) -> String {
    format!(
        "[source]\nversions = \">=1\"\nbuild-system = \"setuptools\"\ncomponents = [\"{component}\"]\ndocument = \"setup.py\""
    )
}

/// Of what CUDA 13.2 lists what every compile needs and two libraries, of which a source names one.
fn world() -> World {
    World::new(&["torch"])
        .with_cudas(&["12.8", "13.2"])
        .package("extension", &compiled_with("cusparse"))
        .wheel(wheel("nvidia_cuda_nvcc", "13.2.86"))
        .wheel(wheel("nvidia_cuda_nvcc", "13.5.37"))
        .wheel(wheel("nvidia_cuda_crt", "13.2.86"))
        .wheel(wheel("nvidia_nvvm", "13.2.86"))
        .wheel(wheel("nvidia_cuda_runtime", "13.2.86"))
        .wheel(wheel("nvidia_cuda_cccl", "13.2.86"))
        .wheel(
            wheel("nvidia_cusparse", "12.7.10.12")
                .requires(&["nvidia-nvjitlink"])
                .elf(library("nvidia/cu13/lib/libcusparse.so.12", &["libnvJitLink.so.13"])),
        )
        .wheel(wheel("nvidia_curand", "10.4.2.66"))
        .wheel(wheel("nvidia_nvjitlink", "13.2.9"))
        .wheel(
            wheel("nvidia_nvjitlink", "13.2.78")
                .elf(library("nvidia/cu13/lib/libnvJitLink.so.13", &["libc.so.6"])),
        )
        .wheel(wheel("nvidia_nvjitlink", "13.2.80rc1"))
        .wheel(
            wheel("nvidia_nvjitlink", "13.2.81")
                .published(|artefact| artefact.yanked = Some("broken".to_owned())),
        )
        .wheel(Wheel::new("nvidia_nvjitlink-13.2.82-py3-none-manylinux_2_27_aarch64.whl"))
        .wheel(wheel("nvidia_nvjitlink", "13.5.37"))
}

fn inventory(world: &World) -> Inventory {
    let toolkits = include_bytes!("../../../../catalogue/toolkits.json");
    Inventory { toolkits: Some(serde_json::from_slice(toolkits).unwrap()), ..world.inventory() }
}

#[test]
fn a_toolkit_is_what_every_compile_needs_and_what_sources_name_with_what_that_requires() {
    let found = components(&inventory(&world())).unwrap();
    assert_eq!(found.unaudited, BTreeMap::new());
    insta::assert_snapshot!(serde_json::to_string_pretty(&found.file).unwrap());
    assert_eq!(components(&inventory(&world().reversed())).unwrap().file, found.file);
}

#[test]
fn a_wheel_of_a_toolkit_is_audited_first() {
    let nvtx = wheel("nvidia_nvtx", "13.2.86").published(|artefact| {
        artefact.audit = None;
        artefact.provenance = Provenance::Declared;
    });
    let world = world().package("other", &compiled_with("nvtx")).wheel(nvtx);
    let found = components(&inventory(&world)).unwrap();
    let expected = BTreeSet::from([format!("nvidia_nvtx-13.2.86-{X86_64}.whl")]);
    assert_eq!(found.unaudited, BTreeMap::from([("nvidia-nvtx".to_owned(), expected)]));
}

#[test]
fn a_listed_version_that_was_not_read_is_told() {
    let world = world().package("nvidia-cuda-nvrtc", "").package("other", &compiled_with("nvrtc"));
    let error = components(&inventory(&world)).unwrap_err().to_string();
    insta::assert_snapshot!(error);
}

#[test]
fn a_system_without_a_compiler_has_no_toolkit() {
    let world = world().with_systems(&["x86_64-linux", "aarch64-linux"]);
    let systems: Vec<_> = components(&inventory(&world)).unwrap().file.systems.into_keys().collect();
    assert_eq!(systems, [System::X86_64Linux]);
}

#[test]
fn the_wheels_of_a_toolkit_find_their_libraries_in_each_other() {
    let inventory = inventory(&world());
    let found = components(&inventory).unwrap();
    let files = builds(&inventory, &[], &found.file).unwrap();
    let is_cusparse = |file: &&BuildFile| file.name == "nvidia-cusparse";
    let build = files.iter().find(is_cusparse).unwrap().wheels.values().next().unwrap();
    assert_eq!(build.unprovided, []);
    let jit = Provider::Package {
        package: "nvidia-nvjitlink".to_owned(),
        soname: "libnvJitLink.so.13".to_owned(),
        optional: false,
    };
    assert_eq!(build.members[0].search, [jit, Provider::Driver { driver: true }]);
    assert!(files.iter().all(|file| file.name != "nvidia-curand"));
}
