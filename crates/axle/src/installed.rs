//! What somebody says is installed: `pip freeze` and `pip list`, requirements with exact versions, and what
//! `python -m torch.utils.collect_env` prints, as people paste them into bug reports.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use axle_plan::{package_name, requirement};
use axle_solve::Listed;
use axle_types::{
    CudaRelease, CudaTarget, DriverVersion, Glibc, PythonVersion, System, Version, VersionOrUrl,
};
use axle_wheel::{WheelName, read_text};
use pep440_rs::Operator;

use crate::output::Error;

/// The most bytes of a list, and the most packages.
const LARGEST: u64 = 1 << 20;
const MOST: usize = 4096;

/// What was read of an environment.
#[derive(Debug, Default, PartialEq)]
pub struct Installed {
    pub versions: BTreeMap<String, Listed>,
    pub python: Option<PythonVersion>,
    /// The CUDA that torch was built for.
    pub cuda: Option<CudaTarget>,
    /// The GPUs, as the driver spells them.
    pub gpus: Vec<String>,
    pub driver: Option<DriverVersion>,
    pub glibc: Option<Glibc>,
    pub system: Option<System>,
    /// Whether it is a report, which lists only what matters to torch.
    pub is_report: bool,
    /// Lines that name no version, each with why it is left out.
    pub skipped: Vec<(String, &'static str)>,
}

/// Why a text is no list.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// It is no requirement (PEP 508).
    #[error("`{text}` is not NAME==VERSION: {message}")]
    Invalid { text: String, message: String },
    /// It is a requirement without one exact version.
    #[error(
        "`{text}` has no exact version: a list is judged, not solved, so write NAME==VERSION; `axle concretise` and `axle lock` pick versions"
    )]
    NoVersion { text: String },
    /// Two versions of one package.
    #[error("{name} is listed as {one} and as {other}; only one version can be installed")]
    Twice { name: String, one: Version, other: Version },
    /// It is too long.
    #[error("the list has more than {MOST} packages, which is the limit")]
    TooMany,
    /// The report is of a machine that is not judged.
    #[error("the report is of {what}, but axle judges wheels for CUDA on Linux")]
    Elsewhere { what: String },
}

/// `NAME==VERSION`, perhaps with extras.
pub fn listed(text: &str) -> Result<(String, Listed), NotListed> {
    let invalid = |message: String| NotListed::Invalid { text: text.to_owned(), message };
    let requirement = requirement(text).map_err(|error| invalid(error.to_string()))?;
    let exact = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => match specifiers.iter().as_slice() {
            [one] if matches!(one.operator(), Operator::Equal | Operator::ExactEqual) => Some(one.version()),
            _ => None,
        },
        _ => None,
    };
    let version = exact.ok_or_else(|| NotListed::NoVersion { text: text.to_owned() })?.clone();
    Ok((requirement.name.to_string(), Listed { version, extras: requirement.extras.clone() }))
}

impl Installed {
    /// Adds a version.
    pub fn add(&mut self, (name, listed): (String, Listed)) -> Result<(), NotListed> {
        if self.versions.len() == MOST {
            return Err(NotListed::TooMany);
        }
        match self.versions.get(&name) {
            Some(known) if known.version != listed.version => {
                Err(NotListed::Twice { name, one: known.version.clone(), other: listed.version })
            }
            _ => {
                self.versions.insert(name, listed);
                Ok(())
            }
        }
    }

