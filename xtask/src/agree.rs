//! `cargo xtask agree`: compares audits of real wheels with NVIDIA's cuobjdump and binutils' readelf.
//!
//! cuobjdump is published in wheels too, and none of its releases reads everything: 13 gives up on images of CUDA 12.1
//! and older, after it has printed a part of them. So several releases are run, newest first, and the first that does
//! not give up counts. pip downloads the wheels one at a time, and they are removed afterwards; results are kept, so
//! that a run resumes where the last one stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use axle_audit::{AuditError, DeviceCodeKind, ElfMember, Options, WheelFacts};
use axle_types::{WheelCuda, comma_separated};
use axle_wheel::{Archive, ArchiveError, LocalFile, WheelName, WheelNameError};
use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};
use thiserror::Error;

/// Compare audits of real wheels with cuobjdump and readelf, and write docs/agreement.md
#[derive(clap::Args)]
pub struct Args {
    /// Compare only wheels whose file name contains one of these, without cached results, and write nothing
    only: Vec<String>,
    /// File to write the table to
    #[arg(long, default_value = "docs/agreement.md")]
    output: PathBuf,
}

/// Why wheels can't be compared.
#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Name(#[from] WheelNameError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("pip failed to download {0}")]
    Gone(String),
    #[error("the wheel has no member {0}")]
    NoMember(String),
    #[error(
        "neither $XDG_CACHE_HOME nor $HOME is set, so there is no cache directory for cuobjdump; set one of them"
    )]
    NoCache,
}

/// Where each cuobjdump is, the newest first: its release, the wheel, the member.
const CUOBJDUMPS: [(&str, &str, &str); 3] = [
    (
        "13.5",
        "nvidia_cuda_cuobjdump-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "nvidia/cu13/bin/cuobjdump",
    ),
    (
        "12.8",
        "triton-3.4.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "triton/backends/nvidia/bin/cuobjdump",
    ),
    (
        "12.4",
        "triton-3.2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "triton/backends/nvidia/bin/cuobjdump",
    ),
];

