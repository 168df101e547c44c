//! A table of published facts.

use std::path::{Path, PathBuf};

use axle_index::{IndexError, Origin as _, PublishedFacts};
use tempfile::TempDir;

use crate::server::Server;
use crate::{client, sha256, shown};

fn fact(url: &str, digit: &str, more: &str) -> String {
    let name = url.rsplit('/').next().unwrap().replace("%2B", "+");
    let hash = digit.repeat(64);
    format!(
        r#"{{"filename": "{name}", "url": "{url}", "sha256": "{hash}", "sources": 2, "source": "me/lock:uv.lock"{more}}}"#
    )
}

fn written(name: &str, lines: &[String]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs_err::write(&path, lines.join("\n")).unwrap();
    (folder, path)
}

fn hidden(text: &str, path: &Path) -> String {
    text.replace(path.parent().unwrap().to_str().unwrap(), "/facts")
}

const ROOT: &str = "https://download.pytorch.org/whl";

#[test]
fn what_a_table_declares() {
    let torch = format!("{ROOT}/cu128/torch-2.9.1%2Bcu128-cp312-cp312-linux_x86_64.whl");
    let (_folder, path) = written(
        "wheels.jsonl",
        &[
            fact(&torch, "a", r#", "size": 7, "url_derived": true"#),
            String::new(),
            // The same again, spelled otherwise.
            fact(&torch.replace("%2B", "+"), "a", "").replace(": 2,", ": 9,"),
            fact(&format!("{ROOT}/cpu/torch-2.9.1-cp312-cp312-linux_aarch64.whl"), "b", r#", "future": {}"#),
            fact(
                "https://github.com/me/torch/releases/download/v2.9%2Frc/torch-2.9-py3-none-any.whl",
                "c",
                "",
            ),
            fact("https://github.com/me/torch/releases/download/nightly/torch-today.whl", "d", ""),
            fact("https://example.org/toy-1.0-py3-none-any.whl", "e", ""),
        ],
    );
    let facts = PublishedFacts::load(&client(), &path, None).unwrap();
    assert_eq!(facts.problems().count(), 0);
    assert_eq!(facts.projects().map(AsRef::as_ref).collect::<Vec<&str>>(), ["torch", "toy"]);
    insta::assert_snapshot!(shown(&facts.project(&"torch".parse().unwrap()).unwrap()));
    let missing = facts.project(&"triton".parse().unwrap()).unwrap_err();
    insta::assert_snapshot!(hidden(&missing.to_string(), &path), @"/facts/wheels.jsonl has no package `triton`; check the spelling, and that the table has a line for it");
}

#[test]
fn broken_lines_and_conflicts_are_named() {
    let one = |name: &str| format!("{ROOT}/cu128/{name}-1.0-py3-none-any.whl");
    let (folder, path) = written(
        "wheels.jsonl",
        &[
            fact(&one("a"), "a", ""),
            "{".to_owned(),
            fact(&one("twice"), "a", ""),
            fact(&one("size"), "a", r#", "size": 1"#),
            "\u{1b}[2J".to_owned(),
            fact(&one("twice").replace("whl/", "%77hl/"), "b", ""),
            fact(&one("size"), "a", r#", "size": 2"#),
            fact(&one("distrusted"), "a", ""),
            fact(&one("short"), "a", "").replace("aaa", ""),
            fact(&one("renamed"), "a", "").replacen("renamed", "other", 1),
            fact("file:///etc/passwd", "a", ""),
            fact("https://example.org/notes.txt", "a", ""),
            fact(&one("hash"), "a", "")
                .replace(".whl\", \"sha", &format!(".whl#sha256={}\", \"sha", "b".repeat(64))),
            format!(r#"{{"filename": "{}"}}"#, "x".repeat(70_000)),
            r#"{"filename": "x-1.0-py3-none-any.whl", "url": "https://example.org/x-1.0-py3-none-any.whl"}"#
                .to_owned(),
            fact(&one("z"), "a", ""),
        ],
    );
    let conflicts = folder.path().join("conflicts.jsonl");
    fs_err::write(&conflicts, format!(r#"{{"url": "{}", "candidates": []}}"#, one("distrusted"))).unwrap();
    let facts = PublishedFacts::load(&client(), &path, Some(&conflicts)).unwrap();
    assert_eq!(facts.projects().map(AsRef::as_ref).collect::<Vec<&str>>(), ["a", "z"]);
    let problems: Vec<String> = facts.problems().map(|problem| hidden(&problem.to_string(), &path)).collect();
    insta::assert_snapshot!(problems.join("\n"));
    let twice = facts.project(&"twice".parse().unwrap()).unwrap();
    assert_eq!((twice.files.len(), twice.problems.len()), (0, 1));
}

#[test]
fn a_list_of_conflicts_must_be_whole() {
    let (folder, path) = written("wheels.jsonl", &[]);
    let conflicts = folder.path().join("conflicts.jsonl");
    let mut messages = Vec::new();
    for text in ["{\"url\": \"https://example.org/a\"}\n{\"url\": ", "{\"url\": \"nonsense\"}", "{}"] {
        fs_err::write(&conflicts, text).unwrap();
        messages.push(PublishedFacts::load(&client(), &path, Some(&conflicts)).unwrap_err().to_string());
    }
    for missing in ["nowhere", "."] {
        let error = PublishedFacts::load(&client(), &folder.path().join(missing), None).unwrap_err();
        assert!(matches!(error, IndexError::Local(_)), "{error}");
        messages.push(error.to_string());
    }
    insta::assert_snapshot!(hidden(&messages.join("\n"), &path));
}

#[test]
fn its_files_are_fetched_from_their_urls() {
    let server = Server::with_file(b"bytes".to_vec(), true);
    let url = format!("{}/toy-1.0-py3-none-any.whl", server.root());
    let right = fact(&url, "a", "").replace(&"a".repeat(64), &sha256(b"bytes").to_string());
    for (line, is_right) in [(right, true), (fact(&url, "a", ""), false)] {
        let (_folder, path) = written("wheels.jsonl", &[line]);
        let facts = PublishedFacts::load(&client(), &path, None).unwrap();
        let file = facts.project(&"toy".parse().unwrap()).unwrap().files.remove(0);
        match facts.download(&file, &mut Vec::new()) {
            Ok(found) => assert!(is_right && found == sha256(b"bytes")),
            Err(error) => assert!(!is_right && matches!(error, IndexError::Hash { .. }), "{error}"),
        }
    }
}
