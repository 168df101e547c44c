//! Supported compilers of each CUDA release, as Nix looks them up (`catalogue/compilers.json`).

use axle_rules::Rule;
use std::collections::BTreeMap;

use axle_types::{Glibc, HostCompiler, System};
use serde::{Deserialize, Serialize};

use crate::{CompilerRange, Release, Toolkits};

/// The schema that [`SupportedCompilers`] names.
pub const COMPILERS_SCHEMA: &str = "axle.compilers/1";

/// Which compilers each release supports: what is left of [`Toolkits`] for who can only compare numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportedCompilers {
    schema: String,
    systems: BTreeMap<System, BTreeMap<String, Compilers>>,
}

impl Default for SupportedCompilers {
    fn default() -> Self {
        Self { schema: COMPILERS_SCHEMA.to_owned(), systems: BTreeMap::new() }
    }
}

impl SupportedCompilers {
    /// Those of one system.
    #[must_use]
    pub fn only(mut self, system: System) -> Self {
        self.systems.retain(|other, _| *other == system);
        self
    }

    /// The releases that it names.
    pub fn releases(&self) -> impl Iterator<Item = &str> {
        self.systems.values().flat_map(BTreeMap::keys).map(String::as_str)
    }

    /// The compilers of one release on one system; `None` if they are unknown.
    pub fn of(&self, system: System, cuda: &str) -> Option<&Compilers> {
        self.systems.get(&system)?.get(cuda)
    }
}

/// The compilers that one release supports on one system, and the libraries that they may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compilers {
    /// The major versions of gcc.
    pub gcc: CompilerRange,
    /// The major versions of clang.
    pub clang: CompilerRange,
    /// The gcc release of the newest libstdc++ that clang may take.
    #[serde(default)]
    pub libstdcxx_max: Option<u16>,
    /// The first glibc whose headers do not fit the release's.
    #[serde(default, with = "crate::optional::optional_text")]
    pub glibc_headers_below: Option<Glibc>,
}

impl Toolkits {
    /// The compilers that a release supports on a system: of what its header and NVIDIA's documents say, whatever is
    /// narrower. `None` where the release is not there for the system.
    pub fn compilers(&self, release: &Release, system: System) -> Option<Compilers> {
        let host = release.hosts.get(&system)?;
        let floor = self.compiler_floor(release.cuda);
        let above = |range: CompilerRange, floor: Option<u16>| CompilerRange {
            min: range.min.max(floor),
            max: range.max,
        };
        Some(Compilers {
            gcc: above(host.gcc, floor.map(|floor| floor.gcc)),
            clang: above(host.clang, floor.map(|floor| floor.clang)),
            libstdcxx_max: self.clang_library(release.cuda).map(|tried| tried.newest).or(host.gcc.max),
            glibc_headers_below: host.glibc_headers_below,
        })
    }

    /// The compilers of all releases.
    pub fn supported_compilers(&self) -> SupportedCompilers {
        let mut systems = BTreeMap::<_, BTreeMap<_, _>>::new();
        for release in &self.releases {
            for &system in release.hosts.keys() {
                let compilers = self.compilers(release, system);
                systems.entry(system).or_default().extend(compilers.map(|of| (release.cuda.to_string(), of)));
            }
        }
        SupportedCompilers { systems, ..SupportedCompilers::default() }
    }
}

/// Why a release does not support a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The violated rule; `None` if the release is unknown, which cannot be allowed.
    pub rule: Option<Rule>,
    /// The reason, and the releases that support the compiler.
    pub message: String,
}

impl SupportedCompilers {
    /// Why the release `cuda` does not support a compiler on a system; `None` if it does. `overlays/lib/toolkits.nix`
    /// has the same messages.
    pub fn objection(&self, system: System, cuda: &str, compiler: HostCompiler) -> Option<Objection> {
        let releases = self.systems.get(&system);
        let Some(own) = self.of(system, cuda) else {
            let known = releases.map(|releases| in_order(releases.keys()).join(", ")).unwrap_or_default();
            let known = if known.is_empty() { "none" } else { &known };
            let message = format!(
                "the compilers that CUDA {cuda} supports on {system} are unknown; known CUDA releases: {known}"
            );
            return Some(Objection { rule: None, message });
        };
        let (name, major) = (compiler.name(), compiler.major());
        let range = own.range(compiler);
        let (rule, bound) = match range {
            CompilerRange { max: Some(max), .. } if major > max => {
                (too_new(compiler), format!("up to {max}"))
            }
            CompilerRange { min: Some(min), .. } if major < min => {
                (too_old(compiler), format!("{min} or newer"))
            }
            _ => return None,
        };
        let what = if rule == too_new(compiler) { "new" } else { "old" };
        let takers =
            releases.into_iter().flatten().filter(|(_, other)| other.range(compiler).includes(major));
        let takers = in_order(takers.map(|(cuda, _)| cuda));
        let takers = if takers.is_empty() {
            String::new()
        } else {
            format!("; {name} {major} is supported by CUDA {}", takers.join(", "))
        };
        let message =
            format!("{name} {major} is too {what} for CUDA {cuda}, which supports {name} {bound}{takers}");
        Some(Objection { rule: Some(rule), message })
    }
}

