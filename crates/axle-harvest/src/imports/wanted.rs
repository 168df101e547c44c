//! The pairs of a wheel and a torch that sets choose, and which of them can be tried here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axle_catalogue::{
    Artefact, Catalogue, Cell, ImportedWheel, Imports, Inventory, Origin, Package, TORCH, TorchWheel,
    Verdict, imported,
};
use axle_types::{Sha256, System, Version};

use crate::Error;

/// The pairs of one wheel of torch.
pub(super) struct Group {
    /// The torch.
    pub(super) torch: TorchWheel,
    /// Torch itself first, if it is to be tried, then by name.
    pub(super) pairs: Vec<Pair>,
}

impl Group {
    /// What is downloaded for all pairs: hash to bytes.
    pub(super) fn downloads(&self) -> BTreeMap<Sha256, u64> {
        let wheels = self.pairs.iter().flat_map(|pair| pair.wheels.values());
        wheels.map(|wheel| (wheel.sha256, wheel.size)).collect()
    }
}

/// A wheel to import, with all that is installed beside it.
pub(super) struct Pair {
    /// The package.
    pub(super) package: String,
    /// The modules that its TOML names; else those of the installed wheel are found there.
    pub(super) imports: Vec<String>,
    /// By package: itself, torch, and what they require.
    pub(super) wheels: BTreeMap<String, Wheel>,
    /// Its own wheel.
    pub(super) own: Wheel,
}

impl Pair {
    fn is_tried(&self, known: &Imports, torch: &TorchWheel) -> bool {
        let verdict = known.verdict(self.own.imported(&self.package), torch);
        verdict != Verdict::Untried
    }
}

/// A wheel to install from the index.
#[derive(Clone)]
pub(super) struct Wheel {
    /// Its version, as its file name spells it.
    pub(super) version: String,
    /// Its file name.
    filename: String,
    /// SHA-256, hex.
    pub(super) sha256: Sha256,
    /// Bytes.
    pub(super) size: u64,
}

impl Wheel {
    fn imported<'a>(&'a self, package: &'a str) -> ImportedWheel<'a> {
        ImportedWheel { package, version: &self.version, filename: &self.filename, sha256: self.sha256 }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.own.version)
    }
}

/// Why a pair cannot be tried here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unreachable {
    /// The index does not have the torch.
    Torch,
    /// The index does not have the wheel itself.
    Wheel,
    /// The index does not have something that it requires.
    Requirement,
    /// Its source has to be compiled.
    Source,
    /// It is for another machine.
    System,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torch => "the torch is not on the package index",
            Self::Wheel => "the wheel is not on the package index",
            Self::Requirement => "a wheel that it requires is not on the package index",
            Self::Source => "it is compiled, or something that it requires is",
            Self::System => "they are for another machine",
        })
    }
}

/// The system of this machine, where the catalogue can have it.
fn here() -> Option<System> {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS).parse().ok()
}

/// What cannot be tried, by the reason.
pub(super) type AllUnreachable = BTreeMap<Unreachable, BTreeSet<String>>;

/// The pairs that were not tried yet, the newest torch first, and those that cannot be tried.
pub(super) fn groups(
    catalogue: &Catalogue,
    inventory: &Inventory,
    known: &Imports,
) -> Result<(Vec<Group>, AllUnreachable), Error> {
    let files = Files::of(inventory);
    let mut groups = Vec::new();
    let mut unreachable = AllUnreachable::new();
    for (system, python, cuda) in inventory.matrix.targets() {
        let Some(file) = catalogue.cells(system, python, cuda)? else { continue };
        for cell in file.order.iter().filter_map(|version| file.torch.get(version)) {
            let Some((version, wheel)) =
                cell.packages.get(TORCH).and_then(|torch| Some((&torch.version, torch.wheel.as_ref()?)))
            else {
                continue;
            };
            let torch = TorchWheel { version: version.clone(), sha256: wheel.sha256, python, cuda };
            let mut pairs = Vec::new();
            for name in imported(cell, |name| inventory.packages.get(name)?.imports.clone()) {
                match files.pair(cell, name, system) {
                    Ok(pair) if pair.is_tried(known, &torch) => {}
                    Ok(pair) => pairs.push(pair),
                    Err(why) => {
                        let version = cell.version_of(name).unwrap_or_default();
                        let pair = format!(
                            "{name} {version} beside torch {}, Python {python}, CUDA {cuda}",
                            torch.version
                        );
                        unreachable.entry(why).or_default().insert(pair);
                    }
                }
            }
            pairs.sort_by_key(|pair| pair.package != TORCH);
            if !pairs.is_empty() {
                groups.push(Group { torch, pairs });
            }
        }
    }
    groups.sort_by(|one, other| {
        let version = |group: &Group| group.torch.version.parse::<Version>().ok();
        let rest = |group: &Group| (group.torch.python, group.torch.cuda);
        version(other).cmp(&version(one)).then_with(|| rest(one).cmp(&rest(other)))
    });
    Ok((groups, unreachable))
}

