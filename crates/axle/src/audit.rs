//! `axle audit`.

mod kernels;

use std::fmt::Write as _;
use std::path::Path;

use axle_audit::{
    Coverage, Finding, Options, PlatformTag, Policy, Severity, WheelFacts, coverage, findings, platform_tag,
};
use axle_index::{Client, File, PackageIndex, Patience, RemoteFile, Settings};
use axle_wheel::{Glibc, LocalFile, WheelName, WheelSource};
use serde::Serialize;

use crate::arguments::{Audit, Format};
use crate::output::{self, Answer, Document, Error, Problem};
use crate::release::Release;

#[derive(Serialize)]
struct Audits {
    schema: &'static str,
    wheels: Vec<Wheel>,
}

#[derive(Serialize)]
struct Wheel {
    #[serde(flatten)]
    facts: WheelFacts,
    platform: PlatformTag,
    findings: Vec<Finding>,
    coverage: Vec<Coverage>,
}

/// Audits wheels. An error with one does not stop the others.
pub fn run(command: &Audit) -> Result<Answer, Error> {
    let mut wheels = Vec::new();
    let mut problems = Vec::new();
    for input in &command.wheels {
        match audit(input, command) {
            Ok(facts) => {
                let capabilities = command.compute_capabilities.iter();
                let coverage = capabilities.map(|&cc| coverage(&facts, &Policy::default(), cc)).collect();
                let wheel =
                    Wheel { platform: platform_tag(&facts), findings: findings(&facts), facts, coverage };
                if command.format == Format::Human {
                    output::text(&human(&wheel, command))?;
                }
                wheels.push(wheel);
            }
            Err(error) => {
                output::error(&error);
                problems.push(Problem::new(input, error.as_ref()));
            }
        }
    }
    let fits = |wheel: &Wheel| {
        let covered = wheel.coverage.iter().all(|coverage| coverage.covered == Some(true));
        let sound = wheel.findings.iter().all(|finding| finding.severity != Severity::Error);
        covered && sound && is_content(&wheel.facts, command.glibc)
    };
    let mut answer = if wheels.iter().all(fits) { Answer::Yes } else { Answer::No };
    if !problems.is_empty() {
        answer = Answer::Unanswered;
    }
    if command.format == Format::Json {
        output::json(&Document { answer: Audits { schema: "axle.audit/1", wheels }, errors: problems })?;
    }
    Ok(answer)
}

fn audit(input: &str, command: &Audit) -> Result<WheelFacts, Error> {
    if input.contains("://") {
        let file = File::at(input)?;
        let name = wheel_name(&file.filename, file.url.as_str())?;
        let client = Client::new(&Settings::discover(Some(input))?, Patience::default())?;
        return published(&RemoteFile::open(&client, &file)?, &name, &file, command);
    }
    // A file is taken for a file, whatever it is called.
    if let Some(release) = Release::parse(input)
        && !Path::new(input).exists()
    {
        let index = PackageIndex::new(&Settings::discover(command.index_url.as_deref())?)?;
        let file = release.wheel(&index, command.system, command.python)?;
        output::note(&format!("{release} is read from {}", file.filename));
        return published(&index.remote_file(&file)?, &file.filename.parse()?, &file, command);
    }
    let filename = Path::new(input).file_name().unwrap_or_default().to_string_lossy();
    let source = LocalFile::open(input)
        .map_err(|error| format!("{error}; give the path or the URL of a wheel, or NAME==VERSION"))?;
    let name = wheel_name(&filename, input)?;
    Ok(axle_audit::audit(&source, &name, &Options { hash: true, ..options(command) })?)
}

/// What the name of a file tells of the wheel in it.
fn wheel_name(filename: &str, place: &str) -> Result<WheelName, Error> {
    filename
        .parse()
        .map_err(|error| format!("{place}: {error}; give it the name that it was published under").into())
}

/// Audits a file that is read by ranges, so that only its index can tell its hash.
fn published(
    source: &dyn WheelSource,
    name: &WheelName,
    file: &File,
    command: &Audit,
) -> Result<WheelFacts, Error> {
    let declared_sha256 = file.sha256.as_ref().map(ToString::to_string);
    Ok(axle_audit::audit(source, name, &Options { declared_sha256, ..options(command) })?)
}

/// What is asked of every wheel.
fn options(command: &Audit) -> Options<'static> {
    Options { verify: command.verify, deep: command.deep, ..Options::default() }
}

/// Whether a wheel needs no newer glibc than that.
fn is_content(facts: &WheelFacts, glibc: Option<Glibc>) -> bool {
    let needed = facts.glibc.as_ref().and_then(|needed| needed.parse::<Glibc>().ok());
    !matches!((needed, glibc), (Some(needed), Some(glibc)) if needed > glibc)
}

fn human(wheel: &Wheel, command: &Audit) -> String {
    let (facts, glibc) = (&wheel.facts, command.glibc);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", if value.is_empty() { "none" } else { value });
    };
    line("wheel", &facts.filename);
    line("size", &output::size(facts.size));
    line("sha256", facts.sha256.as_deref().or(facts.declared_sha256.as_deref()).unwrap_or("not read whole"));
    line("python", facts.requires_python.as_deref().unwrap_or("any"));
    line("cuda", &facts.cuda.join(", "));
    line("sass", &join(&facts.sass));
    line("ptx", &join(&facts.ptx));
    let verdict = if is_content(facts, glibc) { "" } else { ": newer than the target's" };
    line("glibc", &format!("{}{verdict}", facts.glibc.as_deref().unwrap_or("any")));
    let should_be = wheel.platform.should_be.as_deref().unwrap_or("any");
    line(
        "platform",
        &if wheel.platform.honest == Some(false) {
            format!("{should_be}, not as the name says")
        } else {
            should_be.to_owned()
        },
    );
    line("glibcxx", facts.glibcxx.as_deref().unwrap_or("any"));
    line("external", &facts.external.join(", "));
    let with_code = facts.elf.iter().filter(|member| member.containers > 0 || !member.outside.is_empty());
    let rows: Vec<_> = with_code
        .map(|member| {
            let outside: Vec<_> = member.outside.keys().map(String::as_str).collect();
            [
                member.path.clone(),
                member.containers.to_string(),
                join(&member.sass),
                join(&member.ptx),
                outside.join(", "),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let _ = write!(text, "\n{}", output::table(["member", "containers", "sass", "ptx", "also in"], rows));
    }
    text += &kernels::human(&facts.elf, &command.compute_capabilities);
    if !wheel.findings.is_empty() {
        let rows = wheel.findings.iter().map(|finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let member = finding.member.clone().unwrap_or_default();
            [finding.code.to_string(), severity.to_owned(), member, finding.message.clone()]
        });
        let _ = write!(text, "\n{}", output::table(["code", "severity", "member", "finding"], rows));
    }
    if !wheel.coverage.is_empty() {
        let _ = writeln!(text);
    }
    for coverage in &wheel.coverage {
        let verdict = match coverage.covered {
            Some(true) if coverage.counted == 0 => "covered: it holds no device code".to_owned(),
            Some(true) => {
                format!("covered: {} of {} containers run there", coverage.runnable, coverage.counted)
            }
            Some(false) => format!(
                "not covered: {} of {} containers run there; missing in {}",
                coverage.runnable,
                coverage.counted,
                coverage.missing.join(", ")
            ),
            None => "unknown: it holds only code that can't be judged".to_owned(),
        };
        let _ = writeln!(text, "{:<10} {verdict}", coverage.cc.to_string());
    }
    text.push('\n');
    text
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