    /// Reads a file, or standard input where it is `-`.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = if path == Path::new("-") {
            let mut text = String::new();
            io::stdin()
                .take(LARGEST + 1)
                .read_to_string(&mut text)
                .map_err(|error| format!("stdin: {error}"))?;
            if text.len() as u64 > LARGEST {
                return Err(format!("stdin has more than {LARGEST} bytes, which is the limit").into());
            }
            text
        } else {
            read_text(path, LARGEST)?
        };
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Reads a text, whichever of the two it is.
    pub fn parse(text: &str) -> Result<Self, NotListed> {
        let mut installed = Self::default();
        // vLLM's script of that name aligns the colons.
        let is_report = |line: &str| key_and_value(line).is_some_and(|(key, _)| key == "PyTorch version");
        if text.lines().any(is_report) {
            installed.report(text)?;
        } else {
            installed.freeze(text)?;
        }
        Ok(installed)
    }

    /// The lines of `pip freeze`, of a file of requirements or of `pip list`.
    fn freeze(&mut self, text: &str) -> Result<(), NotListed> {
        for line in text.lines() {
            let line = line.trim().trim_end_matches('\\').trim_end();
            let line = line.split_once(" #").map_or(line, |(line, _)| line).trim_end();
            // Hashes of the files that were chosen then.
            let line = line.split(" --hash").next().unwrap_or(line).trim_end();
            if line.is_empty() || line.starts_with('#') || line.starts_with("--hash") {
                continue;
            }
            if let Some((name, version)) = columns(line) {
                self.add((name, Listed { version, extras: Vec::new() }))?;
                continue;
            }
            if line.starts_with("Package ") || line.starts_with("---") {
                continue;
            }
            let why = match line {
                _ if line.starts_with("-e") || line.starts_with("--editable") => "it is editable",
                _ if line.starts_with('-') => "it is an option of pip",
                _ if line.contains(" @ ") => match wheel_at(line) {
                    Some(wheel) => {
                        self.add(wheel)?;
                        continue;
                    }
                    None => "it was installed from a URL, which names no version",
                },
                _ => match listed(line) {
                    Ok(listed) => {
                        self.add(listed)?;
                        continue;
                    }
                    Err(NotListed::NoVersion { .. }) => "it has no exact version",
                    Err(error) => return Err(error),
                },
            };
            self.skipped.push((line.to_owned(), why));
        }
        Ok(())
    }

    /// What torch's `collect_env` prints, or a script made after it.
    fn report(&mut self, text: &str) -> Result<(), NotListed> {
        self.is_report = true;
        let mut torch = None;
        for line in text.lines().map(str::trim) {
            if let Some(installed) = line.strip_prefix("[pip3] ").or_else(|| line.strip_prefix("[pip] ")) {
                match listed(installed.trim()) {
                    Ok(listed) => self.add(listed)?,
                    Err(_) => self.skipped.push((installed.to_owned(), "it has no exact version")),
                }
                continue;
            }
            if let Some(installed) = line.strip_prefix("[conda] ") {
                // What pip installed is listed by both; conda's own name of torch is another one.
                if let Some((name, version)) = columns(installed) {
                    let name = if name == "pytorch" { "torch".to_owned() } else { name };
                    self.versions.entry(name).or_insert(Listed { version, extras: Vec::new() });
                }
                continue;
            }
            let Some((key, value)) = key_and_value(line) else { continue };
            let is_told = !matches!(value, "" | "N/A" | "None" | "Could not collect");
            match key {
                "PyTorch version" => torch = value.parse::<Version>().ok(),
                "CUDA used to build PyTorch" if is_told => {
                    self.cuda = CudaRelease::of_version(value).ok().map(CudaTarget::from);
                }
                "CUDA used to build PyTorch" if value == "None" => self.cuda = Some(CudaTarget::Cpu),
                "ROCM used to build PyTorch" if is_told => {
                    return Err(NotListed::Elsewhere { what: format!("a torch for ROCm {value}") });
                }
                "OS" if ["Windows", "macOS", "Mac OS"].iter().any(|other| value.contains(other)) => {
                    return Err(NotListed::Elsewhere { what: value.to_owned() });
                }
                "OS" | "Python platform" => self.system = self.system.or_else(|| system_in(value)),
                "Libc version" => {
                    self.glibc = value.strip_prefix("glibc-").and_then(|glibc| glibc.parse().ok());
                }
                "Python version" => self.python = python(value),
                "Nvidia driver version" => {
                    self.driver = value.lines().next().and_then(|one| one.parse().ok());
                }
                _ => {}
            }
            let gpu = if key == "GPU models and configuration" { value } else { line };
            self.gpus.extend(gpu_model(gpu));
        }
        self.gpus.sort();
        self.gpus.dedup();
        if let Some(version) = torch {
            self.versions.entry("torch".to_owned()).or_insert(Listed { version, extras: Vec::new() });
        }
        Ok(())
    }
}

