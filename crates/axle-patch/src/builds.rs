//! Builds of the wheels of cells and toolkits: how each is fetched and patched, with search paths computed from audits.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use axle_audit::{ElfMember, Pattern, WheelFacts};
use axle_catalogue::{
    Artefact, BUILDS_SCHEMA, BuildFile, Cell, CellFile, ComponentsFile, DriverUse, Fetch, FetchPypi,
    FetchUrl, FetchWheel, FrozenWheel, Inventory, MemberBuild, Origin, Package, Provider, SourceBuild,
    ToolkitWheels, UnprovidedSoname, WheelBuild, cuda_libraries,
};
use axle_types::{CudaTarget, Sha256, System};
use axle_wheel::{SdistName, WheelName, WheelNameError};
use pep440_rs::Version;
use rayon::prelude::*;

use crate::components::required;

#[cfg(test)]
mod tests;

/// Why the builds of a cell cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A chosen wheel is not in the catalogue, or was not audited.
    #[error(
        "{filename} is chosen by a cell or a toolkit, but its package or its audit is not in the catalogue: run `cargo xtask update`"
    )]
    Unaudited {
        /// The wheel.
        filename: String,
    },
    /// The file name of a wheel is not valid.
    #[error(transparent)]
    Name(#[from] WheelNameError),
    /// Two cells give the same wheel different providers.
    #[error(
        "{filename} would be patched differently in two cells: {difference}; a build depends on its wheel alone, so name \
         the provider with `[[dlopen]]` in its package's TOML file"
    )]
    Ambiguous {
        /// The wheel.
        filename: String,
        /// What differs.
        difference: String,
    },
}

/// The builds of every wheel and every sdist that the cells choose, and of the wheels that toolkits are assembled from.
///
/// # Errors
/// When a chosen wheel has neither an audit nor a declaration, or when two cells would patch one wheel differently.
pub fn builds(
    inventory: &Inventory,
    files: &[CellFile],
    components: &ComponentsFile,
) -> Result<Vec<BuildFile>, BuildError> {
    let cuda_libraries = cuda_libraries(&inventory.artefacts);
    let mut all = Builds::new();
    let mut done = BTreeSet::new();
    for file in files {
        let cells: Vec<_> = file.torch.values().filter(|cell| done.insert(&cell.cell)).collect();
        let wheels: Vec<_> = cells
            .par_iter()
            .map(|cell| wheels(inventory, &Together::in_cell(cell), file.cuda, &cuda_libraries))
            .collect();
        for (cell, wheels) in cells.into_iter().zip(wheels) {
            add_wheels(wheels?, &mut all)?;
            add_sources(inventory, cell, &mut all)?;
        }
    }
    let sources = files
        .iter()
        .flat_map(|file| file.torch.values())
        .flat_map(|cell| cell.packages.values())
        .filter_map(|package| package.source.as_ref());
    let environments: BTreeSet<_> = sources.map(|source| &source.frozen).collect();
    for frozen in environments {
        add_wheels(
            wheels(
                inventory,
                &Together::in_environment(inventory, frozen),
                CudaTarget::Cpu,
                &cuda_libraries,
            )?,
            &mut all,
        )?;
    }
    for (_, cuda, toolkit) in components.toolkits() {
        let together = Together::in_toolkit(inventory, toolkit);
        add_wheels(wheels(inventory, &together, cuda, &cuda_libraries)?, &mut all)?;
    }
    Ok(all.into_values().collect())
}

/// The builds of each version of each package.
type Builds = BTreeMap<(String, String), BuildFile>;

/// Identifies a wheel of a package.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// Its version.
    pub version: &'a str,
    /// The name of its file.
    pub filename: &'a str,
    /// Without it, the name is the wheel's alone.
    pub sha256: Option<Sha256>,
}

