//! One version of every package so that all requirements hold: PubGrub over the wheels of the catalogue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::ExtraName;
use pubgrub::{
    DefaultStringReporter, Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError,
    Ranges, Reporter,
};

use crate::universe::{Candidates, Need, Unfit, UniverseError};

/// What the solver was asked for: packages with the versions that they may have.
pub(crate) type Wanted = BTreeMap<String, Ranges<Version>>;

/// The chosen versions, each with the extras that its requirers ask for.
pub(crate) type Solution = BTreeMap<String, Chosen>;

/// A chosen version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) version: Version,
    pub(crate) extras: Vec<ExtraName>,
}

/// Why there is no solution.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SolveError {
    /// Requirements contradict each other.
    #[error("{0}")]
    Unsatisfiable(String),
    /// The catalogue contradicts itself.
    #[error(transparent)]
    Universe(#[from] UniverseError),
}

/// Solves for the newest versions.
pub(crate) fn solve(candidates: &Candidates<'_>, wanted: &Wanted) -> Result<Solution, SolveError> {
    let provider = Provider { candidates, wanted, failure: RefCell::new(None) };
    match pubgrub::resolve(&provider, Node::Root, Version::new([0])) {
        Ok(solution) => {
            let mut chosen = Solution::new();
            for (node, version) in solution {
                match node {
                    Node::Root => {}
                    Node::Package(name) => {
                        chosen.entry(name).or_insert_with(|| Chosen { version, extras: Vec::new() });
                    }
                    Node::Extra(name, extra) => {
                        let entry =
                            chosen.entry(name).or_insert_with(|| Chosen { version, extras: Vec::new() });
                        entry.extras.push(extra);
                    }
                }
            }
            for package in chosen.values_mut() {
                package.extras.sort();
            }
            Ok(chosen)
        }
        Err(PubGrubError::NoSolution(mut tree)) => {
            tree.collapse_no_versions();
            Err(SolveError::Unsatisfiable(DefaultStringReporter::report(&tree)))
        }
        Err(error) => match provider.failure.into_inner() {
            Some(failure) => Err(failure.into()),
            None => Err(SolveError::Unsatisfiable(error.to_string())),
        },
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Node {
    Root,
    Package(String),
    /// A package with one of its extras: the same version, and the requirements of the extra.
    Extra(String, ExtraName),
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("the request"),
            Self::Package(name) => formatter.write_str(name),
            Self::Extra(name, extra) => write!(formatter, "{name}[{extra}]"),
        }
    }
}

struct Provider<'a> {
    candidates: &'a Candidates<'a>,
    wanted: &'a Wanted,
    /// The error of a catalogue that contradicts itself, for the caller: PubGrub only carries its text.
    failure: RefCell<Option<UniverseError>>,
}

/// The catalogue contradicts itself; the error is in [`Provider::failure`].
#[derive(Debug, thiserror::Error)]
#[error("the catalogue contradicts itself")]
struct Contradiction;

impl Provider<'_> {
    fn dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, UniverseError> {
        let (name, extras) = match node {
            Node::Root => {
                let wanted =
                    self.wanted.iter().map(|(name, range)| (Node::Package(name.clone()), range.clone()));
                return Ok(Dependencies::Available(wanted.collect()));
            }
            Node::Package(name) => (name, Vec::new()),
            Node::Extra(name, extra) => (name, vec![extra.clone()]),
        };
        let candidate = self.candidates.versions(name).and_then(|versions| versions.get(version));
        let artefact = match candidate.map(|candidate| &candidate.choice) {
            Some(Ok(choice)) => choice.artefact,
            Some(Err(unfit)) => return Ok(Dependencies::Unavailable(unfit.to_string())),
            None => return Ok(Dependencies::Unavailable(Unfit::NoWheel.to_string())),
        };
        let mut edges = Vec::new();
        if matches!(node, Node::Extra(..)) {
            edges.push((Node::Package(name.clone()), Ranges::singleton(version.clone())));
        }
        for Need { name, extras, specifiers } in self.candidates.needs(artefact, &extras)? {
            let range = self.range(&name, &specifiers);
            edges.extend(extras.into_iter().map(|extra| (Node::Extra(name.clone(), extra), range.clone())));
            edges.push((Node::Package(name), range));
        }
        Ok(Dependencies::Available(edges.into_iter().collect()))
    }

    /// The versions that specifiers admit. A local version satisfies `==` of its public one (PEP 440), which an
    /// interval of versions does not say by itself.
    fn range(&self, name: &str, specifiers: &VersionSpecifiers) -> Ranges<Version> {
        let mut range = Ranges::from(specifiers.clone());
        let equal = |specifiers: &VersionSpecifiers| {
            specifiers.iter().any(|one| matches!(one.operator(), Operator::Equal | Operator::LessThanEqual))
        };
        if equal(specifiers) {
            for version in self.candidates.versions(name).into_iter().flat_map(BTreeMap::keys) {
                if version.is_local() && specifiers.contains(version) {
                    range = range.union(&Ranges::singleton(version.clone()));
                }
            }
        }
        range
    }

    fn newest(&self, name: &str, range: &Ranges<Version>) -> Option<Version> {
        let versions = self.candidates.versions(name)?;
        let within = || versions.iter().rev().filter(|(version, _)| range.contains(version));
        let fits = || within().filter(|(_, candidate)| candidate.choice.is_ok());
        // A pre-release only where nothing else satisfies (PEP 440); a version that has no wheel to choose only
        // where none has, so that the explanation names the reason.
        let chosen = fits()
            .find(|(version, _)| !version.any_prerelease())
            .or_else(|| fits().next())
            .or_else(|| within().next());
        chosen.map(|(version, _)| version.clone())
    }
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Ranges<Version>;
    type M = String;
    type Priority = (u32, std::cmp::Reverse<usize>, std::cmp::Reverse<Node>);
    type Err = Contradiction;

    fn prioritize(
        &self,
        node: &Node,
        range: &Self::VS,
        conflicts: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let (Node::Package(name) | Node::Extra(name, _)) = node else {
            return (u32::MAX, std::cmp::Reverse(0), std::cmp::Reverse(node.clone()));
        };
        let count = self
            .candidates
            .versions(name)
            .map_or(0, |versions| versions.keys().filter(|version| range.contains(version)).count());
        (conflicts.conflict_count(), std::cmp::Reverse(count), std::cmp::Reverse(node.clone()))
    }

    fn choose_version(&self, node: &Node, range: &Self::VS) -> Result<Option<Version>, Contradiction> {
        Ok(match node {
            Node::Root => Some(Version::new([0])),
            Node::Package(name) | Node::Extra(name, _) => self.newest(name, range),
        })
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, Contradiction> {
        self.dependencies(node, version).map_err(|error| {
            self.failure.replace(Some(error));
            Contradiction
        })
    }
}
