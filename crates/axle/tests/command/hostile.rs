//! What strangers made, given to the whole command: docs/hostile-input.md lists what each test is for.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::process::Output;

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::elf_writer::Object;
use crate::fatbin_writer::{Image, Item, container, cubin_with, sass};
use crate::run::{AXLE, Folder};
use crate::server::{Reply, Server};

/// Begins a line of its own, clears the screen, writes from right to left, hides, and ends in what JSON parsers refuse raw.
const FORGED: &str =
    "x\n8.6        covered: FORGED\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}\u{ad}\u{7f}";
/// The same without what no path in a zip may hold.
const FORGED_PATH: &str = "x\u{9b}2J\u{202e}\u{2066}\u{200b}\u{2028}\u{ad}";

/// A wheel of members, and of the files of its description.
fn wheel(members: &[(&str, Vec<u8>)], description: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let named = |name: &str| description.iter().any(|(known, _)| *known == name);
    let usual = [
        ("METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n"),
        ("WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n"),
    ];
    let usual =
        usual.iter().filter(|(name, _)| !named(name)).map(|(name, text)| (*name, text.as_bytes().to_vec()));
    let description = description.iter().cloned().chain(usual);
    let description = description.map(|(name, bytes)| (format!("x-1.0.dist-info/{name}"), bytes));
    let members = members.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone()));
    for (path, bytes) in members.chain(description) {
        zip.start_file(path, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn metadata(fields: &str) -> (&'static str, Vec<u8>) {
    ("METADATA", format!("Metadata-Version: 2.1\nName: x\nVersion: 1.0\n{fields}").into_bytes())
}

fn code(output: &Output) -> i32 {
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.code().unwrap_or_else(|| panic!("{}: {said}", output.status))
}

/// Nothing that was printed steers, hides, or begins a line that axle did not begin.
fn assert_harmless(what: &str, output: &Output) {
    assert!((0..3).contains(&code(output)), "{what}: {output:?}");
    for bytes in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        let hidden = text.chars().find(|&character| character != '\n' && axle_types::is_hidden(character));
        assert_eq!(hidden, None, "{what}: {text}");
        assert!(
            !text.lines().any(|line| line.starts_with("8.6 ") && line.contains("FORGED")),
            "{what}: {text}"
        );
    }
    if what.ends_with(" json") || what.contains("--format json") {
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{what}: {error}: {output:?}"));
        assert!(document["schema"].is_string(), "{what}");
    }
    if what.contains("--format sarif") {
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{what}: {error}: {output:?}"));
        assert_eq!(document["version"], "2.1.0", "{what}");
    }
}

fn hostile_wheel() -> Vec<u8> {
    let no_line = FORGED.replace('\n', " ");
    let text = |text: &str| text.to_owned();
    let kernels = ["_Z1af", FORGED];
    let image = Image { payload: cubin_with("sm_80", &kernels), ..sass(80) };
    let other = Image { payload: cubin_with("sm_90", &["_Z1af"]), ..sass(90) };
    let object = Object {
        soname: Some(text(FORGED)),
        needed: vec![text(FORGED), text("libcudart.so.12"), text("libcudnn.so.9")],
        runpath: Some(format!("/home/{FORGED}")),
        interpreter: Some(text(FORGED)),
        versions: vec![(text(FORGED), vec![format!("GLIBC_{FORGED}"), text("GLIBC_2.99")])],
        sections: vec![
            (text(".nv_fatbin"), container(&[Item::One(image), Item::One(other)])),
            (text(FORGED), container(&[Item::One(sass(75))])),
        ],
        ..Object::default()
    };
    let member = format!("{FORGED_PATH}/_C.abi3.so");
    // What e-mail would decode, and what it would not.
    let fields = format!(
        "Summary: {no_line}\nRequires-Python: =?utf-8?q?>=3.9=0A8.6________covered:_FORGED?=\nRequires-Dist: {no_line}\n\
         Requires-Dist: a-é\nRequires-Dist: a; 'x' ~= os_name\nProvides-Extra: {no_line}\n"
    );
    let record = format!("{no_line},sha256=AA,1\n{FORGED_PATH},,\n");
    let tag = format!("Wheel-Version: 1.0\nTag: {no_line}\n");
    wheel(
        &[(&member, object.write())],
        &[metadata(&fields), ("RECORD", record.into_bytes()), ("WHEEL", tag.into_bytes())],
    )
}

#[test]
fn no_input_steers_what_is_printed() {
    let folder = Folder::with_catalogue_to_update();
    let wheel = "x-1.0-py3-none-any.whl";
    folder.write(wheel, hostile_wheel());
    folder.write(&format!("{FORGED}/{wheel}"), hostile_wheel());
    folder.write("torch-1.0-py3-none-any.whl", FORGED);
    folder.write(
        "root/proc/driver/nvidia/gpus/0/information",
        format!("Model: RTX 3090 {}", FORGED.replace('\n', " ")),
    );
    folder.write(&format!("root/usr/local/cuda-{FORGED}/bin/nvcc"), "");
    folder.write(&format!("root/usr/local/cuda-{FORGED}/include/cuda.h"), "#define CUDA_VERSION 12080\n");
    folder.write("root/run/current-system/nixos-version", FORGED);
    folder.write("requirements.txt", format!("torch; {FORGED}\n-r {FORGED}\n"));
    folder.write("axle.toml", format!("packages = [{FORGED:?}]\n"));
    folder.write("lock.json", serde_json::json!({ "schema": FORGED }).to_string());
    folder.write(&format!("catalogue/packages/{FORGED_PATH}.toml"), format!("summary = {FORGED:?}"));
    folder.write("catalogue/artefacts/torch.json", serde_json::json!({ "schema": FORGED }).to_string());
    let server = Server::new(|request| match request.path.as_str() {
        "/simple/torch/" => {
            let files = serde_json::json!([{ "filename": FORGED, "url": format!("../{FORGED}") }]);
            Reply::ok("application/json", serde_json::json!({ "name": FORGED, "files": files }).to_string())
        }
        _ => Reply::ok(&FORGED.replace(|character: char| !character.is_ascii_graphic(), "_"), FORGED),
    });
    let index = ["--index-url", &server.url];
    let target = ["--python", "3.12", "--cuda", "12.8", "--cc", "8.6", "--catalogue", "catalogue"];
    let with = |words: &[&str], more: &[&str]| {
        [words, more].concat().iter().map(|word| (*word).to_owned()).collect()
    };
    let runs: Vec<Vec<String>> = vec![
        with(&["audit", wheel, "--cc", "8.6", "--verify"], &[]),
        with(&["audit", wheel, "--verbose", "--deep", "--glibc", "2.17"], &[]),
        with(&["audit", wheel, "--format", "json", "--deep", "--verify", "--cc", "8.6"], &[]),
        with(
            &["audit", wheel, FORGED, "nothing/there", "torch-1.0-py3-none-any.whl", "--format", "json"],
            &[],
        ),
        with(&["audit", FORGED], &[]),
        with(&["audit", &format!("{}/{FORGED}.whl", server.url)], &[]),
        with(&["audit", "torch==1.0"], &index),
        with(&["audit", wheel, "--format", "sarif", "--deep", "--verify"], &[]),
        with(&["audit", FORGED, "torch-1.0-py3-none-any.whl", "--format", "sarif"], &[]),
        with(&["check", "--cuda", "12.8", "--gpu", FORGED, "--format", "sarif"], &[]),
        with(&["doctor", "--root", "root", "--format", "sarif"], &[]),
        with(&["audit", "torch==1.0", "--format", "json"], &index),
        with(&["audit", wheel, "--gpu", FORGED], &[]),
        with(&["check", "--cuda", "12.8", "--gpu", FORGED, "--format", "json"], &[]),
        with(&["check", "--cuda", FORGED], &[]),
        with(&["check", "--cuda", "12.8", "--torch", FORGED], &[]),
        with(&["doctor", "--root", "root"], &[]),
        with(&["doctor", "--root", "root", "--format", "json"], &[]),
        with(&["doctor", "--root", FORGED], &[]),
        with(&["concretise", FORGED], &target),
        with(&["concretise", FORGED, "--format", "json"], &target),
        with(&["concretise", "--from", "requirements.txt"], &target),
        with(&["concretise", "--from", "axle.toml"], &target),
        with(&["concretise", "torch", "--torch", FORGED], &target),
        with(&["lock", "--offline", "--check", "lock.json"], &[]),
        with(&["lock", "--offline", "--check", FORGED, "--format", "json"], &[]),
        with(&["lock", "--offline", "--update", FORGED], &[]),
        with(&["catalogue", "show", "torch", "--catalogue", "catalogue"], &[]),
        with(&["catalogue", "show", FORGED, "--format", "json"], &[]),
        with(&["catalogue", "update", "torch", "triton", "--catalogue", "catalogue"], &index),
        with(&["catalogue", "add", "torch", "--catalogue", "catalogue"], &index),
        with(&["catalogue", "check", "catalogue"], &[]),
        with(&["catalogue", "check", "catalogue", "--format", "json"], &[]),
        with(&[FORGED], &[]),
    ];
    for run in runs {
        let words: Vec<&str> = run.iter().map(String::as_str).collect();
        let output = folder.output(&words);
        assert_harmless(&run.join(" "), &output);
        if words.get(..2) == Some(&["audit", wheel]) && !words.contains(&"--gpu") {
            let answer = String::from_utf8_lossy(&output.stdout);
            assert!(answer.contains("\\u202e") || answer.contains("\\u{202e}"), "{output:?}");
        }
    }
}

#[test]
fn passwords_are_not_printed() {
    let folder = Folder::with_catalogue();
    folder.write("requirements.txt", "torch @ https://user:hunter2@127.0.0.1:1/x.whl\n");
    folder.write("options.txt", "-ihttps://user:hunter2@127.0.0.1:1/\n");
    let target = "--python 3.12 --cuda 12.8 --cc 8.6 --catalogue catalogue";
    for line in [
        "axle audit http://user:hunter2@127.0.0.1:1/x-1-py3-none-any.whl",
        "axle audit --format json http://user:hunter2@127.0.0.1:1/x-1-py3-none-any.whl",
        "axle audit --format json x==1.0 --index-url http://user:hunter2@127.0.0.1:1/",
        "axle audit x==1.0 --index-url user:hunter2@127.0.0.1/simple",
        "UV_DEFAULT_INDEX=user:hunter2@127.0.0.1/simple axle audit x==1.0 --format json",
        &format!("axle concretise {target} 'torch @ https://user:hunter2@127.0.0.1:1/x.whl'"),
        &format!("axle concretise {target} 'torch @ https://user:hunter2@127.0.0.1:1/x.whl' --format json"),
        &format!("axle concretise {target} 'git+https://user:hunter2@127.0.0.1:1/x'"),
        &format!("axle concretise {target} --from requirements.txt"),
        &format!("axle concretise {target} --from options.txt torch"),
    ] {
        let said = folder.shell(line).replacen(line, "", 1);
        assert!(!said.contains("hunter2"), "{said}");
        assert!(said.contains("--- status"), "{said}");
    }
}

/// Each took minutes, or gigabytes.
#[test]
fn small_wheels_that_ask_for_much_get_little() {
    let folder = Folder::new();
    let pairs: Vec<_> = (0..20).map(|n| format!("extra == 'a{n}' and extra == 'b{n}'")).collect();
    let marker = metadata(&format!("Requires-Dist: a; {}\n", pairs.join(" or ")));
    let letters = ('a'..='z').map(String::from).collect::<Vec<_>>().join(".");
    let tags = format!("Wheel-Version: 1.0\n{}", format!("Tag: {letters}-{letters}-{letters}\n").repeat(400));
    let scripts = (0..100_000).fold("[console_scripts]\n".to_owned(), |mut text, number| {
        let _ = writeln!(text, "a{number} = b:c");
        text
    });
    let record = (0..300_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{number:x},,");
        text
    });
    let shared = Object { needed: vec!["n".repeat(1000); 250], ..Object::default() }.write();
    let shared: Vec<_> = (0..400).map(|number| (format!("x/{number}.so"), shared.clone())).collect();
    let shared: Vec<_> = shared.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    let wheels = [
        ("marker", wheel(&[], &[marker])),
        ("words", wheel(&[], &[metadata(&format!("Summary: {}\n", "=?".repeat(1 << 22)))])),
        ("folded", wheel(&[], &[metadata(&format!("Summary: a{}\n", "\n b".repeat(1 << 21)))])),
        ("requirements", wheel(&[], &[metadata(&"Requires-Dist:a\n".repeat(1 << 19))])),
        (
            "name",
            wheel(
                &[],
                &[("METADATA", format!("Metadata-Version: 2.1\nName: {}", "a".repeat(1 << 23)).into_bytes())],
            ),
        ),
        ("version", wheel(&[], &[metadata(&format!("Version: 1{}", ".1".repeat(1 << 22)))])),
        ("tags", wheel(&[], &[("WHEEL", tags.into_bytes())])),
        ("scripts", wheel(&[], &[("entry_points.txt", scripts.into_bytes())])),
        ("record", wheel(&[], &[("RECORD", record.into_bytes())])),
        ("needed", wheel(&shared, &[])),
    ];
    for (what, bytes) in wheels {
        folder.write("x-1.0-py3-none-any.whl", bytes);
        for format in ["human", "json"] {
            // 300 MB of addresses, most of which are the program's own.
            let line =
                format!("ulimit -v 300000; axle audit --verify --format {format} x-1.0-py3-none-any.whl");
            let output = folder.command("sh").args(["-c", &line]).output().unwrap();
            assert_harmless(&format!("{what} {format}"), &output);
            assert!(output.stdout.len() < 4 << 20, "{what}: {} bytes", output.stdout.len());
        }
    }
}

