//! Trials of sets (`cargo xtask harvest imports`): the wheels that a cell chooses are installed by hash into a fresh
//! environment, on a machine without a GPU, and each package of GPU kind is imported beside the cell's torch.
//!
//! Each trial has an environment of its own: exactly the package, torch, and what both require. All trials of a torch
//! share one folder, in which uv exchanges what differs, and one cache, whose files are linked: a torch is downloaded
//! and unpacked once. What the next torch does not need is deleted.

mod classify;
mod trial;
mod wanted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use axle_catalogue::{Catalogue, Folder, IMPORTS_PATH, ImportsFile, Inventory, Outcome, write_json};
use axle_types::{CudaTarget, PythonVersion};

use self::trial::Environment;
use self::wanted::{AllUnreachable, Group, Pair};
use crate::Error;

/// Options of `cargo xtask harvest imports`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Only these Pythons
    #[arg(long = "python")]
    pythons: Vec<PythonVersion>,
    /// Only these CUDA releases, or `cpu`
    #[arg(long = "cuda")]
    cudas: Vec<CudaTarget>,
    /// Only these torches
    #[arg(long = "torch")]
    torches: Vec<String>,
    /// Only these packages
    #[arg(long = "package")]
    packages: Vec<String>,
    /// One of several parts of the work, as in 2/8
    #[arg(long, value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Stop after so many pairs
    #[arg(long)]
    limit: Option<usize>,
    /// Print the pairs, and what would be downloaded; try nothing
    #[arg(long)]
    dry_run: bool,
    /// Print only how many pairs there are, and what would be downloaded; try nothing
    #[arg(long)]
    count: bool,
    /// Also try what was tried before
    #[arg(long)]
    again: bool,
    /// The uv that installs
    #[arg(long, default_value = "uv")]
    uv: PathBuf,
    /// Folder for downloads and environments; default: a temporary one
    #[arg(long)]
    work: Option<PathBuf>,
    /// Folder of libraries that a package set gives and this machine lacks, FFmpeg's say
    #[arg(long)]
    libraries: Option<PathBuf>,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(one, of)| Some((one.parse().ok()?, of.parse().ok()?)));
    parts.filter(|&(one, of)| one >= 1 && one <= of).ok_or_else(|| "write it as 2/8".to_owned())
}

/// Tries the pairs of the catalogue's cells that were not tried yet.
pub(super) fn run(args: &Args) -> Result<(), Error> {
    let folder = Folder::new(&args.catalogue);
    let catalogue = Catalogue::new(folder.clone());
    let inventory = Inventory::read(&catalogue)?;
    let mut file = catalogue.imports()?;
    let known = if args.again { ImportsFile::default() } else { file.clone() };
    let (groups, unreachable) = wanted::groups(&catalogue, &inventory, &known.into())?;
    let groups = selected(groups, args);
    report(&groups, &unreachable, args.dry_run);
    if args.dry_run || args.count {
        return Ok(());
    }
    let temporary = tempfile::tempdir()?;
    let work = args.work.clone().unwrap_or_else(|| temporary.path().to_owned());
    let environment = Environment::new(&args.uv, &work, args.libraries.as_deref())?;
    let libraries = catalogue.libraries()?;
    let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        let start = Instant::now();
        let torch = &group.torch;
        anstream::eprintln!(
            "{}/{}: torch {}, Python {}, CUDA {}: {} to download",
            number + 1,
            groups.len(),
            torch.version,
            torch.python,
            torch.cuda,
            bytes(group.downloads().values().sum()),
        );
        let trials = environment.try_group(group, &inventory, &libraries)?;
        let failed = trials.iter().filter(|trial| trial.outcome.is_failure()).count();
        anstream::eprintln!("  {} tried, {failed} failed, {} s", trials.len(), start.elapsed().as_secs());
        for trial in trials {
            *outcomes.entry(trial.outcome).or_default() += 1;
            file.add(torch, trial);
        }
        write_json(&folder, IMPORTS_PATH, &file)?;
        environment.prune(group, groups.get(number + 1))?;
    }
    for (outcome, count) in outcomes {
        anstream::eprintln!("{count:6} {outcome}");
    }
    Ok(())
}

/// The groups that options ask for.
fn selected(groups: Vec<Group>, args: &Args) -> Vec<Group> {
    let takes = |group: &Group| {
        let torch = &group.torch;
        (args.pythons.is_empty() || args.pythons.contains(&torch.python))
            && (args.cudas.is_empty() || args.cudas.contains(&torch.cuda))
            && (args.torches.is_empty() || args.torches.contains(&torch.version))
    };
    let mut groups: Vec<_> = groups.into_iter().filter(takes).collect();
    for group in &mut groups {
        group.pairs.retain(|pair| args.packages.is_empty() || args.packages.contains(&pair.package));
    }
    wanted::once(&mut groups);
    let (one, of) = args.shard.unwrap_or((1, 1));
    let mut groups: Vec<_> = groups.into_iter().skip(one - 1).step_by(of).collect();
    let mut left = args.limit.unwrap_or(usize::MAX);
    for group in &mut groups {
        group.pairs.truncate(left);
        left -= group.pairs.len();
    }
    groups.retain(|group| !group.pairs.is_empty());
    groups
}

/// Says what is to be done, and what cannot be.
fn report(groups: &[Group], unreachable: &AllUnreachable, each: bool) {
    let mut downloads = BTreeMap::new();
    for group in groups {
        downloads.extend(group.downloads());
        if each {
            let torch = &group.torch;
            let pairs: Vec<_> = group.pairs.iter().map(Pair::to_string).collect();
            let pairs = pairs.join(", ");
            anstream::println!(
                "torch {}, Python {}, CUDA {}: {pairs}",
                torch.version,
                torch.python,
                torch.cuda
            );
        }
    }
    let pairs: usize = groups.iter().map(|group| group.pairs.len()).sum();
    anstream::println!(
        "{pairs} pairs beside {} torches: {} wheels, {} to download",
        groups.len(),
        downloads.len(),
        bytes(downloads.values().sum())
    );
    for (why, pairs) in unreachable {
        anstream::println!("{} pairs of all sets cannot be tried: {why}", pairs.len());
        for pair in pairs.iter().filter(|_| each) {
            anstream::println!("  {pair}");
        }
    }
}

/// `3.1 GB`.
fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded")]
    let gigabytes = count as f64 / 1e9;
    format!("{gigabytes:.1} GB")
}
