//! Solver: PubGrub over the distributions of the catalogue finds one version of every package that satisfies all
//! requirements.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

use axle_catalogue::Cause;
use axle_types::{ExtraName, satisfies};
use pep440_rs::{Version, VersionSpecifiers};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError, Ranges};

use crate::candidates::Candidates;
use crate::conflicts::{Conflict, SIDES};
use crate::derivation;
use crate::distribution::{Distribution, Need};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

/// What the solver is asked for: packages with the version that each must have, where it is fixed.
pub(crate) type Wanted = BTreeMap<String, Option<Version>>;

/// The chosen versions, each with the extras that its requirers ask for.
pub(crate) type Solution = BTreeMap<String, Chosen>;

/// A chosen version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) version: Version,
    pub(crate) extras: Vec<ExtraName>,
}

/// Solves for the best versions. A version with a wheel is better than one that must be compiled, a wheel of the project
/// better than one of a third party, one with device code better than one without where its package says so, a release
/// better than a pre-release (PEP 440), a newer version better than an older one; a version with neither wheel nor sdist
/// that fits is never chosen.
///
/// The answer is a function of the candidates and of what is wanted, and there is one exactly when one exists. It
/// holds what is wanted and what that requires, nothing else, and:
///
/// - the wanted packages, in the order of their names, each have the best version that any solution has with the
///   versions of those before;
/// - every other solution has a worse version of one of the packages at least.
///
/// PubGrub gives both: it decides one package after the other for its best version, and rules versions out only where
/// they follow to be impossible from what was decided before.
pub(crate) fn solve(candidates: &Candidates<'_>, wanted: &Wanted) -> Result<Solution, Cause> {
    let order: Vec<_> = wanted.keys().map(String::as_str).collect();
    solve_in_order(candidates, wanted, &order, &[])
}

/// The same with another order of the wanted packages, some of which are wanted with extras.
///
/// # Errors
/// The facts that contradict each other.
pub(crate) fn solve_in_order(
    candidates: &Candidates<'_>,
    wanted: &Wanted,
    order: &[&str],
    extras: &[(&str, ExtraName)],
) -> Result<Solution, Cause> {
    let provider = Provider { candidates, wanted, order, extras };
    match pubgrub::resolve(&provider, Node::Root, Version::new([0])) {
        Ok(solution) => {
            let mut chosen = Solution::new();
            for (node, version) in solution {
                let (name, extra) = match node {
                    Node::Root | Node::Conflict(_) => continue,
                    Node::Package(name) => (name, None),
                    Node::Extra(name, extra) => (name, Some(extra)),
                };
                let package = chosen.entry(name).or_insert_with(|| Chosen { version, extras: Vec::new() });
                package.extras.extend(extra);
            }
            for package in chosen.values_mut() {
                package.extras.sort();
            }
            Ok(chosen)
        }
        Err(PubGrubError::NoSolution(tree)) => Err(derivation::conflict(candidates, &tree)),
        Err(
            PubGrubError::ErrorRetrievingDependencies { source, .. }
            | PubGrubError::ErrorChoosingVersion { source, .. }
            | PubGrubError::ErrorInShouldCancel(source),
        ) => match source {},
    }
}

/// The best version of a package, whatever else there is.
pub(crate) fn newest(candidates: &Candidates<'_>, name: &str) -> Option<Version> {
    let provider = Provider { candidates, wanted: &Wanted::new(), order: &[], extras: &[] };
    provider.best(name, &Ranges::full())
}

/// What PubGrub calls a package.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Node {
    /// What is wanted.
    Root,
    /// A package.
    Package(String),
    /// A package with one of its extras: the same version, and the requirements of the extra.
    Extra(String, ExtraName),
    /// What does not work together: it has two versions, and what is on either side requires one of them.
    Conflict(Conflict),
}

