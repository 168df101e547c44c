//! Derivations: the facts that PubGrub's proof of a contradiction rests on.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use axle_catalogue::{Cause, Keep, Lack, What, spans};
use pep440_rs::Version;
use pubgrub::{DerivationTree, External, Ranges};

use crate::candidates::Candidates;
use crate::distribution::Need;
use crate::solver::Node;
use axle_types::satisfies;

type Tree = DerivationTree<Node, Ranges<Version>, Cause>;

/// The facts of a proof, each once, from what is wanted on. What follows from them is left to the reader: with one
/// version per package there is little to follow.
pub(crate) fn conflict(candidates: &Candidates<'_>, tree: &Tree) -> Cause {
    let mut derivation = Derivation { candidates, wanted: BTreeSet::new(), facts: Vec::new() };
    for external in externals(tree) {
        derivation.add(external);
    }
    Cause::Conflict { facts: derivation.facts() }
}

/// The leaves of a proof, each once. A part that the proof shares is walked once.
fn externals(tree: &Tree) -> Vec<&External<Node, Ranges<Version>, Cause>> {
    let mut externals = Vec::new();
    let mut seen = HashSet::new();
    let mut next = vec![tree];
    while let Some(tree) = next.pop() {
        match tree {
            DerivationTree::External(external) => externals.push(external),
            DerivationTree::Derived(derived) => {
                for cause in [&derived.cause1, &derived.cause2] {
                    if seen.insert(Arc::as_ptr(cause)) {
                        next.push(cause);
                    }
                }
            }
        }
    }
    externals
}

/// What some versions of a package have in common; `needed` is the package that they require, where they do.
struct Fact {
    name: String,
    versions: BTreeSet<Version>,
    what: What,
    needed: Option<String>,
}

impl Fact {
    /// Whether it says of versions of a package why they will not do.
    fn is_of(&self, name: &str) -> bool {
        self.name == name && self.what != What::Has && !self.versions.is_empty()
    }
}

/// Of one wanted package, as many facts are told.
const MOST_FACTS: usize = 5;
/// Where there are more, those of the newest versions are, and how many more there are.
const NEWEST_FACTS: usize = 3;

struct Derivation<'a> {
    candidates: &'a Candidates<'a>,
    wanted: BTreeSet<String>,
    facts: Vec<Fact>,
}

