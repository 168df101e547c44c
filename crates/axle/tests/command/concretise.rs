//! `axle concretise`, on the small catalogue.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{AXLE, Folder};

/// A request that has a plan.
const PLAN: &str = "axle concretise --catalogue catalogue --python 3.11 --cuda 12.8 --cc 8.6 torch";

#[test]
fn a_plan() {
    insta::assert_snapshot!(Folder::with_catalogue().shell(PLAN));
}

#[test]
fn a_plan_as_json() {
    insta::assert_snapshot!(Folder::with_catalogue().shell(&format!("{PLAN} --format json")));
}

#[test]
fn a_plan_as_requirements() {
    insta::assert_snapshot!(Folder::with_catalogue().shell(&format!("{PLAN} --format requirements")));
}

#[test]
fn pip_reads_the_requirements() {
    const QUESTION: &str = "
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements
for one in parse_requirements('requirements.txt', session=PipSession()):
    print(one.requirement, *one.options['hashes']['sha256'])";
    let folder = Folder::with_catalogue();
    folder.shell(&format!("{PLAN} --format requirements > requirements.txt"));
    let python =
        Command::new("python3").args(["-c", QUESTION]).current_dir(folder.path("")).output().unwrap();
    let message = String::from_utf8_lossy(&python.stderr);
    if message.contains("No module named 'pip") {
        return;
    }
    assert!(python.status.success(), "{message}");
    let read = String::from_utf8(python.stdout).unwrap();
    assert_eq!(read, folder.read("requirements.txt").replace(" --hash=sha256:", " "));
    assert_eq!(read.lines().count(), 4);
}

#[test]
fn the_newest_torch_that_has_everything() {
    // flash-attn is built for torch 2.8.0 only, and for 8.6 and 9.0 only.
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &format!("{PLAN} flash-attn"),
        &format!("{PLAN} flash-attn --cc 7.0"),
        &format!("{PLAN} flash-attn --glibc 2.31"),
    ]));
}

#[test]
fn order_and_repetition_of_arguments_do_not_matter() {
    let folder = Folder::with_catalogue();
    let plan = |rest: &str| {
        let line = format!("concretise --catalogue catalogue --python 3.11 --cuda 12.8 --format json {rest}");
        let output = folder.output(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = plan("--cc 8.6 --cc 9.0 torch sympy");
    assert_eq!(first, plan("--cc 9.0 --cc 8.6 --cc 9.0 sympy torch Torch"));
    assert_ne!(first, plan("--cc 8.6 torch sympy"));
}

#[test]
fn a_compiler_is_part_of_the_target() {
    let folder = Folder::with_catalogue();
    let target = |rest: &str| {
        let output =
            folder.command("sh").args(["-c", &format!("{PLAN} --format json {rest}")]).output().unwrap();
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        (plan["target"]["compiler"].clone(), plan["id"].as_str().unwrap().to_owned())
    };
    let (none, gcc, clang) = (target(""), target("--gcc 13"), target("--clang 17"));
    assert_eq!(
        [&none.0, &gcc.0, &clang.0],
        [&Value::Null, &serde_json::json!({"gcc": 13}), &serde_json::json!({"clang": 17})]
    );
    assert!(none.1 != gcc.1 && gcc.1 != clang.1);
}

#[test]
fn refusals() {
    let axle = "axle concretise --catalogue catalogue";
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 6.1 torch"),
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 6.1 --cc 8.6 torch"),
        &format!("{axle} --python 3.12 --cuda 12.6 --cc 8.6 torch"),
        &format!("{axle} --python 3.9 --cuda 12.8 --cc 8.6 torch"),
        &format!("{axle} --python 3.11 --cuda 13.0 --cc 8.6 torch"),
        &format!("{axle} --python 3.11 --cpu torch"),
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 8.6 --torch 2.7 torch"),
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 8.6 --torch 1 torch"),
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 8.6 --system aarch64-linux torch"),
        &format!("{axle} --python 3.11 --cuda 12.8 --cc 8.6 --glibc 2.17 torch"),
    ]));
}

#[test]
fn a_refusal_as_json() {
    let line =
        "axle concretise --catalogue catalogue --python 3.11 --cuda 12.8 --cc 6.1 --format json triton torch";
    insta::assert_snapshot!(Folder::with_catalogue().shell(line));
}

