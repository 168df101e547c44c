//! Suggestions: the smallest changes to a request that work.

#![expect(clippy::unnecessary_wraps, reason = "each kind of change is a function of one type")]

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::CellPackage;
use axle_types::{ComputeCapability, CudaTarget, HostCompiler, comma_separated};
use pep440_rs::{Version, VersionSpecifiers};

use super::reasons::nearest;
use super::wanted::Wanted;
use super::{Build, Lookup, LookupError, closure, wanted_cells};
use crate::plan::Suggestion;
use crate::request::{Asked, Pass, Preferences, Request, Which};

/// The most suggestions that a refusal makes.
const MOST: usize = 3;
/// The most changes that one suggestion makes.
const MOST_CHANGES: usize = 3;

/// What to change, and the request with the change.
type Changed = (String, Request);

/// A kind of change: what it would change a request to, nearest first.
type Kind = fn(&Lookup<'_>, &Request) -> Result<Vec<Changed>, LookupError>;

/// In the order in which they are suggested.
const KINDS: [Kind; 10] = [
    other_compiler,
    other_preferences,
    other_torch,
    other_versions,
    other_package,
    other_cuda,
    other_python,
    fewer_capabilities,
    fewer_packages,
    with_or_without_cuda,
];

impl Lookup<'_> {
    /// One change of each kind that works, or, where no one change does, two together, or three; after those that are
    /// known already.
    pub(super) fn suggestions(
        &self,
        request: &Request,
        mut suggestions: Vec<Suggestion>,
    ) -> Result<Vec<Suggestion>, LookupError> {
        for count in 1..=MOST_CHANGES {
            if self.try_changes(request, &mut Vec::new(), &KINDS, count, &mut suggestions)? {
                break;
            }
        }
        Ok(suggestions)
    }

    /// Tries to change a request in as many ways as told, each of a kind of its own; says whether one was found that
    /// works.
    fn try_changes(
        &self,
        request: &Request,
        changes: &mut Vec<String>,
        kinds: &[Kind],
        count: usize,
        suggestions: &mut Vec<Suggestion>,
    ) -> Result<bool, LookupError> {
        let before = suggestions.len();
        for (place, kind) in kinds.iter().enumerate() {
            if suggestions.len() == MOST {
                return Ok(true);
            }
            let rest = kinds.get(place + 1..).unwrap_or_default();
            for (change, request) in kind(self, request)? {
                changes.push(change);
                let works = if count > 1 {
                    self.try_changes(&request, changes, rest, count - 1, suggestions)?
                } else if self.find(&request)?.is_some() {
                    let (change, command) = (in_words(changes), request.command());
                    suggestions.push(Suggestion { change, command });
                    true
                } else {
                    false
                };
                changes.pop();
                if works {
                    break;
                }
            }
        }
        Ok(suggestions.len() > before)
    }

    /// Names of the catalogue in place of unknown ones; what looks like none is left out.
    pub(super) fn other_names(
        &self,
        request: &Request,
        unknown: &BTreeSet<&String>,
        known: &[String],
    ) -> Result<Vec<Suggestion>, LookupError> {
        let mut suggestions = Vec::new();
        for place in 0..MOST {
            let mut renamed = request.clone();
            let mut changes = Vec::new();
            for &name in unknown {
                let alike = nearest(name, known);
                // Several unknown names are replaced together, each by what is most like it.
                let place = if unknown.len() == 1 { place } else { 0 };
                if place > 0 && alike.len() <= place {
                    return Ok(suggestions);
                }
                let alike = alike.get(place);
                changes.push(match alike {
                    Some(alike) => format!("with {alike} instead of {name}"),
                    None => format!("without {name}"),
                });
                rename(&mut renamed, name, alike.unwrap_or(&""));
            }
            if !renamed.packages.is_empty() && self.find(&renamed)?.is_some() {
                suggestions.push(Suggestion { change: changes.join(" and "), command: renamed.command() });
            }
            if unknown.len() > 1 {
                break;
            }
        }
        Ok(suggestions)
    }
}

/// `with gcc 13 and CUDA 12.6`.
fn in_words(changes: &[String]) -> String {
    let mut words = String::new();
    let mut before = "";
    for change in changes {
        let (verb, what) = change.split_once(' ').unwrap_or(("", change));
        let and = if words.is_empty() { "" } else { " and " };
        words += and;
        words += if verb == before { what } else { change };
        before = verb;
    }
    words
}

