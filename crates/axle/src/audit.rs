//! `axle audit`: audits wheels and files.

mod input;
mod kernels;
pub mod policy;
mod progress;
pub mod view;

use axle_audit::{
    Coverage, Finding, GlibcCoverage, NeededLibrary, Options, PlatformTag, WheelFacts, coverage, findings,
    glibc_coverage, platform_tag, providers,
};
use axle_plan::Document;
use axle_rules::Rule;
use axle_rules::Severity;
use axle_types::{ComputeCapability, CudaTarget};
use serde::Serialize;

use self::policy::Policies;
use crate::arguments::{Audit, ReportFormat};
use crate::audit::input::Input;
use crate::audit::progress::Bar;
use crate::check;
use crate::output::{self, Answer, Error};
use crate::reading::Reading;
use crate::sarif::{self, Found};

#[derive(Serialize)]
struct Audits {
    schema: &'static str,
    wheels: Vec<Wheel>,
}

/// A wheel's facts, findings and verdicts.
#[derive(Serialize)]
pub struct Wheel {
    #[serde(flatten)]
    facts: WheelFacts,
    policy: policy::Used,
    platform: PlatformTag,
    providers: Vec<NeededLibrary>,
    findings: Vec<Finding>,
    coverage: Vec<Coverage>,
    /// Of a wheel with members for several CUDA releases, asked about none: what each GPU gets with which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_cuda: Vec<ByCuda>,
    /// Where a glibc was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    glibc_coverage: Option<GlibcCoverage>,
    /// For a person who asked for no GPU.
    #[serde(skip)]
    common: Vec<Coverage>,
}

/// The CUDA releases with which a wheel covers a GPU. One of its members is loaded, that for the CUDA release of torch.
#[derive(Serialize)]
pub struct ByCuda {
    cc: ComputeCapability,
    covered: Vec<CudaTarget>,
    uncovered: Vec<CudaTarget>,
}

/// Audits wheels. An error with one does not stop the others.
pub fn run(command: &Audit) -> Result<Answer, Error> {
    let mut capabilities = command.compute_capabilities.clone();
    capabilities.extend(check::capabilities(command.catalogue.as_deref(), &command.gpus)?);
    let mut wheels = Vec::new();
    let mut problems = Vec::new();
    let mut problem = |input: &str, error: Error| {
        output::error(&error);
        problems.push(output::problem(input, error.as_ref()));
    };
    let mut reading = Reading::new(command.yes);
    let policies = Policies::new(command.catalogue.as_deref(), command.no_catalogue);
    for argument in &command.inputs {
        let inputs = Input::of(argument).unwrap_or_else(|error| {
            problem(argument, error);
            Vec::new()
        });
        let is_one = inputs.len() == 1;
        for input in inputs {
            match audit(&input, &policies, &capabilities, command, &mut reading) {
                Ok(wheel) => {
                    if command.format == ReportFormat::Human {
                        output::text(&view::human(&wheel, command))?;
                    }
                    wheels.push(wheel);
                }
                // As it was given, where that says which it is.
                Err(error) if is_one => problem(argument, error),
                Err(error) => problem(&input.to_string(), error),
            }
        }
    }
    let fits = |wheel: &Wheel| {
        let covered = wheel.coverage.iter().all(|coverage| coverage.covered == Some(true));
        let sound = wheel.findings.iter().all(|finding| finding.severity != Severity::Error);
        let loads = wheel.glibc_coverage.as_ref().is_none_or(|coverage| coverage.covered);
        covered && sound && loads
    };
    let mut answer = if wheels.iter().all(fits) { Answer::Yes } else { Answer::No };
    if !problems.is_empty() {
        answer = Answer::Unanswered;
    }
    match command.format {
        ReportFormat::Human => {}
        ReportFormat::Json => {
            output::json(&Document { answer: Audits { schema: "axle.audit/1", wheels }, errors: problems })?;
        }
        ReportFormat::Sarif => sarif::print(wheels.iter().flat_map(found).collect(), &problems)?,
    }
    Ok(answer)
}

/// What was found in a wheel, with the GPUs and the glibc that it does not serve.
fn found(wheel: &Wheel) -> Vec<Found> {
    let file = wheel.facts.filename.as_str();
    let mut found: Vec<_> = wheel.findings.iter().map(|finding| Found::in_file(file, finding)).collect();
    for coverage in wheel.coverage.iter().filter(|coverage| coverage.covered != Some(true)) {
        let message = format!(
            "{} of {} containers have code that runs on {}",
            coverage.runnable, coverage.counted, coverage.cc
        );
        found.push(Found::breaks(file, Rule::PackageWithoutCode, &message));
    }
    if let Some(coverage) = wheel.glibc_coverage.as_ref().filter(|coverage| !coverage.covered) {
        let message = format!("members that need a newer glibc than {}", coverage.glibc);
        found.push(Found::breaks(file, Rule::GlibcTooOld, &message));
    }
    found
}

fn audit(
    input: &Input,
    policies: &Policies,
    capabilities: &[ComputeCapability],
    command: &Audit,
    reading: &mut Reading,
) -> Result<Wheel, Error> {
    let bar = Bar::new(&input.to_string());
    let show = |progress| bar.show(progress);
    let options =
        Options { verify: command.verify, deep: command.deep, progress: Some(&show), ..Options::default() };
    let facts = input.audit(command, &options, reading)?;
    drop(bar);
    judge(facts, policies, capabilities, command)
}

/// What follows from the facts of a wheel.
pub fn judge(
    facts: WheelFacts,
    policies: &Policies,
    capabilities: &[ComputeCapability],
    command: &Audit,
) -> Result<Wheel, Error> {
    let (policy, used) = policies.of(&facts, command.cuda)?;
    let by_cuda = if command.cuda.is_none() { policies.by_cuda(&facts)? } else { Vec::new() };
    // Of several the best is told; which it is that the machine loads is said beside.
    let coverage = |cc: ComputeCapability| {
        let each = by_cuda.iter().rev().map(|(_, policy)| coverage(&facts, policy, cc));
        each.max_by_key(|one| one.covered == Some(true)).unwrap_or_else(|| coverage(&facts, &policy, cc))
    };
    let with = |cc: ComputeCapability| {
        let covers = |policy| axle_audit::coverage(&facts, policy, cc).covered == Some(true);
        let (covered, uncovered): (Vec<_>, Vec<_>) = by_cuda.iter().partition(|(_, policy)| covers(policy));
        let cudas = |those: Vec<&(CudaTarget, _)>| those.into_iter().map(|(cuda, _)| *cuda).collect();
        ByCuda { cc, covered: cudas(covered), uncovered: cudas(uncovered) }
    };
    let common = view::GPUS.iter().filter(|_| capabilities.is_empty());
    Ok(Wheel {
        policy: used,
        platform: platform_tag(&facts),
        providers: providers(&facts, &policy),
        findings: findings(&facts),
        coverage: capabilities.iter().map(|&cc| coverage(cc)).collect(),
        by_cuda: capabilities.iter().filter(|_| !by_cuda.is_empty()).map(|&cc| with(cc)).collect(),
        glibc_coverage: command.glibc.map(|glibc| glibc_coverage(&facts, glibc)),
        common: common.map(|&cc| coverage(cc)).collect(),
        facts,
    })
}
