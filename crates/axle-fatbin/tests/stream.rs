//! What a writer wrote is what the scanner finds, however the bytes come.

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "common/fatbin_writer.rs"]
mod fatbin_writer;

use axle_fatbin::{Broken, Compression, Container, Found, Scanner};
use axle_types::CudaRelease;
use fatbin_writer::{FLAG_ARCHITECTURE, FLAG_FAMILY, Image, Item, Storage, container, cubin, ptx, sass};
use proptest::prelude::*;

/// Feeds `file` in pieces and returns what was told.
fn scan(file: &[u8], piece: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(file.len() as u64);
    for bytes in file.chunks(piece) {
        scanner.push(bytes, &mut |what| found.push(what));
    }
    scanner.finish(&mut |what| found.push(what));
    found
}

fn containers(file: &[u8]) -> Vec<Container> {
    let take = |found| match found {
        Found::Container(container) => container,
        Found::Broken(broken) => panic!("{broken}"),
    };
    scan(file, usize::MAX).into_iter().map(take).collect()
}

fn only_broken(file: &[u8]) -> Broken {
    match scan(file, usize::MAX).as_slice() {
        [Found::Broken(broken)] => broken.clone(),
        other => panic!("{other:?}"),
    }
}

fn one(image: Image) -> Vec<u8> {
    container(&[Item::One(image)])
}