/// Puts a name in place of another, everywhere; the empty name stands for none.
fn rename(request: &mut Request, from: &str, to: &str) {
    if let Some(asked) = request.packages.remove(from)
        && !to.is_empty()
    {
        request.packages.entry(to.to_owned()).or_insert(asked);
    }
    let Preferences { packages, only_wheels, only_audited, .. } = &mut request.preferences;
    if let Some(prefer) = packages.remove(from)
        && !to.is_empty()
    {
        packages.insert(to.to_owned(), prefer);
    }
    for which in [only_wheels, only_audited] {
        if let Which::Named(names) = which
            && names.remove(from)
            && !to.is_empty()
        {
            names.insert(to.to_owned());
        }
    }
}

/// Another release of the same compiler, the nearest first, and none at all. Where none is given, the newest that the
/// CUDA release takes.
fn other_compiler(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let with = |compiler: HostCompiler| {
        let change = format!("with {compiler}");
        (change, Request { compiler: Some(compiler), ..request.clone() })
    };
    let [gccs, clangs] = lookup
        .accepted_compilers(request.system, request.cuda)?
        .map(|compilers| compilers.into_iter().map(HostCompiler::major).collect::<Vec<_>>());
    let Some(compiler) = request.compiler else {
        // Without CUDA any will do: the one that most package sets have.
        let newest = if request.cuda == CudaTarget::Cpu { Some(13) } else { gccs.last().copied() };
        return Ok(newest.map(|major| with(HostCompiler::Gcc(major))).into_iter().collect());
    };
    let (major, mut others, of): (u16, _, fn(u16) -> HostCompiler) = match compiler {
        HostCompiler::Gcc(major) => (major, gccs, HostCompiler::Gcc),
        HostCompiler::Clang(major) => (major, clangs, HostCompiler::Clang),
    };
    others.retain(|&other| other != major);
    others.sort_by_key(|&other| (other.abs_diff(major), Reverse(other)));
    let without = ("without a compiler".to_owned(), Request { compiler: None, ..request.clone() });
    // Which release it is decides only whether the toolkit takes it: the nearest stands for all.
    Ok(others.into_iter().take(1).map(of).map(with).chain([without]).collect())
}

fn other_preferences(_: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let Preferences { only_wheels, only_audited, publishers, .. } = &request.preferences;
    let mut changed = Vec::new();
    if !only_audited.is_empty() {
        let preferences = Preferences { only_audited: Which::default(), ..request.preferences.clone() };
        changed.push(("without --only-audited".to_owned(), Request { preferences, ..request.clone() }));
    }
    if !only_wheels.is_empty() {
        let preferences = Preferences { only_wheels: Which::default(), ..request.preferences.clone() };
        changed.push(("without --only-wheels".to_owned(), Request { preferences, ..request.clone() }));
    }
    if *publishers != Which::All {
        let preferences = Preferences { publishers: Which::All, ..request.preferences.clone() };
        let change = "with wheels of third parties".to_owned();
        changed.push((change, Request { preferences, ..request.clone() }));
    }
    Ok(changed)
}

/// The torch that answers where none is asked for.
fn other_torch(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let Some(asked) = &request.torch else { return Ok(Vec::new()) };
    let any = Request { torch: None, ..request.clone() };
    Ok(match lookup.find(&any)? {
        Some(found) => {
            let change = format!("with {} {}", lookup.anchor(), found.torch);
            vec![(change, Request { torch: Some(found.torch), ..request.clone() })]
        }
        None => vec![(format!("without asking for {} {asked}", lookup.anchor()), any)],
    })
}

/// Without the specifiers of one package, then of all, then without extras.
fn other_versions(_: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let specified: Vec<&String> = request
        .packages
        .iter()
        .filter(|(_, asked)| !asked.specifiers.is_empty())
        .map(|(name, _)| name)
        .collect();
    let extended: Vec<&String> =
        request.packages.iter().filter(|(_, asked)| !asked.extras.is_empty()).map(|(name, _)| name).collect();
    let without = |words: &str, names: &[&String], forget: fn(&mut Asked)| {
        let mut packages = request.packages.clone();
        names.iter().filter_map(|name| packages.get_mut(*name).map(forget)).for_each(drop);
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        (format!("{words} of {}", names.join(", ")), Request { packages, ..request.clone() })
    };
    let any_version = |names: &[&String]| {
        without("with any version", names, |asked| asked.specifiers = VersionSpecifiers::empty())
    };
    let mut changed: Vec<_> = specified.chunks(1).map(any_version).collect();
    if specified.len() > 1 {
        changed.push(any_version(&specified));
    }
    if !extended.is_empty() {
        changed.push(without("without extras", &extended, |asked| asked.extras.clear()));
    }
    Ok(changed)
}

