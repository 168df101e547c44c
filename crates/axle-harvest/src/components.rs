//! Components of a CUDA release (the `cuda-toolkit` wheel), and the audits of its libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axle_catalogue::{Artefact, ArtefactFile, Catalogue, Folder, Provenance};
use axle_toolkit::{Components, Package, Release, Source, listing_major};
use axle_types::{
    ComputeCapability, PythonVersion, Requirement, System, Version, WheelCuda, marker_environment,
};
use axle_wheel::WheelName;

use crate::Error;
use crate::toolkit_files::{Downloads, ToolkitFiles, source};

/// The component wheels that the `cuda-toolkit` wheel of a release lists.
pub fn listed(downloads: &Downloads, files: &ToolkitFiles) -> Result<Option<Components>, Error> {
    let Some(file) = &files.list else { return Ok(None) };
    let metadata = downloads.metadata(file)?;
    let packages = pins(&metadata.requires_dist, &["all"], System::X86_64Linux);
    let version = metadata.version.to_string();
    Ok(Some(Components { version, packages, source: source(file, None) }))
}

/// torch and NVIDIA's libraries, as the catalogue's audits found them.
pub fn packages(
    folder: &Folder,
    releases: &[Release],
    gpus: &[ComputeCapability],
) -> Result<Vec<Package>, Error> {
    let catalogue = Catalogue::new(folder.clone());
    let lists = catalogue.artefacts("cuda-toolkit")?;
    let mut packages = Vec::new();
    for (name, entry) in catalogue.packages()? {
        if name != "torch" && !name.starts_with("nvidia-") {
            continue;
        }
        let Some(file) = catalogue.artefacts(&name)? else { continue };
        for (version, artefacts) in versions(&file) {
            let policy = entry.policy(version.parse().ok().as_ref());
            for system in System::ALL {
                let here: Vec<_> = artefacts.iter().filter(|(wheel, _)| is_for(wheel, system)).collect();
                let mut audited = here.iter().map(|(_, artefact)| *artefact);
                let audited = audited.find(|artefact| artefact.provenance == Provenance::Audited);
                let Some((artefact, facts)) =
                    audited.and_then(|artefact| Some((artefact, artefact.facts()?)))
                else {
                    continue;
                };
                let source = Source::File {
                    filename: artefact.filename.clone(),
                    sha256: Some(artefact.sha256),
                    member: None,
                };
                let mut package = Package::from_audit(&facts, &policy, system, gpus, source);
                package.version.clone_from(&version);
                if name == "torch" {
                    package.pythons = Some(pythons(&here));
                    package.pins = torch_pins(
                        artefact.requires_dist.as_deref().unwrap_or_default(),
                        system,
                        lists.as_ref(),
                    );
                } else if !package.has_device_code() {
                    continue;
                }
                // One library may be linked with both majors; the list of a release tells.
                package.cuda = listing_major(releases, &name).map(WheelCuda::Major).or(package.cuda);
                packages.push(package);
            }
        }
    }
    Ok(packages)
}

/// The wheels of each version, oldest first.
fn versions(file: &ArtefactFile) -> Vec<(String, Vec<(WheelName, &Artefact)>)> {
    let mut versions: BTreeMap<Version, Vec<(WheelName, &Artefact)>> = BTreeMap::new();
    for artefact in &file.artefacts {
        if let Ok(wheel) = artefact.filename.parse::<WheelName>() {
            versions.entry(wheel.version().clone()).or_default().push((wheel, artefact));
        }
    }
    versions.into_iter().map(|(version, wheels)| (version.to_string(), wheels)).collect()
}

fn is_for(wheel: &WheelName, system: System) -> bool {
    wheel.tags().any(|tag| {
        let tag = tag.to_string();
        tag.contains("linux") && tag.ends_with(system.architecture())
    })
}

/// The Pythons that wheels are named for.
fn pythons(wheels: &[&(WheelName, &Artefact)]) -> Vec<PythonVersion> {
    let mut pythons = BTreeSet::new();
    for tag in wheels.iter().flat_map(|(wheel, _)| wheel.tags()) {
        let tag = tag.to_string();
        let Some((minor, rest)) = tag.strip_prefix("cp3").and_then(|tag| tag.split_once('-')) else {
            continue;
        };
        let free_threaded = rest.split('-').next().is_some_and(|abi| abi.ends_with('t'));
        let python = format!("3.{minor}{}", if free_threaded { "t" } else { "" });
        pythons.extend(python.parse::<PythonVersion>());
    }
    pythons.into_iter().collect()
}

