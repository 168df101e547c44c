//! Test worlds: small catalogues for tests, read from the same files as real ones.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axle_audit::{ContainerGroup, ElfMember, ElfType, WheelFacts};
use axle_catalogue::{
    Artefact, ArtefactFile, Audit, Catalogue, Cell, CellFile, CellPackage, CellSource, Files, Folder,
    FrozenWheel, IMPORTS_PATH, ImportsFile, Inventory, Origin, Outcome, Provenance, TorchWheel, Trial,
    artefact_path, cell_path,
};
use axle_solve::cells;
use axle_types::{CudaRelease, CudaTarget, Sha256};
use axle_wheel::WheelName;
use serde::Serialize;

/// What was known of CUDA's releases when these tests were written: a harvest changes no answer of theirs.
const TOOLKITS: &[u8] = include_bytes!("../fixtures/toolkits.json");
const COMPILERS: &[u8] = include_bytes!("../fixtures/compilers.json");

const CUDAS: &str = r#"cudas = ["12.6", "12.8", "13.0"]"#;

const RUNTIME: &str = r#"
[runtime]
driver = ["libcuda.so.1", "libnvidia-ml.so.1"]
[runtime.libraries]
libc = ["libc.so.6", "libm.so.6"]
libstdcxx = ["libstdc++.so.6"]
"#;

/// A catalogue in the making.
#[derive(Clone)]
#[must_use]
pub struct World {
    matrix: String,
    packages: BTreeMap<String, String>,
    artefacts: BTreeMap<String, Vec<Artefact>>,
    sources: Vec<Source>,
    imports: ImportsFile,
}

/// A source that every cell with the same version of its package has, and every cell without the package gets.
#[derive(Clone)]
struct Source {
    name: String,
    version: String,
    facts: CellSource,
}

impl World {
    /// A world whose cells are solved in an order of packages, for CUDA 12.6 and 12.8 and two Pythons.
    pub fn new(order: &[&str]) -> Self {
        let order = serde_json::to_string(order).unwrap();
        let matrix = format!(
            r#"
            systems = ["x86_64-linux"]
            pythons = ["3.11", "3.12"]
            {CUDAS}
            glibc = "2.35"
            compute-capabilities = ["6.1", "7.0", "8.0", "8.6", "9.0"]
            order = [{order}]
            {RUNTIME}"#
        );
        Self {
            matrix,
            packages: BTreeMap::new(),
            artefacts: BTreeMap::new(),
            sources: Vec::new(),
            imports: ImportsFile::default(),
        }
    }

    /// The world for other CUDA releases.
    pub fn with_cudas(mut self, cudas: &[&str]) -> Self {
        self.matrix =
            self.matrix.replace(CUDAS, &format!("cudas = {}", serde_json::to_string(cudas).unwrap()));
        self
    }

    /// Adds a package with more lines of its TOML.
    pub fn package(mut self, name: &str, toml: &str) -> Self {
        let toml = format!("summary = \"A package\"\nsince = \"0\"\n{toml}");
        self.packages.insert(name.to_owned(), toml);
        self
    }

    /// Adds a wheel, and its package if there is none.
    pub fn wheel(mut self, wheel: Wheel) -> Self {
        let name = wheel.name.clone();
        if !self.packages.contains_key(&name) {
            self = self.package(&name, "cuda-match = \"none\"");
        }
        self.artefacts.entry(name).or_default().push(wheel.artefact);
        self
    }

    /// Adds an sdist of a package whose TOML says how it is compiled.
    pub fn sdist(mut self, name: &str, version: &str) -> Self {
        let filename = format!("{name}-{version}.tar.gz");
        let artefact = Artefact {
            size: Some(500),
            requires_dist: Some(Vec::new()),
            ..Artefact::declared(&filename, Origin::Pypi, Sha256([0x55; 32]))
        };
        self.artefacts.entry(name.to_owned()).or_default().push(artefact);
        self
    }

    /// Lets the cells have the source of a version, which supports some capabilities and takes some minutes.
    pub fn source(mut self, name: &str, version: &str, capabilities: &str, minutes: u64) -> Self {
        if !self.packages.contains_key(name) {
            self = self.package(name, "");
        }
        let ninja = FrozenWheel {
            version: "1.11".to_owned(),
            filename: "ninja-1.11-py3-none-any.whl".to_owned(),
            sha256: Sha256([0x66; 32]),
        };
        let facts = CellSource {
            filename: format!("{name}-{version}.tar.gz"),
            sha256: Sha256([0x55; 32]),
            size: Some(500),
            capabilities: capabilities.split_whitespace().map(|one| one.parse().unwrap()).collect(),
            links: vec!["torch".to_owned()],
            frozen: BTreeMap::from([("ninja".to_owned(), ninja)]),
            memory_per_job: None,
            minutes: Some(minutes),
        };
        self.sources.push(Source { name: name.to_owned(), version: version.to_owned(), facts });
        self
    }

