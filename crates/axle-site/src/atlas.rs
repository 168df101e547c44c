//! Atlas of the site: the contents and GPU coverage of each package's wheels. One shard per package, and one that lists
//! the packages.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_audit::{Coverage, ServedBy};
use axle_catalogue::{Artefact, Catalogue, Cause, Inventory, Origin, Provenance};
use axle_solve::{Candidates, CudaBasis, CudaCoverage, Distribution};
use axle_types::{CudaTarget, PythonVersion, Sha256, System, WheelCuda};
use pep440_rs::Version;
use rayon::prelude::*;
use serde::Serialize;

use crate::{Error, shard};

/// Everything of one package.
#[derive(Serialize)]
struct Atlas<'a> {
    name: &'a str,
    summary: &'a str,
    versions: Vec<OfVersion>,
}

/// One version of a package, newest first.
#[derive(Serialize)]
struct OfVersion {
    version: String,
    /// Wheels that are alike, and the sdists that can be compiled.
    rows: Vec<Row>,
    /// Why nothing of it can be taken, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfit: Option<String>,
}

/// Wheels of one version that differ in their Python alone, or an sdist.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    about: About,
    files: Vec<File>,
}

/// What wheels have in common.
#[derive(Serialize, PartialEq)]
struct About {
    system: System,
    /// The CUDA releases that they go with.
    cudas: Vec<String>,
    /// What tells the CUDA that they are made for.
    told: Vec<(WheelCuda, CudaBasis)>,
    glibc: Option<String>,
    /// The code in them; `null` where that is not known.
    code: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// A letter for each capability: see [`letter`]. Empty where no GPU is asked for; `null` where it is not known.
    covers: Option<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// By capability, where a part of the code runs: containers that run, and those that count.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    partial: BTreeMap<String, (u64, u64)>,
    /// By capability, the members that do not cover it: the first of them, and how many there are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    missing: BTreeMap<String, (String, usize)>,
    /// Whether it is a wheel; else it must be compiled.
    wheel: bool,
}

/// One file, and what it is for.
#[derive(Serialize)]
struct File {
    filename: String,
    pythons: Vec<String>,
    size: Option<u64>,
    provenance: Provenance,
    /// SHA-256 of the wheel that was read in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<Sha256>,
    /// Its address, where it is not on the package index.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// What the list of packages says of one.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    summary: &'a str,
    /// Its newest release.
    newest: String,
    /// Whether any of its wheels has code for GPUs, or may have some.
    code: bool,
}

/// Writes the shards `atlas/<name>` and `packages`.
///
/// # Errors
/// When the catalogue is not valid, or a file cannot be written.
pub fn write(catalogue: &Catalogue, folder: &Path) -> Result<(), Error> {
    let inventory = Inventory::read(catalogue)?;
    let known = inventory.toolkits.iter().flat_map(|toolkits| &toolkits.releases);
    let known = known.map(|release| CudaTarget::Release(release.cuda));
    let cudas: Vec<CudaTarget> =
        inventory.matrix.cudas.iter().copied().chain(known).collect::<BTreeSet<_>>().into_iter().collect();
    let pythons = &inventory.matrix.pythons;
    let targets: Vec<(System, PythonVersion)> =
        System::ALL.iter().flat_map(|system| pythons.iter().map(|python| (*system, *python))).collect();
    let targets: Vec<Candidates<'_>> = targets
        .into_par_iter()
        .map(|(system, python)| Candidates::new(&inventory, system, python))
        .collect::<Result<_, _>>()?;
    let names: Vec<&String> = inventory.artefacts.keys().collect();
    let listed: Vec<Listed<'_>> = names
        .into_par_iter()
        .filter_map(|name| Some((name, inventory.packages.get(name)?)))
        .map(|(name, package)| {
            let versions = versions(name, &targets, &cudas);
            let listed = Listed {
                name,
                summary: &package.summary,
                newest: newest(&versions),
                code: versions.iter().flat_map(|version| &version.rows).any(|row| row.about.has_code()),
            };
            shard::write(
                folder,
                &format!("atlas/{name}"),
                &Atlas { name, summary: &package.summary, versions },
            )?;
            Ok(listed)
        })
        .collect::<Result<_, Error>>()?;
    shard::write(folder, "packages", &listed)?;
    Ok(())
}

/// The newest release of some versions, newest first; one before a release where there is none.
fn newest(versions: &[OfVersion]) -> String {
    let is_release =
        |one: &&OfVersion| one.version.parse::<Version>().is_ok_and(|version| !version.any_prerelease());
    let newest = versions.iter().find(is_release).or_else(|| versions.first());
    newest.map(|one| one.version.clone()).unwrap_or_default()
}