/// Wheels that are used together.
pub struct Together<'a> {
    /// The wheel of each package.
    pub wheels: BTreeMap<&'a str, Named<'a>>,
    /// What each package requires of the others.
    pub requires: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Together<'a> {
    /// Those of a cell.
    fn in_cell(cell: &'a Cell) -> Self {
        let wheels = cell.packages.iter().filter_map(|(name, package)| {
            let wheel = package.wheel.as_ref()?;
            let (version, filename) = (&package.version, &wheel.filename);
            Some((name.as_str(), Named { version, filename, sha256: Some(wheel.sha256) }))
        });
        let requires = cell.packages.iter().map(|(name, package)| {
            (name.as_str(), package.requires.iter().map(String::as_str).collect::<BTreeSet<_>>())
        });
        Self { wheels: wheels.collect(), requires: requires.collect() }
    }

    /// Those that a toolkit is assembled from.
    fn in_toolkit(inventory: &'a Inventory, toolkit: &'a ToolkitWheels) -> Self {
        let wheels: BTreeMap<&str, Named<'_>> = toolkit
            .components
            .values()
            .map(|wheel| {
                let (version, filename) = (&wheel.version, &wheel.filename);
                (wheel.package.as_str(), Named { version, filename, sha256: None })
            })
            .collect();
        Self::of_wheels(inventory, wheels)
    }

    /// Those that a source is compiled with.
    fn in_environment(inventory: &'a Inventory, frozen: &'a BTreeMap<String, FrozenWheel>) -> Self {
        let named = |(name, wheel): (&'a String, &'a FrozenWheel)| {
            let FrozenWheel { version, filename, sha256 } = wheel;
            (name.as_str(), Named { version, filename, sha256: Some(*sha256) })
        };
        Self::of_wheels(inventory, frozen.iter().map(named).collect())
    }

    /// Some wheels, which require what they say.
    fn of_wheels(inventory: &'a Inventory, wheels: BTreeMap<&'a str, Named<'a>>) -> Self {
        let required_by = |name: &str, filename: &str| {
            let artefacts = inventory.artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
            let artefact = artefacts.into_iter().find(|artefact| artefact.filename == filename);
            let required = artefact.map(required).unwrap_or_default();
            required.iter().filter_map(|name| Some(*wheels.get_key_value(name.as_str())?.0)).collect()
        };
        let requires =
            wheels.iter().map(|(name, wheel)| (*name, required_by(name, wheel.filename))).collect();
        Self { wheels, requires }
    }
}

/// The file of a package version.
fn file_of<'a>(all: &'a mut Builds, name: &str, version: &str) -> &'a mut BuildFile {
    all.entry((name.to_owned(), version.to_owned())).or_insert_with(|| BuildFile {
        schema: BUILDS_SCHEMA.into(),
        name: name.to_owned(),
        version: version.to_owned(),
        wheels: BTreeMap::new(),
        sources: BTreeMap::new(),
    })
}

/// How a wheel is built for those that it is used with.
struct Built<'a> {
    name: &'a str,
    version: &'a str,
    filename: &'a str,
    /// What it is called in [`BuildFile::wheels`].
    key: String,
    build: WheelBuild,
}

