//! Requests in files: `axle.toml`, and the requirements of `requirements.txt` and `pyproject.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use axle_plan::{Prefer, package_name, requirement};
use axle_rules::Rule;
use axle_types::{ComputeCapability, CudaTarget, DriverVersion, Glibc, PythonVersion, Requirement, System};
use axle_wheel::read_text;
use serde::Deserialize;

use crate::output::{self, Error};

/// What files say of a request; what they do not say is left to the command line.
#[derive(Debug, Default)]
pub struct RequestFile {
    pub requirements: Vec<Requirement>,
    pub python: Option<PythonVersion>,
    pub cuda: Option<CudaTarget>,
    pub compute_capabilities: Vec<ComputeCapability>,
    pub gpus: Vec<String>,
    pub gcc: Option<u16>,
    pub clang: Option<u16>,
    pub driver: Option<DriverVersion>,
    pub allowed: Vec<Rule>,
    pub torch: Option<String>,
    pub system: Option<System>,
    pub glibc: Option<Glibc>,
    pub prefer: Vec<(Option<String>, Prefer)>,
    pub only_wheels: Vec<String>,
    pub only_audited: Vec<String>,
    /// The files of requirements that were read: who names one twice gets it once.
    read: BTreeSet<PathBuf>,
    bytes: u64,
}

/// `axle.toml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AxleToml {
    #[serde(default)]
    packages: Vec<String>,
    python: Option<String>,
    /// A release, or `none`.
    cuda: Option<String>,
    #[serde(default)]
    compute_capabilities: Vec<String>,
    #[serde(default)]
    gpus: Vec<String>,
    gcc: Option<u16>,
    clang: Option<u16>,
    driver: Option<String>,
    #[serde(default)]
    allow: Vec<String>,
    torch: Option<String>,
    system: Option<String>,
    glibc: Option<String>,
    prefer: Option<Preference>,
    only_wheels: Option<Packages>,
    only_audited: Option<Packages>,
}

/// `"newest"`, or `{ all = "newest", flash-attn = "source" }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Preference {
    All(String),
    Packages(BTreeMap<String, String>),
}

/// `true`, or names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Packages {
    All(bool),
    Named(Vec<String>),
}

impl Packages {
    /// As the command line gives them: the empty name is all.
    fn names(self) -> Result<Vec<String>, Error> {
        match self {
            Self::All(true) => Ok(vec![String::new()]),
            Self::All(false) => Ok(Vec::new()),
            Self::Named(names) => {
                Ok(names.iter().map(|name| package_name(name)).collect::<Result<_, _>>()?)
            }
        }
    }
}

/// `pyproject.toml`, as far as it names requirements (PEP 621).
#[derive(Deserialize)]
struct PyProject {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    dependencies: Option<Vec<String>>,
    #[serde(default)]
    dynamic: Vec<String>,
}

/// The most bytes of one file, and of all that are read for a request.
const LARGEST: u64 = 1 << 20;
/// The most requirements of a request: more than any environment has packages.
const MOST: usize = 4096;
/// How deep `-r` may nest, and how many files may be named so.
const DEEPEST: usize = 8;
const MOST_FILES: usize = 100;

impl RequestFile {
    /// Reads a file by its name: `pyproject.toml`, another `.toml` as `axle.toml`, else requirements.
    pub fn read(&mut self, path: &Path) -> Result<(), Error> {
        let text = self.text(path).map_err(|error| {
            format!("{error}; --from reads an axle.toml, requirements.txt or pyproject.toml")
        })?;
        let said = |error: Error| -> Error { format!("{}: {error}", path.display()).into() };
        if path.file_name().is_some_and(|name| name == "pyproject.toml") {
            self.pyproject(&text).map_err(said)
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            self.axle_toml(&text).map_err(said)
        } else {
            self.requirements(path, &text, DEEPEST)
        }
    }

    fn text(&mut self, path: &Path) -> Result<String, Error> {
        let text = read_text(path, LARGEST)?;
        self.bytes += text.len() as u64;
        if self.bytes > LARGEST {
            return Err(format!("the request has more than {LARGEST} bytes, which is the limit").into());
        }
        Ok(text)
    }

    /// Adds a requirement.
    fn require(&mut self, text: &str) -> Result<(), Error> {
        if self.requirements.len() == MOST {
            return Err(format!("the request has more than {MOST} requirements, which is the limit").into());
        }
        self.requirements.push(requirement(text)?);
        Ok(())
    }

