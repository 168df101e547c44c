//! resolvo as an oracle: whether it finds a solution of the same problems, and how its speed compares with PubGrub
//! (docs/solver.md).

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use axle_catalogue::{Catalogue, Folder};
use resolvo::utils::Pool;
use resolvo::{
    Condition, ConditionId, Interner, KnownDependencies, NameId, Problem, SolvableId, SolverCache, StringId,
    UnsolvableOrCancelled, VersionSetId, VersionSetUnionId,
};

use super::*;
use crate::cells::{anchors, beside};
use crate::conflicts::SIDES;
use axle_catalogue::Inventory;

/// What PubGrub is given, as resolvo asks for it.
struct Other<'a> {
    provider: &'a Provider<'a>,
    pool: Pool<Ranges<Version>>,
    nodes: RefCell<HashMap<NameId, Node>>,
}

impl<'a> Other<'a> {
    fn new(provider: &'a Provider<'a>) -> Self {
        Self { provider, pool: Pool::new(), nodes: RefCell::default() }
    }

    fn name(&self, node: &Node) -> NameId {
        let id = self.pool.intern_package_name(node.to_string());
        self.nodes.borrow_mut().entry(id).or_insert_with(|| node.clone());
        id
    }

    fn requirements(&self, node: &Node, version: &Version) -> Result<KnownDependencies, Cause> {
        let edges = self.provider.requirements(node, version)?;
        let requirement = |(node, range)| self.pool.intern_version_set(self.name(&node), range).into();
        Ok(KnownDependencies {
            requirements: edges.into_iter().map(requirement).collect(),
            constrains: vec![],
        })
    }

    fn version(&self, id: SolvableId) -> &Version {
        &self.pool.resolve_solvable(id).record
    }
}

impl Interner for Other<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, id: SolvableId) -> impl Display + '_ {
        format!("{} {}", self.display_name(self.solvable_name(id)), self.version(id))
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.pool.resolve_package_name(name).clone()
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        self.pool.resolve_version_set(set).clone()
    }

    fn display_string(&self, id: StringId) -> impl Display + '_ {
        self.pool.resolve_string(id).to_owned()
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        self.pool.resolve_version_set_package_name(set)
    }

    fn solvable_name(&self, id: SolvableId) -> NameId {
        self.pool.resolve_solvable(id).name
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.pool.resolve_version_set_union(union)
    }

    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        self.pool.resolve_condition(condition).clone()
    }
}

impl resolvo::DependencyProvider for Other<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let range = self.pool.resolve_version_set(set);
        candidates.iter().filter(|id| range.contains(self.version(**id)) != inverse).copied().collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<resolvo::Candidates> {
        let node = self.nodes.borrow().get(&name)?.clone();
        let mut all = resolvo::Candidates::default();
        if let Node::Conflict(_) = node {
            all.candidates = SIDES.map(|side| self.pool.intern_solvable(name, side())).into();
            return Some(all);
        }
        let versions = self.provider.candidates.versions(node.name()?)?;
        for (version, candidate) in versions {
            let id = self.pool.intern_solvable(name, version.clone());
            match self.provider.candidates.choose(candidate) {
                Ok(_) => all.candidates.push(id),
                Err(unfit) => all.excluded.push((id, self.pool.intern_string(unfit.to_string()))),
            }
        }
        Some(all)
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let rank = |id: &SolvableId| {
            let name = self.solvable_name(*id);
            let node = self.nodes.borrow().get(&name)?.clone();
            Some(self.provider.rank(node.name()?, self.version(*id)))
        };
        solvables.sort_by_cached_key(|id| Reverse(rank(id)));
    }

    async fn get_dependencies(&self, id: SolvableId) -> resolvo::Dependencies {
        let node = self.nodes.borrow().get(&self.solvable_name(id)).cloned();
        match node.map(|node| self.requirements(&node, self.version(id))) {
            Some(Ok(known)) => resolvo::Dependencies::Known(known),
            Some(Err(unfit)) => resolvo::Dependencies::Unknown(self.pool.intern_string(unfit.to_string())),
            None => resolvo::Dependencies::Known(KnownDependencies::default()),
        }
    }
}

