//! The auditor and the audit of a wheel tell the same of every file: both read it by axle-elf and axle-fatbin, each in a
//! loop of its own.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;

use std::collections::BTreeMap;
use std::path::Path;

use axle_audit::{Architectures, Options, audit_unpacked};
use axle_auditor::read_folder;
use elf_writer::Object;
use fatbin_writer::{FLAG_ARCHITECTURE, FLAG_FAMILY, Image, Item, Storage, container, cubin, ptx, sass};
use fs_err as fs;
use proptest::prelude::*;
use tempfile::TempDir;

/// A wheel that was unpacked, with these files in it.
fn unpacked(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let description: [(&str, &[u8]); 2] = [
        ("x-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\n"),
        ("x-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n"),
    ];
    for (path, bytes) in description.iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// The device code of each ELF file, by path, or why it can't be told.
type Told = Result<BTreeMap<String, Architectures>, String>;

fn auditor(folder: &Path) -> Told {
    let members = read_folder(folder).map_err(|error| error.to_string())?;
    Ok(members.into_iter().map(|member| (member.path, member.device_code)).collect())
}

fn audit(folder: &Path) -> Told {
    let facts = audit_unpacked(folder, &Options::default()).map_err(|error| error.problem.to_string())?;
    let members = facts.elf.into_iter();
    Ok(members.map(|elf| (elf.path, Architectures { sass: elf.sass, ptx: elf.ptx })).collect())
}

/// Compares, and gives what both tell. Of a broken file both must say the same, but for how each names it.
fn agreed(files: &[(&str, &[u8])]) -> Told {
    let folder = unpacked(files);
    let (auditor, audit) = (auditor(folder.path()), audit(folder.path()));
    match (&auditor, &audit) {
        (Err(auditor), Err(audit)) => {
            let (path, why) = auditor.split_once(": ").unwrap();
            assert!(
                audit.starts_with(&format!("member `{path}`")) && audit.ends_with(why),
                "{audit}: {auditor}"
            );
        }
        _ => assert_eq!(auditor, audit),
    }
    auditor
}

/// An extension module with device code in every place where it occurs.
fn extension() -> Object {
    let one = |image: Image| container(&[Item::One(image)]);
    let lz4 = Image { storage: Storage::Lz4, ..ptx(90) };
    let both = container(&[Item::One(sass(80)), Item::One(lz4)]);
    let accelerated = Image { flags: 0x11 | FLAG_ARCHITECTURE, ..sass(90) };
    let intermediate = Image { kind: 8, ..sass(75) };
    Object {
        sections: vec![
            (".rodata".to_owned(), [vec![1; 32], one(sass(50))].concat()),
            (".nv_fatbin".to_owned(), [both, vec![0; 16], one(accelerated), one(intermediate)].concat()),
            ("__nv_relfatbin".to_owned(), one(ptx(80))),
        ],
        ..Object::default()
    }
}

#[test]
fn every_kind_of_file() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut files = Vec::new();
    for parser in ["audit", "elf", "fatbin", "image"] {
        for seed in fs::read_dir(seeds.join(parser)).unwrap() {
            files.push(fs::read(seed.unwrap().path()).unwrap());
        }
    }
    assert!(files.len() > 10, "{} seeds", files.len());
    let patched = Object { tables_last: true, ..extension() };
    let stripped = Object { stripped: true, ..extension() };
    files.extend([extension(), patched, stripped, Object::default()].map(|object| object.write()));
    files.extend([cubin(128), container(&[Item::One(sass(80))]), b"import x\n".to_vec(), Vec::new()]);
    files.push(std::env::current_exe().and_then(fs::read).unwrap());

    let mut told = files.iter().map(|file| agreed(&[("x/file", file)]));
    let with_code =
        |told: &Told| told.as_ref().is_ok_and(|members| members.values().any(|code| !code.sass.is_empty()));
    assert!(told.by_ref().filter(with_code).count() >= 3, "hardly any has device code");
}

#[test]
fn whole_folders() {
    let (extension, plain) = (extension().write(), Object::default().write());
    let files: [(&str, &[u8]); 4] = [
        ("x/_C.so", &extension),
        ("x/lib/libx.so.1", &plain),
        ("y.so", &extension),
        ("x-1.0.data/scripts/x", b"#!/bin/sh\n"),
    ];
    let told = agreed(&files).unwrap();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["x/_C.so", "x/lib/libx.so.1", "y.so"]);
    let code = &told["y.so"];
    let codes: Vec<_> = code.sass.iter().chain(&code.ptx).map(ToString::to_string).collect();
    assert_eq!(codes, ["sm_80", "sm_90a", "compute_80", "compute_90"]);
}

fn images() -> impl Strategy<Value = Image> {
    let flags = prop_oneof![Just(0x11), Just(0x11 | FLAG_ARCHITECTURE), Just(0x11 | FLAG_FAMILY)];
    let kinds = prop_oneof![Just(sass(80)), Just(ptx(80)), Just(Image { kind: 8, ..sass(80) })];
    let storage = prop_oneof![Just(Storage::Plain), Just(Storage::Lz4), Just(Storage::Zstd)];
    (kinds, 50_u32..130, flags, storage).prop_map(|(image, arch, flags, storage)| Image {
        arch,
        flags,
        storage,
        ..image
    })
}

fn objects() -> impl Strategy<Value = Object> {
    let names = prop_oneof![Just(".nv_fatbin"), Just("__nv_relfatbin"), Just(".rodata"), Just(".data")];
    let containers = prop::collection::vec(prop::collection::vec(images(), 1..4), 1..4);
    let sections = prop::collection::vec((names, containers), 0..4);
    (sections, any::<bool>()).prop_map(|(sections, tables_last)| {
        let written = sections.into_iter().map(|(name, containers)| {
            let items = |images: Vec<Image>| images.into_iter().map(Item::One).collect::<Vec<_>>();
            (name.to_owned(), containers.into_iter().flat_map(|images| container(&items(images))).collect())
        });
        Object { sections: written.collect(), tables_last, ..Object::default() }
    })
}

proptest! {
    #[test]
    fn any_library(object in objects()) {
        agreed(&[("x.so", &object.write())]).unwrap();
    }

    #[test]
    fn any_damage(object in objects(), at: prop::sample::Index, byte: u8, cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut file = object.write();
        let at = at.index(file.len());
        file[at] = byte;
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let _ = agreed(&[("x.so", &file)]);
    }
}