/// `Libc version: glibc-2.35`.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

/// `NAME VERSION …`, as `pip list` and conda write it.
fn columns(line: &str) -> Option<(String, Version)> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next()?, words.next()?);
    Some((package_name(name).ok()?, version.parse().ok()?))
}

/// The version in the name of the wheel that `NAME @ URL` ends in.
fn wheel_at(line: &str) -> Option<(String, Listed)> {
    let (_, url) = line.split_once(" @ ")?;
    let file = url.split(['#', '?', ' ']).next()?.rsplit('/').next()?.replace("%2B", "+").replace("%2b", "+");
    let wheel: WheelName = file.parse().ok()?;
    let name = package_name(file.split('-').next()?).ok()?;
    Some((name, Listed { version: wheel.version().clone(), extras: Vec::new() }))
}

/// The architecture in `Ubuntu 22.04.5 LTS (x86_64)` and in `Linux-6.8.0-x86_64-with-glibc2.35`.
fn system_in(value: &str) -> Option<System> {
    let value = value.replace("arm64", "aarch64");
    System::ALL.into_iter().find(|system| value.contains(system.architecture()))
}

/// `3.12.11 (main, …)`, and `3.13.5 experimental free-threading build (main, …)`.
fn python(value: &str) -> Option<PythonVersion> {
    let number = value.split_whitespace().next()?;
    let mut parts = number.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let threads = if value.contains("free-threading") { "t" } else { "" };
    format!("{major}.{minor}{threads}").parse().ok()
}

