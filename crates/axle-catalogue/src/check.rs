//! Consistency check of a catalogue (`axle catalogue check`): every file is valid and formatted as axle writes it,
//! every reference resolves, and nothing is unreferenced.

use axle_types::Sha256;
use std::collections::{BTreeMap, BTreeSet};

use axle_wheel::WheelName;
use pep440_rs::{Operator, Version, VersionSpecifiers};
use rayon::prelude::*;
use serde::Serialize;

use crate::{
    Artefact, ArtefactFile, BUILD_ENVIRONMENTS, BuildEnvironments, BuildFile, COMPONENTS_PATH, Catalogue,
    CatalogueError, CellFile, ComponentsFile, DriverUse, Files, IMPORTS_PATH, ImportsFile, LIBRARIES_PATH,
    LibrariesFile, Matrix, MemberBuild, Origin, Package, Provenance, Provider, TORCH, TorchTrials,
    artefact_path, build_environments_path, build_path, cell_path, cuda_libraries,
};

/// What is wrong with a file of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Complaint {
    /// The file, from the catalogue's folder on.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What a catalogue holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packages.
    pub packages: usize,
    /// Artefacts.
    pub artefacts: usize,
    /// Of them those whose own bytes were read.
    pub audited: usize,
    /// Those whose sibling's bytes were read.
    pub sibling: usize,
    /// Those whose bytes were not seen.
    pub declared: usize,
    /// Cells.
    pub cells: usize,
    /// Builds of wheels and sdists.
    pub builds: usize,
}

/// Checks a whole catalogue. Says what it holds, and everything that is wrong, sorted.
///
/// # Errors
/// When a file is missing that every catalogue has, or cannot be read.
pub fn check<F: Files + Clone + 'static>(files: &F) -> Result<(Counts, Vec<Complaint>), CatalogueError> {
    let catalogue = Catalogue::new(files.clone());
    let matrix = catalogue.matrix()?;
    let packages = catalogue.packages()?;
    let mut checker = Checker { files, complaints: Vec::new(), counts: Counts::default() };
    checker.counts.packages = packages.len();
    let artefacts = checker.artefacts(&catalogue, &packages);
    let cells = checker.cells(&catalogue, &matrix);
    let environments = checker.build_environments(&catalogue, &packages);
    let components = checker.components(&catalogue);
    let builds = checker.builds()?;
    checker.matrix(&matrix, &packages);
    checker.sources(&packages, &components);
    checker.tables(&packages, &artefacts);
    checker.publishers(&packages);
    checker.libraries(&catalogue, &builds);
    checker.imports(&catalogue, &packages, &artefacts);
    checker.driver(&matrix, &packages, &artefacts, &builds);
    checker.frozen(&environments, &cells);
    checker.references(&artefacts, &cells, &components, &packages, &builds);
    let mut complaints = checker.complaints;
    complaints.sort();
    Ok((checker.counts, complaints))
}

/// Whether specifiers admit no version that is published later.
fn has_end(versions: &VersionSpecifiers) -> bool {
    use Operator::{Equal, EqualStar, ExactEqual, LessThan, LessThanEqual, TildeEqual};
    versions.iter().any(|one| {
        matches!(one.operator(), Equal | EqualStar | ExactEqual | LessThan | LessThanEqual | TildeEqual)
    })
}

struct Checker<'a> {
    files: &'a dyn Files,
    complaints: Vec<Complaint>,
    counts: Counts,
}

