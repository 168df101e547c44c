//! Why nothing answers a request: the shortest true story.
//!
//! Every cell has its own obstacles, and most cells have the same. Obstacles that differ in versions only are told as
//! one, and of all of them as few as possible are told: enough to rule out every torch, and none that the others make
//! superfluous.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use axle_catalogue::{CellFile, Cuda, Matrix, Reason};
use axle_toolkit::Rule;
use pep440_rs::Version;

use super::obstacle::{Cause, Obstacle, Sentence};
use super::wanted::version_of;
use super::{Lookup, LookupError, join, obstacles, refusal, wanted_cells};
use crate::plan::{Refusal, RefusalReason};
use crate::request::Request;

/// Stands for the version of torch in a sentence.
pub(super) const TORCH: &str = "\u{0}";

/// Obstacles that differ in versions only.
#[derive(Debug, Default)]
struct Group<'a> {
    /// The places of the torches that they rule out, the newest first.
    torches: BTreeSet<usize>,
    versions: BTreeSet<&'a str>,
    builds: BTreeSet<&'a str>,
}

/// What they have in common.
type Key = (String, Reason, Sentence);

impl Lookup<'_> {
    /// Why nothing answers a request.
    pub(super) fn reasons(&self, request: &Request) -> Result<Vec<RefusalReason>, LookupError> {
        if let Some(reason) = self.refused_host(request)? {
            return Ok(vec![reason]);
        }
        let Some(file) = self.cells(request.system, request.python, request.cuda)? else {
            return Ok(vec![self.no_cells(request)]);
        };
        let compilers = self.compilers_in_words(request)?;
        let anchor = self.anchor();
        let mut torches: Vec<&str> = Vec::new();
        let mut groups: BTreeMap<Key, Group<'_>> = BTreeMap::new();
        let mut note = |place: usize, torch: &str, obstacle: &Obstacle<'_>, version, build| {
            let mut sentence = obstacle.sentence(request, &compilers);
            sentence.after = masked(&sentence.after, anchor, torch);
            let group = groups.entry((obstacle.package.clone(), obstacle.kind(), sentence)).or_default();
            group.torches.insert(place);
            group.versions.extend(version);
            group.builds.extend(build);
        };
        for (place, (torch, cell)) in wanted_cells(&file, request).enumerate() {
            torches.push(torch);
            match self.wanted(cell, request)? {
                Err(obstacle) => note(place, torch, &obstacle, obstacle.version, None),
                Ok(wanted) => {
                    for obstacle in obstacles(cell, request, &wanted) {
                        // What the user asked for is named by its version in this cell.
                        let version = obstacle.version.and_then(|_| version_of(cell, &obstacle.package));
                        note(place, torch, &obstacle, version, obstacle.build);
                    }
                }
            }
        }
        if torches.is_empty() {
            let mut absent: Vec<_> =
                file.absent.iter().filter(|(torch, _)| super::is_wanted(torch, request)).collect();
            absent.sort_by_key(|(torch, _)| Reverse(Version::from_str(torch).ok()));
            for (place, (torch, absence)) in absent.into_iter().enumerate() {
                torches.push(torch);
                let obstacle = Obstacle::of(anchor, None, Cause::Absent(Some(absence)));
                note(place, torch, &obstacle, Some(torch), None);
            }
        }
        if torches.is_empty() {
            return Ok(vec![self.no_torch(request, &file.order)]);
        }
        let chosen = shortest(&groups, request);
        let mut reasons = Vec::new();
        let is_coverage = |(_, kind, _): &&Key| *kind == Reason::ComputeCapability;
        if chosen.iter().all(is_coverage) {
            // What the release makes no code for, none of its wheels has: that is the shorter story.
            let dropped = self.refused_capabilities(request, Rule::CapabilityDropped)?;
            if !dropped.is_empty() {
                return Ok(dropped);
            }
            // Older PTX may run on a newer GPU, so that this alone does not rule a wheel out.
            reasons = self.refused_capabilities(request, Rule::CapabilityTooNew)?;
        }
        let known = Known::new(&file, &torches);
        let told = chosen.into_iter().filter_map(|key| Some(known.reason(anchor, key, groups.get(key)?)));
        reasons.extend(told);
        Ok(reasons)
    }

    fn no_cells(&self, request: &Request) -> RefusalReason {
        let Matrix { systems, pythons, cudas, .. } = &self.matrix;
        let anchor = self.anchor();
        let (kind, message) = if !systems.contains(&request.system) {
            let message =
                format!("the catalogue has nothing for {}; it is for {}", request.system, join(systems));
            (Reason::Missing, message)
        } else if !pythons.contains(&request.python) {
            let message = format!(
                "the catalogue has no {anchor} for Python {}; it has {anchor} for {}",
                request.python,
                join(pythons)
            );
            (Reason::Python, message)
        } else if !cudas.contains(&request.cuda) {
            let message = format!(
                "the catalogue has no cells {}; it has cells {}",
                cuda_in_words(&[request.cuda]),
                cuda_in_words(cudas)
            );
            (Reason::Cuda, message)
        } else {
            let python = request.python;
            let message = match request.cuda {
                Cuda::Cpu => format!(
                    "the catalogue knows no {anchor} for Python {python} without CUDA with all that it needs"
                ),
                cuda @ Cuda::Toolkit(..) => {
                    format!(
                        "the catalogue knows no {anchor} for CUDA {cuda} and Python {python} with all that it needs"
                    )
                }
            };
            (Reason::Cuda, message)
        };
        RefusalReason {
            package: anchor.to_owned(),
            version: None,
            build: None,
            kind,
            message,
            torch: Vec::new(),
        }
    }

    fn no_torch(&self, request: &Request, order: &[String]) -> RefusalReason {
        let anchor = self.anchor();
        let asked = request.torch.as_deref().unwrap_or_default();
        let message =
            format!("{anchor} {asked} is not in the catalogue; for this target it has {}", order.join(", "));
        RefusalReason {
            package: anchor.to_owned(),
            version: None,
            build: None,
            kind: Reason::Missing,
            message,
            torch: Vec::new(),
        }
    }

    /// A refusal of names that are not in the catalogue; suggests the ones that look like them.
    pub(super) fn unknown_names(&self, request: &Request) -> Result<Option<Refusal>, LookupError> {
        let known = self.catalogue.package_names()?;
        let named = request.packages.keys().chain(request.preferences.names());
        let unknown: BTreeSet<&String> = named.filter(|name| !known.contains(name)).collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        let mut reasons = Vec::new();
        for name in &unknown {
            reasons.push(RefusalReason {
                package: (*name).clone(),
                version: None,
                build: None,
                kind: Reason::Missing,
                message: unknown_name(name, &known),
                torch: Vec::new(),
            });
        }
        let suggestions = self.other_names(request, &unknown, &known)?;
        Ok(Some(Refusal { suggestions, ..refusal(request, reasons) }))
    }
}

