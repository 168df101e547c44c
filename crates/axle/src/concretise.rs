//! `axle concretise`: answers a request with a plan or a refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use axle_catalogue::{Catalogue, Provenance};
use axle_plan::{
    Document, Lookup, Plan, Prefer, Preferences, REFUSAL_SCHEMA, Refusal, Request, Row, Story, ToldPlan,
    Which, flake, package_name, pins, requirement, requirements, shell_word,
};
use axle_rules::Rule;
use axle_solve::CatalogueSolver;
use axle_types::{CudaTarget, HostCompiler, System};

use crate::arguments::{Concretise, PlanFormat, RequestArguments};
use crate::output::{self, Answer, Error, Text};
use crate::request_file::RequestFile;
use crate::{embedded, pylock};

/// The most reasons that fit a screen.
const SCREEN: usize = 12;

/// Answers a request from the catalogue.
pub fn run(command: &Concretise) -> Result<Answer, Error> {
    let answer = answer(command);
    if let (Err(error), PlanFormat::Json) = (&answer, command.format) {
        let unanswered = serde_json::json!({ "schema": REFUSAL_SCHEMA, "reasons": [], "suggestions": [] });
        let problem = output::problem(&command.request.packages.join(" "), error.as_ref());
        output::json(&Document { answer: unanswered, errors: vec![problem] })?;
    }
    answer
}

fn answer(command: &Concretise) -> Result<Answer, Error> {
    if command.explain.is_some() && command.format != PlanFormat::Human {
        return Err("--explain prints text only; remove --format".into());
    }
    let request = request(&command.request)?;
    let catalogue = embedded::catalogue(command.request.catalogue.as_deref());
    let solver = CatalogueSolver::default();
    let lookup = Lookup::new(&catalogue)?.with_solver(&solver);
    match lookup.answer(&request)? {
        Ok(plan) => {
            print(command, &request, &catalogue, &lookup, &plan)?;
            Ok(Answer::Yes)
        }
        Err(mut refusal) => {
            name_catalogue(&mut refusal, &command.request);
            match command.format {
                PlanFormat::Json => output::json(&Document::new(&refusal))?,
                _ => output::message(&refused(&refusal)),
            }
            Ok(Answer::No)
        }
    }
}

/// Lets the suggested commands ask the same catalogue.
pub fn name_catalogue(refusal: &mut Refusal, command: &RequestArguments) {
    if let Some(folder) = &command.catalogue {
        let folder = shell_word(&folder.display().to_string());
        for suggestion in &mut refusal.suggestions {
            let _ = write!(suggestion.command, " --catalogue {folder}");
        }
    }
}

fn print(
    command: &Concretise,
    request: &Request,
    catalogue: &Catalogue,
    lookup: &Lookup<'_>,
    plan: &Plan,
) -> Result<(), Error> {
    if let Some(name) = &command.explain {
        let name = package_name(name)?;
        let story = lookup.story(request, plan, &name)?;
        let all = || plan.packages.keys().cloned().collect::<Vec<_>>();
        let story = story
            .ok_or_else(|| format!("{name} is not in the plan, which consists of {}", all().join(", ")))?;
        return output::text(&told(&story));
    }
    match command.format {
        PlanFormat::Human => {
            let told = ToldPlan { plan, untried: lookup.untried(request, plan)? };
            output::text(&human(&told, request, &lookup.rows(request, plan)?, &flake(plan, request)))
        }
        PlanFormat::Json => {
            output::json(&Document::new(ToldPlan { plan, untried: lookup.untried(request, plan)? }))
        }
        PlanFormat::Requirements => output::text(&Text::document(&requirements(&pins(catalogue, plan)?))),
        PlanFormat::Pylock => {
            let pylock = pylock::pylock(catalogue, plan, command.index_url.as_deref())?;
            output::text(&Text::document(&pylock))
        }
    }
}

