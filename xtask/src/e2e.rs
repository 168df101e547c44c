//! `cargo xtask e2e`: builds a real torch environment with real Nix, imports torch from the store, and compiles at run
//! time.
//!
//! It downloads some gigabytes, which stay in the Nix store.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use axle_audit::WheelFacts;
use axle_catalogue::{Catalogue, CatalogueError, Folder};
use serde::Deserialize;
use thiserror::Error;

use axle_provision::nix::{self, NixEnv};

mod run_time;

use run_time::Try;

/// Build a torch environment with Nix, import torch from it, and let it compile code at run time
#[derive(clap::Args)]
pub struct Args {
    /// Environment to build: an attribute of `legacyPackages.<system>.environments`
    #[arg(long, default_value = "python3_11-cuda12_8-torch2_9_1")]
    environment: String,
    /// File name of its torch wheel, whose audit is compared with what torch reports
    #[arg(long, default_value = "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl")]
    wheel: String,
    /// Packages to build and import besides torch (`torchvision`), each in an environment of its own; those that
    /// compile at run time (`cupy-cuda13x`, `numba`, `flashinfer-python`) do so
    #[arg(long)]
    with: Vec<String>,
    /// Packages to compile for one compute capability and import (`flash-attn`), in the same way (`deepspeed`)
    #[arg(long)]
    compile: Vec<String>,
    /// Lock files to build and import, each with the package that it is for, which no cell has
    /// (`flashinfer-python=axle.lock.json`)
    #[arg(long, value_name = "NAME=FILE", value_parser = named)]
    lock: Vec<(String, PathBuf)>,
    /// Also list the devices with torch and the packages of --with and --lock, where only the driver's directory has a
    /// driver
    #[arg(long, conflicts_with = "compile")]
    driver: bool,
    /// Afterwards, remove everything that was built and downloaded from the Nix store
    #[arg(long)]
    clean: bool,
}

/// Why the run cannot be judged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Nix.
    #[error(transparent)]
    Nix(#[from] nix::Error),
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The wheel is not in the catalogue, or not audited.
    #[error("the catalogue has no audit of {0}")]
    Unaudited(String),
    /// A program cannot be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {message}")]
    Failed {
        /// The program.
        program: String,
        /// The end of what it said.
        message: String,
    },
    /// A program's answer is not what it should be.
    #[error("the output of {program} is not valid JSON: {message}")]
    Answer {
        /// The program.
        program: String,
        /// What is wrong with it.
        message: String,
    },
}

/// What `e2e.py` says.
#[derive(Deserialize)]
struct Answer {
    torch: String,
    file: String,
    cuda: Option<String>,
    flags: Vec<String>,
    product: Vec<Vec<f64>>,
    imported: Vec<String>,
    nvrtc: Option<u64>,
    triton: Option<u64>,
    launcher: Option<String>,
    path: Vec<String>,
    modules: Vec<String>,
    mapped: Vec<String>,
    loaders: Vec<String>,
}

/// Runs it, and prints one line a check.
///
/// # Errors
/// When it cannot be judged: no Nix, no network, no disk.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let nix = nix::ensure()?;
    nix::place_auditor(Path::new("."))?;
    let failed = if args.driver { ask(&nix, args)? } else { check_all(&nix, args)? };
    if args.clean {
        run_nix(&nix, &["store", "gc"])?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("not of the form NAME=FILE")?;
    let file = std::path::absolute(file).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), file))
}

/// What a package is imported as.
fn module_of(package: &str) -> String {
    match package {
        "cupy-cuda12x" | "cupy-cuda13x" => "cupy".to_owned(),
        "flashinfer-python" => "flashinfer".to_owned(),
        "transformer-engine-cu12" | "transformer-engine-cu13" => "transformer_engine".to_owned(),
        _ => package.replace('-', "_"),
    }
}

/// Asks for the devices in environments of the fake driver of `checks/driver.nix`; gives the number of environments where
/// something does not find it.
fn ask(nix: &NixEnv, args: &Args) -> Result<usize, Error> {
    let set = "legacyPackages.x86_64-linux.driver";
    let driver = build(nix, &evaluate(nix, &format!("{set}.fake"))?)?;
    let torch = (args.environment.clone(), vec!["torch", "torch-nvml", "triton"]);
    let with =
        args.with.iter().map(|package| (format!("{}.plus.{package}", args.environment), vec![&**package]));
    let mut environments = Vec::new();
    for (environment, questions) in std::iter::once(torch).chain(with) {
        let derivation = evaluate(nix, &format!("{set}.{environment}"))?;
        environments.push((environment, derivation, questions));
    }
    for (package, file) in &args.lock {
        environments.push((file.display().to_string(), locked(nix, set, file)?, vec![package]));
    }
    let mut failed = 0;
    for (environment, derivation, questions) in environments {
        anstream::println!("{environment}");
        let python = build(nix, &derivation)?.join("bin/python3");
        let mut command = Command::new(&python);
        command.arg("checks/driver/ask.py").arg(&driver).arg(&python).args(questions);
        let status = command
            .status()
            .map_err(|source| Error::Start { program: python.display().to_string(), source })?;
        failed += usize::from(!status.success());
    }
    Ok(failed)
}

