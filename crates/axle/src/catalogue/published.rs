//! `axle catalogue show`, `add` and `update`: the published files of packages.

use axle_plan::{Document, package_name};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};

use axle_catalogue::{
    Artefact, ArtefactFile, Catalogue, Folder, Package, Provenance, artefact_path, write_json,
};
use axle_index::{Event, GithubApi, Origin as _, PackageIndex, Settings};
use axle_types::{Version, comma_separated};
use axle_update::{Places, ReadError, Report};
use axle_wheel::WheelName;
use serde::Serialize;

use crate::arguments::{CatalogueAdd, CatalogueShow, CatalogueUpdate, Format};
use crate::embedded;
use crate::output::{self, Answer, Error, Text};

/// Reads what is published into a catalogue.
pub fn update(command: &CatalogueUpdate) -> Result<Answer, Error> {
    let folder = Folder::new(&command.catalogue);
    let _lock = folder.lock(true)?;
    folder.recover()?;
    Folder::new(command.catalogue.join("artefacts")).sweep();
    let catalogue = Catalogue::new(folder.clone());
    let mut names = command.packages.iter().map(|name| package_name(name)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        names = catalogue.packages()?.into_keys().collect();
    }
    let settings = Settings::discover(command.index_url.as_deref())?;
    let listener = |notice: &Event| output::note(&notice.to_string());
    let mut places = Places::new(&settings, GithubApi::discover()?, None, listener)?;
    places.root.clone_from(&command.catalogue);
    let progress = |name: &str| {
        if std::io::stderr().is_terminal() {
            let _ = writeln!(anstream::stderr(), "reading {}", output::shown(&name));
        }
    };
    let mut report =
        axle_update::read(&catalogue, &places, &names, !command.no_deps, &BTreeSet::new(), &progress)?;
    // A file that cannot be written does not keep the others from being written.
    report.packages.retain(|name, updated| match write_json(&folder, &artefact_path(name), &updated.file) {
        Ok(_) => true,
        Err(error) => {
            report.errors.push((name.clone(), error.into()));
            false
        }
    });
    print(&report)?;
    Ok(if report.errors.is_empty() { Answer::Yes } else { Answer::Unanswered })
}

fn print(report: &Report) -> Result<(), Error> {
    let rows = report.packages.iter().map(|(name, updated)| {
        [name.clone(), updated.file.artefacts.len().to_string(), updated.new.to_string()]
    });
    if rows.len() > 0 {
        output::text(&output::table(["package", "artefacts", "new"], rows))?;
    }
    for (name, updated) in &report.packages {
        for filename in &updated.file.unreadable {
            output::note(&format!(
                "{name}: `{filename}` is not the name of one of its wheels, so it was skipped"
            ));
        }
    }
    for name in &report.missing {
        output::note(&format!("{name} is required but not in the catalogue; add it as packages/{name}.toml"));
    }
    for (name, error) in &report.errors {
        match error {
            // It names the package itself.
            ReadError::Unknown { .. } => output::error(error),
            _ => output::error(&format!("{name}: {error}")),
        }
    }
    Ok(())
}

/// Shows what is known of a package.
pub fn show(command: &CatalogueShow) -> Result<Answer, Error> {
    match artefacts(command) {
        Ok(file) => {
            match command.format {
                Format::Json => output::json(&Document::new(file))?,
                Format::Human if command.files => output::text(&output::table(
                    ["artefact", "size", "facts", "sha256"],
                    file.artefacts.iter().map(row),
                ))?,
                Format::Human => {
                    let package = embedded::catalogue(command.catalogue.as_deref()).package(&file.name)?;
                    output::text(&versions(&file, package.as_ref()))?;
                }
            }
            Ok(Answer::Yes)
        }
        Err(error) => {
            if command.format == Format::Json {
                let errors = vec![output::problem(&command.package, error.as_ref())];
                output::json(&Document { answer: ArtefactFile::new(&command.package, Vec::new()), errors })?;
            }
            Err(error)
        }
    }
}