/// What the command line and the files ask for.
pub fn request(command: &RequestArguments) -> Result<Request, Error> {
    let mut file = RequestFile::default();
    for path in &command.from {
        file.read(path)?;
    }
    let missing = |what: &str| -> Error {
        format!("no {what} is given, neither on the command line nor with --from").into()
    };
    let python = command.python.or(file.python).ok_or_else(|| missing("Python (--python 3.12)"))?;
    let cuda = match command.cuda {
        _ if command.cpu => CudaTarget::Cpu,
        None => file.cuda.ok_or_else(|| missing("CUDA (--cuda 12.8, or --cpu)"))?,
        Some(cuda) => cuda,
    };
    let is_told = !command.compute_capabilities.is_empty() || !command.gpus.is_empty();
    let (capabilities, gpus) = if is_told {
        (&command.compute_capabilities, &command.gpus)
    } else {
        (&file.compute_capabilities, &file.gpus)
    };
    let mut compute_capabilities: BTreeSet<_> = capabilities.iter().copied().collect();
    compute_capabilities.extend(crate::check::capabilities(command.catalogue.as_deref(), gpus)?);
    if cuda == CudaTarget::Cpu {
        compute_capabilities.clear();
    } else if compute_capabilities.is_empty() {
        return Err(missing("compute capability (--cc 8.6, or --gpu NAME)"));
    }
    let (gcc, clang) = match (command.gcc, command.clang) {
        (None, None) => (file.gcc, file.clang),
        told => told,
    };
    if gcc.is_some() && clang.is_some() {
        return Err("both gcc and clang are given; choose one of them".into());
    }
    let allowed: BTreeSet<_> = command.allowed.iter().chain(&file.allowed).copied().collect();
    let is_about_code = |rule: &&Rule| matches!(rule, Rule::CapabilityDropped | Rule::CapabilityTooNew);
    if let Some(rule) = allowed.iter().find(is_about_code) {
        return Err(
            format!("{rule} cannot be allowed here: a wheel cannot contain code that its CUDA release does not generate").into()
        );
    }
    let of_gpus = || gpus.iter().find_map(|name| axle_toolkit::system_of_gpu(name));
    let mut request = Request {
        packages: BTreeMap::new(),
        system: command.system.or(file.system).or_else(of_gpus).unwrap_or(System::X86_64Linux),
        python,
        cuda,
        compute_capabilities,
        compiler: gcc.map(HostCompiler::Gcc).or(clang.map(HostCompiler::Clang)),
        driver: command.driver.clone().or(file.driver).filter(|_| cuda != CudaTarget::Cpu),
        driver_ptx: None,
        allowed,
        torch: command.torch.clone().or(file.torch),
        glibc: command.glibc.or(file.glibc),
        preferences: Preferences {
            all: Prefer::default(),
            packages: BTreeMap::new(),
            only_wheels: which(&command.only_wheels, &file.only_wheels)?,
            only_audited: which(&command.only_audited, &file.only_audited)?,
            publishers: Which::publishers(if command.publishers.is_empty() {
                &file.publishers
            } else {
                &command.publishers
            }),
        },
    };
    // What comes later goes before.
    for (name, prefer) in file.prefer.into_iter().chain(command.prefer.iter().cloned()) {
        match name {
            Some(name) => drop(request.preferences.packages.insert(name, prefer)),
            None => request.preferences.all = prefer,
        }
    }
    let asked = command.packages.iter().map(|package| requirement(package));
    for requirement in file.requirements.into_iter().map(Ok).chain(asked) {
        let requirement = requirement?;
        if !request.ask(&requirement)? {
            output::note(&format!("`{requirement}` is skipped: its marker does not hold for this target"));
        }
    }
    if request.packages.is_empty() {
        return Err(missing("package"));
    }
    Ok(request)
}

/// Packages as options name them: the empty name is all.
fn which(command: &[String], file: &[String]) -> Result<Which, Error> {
    let names: Vec<&String> =
        if command.is_empty() { file.iter().collect() } else { command.iter().collect() };
    if names.iter().any(|name| name.is_empty()) {
        return Ok(Which::All);
    }
    Ok(Which::Named(names.into_iter().map(|name| package_name(name)).collect::<Result<_, _>>()?))
}

/// A plan for a person, with what to put into a flake for it.
pub fn human(told: &ToldPlan<'_>, request: &Request, rows: &[Row], flake: &str) -> Text {
    let ToldPlan { plan, untried } = told;
    let target = &plan.target;
    let capabilities: Vec<_> = target.compute_capabilities.iter().map(ToString::to_string).collect();
    let cuda = target
        .cuda
        .map_or_else(|| "no CUDA".to_owned(), |cuda| format!("CUDA {cuda} for {}", capabilities.join(", ")));
    let mut text = Text::default()
        .with(format_args!("{} on {}, Python {}, {cuda}", head(plan, request), target.system, target.python))
        .with(format_args!("id {}", plan.id));
    if !rows.is_empty() {
        text.blank();
        text.append(&table(rows));
        for line in output::wrapped(&totals(rows), "") {
            text.line(line);
        }
    }
    let untried = untried.as_deref().unwrap_or_default();
    if !untried.is_empty() {
        let line = format!("never imported beside torch {}: {}", plan.torch, untried.join(", "));
        for line in output::wrapped(&line, "") {
            text.line(line);
        }
    }
    if !plan.warnings.is_empty() {
        text.blank();
        text.line("before you use it:");
        for warning in &plan.warnings {
            for line in output::wrapped(&warning.message, "  ") {
                text.line(line);
            }
        }
    }
    text.blank();
    text.line("in a flake that uses axle's overlay:");
    text.blank();
    text.append(&Text::document(flake));
    text
}

