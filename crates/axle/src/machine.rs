//! Detection of a machine's toolkits, compilers, driver, GPUs and Pythons: from its files and, on the machine itself,
//! by running its programs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use axle_index::{Silence, ask_program};
use axle_types::{
    ComputeCapability, CudaRelease, DriverVersion, Glibc, HostCompiler, PythonVersion, System, compiler_major,
};
use axle_wheel::read_file;

use crate::output;

/// The most bytes of a file that is looked into (a C library has 2 MB), and of what a program says.
const LARGEST: u64 = 16 << 20;
/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;
/// How long a program may take to answer. `nvidia-smi` hangs where the driver does.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found on a machine.
#[derive(Debug, Default)]
pub struct Machine {
    /// CUDA toolkits: where, and which.
    pub toolkits: Vec<(String, CudaRelease)>,
    /// Compilers, the one that nvcc calls first.
    pub compilers: Vec<FoundCompiler>,
    /// The driver, and how that is known.
    pub driver: Option<(String, DriverVersion)>,
    /// GPUs: their names, and their capabilities where a program tells them.
    pub gpus: Vec<(String, Option<ComputeCapability>)>,
    /// The C library.
    pub glibc: Option<(String, Glibc)>,
    /// Pythons: where, and which.
    pub pythons: Vec<(String, PythonVersion)>,
    /// The folders of installed packages' metadata that have to do with CUDA.
    pub dist_infos: Vec<PathBuf>,
    /// How Nix is there.
    pub nix: Option<String>,
    /// Bytes of memory.
    pub memory: Option<u64>,
}

/// A compiler, and the libraries that it takes.
#[derive(Debug)]
pub struct FoundCompiler {
    /// Where it is.
    pub path: String,
    /// Which it is.
    pub compiler: HostCompiler,
    /// The C library whose headers it includes; `None` where that is not known.
    pub glibc_headers: Option<Glibc>,
    /// The gcc release whose C++ library it takes; `None` where that is not known.
    pub libstdcxx: Option<u16>,
}

/// A file system: the machine's own, or one that lies in a folder.
#[derive(Debug)]
pub struct FsRoot {
    folder: PathBuf,
    /// The environment variables of its user.
    variables: BTreeMap<String, String>,
    /// Whether it is this machine, whose programs may be asked.
    is_here: bool,
}

impl FsRoot {
    /// This machine.
    pub fn here() -> Self {
        // Of what is not UTF-8 nothing is asked for.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = std::env::vars_os().filter_map(text).collect();
        Self { folder: PathBuf::from("/"), variables, is_here: true }
    }

