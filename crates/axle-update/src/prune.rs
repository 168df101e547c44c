//! Pruning of artefacts that a catalogue does not need to keep.

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{Artefact, Inventory, Keep, Provenance};
use axle_types::Requirement;

use crate::Generated;

/// Drops what is kept only where it is chosen and is not: of a package whose TOML says so, the versions that no cell
/// chooses, no exact requirement names and nobody has imported, but the newest. What does not import would be chosen
/// again if it came back.
pub fn prune(inventory: &mut Inventory, generated: &Generated) {
    let mut chosen: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &generated.builds {
        chosen.entry(&file.name).or_default().extend(file.filenames());
    }
    let pinned = pinned_by_whole(inventory);
    for (name, file) in &mut inventory.artefacts {
        if inventory.packages.get(name).is_none_or(|package| package.keep == Keep::All) {
            continue;
        }
        let versions = |artefact: &Artefact| artefact.version(name);
        let newest =
            file.artefacts.iter().filter_map(versions).filter(|version| !version.any_prerelease()).max();
        let of_name = chosen.get(name.as_str());
        let mut kept: BTreeSet<_> = file
            .artefacts
            .iter()
            .filter(|artefact| {
                of_name.is_some_and(|of_name| of_name.contains(artefact.filename.as_str()))
                    || inventory.imports.names(name, artefact.sha256)
            })
            .filter_map(versions)
            .collect();
        kept.extend(newest);
        file.artefacts.retain(|artefact| {
            artefact.version(name).is_some_and(|version| kept.contains(&version))
                || is_pinned(&pinned, name, artefact)
        });
    }
}

/// The versions by package that packages which are kept whole require exactly, and that NVIDIA's of these require in
/// turn: they pin parts of themselves.
fn pinned_by_whole(inventory: &Inventory) -> BTreeMap<String, BTreeSet<String>> {
    let is_whole =
        |name: &String| inventory.packages.get(name).is_some_and(|package| package.keep == Keep::All);
    let whole = inventory.artefacts.iter().filter(|(name, _)| is_whole(name));
    let packages = inventory.packages.iter().filter(|(name, _)| is_whole(name));
    let declared = packages.flat_map(|(_, package)| package.declared_requirements());
    let mut all = pinned(stated(whole.flat_map(|(_, file)| &file.artefacts)).chain(declared));
    let count = |all: &BTreeMap<String, BTreeSet<String>>| all.values().map(BTreeSet::len).sum::<usize>();
    loop {
        let before = count(&all);
        let nvidia = inventory.artefacts.iter().filter(|(name, _)| name.starts_with("nvidia-"));
        let parts = nvidia.flat_map(|(name, file)| {
            file.artefacts.iter().filter(|artefact| is_pinned(&all, name, artefact))
        });
        for (name, versions) in pinned(stated(parts)) {
            all.entry(name).or_default().extend(versions);
        }
        if count(&all) == before {
            return all;
        }
    }
}

/// Whether the version of an artefact is among those that are pinned.
fn is_pinned(pinned: &BTreeMap<String, BTreeSet<String>>, name: &str, artefact: &Artefact) -> bool {
    let version = artefact.version(name).map(|version| version.to_string());
    version.is_some_and(|version| pinned.get(name).is_some_and(|pins| pins.contains(&version)))
}

/// What artefacts state that they require.
fn stated<'a>(artefacts: impl Iterator<Item = &'a Artefact>) -> impl Iterator<Item = &'a String> {
    artefacts.flat_map(|artefact| artefact.requires_dist.iter().flatten())
}

/// The versions that requirements name exactly.
fn pinned<'a>(requirements: impl Iterator<Item = &'a String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut pinned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in requirements.collect::<BTreeSet<_>>() {
        let Ok(requirement) = line.parse::<Requirement>() else { continue };
        if let Some(pin) = requirement.pin().filter(|pin| !pin.is_prefix) {
            pinned.entry(requirement.name.to_string()).or_default().insert(pin.version.to_string());
        }
    }
    pinned
}

/// NVIDIA's libraries of the versions that anything requires exactly, a wheel each: the rules of toolkits tell what each
/// of them covers, whether a cell chooses it or not.
pub fn nvidia_libraries(inventory: &Inventory) -> BTreeMap<String, BTreeSet<String>> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let pinned = pinned(stated(inventory.artefacts.values().flat_map(|file| &file.artefacts)));
    for (name, versions) in pinned.into_iter().filter(|(name, _)| name.starts_with("nvidia-")) {
        let Some(file) = inventory.artefacts.get(&name) else { continue };
        for version in versions {
            let is_here = |artefact: &&Artefact| {
                artefact.version(&name).is_some_and(|own| own.to_string() == version)
                    && (artefact.filename.contains("x86_64") || artefact.filename.ends_with("-any.whl"))
            };
            let of_version: Vec<_> = file.artefacts.iter().filter(is_here).collect();
            if of_version.iter().all(|artefact| artefact.provenance < Provenance::Audited)
                && let Some(first) = of_version.first()
            {
                wanted.entry(name.clone()).or_default().insert(first.filename.clone());
            }
        }
    }
    wanted
}
