//! `axle catalogue update` against an index on loopback.

use std::collections::BTreeMap;

use crate::run::{Folder, one_line};
use crate::server::{Reply, Server};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// What an index publishes: by project, by file name, the `Requires-Dist` lines.
type Published = BTreeMap<&'static str, Vec<(&'static str, &'static [&'static str])>>;

fn published() -> Published {
    let torch: &[&str] =
        &["triton==3.5.1; platform_system == \"Linux\"", "sympy>=1.13.3", "unlisted; extra == \"more\""];
    BTreeMap::from([
        (
            "torch",
            vec![
                ("torch-2.7.1-cp311-cp311-manylinux_2_28_x86_64.whl", torch),
                ("torch-2.9.1-1-cp311-cp311-manylinux_2_28_x86_64.whl", torch),
                ("torch-2.9.1-cp311-cp311-manylinux_2_28_aarch64.whl", torch),
                ("torch-2.9.1-cp311-cp311-win_amd64.whl", torch),
                ("torch-2.9.1.tar.gz", torch),
                ("torch-2.10.0-cp311-cp311-manylinux_2_28_x86_64.whl", torch),
            ],
        ),
        ("triton", vec![("triton-3.5.1-cp311-cp311-manylinux_2_27_x86_64.whl", &[])]),
        ("sympy", vec![("sympy-1.14.0-py3-none-any.whl", &["mpmath>=1.1.0,<1.4", "unlisted-too"])]),
        ("mpmath", vec![("mpmath-1.3.0-py3-none-any.whl", &["pytest>=4.6; extra == \"develop\""])]),
    ])
}

/// The hash that the index declares of a file.
fn hash(filename: &str) -> String {
    crate::wheels::sha256(filename.as_bytes())
}

/// An index, which gives metadata beside each wheel; `change` may change any answer.
fn index(published: Published, change: impl Fn(&str, Reply) -> Reply + Send + Sync + 'static) -> Server {
    Server::new(move |request| {
        let path = request.path.trim_matches('/');
        let reply = match path.strip_prefix("simple/") {
            Some(name) => published.get(name).map(|files| page(files)),
            None => path
                .strip_suffix(".metadata")
                .and_then(|path| metadata(&published, path.strip_prefix("files/")?)),
        };
        change(path, reply.unwrap_or_else(|| Reply::status(404)))
    })
}

fn page(files: &[(&str, &[&str])]) -> Reply {
    let files: Vec<_> = files
        .iter()
        .map(|(name, _)| {
            serde_json::json!({
                "filename": name, "url": format!("/files/{name}"), "size": name.len(), "requires-python": ">=3.10",
                "hashes": {"sha256": hash(name)}, "core-metadata": true,
            })
        })
        .collect();
    Reply::ok(JSON, serde_json::json!({"meta": {"api-version": "1.1"}, "files": files}).to_string())
}