/// Some packages of a set, those whose libraries their wheels need, and so on.
///
/// # Errors
/// When what a wheel needs cannot be told.
pub fn linked<'a>(
    inventory: &'a Inventory,
    together: &Together<'a>,
    cuda: CudaTarget,
    names: &'a [String],
) -> Result<BTreeSet<&'a str>, BuildError> {
    let mut required: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if required.insert(name) {
            next.extend(together.requires.get(name).into_iter().flatten());
        }
    }
    let wheels = together.wheels.iter().filter(|(name, _)| required.contains(*name));
    let chosen: BTreeMap<_, _> = wheels
        .map(|(&name, wheel)| {
            let wheel = ChosenWheel::new(inventory, name, wheel, cuda)
                .ok_or_else(|| BuildError::Unaudited { filename: wheel.filename.to_owned() })?;
            Ok((name, wheel))
        })
        .collect::<Result<_, BuildError>>()?;
    // Who may open the driver makes no difference to which packages are linked.
    let cuda_libraries = BTreeSet::new();
    let providers = Providers {
        inventory,
        requires: &together.requires,
        chosen: &chosen,
        cuda_libraries: &cuda_libraries,
    };
    let mut linked = BTreeSet::new();
    let mut next: Vec<&str> = names.iter().map(String::as_str).collect();
    while let Some(name) = next.pop() {
        if !linked.insert(name) {
            continue;
        }
        let Some(wheel) = chosen.get(name) else { continue };
        let build = providers.build(name, wheel)?;
        let searched = build.members.iter().flat_map(|member| &member.search);
        for provider in searched.chain(build.declared.iter().flat_map(BTreeMap::values)) {
            if let Provider::Package { package, .. } = provider
                && let Some((package, _)) = chosen.get_key_value(package.as_str())
            {
                next.push(package);
            }
        }
    }
    Ok(linked)
}

/// How wheels that are used together are built.
fn wheels<'a>(
    inventory: &'a Inventory,
    together: &Together<'a>,
    cuda: CudaTarget,
    cuda_libraries: &BTreeSet<&str>,
) -> Result<Vec<Built<'a>>, BuildError> {
    let mut chosen = BTreeMap::new();
    for (&name, wheel) in &together.wheels {
        let chosen_wheel = ChosenWheel::new(inventory, name, wheel, cuda)
            .ok_or_else(|| BuildError::Unaudited { filename: wheel.filename.to_owned() })?;
        chosen.insert(name, chosen_wheel);
    }
    let providers = Providers { inventory, requires: &together.requires, chosen: &chosen, cuda_libraries };
    let built = chosen.iter().map(|(&name, wheel)| {
        let (version, filename, key) = (wheel.version, &*wheel.artefact.filename, wheel.key.clone());
        Ok(Built { name, version, filename, key, build: providers.build(name, wheel)? })
    });
    built.collect()
}

fn add_wheels(wheels: Vec<Built<'_>>, all: &mut Builds) -> Result<(), BuildError> {
    for Built { name, version, filename, key, build } in wheels {
        match file_of(all, name, version).wheels.entry(key) {
            Entry::Vacant(place) => {
                place.insert(build);
            }
            Entry::Occupied(known) if *known.get() == build => {}
            Entry::Occupied(mut known) => {
                let before = known.get().clone();
                if !merge(known.get_mut(), build.clone()) {
                    let difference = difference(&before, &build);
                    return Err(BuildError::Ambiguous { filename: filename.to_owned(), difference });
                }
            }
        }
    }
    Ok(())
}

fn add_sources(inventory: &Inventory, cell: &Cell, all: &mut Builds) -> Result<(), BuildError> {
    for (name, package) in &cell.packages {
        let Some(source) = &package.source else { continue };
        let build = source_build(inventory, name, &source.filename)?;
        file_of(all, name, &package.version).sources.insert(source.filename.clone(), build);
    }
    Ok(())
}

/// A wheel of a set, with what is known of it.
struct ChosenWheel<'a> {
    /// What it is called in [`BuildFile::wheels`].
    key: String,
    version: &'a str,
    package: &'a Package,
    artefact: &'a Artefact,
    /// What its bytes say; nothing of a wheel whose bytes were not seen.
    facts: Cow<'a, WheelFacts>,
    /// The sonames that it is declared to need, where its bytes were not seen.
    declared: Option<&'a [String]>,
    libraries: BTreeMap<String, String>,
    cuda: CudaTarget,
}

