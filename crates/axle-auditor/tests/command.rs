//! The program: what it prints where, and its exit status.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;

use std::ffi::OsStr;
use std::process::Command;

use elf_writer::Object;
use fatbin_writer::{Item, container, sass};
use fs_err as fs;

/// What the program prints to stdout and to stderr, and its exit status.
fn run<A: AsRef<OsStr>>(arguments: &[A]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_axle-auditor")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn the_answer_is_the_exit_status_and_the_report_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let code = container(&[Item::One(sass(86))]);
    let object = Object { sections: vec![(".nv_fatbin".to_owned(), code)], ..Object::default() };
    fs::write(folder.path().join("x.so"), object.write()).unwrap();
    let judged = |arguments: &[&str]| {
        let folder = folder.path().to_str().unwrap();
        run(&[&["--name", "x"], arguments, &[folder]].concat())
    };
    let report = "x.so: sm_86\n".to_owned();

    let right = ["--cc", "8.6", "--device-code"];
    assert_eq!(judged(&right), (report.clone(), String::new(), Some(0)));
    let said = "axle: x was compiled for other architectures than sm_80 sm_86: x.so holds sm_86\n".to_owned();
    assert_eq!(judged(&["--cc=8.6", "--cc=8.0"]), (report.clone(), said, Some(1)));

    fs::write(folder.path().join("y.so"), b"\x7fELF").unwrap();
    let (report, said, status) = judged(&right);
    assert!(said.starts_with("axle: y.so: "), "{said}");
    assert_eq!((report.as_str(), status), ("", Some(2)));
}

#[test]
fn a_package_without_device_code_fits_unless_there_must_be_some() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    assert_eq!(run(&["--name", "x", "--cc", "8.6", folder]), (String::new(), String::new(), Some(0)));
    let (_, said, status) = run(&["--name", "x", "--cc", "8.6", "--device-code", folder]);
    assert_eq!(said, "axle: x was compiled for other architectures than sm_86: there is no device code\n");
    assert_eq!(status, Some(1));
}

#[test]
fn wrong_arguments_are_told() {
    let told = |arguments: &[&str]| {
        let (report, said, status) = run(arguments);
        assert_eq!((report.as_str(), status), ("", Some(2)), "{arguments:?}");
        said
    };
    assert_eq!(told(&["."]), "axle: --name is missing; see `axle-auditor --help`\n");
    assert_eq!(told(&["--name", "x"]), "axle: FOLDER is missing; see `axle-auditor --help`\n");
    assert!(told(&["--name", "x", "--cc", "86", "."]).contains("write the compute capability as '8.6'"));
    assert!(told(&["--name", "x", "--ptx", "."]).contains("--ptx"));
    assert!(told(&["--name", "x", ".", "src"]).contains("src"));
    assert!(told(&["--name"]).contains("--name"));
}

#[test]
fn help_names_every_option() {
    let (help, _, status) = run(&["--help"]);
    assert_eq!(status, Some(0));
    for option in ["--name", "--cc", "--device-code", "--help", "--version", "FOLDER", "Exit status"] {
        assert!(help.contains(option), "{option}: {help}");
    }
    assert_eq!(run(&["-V"]).0, concat!("axle-auditor ", env!("CARGO_PKG_VERSION"), "\n"));
}
