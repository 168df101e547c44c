//! Wheels made here, audited whole.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;
#[path = "common/wheel_writer.rs"]
mod wheel_writer;

use std::sync::Mutex;

use axle_audit::{
    AuditError, Kernels, Options, Policy, Progress, WheelFacts, audit, coverage, findings, platform_tag,
};
use axle_types::Sha256;
use elf_writer::Object;
use fatbin_writer::{FLAG_ARCHITECTURE, Image, Item, Storage, container, cubin_with, ptx, ptx_with, sass};
use proptest::prelude::*;
use wheel_writer::Wheel;

fn audit_with(wheel: &Wheel, options: &Options<'_>) -> Result<WheelFacts, AuditError> {
    audit(
        wheel,
        &"x-1.0-1-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl".parse().unwrap(),
        options,
    )
}

fn facts(wheel: &Wheel) -> WheelFacts {
    audit_with(wheel, &Options::default()).unwrap()
}

fn error(wheel: &Wheel) -> AuditError {
    audit_with(wheel, &Options::default()).unwrap_err()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn one(image: Image) -> Vec<u8> {
    container(&[Item::One(image)])
}

/// An extension module with device code in every place where it occurs.
fn extension() -> Object {
    let accelerated = Image { flags: 0x11 | FLAG_ARCHITECTURE, ..sass(90) };
    let both = || container(&[Item::One(sass(80)), Item::One(Image { storage: Storage::Lz4, ..ptx(90) })]);
    Object {
        needed: owned(&["libx.so.1", "libcudart.so.12", "libstdc++.so.6", "libc.so.6"]),
        runpath: Some("$ORIGIN/lib".to_owned()),
        versions: vec![
            ("libc.so.6".to_owned(), owned(&["GLIBC_2.9", "GLIBC_2.28", "GLIBC_PRIVATE"])),
            ("libstdc++.so.6".to_owned(), owned(&["GLIBCXX_3.4.9", "GLIBCXX_3.4.21"])),
        ],
        undefined: owned(&["_ZNSt7__cxx1112basic_stringE"]),
        sections: vec![
            (".rodata".to_owned(), [vec![1; 32], one(sass(50))].concat()),
            (".nv_fatbin".to_owned(), [both(), vec![0; 16], both(), one(accelerated)].concat()),
            ("__nv_relfatbin".to_owned(), one(ptx(80))),
        ],
        ..Object::default()
    }
}

fn library() -> Object {
    Object {
        soname: Some("libx.so.1".to_owned()),
        needed: owned(&["libm.so.6"]),
        rpath: Some("$ORIGIN:/opt/lib".to_owned()),
        ..Object::default()
    }
}

fn program() -> Object {
    let interpreter = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
    Object { interpreter, needed: owned(&["libc.so.6"]), ..Object::default() }
}

fn wheel() -> Wheel {
    let members = [
        ("x/_C.so", extension().write()),
        ("x/lib/libx.so.1", library().write()),
        ("x/bin/tool", program().write()),
        ("x/__init__.py", b"import x._C\n".to_vec()),
        ("x-1.0.data/scripts/x.sh", b"#!/bin/sh\n".to_vec()),
        ("x-1.0.data/purelib/y.py", b"".to_vec()),
    ];
    Wheel::new(&members, "Requires-Dist: nvidia-cuda-runtime-cu12==12.6.77\n")
}

#[test]
fn all_facts_of_a_wheel() {
    let wheel = wheel();
    let options = Options { hash: true, declared_sha256: Some(Sha256([0; 32])), ..Options::default() };
    let facts = audit_with(&wheel, &options).unwrap();
    assert_eq!(facts.size, wheel.0.len() as u64);
    assert_eq!(facts.sha256, Some(Sha256::of(&wheel.0)));
    // How the zip was packed, and so its bytes, depends on the packer's version.
    insta::assert_json_snapshot!(WheelFacts { sha256: None, size: 0, ..facts.clone() });

    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<WheelFacts>(&json).unwrap(), facts);
}