impl Node {
    /// The package.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Root | Self::Conflict(_) => None,
            Self::Package(name) | Self::Extra(name, _) => Some(name),
        }
    }

    /// The extra.
    pub(crate) fn extras(&self) -> &[ExtraName] {
        match self {
            Self::Root | Self::Package(_) | Self::Conflict(_) => &[],
            Self::Extra(_, extra) => std::slice::from_ref(extra),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("the request"),
            Self::Package(name) => formatter.write_str(name),
            Self::Extra(name, extra) => write!(formatter, "{name}[{extra}]"),
            Self::Conflict(Conflict { package, other, .. }) => write!(formatter, "{package} beside {other}"),
        }
    }
}

/// More versions than that are not counted.
const MANY: usize = 50;

/// What decides between versions.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: Kind,
    public: Version,
    /// Of wheels of one version for several CUDA releases one whose bytes were seen,
    is_seen: bool,
    /// and the one for the target's.
    names_release: bool,
}

/// What decides between versions before their numbers do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct Kind {
    /// That there is something to choose: a version that has nothing is chosen only where none has, so that the
    /// explanation names the reason.
    pub(crate) exists: bool,
    /// That it is a wheel, or a source where that is preferred.
    pub(crate) is_preferred: bool,
    /// That the project built it.
    pub(crate) is_of_project: bool,
    /// That it has the device code that its package is rather taken with.
    pub(crate) has_device_code: bool,
    /// That it is a release.
    pub(crate) is_release: bool,
}

impl Kind {
    /// Of a version that nothing is wrong with.
    const BEST: Self = Self {
        exists: true,
        is_preferred: true,
        is_of_project: true,
        has_device_code: true,
        is_release: true,
    };

    /// Of a version of a package.
    pub(crate) fn of(candidates: &Candidates<'_>, name: &str, version: &Version) -> Self {
        let distribution = candidates.choice(name, version);
        let is = |holds: &dyn Fn(&Distribution<'_>) -> bool| distribution.is_some_and(holds);
        Self {
            exists: distribution.is_some(),
            is_preferred: is(&|distribution| candidates.is_preferred(name, distribution)),
            is_of_project: is(&|distribution| distribution.publisher().is_none()),
            has_device_code: is(&|distribution| !candidates.lacks_device_code(distribution)),
            is_release: !version.any_prerelease(),
        }
    }
}

struct Provider<'a> {
    candidates: &'a Candidates<'a>,
    wanted: &'a Wanted,
    /// The wanted packages, those that decide first in front.
    order: &'a [&'a str],
    extras: &'a [(&'a str, ExtraName)],
}

