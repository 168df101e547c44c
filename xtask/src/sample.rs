//! `cargo xtask sample`: compares randomly chosen artefacts with the package index, and audits some wheels again.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::process::ExitCode;

use axle_audit::{AuditError, Options};
use axle_catalogue::{Artefact, Catalogue, CatalogueError, Folder, Origin, Provenance, stored_facts};
use axle_index::{IndexError, Origin as _, PackageIndex, Settings, SettingsError};
use axle_wheel::{LocalFile, WheelName, WheelNameError};
use serde_json::{Map, Value};
use thiserror::Error;

/// Compare hashes of randomly chosen artefacts with the package index, and audit some small wheels again.
#[derive(clap::Args)]
pub struct Args {
    /// Directory of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Number of hashes to compare
    #[arg(long, default_value_t = 50)]
    hashes: usize,
    /// Number of wheels to audit again
    #[arg(long, default_value_t = 5)]
    audits: usize,
    /// Seed of the random choice [default: a new one each time]
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Name(#[from] WheelNameError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the catalogue has only {0} artefacts from the package index")]
    TooFew(usize),
}

/// Wheels above that are not downloaded for a sample.
const SMALL: u64 = 40_000_000;

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    anstream::println!("seed {seed}");
    let catalogue = Catalogue::new(Folder::new(&args.catalogue));
    let mut artefacts: Vec<(String, Artefact)> = Vec::new();
    for name in catalogue.package_names()? {
        let file = catalogue.artefacts(&name)?.into_iter().flat_map(|file| file.artefacts);
        let of_index = file.filter(|artefact| artefact.origin == Origin::Pypi);
        artefacts.extend(of_index.map(|artefact| (name.clone(), artefact)));
    }
    if artefacts.len() < args.hashes {
        return Err(Error::TooFew(artefacts.len()));
    }
    shuffle(&mut artefacts, seed);
    let index = PackageIndex::new(&Settings::discover(None)?)?;
    let mut wrong = compare(&index, artefacts.get(..args.hashes).unwrap_or_default())?;
    let small = artefacts.iter().filter(|(_, artefact)| {
        artefact.provenance == Provenance::Audited && artefact.size.is_some_and(|size| size < SMALL)
    });
    for (name, artefact) in small.take(args.audits) {
        wrong.extend(audit(&index, name, artefact)?);
    }
    for line in &wrong {
        anstream::println!("{line}");
    }
    anstream::println!(
        "{} hashes compared, {} audits recomputed, {} differ",
        args.hashes,
        args.audits,
        wrong.len()
    );
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the index says otherwise.
fn compare(index: &PackageIndex, sample: &[(String, Artefact)]) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    let names: BTreeSet<&String> = sample.iter().map(|(name, _)| name).collect();
    let mut listed: BTreeMap<&String, BTreeMap<String, Option<axle_types::Sha256>>> = BTreeMap::new();
    for name in names {
        let Ok(project) = name.parse() else { continue };
        let files = index.project(&project)?.files.into_iter();
        listed.insert(name, files.map(|file| (file.filename, file.sha256)).collect());
    }
    for (name, artefact) in sample {
        let said = listed.get(name).and_then(|files| files.get(&artefact.filename)).copied().flatten();
        if said.as_ref() != Some(&artefact.sha256) {
            let said = said.map_or_else(|| "nothing".to_owned(), |hash| hash.to_string());
            wrong.push(format!(
                "{}: the catalogue says {}, the index {said}",
                artefact.filename, artefact.sha256
            ));
        }
    }
    Ok(wrong)
}

/// What an audit of today finds otherwise.
fn audit(index: &PackageIndex, name: &str, artefact: &Artefact) -> Result<Option<String>, Error> {
    let Ok(project) = name.parse() else { return Ok(None) };
    let files = index.project(&project)?.files;
    let Some(file) = files.into_iter().find(|file| file.filename == artefact.filename) else {
        return Ok(Some(format!("{} is not on the index", artefact.filename)));
    };
    let mut download = tempfile::NamedTempFile::new()?;
    index.download(&file, download.as_file_mut())?;
    let wheel: WheelName = artefact.filename.parse()?;
    let facts = axle_audit::audit(&LocalFile::open(download.path())?, &wheel, &Options::default())?;
    let known = artefact.facts().map(|known| stored_facts(&known)).unwrap_or_default();
    let mut differences = Vec::new();
    differ(&known, &stored_facts(&facts), "", &mut differences);
    let told = differences.join("; ");
    Ok((!told.is_empty())
        .then(|| format!("{}: a new audit finds different facts: {told}", artefact.filename)))
}

/// Where two documents differ, by JSON pointers, with what stands there.
fn differ(known: &Value, found: &Value, pointer: &str, differences: &mut Vec<String>) {
    match (known, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let of = |object: &Map<String, Value>| object.get(key).cloned().unwrap_or_default();
                differ(&of(one), &of(other), &format!("{pointer}/{key}"), differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (number, (one, other)) in one.iter().zip(other).enumerate() {
                differ(one, other, &format!("{pointer}/{number}"), differences);
            }
        }
        _ if known == found => {}
        _ => differences.push(format!("{pointer} was {known} and is {found}")),
    }
}

/// The order of Fisher and Yates, by a generator that needs to be no better than this (splitmix64).
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let other = usize::try_from(mixed % (last as u64 + 1)).unwrap_or(last);
        items.swap(last, other);
    }
}
