//! Zips that are made to mislead, written byte by byte: docs/hostile-input.md lists what each test is for.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::fmt;
use std::io::{self, Cursor, Read};

use axle_wheel::{Archive, ArchiveError, ArchiveProblem, ReadSeek, WheelSource};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A member, as its own header and as the directory describe it.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    data: Vec<u8>,
    flags: u16,
    local_extra: Vec<u8>,
    directory_extra: Vec<u8>,
    /// What stands for both sizes in the local header and the directory.
    local_size: u32,
    directory_size: u32,
    local_crc: u32,
}

const DATA_DESCRIPTOR: u16 = 8;
const UTF8: u16 = 1 << 11;

fn entry(name: &[u8], data: &[u8]) -> Entry {
    let size = data.len() as u32;
    Entry {
        name: name.to_vec(),
        data: data.to_vec(),
        flags: 0,
        local_extra: Vec::new(),
        directory_extra: Vec::new(),
        local_size: size,
        directory_size: size,
        local_crc: crc(data),
    }
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// Writes stored members (APPNOTE 4.3.7, 4.3.9, 4.3.12, 4.3.16).
fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = file.len() as u32;
        let sizes = |size: u32, crc: u32| [crc, size, size].map(u32::to_le_bytes).concat();
        let lengths = |extra: &[u8]| {
            [(entry.name.len() as u16).to_le_bytes(), (extra.len() as u16).to_le_bytes()].concat()
        };
        let common = [20, entry.flags, 0, 0, 0].map(u16::to_le_bytes).concat();
        file.extend([b"PK\x03\x04".as_slice(), &common].concat());
        file.extend(sizes(entry.local_size, entry.local_crc));
        file.extend(lengths(&entry.local_extra));
        file.extend([entry.name.as_slice(), &entry.local_extra, &entry.data].concat());
        if entry.flags & DATA_DESCRIPTOR != 0 {
            file.extend(b"PK\x07\x08");
            file.extend(sizes(entry.data.len() as u32, crc(&entry.data)));
        }
        directory.extend([b"PK\x01\x02\x14\x00".as_slice(), &common].concat());
        directory.extend(sizes(entry.directory_size, crc(&entry.data)));
        directory.extend(lengths(&entry.directory_extra));
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend([entry.name.as_slice(), &entry.directory_extra].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let end = [(directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes()].concat();
    [file, directory, b"PK\x05\x06\0\0\0\0".to_vec(), [count, count].concat(), end, vec![0; 2]].concat()
}

/// Every member's path and bytes.
fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveProblem> {
    let source = Memory(bytes.to_vec());
    let archive = Archive::open(&source).map_err(|error| error.problem)?;
    let mut reader = archive.reader().map_err(|error| error.problem)?;
    let mut members = Vec::new();
    for member in archive.members() {
        let mut data = Vec::new();
        let mut bytes = reader.member(member).map_err(|error| error.problem)?;
        bytes.read_to_end(&mut data).map_err(|io| ArchiveError::from_read(io, &source).problem)?;
        members.push((member.path.clone(), data));
    }
    Ok(members)
}

fn read_as(name: &str, data: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![(name.to_owned(), data.to_vec())]
}

#[test]
fn data_descriptors_are_taken() {
    let later = Entry { flags: DATA_DESCRIPTOR, local_size: 0, local_crc: 0, ..entry(b"a", b"some") };
    assert_eq!(read(&zip(&[later])).unwrap(), read_as("a", b"some"));
    // Zero without one is another size.
    let none = Entry { local_size: 0, ..entry(b"a", b"some") };
    assert_eq!(read(&zip(&[none])).unwrap_err().to_string(), contradicts("size"));
}

#[test]
fn zip64_sizes_are_taken() {
    let field = |size: u64| [vec![1, 0, 16, 0], size.to_le_bytes().repeat(2)].concat();
    let large = |size| Entry {
        local_size: u32::MAX,
        directory_size: u32::MAX,
        local_extra: field(size),
        directory_extra: field(size),
        ..entry(b"a", b"some")
    };
    assert_eq!(read(&zip(&[large(4)])).unwrap(), read_as("a", b"some"));
    for size in [5, 1 << 33, 1 << 60, u64::MAX] {
        let error = read(&zip(&[large(size)])).unwrap_err();
        assert!(
            matches!(
                error,
                ArchiveProblem::Overlap { .. }
                    | ArchiveProblem::MemberSize { .. }
                    | ArchiveProblem::TotalSize { .. }
                    | ArchiveProblem::Checksum { .. }
            ),
            "{size}: {error}"
        );
    }
}

fn contradicts(field: &str) -> String {
    format!("the header of member `a` at offset 0 has a different {field} than the zip directory")
}

#[test]
fn local_headers_that_contradict_the_directory_are_told() {
    let good = zip(&[entry(b"a", b"some"), entry(b"b", b"more")]);
    assert_eq!(read(&good).unwrap().len(), 2);
    for (at, field) in [
        (0, "signature"),
        (6, "encryption"),
        (8, "compression"),
        (14, "checksum"),
        (18, "compressed size"),
        (22, "size"),
        (30, "name"),
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert_eq!(read(&bytes).unwrap_err().to_string(), contradicts(field));
    }
    // More between name and data than there is room for.
    let mut bytes = good;
    bytes[28] = 200;
    assert_eq!(
        read(&bytes).unwrap_err().to_string(),
        "member `a` at offset 0 overlaps the data that follows it"
    );
}

#[test]
fn names_have_one_meaning() {
    for name in [b"caf\x82".as_slice(), b"..\xc0\xafx", b"\xff\xfea\0", b"\xed\xa0\x80"] {
        for flags in [0, UTF8] {
            let error = read(&zip(&[Entry { flags, ..entry(name, b"") }])).unwrap_err();
            assert!(matches!(error, ArchiveProblem::Path { .. }), "{name:?}: {error}");
        }
    }
    // With or without the flag, UTF-8 is what it is.
    for flags in [0, UTF8] {
        let named = Entry { flags, ..entry("é".as_bytes(), b"x") };
        assert_eq!(read(&zip(&[named])).unwrap(), read_as("é", b"x"));
    }
    // The field of Info-ZIP that names the member once more (APPNOTE 4.6.9) hides no other path.
    let other = b"../evil";
    let field = [
        [b"up".as_slice(), &(5 + other.len() as u16).to_le_bytes(), &[1]].concat(),
        crc(b"a").to_le_bytes().to_vec(),
        other.to_vec(),
    ]
    .concat();
    let twice = Entry { directory_extra: field.clone(), local_extra: field, ..entry(b"a", b"x") };
    match read(&zip(&[twice])) {
        Ok(members) => assert_eq!(members, read_as("a", b"x")),
        Err(error) => assert!(matches!(error, ArchiveProblem::Path { .. }), "{error}"),
    }
}

#[test]
fn paths_are_files_or_folders() {
    for names in [
        ["a", "a/b"],
        ["a/b", "a/b/c/d"],
        ["a/b/", "a/b"],
        ["a/b", "a/b/"],
        // What sorts between them hides nothing.
        ["x/a", "x/a/b"],
    ] {
        let mut entries = vec![entry(b"a-b", b""), entry(b"a b", b""), entry(b"x/a!", b"")];
        entries.extend(names.map(|name| entry(name.as_bytes(), b"")));
        let error = read(&zip(&entries)).unwrap_err();
        assert!(matches!(error, ArchiveProblem::Path { .. }), "{names:?}: {error}");
    }
    let fine = ["a/", "a/b", "a/b-c/d", "a/bc", "ab"].map(|name| entry(name.as_bytes(), b""));
    assert_eq!(read(&zip(&fine)).unwrap().len(), 4);
}

#[test]
fn deep_paths_cost_no_more_than_their_bytes() {
    // 2,000 folders each: to keep their paths would take 4 GB.
    let deep = |number: u32| entry(format!("{}{number:04}", "a/".repeat(2_000)).as_bytes(), b"");
    assert_eq!(read(&zip(&(0..1000).map(deep).collect::<Vec<_>>())).unwrap().len(), 1000);
    // No file system takes longer paths.
    let error = read(&zip(&[entry("a/".repeat(2_049).as_bytes(), b"")])).unwrap_err().to_string();
    assert!(error.ends_with("is refused: it is longer than 4096 bytes") && error.len() < 400, "{error}");
}

#[test]
fn one_member_under_many_names_is_refused() {
    let mut bytes = zip(&[entry(b"a", &[7; 100]), entry(b"b", b"")]);
    // The second entry of the directory points to the first member.
    let second = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[second + 42..second + 46].fill(0);
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, ArchiveProblem::Overlap { .. }), "{error}");
}

