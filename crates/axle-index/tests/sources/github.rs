//! The releases of a repository.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axle_index::{
    Client, Event, GithubApi, GithubReleases, IndexError, Origin as _, Project, RetryPolicy, Settings,
};
use axle_types::Sha256;

use crate::server::{Reply, Request, Server};
use crate::{client, patience, sha256, shown};

const TOKEN: &str = "ghp_0123456789";

/// An asset as the API gives it, with what it says of uploader and counts left out.
fn asset(tag: &str, name: &str, digest: &str, state: &str) -> String {
    format!(
        r#"{{"url": "https://api.example/repos/me/toy/releases/assets/1", "id": 1, "name": "{name}", "label": "",
            "content_type": "application/octet-stream", "state": "{state}", "size": 12, "digest": {digest},
            "download_count": 7, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:06Z",
            "browser_download_url": "http://files.example/me/toy/releases/download/{tag}/{}"}}"#,
        name.replace('+', "%2B")
    )
}

fn release(tag: &str, flags: &str, assets: &[String]) -> String {
    format!(
        r#"{{"html_url": "https://github.com/me/toy/releases/tag/{tag}", "tag_name": "{tag}", "name": "Toy",
            {flags} "published_at": "2026-01-02T03:04:05Z", "assets": [{}]}}"#,
        assets.join(", ")
    )
}

fn page(releases: &[String]) -> Reply {
    Reply::ok("application/json; charset=utf-8", format!("[{}]", releases.join(", ")))
}

fn wheel(tag: &str) -> String {
    asset(tag, &format!("toy-{}-py3-none-any.whl", tag.trim_start_matches('v')), "null", "uploaded")
}

fn releases(server: &Server, client: &Client, token: Option<&str>) -> Result<Project, IndexError> {
    let api = GithubApi::new(server.root(), token).unwrap();
    GithubReleases::new(client, &api, "me/toy").unwrap().project(&"toy".parse().unwrap())
}

/// What a server that always answers so leads to, with a token.
fn error(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let server = Server::new(answer);
    let error = releases(&server, &client(), Some(TOKEN)).unwrap_err().to_string();
    assert!(!error.contains(TOKEN), "{error}");
    server.hidden(&error)
}