/// The wheels, by size so that what is wrong shows early. Of every maker, of 2019 to 2026, made by CUDA 10.2
/// to 13; the last line of each kind are controls without device code.
const WHEELS: [&str; 54] = [
    "orjson-3.12.0-cp313-cp313-musllinux_1_2_aarch64.whl",
    "numpy-2.4.0-cp311-cp311-musllinux_1_2_x86_64.whl",
    "numpy-2.4.2-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    "lightgbm-4.3.0-py3-none-manylinux_2_28_x86_64.whl",
    "torchcodec-0.17.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "torchaudio-2.10.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    "torchaudio-2.0.1-cp311-cp311-manylinux1_x86_64.whl",
    "nvidia_nvjpeg_cu12-12.0.0.28-py3-none-manylinux1_x86_64.whl",
    "nvidia_nvjpeg_cu12-12.4.0.16-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
    "torchao-0.17.0-cp310-abi3-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "torchvision-0.20.1-cp311-cp311-manylinux1_x86_64.whl",
    "torchvision-0.24.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "torchvision-0.28.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "torchvision-0.29.2-py3-none-manylinux_2_28_x86_64.whl",
    "torchvision-0.29.0-cp313-cp313-manylinux_2_28_aarch64.whl",
    "jax_cuda12_plugin-0.10.1-cp311-cp311-manylinux_2_27_x86_64.whl",
    "nvidia_cuda_cupti_cu12-12.2.131-py3-none-manylinux1_x86_64.whl",
    "xformers-0.0.28.post2-cp311-cp311-manylinux_2_28_x86_64.whl",
    "xformers-0.0.30-cp312-cp312-manylinux_2_28_x86_64.whl",
    "cucim_cu12-26.6.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "libraft_cu12-26.8.0-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "bitsandbytes-0.50.0-py3-none-manylinux_2_24_aarch64.whl",
    "ctranslate2-4.8.2-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "bitsandbytes-0.50.2-py3-none-manylinux_2_24_x86_64.whl",
    "nvidia_nvcomp_cu12-4.2.0.11-py3-none-manylinux_2_28_x86_64.whl",
    "faiss_gpu_cu12-1.14.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "cupy_cuda13x-13.6.0-cp310-cp310-manylinux2014_x86_64.whl",
    "nvidia_curand_cu12-10.3.3.129-py3-none-manylinux1_x86_64.whl",
    "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
    "nvidia_curand-10.4.1.81-py3-none-manylinux_2_27_aarch64.whl",
    "cupy_cuda102-12.1.0-cp310-cp310-manylinux2014_x86_64.whl",
    "faiss_gpu_cu12-1.8.0.2-cp38-cp38-manylinux_2_28_x86_64.whl",
    "bitsandbytes-0.46.1-py3-none-manylinux_2_24_x86_64.whl",
    "nvidia_nvshmem_cu12-3.1.7-py3-none-manylinux2014_aarch64.whl",
    "cupy_cuda13x-14.1.0-cp311-cp311-manylinux2014_aarch64.whl",
    "spconv_cu120-2.3.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "nvidia_cufft_cu12-11.0.8.91-py3-none-manylinux1_x86_64.whl",
    "catboost-1.2.10-cp311-cp311-manylinux2014_x86_64.whl",
    "cupy_cuda11x-13.4.1-cp311-cp311-manylinux2014_x86_64.whl",
    "torch-2.9.1-cp311-cp311-manylinux_2_28_aarch64.whl",
    "xgboost-3.1.3-py3-none-manylinux_2_28_x86_64.whl",
    "warp_lang-1.8.0-py3-none-manylinux_2_28_x86_64.whl",
    "cupy_cuda12x-14.1.0-cp311-cp311-manylinux2014_x86_64.whl",
    "nvidia_cusparselt_cu12-0.6.2-py3-none-manylinux2014_aarch64.whl",
    "nvidia_npp_cu12-12.2.0.5-py3-none-manylinux1_x86_64.whl",
    "nvidia_nccl_cu11-2.18.3-py3-none-manylinux1_x86_64.whl",
    "nvidia_nccl_cu13-2.28.3-py3-none-manylinux_2_18_x86_64.whl",
    "nvidia_cusparse_cu12-12.1.2.129-py3-none-manylinux1_x86_64.whl",
    "onnxruntime_gpu-1.30.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "nvidia_cublas-13.5.1.27-py3-none-manylinux_2_27_x86_64.whl",
    "nvidia_cudnn_cu13-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl",
    "torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "torch-2.0.1-cp311-cp311-manylinux1_x86_64.whl",
    "torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl",
];

/// The sections that cuobjdump reads, linked first.
const DEVICE_SECTIONS: [&str; 2] = [".nv_fatbin", "__nv_relfatbin"];

/// How many images there are, by section and by code: `sm_90a`, `compute_90`.
type Images = BTreeMap<(String, String), u64>;

/// Compares and writes. Status 1 where anything differs.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let cache = cache()?;
    let tools = CUOBJDUMPS
        .iter()
        .map(|(release, wheel, member)| cuobjdump(&cache, release, wheel, member))
        .collect::<Result<Vec<Tool>, Error>>()?;
    let chosen: Vec<&str> = WHEELS
        .into_iter()
        .filter(|wheel| args.only.is_empty() || args.only.iter().any(|part| wheel.contains(part)))
        .collect();
    let mut rows = Vec::new();
    for (number, filename) in chosen.iter().enumerate() {
        let kept = cache.join(format!("{filename}.json"));
        let row = if args.only.is_empty() && kept.exists() {
            serde_json::from_slice(&fs_err::read(&kept)?)?
        } else {
            let row = compare_wheel(&tools, filename)?;
            fs_err::write(&kept, serde_json::to_vec(&row)?)?;
            row
        };
        anstream::eprintln!("{:>2} of {} {}", number + 1, chosen.len(), row.line());
        rows.push(row);
    }
    let page = page(&rows);
    if args.only.is_empty() {
        fs_err::write(&args.output, &page)?;
    } else {
        anstream::println!("{page}");
    }
    Ok(ExitCode::from(u8::from(rows.iter().any(|row| !row.differences.is_empty()))))
}

