//! Images alone, and those that a scanner reads out of containers.

#![allow(clippy::unwrap_used)]
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "common/fatbin_writer.rs"]
mod fatbin_writer;

use axle_fatbin::{Compression, Container, Found, Image, ImageError, Scanner};
use axle_types::CudaRelease;
use fatbin_writer::{FLAG_ARCHITECTURE, Item, Storage, container, cubin, cubin_with, ptx, ptx_with, sass};
use proptest::prelude::*;

#[test]
fn a_cubin_of_abi_8() {
    let image = Image::cubin(&cubin_with("sm_90a", &["_Z1bv", "a"])).unwrap();
    assert_eq!(image.code.to_string(), "sm_90a");
    assert_eq!(image.toolkit, Some(CudaRelease { major: 13, minor: 5 }));
    assert_eq!(image.kernels, ["_Z1bv", "a"]);
    let code = |code: &str| Image::cubin(&cubin_with(code, &[])).unwrap().code.to_string();
    assert_eq!([code("sm_100f"), code("sm_120"), code("sm_103a")], ["sm_100f", "sm_120", "sm_103a"]);
    // CUDA 12.9 says `a` in the flags as well.
    let mut flagged = cubin_with("sm_100", &[]);
    flagged[48] |= 8;
    assert_eq!(Image::cubin(&flagged).unwrap().code.to_string(), "sm_100a");
}

#[test]
fn a_cubin_of_abi_7() {
    let with_flags = |flags: u32| {
        let mut bytes = cubin(124);
        bytes[48..52].copy_from_slice(&flags.to_le_bytes());
        bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
        Image::cubin(&bytes).unwrap()
    };
    let image = with_flags(0x005a_0d5a);
    assert_eq!((image.code.to_string().as_str(), image.kernels.len()), ("sm_90a", 0));
    assert_eq!(image.toolkit, Some(CudaRelease { major: 12, minor: 4 }));
    assert_eq!(with_flags(0x0050_0550).code.to_string(), "sm_80");
}

#[test]
fn broken_cubins_are_told() {
    let message = |bytes: &[u8]| Image::cubin(bytes).unwrap_err().to_string();
    assert_eq!(message(b""), "it is not a cubin: it has no ELF header for CUDA");
    let good = cubin_with("sm_80", &["kernel"]);
    let patched = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        message(&bytes)
    };
    assert_eq!(patched(18, 62), "it is not a cubin: it has no ELF header for CUDA");
    assert_eq!(patched(49, 3), "architecture 3 is not valid");
    assert_eq!(patched(43, 1), "the cubin is broken: at offset 0x10000f1, its sections are outside of it");
    assert_eq!(patched(60, 99), "the cubin is broken: at offset 0xf1, its section table is broken");
    let symbols = good.len() - 3 * 64;
    let link = symbols + 40;
    assert_eq!(patched(link, 77), "the cubin is broken: at offset 0x40, its symbols have no names");
    let name = 64 + 24;
    assert_eq!(
        patched(name, 0xff),
        "the cubin is broken: at offset 0x88, the name of a kernel is not readable"
    );
}

#[test]
fn ptx_declares_its_kernels() {
    let text = b"//\n// Cuda compilation tools, release 12.8, V12.8.93\n// .entry comment\n.version 8.7\n\
        .target sm_90a, debug\n.address_size 64\n/* .entry\nlong */ .file 1 \"a.entry .entry b\"\n\
        .visible .entry _Z1bv(\n.param .u64 p)\n{\nadd.s32 %r1, %r2/2, 1; }\n\
        .weak .entry\n\ta$1()\n{ }\n.func helper() { }\n.entry a$1();\0.entry beyond";
    let image = Image::ptx(text).unwrap();
    assert_eq!((image.code.to_string().as_str(), image.ptx_version), ("compute_90a", Some((8, 7))));
    assert_eq!(image.toolkit, Some(CudaRelease { major: 12, minor: 8 }));
    assert_eq!(image.kernels, ["_Z1bv", "a$1"]);
    let message = |text: &str| Image::ptx(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(message("hello"), "it is not PTX: it has no valid .version");
    assert_eq!(message(".version 8.7\n.target x"), "it is not PTX: it has no valid .target");
    assert_eq!(message("/* .version 8.7"), "it is not PTX: it has no valid .version");
}

/// Feeds `file` in pieces to a scanner that reads images.
fn read(file: &[u8], piece: usize) -> Vec<Container> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(file.len() as u64).reading_images();
    for bytes in file.chunks(piece) {
        scanner.push(bytes, &mut |what| found.push(what));
    }
    scanner.finish(&mut |what| found.push(what));
    let take = |found| match found {
        Found::Container(container) => container,
        Found::Broken(broken) => panic!("{broken}"),
    };
    found.into_iter().map(take).collect()
}

fn image_of(code: &str, kernels: &[&str], storage: Storage) -> fatbin_writer::Image {
    let flags = if code.ends_with('a') { 0x11 | FLAG_ARCHITECTURE } else { 0x11 };
    let arch = code.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap();
    if code.starts_with("sm") {
        fatbin_writer::Image { payload: cubin_with(code, kernels), flags, storage, ..sass(arch) }
    } else {
        let target = code.replace("compute", "sm");
        fatbin_writer::Image { payload: ptx_with(&target, kernels), flags, storage, ..ptx(arch) }
    }
}

