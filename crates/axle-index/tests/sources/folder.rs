//! A folder of wheels.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use axle_index::{Folder, IndexError, Origin as _};

use crate::{sha256, shown};

const WHEEL: &str = "toy-1.0-py3-none-any.whl";

fn hidden(text: &str, folder: &Path) -> String {
    text.replace(fs_err::canonicalize(folder).unwrap().to_str().unwrap(), "/wheels")
}

#[test]
fn all_that_a_folder_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs_err::create_dir_all(path("cu126/deep")).unwrap();
    fs_err::create_dir_all(path("toy-5.0-py3-none-any.whl")).unwrap();
    for (name, bytes) in [
        (WHEEL, "one"),
        ("toy-1.0.tar.gz", "source"),
        ("toy-0.9-broken name.whl", "listed"),
        ("toys-1.0-py3-none-any.whl", "another's"),
        ("notes.txt", "text"),
        ("cu126/deep/toy-1.0-py3-none-any.whl", "two"),
    ] {
        fs_err::write(path(name), bytes).unwrap();
    }
    symlink(path("cu126/deep").join(WHEEL), path("toy-1.1-py3-none-any.whl")).unwrap();
    symlink(path("nowhere"), path("toy-1.2-py3-none-any.whl")).unwrap();
    symlink("toy-1.3-py3-none-any.whl", path("toy-1.3-py3-none-any.whl")).unwrap();
    symlink(folder.path(), path("loop")).unwrap();
    symlink("/dev/zero", path("toy-1.4-py3-none-any.whl")).unwrap();
    fs_err::write(path("toy-1\u{1b}[2J.whl"), "").unwrap();
    fs_err::write(folder.path().join(std::ffi::OsStr::from_bytes(b"toy-\xff.whl")), "").unwrap();

    let origin = Folder::new(folder.path()).unwrap();
    let project = origin.project(&"toy".parse().unwrap()).unwrap();
    insta::assert_snapshot!(hidden(&shown(&project), folder.path()));
    let file = project.files.iter().find(|file| file.filename == WHEEL).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(origin.download(file, &mut bytes).unwrap(), sha256(b"two"));
    assert_eq!(bytes, b"two");
}

#[test]
fn what_may_not_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    fs_err::create_dir(&locked).unwrap();
    fs_err::write(folder.path().join(WHEEL), "secret").unwrap();
    let mode =
        |path: &Path, mode| fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(&locked, 0);
    mode(&folder.path().join(WHEEL), 0);
    // The superuser reads all.
    if fs_err::read_dir(&locked).is_ok() {
        return;
    }
    let project = Folder::new(folder.path()).unwrap().project(&"toy".parse().unwrap()).unwrap();
    mode(&locked, 0o700);
    insta::assert_snapshot!(hidden(&shown(&project), folder.path()));
}

#[test]
fn a_file_that_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(WHEEL);
    fs_err::write(&path, "one").unwrap();
    let origin = Folder::new(folder.path()).unwrap();
    let file = origin.project(&"toy".parse().unwrap()).unwrap().files.remove(0);
    let mut errors = Vec::new();
    for content in ["two", "three"] {
        fs_err::write(&path, content).unwrap();
        errors.push(origin.download(&file, &mut Vec::new()).unwrap_err());
    }
    assert!(matches!(errors.as_slice(), [IndexError::Hash { .. }, IndexError::Size { .. }]), "{errors:?}");
    fs_err::remove_file(&path).unwrap();
    errors.push(origin.open(&file).err().unwrap());
    let texts: Vec<String> = errors.iter().map(|error| hidden(&error.to_string(), folder.path())).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn folders_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "").unwrap();
    let mut messages: Vec<String> = [folder.path().join("nowhere"), file]
        .iter()
        .map(|path| {
            Folder::new(path).unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "/wheels")
        })
        .collect();
    let empty = Folder::new(folder.path()).unwrap().project(&"toy".parse().unwrap()).unwrap_err();
    messages.push(hidden(&empty.to_string(), folder.path()));
    insta::assert_snapshot!(messages.join("\n"));
}