impl<'a> ChosenWheel<'a> {
    fn new(inventory: &'a Inventory, name: &str, wheel: &Named<'a>, cuda: CudaTarget) -> Option<Self> {
        let version = wheel.version;
        let package = inventory.packages.get(name)?;
        let artefacts = &inventory.artefacts.get(name)?.artefacts;
        let artefact = artefacts.iter().find(|artefact| {
            let has_hash = wheel.sha256.is_none_or(|sha256| artefact.sha256 == sha256);
            artefact.filename == wheel.filename && has_hash
        })?;
        let (filename, sha256) = (&artefact.filename, artefact.sha256);
        let is_alone = artefacts.iter().all(|other| other.filename != *filename || other.sha256 == sha256);
        let key = if is_alone { filename.clone() } else { BuildFile::key_by_hash(filename, sha256) };
        let facts = artefact.facts();
        let declared = match facts {
            Some(_) => None,
            None => Some(declared_needs(package, artefact)?),
        };
        let libraries = match &facts {
            Some(facts) => libraries(facts),
            None => libraries_of_release(artefacts, artefact, name),
        };
        let facts = facts.unwrap_or_default();
        Some(Self { key, version, package, artefact, facts, declared, libraries, cuda })
    }

    /// The folder of the wheel's own library of that name: where several have one, the member's own, else the one
    /// that upstream's search path leads to.
    fn own_folder(&self, elf: &ElfMember, soname: &str) -> Option<&str> {
        let first = self.libraries.get(soname)?;
        let libraries = self.facts.elf.iter().filter(|other| other.is_library());
        let folders: Vec<&str> = libraries
            .filter(|library| library.file_name() == soname)
            .map(|library| folder(&library.path))
            .collect();
        let own = folder(&elf.path);
        let upstream = upstream_folders(elf);
        let mut near = std::iter::once(own).chain(upstream.iter().map(String::as_str));
        let nearest = near.find_map(|near| folders.iter().find(|folder| **folder == near));
        Some(nearest.map_or(first.as_str(), |folder| *folder))
    }
}

/// Who provides which soname in one set of wheels.
struct Providers<'a> {
    inventory: &'a Inventory,
    requires: &'a BTreeMap<&'a str, BTreeSet<&'a str>>,
    chosen: &'a BTreeMap<&'a str, ChosenWheel<'a>>,
    /// CUDA's libraries, of whatever set.
    cuda_libraries: &'a BTreeSet<&'a str>,
}

