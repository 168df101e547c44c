//! Each kind of origin on loopback or on disk, and the cache: good answers, and every kind of bad one.
#![allow(clippy::unwrap_used)]

mod cache;
mod facts;
mod find_links;
mod folder;
mod github;
#[allow(dead_code)]
#[path = "../common/server.rs"]
mod server;
mod transfer;

use std::fmt::Write as _;
use std::time::Duration;

use axle_index::{Client, Project, RetryPolicy, Settings};
use axle_types::Sha256;
use server::Server;
use sha2::Digest as _;

fn patience() -> RetryPolicy {
    RetryPolicy {
        delay: Duration::from_millis(1),
        silence: Duration::from_secs(10),
        rate_limit: Duration::from_secs(2),
        ..RetryPolicy::default()
    }
}

fn client() -> Client {
    Client::new(&Settings::new(""), patience()).unwrap()
}

fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

/// What a project says, a line each.
fn shown(project: &Project) -> String {
    let mut text = String::new();
    for file in &project.files {
        write!(text, "{}\n  {}\n", file.filename, file.url).unwrap();
        for (field, value) in [
            ("sha256", file.sha256.map(|sha256| sha256.to_string())),
            ("size", file.size.map(|size| size.to_string())),
            ("requires_python", file.requires_python.clone()),
            ("yanked", file.yanked.clone()),
            ("core_metadata", file.core_metadata.as_ref().map(|beside| format!("{:?}", beside.sha256))),
            ("uploaded", file.uploaded.clone()),
            ("variant", file.variant.clone()),
            (
                "release",
                file.release.as_ref().map(|release| {
                    let version = release.version.as_ref().map(ToString::to_string);
                    format!("{} {version:?} {}", release.tag, release.prerelease)
                }),
            ),
            (
                "published",
                file.published.as_ref().map(|published| {
                    format!("{} {} {}", published.source, published.sources, published.url_derived)
                }),
            ),
        ] {
            if let Some(value) = value {
                writeln!(text, "  {field}: {value}").unwrap();
            }
        }
    }
    for problem in &project.problems {
        writeln!(text, "! {problem}").unwrap();
    }
    text
}

impl Server {
    /// Where it serves.
    fn root(&self) -> &str {
        self.url.trim_end_matches("/simple")
    }
}