/// Builds the environments and looks at them from inside; gives the number of checks that failed.
fn check_all(nix: &NixEnv, args: &Args) -> Result<usize, Error> {
    let facts = facts(&args.wheel)?;
    let set = "legacyPackages.x86_64-linux";
    let attribute = format!("{set}.environments.{}", args.environment);

    // Of CUDA 13, a toolkit is assembled from wheels.
    let has_nvcc = facts.cuda.iter().filter_map(|cuda| cuda.major()).any(|major| major >= 13);
    let evaluated = |attribute: &str| {
        anstream::println!("{attribute}");
        evaluate(nix, attribute)
    };
    let mut failed = check(nix, &evaluated(&attribute)?, &facts, &[], &run_time::of_torch(has_nvcc))?;
    let with = args.with.iter().map(|package| ("plus", package));
    for (kind, package) in with.chain(args.compile.iter().map(|package| ("compiled", package))) {
        let attribute = format!("{attribute}.{kind}.{package}");
        let tries = run_time::of_package(package);
        failed += check(nix, &evaluated(&attribute)?, &facts, &[&module_of(package)], &tries)?;
    }
    for (package, file) in &args.lock {
        anstream::println!("{}", file.display());
        let tries = run_time::of_package(package);
        failed += check(nix, &locked(nix, set, file)?, &facts, &[&module_of(package)], &tries)?;
    }
    Ok(failed)
}