fn versions(name: &str, targets: &[Candidates<'_>], cudas: &[CudaTarget]) -> Vec<OfVersion> {
    /// What is found of one version, and why the rest of it is of no use.
    #[derive(Default)]
    struct Found {
        rows: Vec<Row>,
        unfit: Option<Cause>,
    }
    let mut found: BTreeMap<Version, Found> = BTreeMap::new();
    for candidates in targets {
        for (version, candidate) in candidates.versions(name).into_iter().flatten() {
            let found = found.entry(version.clone().without_local()).or_default();
            for choice in candidate.fitting() {
                for row in rows(candidates, choice, cudas) {
                    add(&mut found.rows, row);
                }
            }
            if candidate.fitting().is_empty() {
                found.unfit = found.unfit.take().max(Some(candidate.unfit()));
            }
        }
    }
    let of_version = |(version, mut found): (Version, Found)| {
        found.rows.sort_by_cached_key(|row| (Reverse(row.about.wheel), row.about.system));
        let unfit = found.unfit.filter(|_| found.rows.is_empty()).map(|cause| cause.to_string());
        OfVersion { version: version.to_string(), rows: found.rows, unfit }
    };
    found.into_iter().rev().map(of_version).collect()
}

/// Adds a row to those that are known, of which one may be the same but for its files.
fn add(rows: &mut Vec<Row>, row: Row) {
    let Some(known) = rows.iter_mut().find(|known| known.about == row.about) else {
        rows.push(row);
        return;
    };
    for file in row.files {
        match known.files.iter_mut().find(|one| one.filename == file.filename && one.url == file.url) {
            Some(same) => same.pythons.extend(file.pythons),
            None => known.files.push(file),
        }
    }
}

/// The rows of one artefact: one for each set of CUDA releases for which it covers the same.
fn rows<'a>(candidates: &Candidates<'a>, choice: &Distribution<'a>, cudas: &[CudaTarget]) -> Vec<Row> {
    let summary = candidates.summary(choice, cudas);
    let about = |serving: &CudaCoverage| {
        let (covers, unknown) = match &serving.capabilities {
            Ok(Some(coverage)) => (Some(coverage.iter().map(letter).collect()), None),
            Ok(None) => (None, Some("its bytes have not been read yet".to_owned())),
            Err(unfit) => (None, Some(unfit.to_string())),
        };
        let judged = || serving.capabilities.iter().flatten().flatten();
        let partial = judged().filter(|one| letter(one) == 'h');
        let missing = judged()
            .filter_map(|one| Some((one.cc.to_string(), (one.missing.first()?.clone(), one.missing.len()))));
        About {
            cudas: serving.cudas.iter().map(ToString::to_string).collect(),
            told: summary.cuda.clone(),
            glibc: summary.glibc.clone(),
            code: summary.code.as_ref().map(|code| code.iter().map(ToString::to_string).collect()),
            document: summary.document.clone(),
            covers,
            unknown,
            partial: partial.map(|one| (one.cc.to_string(), (one.runnable, one.counted))).collect(),
            missing: missing.collect(),
            wheel: true,
            ..About::of(candidates.system)
        }
    };
    let abouts = if choice.is_wheel() {
        summary.coverage.iter().map(about).collect()
    } else {
        vec![About::of(candidates.system)]
    };
    abouts
        .into_iter()
        .map(|about| Row { about, files: vec![file(choice.artefact, candidates.python)] })
        .collect()
}

impl About {
    /// Of what nothing is known but its system.
    fn of(system: System) -> Self {
        Self {
            system,
            cudas: Vec::new(),
            told: Vec::new(),
            glibc: None,
            code: None,
            document: None,
            covers: None,
            unknown: None,
            partial: BTreeMap::new(),
            missing: BTreeMap::new(),
            wheel: false,
        }
    }

    fn has_code(&self) -> bool {
        self.code.as_ref().is_some_and(|code| !code.is_empty())
            || self.covers.as_ref().is_some_and(|covers| covers.contains(['s', 'p', 'm', 'h', 'n']))
    }
}

fn file(artefact: &Artefact, python: PythonVersion) -> File {
    let url = match &artefact.origin {
        Origin::Pypi => None,
        Origin::Url(url) => Some(url.clone()),
    };
    File {
        filename: artefact.filename.clone(),
        pythons: vec![python.to_string()],
        size: artefact.size,
        provenance: artefact.provenance,
        of: artefact.audit.as_ref().and_then(|audit| audit.of),
        url,
    }
}

/// What a wheel comes to on a GPU, as a letter: `s` all of it as machine code, `p` all of it as PTX, `m` some of it as PTX,
/// `h` a part of it, `n` nothing, `u` unknown, `.` it has no code for GPUs.
fn letter(coverage: &Coverage) -> char {
    match (coverage.covered, coverage.by) {
        (None, _) => 'u',
        (Some(true), ServedBy::Sass) => 's',
        (Some(true), ServedBy::Ptx) => 'p',
        (Some(true), ServedBy::Mixed) => 'm',
        (Some(true), ServedBy::None) => '.',
        (Some(false), _) if coverage.runnable > 0 => 'h',
        (Some(false), _) => 'n',
    }
}
