//! Good wheels, and zips that no wheel should be.
#![allow(clippy::unwrap_used)]

use std::fmt;
use std::io::{self, Cursor, Read, Write};

use axle_wheel::{Archive, ArchiveError, Contents as _, Limits, ReadSeek, WheelSource};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const METADATA: &str = "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\nRequires-Dist: sympy>=1.13\n";
const WHEEL: &str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const ENTRY_POINTS: &str = "[console_scripts]\ntoy = toy.main:run\n";

#[test]
fn a_wheel() {
    let bytes = zip_of(&[
        ("toy/", b"", 0o755),
        ("toy/bin/tool", b"\x7fELF", 0o755),
        ("toy/__init__.py", b"print()\n", 0o644),
        ("toy-1.0.dist-info/METADATA", METADATA.as_bytes(), 0o644),
        ("toy-1.0.dist-info/WHEEL", WHEEL.as_bytes(), 0o644),
        ("toy-1.0.dist-info/entry_points.txt", ENTRY_POINTS.as_bytes(), 0o644),
    ]);
    let source = Memory(bytes);
    let archive = Archive::open(&source).unwrap();
    assert_eq!(archive.dist_info().unwrap(), "toy-1.0.dist-info");
    assert_eq!(archive.metadata().unwrap().requires_dist, ["sympy>=1.13"]);
    assert!(archive.wheel_file().unwrap().root_is_purelib);
    assert_eq!(archive.console_scripts().unwrap()[0].object, "run");

    let paths: Vec<&str> = archive.members().iter().map(|member| member.path.as_str()).collect();
    assert_eq!(paths[..2], ["toy/bin/tool", "toy/__init__.py"]);
    assert_eq!(paths.len(), 5);
    assert!(archive.members()[0].is_executable());
    assert!(!archive.members()[1].is_executable());
    assert_eq!(archive.read("toy/bin/tool").unwrap(), b"\x7fELF");
}

#[test]
fn threads_share_an_archive() {
    let content = vec![7; 1 << 20];
    let source = Memory(zip_of(&[("a", &content, 0o644), ("b", &content, 0o644)]));
    let archive = Archive::open(&source).unwrap();
    std::thread::scope(|scope| {
        for member in archive.members() {
            let (archive, content) = (&archive, &content);
            scope.spawn(move || {
                let mut bytes = Vec::new();
                archive.reader().unwrap().member(member).unwrap().read_to_end(&mut bytes).unwrap();
                assert!(bytes == *content);
            });
        }
    });
}

#[test]
fn refused_archives() {
    let good = zip_of(&[("toy-1.0.dist-info/METADATA", METADATA.as_bytes(), 0o644), ("toy.py", b"1", 0o644)]);
    let zeros = vec![0; 40 << 20];
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("text", b"<html>not found</html>".repeat(20)),
        ("cut short", good[..good.len() - 60].to_vec()),
        ("its start missing", good[40..].to_vec()),
        ("a path above", zip_of(&[("toy/../../evil", b"", 0o644)])),
        ("an absolute path", zip_of(&[("/etc/passwd", b"", 0o644)])),
        ("a backslash", zip_of(&[("toy\\evil", b"", 0o644)])),
        ("an escape", zip_of(&[("toy\u{1b}[31m", b"", 0o644)])),
        ("an empty part", zip_of(&[("toy//evil", b"", 0o644)])),
        ("a dot", zip_of(&[("./toy", b"", 0o644)])),
        ("a file that is a folder", zip_of(&[("toy", b"", 0o644), ("toy/evil", b"", 0o644)])),
        ("a bomb", zip_of(&[("toy", &zeros, 0o644)])),
    ];
    let mut link = ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("toy/link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    cases.push(("a link", link.finish().unwrap().into_inner()));
    // The names in the zip's directory come after those in the headers of the members.
    let twice = zip_of(&[("one", b"1", 0o644), ("two", b"2", 0o644)]);
    cases.push(("a name twice", replaced(&twice, b"two", b"one")));
    cases.push(("a NUL", replaced(&twice, b"two", b"t\0o")));
    cases.push(("not UTF-8", replaced(&twice, b"two", b"t\xffo")));
    cases.push(("encrypted", directory_byte(&good, 8, 1)));
    cases.push(("another method", directory_byte(&good, 10, 12)));
    cases.push(("a member behind the end", directory_byte(&good, 23, 0x0f)));
    // The second member's header would start inside of the first.
    cases.push(("overlapping members", second_directory_byte(&good, 42, 8)));

    insta::assert_snapshot!(messages(cases, |archive| archive.members().len()));
}

