//! Differences between two states of the cells: losses and gains, as text and JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axle_catalogue::{Absence, BuildEnvironment, BuildEnvironments, Cell, CellFile};
use axle_types::ComputeCapability;
use pep440_rs::Version;
use serde::Serialize;

use crate::state::{CellState, PackageState, State};

/// What is different, each with the cells that it is different in.
#[derive(Debug, Default, PartialEq)]
pub struct Difference {
    changes: BTreeMap<Change, BTreeSet<String>>,
}

/// One change; losses first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
enum Change {
    /// A cell is there no more; the reason, where the catalogue still knows its torch.
    LostCell { why: Option<Absence> },
    /// A package is in its cell no more; the reason, where something still requires it.
    LostPackage { package: String, version: String, why: Option<Absence> },
    /// A package went to an older version.
    Older { package: String, from: String, to: String },
    /// A package has no wheel any more for some capabilities, for which it may have to be compiled; what its wheel has.
    LostCapabilities { package: String, from: String, to: String, capabilities: String, why: String },
    /// A package went to a newer version, or to another build of the same.
    Newer { package: String, from: String, to: String },
    /// A package has a wheel for more capabilities.
    NewCapabilities { package: String, version: String, capabilities: String },
    /// A package is there now.
    NewPackage { package: String, version: String },
    /// A cell is there now.
    NewCell,
}

/// A change with the cells that it is in.
#[derive(Serialize)]
struct ChangeIn<'d> {
    #[serde(flatten)]
    change: &'d Change,
    is_loss: bool,
    cells: &'d BTreeSet<String>,
}

/// Compares the cells of before with those of now.
pub fn between(before: &State, now: &State) -> Difference {
    let mut difference = Difference::default();
    for (name, old) in &before.cells {
        if let Some(new) = now.cells.get(name) {
            difference.compare(name, old, new);
        } else {
            difference.note(Change::LostCell { why: now.absent.get(name).cloned() }, name);
        }
    }
    for name in now.cells.keys().filter(|name| !before.cells.contains_key(*name)) {
        difference.note(Change::NewCell, name);
    }
    difference
}

impl Difference {
    fn compare(&mut self, cell: &str, old: &CellState, new: &CellState) {
        for (name, was) in &old.packages {
            let package = || name.clone();
            let Some(is) = new.packages.get(name) else {
                let why = new.absent.get(name).cloned();
                self.note(
                    Change::LostPackage { package: package(), version: was.version.clone(), why },
                    cell,
                );
                continue;
            };
            let (from, to) = (was.version.clone(), is.version.clone());
            if is_older(&to, &from) {
                self.note(Change::Older { package: package(), from: from.clone(), to: to.clone() }, cell);
            } else if to != from {
                self.note(Change::Newer { package: package(), from: from.clone(), to: to.clone() }, cell);
            }
            if let Some(capabilities) = beyond(was, is) {
                let why = is.code.clone();
                self.note(
                    Change::LostCapabilities { package: package(), from, to: to.clone(), capabilities, why },
                    cell,
                );
            }
            if let Some(capabilities) = beyond(is, was) {
                self.note(Change::NewCapabilities { package: package(), version: to, capabilities }, cell);
            }
        }
        for (name, is) in new.packages.iter().filter(|(name, _)| !old.packages.contains_key(*name)) {
            self.note(Change::NewPackage { package: name.clone(), version: is.version.clone() }, cell);
        }
    }

