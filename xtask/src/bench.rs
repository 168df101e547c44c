//! `cargo xtask bench`: benchmarks of the audit, as ratios to the work that it cannot avoid, and of requests, against
//! uv.
//!
//! Absolute times of one machine say little, and those of a busy machine nothing: the fastest of several runs of each
//! command counts, and compared commands are run in turn.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use axle_catalogue::{Catalogue, CatalogueError, Folder, Inventory};
use axle_provision::cargo::cargo;
use axle_solve::CandidatesError;
use axle_wheel::{Archive, ArchiveError, LocalFile};
use serde::Deserialize;
use thiserror::Error;

use crate::agree;

/// Run benchmarks
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Time `axle audit` against inflating the largest library, and against unzip and cuobjdump
    Audit(AuditArgs),
    /// Time plans and refusals of `axle concretise` against uv, which resolves the same requirements offline, and time
    /// solving all cells
    Concretise(ConcretiseArgs),
}

#[derive(clap::Args)]
struct ConcretiseArgs {
    /// Number of runs of each command
    #[arg(long, default_value_t = 20)]
    runs: u32,
}

#[derive(clap::Args)]
struct AuditArgs {
    /// Large wheel to use, instead of downloading the one that published figures are for
    #[arg(long)]
    wheel: Option<PathBuf>,
    /// Number of runs of each command
    #[arg(long, default_value_t = 3)]
    runs: u32,
}

/// The wheel that figures are told for; it has one library of 1,022,776,209 bytes.
const LARGE: &str = "torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl";
/// A wheel of less than 1 MB.
const SMALL: &str = "orjson-3.12.0-cp313-cp313-musllinux_1_2_aarch64.whl";
/// The bindings of zlib-ng and ISA-L.
const INFLATERS: [&str; 2] = ["zlib-ng", "isal"];
/// The catalogue whose cells are solved.
const CATALOGUE: &str = "catalogue";
const SCRIPT: &str = include_str!("bench.py");

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Agree(#[from] agree::Error),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Inventory(#[from] CandidatesError),
    #[error(transparent)]
    Answer(#[from] serde_json::Error),
    #[error("`{0}` failed")]
    Failed(String),
    #[error("{0} contains no library")]
    NoLibrary(PathBuf),
}

/// Measures and prints.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    match &args.what {
        What::Audit(args) => audit(args),
        What::Concretise(args) => concretise(args),
    }
}

/// What is asked, and how many changes the first suggestion makes; `None` for a plan.
const REQUESTS: [(&str, &str, Option<usize>); 5] = [
    ("a plan", "--cuda 12.8 --cc 8.6 torch", None),
    ("a refusal that one change resolves", "--cuda 12.8 --cc 6.1 torch", Some(1)),
    ("a refusal that two changes resolve", "--cuda 12.8 --cc 6.1 torch flash-attn", Some(2)),
    ("a refusal that only a lock file resolves", "--cuda 12.8 --cc 8.6 torch==2.9 xformers==0.0.33", Some(1)),
    ("a refusal that nothing resolves", "--cuda 13.0 --cc 8.6 --glibc 2.5 torch flash-attn vllm", Some(0)),
];
/// The package of the plan, which uv resolves too.
const PACKAGE: &str = "torch";