/// What a plan is of: its torch, or what was asked for where that does without.
fn head(plan: &Plan, request: &Request) -> String {
    if plan.packages.contains_key("torch") {
        return format!("torch {}", plan.torch);
    }
    let named = request.packages.keys().filter_map(|name| Some((name, plan.packages.get(name)?)));
    let named: Vec<_> = named.map(|(name, package)| format!("{name} {}", package.version)).collect();
    named.join(", ")
}

/// A line for each package, and below it why it is not the newest, or compiled.
fn table(rows: &[Row]) -> Text {
    let headings = ["package", "version", "from", "download", "code for"];
    let cells = rows.iter().map(|row| {
        let from = match (row.is_compiled, row.provenance) {
            (true, _) => "source",
            (false, Provenance::Audited) => "wheel",
            (false, Provenance::Sibling) => "sibling",
            (false, _) => "declared",
        };
        [
            row.package.clone(),
            // What is local names CUDA, torch and ABI, which are the same for all.
            row.version.split('+').next().unwrap_or_default().to_owned(),
            from.to_owned(),
            row.size.map_or_else(|| "?".to_owned(), output::size),
            row.architectures.clone(),
        ]
    });
    let table = output::table(headings, cells);
    let mut text = Text::default();
    for (number, line) in table.lines().enumerate() {
        text.line(line);
        let row = number.checked_sub(1).and_then(|number| rows.get(number));
        for why in row.into_iter().flat_map(|row| output::wrapped(&row.why, "    ")) {
            text.line(why);
        }
    }
    text
}

/// `3 wheels, 1 to compile, 3.1 GB to download`.
fn totals(rows: &[Row]) -> String {
    let compiled = rows.iter().filter(|row| row.is_compiled).count();
    let wheels = rows.len() - compiled;
    let unread = rows.iter().filter(|row| row.provenance != Provenance::Audited).count();
    let theirs = rows.iter().filter(|row| row.publisher.is_some()).count();
    let known: u64 = rows.iter().filter_map(|row| row.size).sum();
    let unknown = rows.iter().filter(|row| row.size.is_none()).count();
    let mut parts = vec![format!("{wheels} wheel{}", if wheels == 1 { "" } else { "s" })];
    if unread > 0 {
        parts.push(format!("{unread} of them never read"));
    }
    if theirs > 0 {
        parts.push(format!("{theirs} built by third parties"));
    }
    if compiled > 0 {
        parts.push(format!("{compiled} to compile"));
    }
    parts.push(format!("{} to download", output::size(known)));
    if unknown > 0 {
        parts.push(format!("and {unknown} of unknown size"));
    }
    parts.join(", ")
}

fn told(story: &Story) -> Text {
    let mut text = Text::default().with(format_args!("{}:", story.choice));
    for fact in &story.facts {
        text.line(format_args!("  {fact}"));
    }
    text
}

/// A refusal for a person.
pub fn refused(refusal: &Refusal) -> Text {
    let mut text = Text::default();
    match refusal.reasons.as_slice() {
        [reason] if refusal.suggestions.is_empty() => {
            return text.with(format_args!("nothing fits: {}", reason.message));
        }
        _ => text.line("nothing fits:"),
    }
    for reason in refusal.reasons.iter().take(SCREEN) {
        text.line(format_args!("  {}", reason.message));
    }
    if let Some(more) = refusal.reasons.len().checked_sub(SCREEN).filter(|more| *more > 0) {
        text.line(format_args!("  and {more} more reasons (--format json lists all)"));
    }
    if !refusal.suggestions.is_empty() {
        text.line("what would work:");
    }
    for suggestion in &refusal.suggestions {
        text.line(format_args!("  {}: {}", suggestion.change, suggestion.command));
    }
    text
}