    fn note(&mut self, change: Change, cell: &str) {
        self.changes.entry(change).or_default().insert(cell.to_owned());
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What is lost and not accepted, a sentence each.
    pub fn lost(&self, accepted: &BTreeSet<String>) -> Vec<String> {
        let lost = self.changes.iter().filter_map(|(change, cells)| Some((change.loses()?, cells)));
        let open: BTreeSet<_> = lost
            .filter(|((package, _), _)| !accepted.contains(*package))
            .map(|((_, sentence), cells)| match cells.len() {
                1 => format!("{sentence} in 1 cell"),
                count => format!("{sentence} in {count} cells"),
            })
            .collect();
        open.into_iter().collect()
    }

    /// Every change as JSON.
    pub fn changes(&self) -> impl Serialize {
        let change = |(change, cells)| ChangeIn { change, is_loss: Change::loses(change).is_some(), cells };
        self.changes.iter().map(change).collect::<Vec<_>>()
    }
}

impl Change {
    /// The package whose loss it is, and the loss as a sentence; `None` where nothing is lost.
    fn loses(&self) -> Option<(&str, String)> {
        match self {
            Self::LostCell { .. } => Some(("torch", "torch is lost".to_owned())),
            // What nothing requires any more is no loss.
            Self::LostPackage { why: None, .. } => None,
            Self::LostPackage { package, version, .. } => {
                Some((package, format!("{package} {version} is lost")))
            }
            Self::Older { package, from, to } => {
                Some((package, format!("{package} was downgraded from {from} to {to}")))
            }
            Self::LostCapabilities { package, capabilities, .. } => {
                Some((package, format!("{package} no longer has a wheel for {capabilities}")))
            }
            Self::Newer { .. } | Self::NewCapabilities { .. } | Self::NewPackage { .. } | Self::NewCell => {
                None
            }
        }
    }
}

/// The capabilities that the wheel of one covers beyond those of another's.
fn beyond(one: &PackageState, other: &PackageState) -> Option<String> {
    let covered = |state: &PackageState| state.wheel.iter().flatten().copied().collect::<BTreeSet<_>>();
    let beyond: Vec<ComputeCapability> = covered(one).difference(&covered(other)).copied().collect();
    let beyond: Vec<_> = beyond.iter().map(ToString::to_string).collect();
    (!beyond.is_empty()).then(|| beyond.join(", "))
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
            let named = cells.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            match cells.len() {
                count if count > NAMED => writeln!(formatter, "{change}\n    in {count} cells: {named}, …")?,
                _ => writeln!(formatter, "{change}\n    in {named}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostCell { why: Some(why) } => {
                write!(formatter, "- the cell is lost: {}", why.about("torch"))
            }
            Self::LostCell { why: None } => {
                formatter.write_str("- the cell is lost: the catalogue has no such torch")
            }
            Self::LostPackage { package, version, why: Some(why) } => {
                write!(formatter, "- {package} {version} is lost: {}", why.about(package))
            }
            Self::LostPackage { package, version, why: None } => {
                write!(formatter, "- {package} {version} is lost: nothing requires it")
            }
            Self::Older { package, from, to } => write!(formatter, "- {package} {from} -> {to} (older)"),
            Self::LostCapabilities { package, from, to, capabilities, why } => {
                let versions = if from == to { from.clone() } else { format!("{from} -> {to}") };
                write!(formatter, "- {package} {versions} no longer has a wheel for {capabilities}: {why}")
            }
            Self::Newer { package, from, to } => write!(formatter, "+ {package} {from} -> {to}"),
            Self::NewCapabilities { package, version, capabilities } => {
                write!(formatter, "+ {package} {version} now has a wheel for {capabilities}")
            }
            Self::NewPackage { package, version } => write!(formatter, "+ {package} {version} is added"),
            Self::NewCell => formatter.write_str("+ the cell is added"),
        }
    }
}

/// What is compiled with other wheels than before, a line for each environment.
pub fn frozen(
    before: &BTreeMap<String, BuildEnvironments>,
    now: &BTreeMap<String, BuildEnvironments>,
) -> String {
    let all = |environments: &BTreeMap<String, BuildEnvironments>| -> BTreeSet<(String, String)> {
        let lines = environments.iter().flat_map(|(name, file)| {
            file.environments.iter().map(move |BuildEnvironment { system, python, wheels }| {
                let wheels: Vec<_> =
                    wheels.iter().map(|(name, wheel)| format!("{name} {}", wheel.version)).collect();
                (format!("{name} for Python {python} on {system}"), wheels.join(", "))
            })
        });
        lines.collect()
    };
    let (before, now) = (all(before), all(now));
    let gone =
        before.difference(&now).map(|(what, with)| format!("- {what} is no longer compiled with {with}\n"));
    let new = now.difference(&before).map(|(what, with)| format!("+ {what} is compiled with {with}\n"));
    gone.chain(new).collect()
}

