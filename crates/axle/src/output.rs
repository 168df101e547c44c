//! Output that all subcommands share: text, tables, JSON documents, errors.

use axle_plan::Problem;
use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use axle_audit::AuditError;
use axle_types::{is_hidden, redacted, visible};
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

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

/// A text of any origin as axle shows it: in one line, without what steers a terminal, and without passwords.
pub fn shown(text: &dyn Display) -> String {
    visible(&redacted(&text.to_string())).into_owned()
}

/// Lines for a person. Each is [`shown`] when it is added, so that no value can begin a line of its own.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// A text that is made of lines already, whose values were escaped by who wrote it: TOML, Nix, requirements.
    pub fn document(text: &str) -> Self {
        let mut document = Self::default();
        for line in text.lines() {
            document.line(line);
        }
        document
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl Display) {
        self.0.push_str(&shown(&line));
        self.0.push('\n');
    }

    /// Adds a line to a text that begins with it.
    pub fn with(mut self, line: impl Display) -> Self {
        self.line(line);
        self
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.0.push('\n');
    }

    /// Adds lines.
    pub fn append(&mut self, lines: &Self) {
        self.0.push_str(&lines.0);
    }

    /// Whether it has no line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines, which may be put between others.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// The same with colours, which are left out where stdout is no terminal, or `NO_COLOR` is set.
    pub fn painted(&self, paint: impl Fn(&str) -> String) -> Self {
        Self(self.lines().flat_map(|line| [paint(line), "\n".to_owned()]).collect())
    }
}

/// What went wrong, as one line on stderr.
pub fn error(error: &dyn Display) {
    /// A screen or two.
    const LONGEST: usize = 4000;

    let text = error.to_string();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() + word.len() > LONGEST {
            line.push_str(" …");
            break;
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    let _ = writeln!(anstream::stderr(), "axle: {}", shown(&line));
}

/// What a person may want to know beside the answer, as one line on stderr.
pub fn note(note: &dyn Display) {
    error(note);
}

/// Text on stdout. A reader that has gone away is no error.
pub fn text(text: &Text) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    written(stdout.write_all(text.0.as_bytes()).and_then(|()| stdout.flush()))
}

/// Several lines on stderr.
pub fn message(text: &Text) {
    let _ = write!(anstream::stderr(), "{}", text.0);
}

/// One JSON document on stdout, as it is made: those of many members are large.
pub fn json<T: Serialize>(document: &T) -> Result<(), Error> {
    written(write_json(&mut io::stdout().lock(), document))
}

/// The same to any place.
pub fn write_json<T: Serialize>(place: &mut dyn Write, document: &T) -> io::Result<()> {
    let mut place = BufWriter::new(place);
    let formatter = Escaping(PrettyFormatter::new());
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut place, formatter))?;
    place.write_all(b"\n")?;
    place.flush()
}

fn written(result: io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("failed to write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

/// JSON in which what is hidden is escaped as JSON does, as in `\u202e`.
struct Escaping(PrettyFormatter<'static>);

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = 0;
        for (place, character) in fragment.char_indices().filter(|(_, character)| is_hidden(*character)) {
            writer.write_all(fragment.get(plain..place).unwrap_or_default().as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = place + character.len_utf8();
        }
        writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// The problem with an input that an error tells of.
pub fn problem(input: &str, error: &(dyn std::error::Error + 'static)) -> Problem {
    let audit = error.downcast_ref::<AuditError>();
    Problem {
        input: redacted(input).into_owned(),
        place: audit.and_then(AuditError::member).map(str::to_owned),
        offset: audit.and_then(AuditError::offset),
        message: redacted(&error.to_string()).into_owned(),
    }
}

/// Rows in aligned columns under headings, without lines.
pub fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> Text {
    wide_table(headings.map(str::to_owned).into(), rows.into_iter().map(Vec::from))
}

/// The same with as many columns as it takes.
pub fn wide_table(headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Text {
    laid_out(Table::new(), headings, rows)
}

/// Columns are as wide as what is shown in them.
fn laid_out(mut table: Table, headings: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Text {
    table.load_style(presets::NOTHING).set_header(headings);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| shown(cell)).collect::<Vec<_>>()));
    let mut text = Text::default();
    for line in table.lines() {
        text.line(line.trim_end());
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_no_lines() {
        let mut text = Text::default();
        text.line(format_args!("python     {}", ">=3.9\n8.6        covered: all\x1b[2J"));
        text.append(&table(["what", "found"], [["a\nb".to_owned(), "\u{202e}c".to_owned()]]));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            ["python     >=3.9\\n8.6        covered: all\\u{1b}[2J", "what  found", "a\\nb  \\u{202e}c"]
        );
    }

    #[test]
    fn json_has_escapes_of_its_own() {
        let mut bytes = Vec::new();
        let value = serde_json::json!({ "a\u{7f}": ["\u{9b}2J\u{202e}\n\"", "é\u{e0041}", {}] });
        write_json(&mut bytes, &value).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(r#""a\u007f""#) && text.contains(r#""\u009b2J\u202e\n\"""#), "{text}");
        assert!(text.contains(r#""é\udb40\udc41""#), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
