//! Answers that are kept.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axle_index::{Client, Event, IndexError, Origin as _, PackageIndex, Settings};

use crate::patience;
use crate::server::{Reply, Request, Server};

/// A server whose pages have a tag each, or a date.
fn server(tag: bool) -> Server {
    Server::new(move |request| {
        let name = request.path.trim_start_matches("/simple/").trim_matches('/').to_owned();
        let etag = format!("\"{name}\"");
        let date = "Fri, 02 Jan 2026 03:04:05 GMT";
        let is_known = if tag {
            request.header("if-none-match") == Some(&etag)
        } else {
            request.header("if-modified-since") == Some(date)
        };
        let reply = if is_known {
            Reply { status: 304, ..Reply::default() }
        } else {
            Reply::ok("application/json", page(&name))
        };
        if tag { reply.with("ETag", etag) } else { reply.with("Last-Modified", date) }
    })
}

fn page(name: &str) -> String {
    format!(
        r#"{{"name": "{name}", "files": [{{"filename": "{name}-1.0.tar.gz", "url": "{name}-1.0.tar.gz"}}]}}"#
    )
}

fn index(server: &Server, folder: &Path) -> PackageIndex {
    let settings = Settings::new(&*server.url);
    let client = Client::new(&settings, patience()).unwrap().with_cache(folder);
    PackageIndex::with_client(&settings, client).unwrap()
}

fn only_entry(folder: &Path) -> std::path::PathBuf {
    let mut entries: Vec<_> = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

#[test]
fn what_is_known_is_not_sent_again() {
    for tag in [true, false] {
        let (server, folder) = (server(tag), tempfile::tempdir().unwrap());
        let toy = "toy".parse().unwrap();
        let first = index(&server, &folder.path().join("made/for/it")).project(&toy).unwrap();
        let again = index(&server, &folder.path().join("made/for/it"));
        assert_eq!(again.project(&toy).unwrap(), first);
        let traffic = again.traffic();
        assert_eq!((traffic.requests(), traffic.unchanged(), traffic.bytes()), (1, 1, 0));
    }
}

#[test]
fn news_replace_what_is_known() {
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server = Server::new(move |request: &Request| {
        let etag = format!("\"{}\"", now.load(Ordering::Relaxed));
        if request.header("if-none-match") == Some(&etag) {
            return Reply { status: 304, ..Reply::default() };
        }
        let name = if etag == "\"1\"" { "toy" } else { "toy_2" };
        Reply::ok("application/json", page(name)).with("ETag", etag)
    });
    let (folder, toy) = (tempfile::tempdir().unwrap(), "toy".parse().unwrap());
    let names = || index(&server, folder.path()).project(&toy).unwrap().files.remove(0).filename;
    assert_eq!(names(), "toy-1.0.tar.gz");
    version.store(2, Ordering::Relaxed);
    assert_eq!((names(), names()), ("toy_2-1.0.tar.gz".to_owned(), "toy_2-1.0.tar.gz".to_owned()));
    only_entry(folder.path());
}

#[test]
fn a_damaged_entry_is_replaced() {
    let (server, folder, toy) = (server(true), tempfile::tempdir().unwrap(), "toy".parse().unwrap());
    let good = index(&server, folder.path()).project(&toy).unwrap();
    let entry = only_entry(folder.path());
    let sound = fs_err::read(&entry).unwrap();
    let mut flipped = sound.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut other = sound.clone();
    other.extend_from_slice(b"more");
    let other_request = String::from_utf8(sound.clone()).unwrap().replacen("/simple/toy/", "/simple/toz/", 1);
    for damaged in [
        &[] as &[u8],
        b"\n",
        b"{}\n",
        b"\xff\xfe",
        &sound[..sound.len() - 1],
        &sound[..20],
        &flipped,
        &other,
        other_request.as_bytes(),
    ] {
        fs_err::write(&entry, damaged).unwrap();
        let index = index(&server, folder.path());
        assert_eq!(index.project(&toy).unwrap(), good);
        assert_eq!(index.traffic().unchanged(), 0);
        assert_eq!(fs_err::read(only_entry(folder.path())).unwrap(), sound);
    }
}

#[test]
fn many_threads_and_clients_share_a_folder() {
    let (server, folder) = (server(true), tempfile::tempdir().unwrap());
    let names = ["a", "b", "c", "d"];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let index = index(&server, folder.path());
                for _ in 0..5 {
                    for name in names {
                        let project = index.project(&name.parse().unwrap()).unwrap();
                        assert_eq!(project.files[0].filename, format!("{name}-1.0.tar.gz"));
                    }
                }
            });
        }
    });
    // No temporary file stays.
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), names.len());
    let last = index(&server, folder.path());
    for name in names {
        last.project(&name.parse().unwrap()).unwrap();
    }
    assert_eq!(last.traffic().unchanged(), 4);
}

