//! An audit for a person.

use std::fmt::Write as _;

use axle_audit::{CudaSource, Severity, WheelFacts};

use super::{Wheel, is_content, kernels, policy};
use crate::arguments::Audit;
use crate::output;

/// A wheel's facts, findings and verdicts.
pub fn human(wheel: &Wheel, command: &Audit) -> String {
    let (facts, glibc) = (&wheel.facts, command.glibc);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", if value.is_empty() { "none" } else { value });
    };
    line("wheel", &facts.filename);
    line("size", &output::size(facts.size));
    line("sha256", facts.sha256.as_deref().or(facts.declared_sha256.as_deref()).unwrap_or("not read whole"));
    line("python", facts.requires_python.as_deref().unwrap_or("any"));
    line("cuda", &cuda(facts));
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
    line("external", &policy::human(&wheel.providers));
    line("policy", &wheel.policy.human());
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
    let capabilities: Vec<_> = wheel.coverage.iter().map(|coverage| coverage.cc).collect();
    text += &kernels::human(&facts.elf, &capabilities);
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

/// The releases, and, where there are few, from what each was concluded.
fn cuda(facts: &WheelFacts) -> String {
    if facts.cuda.len() > 2 {
        return facts.cuda.join(", ");
    }
    let told = facts.cuda.iter().map(|release| {
        let evidence = facts.cuda_evidence.iter().filter(|evidence| evidence.cuda == *release);
        let by: Vec<String> = evidence
            .map(|evidence| match (evidence.by, evidence.from.as_slice()) {
                (CudaSource::Images, [member]) => format!("device code of {member}"),
                (CudaSource::Images, members) => format!("device code of {} members", members.len()),
                (_, from) => from.join(", "),
            })
            .collect();
        format!("{release} (by {})", by.join(", "))
    });
    told.collect::<Vec<_>>().join(", ")
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