#[test]
fn all_pages_are_read() {
    let hash = format!(r#""sha256:{}""#, "a".repeat(64));
    let pages = [
        page(&[
            release("v2.0.0-rc1", r#""prerelease": true, "draft": false,"#, &[wheel("v2.0.0rc1")]),
            release("unreleased", r#""draft": true,"#, &[wheel("v3.0")]),
            release(
                "v1.1",
                r#""draft": false,"#,
                &[
                    asset(
                        "v1.1",
                        "toy-1.1+cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl",
                        &hash,
                        "uploaded",
                    ),
                    asset("v1.1", "toy-1.1.tar.gz", r#""sha512:00""#, "uploaded"),
                    asset("v1.1", "toy-1.1-bad-name.whl", "null", "uploaded"),
                    asset("v1.1", "toy-1.1-py3-none-any.whl", "null", "open"),
                    asset("v1.1", "toys-1.1-py3-none-any.whl", "null", "uploaded"),
                    asset("v1.1", "SHA256SUMS", "null", "uploaded"),
                ],
            ),
        ]),
        // A release that was published in between stands on two pages.
        page(&[release("v2.0.0-rc1", r#""prerelease": true,"#, &[wheel("v2.0.0rc1")])]),
        page(&[release("toy-1.0", "", &[wheel("v1.0")])]),
    ];
    let server = Server::new(move |request| {
        let number = request.path.split_once("&page=").map_or(1, |(_, number)| number.parse().unwrap());
        let reply = pages[number - 1].clone();
        let link = |number: usize| format!("</repos/me/toy/releases?per_page=100&page={number}>");
        match number {
            1 | 2 => {
                reply.with("Link", format!(r#"{}; rel="next", {}; rel="last""#, link(number + 1), link(3)))
            }
            _ => reply.with("Link", format!(r#"{}; rel="first", {}; rel="prev""#, link(1), link(2))),
        }
    });
    insta::assert_snapshot!(shown(&releases(&server, &client(), None).unwrap()));
    assert_eq!(
        server.requests(),
        [
            "GET /repos/me/toy/releases?per_page=100",
            "GET /repos/me/toy/releases?per_page=100&page=2",
            "GET /repos/me/toy/releases?per_page=100&page=3",
        ]
    );
}

#[test]
fn a_hash_that_is_not_declared_is_found_by_streaming() {
    let bytes = b"the bytes of an old asset".to_vec();
    let found = sha256(&bytes);
    let files = Server::with_file(bytes, true);
    let url = format!("{}/me/toy/releases/download/v1.0/toy-1.0-py3-none-any.whl", files.root());
    let asset =
        format!(r#"{{"name": "toy-1.0-py3-none-any.whl", "browser_download_url": "{url}", "size": 25}}"#);
    let answer = page(&[release("v1.0", "", &[asset])]);
    let server = Server::new(move |_| answer.clone());
    let project = releases(&server, &client(), None).unwrap();
    let api = GithubApi::new(server.root(), None).unwrap();
    let origin = GithubReleases::new(&client(), &api, "me/toy").unwrap();
    assert_eq!(project.files[0].sha256, None);
    assert_eq!(origin.sha256(&project.files[0]).unwrap(), found);
}

#[test]
fn the_token_is_sent_to_the_api_alone() {
    let seen: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let log = Arc::clone(&seen);
    let files = Server::new(move |request| {
        log.lock().unwrap().push(request.header("authorization").map(str::to_owned));
        Reply::ok("", "bytes")
    });
    let url = format!("{}/toy-1.0-py3-none-any.whl", files.root());
    let asset = format!(r#"{{"name": "toy-1.0-py3-none-any.whl", "browser_download_url": "{url}"}}"#);
    let answer = page(&[release("v1.0", "", &[asset])]);
    let log = Arc::clone(&seen);
    let server = Server::new(move |request| {
        log.lock().unwrap().push(request.header("authorization").map(str::to_owned));
        answer.clone()
    });
    let api = GithubApi::new(server.root(), Some(TOKEN)).unwrap();
    let origin = GithubReleases::new(&client(), &api, "me/toy").unwrap();
    let project = origin.project(&"toy".parse().unwrap()).unwrap();
    assert_eq!(origin.sha256(&project.files[0]).unwrap(), sha256(b"bytes"));
    assert_eq!(*seen.lock().unwrap(), [Some(format!("Bearer {TOKEN}")), None]);
    assert!(!format!("{origin:?} {api:?}").contains(TOKEN));
}

#[test]
fn a_rate_limit_is_waited_out() {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let limits: [Box<dyn Fn() -> Reply + Send + Sync>; 3] = [
        Box::new(|| Reply::status(429).with("Retry-After", "0")),
        // In a second, by the clock of the server.
        Box::new(move || {
            Reply::status(403).with("X-RateLimit-Remaining", "0").with("X-RateLimit-Reset", now().to_string())
        }),
        Box::new(|| Reply::status(503).with("Retry-After", "0")),
    ];
    for limit in limits {
        let (notices, told) = (Arc::new(Mutex::new(Vec::new())), Mutex::new(false));
        let server = Server::new(move |_| {
            if !std::mem::replace(&mut *told.lock().unwrap(), true) {
                return limit();
            }
            page(&[release("v1.0", "", &[wheel("v1.0")])])
        });
        let log = Arc::clone(&notices);
        let client = client().with_listener(move |notice| log.lock().unwrap().push(notice.clone()));
        assert_eq!(releases(&server, &client, None).unwrap().files.len(), 1);
        let notices = notices.lock().unwrap();
        assert!(
            matches!(notices.as_slice(), [Event::RateLimit { server, .. }] if server == "127.0.0.1"),
            "{notices:?}"
        );
    }
    let notice = Event::RateLimit { server: "api.example".to_owned(), wait: Duration::from_mins(30) };
    insta::assert_snapshot!(notice);
}

#[test]
fn bad_answers_are_told_apart() {
    let one = || page(&[release("v1.0", "", &[wheel("v1.0")])]);
    let of = |asset: String| page(&[release("v1.0", "", &[asset])]);
    let path = "/repos/me/toy/releases";
    let mut messages = vec![
        ("no such repository", error(|_| Reply::status(404))),
        ("a wrong token", error(|_| Reply::status(401))),
        ("no entry", error(|_| Reply::status(403))),
        ("an hour", error(|_| Reply::status(429).with("Retry-After", "3600"))),
        ("for ever", error(|_| Reply::status(403).with("Retry-After", "0"))),
        (
            "in words",
            error(|_| Reply {
                status: 403,
                body: b"You have exceeded a secondary rate limit.".into(),
                ..Reply::default()
            }),
        ),
        ("garbage", error(|_| Reply::ok("application/json", "\u{0}garbage"))),
        ("half a page", error(|_| Reply::ok("application/json", r#"[{"tag_name": "#))),
        ("another document", error(|_| Reply::ok("application/json", r#"{"message": "Moved"}"#))),
        ("no package", error(|_| page(&[release("v1.0", "", &[])]))),
        ("a loop", error(move |_| one().with("Link", format!(r#"<{path}?per_page=100>; rel="next""#)))),
        ("another server", error(move |_| one().with("Link", r#"<http://evil.example/>; rel="next""#))),
        ("no URL", error(move |_| one().with("Link", r#"<http://[>; rel="next""#))),
        ("endless", error(move |request| one().with("Link", format!(r#"<{}0>; rel="next""#, request.path)))),
        (
            "a name with folders",
            error(move |_| of(asset("v1.0", "toy-1.0/../../evil.whl", "null", "uploaded"))),
        ),
        (
            "a name that moves the cursor",
            error(move |_| of(asset("v1.0", "toy-\\u001b[2J.whl", "null", "uploaded"))),
        ),
        (
            "a short hash",
            error(move |_| of(asset("v1.0", "toy-1.0-py3-none-any.whl", r#""sha256:aa""#, "uploaded"))),
        ),
        ("not there", error(move |_| of(wheel("v1.0").replace("any.whl\"}", "any.exe\"}")))),
        ("a local file", error(move |_| of(wheel("v1.0").replace("http://files.example", "file://")))),
        (
            "twice",
            error(move |_| page(&[release("v1.0", "", &[wheel("v1.0"), wheel("v1.0").replace("12", "13")])])),
        ),
        ("cut short", error(move |_| Reply { cut: Some(3), ..one() })),
    ];
    messages.extend(["", "toy", "me/", "me/toy/x", "me/..", "me/to\u{1b}y"].map(|repository| {
        let api = GithubApi::new("https://api.example", None).unwrap();
        ("repository", GithubReleases::new(&client(), &api, repository).unwrap_err().to_string())
    }));
    messages.extend(
        [("ftp://api.example", None), ("nonsense", None), ("https://api.example", Some("ghp_\n01"))]
            .map(|(url, token)| ("API", GithubApi::new(url, token).unwrap_err().to_string())),
    );
    let lines: Vec<String> = messages.iter().map(|(name, message)| format!("{name}: {message}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_huge_page_is_refused_before_it_is_held() {
    let server = Server::new(|_| Reply::ok("application/json", vec![b' '; 130 << 20]));
    let error = releases(&server, &client(), None).unwrap_err();
    assert!(matches!(error, IndexError::TooLarge { .. }), "{error}");
}

#[test]
fn releases_of_too_many_files_are_refused() {
    let assets = |count: usize| {
        let asset = r#"{"name": "", "browser_download_url": ""}"#;
        page(&[format!(r#"{{"tag_name": "v1", "assets": [{}]}}"#, vec![asset; count].join(","))])
    };
    let message = error(move |_| assets(150_001));
    assert!(message.contains("more than 150000 entries, which is the limit"), "{message}");
    let message = error(move |request| {
        let last = request.path.ends_with("page=2");
        let next = format!("<{}&page=2>; rel=\"next\"", request.path);
        if last { assets(75_001) } else { assets(75_000).with("Link", &next) }
    });
    assert!(message.contains("it lists more than 150000 files, which is the limit"), "{message}");
    let message = error(|_| page(&vec!["{\"tag_name\": \"\"}".to_owned(); 150_001]));
    assert!(message.contains("more than 150000 entries, which is the limit"), "{message}");
}

#[test]
fn a_page_that_trickles_is_given_up() {
    let server = Server::new(|_| Reply {
        trickle: Some(Duration::from_millis(20)),
        ..Reply::ok("application/json", vec![b' '; 10_000])
    });
    let patience = RetryPolicy { silence: Duration::from_millis(500), tries: 1, ..patience() };
    let client = Client::new(&Settings::new(""), patience).unwrap();
    let error = releases(&server, &client, None).unwrap_err();
    assert!(matches!(error, IndexError::TooSlow { bytes: 1..10_000, .. }), "{error}");
}

#[test]
fn a_repository_that_was_renamed_is_told() {
    let answer =
        page(&[release("v1.0", "", &[wheel("v1.0")]).replace("github.com/me/toy", "github.com/you/game")]);
    let server = Server::new(move |request| match request.path.as_str() {
        "/repositories/7/releases?per_page=100" => answer.clone(),
        _ => Reply::status(301).with("Location", "/repositories/7/releases?per_page=100"),
    });
    let project = releases(&server, &client(), None).unwrap();
    assert_eq!(project.files.len(), 1);
    insta::assert_snapshot!(project.problems[0]);
}

#[test]
fn an_asset_that_was_replaced_is_refused() {
    let files = Server::with_file(b"others".to_vec(), true);
    let url = format!("{}/toy-1.0-py3-none-any.whl", files.root());
    let declared = Sha256([0xaa; 32]);
    let asset = format!(
        r#"{{"name": "toy-1.0-py3-none-any.whl", "browser_download_url": "{url}", "digest": "sha256:{declared}"}}"#
    );
    let answer = page(&[release("v1.0", "", &[asset])]);
    let server = Server::new(move |_| answer.clone());
    let api = GithubApi::new(server.root(), None).unwrap();
    let origin = GithubReleases::new(&client(), &api, "me/toy").unwrap();
    let project = origin.project(&"toy".parse().unwrap()).unwrap();
    let error = origin.download(&project.files[0], &mut std::io::sink()).unwrap_err();
    assert!(matches!(error, IndexError::Hash { found, .. } if found == sha256(b"others")), "{error}");
}
