//! Report of a run of the matrix, as text and JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cells::NamedCell;
use crate::difference::Difference;
use crate::pieces::{Failure, Piece};

/// The schema of the JSON document.
const SCHEMA: &str = "axle.matrix/1";

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// What was seen of one cell.
pub struct Seen {
    /// The cell.
    pub cell: NamedCell,
    /// What does not hold, by piece; a piece that was not looked at is not there.
    pub pieces: BTreeMap<Piece, Vec<Failure>>,
}

/// What was seen of all cells, and what has changed since the recorded state, where that was asked.
pub struct Report {
    /// The cells.
    pub seen: Vec<Seen>,
    /// How many outcomes were known from an earlier run.
    pub known: usize,
    /// What is different from the recorded state.
    pub difference: Option<Difference>,
}

#[derive(Serialize)]
struct Document<'r, C: Serialize> {
    schema: &'static str,
    ok: bool,
    cells: Vec<CellDocument<'r>>,
    changes: Option<C>,
    errors: [(); 0],
}

#[derive(Serialize)]
struct CellDocument<'r> {
    cell: String,
    system: String,
    python: String,
    cuda: String,
    torch: &'r str,
    packages: usize,
    pieces: BTreeMap<Piece, PieceDocument<'r>>,
}

#[derive(Serialize)]
struct PieceDocument<'r> {
    ok: bool,
    failures: &'r [Failure],
}

impl Report {
    /// Whether every piece of every cell holds.
    pub fn holds(&self) -> bool {
        self.seen.iter().flat_map(|seen| seen.pieces.values()).all(Vec::is_empty)
    }

    /// The document of `--format json`.
    ///
    /// # Errors
    /// Never for plain data; what serde says, else.
    pub fn json(&self, ok: bool) -> serde_json::Result<String> {
        let cells = self.seen.iter().map(|Seen { cell, pieces }| CellDocument {
            cell: cell.name.to_string(),
            system: cell.name.system.to_string(),
            python: cell.name.python.to_string(),
            cuda: cell.name.cuda.to_string(),
            torch: &cell.name.torch,
            packages: cell.cell().packages.len(),
            pieces: pieces
                .iter()
                .map(|(piece, failures)| (*piece, PieceDocument { ok: failures.is_empty(), failures }))
                .collect(),
        });
        let document = Document {
            schema: SCHEMA,
            ok,
            cells: cells.collect(),
            changes: self.difference.as_ref().map(Difference::changes),
            errors: [],
        };
        serde_json::to_string_pretty(&document)
    }

    /// The table of cells by pieces, what does not hold, and what has changed.
    pub fn human(&self) -> String {
        let pieces: BTreeSet<Piece> = self.seen.iter().flat_map(|seen| seen.pieces.keys().copied()).collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let titles = pieces.iter().map(|piece| piece.name());
        table.set_header(["cell", "packages"].into_iter().chain(titles));
        for Seen { cell, pieces: seen } in &self.seen {
            let mark = |piece| match seen.get(piece).map(Vec::len) {
                None => String::new(),
                Some(0) => "✓".to_owned(),
                Some(count) => format!("✗ {count}"),
            };
            let marks = pieces.iter().map(mark);
            let start = [cell.name.to_string(), cell.cell().packages.len().to_string()];
            table.add_row(start.into_iter().chain(marks));
        }
        let mut text = String::new();
        for line in table.lines() {
            // Painted last: a table counts the signs of a colour as width.
            let line = line.trim().replace('✓', &format!("{GOOD}✓{GOOD:#}"));
            let _ = writeln!(text, "{}", line.replace('✗', &format!("{BAD}✗{BAD:#}")));
        }
        for ((piece, failure), cells) in self.failures() {
            let package = failure.package.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            let _ = writeln!(text, "{BAD}✗{BAD:#} {}: {package}{}", piece.name(), failure.message);
            let _ = writeln!(text, "    in {}", some_of(&cells));
        }
        if let Some(difference) = &self.difference {
            if difference.is_empty() {
                text.push_str("no change since the recorded state\n");
            }
            let _ = write!(text, "{difference}");
        }
        let failing = self.seen.iter().filter(|seen| !seen.pieces.values().all(Vec::is_empty)).count();
        let outcomes: usize = self.seen.iter().map(|seen| seen.pieces.len()).sum();
        let _ = writeln!(
            text,
            "{} cells, {failing} failing; {outcomes} checks ({} cached)",
            self.seen.len(),
            self.known
        );
        text
    }

    /// Each failure with the cells that it is in.
    fn failures(&self) -> BTreeMap<(Piece, &Failure), Vec<String>> {
        let mut failures: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for seen in &self.seen {
            for (piece, of_piece) in &seen.pieces {
                for failure in of_piece {
                    failures.entry((*piece, failure)).or_default().push(seen.cell.name.to_string());
                }
            }
        }
        failures
    }
}

/// The first of some cells, and how many there are.
pub fn some_of(cells: &[String]) -> String {
    /// More than that are counted.
    const NAMED: usize = 3;
    match cells.len() {
        count if count > NAMED => format!("{count} cells: {}, …", cells[..NAMED].join(", ")),
        _ => cells.join(", "),
    }
}
