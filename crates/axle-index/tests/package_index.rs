//! A package index on loopback: good answers, and every kind of bad one.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "common/server.rs"]
mod server;

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use axle_index::{File, IndexError, Origin, PackageIndex, Project, RetryPolicy, Settings};
use axle_types::Sha256;
use axle_wheel::{Archive, WheelSource};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use server::{Reply, Server};
use sha2::Digest as _;
use zip::write::SimpleFileOptions;

const METADATA: &str = "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\nRequires-Dist: sympy>=1.13\n";
const WHEEL: &str = "toy-1.0-py3-none-any.whl";
const JSON: &str = "application/vnd.pypi.simple.v1+json";

#[test]
fn json_pages() {
    let server = Server::new(|_| {
        Reply::ok(
            JSON,
            r#"{"meta": {"api-version": "1.1"}, "name": "toy", "files": [
                {"filename": "toy-1.0.tar.gz", "url": "../../files/toy-1.0.tar.gz", "hashes": {}, "yanked": "broken",
                 "future": {"field": 1}},
                {"filename": "toy-1.0+cu128-py3-none-any.whl", "url": "/files/toy-1.0%2Bcu128-py3-none-any.whl#x",
                 "hashes": {"sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "md5": "1"},
                 "requires-python": ">=3.10", "size": 12, "yanked": false,
                 "core-metadata": {"sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}},
                {"filename": "toy-0.9-py3-none-any.whl", "url": "https://files.example/toy-0.9-py3-none-any.whl",
                 "hashes": {"sha256": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}, "requires-python": null,
                 "yanked": true, "dist-info-metadata": true}]}"#,
        )
    });
    insta::assert_snapshot!(server.shown(&server.project().unwrap()));
    assert_eq!(server.requests(), ["GET /simple/toy/"]);
}

#[test]
fn html_pages() {
    let server = Server::new(|_| {
        Reply::ok(
            "text/html; charset=utf-8",
            r#"<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head><body>
               <a href="/simple/">all projects</a>
               <a href="../../files/toy-1.0%2Bcu128-py3-none-any.whl#sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  data-requires-python="&gt;=3.10" data-core-metadata="sha256=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb">toy-1.0+cu128-py3-none-any.whl</a><br>
               <a href="https://files.example/toy-0.9-py3-none-any.whl" data-yanked="" data-dist-info-metadata="true">toy-0.9-py3-none-any.whl</a>
               <a href="toy-1.0.tar.gz" data-yanked="broken &amp; bad" data-core-metadata="false">toy-1.0.tar.gz</a>
               </body></html>"#,
        )
    });
    insta::assert_snapshot!(server.shown(&server.project().unwrap()));
}

#[test]
fn what_an_index_says_of_the_project() {
    let html = |status: &str| {
        let meta = format!(r#"<meta name="pypi:project-status" content="{status}">"#);
        Reply::ok("text/html", meta + r#"<meta name="pypi:project-status-reason" content="harmful">"#)
    };
    let answers = [
        Reply::ok(JSON, r#"{"files": []}"#),
        Reply::ok(JSON, r#"{"files": [], "name": "Toy", "project-status": {"status": "active"}}"#),
        Reply::ok(JSON, r#"{"files": [], "name": "toys", "project-status": {"status": "archived"}}"#),
        Reply::ok(JSON, r#"{"files": [], "project-status": {"status": "quarantined", "reason": "harmful"}}"#),
        html("active"),
        html("quarantined"),
    ];
    let told: Vec<String> = answers
        .into_iter()
        .map(|answer| {
            let project = Server::new(move |_| answer.clone()).project().unwrap();
            let status = project.status.map(|status| (status.marker, status.reason));
            format!("{status:?} {}", project.problems.iter().map(ToString::to_string).collect::<String>())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn dates_of_uploads() {
    let server = Server::new(|_| {
        let file =
            r#"{"filename": "toy-1.0.tar.gz", "url": "x.tar.gz", "upload-time": "2026-10-27T18:28:33Z"}"#;
        Reply::ok(JSON, format!(r#"{{"files": [{file}]}}"#))
    });
    assert_eq!(server.project().unwrap().files[0].uploaded.as_deref(), Some("2026-10-27T18:28:33Z"));
}

#[test]
fn a_page_that_moved_is_read_where_it_is() {
    let server = Server::new(|request| match request.path.as_str() {
        "/mirror/toy/" => {
            Reply::ok(JSON, r#"{"files": [{"filename": "toy-1.0.tar.gz", "url": "toy-1.0.tar.gz"}]}"#)
        }
        _ => Reply::status(301).with("Location", "/mirror/toy/"),
    });
    assert_eq!(server.project().unwrap().files[0].url.path(), "/mirror/toy/toy-1.0.tar.gz");
}

#[test]
fn bad_answers_are_told_apart() {
    let hash = "a".repeat(63);
    let cases: Vec<(&str, Reply)> = vec![
        ("not found", Reply::status(404)),
        ("server error", Reply::status(500)),
        ("too many requests", Reply::status(429)),
        ("no entry", Reply::status(403)),
        ("garbage", Reply::ok(JSON, "\u{0}\u{1}garbage")),
        ("half a page", Reply::ok(JSON, r#"{"files": [{"filename": "#)),
        ("another document", Reply::ok("application/json", r#"{"message": "hello"}"#)),
        ("another kind", Reply::ok("image/png", "PNG")),
        ("no kind", Reply::ok("", "{}")),
        ("text for HTML", Reply::ok("text/html", "out of order")),
        ("a later version", Reply::ok(JSON, r#"{"meta": {"api-version": "2.0"}, "files": []}"#)),
        (
            "a name with folders",
            Reply::ok(JSON, r#"{"files": [{"filename": "../../evil", "url": "a.whl", "hashes": {}}]}"#),
        ),
        (
            "a local file",
            Reply::ok(
                JSON,
                r#"{"files": [{"filename": "passwd", "url": "file:///etc/passwd", "hashes": {}}]}"#,
            ),
        ),
        (
            "a short hash",
            Reply::ok(
                JSON,
                format!(
                    r#"{{"files": [{{"filename": "a.whl", "url": "a.whl", "hashes": {{"sha256": "{hash}"}}}}]}}"#
                ),
            ),
        ),
        (
            "a file twice",
            Reply::ok(
                JSON,
                format!(
                    r#"{{"files": [{{"filename": "a.whl", "url": "a.whl", "hashes": {{"sha256": "{hash}a"}}}},
                                   {{"filename": "a.whl", "url": "a.whl", "hashes": {{"sha256": "{hash}b"}}}}]}}"#
                ),
            ),
        ),
        ("cut short", Reply { cut: Some(3), ..Reply::ok(JSON, r#"{"files": []}"#) }),
    ];
    let messages: Vec<String> = cases
        .into_iter()
        .map(|(name, reply)| {
            let server = Server::new(move |_| reply.clone());
            format!("{name}: {}", server.hidden(&server.project().unwrap_err().to_string()))
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_passing_error_passes() {
    let failures = Mutex::new(2);
    let server = Server::new(move |_| {
        let mut left = failures.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return Reply::status(503);
        }
        Reply::ok(JSON, r#"{"files": []}"#)
    });
    assert!(server.project().unwrap().files.is_empty());
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn nobody_listens() {
    // Bound and closed again: the port is free.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = Settings::new(format!("http://user:secret@127.0.0.1:{port}/simple"));
    let index = PackageIndex::with_patience(&settings, patience()).unwrap();
    let error = index.project(&"toy".parse().unwrap()).unwrap_err();
    assert!(matches!(error, IndexError::Connection { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn credentials_are_sent_and_not_shown() {
    let server = Server::new(|request| match request.header("authorization") {
        Some("Basic dXNlcjpzZWNyZXQ=") => Reply::status(403),
        _ => Reply::status(500),
    });
    let settings = Settings::new(server.url.replace("http://", "http://user:secret@"));
    let index = PackageIndex::with_patience(&settings, patience()).unwrap();
    let error = index.project(&"toy".parse().unwrap()).unwrap_err().to_string();
    insta::assert_snapshot!(server.hidden(&error));
}

#[test]
fn a_url_of_a_file_is_kept_without_its_credentials() {
    let file = File::at("https://user:secret@example.org/toy-1.0-py3-none-any.whl").unwrap();
    assert_eq!(file.url.as_str(), "https://example.org/toy-1.0-py3-none-any.whl");
}

#[test]
fn metadata_beside_the_wheel() {
    let server = Server::new(|request| match request.path.as_str() {
        "/files/toy-1.0-py3-none-any.whl.metadata" => Reply::ok("text/plain", METADATA),
        _ => Reply::status(404),
    });
    let page = |hash: &str| format!(r#", "core-metadata": {{"sha256": "{hash}"}}"#);
    let right = Sha256(sha2::Sha256::digest(METADATA).into()).to_string();
    let metadata = server.index().metadata(&server.file(&page(&right))).unwrap();
    assert_eq!(metadata.requires_dist, ["sympy>=1.13"]);

    let error = server.index().metadata(&server.file(&page(&"0".repeat(64)))).unwrap_err();
    assert!(matches!(error, IndexError::Hash { .. }), "{error}");
}

#[test]
fn metadata_by_ranges() {
    let wheel = wheel(9 << 20);
    let size = wheel.len();
    let server = Server::with_file(wheel.clone(), true);
    for declared in [String::new(), format!(r#", "size": {size}"#)] {
        let metadata = server.index().metadata(&server.file(&declared)).unwrap();
        assert_eq!(metadata.requires_dist, ["sympy>=1.13"]);
    }
    let sent: usize = server.sent.lock().unwrap().iter().sum();
    assert!(sent < size / 2, "{sent} of {size} bytes were sent");
}

#[test]
fn a_remote_wheel_streams() {
    let wheel = wheel(9 << 20);
    let server = Server::with_file(wheel.clone(), true);
    let source = server.index().open(&server.file(&format!(r#", "size": {}"#, wheel.len()))).unwrap();
    let archive = Archive::open(source.as_ref()).unwrap();
    let lengths: Vec<usize> = archive
        .members()
        .into_par_iter()
        .map(|member| {
            let mut bytes = Vec::new();
            archive.reader().unwrap().member(member).unwrap().read_to_end(&mut bytes).unwrap();
            bytes.len()
        })
        .collect();
    assert_eq!(lengths.iter().sum::<usize>(), (9 << 20) + METADATA.len());
    assert!(server.requests().len() < 15, "{:#?}", server.requests());
}

#[test]
fn what_is_read_again_is_not_fetched_again() {
    let wheel = wheel(9 << 20);
    let server = Server::with_file(wheel.clone(), true);
    let source = server.index().open(&server.file(&format!(r#", "size": {}"#, wheel.len()))).unwrap();
    for part in [0..wheel.len(), 100..wheel.len(), 0..wheel.len() / 2] {
        let mut bytes = vec![0; part.len()];
        let mut reader = source.open().unwrap();
        reader.seek(SeekFrom::Start(part.start as u64)).unwrap();
        reader.read_exact(&mut bytes).unwrap();
        assert!(bytes == wheel[part]);
    }
    let sent: usize = server.sent.lock().unwrap().iter().sum();
    assert!(sent <= wheel.len(), "{sent} of {} bytes were sent", wheel.len());
}

#[test]
fn any_place_of_a_remote_file_reads_right() {
    let wheel = wheel(3 << 20);
    for ranges in [true, false] {
        let server = Server::with_file(wheel.clone(), ranges);
        let source = server.index().remote_file(&server.file("")).unwrap();
        assert_eq!(source.size(), wheel.len() as u64);
        // Who has seen every byte knows the hash.
        assert_eq!(source.sha256(), (!ranges).then(|| Sha256(sha2::Sha256::digest(&wheel).into())));
        let mut reader = source.open().unwrap();
        let mut place = 7usize;
        for length in [1, 100, 30, 70_000, 5, 200_000, 0, 1 << 20, 3] {
            // Forwards and backwards, near and far.
            place = (place * 7919 + length) % (wheel.len() - length);
            let mut bytes = vec![0; length];
            reader.seek(SeekFrom::Start(place as u64)).unwrap();
            reader.read_exact(&mut bytes).unwrap();
            assert!(bytes == wheel[place..place + length], "{length} at {place}");
        }
        reader.seek(SeekFrom::End(-4)).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, wheel[wheel.len() - 4..]);
        assert!(reader.seek(SeekFrom::End(-(1 << 40))).is_err());
    }
}

#[test]
fn a_server_without_ranges_is_asked_once() {
    let wheel = wheel(1 << 20);
    let server = Server::with_file(wheel.clone(), false);
    let metadata = server.index().metadata(&server.file(&format!(r#", "size": {}"#, wheel.len()))).unwrap();
    assert_eq!(metadata.requires_dist, ["sympy>=1.13"]);
    // Once for a part, which shows that there are none, and once for the whole.
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let wheel = wheel(2 << 20);
    let whole = wheel.clone();
    let cut = Mutex::new(true);
    let server = Server::new(move |request| {
        let mut reply = Reply::file(&wheel, request, true);
        if std::mem::take(&mut *cut.lock().unwrap()) {
            reply.cut = Some(100_000);
        }
        reply
    });
    let mut stored = Vec::new();
    let found = server.index().download(&server.file(""), &mut stored).unwrap();
    assert!(stored == whole);
    assert_eq!(found, Sha256(sha2::Sha256::digest(&whole).into()));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn other_bytes_than_declared_are_refused() {
    let wheel = wheel(100_000);
    let hash = Sha256(sha2::Sha256::digest(&wheel).into());
    let (size, longer, shorter) = (wheel.len(), wheel.len() + 1, wheel.len() - 1);
    let other = "0".repeat(64);
    let server = Server::with_file(wheel, true);
    let index = server.index();
    let file = |size: usize, hash: &str| {
        server.file(&format!(r#", "size": {size}, "hashes": {{"sha256": "{hash}"}}"#))
    };
    let download = |file: &File| index.download(file, &mut Vec::new());

    assert_eq!(download(&file(size, &hash.to_string())).unwrap(), hash);
    for size in [longer, shorter] {
        let file = file(size, &hash.to_string());
        let errors = [download(&file).unwrap_err(), index.metadata(&file).unwrap_err()];
        for error in errors {
            assert!(matches!(error, IndexError::Size { .. }), "{error}");
        }
    }
    let error = download(&file(size, &other)).unwrap_err();
    assert!(matches!(error, IndexError::Hash { .. }), "{error}");
    insta::assert_snapshot!(server.hidden(&error.to_string()));
}

#[test]
fn a_file_that_is_no_wheel() {
    let messages: Vec<String> = [Reply::ok("", "<html>sorry</html>"), Reply::status(404), Reply::status(502)]
        .into_iter()
        .map(|reply| {
            let server = Server::new(move |_| reply.clone());
            server.hidden(&server.index().metadata(&server.file("")).unwrap_err().to_string())
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn urls_that_are_none() {
    let messages: Vec<String> = ["", "simple", "ftp://example.org/simple", "https://user:secret@"]
        .into_iter()
        .map(|url| PackageIndex::new(&Settings::new(url)).unwrap_err().to_string())
        .chain(
            ["https://example.org/", "file:///etc/passwd"].map(|url| File::at(url).unwrap_err().to_string()),
        )
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

/// A wheel with `bytes` of what can't be compressed, its metadata at the end.
fn wheel(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
    .take(bytes)
    .collect();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let halves = noise.split_at(bytes / 3);
    for (path, content) in [
        ("toy/small.so", halves.0),
        ("toy/large.so", halves.1),
        ("toy-1.0.dist-info/METADATA", METADATA.as_bytes()),
    ] {
        writer.start_file(path, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn patience() -> RetryPolicy {
    RetryPolicy {
        delay: Duration::from_millis(1),
        silence: Duration::from_secs(10),
        rate_limit: Duration::from_secs(2),
        ..RetryPolicy::default()
    }
}

#[test]
fn pages_that_are_too_long_are_refused() {
    let files = |count: usize| {
        let file = |number: usize| {
            format!(r#"{{"filename": "toy-{number}.tar.gz", "url": "toy-{number}.tar.gz", "hashes": {{}}}}"#)
        };
        let page = format!(r#"{{"files": [{}]}}"#, (0..count).map(file).collect::<Vec<_>>().join(","));
        Server::new(move |_| Reply::ok(JSON, page.clone())).project().map(|project| project.files.len())
    };
    assert_eq!(files(1000).unwrap(), 1000);
    let error = files(150_001).unwrap_err().to_string();
    assert!(error.contains("it lists more than 150000 entries, which is the limit"), "{error}");
    let server = Server::new(|_| Reply::ok(JSON, vec![b' '; 65 << 20]));
    assert!(matches!(server.project().unwrap_err(), IndexError::TooLarge { limit: 67_108_864, .. }));
}

/// What the tests ask of the server's files through the crate.
trait Asked {
    fn index(&self) -> PackageIndex;
    fn project(&self) -> Result<Project, IndexError>;
    fn file(&self, fields: &str) -> File;
    fn shown(&self, project: &Project) -> String;
}

impl Asked for Server {
    fn index(&self) -> PackageIndex {
        PackageIndex::with_patience(&Settings::new(&*self.url), patience()).unwrap()
    }

    fn project(&self) -> Result<Project, IndexError> {
        self.index().project(&"toy".parse().unwrap())
    }

    /// The wheel on this server, as a page with these further fields lists it.
    fn file(&self, fields: &str) -> File {
        let url = self.url.replace("/simple", "/files");
        let hashes = if fields.contains("hashes") { "" } else { r#", "hashes": {}"# };
        let page =
            format!(r#"{{"files": [{{"filename": "{WHEEL}", "url": "{url}/{WHEEL}"{hashes}{fields}}}]}}"#);
        Server::new(move |_| Reply::ok(JSON, page.clone())).project().unwrap().files.remove(0)
    }

    fn shown(&self, project: &Project) -> String {
        self.hidden(&format!("{:#?}", project.files.iter().map(Shown).collect::<Vec<_>>()))
    }
}

/// A file with its URL as one text.
struct Shown<'a>(&'a File);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("filename", &self.0.filename)
            .field("url", &self.0.url.as_str())
            .field("sha256", &self.0.sha256)
            .field("size", &self.0.size)
            .field("requires_python", &self.0.requires_python)
            .field("yanked", &self.0.yanked)
            .field("core_metadata", &self.0.core_metadata)
            .finish()
    }
}
