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

use axle_audit::{AuditError, Options, WheelFacts, audit, findings};
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

/// Each member is small enough; all of them together are not.
#[test]
fn facts_of_all_members_together_are_bounded() {
    let needing =
        |count: usize| Object { needed: vec!["n".repeat(1000); count], ..Object::default() }.write();
    let members = |count: usize| -> Vec<(String, Vec<u8>)> {
        (0..count).map(|index| (format!("x/{index}.so"), needing(60))).collect()
    };
    let told = |members: &[(String, Vec<u8>)]| {
        let members: Vec<_> = members.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
        audited(&members).map(|facts| facts.elf.len()).map_err(|error| error.to_string())
    };
    assert_eq!(told(&members(50)), Ok(50));
    let refused =
        "x.whl: the facts about its members would take more than 16777216 bytes, which is the limit";
    assert_eq!(told(&members(100)), Err(refused.to_owned()));
}

/// The path of a member stands in every finding, and a section's name in every row of device code.
#[test]
fn what_is_concluded_is_counted_too() {
    let path = format!("x/{}.so", "p".repeat(4000));
    let rpath = Some(vec!["/home/me"; 8000].join(":"));
    let object = Object { rpath: rpath.map(|rpath| rpath[..16_000].to_owned()), ..Object::default() };
    let members: Vec<_> = (0..3).map(|index| format!("{path}.{index}")).collect();
    let members: Vec<_> = members.iter().map(|path| (path.as_str(), object.write())).collect();
    assert!(audited(&members[..1]).is_ok());
    let error = audited(&members).unwrap_err().to_string();
    assert!(error.contains("16777216"), "{error}");

    let archs: Vec<Item> = (20..120).map(|arch| Item::One(sass(arch))).collect();
    let named =
        |name: &str| Object { sections: vec![(name.to_owned(), container(&archs))], ..Object::default() };
    assert_eq!(audited(&[("a.so", named(".rodata").write())]).unwrap().elf[0].device_code.len(), 100);
    let error = audited(&[("a.so", named(&"n".repeat(15_000)).write())]).unwrap_err().to_string();
    assert!(error.contains("1048576"), "{error}");
}

/// Comparing every library with every other takes a minute here.
#[test]
fn names_of_libraries_are_compared_in_linear_time() {
    let needed = |from: usize| (from..from + 60).map(|index| format!("lib{index}.so.1")).collect::<Vec<_>>();
    let members: Vec<(String, Vec<u8>)> = (0..1000)
        .map(|index| {
            let needed = needed(index * 60 % 30_000);
            (format!("x.libs/lib{index}-0123abcd.so.1.0"), Object { needed, ..Object::default() }.write())
        })
        .collect();
    let members: Vec<_> = members.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    let facts = audited(&members).unwrap();
    assert_eq!(facts.external.len(), 30_000);
    let twins = findings(&facts)
        .into_iter()
        .filter(|finding| finding.message.contains("is also needed from outside the wheel"));
    assert_eq!(twins.count(), 1000);
}