#[test]
fn kernels_are_listed_by_architecture() {
    let kernels = |code: &str, kernels: &[&str]| {
        let arch = code.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap();
        let flags = if code.ends_with('a') { 0x11 | FLAG_ARCHITECTURE } else { 0x11 };
        Item::One(Image { payload: cubin_with(code, kernels), flags, ..sass(arch) })
    };
    let text = Image { payload: ptx_with("sm_90", &["_Z4bothv"]), storage: Storage::Zstd, ..ptx(90) };
    let linked = [
        container(&[
            kernels("sm_80", &["_Z4bothv"]),
            kernels("sm_90", &["_Z4bothv", "_Z3newv"]),
            Item::One(text),
        ]),
        container(&[kernels("sm_90a", &["special"]), Item::One(sass(70))]),
    ];
    let object = Object {
        sections: vec![
            (".rodata".to_owned(), [vec![1; 32], container(&[kernels("sm_50", &["_Z5alienv"])])].concat()),
            (".nv_fatbin".to_owned(), linked.concat()),
        ],
        ..Object::default()
    };
    let wheel = Wheel::new(&[("x/_C.so", object.write())], "");
    let deep = audit_with(&wheel, &Options { deep: true, ..Options::default() }).unwrap();
    let kernels = deep.elf[0].kernels.clone().unwrap();
    insta::assert_json_snapshot!(kernels);
    let json = serde_json::to_string(&kernels).unwrap();
    assert_eq!(serde_json::from_str::<Kernels>(&json).unwrap(), kernels);

    let lacking = |gpu: &str| -> Vec<String> {
        kernels.lacking(gpu.parse().unwrap()).map(|kernel| kernel.name.clone()).collect()
    };
    assert_eq!(lacking("8.6"), ["_Z3newv"]);
    assert_eq!(lacking("9.0"), [""; 0]);
    // PTX serves newer GPUs, and what is specialised was never meant for others.
    assert_eq!(lacking("12.0"), ["_Z3newv"]);
    assert_eq!(kernels.gaps(), [("8.0".parse().unwrap(), 1)].into());
    assert_eq!(kernels.count(), 3);

    // Nothing else changes, but for releases that images tell further inside.
    let mut shallow = facts(&wheel);
    assert_eq!(shallow.elf[0].kernels, None);
    shallow.elf[0].kernels = Some(kernels);
    for (row, deep) in shallow.elf[0].device_code.iter_mut().zip(&deep.elf[0].device_code) {
        row.toolkit = row.toolkit.or(deep.toolkit);
    }
    assert_eq!(shallow.elf, deep.elf);
}

#[test]
fn coverage_as_the_contract_writes_it() {
    let told: Vec<_> = ["8.6", "9.0", "12.0", "7.5"]
        .map(|gpu| coverage(&facts(&wheel()), &Policy::default(), gpu.parse().unwrap()))
        .into();
    insta::assert_json_snapshot!(told);
}

