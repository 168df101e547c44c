//! Versions of packages that do not work beside each other, where no metadata says so (`[[not-with]]`).

use std::collections::BTreeMap;

use axle_catalogue::{Inventory, NotWith, What};
use axle_types::{compact, satisfies};
use pep440_rs::{Version, VersionSpecifiers};

/// The versions of a conflict: what is on either side requires one of them.
pub(crate) const SIDES: [fn() -> Version; 2] = [|| Version::new([0]), || Version::new([1])];

/// Every `[[not-with]]` of a catalogue, by the packages on both of its sides.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    of: BTreeMap<String, Vec<Side>>,
}

/// One side of a conflict.
#[derive(Debug)]
struct Side {
    conflict: Conflict,
    /// The versions of the package that are on it.
    versions: VersionSpecifiers,
    node: fn() -> Version,
}

/// A conflict: the package whose TOML states it, the other one, and which of the statements it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Conflict {
    /// The package whose TOML states it.
    pub(crate) package: String,
    /// The other package.
    pub(crate) other: String,
    number: usize,
}

impl Conflicts {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        let mut of: BTreeMap<String, Vec<Side>> = BTreeMap::new();
        for (name, package) in &inventory.packages {
            for (number, NotWith { versions, other, other_versions, .. }) in
                package.not_with.iter().enumerate()
            {
                let conflict = Conflict { package: name.clone(), other: other.clone(), number };
                let sides = [(name, versions), (other, other_versions)];
                for ((name, versions), side) in sides.into_iter().zip(SIDES) {
                    let side = Side { conflict: conflict.clone(), versions: versions.clone(), node: side };
                    of.entry(name.clone()).or_default().push(side);
                }
            }
        }
        Self { of }
    }

    /// The conflicts that a version has a side in, each with its side: two that are on different sides of one do not work
    /// together.
    pub(crate) fn sides<'c>(
        &'c self,
        name: &str,
        version: &Version,
    ) -> impl Iterator<Item = (&'c Conflict, Version)> + use<'c> {
        let public = version.clone().without_local();
        let sides = self.of.get(name).into_iter().flatten();
        sides
            .filter(move |side| satisfies(&side.versions, &public))
            .map(|side| (&side.conflict, (side.node)()))
    }
}

impl Conflict {
    /// What it says of the versions on its first side.
    pub(crate) fn what(&self, inventory: &Inventory) -> Option<What> {
        let NotWith { other, other_versions, reason, .. } =
            inventory.packages.get(&self.package)?.not_with.get(self.number)?;
        let requirement = format!("{other}{}", compact(other_versions));
        Some(What::NotWith { requirement, reason: reason.clone() })
    }
}