#[test]
fn a_folder_that_takes_nothing_does_no_harm() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = server(true);
    let notices: Arc<Mutex<Vec<Event>>> = Arc::default();
    let log = Arc::clone(&notices);
    let settings = Settings::new(&*server.url);
    let client = Client::new(&settings, patience())
        .unwrap()
        .with_cache(file.path())
        .with_listener(move |notice| log.lock().unwrap().push(notice.clone()));
    let index = PackageIndex::with_client(&settings, client).unwrap();
    assert_eq!(index.project(&"toy".parse().unwrap()).unwrap().files.len(), 1);
    let notices = notices.lock().unwrap();
    assert!(matches!(notices.as_slice(), [Event::Cache { .. }]), "{notices:?}");
    insta::assert_snapshot!(notices[0].to_string().replace(file.path().to_str().unwrap(), "/cache"), @"failed to cache a response: failed to create directory `/cache`: File exists (os error 17)");
}

#[test]
fn pages_without_tag_or_date_are_not_kept() {
    let server = Server::new(|_| Reply::ok("application/json", page("toy")));
    let folder = tempfile::tempdir().unwrap();
    index(&server, folder.path()).project(&"toy".parse().unwrap()).unwrap();
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn no_news_of_what_is_not_known() {
    let server = Server::new(|_| Reply { status: 304, ..Reply::default() });
    let folder = tempfile::tempdir().unwrap();
    let error = index(&server, folder.path()).project(&"toy".parse().unwrap()).unwrap_err();
    assert!(matches!(error, IndexError::Answer { .. }), "{error}");
    insta::assert_snapshot!(server.hidden(&error.to_string()), @"the response of http://index.example/simple/toy/ is not usable: it reports that nothing has changed (304), though that was not asked");
}

#[test]
fn the_link_to_the_next_page_is_kept_too() {
    let server = Server::new(|request| {
        let (etag, next) = if request.path.contains("page=2") {
            ("\"two\"", "")
        } else {
            ("\"one\"", "<?per_page=100&page=2>; rel=\"next\"")
        };
        if request.header("if-none-match") == Some(etag) {
            // As GitHub does, without a Link.
            return Reply { status: 304, ..Reply::default() };
        }
        let release = format!(
            r#"[{{"tag_name": "v1", "assets": [{{"name": "toy-{}-py3-none-any.whl",
                "browser_download_url": "https://files.example/toy-{0}-py3-none-any.whl"}}]}}]"#,
            if next.is_empty() { 1 } else { 2 }
        );
        Reply::ok("application/json", release).with("ETag", etag).with("Link", next)
    });
    let folder = tempfile::tempdir().unwrap();
    let api = axle_index::GithubApi::new(server.root(), None).unwrap();
    for unchanged in [0, 2] {
        let client = Client::new(&Settings::new(""), patience()).unwrap().with_cache(folder.path());
        let releases = axle_index::GithubReleases::new(&client, &api, "me/toy").unwrap();
        assert_eq!(releases.project(&"toy".parse().unwrap()).unwrap().files.len(), 2);
        assert_eq!(client.traffic().unchanged(), unchanged);
    }
}