    /// The machine whose files lie in a folder. None of its programs is run.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), variables: BTreeMap::new(), is_here: false }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    /// A path as the machine itself calls it.
    fn name(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.folder).unwrap_or(path);
        format!("/{}", inside.display()).replacen("//", "/", 1)
    }

    fn read(&self, path: &str) -> Option<String> {
        self.read_at(&self.path(path))
    }

    fn read_at(&self, path: &Path) -> Option<String> {
        let bytes = read_file(&self.resolved(path)?, LARGEST).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Where a path leads; nowhere through too many links. Links start at this root, wherever in the path they are, and
    /// never lead out of it.
    fn resolved(&self, path: &Path) -> Option<PathBuf> {
        let parts = |path: &Path| -> Vec<OsString> {
            let normal =
                path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
            normal.map(|part| part.as_os_str().to_owned()).rev().collect()
        };
        let mut ahead = parts(path.strip_prefix(&self.folder).unwrap_or(path));
        let mut behind = PathBuf::new();
        // As many as Linux follows.
        let mut links = 40_u32;
        while let Some(part) = ahead.pop() {
            if part == ".." {
                behind.pop();
                continue;
            }
            behind.push(part);
            if let Ok(target) = std::fs::read_link(self.folder.join(&behind)) {
                links = links.checked_sub(1)?;
                behind.pop();
                if target.is_absolute() {
                    behind.clear();
                }
                ahead.extend(parts(&target));
            }
        }
        Some(self.folder.join(behind))
    }

    fn exists(&self, path: &Path) -> bool {
        self.resolved(path).is_some_and(|path| path.exists())
    }

    /// The entries of a folder, sorted.
    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let folders = self.resolved(folder).and_then(|folder| std::fs::read_dir(folder).ok());
        let entries = folders.into_iter().flatten().flatten().take(MOST_ENTRIES);
        let mut paths: Vec<_> = entries.map(|entry| folder.join(entry.file_name())).collect();
        paths.sort();
        paths
    }

    /// What a program of this machine says; `None` on another, where it is missing, or fails.
    fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
        if !self.is_here {
            return None;
        }
        ask_program(program, arguments, PATIENCE).unwrap_or_else(|Silence| {
            let seconds = PATIENCE.as_secs();
            output::note(&format!("{program} did not answer within {seconds} s, and was stopped"));
            None
        })
    }

    /// The folders that programs are looked for in.
    fn program_folders(&self) -> Vec<PathBuf> {
        let listed = self
            .variables
            .get("PATH")
            .into_iter()
            .flat_map(|path| path.split(':'))
            .filter(|one| !one.is_empty());
        let usual = [
            "/usr/local/bin",
            "/usr/bin",
            "/bin",
            "/usr/local/cuda/bin",
            "/opt/cuda/bin",
            "/run/current-system/sw/bin",
            "/opt/conda/bin",
        ];
        let mut folders: Vec<PathBuf> = listed.chain(usual).map(|folder| self.path(folder)).collect();
        let variables = ["CONDA_PREFIX", "VIRTUAL_ENV"];
        let prefixes = variables.into_iter().filter_map(|name| self.variables.get(name));
        folders.extend(prefixes.map(|prefix| self.path(prefix).join("bin")));
        let mut seen = BTreeSet::new();
        folders.retain(|folder| {
            self.resolved(folder).is_some_and(|folder| folder.is_dir() && seen.insert(folder))
        });
        folders
    }

    /// Looks at everything.
    pub fn look(&self, system: System) -> Machine {
        let folders = self.program_folders();
        Machine {
            toolkits: self.toolkits(&folders),
            compilers: self.compilers(&folders, system),
            driver: self.driver(system),
            gpus: self.gpus(),
            glibc: self.glibc(system),
            pythons: self.pythons(&folders),
            dist_infos: self.dist_infos(&folders),
            nix: self.nix(),
            memory: self.memory(),
        }
    }

    /// The value of a variable of the user.
    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The toolkits of `CUDA_HOME`, of nvcc's folders, and of the usual places.
    fn toolkits(&self, folders: &[PathBuf]) -> Vec<(String, CudaRelease)> {
        let variables = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(|name| self.variables.get(name));
        let mut places: Vec<PathBuf> = variables.map(|place| self.path(place)).collect();
        let with_nvcc = folders.iter().filter(|folder| self.exists(&folder.join("nvcc")));
        places.extend(with_nvcc.filter_map(|folder| {
            let nvcc = self.resolved(&folder.join("nvcc"))?;
            nvcc.parent()?.parent().map(Path::to_owned)
        }));
        places.extend(
            ["/usr/local/cuda", "/opt/cuda", "/usr/lib/nvidia-cuda-toolkit"].map(|place| self.path(place)),
        );
        let numbered = self.list(&self.path("/usr/local"));
        places.extend(numbered.into_iter().filter(|place| file_name(place).starts_with("cuda-")));
        let mut found: Vec<(String, CudaRelease)> = Vec::new();
        let mut seen = BTreeSet::new();
        for place in places {
            let Some(place) = self.resolved(&place).filter(|place| seen.insert(place.clone())) else {
                continue;
            };
            if let Some(cuda) = self.toolkit(&place) {
                found.push((self.name(&place), cuda));
            }
        }
        found
    }

    /// The release of the toolkit in a folder: what `cuda.h` says, or `version.json`, or its nvcc.
    fn toolkit(&self, place: &Path) -> Option<CudaRelease> {
        let nvcc = [place.join("bin/nvcc"), place.join("nvcc")].into_iter().find(|nvcc| self.exists(nvcc))?;
        let headers =
            ["include/cuda.h", "targets/x86_64-linux/include/cuda.h", "targets/sbsa-linux/include/cuda.h"];
        let by_header =
            || headers.iter().find_map(|header| cuda_of_header(&self.read_at(&place.join(header))?));
        let by_list = || {
            let list: serde_json::Value =
                serde_json::from_str(&self.read_at(&place.join("version.json"))?).ok()?;
            let mut numbers = list.get("cuda")?.get("version")?.as_str()?.split('.');
            Some(CudaRelease { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
        };
        let by_nvcc = || {
            let said = self.ask(&nvcc.display().to_string(), &["--version"])?;
            said.split("release ").nth(1)?.split(',').next()?.trim().parse().ok()
        };
        by_header().or_else(by_list).or_else(by_nvcc)
    }

    /// The compilers: the one that the user's variables name, then those that are called by their bare names, and gcc
    /// before clang, as nvcc looks for them.
    fn compilers(&self, folders: &[PathBuf], system: System) -> Vec<FoundCompiler> {
        let mut found: Vec<(u8, FoundCompiler)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |rank: u8, path: &Path, named: Option<HostCompiler>| {
            let macros = self.macros(path);
            let Some(compiler) = macros.as_ref().and_then(Macros::compiler).or(named) else { return };
            if !self.resolved(path).is_some_and(|path| seen.insert(path)) {
                return;
            }
            let asked = macros.as_ref();
            found.push((
                rank,
                FoundCompiler {
                    path: self.name(path),
                    compiler,
                    glibc_headers: asked.and_then(Macros::glibc).or_else(|| self.wrapped_glibc(path)),
                    libstdcxx: asked.map_or_else(|| self.libstdcxx(system), Macros::libstdcxx),
                },
            ));
        };

        // As nvcc, CMake and torch do.
        let variables = ["NVCC_CCBIN", "CUDAHOSTCXX", "CXX"];
        if let Some(command) = variables.into_iter().find_map(|name| self.variable(name)) {
            let program = command.split_whitespace().next().unwrap_or(command);
            let places = folders.iter().map(|folder| folder.join(program)).find(|path| self.exists(path));
            let path = if program.contains('/') { Some(self.path(program)) } else { places };
            let path = path.map(|path| if path.is_dir() { path.join("g++") } else { path });
            if let Some(path) = path {
                add(0, &path, None);
            }
        }
        for path in folders.iter().flat_map(|folder| self.list(folder)) {
            let name = file_name(&path);
            let name = name.rsplit_once("-linux-gnu-").map_or(name, |(_, name)| name);
            let (kind, named) = match name.split_once('-') {
                // `gcc-12`, but not `gcc-ar`.
                Some((kind, version)) => match compiler_major(version) {
                    Ok(version) => (kind, Some(version)),
                    Err(_) => continue,
                },
                None => (name, None),
            };
            let compiler: fn(u16) -> HostCompiler = match kind {
                "gcc" => HostCompiler::Gcc,
                "clang" => HostCompiler::Clang,
                _ => continue,
            };
            let version = named.or_else(|| self.version_of_link(&path, kind));
            let rank = 1 + 2 * u8::from(named.is_some()) + u8::from(kind != "gcc");
            add(rank, &path, version.map(compiler));
        }
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, compiler)| compiler).collect()
    }

    /// What a compiler of this machine says of itself, and of the C and C++ libraries whose headers it finds.
    fn macros(&self, compiler: &Path) -> Option<Macros> {
        let compiler = compiler.display().to_string();
        let asked = |header: &[&str]| {
            let options = [header, &["-x", "c++", "-E", "-dM", "/dev/null"]].concat();
            self.ask(&compiler, &options)
        };
        // Without a C++ library, at least who it is.
        let said = asked(&["-include", "cstddef"]).or_else(|| asked(&[]))?;
        let numbers = said.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Some(Macros(numbers.collect()))
    }

    /// The C library that a compiler of a Nix store was wrapped with: the wrapper names it.
    fn wrapped_glibc(&self, compiler: &Path) -> Option<Glibc> {
        let wrapper = self.resolved(compiler)?;
        let named = self.read_at(&wrapper.parent()?.parent()?.join("nix-support/orig-libc"))?;
        let (_, version) = file_name(Path::new(named.trim())).rsplit_once("-glibc-")?;
        version.split('-').next()?.parse().ok()
    }

    /// The version in the name of what a link leads to: `gcc-12`, or `…-gcc-wrapper-14.2.1` in a Nix store.
    fn version_of_link(&self, path: &Path, kind: &str) -> Option<u16> {
        let target = self.resolved(path)?;
        let inside = target.strip_prefix(&self.folder).unwrap_or(&target);
        let parts = inside.components().rev().filter_map(|part| part.as_os_str().to_str());
        parts
            .filter(|part| part.contains(kind))
            .find_map(|part| part.rsplit('-').find_map(|word| compiler_major(word).ok()))
    }

    /// The newest gcc whose C++ library is there, which is the one that clang takes.
    fn libstdcxx(&self, system: System) -> Option<u16> {
        let triple = format!("/usr/lib/gcc/{}-linux-gnu", system.architecture());
        let folders = self.list(&self.path(&triple)).into_iter();
        let with_library = folders.filter(|folder| {
            self.exists(&folder.join("libstdc++.so")) || self.exists(&folder.join("libstdc++.a"))
        });
        with_library.filter_map(|folder| compiler_major(file_name(&folder)).ok()).max()
    }

    /// The driver: what the kernel says, else which library of it there is, else what nvidia-smi says.
    fn driver(&self, system: System) -> Option<(String, DriverVersion)> {
        let kernel = || {
            let path = "/proc/driver/nvidia/version";
            let text = self.read(path)?;
            let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
            let version = line.split_whitespace().find_map(driver_version)?;
            Some((path.to_owned(), version))
        };
        let module = || {
            let path = "/sys/module/nvidia/version";
            Some((path.to_owned(), self.read(path)?.trim().parse().ok()?))
        };
        // A container is given the library, not the kernel's files.
        let multiarch = format!("/usr/lib/{}-linux-gnu", system.architecture());
        let folders = [
            "/run/opengl-driver/lib",
            &multiarch,
            "/usr/lib64",
            "/usr/lib",
            "/usr/lib/wsl/lib",
            "/usr/local/nvidia/lib64",
        ];
        let library = || {
            folders.iter().find_map(|folder| {
                self.list(&self.path(folder)).into_iter().find_map(|path| {
                    let path = if file_name(&path) == "libcuda.so.1" { self.resolved(&path)? } else { path };
                    let version = driver_version(file_name(&path).strip_prefix("libcuda.so.")?)?;
                    Some((self.name(&path), version))
                })
            })
        };
        let program = || {
            let said = self.ask("nvidia-smi", &["--query-gpu=driver_version", "--format=csv,noheader"])?;
            Some(("nvidia-smi".to_owned(), said.lines().next()?.trim().parse().ok()?))
        };
        kernel().or_else(module).or_else(library).or_else(program)
    }

    fn gpus(&self) -> Vec<(String, Option<ComputeCapability>)> {
        let query = ["--query-gpu=name,compute_cap", "--format=csv,noheader"];
        if let Some(said) = self.ask("nvidia-smi", &query) {
            let line = |line: &str| {
                let (name, capability) = line.rsplit_once(',')?;
                Some((name.trim().to_owned(), capability.trim().parse().ok()))
            };
            return said.lines().filter_map(line).collect();
        }
        let folders = self.list(&self.path("/proc/driver/nvidia/gpus"));
        let model = |folder: PathBuf| {
            let text = self.read_at(&folder.join("information"))?;
            let name = text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned();
            Some((name, None))
        };
        folders.into_iter().filter_map(model).collect()
    }

    /// The C library: its own banner says which it is.
    fn glibc(&self, system: System) -> Option<(String, Glibc)> {
        let multiarch = format!("/lib/{}-linux-gnu/libc.so.6", system.architecture());
        let usr = format!("/usr{multiarch}");
        for path in [
            multiarch.as_str(),
            usr.as_str(),
            "/lib64/libc.so.6",
            "/usr/lib64/libc.so.6",
            "/usr/lib/libc.so.6",
        ] {
            let Some(text) = self.read(path) else { continue };
            let Some(rest) = text.split("GNU C Library").nth(1) else { continue };
            let version = rest.split("version ").nth(1)?.split_whitespace().next()?;
            return Some((path.to_owned(), version.trim_end_matches('.').parse().ok()?));
        }
        let said = self.ask("ldd", &["--version"])?;
        let version = said.lines().next()?.split_whitespace().last()?;
        Some(("ldd".to_owned(), version.parse().ok()?))
    }

    fn pythons(&self, folders: &[PathBuf]) -> Vec<(String, PythonVersion)> {
        let mut found = Vec::new();
        for path in folders.iter().flat_map(|folder| self.list(folder)) {
            let version = file_name(&path).strip_prefix("python").and_then(|version| version.parse().ok());
            if let Some(version) = version {
                found.push((self.name(&path), version));
            }
        }
        found.sort_by_key(|(_, version)| *version);
        found
    }

    /// The folders under which Pythons keep packages: those with programs, conda's environments, what users installed for
    /// themselves.
    fn prefixes(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let mut prefixes: Vec<PathBuf> =
            folders.iter().filter_map(|folder| folder.parent()).map(Path::to_owned).collect();
        let environments: Vec<_> =
            prefixes.iter().flat_map(|prefix| self.list(&prefix.join("envs"))).collect();
        let homes = self.variable("HOME").map(|home| vec![self.path(home)]);
        let homes =
            homes.unwrap_or_else(|| [vec![self.path("/root")], self.list(&self.path("/home"))].concat());
        prefixes.extend(homes.into_iter().map(|home| home.join(".local")));
        prefixes.extend(environments);
        // A python that is a script, as pyenv's, knows where its packages are.
        let prefix = "import sys; print(sys.prefix)";
        let asked =
            ["python3", "python"].into_iter().filter_map(|name| self.ask(name, &["-I", "-S", "-c", prefix]));
        prefixes.extend(asked.map(|said| PathBuf::from(said.trim())));
        prefixes
    }

    /// Of torch, NVIDIA's libraries, and what else is installed beside a torch with libraries of its own.
    fn dist_infos(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let mut sites = vec![self.path("/usr/lib/python3/dist-packages")];
        for prefix in self.prefixes(folders) {
            for python in self.list(&prefix.join("lib")) {
                if file_name(&python).starts_with("python3.") {
                    sites.extend(["site-packages", "dist-packages"].map(|name| python.join(name)));
                }
            }
        }
        let mut found = BTreeSet::new();
        for site in sites {
            let infos: Vec<_> =
                self.list(&site).into_iter().filter(|path| file_name(path).ends_with(".dist-info")).collect();
            if !infos.iter().any(|path| file_name(path).starts_with("torch-")) {
                continue;
            }
            let wanted = infos.into_iter().filter(|info| {
                let name = file_name(info);
                let known = name.starts_with("torch-") || name.starts_with("nvidia_");
                let metadata = self.read_at(&info.join("METADATA")).unwrap_or_default();
                let extends = metadata.lines().any(|line| {
                    let word = line.strip_prefix("Requires-Dist: ").unwrap_or_default();
                    word.split(|end: char| !end.is_alphanumeric() && end != '-').next() == Some("torch")
                });
                known || extends
            });
            found.extend(wanted.filter_map(|info| self.resolved(&info)));
        }
        found.into_iter().collect()
    }

    fn nix(&self) -> Option<String> {
        if let Some(version) = self.read("/run/current-system/nixos-version") {
            return Some(format!("NixOS {}", version.trim()));
        }
        let said = self.ask("nix", &["--version"]).map(|said| said.trim().to_owned());
        said.or_else(|| self.path("/nix/store").is_dir().then(|| "a Nix store in /nix".to_owned()))
    }

    /// What the machine has, or its container may use of it.
    fn memory(&self) -> Option<u64> {
        let text = self.read("/proc/meminfo")?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        let limits = limits.into_iter().filter_map(|path| self.read(path)?.trim().parse::<u64>().ok());
        limits.chain(kibibytes.checked_mul(1024)).min()
    }
}

