//! What Hydra, nix-eval-jobs and nix-fast-build find: a walk through the flake's jobs, as they walk.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_provision::nix;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    path: Vec<String>,
    drv_path: String,
    /// The derivations that an aggregate holds; null of a build.
    constituents: Option<Vec<String>>,
}

/// Goes into every set that is not a derivation.
const WALK: &str = r#"
jobs:
let
  walk =
    path: value:
    if value.type or null == "derivation" then
      [
        {
          inherit path;
          inherit (value) drvPath;
          constituents = if value._hydraAggregate or false then map (drv: drv.drvPath) value.constituents else null;
        }
      ]
    else
      builtins.concatMap (name: walk (path ++ [ name ]) value.${name}) (builtins.attrNames value);
in
walk [ ] jobs
"#;

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn slow_a_walk_finds_every_build_once() {
    let nix = nix::ensure().unwrap();
    let output = nix
        .command("nix")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["eval", "--json", "--no-write-lock-file", "--option", "allow-import-from-derivation", "false"])
        .args(["--override-input", "nixpkgs", "path:./checks/host"])
        .args([".#hydraJobs.x86_64-linux", "--apply", WALK])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let jobs: Vec<Job> = serde_json::from_slice(&output.stdout).unwrap();

    let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for job in &jobs {
        paths.entry(&job.drv_path).or_default().push(job.path.join("."));
    }
    let twice: Vec<_> = paths.values().filter(|paths| paths.len() > 1).collect();
    assert!(twice.is_empty(), "found more than once: {twice:?}");

    let is_plain =
        |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let quoted: Vec<_> = jobs.iter().flat_map(|job| &job.path).filter(|name| !is_plain(name)).collect();
    assert!(quoted.is_empty(), "names that need quotes: {quoted:?}");

    // The aggregates hold all builds, and nothing else.
    let of_cells: BTreeSet<_> = jobs.iter().filter_map(|job| job.constituents.as_ref()).flatten().collect();
    let builds: BTreeSet<_> =
        jobs.iter().filter(|job| job.constituents.is_none()).map(|job| &job.drv_path).collect();
    assert_eq!(of_cells, builds);
    assert!(builds.len() > 1000, "{} builds", builds.len());
}