#[test]
fn a_directory_that_lies_about_its_members_is_told() {
    let good = zip(&[entry(b"a", b"some")]);
    let end = good.len() - 22;
    // The number of members, the size of the directory, its place, the length of a comment.
    for (at, value) in [(10, 0xfe_u8), (11, 0xff), (12, 0xff), (15, 0xff), (16, 0xff), (19, 0x7f), (20, 1)] {
        let mut bytes = good.clone();
        bytes[end + at] = value;
        assert!(read(&bytes).is_err(), "byte {at} of the end");
    }
}

#[test]
fn an_end_of_zip64_that_lies_is_told() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..=u16::MAX {
        writer.start_file(number.to_string(), SimpleFileOptions::default()).unwrap();
    }
    let good = writer.finish().unwrap().into_inner();
    let open = |bytes: &[u8]| Archive::open(&Memory(bytes.to_vec())).map(|archive| archive.members().len());
    assert_eq!(open(&good).unwrap(), 1 << 16);
    // The directory's size and place, and where this record is.
    let end = good.len() - 22;
    for at in [end - 76 + 40, end - 76 + 48, end - 20 + 8, end - 20 + 15] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let error = open(&bytes).unwrap_err().problem;
        assert!(matches!(error, ArchiveProblem::Directory { .. }), "{at}: {error:?}");
    }
}

#[test]
fn truncation_at_any_byte_is_told() {
    let later = Entry { flags: DATA_DESCRIPTOR, local_size: 0, local_crc: 0, ..entry(b"b", b"some more") };
    let good = zip(&[entry(b"a", &[3; 50]), later]);
    assert_eq!(read(&good).unwrap().len(), 2);
    for cut in 0..good.len() {
        assert!(read(&good[..cut]).is_err(), "cut to {cut} bytes");
    }
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
