//! Which files of a folder are read, and what is told of those that can't be.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use axle_auditor::read_folder;
use elf_writer::Object;
use fatbin_writer::{FLAG_ARCHITECTURE, Image, Item, container, cubin, ptx, sass};
use fs_err as fs;
use tempfile::TempDir;

/// A library with these images, each in a container of its own.
fn library(images: &[Image]) -> Vec<u8> {
    let code = images.iter().flat_map(|image| container(&[Item::One(image.clone())])).collect();
    let sections = if images.is_empty() { Vec::new() } else { vec![(".nv_fatbin".to_owned(), code)] };
    Object { sections, ..Object::default() }.write()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// The lines of the report.
fn lines(folder: &TempDir) -> Vec<String> {
    read_folder(folder.path()).unwrap().iter().map(ToString::to_string).collect()
}

fn failure(folder: &TempDir) -> String {
    read_folder(folder.path()).unwrap_err().to_string()
}

#[test]
fn elf_files_are_read_at_any_depth_and_sorted() {
    let accelerated = Image { flags: 0x11 | FLAG_ARCHITECTURE, ..sass(90) };
    let folder = folder(&[
        ("x/y/z/_C.so", library(&[ptx(90), accelerated, sass(80), sass(80)])),
        ("x/plain.so", library(&[])),
        ("a.so", library(&[sass(121)])),
        ("x/__init__.py", b"import x._C\n".to_vec()),
        ("x/short", b"\x7fEL".to_vec()),
        ("x/kernels.cubin", cubin(128)),
    ]);
    assert_eq!(
        lines(&folder),
        ["a.so: sm_121", "x/plain.so: no device code", "x/y/z/_C.so: sm_80 sm_90a compute_90"]
    );
}

#[test]
fn tables_that_lie_far_behind_are_read_in_a_second_pass() {
    let code = container(&[Item::One(sass(86))]);
    let sections = vec![(".nv_fatbin".to_owned(), code), (".debug_info".to_owned(), vec![1; 9 << 20])];
    // Nothing but a second pass reaches names that begin more than a megabyte before the section headers.
    let undefined = vec!["a_long_name_".repeat(100); 1_000];
    let object = Object { sections, undefined, tables_last: true, ..Object::default() };
    assert_eq!(lines(&folder(&[("x.so", object.write())])), ["x.so: sm_86"]);
}

#[test]
fn links_are_read_and_stay_in_the_folder() {
    let folder = folder(&[("lib/x.so.1", library(&[sass(86)]))]);
    let path = |name: &str| folder.path().join(name);
    symlink("x.so.1", path("lib/x.so")).unwrap();
    symlink("lib", path("lib64")).unwrap();
    assert_eq!(lines(&folder), ["lib/x.so: sm_86", "lib/x.so.1: sm_86"]);

    for target in ["/etc/hostname", "../..", "nowhere"] {
        symlink(target, path("lib/out.so")).unwrap();
        assert_eq!(failure(&folder), "lib/out.so: the symbolic link leads out of the directory", "{target}");
        fs::remove_file(path("lib/out.so")).unwrap();
    }
}

#[test]
fn what_may_never_answer_is_not_opened() {
    let folder = folder(&[]);
    let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
    assert_eq!(failure(&folder), "socket: only files, directories and symbolic links are supported");
}

#[test]
fn a_broken_file_is_told_by_name_and_place() {
    let whole = library(&[sass(86)]);
    let cut = folder(&[("x/_C.so", whole[..whole.len() - 1].to_vec())]);
    let told = failure(&cut);
    assert!(told.starts_with("x/_C.so: at offset 0x"), "{told}");

    let section = |bytes: Vec<u8>| {
        let sections = vec![(".nv_fatbin".to_owned(), bytes)];
        folder(&[("x.so", Object { sections, ..Object::default() }.write())])
    };
    let told = failure(&section(vec![1; 64]));
    assert!(told.starts_with("x.so: section .nv_fatbin: at offset 0x"), "{told}");
    assert!(told.ends_with("there is no fatbin container"), "{told}");
    let mut broken = container(&[Item::One(sass(86))]);
    broken[4] = 9;
    let told = failure(&section(broken));
    assert!(told.starts_with("x.so: section .nv_fatbin: "), "{told}");
}

#[test]
fn a_name_is_one_line_of_the_report() {
    let folder = folder(&[("x\ny.so: sm_90", library(&[]))]);
    assert_eq!(lines(&folder), ["x\\ny.so: sm_90: no device code"]);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let told = read_folder("no/such/folder".as_ref()).unwrap_err().to_string();
    assert!(told.starts_with("no/such/folder: "), "{told}");
}
