//! What a writer wrote is what the reader reads, however the bytes come and however few are kept.

#[allow(dead_code, clippy::cast_possible_truncation, clippy::unwrap_used)]
#[path = "common/elf_writer.rs"]
mod elf_writer;

use axle_elf::{Elf, ElfType, Error, Progress, Reader};
use elf_writer::Object;
use proptest::prelude::*;

/// Reads a file in pieces, keeping `head` bytes of its head; tells how many passes it took.
fn read_in(file: &[u8], piece: usize, head: u64) -> Result<(Elf, usize), Error> {
    let mut reader = Reader::with_head(file.len() as u64, head);
    for pass in 1.. {
        for bytes in file.chunks(piece) {
            reader.push(bytes);
            if reader.is_satisfied() {
                break;
            }
        }
        match reader.finish()? {
            Progress::Done(elf) => return Ok((*elf, pass)),
            Progress::Again(again) => reader = again,
        }
    }
    unreachable!("the reader gives up by itself")
}

fn read(file: &[u8]) -> Result<Elf, Error> {
    read_in(file, 1 << 16, u64::MAX).map(|(elf, _)| elf)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn library() -> Object {
    Object {
        soname: Some("libx.so.1".to_owned()),
        needed: owned(&["libstdc++.so.6", "libc.so.6"]),
        runpath: Some("$ORIGIN:$ORIGIN/../lib".to_owned()),
        versions: vec![
            ("libstdc++.so.6".to_owned(), owned(&["GLIBCXX_3.4.21", "CXXABI_1.3"])),
            ("libc.so.6".to_owned(), owned(&["GLIBC_2.28", "GLIBC_2.2.5"])),
        ],
        undefined: owned(&["_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE7reserveEm", "malloc"]),
        sections: vec![(".text".to_owned(), vec![0xc3; 5000]), (".data".to_owned(), vec![1; 100])],
        ..Object::default()
    }
}

#[test]
fn a_library_says_what_it_needs() {
    let elf = read(&library().write()).unwrap();
    assert_eq!((elf.machine.as_str(), elf.elf_type), ("x86_64", ElfType::SharedObject));
    assert_eq!(elf.soname.as_deref(), Some("libx.so.1"));
    assert_eq!(elf.needed, ["libstdc++.so.6", "libc.so.6"]);
    assert_eq!(elf.rpath, [""; 0]);
    assert_eq!(elf.runpath, ["$ORIGIN", "$ORIGIN/../lib"]);
    assert_eq!(elf.interpreter, None);
    assert_eq!(elf.symbol_versions["libc.so.6"], ["GLIBC_2.2.5", "GLIBC_2.28"]);
    assert_eq!(elf.symbol_versions["libstdc++.so.6"], ["CXXABI_1.3", "GLIBCXX_3.4.21"]);
    assert_eq!(elf.cxx11_abi, Some(true));
    let text = elf.sections.iter().find(|section| section.name == ".text").unwrap();
    assert_eq!(text.size, 5000);
}

#[test]
fn rpath_and_runpath_are_apart() {
    let object = Object { rpath: Some("/a::/b".to_owned()), runpath: None, ..library() };
    let elf = read(&object.write()).unwrap();
    assert_eq!((elf.rpath, elf.runpath), (owned(&["/a", "", "/b"]), vec![]));
}

#[test]
fn a_program_has_an_interpreter_and_no_soname() {
    let interpreter = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
    let elf = read(&Object { interpreter: interpreter.clone(), soname: None, ..library() }.write()).unwrap();
    assert_eq!((elf.elf_type, &elf.interpreter), (ElfType::Executable, &interpreter));
    // The C library can be run, and is a library.
    let elf = read(&Object { interpreter, ..library() }.write()).unwrap();
    assert_eq!(elf.elf_type, ElfType::SharedObject);
}

#[test]
fn the_abi_of_strings_is_told_by_what_is_called() {
    let told = |undefined: &[&str], needed: &[&str]| {
        read(&Object { undefined: owned(undefined), needed: owned(needed), ..library() }.write())
            .unwrap()
            .cxx11_abi
    };
    let (new, old) = ("_ZNKSt7__cxx114listE", "_ZNSs6appendEPKcm");
    let runtime = &["libstdc++.so.6"];
    assert_eq!(told(&[new], runtime), Some(true));
    assert_eq!(told(&[old, "_Znwm"], runtime), Some(false));
    assert_eq!(told(&[new, old], runtime), None);
    assert_eq!(told(&["_Znwm"], runtime), None);
    assert_eq!(told(&[new], &["libc.so.6"]), None);
}

#[test]
fn what_is_taken_of_python_is_told() {
    let undefined = owned(&["_PyArg_ParseTuple_SizeT", "PyErr_Format", "PyPy", "xPy", "malloc"]);
    let elf = read(&Object { undefined, ..library() }.write()).unwrap();
    assert_eq!(elf.python_symbols.unwrap(), ["PyErr_Format", "PyPy", "_PyArg_ParseTuple_SizeT"]);
}

#[test]
fn a_file_without_section_headers_says_all_but_its_sections() {
    let elf = read(&Object { stripped: true, ..library() }.write()).unwrap();
    assert_eq!(elf.needed, ["libstdc++.so.6", "libc.so.6"]);
    assert_eq!(elf.symbol_versions.len(), 2);
    assert_eq!(elf.sections, []);
    assert_eq!(elf.cxx11_abi, None);
}

#[test]
fn tables_beyond_the_head_take_one_pass_or_a_few() {
    let text = (".text".to_owned(), vec![0x90; 2 << 20]);
    let passes = |file: &[u8], head: u64| {
        let (elf, passes) = read_in(file, 1000, head).unwrap();
        assert_eq!(elf, read(file).unwrap());
        passes
    };
    // At the start as linkers put them, or at the end as patchelf does.
    let first = Object { sections: vec![text.clone()], ..library() }.write();
    assert_eq!(passes(&first, 4096), 1);
    let last = Object { sections: vec![text], tables_last: true, ..library() }.write();
    assert_eq!(passes(&last, 4096), 1);
    // Where the head ends behind the program headers, the dynamic strings are found missing.
    assert_eq!(passes(&first, 176), 2);
    assert_eq!(passes(&first, 0), 4);
}

#[test]
fn names_in_a_table_too_large_to_be_kept_are_read_one_by_one() {
    let undefined = vec!["x".repeat(80 << 20), "malloc".to_owned()];
    let small = read(&library().write()).unwrap();
    let (large, passes) = read_in(&Object { undefined, ..library() }.write(), 1 << 16, u64::MAX).unwrap();
    assert_eq!((large.soname, large.needed, large.runpath), (small.soname, small.needed, small.runpath));
    assert_eq!(large.symbol_versions, small.symbol_versions);
    assert_eq!((large.cxx11_abi, large.torch_cxx, large.python_symbols), (None, None, None));
    assert!(passes <= 5, "{passes} passes");
}

/// Offsets in the ELF header and in the two program headers behind it.
mod at {
    pub const CLASS: usize = 4;
    pub const PHOFF: usize = 32;
    pub const SHOFF: usize = 40;
    pub const PHENTSIZE: usize = 54;
    pub const SHENTSIZE: usize = 58;
    pub const SHSTRNDX: usize = 62;
    pub const DYNAMIC_OFFSET: usize = 64 + 56 + 8;
    pub const DYNAMIC_SIZE: usize = 64 + 56 + 32;
}

#[allow(clippy::unwrap_used)]
fn patched(at: usize, patch: &[u8]) -> String {
    let mut file = Object { sections: vec![], ..library() }.write();
    file[at..at + patch.len()].copy_from_slice(patch);
    read(&file).unwrap_err().to_string()
}

#[test]
fn broken_files_are_told() {
    let most = &[0xff; 8];
    assert_eq!(read(b"").unwrap_err().to_string(), "it is not an ELF file");
    assert!(
        read(b"\x7fELF").unwrap_err().to_string().starts_with("at offset 0x0, the ELF header (16 bytes)")
    );
    assert_eq!(read(b"#!/bin/sh\necho none\n").unwrap_err().to_string(), "it is not an ELF file");
    let cut = &library().write()[..50];
    assert_eq!(
        read(cut).unwrap_err().to_string(),
        "at offset 0x0, the ELF header (64 bytes) would extend beyond the end of the file at 0x32"
    );
    assert!(patched(at::CLASS, &[9]).starts_with("at offset 0x0, the ELF header: "));
    assert!(
        patched(at::PHOFF, most)
            .contains("at offset 0xffffffffffffffff, the program headers (112 bytes) would extend beyond")
    );
    assert!(patched(at::SHOFF, most).contains("at offset 0xffffffffffffffff, the section headers ("));
    assert!(patched(at::PHENTSIZE, &[0]).ends_with("the program headers: 2 headers of 0 bytes"));
    assert!(patched(at::SHENTSIZE, &[0]).ends_with("the section headers: headers of 0 bytes"));
    assert!(patched(at::SHSTRNDX, &[99]).ends_with("the section names: there is no section 99"));
    assert!(patched(at::DYNAMIC_OFFSET, most).contains("the dynamic section ("));
    assert!(
        patched(at::DYNAMIC_SIZE, most)
            .ends_with("the dynamic section: more than 1048576, which is the limit")
    );
}

#[test]
fn a_file_shorter_than_said_is_told() {
    let file = library().write();
    let mut reader = Reader::new(file.len() as u64);
    reader.push(&file[..file.len() - 100]);
    let error = reader.finish().unwrap_err().to_string();
    assert!(error.contains("the file: it ends before 0x"), "{error}");
}

#[test]
fn loops_in_the_needed_versions_end() {
    let mut file = library().write();
    let versions = read(&file).unwrap().sections;
    let at =
        usize::try_from(versions.iter().find(|section| section.name == ".gnu.version_r").unwrap().offset)
            .unwrap();
    // The first library's record says that its versions, or the next library, begin 4 bytes further on.
    for field in [at + 12, at + 16 + 12] {
        let before = file[field];
        file[field] = 4;
        let error = read(&file).unwrap_err().to_string();
        assert!(error.ends_with("the needed versions: its records overlap"), "{error}");
        file[field] = before;
    }
}

/// A name that many entries share is given to each of them: what is given is bounded, and not only what is there.
#[test]
fn names_that_are_shared_are_counted_as_often_as_they_are_named() {
    let needing = |count: usize, bytes: usize| {
        let mut file = Object { needed: vec!["n".repeat(bytes); count], ..Object::default() }.write();
        // All entries name the first string, at place 1.
        let first = [1_u64.to_le_bytes(), 1_u64.to_le_bytes()].concat();
        let at = file.windows(16).position(|entry| entry == first).unwrap();
        for entry in file[at..].chunks_exact_mut(16).take(count) {
            entry.copy_from_slice(&first);
        }
        read(&file).map(|elf| elf.needed.len()).map_err(|error| error.to_string())
    };
    assert_eq!(needing(256, 1000), Ok(256));
    let told = needing(300, 1000).unwrap_err();
    assert!(told.ends_with("the dynamic strings: more than 262144, which is the limit"), "{told}");
    let told = needing(1, 20_000).unwrap_err();
    assert!(told.ends_with("the dynamic strings: more than 16384, which is the limit"), "{told}");
    let told = needing(5000, 1).unwrap_err();
    assert!(told.ends_with("the dynamic strings: more than 4096, which is the limit"), "{told}");
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-zA-Z0-9_.+/$-]{1,20}", 0..5)
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        soname in prop::option::of("[a-z.0-9]{1,9}"),
        needed in names(),
        runpath in prop::option::of("[a-z/:$]{1,20}"),
        versions in prop::collection::btree_map("[a-z.]{1,9}", prop::collection::btree_set("[A-Z_.0-9]{1,9}", 1..4), 0..4),
        sections in prop::collection::vec(("\\.[a-z_]{1,9}", prop::collection::vec(any::<u8>(), 0..600)), 0..4),
        tables_last: bool,
        piece in 1_usize..700,
        head in 0_u64..2000,
    ) {
        let versions: Vec<(String, Vec<String>)> =
            versions.into_iter().map(|(library, wanted)| (library, wanted.into_iter().collect())).collect();
        let object = Object {
            soname, needed, runpath, versions, sections, tables_last, ..Object::default()
        };
        let file = object.write();
        let whole = read(&file).unwrap();
        let (elf, _) = read_in(&file, piece, head).unwrap();
        prop_assert_eq!(&elf, &whole);
        prop_assert_eq!(elf.soname, object.soname);
        prop_assert_eq!(elf.needed, object.needed);
        prop_assert_eq!(elf.runpath.join(":"), object.runpath.unwrap_or_default());
        prop_assert_eq!(elf.symbol_versions.into_iter().collect::<Vec<_>>(), object.versions);
        for (name, bytes) in &object.sections {
            let found = elf.sections.iter().any(|section| {
                let start = usize::try_from(section.offset).unwrap();
                section.name == *name && file[start..].starts_with(bytes) && section.size == bytes.len() as u64
            });
            prop_assert!(found, "{}", name);
        }
    }

    #[test]
    fn any_damage_is_survived(
        damage in prop::collection::vec((0_usize..600, any::<u8>()), 1..8),
        tables_last: bool,
        head in 0_u64..2000,
    ) {
        let mut file = Object { tables_last, sections: vec![(".text".to_owned(), vec![0; 300])], ..library() }.write();
        for (place, byte) in damage {
            file[place] = byte;
        }
        let whole = read(&file);
        // Little of the head changes how often the file is read, and nothing else.
        match (whole, read_in(&file, 100, head)) {
            (Ok(whole), Ok((parts, _))) => prop_assert_eq!(parts, whole),
            (Err(_), Err(_)) => {}
            (whole, parts) => prop_assert!(false, "{whole:?} {parts:?}"),
        }
    }
}