/// The versions that resolvo chooses, or its explanation.
fn other(candidates: &Candidates<'_>, wanted: &Wanted) -> Result<BTreeMap<String, Version>, String> {
    let order: Vec<_> = wanted.keys().map(String::as_str).collect();
    let provider = Provider { candidates, wanted, order: &order, extras: &[] };
    let other = Other::new(&provider);
    let known = other.requirements(&Node::Root, &Version::new([0])).unwrap();
    let mut solver = resolvo::Solver::new(other);
    match solver.solve(Problem::new().requirements(known.requirements)) {
        Ok(chosen) => {
            let other = solver.provider();
            let nodes = other.nodes.borrow();
            let version = |id: &SolvableId| match nodes.get(&other.solvable_name(*id))? {
                Node::Package(name) => Some((name.clone(), other.version(*id).clone())),
                _ => None,
            };
            Ok(chosen.iter().filter_map(version).collect())
        }
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            Err(conflict.display_user_friendly(&solver).to_string())
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => unreachable!("nothing cancels it"),
    }
}

#[derive(Default)]
struct Sum {
    problems: u32,
    same: u32,
    /// Of PubGrub and resolvo.
    took: [Duration; 2],
    /// Characters of explanations.
    told: [usize; 2],
}

impl Sum {
    fn line(&self, what: &str) -> String {
        let [ours, theirs] = self.took.map(|took| took.as_secs_f64() * 1e3 / f64::from(self.problems.max(1)));
        let count = self.problems.max(1) as usize;
        format!(
            "{what}: {} problems, {} with the same versions; PubGrub {ours:.3} ms each, resolvo {theirs:.3} ms; {} and {} characters told\n",
            self.problems,
            self.same,
            self.told[0] / count,
            self.told[1] / count
        )
    }
}

/// Every torch of the catalogue with all packages of `matrix.toml` that go with it, and with each that does not.
#[test]
#[ignore = "solves the whole catalogue twice"]
fn resolvo_finds_a_set_exactly_where_pubgrub_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let inventory = Inventory::read(&Catalogue::new(Folder::new(folder))).unwrap();
    let [mut solvable, mut unsolvable] = [Sum::default(), Sum::default()];
    let matrix = &inventory.matrix;
    for &python in &matrix.pythons {
        let all = Candidates::new(&inventory, matrix.systems[0], python).unwrap();
        for &cuda in &matrix.cudas {
            let candidates = all.for_cuda(cuda);
            let (torch, package) = candidates.package("torch").unwrap();
            for (_, anchor) in anchors(&candidates, torch) {
                let Ok(of_torch) = beside(&candidates, cuda, package, anchor) else { continue };
                let mut together = Wanted::from([(torch.to_owned(), Some(anchor.0.clone()))]);
                let mut problems = Vec::new();
                for name in matrix.order.iter().flatten().filter(|name| *name != torch) {
                    let mut more = together.clone();
                    more.insert(name.clone(), None);
                    match solve(&of_torch, &more) {
                        Ok(_) => together = more,
                        Err(_) => problems.push(more),
                    }
                }
                problems.push(together);
                for wanted in problems {
                    let begun = Instant::now();
                    let ours = solve(&of_torch, &wanted);
                    let between = Instant::now();
                    let theirs = other(&of_torch, &wanted);
                    let took = [between - begun, between.elapsed()];
                    assert_eq!(ours.is_ok(), theirs.is_ok(), "{wanted:?}: {ours:?}, {theirs:?}");
                    let sum = if ours.is_ok() { &mut solvable } else { &mut unsolvable };
                    sum.problems += 1;
                    sum.took[0] += took[0];
                    sum.took[1] += took[1];
                    match (ours, theirs) {
                        (Ok(ours), Ok(theirs)) => {
                            let ours = ours.into_iter().map(|(name, chosen)| (name, chosen.version));
                            sum.same += u32::from(ours.collect::<BTreeMap<_, _>>() == theirs);
                        }
                        (Err(ours), Err(theirs)) => {
                            sum.told[0] += ours.to_string().len();
                            sum.told[1] += theirs.len();
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    let text = solvable.line("with a solution") + &unsolvable.line("without");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
    assert!(solvable.problems > 100 && unsolvable.problems > 10, "{text}");
}
