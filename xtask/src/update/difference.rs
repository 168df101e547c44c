//! What an update changes in the cells, as a person wants to read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axle_catalogue::{Cell, CellFile};
use pep440_rs::Version;

/// What is different, each with the cells that it is different in.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    changes: BTreeMap<Change, BTreeSet<String>>,
}

/// One change; losses first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A cell is there no more; the reason.
    LostCell { torch: String, why: String },
    /// A package is in its cell no more; the reason.
    LostPackage { name: String, version: String, why: String },
    /// A package went to an older version.
    Older { name: String, from: String, to: String },
    /// A package went to a newer version, or to another build of the same.
    Newer { name: String, from: String, to: String },
    /// A package is there now.
    NewPackage { name: String, version: String },
    /// A cell is there now.
    NewCell { torch: String },
}

/// Compares the cells of before with those of now.
pub fn between(before: &[CellFile], now: &[CellFile]) -> Difference {
    let mut difference = Difference::default();
    let (before, now) = (by_target(before), by_target(now));
    for (target, old) in &before {
        let new = now.get(target);
        for (torch, cell) in &old.torch {
            if let Some(fresh) = new.and_then(|new| new.torch.get(torch)) {
                difference.compare(&format!("{target}, torch {torch}"), cell, fresh);
            } else {
                let why = new.and_then(|new| new.absent.get(torch)).map(|absence| absence.message.clone());
                let why = why.unwrap_or_else(|| "the catalogue has no such torch".to_owned());
                difference.note(Change::LostCell { torch: torch.clone(), why }, target);
            }
        }
    }
    for (target, new) in &now {
        for torch in new.torch.keys() {
            if before.get(target).is_none_or(|old| !old.torch.contains_key(torch)) {
                difference.note(Change::NewCell { torch: torch.clone() }, target);
            }
        }
    }
    difference
}

fn by_target(files: &[CellFile]) -> BTreeMap<String, &CellFile> {
    let name = |file: &CellFile| format!("{}, Python {}, CUDA {}", file.system, file.python, file.cuda);
    files.iter().map(|file| (name(file), file)).collect()
}

/// Every package and external of a cell with its version.
fn versions(cell: &Cell) -> BTreeMap<&str, &str> {
    let packages = cell.packages.iter().map(|(name, package)| (name.as_str(), package.version.as_str()));
    let externals = cell.externals.iter().map(|(name, one)| (name.as_str(), one.fallback.version.as_str()));
    packages.chain(externals).collect()
}

impl Difference {
    fn compare(&mut self, cell: &str, old: &Cell, new: &Cell) {
        let (before, now) = (versions(old), versions(new));
        for (&name, &from) in &before {
            let name = || name.to_owned();
            let change = match now.get(name().as_str()) {
                Some(&to) if to == from => continue,
                Some(&to) if is_older(to, from) => {
                    Change::Older { name: name(), from: from.into(), to: to.into() }
                }
                Some(&to) => Change::Newer { name: name(), from: from.into(), to: to.into() },
                None => {
                    let why = new.absent.get(&name()).map(|absence| absence.message.clone());
                    let why = why.unwrap_or_else(|| "nothing requires it".to_owned());
                    Change::LostPackage { name: name(), version: from.into(), why }
                }
            };
            self.note(change, cell);
        }
        for (&name, &version) in &now {
            if !before.contains_key(name) {
                self.note(Change::NewPackage { name: name.into(), version: version.into() }, cell);
            }
        }
    }

    fn note(&mut self, change: Change, cell: &str) {
        self.changes.entry(change).or_default().insert(cell.to_owned());
    }

    /// What is lost and not accepted, a sentence each.
    pub fn lost(&self, accepted: &BTreeSet<String>) -> Vec<String> {
        let lost = self.changes.keys().filter_map(|change| match change {
            Change::LostCell { torch, .. } => Some(("torch", format!("torch {torch} lost cells"))),
            // What nothing requires any more is no loss.
            Change::LostPackage { why, .. } if why == "nothing requires it" => None,
            Change::LostPackage { name, version, .. } => Some((name, format!("cells lost {name} {version}"))),
            Change::Older { name, from, to } => Some((name, format!("{name} went from {from} back to {to}"))),
            _ => None,
        });
        let open: BTreeSet<_> =
            lost.filter(|(name, _)| !accepted.contains(*name)).map(|(_, sentence)| sentence).collect();
        open.into_iter().collect()
    }
}

fn is_older(one: &str, other: &str) -> bool {
    match (one.parse::<Version>(), other.parse::<Version>()) {
        (Ok(one), Ok(other)) => one.without_local() < other.without_local(),
        _ => one < other,
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More cells than that are counted.
        const NAMED: usize = 3;
        for (change, cells) in &self.changes {
            let what = match change {
                Change::LostCell { torch, why } => format!("- torch {torch}: no cell any more: {why}"),
                Change::LostPackage { name, version, why } => format!("- {name} {version} is lost: {why}"),
                Change::Older { name, from, to } => format!("- {name} {from} -> {to} (older)"),
                Change::Newer { name, from, to } => format!("+ {name} {from} -> {to}"),
                Change::NewPackage { name, version } => format!("+ {name} {version} is new"),
                Change::NewCell { torch } => format!("+ torch {torch}: a new cell"),
            };
            let named = cells.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
            match cells.len() {
                count if count > NAMED => writeln!(formatter, "{what}\n    in {count} cells: {named}; …")?,
                _ => writeln!(formatter, "{what}\n    in {named}")?,
            }
        }
        Ok(())
    }
}

