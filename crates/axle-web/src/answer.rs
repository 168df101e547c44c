//! Answers to the page, as JSON.

use std::collections::BTreeMap;

use axle_catalogue::{Catalogue, Provenance};
use axle_plan::{Document, Lookup, Pin, Plan, Refusal, Request, flake, pins, pip};
use axle_toolkit::GpuNameError;
use axle_types::CudaTarget;
use serde::Serialize;

use crate::question::{AskError, Question};

/// The answers to a question.
#[derive(Debug, Serialize)]
pub struct Answers {
    /// One for each CUDA that was tried: those with a plan first, of them the newest.
    pub answers: Vec<Answer>,
}

/// The answer for one CUDA: a plan, or a refusal.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The CUDA release, or `cpu`.
    pub cuda: CudaTarget,
    /// The command line that asks the same.
    pub command: String,
    /// What `--format json` prints of a plan.
    pub plan: Option<Document<Plan>>,
    /// The packages of the plan, those that are asked for first.
    pub rows: Vec<Row>,
    /// Bytes to download, as far as they are known.
    pub download: Option<u64>,
    /// What to put into a flake for the plan.
    pub flake: Option<String>,
    /// What pip is told for the plan.
    pub pip: Option<String>,
    /// What `--format json` prints of a refusal.
    pub refusal: Option<Document<Refusal>>,
}

/// A package of a plan.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How it is made.
    pub kind: Kind,
    /// The file.
    pub filename: String,
    /// Bytes, where they are known.
    pub size: Option<u64>,
    /// How the facts of its wheel are known.
    pub provenance: Option<Provenance>,
    /// Whether it was asked for, and not only required.
    pub asked: bool,
    /// The architectures of its code, in words; empty where it has none.
    pub architectures: String,
    /// Why it is not the newest version, and why it is compiled; empty where it is the newest, and a wheel.
    pub why: String,
}

/// How a package of a plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// From a wheel.
    Wheel,
    /// Compiled.
    Source,
}

/// Why a question cannot be answered, as JSON.
#[derive(Debug, Serialize)]
struct Unanswered<'a> {
    error: String,
    /// The name that is no GPU's.
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<&'a str>,
    /// The GPUs that are called alike.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    nearest: &'a [String],
}

impl<'a> Unanswered<'a> {
    fn of(error: &'a AskError) -> Self {
        let unknown = if let AskError::Gpu(unknown) = error { Some(unknown) } else { None };
        Self {
            error: error.to_string(),
            gpu: unknown.map(GpuNameError::text),
            nearest: unknown.map(GpuNameError::nearest).unwrap_or_default(),
        }
    }
}

/// Answers a question, in JSON: [`Answers`], or `{"error": "…"}` where it cannot be answered; for a name that is no GPU's with
/// those that are called alike.
pub fn ask(catalogue: &Catalogue, lookup: &Lookup<'_>, question: &str) -> String {
    let answered = serde_json::from_str(question)
        .map_err(AskError::from)
        .and_then(|question: Question| answers(catalogue, lookup, &question))
        .and_then(|answers| Ok(serde_json::to_string(&answers)?));
    answered.unwrap_or_else(|error| {
        // A text and texts are always JSON.
        serde_json::to_string(&Unanswered::of(&error)).unwrap_or_default()
    })
}

/// Answers a question.
///
/// # Errors
/// When it cannot be understood, or the catalogue cannot be read.
pub fn answers(catalogue: &Catalogue, lookup: &Lookup<'_>, question: &Question) -> Result<Answers, AskError> {
    let requests = question.requests(catalogue)?;
    let mut answers =
        requests.iter().map(|request| answer(catalogue, lookup, request)).collect::<Result<Vec<_>, _>>()?;
    answers.sort_by_key(|answer| answer.plan.is_none());
    Ok(Answers { answers })
}

fn answer(catalogue: &Catalogue, lookup: &Lookup<'_>, request: &Request) -> Result<Answer, AskError> {
    let nothing = Answer {
        cuda: request.cuda,
        command: request.command(),
        plan: None,
        rows: Vec::new(),
        download: None,
        flake: None,
        pip: None,
        refusal: None,
    };
    let plan = match lookup.answer(request)? {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Answer { refusal: Some(Document::new(*refusal)), ..nothing }),
    };
    let pins = pins(catalogue, &plan)?;
    let rows = rows(request, lookup.rows(request, &plan)?, &pins);
    let sizes = rows.iter().filter_map(|row| row.size);
    Ok(Answer {
        download: sizes.reduce(|one, other| one + other),
        flake: Some(flake(&plan, request)),
        pip: Some(pip(&pins)),
        rows,
        plan: Some(Document::new(plan)),
        ..nothing
    })
}

fn rows(request: &Request, of_plan: Vec<axle_plan::Row>, pins: &[Pin<'_>]) -> Vec<Row> {
    let mut told: BTreeMap<String, axle_plan::Row> =
        of_plan.into_iter().map(|row| (row.package.clone(), row)).collect();
    let row = |pin: &Pin<'_>| {
        let told = told.remove(pin.name);
        let kind = if pin.is_compiled { Kind::Source } else { Kind::Wheel };
        Row {
            name: pin.name.to_owned(),
            version: pin.version.to_owned(),
            kind,
            filename: pin.filename.to_owned(),
            size: told.as_ref().map_or(pin.size, |row| row.size),
            provenance: told.as_ref().filter(|_| kind == Kind::Wheel).map(|row| row.provenance),
            asked: request.packages.contains_key(pin.name),
            architectures: told.as_ref().map(|row| row.architectures.clone()).unwrap_or_default(),
            why: told.map(|row| row.why).unwrap_or_default(),
        }
    };
    let mut rows: Vec<Row> = pins.iter().map(row).collect();
    rows.sort_by_key(|row| !row.asked);
    rows
}
