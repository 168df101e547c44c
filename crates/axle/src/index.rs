//! `axle index`.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use axle_catalogue::update::{self, Places, Report, UpdateError};
use axle_catalogue::{Artefact, ArtefactFile, Catalogue, Folder, artefact_path, write_json};
use axle_index::{GithubApi, Notice, Settings};
use axle_wheel::WheelName;

use crate::arguments::{Format, Index, IndexCommand, IndexShow, IndexUpdate};
use crate::embedded;
use crate::output::{self, Answer, Document, Error, Problem};

/// Reads or shows what is published.
pub fn run(command: &Index) -> Result<Answer, Error> {
    match &command.command {
        IndexCommand::Update(command) => update(command),
        IndexCommand::Show(command) => show(command),
    }
}

fn update(command: &IndexUpdate) -> Result<Answer, Error> {
    let folder = Folder::new(&command.catalogue);
    folder.recover()?;
    let catalogue = Catalogue::new(folder.clone());
    let mut names =
        command.packages.iter().map(|name| output::package_name(name)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        names = catalogue.packages()?.into_keys().collect();
    }
    let settings = Settings::discover(command.index_url.as_deref())?;
    let listener = |notice: &Notice| output::note(&notice.to_string());
    let mut places = Places::new(&settings, GithubApi::discover()?, None, listener)?;
    places.root.clone_from(&command.catalogue);
    let progress = |name: &str| {
        if std::io::stderr().is_terminal() {
            let _ = writeln!(anstream::stderr(), "reading {name}");
        }
    };
    let report = update::update(&catalogue, &places, &names, !command.no_deps, &BTreeSet::new(), &progress)?;
    for (name, updated) in &report.packages {
        write_json(&folder, &artefact_path(name), &updated.file)?;
    }
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
                "{name}: `{filename}` is not the name of one of its wheels; it was left out"
            ));
        }
    }
    for name in &report.missing {
        output::note(&format!("{name} is required but not in the catalogue; add it as packages/{name}.toml"));
    }
    for (name, error) in &report.errors {
        match error {
            // It names the package itself.
            UpdateError::Unknown { .. } => output::error(error),
            _ => output::error(&format!("{name}: {error}")),
        }
    }
    Ok(())
}

fn show(command: &IndexShow) -> Result<Answer, Error> {
    match artefacts(command) {
        Ok(file) => {
            match command.format {
                Format::Json => output::json(&Document::new(file))?,
                Format::Human => output::text(&output::table(
                    ["wheel", "size", "facts", "sha256"],
                    file.artefacts.iter().map(row),
                ))?,
            }
            Ok(Answer::Yes)
        }
        Err(error) => {
            if command.format == Format::Json {
                let errors = vec![Problem::new(&command.package, error.as_ref())];
                output::json(&Document { answer: ArtefactFile::new(&command.package, Vec::new()), errors })?;
            }
            Err(error)
        }
    }
}

fn artefacts(command: &IndexShow) -> Result<ArtefactFile, Error> {
    let name = output::package_name(&command.package)?;
    let catalogue = embedded::catalogue(command.catalogue.as_deref());
    if let Some(file) = catalogue.artefacts(&name)? {
        return Ok(file);
    }
    // Without a matrix it is no catalogue at all, which is the better answer.
    catalogue.matrix()?;
    if catalogue.packages()?.contains_key(&name) {
        return Err(format!("{name} is not indexed yet; `axle index update {name}` does it").into());
    }
    Err(format!("{name} is not a package of the catalogue; add it as packages/{name}.toml").into())
}

fn row(artefact: &Artefact) -> [String; 4] {
    let facts = if artefact.audit.is_some() { "audited" } else { "declared" };
    let name = artefact
        .filename
        .parse::<WheelName>()
        .map_or_else(|_| artefact.filename.clone(), |name| name.to_string());
    [name, artefact.size.map_or_else(String::new, output::size), facts.to_owned(), artefact.sha256.clone()]
}
