//! `cargo xtask edges`: compares axle's compiler ranges with what nvcc and the compilers accept.
//!
//! - CUDA 13: nvcc, assembled from NVIDIA's wheels, compiles a kernel with every installed compiler, and preprocesses
//!   it with one that impersonates the newest accepted version, and the next one.
//! - Older releases have no nvcc in wheels: their `crt/host_config.h` is preprocessed by the same compilers.
//!
//! Each result is compared with axle's verdicts. The command downloads some gigabytes, and keeps nothing.

use axle_rules::{Rule, Severity};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use axle_index::{PackageIndex, Settings};
use axle_toolkit::{Environment, Release, Toolkits, check};
use axle_types::{Glibc, HostCompiler, System};

use crate::Error;
use crate::toolkit_files::{self, Downloads, HERE, ToolkitFiles, unpack};

/// Compare the compiler ranges with what nvcc and its headers accept
#[derive(clap::Args)]
pub struct Args {
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Only these CUDA releases, e.g. 13.0; repeatable
    cuda: Vec<axle_types::CudaRelease>,
}

/// Compilers of which both sides of an edge are looked for.
const GCC: std::ops::RangeInclusive<u16> = 9..=17;
const CLANG: std::ops::RangeInclusive<u16> = 13..=23;

const KERNEL: &str =
    "#include <cmath>\n__global__ void kernel(double *x) { x[0] = rsqrt(std::sqrt(x[0])); }\n";

/// How often axle and the compilers agreed.
#[derive(Default)]
struct Tally {
    agreed: usize,
    tried: usize,
}

