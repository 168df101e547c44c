use std::sync::Arc;

use axle_audit::ElfType;

use axle_types::Sha256;

use super::*;
use axle_testing::{Wheel, World, library};

const TORCH: &str = r#"
cuda-match = "minor"
cuda-from = ["cuda-runtime"]
omit = ["torch/_shared.py"]

[[dlopen]]
member = "*/libtorch_cuda.so"
sonames = { "libnvrtc.so.12" = "nvrtc", "libgone.so.1" = "gone" }
reason = "the fuser compiles at run time"

[[unprovided]]
member = "*/libtorch_rdma.so"
sonames = ["libibverbs.so.1"]
reason = "only machines with such a network load it"
"#;

/// A torch with its run time; three packages offer `libcupti.so.12`.
fn world() -> World {
    let rpath = |member: ElfMember, entries: &[&str]| ElfMember {
        rpath: entries.iter().map(|&entry| entry.to_owned()).collect(),
        ..member
    };
    let runpath = |member: ElfMember, entries: &[&str]| ElfMember {
        runpath: entries.iter().map(|&entry| entry.to_owned()).collect(),
        ..member
    };
    let executable = |path: &str| ElfMember {
        executable: true,
        interpreter: Some("/lib64/ld-linux-x86-64.so.2".into()),
        elf_type: ElfType::Executable,
        soname: None,
        ..library(path, &["libc.so.6"])
    };
    let torch = Wheel::new("torch-2.10.0-3-cp312-cp312-manylinux_2_28_x86_64.whl")
        .requires(&["cuda-runtime==12.8.90", "triton", "cupti", "nvrtc"])
        .cuda(&["12.8"])
        .audited(|facts| {
            facts.entry_points = BTreeMap::from([("torchrun".into(), "torch.run:main".into())]);
        })
        .elf(library("torch/_C.cpython-312-x86_64-linux-gnu.so", &["libtorch_cuda.so", "libc.so.6"]))
        .elf(runpath(library("torch/lib/libc10.so", &["libc.so.6", "libstdc++.so.6"]), &["$ORIGIN"]))
        .elf(rpath(
            library(
                "torch/lib/libtorch_cuda.so",
                &["libc10.so", "libcuda.so.1", "libcudart.so.12", "libcupti.so.12", "libm.so.6"],
            ),
            &["$ORIGIN/../../nvidia/runtime/lib", "$ORIGIN/../../nvidia/cupti/lib", "$ORIGIN"],
        ))
        .elf(library("torch/lib/libtorch_rdma.so", &["libibverbs.so.1"]))
        .elf(library("torch/lib/libtorch_odd.so", &["libibverbs.so.1", "libodd.so.2"]))
        .elf(executable("torch/bin/protoc"))
        // A relocatable object: nothing loads it.
        .elf(ElfMember {
            soname: None,
            elf_type: ElfType::Relocatable,
            ..library("torch/lib/kernel.o", &[])
        });
    World::new(&["torch"])
        .package("torch", TORCH)
        .wheel(torch)
        .wheel(
            Wheel::new("cuda_runtime-12.8.90-py2.py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl")
                .elf(library("nvidia/runtime/lib/libcudart.so.12", &["libc.so.6"])),
        )
        .wheel(
            Wheel::new("triton-3.5.1-cp312-cp312-manylinux_2_28_x86_64.whl")
                .elf(library("triton/backends/nvidia/lib/cupti/libcupti.so.12", &[])),
        )
        .wheel(
            Wheel::new("cupti-12.8-py3-none-manylinux_2_28_x86_64.whl")
                .elf(library("nvidia/cupti/lib/libcupti.so.12", &[])),
        )
        .wheel(
            Wheel::new("nvrtc-12.8-py3-none-manylinux_2_28_x86_64.whl")
                .elf(library("nvidia/nvrtc/lib/libcupti.so.12", &[]))
                .elf(library("nvidia/nvrtc/lib/libnvrtc.so.12", &["libc.so.6"])),
        )
}

fn built(world: &World) -> BTreeMap<String, BuildFile> {
    let files = builds(&world.inventory(), &world.cells(), &ComponentsFile::default()).unwrap();
    files.into_iter().map(|file| (file.name.clone(), file)).collect()
}

fn build(files: &BTreeMap<String, BuildFile>, name: &str) -> WheelBuild {
    files[name].wheels.values().next().unwrap().clone()
}

fn search<'a>(build: &'a WheelBuild, path: &str) -> &'a [Provider] {
    &build.members.iter().find(|member| member.path == path).unwrap().search
}