/// The same package for another major release of CUDA, where each has a package of its own (`cupy-cuda12x`).
fn other_package(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let known = lookup.catalogue.package_names()?;
    let mut changed = Vec::new();
    for name in request.packages.keys() {
        let Some((stem, major)) = cuda_of_name(name) else { continue };
        let mut others: Vec<(u16, &String)> = known
            .iter()
            .filter_map(|other| {
                let (other_stem, other_major) = cuda_of_name(other)?;
                (other_stem == stem && other_major != major).then_some((other_major, other))
            })
            .collect();
        others.sort_by_key(|(other, _)| (other.abs_diff(major), Reverse(*other)));
        for (_, other) in others {
            let mut renamed = request.clone();
            rename(&mut renamed, name, other);
            changed.push((format!("with {other} instead of {name}"), renamed));
        }
    }
    Ok(changed)
}

/// The name of a package without the CUDA that it ends with, and that: `cupy` and 12 of `cupy-cuda12x`.
fn cuda_of_name(name: &str) -> Option<(&str, u16)> {
    let (stem, last) = name.rsplit_once('-')?;
    let digits = last.strip_prefix("cuda").or_else(|| last.strip_prefix("cu"))?;
    Some((stem, digits.trim_end_matches('x').parse().ok()?))
}

/// So many minor releases of torch are the most that a nearer CUDA release may cost.
const TORCHES_BEHIND: u64 = 2;

fn other_cuda(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let newest_torch = |cuda| -> Result<Option<u64>, LookupError> {
        let file = lookup.cells(request.system, request.python, cuda)?;
        let newest = file.as_ref().and_then(|file| file.order.first()?.parse::<Version>().ok());
        // Of 2.x the minor release; what comes after is newer than all of it.
        Ok(newest.and_then(|version| match version.release() {
            [major, minor, ..] => Some(major * 1000 + minor),
            _ => None,
        }))
    };
    let mut torches = BTreeMap::new();
    for &cuda in &lookup.matrix.cudas {
        torches.insert(cuda, newest_torch(cuda)?);
    }
    let costs_much = |cuda: CudaTarget| {
        let rivals = torches.iter().filter(|(other, _)| {
            **other != request.cuda && distance(**other, request.cuda).0 == distance(cuda, request.cuda).0
        });
        let newest = rivals.filter_map(|(_, torch)| *torch).max().unwrap_or_default();
        let torch = torches.get(&cuda).copied().flatten().unwrap_or_default();
        newest.saturating_sub(torch) > TORCHES_BEHIND
    };
    let is_known = lookup.matrix.cudas.contains(&request.cuda);
    let mut cudas = lookup.matrix.cudas.clone();
    cudas.retain(|&cuda| cuda != request.cuda && cuda != CudaTarget::Cpu && request.cuda != CudaTarget::Cpu);
    // Of two at the same distance the newer one; but a release that no package is built for is what a driver calls
    // itself, and the driver runs what is older.
    cudas.sort_by_key(|&cuda| {
        let (majors, minors) = distance(cuda, request.cuda);
        (majors, costs_much(cuda), minors, is_known == (cuda < request.cuda), Reverse(cuda))
    });
    let with = |cuda| (format!("with CUDA {cuda}"), Request { cuda, ..request.clone() });
    Ok(cudas.into_iter().map(with).collect())
}

/// How far a CUDA release is from another: the same major first, and of another one what is next to it.
fn distance(one: CudaTarget, other: CudaTarget) -> (u16, u16) {
    match (one, other) {
        (CudaTarget::Release(one), CudaTarget::Release(other)) => {
            let minors = match one.major.cmp(&other.major) {
                Ordering::Less => u16::MAX - one.minor,
                Ordering::Equal => one.minor.abs_diff(other.minor),
                Ordering::Greater => one.minor,
            };
            (one.major.abs_diff(other.major), minors)
        }
        _ => (u16::MAX, 0),
    }
}

fn other_python(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let mut pythons = lookup.matrix.pythons.clone();
    pythons.retain(|&python| python != request.python);
    pythons.sort_by_key(|python| (python.minor().abs_diff(request.python.minor()), *python));
    let with = |python| (format!("with Python {python}"), Request { python, ..request.clone() });
    Ok(pythons.into_iter().map(with).collect())
}

