//! `axle audit` of files and addresses.

use serde_json::Value;
use sha2::Digest as _;

use crate::elf_writer::Object;
use crate::fatbin_writer::{Item, container, cubin_with, ptx_with, sass};
use crate::run::{AXLE, Folder, one_line};
use crate::server::{Reply, Server};
use crate::wheel_writer::Wheel;
use crate::wheels::{NAME, hide_packing, pure_wheel, sha256, wheel, wheel_with_kernels};

/// A folder with the wheel in it.
fn folder() -> Folder {
    let mut folder = Folder::new();
    let wheel = wheel();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    folder
}

#[test]
fn a_wheel() {
    insta::assert_snapshot!(folder().shell(&format!("axle audit {NAME}")));
}

#[test]
fn kernels() {
    let mut folder = Folder::new();
    let wheel = wheel_with_kernels();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    let lines =
        [format!("axle audit --deep {NAME}"), format!("axle audit --deep --cc 9.0 {NAME} | grep run")];
    insta::assert_snapshot!(folder.transcript(&lines.each_ref().map(String::as_str)));
}

#[test]
fn what_the_catalogue_knows() {
    const CELLS: &str = "cells/x86_64-linux/3.12-12.8.json";
    let catalogue = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalogue/");
    let mut folder = Folder::with_catalogue_to_update();
    let wheel = wheel();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    let rule = "[[coverage]]\nmember = \"x/*\"\nreason = \"one is enough\"\n";
    folder.write("catalogue/packages/x.toml", format!("summary = \"x\"\nsince = \"1\"\n{rule}"));
    let libraries = serde_json::json!({"libcudart.so.12": ["runtime-cu11", "triton"]});
    let file = serde_json::json!({"schema": "axle.libraries/1", "libraries": libraries});
    folder.write("catalogue/libraries.json", file.to_string());
    let asked = format!("axle audit --cc 9.0 {NAME}");
    let lines = [
        format!("{asked} --no-catalogue | grep -E '^(external|policy|cuda|9.0)'"),
        format!("{asked} --catalogue catalogue | grep -E '^(external|policy|cuda|9.0)'"),
        format!("{asked} --catalogue catalogue --format json | grep -A30 -E '\"(providers|policy)\"'"),
    ];
    let both = folder.transcript(&lines.each_ref().map(String::as_str));
    // A library of two packages is that of the one which goes with the wheel's CUDA.
    folder.write(&format!("catalogue/{CELLS}"), std::fs::read(format!("{catalogue}{CELLS}")).unwrap());
    insta::assert_snapshot!(format!("{both}\n{}", folder.transcript(&[&lines[1]])));
    folder.write("catalogue/matrix.toml", "systems = 1");
    insta::assert_snapshot!(folder.shell(&format!("axle audit --catalogue catalogue {NAME}")));
}

/// What is promised of a wheel and of an ELF member; more may be added at any time.
const WHEEL_FIELDS: [&str; 17] = [
    "filename",
    "sha256",
    "size",
    "name",
    "version",
    "build",
    "tags",
    "requires_python",
    "requires_dist",
    "elf",
    "sass",
    "ptx",
    "glibc",
    "glibcxx",
    "cuda",
    "external",
    "coverage",
];
const ELF_FIELDS: [&str; 13] = [
    "path",
    "soname",
    "machine",
    "needed",
    "interpreter",
    "rpath",
    "runpath",
    "symbol_versions",
    "sass",
    "ptx",
    "containers",
    "prelink",
    "outside",
];

