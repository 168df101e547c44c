//! What nvcc makes is what the audit reports: every kind of image, of compression and of linking, against
//! NVIDIA's cuobjdump and binutils' readelf.
//!
//! Needs the network (some 350 MB through pip) and a C++ compiler that nvcc takes; run it by
//! `cargo test -p axle-audit --test network_nvcc -- --ignored`.

#![allow(clippy::unwrap_used)]

#[path = "common/wheel_writer.rs"]
mod wheel_writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use axle_audit::{Compression, ElfMember, Options, audit};
use rayon::prelude::*;
use wheel_writer::Wheel;

const CUDA: &str = "13.5.0";
const CUOBJDUMP: &str = "13.5.37";

/// Two translation units; where device code is linked, the second calls the first.
const UNITS: [(&str, &str); 2] = [
    (
        "one.cu",
        "__device__ float twice(float x) { return x * 2; }\n__global__ void one(float *p) { p[0] = twice(p[1]); }\n",
    ),
    (
        "two.cu",
        "#ifdef __CUDACC_RDC__\nextern __device__ float twice(float);\n\
         #else\nstatic __device__ float twice(float x) { return x + x; }\n#endif\n\
         __global__ void two(float *p) { p[0] = twice(p[1]); }\n",
    ),
];

/// What to compile for, as `-gencode` takes it.
const TARGETS: [(&str, &[&str]); 6] = [
    ("plain", &["arch=compute_80,code=sm_80", "arch=compute_90,code=sm_90"]),
    ("a", &["arch=compute_90a,code=sm_90a", "arch=compute_100a,code=[sm_100a,compute_100a]"]),
    ("f", &["arch=compute_100f,code=sm_100f", "arch=compute_120f,code=[sm_120f,compute_120f]"]),
    ("ptx", &["arch=compute_75,code=compute_75", "arch=compute_90,code=[sm_90,compute_90]"]),
    ("lto", &["arch=compute_80,code=lto_80", "arch=compute_90a,code=lto_90a"]),
    (
        "all",
        &[
            "arch=compute_75,code=sm_75",
            "arch=compute_80,code=[sm_80,compute_80]",
            "arch=compute_90a,code=sm_90a",
            "arch=compute_100f,code=sm_100f",
            "arch=compute_90,code=lto_90",
        ],
    ),
];

/// How it may be compressed, and by what nvcc 13 does it.
const MODES: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("speed", Compression::Lz4),
    ("size", Compression::Zstd),
    ("balance", Compression::Zstd),
    ("default", Compression::Zstd),
];

/// How it is linked: the options of nvcc, and what comes out. Two units make two containers in a library. Without
/// CUDA's runtime nvcc does not link device code.
const LINKS: [(&str, &[&str], &str); 4] = [
    ("library", &["-shared", "-cudart=none"], "x.so"),
    ("concatenated", &["-shared", "-cudart=none", "--concat"], "x.so"),
    (DEVICE_LINKED, &["-shared", "-rdc=true"], "x.so"),
    ("relocatable", &["-dc"], "one.o"),
];
const DEVICE_LINKED: &str = "device-linked";

#[test]
#[ignore = "downloads a compiler"]
fn nvcc_cuobjdump_and_readelf_agree() {
    let tools = Tools::install();
    let every = LINKS
        .iter()
        .flat_map(|link| TARGETS.iter().map(move |targets| (link, targets)))
        .flat_map(|(link, targets)| MODES.iter().map(move |mode| (link, targets, mode)))
        // nvcc calls the first "not compatible"; the second needs a linker that is in no wheel.
        .filter(|(link, _, mode)| (link.0, mode.0) != ("concatenated", "none"))
        .filter(|(link, targets, _)| (link.0, targets.0) != (DEVICE_LINKED, "lto"));
    let every: Vec<_> = every.collect();
    let images: u64 =
        every.par_iter().map(|(link, targets, mode)| tools.compare(**link, **targets, **mode)).sum();
    assert_eq!(every.len(), 109);
    assert!(images > 500, "{images}");
}

fn audited(library: &Path) -> ElfMember {
    let bytes = std::fs::read(library).unwrap();
    let wheel = Wheel::new(&[("x/lib.so", bytes)], "");
    let name = "x-1.0-cp312-cp312-linux_x86_64.whl".parse().unwrap();
    audit(&wheel, &name, &Options::default()).unwrap().elf.remove(0)
}

