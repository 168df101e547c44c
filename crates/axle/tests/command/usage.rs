//! Arguments that make no sense: one line, and status 2.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::run::{AXLE, Folder, one_line};

#[test]
fn each_is_told_on_one_line() {
    let folder = Folder::new();
    let target = "concretise --python 3.11 --cuda 12.8 --cc 8.6";
    let lines = [
        "concretize torch".to_owned(),
        "concretise".to_owned(),
        "concretise --python 3.11 torch".to_owned(),
        target.to_owned(),
        "audit".to_owned(),
        "audit --format yaml x.whl".to_owned(),
        "catalogue show".to_owned(),
        "catalogue show torch triton".to_owned(),
        format!("{target} --pyton 3.11 torch"),
        format!("{target} --cpu torch"),
        format!("{target} --gcc 13 --clang 17 torch"),
        format!("{target} --gcc thirteen torch"),
        format!("{target} --gcc 99999999999 torch"),
        format!("{target} --glibc two torch"),
        format!("{target} --glibc 2.99999 torch"),
        format!("{target} --system x86_64-windows torch"),
        target.replace("3.11", "3") + " torch",
        target.replace("3.11", "3.999") + " torch",
        target.replace("3.11", "3.11t") + " torch",
        target.replace("12.8", "cu128") + " torch",
        target.replace("12.8", "cpu") + " torch",
        target.replace("12.8", "12.99999999999999999999") + " torch",
        format!("{target} --torch newest torch"),
        format!("{target} --torch  torch"),
        target.replace("8.6", "sm_86") + " torch",
        target.replace("8.6", "86") + " torch",
        target.replace("8.6", "99999.9") + " torch",
        target.replace("8.6", "-1") + " torch",
    ];
    let said = lines.map(|line| {
        let output = folder.output(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line}");
        format!("$ axle {line}\n{}", one_line(&output))
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn bytes_that_are_no_text() {
    let folder = Folder::new();
    let run = |arguments: &[&OsStr]| folder.command(AXLE).args(arguments).output().unwrap();
    let bytes = OsStr::from_bytes(b"x\xff.whl");
    let said = [
        one_line(&run(&[bytes])),
        one_line(&run(&[OsStr::new("audit"), bytes])),
        one_line(&run(&[
            OsStr::new("catalogue"),
            OsStr::new("show"),
            OsStr::new("torch"),
            OsStr::new("--catalogue"),
            bytes,
        ])),
    ];
    insta::assert_snapshot!(said.concat());
}

#[test]
fn help_is_an_answer() {
    let folder = Folder::new();
    for arguments in
        [&["--help"][..], &["--version"], &["concretise", "--help"], &["catalogue", "update", "--help"]]
    {
        let output = folder.output(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
    insta::assert_snapshot!(folder.transcript(&["axle", "axle audit --help"]));
}