/// Whether two sets of cells hold the same packages in the same builds. Their absences may be told in other words: of
/// versions that are not kept.
pub fn is_none(one: &[CellFile], other: &[CellFile]) -> bool {
    let same = |one: &Cell, other: &Cell| {
        one.packages == other.packages
            && one.externals == other.externals
            && one.absent.keys().eq(other.absent.keys())
    };
    let target = |file: &CellFile| (file.system, file.python, file.cuda);
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            target(one) == target(other)
                && one.torch.keys().eq(other.torch.keys())
                && one.torch.values().zip(other.torch.values()).all(|(one, other)| same(one, other))
        })
}

#[cfg(test)]
mod tests {
    use axle_catalogue::{Absence, Reason};
    use serde_json::json;

    use super::*;

    fn file(cells: &[(&str, &[(&str, &str)])]) -> CellFile {
        let cell = |packages: &[(&str, &str)]| {
            let packages = packages.iter().map(|(name, version)| {
                let package = json!({"version": version, "wheel": null, "requires": [], "externals": []});
                ((*name).to_owned(), serde_json::from_value(package).unwrap())
            });
            Cell { packages: packages.collect(), ..Cell::default() }
        };
        CellFile {
            system: "x86_64-linux".parse().unwrap(),
            python: "3.12".parse().unwrap(),
            cuda: "12.8".parse().unwrap(),
            capabilities: Vec::new(),
            order: Vec::new(),
            torch: cells.iter().map(|(torch, packages)| ((*torch).to_owned(), cell(packages))).collect(),
            absent: BTreeMap::new(),
        }
    }

    #[test]
    fn losses_are_told_and_stop_until_they_are_accepted() {
        let before = file(&[
            ("2.9.1", &[("torch", "2.9.1"), ("app", "1.10"), ("lib", "2.0"), ("gone", "1.0"), ("same", "1")]),
            ("2.8.0", &[("torch", "2.8.0")]),
        ]);
        let mut now = file(&[
            ("2.9.1", &[("torch", "2.9.1"), ("app", "1.9"), ("lib", "2.1"), ("new", "1.0"), ("same", "1")]),
            ("2.10.0", &[("torch", "2.10.0")]),
        ]);
        let absence = |message: &str| Absence { kind: Reason::Dependency, message: message.to_owned() };
        now.absent.insert("2.8.0".into(), absence("its pin of triton has no wheel"));
        now.torch.get_mut("2.9.1").unwrap().absent.insert("gone".into(), absence("it requires lib<2.1"));
        let difference = between(std::slice::from_ref(&before), &[now]);
        insta::assert_snapshot!(difference.to_string(), @r"
        - torch 2.8.0: no cell any more: its pin of triton has no wheel
            in x86_64-linux, Python 3.12, CUDA 12.8
        - gone 1.0 is lost: it requires lib<2.1
            in x86_64-linux, Python 3.12, CUDA 12.8, torch 2.9.1
        - app 1.10 -> 1.9 (older)
            in x86_64-linux, Python 3.12, CUDA 12.8, torch 2.9.1
        + lib 2.0 -> 2.1
            in x86_64-linux, Python 3.12, CUDA 12.8, torch 2.9.1
        + new 1.0 is new
            in x86_64-linux, Python 3.12, CUDA 12.8, torch 2.9.1
        + torch 2.10.0: a new cell
            in x86_64-linux, Python 3.12, CUDA 12.8
        ");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            difference.lost(&names(&[])),
            ["app went from 1.10 back to 1.9", "cells lost gone 1.0", "torch 2.8.0 lost cells"]
        );
        assert_eq!(difference.lost(&names(&["app", "torch"])), ["cells lost gone 1.0"]);
        assert!(difference.lost(&names(&["app", "torch", "gone"])).is_empty());
        let before = [before];
        assert_eq!(between(&before, &before), Difference::default());
    }

    #[test]
    fn only_what_cells_hold_makes_a_difference() {
        let before = [file(&[("2.9.1", &[("torch", "2.9.1"), ("app", "1.0")])])];
        let absence = |message: &str| Absence { kind: Reason::Dependency, message: message.to_owned() };
        let now = |change: &dyn Fn(&mut Cell)| {
            let [mut file] = before.clone();
            change(file.torch.get_mut("2.9.1").unwrap());
            [file]
        };
        let absent = |message| now(&|cell| drop(cell.absent.insert("lib".into(), absence(message))));
        assert!(is_none(&absent("it requires app<1"), &absent("it requires app<1, and 1.0 is taken")));
        for other in [
            now(&|cell| drop(cell.packages.remove("app"))),
            now(&|cell| cell.packages.get_mut("app").unwrap().version = "1.1".into()),
            absent("it requires app<1"),
        ] {
            assert!(!is_none(&before, &other));
        }
        assert!(!is_none(&before, &[]));
    }
}