#[test]
fn requests_that_grow_are_refused() {
    let folder = Folder::with_catalogue();
    for level in 0..7 {
        folder.write(&format!("{level}.txt"), format!("-r {}.txt\n", level + 1).repeat(12));
    }
    folder.write("7.txt", "torch\n");
    folder.write("lines.txt", "\\\n".repeat(300_000));
    folder.write(
        "versions.txt",
        (0..2000).map(|number| format!("torch>=0.{number}\n")).collect::<Vec<_>>().concat(),
    );
    folder.write("many.txt", (0..5000).map(|number| format!("a{number}\n")).collect::<Vec<_>>().concat());
    folder.write("mark.txt", "\u{feff}torch\n");
    let terms: Vec<_> =
        (0..20).map(|n| format!("'a{n}' in platform_version and 'b{n}' in platform_release")).collect();
    folder.write("marker.txt", format!("torch; {} or python_version > '3'\n", terms.join(" or ")));
    folder.shell("mkfifo pipe.txt");
    let ask = |file: &str| {
        folder.shell(&format!(
            "axle concretise --python 3.11 --cuda 12.6 --cc 8.6 --catalogue catalogue --from {file} --format json >plan"
        ))
    };
    for file in ["0.txt", "mark.txt", "marker.txt"] {
        assert!(ask(file).ends_with("--- status 0\n"), "{}", ask(file));
    }
    for (file, why) in [
        ("lines.txt", "no package is given, neither on the command line nor with --from"),
        ("versions.txt", "more than 64 conditions on the version of torch are not supported"),
        ("many.txt", "more than 4096 requirements"),
        ("pipe.txt", "is not a file"),
        ("/dev/zero", "is not a file"),
    ] {
        let said = ask(file);
        assert!(said.contains(why) && said.ends_with("--- status 2\n"), "{said}");
    }
}