/// Builds one environment and looks at it from inside; gives the number of checks that failed.
fn check(
    nix: &NixEnv,
    derivation: &str,
    facts: &WheelFacts,
    modules: &[&str],
    tries: &[Try],
) -> Result<usize, Error> {
    let start = Instant::now();
    let environment = build(nix, derivation)?;
    anstream::println!("nix build: {:.1} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    let answer = import(&environment, modules)?;
    anstream::println!("import: {:.1} s", start.elapsed().as_secs_f64());
    let mut checks = judge(facts, &answer, modules);
    if !tries.is_empty() {
        let start = Instant::now();
        let problems = run_time::run(&environment, tries)?;
        checks.extend(tries.iter().map(|one| one.what).zip(problems));
        anstream::println!("compile at run time: {:.1} s", start.elapsed().as_secs_f64());
    }
    let failed = checks.iter().filter(|(_, problem)| problem.is_some()).count();
    for (name, problem) in &checks {
        match problem {
            None => anstream::println!("ok      {name}"),
            Some(problem) => anstream::println!("FAILED  {name}: {problem}"),
        }
    }
    anstream::println!("{} passed, {failed} failed", checks.len() - failed);
    Ok(failed)
}

fn judge(facts: &WheelFacts, answer: &Answer, modules: &[&str]) -> Vec<(&'static str, Option<String>)> {
    let unless = |holds: bool, problem: String| (!holds).then_some(problem);
    let expected = architectures(facts);
    let flags: BTreeSet<_> = answer.flags.iter().cloned().collect();
    let outside = |paths: &[String]| -> Vec<String> {
        paths
            .iter()
            .filter(|path| path.starts_with('/') && !path.starts_with("/nix/store/"))
            .cloned()
            .collect()
    };
    let foreign_modules =
        outside(&answer.modules).into_iter().filter(|path| !is_standard_library(path)).collect::<Vec<_>>();
    let foreign_libraries =
        outside(&answer.mapped).into_iter().filter(|path| !is_stand_in(path)).collect::<Vec<_>>();
    let foreign_paths =
        outside(&answer.path).into_iter().filter(|path| !is_standard_library(path)).collect::<Vec<_>>();
    vec![
        (
            "torch is the version of the wheel",
            unless(answer.torch.split('+').next() == facts.version.as_deref(), answer.torch.clone()),
        ),
        (
            "torch is imported from the store",
            unless(answer.file.starts_with("/nix/store/"), answer.file.clone()),
        ),
        (
            "torch.version.cuda is the audit's CUDA",
            unless(
                answer
                    .cuda
                    .as_ref()
                    .is_some_and(|cuda| facts.cuda.iter().any(|known| known.to_string() == *cuda)),
                format!("{:?}, not {:?}", answer.cuda, facts.cuda),
            ),
        ),
        (
            "torch._C._cuda_getArchFlags() names the audit's plain architectures",
            unless(flags == expected, format!("{flags:?}, not {expected:?}")),
        ),
        (
            "torch multiplies",
            unless(answer.product == [[3.0, 3.0], [12.0, 12.0]], format!("{:?}", answer.product)),
        ),
        ("the other modules are imported", unless(answer.imported == modules, answer.imported.join(", "))),
        (
            "NVRTC compiles a kernel",
            unless(answer.nvrtc.is_some_and(|size| size > 0), "there is no kernel".into()),
        ),
        (
            "triton compiles a kernel with its ptxas",
            unless(answer.triton.is_some_and(|size| size > 0), "there is no kernel".into()),
        ),
        (
            "triton compiles a launcher with a C compiler of its own",
            unless(answer.launcher.is_some(), "there is no launcher".into()),
        ),
        (
            "no ELF file names a loader outside the store",
            unless(answer.loaders.is_empty(), answer.loaders.join(", ")),
        ),
        (
            "Python looks for packages in the store only",
            unless(foreign_paths.is_empty(), foreign_paths.join(", ")),
        ),
        (
            "every module comes from the store or the standard library",
            unless(foreign_modules.is_empty(), foreign_modules.join(", ")),
        ),
        (
            "every library comes from the store or the stand-in's host",
            unless(foreign_libraries.is_empty(), foreign_libraries.join(", ")),
        ),
    ]
}

/// The plain SASS that every linked container of the library with torch's own kernels holds.
fn architectures(facts: &WheelFacts) -> BTreeSet<String> {
    let groups = facts
        .elf
        .iter()
        .filter(|elf| elf.path == "torch/lib/libtorch_cuda.so")
        .flat_map(|elf| &elf.container_groups);
    groups
        .filter(|group| group.section == ".nv_fatbin")
        .map(|group| {
            group.code.iter().filter(|code| code.is_plain()).map(ToString::to_string).collect::<BTreeSet<_>>()
        })
        .reduce(|all, group| all.intersection(&group).cloned().collect())
        .unwrap_or_default()
}

/// The standard library of the machine's own Python, which the stand-in package set is made of.
fn is_standard_library(path: &str) -> bool {
    path.strip_prefix("/usr/lib/python3")
        .is_some_and(|rest| !rest.contains("-packages/") && !rest.ends_with("-packages"))
}

/// A library of the machine itself, which the stand-in package set links as its C and C++ run time, or which its loader
/// finds there when a wheel asks for it and does without: Pillow opens `libfribidi` where there is one.
fn is_stand_in(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let run_time = [
        "ld-linux-x86-64.so.2",
        "libc.so.6",
        "libdl.so.2",
        "libgcc_s.so.1",
        "libm.so.6",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
    ];
    let is_run_time =
        run_time.contains(&name) || name.starts_with("libstdc++.so.6") || name.starts_with("libz.so.1");
    is_standard_library(path) || is_run_time || name.starts_with("libfribidi.so.0")
}

fn facts(wheel: &str) -> Result<WheelFacts, Error> {
    let catalogue = Catalogue::new(Folder::new("catalogue"));
    let artefacts = catalogue.artefacts("torch")?.into_iter().flat_map(|file| file.artefacts);
    artefacts
        .filter(|artefact| artefact.filename == wheel)
        .find_map(|artefact| artefact.facts().map(Cow::into_owned))
        .ok_or_else(|| Error::Unaudited(wheel.to_owned()))
}

fn import(environment: &Path, modules: &[&str]) -> Result<Answer, Error> {
    let interpreter = environment.join("bin/python3");
    let mut command = Command::new(&interpreter);
    command.env_clear().args(["-I", "-c", include_str!("e2e.py")]).args(modules);
    let answer = output(command, &interpreter.display().to_string())?;
    serde_json::from_str(&answer)
        .map_err(|error| Error::Answer { program: "python".into(), message: error.to_string() })
}

/// The derivation of an attribute.
fn evaluate(nix: &NixEnv, attribute: &str) -> Result<String, Error> {
    let start = Instant::now();
    let derivation = run_nix(nix, &["eval", "--raw", &format!(".#{attribute}.drvPath")])?;
    anstream::println!("nix eval: {:.1} s", start.elapsed().as_secs_f64());
    Ok(derivation)
}

/// The derivation of a lock's environment, in the package set of `set`.
fn locked(nix: &NixEnv, set: &str, file: &Path) -> Result<String, Error> {
    let read = format!("read: (read {}).python", file.display());
    run_nix(nix, &["eval", "--raw", "--impure", &format!(".#{set}.locks"), "--apply", &read])
}

fn build(nix: &NixEnv, derivation: &str) -> Result<PathBuf, Error> {
    let outputs = format!("{derivation}^out");
    let path = run_nix(nix, &["build", "--no-link", "--print-out-paths", "--print-build-logs", &outputs])?;
    Ok(PathBuf::from(path.trim()))
}

fn run_nix(nix: &NixEnv, arguments: &[&str]) -> Result<String, Error> {
    let mut command = nix.command("nix");
    command.args(arguments);
    if arguments.first() != Some(&"store") {
        command.args(["--no-write-lock-file", "--override-input", "nixpkgs", "path:./checks/host"]);
    }
    command.stderr(std::process::Stdio::inherit());
    output(command, "nix")
}

fn output(mut command: Command, program: &str) -> Result<String, Error> {
    let output = command.output().map_err(|source| Error::Start { program: program.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = if said.trim().is_empty() { output.status.to_string() } else { said.trim().to_owned() };
    Err(Error::Failed { program: program.to_owned(), message })
}
