//! `axle doctor`, on made-up machines.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::elf_writer::Object;
use crate::fatbin_writer::{Item, container, sass};
use crate::run::{AXLE, Folder};

/// A machine whose files lie in the folder `root`.
struct Machine(Folder);

impl Machine {
    fn new() -> Self {
        let folder = Folder::new();
        std::fs::create_dir(folder.path("root")).unwrap();
        Self(folder)
    }

    fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.0.write(&format!("root{path}"), bytes);
        self
    }

    fn with_link(self, path: &str, target: &str) -> Self {
        let path = self.0.path(&format!("root{path}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    /// What the kernel's module tells of itself and of one GPU.
    fn with_driver(self, version: &str, gpu: &str) -> Self {
        self.with(
            "/proc/driver/nvidia/version",
            format!(
                "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Sun May 12 19:39:15 UTC 2024\n\
                 GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
            ),
        )
        .with_gpu(gpu)
    }

    fn with_gpu(self, gpu: &str) -> Self {
        self.with(
            "/proc/driver/nvidia/gpus/0000:01:00.0/information",
            format!("Model: \t\t {gpu}\nIRQ:   \t\t 134\n"),
        )
    }

    fn with_glibc(self, version: &str) -> Self {
        let banner =
            format!("\0GNU C Library (Debian GLIBC {version}-1) stable release version {version}.\n\0");
        self.with("/lib/x86_64-linux-gnu/libc.so.6", banner)
    }

    /// An installed package with one library.
    fn with_package(self, site: &str, name: &str, requirement: &str, library: &str, object: &Object) -> Self {
        let info = format!("{name}-2.9.1.dist-info");
        let record = format!("{library},,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 2.9.1\n{requirement}");
        self.with(&format!("{site}/{library}"), object.write())
            .with(&format!("{site}/{info}/METADATA"), metadata)
            .with(&format!("{site}/{info}/WHEEL"), "Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n")
            .with(&format!("{site}/{info}/RECORD"), record)
    }

    fn doctor(&self) -> String {
        let said = self.0.shell("axle doctor --root root");
        // Which releases fit follows from the rules, and is long.
        let (said, rest) = said.split_once("what would work on this machine:").unwrap();
        format!("{said}…{}", &rest[rest.find("---").unwrap()..])
    }

    fn json(&self) -> Value {
        let output = self.0.output(&["doctor", "--root", "root", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn nothing_at_all() {
    let machine = Machine::new();
    insta::assert_snapshot!(machine.doctor());
    let answer = machine.json();
    assert_eq!((&answer["schema"], &answer["ok"]), (&"axle.check/1".into(), &true.into()));
    assert_eq!(answer["verdicts"], serde_json::json!([]));
}

/// CUDA from NVIDIA's installer, a compiler that it does not take, a glibc whose headers are too new.
#[test]
fn debian() {
    let machine = Machine::new()
        .with("/usr/local/cuda-12.8/bin/nvcc", "")
        .with("/usr/local/cuda-12.8/include/cuda.h", "#define CUDA_VERSION 12080\n")
        .with_link("/usr/local/cuda", "/usr/local/cuda-12.8")
        .with("/usr/bin/x86_64-linux-gnu-gcc-15", "")
        .with("/usr/bin/x86_64-linux-gnu-gcc-13", "")
        .with_link("/usr/bin/gcc-15", "x86_64-linux-gnu-gcc-15")
        .with_link("/usr/bin/gcc-13", "x86_64-linux-gnu-gcc-13")
        .with_link("/usr/bin/gcc", "gcc-15")
        .with("/usr/bin/gcc-ar", "")
        .with("/usr/bin/clang-19", "")
        .with("/usr/bin/python3.13", "")
        .with("/proc/meminfo", "MemTotal:       16318412 kB\n")
        .with_glibc("2.41")
        .with_driver("535.183.01", "NVIDIA GeForce RTX 3090");
    insta::assert_snapshot!(machine.doctor());
}

/// The driver's library lies in a folder of its own, programs are links into the store.
#[test]
fn nixos() {
    let machine = Machine::new()
        .with_link("/run/current-system", "/nix/store/ddd-nixos-system-machine-25.11")
        .with(
            "/nix/store/ddd-nixos-system-machine-25.11/nixos-version",
            "25.11.20251101.daf6dc4 (Xantusia)\n",
        )
        .with_link("/nix/store/ddd-nixos-system-machine-25.11/sw", "/nix/store/eee-system-path")
        .with("/nix/store/aaa-nvidia-x11-590.44.01/lib/libcuda.so.590.44.01", "")
        .with_link("/nix/store/aaa-nvidia-x11-590.44.01/lib/libcuda.so.1", "libcuda.so.590.44.01")
        .with_link("/run/opengl-driver/lib", "/nix/store/aaa-nvidia-x11-590.44.01/lib")
        .with("/nix/store/bbb-gcc-wrapper-14.3.0/bin/gcc", "")
        .with("/nix/store/bbb-gcc-wrapper-14.3.0/nix-support/orig-libc", "/nix/store/fff-glibc-2.42-51\n")
        .with("/nix/store/ggg-cuda-merged-12.8/bin/nvcc", "")
        .with("/nix/store/ggg-cuda-merged-12.8/include/cuda.h", "#define CUDA_VERSION 12080\n")
        .with_link("/nix/store/eee-system-path/bin/nvcc", "/nix/store/ggg-cuda-merged-12.8/bin/nvcc")
        .with_link("/nix/store/eee-system-path/bin/gcc", "/nix/store/bbb-gcc-wrapper-14.3.0/bin/gcc")
        .with("/nix/store/ccc-python3-3.13.9/bin/python3.13", "")
        .with_link(
            "/nix/store/eee-system-path/bin/python3.13",
            "/nix/store/ccc-python3-3.13.9/bin/python3.13",
        )
        .with_gpu("NVIDIA GeForce GTX 1080 Ti");
    insta::assert_snapshot!(machine.doctor());
}

/// A torch without code for the GPU, and an extension with another C++ ABI.
#[test]
fn conda() {
    let site = "/opt/conda/lib/python3.12/site-packages";
    let code = [container(&[Item::One(sass(70)), Item::One(sass(80))]), container(&[Item::One(sass(80))])];
    let torch = Object { sections: vec![(".nv_fatbin".to_owned(), code.concat())], ..Object::default() };
    let extension = Object {
        needed: vec!["libc10.so".to_owned()],
        sections: vec![(".nv_fatbin".to_owned(), container(&[Item::One(sass(60))]))],
        ..Object::default()
    };
    let cuda = "Requires-Dist: nvidia-cuda-runtime-cu12 (==12.8.90)\n";
    let machine = Machine::new()
        .with("/opt/conda/bin/python3.12", "")
        .with("/opt/conda/bin/nvcc", "")
        .with("/opt/conda/targets/x86_64-linux/include/cuda.h", "#define CUDA_VERSION 13000\n")
        .with_package(site, "torch", cuda, "torch/lib/libtorch_cuda.so", &torch)
        .with_package(site, "extension", "Requires-Dist: torch\n", "extension/_C.so", &extension)
        .with_package(site, "unrelated", "", "unrelated/_C.so", &torch)
        .with_package(site, "nvidia_cuda_runtime", "", "nvidia/cu13/lib/libcudart.so.13", &Object::default())
        .with_driver("580.95.05", "Tesla P100-PCIE-16GB")
        .with_glibc("2.36");
    insta::assert_snapshot!(machine.doctor());
    let answer = machine.json();
    let named = |rule: &str| {
        let verdicts = answer["verdicts"].as_array().unwrap().iter();
        verdicts.filter(|verdict| verdict["rule"] == rule && verdict["severity"] == "error").count()
    };
    // The runtime's name says nothing of its CUDA: the list of a release does.
    assert_eq!((named("AX209"), named("AX219"), named("AX205")), (1, 2, 1));
    let subject = "CUDA 13.0 in /opt/conda, without a compiler";
    assert!(answer["verdicts"].as_array().unwrap().iter().any(|verdict| verdict["subject"] == subject));
    assert_eq!(answer["found"]["cuda"], serde_json::json!([{ "path": "/opt/conda", "version": "13.0" }]));
}

/// A container is given the driver's library, and not the kernel's files.
#[test]
fn container_of_nvidia() {
    let machine = Machine::new()
        .with("/usr/local/bin/python3.12", "")
        .with("/usr/local/cuda/bin/nvcc", "")
        .with("/usr/local/cuda/version.json", r#"{"cuda": {"name": "CUDA SDK", "version": "13.0.20250829"}}"#)
        .with("/proc/meminfo", "MemTotal:       263921412 kB\n")
        .with("/sys/fs/cgroup/memory.max", "21474836480\n")
        .with("/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.01", "")
        .with_link("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.535.183.01")
        .with_glibc("2.39")
        .with_gpu("NVIDIA A100-SXM4-80GB");
    insta::assert_snapshot!(machine.doctor());
}

/// What lies in environments that are not on PATH, for a GPU that is not there.
#[test]
fn environments_of_conda_and_of_users() {
    let torch = Object {
        sections: vec![(".nv_fatbin".to_owned(), container(&[Item::One(sass(80))]))],
        ..Object::default()
    };
    for site in
        ["/opt/conda/envs/work/lib/python3.12/site-packages", "/home/me/.local/lib/python3.11/site-packages"]
    {
        let machine = Machine::new()
            .with("/opt/conda/bin/python3.12", "")
            .with_package(site, "torch", "", "torch/lib/libtorch_cuda.so", &torch)
            .with_gpu("NVIDIA GeForce RTX 3090");
        let doctor =
            |arguments: &[&str]| machine.0.output(&[&["doctor", "--root", "root"], arguments].concat());
        assert_eq!(doctor(&[]).status.code(), Some(0), "{site}");
        let output = doctor(&["--gpu", "GTX 1080 Ti"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("torch 2.9.1 has no code for 6.1 in libtorch_cuda.so"), "{said}");
    }
    let unknown = Machine::new().0.output(&["doctor", "--root", "root", "--gpu", "Voodoo"]);
    assert_eq!(unknown.status.code(), Some(2));
}

/// What is broken is told, and the rest is still judged.
#[test]
fn a_broken_package() {
    let site = "/opt/conda/lib/python3.12/site-packages";
    let machine = Machine::new()
        .with("/opt/conda/bin/python3.12", "")
        .with_package(site, "torch", "", "torch/lib/libtorch_cuda.so", &Object::default())
        .with(&format!("{site}/torch/lib/libtorch_cuda.so"), b"\x7fELF\x02\x01\x01broken")
        .with_gpu("NVIDIA Voodoo 2");
    insta::assert_snapshot!(machine.doctor());
}

/// On the machine itself compilers are asked who they are and which libraries they take; the one that nvcc is told to
/// call comes first.
#[test]
fn compilers_are_asked() {
    let folder = Folder::new();
    folder.write("bin/my-c++", "#!/bin/sh\necho '#define __clang_major__ 21'; echo '#define __GNUC__ 4'\necho '#define __GLIBC__ 2'; echo '#define __GLIBC_MINOR__ 42'; echo '#define _GLIBCXX_RELEASE 16'\n");
    let program = folder.path("bin/my-c++");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = folder.command(AXLE);
    let output = command.env("NVCC_CCBIN", &program).args(["doctor", "--format", "json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &answer["found"]["compilers"][0];
    assert_eq!(
        first,
        &serde_json::json!({
            "path": program.display().to_string(), "version": "clang 21", "glibc_headers": "2.42", "libstdcxx": 16,
        })
    );
    // 13.1's headers are too old for that glibc, 13.2 does not take that libstdc++.
    let fits = answer["fits"].as_array().unwrap().iter();
    let takers: Vec<_> = fits
        .filter(|fit| fit["compilers"].as_array().unwrap().contains(&"clang 21".into()))
        .map(|fit| fit["cuda"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(takers, ["13.3", "13.4", "13.5"]);
}

/// It hangs where the driver does; then it is left alone, and all else is answered. (A test that waits for it never ends.)
#[test]
fn a_hanging_nvidia_smi_is_left() {
    let folder = Folder::new();
    folder.write("bin/nvidia-smi", "#!/bin/sh\nexec sleep 1000000\n");
    folder.shell("chmod +x bin/nvidia-smi");
    let said = folder.shell("PATH=$HOME/bin:$PATH axle doctor --format json >answer; echo $? >status");
    assert!(said.ends_with("--- status 0\n"), "{said}");
    let answer: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("answer")).unwrap()).unwrap();
    assert_eq!(answer["found"]["gpus"], serde_json::json!([]));
    let status = std::fs::read_to_string(folder.path("status")).unwrap();
    assert!(["0", "1"].contains(&status.trim()), "{status}");
}

/// On the machine itself nvidia-smi is asked, which knows what the GPU is.
#[test]
fn nvidia_smi_is_asked() {
    let folder = Folder::new();
    folder.write("bin/nvidia-smi", "#!/bin/sh\necho 'NVIDIA Unheard-of 9000, 8.6'\n");
    let program = folder.path("bin/nvidia-smi");
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path("bin").display());
    let output =
        folder.command(AXLE).env("PATH", path).args(["doctor", "--format", "json"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["found"]["gpus"], serde_json::json!(["NVIDIA Unheard-of 9000"]));
    assert_eq!(answer["target"]["compute_capabilities"], serde_json::json!(["8.6"]));
}
