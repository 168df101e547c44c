//! Compiler and glibc limits of a CUDA release, read from its headers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;

use axle_index::File;
use axle_toolkit::{CompilerRange, Host};
use axle_types::{Glibc, System};

use crate::Error;
use crate::toolkit_files::{Downloads, ToolkitFiles, source, unpack};

/// What each system's headers say.
pub fn hosts(downloads: &Downloads, files: &ToolkitFiles) -> Result<BTreeMap<System, Host>, Error> {
    let hosts = files.headers.iter().map(|(&system, file)| Ok((system, host(downloads, file, system)?)));
    hosts.collect()
}

fn host(downloads: &Downloads, file: &File, system: System) -> Result<Host, Error> {
    let headers = downloads.members(file, |path| path.contains("/include/crt/"))?;
    let folder = tempfile::tempdir()?;
    unpack(&headers, folder.path())?;
    let find = |name: &str| {
        let path = headers.keys().find(|path| path.ends_with(name));
        path.cloned()
            .ok_or_else(|| Error::Member { filename: file.filename.clone(), member: name.to_owned() })
    };
    let (config, math) = (find("/crt/host_config.h")?, find("/crt/math_functions.h")?);
    let stubs = tempfile::tempdir()?;
    let preprocessor = Preprocessor { file, stubs: stubs.path(), system };
    let config_path = folder.path().join(&config);
    Ok(Host {
        gcc: range("gcc", file, |major| preprocessor.accepts(&config_path, &gcc_macros(major)))?,
        clang: range("clang", file, |major| preprocessor.accepts(&config_path, &clang_macros(major)))?,
        compilers_source: source(file, Some(&config)),
        glibc_headers_below: glibc_headers_below(&preprocessor, &folder.path().join(&math))?,
        glibc_source: source(file, Some(&math)),
    })
}

/// The majors that are tried: those that there are, and some that are still to come.
const MAJORS: RangeInclusive<u16> = 2..=40;

fn gcc_macros(major: u16) -> Vec<String> {
    vec![format!("__GNUC__={major}"), "__GNUC_MINOR__=9".to_owned(), "__GNUC_PATCHLEVEL__=0".to_owned()]
}

/// clang gives itself out for gcc 4.2.1.
fn clang_macros(major: u16) -> Vec<String> {
    let own = ["__clang__=1", "__clang_minor__=9", "__GNUC__=4", "__GNUC_MINOR__=2", "__GNUC_PATCHLEVEL__=1"];
    let major = format!("__clang_major__={major}");
    own.into_iter().map(str::to_owned).chain([major]).collect()
}

/// The accepted majors, which must follow on each other.
fn range(
    compiler: &'static str,
    file: &File,
    accepts: impl Fn(u16) -> Result<bool, Error>,
) -> Result<CompilerRange, Error> {
    let mut accepted = Vec::new();
    for major in MAJORS {
        if accepts(major)? {
            accepted.push(major);
        }
    }
    let (Some(&min), Some(&max)) = (accepted.first(), accepted.last()) else {
        return Err(Error::Gaps { filename: file.filename.clone(), compiler, accepted });
    };
    if usize::from(max - min) + 1 != accepted.len() {
        return Err(Error::Gaps { filename: file.filename.clone(), compiler, accepted });
    }
    let bound = |major: u16, end: u16| (major != end).then_some(major);
    Ok(CompilerRange { min: bound(min, *MAJORS.start()), max: bound(max, *MAJORS.end()) })
}

/// The functions that glibc declares with an exception specification, with the release that first did: glibc's NEWS.
const DECLARED_BY_GLIBC: [(&str, Glibc); 3] =
    [("cospi", Glibc::new(2, 41)), ("sinpi", Glibc::new(2, 41)), ("rsqrt", Glibc::new(2, 42))];