/// That a package is not in the catalogue, with the names that look like its own.
pub fn unknown_name(name: &str, known: &[String]) -> String {
    let hint = match nearest(name, known).as_slice() {
        [] => "docs/add-a-package.md says how to add it".to_owned(),
        [one] => format!("did you mean {one}?"),
        [others @ .., last] => format!("did you mean {} or {last}?", others.join(", ")),
    };
    format!("{name} is not in the catalogue; {hint}")
}

/// The names that look like one, the most alike first.
pub(super) fn nearest<'k>(name: &str, known: &'k [String]) -> Vec<&'k str> {
    const ALIKE: f64 = 0.85;
    const MOST: usize = 3;
    let mut alike: Vec<_> = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known.as_str()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    alike.sort_by(|(one, one_name), (other, other_name)| {
        other.total_cmp(one).then_with(|| one_name.cmp(other_name))
    });
    alike.into_iter().take(MOST).map(|(_, known)| known).collect()
}

/// `for CUDA 12.6, 12.8 and without CUDA`.
fn cuda_in_words(cudas: &[Cuda]) -> String {
    let toolkits: Vec<_> = cudas.iter().filter(|cuda| **cuda != Cuda::Cpu).collect();
    let with = (!toolkits.is_empty()).then(|| format!("for CUDA {}", join(&toolkits)));
    let without = cudas.contains(&Cuda::Cpu).then(|| "without CUDA".to_owned());
    with.into_iter().chain(without).collect::<Vec<_>>().join(" and ")
}

/// A sentence with [`TORCH`] in place of torch's version.
pub(super) fn masked(sentence: &str, anchor: &str, torch: &str) -> String {
    let public = torch.split('+').next().unwrap_or(torch);
    let mut masked = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once(&format!("{anchor} {public}")) {
        let after = after.strip_prefix(&torch[public.len()..]).unwrap_or(after);
        // Not 2.9.1 in 2.9.10.
        let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_ascii_alphanumeric());
        let is_whole = !goes_on(after) && !after.strip_prefix('.').is_some_and(goes_on);
        masked += before;
        masked += anchor;
        masked.push(' ');
        masked += if is_whole { TORCH } else { public };
        rest = after;
    }
    masked + rest
}

/// The groups that together rule out every torch, as few as can be had by taking the largest first.
fn shortest<'g>(groups: &'g BTreeMap<Key, Group<'_>>, request: &Request) -> Vec<&'g Key> {
    let mut left: BTreeSet<usize> = groups.values().flat_map(|group| &group.torches).copied().collect();
    let mut chosen: Vec<(&Key, &BTreeSet<usize>)> = Vec::new();
    let is_asked_for = |key: &Key| request.packages.contains_key(&key.0);
    while !left.is_empty() {
        let best = groups.iter().min_by_key(|(key, group)| {
            let new = group.torches.intersection(&left).count();
            (Reverse(new), !is_asked_for(key), key.2.after.len(), *key)
        });
        let Some((key, group)) = best else { break };
        left.retain(|place| !group.torches.contains(place));
        chosen.push((key, &group.torches));
    }
    // What was taken early may be covered by what came after.
    let mut place = 0;
    while place < chosen.len() {
        let others =
            || chosen.iter().enumerate().filter(|(other, _)| *other != place).flat_map(|(_, one)| one.1);
        let covered: BTreeSet<_> = others().collect();
        let is_superfluous =
            chosen.get(place).is_some_and(|(_, torches)| torches.iter().all(|one| covered.contains(one)));
        if is_superfluous {
            chosen.remove(place);
        } else {
            place += 1;
        }
    }
    chosen.sort_by_key(|(_, torches)| torches.first());
    chosen.into_iter().map(|(key, _)| key).collect()
}

