//! Files that are fetched while connections break and files change.

use std::io::Read as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axle_index::{Client, File, FindLinks, IndexError, Origin as _, RetryPolicy, Settings};

use crate::server::{Reply, Request, Server};
use crate::{client, patience, sha256};

const WHEEL: &str = "toy-1.0-py3-none-any.whl";

fn bytes(version: u8) -> Vec<u8> {
    (0..3_000_000_u32).map(|at| (at % 251) as u8 ^ version).collect()
}

fn download(server: &Server) -> (Result<axle_types::Sha256, IndexError>, Vec<u8>) {
    let origin = FindLinks::new(&client(), server.root(), [""; 0]).unwrap();
    let mut stored = Vec::new();
    let file = File::at(&format!("{}/{WHEEL}", server.root())).unwrap();
    (origin.download(&file, &mut stored), stored)
}

/// A file that is cut at its first request, and of which each request sees the next version.
fn server(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    Server::new(move |request| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let mut reply = answer(number, request);
        if number == 0 {
            reply.cut = Some(1_000_000);
        }
        reply
    })
}

#[test]
fn a_broken_download_goes_on_under_the_same_tag() {
    let conditions = std::sync::Arc::new(Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&conditions);
    let server = server(move |_, request| {
        log.lock().unwrap().push(request.header("if-range").map(str::to_owned));
        Reply::file(&bytes(0), request, true).with("ETag", "\"one\"")
    });
    let (found, stored) = download(&server);
    assert_eq!(found.unwrap(), sha256(&bytes(0)));
    assert!(stored == bytes(0));
    assert_eq!(*conditions.lock().unwrap(), [None, Some("\"one\"".to_owned())]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains(" bytes="), "{requests:?}");
}

#[test]
fn a_file_that_changes_is_not_glued_together() {
    let servers = [
        // It obeys If-Range: the whole of the new file.
        server(|number, request| {
            let version = u8::try_from(number).unwrap();
            Reply::file(&bytes(version), request, number == 0).with("ETag", format!("\"{number}\""))
        }),
        // It does not, but tells another tag.
        server(|number, request| {
            Reply::file(&bytes(u8::try_from(number).unwrap()), request, true)
                .with("ETag", format!("\"{number}\""))
        }),
        // It has weak tags only.
        server(|number, request| {
            Reply::file(&bytes(u8::try_from(number).unwrap()), request, true)
                .with("ETag", format!("W/\"{number}\""))
        }),
        // It has dates only.
        server(|number, request| {
            let date = format!("Fri, 02 Jan 2026 03:04:{number:02} GMT");
            Reply::file(&bytes(u8::try_from(number).unwrap()), request, true).with("Last-Modified", date)
        }),
        // It tells nothing, but the file is longer now.
        server(|number, request| {
            let mut bytes = bytes(0);
            bytes.extend(vec![0; number]);
            Reply::file(&bytes, request, true)
        }),
        // Or shorter than what came already.
        server(|number, request| {
            Reply::file(&vec![7; if number == 0 { 2_000_000 } else { 10 }], request, true)
        }),
    ];
    let mut messages = Vec::new();
    for server in servers {
        let error = download(&server).0.unwrap_err();
        assert!(matches!(error, IndexError::Changed { .. }), "{error}");
        let message = server.hidden(&error.to_string());
        messages.push(message.replace(char::is_numeric, "9"));
    }
    messages.dedup();
    insta::assert_snapshot!(messages.join("\n"));
}

fn hasty_download(server: &Server) -> IndexError {
    let patience = RetryPolicy { silence: Duration::from_millis(300), ..patience() };
    let client = Client::new(&Settings::new(""), patience).unwrap();
    let origin = FindLinks::new(&client, server.root(), [""; 0]).unwrap();
    let file = File::at(&format!("{}/{WHEEL}", server.root())).unwrap();
    origin.download(&file, &mut std::io::sink()).unwrap_err()
}

/// Silence alone is not enough to leave a server: a byte now and then would hold us for ever.
#[test]
fn a_server_that_trickles_is_left() {
    let server = Server::new(|request| Reply {
        trickle: Some(Duration::from_millis(20)),
        ..Reply::file(&bytes(0), request, true)
    });
    let error = hasty_download(&server);
    assert!(matches!(error, IndexError::TooSlow { bytes: 1..1000, .. }), "{error}");
}

#[test]
fn a_server_that_breaks_off_after_each_byte_is_left() {
    let server = Server::new(|request| Reply { cut: Some(1), ..Reply::file(&bytes(0), request, true) });
    let error = hasty_download(&server);
    assert!(matches!(error, IndexError::Connection { .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_wheel_that_changes_between_two_reads_is_refused() {
    let count = AtomicUsize::new(0);
    let server = Server::new(move |request| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        Reply::file(&bytes(0), request, true).with("ETag", if number < 2 { "\"one\"" } else { "\"two\"" })
    });
    let origin = FindLinks::new(&client(), server.root(), [""; 0]).unwrap();
    let file = File::at(&format!("{}/{WHEEL}", server.root())).unwrap();
    let source = origin.open(&file).unwrap();
    let mut start = [0; 10];
    let error = source.open().unwrap().read_exact(&mut start).unwrap_err();
    let error = error.downcast::<IndexError>().unwrap();
    assert!(matches!(error, IndexError::Changed { position: 0, .. }), "{error}");
}

#[test]
fn parts_that_are_others_than_asked_for() {
    let lies: [fn(&Request) -> Reply; 4] = [
        |_| Reply {
            status: 206,
            body: vec![0; 10],
            range: Some("bytes 5-14/3000000".to_owned()),
            ..Reply::default()
        },
        |_| Reply {
            status: 206,
            body: vec![0; 10],
            range: Some("bytes \u{7f}".to_owned()),
            ..Reply::default()
        },
        |_| Reply { status: 206, body: vec![0; 10], ..Reply::default() },
        |_| Reply { status: 204, ..Reply::default() },
    ];
    let messages: Vec<String> = lies
        .into_iter()
        .map(|lie| {
            let server = server(move |number, request| match number {
                0 => Reply::file(&bytes(0), request, true),
                _ => lie(request),
            });
            let message = server.hidden(&download(&server).0.unwrap_err().to_string());
            // How much of the first answer came is up to the system.
            message.split(',').map(|part| part.replace(char::is_numeric, "9")).collect::<Vec<_>>().join(",")
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_server_that_always_dies_ends_in_one_error() {
    let server = Server::new(|request| Reply { cut: Some(0), ..Reply::file(&bytes(0), request, true) });
    let error = download(&server).0.unwrap_err();
    assert!(matches!(error, IndexError::Connection { .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
    insta::assert_snapshot!(server.hidden(&error.to_string()), @"failed to reach http://index.example/toy-1.0-py3-none-any.whl: the connection broke at byte 0: Peer disconnected; check the network and the URL");
}
