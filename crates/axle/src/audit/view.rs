//! Text output of an audit: identity, needs, device code per library, findings, and coverage of the requested GPUs and
//! glibc. It fits on one screen, unless `--verbose` is given.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use axle_audit::{
    Code, ContainerGroup, Coverage, CudaSource, ElfMember, Finding, Form, GlibcCoverage, LooseCode,
    LooseFormat, PtxMember, RecordFacts, WheelFacts,
};
use axle_types::{ComputeCapability, comma_separated};

use super::{ByCuda, Wheel, kernels, policy};
use crate::arguments::Audit;
use crate::output::{self, Text};

/// Columns of a screen.
const WIDTH: usize = 80;
/// Where the values of lines begin.
const VALUES: usize = 11;
/// Rows of a table, columns of a list, and findings that are shown where not all is asked for.
const ROWS: usize = 12;
const LIST: usize = 120;
const FINDINGS: usize = 6;
/// The section of code that runs as it is.
const LINKED: &str = ".nv_fatbin";

/// GPUs that one may have, for the answer where none was asked about.
pub const GPUS: [ComputeCapability; 16] = [
    ComputeCapability::new(5, 0),
    ComputeCapability::new(5, 2),
    ComputeCapability::new(6, 0),
    ComputeCapability::new(6, 1),
    ComputeCapability::new(7, 0),
    ComputeCapability::new(7, 5),
    ComputeCapability::new(8, 0),
    ComputeCapability::new(8, 6),
    ComputeCapability::new(8, 7),
    ComputeCapability::new(8, 9),
    ComputeCapability::new(9, 0),
    ComputeCapability::new(10, 0),
    ComputeCapability::new(10, 3),
    ComputeCapability::new(11, 0),
    ComputeCapability::new(12, 0),
    ComputeCapability::new(12, 1),
];

/// A wheel's facts, findings and verdicts.
pub fn human(wheel: &Wheel, command: &Audit) -> Text {
    let facts = &wheel.facts;
    let mut text = identity(facts);
    text.append(&needs(wheel, command));
    text.append(&device_code(facts, command.verbose));
    let asked: Vec<_> = wheel.coverage.iter().map(|coverage| coverage.cc).collect();
    text.append(&kernels::human(facts, &asked));
    text.append(&findings(&wheel.findings, command.verbose));
    text.append(&verdicts(wheel, command.verbose));
    text.blank();
    text.painted(paint)
}

/// A name and its value; between the parts of a list it goes on in the next line where it must.
pub fn line(text: &mut Text, name: &str, value: &str) {
    let before = VALUES - 1;
    let (name, value) = (output::shown(&name), output::shown(&value));
    let mut line = format!("{name:<before$} ");
    let mut column = VALUES.max(name.chars().count() + 1);
    let parts = if value.is_empty() { "none" } else { &value }.split_inclusive(", ");
    for (number, part) in parts.enumerate() {
        let width = part.trim_end().chars().count();
        if number > 0 && column + width > WIDTH {
            text.line(line.trim_end());
            line = format!("{:VALUES$}", "");
            column = VALUES;
        }
        line.push_str(part);
        column += part.chars().count();
    }
    text.line(line);
}

/// What it is.
fn identity(facts: &WheelFacts) -> Text {
    let mut text = Text::default();
    let form = match facts.form {
        Form::Wheel => "wheel",
        Form::Unpacked => "unpacked",
        Form::Installed => "installed",
        Form::File => "file",
    };
    line(&mut text, form, &facts.filename);
    line(&mut text, "size", &output::size(facts.size));
    match (facts.form, facts.sha256, facts.declared_sha256) {
        (_, Some(hash), _) => line(&mut text, "sha256", &hash.to_string()),
        (_, None, Some(declared)) => {
            line(&mut text, "sha256", &format!("{declared} (declared; the file was not read in full)"));
        }
        (Form::Wheel | Form::File, None, None) => {
            line(&mut text, "sha256", "unknown (the file was not read in full)");
        }
        (Form::Unpacked | Form::Installed, None, None) => {}
    }
    text
}

