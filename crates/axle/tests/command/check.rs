//! `axle check`, with the toolkits that are in the program.

use serde_json::Value;

use crate::run::Folder;
use crate::wheels::{NAME, wheel};

#[test]
fn a_compiler_a_driver_and_a_glibc() {
    insta::assert_snapshot!(Folder::new().transcript(&[
        "axle check --cuda 12.8 --gcc 14 --glibc 2.40 --driver 570.26",
        "axle check --cuda 12.8 --gcc 15 --glibc 2.41 --driver 535.54.03 --memory 32G",
        "axle check --cuda 12.8 --gcc 15.2.0 --allow gcc-too-new",
        "axle check --cuda 13.1 --clang 21 --libstdcxx 16",
        "axle check --cuda 13.0 --clang 20 --libstdcxx 16",
        "axle check --cuda 12.8 --memory 8G --compile flash-attn",
        "axle check --cuda 12.8 --memory 8G --compile mamba-ssm",
        "axle check --cuda 12.8",
    ]));
}

#[test]
fn questions_that_cannot_be_answered() {
    insta::assert_snapshot!(Folder::new().transcript(&[
        "axle check --cuda 12.7 --gcc 13",
        "axle check --cuda 12.7 --gcc 13 --format json",
        "axle check --cuda 12.8 --gpu 'RTX 4091'",
        "axle check --cuda 12.8 --gpu Voodoo",
        "axle check --cuda 12.8 --torch 1.13",
        "axle check --cuda 12.8 --gcc 13 --allow gcc",
        "axle check --cuda 12.8 --gcc 13 --clang 17",
        "axle check --cuda 12.8 --driver latest",
        "axle check --cuda 12.8 --memory much",
        "axle check --gcc 13",
    ]));
}

#[test]
fn a_driver_from_before_the_gpu() {
    insta::assert_snapshot!(Folder::new().transcript(&[
        "axle check --cuda 12.8 --gpu 'RTX 5090' --driver 560.35.03",
        "axle concretise --python 3.12 --cuda 12.8 --gpu 'RTX 5090' --driver 560.35.03 torch",
        "axle check --cuda 12.8.93 --gcc 13",
        "axle check --cuda 13.0 --gpu 'Jetson Thor'",
        "axle check --cuda 13.0 --cc 11.0",
        "axle check --cuda 12.8 --torch 2.11 --system aarch64-linux",
    ]));
}

/// Versions whose facts change no more: what was read of them stays read.
#[test]
fn lists_of_versions() {
    let folder = Folder::new();
    folder.write("freeze.txt", FREEZE);
    folder.write("report.txt", REPORT);
    insta::assert_snapshot!(folder.transcript(&[
        "axle check --cuda 12.8 --cc 9.0 --python 3.12 torch==2.8.0 xformers==0.0.32.post1",
        "axle check --cuda 13.0 --cc 12.0 --python 3.12 torch==2.12.1 sglang-kernel==0.4.4",
        "axle check --python 3.12 --cc 9.0 torch==2.9.0+cu128 xformers==0.0.32.post1 unheard==1.0",
        "axle check --freeze freeze.txt --python 3.12 --cc 8.6",
        "axle check --freeze report.txt",
        "axle check --freeze report.txt --python 3.11 --cc 8.6 xformers==0.0.31",
        "axle check -r - --python 3.12 --cc 8.6 < freeze.txt",
    ]));
}

#[test]
fn lists_that_cannot_be_judged() {
    let folder = Folder::new();
    folder.write("empty.txt", "# nothing\n");
    insta::assert_snapshot!(folder.transcript(&[
        "axle check --cuda 12.8 torch",
        "axle check --cuda 12.8 'torch>=2'",
        "axle check --cuda 12.8 torch==2.8.0 torch==2.9.0",
        "axle check --cuda 12.8 torch==2.8.0 --torch 2.9",
        "axle check --python 3.12 numpy==2.2.6",
        "axle check --cpu",
        "axle check --cuda 12.8 -r empty.txt",
        "axle check --cuda 12.8 --freeze missing.txt",
        "axle check --cuda 12.8 --freeze missing.txt --format json",
    ]));
}