fn artefacts(command: &CatalogueShow) -> Result<ArtefactFile, Error> {
    let name = package_name(&command.package)?;
    let catalogue = embedded::catalogue(command.catalogue.as_deref());
    if let Some(file) = catalogue.artefacts(&name)? {
        return Ok(file);
    }
    // Without a matrix it is no catalogue at all, which is the better answer.
    catalogue.matrix()?;
    let known = catalogue.package_names()?;
    if known.contains(&name) {
        return Err(
            format!("{name} has not been indexed yet; index it with `axle catalogue update {name}`").into()
        );
    }
    Err(axle_plan::unknown_name(&name, &known).into())
}

fn row(artefact: &Artefact) -> [String; 4] {
    let size = artefact.size.map_or_else(String::new, output::size);
    [artefact.filename.clone(), size, provenance(artefact.provenance).to_owned(), artefact.sha256.to_string()]
}

fn provenance(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Declared => "declared",
        Provenance::Sibling => "sibling",
        Provenance::Audited => "audited",
    }
}

/// What artefacts of one line of the table have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    version: Version,
    cuda: String,
    system: &'static str,
    sass: String,
    withdrawn: bool,
}

/// A line per version, CUDA and system, the newest first.
fn versions(file: &ArtefactFile, package: Option<&Package>) -> Text {
    let mut lines: BTreeMap<Line, Vec<&Artefact>> = BTreeMap::new();
    for artefact in &file.artefacts {
        let Some(version) = artefact.version(&file.name) else { continue };
        let line = Line {
            version,
            cuda: cuda(artefact, package),
            system: system(artefact),
            sass: code(artefact),
            withdrawn: artefact.yanked.is_some(),
        };
        lines.entry(line).or_default().push(artefact);
    }
    let rows = lines.into_iter().rev().map(|(line, artefacts)| {
        let strongest = artefacts.iter().map(|artefact| artefact.provenance).max();
        let facts = strongest.map_or("", provenance);
        [
            if line.withdrawn { format!("{} (withdrawn)", line.version) } else { line.version.to_string() },
            line.cuda,
            pythons(&artefacts),
            line.system.to_owned(),
            line.sass,
            facts.to_owned(),
            artefacts.len().to_string(),
        ]
    });
    output::table(["version", "cuda", "python", "system", "code", "facts", "files"], rows)
}

fn cuda(artefact: &Artefact, package: Option<&Package>) -> String {
    let named = artefact.filename.parse::<WheelName>().ok().zip(package).and_then(|(wheel, package)| {
        let variant = package.variant(wheel.version_text(), artefact.origin.url()).ok()?;
        variant.cuda.map(|cuda| cuda.to_string())
    });
    let audited = || artefact.audit.as_ref().map(|audit| comma_separated(&audit.facts.cuda));
    named.or_else(audited).unwrap_or_default()
}

fn system(artefact: &Artefact) -> &'static str {
    let Ok(wheel) = artefact.filename.parse::<WheelName>() else { return "source" };
    let holds = |machine: &str| wheel.platform_tags().iter().any(|tag| tag.ends_with(machine));
    match (holds("x86_64"), holds("aarch64")) {
        (true, true) => "x86_64, aarch64",
        (true, false) => "x86_64",
        (false, true) => "aarch64",
        (false, false) => "any",
    }
}

/// The union of the architectures in its files: which GPUs are covered, `axle audit` says.
fn code(artefact: &Artefact) -> String {
    let Some(audit) = &artefact.audit else { return String::new() };
    let codes = audit.facts.sass.iter().chain(&audit.facts.ptx).map(ToString::to_string);
    codes.collect::<Vec<_>>().join(" ")
}