/// The exact pins among requirements, with some extras, on a system.
fn pins(requires_dist: &[String], extras: &[&str], system: System) -> BTreeMap<String, String> {
    requires_dist
        .iter()
        .filter_map(|line| line.parse::<Requirement>().ok())
        .filter(|requirement| holds(requirement, extras, system))
        .filter_map(|requirement| Some((requirement.name.to_string(), pin(&requirement)?)))
        .collect()
}

/// The version that a requirement pins: `12.8.4.1` of `==12.8.4.1.*`.
fn pin(requirement: &Requirement) -> Option<String> {
    let text = requirement.version_or_url.as_ref()?.to_string();
    let version = text.trim().strip_prefix("==")?.trim_start();
    Some(version.strip_suffix(".*").unwrap_or(version).to_owned()).filter(|version| !version.contains(','))
}

fn holds(requirement: &Requirement, extras: &[&str], system: System) -> bool {
    // Markers of these wheels tell systems apart, not Pythons.
    let Ok(environment) = marker_environment(system, PythonVersion::new(12)) else { return false };
    let extras: Vec<_> = extras.iter().filter_map(|extra| extra.parse().ok()).collect();
    requirement.evaluate_markers(&environment, &extras)
}

/// What a torch pins: directly, and through the `cuda-toolkit` wheel whose extras it names.
fn torch_pins(
    requires_dist: &[String],
    system: System,
    lists: Option<&ArtefactFile>,
) -> BTreeMap<String, String> {
    let mut all = pins(requires_dist, &[], system);
    for line in requires_dist {
        let Ok(requirement) = line.parse::<Requirement>() else { continue };
        if requirement.name.to_string() != "cuda-toolkit" || !holds(&requirement, &[], system) {
            continue;
        }
        let extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
        let extras: Vec<&str> = extras.iter().map(String::as_str).collect();
        // 13.0.3 is 13.0.3.0.
        let version: Option<Version> = pin(&requirement).and_then(|version| version.parse().ok());
        let list = lists.into_iter().flat_map(|lists| &lists.artefacts).find(|artefact| {
            let wheel = artefact.filename.parse::<WheelName>();
            wheel.is_ok_and(|wheel| Some(wheel.version()) == version.as_ref())
        });
        if let Some(requires_dist) = list.and_then(|list| list.requires_dist.as_ref()) {
            all.extend(pins(requires_dist, &extras, system));
        }
    }
    all.retain(|name, _| name.starts_with("nvidia-"));
    all
}

/// NVIDIA's libraries that hold kernels.
const WITH_KERNELS: [&str; 6] =
    ["nvidia-cublas", "nvidia-cudnn", "nvidia-cufft", "nvidia-cusparselt", "nvidia-nccl", "nvidia-nvshmem"];

/// The versions of NVIDIA's libraries that a package of a catalogue pins and of which it is not known what they cover: no
/// wheel of them was audited, or `toolkits.json` lacks them.
///
/// # Errors
/// When the catalogue cannot be read.
pub fn unaudited_libraries(folder: &Path) -> Result<BTreeSet<(String, String)>, Error> {
    let toolkits = crate::read(folder)?;
    let catalogue = Catalogue::new(Folder::new(folder));
    let mut pinned: BTreeSet<(String, String)> = BTreeSet::new();
    for name in catalogue.packages()?.into_keys().filter(|name| name != "cuda-toolkit") {
        let artefacts = catalogue.artefacts(&name)?.into_iter().flat_map(|file| file.artefacts);
        let lines = artefacts.filter_map(|artefact| artefact.requires_dist);
        pinned.extend(lines.flat_map(|lines| pins(&lines, &[], System::X86_64Linux)));
    }
    pinned.extend(toolkits.packages.iter().flat_map(|package| package.pins.clone()));
    pinned.retain(|(name, _)| name.starts_with("nvidia-"));
    let mut unaudited = BTreeSet::new();
    for (name, version) in pinned {
        let file = catalogue.artefacts(&name)?;
        let is_audited = file.iter().any(|file| {
            let of_version = versions(file).into_iter().filter(|(other, _)| *other == version);
            of_version.flat_map(|(_, artefacts)| artefacts).any(|(_, artefact)| artefact.audit.is_some())
        });
        // What has kernels, `axle check` looks up.
        let (library, _) = name.rsplit_once("-cu").unwrap_or((&name, ""));
        let is_known = toolkits.package(&name, &version, System::X86_64Linux).is_some();
        if !is_audited || (WITH_KERNELS.contains(&library) && !is_known) {
            unaudited.insert((name, version));
        }
    }
    Ok(unaudited)
}