impl Checker<'_> {
    fn complain(&mut self, path: &str, message: impl Into<String>) {
        self.complaints.push(Complaint { path: path.to_owned(), message: message.into() });
    }

    /// That a generated file has the very bytes that would be written.
    fn is_stable<T: Serialize>(&mut self, path: &str, value: &T) {
        let written = serde_json::to_string(value).map(|compact| crate::json::layout(&compact));
        let stored = self.files.read(path).ok().flatten();
        if stored.as_deref() != written.ok().as_deref().map(str::as_bytes) {
            self.complain(
                path,
                "it is not formatted as axle writes it; write it with `cargo xtask update --offline`",
            );
        }
    }

    /// That what was written by hand about versions ends, and that no newer one is there: what holds of those that were
    /// looked at says nothing of the next.
    fn tables(&mut self, packages: &BTreeMap<String, Package>, artefacts: &BTreeMap<String, ArtefactFile>) {
        for (name, package) in packages {
            let path = format!("packages/{name}.toml");
            let tables = [
                ("torch", package.torch.iter().map(|row| &row.versions).collect::<Vec<_>>()),
                ("declared", package.declared.iter().map(|row| &row.versions).collect()),
            ];
            for (table, rows) in tables {
                for versions in rows.iter().filter(|versions| !has_end(versions)) {
                    let of =
                        if versions.is_empty() { "all versions".to_owned() } else { versions.to_string() };
                    self.complain(
                        &path,
                        format!("[[{table}]] for {of} has no end: write the newest version that was looked at, as in `<=1.2`"),
                    );
                }
                let known = artefacts.get(name).into_iter().flat_map(|file| &file.artefacts);
                // What was read needs nothing declared.
                let known =
                    known.filter(|artefact| table == "torch" || artefact.provenance == Provenance::Declared);
                let versions: BTreeSet<Version> = known
                    .filter_map(|artefact| artefact.filename.parse::<WheelName>().ok())
                    .map(|wheel| wheel.version().clone().without_local())
                    .collect();
                let is_named = |version: &Version| rows.iter().any(|row| row.contains(version));
                let newer: Vec<_> = versions.iter().rev().take_while(|version| !is_named(version)).collect();
                if let (Some(newest), true) = (newer.first(), newer.len() < versions.len()) {
                    self.complain(
                        &path,
                        format!("{newest} is newer than every version that [[{table}]] names: look whether it still holds, and name it"),
                    );
                }
            }
        }
    }

    /// The files of a folder; that they cannot be listed is a complaint.
    fn listed(&mut self, folder: &str) -> Vec<String> {
        match self.files.list(folder) {
            Ok(files) => files,
            Err(error) => {
                self.complain(folder, error.to_string());
                Vec::new()
            }
        }
    }

    fn artefacts(
        &mut self,
        catalogue: &Catalogue,
        packages: &BTreeMap<String, Package>,
    ) -> BTreeMap<String, ArtefactFile> {
        for file in self.listed("artefacts") {
            let name = file.strip_suffix(".json");
            if name.is_none_or(|name| !packages.contains_key(name)) {
                self.complain(&format!("artefacts/{file}"), "no packages/*.toml describes this package");
            }
        }
        let read: Vec<_> =
            packages.par_iter().map(|(name, package)| (name, package, catalogue.artefacts(name))).collect();
        let mut all = BTreeMap::new();
        for (name, package, read) in read {
            let path = artefact_path(name);
            match read {
                Ok(Some(file)) => {
                    self.is_stable(&path, &file);
                    self.artefact_file(&path, name, package, &file);
                    all.insert(name.clone(), file);
                }
                Ok(None) => {}
                Err(error) => self.complain(&path, error.to_string()),
            }
        }
        all
    }

    fn artefact_file(&mut self, path: &str, name: &str, package: &Package, file: &ArtefactFile) {
        if file.name != name {
            self.complain(path, format!("it is about {}", file.name));
        }
        let mut sorted = ArtefactFile::new(name, file.artefacts.clone());
        sorted.unreadable.clone_from(&file.unreadable);
        if sorted != *file {
            self.complain(path, "its artefacts are not sorted");
        }
        let mut hashes: BTreeMap<(&Origin, &str), Sha256> = BTreeMap::new();
        for artefact in &file.artefacts {
            self.counts.artefacts += 1;
            match artefact.provenance {
                Provenance::Audited => self.counts.audited += 1,
                Provenance::Sibling => self.counts.sibling += 1,
                Provenance::Declared => self.counts.declared += 1,
            }
            if let Some(message) = wrong(artefact, name, package) {
                self.complain(path, format!("{}: {message}", artefact.filename));
            }
            let key = (&artefact.origin, artefact.filename.as_str());
            if hashes.insert(key, artefact.sha256).is_some_and(|other| other != artefact.sha256) {
                self.complain(path, format!("{} is listed with two hashes", artefact.filename));
            }
        }
    }

    fn cells(&mut self, catalogue: &Catalogue, matrix: &Matrix) -> Vec<(String, CellFile)> {
        let mut cells = Vec::new();
        let mut expected = BTreeSet::new();
        for (system, python, cuda) in matrix.targets() {
            let path = cell_path(system, python, cuda);
            expected.insert(path.clone());
            match catalogue.cells(system, python, cuda) {
                Ok(Some(file)) => {
                    self.is_stable(&path, &file);
                    cells.push((path, file));
                }
                Ok(None) => {}
                Err(error) => self.complain(&path, error.to_string()),
            }
        }
        for system in self.listed("cells") {
            for file in self.listed(&format!("cells/{system}")) {
                let path = format!("cells/{system}/{file}");
                if !expected.contains(&path) {
                    self.complain(&path, "matrix.toml has no such system, Python and CUDA");
                }
            }
        }
        cells
    }

    fn build_environments(
        &mut self,
        catalogue: &Catalogue,
        packages: &BTreeMap<String, Package>,
    ) -> BTreeMap<String, BuildEnvironments> {
        let environments = match catalogue.build_environments() {
            Ok(environments) => environments,
            Err(error) => {
                self.complain(BUILD_ENVIRONMENTS, error.to_string());
                return BTreeMap::new();
            }
        };
        for (name, file) in &environments {
            let path = build_environments_path(name);
            self.is_stable(&path, file);
            if packages.get(name).is_none_or(|package| package.source.is_none()) {
                self.complain(&path, "no packages/*.toml says how this package is compiled");
            }
        }
        environments
    }

    /// That cells compile in the environments that are frozen, and in each of them something.
    fn frozen(&mut self, environments: &BTreeMap<String, BuildEnvironments>, cells: &[(String, CellFile)]) {
        let all = environments.iter().flat_map(|(name, file)| {
            let of_name = file.environments.iter();
            of_name.map(move |one| (name.as_str(), one.system, one.python, &one.wheels))
        });
        let known: BTreeSet<_> = all.collect();
        let mut used = BTreeSet::new();
        for (path, file) in cells {
            for (torch, cell) in &file.torch {
                for (name, package) in &cell.packages {
                    let Some(source) = &package.source else { continue };
                    let environment = (name.as_str(), file.system, file.python, &source.frozen);
                    if !known.contains(&environment) {
                        let held = build_environments_path(name);
                        let message = format!(
                            "torch {torch}: {held} differs from the build environment that {name} is compiled in"
                        );
                        self.complain(path, message);
                    }
                    used.insert(environment);
                }
            }
        }
        for (name, system, python, _) in known.difference(&used) {
            let message =
                format!("no cell compiles in one of its build environments for Python {python} on {system}");
            self.complain(&build_environments_path(name), message);
        }
    }

    fn builds(&mut self) -> Result<BTreeMap<String, BuildFile>, CatalogueError> {
        let mut builds = BTreeMap::new();
        for name in self.files.list("builds")? {
            for file in self.files.list(&format!("builds/{name}"))? {
                let path = format!("builds/{name}/{file}");
                let bytes = self.files.read(&path)?.unwrap_or_default();
                match serde_json::from_slice::<BuildFile>(&bytes) {
                    Ok(build) => {
                        self.is_stable(&path, &build);
                        if build_path(&build.name, &build.version) != path {
                            self.complain(&path, format!("it is about {} {}", build.name, build.version));
                        }
                        self.counts.builds += build.wheels.len() + build.sources.len();
                        builds.insert(path, build);
                    }
                    Err(error) => self.complain(&path, error.to_string()),
                }
            }
        }
        Ok(builds)
    }

    fn components(&mut self, catalogue: &Catalogue) -> ComponentsFile {
        match catalogue.components() {
            Ok(file) => {
                if !file.systems.is_empty() {
                    self.is_stable(COMPONENTS_PATH, &file);
                }
                file
            }
            Err(error) => {
                self.complain(COMPONENTS_PATH, error.to_string());
                ComponentsFile::default()
            }
        }
    }

    /// Checks that exactly the libraries of the builds are listed.
    fn libraries(&mut self, catalogue: &Catalogue, builds: &BTreeMap<String, BuildFile>) {
        match catalogue.libraries() {
            Ok(file) if file != LibrariesFile::of(builds.values()) => {
                self.complain(
                    LIBRARIES_PATH,
                    "it does not match the builds; write it with `cargo xtask update --offline`",
                );
            }
            Ok(file) if !file.libraries.is_empty() => self.is_stable(LIBRARIES_PATH, &file),
            Ok(_) => {}
            Err(error) => self.complain(LIBRARIES_PATH, error.to_string()),
        }
    }

    /// That trials are of wheels that the catalogue has, under the names and versions that these have.
    fn imports(
        &mut self,
        catalogue: &Catalogue,
        packages: &BTreeMap<String, Package>,
        artefacts: &BTreeMap<String, ArtefactFile>,
    ) {
        let file = match catalogue.imports() {
            Ok(file) if file.torches.is_empty() => return,
            Ok(file) => file,
            Err(error) => return self.complain(IMPORTS_PATH, error.to_string()),
        };
        self.is_stable(IMPORTS_PATH, &file);
        for message in wrong_imports(&file, packages, artefacts) {
            self.complain(IMPORTS_PATH, message);
        }
    }

    /// That every member that may open a library of the driver searches the driver's folder, and does so last.
    fn driver(
        &mut self,
        matrix: &Matrix,
        packages: &BTreeMap<String, Package>,
        artefacts: &BTreeMap<String, ArtefactFile>,
        builds: &BTreeMap<String, BuildFile>,
    ) {
        let cuda_libraries = cuda_libraries(artefacts);
        for (path, build) in builds {
            let (Some(package), Some(file)) = (packages.get(&build.name), artefacts.get(&build.name)) else {
                continue;
            };
            for (filename, wheel) in &build.wheels {
                let artefact = file.artefacts.iter().find(|artefact| artefact.sha256 == wheel.sha256);
                let Some(facts) = artefact.and_then(Artefact::facts) else { continue };
                let is_cuda =
                    |soname: &str| cuda_libraries.contains(soname) && !wheel.libraries.contains_key(soname);
                for elf in facts.elf.iter().filter(|elf| elf.is_loaded()) {
                    let member = wheel.members.iter().find(|member| member.path == elf.path);
                    // What another target loads may be left as it is.
                    if member.is_none() && package.is_alternative(&elf.path) {
                        continue;
                    }
                    let driver = DriverUse::of(&matrix.runtime, &build.name, elf, is_cuda);
                    if let Some(message) = wrong_search(member, driver) {
                        self.complain(path, format!("{filename}: {} {message}", elf.path));
                    }
                }
            }
        }
    }

    fn matrix(&mut self, matrix: &Matrix, packages: &BTreeMap<String, Package>) {
        for name in matrix.order.iter().flatten().filter(|name| !packages.contains_key(*name)) {
            self.complain(
                "matrix.toml",
                format!("its order names {name}, but packages/{name}.toml does not exist"),
            );
        }
        let known: BTreeSet<_> = matrix.compute_capabilities.iter().collect();
        for capability in matrix.compiled.compute_capabilities.iter().flatten() {
            if !known.contains(capability) {
                self.complain(
                    "matrix.toml",
                    format!("[compiled] names {capability}, which is not one of its compute-capabilities"),
                );
            }
        }
        if matrix.compiled.compute_capabilities.iter().any(Vec::is_empty) {
            self.complain("matrix.toml", "[compiled] has an empty list of capabilities");
        }
        for compiler in &matrix.compiled.compilers {
            let major = compiler.strip_prefix("gcc").or_else(|| compiler.strip_prefix("clang"));
            if major.is_none_or(|major| major.parse::<u16>().is_err()) {
                self.complain(
                    "matrix.toml",
                    format!("[compiled] names the compiler `{compiler}`: write gcc13 or clang17"),
                );
            }
        }
    }

    /// That what sources are compiled with is part of a toolkit.
    fn sources(&mut self, packages: &BTreeMap<String, Package>, components: &ComponentsFile) {
        let known: BTreeSet<&String> =
            components.toolkits().flat_map(|(_, _, toolkit)| toolkit.components.keys()).collect();
        if known.is_empty() {
            return;
        }
        for (name, package) in packages {
            let named = package.source.iter().flat_map(|source| &source.components);
            for component in named.filter(|component| !known.contains(component)) {
                self.complain(
                    &format!("packages/{name}.toml"),
                    format!(
                        "[source] names the component {component}, which no toolkit of components.json has"
                    ),
                );
            }
        }
    }

    /// That third parties have names of their own, and that declarations name no other.
    fn publishers(&mut self, packages: &BTreeMap<String, Package>) {
        for (name, package) in packages {
            let mut known = BTreeSet::new();
            for publisher in &package.publishers {
                let name_of = publisher.name.as_str();
                if matches!(name_of, "none" | "any") || crate::package_name(name_of).is_err() {
                    self.complain(
                        &format!("packages/{name}.toml"),
                        format!("`{name_of}` cannot be the name of a publisher: use lower-case letters, digits and `-`"),
                    );
                }
                if !known.insert(name_of) {
                    self.complain(
                        &format!("packages/{name}.toml"),
                        format!("two publishers are called {name_of}"),
                    );
                }
            }
            let named = package.declared.iter().flat_map(|row| &row.publisher);
            for unknown in named.filter(|one| !known.contains(one.as_str())).collect::<BTreeSet<_>>() {
                self.complain(
                    &format!("packages/{name}.toml"),
                    format!("[[declared]] names the publisher {unknown}, but no [[publisher]] is called so"),
                );
            }
        }
    }

    fn references(
        &mut self,
        artefacts: &BTreeMap<String, ArtefactFile>,
        cells: &[(String, CellFile)],
        components: &ComponentsFile,
        packages: &BTreeMap<String, Package>,
        builds: &BTreeMap<String, BuildFile>,
    ) {
        let known: BTreeSet<(&str, &str, Sha256)> = artefacts
            .iter()
            .flat_map(|(name, file)| {
                let of_name = file.artefacts.iter();
                of_name.map(move |one| (name.as_str(), one.filename.as_str(), one.sha256))
            })
            .collect();
        let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (path, file) in cells {
            for (torch, cell) in &file.torch {
                self.counts.cells += 1;
                if cell.clone().seal().map(|sealed| sealed.cell).ok().as_ref() != Some(&cell.cell) {
                    self.complain(path, format!("the hash of the cell of torch {torch} is wrong"));
                }
                let files = cell.packages.iter().flat_map(|(name, package)| {
                    let wheel = package.wheel.iter().map(|wheel| (&wheel.filename, wheel.sha256));
                    let source = package.source.iter().map(|source| (&source.filename, source.sha256));
                    wheel
                        .chain(source)
                        .map(move |(filename, sha256)| (name, &package.version, filename, sha256))
                });
                let sources = cell.packages.values().filter_map(|package| package.source.as_ref());
                let frozen = sources.flat_map(|source| &source.frozen);
                let frozen =
                    frozen.map(|(name, wheel)| (name, &wheel.version, &wheel.filename, wheel.sha256));
                for (name, version, filename, sha256) in files.chain(frozen) {
                    if !known.contains(&(name.as_str(), filename.as_str(), sha256)) {
                        self.complain(
                            path,
                            format!("torch {torch}: {filename} is not an artefact of {name}"),
                        );
                    }
                    let path = build_path(name, version);
                    let key = builds
                        .get(&path)
                        .map_or_else(|| filename.clone(), |build| build.key(filename, sha256));
                    used.entry(path).or_default().insert(key);
                }
                let required = cell.packages.values().flat_map(|package| {
                    package.requires.iter().chain(package.source.iter().flat_map(|source| &source.links))
                });
                let lacking: BTreeSet<_> =
                    required.filter(|name| !cell.packages.contains_key(*name)).collect();
                for name in lacking {
                    self.complain(path, format!("torch {torch}: {name} is required but not in the cell"));
                }
            }
            if file.order.iter().collect::<BTreeSet<_>>() != file.torch.keys().collect() {
                self.complain(path, "its order does not name each of its cells exactly once");
            }
        }
        let known: BTreeSet<(&str, &str)> =
            known.into_iter().map(|(name, filename, _)| (name, filename)).collect();
        for wheel in components.toolkits().flat_map(|(_, _, toolkit)| toolkit.components.values()) {
            let (package, filename) = (wheel.package.as_str(), wheel.filename.as_str());
            if !known.contains(&(package, filename)) {
                self.complain(COMPONENTS_PATH, format!("{filename} is not an artefact of {package}"));
            }
            used.entry(build_path(package, &wheel.version)).or_default().insert(filename.to_owned());
        }
        for (path, filenames) in &used {
            let Some(build) = builds.get(path) else {
                self.complain(path, "cells or toolkits choose it, but it does not exist");
                continue;
            };
            for filename in filenames {
                if !build.wheels.contains_key(filename) && !build.sources.contains_key(filename) {
                    self.complain(
                        path,
                        format!("cells or toolkits choose {filename}, but it does not exist"),
                    );
                }
            }
        }
        for (path, build) in builds {
            let of_path = used.get(path);
            for filename in build.wheels.keys().chain(build.sources.keys()) {
                if of_path.is_none_or(|filenames| !filenames.contains(filename)) {
                    self.complain(path, format!("no cell and no toolkit chooses {filename}"));
                }
            }
            let searched = build.wheels.values().flat_map(|wheel| {
                let members = wheel.members.iter().flat_map(|member| &member.search);
                members.chain(wheel.declared.iter().flat_map(BTreeMap::values))
            });
            let providers: BTreeSet<_> = searched
                .filter_map(|provider| match provider {
                    Provider::Package { package, .. } => Some(package),
                    _ => None,
                })
                .collect();
            for package in providers {
                if !packages.contains_key(package) {
                    self.complain(
                        path,
                        format!("{package} provides a library but is not a package of the catalogue"),
                    );
                }
            }
        }
    }
}

