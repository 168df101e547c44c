//! Member names: which ones are libraries, extension modules or device code.

use std::path::Path;

/// Extensions of what no loader on Linux takes for machine code, and no driver for device code.
#[rustfmt::skip]
const EXTENSIONS: &[&str] = &[
    // Source code, and texts that people and programs read.
    "bat", "c", "cc", "cfg", "cjs", "cmake", "cpp", "css", "csv", "cu", "cuh", "doctest", "g4", "h",
    "hpp", "html", "ini", "inl", "ipynb", "j2", "jinja", "js", "json", "jsx", "lark", "less", "lock",
    "map", "md", "mjs", "orig", "pem", "po", "proto", "ps1", "pxd", "pxi", "py", "pyi", "pyx", "rs",
    "rst", "scss", "sh", "sql", "srt", "svg", "tex", "tmpl", "toml", "ts", "tsx", "txt", "typed", "vtt",
    "vue", "xml", "xsl", "yaml", "yml",
    // Fonts, images, sound, films and shapes.
    "avi", "bmp", "eot", "gif", "glb", "gltf", "ico", "jpeg", "jpg", "mp3", "mp4", "ogg", "otf", "pdf",
    "png", "stl", "tif", "tiff", "ttf", "wav", "webm", "webp", "woff", "woff2",
    // Packed files, which an audit does not unpack.
    "br", "bz2", "gz", "tar", "tgz", "whl", "xz", "zip", "zst",
    // Data.
    "mo", "npy", "npz", "parquet", "pickle", "pkl", "pth", "safetensors",
    // Code for other machines: Python's own, a browser's, that of Windows.
    "dll", "exe", "pyc", "pyd", "wasm",
];

/// Names of texts that mostly have no extension, or another's name for one: `LICENSE.APACHE`.
const TEXTS: &[&str] = &["AUTHORS", "COPYING", "LICENCE", "LICENSE", "MANIFEST", "NOTICE", "README"];

/// Whether the member at `path` holds neither machine code for Linux nor device code, going by its name.
pub(crate) fn is_no_code(path: &str) -> bool {
    let describes = path.split('/').rev().skip(1).any(|folder| folder.ends_with(".dist-info"));
    let path = Path::new(path);
    let extension = path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|one| extension == *one));
    describes || extension || path.file_prefix().is_some_and(|name| TEXTS.iter().any(|one| name == *one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_code_is_opened() {
        for path in [
            "x/__init__.py",
            "x/font.woff2",
            "x/setup.exe",
            "x/LICENSE",
            "x/LICENSE.APACHE",
            "x-1.0.dist-info/RECORD",
            "x/_vendor/y-1.0.dist-info/licenses/OTHER",
        ] {
            assert!(is_no_code(path), "{path}");
        }
        for path in [
            "x/_C.so",
            "x/libx.so.1",
            "x/bin/ptxas",
            "x/zip",
            "x/kernel.cubin",
            "x/kernel.ptx",
            "x/kernels.bin",
            "x/object.o",
            "x-1.0.data/scripts/x",
            "x.dist-info",
        ] {
            assert!(!is_no_code(path), "{path}");
        }
    }
}
