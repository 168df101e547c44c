//! `axle catalogue`: shows, checks and updates a catalogue.

use axle_catalogue::Folder;
use axle_catalogue::check::{Complaint, Counts, check};
use axle_plan::Document;
use serde::Serialize;

use crate::arguments::{CatalogueCheck, CatalogueCommand, CatalogueCommands, Format};
use crate::output::{self, Answer, Error, Text};

/// The schema of what a check prints as JSON.
const SCHEMA: &str = "axle.catalogue-check/1";

mod published;

/// Shows, extends, updates or checks a catalogue.
pub fn run(command: &CatalogueCommands) -> Result<Answer, Error> {
    match &command.command {
        CatalogueCommand::Show(command) => published::show(command),
        CatalogueCommand::Add(command) => published::add(command),
        CatalogueCommand::Update(command) => published::update(command),
        CatalogueCommand::Check(command) => run_check(command),
    }
}

fn run_check(command: &CatalogueCheck) -> Result<Answer, Error> {
    let checked = check(&Folder::new(&command.catalogue));
    match (checked, command.format) {
        (Ok((counts, complaints)), Format::Json) => {
            let ok = complaints.is_empty();
            output::json(&Document::new(Checked {
                schema: SCHEMA,
                counts: Some(counts),
                complaints,
                ok: Some(ok),
            }))?;
            Ok(if ok { Answer::Yes } else { Answer::No })
        }
        (Ok((counts, complaints)), Format::Human) => {
            output::text(&human(&counts, &complaints))?;
            Ok(if complaints.is_empty() { Answer::Yes } else { Answer::No })
        }
        (Err(error), format) => {
            if format == Format::Json {
                let errors = vec![output::problem(&command.catalogue.display().to_string(), &error)];
                let answer = Checked { schema: SCHEMA, counts: None, complaints: Vec::new(), ok: None };
                output::json(&Document { answer, errors })?;
            }
            Err(error.into())
        }
    }
}

#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    counts: Option<Counts>,
    complaints: Vec<Complaint>,
    ok: Option<bool>,
}

fn human(counts: &Counts, complaints: &[Complaint]) -> Text {
    let mut text = Text::default();
    for Complaint { path, message } in complaints {
        text.line(format_args!("{path}: {message}"));
    }
    let verdict = match complaints.len() {
        0 => "no problems".to_owned(),
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    text.with(format_args!(
        "{} packages, {} artefacts ({} audited, {} sibling, {} declared), {} cells, {} builds: {verdict}",
        counts.packages,
        counts.artefacts,
        counts.audited,
        counts.sibling,
        counts.declared,
        counts.cells,
        counts.builds
    ))
}