/// Every artefact, by its hash.
struct Files<'a> {
    packages: &'a BTreeMap<String, Package>,
    artefacts: BTreeMap<Sha256, &'a Artefact>,
}

impl<'a> Files<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let all = inventory.artefacts.values().flat_map(|file| &file.artefacts);
        let mut artefacts = BTreeMap::new();
        // The same bytes may be elsewhere too.
        for artefact in all {
            if artefact.origin == Origin::Pypi || !artefacts.contains_key(&artefact.sha256) {
                artefacts.insert(artefact.sha256, artefact);
            }
        }
        Self { packages: &inventory.packages, artefacts }
    }

    /// What it takes to try a package of a cell.
    ///
    /// # Errors
    /// Why it cannot be tried here.
    fn pair(&self, cell: &Cell, name: &str, system: System) -> Result<Pair, Unreachable> {
        if Some(system) != here() {
            return Err(Unreachable::System);
        }
        let torch = self.wheel(cell, TORCH).map_err(|_| Unreachable::Torch)?;
        let own = self.wheel(cell, name)?;
        let mut wheels = BTreeMap::from([(TORCH.to_owned(), torch), (name.to_owned(), own.clone())]);
        let mut next: Vec<&str> = vec![name, TORCH];
        while let Some(required) = next.pop().and_then(|name| cell.packages.get(name)) {
            for name in &required.requires {
                if !wheels.contains_key(name) {
                    let wheel = self.wheel(cell, name).map_err(|_| Unreachable::Requirement)?;
                    wheels.insert(name.clone(), wheel);
                    next.push(name);
                }
            }
        }
        Ok(Pair { package: name.to_owned(), imports: self.imports(name), wheels, own })
    }

    /// The wheel of a package of a cell, if the index has it.
    fn wheel(&self, cell: &Cell, name: &str) -> Result<Wheel, Unreachable> {
        let package = cell.packages.get(name).ok_or(Unreachable::Requirement)?;
        let wheel = package.wheel.as_ref().ok_or(Unreachable::Source)?;
        let on_index = self.artefacts.get(&wheel.sha256).is_some_and(|file| file.origin == Origin::Pypi);
        if !on_index {
            return Err(Unreachable::Wheel);
        }
        Ok(Wheel {
            version: package.version.clone(),
            filename: wheel.filename.clone(),
            sha256: wheel.sha256,
            size: wheel.size.unwrap_or_default(),
        })
    }

    fn imports(&self, name: &str) -> Vec<String> {
        self.packages.get(name).and_then(|package| package.imports.clone()).unwrap_or_default()
    }
}

/// Drops what need not be tried twice: of a wheel for any machine one trial beside a version of torch is enough.
pub(super) fn once(groups: &mut Vec<Group>) {
    let mut seen = BTreeSet::new();
    for Group { torch, pairs } in &mut *groups {
        pairs.retain(|pair| {
            let is_pure = pair.own.imported(&pair.package).is_pure();
            !is_pure || seen.insert((pair.own.sha256, torch.public().to_owned()))
        });
    }
    groups.retain(|group| !group.pairs.is_empty());
}