/// How many images there are of each section and code.
type Images = BTreeMap<(String, String), u64>;

fn reported(member: &ElfMember) -> Images {
    let mut images = Images::new();
    for row in &member.device_code {
        *images.entry((row.section.clone(), row.arch.to_string())).or_default() += row.count;
    }
    images
}

/// `DT_NEEDED`, as readelf prints it.
fn needed(library: &Path) -> Vec<String> {
    let output = Command::new("readelf").args(["--dynamic", "--wide"]).arg(library).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned())
        .collect()
}

struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// A toolkit of wheels, which is kept with what cargo builds.
    fn install() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cuda-{CUDA}"));
        if !folder.exists() {
            let partial = folder.with_extension("partial");
            run(Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--target"])
                .arg(&partial)
                .arg(format!("cuda-toolkit[nvcc,crt,nvvm,cudart]=={CUDA}"))
                .arg(format!("nvidia-cuda-cuobjdump=={CUOBJDUMP}")));
            std::fs::rename(partial, &folder).unwrap();
        }
        Self { bin: folder.join("nvidia/cu13/bin") }
    }

    /// Compiles, and compares what everyone lists. Gives the number of images.
    fn compare(
        &self,
        (link, options, output): (&str, &[&str], &str),
        (targets, codes): (&str, &[&str]),
        (mode, compression): (&str, Compression),
    ) -> u64 {
        let name = format!("{link}, {targets}, {mode}");
        let folder = tempfile::tempdir().unwrap();
        // The linker of device code takes LTO for all of it or none.
        let codes: Vec<&str> =
            codes.iter().copied().filter(|code| link != DEVICE_LINKED || !code.contains("lto")).collect();
        let library = self.compile(folder.path(), options, &codes, mode, output);
        let member = audited(&library);
        let listed = self.listed(&library, link == DEVICE_LINKED);
        assert_eq!(reported(&member), listed, "{name}");
        assert!(!listed.is_empty(), "{name}");
        for row in &member.device_code {
            assert!([Compression::None, compression].contains(&row.compression), "{name}: {row:?}");
            let release = row.toolkit.map(|toolkit| toolkit.to_string());
            assert!(release.is_none_or(|release| release == "13.5"), "{name}: {row:?}");
        }
        assert_eq!(member.needed, needed(&library), "{name}");
        listed.values().sum()
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn compile(&self, folder: &Path, options: &[&str], codes: &[&str], mode: &str, output: &str) -> PathBuf {
        for (name, text) in UNITS {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let mut nvcc = Command::new(self.bin("nvcc"));
        nvcc.current_dir(folder).arg("-Xcompiler=-fPIC").args(options);
        nvcc.args(codes.iter().map(|code| format!("-gencode={code}")));
        nvcc.arg(format!("--compress-mode={mode}"));
        nvcc.args(UNITS.map(|(name, _)| name));
        if !options.contains(&"-dc") {
            nvcc.args(["-o", output]);
        }
        run(&mut nvcc);
        folder.join(output)
    }

    /// What cuobjdump lists: the linked images, or where there are none the relocatable ones; with `-all` both.
    fn listed(&self, library: &Path, linked_and_relocatable: bool) -> Images {
        let list = |options: &[&str]| {
            let output = run(Command::new(self.bin("cuobjdump")).args(options).arg(library));
            images(&output)
        };
        let mut all = list(&["-all"]);
        let mut found = Images::new();
        if linked_and_relocatable {
            for (code, count) in list(&[]) {
                *all.get_mut(&code).unwrap() -= count;
                found.insert((".nv_fatbin".to_owned(), code), count);
            }
        }
        let rest = if library.ends_with("x.so") && !linked_and_relocatable {
            ".nv_fatbin"
        } else {
            "__nv_relfatbin"
        };
        let rest = all
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(code, count)| ((rest.to_owned(), code), count));
        found.extend(rest);
        found
    }
}

/// Images by code: under a heading like `Fatbin elf code:` there is a line like `arch = sm_90a`.
fn images(printed: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut prefix = "";
    for line in printed.lines().map(str::trim) {
        prefix = match line {
            "Fatbin elf code:" => "sm_",
            "Fatbin ptx code:" => "compute_",
            "Fatbin nvvm code:" => "lto_",
            _ => prefix,
        };
        if let Some(arch) = line.strip_prefix("arch = sm_") {
            *counts.entry(format!("{prefix}{arch}")).or_default() += 1;
        }
    }
    counts
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