#[test]
fn what_is_no_regular_file_is_written_to_and_never_replaced() {
    let folder = Folder::new();
    let lock = |path: &str| {
        folder.shell(&format!(
            "axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch -o {path} >&2 | cat"
        ))
    };
    let output = folder.shell("axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch -o /dev/null");
    assert!(output.ends_with("--- status 0\n"), "{output}");
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    folder.write("real/axle.lock.json", "{}");
    symlink("real/axle.lock.json", folder.path("link.json")).unwrap();
    lock("link.json");
    assert!(folder.path("link.json").is_symlink());
    assert!(folder.read("real/axle.lock.json").contains("axle.lock/"));
    folder.shell("mkfifo pipe");
    let said = lock("pipe");
    assert!(said.contains("no process reads from it"), "{said}");
    let read = folder
        .shell("cat pipe >copy & axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch -o pipe; wait");
    assert!(read.ends_with("--- status 0\n"), "{read}");
    assert_eq!(folder.read("copy"), folder.read("real/axle.lock.json"));
    let said = folder.shell("axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch -o /dev/full");
    assert!(said.contains("cannot write to /dev/full") && said.ends_with("--- status 2\n"), "{said}");
}

/// A name of a lock comes to shells: what is none is refused, and so are fields that Nix would read and axle would not.
#[test]
fn a_lock_from_a_stranger_is_data() {
    let folder = Folder::new();
    folder.shell("axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch triton");
    let good: Value = serde_json::from_str(&folder.read("axle.lock.json")).unwrap();
    let check = |lock: &Value| {
        folder.write("evil.json", lock.to_string());
        folder.output(&["lock", "--offline", "--check", "evil.json"])
    };
    assert_eq!(code(&check(&good)), 0);

    // Every text that is a name is replaced by a command, and every object gets a field more.
    let mut poisoned = 0;
    for (place, value) in places(&good) {
        let mut evil = good.clone();
        let target = evil.pointer_mut(&place).unwrap();
        match value {
            Value::String(text) => *target = Value::String(format!("{text}$(touch X)")),
            Value::Object(_) => {
                target.as_object_mut().unwrap().insert("postFetch".to_owned(), "touch X".into());
            }
            _ => continue,
        }
        // Only sentences and values of variables, which Nix escapes, may be anything: they are not what is locked.
        let output = check(&evil);
        assert!(code(&output) > 0, "{place}: {output:?}");
        poisoned += 1;
    }
    assert!(poisoned > 100, "{poisoned}");
    assert!(!folder.path("X").exists());
    let mut evil = good.clone();
    evil["cells"]["x86_64-linux"]["3.12-12.8"] = evil["cells"]["x86_64-linux"]["3.11-12.8"].clone();
    assert_eq!(code(&check(&evil)), 2);
}