#[test]
fn every_suggestion_works() {
    let folder = Folder::with_catalogue();
    std::os::unix::fs::symlink(folder.path("catalogue"), folder.path("the user's catalogue")).unwrap();
    let mut tried = 0;
    for target in [
        "--python 3.11 --cuda 12.8 --cc 6.1",
        "--python 3.11 --cuda 12.8 --cc 6.1 --cc 8.6",
        "--python 3.12 --cuda 12.6 --cc 8.6",
        "--python 3.9 --cuda 12.8 --cc 8.6",
        "--python 3.9 --cuda 11.8 --cc 8.6",
        "--python 3.11 --cpu",
        "--python 3.11 --cuda 12.8 --cc 8.6 --torch 2.7",
        "--python 3.11 --cuda 12.6 --cc 8.6 --torch 2.8 --gcc 13",
        "--python 3.12 --cuda 12.8 --cc 8.6 --torch 2.8 --clang 17 --glibc 2.39",
    ] {
        let arguments = ["concretise", "--catalogue", "the user's catalogue", "--format", "json", "torch"];
        let arguments: Vec<_> = arguments.into_iter().chain(target.split(' ')).collect();
        let output = folder.output(&arguments);
        assert_eq!(output.status.code(), Some(1), "{target}");
        let refusal: Value = serde_json::from_slice(&output.stdout).unwrap();
        for suggestion in refusal["suggestions"].as_array().unwrap() {
            let command = suggestion["command"].as_str().unwrap();
            folder.command("sh").args(["-c", command]).assert().success();
            tried += 1;
        }
    }
    assert!(tried > 8, "only {tried} suggestions were made");
}

#[test]
fn packages_that_are_not_known() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &PLAN.replace(" torch", " toch"),
        &PLAN.replace(" torch", " pandas"),
        &PLAN.replace(" torch", " toch pandas torch"),
        &PLAN.replace(" torch", " ''"),
        &PLAN.replace(" torch", " 'torch[cuda]'"),
        &PLAN.replace(" torch", " ../torch"),
        &format!("{} --format json", PLAN.replace(" torch", " toch")),
    ]));
}

#[test]
fn a_gpu_that_is_not_known() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &PLAN.replace("8.6", "3.5"),
        &format!("{} --format json", PLAN.replace("8.6", "3.5")),
    ]));
}

#[test]
fn catalogues_that_are_none() {
    let folder = Folder::with_catalogue();
    folder.write("file", "");
    std::fs::create_dir(folder.path("empty")).unwrap();
    insta::assert_snapshot!(folder.transcript(&[
        &PLAN.replace("catalogue catalogue", "catalogue missing"),
        &PLAN.replace("catalogue catalogue", "catalogue empty"),
        &PLAN.replace("catalogue catalogue", "catalogue file"),
        "axle catalogue show --catalogue missing torch",
        "axle catalogue show --catalogue file torch",
        "axle catalogue update --catalogue missing torch --index-url http://127.0.0.1:1/simple",
    ]));
}