impl Providers<'_> {
    fn build(&self, name: &str, chosen: &ChosenWheel<'_>) -> Result<WheelBuild, BuildError> {
        let ChosenWheel { package, artefact, facts, .. } = chosen;
        let wheel: WheelName = artefact.filename.parse()?;
        let closure = self.closure(name);
        let mut members = Vec::new();
        let mut unprovided = Vec::new();
        let loads = package.loaded(facts, chosen.cuda);
        let loads = |path: &str| loads.as_ref().is_none_or(|loads| loads(path));
        for elf in facts.elf.iter().filter(|elf| elf.is_loaded()) {
            // What another target loads is patched where its libraries are in the cell, and else left as it is.
            let alternative = package.is_alternative(&elf.path);
            if !loads(&elf.path)
                && elf.needed.iter().any(|soname| self.provider(elf, soname, chosen, &closure).is_none())
            {
                continue;
            }
            let mut search = BTreeSet::new();
            let folder = folder(&elf.path);
            // Libraries open their siblings by `dlopen`, which no header tells.
            if facts.elf.iter().any(|other| {
                other.path != elf.path && other.soname.is_some() && self::folder(&other.path) == folder
            }) {
                search.insert(Provider::Own { own: folder.to_owned() });
            }
            for soname in &elf.needed {
                match self.provider(elf, soname, chosen, &closure) {
                    // Other cells, which load another member, need not have it.
                    Some(Provider::Package { package, soname, .. }) if alternative => {
                        search.insert(optional(&package, &soname));
                    }
                    Some(provider) => {
                        search.insert(provider);
                    }
                    None if is_excused(package, elf, soname) => {}
                    None => {
                        unprovided
                            .push(UnprovidedSoname { member: elf.path.clone(), soname: soname.clone() });
                    }
                }
            }
            search.extend(opened(package, elf));
            let is_cuda =
                |soname: &str| self.cuda_libraries.contains(soname) && !chosen.libraries.contains_key(soname);
            let driver = DriverUse::of(&self.inventory.matrix.runtime, name, elf, is_cuda);
            if driver > DriverUse::None {
                search.insert(Provider::Driver { driver: true });
            }
            let interpreter = elf.interpreter.is_some();
            if search.is_empty() && !interpreter {
                continue;
            }
            let mut search: Vec<_> = search.into_iter().collect();
            // The member's own folder before the others of its wheel.
            search.sort_by_key(|provider| !matches!(provider, Provider::Own { own } if own == folder));
            members.push(MemberBuild {
                path: elf.path.clone(),
                search,
                // `DT_RPATH` is searched before LD_LIBRARY_PATH, which names the driver where it lies elsewhere.
                rpath: !elf.rpath.is_empty() && driver < DriverUse::Own,
                interpreter,
                alternative,
            });
        }
        let mut declared = chosen.declared.map(|_| BTreeMap::new());
        for soname in chosen.declared.into_iter().flatten() {
            let nothing = ElfMember::default();
            match (self.provider(&nothing, soname, chosen, &closure), &mut declared) {
                (Some(provider), Some(declared)) => {
                    declared.insert(soname.clone(), provider);
                }
                _ => unprovided
                    .push(UnprovidedSoname { member: wheel.filename().to_owned(), soname: soname.clone() }),
            }
        }
        Ok(WheelBuild {
            sha256: artefact.sha256,
            size: artefact.size,
            fetch: fetch(artefact, &wheel),
            python_tag: python_tag(&wheel),
            members,
            libraries: chosen.libraries.clone(),
            omit: package.omit.clone(),
            scripts: facts.entry_points.clone(),
            unprovided,
            declared,
        })
    }

    /// The package and all that it requires, nearest first.
    fn closure(&self, name: &str) -> Vec<&str> {
        let mut closure: Vec<&str> =
            self.requires.get_key_value(name).map(|(name, _)| *name).into_iter().collect();
        let mut next = 0;
        while let Some(requires) = closure.get(next).and_then(|name| self.requires.get(name)) {
            for &required in requires {
                if !closure.contains(&required) {
                    closure.push(required);
                }
            }
            next += 1;
        }
        closure
    }

    fn provider(
        &self,
        elf: &ElfMember,
        soname: &str,
        chosen: &ChosenWheel<'_>,
        closure: &[&str],
    ) -> Option<Provider> {
        let runtime = &self.inventory.matrix.runtime;
        if runtime.is_of_driver(soname) {
            return Some(Provider::Driver { driver: true });
        }
        if let Some(folder) = chosen.own_folder(elf, soname) {
            return Some(Provider::Own { own: folder.to_owned() });
        }
        if let Some((library, _)) =
            runtime.libraries.iter().find(|(_, sonames)| sonames.iter().any(|one| one == soname))
        {
            return Some(Provider::Runtime { runtime: library.clone() });
        }
        // Several packages may offer a soname (triton has a copy of `libcupti.so.12`): the one that upstream's own
        // search path leads to, else the nearest.
        let offers =
            || closure.iter().filter_map(|package| Some((*package, self.folder_of(package, soname)?)));
        let upstream = upstream_folders(elf);
        // Some packages forget to require what they need, and their TOML says where it comes from.
        if let Some(package) = chosen.package.dlopen.iter().find_map(|row| row.sonames.get(soname)) {
            return Some(optional(package, soname));
        }
        let (package, _) = upstream
            .iter()
            .find_map(|folder| offers().find(|(_, offered)| offered == folder))
            .or_else(|| offers().next())?;
        Some(Provider::Package { package: package.to_owned(), soname: soname.to_owned(), optional: false })
    }

    /// The folder of a package's wheel that offers a soname.
    fn folder_of(&self, package: &str, soname: &str) -> Option<&str> {
        self.chosen.get(package)?.libraries.get(soname).map(String::as_str)
    }
}