/// The Python tags of artefacts, each once, oldest first.
fn pythons(artefacts: &[&Artefact]) -> String {
    let mut tags: Vec<(u32, String)> = Vec::new();
    for artefact in artefacts {
        let Ok(wheel) = artefact.filename.parse::<WheelName>() else { continue };
        let threaded = wheel.abi_tags().iter().any(|tag| tag.starts_with("cp") && tag.ends_with('t'));
        for tag in wheel.python_tags() {
            let digits: String = tag.chars().filter(char::is_ascii_digit).collect();
            let minor = digits.get(1..).and_then(|minor| minor.parse().ok()).unwrap_or(0);
            let stable = if wheel.abi_tags().iter().any(|abi| abi == "abi3") { "+" } else { "" };
            tags.push((minor, format!("{tag}{}{stable}", if threaded { "t" } else { "" })));
        }
    }
    tags.sort();
    tags.dedup();
    tags.into_iter().map(|(_, tag)| tag).collect::<Vec<_>>().join(" ")
}

/// Writes TOML files for packages that the catalogue lacks, from the package index.
pub fn add(command: &CatalogueAdd) -> Result<Answer, Error> {
    let folder = Folder::new(&command.catalogue);
    let catalogue = Catalogue::new(folder.clone());
    let known = catalogue.packages()?;
    let place = |name: &str| command.catalogue.join(format!("packages/{name}.toml")).display().to_string();
    let index = PackageIndex::new(&Settings::discover(command.index_url.as_deref())?)?;
    for package in &command.packages {
        let name = package_name(package)?;
        if known.contains_key(&name) {
            return Err(format!("{name} is already in the catalogue: {}", place(&name)).into());
        }
        let text = described(&index, &name, command.since.as_ref())?;
        folder.write(&format!("packages/{name}.toml"), text.as_bytes())?;
        output::note(&format!(
            "wrote {}; review it, add {name} to `order` in matrix.toml if no package requires it, \
             then run `axle catalogue update {name}`",
            place(&name)
        ));
    }
    Ok(Answer::Yes)
}

/// The TOML of a package: its summary, the release to begin with, and what the names of its wheels ask for.
fn described(index: &PackageIndex, name: &str, since: Option<&Version>) -> Result<String, Error> {
    let project = index.project(&name.parse()?)?;
    let wheels: Vec<_> = project
        .files
        .iter()
        .filter_map(|file| Some((file, file.filename.parse::<WheelName>().ok()?)))
        .filter(|(file, wheel)| wheel.name().to_string() == name && file.yanked.is_none())
        .collect();
    let newest =
        wheels.iter().max_by_key(|(_, wheel)| (!wheel.version().any_prerelease(), wheel.version().clone()));
    let (file, wheel) = newest.ok_or_else(|| {
        format!(
            "the index has no wheel of {name}; for a package that has only sdists, write a `[source]` table by hand"
        )
    })?;
    let metadata = index.metadata(file)?;
    let summary = metadata.summary.as_deref().unwrap_or("No summary").trim_end_matches('.');
    // A name that ends in the CUDA release says it for every wheel.
    let suffix = ["cu", "cuda"].iter().find_map(|mark| {
        let (_, end) = name.rsplit_once('-')?;
        let digits = end.strip_prefix(mark)?.trim_end_matches('x');
        (digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    });
    let is_pure = wheels.iter().all(|(_, wheel)| wheel.platform_tags().iter().all(|tag| tag == "any"));
    let described = Described {
        summary: summary.lines().next().unwrap_or_default(),
        cuda_match: (is_pure && suffix.is_none()).then_some("none"),
        since: since.unwrap_or_else(|| wheel.version()).to_string(),
        names: suffix.map(|cuda| DescribedNames { cuda }),
    };
    toml::to_string(&described).map_err(|error| error.to_string().into())
}

/// What a package's TOML begins with.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Described<'a> {
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cuda_match: Option<&'static str>,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<DescribedNames<'a>>,
}

/// What the names of its wheels say.
#[derive(Serialize)]
struct DescribedNames<'a> {
    cuda: &'a str,
}