/// Without the capabilities that a cell lacks: the cells that lack fewest first, of them the newest torch.
fn fewer_capabilities(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let asked = &request.compute_capabilities;
    let mut lacking: Vec<BTreeSet<ComputeCapability>> = Vec::new();
    lookup.for_each_cell(request, |_, packages| {
        let lacks = |capability: &&ComputeCapability| {
            let alone = Request { compute_capabilities: [**capability].into(), ..request.clone() };
            packages.iter().any(|(name, package)| Build::of(name, package, &alone, Pass::Compiling).is_none())
        };
        let lacked: BTreeSet<_> = asked.iter().filter(lacks).copied().collect();
        if !lacked.is_empty() && lacked.len() < asked.len() && !lacking.contains(&lacked) {
            lacking.push(lacked);
        }
    })?;
    lacking.sort_by_key(BTreeSet::len);
    let without = |lacked: BTreeSet<ComputeCapability>| {
        let compute_capabilities = asked.difference(&lacked).copied().collect();
        (format!("without {}", comma_separated(&lacked)), Request { compute_capabilities, ..request.clone() })
    };
    Ok(lacking.into_iter().map(without).collect())
}

/// Without the packages that a cell cannot give: the cells that lack fewest first, of them the newest torch.
fn fewer_packages(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    let mut lacking: Vec<BTreeSet<&String>> = Vec::new();
    let file = lookup.cells(request.system, request.python, request.cuda)?;
    for (_, cell) in file.iter().flat_map(|file| wanted_cells(file, request)) {
        let mut lacked = BTreeSet::new();
        for (name, asked) in &request.packages {
            let packages = BTreeMap::from([(name.clone(), asked.clone())]);
            let alone = Request { packages, ..request.clone() };
            let is_there = super::serves(cell, request, &Wanted::of(cell, &alone), Pass::Compiling);
            if !is_there {
                lacked.insert(name);
            }
        }
        if !lacked.is_empty() && lacked.len() < request.packages.len() && !lacking.contains(&lacked) {
            lacking.push(lacked);
        }
    }
    lacking.sort_by_key(BTreeSet::len);
    let without = |lacked: BTreeSet<&String>| {
        let mut packages = request.packages.clone();
        packages.retain(|name, _| !lacked.contains(name));
        (format!("without {}", comma_separated(&lacked)), Request { packages, ..request.clone() })
    };
    Ok(lacking.into_iter().map(without).collect())
}

/// Without CUDA, or, where none was asked for, with the newest, for a GPU of each capability that there is.
fn with_or_without_cuda(lookup: &Lookup<'_>, request: &Request) -> Result<Vec<Changed>, LookupError> {
    if request.cuda != CudaTarget::Cpu {
        let cpu = Request {
            cuda: CudaTarget::Cpu,
            compute_capabilities: BTreeSet::new(),
            driver: None,
            ..request.clone()
        };
        return Ok(vec![("without CUDA".to_owned(), cpu)]);
    }
    let mut cudas = lookup.matrix.cudas.clone();
    cudas.retain(|&cuda| cuda != CudaTarget::Cpu);
    cudas.sort_by_key(|&cuda| Reverse(cuda));
    // A common one first.
    let mut capabilities: Vec<_> = lookup.matrix.compute_capabilities.iter().rev().collect();
    capabilities.sort_by_key(|capability| (capability.major, capability.minor) != (8, 6));
    let mut changed = Vec::new();
    for cuda in cudas {
        for &&capability in &capabilities {
            let compute_capabilities = [capability].into();
            changed.push((
                format!("with CUDA {cuda} and, e.g., a GPU of compute capability {capability}"),
                Request { cuda, compute_capabilities, ..request.clone() },
            ));
        }
    }
    Ok(changed)
}

impl Lookup<'_> {
    /// Hands each cell that may answer a request to a function, with the packages that the request comes to in it.
    fn for_each_cell(
        &self,
        request: &Request,
        mut look: impl FnMut(&str, &BTreeMap<&str, &CellPackage>),
    ) -> Result<(), LookupError> {
        let file = self.cells(request.system, request.python, request.cuda)?;
        for (torch, cell) in file.iter().flat_map(|file| wanted_cells(file, request)) {
            look(torch, &closure(cell, &Wanted::of(cell, request).names));
        }
        Ok(())
    }
}
