//! `cargo xtask notices`: the licences of what is compiled into the program (`THIRD-PARTY-NOTICES.txt`), which is installed
//! beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::generated;

/// Write the notices of the program's dependencies
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    generated: generated::Mode,
}

/// Why there are no notices.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Cargo cannot say what the program depends on.
    #[error(transparent)]
    Metadata(#[from] cargo_metadata::Error),
    /// A licence cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The notices cannot be written, or are out of date.
    #[error(transparent)]
    Generated(#[from] generated::Error),
}

const PROGRAM: &str = "axle";
/// The systems that the program is built for.
const SYSTEMS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Writes or compares them.
///
/// # Errors
/// When they cannot be written, or are out of date.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    args.generated.keep("notices", "THIRD-PARTY-NOTICES.txt", Some(&notices()?))?;
    Ok(ExitCode::SUCCESS)
}

fn notices() -> Result<String, Error> {
    let mut packages: BTreeMap<(String, String), Package> = BTreeMap::new();
    for system in SYSTEMS {
        let options = ["--filter-platform", system].map(str::to_owned);
        let metadata = MetadataCommand::new().other_options(options).exec()?;
        let compiled = compiled(&metadata);
        let of_others = metadata.packages.into_iter().filter(|package| package.source.is_some());
        for package in of_others.filter(|package| compiled.contains(&package.id)) {
            packages.insert((package.name.to_string(), package.version.to_string()), package);
        }
    }
    let mut text = String::from(
        "The axle command is compiled from its own source (MIT OR Apache-2.0) and from these packages.\n\n",
    );
    // Many packages share one text, which is printed once.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((name, version), package) in &packages {
        let _ = writeln!(text, "{name} {version}: {}", package.license.as_deref().unwrap_or("see below"));
        for licence in licences(package)? {
            texts.entry(licence).or_default().push(format!("{name} {version}"));
        }
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (licence, names) in texts {
        let _ = write!(text, "\n{}\n{}\n\n{licence}", "-".repeat(80), names.join(", "));
    }
    Ok(text)
}

/// What is compiled into the program: its normal dependencies, and theirs.
fn compiled(metadata: &Metadata) -> BTreeSet<PackageId> {
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes: BTreeMap<&PackageId, _> = nodes.map(|node| (&node.id, node)).collect();
    let mut next: Vec<&PackageId> = metadata
        .packages
        .iter()
        .filter(|package| *package.name == PROGRAM)
        .map(|package| &package.id)
        .collect();
    let mut compiled = BTreeSet::new();
    while let Some(id) = next.pop() {
        let Some(node) = nodes.get(id).filter(|_| compiled.insert(id.clone())) else { continue };
        let is_normal = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        };
        next.extend(node.deps.iter().filter(is_normal).map(|dependency| &dependency.pkg));
    }
    compiled
}

/// The texts of a package's licence files.
fn licences(package: &Package) -> Result<BTreeSet<String>, io::Error> {
    let folder = package.manifest_path.parent().map(cargo_metadata::camino::Utf8Path::to_path_buf);
    let mut texts = BTreeSet::new();
    for entry in folder.iter().map(fs_err::read_dir).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let is_licence = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_licence && entry.file_type()?.is_file() {
            let bytes = fs_err::read(entry.path())?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            let lines = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            texts.insert(format!("{}\n", lines.trim_matches('\n')));
        }
    }
    Ok(texts)
}
