//! Check of an environment against all rules.

mod advice;
mod capabilities;
mod compilers;
mod drivers;
mod libraries;
mod memory;
mod packages;

#[cfg(test)]
mod tests;

use axle_rules::{Rule, Severity};
use std::fmt::Display;

use axle_types::CudaRelease;

use crate::{Environment, Release, Source, Toolkits, Verdict};

/// Checks an environment against every rule: the verdicts, the worst first, then by code.
///
/// Anything that is not specified, or not known, is not checked.
pub fn check(toolkits: &Toolkits, environment: &Environment) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    match environment.cuda.map(|cuda| toolkits.release(cuda).ok_or(cuda)) {
        Some(Ok(release)) => {
            let case = Case { toolkits, environment, release };
            compilers::check(&case, &mut verdicts);
            capabilities::check(&case, &mut verdicts);
            drivers::check(&case, &mut verdicts);
            libraries::check_headers(&case, &mut verdicts);
            packages::check_components(&case, &mut verdicts);
            packages::check_torches(&case, &mut verdicts);
        }
        Some(Err(cuda)) => verdicts.push(unknown(toolkits, cuda)),
        None => {}
    }
    drivers::check_gpus(toolkits, environment, &mut verdicts);
    packages::check(toolkits, environment, &mut verdicts);
    libraries::check_packages(environment, &mut verdicts);
    memory::check(toolkits, environment, &mut verdicts);
    for verdict in &mut verdicts {
        if environment.allowed.contains(&verdict.rule) {
            verdict.severity = verdict.severity.min(Severity::Warning);
        }
    }
    verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.severity), verdict.rule));
    verdicts
}

/// An environment with a release that is known.
struct Case<'a> {
    toolkits: &'a Toolkits,
    environment: &'a Environment,
    release: &'a Release,
}

impl Case<'_> {
    fn cuda(&self) -> CudaRelease {
        self.release.cuda
    }
}

fn unknown(toolkits: &Toolkits, cuda: CudaRelease) -> Verdict {
    let known = list(toolkits.releases.iter().map(|release| release.cuda));
    Verdict {
        rule: Rule::UnknownToolkit,
        severity: Severity::Warning,
        message: format!("CUDA {cuda} is not a release that axle knows, so it is not checked"),
        fact: format!("axle knows CUDA {known}"),
        source: Source::Document { document: "catalogue/toolkits.json".to_owned() },
        fix: Some("use one of these releases".to_owned()),
    }
}

fn document(document: &str) -> Source {
    Source::Document { document: document.to_owned() }
}

/// `7.5, 8.0 and 8.6`.
fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        Some(last) => last,
        None => "nothing".to_owned(),
    }
}