/// Where cuobjdump and the results are kept.
fn cache() -> Result<PathBuf, Error> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .ok_or(Error::NoCache)?
        .join("axle/agree");
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

/// One cuobjdump that can be run.
struct Tool {
    release: &'static str,
    path: PathBuf,
}

/// Where the newest cuobjdump is.
pub fn newest_cuobjdump() -> Result<PathBuf, Error> {
    let [(release, wheel, member), ..] = CUOBJDUMPS;
    Ok(cuobjdump(&cache()?, release, wheel, member)?.path)
}

/// Takes a cuobjdump out of its wheel, which is done once.
fn cuobjdump(cache: &Path, release: &'static str, wheel: &str, member: &str) -> Result<Tool, Error> {
    let path = cache.join(format!("cuobjdump-{release}"));
    if !path.exists() {
        let folder = download(wheel)?;
        let source = LocalFile::open(folder.path().join(wheel))?;
        let unpacked = unpack(&Archive::open(&source)?, member, cache)?;
        unpacked.as_file().set_permissions(PermissionsExt::from_mode(0o755))?;
        unpacked.persist(&path).map_err(|error| error.error)?;
    }
    Ok(Tool { release, path })
}

/// A folder with the wheel, which is removed when it is dropped.
pub fn download(filename: &str) -> Result<TempDir, Error> {
    let name: WheelName = filename.parse()?;
    let folder = tempfile::tempdir()?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]);
    for tag in name.tags() {
        pip.arg(format!("--platform={}", tag.platform)).arg(format!("--abi={}", tag.abi));
    }
    // `cp311` is 3.11; what is for every Python is for that one too.
    let python = name.tags().find_map(|tag| tag.python.strip_prefix("cp3").map(str::to_owned));
    pip.arg(format!("--python-version=3.{}", python.as_deref().unwrap_or("11")));
    pip.arg("--dest").arg(folder.path()).arg(format!("{}=={}", name.name(), name.version()));
    let status =
        pip.status().map_err(|source| Error::Start { program: "python3 -m pip".to_owned(), source })?;
    if status.success() && folder.path().join(filename).exists() {
        Ok(folder)
    } else {
        Err(Error::Gone(filename.to_owned()))
    }
}

fn unpack(archive: &Archive<'_>, path: &str, folder: &Path) -> Result<NamedTempFile, Error> {
    let member = archive.member(path).ok_or_else(|| Error::NoMember(path.to_owned()))?;
    let mut file = NamedTempFile::new_in(folder)?;
    io::copy(&mut archive.reader()?.member(member)?, file.as_file_mut())?;
    Ok(file)
}

/// What was compared of one wheel.
#[derive(Default, Serialize, Deserialize)]
struct Row {
    filename: String,
    cuda: Vec<WheelCuda>,
    /// ELF members.
    members: u64,
    /// Those of which readelf says what the audit reports.
    dynamic: u64,
    /// Those with device code.
    with_code: u64,
    /// Images that cuobjdump lists, and those of them that the audit reports the same.
    listed: u64,
    agreed: u64,
    /// Images outside of the sections that cuobjdump reads.
    outside: u64,
    /// The releases of cuobjdump that were believed, where there is device code.
    releases: BTreeSet<String>,
    /// Members that every cuobjdump gives up on.
    refused: Vec<String>,
    differences: Vec<String>,
}

impl Row {
    fn line(&self) -> String {
        let Self { filename, members, dynamic, with_code, listed, agreed, outside, .. } = self;
        format!(
            "{filename}: readelf {dynamic} of {members} members; {with_code} with code, {agreed} of {listed} images, \
             {outside} outside, {} refused, {} differences",
            self.refused.len(),
            self.differences.len(),
        )
    }
}

