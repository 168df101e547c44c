//! `axle lock`, on the catalogue that the program carries.

use serde_json::Value;

use crate::run::{Folder, one_line};

const TARGET: &str = "--offline --python 3.11 --cuda 12.8 --cc 8.6";

fn lock(folder: &Folder, rest: &str) -> std::process::Output {
    folder.command("sh").args(["-c", &format!("axle lock {rest}")]).output().unwrap()
}

fn read(folder: &Folder, path: &str) -> Value {
    serde_json::from_str(&folder.read(path)).unwrap()
}

#[test]
fn a_lock_is_written_and_checked() {
    let folder = Folder::new();
    let output = lock(&folder, &format!("{TARGET} torch --pin triton==3.5.1"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with("(pkgs.axle.fromLock ./axle.lock.json).env\n"), "{text}");
    let document = read(&folder, "axle.lock.json");
    assert_eq!(document["schema"], "axle.lock/2");
    assert_eq!(document["request"]["pins"][0], "triton==3.5.1");
    let cells = &document["cells"]["x86_64-linux"]["3.11-12.8"];
    assert_eq!(cells["packages"]["triton"][0]["version"], "3.5.1");
    assert!(document["builds"]["triton"]["3.5.1"]["wheels"].is_object());

    let check = lock(&folder, "--offline --check axle.lock.json");
    assert_eq!(check.status.code(), Some(0));
    assert_eq!(String::from_utf8(check.stdout).unwrap(), "axle.lock.json is up to date\n");

    // The same request writes the same bytes, whatever the order of its words.
    let before = folder.read("axle.lock.json");
    lock(&folder, "--pin triton==3.5.1 torch --cc 8.6 --cuda 12.8 --python 3.11 --offline");
    assert_eq!(folder.read("axle.lock.json"), before);
}

#[test]
fn what_is_not_locked_today_is_told() {
    let folder = Folder::new();
    lock(&folder, &format!("{TARGET} torch --torch 2.9.1"));
    let other = folder.read("axle.lock.json").replace("\"torch\":\"2.9.1\"", "\"torch\":\"2.8.0\"");
    let other = other.replace("\"torch\": \"2.9.1\"", "\"torch\": \"2.8.0\"");
    folder.write("other.json", other);
    let check = lock(&folder, "--offline --check other.json");
    let text = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1), "{text}");
    assert!(text.contains("  torch 2.9.1 -> 2.8.0\n"), "{text}");
    let check = lock(&folder, "--offline --check other.json --format json");
    let document: Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!((check.status.code(), &document["ok"]), (Some(1), &Value::Bool(false)));
}

#[test]
fn one_package_is_moved() {
    let folder = Folder::new();
    lock(&folder, &format!("{TARGET} torch triton --torch 2.9 --pin nvidia-nccl-cu12==2.27.5"));
    let before = folder.read("axle.lock.json");
    let update = lock(&folder, "--offline --update triton");
    assert_eq!(update.status.code(), Some(0), "{}", String::from_utf8_lossy(&update.stderr));
    assert!(one_line(&update).starts_with("axle: triton stays at "));
    assert_eq!(folder.read("axle.lock.json"), before);
    for (name, why) in [
        ("nvidia-nccl-cu12", "is pinned in"),
        ("transformers", "is not in axle.lock.json"),
        ("'no name'", "is not the name of a package"),
    ] {
        let output = lock(&folder, &format!("--offline --update {name}"));
        assert_eq!(output.status.code(), Some(2));
        assert!(one_line(&output).contains(why), "{name}");
    }
}

#[test]
fn what_cannot_be_locked() {
    let folder = Folder::new();
    folder.write("broken.json", "{");
    folder.write("old.json", "{\"schema\": \"axle.lock/1\"}");
    folder.write("empty.json", "{\"schema\": \"axle.lock/2\"}");
    folder.write("cells.json", "[]");
    insta::assert_snapshot!(folder.transcript(&[
        &format!("axle lock {TARGET}"),
        "axle lock torch",
        &format!("axle lock {TARGET} torch --pin triton"),
        &format!("axle lock {TARGET} torch --pin triton==3.5.1 --pin triton==3.5.0"),
        &format!("axle lock {TARGET} toch"),
        &format!("axle lock {TARGET} torch -o missing/../.."),
        &format!("axle lock {TARGET} torch -o /dev/null/axle.lock.json"),
        "axle lock --check missing.json",
        "axle lock --check broken.json",
        "axle lock --check old.json",
        "axle lock --check empty.json",
        "axle lock --check cells.json",
        "axle lock --check broken.json --update torch",
        "axle lock --update torch torch",
        "axle lock --update torch",
    ]));
    assert_eq!(folder.files("").len(), 4, "something was written");
}

#[test]
fn a_request_comes_from_a_file() {
    let folder = Folder::new();
    folder.write(
        "axle.toml",
        "packages = [\"torch\"]\npython = \"3.11\"\ncuda = \"12.8\"\ncompute-capabilities = [\"8.6\"]\ntorch = \"2.9\"\n",
    );
    folder.write("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"torch==2.9.1\"]\n");
    folder.write("requirements.txt", "torch==2.9.1\n");
    let locked = |rest: &str| {
        let output = lock(&folder, rest);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let document = read(&folder, "axle.lock.json");
        document["cells"]["x86_64-linux"]["3.11-12.8"]["order"][0].as_str().unwrap().to_owned()
    };
    assert_eq!(locked("--offline --from axle.toml"), "2.9.1");
    assert_eq!(locked(&format!("{TARGET} --from pyproject.toml")), "2.9.1");
    assert_eq!(locked(&format!("{TARGET} --from requirements.txt")), "2.9.1");
}