    /// Imports a wheel beside a torch, both given by file name, with Python 3.12 and CUDA 12.8; an error is one of a name
    /// that is not there.
    pub fn import(mut self, wheel: &str, torch: &str, error: Option<&str>) -> Self {
        let of_name = |filename: &str| {
            let name: WheelName = filename.parse().unwrap();
            let mut all = self.artefacts.get(name.name().as_ref()).into_iter().flatten();
            let artefact = all.rfind(|artefact| artefact.filename == filename).unwrap();
            (name.name().to_string(), name.version_text().to_owned(), artefact.sha256)
        };
        let (_, version, sha256) = of_name(torch);
        let torch = TorchWheel { version, sha256, python: "3.12".parse().unwrap(), cuda: CUDA_12_8 };
        let (package, version, sha256) = of_name(wheel);
        let trial = Trial {
            modules: vec![package.replace('-', "_")],
            package,
            version,
            sha256,
            outcome: if error.is_some() { Outcome::ImportError } else { Outcome::Ok },
            error: error.unwrap_or_default().to_owned(),
        };
        self.imports.add(&torch, trial);
        self
    }

    /// The world for other systems.
    pub fn with_systems(mut self, systems: &[&str]) -> Self {
        let systems = format!("systems = {}", serde_json::to_string(systems).unwrap());
        self.matrix = self.matrix.replace(r#"systems = ["x86_64-linux"]"#, &systems);
        self
    }

    /// Reverses the order of all artefacts and of all their requirements.
    pub fn reversed(mut self) -> Self {
        for artefact in self.artefacts.values_mut().flatten() {
            artefact.requires_dist.iter_mut().for_each(|lines| lines.reverse());
        }
        self.artefacts.values_mut().for_each(|artefacts| artefacts.reverse());
        self
    }

    fn files(&self) -> InMemory {
        let mut files = InMemory::default();
        files.0.insert("matrix.toml".into(), self.matrix.clone().into_bytes());
        for (name, toml) in &self.packages {
            files.0.insert(format!("packages/{name}.toml"), toml.clone().into_bytes());
        }
        for (name, artefacts) in &self.artefacts {
            let file =
                ArtefactFile { name: name.clone(), artefacts: artefacts.clone(), unreadable: Vec::new() };
            files.insert(&artefact_path(name), &file);
        }
        if self.imports != ImportsFile::default() {
            files.insert(IMPORTS_PATH, &self.imports);
        }
        files
    }

    /// Writes what people write, and the artefacts, into a folder.
    pub fn write(&self, folder: &Folder) {
        for (path, bytes) in self.files().0 {
            folder.write(&path, &bytes).unwrap();
        }
        folder.write("compilers.json", COMPILERS).unwrap();
        folder.write("toolkits.json", TOOLKITS).unwrap();
    }

    pub fn inventory(&self) -> Inventory {
        Inventory::read(&Catalogue::new(self.files())).unwrap()
    }

    /// The inventory with the toolkits of the catalogue, which something can be compiled with.
    pub fn compiling_inventory(&self) -> Inventory {
        Inventory { toolkits: Some(serde_json::from_slice(TOOLKITS).unwrap()), ..self.inventory() }
    }

    /// Every cell of the matrix that holds something.
    pub fn cells(&self) -> Vec<CellFile> {
        let inventory = self.inventory();
        let mut files: Vec<CellFile> =
            cells::solve_all(&inventory).unwrap().into_iter().map(|solved| solved.file).collect();
        files.retain(|file| !file.order.is_empty());
        for cell in files.iter_mut().flat_map(|file| file.torch.values_mut()) {
            self.sources.iter().for_each(|source| source.put_into(cell));
            *cell = std::mem::take(cell).seal().unwrap();
        }
        files
    }

    /// The catalogue with its cells.
    pub fn catalogue(&self) -> Catalogue {
        let mut files = self.files();
        for file in self.cells() {
            files.insert(&cell_path(file.system, file.python, file.cuda), &file);
        }
        files.0.insert("compilers.json".to_owned(), COMPILERS.to_vec());
        files.0.insert("toolkits.json".to_owned(), TOOLKITS.to_vec());
        Catalogue::new(files)
    }
}

impl Source {
    fn put_into(&self, cell: &mut Cell) {
        cell.absent.remove(&self.name);
        let package = cell.packages.entry(self.name.clone()).or_insert_with(|| {
            Arc::new(CellPackage {
                version: self.version.clone(),
                wheel: None,
                source: None,
                requires: vec!["torch".to_owned()],
                compiles: None,
                gpu: true,
                cpu_only: false,
            })
        });
        if package.version == self.version {
            Arc::make_mut(package).source = Some(self.facts.clone());
        }
    }
}

pub const CUDA_12_8: CudaTarget = CudaTarget::Release(CudaRelease::new(12, 8));

#[derive(Default)]
struct InMemory(BTreeMap<String, Vec<u8>>);

impl InMemory {
    fn insert<T: Serialize>(&mut self, path: &str, value: &T) {
        self.0.insert(path.to_owned(), serde_json::to_vec(value).unwrap());
    }
}

impl Files for InMemory {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        Ok(self.0.get(path).cloned().map(Cow::Owned))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = |path: &String| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
        Ok(self.0.keys().filter_map(inside).collect())
    }