fn concretise(args: &ConcretiseArgs) -> Result<ExitCode, Error> {
    let axle = build()?;
    let folder = tempfile::tempdir()?;
    let script = Script::new(folder.path(), &["uv"])?;
    // The interpreter that uv is given, so that it has not to look for one.
    let version = "import sys; print(*sys.version_info[:2], sep='.')";
    let version = Command::new(&script.python).args(["-c", version]).output()?.stdout;
    let python = String::from_utf8_lossy(&version).trim().to_owned();
    let words = |target: &str| -> Vec<String> {
        let words = ["concretise", "--python", &python].into_iter().chain(target.split(' '));
        words.map(str::to_owned).collect()
    };

    let mut torch = String::new();
    for (what, target, changes) in REQUESTS {
        let output = Command::new(&axle).args(words(target)).args(["--format", "json"]).output()?;
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let first = answer.pointer("/suggestions/0/change").and_then(serde_json::Value::as_str);
        let made = first.map_or(0, |change| change.matches(" and ").count() + 1);
        let planned = answer.get("torch").and_then(serde_json::Value::as_str);
        if planned.is_none().then_some(made) != changes {
            return Err(Error::Failed(format!("axle {}: it is not {what}", words(target).join(" "))));
        }
        torch = planned.map_or(torch, str::to_owned);
    }

    let requirements = folder.path().join("requirements.in");
    fs_err::write(&requirements, format!("{PACKAGE}=={torch}\n"))?;
    let (uv, cache) = (folder.path().join("python/bin/uv"), folder.path().join("cache"));
    let resolve: Vec<&Path> = [uv.as_path(), "pip".as_ref(), "compile".as_ref(), &requirements]
        .into_iter()
        .chain(["--cache-dir".as_ref(), cache.as_path(), "--python".as_ref(), script.python.as_path()])
        .chain(["--python-platform", "x86_64-manylinux_2_28"].map(Path::new))
        .collect();
    let offline = [resolve.as_slice(), &["--offline".as_ref()]].concat();
    // Once with the network, so that its cache holds all that it reads. The script takes a status of 1 for an answer.
    for command in [&resolve, &offline] {
        succeed(Command::new(&uv).args(&command[1..]).stderr(Stdio::null()))?;
    }

    let mut fewest = [f64::INFINITY; REQUESTS.len()];
    let mut with_uv = f64::INFINITY;
    for _ in 0..args.runs {
        for ((_, target, _), fewest) in REQUESTS.iter().zip(&mut fewest) {
            let words = words(target);
            let command: Vec<&Path> =
                [axle.as_path()].into_iter().chain(words.iter().map(Path::new)).collect();
            *fewest = fewest.min(script.run(1, &command)?.seconds);
        }
        with_uv = with_uv.min(script.run(1, &offline)?.seconds);
    }
    for ((what, target, _), seconds) in REQUESTS.iter().zip(fewest) {
        anstream::println!("{:8.1} ms  {what}: axle {}", seconds * 1e3, words(target).join(" "));
    }
    anstream::println!(
        "{:8.1} ms  uv pip compile --offline of {PACKAGE}=={torch}, from its cache\n",
        with_uv * 1e3
    );
    anstream::println!("{:8.2} × the time of uv for that plan\n", fewest[0] / with_uv);
    cells()
}

