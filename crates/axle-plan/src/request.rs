//! Requests: packages, a target and preferences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axle_catalogue::{Cause, CellPtx, CellWheel, Undeclared};
use axle_rules::Rule;
use axle_types::{
    ComputeCapability, CudaRelease, CudaTarget, DriverVersion, ExtraName, Glibc, HostCompiler,
    InvalidCompiler, InvalidRequirement, PythonVersion, Requirement, System, VersionOrUrl,
    marker_environment, parse_name,
};
use pep440_rs::VersionSpecifiers;

/// The glibc of a target that names none.
pub const DEFAULT_GLIBC: Glibc = Glibc::new(2, 35);

/// Packages and a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The packages by name, normalised.
    pub packages: BTreeMap<String, Asked>,
    /// The system.
    pub system: System,
    /// The Python version.
    pub python: PythonVersion,
    /// The CUDA release.
    pub cuda: CudaTarget,
    /// The capabilities that every package must cover.
    pub compute_capabilities: BTreeSet<ComputeCapability>,
    /// The compiler; without one nothing is compiled.
    pub compiler: Option<HostCompiler>,
    /// The machine's driver; `None` is one that is new enough.
    pub driver: Option<DriverVersion>,
    /// The newest CUDA release whose PTX the driver compiles; `None` if no driver is given.
    /// [`Lookup::informed`](crate::Lookup::informed) fills it in.
    pub driver_ptx: Option<CudaRelease>,
    /// Rules on compilers and drivers that may be broken.
    pub allowed: BTreeSet<Rule>,
    /// A torch version, or the start of one (`2.9`).
    pub torch: Option<String>,
    /// The glibc of the machine; `None` is [`DEFAULT_GLIBC`], beside which a wheel passes whose glibc is not known.
    pub glibc: Option<Glibc>,
    /// Wheels or compiling.
    pub preferences: Preferences,
}

/// What a wheel needs of a machine.
#[derive(Debug, Clone, Copy)]
pub struct Needs<'a> {
    /// The glibc.
    pub glibc: Option<Glibc>,
    /// Whether nothing tells which glibc that is.
    pub is_glibc_unknown: bool,
    /// What of it the driver compiles.
    pub by_ptx: &'a [CellPtx],
}

impl<'a> Needs<'a> {
    /// What the wheel of a cell needs.
    pub fn of(wheel: &'a CellWheel) -> Self {
        Self { glibc: wheel.glibc, is_glibc_unknown: wheel.unknown_glibc, by_ptx: &wheel.by_ptx }
    }
}

/// The extras and specifiers of a requested package.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Its extras.
    pub extras: BTreeSet<ExtraName>,
    /// The versions that will do. They never move a version: they only say whether the cell's is one of them.
    pub specifiers: VersionSpecifiers,
}

/// What is tried, and what is not taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// For every package.
    pub all: Prefer,
    /// For some packages, by name.
    pub packages: BTreeMap<String, Prefer>,
    /// Packages that are never compiled.
    pub only_wheels: Which,
    /// Packages for which only audited wheels are used.
    pub only_audited: Which,
    /// Third parties whose wheels are used where the project has none, instead of compiling.
    pub publishers: Which,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            all: Prefer::default(),
            packages: BTreeMap::new(),
            only_wheels: Which::default(),
            only_audited: Which::default(),
            publishers: Which::All,
        }
    }
}

/// What an attempt to answer a request takes, the most trusted first. Each goes over every torch before the next one
/// is made: neither a third party's wheel nor hours of compiling are taken where an older torch needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// The projects' own wheels.
    Projects,
    /// Those of third parties, too.
    Wheels,
    /// Sources, too.
    Compiling,
}

impl Pass {
    /// Whether it compiles a package of some preference: what prefers wheels only in the end.
    pub fn compiles(self, prefer: Prefer) -> bool {
        self == Self::Compiling || prefer != Prefer::Wheel
    }

    /// Whether it takes a third party's wheel of a package of some preference.
    pub fn takes_third_parties(self, prefer: Prefer) -> bool {
        self > Self::Projects || prefer != Prefer::Wheel
    }
}

/// Whether a package is taken as a wheel or compiled, where both would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefer {
    /// The wheel, even where another torch has to be taken for it.
    #[default]
    Wheel,
    /// The newest torch: its wheel, or else compiled for it.
    Newest,
    /// Compiled; the wheel only where it cannot be.
    Source,
}

/// Which packages or third parties something holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those named, none perhaps.
    Named(BTreeSet<String>),
    /// Every one.
    All,
}