impl Provider<'_> {
    /// What a version requires, or why it cannot be chosen.
    fn requirements(&self, node: &Node, version: &Version) -> Result<Vec<(Node, Ranges<Version>)>, Cause> {
        if let Node::Conflict(_) = node {
            return Ok(Vec::new());
        }
        let Some(name) = node.name() else {
            let wanted = self.wanted.iter().map(|(name, version)| {
                let range = match version {
                    Some(version) => Ranges::singleton(version.clone()),
                    None => self.candidates.range(name, &VersionSpecifiers::empty()),
                };
                (Node::Package(name.clone()), range)
            });
            let extras = self
                .extras
                .iter()
                .map(|(name, extra)| (Node::Extra((*name).to_owned(), extra.clone()), Ranges::full()));
            return Ok(wanted.chain(extras).collect());
        };
        let candidate = self.candidates.versions(name).and_then(|versions| versions.get(version));
        let distribution = self.candidates.choose(candidate.ok_or(Cause::NoWheel)?)?;
        let mut edges = Vec::new();
        if matches!(node, Node::Extra(..)) {
            edges.push((Node::Package(name.to_owned()), Ranges::singleton(version.clone())));
        }
        let needs = self.candidates.needs(name, distribution, node.extras())?;
        for Need { name, extras, specifiers } in needs.iter().chain(&distribution.build_needs()) {
            // What holds of a fixed version is nothing to solve.
            if extras.is_empty() && self.fixed(name).is_some_and(|fixed| satisfies(specifiers, fixed)) {
                continue;
            }
            let range = self.candidates.range(name, specifiers);
            let of_extra = |extra: &ExtraName| (Node::Extra(name.clone(), extra.clone()), range.clone());
            edges.extend(extras.iter().map(of_extra));
            edges.push((Node::Package(name.clone()), range));
        }
        if let Node::Package(name) = node {
            let sides = self.candidates.conflicts.sides(name, version);
            edges.extend(
                sides.map(|(conflict, side)| (Node::Conflict(conflict.clone()), Ranges::singleton(side))),
            );
        }
        // PubGrub knows no package that requires itself.
        if edges.iter().any(|(other, range)| other == node && !range.contains(version)) {
            return Err(Cause::RequiresItself);
        }
        edges.retain(|(other, _)| other != node);
        Ok(edges)
    }

    /// The version that a package must have, where one is wanted.
    fn fixed(&self, name: &str) -> Option<&Version> {
        self.wanted.get(name)?.as_ref()
    }

    fn rank(&self, name: &str, version: &Version) -> Rank {
        let distribution = self.candidates.choice(name, version);
        Rank {
            kind: Kind::of(self.candidates, name, version),
            public: version.clone().without_local(),
            is_seen: distribution.is_some_and(Distribution::is_seen),
            names_release: distribution.is_some_and(|one| self.candidates.names_release(one)),
        }
    }

    fn best(&self, name: &str, range: &Ranges<Version>) -> Option<Version> {
        let versions = self.candidates.versions(name)?;
        if let Some(only) = range.as_singleton() {
            return versions.contains_key(only).then(|| only.clone());
        }
        let mut best: Option<(Rank, &Version)> = None;
        for version in versions.keys().rev().filter(|version| range.contains(version)) {
            let public = version.clone().without_local();
            // No older release is better than one that nothing is wrong with.
            if best.as_ref().is_some_and(|(known, _)| known.kind == Kind::BEST && known.public > public) {
                break;
            }
            let rank = self.rank(name, version);
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, version));
            }
        }
        best.map(|(_, version)| version.clone())
    }
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Ranges<Version>;
    type M = Cause;
    /// Wanted packages first and in order, which the result depends on. After them those that conflict most and have
    /// the fewest versions, which is quick; the name makes it the same each time.
    type Priority = (Reverse<usize>, u32, Reverse<usize>, Reverse<Node>);
    type Err = Infallible;

    fn prioritize(
        &self,
        node: &Node,
        range: &Self::VS,
        conflicts: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let place = match node {
            Node::Root => Some(0),
            Node::Package(name) => self.order.iter().position(|wanted| wanted == name),
            Node::Extra(..) | Node::Conflict(_) => None,
        };
        let versions = node.name().and_then(|name| self.candidates.versions(name));
        // Of packages with many versions it is enough to know that there are many.
        let count = match versions {
            Some(versions) if versions.len() > MANY => versions.len(),
            versions => versions
                .into_iter()
                .flat_map(BTreeMap::keys)
                .filter(|version| range.contains(version))
                .count(),
        };
        let conflicts = conflicts.conflict_count();
        (Reverse(place.unwrap_or(usize::MAX)), conflicts, Reverse(count), Reverse(node.clone()))
    }

    fn choose_version(&self, node: &Node, range: &Self::VS) -> Result<Option<Version>, Infallible> {
        Ok(match (node, node.name()) {
            (Node::Conflict(_), _) => SIDES.iter().map(|side| side()).find(|side| range.contains(side)),
            (_, None) => Some(Version::new([0])),
            (_, Some(name)) => self.best(name, range),
        })
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, Cause>, Infallible> {
        Ok(match self.requirements(node, version) {
            Ok(edges) => Dependencies::Available(edges.into_iter().collect()),
            Err(unfit) => Dependencies::Unavailable(unfit),
        })
    }
}
