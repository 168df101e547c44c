//! Writes the corpora that fuzzing starts from: what the crates' tests write for themselves.

#[allow(dead_code)]
#[path = "../../crates/axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code)]
#[path = "../../crates/axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;
#[path = "../../crates/axle-audit/tests/common/wheel_writer.rs"]
mod wheel_writer;

use std::fs;
use std::io;
use std::path::Path;

use elf_writer::Object;
use fatbin_writer::{FLAG_FAMILY, Image, Item, Storage, container, cubin_with, ptx, ptx_with, sass};
use wheel_writer::Wheel;

fn main() -> io::Result<()> {
    let kernels = ["_Z5scaleIfLi3EEvPT_S0_", "plain"];
    let fatbins = [
        container(&[Item::One(sass(80)), Item::One(Image { storage: Storage::Lz4, ..ptx(90) })]),
        container(&[Item::One(Image { flags: 0x11 | FLAG_FAMILY, extra_header: 8, ..sass(100) })]),
        container(&[Item::Concatenated(vec![sass(75), sass(80)]), Item::One(ptx(120))]),
        container(&[Item::One(Image { payload: cubin_with("sm_90a", &kernels), ..sass(90) })]),
    ];
    let library = Object {
        soname: Some("libx.so.1".to_owned()),
        needed: vec!["libstdc++.so.6".to_owned(), "libc.so.6".to_owned()],
        rpath: Some("$ORIGIN".to_owned()),
        versions: vec![("libc.so.6".to_owned(), vec!["GLIBC_2.2.5".to_owned(), "GLIBC_2.28".to_owned()])],
        undefined: vec!["_ZNSt7__cxx1112basic_stringE".to_owned()],
        sections: vec![(".nv_fatbin".to_owned(), fatbins.concat())],
        ..Object::default()
    };
    let interpreter = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
    let program = Object { interpreter, soname: None, tables_last: true, ..library.clone() };
    let (library, program) = (library.write(), program.write());
    let members = [("x/a.so", library.clone()), ("x/bin/b", program.clone())];
    let wheel = Wheel::new(&members, "Requires-Dist: y[z]>=1; python_version < '3.13'\n");

    write("fatbin", &fatbins)?;
    write("image", &[cubin_with("sm_90a", &kernels), ptx_with("sm_90", &kernels), kernels[0].into()])?;
    write("audit", &[&library, &program])?;
    write("elf", &[&library, &program])?;
    write("wheel", &[wheel.0])?;
    write(
        "wheel_name",
        &["torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl", "a-1+b.c-2x-py2.py3-none-any.whl"],
    )?;
    let hash = "a".repeat(64);
    let file = "x-1.0%2Bcu128-py3-none-any.whl";
    write(
        "page",
        &[
            format!(
                "<base href=\"/w/\"><a href=\"{file}#sha256={hash}\" data-yanked=\"\" data-core-metadata=\"true\">x</a>"
            ),
            format!(
                r#"{{"meta": {{"api-version": "1.1"}}, "name": "x", "project-status": {{"status": "archived"}}, "files":
                [{{"filename": "x-1.0.tar.gz", "url": "../{file}", "hashes": {{"sha256": "{hash}"}}, "yanked": "bad",
                "core-metadata": {{"sha256": "{hash}"}}, "size": 1, "upload-time": "2026-01-01T00:00:00Z"}}]}}"#
            ),
        ],
    )?;
    write(
        "releases",
        &[
            format!(
                r#"[{{"tag_name": "x-v1.0", "html_url": "https://h/o/n/", "draft": false, "prerelease": true, "assets":
                [{{"name": "x.whl", "browser_download_url": "https://h/x.whl", "digest": "sha256:{hash}", "state": "open"}}]}}]"#
            ),
            "<https://h/?page=2>; rel=\"next\", <https://h/?page=9>; rel=\"last\"".to_owned(),
            "release/v2.9.0-rc1".to_owned(),
        ],
    )?;
    write(
        "facts",
        &[format!(
            r#"{{"filename": "x-1.0+cu128-py3-none-any.whl", "url": "https://h/o/n/releases/download/v1/{file}",
            "sha256": "{hash}", "size": 1, "sources": 2, "source": "o/n:uv.lock", "url_derived": true}}"#
        )],
    )?;
    // The first byte says how long the text is: it is the `R`, 82.
    let text = format!("{:<82}", "Requires-Python: >=3.9\nRequires-Dist: y[z]>=1; extra == 'w'\nProvides-Extra: w\n");
    let answer = |library: &[u8]| [text.as_bytes(), library].concat();
    write("answer", &[answer(&library), answer(&program)])?;
    write("lock", &[include_str!("lock.json")])?;
    write(
        "request",
        &[
            "torch[opt-einsum] >=2.9,<3 ; python_version >= '3.10' and (sys_platform == 'linux' or extra != 'x')\n",
            "# a comment\n--index-url https://user:password@h/simple\n-r other.txt\ntorch == 2.9.1 \\\n  --hash=sha256:00\n",
            "packages = [\"torch\"]\npython = \"3.12\"\ncuda = \"12.8\"\ncompute-capabilities = [\"8.6\"]\nprefer = \"wheel\"\n",
            "[project]\nname = \"x\"\ndependencies = [\"torch>=2; sys_platform == 'linux'\", \"numpy\"]\n",
        ],
    )?;
    write(
        "metadata",
        &[
            "Metadata-Version: 2.4\nName: x\nVersion: 1.0\nRequires-Python: >=3.10\nRequires-Dist: y[z]>=1,<2; extra == 'w'\n",
            "[console_scripts]\nx = x.main:run\n",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-linux_x86_64\n",
        ],
    )
}

fn write(target: &str, seeds: &[impl AsRef<[u8]>]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