/// Whether two sets of cells hold the same packages in the same builds. Their absences may be told in other words: of
/// versions that are not kept.
pub fn is_none(one: &[CellFile], other: &[CellFile]) -> bool {
    let same = |one: &Cell, other: &Cell| {
        one.packages == other.packages && one.absent.keys().eq(other.absent.keys())
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
    use axle_catalogue::Cause;
    use serde_json::json;

    use std::sync::Arc;

    use super::*;

    fn file(cells: &[(&str, &[(&str, &str)])]) -> CellFile {
        let cell = |packages: &[(&str, &str)]| {
            let packages = packages.iter().map(|(name, version)| {
                let package = json!({"version": version, "wheel": null, "requires": []});
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
    fn what_is_compiled_with_other_wheels_is_told() {
        let environments = |pythons: &[(&str, &str)]| {
            let environments = pythons.iter().map(|(python, setuptools)| {
                let wheel = json!({"version": setuptools, "filename": "", "sha256": "0".repeat(64)});
                BuildEnvironment {
                    system: "x86_64-linux".parse().unwrap(),
                    python: python.parse().unwrap(),
                    wheels: BTreeMap::from([(
                        "setuptools".to_owned(),
                        serde_json::from_value(wheel).unwrap(),
                    )]),
                }
            });
            let file = BuildEnvironments { environments: environments.collect() };
            BTreeMap::from([("flash-attn".to_owned(), file)])
        };
        let before = environments(&[("3.11", "80.0"), ("3.12", "80.0")]);
        let now = environments(&[("3.11", "80.0"), ("3.12", "81.0")]);
        assert_eq!(frozen(&before, &before), "");
        assert_eq!(
            frozen(&before, &now),
            "- flash-attn for Python 3.12 on x86_64-linux is no longer compiled with setuptools 80.0\n\
             + flash-attn for Python 3.12 on x86_64-linux is compiled with setuptools 81.0\n"
        );
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
        let absence = |version: &str, why| Absence { version: Some(version.to_owned()), why };
        now.absent.insert("2.8.0".into(), absence("2.8.0", Cause::NoWheel));
        now.torch
            .get_mut("2.9.1")
            .unwrap()
            .absent
            .insert("gone".into(), absence("1.0", Cause::UnknownTorch).into());
        let now = State::of(&[now]);
        let before = State::of(&[before]);
        let difference = between(&before, &now);
        insta::assert_snapshot!(difference.to_string(), @"
        - the cell is lost: torch 2.8.0 has no wheel for this target
            in py312-cu128-torch2.8.0
        - gone 1.0 is lost: gone 1.0 cannot be chosen: it links the C++ symbols of an unknown version of torch
            in py312-cu128-torch2.9.1
        - app 1.10 -> 1.9 (older)
            in py312-cu128-torch2.9.1
        + lib 2.0 -> 2.1
            in py312-cu128-torch2.9.1
        + new 1.0 is added
            in py312-cu128-torch2.9.1
        + the cell is added
            in py312-cu128-torch2.10.0
        ");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            difference.lost(&names(&[])),
            [
                "app was downgraded from 1.10 to 1.9 in 1 cell",
                "gone 1.0 is lost in 1 cell",
                "torch is lost in 1 cell"
            ]
        );
        assert_eq!(difference.lost(&names(&["app", "torch"])), ["gone 1.0 is lost in 1 cell"]);
        assert!(difference.lost(&names(&["app", "torch", "gone"])).is_empty());
        insta::assert_json_snapshot!(difference.changes(), @r#"
        [
          {
            "change": "lost-cell",
            "why": {
              "version": "2.8.0",
              "why": {
                "cause": "no-wheel"
              }
            },
            "is_loss": true,
            "cells": [
              "py312-cu128-torch2.8.0"
            ]
          },
          {
            "change": "lost-package",
            "package": "gone",
            "version": "1.0",
            "why": {
              "version": "1.0",
              "why": {
                "cause": "unknown-torch"
              }
            },
            "is_loss": true,
            "cells": [
              "py312-cu128-torch2.9.1"
            ]
          },
          {
            "change": "older",
            "package": "app",
            "from": "1.10",
            "to": "1.9",
            "is_loss": true,
            "cells": [
              "py312-cu128-torch2.9.1"
            ]
          },
          {
            "change": "newer",
            "package": "lib",
            "from": "2.0",
            "to": "2.1",
            "is_loss": false,
            "cells": [
              "py312-cu128-torch2.9.1"
            ]
          },
          {
            "change": "new-package",
            "package": "new",
            "version": "1.0",
            "is_loss": false,
            "cells": [
              "py312-cu128-torch2.9.1"
            ]
          },
          {
            "change": "new-cell",
            "is_loss": false,
            "cells": [
              "py312-cu128-torch2.10.0"
            ]
          }
        ]
        "#);
        assert!(between(&before, &before).is_empty());
    }

    #[test]
    fn a_capability_that_has_no_wheel_any_more_is_lost() {
        let state = |wheel: &[&str], version: &str| {
            let package = json!({
                "version": version, "requires": [],
                "wheel": {
                    "filename": format!("app-{version}-py3-none-any.whl"), "sha256": "0".repeat(64), "size": null,
                    "provenance": "audited", "glibc": null, "covers": wheel, "sass": ["sm_80"], "ptx": []
                },
            });
            let mut file = file(&[("2.9.1", &[])]);
            let packages = &mut file.torch.get_mut("2.9.1").unwrap().packages;
            packages.insert("app".into(), serde_json::from_value(package).unwrap());
            State::of(&[file])
        };
        let difference = between(&state(&["7.0", "8.0", "8.6"], "1.0"), &state(&["8.0", "9.0"], "1.1"));
        insta::assert_snapshot!(difference.to_string(), @"
        - app 1.0 -> 1.1 no longer has a wheel for 7.0, 8.6: app-1.1-py3-none-any.whl has sm_80
            in py312-cu128-torch2.9.1
        + app 1.0 -> 1.1
            in py312-cu128-torch2.9.1
        + app 1.1 now has a wheel for 9.0
            in py312-cu128-torch2.9.1
        ");
        assert_eq!(difference.lost(&BTreeSet::new()), ["app no longer has a wheel for 7.0, 8.6 in 1 cell"]);
    }

    #[test]
    fn only_what_cells_hold_makes_a_difference() {
        let before = [file(&[("2.9.1", &[("torch", "2.9.1"), ("app", "1.0")])])];
        let now = |change: &dyn Fn(&mut Cell)| {
            let [mut file] = before.clone();
            change(file.torch.get_mut("2.9.1").unwrap());
            [file]
        };
        let absent = |version: &str| {
            let absence = Absence { version: Some(version.to_owned()), why: Cause::NoWheel };
            now(&|cell| drop(cell.absent.insert("lib".into(), absence.clone().into())))
        };
        assert!(is_none(&absent("1.0"), &absent("0.9")));
        for other in [
            now(&|cell| drop(cell.packages.remove("app"))),
            now(&|cell| Arc::make_mut(cell.packages.get_mut("app").unwrap()).version = "1.1".into()),
            absent("1.0"),
        ] {
            assert!(!is_none(&before, &other));
        }
        assert!(!is_none(&before, &[]));
    }
}