    fn describe(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// A wheel in the making: audited, without requirements and members.
#[must_use]
pub struct Wheel {
    name: String,
    artefact: Artefact,
}

impl Wheel {
    pub fn new(filename: &str) -> Self {
        let wheel: WheelName = filename.parse().unwrap();
        let name = wheel.name().to_string();
        // A number that tells file names apart, and looks like a hash.
        let number = filename.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |number, byte| {
            (number ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // Through JSON, so that a fact which an older audit may lack need not be named here either.
        let facts = serde_json::from_value(serde_json::json!({
            "filename": filename, "sha256": null, "size": 1000, "name": name,
            "version": wheel.version().to_string(), "build": null, "tags": [],
            "requires_python": null, "requires_dist": [], "elf": [], "sass": [], "ptx": [],
            "glibc": null, "glibcxx": null, "cxx11_abi": null, "cuda": [], "external": [],
        }));
        let facts: WheelFacts = facts.unwrap();
        let artefact = Artefact {
            size: Some(1000),
            requires_dist: Some(Vec::new()),
            provenance: Provenance::Audited,
            audit: Some(Audit::own(facts)),
            ..Artefact::declared(filename, Origin::Pypi, format!("{number:016x}").repeat(4).parse().unwrap())
        };
        Self { name, artefact }
    }

    /// A wheel of a version that fits every target.
    pub fn any(name: &str, version: &str) -> Self {
        Self::new(&format!("{name}-{version}-py3-none-any.whl"))
    }

    pub fn requires(mut self, lines: &[&str]) -> Self {
        self.artefact.requires_dist = Some(lines.iter().map(|&line| line.to_owned()).collect());
        self
    }

    /// Changes what the index says.
    pub fn published(mut self, change: impl FnOnce(&mut Artefact)) -> Self {
        change(&mut self.artefact);
        self
    }

    /// Changes what the audit found.
    pub fn audited(mut self, change: impl FnOnce(&mut WheelFacts)) -> Self {
        change(Arc::make_mut(&mut self.artefact.audit.as_mut().unwrap().facts));
        self
    }

    pub fn cuda(self, cuda: &[&str]) -> Self {
        self.audited(|facts| facts.cuda = cuda.iter().map(|cuda| cuda.parse().unwrap()).collect())
    }

    pub fn elf(self, member: ElfMember) -> Self {
        self.audited(|facts| {
            let codes: Vec<_> =
                member.container_groups.iter().flat_map(|group| &group.code).copied().collect();
            facts.sass.extend(codes);
            facts.elf.push(member);
        })
    }
}

/// A shared object whose soname is the name of its file, with what it needs.
pub fn library(path: &str, needed: &[&str]) -> ElfMember {
    let name = path.rsplit('/').next().unwrap();
    let member = serde_json::from_value(serde_json::json!({
        "path": path, "size": 100, "soname": name.starts_with("lib").then_some(name), "machine": "x86_64",
        "elf_type": ElfType::SharedObject, "executable": false, "needed": needed, "interpreter": null,
        "rpath": [], "runpath": [], "symbol_versions": {}, "cxx11_abi": null, "sass": [], "ptx": [],
        "containers": 0, "device_code": [], "container_groups": [],
        "prelink": { "sass": [], "ptx": [] }, "outside": {},
    }));
    member.unwrap()
}

/// A library with device code: containers that each hold all of the codes.
pub fn device_library(path: &str, codes: &str) -> ElfMember {
    let code = codes.split_whitespace().map(|code| code.parse().unwrap()).collect();
    let group = ContainerGroup { section: ".nv_fatbin".to_owned(), code, count: 10 };
    ElfMember { container_groups: vec![group], ..library(path, &[]) }
}