#[test]
fn the_hash_is_of_the_whole_file() {
    let wheel = Wheel(wheel().0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.whl");
    std::fs::write(&path, &wheel.0).unwrap();
    let output = std::process::Command::new("sha256sum").arg(&path).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let ours = audit_with(&wheel, &Options { hash: true, ..Options::default() }).unwrap().sha256.unwrap();
    assert_eq!(printed.split(' ').next(), Some(ours.to_string().as_str()));
    assert_eq!(facts(&wheel).sha256, None);
}

#[test]
fn facts_do_not_depend_on_threads() {
    let with = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| facts(&wheel()))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn progress_ends_at_the_total() {
    let seen = Mutex::new(Vec::new());
    let record = |progress: Progress| seen.lock().unwrap().push(progress);
    audit_with(&wheel(), &Options { progress: Some(&record), ..Options::default() }).unwrap();
    let seen = seen.into_inner().unwrap();
    let most = seen.iter().map(|progress| progress.done).max().unwrap();
    assert!(seen.iter().all(|progress| progress.total == most), "{seen:?}");
}

#[test]
fn files_that_are_no_elf_are_not_read() {
    // Damage behind the first bytes of a text is none of the audit's business.
    let text = b"0123456789 damaged".repeat(4000);
    let mut wheel = Wheel::new(&[("x/a.txt", text)], "");
    let at = wheel.0.windows(3).position(|window| window == b"txt").unwrap() + 60;
    wheel.0[at] ^= 0xff;
    assert_eq!(facts(&wheel).elf, []);
}

/// The message, the member and the offset.
fn told(path: &str, bytes: Vec<u8>) -> (String, Option<String>, Option<u64>) {
    let error = error(&Wheel::new(&[("x/good.so", library().write()), (path, bytes)], ""));
    (error.to_string(), error.member().map(str::to_owned), error.offset())
}

fn with_section(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    Object { sections: vec![(name.to_owned(), bytes)], ..library() }.write()
}

#[test]
fn broken_members_are_named() {
    let mut unknown_entry = one(sass(80));
    unknown_entry[18] = 9;
    let gap = [one(sass(80)), vec![0; 8], vec![1; 8], one(sass(80))].concat();
    let garbage_behind = [one(sass(80)), vec![7; 40]].concat();
    insta::assert_debug_snapshot!([
        told("x/cut.so", library().write()[..200].to_vec()),
        told("x/tiny.so", b"\x7fELF".to_vec()),
        told("x/entry.so", with_section(".nv_fatbin", unknown_entry.clone())),
        told("x/relocatable.so", with_section("__nv_relfatbin", unknown_entry.clone())),
        told("x/gap.so", with_section(".nv_fatbin", gap)),
        told("x/behind.so", with_section(".nv_fatbin", garbage_behind)),
        told("x/none.so", with_section(".nv_fatbin", vec![5; 64])),
    ]);
    // By chance, in a section of other things, it means nothing.
    assert_eq!(facts(&Wheel::new(&[("x/a.so", with_section(".rodata", unknown_entry))], "")).elf.len(), 1);
}

#[test]
fn members_are_compared_with_record() {
    let verified = |record: &str, bytes: &[u8]| {
        let members = [("x/a.py", bytes.to_vec()), ("x-1.0.dist-info/RECORD", record.as_bytes().to_vec())];
        let options = Options { verify: true, ..Options::default() };
        audit_with(&Wheel::new(&members, ""), &options).unwrap().record.unwrap()
    };
    let line = "x/a.py,sha256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ,5\nx/b.py,,\n";
    let good = verified(line, b"hello");
    assert_eq!((good.verified, good.wrong, good.missing), (1, vec![], owned(&["x/b.py"])));
    let unlisted = ["METADATA", "WHEEL", "entry_points.txt"].map(|name| format!("x-1.0.dist-info/{name}"));
    assert_eq!(good.unlisted, unlisted);
    assert_eq!(verified(line, b"hullo").wrong, ["x/a.py"]);
    // Without being asked, nothing is said.
    assert_eq!(facts(&wheel()).record, None);
    let none = audit_with(&wheel(), &Options { verify: true, ..Options::default() }).unwrap().record.unwrap();
    assert_eq!(none.unreadable.as_deref(), Some("there is none"));
}

#[test]
fn what_is_wrong_with_a_wheel() {
    let told: Vec<String> = findings(&facts(&wheel()))
        .into_iter()
        .map(|finding| format!("{} {:?}: {}", finding.code, finding.member, finding.message))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    insta::assert_json_snapshot!(platform_tag(&facts(&wheel())));
}

#[test]
fn what_members_take_of_python_and_load() {
    let module = Object {
        undefined: owned(&["PyObject_GetBuffer", "_PyUnicode_Ready"]),
        needed: owned(&["libc.so.6"]),
        sections: vec![(".rodata".to_owned(), b"\0libcuda.so.1\0libc.so.6\0".to_vec())],
        ..Object::default()
    };
    let members = [("x/_C.abi3.so", module.write()), ("x/_D.so", module.write())];
    let facts = facts(&Wheel::new(&members, ""));
    let abi3 = facts.elf[0].abi3.clone().unwrap();
    assert_eq!((abi3.python.as_str(), abi3.unstable), ("3.11", owned(&["_PyUnicode_Ready"])));
    assert_eq!(facts.elf[0].dlopen, ["libcuda.so.1"]);
    // Neither its name nor the wheel's promises anything.
    assert_eq!(facts.elf[1].abi3, None);
}

#[test]
fn damaged_archives_are_told() {
    let mut wheel = wheel();
    let at = wheel.0.windows(7).position(|window| window == b"x/_C.so").unwrap() + 200;
    wheel.0[at] ^= 0x55;
    let error = error(&wheel);
    assert_eq!(error.member(), Some("x/_C.so"));
    assert!(error.to_string().starts_with("x.whl: member `x/_C.so` is "), "{error}");
}

#[test]
fn of_several_errors_always_the_same_is_told() {
    let members = [
        ("x/b.so", b"\x7fELF".repeat(9)),
        ("x/a.so", b"\x7fELF".to_vec()),
        ("x/c.so", b"\x7fELF".repeat(99)),
    ];
    let wheel = Wheel::new(&members, "");
    for _ in 0..20 {
        assert_eq!(error(&wheel).member(), Some("x/a.so"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_damage_to_a_member_is_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = extension().write();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        match audit_with(&Wheel::new(&[("x/a.so", bytes)], ""), &Options::default()) {
            Ok(facts) => prop_assert!(facts.elf.len() <= 1),
            Err(error) => prop_assert_eq!(error.member(), Some("x/a.so")),
        }
    }

    #[test]
    fn any_damage_to_a_wheel_is_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut wheel = wheel();
        for (place, byte) in damage {
            let place = place.index(wheel.0.len());
            wheel.0[place] = byte;
        }
        let _ = audit_with(&wheel, &Options::default());
    }
}
