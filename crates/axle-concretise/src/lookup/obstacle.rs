//! What keeps a cell from answering a request: data first, prose last.

use std::collections::BTreeSet;

use axle_catalogue::{Absence, CellPackage, CellSource, CellWheel, Provenance, Reason};
use axle_fatbin::{Code, ComputeCapability};
use axle_wheel::Glibc;
use pep440_rs::VersionSpecifiers;
use pep508_rs::ExtraName;

use super::{join, supports};
use crate::request::Request;

/// A package of a cell, or one that should be in it, with what is wrong.
#[derive(Debug, Clone)]
pub(super) struct Obstacle<'a> {
    pub(super) package: String,
    pub(super) version: Option<&'a str>,
    pub(super) build: Option<&'a str>,
    pub(super) cause: Cause<'a>,
    pub(super) compiling: Compiling<'a>,
}

#[derive(Debug, Clone)]
pub(super) enum Cause<'a> {
    /// It is not in the cell, with the reason where the cell has one.
    Absent(Option<&'a Absence>),
    /// Its version is none that will do, for the user or for a package with an extra.
    Outside { specifiers: VersionSpecifiers, by: Option<String> },
    /// It has no such extra.
    NoSuchExtra { extra: ExtraName, extras: BTreeSet<ExtraName> },
    /// What the extra requires is not known.
    UnknownExtra(ExtraName),
    /// It has no wheel.
    NoWheel,
    /// Its wheel does not cover capabilities.
    Uncovered(&'a CellWheel, Vec<ComputeCapability>),
    /// Its wheel needs a newer glibc.
    Glibc(&'a str, Glibc),
    /// What its wheel needs of glibc cannot be read.
    UnreadableGlibc(&'a str),
    /// The bytes of its wheel were not read.
    Unaudited(Provenance),
}

/// Whether compiling a package would help.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compiling<'a> {
    /// It has no source that can be compiled here.
    No,
    /// Its source does not support the capabilities.
    Unsupported(&'a CellSource),
    /// It would, but for `--only-wheels`.
    Forbidden,
    /// It would, with a compiler.
    Possible(&'a CellSource),
}

impl<'a> Compiling<'a> {
    pub(super) fn of(name: &str, package: &'a CellPackage, request: &Request) -> Self {
        match &package.source {
            None => Self::No,
            Some(source) if !supports(source, request) => Self::Unsupported(source),
            Some(_) if request.preferences.only_wheels.includes(name) => Self::Forbidden,
            Some(source) => Self::Possible(source),
        }
    }
}

/// A sentence about a package, in two parts around its name and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sentence {
    /// What stands before the name; `None` where the rest is the whole sentence.
    pub(super) before: Option<&'static str>,
    /// What stands after the version.
    pub(super) after: String,
}

impl<'a> Obstacle<'a> {
    pub(super) fn of(package: &str, version: Option<&'a str>, cause: Cause<'a>) -> Self {
        Self { package: package.to_owned(), version, build: None, cause, compiling: Compiling::No }
    }

    pub(super) fn kind(&self) -> Reason {
        match (&self.cause, &self.compiling) {
            (Cause::Absent(absence), _) => absence.map_or(Reason::Missing, |absence| absence.kind),
            (Cause::Outside { .. } | Cause::NoSuchExtra { .. }, _) => Reason::Dependency,
            (Cause::UnknownExtra(_) | Cause::UnreadableGlibc(_) | Cause::Unaudited(_), _) => Reason::Unknown,
            (Cause::NoWheel, Compiling::Possible(_) | Compiling::Forbidden) => Reason::Compiler,
            (Cause::NoWheel, Compiling::Unsupported(_)) | (Cause::Uncovered(..), _) => {
                Reason::ComputeCapability
            }
            (Cause::NoWheel, Compiling::No) => Reason::Missing,
            (Cause::Glibc(..), _) => Reason::Glibc,
        }
    }

    /// What is wrong, in words; `compilers` are those that the CUDA release takes.
    pub(super) fn sentence(&self, request: &Request, compilers: &str) -> Sentence {
        let package = &self.package;
        let (before, after) = match &self.cause {
            Cause::Absent(Some(absence)) => return Sentence { before: None, after: absence.message.clone() },
            Cause::Absent(None) => ("", "is not in the catalogue for this target".to_owned()),
            Cause::Outside { specifiers, by: None } => {
                ("", format!("is what fits this target, and not {package}{}", compact(specifiers)))
            }
            Cause::Outside { specifiers, by: Some(by) } => {
                ("", format!("is what fits this target, and {by} requires {package}{}", compact(specifiers)))
            }
            Cause::NoSuchExtra { extra, extras } if extras.is_empty() => {
                ("", format!("has no extra `{extra}`, nor any other"))
            }
            Cause::NoSuchExtra { extra, extras } => {
                ("", format!("has no extra `{extra}`; it has {}", join(extras)))
            }
            Cause::UnknownExtra(extra) => (
                "",
                format!(
                    "has metadata that the catalogue does not hold, so that what `{package}[{extra}]` requires is not known: ask for those packages by name"
                ),
            ),
            Cause::NoWheel => return self.without_wheel(request, compilers),
            Cause::Uncovered(wheel, capabilities) => ("the wheel of ", uncovered(wheel, capabilities)),
            Cause::Glibc(needed, has) => {
                ("the wheel of ", format!("needs glibc {needed}, the target has {has}"))
            }
            Cause::UnreadableGlibc(needed) => {
                ("the wheel of ", format!("needs glibc `{needed}`, which cannot be read"))
            }
            Cause::Unaudited(provenance) => {
                let known = match provenance {
                    Provenance::Sibling => "from its wheel for another Python",
                    _ => "by what is published",
                };
                ("the wheel of ", format!("is known {known} only, and --only-audited wants its bytes read"))
            }
        };
        Sentence { before: Some(before), after: after + &self.compiling_instead(request, compilers) }
    }

    fn without_wheel(&self, request: &Request, compilers: &str) -> Sentence {
        let after = match self.compiling {
            Compiling::No => "has no wheel for this target, and cannot be compiled for it".to_owned(),
            Compiling::Forbidden => {
                "has no wheel for this target, and --only-wheels keeps it from being compiled".to_owned()
            }
            Compiling::Unsupported(source) => format!(
                "has no wheel for this target, and its source does not support {}: {}",
                join(unsupported(source, request)),
                supported(source)
            ),
            Compiling::Possible(source) => format!(
                "has no wheel for this target and is compiled only if a compiler is given: {compilers}{}",
                duration(source, request)
            ),
        };
        Sentence { before: Some(""), after }
    }

    fn compiling_instead(&self, request: &Request, compilers: &str) -> String {
        match self.compiling {
            Compiling::No => String::new(),
            Compiling::Forbidden => "; it would be compiled instead, but for --only-wheels".to_owned(),
            Compiling::Unsupported(source) => format!(
                ", and its source does not support {} either: {}",
                join(unsupported(source, request)),
                supported(source)
            ),
            Compiling::Possible(source) => format!(
                "; it can be compiled instead if a compiler is given: {compilers}{}",
                duration(source, request)
            ),
        }
    }
}

/// Specifiers as a requirement spells them.
fn compact(specifiers: &VersionSpecifiers) -> String {
    specifiers.to_string().replace(' ', "")
}

fn uncovered(wheel: &CellWheel, uncovered: &[ComputeCapability]) -> String {
    let what = format!("does not cover {}: ", join(uncovered));
    let all_before = |first: &ComputeCapability| uncovered.iter().all(|one| one < first);
    let codes = || wheel.sass.iter().chain(&wheel.ptx);
    let covers = match wheel.covers.as_slice() {
        [] => "it covers none".to_owned(),
        covers if codes().all(|code| !code.is_plain()) => {
            format!("its code is {}, which runs on {} only", join(codes()), join(covers))
        }
        [first, ..] if all_before(first) => {
            format!("its code starts at sm_{}{}", first.major, first.minor)
        }
        covers => format!("it covers {}", join(covers)),
    };
    let runs = |code: &&Code| uncovered.iter().any(|&cc| code.runs_on(cc) == Some(true));
    let partial = match codes().filter(runs).map(ToString::to_string).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        codes => format!(", and only some of its kernels have {}", codes.join(" or ")),
    };
    what + &covers + &partial
}

fn unsupported<'a>(
    source: &'a CellSource,
    request: &'a Request,
) -> impl Iterator<Item = &'a ComputeCapability> {
    request.compute_capabilities.iter().filter(|capability| !source.capabilities.contains(capability))
}

fn supported(source: &CellSource) -> String {
    if source.capabilities.is_empty() {
        "it supports none that this CUDA makes code for".to_owned()
    } else {
        format!("it supports {}", join(&source.capabilities))
    }
}

/// Roughly how long compiling takes, where that is known.
pub(super) fn duration(source: &CellSource, request: &Request) -> String {
    const HOUR: u64 = 60;
    let architectures = request.compute_capabilities.len().max(1) as u64;
    match source.minutes.map(|minutes| minutes.saturating_mul(architectures)) {
        None => String::new(),
        Some(minutes) if minutes < 2 * HOUR => format!("; it takes one core about {minutes} minutes"),
        Some(minutes) => {
            format!("; it takes one core about {} hours", minutes.saturating_add(HOUR / 2) / HOUR)
        }
    }
}