fn patched(mut bytes: Vec<u8>, at: usize, patch: &[u8]) -> Vec<u8> {
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

fn codes(container: &Container) -> Vec<String> {
    container.entries.iter().map(|entry| entry.code.to_string()).collect()
}

#[test]
fn an_entry_says_all_that_its_header_and_start_tell() {
    let image = Image { storage: Storage::Lz4, extra_header: 8, ..ptx(90) };
    let found = containers(&one(image));
    let entry = found[0].entries[0];
    assert_eq!(entry.code.to_string(), "compute_90");
    assert_eq!(entry.compression, Compression::Lz4);
    assert_eq!(entry.toolkit, Some(CudaRelease { major: 12, minor: 8 }));
    assert_eq!(entry.ptx_version, Some((8, 7)));
}

#[test]
fn suffixes_come_from_flags() {
    let items =
        [FLAG_ARCHITECTURE, FLAG_FAMILY, 0].map(|flag| Item::One(Image { flags: 0x11 | flag, ..sass(100) }));
    assert_eq!(codes(&containers(&container(&items))[0]), ["sm_100a", "sm_100f", "sm_100"]);
}

#[test]
fn concatenated_entries_are_listed_one_by_one() {
    let accelerated = Image { flags: 0x11 | FLAG_ARCHITECTURE, payload: cubin(134), ..sass(90) };
    let named = Image { extra_header: 8, ..sass(80) };
    let extended = Image { extra_header: 56, ..accelerated };
    let items = [Item::Concatenated(vec![sass(75), named, extended]), Item::One(ptx(120))];
    let found = containers(&container(&items));
    assert_eq!(codes(&found[0]), ["sm_75", "sm_80", "sm_90a", "compute_120"]);
    assert_eq!(found[0].entries[0].compression, Compression::Zstd);
}

#[test]
fn kinds_that_nobody_described_are_kept() {
    let items =
        [Item::One(Image { kind: 64, ..sass(90) }), Item::One(Image { kind: 64, arch: 1843, ..sass(90) })];
    assert_eq!(codes(&containers(&container(&items))[0]), ["kind64_90", "kind64_00"]);
}

#[test]
fn what_follows_a_container_is_told() {
    let image = one(sass(80));
    let size = image.len() as u64;
    let file = [image.clone(), vec![0; 24], image.clone(), vec![0; 11], vec![1], vec![0; 4]].concat();
    let found = containers(&file);
    assert_eq!(found[0].end(), size);
    assert_eq!(found[0].followed_at, Some(size + 24));
    assert_eq!(found[1].offset, size + 24);
    assert_eq!(found[1].followed_at, Some(2 * size + 24 + 8));
    assert_eq!(containers(&[image, vec![0; 30]].concat())[0].followed_at, None);
}

#[test]
fn a_magic_by_chance_is_told_and_passed() {
    let mut file = vec![7; 16];
    file.extend(0xBA55_ED50_u32.to_le_bytes());
    file.extend([9; 28]);
    file.extend(one(sass(80)));
    let found = scan(&file, 5);
    assert!(matches!(&found[0], Found::Broken(broken) if broken.container == 16), "{found:?}");
    assert!(matches!(&found[1], Found::Container(container) if container.offset == 48), "{found:?}");
}

#[test]
fn a_magic_that_is_not_aligned_is_no_container() {
    let file = [vec![0; 4], one(sass(80))].concat();
    assert_eq!(scan(&file, usize::MAX), []);
}

/// Offsets in a container of one entry: its header, then the entry's.
mod at {
    pub const CONTAINER_VERSION: usize = 4;
    pub const CONTAINER_SIZE: usize = 8;
    pub const ENTRY_VERSION: usize = 16 + 2;
    pub const HEADER_SIZE: usize = 16 + 4;
    pub const PAYLOAD_SIZE: usize = 16 + 8;
    pub const COMPRESSED_SIZE: usize = 16 + 16;
    pub const EXTENSION: usize = 16 + 20;
    pub const ARCH: usize = 16 + 28;
    pub const FLAGS: usize = 16 + 40;
    pub const TABLE_COUNT: usize = 16 + 64;
    pub const FIRST_IMAGE_SIZE: usize = 16 + 64 + 8 + 8;
}

#[test]
fn broken_headers_are_told() {
    let image = || one(sass(80));
    let packed = || one(Image { storage: Storage::Lz4, ..sass(80) });
    let joined = || container(&[Item::Concatenated(vec![sass(75), sass(80)])]);
    let most = u64::MAX.to_le_bytes();
    let cases: [(&str, Vec<u8>, &str); 16] = [
        (
            "version",
            patched(image(), at::CONTAINER_VERSION, &[2]),
            "at offset 0x0, unknown container header (version 2, 16 bytes)",
        ),
        (
            "size",
            patched(image(), at::CONTAINER_SIZE, &most),
            "at offset 0x0, its size of 18446744073709551615 bytes extends beyond the end of the file",
        ),
        (
            "rest",
            patched(image(), at::CONTAINER_SIZE, &[120]),
            "at offset 0x10, an entry's payload of 64 bytes does not fit",
        ),
        (
            "entry version",
            patched(image(), at::ENTRY_VERSION, &[2]),
            "at offset 0x10, unknown version 0x0102 of an entry's header",
        ),
        (
            "no header",
            patched(image(), at::HEADER_SIZE, &[0; 4]),
            "at offset 0x10, an entry's header of 0 bytes does not fit (64 to 128 bytes)",
        ),
        (
            "large header",
            patched(image(), at::HEADER_SIZE, &[0xff; 4]),
            "an entry's header of 4294967295 bytes does not fit",
        ),
        (
            "payload",
            patched(image(), at::PAYLOAD_SIZE, &most),
            "an entry's payload of 18446744073709551615 bytes does not fit into the 64 bytes left",
        ),
        (
            "payload too small",
            patched(image(), at::PAYLOAD_SIZE, &[56]),
            "at offset 0x88, 8 bytes are left, too few for an entry",
        ),
        (
            "stream",
            patched(packed(), at::COMPRESSED_SIZE, &[0xff; 4]),
            "a compressed stream of 4294967295 bytes does not fit",
        ),
        ("arch", patched(image(), at::ARCH, &[0xff; 4]), "architecture 4294967295 is not valid"),
        (
            "suffixes",
            patched(image(), at::FLAGS + 2, &[0x30]),
            "flags 0x300011 set suffix 'a' and 'f' at once",
        ),
        (
            "compressions",
            patched(image(), at::FLAGS + 1, &[0xa0]),
            "flags 0xa011 set more than one compression",
        ),
        (
            "table outside",
            patched(joined(), at::EXTENSION, &[0xff; 4]),
            "the table of a concatenated entry is broken: it is not in",
        ),
        ("table count", patched(joined(), at::TABLE_COUNT, &[3]), "broken: its size and its count disagree"),
        (
            "table too long",
            patched(joined(), at::TABLE_COUNT, &[0, 16, 0, 0, 8, 0, 4, 0]),
            "broken: it is longer than the header",
        ),
        (
            "image",
            patched(joined(), at::FIRST_IMAGE_SIZE, &most),
            "broken: an image is outside of the payload",
        ),
    ];
    for (name, file, expected) in cases {
        let message = only_broken(&file).to_string();
        assert!(message.starts_with("fatbin container at offset 0x0: "), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn sizes_of_concatenated_images_must_add_up() {
    let file = container(&[Item::Concatenated(vec![sass(75), sass(80)])]);
    let message = only_broken(&patched(file, at::FIRST_IMAGE_SIZE, &[63])).to_string();
    assert!(message.ends_with("the sizes of its images do not add up to the payload's"), "{message}");
}

#[test]
fn many_entries_are_refused_before_they_fill_the_memory() {
    let tiny = Image { payload: Vec::new(), ..sass(80) };
    let file = container(&vec![Item::One(tiny); 20_000]);
    let found = scan(&file, 1 << 16);
    assert!(
        matches!(&found[0], Found::Broken(broken) if broken.to_string().ends_with("more than 16384 entries"))
    );
}

#[test]
fn a_file_that_ends_within_a_container_is_told() {
    let file = one(sass(80));
    for cut in 8..file.len() {
        // The size is not known here, so that the end comes as a surprise.
        let mut found = Vec::new();
        let mut scanner = Scanner::new(u64::MAX);
        scanner.push(&file[..cut], &mut |what| found.push(what));
        scanner.finish(&mut |what| found.push(what));
        assert!(
            matches!(found.as_slice(), [Found::Broken(broken)] if broken.container == 0 && broken.offset == cut as u64),
            "{cut}: {found:?}"
        );
    }
}

fn images() -> impl Strategy<Value = Image> {
    let storage = prop_oneof![Just(Storage::Plain), Just(Storage::Lz4), Just(Storage::Zstd)];
    let flags = prop_oneof![Just(0x11), Just(0x11 | FLAG_ARCHITECTURE), Just(0x11 | FLAG_FAMILY)];
    let payload = prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..200);
    (1_u16..20, 10_u32..1000, flags, any::<(u16, u16)>(), payload, storage, 0_usize..4).prop_map(
        |(kind, arch, flags, version, payload, storage, extra)| Image {
            kind,
            arch,
            flags,
            version,
            payload,
            storage,
            extra_header: extra * 8,
        },
    )
}

fn items() -> impl Strategy<Value = Item> {
    prop_oneof![
        3 => images().prop_map(Item::One),
        1 => prop::collection::vec(images(), 1..4).prop_map(Item::Concatenated),
    ]
}

/// The names that the codes of `items` should have.
fn expected(items: &[Item]) -> Vec<String> {
    let name = |image: &Image| {
        let kind = match image.kind {
            1 => "compute".to_owned(),
            2 => "sm".to_owned(),
            8 => "lto".to_owned(),
            other => format!("kind{other}"),
        };
        let suffix = match image.flags & (FLAG_ARCHITECTURE | FLAG_FAMILY) {
            0 => "",
            FLAG_ARCHITECTURE => "a",
            _ => "f",
        };
        format!("{kind}_{}{suffix}", image.arch)
    };
    let images = items.iter().flat_map(|item| match item {
        Item::One(image) => std::slice::from_ref(image),
        Item::Concatenated(images) => images.as_slice(),
    });
    images.map(name).collect()
}

proptest! {
    #[test]
    fn what_was_written_is_found(
        written in prop::collection::vec((prop::collection::vec(items(), 0..5), 0_usize..5), 0..5),
        before in 0_usize..40,
        piece in 1_usize..400,
    ) {
        let mut file = vec![3_u8; before * 8];
        let mut offsets = Vec::new();
        for (items, gap) in &written {
            offsets.push(file.len() as u64);
            file.extend(container(items));
            file.resize(file.len().next_multiple_of(8) + gap * 8, 0);
        }
        let found = containers(&file);
        prop_assert_eq!(found.iter().map(|container| container.offset).collect::<Vec<_>>(), offsets);
        for (container, (items, _)) in found.iter().zip(&written) {
            prop_assert_eq!(codes(container), expected(items));
        }
        prop_assert_eq!(scan(&file, piece), scan(&file, usize::MAX));
    }

    #[test]
    fn any_damage_is_survived(
        items in prop::collection::vec(items(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        piece in 1_usize..100,
    ) {
        let mut file = container(&items);
        for (place, byte) in damage {
            let place = place.index(file.len());
            file[place] = byte;
        }
        prop_assert_eq!(scan(&file, piece), scan(&file, usize::MAX));
    }
}