#[test]
fn broken_catalogue_files() {
    let folder = Folder::with_catalogue_to_update();
    let cell = "catalogue/cells/x86_64-linux/3.11-12.8.json";
    let said = |path: &str, bytes: &[u8]| {
        let before = std::fs::read(folder.path(path)).ok();
        folder.write(path, bytes);
        let text = folder.shell(PLAN);
        match before {
            Some(before) => folder.write(path, before),
            None => std::fs::remove_file(folder.path(path)).unwrap(),
        }
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).escape_debug().to_string();
        text.replace(&format!("$ {PLAN}"), &format!("# {path}: {head}"))
    };
    let deep = "[".repeat(100_000);
    let cells = |rest: &str| format!(r#"{{"schema": "axle.cells/4"{rest}}}"#);
    let texts = [
        said("catalogue/matrix.toml", b"systems = [\n"),
        said("catalogue/matrix.toml", b"systems = []\nsystem = 1\n"),
        said("catalogue/matrix.toml", b"\xff\xfe"),
        said(cell, b""),
        said(cell, b"[]"),
        said(cell, &b"{\"schema\": \"axle.cells/1\""[..]),
        said(cell, br#"{"schema": "axle.cells/1"}"#),
        said(cell, cells("").as_bytes()),
        said(cell, cells(r#", "system": "x86_64-windows""#).as_bytes()),
        said(cell, cells(&format!(r#", "system": {deep}"#)).as_bytes()),
        said(cell, &[0; 64]),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_story_of_a_choice() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &format!("{PLAN} flash-attn --explain torch"),
        &format!("{PLAN} flash-attn --explain Triton"),
        &format!("{PLAN} --explain sympy"),
        &format!("{PLAN} --explain flash-attn"),
        &format!("{PLAN} --explain torch --format json"),
    ]));
}

#[test]
fn requirements_in_place_of_names() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &PLAN.replace(" torch", " 'torch<2.9' --format requirements"),
        &PLAN.replace(" torch", " 'torch>=3'"),
        &PLAN.replace(" torch", " 'torch[opt-einsum]'"),
        &PLAN.replace(" torch", " torch 'triton==3.5.1; sys_platform == \"win32\"' --format requirements"),
        &PLAN.replace(" torch", " 'torch @ https://x.y/torch.whl'"),
        &PLAN.replace(" torch", " 'torch=>2'"),
    ]));
}

#[test]
fn preferences() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &format!("{PLAN} --prefer newest --gcc 13 --only-wheels=torch --only-audited --format requirements"),
        &format!("{PLAN} --prefer oldest"),
        &format!("{PLAN} --prefer torch=oldest"),
        &format!("{PLAN} --prefer troch=source"),
        &format!("{PLAN} --only-audited=troch"),
    ]));
}

#[test]
fn requests_in_files() {
    let folder = Folder::with_catalogue();
    folder.write(
        "axle.toml",
        "packages = [\"flash-attn\"]\npython = \"3.11\"\ncuda = \"12.8\"\ncompute-capabilities = [\"8.6\"]\n\
        prefer = { all = \"newest\", flash-attn = \"wheel\" }\nonly-audited = true\n",
    );
    folder.write(
        "requirements.txt",
        "# what we need\n--index-url https://x.y/simple\ntorch >= 2.8 \\\n    --hash=sha256:00  # old\n-r more.txt\n",
    );
    folder.write("more.txt", "triton; python_version >= \"3.9\"\ncolorama; sys_platform == \"win32\"\n");
    folder.write("cycle.txt", "-r cycle.txt\n");
    folder.write("editable.txt", "torch\n-e .\n");
    folder.write(
        "pyproject.toml",
        "[project]\nname = \"x\"\ndependencies = [\"torch~=2.8.0\", \"flash-attn\"]\n",
    );
    folder.write("dynamic/pyproject.toml", "[project]\nname = \"x\"\ndynamic = [\"dependencies\"]\n");
    folder.write("wrong.toml", "packages = [\"torch\"]\npythons = \"3.11\"\n");
    folder.write("half.toml", "packages = [\"torch\"]\npython = \"3.11\"\n");
    let axle = "axle concretise --catalogue catalogue --format requirements";
    let target = "--python 3.11 --cuda 12.8 --cc 8.6";
    insta::assert_snapshot!(folder.transcript(&[
        &format!("{axle} --from axle.toml"),
        &format!("{axle} --from axle.toml --cc 7.0"),
        &format!("{axle} --from requirements.txt {target}"),
        &format!("{axle} --from pyproject.toml {target}"),
        &format!("{axle} --from dynamic/pyproject.toml {target}"),
        &format!("{axle} --from cycle.txt {target}"),
        &format!("{axle} --from editable.txt {target}"),
        &format!("{axle} --from wrong.toml"),
        &format!("{axle} --from half.toml"),
        &format!("{axle} --from missing.toml"),
    ]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::with_catalogue();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(AXLE)
        .args(PLAN.split(' ').skip(1))
        .current_dir(folder.path(""))
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn an_answer_that_cannot_be_written() {
    insta::assert_snapshot!(Folder::with_catalogue().transcript(&[
        &format!("{PLAN} > /dev/full"),
        &format!("{PLAN} --format json > /dev/full"),
        "axle catalogue show --catalogue catalogue triton > /dev/full",
    ]));
}