/// What is wrong with the search path of a member, if it is patched, for what it has to do with the driver.
fn wrong_search(member: Option<&MemberBuild>, driver: DriverUse) -> Option<&'static str> {
    let Some(member) = member else {
        return (driver > DriverUse::None).then_some("may open the driver, but is not patched");
    };
    let is_driver = |provider: &Provider| matches!(provider, Provider::Driver { .. });
    if member.search.iter().rev().skip(1).any(is_driver) {
        Some("searches the driver's directory before others")
    } else if driver > DriverUse::None && !member.search.last().is_some_and(is_driver) {
        Some("may open the driver, but does not search its directory")
    } else if driver == DriverUse::Own && member.rpath {
        Some("opens the driver, but searches its directory before LD_LIBRARY_PATH")
    } else {
        None
    }
}

/// What is wrong with trials of imports.
fn wrong_imports(
    file: &ImportsFile,
    packages: &BTreeMap<String, Package>,
    artefacts: &BTreeMap<String, ArtefactFile>,
) -> Vec<String> {
    let known: BTreeMap<(&str, Sha256), &str> = artefacts
        .iter()
        .flat_map(|(name, file)| {
            let of_name = file.artefacts.iter();
            of_name.map(move |one| ((name.as_str(), one.sha256), one.filename.as_str()))
        })
        .collect();
    let mut wrong = Vec::new();
    let mut has = |package: &str, version: &str, sha256: Sha256| {
        let wheel = known.get(&(package, sha256)).and_then(|filename| filename.parse::<WheelName>().ok());
        if !packages.contains_key(package) {
            wrong.push(format!("{package} is not a package of the catalogue"));
        } else if wheel.is_none_or(|wheel| wheel.version_text() != version) {
            wrong.push(format!("{package} {version} has no wheel with the hash {sha256}"));
        }
    };
    for torch in &file.torches {
        has(TORCH, &torch.version, torch.sha256);
        for trial in &torch.trials {
            has(&trial.package, &trial.version, trial.sha256);
        }
    }
    let mut sorted = file.clone();
    sorted.sort();
    if sorted != *file {
        wrong.push("its trials are not sorted".to_owned());
    }
    let is_twice = |torch: &TorchTrials| {
        torch.trials.windows(2).any(|pair| matches!(pair, [one, other] if one.sha256 == other.sha256))
    };
    for torch in file.torches.iter().filter(|torch| is_twice(torch)) {
        wrong.push(format!("a wheel is listed twice beside torch {} ({})", torch.version, torch.sha256));
    }
    wrong
}