fn compare_wheel(tools: &[Tool], filename: &str) -> Result<Row, Error> {
    let folder = download(filename)?;
    let source = LocalFile::open(folder.path().join(filename))?;
    let facts: WheelFacts = axle_audit::audit(&source, &filename.parse()?, &Options::default())?;
    let archive = Archive::open(&source)?;
    let mut row = Row { filename: filename.to_owned(), cuda: facts.cuda.clone(), ..Row::default() };
    for member in &facts.elf {
        let library = unpack(&archive, &member.path, folder.path())?;
        row.members += 1;
        compare_dynamic(&mut row, member, library.path())?;
        compare_images(&mut row, tools, member, library.path())?;
    }
    Ok(row)
}

/// What the dynamic section says, in the words of readelf.
#[derive(Debug, Default, PartialEq)]
struct Dynamic {
    soname: Option<String>,
    needed: Vec<String>,
    rpath: Vec<String>,
    runpath: Vec<String>,
    versions: BTreeMap<String, BTreeSet<String>>,
}

fn compare_dynamic(row: &mut Row, member: &ElfMember, library: &Path) -> Result<(), Error> {
    let listed = dynamic(&readelf(library, &["--dynamic", "--version-info"])?);
    let reported = Dynamic {
        soname: member.soname.clone(),
        needed: member.needed.clone(),
        rpath: member.rpath.clone(),
        runpath: member.runpath.clone(),
        versions: member
            .symbol_versions
            .iter()
            .map(|(library, versions)| (library.clone(), versions.iter().cloned().collect()))
            .collect(),
    };
    if listed == reported {
        row.dynamic += 1;
    } else {
        row.differences
            .push(format!("`{}`: readelf reports {listed:?}, the audit {reported:?}", member.path));
    }
    Ok(())
}

fn readelf(library: &Path, options: &[&str]) -> Result<String, Error> {
    let output = Command::new("readelf")
        .arg("--wide")
        .args(options)
        .arg(library)
        .env("LC_ALL", "C")
        .output()
        .map_err(|source| Error::Start { program: "readelf".to_owned(), source })?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lines like ` 0x1 (NEEDED)  Shared library: [libc.so.6]`, and behind the heading of the needed versions lines like
/// `  0x0040: Version: 1  File: libc.so.6  Cnt: 2` and `  0x0010:   Name: GLIBC_2.17  Flags: none  Version: 4`.
fn dynamic(printed: &str) -> Dynamic {
    let mut found = Dynamic::default();
    let mut library = None;
    let word = |line: &str, before: &str| {
        line.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next()).map(str::to_owned)
    };
    for line in printed.lines() {
        let value = line.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
        let paths = |value: &str| value.split(':').map(str::to_owned).collect();
        match value {
            Some(value) if line.contains("(NEEDED)") => found.needed.push(value.to_owned()),
            Some(value) if line.contains("(SONAME)") => found.soname = Some(value.to_owned()),
            Some(value) if line.contains("(RPATH)") => found.rpath = paths(value),
            Some(value) if line.contains("(RUNPATH)") => found.runpath = paths(value),
            _ => {}
        }
        if line.starts_with("Version ") {
            library = None;
        }
        if let Some(file) = word(line, "  File: ") {
            library = Some(file);
        } else if let (Some(library), Some(name)) = (&library, word(line, "Name: ")) {
            found.versions.entry(library.clone()).or_default().insert(name);
        }
    }
    found
}

