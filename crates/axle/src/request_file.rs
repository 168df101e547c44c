//! Requests in files: `axle.toml`, and the requirements of `requirements.txt` and `pyproject.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axle_plan::{Prefer, package_name, requirement};
use axle_rules::Rule;
use axle_types::{ComputeCapability, CudaTarget, DriverVersion, Glibc, PythonVersion, Requirement, System};
use axle_wheel::read_text;
use serde::Deserialize;
use toml::Spanned;

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
    pub publishers: Vec<String>,
    /// The files of requirements that were read: who names one twice gets it once.
    read: BTreeSet<PathBuf>,
    bytes: u64,
}

/// `axle.toml`. Values are parsed with the file, so that a wrong one is reported with its line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AxleToml {
    #[serde(default)]
    packages: Vec<Spanned<String>>,
    python: Option<PythonVersion>,
    /// A release, or `none`.
    cuda: Option<Spanned<String>>,
    #[serde(default)]
    compute_capabilities: Vec<ComputeCapability>,
    #[serde(default)]
    gpus: Vec<String>,
    gcc: Option<u16>,
    clang: Option<u16>,
    driver: Option<DriverVersion>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    torch: Option<Spanned<String>>,
    system: Option<System>,
    glibc: Option<Glibc>,
    prefer: Option<Spanned<Preference>>,
    only_wheels: Option<Spanned<Packages>>,
    only_audited: Option<Spanned<Packages>>,
    publishers: Option<Publishers>,
}

/// `"none"`, or names.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Publishers {
    One(String),
    Named(Vec<String>),
}

/// `"newest"`, or `{ all = "newest", flash-attn = "source" }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Preference {
    All(String),
    Packages(BTreeMap<String, String>),
}

impl Preference {
    /// As the command line gives them: without a name it is that of all.
    fn preferences(self) -> Result<Vec<(Option<String>, Prefer)>, Error> {
        match self {
            Self::All(prefer) => Ok(vec![(None, prefer.parse()?)]),
            Self::Packages(packages) => {
                let one = |(name, prefer): (String, String)| {
                    let name = (name != "all").then(|| package_name(&name)).transpose()?;
                    Ok((name, prefer.parse()?))
                };
                packages.into_iter().map(one).collect()
            }
        }
    }
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
        for package in file.packages {
            on_line(text, package, |package| self.require(&package))?;
        }
        self.python = file.python.or(self.python);
        if let Some(cuda) = file.cuda {
            self.cuda = Some(on_line(text, cuda, |cuda| match cuda.as_str() {
                "none" => Ok(CudaTarget::Cpu),
                release => crate::arguments::cuda_release(release).map_err(|_| {
                    format!("`cuda = \"{release}\"`: write a release, e.g. 12.8, or none").into()
                }),
            })?);
        }
        self.compute_capabilities.extend(file.compute_capabilities);
        self.gpus.extend(file.gpus);
        self.gcc = file.gcc.or(self.gcc);
        self.clang = file.clang.or(self.clang);
        self.driver = file.driver.or(self.driver.take());
        for rule in file.allow {
            self.allowed.push(on_line(text, rule, |rule| Ok(crate::arguments::allowable(&rule)?))?);
        }
        if let Some(torch) = file.torch {
            self.torch = Some(on_line(text, torch, |torch| Ok(crate::arguments::version(&torch)?))?);
        }
        self.system = file.system.or(self.system);
        self.glibc = file.glibc.or(self.glibc);
        if let Some(preference) = file.prefer {
            self.prefer.extend(on_line(text, preference, Preference::preferences)?);
        }
        for (names, of) in
            [(&mut self.only_wheels, file.only_wheels), (&mut self.only_audited, file.only_audited)]
        {
            if let Some(packages) = of {
                names.extend(on_line(text, packages, Packages::names)?);
            }
        }
        match file.publishers {
            None => {}
            Some(Publishers::One(name)) => self.publishers.push(name),
            // An empty list is none.
            Some(Publishers::Named(names)) if names.is_empty() => self.publishers.push("none".to_owned()),
            Some(Publishers::Named(names)) => self.publishers.extend(names),
        }
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

/// What a value comes to, or what is wrong with it, with its line.
fn on_line<T, U>(
    text: &str,
    value: Spanned<T>,
    read: impl FnOnce(T) -> Result<U, Error>,
) -> Result<U, Error> {
    let line = line_of(text, value.span().start);
    read(value.into_inner()).map_err(|error| format!("line {line}: {error}").into())
}

/// The number of the line that holds a byte.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().split('\n').count()
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        // Shown whole, it would draw the line over several lines.
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("line {line}: {}", error.message().trim()).into()
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