/// What is wrong with one artefact by itself.
fn wrong(artefact: &Artefact, name: &str, package: &Package) -> Option<String> {
    if artefact.version(name).is_none() {
        return Some(format!("it is neither a wheel nor an sdist of {name}"));
    }
    if let Ok(wheel) = artefact.filename.parse::<WheelName>() {
        if wheel.name().to_string() != name {
            return Some(format!("it is a wheel of {}", wheel.name()));
        }
        if let Err(error) = package.variant(wheel.version_text(), artefact.origin.url()) {
            return Some(error.to_string());
        }
    }
    if !package.names_place(artefact.origin.url()) {
        return Some("neither [published] nor a [[publisher]] of its package names its address".to_owned());
    }
    match (artefact.provenance, &artefact.audit) {
        (Provenance::Declared, None) | (Provenance::Audited, Some(_)) => None,
        (Provenance::Sibling, Some(audit)) if audit.of.is_some() => None,
        (provenance, _) => Some(format!("its facts do not match its provenance, {provenance:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_of_wheels_that_the_catalogue_has() {
        let hash = |start: &str| start.repeat(32);
        let (torch, own) = (hash("00"), hash("aa"));
        let file = |trials: &str| -> ImportsFile {
            serde_json::from_str(&format!(
                r#"{{"schema":"axle.imports/1","provenance":"imported","torches":[{{"version":"2.9.1",
                "sha256":"{torch}","python":"3.12","cuda":"12.8","trials":[{trials}]}}]}}"#
            ))
            .unwrap()
        };
        let trial = |package: &str, version: &str, sha256: &str| {
            format!(
                r#"{{"package":"{package}","version":"{version}","sha256":"{sha256}","modules":["x"],"outcome":"ok"}}"#
            )
        };
        let package: Package = toml::from_str("summary = \"x\"\nsince = \"0\"").unwrap();
        let packages: BTreeMap<_, _> =
            ["torch", "own"].map(|name| (name.to_owned(), package.clone())).into_iter().collect();
        let artefact = |filename: &str, sha256: &str| {
            Artefact::declared(filename, Origin::Pypi, sha256.parse().unwrap())
        };
        let artefacts = BTreeMap::from([
            (
                "torch".to_owned(),
                ArtefactFile::new(
                    "torch",
                    vec![artefact("torch-2.9.1-cp312-cp312-linux_x86_64.whl", &torch)],
                ),
            ),
            ("own".to_owned(), ArtefactFile::new("own", vec![artefact("own-1.0-py3-none-any.whl", &own)])),
        ]);
        let wrong = |trials: &[String]| wrong_imports(&file(&trials.join(",")), &packages, &artefacts);
        assert!(wrong(&[trial("own", "1.0", &own)]).is_empty());
        assert_eq!(wrong(&[trial("other", "1.0", &own)]), ["other is not a package of the catalogue"]);
        assert_eq!(
            wrong(&[trial("own", "2.0", &own)]),
            [format!("own 2.0 has no wheel with the hash {own}")]
        );
        assert_eq!(
            wrong(&[trial("own", "1.0", &torch)]),
            [format!("own 1.0 has no wheel with the hash {torch}")]
        );
        let twice = [trial("own", "1.0", &own), trial("own", "1.0", &own)];
        assert_eq!(wrong(&twice), [format!("a wheel is listed twice beside torch 2.9.1 ({torch})")]);
        let unsorted = [trial("torch", "2.9.1", &torch), trial("own", "1.0", &own)];
        assert_eq!(wrong(&unsorted), ["its trials are not sorted"]);
    }

    #[test]
    fn the_driver_is_searched_last_and_after_ld_library_path_by_what_opens_it() {
        let libc = Provider::Runtime { runtime: "libc".into() };
        let driver = Provider::Driver { driver: true };
        let wrong = |search: &[&Provider], rpath, driver| {
            let search = search.iter().copied().cloned().collect();
            let member =
                MemberBuild { path: "a.so".into(), search, rpath, interpreter: false, alternative: false };
            wrong_search(Some(&member), driver).is_some()
        };
        assert!(!wrong(&[&libc], true, DriverUse::None));
        assert!(!wrong(&[&libc, &driver], true, DriverUse::Possible));
        assert!(!wrong(&[&libc, &driver], false, DriverUse::Own));
        assert!(wrong(&[&libc], false, DriverUse::Possible), "it is not searched");
        assert!(wrong(&[], false, DriverUse::Own), "nothing is searched");
        assert!(wrong(&[&driver, &libc], false, DriverUse::None), "it comes before others");
        assert!(wrong(&[&libc, &driver], true, DriverUse::Own), "DT_RPATH comes before LD_LIBRARY_PATH");
        assert!(wrong_search(None, DriverUse::Possible).is_some(), "it is left as it is");
        assert!(wrong_search(None, DriverUse::None).is_none());
    }
}