#[test]
fn search_paths_are_computed() {
    insta::assert_json_snapshot!(built(&world())["torch"]);
}

#[test]
fn compressed_tags_are_fetched_as_published() {
    let files = built(&world());
    let runtime = build(&files, "cuda-runtime");
    assert_eq!(runtime.python_tag, "py3");
    insta::assert_json_snapshot!(runtime.fetch, @r#"
    {
      "fetchPypi": {
        "pname": "cuda_runtime",
        "version": "12.8.90",
        "format": "wheel",
        "python": "py2.py3",
        "abi": "none",
        "platform": "manylinux2014_x86_64.manylinux_2_17_x86_64",
        "dist": "py2.py3",
        "hash": "sha256-Ctggeo+I5cAK2CB6j4jlwArYIHqPiOXACtggeo+I5cA="
      }
    }
    "#);
}

#[test]
fn the_nearest_package_provides_where_upstream_names_none() {
    let user = Wheel::any("user", "1.0").requires(&["near", "far"]).elf(library("user/a.so", &["libx.so.1"]));
    let world = World::new(&["torch", "user"])
        .wheel(Wheel::any("torch", "2.9.1"))
        .wheel(user)
        .wheel(Wheel::any("near", "1.0").requires(&["afar"]))
        .wheel(Wheel::any("far", "1.0").elf(library("far/libx.so.1", &[])))
        .wheel(Wheel::any("afar", "1.0").elf(library("afar/libx.so.1", &[])));
    let world = world.with_cudas(&["cpu"]);
    let files = built(&world);
    let provider = Provider::Package { package: "far".into(), soname: "libx.so.1".into(), optional: false };
    assert_eq!(search(&build(&files, "user"), "user/a.so"), [provider]);
}

#[test]
fn what_may_open_the_driver_searches_its_folder_last() {
    let opens = |names: &[&str], member: ElfMember| ElfMember {
        dlopen: names.iter().map(|&name| name.to_owned()).collect(),
        ..member
    };
    let rpath = |member: ElfMember| ElfMember { rpath: vec!["$ORIGIN".into()], ..member };
    let torch = Wheel::any("torch", "2.9.1")
        .requires(&["nvidia-cuda-runtime"])
        .elf(library("torch/lib/libtorch_cpu.so", &["libc.so.6"]))
        .elf(rpath(library("torch/lib/libtorch_cuda.so", &["libcudart.so.12", "libc.so.6"])))
        .elf(rpath(opens(&["libnvidia-ml.so.1"], library("torch/lib/libc10_cuda.so", &["libc.so.6"]))))
        .elf(rpath(library("torch/lib/libcaffe2_nvrtc.so", &["libcuda.so.1", "libc.so.6"])));
    let runtime = Wheel::any("nvidia_cuda_runtime", "12.8")
        .elf(opens(&["libcuda.so.1"], library("nvidia/lib/libcudart.so.12", &["libc.so.6"])))
        .elf(library("nvidia/lib/libnothing.so.12", &[]));
    let files = built(&World::new(&["torch"]).wheel(torch).wheel(runtime).with_cudas(&["cpu"]));
    let driver = Provider::Driver { driver: true };
    let of = |package: &str, path: &str| {
        let build = build(&files, package);
        let member = build.members.into_iter().find(|member| member.path == path).unwrap();
        let others = member.search.split_last().map_or(&[][..], |(_, others)| others);
        assert!(!others.contains(&driver), "{member:?}");
        (member.search.last() == Some(&driver), member.rpath)
    };
    assert_eq!(of("nvidia-cuda-runtime", "nvidia/lib/libcudart.so.12"), (true, false), "names the driver");
    assert_eq!(of("nvidia-cuda-runtime", "nvidia/lib/libnothing.so.12"), (true, false), "is of CUDA");
    assert_eq!(of("torch", "torch/lib/libtorch_cpu.so"), (false, false));
    assert_eq!(of("torch", "torch/lib/libtorch_cuda.so"), (true, true), "needs the run time");
    // DT_RPATH is searched before LD_LIBRARY_PATH: what opens the driver itself has it no longer.
    assert_eq!(of("torch", "torch/lib/libc10_cuda.so"), (true, false), "names the driver");
    assert_eq!(of("torch", "torch/lib/libcaffe2_nvrtc.so"), (true, false), "needs the driver");
}

#[test]
fn of_its_own_libraries_a_member_takes_the_one_beside_it() {
    let torch = Wheel::any("torch", "2.9.1")
        .elf(library("a/libx.so", &[]))
        .elf(library("b/libx.so", &[]))
        .elf(library("b/user.so", &["libx.so"]))
        .elf(ElfMember { runpath: vec!["$ORIGIN/../b".into()], ..library("c/user.so", &["libx.so"]) })
        .elf(library("d/user.so", &["libx.so"]));
    let world = World::new(&["torch"]).wheel(torch).with_cudas(&["cpu"]);
    let files = built(&world);
    let build = build(&files, "torch");
    let own = |folder: &str| [Provider::Own { own: folder.into() }];
    assert_eq!(search(&build, "b/user.so"), own("b"));
    assert_eq!(search(&build, "c/user.so"), own("b"));
    assert_eq!(search(&build, "d/user.so"), own("a"));
}

#[test]
fn paths_upstream_wrote_end_inside_site_packages() {
    let folders = |entries: &[&str]| {
        let runpath = entries.iter().map(|&entry| entry.to_owned()).collect();
        upstream_folders(&ElfMember { runpath, ..library("torch/lib/libtorch.so", &[]) })
    };
    assert_eq!(folders(&["$ORIGIN", "$ORIGIN/", "$ORIGIN/./x"]), ["torch/lib", "torch/lib", "torch/lib/x"]);
    assert_eq!(folders(&["$ORIGIN/../../nvidia/cublas/lib", "$ORIGIN/../.."]), ["nvidia/cublas/lib", ""]);
    assert!(folders(&["$ORIGIN/../../../etc", "/usr/lib", ""]).is_empty());
}

#[test]
fn a_build_is_the_same_in_all_cells() {
    // With a torch for each CUDA, `user` finds its library in another package.
    let world = World::new(&["torch", "user"])
        .package("torch", "cuda-from = [\"runtime\"]")
        .wheel(Wheel::any("torch", "2.9.1").requires(&["runtime==12.8", "x8"]))
        .wheel(Wheel::any("torch", "2.7.1").requires(&["runtime==12.6", "x6"]))
        .wheel(Wheel::any("runtime", "12.8"))
        .wheel(Wheel::any("runtime", "12.6"))
        .wheel(Wheel::any("user", "1.0").requires(&["torch"]).elf(library("user/a.so", &["libx.so.1"])))
        .wheel(Wheel::any("x6", "1.0").elf(library("x6/libx.so.1", &[])))
        .wheel(Wheel::any("x8", "1.0").elf(library("x8/libx.so.1", &[])));
    let error = builds(&world.inventory(), &world.cells(), &ComponentsFile::default()).unwrap_err();
    assert!(matches!(error, BuildError::Ambiguous { .. }), "{error}");
}

#[test]
fn cells_that_no_catalogue_made_are_errors() {
    let world = world();
    let cells = world.cells();
    let fails = |change: &dyn Fn(&mut Inventory)| {
        let mut inventory = world.inventory();
        change(&mut inventory);
        builds(&inventory, &cells, &ComponentsFile::default()).unwrap_err().to_string()
    };
    let torch = |inventory: &mut Inventory| inventory.artefacts["torch"].artefacts[0].clone();
    let replaced = |inventory: &mut Inventory, artefact: Artefact| {
        inventory.artefacts.get_mut("torch").unwrap().artefacts = vec![artefact];
    };
    let messages = [
        fails(&|inventory| drop(inventory.packages.remove("torch"))),
        fails(&|inventory| drop(inventory.artefacts.remove("torch"))),
        fails(&|inventory| {
            let artefact = Artefact { audit: None, ..torch(inventory) };
            replaced(inventory, artefact);
        }),
    ];
    insta::assert_snapshot!(messages.join("\n"));

    let mut unhashed = cells.clone();
    let cell = unhashed[0].torch.values_mut().next().unwrap();
    Arc::make_mut(cell.packages.get_mut("torch").unwrap()).wheel.as_mut().unwrap().sha256 =
        Sha256([0xc0; 32]);
    let error = builds(&world.inventory(), &unhashed, &ComponentsFile::default()).unwrap_err();
    assert!(matches!(error, BuildError::Unaudited { .. }), "{error}");

    let mut renamed = cells.clone();
    let cell = renamed[0].torch.values_mut().next().unwrap();
    Arc::make_mut(cell.packages.get_mut("torch").unwrap()).wheel.as_mut().unwrap().filename =
        "torch.whl".into();
    let mut inventory = world.inventory();
    let artefact = Artefact { filename: "torch.whl".into(), ..torch(&mut inventory) };
    replaced(&mut inventory, artefact);
    assert!(matches!(builds(&inventory, &renamed, &ComponentsFile::default()), Err(BuildError::Name(_))));
}
