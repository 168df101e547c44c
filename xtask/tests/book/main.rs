//! The book and the README: every command is run, every snippet is evaluated, every link leads somewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

mod book;
mod console;
mod pages;
mod snippets;

use std::path::{Path, PathBuf};

use axle_provision::nix;

use crate::console::{BY_CI, COPY, ONLINE, Shell};
use crate::pages::{pages, root};

fn assert_nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn blocks_are_of_kinds_that_are_tested() {
    let mut wrong = Vec::new();
    for block in pages().iter().flat_map(pages::Page::blocks) {
        let marks: &[&str] = if block.language == "console" { &[ONLINE, COPY, BY_CI] } else { &[] };
        let unknown: Vec<_> = block.marks.iter().filter(|mark| !marks.contains(&mark.as_str())).collect();
        let result = match block.language.as_str() {
            "console" | "nix" | "text" => Ok(()),
            "json" => serde_json::from_str::<serde_json::Value>(&block.text)
                .map(drop)
                .map_err(|error| error.to_string()),
            "toml" => toml::from_str::<toml::Table>(&block.text).map(drop).map_err(|error| error.to_string()),
            other => Err(format!("nothing tests `{other}`")),
        };
        let result = result.and_then(|()| block.is_quoted_rightly());
        wrong.extend(result.err().map(|message| format!("{}: {message}", block.place)));
        if !unknown.is_empty() {
            wrong.push(format!("{}: nothing is marked {unknown:?}", block.place));
        }
    }
    assert_nothing_wrong(&wrong);
}

#[test]
fn commands_print_what_is_shown() {
    let shell = Shell::new();
    let is_cheap = |block: &pages::Block| block.marks.is_empty();
    let wrong: Vec<_> = pages().iter().flat_map(|page| shell.page(page, is_cheap)).collect();
    assert_nothing_wrong(&wrong);
}

#[test]
#[ignore = "asks the package index, fetches a Nix when the machine has none, and some gigabytes"]
fn commands_that_need_the_network_print_what_is_shown() {
    let shell = Shell::with_nix();
    let is_run_here = |block: &pages::Block| !block.is(BY_CI);
    let needs_network = |page: &pages::Page| page.blocks().iter().any(|block| block.is(ONLINE));
    // Later commands may need what earlier ones wrote.
    let wrong: Vec<_> = pages()
        .iter()
        .filter(|page| needs_network(page))
        .flat_map(|page| shell.page(page, is_run_here))
        .collect();
    assert_nothing_wrong(&wrong);
}

#[test]
fn what_no_test_runs_is_run_by_ci() {
    let mut wrong = Vec::new();
    for block in pages().iter().flat_map(pages::Page::blocks).filter(|block| block.is(BY_CI)) {
        let commands = console::commands(&block).into_iter().map(|shown| shown.command);
        let others = commands.filter(|command| !console::is_run_by_ci(command));
        wrong.extend(others.map(|command| format!("{}: .ci/run does not run `{command}`", block.place)));
    }
    assert_nothing_wrong(&wrong);
    assert!(!console::is_run_by_ci("cargo xtask e2"));
}

#[test]
fn what_a_sentence_names_is_understood() {
    let shell = Shell::new();
    let mut wrong = Vec::new();
    for page in pages() {
        let own = |named: &String| console::own(named).is_some_and(|own| !shell.understands(&own));
        wrong.extend(page.code().into_iter().filter(own).map(|named| format!("{}: `{named}`", page.path)));
    }
    assert_nothing_wrong(&wrong);
    assert!(!shell.understands("axle audit --no-such-option x.whl"));
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn snippets_of_nix_are_evaluated() {
    let nix = nix::ensure().unwrap();
    let axle = snippets::flake(&nix);
    let mut wrong: Vec<_> = pages().iter().flat_map(|page| snippets::page(&nix, &axle, page)).collect();
    let template = snippets::check_flake(&nix, &axle, &snippets::template(&root()));
    wrong.extend(template.err().map(|message| format!("the template: {message}")));
    assert_nothing_wrong(&wrong);
}

#[test]
fn the_book_is_built_and_no_link_is_broken() {
    let (folder, warnings) = book::build(&root().join("docs"));
    assert_eq!(warnings, "");
    let site = book::Site::read(&folder);
    let mut broken = site.broken();
    // A page that the summary does not name is in no book, and neither are its links.
    for page in pages() {
        let name = page.path.strip_prefix("docs/").unwrap_or("README.md");
        let made = html(Path::new(name));
        if name != "SUMMARY.md" && !folder.join(&made).is_file() {
            broken.push(format!("SUMMARY.md: {} is not in the book", page.path));
        }
    }
    // The README is read outside of the book, and leads into it.
    for link in pages().iter().filter(|page| page.path == "README.md").flat_map(pages::Page::links) {
        let leads = match link.strip_prefix("docs/") {
            Some(page) => {
                let (page, anchor) = page.split_once('#').map_or((page, ""), |(page, anchor)| (page, anchor));
                let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
                root().join("docs").join(page).is_file()
                    && site.leads_somewhere(
                        Path::new(""),
                        &format!("{}{anchor}", html(Path::new(page)).display()),
                    )
            }
            None => link.starts_with("https://") || root().join(&link).exists(),
        };
        if !leads {
            broken.push(format!("README.md: {link}"));
        }
    }
    assert_nothing_wrong(&broken);
    assert!(!site.leads_somewhere(Path::new("nix.html"), "#no-such-heading"));
    assert!(!site.leads_somewhere(Path::new("nix.html"), "no-such-page.html"));
    anstream::println!("{}", folder.join("index.html").display());
}

/// The page that mdBook makes of one.
fn html(page: &Path) -> PathBuf {
    if page == Path::new("README.md") { "index.html".into() } else { page.with_extension("html") }
}

/// Each row about an attack names the tests that demonstrate it: `module::test`, or `test`.
#[test]
fn tests_that_a_page_names_exist() {
    let mut sources = Vec::new();
    read_sources(&root().join("crates"), &mut sources);
    read_sources(&root().join("xtask"), &mut sources);
    let page = fs_err::read_to_string(root().join("docs/hostile-input.md")).unwrap();
    let tables = page
        .split("| attack | result | test |")
        .skip(1)
        .map(|rest| rest.split("\n\n").next().unwrap_or(rest));
    let rows = tables.flat_map(str::lines).filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    let names: Vec<_> = rows.flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2)).collect();
    assert!(names.len() > 50, "{}", names.len());
    let is_there = |name: &str| {
        let (module, test) = name.rsplit_once("::").unwrap_or(("", name));
        sources.iter().any(|(path, text)| {
            text.contains(&format!("fn {test}("))
                && module.split("::").all(|module| module == "tests" || path.contains(module))
        })
    };
    let gone: Vec<_> = names.into_iter().filter(|name| !is_there(name)).collect();
    assert!(gone.is_empty(), "docs/hostile-input.md names tests that are gone: {gone:?}");
}

/// The Rust files below a folder, by path.
fn read_sources(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push((path.display().to_string(), fs_err::read_to_string(&path).unwrap()));
        }
    }
}