#[test]
fn images_are_read_however_they_are_stored() {
    let lto = fatbin_writer::Image { kind: 8, ..sass(90) };
    let items = [
        Item::One(image_of("sm_80", &["a", "b"], Storage::Plain)),
        Item::One(image_of("sm_90a", &["a", "c"], Storage::Lz4)),
        Item::One(lto),
        Item::Concatenated(vec![
            image_of("sm_100", &["a"], Storage::Plain),
            image_of("sm_120", &["d"], Storage::Plain),
        ]),
        Item::One(image_of("compute_120", &["a", "e"], Storage::Zstd)),
    ];
    let file = container(&items);
    for piece in [usize::MAX, 100, 7] {
        let containers = read(&file, piece);
        let told: Vec<String> = containers[0]
            .images
            .iter()
            .map(|image| {
                let (code, image) = (containers[0].entries[image.entry].code, image.image.as_ref().unwrap());
                assert_eq!(code, image.code);
                format!("{code}: {}", image.kernels.join(" "))
            })
            .collect();
        assert_eq!(told, ["sm_80: a b", "sm_90a: a c", "sm_100: a", "sm_120: d", "compute_120: a e"]);
        let toolkits = containers[0].entries.iter().filter(|entry| entry.toolkit.is_some());
        assert_eq!(toolkits.count(), 4, "notes tell the release");
    }
}

#[test]
fn one_image_of_a_container_tells_its_release_though_it_is_packed() {
    for storage in [Storage::Plain, Storage::Lz4, Storage::Zstd] {
        // The note lies behind the names, and those are long.
        let name = "k".repeat(5000);
        let image = |code: &str| Item::One(image_of(code, &[&name], storage));
        let file = container(&[image("sm_80"), image("sm_90"), image("compute_90")]);
        let mut toolkits = Vec::new();
        let mut scanner = Scanner::new(file.len() as u64);
        for bytes in file.chunks(1000) {
            scanner.push(bytes, &mut |found| {
                let Found::Container(container) = found else { panic!("{found:?}") };
                toolkits.extend(container.entries.iter().map(|entry| entry.toolkit));
            });
        }
        scanner.finish(&mut |found| {
            let Found::Container(container) = found else { panic!("{found:?}") };
            toolkits.extend(container.entries.iter().map(|entry| entry.toolkit));
        });
        assert_eq!(toolkits, [Some(CudaRelease { major: 13, minor: 5 }), None, None], "{storage:?}");
    }
}

#[test]
fn images_that_cannot_be_read_are_told() {
    let error = |items: &[Item], patch: &dyn Fn(&mut Vec<u8>)| {
        let mut file = container(items);
        patch(&mut file);
        let containers = read(&file, 1000);
        assert_eq!(containers[0].entries.len(), 1);
        containers[0].images[0].image.clone().unwrap_err()
    };
    let lz4 = [Item::One(image_of("sm_80", &["a"], Storage::Lz4))];
    let zstd = [Item::One(image_of("sm_80", &["a"], Storage::Zstd))];
    let broken = |compression| ImageError::Stream { compression };
    assert_eq!(error(&lz4, &|file| file[80] = 0xff), broken(Compression::Lz4));
    assert_eq!(error(&zstd, &|file| file[80] = 0xff), broken(Compression::Zstd));
    // Another size than the stream has.
    assert_eq!(error(&lz4, &|file| file[16 + 56] ^= 1), broken(Compression::Lz4));
    assert_eq!(error(&zstd, &|file| file[16 + 56] ^= 1), broken(Compression::Zstd));
    let too_large = error(&lz4, &|file| file[16 + 60] = 1);
    assert!(matches!(too_large, ImageError::TooLarge { size, .. } if size > 1 << 32), "{too_large}");
    let text = [Item::One(fatbin_writer::Image { payload: b"text".to_vec(), ..sass(80) })];
    assert_eq!(error(&text, &|_| ()), ImageError::NotCubin);
}

/// One block of zstd stands for 128 KiB of zeros in four bytes (RFC 8878, 3.1.1.2.2, RLE).
fn zeros_in_zstd(blocks: u32) -> Vec<u8> {
    let block =
        |last: u32| [((128 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3].to_vec(), vec![0]].concat();
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x78];
    [frame.to_vec(), block(0).repeat(blocks as usize - 1), block(1)].concat()
}

#[test]
fn images_that_unpack_to_too_much_are_told() {
    // 64 MiB each, as their headers say.
    let stream = zeros_in_zstd(512);
    let bomb = fatbin_writer::Image { payload: stream.clone(), flags: 0x8011, ..sass(80) };
    let mut file = container(&vec![Item::One(bomb); 4]);
    let entry = (file.len() - 16) / 4;
    for at in (0..4).map(|number| 16 + number * entry) {
        file[at + 16..at + 20].copy_from_slice(&u32::try_from(stream.len()).unwrap().to_le_bytes());
        file[at + 56..at + 64].copy_from_slice(&(64_u64 << 20).to_le_bytes());
    }
    let images: Vec<ImageError> =
        read(&file, 1000)[0].images.iter().map(|image| image.image.clone().unwrap_err()).collect();
    assert_eq!(images[0], ImageError::NotCubin);
    assert!(
        matches!(
            images[1..],
            [ImageError::TooLarge { .. }, ImageError::TooLarge { .. }, ImageError::TooLarge { .. }]
        ),
        "{images:?}"
    );
}

proptest! {
    #[test]
    fn any_change_to_a_cubin_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = cubin_with("sm_90a", &["_Z1bv", "a"]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(image) = Image::cubin(&bytes) {
            prop_assert!(image.kernels.iter().map(String::len).sum::<usize>() <= bytes.len());
        }
        let _ = Image::cubin(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn any_text_is_survived(words in prop::collection::vec("(//|/|\\*/|/\\*|\"|\n| |\\.entry|\\.version|\\.target|sm_80|8.7|[a-z%$]{1,4})", 0..40)) {
        let _ = Image::ptx(words.concat().as_bytes());
    }
}