#[test]
fn members_that_are_not_what_they_declare() {
    let content = b"some text that is stored, not compressed".repeat(10);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("stored", stored).unwrap();
    writer.write_all(&content).unwrap();
    let stored = writer.finish().unwrap().into_inner();
    let deflated = zip_of(&[("deflated", &content, 0o644)]);
    let mut damaged = deflated.clone();
    damaged[30 + "deflated".len() + 2] ^= 0x55;

    let cases = vec![
        ("another checksum", both_bytes(&stored, 16, 0)),
        ("other bytes", replaced(&stored, b"not compressed", b"now compressed")),
        ("fewer bytes", both_bytes(&deflated, 25, 2)),
        ("more bytes", both_bytes(&deflated, 24, 9)),
        ("broken data", damaged),
    ];
    insta::assert_snapshot!(messages(cases, |archive| {
        let mut bytes = Vec::new();
        let declared = archive.members()[0].size;
        let result = archive.reader().unwrap().member(&archive.members()[0]).unwrap().read_to_end(&mut bytes);
        assert!(bytes.len() as u64 <= declared, "more bytes than declared");
        format!("{}", ArchiveError::from_read(result.unwrap_err(), &Memory(Vec::new())))
    }));
}

#[test]
fn what_a_wheel_must_have() {
    let cases = vec![
        ("no dist-info", zip_of(&[("toy.py", b"", 0o644)])),
        (
            "two of them",
            zip_of(&[("a-1.dist-info/METADATA", b"", 0o644), ("b-1.dist-info/METADATA", b"", 0o644)]),
        ),
        ("no METADATA", zip_of(&[("a-1.dist-info/WHEEL", b"", 0o644)])),
        ("broken METADATA", zip_of(&[("a-1.dist-info/METADATA", b"Name: a\n", 0o644)])),
    ];
    insta::assert_snapshot!(messages(cases, |archive| archive.metadata().unwrap_err().to_string()));
}

#[test]
fn limits_hold() {
    let source = Memory(zip_of(&[("a", b"12345", 0o644), ("b", b"12345", 0o644)]));
    let default = Limits::default();
    let messages: Vec<String> = [
        Limits { members: 1, ..default },
        Limits { directory: 50, ..default },
        Limits { member: 4, ..default },
        Limits { total: 9, ..default },
    ]
    .into_iter()
    .map(|limits| Archive::open_within(&source, limits).err().unwrap().to_string())
    .collect();
    insta::assert_snapshot!(messages.join("\n"));

    let archive = Archive::open_within(&source, Limits { whole: 4, ..default });
    insta::assert_snapshot!(archive.unwrap().read("a").unwrap_err());
}

proptest! {
    #[test]
    fn a_damaged_archive_gives_an_answer(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = zip_of(&[
            ("toy.py", b"some text, some text", 0o644),
            ("toy-1.0.dist-info/METADATA", METADATA.as_bytes(), 0o644),
        ]);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let source = Memory(bytes);
        if let Ok(archive) = Archive::open(&source) {
            let _ = archive.metadata();
            for member in archive.members() {
                let Ok(mut reader) = archive.reader() else { continue };
                let Ok(mut reader) = reader.member(member) else { continue };
                let read = io::copy(&mut reader, &mut io::sink());
                prop_assert!(read.is_err() || read.is_ok_and(|count| count == member.size));
            }
        }
    }
}

/// What is said of each case, or what it gave when it was not refused.
fn messages<T: fmt::Debug>(cases: Vec<(&str, Vec<u8>)>, then: impl Fn(&Archive<'_>) -> T) -> String {
    let said = |bytes| match Archive::open(&Memory(bytes)) {
        Ok(archive) => format!("{:?}", then(&archive)),
        Err(error) => error.to_string(),
    };
    let lines: Vec<String> =
        cases.into_iter().map(|(name, bytes)| format!("{name}: {}", said(bytes))).collect();
    lines.join("\n")
}

/// A wheel in memory.
struct Memory(Vec<u8>);

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("toy.whl")
    }
}

impl WheelSource for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

fn zip_of(members: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content, mode) in members {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        if path.ends_with('/') {
            writer.add_directory(*path, options).unwrap();
        } else {
            writer.start_file(*path, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// The bytes with every `old` as `new`.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut bytes = bytes.to_vec();
    let mut place = 0;
    while let Some(found) = bytes[place..].windows(old.len()).position(|window| window == old) {
        place += found;
        bytes[place..place + old.len()].copy_from_slice(new);
        place += old.len();
    }
    bytes
}

/// The bytes with one byte changed in the first entry of the zip's directory (APPNOTE 4.3.12).
fn directory_byte(bytes: &[u8], offset: usize, value: u8) -> Vec<u8> {
    let start = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    changed(bytes, start + offset, value)
}

/// The same in the first member's own header too, which has all fields two bytes earlier (APPNOTE 4.3.7).
fn both_bytes(bytes: &[u8], offset: usize, value: u8) -> Vec<u8> {
    changed(&directory_byte(bytes, offset, value), offset - 2, value)
}

/// The same in the second entry.
fn second_directory_byte(bytes: &[u8], offset: usize, value: u8) -> Vec<u8> {
    let start = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    changed(bytes, start + offset, value)
}

fn changed(bytes: &[u8], place: usize, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] = value;
    bytes
}
