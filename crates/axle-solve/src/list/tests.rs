use axle_catalogue::Inventory;
use axle_testing::{CUDA_12_8, Wheel, World, device_library};
use axle_toolkit::Toolkits;

use super::*;

/// torch 2.8 and 2.9, what is built against them, and what is not built at all.
fn world() -> World {
    let torch = |version: &str, local: &str, codes: &str| {
        let filename = format!("torch-{version}{local}-cp312-cp312-manylinux_2_28_x86_64.whl");
        Wheel::new(&filename).elf(device_library("torch/lib/libtorch_cuda.so", codes))
    };
    let pinned = |version: &str, local: &str, codes: &str, runtime: &str| {
        let cuda = runtime.rsplit_once('.').unwrap().0;
        torch(version, local, codes)
            .requires(&[&format!("nvidia-cuda-runtime-cu12=={runtime}")])
            .cuda(&[cuda])
    };
    let extension = |version: &str, torch: &str, codes: &str| {
        let filename = format!("extension-{version}+cu12torch{torch}-cp312-cp312-manylinux_2_28_x86_64.whl");
        Wheel::new(&filename).requires(&["torch", "numpy<2"]).elf(device_library("extension/_C.so", codes))
    };
    World::new(&["torch", "extension"])
        .package("torch", "gpu = true\ncuda-from = [\"nvidia-cuda-runtime-cu12\"]\ncuda-match = \"minor\"")
        .wheel(pinned("2.8.0", "", "sm_80 sm_90", "12.8.90"))
        .wheel(pinned("2.8.0", "+cu126", "sm_70 sm_80", "12.6.77"))
        .wheel(pinned("2.9.0", "", "sm_80 sm_90", "12.8.93"))
        .package("extension", "gpu = true\n[names]\nlocal = ['^cu(?<cuda>\\d+)torch(?<torch>[\\d.]+)$']\n")
        .wheel(extension("1.0", "2.8", "sm_80 compute_80"))
        .wheel(extension("1.1", "2.9", "sm_80 compute_80"))
        .wheel(Wheel::any("numpy", "1.26.4"))
        .wheel(Wheel::any("numpy", "2.2.6"))
        .wheel(Wheel::any("numpy", "2.3.0rc1"))
        .wheel(Wheel::any("nvidia_cuda_runtime_cu12", "12.8.90"))
        .wheel(Wheel::any("nvidia_cuda_runtime_cu12", "12.8.93"))
        .wheel(Wheel::any("nvidia_cuda_runtime_cu12", "12.6.77"))
        .wheel(Wheel::new("old-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"))
        .wheel(
            Wheel::new("new-1.0-cp312-cp312-manylinux_2_39_x86_64.whl")
                .audited(|facts| facts.glibc = Some("2.39".to_owned())),
        )
        .wheel(Wheel::new("other-1.0-cp312-cp312-manylinux_2_28_aarch64.whl"))
        .sdist("old", "2.0")
}

fn versions(list: &[&str]) -> BTreeMap<String, Listed> {
    let one = |text: &&str| {
        let (name, version) = text.split_once("==").unwrap();
        (name.to_owned(), Listed { version: version.parse().unwrap(), extras: Vec::new() })
    };
    list.iter().map(one).collect()
}

fn list(list: &[&str], gpu: &str) -> VersionList {
    VersionList {
        system: System::X86_64Linux,
        python: PythonVersion::new(12),
        cuda: CUDA_12_8,
        compute_capabilities: BTreeSet::from([gpu.parse().unwrap()]),
        driver: None,
        glibc: Some(Glibc::new(2, 35)),
        versions: versions(list),
        is_complete: false,
    }
}

fn toolkits(inventory: &Inventory) -> &Toolkits {
    inventory.toolkits.as_ref().unwrap()
}

fn judged(list: &VersionList) -> String {
    let inventory = world().compiling_inventory();
    let mut verdicts = list.judge(&inventory, toolkits(&inventory)).unwrap();
    verdicts.sort_by_key(|verdict| (Reverse(verdict.severity), verdict.rule));
    let lines = verdicts.iter().map(|verdict| {
        assert!(verdict.severity <= verdict.rule.severity(), "{verdict:?}");
        let fix = verdict.fix.as_ref().map(|fix| format!("\n  {fix}")).unwrap_or_default();
        format!("{} {}: {}{fix}", verdict.severity, verdict.rule, verdict.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn versions_that_work_together() {
    insta::assert_snapshot!(judged(&list(
        &["torch==2.8.0", "extension==1.0", "numpy==1.26.4", "nvidia-cuda-runtime-cu12==12.8.90"],
        "8.0",
    )));
}

#[test]
fn each_thing_that_can_be_wrong() {
    let with = |versions: &[&str], change: fn(&mut VersionList)| {
        let mut list = list(versions, "8.0");
        change(&mut list);
        format!("{}\n{}\n", versions.join(" "), judged(&list))
    };
    let same = |_: &mut VersionList| ();
    let all = [
        with(&["torch==2.9.0", "extension==1.0"], same),
        with(&["extension==1.0", "numpy==2.2.6"], same),
        with(&["torch==2.8.0", "nvidia-cuda-runtime-cu12==12.6.77"], same),
        with(&["torch==2.8.0+cu126"], same),
        with(&["torch==2.8.0"], |list| list.compute_capabilities = [ComputeCapability::new(7, 0)].into()),
        with(&["torch==2.8.0", "extension==1.0"], |list| {
            list.compute_capabilities = [ComputeCapability::new(8, 6), ComputeCapability::new(9, 0)].into();
            list.driver = Some("550.54.14".parse().unwrap());
        }),
        with(&["old==1.0", "new==1.0", "other==1.0"], same),
        with(&["old==2.0"], same),
        with(&["torch==2.7.0", "unheard==1.0", "numpy==1.0"], same),
        with(&["extension==1.0", "torch==2.8.0"], |list| list.is_complete = true),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_torch_tells_of_a_list() {
    let inventory = world().inventory();
    let cuda = |list: &[&str]| {
        let (system, python) = (System::X86_64Linux, PythonVersion::new(12));
        let cuda = VersionList::cuda_of_torch(&inventory, system, python, &versions(list)).unwrap();
        cuda.map(|cuda| cuda.to_string())
    };
    assert_eq!(cuda(&["torch==2.8.0"]).as_deref(), Some("12.8"), "the index's wheel");
    assert_eq!(cuda(&["torch==2.8.0+cu126"]).as_deref(), Some("12.6"));
    assert_eq!(cuda(&["torch==2.7.0+cpu"]).as_deref(), Some("cpu"));
    assert_eq!(cuda(&["torch==2.7.0"]), None);
    assert_eq!(cuda(&["numpy==2.2.6"]), None);
    let python =
        |list: &[&str]| VersionList::likely_python(&inventory, System::X86_64Linux, &versions(list)).unwrap();
    assert_eq!(python(&["torch==2.8.0", "old==1.0", "numpy==2.2.6"]), Some(PythonVersion::new(12)));
    assert_eq!(python(&["old==1.0", "numpy==2.2.6"]), Some(PythonVersion::new(11)));
}
