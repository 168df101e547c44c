//! `cargo xtask fuzz`: feeds damaged input to every parser.
//!
//! It runs with the stable compiler: the pass of LLVM that guides libFuzzer is in every one. What cargo-fuzz asks
//! a nightly one for is the address sanitiser, which has little to find where `unsafe` is forbidden.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, io};

use axle_provision::cargo::cargo;
use thiserror::Error;

/// Run every fuzz target for a while, starting from the corpus in fuzz/corpus
#[derive(clap::Args)]
pub struct Args {
    /// Only these targets
    targets: Vec<String>,
    /// Seconds that each target runs
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Stop each target after this many executions instead
    #[arg(long, conflicts_with = "seconds")]
    executions: Option<u64>,
}

/// Those of fuzz/fuzz_targets.
const TARGETS: [&str; 13] = [
    "answer",
    "audit",
    "elf",
    "facts",
    "fatbin",
    "image",
    "lock",
    "metadata",
    "page",
    "releases",
    "request",
    "wheel",
    "wheel_name",
];

/// The most bytes of one input, where the default of libFuzzer (4096) is too few: a wheel's zip has some
/// hundred bytes a member, an ELF file a kilobyte before it says anything.
const LONGEST_INPUT: u64 = 8192;

/// One input needs milliseconds: ten seconds, or a gigabyte of memory, are findings.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1024"];

/// What cargo-fuzz passes for coverage, without a sanitiser.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions=on -Coverflow-checks=on";

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("there is no target `{0}`; there are {targets}", targets = TARGETS.join(", "))]
    NoTarget(String),
    #[error("failed to build the fuzz targets")]
    Build,
    #[error("{0} has found a failing input, which is in fuzz/artifacts")]
    Finding(String),
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    if let Some(unknown) = args.targets.iter().find(|target| !TARGETS.contains(&target.as_str())) {
        return Err(Error::NoTarget(unknown.clone()));
    }
    let chosen: Vec<&str> = if args.targets.is_empty() {
        TARGETS.to_vec()
    } else {
        args.targets.iter().map(String::as_str).collect()
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let built = build(&folder)?;
    for target in chosen {
        fuzz(args, &folder, &built, target)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the targets, and gives the folder that they are in.
fn build(folder: &Path) -> Result<PathBuf, Error> {
    let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let target_dir = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| folder.join("target"), |target| PathBuf::from(target).join("fuzz"));
    // With an explicit target the flags are not for build scripts.
    let status = cargo()
        .args(["build", "--quiet", "--release", "--bins", "--target", &host, "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("RUSTFLAGS", FLAGS)
        .status()?;
    if status.success() { Ok(target_dir.join(host).join("release")) } else { Err(Error::Build) }
}

fn fuzz(args: &Args, folder: &Path, built: &Path, target: &str) -> Result<(), Error> {
    let corpus = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    fs_err::create_dir_all(&corpus)?;
    fs_err::create_dir_all(&artifacts)?;
    // libFuzzer writes what it discovers to the first folder, and the repository's stays as it is.
    let discovered = tempfile::tempdir()?;

    anstream::eprintln!("→ fuzz {target}");
    let mut command = Command::new(built.join(target));
    command
        .args(LIMITS)
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .env("RAYON_NUM_THREADS", "1");
    match args.executions {
        Some(executions) => command.arg(format!("-runs={executions}")),
        None => command.arg(format!("-max_total_time={}", args.seconds)),
    };
    let status = command.arg(discovered.path()).arg(&corpus).status()?;
    if !status.success() {
        return Err(Error::Finding(target.to_owned()));
    }
    Ok(())
}