const FREEZE: &str = "\
torch==2.9.0+cu128
triton==3.4.0
-e git+https://github.com/a/b@0123#egg=b
c @ file:///home/conda/c_1690000000000/work
unheard==1.0
";

const REPORT: &str = "\
PyTorch version: 2.8.0+cu128
CUDA used to build PyTorch: 12.8
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.5 LTS (x86_64)
Libc version: glibc-2.35

Python version: 3.12.11 (main, Jun  4 2025, 08:56:18) [GCC 11.4.0] (64-bit runtime)
GPU models and configuration:
GPU 0: NVIDIA GeForce RTX 5090

Nvidia driver version: 560.35.03

Versions of relevant libraries:
[pip3] numpy==2.2.6
[pip3] torch==2.8.0+cu128
[pip3] triton==3.4.0
";

#[test]
fn one_document() {
    let line = "axle check --cuda 12.8 --gcc 15 --gpu 'RTX 3090' --format json";
    let output = Folder::new().command("sh").args(["-c", line]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["schema"], "axle.check/1");
    assert_eq!((&answer["ok"], &answer["errors"]), (&Value::Bool(false), &Value::Array(Vec::new())));
    assert_eq!(answer["target"]["compute_capabilities"], serde_json::json!(["8.6"]));
    assert_eq!(answer["target"]["compiler"], serde_json::json!({ "gcc": 15 }));
    let first = &answer["verdicts"][0];
    assert_eq!((&first["rule"], &first["severity"]), (&"AX201".into(), &"error".into()));
    for field in ["message", "fact", "fix"] {
        assert!(first[field].is_string(), "{first}");
    }
    assert_eq!(first["source"]["sha256"].as_str().map(str::len), Some(64));
}

/// What is asked for by a GPU's name and by its capability is the same.
#[test]
fn a_gpu_by_its_name_everywhere() {
    let folder = Folder::with_catalogue();
    folder.write(NAME, wheel().0);
    for command in [
        "check --cuda 12.8",
        &format!("audit {NAME}"),
        "concretise --catalogue catalogue --python 3.11 --cuda 12.8 torch",
    ] {
        let arguments = |option: &str, value: &str| {
            let mut all: Vec<String> = command.split(' ').map(str::to_owned).collect();
            all.extend([option.to_owned(), value.to_owned()]);
            all
        };
        let run =
            |arguments: Vec<String>| folder.output(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let by_capability = run(arguments("--cc", "8.6"));
        let by_name = run(arguments("--gpu", "RTX 3090"));
        assert_eq!(by_capability.status.code(), by_name.status.code(), "{command}");
        assert_eq!(by_capability.stdout, by_name.stdout, "{command}");
        assert!(!by_name.stdout.is_empty(), "{command}");
    }
}

/// What a code host reads of it: the rules, a result for each that does not hold, and the level.
#[test]
fn sarif_has_every_rule_and_each_violation() {
    let folder = Folder::new();
    let output =
        folder.output(&"check --cuda 12.8 --gcc 15 --cc 6.1 --format sarif".split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"AX101") && ids.contains(&"AX201"), "{ids:?}");
    let results = run["results"].as_array().unwrap();
    let found: Vec<_> = results.iter().map(|one| (one["ruleId"].as_str().unwrap(), &one["level"])).collect();
    assert!(found.iter().any(|(id, level)| *id == "AX201" && *level == "error"), "{found:?}");
    assert!(found.iter().all(|(id, _)| ids.contains(id)), "{found:?}");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);

    let list = "check --cuda 13.0 --cc 12.0 --python 3.12 torch==2.12.1 sglang-kernel==0.4.4 unheard==1 --format sarif";
    let output = folder.output(&list.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let found: Vec<_> = results.iter().map(|one| (one["ruleId"].as_str().unwrap(), &one["level"])).collect();
    assert!(found.iter().any(|(id, level)| *id == "AX223" && *level == "error"), "{found:?}");
    assert!(found.iter().any(|(id, level)| *id == "AX226" && *level == "note"), "{found:?}");

    let output = folder.output(&"check --cuda 9.9 --format sarif".split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(2));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
}
