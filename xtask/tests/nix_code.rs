//! Nix code is formatted by nixfmt (RFC 166) and has no name that nothing uses.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::{Path, PathBuf};

/// Every Nix file of the repository.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("flake.nix"), root.join("package.nix")];
    let mut folders: Vec<_> =
        ["overlays", "checks", "templates"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "nix") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// With `NIX_FORMAT=write` in the environment the files are formatted instead.
#[test]
fn nix_code_is_formatted() {
    let write = std::env::var_os("NIX_FORMAT").is_some_and(|value| value == "write");
    let mut unformatted = Vec::new();
    for path in files() {
        let text = fs_err::read_to_string(&path).unwrap();
        let formatted = nixfmt_rs::format(&text)
            .unwrap_or_else(|error| panic!("{}", nixfmt_rs::format_error(&text, path.to_str(), &error)));
        if formatted != text {
            if write {
                // The other test reads the same files meanwhile.
                let new = path.with_extension("new");
                fs_err::write(&new, formatted).unwrap();
                fs_err::rename(&new, &path).unwrap();
            } else {
                unformatted.push(path);
            }
        }
    }
    assert!(unformatted.is_empty(), "`nix fmt` would change {unformatted:#?}");
}

#[test]
fn nix_code_has_no_unused_names() {
    let settings = deadnix::Settings { no_underscore: true, ..deadnix::Settings::default() };
    let mut unused = Vec::new();
    for path in files() {
        let text = fs_err::read_to_string(&path).unwrap();
        let tree = rnix::Root::parse(&text);
        assert!(tree.errors().is_empty(), "{}: {:?}", path.display(), tree.errors());
        for dead in settings.find_dead_code(&tree.syntax()) {
            unused.push(format!("{}: {dead}", path.display()));
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}
