//! `cargo xtask matrix` on the catalogue of this repository, whole and with something broken in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use axle_catalogue::{
    Absence, ArtefactFile, BuildFile, Catalogue, Cause, Cell, CellFile, Fact, Folder, Lack, Span, What,
    artefact_path, build_path, write_json,
};
use axle_types::Glibc;
use tempfile::TempDir;

/// The file of cells that is changed, and a cell of it.
const CELLS: &str = "cells/x86_64-linux/3.12-12.8.json";
const TORCH: &str = "2.9.1";
const CELL: &str = "py312-cu128-torch2.9.1";

/// A copy of the catalogue with the cells of one Python and CUDA, and a cache of its own.
struct Copy {
    root: TempDir,
}

impl Copy {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogue");
        let to = root.path().join("catalogue");
        let files = Folder::new(&from).files_under(&["artefacts", "builds", "packages"]).unwrap();
        let beside = ["matrix.toml", "compilers.json", "toolkits.json", "components.json", CELLS];
        for file in files.iter().map(String::as_str).chain(beside) {
            let target = to.join(file);
            fs_err::create_dir_all(target.parent().unwrap()).unwrap();
            fs_err::copy(from.join(file), target).unwrap();
        }
        Self { root }
    }

    fn folder(&self) -> Folder {
        Folder::new(self.catalogue())
    }

    fn catalogue(&self) -> PathBuf {
        self.root.path().join("catalogue")
    }

    /// Changes the cell.
    fn cell(&self, change: impl FnOnce(&mut Cell)) {
        let catalogue = Catalogue::new(self.folder());
        let mut file: CellFile = catalogue
            .cells("x86_64-linux".parse().unwrap(), "3.12".parse().unwrap(), "12.8".parse().unwrap())
            .unwrap()
            .unwrap();
        let mut cell = file.torch.remove(TORCH).unwrap();
        change(&mut cell);
        file.torch.insert(TORCH.to_owned(), cell.seal().unwrap());
        write_json(&self.folder(), CELLS, &file).unwrap();
    }

    fn held(&self) -> Cell {
        let mut held = None;
        self.cell(|cell| held = Some(cell.clone()));
        held.unwrap()
    }

    /// Changes the artefacts of a package.
    fn artefacts(&self, name: &str, change: impl FnOnce(&mut ArtefactFile)) {
        let mut file = Catalogue::new(self.folder()).artefacts(name).unwrap().unwrap();
        change(&mut file);
        write_json(&self.folder(), &artefact_path(name), &file).unwrap();
    }

    /// Changes the builds of a package in the cell.
    fn builds(&self, name: &str, change: impl FnOnce(&mut BuildFile)) {
        let version = self.held().packages[name].version.clone();
        let mut file = Catalogue::new(self.folder()).builds(name, &version).unwrap().unwrap();
        change(&mut file);
        write_json(&self.folder(), &build_path(name, &version), &file).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("matrix").arg("--catalogue").arg(self.catalogue()).arg("--recorded").arg(self.recorded());
        command.env("XDG_CACHE_HOME", self.root.path().join("cache"));
        command.args(arguments).output().unwrap()
    }

    fn recorded(&self) -> PathBuf {
        self.root.path().join("recorded.json")
    }

    /// What is said of the cell, without the table, which ends with an empty line; and the exit status.
    fn said(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.run(&[&["--cell", CELL], arguments].concat());
        let text = [output.stdout, output.stderr].concat();
        (String::from_utf8(text).unwrap(), output.status.code())
    }
}

/// The first failure of a piece.
fn failure(copy: &Copy, piece: &str) -> String {
    let output = copy.run(&["--cell", CELL, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["schema"], &document["ok"]), (&"axle.matrix/1".into(), &false.into()));
    let failure = &document["cells"][0]["pieces"][piece]["failures"][0];
    let package = failure["package"].as_str().unwrap_or("the cell");
    format!(
        "{package}: {}",
        failure["message"].as_str().unwrap_or_else(|| panic!("{piece} holds: {document}"))
    )
}