/// The places of some values of a document, of each kind of place one: an index or a name among others is as good as any.
fn places(document: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut next = vec![(String::new(), document)];
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    while let Some((place, value)) = next.pop() {
        let kind: String = place
            .split('/')
            .map(|part| if part.len() > 20 || part.parse::<u8>().is_ok() { "/*" } else { part })
            .collect();
        let count = seen.entry(kind).or_default();
        *count += 1;
        if *count > 2 {
            continue;
        }
        found.push((place.clone(), value));
        match value {
            Value::Object(fields) => next.extend(fields.iter().map(|(name, value)| {
                (format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), value)
            })),
            Value::Array(items) => {
                next.extend(
                    items.iter().enumerate().map(|(index, value)| (format!("{place}/{index}"), value)),
                );
            }
            _ => {}
        }
    }
    found
}

#[test]
fn servers_that_make_wait_are_left() {
    let folder = Folder::new();
    for (seconds, status) in [("18446744073709551615", 429), ("3800", 503)] {
        let server = Server::new(move |_| Reply::status(status).with("Retry-After", seconds));
        let output = folder.output(&["audit", &format!("{}/x-1-py3-none-any.whl", server.url)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(code(&output) == 2 && said.contains("no more requests"), "{said}");
    }
}

#[test]
fn variables_that_are_no_text_are_passed_over() {
    let folder = Folder::new();
    folder.write("root/etc/os-release", "");
    let server = Server::new(|_| Reply::status(404));
    for arguments in [vec!["doctor", "--root", "root"], vec!["audit", "x==1.0", "--index-url", &server.url]] {
        let mut command = folder.command(AXLE);
        let output =
            command.env("FOO", std::ffi::OsStr::from_bytes(b"\xff")).args(&arguments).output().unwrap();
        assert!((0..3).contains(&code(&output)), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_machine_in_a_folder_is_not_left_and_nothing_of_it_is_run() {
    let folder = Folder::new();
    // 45 links, the last of which leads to a file of this machine.
    folder.write("root/proc/x", "");
    symlink("/etc/hostname", folder.path("root/45")).unwrap();
    for link in (0..45).rev() {
        symlink((link + 1).to_string(), folder.path(&format!("root/{link}"))).unwrap();
    }
    std::fs::create_dir_all(folder.path("root/run/current-system")).unwrap();
    symlink("/0", folder.path("root/run/current-system/nixos-version")).unwrap();
    folder.shell("mkfifo root/proc/meminfo && mkdir -p root/lib/x86_64-linux-gnu && mkfifo root/lib/x86_64-linux-gnu/libc.so.6");
    folder.shell("truncate -s 1G root/lib/x86_64-linux-gnu/libc.so");
    let said = folder.shell("ulimit -v 400000; axle doctor --root root");
    assert!(said.ends_with("--- status 0\n"), "{said}");
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    assert!(hostname.trim().is_empty() || !said.contains(&format!("NixOS {}", hostname.trim())), "{said}");

    folder.write("bin/nvidia-smi", "#!/bin/sh\ntouch $HOME/was-run\necho 'GPU, 8.6'\n");
    folder.shell("chmod +x bin/nvidia-smi");
    folder.shell("PATH=$HOME/bin:$PATH axle doctor --root /");
    assert!(!folder.path("was-run").exists());
    folder.shell("PATH=$HOME/bin:$PATH axle doctor");
    assert!(folder.path("was-run").exists());
}

#[test]
fn few_resources_are_enough_or_the_lack_is_told() {
    let folder = Folder::with_catalogue();
    folder.write("x-1.0-py3-none-any.whl", hostile_wheel());
    folder.write("root/etc/os-release", "");
    let commands = [
        "axle audit x-1.0-py3-none-any.whl",
        "axle audit --format json x-1.0-py3-none-any.whl",
        "axle check --cuda 12.8 --gcc 13",
        "axle doctor --root root",
        "axle concretise --python 3.11 --cuda 12.6 --cc 8.6 --catalogue catalogue torch",
        "axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch",
        "axle catalogue show torch --catalogue catalogue",
        "axle catalogue check catalogue",
        "axle --help",
    ];
    let limits =
        ["ulimit -v 300000;", "ulimit -n 16;", "unset HOME;", "mkdir gone && cd gone && rmdir ../gone;"];
    for command in commands {
        for limit in limits {
            let output = folder.command("sh").args(["-c", &format!("{limit} {command}")]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!((0..3).contains(&code(&output)), "{limit} {command}: {said}");
            assert!(code(&output) < 2 || !said.is_empty(), "{limit} {command}");
            assert!(!said.contains("bug in axle"), "{limit} {command}: {said}");
        }
        // A full disk, and an answer that nobody can read.
        let full = folder.shell(&format!("{command} >/dev/full"));
        assert!(full.ends_with("--- status 2\n"), "{full}");
        let closed = folder.command("sh").args(["-c", &format!("{command} >&-")]).output().unwrap();
        assert!((0..3).contains(&code(&closed)), "{command}: {closed:?}");
    }
    folder.write("x-1.0-py3-none-any.whl", wheel(&[], &[]));
    let threads = folder.shell("RAYON_NUM_THREADS=1000000 axle audit x-1.0-py3-none-any.whl");
    assert!(threads.ends_with("--- status 0\n"), "{threads}");
}

#[test]
fn what_is_no_text_is_named() {
    let folder = Folder::new();
    let mut command = folder.command(AXLE);
    let output =
        command.args(["check", "--cuda"]).arg(std::ffi::OsStr::from_bytes(b"a\xffb")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "axle: the argument `a\u{fffd}b` is not UTF-8\n");

    // One name that is none keeps no wheel from being audited.
    folder.write("wheels/x-1.0-py3-none-any.whl", wheel(&[], &[]));
    std::fs::write(folder.path("wheels").join(std::ffi::OsStr::from_bytes(b"a\xff")), "").unwrap();
    let output = folder.output(&["audit", "wheels"]);
    assert_eq!(code(&output), 0, "{output:?}");
}

const LOCK: &str = "axle lock --offline --python 3.11 --cuda 12.8 --cc 8.6 torch";

#[test]
fn a_full_disk_leaves_what_was_there() {
    let folder = Folder::with_catalogue_to_update();
    folder.write("axle.lock.json", "old");
    let before = folder.files("");
    let server = Server::new(|_| {
        let files = serde_json::json!([{ "filename": "torch-1.0.tar.gz", "url": "../torch-1.0.tar.gz" }]);
        Reply::ok("application/json", serde_json::json!({ "name": "torch", "files": files }).to_string())
    });
    let update = format!("axle catalogue update torch --catalogue catalogue --index-url {}", server.url);
    for line in [LOCK, &update] {
        // The shell passes on that the signal is ignored: to write past the limit fails then.
        let said = folder.shell(&format!("trap '' XFSZ; ulimit -f 0; {line}"));
        assert!(said.contains("cannot write") && said.ends_with("--- status 2\n"), "{said}");
        assert!(folder.files("") == before, "{line}");
    }
}

#[test]
fn two_at_once_leave_what_one_would() {
    let folder = Folder::with_catalogue_to_update();
    let server = Server::new(|request| {
        let name = request.path.trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
        let files = serde_json::json!([{ "filename": format!("{name}-1.0.tar.gz"), "url": format!("../{name}-1.0.tar.gz") }]);
        Reply::ok("application/json", serde_json::json!({ "name": name, "files": files }).to_string())
    });
    let update =
        format!("axle catalogue update torch triton --catalogue catalogue --index-url {}", server.url);
    let alone = folder.shell(&format!("{update} 2>&1"));
    let files = folder.files("catalogue");
    let at_once = folder.shell(&format!("{update} & {update} & {LOCK} & {LOCK} >one; wait; test -s one"));
    assert!(at_once.ends_with("--- status 0\n"), "{alone}{at_once}");
    assert!(folder.files("catalogue") == files, "{at_once}");
    let lock = folder.read("axle.lock.json");
    folder.shell(LOCK);
    assert_eq!(folder.read("axle.lock.json"), lock);

    // Who changes all of it is alone.
    let busy = std::fs::File::open(folder.path("catalogue")).unwrap();
    busy.lock().unwrap();
    let said = folder.shell(&update);
    assert!(said.contains("another process is changing the catalogue in catalogue"), "{said}");
    assert!(said.ends_with("--- status 2\n"), "{said}");
}

#[test]
fn who_is_killed_leaves_the_old_or_the_new() {
    let folder = Folder::new();
    folder.shell(LOCK);
    let new = folder.read("axle.lock.json");
    let begun = std::time::Instant::now();
    folder.shell(LOCK);
    let whole = begun.elapsed();
    for part in 1..=16 {
        folder.write("axle.lock.json", "old");
        let mut words = LOCK.split(' ');
        let mut child = std::process::Command::new(AXLE)
            .args(words.by_ref().skip(1))
            .current_dir(folder.path(""))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * part / 16);
        child.kill().unwrap();
        child.wait().unwrap();
        let left = folder.read("axle.lock.json");
        assert!(left == "old" || left == new, "{left}");
    }
    assert!(folder.shell(LOCK).ends_with("--- status 0\n"));
    assert_eq!(folder.read("axle.lock.json"), new);
}