/// The macros of a compiler that are numbers.
struct Macros(BTreeMap<String, u16>);

impl Macros {
    fn get(&self, name: &str) -> Option<u16> {
        self.0.get(name).copied()
    }

    /// clang gives itself out for gcc too.
    fn compiler(&self) -> Option<HostCompiler> {
        let clang = self.get("__clang_major__").map(HostCompiler::Clang);
        clang.or_else(|| self.get("__GNUC__").map(HostCompiler::Gcc))
    }

    fn glibc(&self) -> Option<Glibc> {
        Some(Glibc::new(self.get("__GLIBC__")?, self.get("__GLIBC_MINOR__")?))
    }

    fn libstdcxx(&self) -> Option<u16> {
        self.get("_GLIBCXX_RELEASE")
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// `#define CUDA_VERSION 12080` is 12.8.
fn cuda_of_header(header: &str) -> Option<CudaRelease> {
    let line = header.lines().find_map(|line| line.trim().strip_prefix("#define CUDA_VERSION"))?;
    let number: u16 = line.trim().parse().ok()?;
    Some(CudaRelease { major: number / 1000, minor: number % 1000 / 10 })
}

/// A word that is a version of the driver: three digits first.
fn driver_version(word: &str) -> Option<DriverVersion> {
    let version: DriverVersion = word.parse().ok()?;
    (word.contains('.') && version.branch() >= 100).then_some(version)
}