/// How long all cells take, and those of each Python alone, so that one sees that twice the cells take twice the time.
fn cells() -> Result<ExitCode, Error> {
    let mut inventory = Inventory::read(&Catalogue::new(Folder::new(CATALOGUE)))?;
    let pythons = inventory.matrix.pythons.clone();
    let every = pythons.iter().map(std::slice::from_ref).chain([pythons.as_slice()]);
    for pythons in every {
        inventory.matrix.pythons = pythons.to_vec();
        let begun = Instant::now();
        let files = axle_solve::cells::solve_all(&inventory)?;
        let seconds = begun.elapsed().as_secs_f64();
        let count: u32 = files.iter().flat_map(|solved| &solved.file.order).map(|_| 1).sum();
        let of: Vec<_> = pythons.iter().map(ToString::to_string).collect();
        anstream::println!(
            "{:8.1} s   the {count} cells of Python {}: {:.0} ms per cell",
            seconds,
            of.join(", "),
            seconds / f64::from(count.max(1)) * 1e3
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn audit(args: &AuditArgs) -> Result<ExitCode, Error> {
    let axle = build()?;
    let folder = tempfile::tempdir()?;
    let script = Script::new(folder.path(), &INFLATERS)?;
    let fetched;
    let wheel = if let Some(wheel) = &args.wheel {
        wheel.clone()
    } else {
        fetched = agree::download(LARGE)?;
        fetched.path().join(LARGE)
    };

    let library = Library::largest(&wheel)?;
    anstream::println!(
        "{}: its largest library, {}, inflates from {} to {} bytes\n",
        wheel.file_name().unwrap_or_default().display(),
        library.path,
        library.compressed_size,
        library.size
    );
    let mut inflating = script.inflate(args.runs, &wheel, &library)?;
    inflating.insert("zlib-rs".to_owned(), library.inflate(args.runs, &wheel)?);
    for (name, seconds) in &inflating {
        anstream::println!("{seconds:8.2} s  inflate it with {name} on one thread");
    }
    let audit = script.run(args.runs, &[&axle, Path::new("audit"), &wheel])?;
    anstream::println!("{:8.2} s  axle audit, {} MB of memory at most", audit.seconds, audit.peak / 1024);
    let unpacking = unzip_and_list(&script, folder.path(), &wheel, &library)?;
    anstream::println!("{unpacking:8.2} s  unzip its libraries, and cuobjdump --list-elf of that one");

    let small = agree::download(SMALL)?;
    let little = script.run(20, &[&axle, Path::new("audit"), &small.path().join(SMALL)])?;
    anstream::println!("{:8.2} ms axle audit of {SMALL}\n", little.seconds * 1e3);

    if let Some((name, seconds)) = inflating.iter().min_by(|one, other| one.1.total_cmp(other.1)) {
        anstream::println!(
            "{:8.2} × the time of inflating that library with {name}, the fastest",
            audit.seconds / seconds
        );
    }
    anstream::println!("{:8.2} × faster than unzip and cuobjdump", unpacking / audit.seconds);
    Ok(ExitCode::SUCCESS)
}

/// Builds axle as it is released, and says where it is.
fn build() -> Result<PathBuf, Error> {
    let mut cargo = cargo();
    succeed(cargo.args(["build", "--quiet", "--release", "--package", "axle"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    Ok(target.join("release/axle"))
}

fn succeed(command: &mut Command) -> Result<(), Error> {
    if command.stdout(Stdio::null()).status()?.success() { Ok(()) } else { Err(failed(command)) }
}

fn failed(command: &Command) -> Error {
    Error::Failed(format!("{command:?}"))
}

/// The seconds of unpacking all libraries and listing the images of the largest: what one does without axle.
fn unzip_and_list(script: &Script, folder: &Path, wheel: &Path, library: &Library) -> Result<f64, Error> {
    let unpacked = folder.join("unpacked");
    let names = ["*.so".as_ref(), "*.so.*".as_ref(), "-d".as_ref(), unpacked.as_path()];
    let unzip = [["unzip".as_ref(), "-qo".as_ref(), wheel].as_slice(), &names].concat();
    let unzip = script.run(1, &unzip)?;
    let cuobjdump = agree::newest_cuobjdump()?;
    let list = script.run(1, &[&cuobjdump, "--list-elf".as_ref(), &unpacked.join(&library.path)])?;
    Ok(unzip.seconds + list.seconds)
}

/// The member of a wheel that takes longest.
struct Library {
    path: String,
    size: u64,
    compressed_size: u64,
    /// Where its compressed bytes start.
    start: u64,
}

impl Library {
    fn largest(wheel: &Path) -> Result<Self, Error> {
        let source = LocalFile::open(wheel)?;
        let archive = Archive::open(&source)?;
        let member = archive.members().iter().max_by_key(|member| member.size);
        let member = member.ok_or_else(|| Error::NoLibrary(wheel.to_owned()))?;
        // APPNOTE 4.3.7: the lengths of the name and of what follows it are the end of the local header.
        let mut lengths = [0; 4];
        let mut file = fs_err::File::open(wheel)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(member.offset + 26))?;
        file.read_exact(&mut lengths)?;
        let [name, name_high, extra, extra_high] = lengths.map(u64::from);
        Ok(Self {
            path: member.path.clone(),
            size: member.size,
            compressed_size: member.compressed_size,
            start: member.offset + 30 + name + (name_high << 8) + extra + (extra_high << 8),
        })
    }

    /// The fewest seconds that zlib-rs takes.
    fn inflate(&self, runs: u32, wheel: &Path) -> Result<f64, Error> {
        let mut fewest = f64::INFINITY;
        let mut piece = vec![0; 1 << 17];
        for _ in 0..runs {
            let mut file = fs_err::File::open(wheel)?;
            io::Seek::seek(&mut file, io::SeekFrom::Start(self.start))?;
            let start = Instant::now();
            let mut decoder =
                flate2::read::DeflateDecoder::new_with_buf(file.take(self.compressed_size), vec![0; 1 << 17]);
            while decoder.read(&mut piece)? > 0 {}
            fewest = fewest.min(start.elapsed().as_secs_f64());
        }
        Ok(fewest)
    }
}

/// bench.py, with a Python that has some packages.
struct Script {
    python: PathBuf,
    path: PathBuf,
}

/// What a command took.
#[derive(Deserialize)]
struct Taken {
    seconds: f64,
    /// KiB.
    #[serde(default)]
    peak: u64,
}

impl Script {
    fn new(folder: &Path, packages: &[&str]) -> Result<Self, Error> {
        let environment = folder.join("python");
        let (python, path) = (environment.join("bin/python"), folder.join("bench.py"));
        fs_err::write(&path, SCRIPT)?;
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
        Ok(Self { python, path })
    }

    fn run(&self, runs: u32, command: &[&Path]) -> Result<Taken, Error> {
        Ok(serde_json::from_slice(&self.answer("run", runs, command)?)?)
    }

    fn inflate(&self, runs: u32, wheel: &Path, library: &Library) -> Result<BTreeMap<String, f64>, Error> {
        let (start, size) = (library.start.to_string(), library.compressed_size.to_string());
        let answer = self.answer("inflate", runs, &[wheel, start.as_ref(), size.as_ref()])?;
        let taken: BTreeMap<String, Taken> = serde_json::from_slice(&answer)?;
        Ok(taken.into_iter().map(|(name, taken)| (name, taken.seconds)).collect())
    }

    fn answer(&self, what: &str, runs: u32, arguments: &[&Path]) -> Result<Vec<u8>, Error> {
        let mut command = Command::new(&self.python);
        command.arg(&self.path).arg(what).arg(runs.to_string()).args(arguments);
        let output = command.stderr(Stdio::inherit()).output()?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(&command)) }
    }
}
