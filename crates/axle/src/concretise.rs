//! `axle concretise`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axle_catalogue::Cuda;
use axle_concretise::{Compiler, Plan, PlanBuild, REFUSAL_SCHEMA, Refusal, Request};

use crate::arguments::{Concretise, PlanFormat};
use crate::embedded;
use crate::output::{self, Answer, Error, Problem};

/// Answers a request from the catalogue.
pub fn run(command: &Concretise) -> Result<Answer, Error> {
    match answer(command) {
        Ok(Ok(plan)) => {
            match command.format {
                PlanFormat::Human => output::text(&human(&plan))?,
                PlanFormat::Json => output::json(&output::Document::new(&plan))?,
                PlanFormat::Requirements => output::text(&requirements(&plan))?,
            }
            Ok(Answer::Yes)
        }
        Ok(Err(refusal)) => {
            match command.format {
                PlanFormat::Json => output::json(&output::Document::new(&refusal))?,
                PlanFormat::Human | PlanFormat::Requirements => output::message(&refused(&refusal)),
            }
            Ok(Answer::No)
        }
        Err(error) => {
            if command.format == PlanFormat::Json {
                let unanswered =
                    serde_json::json!({ "schema": REFUSAL_SCHEMA, "reasons": [], "suggestions": [] });
                let problem = Problem::new(&command.packages.join(" "), error.as_ref());
                output::json(&output::Document { answer: unanswered, errors: vec![problem] })?;
            }
            Err(error)
        }
    }
}

fn answer(command: &Concretise) -> Result<axle_concretise::Answer, Error> {
    let catalogue = embedded::catalogue(command.catalogue.as_deref());
    let packages: BTreeSet<_> =
        command.packages.iter().map(|name| output::package_name(name)).collect::<Result<_, _>>()?;
    let request = Request {
        packages: packages.into_iter().collect(),
        system: command.system,
        python: command.python,
        cuda: command.cuda.unwrap_or(Cuda::Cpu),
        compute_capabilities: command
            .compute_capabilities
            .iter()
            .copied()
            .chain(crate::check::capabilities(command.catalogue.as_deref(), &command.gpus)?)
            .collect(),
        compiler: command.gcc.map(Compiler::Gcc).or(command.clang.map(Compiler::Clang)),
        driver: command.driver.clone(),
        allowed: command.allowed.iter().copied().collect(),
        torch: command.torch.clone(),
        glibc: command.glibc,
    };
    let mut answer = axle_concretise::answer(&catalogue, &request)?;
    if let (Err(refusal), Some(folder)) = (&mut answer, &command.catalogue) {
        let folder = quoted(&folder.display().to_string());
        for suggestion in &mut refusal.suggestions {
            let _ = write!(suggestion.command, " --catalogue {folder}");
        }
    }
    Ok(answer)
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn human(plan: &Plan) -> String {
    let target = &plan.target;
    let capabilities: Vec<_> = target.compute_capabilities.iter().map(ToString::to_string).collect();
    let cuda = target
        .cuda
        .map_or_else(|| "no CUDA".to_owned(), |cuda| format!("CUDA {cuda} for {}", capabilities.join(", ")));
    let rows = plan.packages.iter().map(|(name, package)| {
        let PlanBuild::Wheel { filename, .. } = &package.build;
        [name.clone(), package.version.clone(), filename.clone()]
    });
    let externals = plan.externals.iter().map(|(name, external)| {
        let specifier = if external.specifier.is_empty() { "any" } else { &external.specifier };
        [
            name.clone(),
            specifier.to_owned(),
            format!("{} where the package set has none", external.fallback.version),
        ]
    });
    format!(
        "torch {} on {}, Python {}, {cuda}\nid {}\n\n{}\n{}",
        plan.torch,
        target.system,
        target.python,
        plan.id,
        output::table(["package", "version", "wheel"], rows),
        output::table(["from the package set", "version", "else the wheel of"], externals),
    )
}

fn refused(refusal: &Refusal) -> String {
    let reasons = output::lines(refusal.reasons.iter().map(|reason| format!("  {}", reason.message)));
    let suggestions =
        output::lines(refusal.suggestions.iter().map(|one| format!("  {}: {}", one.change, one.command)));
    match refusal.reasons.as_slice() {
        [reason] if suggestions.is_empty() => format!("nothing fits: {}\n", reason.message),
        _ if suggestions.is_empty() => format!("nothing fits:\n{reasons}"),
        _ => format!("nothing fits:\n{reasons}what would work:\n{suggestions}"),
    }
}

/// Exact pins with the hash of the very file, as pip's `--require-hashes` wants them.
fn requirements(plan: &Plan) -> String {
    let packages = plan.packages.iter().map(|(name, package)| {
        let PlanBuild::Wheel { sha256, .. } = &package.build;
        (name, &package.version, sha256)
    });
    let externals = plan
        .externals
        .iter()
        .map(|(name, external)| (name, &external.fallback.version, &external.fallback.sha256));
    let mut lines: Vec<_> = packages
        .chain(externals)
        .map(|(name, version, sha256)| format!("{name}=={version} --hash=sha256:{sha256}\n"))
        .collect();
    lines.sort();
    lines.concat()
}
