//! `cargo xtask field`: what public bug reports ask, put to axle (`checks/field.toml`), and the page of the answers
//! (docs/field.md).

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use axle_provision::nix;
use serde::Deserialize;

use crate::generated;

/// The table, from the root of the repository.
const TABLE: &str = "checks/field.toml";
/// The page.
const PAGE: &str = "docs/field.md";

/// Put what public bug reports ask to axle, and write the page of the answers
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    generated: generated::Mode,
    /// Ask only what names one of these, and write nothing
    only: Vec<String>,
}

/// Why the table cannot be worked through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The page cannot be written, or is out of date.
    #[error(transparent)]
    Generated(#[from] generated::Error),
    /// A file cannot be read, or axle cannot be run.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The program cannot be built.
    #[error(transparent)]
    Build(#[from] nix::Error),
    /// The table is not valid.
    #[error("{TABLE} is not valid: {0}")]
    Table(String),
    /// Answers are not what is expected.
    #[error("{0} of {1} answers are wrong")]
    Wrong(usize, usize),
}

/// The table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    row: Vec<Row>,
}

/// What one report asks, and what is true.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    /// The public threads.
    reports: Vec<String>,
    /// What happened to the user.
    happened: String,
    /// The questions that would have spared it.
    ask: Vec<Question>,
}

/// A question and what its answer must be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Question {
    /// The command line.
    command: String,
    /// What it must come to.
    answer: Answer,
    /// Packages with the start of their versions that a plan must have (`torch 2.7.0`).
    #[serde(default)]
    has: Vec<String>,
    /// Packages, perhaps with the start of their versions, that a plan must not have.
    #[serde(default)]
    lacks: Vec<String>,
    /// What the answer must say, in whatever lines.
    #[serde(default)]
    says: Vec<String>,
    /// What it must not say.
    #[serde(default)]
    omits: Vec<String>,
    /// What is true, in a sentence for the page.
    because: String,
}

/// The kind of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// It works: exit status 0.
    Yes,
    /// It does not: exit status 1. Every way out that the answer names is tried too, and must work.
    No,
    /// It is no question: exit status 2.
    Unasked,
}

impl Answer {
    fn status(self) -> i32 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Unasked => 2,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Yes => "works",
            Self::No => "refused",
            Self::Unasked => "not a question",
        }
    }
}