/// The versions that there are, for spans of them.
struct Known<'a> {
    torches: &'a [&'a str],
    versions: BTreeMap<&'a str, BTreeSet<Version>>,
}

impl<'a> Known<'a> {
    fn new(file: &'a CellFile, torches: &'a [&'a str]) -> Self {
        let mut versions = BTreeMap::<_, BTreeSet<_>>::new();
        for (name, package) in file.torch.values().flat_map(|cell| &cell.packages) {
            versions.entry(name.as_str()).or_default().extend(Version::from_str(&package.version));
        }
        Self { torches, versions }
    }

    fn reason(&self, anchor: &str, (package, kind, sentence): &Key, group: &Group<'_>) -> RefusalReason {
        let torches: Vec<&str> =
            group.torches.iter().filter_map(|&place| self.torches.get(place).copied()).collect();
        let spans = self.torch_spans(group);
        let Sentence { before, after } = sentence;
        let versions = match (group.versions.is_empty(), package == anchor) {
            (true, _) => String::new(),
            (false, true) => format!(" {spans}"),
            (false, false) => format!(" {}", self.version_spans(package, &group.versions)),
        };
        let told = after.replace(TORCH, &spans);
        let is_for_all = torches.len() == self.torches.len();
        let message = match before {
            Some(before) if package == anchor || is_for_all => format!("{before}{package}{versions} {told}"),
            Some(before) => format!("{anchor} {spans}: {before}{package}{versions} {told}"),
            None if after.contains(TORCH) || is_for_all => told,
            None => format!("{anchor} {spans}: {told}"),
        };
        let single = |all: &BTreeSet<&str>| match all.iter().collect::<Vec<_>>().as_slice() {
            [one] => Some((**one).to_owned()),
            _ => None,
        };
        RefusalReason {
            package: package.clone(),
            version: single(&group.versions),
            build: single(&group.builds),
            kind: *kind,
            message,
            torch: torches.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Torches as a person lists them: `2.2.0 to 2.4.1` where there is none between that is not meant.
    fn torch_spans(&self, group: &Group<'_>) -> String {
        let meant = (0..self.torches.len()).rev().map(|place| {
            let torch = self.torches.get(place).copied().unwrap_or_default();
            (torch.to_owned(), group.torches.contains(&place))
        });
        spans(meant)
    }

    fn version_spans(&self, package: &str, versions: &BTreeSet<&str>) -> String {
        let meant: BTreeSet<_> =
            versions.iter().filter_map(|version| Version::from_str(version).ok()).collect();
        let known = self.versions.get(package).into_iter().flatten();
        let known: BTreeSet<_> = known.chain(&meant).collect();
        spans(known.into_iter().map(|version| (version.to_string(), meant.contains(version))))
    }
}

/// Versions, oldest first, with whether each is meant.
fn spans(versions: impl Iterator<Item = (String, bool)>) -> String {
    let mut spans: Vec<Vec<String>> = Vec::new();
    let mut adjacent = false;
    for (version, is_meant) in versions {
        match spans.last_mut() {
            Some(span) if is_meant && adjacent => span.push(version),
            _ if is_meant => spans.push(vec![version]),
            _ => {}
        }
        adjacent = is_meant;
    }
    let spans = spans.iter().map(|span| match span.as_slice() {
        [first, _, .., last] => format!("{first} to {last}"),
        few => few.join(", "),
    });
    spans.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_torch_is_masked_where_it_is_whole() {
        let masked = |text: &str| masked(text, "torch", "2.9.1+cu128").replace(TORCH, "*");
        assert_eq!(
            masked("a requires torch==2.8; the set has torch 2.9.1"),
            "a requires torch==2.8; the set has torch *"
        );
        assert_eq!(
            masked("torch 2.9.1+cu128 and torch 2.9.1, torch 2.9.1."),
            "torch * and torch *, torch *."
        );
        assert_eq!(
            masked("torch 2.9.10, torch 2.9.1.5, torch 2.9.1rc1"),
            "torch 2.9.10, torch 2.9.1.5, torch 2.9.1rc1"
        );
    }

    #[test]
    fn spans_have_no_holes() {
        let spans = |text: &str| {
            spans(text.split(' ').map(|one| (one.trim_end_matches('-').to_owned(), !one.ends_with('-'))))
        };
        assert_eq!(spans("1 2 3 4- 5 6 7- 8"), "1 to 3, 5, 6, 8");
    }
}
