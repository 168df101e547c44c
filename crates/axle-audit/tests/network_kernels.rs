//! The kernels that NVIDIA's cuobjdump lists of real wheels are those that the audit does.
//!
//! Needs the network (some 60 MB through pip): run it by `cargo test -p axle-audit --test network_kernels -- --ignored`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use axle_audit::{ElfMember, Options, audit};
use axle_wheel::{Archive, Limits, LocalFile};

/// Made by CUDA 12.4, whose headers are longer; by 12.8, with images of both ABIs; by six releases, device
/// linked. Newer cuobjdumps refuse images older than sm_50, which none of these holds.
const WHEELS: [&str; 3] = ["torchvision==0.20.1", "torchvision==0.24.1", "bitsandbytes==0.50.2"];

fn download(folder: &Path, requirement: &str) -> PathBuf {
    let folder = folder.join(requirement.replace("==", "-"));
    let status = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version=3.11",
        ])
        .args(["--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_24_x86_64"])
        .args(["--platform=manylinux2014_x86_64", "--platform=manylinux1_x86_64", "--dest"])
        .args([folder.as_os_str(), requirement.as_ref()])
        .status()
        .unwrap();
    assert!(status.success(), "pip download {requirement}");
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn extract(wheel: &Path, member: &str, to: &Path) -> PathBuf {
    let source = LocalFile::open(wheel).unwrap();
    let archive = Archive::open_within(&source, Limits { whole: 1 << 30, ..Limits::default() }).unwrap();
    let path = to.join(member.rsplit('/').next().unwrap());
    std::fs::write(&path, archive.read(member).unwrap()).unwrap();
    path
}

/// The kernels of each architecture, which stand in lines like `FUNC  GLOBAL  DEFAULT  ENTRY  _Z1kPf` under `arch = sm_80`.
/// `None` where cuobjdump gives up: 13.5 does on images made by CUDA 12.1.
fn listed(cuobjdump: &Path, library: &Path) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new(cuobjdump).arg("-symbols").arg(library).output().unwrap();
    if !output.status.success() {
        return None;
    }
    let mut kernels = BTreeMap::<String, BTreeSet<String>>::new();
    let mut arch = String::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["arch", "=", of] => (*of).clone_into(&mut arch),
            ["FUNC", _, _, "ENTRY", name] => {
                kernels.entry(arch.clone()).or_default().insert((*name).to_owned());
            }
            _ => {}
        }
    }
    Some(kernels)
}

fn reported(member: &ElfMember) -> BTreeMap<String, BTreeSet<String>> {
    let mut kernels = BTreeMap::<String, BTreeSet<String>>::new();
    for group in &member.kernels.as_ref().unwrap().groups {
        for code in group.code.iter().map(ToString::to_string).filter(|code| code.starts_with("sm_")) {
            kernels.entry(code).or_default().extend(group.kernels.iter().map(|kernel| kernel.name.clone()));
        }
    }
    kernels
}

#[test]
#[ignore = "downloads wheels"]
fn cuobjdump_lists_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let tool = download(folder.path(), "nvidia-cuda-cuobjdump==13.5.37");
    let cuobjdump = extract(&tool, "nvidia/cu13/bin/cuobjdump", folder.path());
    std::fs::set_permissions(&cuobjdump, PermissionsExt::from_mode(0o755)).unwrap();
    let (mut compared, mut refused) = (0, vec![]);
    for requirement in WHEELS {
        let wheel = download(folder.path(), requirement);
        let name = wheel.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let deep = Options { deep: true, ..Options::default() };
        let facts = audit(&LocalFile::open(&wheel).unwrap(), &name, &deep).unwrap();
        for member in facts.elf.iter().filter(|member| !member.device_code.is_empty()) {
            let library = extract(&wheel, &member.path, folder.path());
            let Some(listed) = listed(&cuobjdump, &library) else {
                refused.push(member.path.clone());
                continue;
            };
            assert_eq!(reported(member), listed, "{requirement}: {}", member.path);
            compared += 1;
        }
    }
    assert_eq!(refused, ["bitsandbytes/libbitsandbytes_cuda121.so"]);
    assert_eq!(compared, 10);
}