#[test]
fn a_whole_cell_holds_and_is_known_the_second_time() {
    let copy = Copy::new();
    let (text, status) = copy.said(&[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("4 checks (0 cached)"), "{text}");
    assert!(copy.said(&[]).0.contains("4 checks (4 cached)"));
    assert!(copy.said(&["--no-cache"]).0.contains("4 checks (0 cached)"));
    // A package that is not of the cell decides nothing of it; one that is decides all.
    copy.artefacts("jaxlib", |file| file.unreadable.push("other".into()));
    let known = if copy.held().packages.contains_key("jaxlib") { 0 } else { 4 };
    assert!(copy.said(&[]).0.contains(&format!("4 checks ({known} cached)")));
    copy.artefacts("triton", |file| file.unreadable.push("other".into()));
    assert!(copy.said(&[]).0.contains("4 checks (0 cached)"));
}

#[test]
fn a_file_that_is_published_otherwise_breaks_the_index() {
    let copy = Copy::new();
    let wheel = copy.held().packages["triton"].wheel.clone().unwrap();
    copy.artefacts("triton", |file| {
        let artefact = file.artefacts.iter_mut().find(|one| one.sha256 == wheel.sha256).unwrap();
        artefact.yanked = Some("it miscompiles".into());
    });
    assert_eq!(failure(&copy, "index"), "triton: triton 3.5.1 was withdrawn: it miscompiles");
    copy.artefacts("triton", |file| file.artefacts.retain(|one| one.sha256 != wheel.sha256));
    assert_eq!(
        failure(&copy, "index"),
        format!("triton: {} is not published with the hash {} of the cell", wheel.filename, wheel.sha256)
    );
    let copy = Copy::new();
    copy.builds("triton", |file| file.wheels.clear());
    assert_eq!(
        failure(&copy, "index"),
        format!("triton: builds/triton/3.5.1.json does not say how {} is fetched", wheel.filename)
    );
}

#[test]
fn a_library_that_nothing_provides_breaks_the_audit() {
    let copy = Copy::new();
    copy.builds("nvidia-cudnn-cu12", |file| {
        for wheel in file.wheels.values_mut() {
            wheel.libraries.remove("libcudnn.so.9");
        }
    });
    let message = failure(&copy, "audit");
    assert!(
        message.starts_with("torch: torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl needs libcudnn.so.9, which nvidia-cudnn-cu12 ")
            && message.ends_with(" does not contain"),
        "{message}"
    );
}

#[test]
fn a_requirement_that_is_not_met_breaks_the_validation() {
    let copy = Copy::new();
    copy.cell(|cell| Arc::make_mut(cell.packages.get_mut("triton").unwrap()).version = "3.5.0".into());
    let message = failure(&copy, "validate");
    assert!(message.starts_with("torch: torch-2.9.1-cp312"), "{message}");
    assert!(message.contains("requires triton==3.5.1"), "{message}");
    assert!(message.ends_with(": the cell has 3.5.0"), "{message}");
}

#[test]
fn what_no_request_gets_breaks_the_concretisation() {
    let copy = Copy::new();
    copy.cell(|cell| {
        let package = Arc::make_mut(cell.packages.get_mut("triton").unwrap());
        let wheel = package.wheel.as_mut().unwrap();
        wheel.glibc = Some(Glibc::new(2, 99));
    });
    let message = failure(&copy, "concretise");
    assert!(message.contains("is refused: ") && message.contains("glibc 2.99"), "{message}");
}

#[test]
fn a_loss_fails_until_it_is_accepted() {
    let copy = Copy::new();
    let (text, status) = copy.said(&["--check"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("record the current state with `cargo xtask matrix --accept`"), "{text}");
    assert_eq!(copy.said(&["--accept"]).1, Some(0));
    let (text, status) = copy.said(&["--check"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("no change since the recorded state"), "{text}");

    let whole = fs_err::read(copy.recorded()).unwrap();
    copy.cell(|cell| {
        cell.packages.remove("xformers");
        cell.absent.insert("xformers".into(), requires("xformers", "0.0.33", "torch==2.9.0", None).into());
        cell.packages.retain(|_, package| !package.requires.iter().any(|name| name == "xformers"));
    });
    let (text, status) = copy.said(&["--check"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(
        text.contains(" is lost: xformers 0.0.33 requires torch==2.9.0\n    in py312-cu128-torch2.9.1"),
        "{text}"
    );
    assert!(text.contains("restore it, or record the loss with --accept PACKAGE"), "{text}");
    // Nothing is recorded of what is lost until it is named.
    assert_eq!(copy.said(&["--accept"]).1, Some(1));
    assert_eq!(fs_err::read(copy.recorded()).unwrap(), whole);
    let document = copy.run(&["--cell", CELL, "--check", "--format", "json"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let changes = document["changes"].as_array().unwrap();
    let lost: Vec<_> = changes.iter().filter(|change| change["is_loss"] == true).collect();
    assert!(lost.iter().all(|change| change["change"] == "lost-package"), "{lost:?}");
    let names: Vec<_> = lost.iter().filter_map(|change| change["package"].as_str()).collect();
    assert!(names.contains(&"xformers"), "{names:?}");
    let accept = format!("--accept={}", names.join(","));
    let (text, status) = copy.said(&[&accept]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(copy.said(&["--check"]).1, Some(0));
}

/// That a version is not there for what it requires.
fn requires(package: &str, version: &str, requirement: &str, lacks: Option<Lack>) -> Absence {
    let fact = Fact {
        package: package.to_owned(),
        versions: vec![Span::One(version.to_owned())],
        what: What::Requires { requirement: requirement.to_owned(), lacks },
    };
    Absence { version: None, why: Cause::Conflict { facts: vec![fact] } }
}

#[test]
fn a_cell_that_is_gone_is_a_loss() {
    let copy = Copy::new();
    assert_eq!(copy.run(&["--accept"]).status.code(), Some(0));
    let mut file: CellFile =
        serde_json::from_slice(&fs_err::read(copy.catalogue().join(CELLS)).unwrap()).unwrap();
    file.torch.remove(TORCH);
    file.order.retain(|torch| torch != TORCH);
    file.absent.insert(TORCH.into(), requires("torch", "2.9.1", "triton==3.5.1", Some(Lack::Version)));
    write_json(&copy.folder(), CELLS, &file).unwrap();
    for arguments in [&["--check"][..], &["--check", "--cell", "py312-*"]] {
        let output = copy.run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let expected = "- the cell is lost: torch 2.9.1 requires triton==3.5.1, but no such version is in the catalogue\n    in py312-cu128-torch2.9.1\n";
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_change_touches_the_cells_that_are_made_of_it() {
    let copy = Copy::new();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        let output = Command::new("git")
            .arg("-C")
            .arg(copy.root.path())
            .args(identity)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet"]);
    git(&["add", "catalogue"]);
    git(&["commit", "--quiet", "--message", "Start"]);
    let touched = || {
        let output = copy.run(&["--since", "HEAD", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let cells = document["cells"].as_array().unwrap().iter();
        cells.map(|cell| cell["cell"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(touched(), Vec::<String>::new());
    fs_err::write(copy.root.path().join("README.md"), "words").unwrap();
    assert_eq!(touched(), Vec::<String>::new());
    // The reason why a package is absent is part of the cell.
    copy.cell(|cell| {
        cell.absent.insert("nothing".into(), Absence { version: None, why: Cause::NotInSet }.into());
    });
    assert_eq!(touched(), [CELL]);
    git(&["commit", "--quiet", "--all", "--message", "Say more"]);
    assert_eq!(touched(), Vec::<String>::new());
    copy.builds("triton", |file| file.wheels.values_mut().for_each(|wheel| wheel.omit.push("x".into())));
    let of_triton = touched();
    assert!(of_triton.contains(&CELL.to_owned()) && of_triton.len() < 7, "{of_triton:?}");
    fs_err::create_dir_all(copy.root.path().join("crates/new")).unwrap();
    fs_err::write(copy.root.path().join("crates/new/lib.rs"), "").unwrap();
    assert_eq!(touched().len(), 7);

    let output = copy.run(&["--since", "no-such-revision"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: git failed to list the changes since no-such-revision: "), "{said}");
}

#[test]
fn what_cannot_be_told_is_one_sentence() {
    let copy = Copy::new();
    let said = |arguments: &[&str]| {
        let output = copy.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        said(&["--cell", "py99-*"]),
        "error: no cell matches py99-*; the catalogue has py312-cu128-torch2.11.0 and 6 others\n"
    );
    assert!(said(&["--shard", "4/3"]).contains("write the shard and the number of shards, e.g. `3/16`"));
    assert!(said(&["--cell", "[", "--list"]).contains("invalid value '['"));
    fs_err::write(copy.recorded(), "{").unwrap();
    let broken = said(&["--check"]);
    assert!(broken.contains("recorded.json: ") && broken.contains("line 1 column 1"), "{broken}");
    fs_err::write(copy.catalogue().join(CELLS), "{").unwrap();
    assert!(said(&[]).contains(&format!("{CELLS} is not a valid catalogue file")));
    fs_err::remove_file(copy.catalogue().join(CELLS)).unwrap();
    assert!(said(&[]).contains("has no cells; give the directory of an axle catalogue"));
}

#[test]
#[ignore = "needs Nix"]
fn nix_evaluates_a_cell() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(root)
        .args([
            "matrix",
            "--cell",
            CELL,
            "--cell",
            "py311-cpu-torch2.9.1",
            "--nix",
            "--no-cache",
            "--format",
            "json",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cells = document["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2);
    assert!(cells.iter().all(|cell| cell["pieces"]["nix"]["ok"] == true), "{document}");
}
