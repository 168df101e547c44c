//! What readelf prints of this machine's own programs and libraries is what the reader reads.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use axle_elf::{Elf, Progress, Reader};

/// The libraries that this test itself has loaded, some programs, and Python's extension modules.
fn files() -> BTreeSet<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: BTreeSet<PathBuf> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|path| path.starts_with('/'))
        .map(PathBuf::from)
        .collect();
    let folders = [PathBuf::from("/usr/bin")].into_iter().chain(python_modules());
    for folder in folders {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        files.extend(found.into_iter().take(150));
    }
    files.retain(|path| path.is_file() && starts_as_elf(path));
    files
}

fn python_modules() -> Option<PathBuf> {
    let script = "import sysconfig; print(sysconfig.get_config_var('DESTSHARED'))";
    let output = Command::new("python3").args(["-c", script]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

fn starts_as_elf(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(&axle_elf::MAGIC))
}

fn read(path: &Path, head: u64) -> Elf {
    let bytes = std::fs::read(path).unwrap();
    let mut reader = Reader::with_head(bytes.len() as u64, head);
    loop {
        for piece in bytes.chunks(1 << 16) {
            reader.push(piece);
        }
        match reader.finish().unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            Progress::Done(elf) => return *elf,
            Progress::Again(again) => reader = again,
        }
    }
}

/// What readelf prints of a file, as far as the reader reads it too.
#[derive(Debug, Default, PartialEq)]
struct Printed {
    needed: Vec<String>,
    soname: Option<String>,
    rpath: Vec<String>,
    runpath: Vec<String>,
    interpreter: Option<String>,
    versions: BTreeMap<String, BTreeSet<String>>,
    sections: usize,
}

fn readelf(path: &Path) -> Printed {
    let output = Command::new("readelf")
        .args(["--wide", "--file-header", "--program-headers", "--dynamic", "--version-info"])
        .arg(path)
        .env("LC_ALL", "C")
        .output()
        .expect("readelf of binutils is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut printed = Printed::default();
    let mut library = String::new();
    let mut in_needs = false;
    for line in text.lines() {
        let bracket = || {
            line.rsplit_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or_default().to_owned()
        };
        let path = || bracket().split(':').map(str::to_owned).collect();
        if line.contains("(NEEDED)") {
            printed.needed.push(bracket());
        } else if line.contains("(SONAME)") {
            printed.soname = Some(bracket());
        } else if line.contains("(RPATH)") {
            printed.rpath = path();
        } else if line.contains("(RUNPATH)") {
            printed.runpath = path();
        } else if let Some((_, rest)) = line.split_once("[Requesting program interpreter: ") {
            printed.interpreter = rest.strip_suffix(']').map(str::to_owned);
        } else if let Some((_, rest)) = line.split_once("Number of section headers:") {
            printed.sections = rest.trim().parse().unwrap();
        } else if line.starts_with("Version ") {
            in_needs = line.starts_with("Version needs");
        } else if in_needs && let Some((_, rest)) = line.split_once("File: ") {
            rest.split_whitespace().next().unwrap_or_default().clone_into(&mut library);
        } else if in_needs && let Some((_, rest)) = line.split_once("Name: ") {
            let version = rest.split_whitespace().next().unwrap_or_default().to_owned();
            printed.versions.entry(library.clone()).or_default().insert(version);
        }
    }
    printed
}

#[test]
fn readelf_agrees() {
    let files = files();
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let ours = |elf: Elf| Printed {
            needed: elf.needed,
            soname: elf.soname,
            rpath: elf.rpath,
            runpath: elf.runpath,
            interpreter: elf.interpreter,
            versions: elf
                .symbol_versions
                .into_iter()
                .map(|(key, names)| (key, names.into_iter().collect()))
                .collect(),
            sections: if elf.sections.is_empty() { 0 } else { elf.sections.len() + 1 },
        };
        let theirs = readelf(&path);
        assert_eq!(ours(read(&path, u64::MAX)), theirs, "{}", path.display());
        assert_eq!(ours(read(&path, 4096)), theirs, "{} with a small head", path.display());
    }
}