/// Puts every question to axle.
///
/// # Errors
/// When an answer is wrong, or the page is out of date.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let table: Table =
        toml::from_str(&fs_err::read_to_string(TABLE)?).map_err(|error| Error::Table(error.to_string()))?;
    let axle = nix::command_line(Path::new("."))?;
    let folder = tempfile::tempdir()?;
    let (mut asked, mut wrong) = (0, 0);
    for row in &table.row {
        let is_wanted = |question: &&Question| {
            args.only.is_empty()
                || args.only.iter().any(|part| {
                    question.command.contains(part) || row.reports.iter().any(|report| report.contains(part))
                })
        };
        for question in row.ask.iter().filter(is_wanted) {
            asked += 1;
            let problems = question.problems(&axle, folder.path())?;
            if !problems.is_empty() {
                wrong += 1;
                anstream::eprintln!("{} ({})", question.command, row.reports.join(", "));
                for problem in problems {
                    anstream::eprintln!("  {problem}");
                }
            }
        }
    }
    if wrong > 0 {
        return Err(Error::Wrong(wrong, asked));
    }
    anstream::eprintln!("{asked} answers are right");
    if args.only.is_empty() {
        args.generated.keep("field", PAGE, Some(&page(&table)))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Question {
    /// What is wrong with the answer.
    fn problems(&self, axle: &Path, folder: &Path) -> Result<Vec<String>, Error> {
        let (text, status) = ask(axle, folder, &self.command)?;
        let mut problems = Vec::new();
        if status != self.answer.status() {
            problems.push(format!(
                "exit status {status} in place of {}: {}",
                self.answer.status(),
                head(&text)
            ));
        }
        for wanted in self.has.iter().filter(|wanted| !has(&text, wanted)) {
            problems.push(format!("{wanted} is not in the plan: {}", head(&text)));
        }
        for unwanted in self.lacks.iter().filter(|unwanted| has(&text, unwanted)) {
            problems.push(format!("{unwanted} is in the plan"));
        }
        let words = one_line(&text);
        for wanted in self.says.iter().filter(|wanted| !words.contains(wanted.as_str())) {
            problems.push(format!("`{wanted}` is not said: {}", head(&text)));
        }
        for unwanted in self.omits.iter().filter(|unwanted| words.contains(unwanted.as_str())) {
            problems.push(format!("`{unwanted}` is said"));
        }
        for way_out in ways_out(&text) {
            let (text, status) = ask(axle, folder, &way_out)?;
            if status != 0 {
                problems.push(format!("the way out `{way_out}` does not work: {}", head(&text)));
            }
        }
        Ok(problems)
    }
}

/// What axle says, on both streams, and its exit status.
fn ask(axle: &Path, folder: &Path, command: &str) -> Result<(String, i32), Error> {
    let words = shlex::split(command).ok_or_else(|| Error::Table(format!("`{command}` is not a command")))?;
    let Some((_, words)) = words.split_first().filter(|(program, _)| *program == "axle") else {
        return Err(Error::Table(format!("`{command}` does not run axle")));
    };
    let output = Command::new(axle).args(words).current_dir(folder).stdin(Stdio::null()).output()?;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((text, output.status.code().unwrap_or(-1)))
}

/// Whether a plan has a package, in a version that starts so where one is given.
fn has(plan: &str, wanted: &str) -> bool {
    let (name, version) = wanted.split_once(' ').unwrap_or((wanted, ""));
    plan.lines().any(|line| {
        let mut words = line.split_whitespace();
        !line.starts_with(' ')
            && words.next() == Some(name)
            && words.next().is_some_and(|has| {
                has.strip_prefix(version)
                    .is_some_and(|rest| version.is_empty() || rest.is_empty() || rest.starts_with('.'))
            })
    })
}

/// The commands that a refusal says would work.
fn ways_out(text: &str) -> impl Iterator<Item = String> {
    let told = text.lines().skip_while(|line| *line != "what would work:");
    let commands = told.filter_map(|line| line.split_once(": axle "));
    commands.map(|(_, arguments)| format!("axle {arguments}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The start of an answer.
fn head(text: &str) -> String {
    one_line(text).chars().take(300).collect()
}

fn page(table: &Table) -> String {
    let mut text = "# Questions from the field\n\nWhat people ran into, as public bug reports tell, each put to axle as the question that would have spared it. \
                    `cargo xtask field` asks them all, holds each answer against what is true, tries every way out that \
                    a refusal names, and writes this page; CI runs it.\n"
        .to_owned();
    for row in &table.row {
        let _ = write!(text, "\n## {}\n\n{}\n", row.reports.join(", "), row.happened);
        for question in &row.ask {
            let _ = write!(
                text,
                "\n```text\n{}\n```\n\n**{}.** {}\n",
                question.command,
                capitalised(question.answer.in_words()),
                question.because
            );
        }
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_what_its_lines_begin_with() {
        let plan = "torch 2.9.1 on x86_64-linux\n\nnumpy      2.3.1    wheel\n    newest is numpy 9\n";
        assert!(
            has(plan, "numpy") && has(plan, "numpy 2") && has(plan, "numpy 2.3.1") && has(plan, "torch 2.9")
        );
        assert!(
            !has(plan, "numpy 2.3.10") && !has(plan, "numpy 9") && !has(plan, "newest") && !has(plan, "nump")
        );
    }

    #[test]
    fn ways_out_are_whole_commands() {
        let text =
            "nothing fits:\n  it does not\nwhat would work:\n  with gcc 13: axle concretise --gcc 13 a\n";
        assert_eq!(ways_out(text).collect::<Vec<_>>(), ["axle concretise --gcc 13 a"]);
    }
}
