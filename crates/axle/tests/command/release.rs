//! `axle audit NAME==VERSION`: which wheel of a release is read.

use std::fmt::Write as _;

use serde_json::Value;

use crate::run::{Folder, one_line};
use crate::server::{Reply, Server};
use crate::wheels::{pure_wheel, sha256};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// An index that has the project `x` with these files, all with the same bytes; `!` marks those that were yanked.
fn index(files: &[&str]) -> Server {
    let bytes = pure_wheel().0;
    let hash = sha256(&bytes);
    let listed = files.iter().fold(String::new(), |mut page, file| {
        let (name, yanked) = file.strip_prefix('!').map_or((*file, false), |name| (name, true));
        let comma = if page.is_empty() { "" } else { "," };
        let size = bytes.len();
        let _ = write!(
            page,
            r#"{comma}{{"filename": "{name}", "url": "/files/{name}", "size": {size}, "yanked": {yanked},
                "hashes": {{"sha256": "{hash}"}}}}"#
        );
        page
    });
    let page = format!(r#"{{"files": [{listed}]}}"#);
    Server::new(move |request| match request.path.as_str() {
        "/simple/x/" => Reply::ok(JSON, page.clone()),
        path if path.starts_with("/files/") => Reply::file(&bytes, request, true),
        _ => Reply::status(404),
    })
}

/// The file name of the wheel that is read, or the message.
fn chosen(server: &Server, arguments: &[&str]) -> String {
    let folder = Folder::new();
    let index_url = ["audit", "--format", "json", "--index-url", &server.url];
    let output = folder.output(&[&index_url, arguments].concat());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let line = server.hidden(&one_line(&output));
    if let [wheel] = document["wheels"].as_array().unwrap().as_slice() {
        let filename = wheel["filename"].as_str().unwrap();
        // Every name is served with the same bytes, so a finding may say that METADATA names another version.
        assert_ne!(output.status.code(), Some(2));
        assert!(line.ends_with(&format!(" from {filename}\n")), "{line}");
        assert_eq!(wheel["declared_sha256"], sha256(&pure_wheel().0));
        assert_eq!(wheel["sha256"], Value::Null);
        filename.to_owned()
    } else {
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            format!("axle: {}\n", document["errors"][0]["message"].as_str().unwrap()),
            one_line(&output)
        );
        line
    }
}

#[test]
fn the_newest_python_that_is_not_free_threaded() {
    let server = index(&[
        "x-1.0-cp39-cp39-manylinux_2_28_x86_64.whl",
        "x-1.0-cp310-cp310-manylinux_2_28_x86_64.whl",
        "x-1.0-cp310-cp310-manylinux_2_28_aarch64.whl",
        "x-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
        "x-1.0-cp312-cp312-win_amd64.whl",
        "x-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl",
        "x-2.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "x-1.0.tar.gz",
        "x-broken.whl",
    ]);
    assert_eq!(chosen(&server, &["x==1.0"]), "x-1.0-cp310-cp310-manylinux_2_28_x86_64.whl");
    assert_eq!(chosen(&server, &["X == 1"]), "x-1.0-cp310-cp310-manylinux_2_28_x86_64.whl");
    assert_eq!(chosen(&server, &["x==1.0", "--python", "3.9"]), "x-1.0-cp39-cp39-manylinux_2_28_x86_64.whl");
    assert_eq!(
        chosen(&server, &["x==1.0", "--python", "3.13t"]),
        "x-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl"
    );
    assert_eq!(
        chosen(&server, &["x==1.0", "--system", "aarch64-linux"]),
        "x-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"
    );
}

#[test]
fn the_highest_build_tag_then_the_newest_platform() {
    let server = index(&[
        "x-1.0-1-cp312-cp312-manylinux_2_39_x86_64.whl",
        "x-1.0-10-cp312-cp312-manylinux2014_x86_64.whl",
        "x-1.0-10-cp312-cp312-manylinux_2_28_x86_64.whl",
        "x-1.0-9-cp312-cp312-manylinux_2_28_x86_64.whl",
        "x-1.0-cp312-cp312-manylinux_2_40_x86_64.whl",
    ]);
    assert_eq!(chosen(&server, &["x==1.0"]), "x-1.0-10-cp312-cp312-manylinux_2_28_x86_64.whl");
}

#[test]
fn wheels_for_several_pythons() {
    let abi3 =
        index(&["x-1.0-cp39-abi3-manylinux_2_28_x86_64.whl", "x-1.0-cp38-abi3-manylinux_2_34_x86_64.whl"]);
    assert_eq!(chosen(&abi3, &["x==1.0"]), "x-1.0-cp39-abi3-manylinux_2_28_x86_64.whl");
    assert_eq!(chosen(&abi3, &["x==1.0", "--python", "3.8"]), "x-1.0-cp38-abi3-manylinux_2_34_x86_64.whl");
    let any = index(&[
        "x-1.0-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "x-1.0-py3-none-manylinux_2_27_x86_64.whl",
        "x-1.0-py3-none-any.whl",
    ]);
    assert_eq!(chosen(&any, &["x==1.0"]), "x-1.0-py3-none-manylinux_2_27_x86_64.whl");
    let pure = index(&["x-1.0-py2.py3-none-any.whl"]);
    assert_eq!(chosen(&pure, &["x==1.0"]), "x-1.0-py2.py3-none-any.whl");
}

#[test]
fn yanked_files_are_the_last_resort() {
    let one = index(&["!x-1.0-py3-none-manylinux_2_28_x86_64.whl", "x-1.0-py3-none-any.whl"]);
    assert_eq!(chosen(&one, &["x==1.0"]), "x-1.0-py3-none-any.whl");
    let all = index(&["!x-1.0-py3-none-any.whl"]);
    assert_eq!(chosen(&all, &["x==1.0"]), "x-1.0-py3-none-any.whl");
}

#[test]
fn local_versions_follow_where_none_is_asked_for() {
    let server = index(&[
        "x-1.0+cpu-py3-none-any.whl",
        "x-1.0+cu126-py3-none-any.whl",
        "x-1.0+cu128-py3-none-any.whl",
        "x-1.0.1-py3-none-any.whl",
    ]);
    assert_eq!(chosen(&server, &["x==1.0"]), "x-1.0+cu128-py3-none-any.whl");
    assert_eq!(chosen(&server, &["x==1.0+cu126"]), "x-1.0+cu126-py3-none-any.whl");
}

#[test]
fn a_file_of_that_name_comes_first() {
    let folder = Folder::new();
    folder.write("x==1.0", "no wheel");
    let output = folder.output(&["audit", "x==1.0", "--index-url", "http://127.0.0.1:1/simple"]);
    insta::assert_snapshot!(one_line(&output));
}

#[test]
fn releases_without_a_wheel_that_fits() {
    let server = index(&[
        "x-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "x-1.0-cp312-cp312-win_amd64.whl",
        "x-0.9-cp312-cp312-macosx_11_0_arm64.whl",
        "x-0.8.tar.gz",
    ]);
    let nothing = index(&["x-1.0.tar.gz"]);
    let said = [
        chosen(&server, &["x==1.0", "--python", "3.12"]),
        chosen(&server, &["x==1.0", "--system", "aarch64-linux"]),
        chosen(&server, &["x==0.9"]),
        chosen(&server, &["x==0.8"]),
        chosen(&server, &["x==2.0"]),
        chosen(&nothing, &["x==1.0"]),
        chosen(&server, &["y==1.0"]),
    ];
    insta::assert_snapshot!(said.concat());
}