/// The releases, and, where there are few or all is asked for, from what each was concluded.
fn cuda(facts: &WheelFacts, whole: bool) -> String {
    if facts.cuda.len() > 2 && !whole {
        return comma_separated(&facts.cuda);
    }
    let told = facts.cuda.iter().map(|release| {
        let evidence = facts.cuda_evidence.iter().filter(|evidence| evidence.cuda == *release);
        let by: Vec<String> = evidence
            .map(|evidence| match (evidence.by, evidence.from.as_slice()) {
                (CudaSource::Images, members) if whole => {
                    format!("device code of {}", members.join(", "))
                }
                (CudaSource::Images, [member]) => format!("device code of {}", file_name(member)),
                (CudaSource::Images, members) => format!("device code of {} members", members.len()),
                (_, from) if whole => from.join(", "),
                (_, from) => from.iter().map(|from| without_marker(from)).collect::<Vec<_>>().join(", "),
            })
            .collect();
        format!("{release} (from {})", by.join(", "))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// A requirement without the environments that it is for.
fn without_marker(requirement: &str) -> &str {
    requirement.split(';').next().unwrap_or(requirement).trim_end()
}

/// What it needs.
fn needs(wheel: &Wheel, command: &Audit) -> Text {
    let facts = &wheel.facts;
    let mut text = Text::default();
    let mut line = |name: &str, value: &str| line(&mut text, name, value);
    if facts.form != Form::File {
        line("python", facts.requires_python.as_deref().unwrap_or("any"));
    }
    line("cuda", &cuda(facts, command.verbose));
    line("glibc", facts.glibc.as_deref().unwrap_or("any"));
    line("glibcxx", facts.glibcxx.as_deref().unwrap_or("any"));
    if let Some(version) = &facts.cxxabi {
        line("cxxabi", version);
    }
    if let Some(is_new) = facts.cxx11_abi {
        line(
            "c++ abi",
            if is_new { "new (_GLIBCXX_USE_CXX11_ABI=1)" } else { "old (_GLIBCXX_USE_CXX11_ABI=0)" },
        );
    }
    let should_be = wheel.platform.should_be.as_deref().unwrap_or("any");
    let lies = if wheel.platform.honest == Some(false) { ", contrary to its name" } else { "" };
    line("platform", &format!("{should_be}{lies}"));
    line("external", &list(&policy::human(&wheel.providers), LIST, command.verbose));
    let guesses = guesses(facts);
    if !guesses.is_empty() {
        line("may load", &format!("{} (a guess)", list(&guesses, LIST, command.verbose)));
    }
    line("policy", &wheel.policy.human());
    if let Some(record) = &facts.record {
        line("record", &verified(record));
    }
    if !facts.unread.is_empty() {
        line("not read", &list(&facts.unread, LIST, command.verbose));
    }
    if command.verbose && facts.unopened > 0 {
        line("not opened", &format!("{} members whose names are not those of code", facts.unopened));
    }
    text
}

/// Libraries that members may load by `dlopen`, but for those that the wheel holds.
fn guesses(facts: &WheelFacts) -> Vec<String> {
    let held: BTreeSet<&str> = facts
        .elf
        .iter()
        .flat_map(|member| [Some(file_name(&member.path)), member.soname.as_deref()])
        .flatten()
        .collect();
    let guesses: BTreeSet<&String> = facts.elf.iter().flat_map(|member| &member.dlopen).collect();
    let external: BTreeSet<&String> = facts.external.iter().collect();
    let outside = |name: &&&String| !held.contains(name.as_str()) && !external.contains(**name);
    guesses.iter().filter(outside).map(|name| (*name).clone()).collect()
}

/// How the members compare with `RECORD`, in numbers; findings tell which are wrong.
fn verified(record: &RecordFacts) -> String {
    let count = |number: usize, what: &str| (number > 0).then(|| format!("{number} {what}"));
    let parts = [
        Some(format!("{} verified", record.verified)),
        count(record.wrong.len(), "wrong"),
        count(record.unhashed.len(), "without a hash"),
        count(record.unlisted.len(), "not listed"),
        count(record.missing.len(), "missing"),
        record.unreadable.as_ref().map(|_| "not completely readable".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Names; where not all is asked for, as many as there is room for, in columns, and how many more there are.
fn list(names: &[String], room: usize, whole: bool) -> String {
    let all = names.join(", ");
    if whole || all.chars().count() <= room {
        return all;
    }
    let mut text = String::new();
    for (shown, name) in names.iter().enumerate() {
        let more = format!(" and {} more", names.len() - shown);
        if shown > 0 && text.chars().count() + name.chars().count() + more.len() > room {
            return text + &more;
        }
        let _ = write!(text, "{}{name}", if shown > 0 { ", " } else { "" });
    }
    text
}

/// One row of the table: containers, and how many of them hold each code.
struct Row {
    library: String,
    containers: u64,
    codes: BTreeMap<Code, u64>,
}

impl Row {
    /// Adds containers that hold the same codes.
    fn add(&mut self, codes: &[Code], count: u64) {
        self.containers += count;
        for code in codes {
            *self.codes.entry(*code).or_default() += count;
        }
    }
}

/// Rows libraries, columns architectures.
fn device_code(facts: &WheelFacts, whole: bool) -> Text {
    let mut files: Vec<Vec<Row>> = facts.elf.iter().map(of_library).collect();
    files.extend(of_loose(&facts.loose).into_iter().map(|row| vec![row]));
    files.retain(|rows| !rows.is_empty());
    files.sort_by_cached_key(|rows| rows.first().map(|row| (Reverse(row.containers), row.library.clone())));
    let fits = |rows: usize| whole || rows <= ROWS + 1;
    let every: usize = files.iter().map(Vec::len).sum();
    if !fits(every) {
        for rows in &mut files {
            rows.retain(|row| !row.library.starts_with(' '));
        }
    }
    let mut rows: Vec<Row> = files.into_iter().flatten().collect();
    if !fits(rows.len()) {
        rows.truncate(ROWS);
    }
    let hidden = every - rows.len();
    let mut text = Text::default();
    if !rows.is_empty() {
        let codes: Vec<Code> = {
            let mut codes: Vec<Code> = rows.iter().flat_map(|row| row.codes.keys().copied()).collect();
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        shorten(&mut rows);
        text.blank();
        text.line("fatbin containers by architecture: NN = SASS sm_NN, ptxNN = PTX, - = none");
        for columns in pages(&codes, &rows) {
            text.append(&grid(&rows, columns));
        }
        if hidden > 0 {
            text.line(format_args!("and {hidden} more rows (--verbose shows all)"));
        }
    }
    let has_amd = |member: &&ElfMember| !member.amd.is_empty();
    if rows.is_empty() && !facts.elf.iter().any(|member| has_amd(&member)) {
        line(&mut text, "code", "none for GPUs");
    }
    for member in facts.elf.iter().filter(has_amd) {
        let targets: Vec<_> =
            member.amd.iter().map(|(target, count)| format!("{target} ({count})")).collect();
        let library = format!("{}: AMD code for", file_name(&member.path));
        let room = WIDTH.saturating_sub(library.chars().count() + 1);
        line(&mut text, &library, &list(&targets, room, whole));
    }
    text
}

/// A row for what a library has linked, and one for each other section with device code, indented below it.
fn of_library(member: &ElfMember) -> Vec<Row> {
    let name = file_name(&member.path);
    let mut sections = BTreeMap::<(bool, &str), Row>::new();
    for group in &member.container_groups {
        let section = group.section.as_str();
        let empty = || Row { library: String::new(), containers: 0, codes: BTreeMap::new() };
        sections.entry((section != LINKED, section)).or_insert_with(empty).add(&group.code, group.count);
    }
    let named = |(number, ((_, section), row)): (usize, ((bool, &str), Row))| {
        let library = match (section, number) {
            (LINKED, _) => name.to_owned(),
            ("", _) => format!("{name} (no section)"),
            (section, 0) => format!("{name} {section}"),
            (section, _) => format!("  {section}"),
        };
        Row { library, ..row }
    };
    sections.into_iter().enumerate().map(named).collect()
}

/// A row for each format of the files of device code.
fn of_loose(loose: &[LooseCode]) -> Vec<Row> {
    let mut rows = BTreeMap::<LooseFormat, Row>::new();
    for group in loose {
        let library = match group.format {
            LooseFormat::Cubin => "files: cubin",
            LooseFormat::Ptx => "files: PTX",
            LooseFormat::Fatbin => "files: fatbin",
        };
        let empty = Row { library: library.to_owned(), containers: 0, codes: BTreeMap::new() };
        rows.entry(group.format).or_insert(empty).add(&group.code, group.count);
    }
    rows.into_values().collect()
}

/// Cuts names so long that no table would have room, at their start: the end tells them apart.
fn shorten(rows: &mut [Row]) {
    const LONGEST: usize = 32;
    for row in rows {
        let length = row.library.chars().count();
        if length > LONGEST {
            let end: String = row.library.chars().skip(length + 1 - LONGEST).collect();
            row.library = format!("…{end}");
        }
    }
}

/// The codes in as many parts as it takes for a table of each to fit a screen.
fn pages<'a>(codes: &'a [Code], rows: &[Row]) -> Vec<&'a [Code]> {
    const GAP: usize = 2;
    let longest = rows.iter().map(|row| row.library.chars().count()).max().unwrap_or_default();
    let before = longest + GAP + "12345".len() + GAP;
    let mut width = before;
    codes
        .chunk_by(|_, next| {
            width += heading(*next).len().max("all".len()) + GAP;
            let fits = width <= WIDTH;
            if !fits {
                width = before;
            }
            fits
        })
        .collect()
}

/// `90a` of `sm_90a`, `ptx90` of `compute_90`: the columns are narrow.
fn heading(code: Code) -> String {
    let name = code.to_string();
    match (name.strip_prefix("sm_"), name.strip_prefix("compute_")) {
        (Some(number), _) => number.to_owned(),
        (_, Some(number)) => format!("ptx{number}"),
        _ => name,
    }
}

fn grid(rows: &[Row], codes: &[Code]) -> Text {
    let headings: Vec<String> = codes.iter().map(|code| heading(*code)).collect();
    let cells = |row: &Row| -> Vec<String> {
        let count = |code| match row.codes.get(code) {
            None => "-".to_owned(),
            Some(count) if *count == row.containers => "all".to_owned(),
            Some(count) => count.to_string(),
        };
        codes.iter().map(count).collect()
    };
    let header = [vec!["library".to_owned(), "of".to_owned()], headings].concat();
    let lines =
        rows.iter().map(|row| [vec![row.library.clone(), row.containers.to_string()], cells(row)].concat());
    output::wide_table(header, lines)
}

/// What is wrong or odd. Of many findings of one code the first is shown, with their number.
fn findings(findings: &[Finding], whole: bool) -> Text {
    let mut shown: Vec<(&Finding, usize)> = Vec::new();
    for finding in findings {
        match shown.last_mut() {
            Some((last, count)) if !whole && last.code == finding.code => *count += 1,
            _ => shown.push((finding, 0)),
        }
    }
    shown.sort_by_key(|(finding, _)| Reverse(finding.severity));
    let hidden = if whole { 0 } else { shown.len().saturating_sub(FINDINGS) };
    shown.truncate(shown.len() - hidden);
    let rows = shown.into_iter().map(|(finding, more)| {
        let member = finding.member.as_ref().map_or_else(String::new, |member| {
            format!("{}: ", if whole { member } else { file_name(member) })
        });
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let message = format!("{member}{}{more}", finding.message);
        [finding.code.to_string(), finding.severity.to_string(), message]
    });
    let mut text = Text::default();
    if rows.len() > 0 {
        text.blank();
        text.append(&output::table(["code", "severity", "finding"], rows));
    }
    if hidden > 0 {
        text.line(format_args!("and {hidden} more kinds of findings (--verbose shows all)"));
    }
    text
}

/// Whether it covers what was asked for; where nothing was, what it covers.
fn verdicts(wheel: &Wheel, whole: bool) -> Text {
    let facts = &wheel.facts;
    let mut text = Text::default();
    let counts = |group: &ContainerGroup| matches!(group.section.as_str(), LINKED | "__nv_relfatbin" | "");
    let holds_code =
        !facts.loose.is_empty() || facts.elf.iter().any(|member| member.container_groups.iter().any(counts));
    if holds_code && !wheel.common.is_empty() {
        let join = |verdict| {
            let gpus = wheel.common.iter().filter(|coverage| coverage.covered == verdict);
            gpus.map(|coverage| coverage.cc.to_string()).collect::<Vec<_>>().join(", ")
        };
        line(&mut text, "covers", &join(Some(true)));
        let unknown = join(None);
        if !unknown.is_empty() {
            line(&mut text, "perhaps", &format!("{unknown}: {}", why_unknown(facts)));
        }
    }
    for coverage in &wheel.coverage {
        let mut verdict = verdict(facts, coverage, whole);
        if let Some(by) = wheel.by_cuda.iter().find(|by| by.cc == coverage.cc) {
            verdict += &with_cuda(by);
        }
        line(&mut text, &coverage.cc.to_string(), &verdict);
    }
    if let Some(coverage) = &wheel.glibc_coverage {
        let GlibcCoverage { content, counted, missing, .. } = coverage;
        let verdict = match (coverage.covered, *counted) {
            (true, 0) => "covered: it contains no machine code".to_owned(),
            (true, _) => format!("covered: {content} of {counted} members load with it"),
            (false, _) => {
                let missing = list(missing, LIST, whole);
                format!("not covered: {content} of {counted} members load with it, but not {missing}")
            }
        };
        line(&mut text, &format!("glibc {}", coverage.glibc), &verdict);
    }
    let mut apart = Text::default();
    if !text.is_empty() {
        apart.blank();
        apart.append(&text);
    }
    apart
}

/// With which CUDA releases it is covered, where that depends on them.
fn with_cuda(by: &ByCuda) -> String {
    match (by.covered.as_slice(), by.uncovered.as_slice()) {
        ([], _) | (_, []) => String::new(),
        (covered, uncovered) => format!(
            "; with CUDA {} (with {} it is not: --cuda asks about one)",
            comma_separated(covered),
            comma_separated(uncovered)
        ),
    }
}

fn verdict(facts: &WheelFacts, coverage: &Coverage, whole: bool) -> String {
    let run = || format!("{} of {} containers run there", coverage.runnable, coverage.counted);
    match coverage.covered {
        Some(true) if coverage.counted == 0 => "covered: it contains no device code".to_owned(),
        Some(true) => {
            let mut text = format!("covered: {}", run());
            if !coverage.without.is_empty() {
                let _ = write!(text, "; what does not work there: {}", coverage.without.join(", "));
            }
            match coverage.by_ptx.as_slice() {
                [] => {}
                members => text += &by_ptx(members, whole),
            }
            text
        }
        Some(false) if coverage.counted == 0 => {
            format!("not covered: none of its {} files of device code runs there", loose_files(facts))
        }
        Some(false) => format!("not covered: {}; missing in {}", run(), list(&coverage.missing, LIST, whole)),
        None => format!("unknown: {}", why_unknown(facts)),
    }
}

/// Which members the driver compiles, and how new it must be for that.
fn by_ptx(members: &[PtxMember], whole: bool) -> String {
    let paths: Vec<String> = members.iter().map(|one| one.member.clone()).collect();
    let newest = members.iter().filter_map(|one| one.cuda).max();
    let driver =
        newest.map_or_else(String::new, |cuda| format!(", which needs a driver of CUDA {cuda} or newer"));
    format!("; PTX alone in {}{driver}", list(&paths, LIST, whole))
}

fn why_unknown(facts: &WheelFacts) -> String {
    let loose = loose_files(facts);
    if loose > 0 {
        format!("it contains {loose} files of device code, and which of them it loads on a GPU is unknown")
    } else if !facts.unread.is_empty() {
        "not all of its files were read".to_owned()
    } else if facts
        .elf
        .iter()
        .any(|member| member.container_groups.iter().any(|group| group.section.is_empty()))
    {
        "its section table was stripped, so device code that was linked cannot be told from the rest"
            .to_owned()
    } else {
        "it contains only code whose compatibility is unknown".to_owned()
    }
}

fn loose_files(facts: &WheelFacts) -> u64 {
    facts.loose.iter().map(|loose| loose.count).sum()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Colours for a terminal; the writer takes them out where there is none.
fn paint(line: &str) -> String {
    let bold = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into()));
    let words = [
        ("not covered:", bold(AnsiColor::Red)),
        ("covered:", bold(AnsiColor::Green)),
        ("unknown:", bold(AnsiColor::Yellow)),
        ("error", bold(AnsiColor::Red)),
        ("warning", bold(AnsiColor::Yellow)),
    ];
    // Verdicts and severities stand second in their lines.
    let found = words.iter().find_map(|(word, style)| {
        let (before, after) = line.split_once(word)?;
        let is_second = before.ends_with(' ') && before.len() <= VALUES && !before.trim().is_empty();
        is_second.then(|| format!("{before}{style}{word}{style:#}{after}"))
    });
    found.unwrap_or_else(|| line.to_owned())
}
