//! Wheels that are made to mislead, audited whole: docs/hostile-input.md lists what each test is for.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;
#[path = "common/wheel_writer.rs"]
mod wheel_writer;

use axle_audit::{AuditError, Options, WheelFacts, audit};
use elf_writer::Object;
use fatbin_writer::{Item, container, sass};
use wheel_writer::Wheel;

fn audited(members: &[(&str, Vec<u8>)]) -> Result<WheelFacts, AuditError> {
    let name = "x-1.0-cp312-cp312-linux_x86_64.whl".parse().unwrap();
    audit(&Wheel::new(members, ""), &name, &Options::default())
}

fn library() -> Object {
    Object {
        soname: Some("libx.so".to_owned()),
        needed: vec!["libc.so.6".to_owned()],
        versions: vec![("libc.so.6".to_owned(), vec!["GLIBC_2.2.5".to_owned()])],
        sections: vec![(".nv_fatbin".to_owned(), container(&[Item::One(sass(80))]))],
        ..Object::default()
    }
}

#[test]
fn archives_in_a_wheel_are_not_opened() {
    let inner = Wheel::new(&[("y/broken.so", b"\x7fELF".to_vec())], "");
    assert_eq!(audited(&[("x/y.whl", inner.0), ("x/lib.so", library().write())]).unwrap().elf.len(), 1);
}

#[test]
fn libraries_cut_at_any_byte_are_told() {
    let whole = library().write();
    assert_eq!(audited(&[("x/lib.so", whole.clone())]).unwrap().sass.len(), 1);
    // Before its fourth byte it is not known as ELF.
    for cut in 4..whole.len() {
        let error = audited(&[("x/lib.so", whole[..cut].to_vec())]);
        assert_eq!(error.unwrap_err().member(), Some("x/lib.so"), "cut to {cut} bytes");
    }
}

/// A header of an executable without any tables (System V ABI, "ELF Header").
fn header(class: u8, order: u8) -> Vec<u8> {
    let number = |value: u64, size: usize| match order {
        2 => value.to_be_bytes()[8 - size..].to_vec(),
        _ => value.to_le_bytes()[..size].to_vec(),
    };
    let word = if class == 1 { 4 } else { 8 };
    let size = if class == 1 { 52 } else { 64 };
    let identity = [b"\x7fELF".as_slice(), &[class, order, 1], &[0; 9]].concat();
    // type, machine (PowerPC, which has all four), version, entry, program headers, section headers, flags, sizes
    let fields = [
        (3, 2),
        (20, 2),
        (1, 4),
        (0, word),
        (0, word),
        (0, word),
        (0, 4),
        (size, 2),
        (0, 2),
        (0, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ];
    [identity, fields.map(|(value, size)| number(value, size)).concat()].concat()
}

#[test]
fn other_widths_and_byte_orders_are_read() {
    for class in [1, 2] {
        for order in [1, 2] {
            let facts = audited(&[("x/lib.so", header(class, order))]).unwrap();
            let machine = &facts.elf[0].machine;
            assert!(machine.contains("ppc") || machine.contains("20"), "{class} {order}: {machine}");
        }
    }
}

#[test]
fn identities_that_are_none_are_told() {
    for (class, order) in [(0, 1), (3, 1), (2, 0), (2, 3), (0xff, 0xff)] {
        let error = audited(&[("x/lib.so", header(class, order))]).unwrap_err();
        assert_eq!((error.member(), error.offset()), (Some("x/lib.so"), Some(0)), "{class} {order}: {error}");
    }
}
