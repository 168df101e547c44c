//! One update of a catalogue at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::fs::File;
use std::process::Command;

#[test]
fn an_update_beside_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let busy = File::open(folder.path()).unwrap();
    busy.lock().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["update", "--offline", "--catalogue"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("another process is changing the catalogue"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