fn compare_images(row: &mut Row, tools: &[Tool], member: &ElfMember, library: &Path) -> Result<(), Error> {
    let (reported, outside) = reported(member);
    row.outside += outside;
    let sections = device_sections(library)?;
    for tool in tools {
        let Some(listed) = listed(tool, library, &sections)? else { continue };
        if !listed.is_empty() || !reported.is_empty() {
            row.with_code += 1;
            row.releases.insert(tool.release.to_owned());
        }
        row.listed += listed.values().sum::<u64>();
        row.agreed +=
            listed.iter().map(|(image, count)| *reported.get(image).unwrap_or(&0).min(count)).sum::<u64>();
        let images: BTreeSet<_> = listed.keys().chain(reported.keys()).collect();
        for image in images {
            let count = |images: &Images| images.get(image).copied().unwrap_or(0);
            let (section, code) = image;
            if count(&listed) != count(&reported) {
                row.differences.push(format!(
                    "`{}`, `{section}`, `{code}`: cuobjdump {} lists {}, the audit reports {}",
                    member.path,
                    tool.release,
                    count(&listed),
                    count(&reported)
                ));
            }
        }
        return Ok(());
    }
    row.refused.push(member.path.clone());
    Ok(())
}

/// Those of [`DEVICE_SECTIONS`] that readelf lists.
fn device_sections(library: &Path) -> Result<Vec<&'static str>, Error> {
    let printed = readelf(library, &["--section-headers"])?;
    let names: BTreeSet<&str> = printed.split_whitespace().collect();
    Ok(DEVICE_SECTIONS.into_iter().filter(|section| names.contains(section)).collect())
}

/// What the audit reports of the device sections, and how many images outside of them.
fn reported(member: &ElfMember) -> (Images, u64) {
    let (mut images, mut outside) = (Images::new(), 0);
    for row in &member.device_code {
        if DEVICE_SECTIONS.contains(&row.section.as_str()) {
            let code = match row.kind {
                DeviceCodeKind::Unknown => "unknown".to_owned(),
                _ => row.arch.to_string(),
            };
            *images.entry((row.section.clone(), code)).or_default() += row.count;
        } else {
            outside += row.count;
        }
    }
    (images, outside)
}

/// What a cuobjdump lists, by section; nothing where it gives up.
///
/// It names no sections. By default it lists the linked images, or where there are none the relocatable ones; with
/// `-all` both. So a second run is needed where there are both.
fn listed(tool: &Tool, library: &Path, sections: &[&str]) -> Result<Option<Images>, Error> {
    let in_section = |section: &str, counts: BTreeMap<String, u64>| -> Images {
        counts.into_iter().map(|(code, count)| ((section.to_owned(), code), count)).collect()
    };
    let Some(all) = list(tool, library, &["-all"])? else { return Ok(None) };
    let [linked, relocatable] = sections else {
        return Ok(Some(in_section(sections.first().unwrap_or(&"no section"), all)));
    };
    let Some(first) = list(tool, library, &[])? else { return Ok(None) };
    let mut rest = all;
    for (code, count) in &first {
        rest.entry(code.clone()).and_modify(|all| *all = all.saturating_sub(*count));
    }
    rest.retain(|_, count| *count > 0);
    let mut images = in_section(linked, first);
    images.extend(in_section(relocatable, rest));
    Ok(Some(images))
}