/// Compares, and prints what disagrees.
///
/// # Errors
/// When a program or a wheel cannot be had.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let toolkits = crate::read(&args.catalogue)?;
    let compilers: Vec<HostCompiler> = GCC
        .map(HostCompiler::Gcc)
        .chain(CLANG.map(HostCompiler::Clang))
        .filter(|one| is_installed(*one))
        .collect();
    anstream::eprintln!("installed: {}", list(&compilers));
    let files = toolkit_files::all(&PackageIndex::new(&Settings::discover(None)?)?)?;
    let mut tally = Tally::default();
    for release in &toolkits.releases {
        if !args.cuda.is_empty() && !args.cuda.contains(&release.cuda) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        if release.cuda.major >= 13 {
            let nvcc = nvcc(release, folder.path())?;
            for &compiler in &compilers {
                let output = compile(&nvcc, folder.path(), compiler)?;
                let refused = refuses(&toolkits, &here(release, compiler)?);
                tally.compare(release, &format!("{compiler} compiles"), refused, &output);
            }
            for compiler in around_the_edge(release) {
                let Some(real) = newest_of_the_kind(compiler, &compilers) else { continue };
                let output = disguised(&nvcc, folder.path(), real, compiler)?;
                let refused = refuses(&toolkits, &only(release, compiler));
                tally.compare(release, &format!("an impersonated {compiler}"), refused, &output);
            }
        } else if let Some(files) = files.iter().find(|files| files.cuda == release.cuda) {
            let header = header(files, folder.path())?;
            for &compiler in &compilers {
                let output = preprocess(&header, compiler, None)?;
                let refused = refuses(&toolkits, &only(release, compiler));
                tally.compare(release, &format!("{compiler} preprocesses"), refused, &output);
            }
            for compiler in around_the_edge(release) {
                let Some(real) = newest_of_the_kind(compiler, &compilers) else { continue };
                let output = preprocess(&header, real, Some(compiler))?;
                let refused = refuses(&toolkits, &only(release, compiler));
                tally.compare(release, &format!("an impersonated {compiler}"), refused, &output);
            }
        }
    }
    anstream::println!("{} of {} agree", tally.agreed, tally.tried);
    Ok(if tally.agreed == tally.tried && tally.tried > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Tally {
    fn compare(&mut self, release: &Release, what: &str, refused: bool, output: &Output) {
        let failed = !output.status.success();
        self.tried += 1;
        self.agreed += usize::from(refused == failed);
        let word = |no: bool| if no { "no" } else { "yes" };
        let agree = if refused == failed { "" } else { "  <- they differ" };
        anstream::println!(
            "CUDA {}: {what}: axle {}, it {}{agree}",
            release.cuda,
            word(refused),
            word(failed)
        );
        if refused != failed {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().find(|line| line.contains("error")).unwrap_or_default();
            anstream::println!("  {first}");
        }
    }
}

/// Whether axle says no, for a reason that shows when something is compiled.
fn refuses(toolkits: &Toolkits, environment: &Environment) -> bool {
    check(toolkits, environment).iter().any(|verdict| {
        // The oldest compilers are what NVIDIA supports, not what works.
        let supported_only = matches!(verdict.rule, Rule::GccTooOld | Rule::ClangTooOld);
        verdict.severity == Severity::Error && !supported_only
    })
}

/// A release and a compiler, with this machine's C and C++ libraries.
fn here(release: &Release, compiler: HostCompiler) -> Result<Environment, Error> {
    let mut environment = only(release, compiler);
    let output = start(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    environment.glibc = said.split_whitespace().last().and_then(|version| version.parse::<Glibc>().ok());
    let libraries = fs_err::read_dir(format!("/usr/lib/gcc/{}-linux-gnu", HERE.architecture()))?;
    let majors = libraries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u16>().ok());
    environment.libstdcxx = majors.max();
    Ok(environment)
}

fn only(release: &Release, compiler: HostCompiler) -> Environment {
    let mut environment = Environment::new(HERE);
    environment.cuda = Some(release.cuda);
    environment.compiler = Some(compiler);
    environment
}

/// The newest compilers that a release accepts, and the next.
fn around_the_edge(release: &Release) -> Vec<HostCompiler> {
    let Some(host) = release.hosts.get(&System::X86_64Linux) else { return Vec::new() };
    let gcc = host.gcc.max.map(|max| [HostCompiler::Gcc(max), HostCompiler::Gcc(max + 1)]);
    let clang = host.clang.max.map(|max| [HostCompiler::Clang(max), HostCompiler::Clang(max + 1)]);
    gcc.into_iter().chain(clang).flatten().collect()
}

/// nvcc and what it needs, of one release, from the package index.
fn nvcc(release: &Release, folder: &Path) -> Result<PathBuf, Error> {
    let version =
        release.components.as_ref().map_or_else(String::new, |components| components.version.clone());
    let wheels = format!("cuda-toolkit[nvcc,crt,nvvm,cudart,cccl]=={version}");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target"])
        .arg(folder)
        .arg(wheels);
    let output = start(&mut pip)?;
    let root = folder.join(format!("nvidia/cu{}", release.cuda.major));
    if !output.status.success() || !root.is_dir() {
        let message = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
        return Err(Error::File { path: format!("cuda-toolkit {version}"), message });
    }
    // Releases before 13.2 look for their libraries there.
    std::os::unix::fs::symlink("lib", root.join("lib64"))?;
    fs_err::write(folder.join("kernel.cu"), KERNEL)?;
    Ok(root.join("bin/nvcc"))
}

fn compile(nvcc: &Path, folder: &Path, compiler: HostCompiler) -> Result<Output, Error> {
    let mut command = Command::new(nvcc);
    command.current_dir(folder).args(["-ccbin", &program(compiler), "-arch=sm_80", "-c", "kernel.cu"]);
    start(&mut command)
}

/// Preprocesses with a compiler that gives itself out for another version.
fn disguised(nvcc: &Path, folder: &Path, real: HostCompiler, guise: HostCompiler) -> Result<Output, Error> {
    let mut command = Command::new(nvcc);
    command.current_dir(folder).args([
        "-ccbin",
        &program(real),
        "-Xcompiler",
        &version_macros(guise).join(","),
        "-E",
        "kernel.cu",
        "-o",
        "kernel.ii",
    ]);
    start(&mut command)
}

/// The options with which a compiler gives itself out for another version of its kind.
fn version_macros(guise: HostCompiler) -> [String; 2] {
    let name = if matches!(guise, HostCompiler::Gcc(_)) { "__GNUC__" } else { "__clang_major__" };
    [format!("-U{name}"), format!("-D{name}={}", guise.major())]
}

fn newest_of_the_kind(compiler: HostCompiler, installed: &[HostCompiler]) -> Option<HostCompiler> {
    installed.iter().rev().find(|one| one.name() == compiler.name()).copied()
}

fn header(files: &ToolkitFiles, folder: &Path) -> Result<PathBuf, Error> {
    let missing =
        || Error::Member { filename: format!("CUDA {}", files.cuda), member: "host_config.h".into() };
    let file = files.headers.get(&HERE).ok_or_else(missing)?;
    let index = PackageIndex::new(&Settings::discover(None)?)?;
    let headers = Downloads::of(&index, files)?.members(file, |path| path.contains("/include/crt/"))?;
    unpack(&headers, folder)?;
    let config = headers.keys().find(|path| path.ends_with("/host_config.h")).ok_or_else(missing)?;
    Ok(folder.join(config))
}

fn preprocess(header: &Path, compiler: HostCompiler, guise: Option<HostCompiler>) -> Result<Output, Error> {
    let mut command = Command::new(program(compiler));
    command
        .args(guise.map(version_macros).into_iter().flatten())
        .args(["-E", "-w", "-x", "c++", "-D__CUDACC__", "-D__CUDA_INCLUDE_COMPILER_INTERNAL_HEADERS__"])
        .arg(header)
        .args(["-o", "/dev/null"]);
    start(&mut command)
}

fn is_installed(compiler: HostCompiler) -> bool {
    let installed = Command::new(program(compiler)).arg("--version").output().is_ok();
    if !installed {
        anstream::eprintln!("skipped: {} is not installed", program(compiler));
    }
    installed
}

/// `g++-12`, `clang++-16`.
fn program(compiler: HostCompiler) -> String {
    let name = if matches!(compiler, HostCompiler::Gcc(_)) { "g++" } else { "clang++" };
    format!("{name}-{}", compiler.major())
}

fn start(command: &mut Command) -> Result<Output, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.env("LC_ALL", "C").output().map_err(|source: io::Error| Error::Start { program, source })
}

fn list(compilers: &[HostCompiler]) -> String {
    compilers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