impl Default for Which {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl Which {
    /// Third parties as options name them: `any` or nothing for all of them, `none` for no other than those named.
    pub fn publishers(names: &[String]) -> Self {
        if names.is_empty() || names.iter().any(|name| name == "any") {
            return Self::All;
        }
        Self::Named(names.iter().filter(|name| *name != "none").cloned().collect())
    }

    /// Whether it holds for a name.
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::Named(names) => names.contains(name),
            Self::All => true,
        }
    }

    /// Whether it holds for none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Named(names) if names.is_empty())
    }

    fn words(&self, option: &str) -> Vec<String> {
        match self {
            Self::Named(names) => names.iter().map(|name| format!("{option}={name}")).collect(),
            Self::All => vec![option.to_owned()],
        }
    }
}

impl Preferences {
    /// What holds for a package.
    pub fn of(&self, name: &str) -> Prefer {
        self.packages.get(name).copied().unwrap_or(self.all)
    }

    /// The packages that they name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        let named = [&self.only_wheels, &self.only_audited].into_iter().filter_map(|which| match which {
            Which::Named(names) => Some(names),
            Which::All => None,
        });
        self.packages.keys().chain(named.flatten())
    }
}

impl fmt::Display for Prefer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wheel => "wheel",
            Self::Newest => "newest",
            Self::Source => "source",
        })
    }
}

impl std::str::FromStr for Prefer {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let all = [Self::Wheel, Self::Newest, Self::Source];
        all.into_iter()
            .find(|one| one.to_string() == text)
            .ok_or_else(|| RequestError::UnknownPreference(text.to_owned()))
    }
}

/// The maximum number of specifiers for one requested package, from all sources.
const MOST_SPECIFIERS: usize = 64;