/// The name in `GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-…)`.
fn gpu_model(line: &str) -> Option<String> {
    let (index, name) = line.strip_prefix("GPU ")?.split_once(':')?;
    let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    let name = name.split("(UUID").next().unwrap_or(name).trim();
    (is_index && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
Collecting environment information...
PyTorch version: 2.8.0+cu128
Is debug build: False
CUDA used to build PyTorch: 12.8
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.5 LTS (x86_64)
GCC version: (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0
Libc version: glibc-2.35

Python version: 3.12.11 (main, Jun  4 2025, 08:56:18) [GCC 11.4.0] (64-bit runtime)
Python platform: Linux-6.8.0-64-generic-x86_64-with-glibc2.35
Is CUDA available: True
CUDA runtime version: 12.8.93
GPU models and configuration:
GPU 0: NVIDIA GeForce RTX 5090
GPU 1: NVIDIA GeForce RTX 5090

Nvidia driver version: 570.133.07
cuDNN version: Could not collect

Versions of relevant libraries:
[pip3] numpy==2.2.6
[pip3] torch==2.8.0+cu128
[pip3] xformers==0.0.32.post1
[conda] numpy                     1.26.4                   pypi_0    pypi
[conda] pytorch-cuda              12.8                     h1234_0   pytorch
";

    fn names(installed: &Installed) -> Vec<String> {
        let versions = installed.versions.iter();
        versions.map(|(name, listed)| format!("{name} {}", listed.version)).collect()
    }

    #[test]
    fn a_report_says_what_the_question_needs() {
        let report = Installed::parse(REPORT).unwrap();
        assert_eq!(
            names(&report),
            ["numpy 2.2.6", "pytorch-cuda 12.8", "torch 2.8.0+cu128", "xformers 0.0.32.post1"]
        );
        assert_eq!(report.python.map(|python| python.to_string()).as_deref(), Some("3.12"));
        assert_eq!(report.cuda.map(|cuda| cuda.to_string()).as_deref(), Some("12.8"));
        assert_eq!(report.gpus, ["NVIDIA GeForce RTX 5090"]);
        assert_eq!(report.driver.as_ref().map(ToString::to_string).as_deref(), Some("570.133.07"));
        assert_eq!(report.glibc, Some(Glibc::new(2, 35)));
        assert_eq!(report.system, Some(System::X86_64Linux));
        // vLLM's script aligns the colons.
        let aligned = REPORT.replace("version: ", "version              : ");
        assert_eq!(Installed::parse(&aligned).unwrap(), report);
        let one_line = REPORT.replace("configuration:\nGPU 0", "configuration: GPU 0");
        assert_eq!(Installed::parse(&one_line).unwrap().gpus, report.gpus);
    }

    #[test]
    fn reports_of_what_is_not_judged() {
        let error =
            |from: &str, to: &str| Installed::parse(&REPORT.replace(from, to)).unwrap_err().to_string();
        insta::assert_snapshot!(error("ROCM used to build PyTorch: N/A", "ROCM used to build PyTorch: 6.3.42131"), @"the report is of a torch for ROCm 6.3.42131, but axle judges wheels for CUDA on Linux");
        insta::assert_snapshot!(error("Ubuntu 22.04.5 LTS (x86_64)", "Microsoft Windows 11 Pro"), @"the report is of Microsoft Windows 11 Pro, but axle judges wheels for CUDA on Linux");
        let cpu = REPORT.replace("build PyTorch: 12.8", "build PyTorch: None").replace("+cu128", "+cpu");
        assert_eq!(Installed::parse(&cpu).unwrap().cuda, Some(CudaTarget::Cpu));
        let free = REPORT.replace("3.12.11 (main", "3.13.5 experimental free-threading build (main");
        assert_eq!(
            Installed::parse(&free).unwrap().python.map(|one| one.to_string()).as_deref(),
            Some("3.13t")
        );
    }

    #[test]
    fn a_freeze_as_it_is_pasted() {
        let freeze = Installed::parse(
            "\
# This file is autogenerated
torch==2.9.0+cu128
Flash_Attn==2.8.3  # built here
-e git+https://github.com/a/b@0123#egg=b
# Editable install with no version control (c==1.0)
-e /home/somebody/c
--extra-index-url https://example.org/simple
d @ file:///home/conda/d_1690000000000/work
torchvision @ https://example.org/whl/torchvision-0.24.0%2Bcu128-cp312-cp312-manylinux_2_28_x86_64.whl#sha256=00
numpy==2.2.6 \\
    --hash=sha256:00
tqdm>=4
triton==3.5.0 ; platform_system == \"Linux\"
",
        )
        .unwrap();
        assert_eq!(
            names(&freeze),
            [
                "flash-attn 2.8.3",
                "numpy 2.2.6",
                "torch 2.9.0+cu128",
                "torchvision 0.24.0+cu128",
                "triton 3.5.0"
            ]
        );
        let skipped: Vec<_> = freeze.skipped.iter().map(|(line, why)| format!("{line}: {why}")).collect();
        insta::assert_snapshot!(skipped.join("\n"), @r"
        -e git+https://github.com/a/b@0123#egg=b: it is editable
        -e /home/somebody/c: it is editable
        --extra-index-url https://example.org/simple: it is an option of pip
        d @ file:///home/conda/d_1690000000000/work: it was installed from a URL, which names no version
        tqdm>=4: it has no exact version
        ");
        let table =
            Installed::parse("Package    Version\n---------- -------\ntorch      2.9.0\nnumpy      2.2.6\n");
        assert_eq!(names(&table.unwrap()), ["numpy 2.2.6", "torch 2.9.0"]);
    }

    #[test]
    fn texts_that_are_no_lists() {
        let error = |text: &str| listed(text).unwrap_err().to_string();
        insta::assert_snapshot!(error("torch>=2"), @"`torch>=2` has no exact version: a list is judged, not solved, so write NAME==VERSION; `axle concretise` and `axle lock` pick versions");
        assert!(error("torch").contains("has no exact version"));
        assert!(error("torch==2.*").contains("has no exact version"));
        assert!(error("torch==").starts_with("`torch==` is not NAME==VERSION: "));
        let twice = Installed::parse("torch==2.9.0\ntorch==2.8.0\n").unwrap_err();
        insta::assert_snapshot!(twice, @"torch is listed as 2.9.0 and as 2.8.0; only one version can be installed");
        assert_eq!(Installed::parse("").unwrap(), Installed::default());
    }
}