/// Images by code; nothing where cuobjdump gives up.
fn list(tool: &Tool, library: &Path, options: &[&str]) -> Result<Option<BTreeMap<String, u64>>, Error> {
    let output = Command::new(&tool.path)
        .args(options)
        .arg(library)
        .output()
        .map_err(|source| Error::Start { program: tool.path.display().to_string(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("does not contain device code") {
        return Ok(Some(BTreeMap::new()));
    }
    let gives_up = !output.status.success() || said.contains("fatal");
    Ok((!gives_up).then(|| codes(&String::from_utf8_lossy(&output.stdout))))
}

/// The images in what cuobjdump prints: `Fatbin elf code:`, then lines, one of which is `arch = sm_90a`.
///
/// The images of a concatenated entry follow its own heading, each under a heading as of any other image.
fn codes(printed: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut kind = "";
    for line in printed.lines() {
        if let Some(heading) = line.trim().strip_prefix("Fatbin ") {
            kind = heading.trim_end_matches(':').trim_end_matches(" code");
        }
        if let Some(arch) = line.trim().strip_prefix("arch = sm_") {
            let code = match kind {
                "elf" => format!("sm_{arch}"),
                "ptx" => format!("compute_{arch}"),
                "nvvm" | "ltoir" | "lto" => format!("lto_{arch}"),
                _ => "unknown".to_owned(),
            };
            *counts.entry(code).or_default() += 1;
            kind = "";
        }
    }
    counts
}

/// docs/agreement.md.
fn page(rows: &[Row]) -> String {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let refused: u64 = rows.iter().map(|row| row.refused.len() as u64).sum();
    let mut page = format!(
        "# Agreement with cuobjdump and readelf\n\n\
         Written by `cargo xtask agree`. NVIDIA's cuobjdump {} lists the images of every ELF member of these {} \
         wheels; for each member, the newest that does not give up on it counts. The numbers of images per section, kind and \
         architecture (with its suffix) are compared. GNU readelf lists the soname, needed sonames, RPATH, RUNPATH and \
         symbol versions of the same members.\n\n\
         **{} of {} images agree**, in {} members with device code; {refused} members are refused by every cuobjdump. \
         Another {} images are outside of the sections that cuobjdump reads, so it does not list them. \
         **readelf agrees on {} of {} members.**\n\n\
         | wheel | CUDA | readelf | with code | cuobjdump | outside | release |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- |\n",
        CUOBJDUMPS.map(|(release, ..)| release).join(", "),
        rows.len(),
        sum(|row| row.agreed),
        sum(|row| row.listed),
        sum(|row| row.with_code),
        sum(|row| row.outside),
        sum(|row| row.dynamic),
        sum(|row| row.members),
    );
    for row in rows {
        let releases: Vec<&str> = row.releases.iter().map(String::as_str).collect();
        let Row { filename, members, dynamic, with_code, listed, agreed, outside, .. } = row;
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "| {filename} | {} | {dynamic} of {members} | {with_code} | {agreed} of {listed} | {outside} | {} |",
            comma_separated(&row.cuda),
            releases.join(", "),
        );
    }
    page.push_str("\n## Differences\n\n");
    if rows.iter().all(|row| row.differences.is_empty()) {
        page.push_str("None.\n");
    }
    for row in rows {
        for difference in &row.differences {
            let _ = writeln!(page, "- {}: {difference}", row.filename);
        }
    }
    if refused > 0 {
        page.push_str("\n## Members that every cuobjdump gives up on\n\n");
    }
    for row in rows {
        for member in &row.refused {
            let _ = writeln!(page, "- {}: `{member}`", row.filename);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_counted_by_heading() {
        let printed = "\nFatbin elf code:\n================\narch = sm_90a\ncode version = [1,8]\n\n\
            Fatbin ptx code:\n================\narch = sm_90\n\nFatbin elf code:\narch = sm_90a\n";
        let counts = codes(printed);
        assert_eq!(counts, [("compute_90".to_owned(), 1), ("sm_90a".to_owned(), 2)].into());
    }

    #[test]
    fn what_readelf_prints_is_read() {
        let printed = " 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n \
             0x000000000000000e (SONAME)             Library soname: [libx.so.1]\n \
             0x000000000000001d (RUNPATH)            Library runpath: [$ORIGIN:/opt/lib]\n\
             Version symbols section '.gnu.version' contains 2 entries:\n  \
             000:   0 (*local*)       2 (GLIBC_2.2.5)\n\
             Version needs section '.gnu.version_r' contains 1 entry:\n  \
             000000: Version: 1  File: libc.so.6  Cnt: 1\n  \
             0x0010:   Name: GLIBC_2.2.5  Flags: none  Version: 2\n";
        let expected = Dynamic {
            soname: Some("libx.so.1".to_owned()),
            needed: vec!["libc.so.6".to_owned()],
            rpath: Vec::new(),
            runpath: vec!["$ORIGIN".to_owned(), "/opt/lib".to_owned()],
            versions: [("libc.so.6".to_owned(), ["GLIBC_2.2.5".to_owned()].into())].into(),
        };
        assert_eq!(dynamic(printed), expected);
    }
}