/// The first glibc with which a function is declared twice, once with and once without an exception specification.
/// Compilers refuse that.
fn glibc_headers_below(preprocessor: &Preprocessor<'_>, math: &Path) -> Result<Option<Glibc>, Error> {
    for minor in 34..=60 {
        let glibc = Glibc::new(2, minor);
        let macros: Vec<String> = gcc_macros(13)
            .into_iter()
            .chain([
                "__GLIBC__=2".to_owned(),
                format!("__GLIBC_MINOR__={minor}"),
                "__GLIBC_PREREQ(major,minor)=((__GLIBC__<<16)+__GLIBC_MINOR__>=((major)<<16)+(minor))"
                    .to_owned(),
                "__GNUC_PREREQ(major,minor)=((__GNUC__<<16)+__GNUC_MINOR__>=((major)<<16)+(minor))"
                    .to_owned(),
                // g++ defines _GNU_SOURCE, with which glibc sets this.
                "__GLIBC_USE_ISOC23=1".to_owned(),
                "__GLIBC_USE_ISOC2X=1".to_owned(),
                "__GLIBC_USE(feature)=__GLIBC_USE_##feature".to_owned(),
                "__THROW=noexcept(true)".to_owned(),
            ])
            .collect();
        let (_, text) = preprocessor.run(math, &macros)?;
        for (function, since) in DECLARED_BY_GLIBC {
            if glibc < since {
                continue;
            }
            let declaration = declaration(&text, function).ok_or_else(|| Error::Preprocessor {
                filename: preprocessor.file.filename.clone(),
                output: format!("{} does not declare {function}(double)", math.display()),
            })?;
            if !declaration.contains("noexcept") && !declaration.contains("throw()") {
                return Ok(Some(glibc));
            }
        }
    }
    Ok(None)
}

/// The first `double NAME(double x) …;` of a preprocessed header.
fn declaration<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let start = text.find(&format!(" {function}(double "))?;
    text.get(start..)?.split([';', '{']).next()
}

/// The machine's C preprocessor, which has forgotten which compiler it belongs to.
struct Preprocessor<'a> {
    file: &'a File,
    stubs: &'a Path,
    system: System,
}

impl Preprocessor<'_> {
    /// Whether the header's check of the compiler passes.
    fn accepts(&self, header: &Path, macros: &[String]) -> Result<bool, Error> {
        let (errors, _) = self.run(header, macros)?;
        match errors.as_str() {
            "" => Ok(true),
            errors
                if errors.contains("unsupported GNU version")
                    || errors.contains("unsupported clang version") =>
            {
                Ok(false)
            }
            errors => Err(Error::Preprocessor {
                filename: self.file.filename.clone(),
                output: errors.lines().take(3).collect::<Vec<_>>().join(" "),
            }),
        }
    }

    /// The errors, and the text. A header of others that is missing is not what is asked about: it is made, empty.
    fn run(&self, header: &Path, macros: &[String]) -> Result<(String, String), Error> {
        loop {
            let (errors, text) = self.run_once(header, macros)?;
            let missing =
                errors.split("fatal error: ").nth(1).and_then(|rest| rest.split(": No such file").next());
            // What is there already would be asked for again and again.
            let Some(stub) = missing.map(|name| self.stubs.join(name)).filter(|stub| !stub.exists()) else {
                return Ok((errors, text));
            };
            if let Some(folder) = stub.parent() {
                fs_err::create_dir_all(folder)?;
            }
            fs_err::write(&stub, "")?;
        }
    }

    fn run_once(&self, header: &Path, macros: &[String]) -> Result<(String, String), Error> {
        let program = "gcc";
        let include = header.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let mut command = Command::new(program);
        command
            .args(["-E", "-P", "-x", "c++", "-undef", "-nostdinc", "-w"])
            .args([
                "-D__CUDACC__=1",
                "-D__CUDA_INCLUDE_COMPILER_INTERNAL_HEADERS__=1",
                "-D__cplusplus=201703L",
            ])
            .args([
                "-D__linux__=1",
                "-D__linux=1",
                "-D__unix__=1",
                "-D__LP64__=1",
                "-D_LP64=1",
                "-D__ELF__=1",
            ])
            .arg(format!("-D__{}__=1", self.system.architecture()))
            .args(macros.iter().map(|definition| format!("-D{definition}")))
            .arg("-I")
            .arg(include)
            .arg("-I")
            .arg(self.stubs)
            .arg(header)
            // Messages are compared.
            .env("LC_ALL", "C");
        let output =
            command.output().map_err(|source| Error::Start { program: program.to_owned(), source })?;
        let errors: String = String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| line.contains("error:"))
            .flat_map(|line| [line, "\n"])
            .collect();
        Ok((errors, String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}