impl Compilers {
    fn range(&self, compiler: HostCompiler) -> CompilerRange {
        match compiler {
            HostCompiler::Gcc(_) => self.gcc,
            HostCompiler::Clang(_) => self.clang,
        }
    }
}

impl CompilerRange {
    /// Whether a major version is within the bounds.
    pub fn includes(self, major: u16) -> bool {
        self.min.is_none_or(|min| min <= major) && self.max.is_none_or(|max| major <= max)
    }
}

fn too_new(compiler: HostCompiler) -> Rule {
    match compiler {
        HostCompiler::Gcc(_) => Rule::GccTooNew,
        HostCompiler::Clang(_) => Rule::ClangTooNew,
    }
}

fn too_old(compiler: HostCompiler) -> Rule {
    match compiler {
        HostCompiler::Gcc(_) => Rule::GccTooOld,
        HostCompiler::Clang(_) => Rule::ClangTooOld,
    }
}

/// Releases by number: 9.2 before 12.8.
fn in_order<'a>(releases: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut releases: Vec<&str> = releases.map(String::as_str).collect();
    releases.sort_by_key(|release| {
        release.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u16>>()
    });
    releases
}

#[cfg(test)]
mod tests {
    use axle_rules::Severity;

    use super::*;

    fn toolkits() -> Toolkits {
        serde_json::from_slice(include_bytes!("../../../catalogue/toolkits.json")).unwrap()
    }

    #[test]
    fn nix_reads_what_the_toolkits_say() {
        let written: SupportedCompilers =
            serde_json::from_slice(include_bytes!("../../../catalogue/compilers.json")).unwrap();
        assert_eq!(written, toolkits().supported_compilers());
    }

    #[test]
    fn objections_say_what_goes_instead() {
        let compilers = toolkits().supported_compilers();
        let system = "x86_64-linux".parse().unwrap();
        let objection =
            |cuda, compiler| compilers.objection(system, cuda, compiler).map(|found| found.message);
        assert_eq!(objection("12.8", HostCompiler::Gcc(14)), None);
        insta::assert_snapshot!(objection("12.8", HostCompiler::Gcc(15)).unwrap(), @"gcc 15 is too new for CUDA 12.8, which supports gcc up to 14; gcc 15 is supported by CUDA 13.0, 13.1, 13.2, 13.3, 13.4, 13.5");
        insta::assert_snapshot!(objection("13.0", HostCompiler::Clang(6)).unwrap(), @"clang 6 is too old for CUDA 13.0, which supports clang 7 or newer");
        insta::assert_snapshot!(objection("9.9", HostCompiler::Clang(6)).unwrap(), @"the compilers that CUDA 9.9 supports on x86_64-linux are unknown; known CUDA releases: 11.7, 11.8, 12.0, 12.1, 12.2, 12.3, 12.4, 12.5, 12.6, 12.8, 12.9, 13.0, 13.1, 13.2, 13.3, 13.4, 13.5");
    }

    #[test]
    fn check_and_lookup_refuse_the_same_compilers() {
        let toolkits = toolkits();
        let compilers = toolkits.supported_compilers();
        let system = "x86_64-linux".parse().unwrap();
        for release in &toolkits.releases {
            for compiler in (1..30).flat_map(|major| [HostCompiler::Gcc(major), HostCompiler::Clang(major)]) {
                let mut environment = crate::Environment::new(system);
                environment.cuda = Some(release.cuda);
                environment.compiler = Some(compiler);
                let verdicts = crate::check(&toolkits, &environment);
                let refused: Vec<Rule> = verdicts
                    .into_iter()
                    .filter(|verdict| verdict.severity == Severity::Error)
                    .map(|verdict| verdict.rule)
                    .collect();
                let objection = compilers.objection(system, &release.cuda.to_string(), compiler);
                assert_eq!(refused, objection.into_iter().filter_map(|found| found.rule).collect::<Vec<_>>());
            }
        }
    }
}
