//! What every command prints alike.

use std::borrow::Cow;
use std::io::{self, Write};

use axle_audit::AuditError;
pub use axle_concretise::{Document, Problem, package_name};
use comfy_table::{Table, presets};
use serde::Serialize;

/// The answer to a question, which is the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Status 0.
    Yes,
    /// Status 1.
    No,
    /// Status 2: it could not be answered, and why was printed.
    Unanswered,
}

/// Why a question could not be answered.
pub type Error = Box<dyn std::error::Error>;

/// What went wrong, as one line on stderr.
pub fn error(error: &dyn std::fmt::Display) {
    let line = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(anstream::stderr(), "axle: {}", visible(&line));
}

/// What a person may want to know beside the answer, as one line on stderr.
pub fn note(note: &dyn std::fmt::Display) {
    error(note);
}

/// Text on stdout. A reader that has gone away is no error.
pub fn text(text: &str) -> Result<(), Error> {
    painted(&visible(text))
}

/// Text that is [`visible`] but for colours, which are left out where stdout is no terminal, or `NO_COLOR` is set.
pub fn painted(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("the answer cannot be written to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

/// One JSON document on stdout.
pub fn json<T: Serialize>(document: &T) -> Result<(), Error> {
    let mut line = serde_json::to_string_pretty(document)?;
    line.push('\n');
    text(&line)
}

/// The problem with an input that an error tells of.
pub fn problem(input: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    let audit = error.downcast_ref::<AuditError>();
    Problem {
        input: input.to_owned(),
        place: audit.and_then(AuditError::member).map(str::to_owned),
        offset: audit.and_then(AuditError::offset),
        message: error.to_string(),
    }
}

/// Rows in aligned columns under headings, without lines.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    wide_table(headings.map(str::to_owned).into(), rows.into_iter().map(Vec::from))
}

/// The same with as many columns as it takes.
pub fn wide_table(headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.add_rows(rows);
    lines(table.lines().map(|line| line.trim_end().to_owned()))
}

/// The columns of a terminal.
const WIDTH: u16 = 80;

/// A text in lines that fit a terminal, each after an indentation; none of an empty text.
pub fn wrapped(text: &str, indentation: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= usize::from(WIDTH) => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indentation}{word}")),
        }
    }
    lines
}

/// Lines as one text.
pub fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Bytes for a person: `899.8 MB`.
pub fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "three digits are printed")]
    let (value, unit) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (bytes as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => (bytes as f64 / 1e6, "MB"),
        _ => (bytes as f64 / 1e9, "GB"),
    };
    format!("{value:.1} {unit}")
}

/// Several lines on stderr.
pub fn message(text: &str) {
    let _ = write!(anstream::stderr(), "{}", visible(text));
}

/// The text with its control characters spelled out: a name in a wheel must not steer the terminal.
pub fn visible(text: &str) -> Cow<'_, str> {
    let steers = |character: char| character.is_control() && character != '\n';
    if !text.contains(steers) {
        return text.into();
    }
    text.chars()
        .fold(String::new(), |mut shown, character| {
            if steers(character) {
                shown.extend(character.escape_default());
            } else {
                shown.push(character);
            }
            shown
        })
        .into()
}