    /// Reads the text of an `axle.toml`.
    pub fn axle_toml(&mut self, text: &str) -> Result<(), Error> {
        let file: AxleToml = parse(text)?;
        for package in &file.packages {
            self.require(package)?;
        }
        set(&mut self.python, file.python.as_deref())?;
        if let Some(cuda) = file.cuda {
            self.cuda = Some(match cuda.as_str() {
                "none" => CudaTarget::Cpu,
                release => crate::arguments::cuda_release(release)
                    .map_err(|_| format!("`cuda = \"{release}\"`: write a release, e.g. 12.8, or none"))?,
            });
        }
        for capability in &file.compute_capabilities {
            self.compute_capabilities.push(capability.parse()?);
        }
        self.gpus.extend(file.gpus);
        self.gcc = file.gcc.or(self.gcc);
        self.clang = file.clang.or(self.clang);
        set(&mut self.driver, file.driver.as_deref())?;
        for rule in &file.allow {
            self.allowed.push(rule.parse()?);
        }
        if let Some(torch) = file.torch {
            self.torch = Some(crate::arguments::version(&torch)?);
        }
        set(&mut self.system, file.system.as_deref())?;
        set(&mut self.glibc, file.glibc.as_deref())?;
        match file.prefer {
            None => {}
            Some(Preference::All(prefer)) => self.prefer.push((None, prefer.parse()?)),
            Some(Preference::Packages(packages)) => {
                for (name, prefer) in packages {
                    let name = (name != "all").then(|| package_name(&name)).transpose()?;
                    self.prefer.push((name, prefer.parse()?));
                }
            }
        }
        self.only_wheels.extend(file.only_wheels.map(Packages::names).transpose()?.into_iter().flatten());
        self.only_audited.extend(file.only_audited.map(Packages::names).transpose()?.into_iter().flatten());
        Ok(())
    }

    /// Reads the text of a `pyproject.toml`.
    pub fn pyproject(&mut self, text: &str) -> Result<(), Error> {
        let file: PyProject = parse(text)?;
        let project =
            file.project.ok_or("it has no [project] table, which would list dependencies (PEP 621)")?;
        let Some(dependencies) = project.dependencies else {
            let is_dynamic = project.dynamic.iter().any(|field| field == "dependencies");
            let why = if is_dynamic {
                "its dependencies are dynamic: only its build backend knows them, and axle does not run build backends"
            } else {
                "its [project] table has no dependencies"
            };
            return Err(why.into());
        };
        for dependency in &dependencies {
            self.require(dependency)?;
        }
        Ok(())
    }

    /// Reads requirements as pip does, as far as they name packages.
    pub fn requirements(&mut self, path: &Path, text: &str, depth: usize) -> Result<(), Error> {
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let mut whole = line.to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                whole.push(' ');
                whole.push_str(lines.next().map_or("", |(_, next)| next));
            }
            let said =
                |error: Error| -> Error { format!("{} line {}: {error}", path.display(), number + 1).into() };
            let line = uncommented(&whole);
            match line.strip_prefix("-r").or_else(|| line.strip_prefix("--requirement")) {
                None => self.requirement_line(path, line).map_err(said)?,
                Some(other) => {
                    let other = path.with_file_name(other.trim_start_matches(['=', ' ', '\t']));
                    let deep = || format!("{} is included too deeply, or by itself", other.display());
                    let depth = depth.checked_sub(1).ok_or_else(deep)?;
                    if self.read.len() == MOST_FILES {
                        return Err(said(
                            format!("it includes more than {MOST_FILES} files, which is the limit").into(),
                        ));
                    }
                    let real = other.canonicalize().unwrap_or_else(|_| other.clone());
                    if self.read.insert(real) {
                        let text = self.text(&other).map_err(said)?;
                        self.requirements(&other, &text, depth)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn requirement_line(&mut self, path: &Path, line: &str) -> Result<(), Error> {
        const LEFT_OUT: [&str; 14] = [
            "-i",
            "--index-url",
            "--extra-index-url",
            "--no-index",
            "-f",
            "--find-links",
            "--trusted-host",
            "--require-hashes",
            "--pre",
            "--prefer-binary",
            "--only-binary",
            "--no-binary",
            "--use-feature",
            "--uploaded-prior-to",
        ];
        if line.is_empty() {
            return Ok(());
        }
        if !line.starts_with('-') {
            // Options of one requirement are hashes, of the file that was chosen then.
            let line = line.split(" --").next().unwrap_or(line).trim();
            self.require(line)?;
            return Ok(());
        }
        let option = line.split([' ', '=']).next().unwrap_or(line);
        if !LEFT_OUT.contains(&option) {
            return Err(format!("`{option}` is not supported in a request; name packages instead").into());
        }
        let what = "is ignored: axle picks from its catalogue";
        output::note(&format!("{}: {option} {what}", path.display()));
        Ok(())
    }
}

fn set<T: FromStr>(value: &mut Option<T>, text: Option<&str>) -> Result<(), Error>
where
    T::Err: std::error::Error + 'static,
{
    if let Some(text) = text {
        *value = Some(text.parse()?);
    }
    Ok(())
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        // Shown whole, it would draw the line over several lines.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.split('\n').count(), error.message().trim()).into()
    })
}

/// A line without its comment, as pip sees it.
fn uncommented(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') {
        return "";
    }
    line.find(" #").or_else(|| line.find("\t#")).map_or(line, |place| line[..place].trim_end())
}