impl Derivation<'_> {
    fn add(&mut self, external: &External<Node, Ranges<Version>, Cause>) {
        match external {
            // That there are no other versions than those that the facts name goes without saying.
            External::NotRoot(..) | External::NoVersions(..) => {}
            External::Custom(node, _, Cause::NotAsked { requirement }) => {
                let name = node.name().unwrap_or_default();
                self.note(name, BTreeSet::new(), What::Asked { requirement: requirement.clone() });
            }
            External::Custom(node, set, why) => {
                if let Some(name) = node.name() {
                    self.note(name, self.known(name, set), What::Unfit { why: Box::new(why.clone()) });
                }
            }
            External::FromDependencyOf(node, set, Node::Conflict(conflict), _) => {
                // Both sides lead to it; the one whose TOML states it tells.
                if let Some(name) = node.name().filter(|name| *name == conflict.package)
                    && let Some(what) = conflict.what(self.candidates.inventory)
                {
                    self.note_need(name, self.known(name, set), what, Some(&conflict.other));
                }
            }
            External::FromDependencyOf(node, set, dependency, range) => {
                let Some(needed) = dependency.name() else { return };
                match node.name() {
                    None => self.note_wanted(needed, range),
                    // That an extra has the version of its package goes without saying, too: there is no need for it.
                    Some(name) => self.note_requirements(name, node, set, needed),
                }
            }
        }
    }

    fn note_wanted(&mut self, name: &str, range: &Ranges<Version>) {
        self.wanted.insert(name.to_owned());
        if self.candidates.versions(name).is_none() {
            self.note(name, BTreeSet::new(), What::Missing);
        } else if *range != Ranges::full() {
            self.note(name, self.known(name, range), What::Has);
        }
    }

    fn note_requirements(&mut self, name: &str, node: &Node, set: &Ranges<Version>, needed: &str) {
        for version in self.known(name, set) {
            let Some(distribution) = self.candidates.choice(name, &version) else { continue };
            let needs = self.candidates.needs(name, distribution, node.extras()).unwrap_or_default();
            for need in needs.iter().filter(|need| need.name == needed) {
                let (what, versions) = (self.requires(need), BTreeSet::from([version.clone()]));
                self.note_need(name, versions, what, Some(needed));
            }
        }
    }

    fn requires(&self, need: &Need) -> What {
        let lacks = match self.candidates.versions(&need.name) {
            None => Some(Lack::Package),
            Some(versions) if !versions.keys().any(|version| satisfies(&need.specifiers, version)) => {
                // Others may be published: of most packages only what cells choose is kept.
                match self.candidates.package(&need.name) {
                    Some((_, package)) if package.keep == Keep::Chosen => Some(Lack::Kept),
                    _ => Some(Lack::Version),
                }
            }
            Some(_) => None,
        };
        What::Requires { requirement: need.requirement(), lacks }
    }

    /// The versions of the catalogue in a set.
    fn known(&self, name: &str, set: &Ranges<Version>) -> BTreeSet<Version> {
        let versions = self.candidates.versions(name).into_iter().flatten().map(|(version, _)| version);
        versions.filter(|version| set.contains(version)).cloned().collect()
    }

    fn note(&mut self, name: &str, versions: BTreeSet<Version>, what: What) {
        self.note_need(name, versions, what, None);
    }

    fn note_need(&mut self, name: &str, versions: BTreeSet<Version>, what: What, needed: Option<&str>) {
        let known = self.facts.iter_mut().find(|fact| fact.name == name && fact.what == what);
        if let Some(fact) = known {
            fact.versions.extend(versions);
        } else {
            let needed = needed.map(str::to_owned);
            self.facts.push(Fact { name: name.to_owned(), versions, what, needed });
        }
    }

    /// The facts in the order in which they are told.
    fn facts(mut self) -> Vec<axle_catalogue::Fact> {
        // A version that another fact is about need not be said to be there.
        let told: BTreeSet<_> = self
            .facts
            .iter()
            .filter(|fact| fact.what != What::Has)
            .map(|fact| (fact.name.clone(), fact.versions.clone()))
            .collect();
        self.facts.retain(|fact| {
            fact.what != What::Has || !told.contains(&(fact.name.clone(), fact.versions.clone()))
        });
        let depths = self.depths();
        let mut further = self.set_others_aside();
        further.extend(self.keep_newest(&depths));
        self.facts.sort_by_cached_key(|fact| {
            let depth = depths.get(&fact.name).copied().unwrap_or(usize::MAX);
            (fact.what == What::Has, depth, fact.name.clone(), fact.versions.clone())
        });
        let fact = |Fact { name, versions, what, .. }: &Fact| axle_catalogue::Fact {
            package: name.clone(),
            versions: self.spans(name, versions),
            what: what.clone(),
        };
        let of_no_version = |(package, what)| axle_catalogue::Fact { package, versions: Vec::new(), what };
        self.facts.iter().map(fact).chain(further.into_iter().map(of_no_version)).collect()
    }

    /// Leaves out why versions of what is wanted are not there that are for other versions of what is fixed, where they
    /// would make a list: whatever else they lack, they could not be there. Says so of each package.
    fn set_others_aside(&mut self) -> Vec<(String, What)> {
        let fixed: Vec<(String, Version)> = self
            .facts
            .iter()
            .filter(|fact| fact.what == What::Has)
            .filter_map(|fact| Some((fact.name.clone(), fact.versions.first()?.clone())))
            .collect();
        let mut said = Vec::new();
        for name in self.wanted.clone() {
            if self.facts.iter().filter(|fact| fact.is_of(&name)).count() <= MOST_FACTS {
                continue;
            }
            for (needed, taken) in &fixed {
                let about = self.facts.iter().filter(|fact| fact.is_of(&name));
                let others: BTreeSet<Version> = about
                    .flat_map(|fact| &fact.versions)
                    .filter(|version| self.candidates.is_for_other(&name, version, needed, taken))
                    .cloned()
                    .collect();
                if others.is_empty() {
                    continue;
                }
                self.facts.retain_mut(|fact| {
                    let is_of = fact.is_of(&name);
                    if is_of {
                        fact.versions.retain(|version| !others.contains(version));
                    }
                    !is_of || !fact.versions.is_empty()
                });
                let all = !self.facts.iter().any(|fact| fact.is_of(&name));
                said.push((name.clone(), What::OthersRequire { needed: needed.clone(), all }));
            }
        }
        said
    }

    /// Leaves out why the older versions of what is wanted are not there, where that would be a list of their history,
    /// with what only they require. Says of each package how many facts that were.
    fn keep_newest(&mut self, depths: &BTreeMap<String, usize>) -> Vec<(String, What)> {
        let mut further = Vec::new();
        for name in self.wanted.clone() {
            let mut newest: Vec<Version> = self
                .facts
                .iter()
                .filter(|fact| fact.is_of(&name))
                .filter_map(|fact| fact.versions.last().cloned())
                .collect();
            if newest.len() <= MOST_FACTS {
                continue;
            }
            newest.sort_unstable_by(|one, other| other.cmp(one));
            let Some(oldest) = newest.get(NEWEST_FACTS - 1) else { continue };
            let before = self.facts.len();
            self.facts.retain(|fact| !fact.is_of(&name) || fact.versions.last() >= Some(oldest));
            let dropped = before - self.facts.len();
            if dropped > 0 {
                further.push((name.clone(), What::More { count: dropped }));
            }
        }
        if !further.is_empty() {
            let needed: BTreeSet<String> = self.facts.iter().filter_map(|fact| fact.needed.clone()).collect();
            let is_wanted = |fact: &Fact| depths.get(&fact.name) == Some(&0) && fact.what != What::Has;
            self.facts.retain(|fact| is_wanted(fact) || needed.contains(&fact.name));
        }
        further
    }

    /// How many requirements away from what is wanted each package is.
    fn depths(&self) -> BTreeMap<String, usize> {
        let mut depths: BTreeMap<_, _> = self.wanted.iter().map(|name| (name.clone(), 0)).collect();
        let mut next: Vec<_> = self.wanted.iter().cloned().collect();
        while !next.is_empty() {
            let mut further = Vec::new();
            for fact in self.facts.iter().filter(|fact| next.contains(&fact.name)) {
                if let Some(needed) = &fact.needed
                    && !depths.contains_key(needed)
                {
                    depths.insert(needed.clone(), depths.get(&fact.name).map_or(0, |depth| depth + 1));
                    further.push(needed.clone());
                }
            }
            next = further;
        }
        depths
    }

    fn spans(&self, name: &str, versions: &BTreeSet<Version>) -> Vec<axle_catalogue::Span> {
        let known = self.candidates.versions(name).into_iter().flatten();
        spans(known.map(|(version, _)| (version, versions.contains(version))))
    }
}
