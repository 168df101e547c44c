//! Findings and verdicts for code hosts: SARIF 2.1.0 (OASIS), the part of it that they read.

use axle_audit::{Check, Finding};
use axle_plan::Problem;
use axle_toolkit::{Rule, Verdict};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::output::{self, Error};

/// What an address may hold as it is (RFC 3986, `pchar` and `/`).
const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'+');

/// A log of one run.
#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

/// What one call of a program found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<Found>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// The program, with every rule that it has.
#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Descriptor>,
}

/// A rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    short_description: Message,
    help: Message,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

/// Whether all that was asked could be answered, and what could not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

/// A finding, or a verdict on an environment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    rule_id: &'static str,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// A member of a wheel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

impl Found {
    /// A finding of an audit, in a file.
    pub fn in_file(file: &str, finding: &Finding) -> Self {
        let member = |name: &String| LogicalLocation { fully_qualified_name: name.clone(), kind: "member" };
        Self {
            rule_id: finding.code.code(),
            level: of_audit(finding.severity),
            message: finding.message.as_str().into(),
            locations: vec![location(file, finding.member.iter().map(member).collect())],
        }
    }

    /// That a file breaks a rule, as an error.
    pub fn breaks(file: &str, rule: Rule, message: &str) -> Self {
        let locations = vec![location(file, Vec::new())];
        Self { rule_id: rule.id(), level: "error", message: message.into(), locations }
    }

    /// A verdict on an environment; `None` where the rule holds.
    pub fn verdict(subject: Option<&str>, verdict: &Verdict) -> Option<Self> {
        let subject = subject.map(|subject| format!("{subject}: ")).unwrap_or_default();
        let fix = verdict.fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
        Some(Self {
            rule_id: verdict.rule.id(),
            level: of_check(verdict.severity)?,
            message: Message { text: format!("{subject}{}{fix}", verdict.message) },
            locations: Vec::new(),
        })
    }
}

fn location(file: &str, logical_locations: Vec<LogicalLocation>) -> Location {
    let uri = utf8_percent_encode(file, IN_PATH).to_string();
    let physical_location = PhysicalLocation { artifact_location: ArtifactLocation { uri } };
    Location { physical_location, logical_locations }
}

fn of_audit(severity: axle_audit::Severity) -> &'static str {
    match severity {
        axle_audit::Severity::Error => "error",
        axle_audit::Severity::Warning => "warning",
        axle_audit::Severity::Note => "note",
    }
}

fn of_check(severity: axle_toolkit::Severity) -> Option<&'static str> {
    match severity {
        axle_toolkit::Severity::Ok => None,
        axle_toolkit::Severity::Note => Some("note"),
        axle_toolkit::Severity::Warning => Some("warning"),
        axle_toolkit::Severity::Error => Some("error"),
    }
}

/// Prints what was found and what could not be answered.
///
/// # Errors
/// When it cannot be written.
pub fn print(results: Vec<Found>, problems: &[Problem]) -> Result<(), Error> {
    let notification = |problem: &Problem| Notification {
        level: "error",
        message: Message { text: format!("{}: {}", problem.input, problem.message) },
    };
    output::json(&Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver { name: "axle", version: env!("CARGO_PKG_VERSION"), rules: descriptors() },
            },
            invocations: [Invocation {
                execution_successful: problems.is_empty(),
                tool_execution_notifications: problems.iter().map(notification).collect(),
            }],
            results,
        }],
    })
}

/// Every rule, by code.
fn descriptors() -> Vec<Descriptor> {
    let of_audits = Check::ALL.iter().map(|check| Descriptor {
        id: check.code(),
        name: None,
        short_description: check.title().into(),
        help: check.explanation().into(),
        default_configuration: Configuration { level: of_audit(check.severity()) },
    });
    let of_environments = Rule::ALL.iter().map(|rule| Descriptor {
        id: rule.id(),
        name: Some(rule.name()),
        short_description: rule.what().into(),
        help: Message { text: format!("Source: {}. What to do: {}.", rule.source(), rule.fix()) },
        default_configuration: Configuration { level: of_check(rule.severity()).unwrap_or("none") },
    });
    of_audits.chain(of_environments).collect()
}