/// What a member opens by `dlopen`, as the package's TOML says.
fn opened(package: &Package, elf: &ElfMember) -> Vec<Provider> {
    let rows = package.dlopen.iter().filter(|dlopen| Pattern::new(&dlopen.member).matches(&elf.path));
    rows.flat_map(|dlopen| &dlopen.sonames).map(|(soname, package)| optional(package, soname)).collect()
}

/// A library of a package that not every cell has.
fn optional(package: &str, soname: &str) -> Provider {
    Provider::Package { package: package.to_owned(), soname: soname.to_owned(), optional: true }
}

/// The libraries that a wheel whose bytes were not seen is taken to offer: those of a wheel of the same release that was
/// seen. Where they differ, a build that needs one of them fails and says so.
fn libraries_of_release(artefacts: &[Artefact], artefact: &Artefact, name: &str) -> BTreeMap<String, String> {
    let release = |artefact: &Artefact| artefact.version(name).map(Version::without_local);
    let own = release(artefact);
    let seen = artefacts.iter().filter(|other| release(other) == own).find_map(Artefact::facts);
    seen.map(|facts| libraries(&facts)).unwrap_or_default()
}

fn is_excused(package: &Package, elf: &ElfMember, soname: &str) -> bool {
    package.unprovided.iter().any(|excuse| {
        Pattern::new(&excuse.member).matches(&elf.path) && excuse.sonames.iter().any(|one| one == soname)
    })
}

/// The libraries that a wheel offers, each with its folder. The loader finds them by the name of the file.
fn libraries(facts: &WheelFacts) -> BTreeMap<String, String> {
    let mut libraries = BTreeMap::new();
    for elf in facts.elf.iter().filter(|elf| elf.is_library()) {
        libraries.entry(elf.file_name().to_owned()).or_insert_with(|| folder(&elf.path).to_owned());
    }
    libraries
}

/// The folders of upstream's search path, from the root of site-packages: `$ORIGIN/../../nvidia/cublas/lib` of a
/// member of `torch/lib` is `nvidia/cublas/lib`.
fn upstream_folders(elf: &ElfMember) -> Vec<String> {
    let resolve = |entry: &String| {
        let mut folders: Vec<&str> = folder(&elf.path).split('/').filter(|part| !part.is_empty()).collect();
        for part in entry.strip_prefix("$ORIGIN")?.split('/').filter(|part| !part.is_empty()) {
            match part {
                "." => {}
                ".." => {
                    folders.pop()?;
                }
                part => folders.push(part),
            }
        }
        Some(folders.join("/"))
    };
    elf.rpath.iter().chain(&elf.runpath).filter_map(resolve).collect()
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `py3` where a wheel needs no particular interpreter, else the interpreter's tag.
fn python_tag(wheel: &WheelName) -> String {
    let generic = wheel.python_tags().iter().any(|tag| tag.starts_with("py3"));
    if generic { "py3".into() } else { wheel.python_tags().join(".") }
}

/// The sonames that a wheel whose bytes were not seen is declared to need.
fn declared_needs<'a>(package: &'a Package, artefact: &Artefact) -> Option<&'a [String]> {
    let wheel: WheelName = artefact.filename.parse().ok()?;
    let system = System::ALL.into_iter().find(|system| {
        wheel.platform_tags().iter().any(|tag| tag == "any" || tag.ends_with(system.architecture()))
    })?;
    let url = artefact.origin.url();
    let variant = package.variant(wheel.version_text(), url).ok()?;
    let mut declared = package.declared_for(wheel.version(), &variant, system, package.builder(url));
    declared.find_map(|row| row.needed.as_deref())
}

