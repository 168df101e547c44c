//! Wheels with device code, made for the tests.

use sha2::Digest as _;

use crate::elf_writer::Object;
use crate::fatbin_writer::{Image, Item, Storage, container, cubin_with, ptx, ptx_with, sass};
use crate::run::Folder;
use crate::wheel_writer::Wheel;

/// The name that [`Wheel::new`] makes wheels for.
pub const NAME: &str = "x-1.0-cp312-cp312-manylinux_2_28_x86_64.whl";

/// A wheel with code for 8.x in one container, for 8.x and 9.x in another.
pub fn wheel() -> Wheel {
    let both = container(&[Item::One(sass(80)), Item::One(ptx(90))]);
    let object = Object {
        soname: Some("libx.so".to_owned()),
        needed: vec!["libcudart.so.12".to_owned(), "libc.so.6".to_owned()],
        runpath: Some("$ORIGIN".to_owned()),
        versions: vec![("libc.so.6".to_owned(), vec!["GLIBC_2.28".to_owned()])],
        sections: vec![(".nv_fatbin".to_owned(), [both, container(&[Item::One(sass(80))])].concat())],
        ..Object::default()
    };
    Wheel::new(
        &[("x/libx.so", object.write()), ("x/__init__.py", b"".to_vec())],
        "Requires-Dist: torch==2.9.1",
    )
}

/// A wheel whose kernels are not compiled for the same architectures.
pub fn wheel_with_kernels() -> Wheel {
    let cubin = |arch: u32, kernels: &[&str]| {
        Item::One(Image {
            payload: cubin_with(&format!("sm_{arch}"), kernels),
            storage: Storage::Lz4,
            ..sass(arch)
        })
    };
    let new: Vec<String> = (0..12).map(|number| format!("_Z3newILi{number}EEvPf")).collect();
    let all: Vec<&str> = new.iter().map(String::as_str).chain(["_Z3oldPf", "plain"]).collect();
    let text = Item::One(Image { payload: ptx_with("sm_90", &all), ..ptx(90) });
    let broken = Item::One(Image { payload: b"text".to_vec(), ..sass(75) });
    let code = container(&[cubin(80, &["_Z3oldPf", "plain"]), cubin(90, &all), text, broken]);
    let object = Object { sections: vec![(".nv_fatbin".to_owned(), code)], ..Object::default() };
    Wheel::new(&[("x/_C.so", object.write())], "")
}

/// A wheel of Python alone.
pub fn pure_wheel() -> Wheel {
    Wheel::new(&[("x/__init__.py", b"".to_vec())], "")
}

/// The SHA-256 of some bytes in hex.
pub fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes))
}

/// Hides what depends on how the zip was packed, which changes with the packer's version.
pub fn hide_packing(folder: &mut Folder, wheel: &Wheel) {
    #[allow(clippy::cast_precision_loss, reason = "some kilobytes")]
    let kilobytes = wheel.0.len() as f64 / 1e3;
    folder.hide(sha256(&wheel.0), "<sha256>");
    folder.hide(format!("\"size\": {},", wheel.0.len()), "\"size\": <size>,");
    folder.hide(format!("{kilobytes:.1} kB"), "<size>");
    folder.hide(format!("{} B", wheel.0.len()), "<size>");
    folder.hide(format!("{} bytes", wheel.0.len()), "<size> bytes");
}