/// An invalid request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A requirement has a URL instead of versions.
    #[error("`{0}` names a URL, but axle picks the builds itself: remove the URL")]
    Url(String),
    /// A text is not a package name.
    #[error("`{0}` is not the name of a package: use letters, digits, `-`, `_` and `.` (PEP 508)")]
    NoName(String),
    /// A text is not a requirement.
    #[error(transparent)]
    Requirement(#[from] InvalidRequirement),
    /// A package has more specifiers than any real request.
    #[error("more than {MOST_SPECIFIERS} conditions on the version of {name} are not supported")]
    TooMany {
        /// The package.
        name: String,
    },
    /// A text that is not a compiler.
    #[error(transparent)]
    Compiler(#[from] InvalidCompiler),
    /// An unknown preference.
    #[error("`{0}` is not a preference: use wheel, newest or source")]
    UnknownPreference(String),
    /// The Python has no marker environment.
    #[error("failed to evaluate markers: {0}")]
    Markers(String),
}

impl Request {
    /// The glibc that a wheel may need.
    pub fn newest_glibc(&self) -> Glibc {
        self.glibc.unwrap_or(DEFAULT_GLIBC)
    }

    /// Why a wheel does not serve, of what a machine limits: its glibc and its driver. What is not known of a wheel keeps
    /// to no limit that was given.
    pub fn exceeded(&self, needs: &Needs<'_>) -> Vec<Cause> {
        let mut causes = Vec::new();
        match needs.glibc {
            Some(needs) if needs > self.newest_glibc() => {
                causes.push(Cause::Glibc { needs, has: self.newest_glibc() });
            }
            None if needs.is_glibc_unknown && self.glibc.is_some() => {
                causes.push(Cause::Undeclared { what: Undeclared::Glibc });
            }
            _ => {}
        }
        let (Some(compiles), CudaTarget::Release(target)) = (self.driver_ptx, self.cuda) else {
            return causes;
        };
        if self.allowed.contains(&Rule::DriverTooOldForPtx) {
            return causes;
        }
        let too_new = needs.by_ptx.iter().filter(|ptx| {
            ptx.cuda.unwrap_or(target) > compiles
                && ptx.on.iter().any(|cc| self.compute_capabilities.contains(cc))
        });
        let mut too_new = too_new.peekable();
        if let Some(first) = too_new.peek() {
            let cuda = first.cuda.unwrap_or(target);
            let members = too_new.flat_map(|ptx| ptx.members.iter().cloned()).collect();
            causes.push(Cause::Ptx { members, cuda, compiles });
        }
        causes
    }

    /// The attempts to answer it, in order.
    pub fn passes(&self) -> &'static [Pass] {
        if self.compiler.is_none() || self.preferences.only_wheels == Which::All {
            &[Pass::Projects, Pass::Wheels]
        } else {
            &[Pass::Projects, Pass::Wheels, Pass::Compiling]
        }
    }

    /// Whether a version of torch is the one asked for, or a release of it: `2.9.1` of `2.9`.
    pub fn takes_torch(&self, version: &str) -> bool {
        let is_release_of = |asked: &String| {
            version
                .strip_prefix(asked.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+']))
        };
        // The sets of a target have torch for its CUDA only: `2.9.0+cu128` is their 2.9.0.
        let is_build_of = |asked: &String| *asked == format!("{version}+{}", self.cuda.tag());
        self.torch.as_ref().is_none_or(|asked| is_release_of(asked) || is_build_of(asked))
    }

    /// Adds a requirement (PEP 508) whose marker holds for the target; says whether it does. A package that is asked for
    /// twice must be what both ask for.
    ///
    /// # Errors
    /// When it names a URL.
    pub fn ask(&mut self, requirement: &Requirement) -> Result<bool, RequestError> {
        let environment = marker_environment(self.system, self.python)
            .map_err(|error| RequestError::Markers(error.to_string()))?;
        if !requirement.evaluate_markers(&environment, &[]) {
            return Ok(false);
        }
        let specifiers = match &requirement.version_or_url {
            None => VersionSpecifiers::empty(),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
            Some(VersionOrUrl::Url(_)) => return Err(RequestError::Url(requirement.to_string())),
        };
        let asked = self.packages.entry(requirement.name.to_string()).or_default();
        asked.extras.extend(requirement.extras.iter().cloned());
        let mut all: Vec<_> = asked.specifiers.iter().cloned().collect();
        all.extend(specifiers.iter().filter(|one| !all.contains(one)).cloned().collect::<Vec<_>>());
        if all.len() > MOST_SPECIFIERS {
            return Err(RequestError::TooMany { name: requirement.name.to_string() });
        }
        all.sort_by_cached_key(ToString::to_string);
        asked.specifiers = all.into_iter().collect();
        Ok(true)
    }

    /// The command line that asks this.
    pub fn command(&self) -> String {
        let mut words = vec!["axle concretise".to_owned(), format!("--python {}", self.python)];
        words.push(if self.cuda == CudaTarget::Cpu {
            "--cpu".into()
        } else {
            format!("--cuda {}", self.cuda)
        });
        words.extend(self.compute_capabilities.iter().map(|cc| format!("--cc {cc}")));
        match self.compiler {
            Some(HostCompiler::Gcc(major)) => words.push(format!("--gcc {major}")),
            Some(HostCompiler::Clang(major)) => words.push(format!("--clang {major}")),
            None => {}
        }
        words.extend(self.driver.iter().map(|driver| format!("--driver {driver}")));
        words.extend(self.allowed.iter().map(|rule| format!("--allow {rule}")));
        words.extend(self.torch.iter().map(|torch| format!("--torch {torch}")));
        if self.system != System::X86_64Linux {
            words.push(format!("--system {}", self.system));
        }
        words.extend(self.glibc.iter().map(|glibc| format!("--glibc {glibc}")));
        let Preferences { all, packages, only_wheels, only_audited, publishers } = &self.preferences;
        if *all != Prefer::default() {
            words.push(format!("--prefer {all}"));
        }
        words.extend(packages.iter().map(|(name, prefer)| format!("--prefer {name}={prefer}")));
        words.extend(only_wheels.words("--only-wheels"));
        words.extend(only_audited.words("--only-audited"));
        words.extend(match publishers {
            Which::All => Vec::new(),
            Which::Named(names) if names.is_empty() => vec!["--publisher none".to_owned()],
            Which::Named(names) => names.iter().map(|name| format!("--publisher {name}")).collect(),
        });
        words.extend(self.packages.iter().map(|(name, asked)| shell_word(&asked.requirement(name))));
        words.join(" ")
    }
}

impl Asked {
    /// As a requirement of a package, without spaces.
    pub fn requirement(&self, name: &str) -> String {
        let extras: Vec<_> = self.extras.iter().map(ToString::to_string).collect();
        let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        format!("{name}{extras}{}", self.specifiers.to_string().replace(' ', ""))
    }
}

/// A package's name, normalised (PEP 503).
///
/// # Errors
/// When it is none.
pub fn package_name(text: &str) -> Result<String, RequestError> {
    let name = parse_name(text).map(|name| name.to_string());
    name.ok_or_else(|| RequestError::NoName(text.to_owned()))
}

/// A requirement (PEP 508), of packages that have a name.
///
/// # Errors
/// When it is none.
pub fn requirement(text: &str) -> Result<Requirement, RequestError> {
    // For a bare name the complaint is of names.
    if text.is_empty() || text.starts_with(['.', '/']) {
        package_name(text)?;
    }
    Ok(text.parse()?)
}

/// A word as a shell reads it.
pub fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(&byte);
    let is_plain = !word.is_empty() && word.bytes().all(plain);
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