#[test]
fn a_wheel_as_json() {
    let folder = folder();
    let output = folder.output(&["audit", "--cc", "8.6", "--format", "json", NAME]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    let mut document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wheel = &mut document["wheels"][0];
    assert_eq!(wheel["sha256"].take(), sha256(&self::wheel().0));
    assert_eq!(wheel["size"].take(), self::wheel().0.len());
    wheel.as_object_mut().unwrap().retain(|field, _| WHEEL_FIELDS.contains(&field.as_str()));
    wheel["elf"][0].as_object_mut().unwrap().retain(|field, _| ELF_FIELDS.contains(&field.as_str()));
    insta::assert_json_snapshot!(document);
}

#[test]
fn json_is_the_same_in_every_run() {
    let folder = Folder::new();
    let libraries: Vec<_> = (0..12)
        .map(|number| {
            // Of several sizes, the largest first: threads finish them in another order.
            let containers =
                container(&[Item::One(sass(80 + number % 3))]).repeat(1 + (12 - number as usize) * 200);
            let object = Object {
                needed: vec![format!("lib{}.so", number % 5)],
                sections: vec![(".nv_fatbin".to_owned(), containers)],
                ..Object::default()
            };
            (format!("x/lib{number}.so"), object.write())
        })
        .collect();
    let members: Vec<_> = libraries.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    folder.write(NAME, Wheel::new(&members, "").0);
    let arguments = ["audit", "--deep", "--verify", "--cc", "8.6", "--format", "json", NAME];
    let run = |threads: &str| {
        let output = folder.command(AXLE).env("RAYON_NUM_THREADS", threads).args(arguments).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        output.stdout
    };
    let alone = run("1");
    let document: Value = serde_json::from_slice(&alone).unwrap();
    assert_eq!(document["wheels"][0]["elf"].as_array().unwrap().len(), 12);
    for threads in ["2", "2", "5", "8"] {
        assert!(run(threads) == alone, "with {threads} threads it differs from one");
    }
}

#[test]
fn a_wheel_without_code() {
    let mut folder = Folder::new();
    let wheel = pure_wheel();
    folder.write("x-1.0-py3-none-any.whl", &wheel.0);
    hide_packing(&mut folder, &wheel);
    insta::assert_snapshot!(folder.shell("axle audit --cc 6.1 --glibc 2.5 x-1.0-py3-none-any.whl"));
}

#[test]
fn what_it_covers() {
    let folder = folder();
    let verdicts = |arguments: &str| {
        let text = folder.shell(&format!("axle audit {arguments} {NAME}"));
        let told = |line: &&str| {
            line.contains("covered") || line.starts_with("glibc ") || line.starts_with(['$', '-'])
        };
        text.lines().filter(told).flat_map(|line| [line, "\n"]).collect::<String>()
    };
    insta::assert_snapshot!(
        [
            "--cc 8.6",
            "--cc 9.0",
            "--cc 8.9 --cc 7.5",
            "--glibc 2.28",
            "--glibc 2.27",
            "--cc 8.0 --glibc 2.27"
        ]
        .map(verdicts)
        .join("\n")
    );
}

#[test]
fn a_verified_wheel() {
    let hash = data_encoding::BASE64URL_NOPAD.encode(&sha2::Sha256::digest(b"one"));
    let record =
        format!("x/a.py,sha256={hash},3\nx/b.py,sha256={hash},3\nx/c.py,,\nx-1.0.dist-info/RECORD,,\n");
    let members = [
        ("x/a.py", b"one".to_vec()),
        ("x/b.py", b"two".to_vec()),
        ("x-1.0.dist-info/RECORD", record.into_bytes()),
    ];
    let folder = folder();
    folder.write("y/x-1.0-py3-none-any.whl", Wheel::new(&members, "").0);
    let lines = [
        format!("axle audit --verify {NAME} | grep -E '^(record|AX11[5-9])'"),
        "axle audit --verify --verbose y/x-1.0-py3-none-any.whl | grep -E '^(record|AX11[5-9])'".to_owned(),
    ];
    insta::assert_snapshot!(folder.transcript(&lines.each_ref().map(String::as_str)));
}

/// A library that calls C++, guesses and links, and whose device code lies in two sections.
#[test]
fn what_a_library_needs() {
    let code = |arch| container(&[Item::One(sass(arch))]);
    let object = Object {
        needed: vec!["libstdc++.so.6".to_owned()],
        versions: vec![(
            "libstdc++.so.6".to_owned(),
            vec!["GLIBCXX_3.4.21".to_owned(), "CXXABI_1.3.8".to_owned()],
        )],
        undefined: vec!["_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm".to_owned()],
        sections: vec![
            (".rodata".to_owned(), b"\0libcudnn.so.9\0".to_vec()),
            (".nv_fatbin".to_owned(), code(80)),
            ("__nv_relfatbin".to_owned(), [code(80), code(90)].concat()),
        ],
        ..Object::default()
    };
    let wheel = Wheel::new(&[("x/_C.so", object.write())], "");
    let mut folder = Folder::new();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    insta::assert_snapshot!(folder.shell(&format!("axle audit --cc 8.0 --cc 9.0 --glibc 2.17 {NAME}")));
    let output = folder.output(&["audit", "--glibc", "2.17", "--format", "json", NAME]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!(document["wheels"][0]["glibc_coverage"]);
}

#[test]
fn a_library_without_a_table_of_sections() {
    let code = [container(&[Item::One(sass(80))]), container(&[Item::One(sass(80)), Item::One(sass(90))])];
    let sections = vec![(".nv_fatbin".to_owned(), code.concat())];
    let object = Object { sections, stripped: true, ..Object::default() };
    let folder = Folder::new();
    folder.write("lib.so", object.write());
    let asked = "axle audit --cc 7.5 --cc 8.6 --cc 9.0 lib.so | grep -E -A3 '^(library|7.5|8.6|9.0)'";
    insta::assert_snapshot!(folder.shell(asked));
}

#[test]
fn a_broken_wheel_among_good_ones() {
    let mut folder = folder();
    let pure = pure_wheel();
    folder.write("x-1.0-py3-none-any.whl", &pure.0);
    hide_packing(&mut folder, &pure);
    folder.write("y-1.0-py3-none-any.whl", "no wheel");
    let wheels = format!("{NAME} y-1.0-py3-none-any.whl missing-1.0-py3-none-any.whl x-1.0-py3-none-any.whl");
    insta::assert_snapshot!(folder.shell(&format!("axle audit {wheels}")));

    let output =
        folder.output(&[&["audit", "--format", "json"], &wheels.split(' ').collect::<Vec<_>>()[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> =
        document["wheels"].as_array().unwrap().iter().map(|wheel| &wheel["filename"]).collect();
    assert_eq!(names, [NAME, "x-1.0-py3-none-any.whl"]);
    insta::assert_json_snapshot!(document["errors"]);
}

#[test]
fn files_that_are_no_wheels() {
    let folder = folder();
    let whole = wheel().0;
    folder.write("html-1.0-py3-none-any.whl", "<html>sorry</html>");
    folder.write("empty-1.0-py3-none-any.whl", "");
    folder.write("half-1.0-py3-none-any.whl", &whole[..1000]);
    folder.write("wheel.zip", &whole);
    folder.write("empty/x.tar.gz", "");
    folder.write("x-1.0.tar.gz", "sources");
    folder.write("x-1.0.zip", "PK\x03\x04");
    folder.write("text.so", "INPUT(libx.so.1)");
    folder.write("x-1.0.whl", &whole);
    folder.write("x-1.0-py3-none-any-.whl", &whole);
    folder.write("x-one-py3-none-any.whl", &whole);
    std::fs::create_dir(folder.path("folder-1.0-py3-none-any.whl")).unwrap();
    std::os::unix::fs::symlink("loop-1.0-py3-none-any.whl", folder.path("loop-1.0-py3-none-any.whl"))
        .unwrap();
    let mut damaged = wheel();
    let at = damaged.0.windows(9).position(|window| window == b"x/libx.so").unwrap() + 100;
    damaged.0[at] ^= 0x55;
    folder.write("damaged-1.0-py3-none-any.whl", &damaged.0);
    let broken = Wheel::new(&[("x/broken.so", b"\x7fELF is what it starts with".to_vec())], "");
    folder.write("broken-1.0-py3-none-any.whl", &broken.0);
    let said = [
        "html-1.0-py3-none-any.whl",
        "empty-1.0-py3-none-any.whl",
        "half-1.0-py3-none-any.whl",
        "wheel.zip",
        "x-1.0.whl",
        "x-1.0-py3-none-any-.whl",
        "x-one-py3-none-any.whl",
        "folder-1.0-py3-none-any.whl",
        "loop-1.0-py3-none-any.whl",
        "damaged-1.0-py3-none-any.whl",
        "broken-1.0-py3-none-any.whl",
        "/dev/null",
        "",
        "empty",
        "torch",
        "x-1.0.tar.gz",
        "x-1.0.zip",
        "text.so",
        "https://example.org/x-1.0.tar.gz",
        "ftp://example.org/x-1.0-py3-none-any.whl",
        "http://",
        "https://example.org/",
        "https://user:secret@example.org/x.zip",
    ]
    .map(|input| {
        let output = folder.output(&["audit", input]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{input}");
        format!("{input}\n  {}", one_line(&output))
    });
    insta::assert_snapshot!(said.concat());
}

/// A folder with a wheel unpacked in it: the files of `wheel`, at `path`.
fn unpack(folder: &Folder, path: &str, wheel: &Wheel) {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(wheel.0.clone())).unwrap();
    zip.extract(folder.path(path)).unwrap();
}

/// What is told in JSON of each entry: its name, its form, its ELF files, whether 8.6 is covered.
fn told(folder: &Folder, input: &str) -> String {
    let output = folder.output(&["audit", "--cc", "8.6", "--format", "json", input]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wheels = document["wheels"].as_array().unwrap().iter().map(|wheel| {
        let elf = wheel["elf"].as_array().unwrap().iter().map(|member| member["path"].as_str().unwrap());
        format!(
            "{} {} {} {} [{}] {}\n",
            wheel["filename"],
            wheel["form"],
            wheel["name"],
            wheel["sha256"].is_string(),
            elf.collect::<Vec<_>>().join(" "),
            wheel["coverage"][0]["covered"]
        )
    });
    let errors = document["errors"].as_array().unwrap().iter();
    let errors = errors.map(|error| format!("{}: {}\n", error["input"], error["message"]));
    let told: String = wheels.chain(errors).collect();
    format!("{input}\n{told}{}\n", output.status)
}

#[test]
fn folders() {
    let folder = Folder::new();
    folder.write(&format!("wheels/{NAME}"), wheel().0);
    folder.write("wheels/broken-1.0-py3-none-any.whl", "");
    folder.write("wheels/below/x-1.0-py3-none-any.whl", pure_wheel().0);
    folder.write("wheels/notes.txt", "");
    unpack(&folder, "unpacked", &wheel());
    unpack(&folder, "site-packages", &wheel());
    folder.write("site-packages/x-1.0.dist-info/INSTALLER", "pip\n");
    folder.write(
        "site-packages/x-1.0.dist-info/RECORD",
        "x/libx.so,,\nx/gone.py,,\n../../bin/x-run,,\nx-1.0.dist-info/METADATA,,\nx-1.0.dist-info/WHEEL,,\n\
        x-1.0.dist-info/entry_points.txt,,\nx-1.0.dist-info/RECORD,,\n",
    );
    folder.write("site-packages/y-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: y\nVersion: 1.0\n");
    folder.write("site-packages/y-1.0.dist-info/RECORD", "../../bin/y,,\ny-1.0.dist-info/METADATA,,\n");
    folder.write("site-packages/z-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: z\nVersion: 1.0\n");
    folder.write("site-packages/own/lib.so", Object::default().write());
    folder.write("site-packages/own/code.py", "");
    let inputs = ["wheels", "unpacked", "site-packages", "unpacked/x/libx.so"];
    insta::assert_snapshot!(inputs.map(|input| told(&folder, input)).join("\n"));
}

#[test]
fn links_that_leave_a_folder() {
    let folder = Folder::new();
    unpack(&folder, "unpacked", &wheel());
    folder.write("secret.so", "secret");
    std::os::unix::fs::symlink("../../secret.so", folder.path("unpacked/x/secret.so")).unwrap();
    insta::assert_snapshot!(one_line(&folder.output(&["audit", "unpacked"])));
    std::fs::remove_file(folder.path("unpacked/x/secret.so")).unwrap();
    let pipe = folder.shell("mkfifo unpacked/x/pipe && axle audit unpacked");
    insta::assert_snapshot!(pipe);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let folder = Folder::new();
    let line = "mkfifo x-1.0-py3-none-any.whl && axle audit x-1.0-py3-none-any.whl";
    insta::assert_snapshot!(folder.shell(line));
}

#[test]
fn names_do_not_steer_the_terminal() {
    let folder = Folder::new();
    let object = Object { needed: vec!["lib\u{1b}[2J.so\u{9b}1m".to_owned()], ..Object::default() };
    let wheel = Wheel::new(&[("x/libx.so", object.write())], "");
    folder.write(NAME, &wheel.0);
    let steers = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap().contains(['\u{1b}', '\u{9b}']);
    for format in ["human", "json"] {
        let output = folder.output(&["audit", "--format", format, NAME]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("[2J"));
        assert!(!steers(&output.stdout), "{format}");
    }
    assert!(!steers(&folder.output(&["audit", "\u{1b}[2J.whl"]).stderr));
}

#[test]
fn where_a_wheel_is_broken() {
    let folder = Folder::new();
    let broken = Wheel::new(&[("x/broken.so", b"\x7fELF is what it starts with".to_vec())], "");
    folder.write("x-1.0-py3-none-any.whl", &broken.0);
    insta::assert_snapshot!(folder.shell("axle audit --format json x-1.0-py3-none-any.whl"));
}

#[test]
fn an_address() {
    let wheel = wheel();
    let mut folder = Folder::new();
    hide_packing(&mut folder, &wheel);
    let hash = sha256(&wheel.0);
    let mut transcripts = Vec::new();
    // Where the server gives no parts, the wheel is fetched whole.
    for ranges in [true, false] {
        let server = Server::with_file(wheel.0.clone(), ranges);
        let url = server.url.replace("simple", NAME);
        folder.hide(url.clone(), "URL");
        transcripts.push(folder.shell(&format!("axle audit --cc 8.6 {url}#sha256={hash}")));
    }
    // Of parts no hash is known, but what was declared.
    assert_eq!(transcripts[0].replace(" (declared; the file was not read in full)", ""), transcripts[1]);
    insta::assert_snapshot!(transcripts[0]);
}

#[test]
fn of_a_wheel_of_text_little_is_read() {
    // Bytes that can't be packed.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let text: Vec<u8> = (0..400_000).map(|_| noise()).collect();
    let paths: Vec<String> = (0..8).map(|number| format!("x/{number}.py")).collect();
    let mut members: Vec<(&str, Vec<u8>)> = paths.iter().map(|path| (path.as_str(), text.clone())).collect();
    // Of what must be opened no more is fetched than it has.
    members.insert(3, ("x/small.bin", text[..1000].to_vec()));
    let wheel = Wheel::new(&members, "");
    let server = Server::with_file(wheel.0.clone(), true);
    let url = server.url.replace("simple", NAME);
    let output = Folder::new().output(&["audit", "--verbose", "--format", "json", &url]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["wheels"][0]["unopened"], 11, "with what describes the wheel");
    let sent: usize = server.sent.lock().unwrap().iter().sum();
    assert!(sent * 20 < wheel.0.len(), "{sent} of {} bytes were sent", wheel.0.len());
    let told = one_line(&output);
    assert!(
        told.contains(&format!(
            "read {:.1} kB over the network",
            f64::from(u32::try_from(sent).unwrap()) / 1e3
        )),
        "{told}"
    );
}

#[test]
fn files_of_device_code() {
    let ptx = |target: &str| format!("//\n.version 8.7\n.target {target}\n.address_size 64\n").into_bytes();
    let wheel = Wheel::new(
        &[
            ("x/a.ptx", ptx("sm_80")),
            ("x/b.ptx", ptx("sm_80")),
            ("x/c.ptx", ptx("sm_90a")),
            ("x/broken.ptx", b"no PTX".to_vec()),
            ("x/d.bin", container(&[Item::One(sass(80))])),
        ],
        "",
    );
    let mut folder = Folder::new();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    unpack(&folder, "unpacked", &wheel);
    let known = Wheel::new(&[("x/a.ptx", ptx("sm_80")), ("x/c.ptx", ptx("sm_90a"))], "");
    folder.write(&format!("known/{NAME}"), &known.0);
    insta::assert_snapshot!(folder.transcript(&[
        &format!("axle audit --cc 8.6 --cc 7.5 {NAME}"),
        "axle audit --cc 8.6 unpacked/x/a.ptx",
        "axle audit --cc 9.0 unpacked/x/d.bin",
        &format!("axle audit --cc 7.5 known/{NAME} | grep '^7.5'"),
    ]));
}

#[test]
fn kernels_in_files_of_device_code() {
    let wheel = Wheel::new(
        &[
            ("x/a.cubin", cubin_with("sm_80", &["_Z3oldPf", "plain"])),
            ("x/b.cubin", cubin_with("sm_90", &["_Z3oldPf", "_Z3newPf"])),
            ("x/c.ptx", ptx_with("sm_90", &["_Z3newPf"])),
            ("x/d.fatbin", container(&[Item::One(sass(75))])),
        ],
        "",
    );
    let mut folder = Folder::new();
    folder.write(NAME, &wheel.0);
    hide_packing(&mut folder, &wheel);
    insta::assert_snapshot!(folder.shell(&format!("axle audit --deep {NAME}")));
    let output = folder.output(&["audit", "--deep", "--format", "json", NAME]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!(document["wheels"][0]["loose_kernels"]);
}

/// Each byte once, though sizes and places of the members are in different orders.
#[test]
fn many_small_members_at_an_address() {
    let noise = |number: u32| -> Vec<u8> {
        let blocks = 100 + number * 7919 % 1000;
        (0..blocks).flat_map(|block| sha256(format!("{number} {block}").as_bytes()).into_bytes()).collect()
    };
    let files: Vec<_> = (0..100).map(|number| (format!("x/{number:03}.bin"), noise(number))).collect();
    let members: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    let wheel = Wheel::new(&members, "").0;
    let server = Server::with_file(wheel.clone(), true);
    let output = Folder::new().output(&["audit", &server.url.replace("simple", NAME)]);
    assert!(output.stderr.is_empty(), "{output:?}");
    let sent: usize = server.sent.lock().unwrap().iter().sum();
    assert!(sent < wheel.len() * 6 / 5, "{sent} bytes of {}", wheel.len());
}

#[test]
fn addresses_that_give_no_wheel() {
    let whole = wheel().0;
    let cases = [
        ("not there", Reply::status(404)),
        ("out of order", Reply::status(500)),
        ("a page", Reply::ok("text/html", "<html>sorry</html>")),
        ("nothing", Reply::ok("", "")),
        ("half of it", Reply { cut: Some(500), ..Reply::ok("application/zip", whole.clone()) }),
        (
            "another part",
            Reply { status: 206, range: Some("bytes 7-9/100".to_owned()), ..Reply::ok("", "abc") },
        ),
    ];
    let said = cases.map(|(what, reply)| {
        let server = Server::new(move |_| reply.clone());
        let url = server.url.replace("simple", NAME);
        let output = Folder::new().output(&["audit", &url]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{what}");
        format!("{what}: {}", server.hidden(&one_line(&output)))
    });
    insta::assert_snapshot!(said.concat());
}

#[test]
fn another_wheel_than_the_address_declares() {
    let server = Server::with_file(wheel().0, false);
    let url = format!("{}#sha256={}", server.url.replace("simple", NAME), "0".repeat(64));
    let output = Folder::new().output(&["audit", &url]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(server.hidden(&one_line(&output)).replace(&sha256(&wheel().0), "<sha256>"));
}