/// Adds the alternatives that another cell patches of the same wheel. Says whether that is all that differs.
fn merge(known: &mut WheelBuild, other: WheelBuild) -> bool {
    let without = |build: &WheelBuild| {
        let mut build = build.clone();
        build.members.retain(|member| !member.alternative);
        build
    };
    if without(known) != without(&other) {
        return false;
    }
    let mut members: BTreeMap<String, MemberBuild> =
        known.members.drain(..).map(|member| (member.path.clone(), member)).collect();
    let is_same = other
        .members
        .into_iter()
        .all(|member| *members.entry(member.path.clone()).or_insert_with(|| member.clone()) == member);
    known.members = members.into_values().collect();
    is_same
}

/// The first thing that differs between two builds of one wheel.
fn difference(one: &WheelBuild, other: &WheelBuild) -> String {
    let lacking = |build: &WheelBuild, member: &str| {
        let missing = build.unprovided.iter().filter(|missing| missing.member == member);
        missing.map(|missing| missing.soname.clone()).collect::<Vec<_>>().join(", ")
    };
    for member in &one.members {
        let path = &member.path;
        match other.members.iter().find(|other| other.path == *path) {
            Some(other) if other.search == member.search => {}
            Some(found) => {
                return format!(
                    "{path} searches {:?} (without a provider: [{}]) in one, {:?} (without a provider: [{}]) in the other",
                    member.search,
                    lacking(one, path),
                    found.search,
                    lacking(other, path)
                );
            }
            None => return format!("{path} is patched in one of them only"),
        }
    }
    format!("{:?} have no provider in one, {:?} in the other", one.unprovided, other.unprovided)
}

fn source_build(inventory: &Inventory, name: &str, filename: &str) -> Result<SourceBuild, BuildError> {
    let missing = || BuildError::Unaudited { filename: filename.to_owned() };
    let artefacts = inventory.artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
    let artefact =
        artefacts.into_iter().find(|artefact| artefact.filename == filename).ok_or_else(missing)?;
    let source =
        inventory.packages.get(name).and_then(|package| package.source.as_ref()).ok_or_else(missing)?;
    let project = name.parse().map_err(|_| missing())?;
    let sdist = SdistName::parse(filename, &project).map_err(|_| missing())?;
    let fetch = match &artefact.origin {
        Origin::Url(url) => fetch_url(artefact, url),
        Origin::Pypi => Fetch::FetchPypi(FetchPypi {
            pname: sdist.distribution().to_owned(),
            version: sdist.version().to_string(),
            wheel: None,
            extension: Some(sdist.extension().trim_start_matches('.').to_owned()),
            hash: artefact.sha256.sri(),
        }),
    };
    Ok(SourceBuild {
        sha256: artefact.sha256,
        size: artefact.size,
        fetch,
        build_system: source.build_system,
        components: source.components.clone(),
        environment: source.environment.clone(),
        replace: source.replace.clone(),
        architectures: source.architectures.clone(),
        jobs: source.jobs.clone(),
        memory_per_job: source.memory_per_job,
    })
}

fn fetch(artefact: &Artefact, wheel: &WheelName) -> Fetch {
    if let Origin::Url(url) = &artefact.origin {
        return fetch_url(artefact, url);
    }
    let python = wheel.python_tags().join(".");
    Fetch::FetchPypi(FetchPypi {
        pname: wheel.distribution().to_owned(),
        version: wheel.build().map_or_else(
            || wheel.version_text().to_owned(),
            |build| format!("{}-{build}", wheel.version_text()),
        ),
        wheel: Some(FetchWheel {
            format: "wheel".into(),
            abi: wheel.abi_tags().join("."),
            platform: wheel.platform_tags().join("."),
            dist: python.clone(),
            python,
        }),
        extension: None,
        hash: artefact.sha256.sri(),
    })
}

fn fetch_url(artefact: &Artefact, url: &str) -> Fetch {
    Fetch::FetchUrl(FetchUrl {
        url: url.to_owned(),
        name: artefact.filename.clone(),
        hash: artefact.sha256.sri(),
    })
}