fn metadata(published: &Published, filename: &str) -> Option<Reply> {
    let (_, requirements) = published.values().flatten().find(|(name, _)| *name == filename)?;
    let (name, version) = filename.split_once('-')?;
    let version = version.split('-').next()?;
    let lines: String = requirements.iter().flat_map(|line| ["Requires-Dist: ", line, "\n"]).collect();
    Some(Reply::ok("text/plain", format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}")))
}

fn good_index() -> Server {
    index(published(), |_, reply| reply)
}

/// Updates packages from a server.
fn update(folder: &Folder, server: &Server, packages: &str) -> String {
    server.hidden(&folder.shell(&format!("axle catalogue update --index-url {} {packages}", server.url)))
}

#[test]
fn a_package_and_all_that_it_requires() {
    let folder = Folder::with_catalogue_to_update();
    let server = good_index();
    insta::assert_snapshot!(update(&folder, &server, "torch"));
    insta::assert_snapshot!(folder.read("catalogue/artefacts/torch.json"));
    insta::assert_snapshot!(folder.read("catalogue/artefacts/sympy.json"));
    let names: Vec<_> = folder.files("catalogue/artefacts").into_iter().map(|(path, _)| path).collect();
    let expected = ["mpmath", "sympy", "torch", "triton"];
    assert_eq!(names, expected.map(|name| folder.path(&format!("catalogue/artefacts/{name}.json"))));
    // Wheels that no cell can use are not even asked for.
    assert!(!server.requests().iter().any(|path| path.contains("win_amd64") || path.contains("2.7.1")));
}

#[test]
fn a_package_is_added_from_what_the_index_says() {
    let folder = Folder::with_catalogue_to_update();
    let server = good_index();
    fs_err::remove_file(folder.path("catalogue/packages/triton.toml")).unwrap();
    let said = |names: &str| {
        server.hidden(&folder.shell(&format!("axle catalogue add --index-url {} {names}", server.url)))
    };
    insta::assert_snapshot!(said("triton"));
    insta::assert_snapshot!(folder.read("catalogue/packages/triton.toml"));
    // What is there is left as it is, and what the index lacks is told.
    insta::assert_snapshot!([said("triton"), said("no-such-package")].concat());
}

#[test]
fn without_news_no_byte_changes() {
    let folder = Folder::with_catalogue_to_update();
    update(&folder, &good_index(), "torch");
    let before = folder.files("catalogue");
    let modified =
        || std::fs::metadata(folder.path("catalogue/artefacts/torch.json")).unwrap().modified().unwrap();
    let first = modified();
    // Another server: where the index is does not matter.
    let server = good_index();
    insta::assert_snapshot!(update(&folder, &server, "torch"));
    assert_eq!(folder.files("catalogue"), before);
    assert_eq!(modified(), first);
    assert!(
        server.requests().iter().all(|path| path.starts_with("GET /simple/")),
        "{:#?}",
        server.requests()
    );
}

#[test]
fn only_what_is_named() {
    let folder = Folder::with_catalogue_to_update();
    insta::assert_snapshot!(update(&folder, &good_index(), "--no-deps Sympy triton"));
    assert_eq!(folder.files("catalogue/artefacts").len(), 2);
}

#[test]
fn a_file_that_left_the_index_is_an_alarm() {
    let folder = Folder::with_catalogue_to_update();
    update(&folder, &good_index(), "triton");
    let mut later = published();
    later.insert("triton", vec![("triton-3.6.0-cp311-cp311-manylinux_2_27_x86_64.whl", &[])]);
    insta::assert_snapshot!(update(&folder, &index(later, |_, reply| reply), "triton"));
    let text = folder.read("catalogue/artefacts/triton.json");
    assert!(text.contains("triton-3.5.1-") && !text.contains("triton-3.6.0-"), "{text}");
}

#[test]
fn files_of_other_names_are_told_and_left_out() {
    let folder = Folder::with_catalogue_to_update();
    let mut odd = published();
    odd.get_mut("triton")
        .unwrap()
        .extend([("torch-9.9-cp311-cp311-manylinux_2_27_x86_64.whl", &[][..]), ("triton-3.5.1.whl", &[])]);
    insta::assert_snapshot!(update(&folder, &index(odd, |_, reply| reply), "triton"));
    let text = folder.read("catalogue/artefacts/triton.json");
    assert!(!text.contains(r#""filename":"torch"#) && text.contains("torch-9.9-"), "{text}");
}

#[test]
fn a_replaced_file_is_an_alarm() {
    let folder = Folder::with_catalogue_to_update();
    update(&folder, &good_index(), "torch");
    let before = folder.files("catalogue");
    let replaced = index(published(), |path, reply| match path {
        "simple/torch" => {
            let name = "torch-2.10.0-cp311-cp311-manylinux_2_28_x86_64.whl";
            let body = String::from_utf8(reply.body).unwrap().replace(&hash(name), &"0".repeat(64));
            Reply::ok(JSON, body)
        }
        _ => reply,
    });
    insta::assert_snapshot!(update(&folder, &replaced, "torch triton"));
    assert_eq!(folder.files("catalogue"), before);
}

/// What is said when the index answers so for torch, whose file must stay as it is.
fn said_of(reply: &Reply) -> String {
    let folder = Folder::with_catalogue_to_update();
    update(&folder, &good_index(), "torch");
    let before = folder.files("catalogue");
    let reply = reply.clone();
    let server =
        index(published(), move |path, good| if path == "simple/torch" { reply.clone() } else { good });
    let output = folder.output(&["catalogue", "update", "--index-url", &server.url, "torch"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(folder.files("catalogue"), before);
    server.hidden(&one_line(&output))
}

#[test]
fn answers_that_cannot_be_used() {
    let no_hash =
        r#"{"files": [{"filename": "torch-2.9.1-py3-none-any.whl", "url": "a.whl", "hashes": {}}]}"#;
    let cases = [
        ("500", Reply::status(500)),
        ("404", Reply::status(404)),
        ("403", Reply::status(403)),
        ("garbage", Reply::ok(JSON, "\u{0}\u{1}garbage")),
        ("half", Reply::ok(JSON, r#"{"files": [{"filename": "#)),
        ("a portal", Reply::ok("text/html", "out of order")),
        ("an image", Reply::ok("image/png", "PNG")),
        ("a broken connection", Reply { cut: Some(3), ..Reply::ok(JSON, r#"{"files": []}"#) }),
        ("no hash", Reply::ok(JSON, no_hash)),
        ("deep", Reply::ok(JSON, format!("{{\"files\": [], \"future\": {}", "[".repeat(100_000)))),
    ];
    let said = cases.map(|(what, reply)| format!("{what}: {}", said_of(&reply)));
    insta::assert_snapshot!(said.concat());
}

#[test]
fn a_broken_package_among_good_ones() {
    let folder = Folder::with_catalogue_to_update();
    let server = index(published(), |path, reply| match path {
        "simple/triton" => Reply::status(500),
        "files/sympy-1.14.0-py3-none-any.whl.metadata" => Reply::ok("text/plain", "garbage"),
        _ => reply,
    });
    insta::assert_snapshot!(update(&folder, &server, "torch mpmath pandas"));
    let names: Vec<_> = folder.files("catalogue/artefacts").into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        names,
        ["mpmath", "torch"].map(|name| folder.path(&format!("catalogue/artefacts/{name}.json")))
    );
}

#[test]
fn an_index_that_is_none() {
    let folder = Folder::with_catalogue_to_update();
    // Bound and closed again: the port is free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = [
        format!("http://user:secret@127.0.0.1:{port}/simple"),
        "simple".to_owned(),
        "ftp://example.org/simple".to_owned(),
        String::new(),
    ]
    .map(|url| {
        let output = folder.output(&["catalogue", "update", "--index-url", &url, "torch"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{url}");
        one_line(&output).replace(&port.to_string(), "PORT")
    });
    insta::assert_snapshot!(said.concat());
    assert!(!folder.path("catalogue/artefacts").exists());
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = Folder::with_catalogue_to_update();
    update(&folder, &good_index(), "--no-deps torch triton");
    let before = folder.files("catalogue");
    let mut later = published();
    later.get_mut("torch").unwrap().push(("torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl", &[]));
    let server = index(later, |_, reply| reply);
    // A file that may not grow fails as one on a full disk does. What would be written is one block too many.
    let line = format!(
        "trap '' XFSZ; ulimit -f 1; exec axle catalogue update --no-deps --index-url {} torch triton",
        server.url
    );
    insta::assert_snapshot!(server.hidden(&folder.shell(&line)));
    assert_eq!(folder.files("catalogue"), before);
}

#[test]
fn a_file_in_the_place_of_a_folder() {
    let folder = Folder::with_catalogue_to_update();
    folder.write("catalogue/artefacts", "");
    insta::assert_snapshot!(update(&folder, &good_index(), "triton"));
}
