//! Validation of the strings in catalogues and lock files.
//!
//! Nix puts them into file names, derivations and the scripts of builders. They are escaped there; here invalid ones
//! are rejected before they are used at all, so that an untrusted file is data and stays data.

use axle_toolkit::{SupportedCompilers, Toolkits};
use thiserror::Error;

use crate::{
    ArtefactFile, BuildEnvironments, BuildFile, CellFile, ComponentsFile, Extra, Fetch, FetchPypi, FetchUrl,
    FetchWheel, FrozenWheel, ImportsFile, LibrariesFile, Origin, Provider, SourceBuild, ToolkitWheels,
    WheelBuild,
};

/// A text in a catalogue or a lock that cannot be what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not {what}")]
pub struct InvalidText {
    /// What it should be.
    what: &'static str,
    /// The text, or its start.
    text: String,
}

/// What is read from a file, and checked before it is used.
pub trait Valid {
    /// Checks every name, version, hash, address and path.
    ///
    /// # Errors
    /// The first that is none.
    fn check(&self) -> Result<(), InvalidText>;
}

fn expect(text: &str, what: &'static str, is: bool) -> Result<(), InvalidText> {
    const SHOWN: usize = 100;
    if is { Ok(()) } else { Err(InvalidText { what, text: text.chars().take(SHOWN).collect() }) }
}

fn all_of(text: &str, others: &[u8]) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

fn begins_well(text: &str) -> bool {
    text.len() <= 255 && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// The name of a package, normalised (PEP 503).
///
/// # Errors
/// When it is none.
pub fn package_name(text: &str) -> Result<(), InvalidText> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is = begins_well(text) && text.bytes().all(plain) && !text.ends_with('-') && !text.contains("--");
    expect(text, "a package name", is)
}

/// A version (PEP 440), or the start of one.
///
/// # Errors
/// When it is none.
pub fn version(text: &str) -> Result<(), InvalidText> {
    let is = begins_well(text) && all_of(text, b".!+_-") && text.bytes().any(|byte| byte.is_ascii_digit());
    expect(text, "a version", is)
}

fn file_name(text: &str) -> Result<(), InvalidText> {
    expect(text, "a file name of a wheel or an sdist", begins_well(text) && all_of(text, b"._+!~-"))
}

/// A file's name, or that with `#` and the start of its hash.
fn file_key(text: &str) -> Result<(), InvalidText> {
    match text.split_once('#') {
        Some((name, hash)) => {
            expect(text, "a file name with its hash", hash.len() == 12 && is_hex(hash))?;
            file_name(name)
        }
        None => file_name(text),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn sha256(text: &str) -> Result<(), InvalidText> {
    expect(text, "a SHA-256 in hexadecimal", text.len() == 64 && is_hex(text))
}

/// As Nix writes hashes.
fn sri(text: &str) -> Result<(), InvalidText> {
    let digits = text.strip_prefix("sha256-").and_then(|digits| digits.strip_suffix('='));
    let is = digits.is_some_and(|digits| digits.len() == 43 && all_of(digits, b"+/"));
    expect(text, "a hash of the form sha256-…", is)
}

/// An address without a user, in the characters of RFC 3986.
fn address(text: &str) -> Result<(), InvalidText> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is = rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !host.contains('@') && all_of(rest, b"-._~:/?#[]@!$&'()*+,;=%")
    });
    expect(text, "a URL of a file", is && text.len() <= 4096)
}

/// A path below the folder that it is for.
fn path(text: &str) -> Result<(), InvalidText> {
    let is = text.len() <= 4096
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !text.contains(|character| character == '\\' || axle_types::is_hidden(character));
    expect(text, "a path in a wheel", is)
}

fn soname(text: &str) -> Result<(), InvalidText> {
    let is = !text.is_empty() && text.len() <= 255 && !text.starts_with('-');
    expect(text, "a library name", is && all_of(text, b"._+@:=,~-"))
}

fn variable(text: &str) -> Result<(), InvalidText> {
    let first = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    expect(text, "a variable name", first && text.len() <= 255 && all_of(text, b"_"))
}

/// The dotted name of a Python module.
pub(crate) fn module(text: &str) -> Result<(), InvalidText> {
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && all_of(part, b"_")
    };
    expect(text, "the name of a Python module", text.len() <= 255 && text.split('.').all(is_name))
}

/// A name that only axle gives: of a component, of a library of the package set.
fn word(text: &str) -> Result<(), InvalidText> {
    expect(text, "a name", begins_well(text) && all_of(text, b"._-"))
}

/// Tags of a wheel, or the first of them.
fn tags(text: &str) -> Result<(), InvalidText> {
    expect(text, "a wheel tag", begins_well(text) && all_of(text, b"._"))
}

fn each<'a>(
    texts: impl IntoIterator<Item = &'a String>,
    check: fn(&str) -> Result<(), InvalidText>,
) -> Result<(), InvalidText> {
    texts.into_iter().try_for_each(|text| check(text))
}

impl Valid for BuildFile {
    fn check(&self) -> Result<(), InvalidText> {
        package_name(&self.name)?;
        version(&self.version)?;
        for (key, wheel) in &self.wheels {
            file_key(key)?;
            wheel.check()?;
        }
        for (key, source) in &self.sources {
            file_key(key)?;
            source.check()?;
        }
        Ok(())
    }
}

impl Valid for WheelBuild {
    fn check(&self) -> Result<(), InvalidText> {
        self.fetch.check()?;
        tags(&self.python_tag)?;
        for member in &self.members {
            path(&member.path)?;
            member.search.iter().try_for_each(Valid::check)?;
        }
        for (name, folder) in &self.libraries {
            soname(name)?;
            if !folder.is_empty() {
                path(folder)?;
            }
        }
        each(&self.omit, path)?;
        for (name, reference) in &self.scripts {
            let text = format!("[console_scripts]\n{name} = {reference}");
            let is =
                !name.contains('\n') && axle_wheel::console_scripts(&text).is_ok_and(|read| read.len() == 1);
            expect(name, "a console script", is)?;
        }
        for unprovided in &self.unprovided {
            path(&unprovided.member)?;
            soname(&unprovided.soname)?;
        }
        for (name, provider) in self.declared.iter().flatten() {
            soname(name)?;
            provider.check()?;
        }
        Ok(())
    }
}

impl Valid for SourceBuild {
    fn check(&self) -> Result<(), InvalidText> {
        self.fetch.check()?;
        each(&self.components, word)?;
        each(self.environment.keys(), variable)?;
        each(self.architectures.iter().map(|architectures| &architectures.variable), variable)?;
        each(&self.jobs, variable)?;
        each(self.replace.iter().map(|replacement| &replacement.file), path)
    }
}

impl Valid for ImportsFile {
    fn check(&self) -> Result<(), InvalidText> {
        for torch in &self.torches {
            version(&torch.version)?;
            for trial in &torch.trials {
                package_name(&trial.package)?;
                version(&trial.version)?;
                each(&trial.modules, module)?;
            }
        }
        Ok(())
    }
}

impl Valid for Provider {
    fn check(&self) -> Result<(), InvalidText> {
        match self {
            Self::Own { own } if own.is_empty() => Ok(()),
            Self::Own { own } => path(own),
            Self::Package { package, soname: name, .. } => {
                package_name(package)?;
                soname(name)
            }
            Self::Runtime { runtime } => word(runtime),
            Self::Driver { .. } => Ok(()),
        }
    }
}

impl Valid for Fetch {
    fn check(&self) -> Result<(), InvalidText> {
        match self {
            Self::FetchPypi(FetchPypi { pname, version: text, wheel, extension, hash }) => {
                file_name(pname)?;
                version(text)?;
                if let Some(FetchWheel { format, python, abi, platform, dist }) = wheel {
                    each([format, python, abi, platform, dist], tags)?;
                }
                each(extension, tags)?;
                sri(hash)
            }
            Self::FetchUrl(FetchUrl { url, name, hash }) => {
                address(url)?;
                file_name(name)?;
                sri(hash)
            }
        }
    }
}

impl Valid for FrozenWheel {
    fn check(&self) -> Result<(), InvalidText> {
        version(&self.version)?;
        file_name(&self.filename)
    }
}

impl Valid for CellFile {
    fn check(&self) -> Result<(), InvalidText> {
        each(self.order.iter().chain(self.torch.keys()).chain(self.absent.keys()), version)?;
        for cell in self.torch.values() {
            if !cell.cell.is_empty() {
                sha256(&cell.cell)?;
            }
            for (name, extras) in &cell.extras {
                package_name(name)?;
                for (extra, Extra { requires, blockers }) in &**extras {
                    package_name(extra)?;
                    each(requires, package_name)?;
                    for blocker in blockers {
                        package_name(&blocker.package)?;
                        version(&blocker.version)?;
                    }
                }
            }
            for (name, package) in &cell.packages {
                package_name(name)?;
                version(&package.version)?;
                each(&package.requires, package_name)?;
                if let Some(wheel) = &package.wheel {
                    file_name(&wheel.filename)?;
                    each(&wheel.publisher, package_name)?;
                    each(&wheel.device_code_in, file_name)?;
                }
                if let Some(source) = &package.source {
                    file_name(&source.filename)?;
                    each(&source.links, package_name)?;
                    for (name, frozen) in &source.frozen {
                        package_name(name)?;
                        frozen.check()?;
                    }
                }
            }
            each(cell.absent.keys().chain(cell.newer.keys()), package_name)?;
            cell.newer.values().try_for_each(|newer| version(&newer.version))?;
            cell.absent
                .values()
                .filter_map(|absence| absence.version.as_ref())
                .try_for_each(|text| version(text))?;
        }
        Ok(())
    }
}

impl Valid for ToolkitWheels {
    fn check(&self) -> Result<(), InvalidText> {
        version(&self.version)?;
        for (component, wheel) in &self.components {
            word(component)?;
            package_name(&wheel.package)?;
            version(&wheel.version)?;
            file_name(&wheel.filename)?;
        }
        Ok(())
    }
}

impl Valid for ComponentsFile {
    fn check(&self) -> Result<(), InvalidText> {
        self.toolkits().try_for_each(|(.., toolkit)| toolkit.check())
    }
}

impl Valid for BuildEnvironments {
    fn check(&self) -> Result<(), InvalidText> {
        self.environments.iter().flat_map(|environment| &environment.wheels).try_for_each(|(name, wheel)| {
            package_name(name)?;
            wheel.check()
        })
    }
}

impl Valid for LibrariesFile {
    fn check(&self) -> Result<(), InvalidText> {
        each(self.libraries.keys(), soname)?;
        each(self.libraries.values().flatten(), package_name)
    }
}

impl Valid for ArtefactFile {
    fn check(&self) -> Result<(), InvalidText> {
        package_name(&self.name)?;
        self.artefacts.iter().try_for_each(|artefact| {
            file_name(&artefact.filename)?;
            match &artefact.origin {
                Origin::Url(url) => address(url),
                Origin::Pypi => Ok(()),
            }
        })
    }
}

impl Valid for SupportedCompilers {
    fn check(&self) -> Result<(), InvalidText> {
        self.releases().try_for_each(version)
    }
}

/// Nothing of it comes to Nix.
impl Valid for Toolkits {
    fn check(&self) -> Result<(), InvalidText> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        type Check = fn(&str) -> Result<(), InvalidText>;

        let shell = [
            "2.10.0$(touch X)",
            "a; touch X",
            "a\n",
            "a b",
            "`a`",
            "a'b",
            "a\"b",
            "../a",
            "",
            "a$b",
            "-a",
            "é",
        ];
        for check in [package_name, version, file_name, file_key, soname, variable, word, tags, sha256, sri] {
            for text in shell {
                assert!(check(text).is_err(), "{text:?}");
            }
        }
        for text in ["../a", "/a", "a//b", "a\\b", "a\u{202e}b", "a/./b", ""] {
            assert!(path(text).is_err(), "{text:?}");
        }
        for text in [
            "ftp://h/x",
            "https://",
            "https://user@h/x",
            "https://h/x y",
            "https://h/\"",
            "https://h/\\",
            "https://h/`",
        ] {
            assert!(address(text).is_err(), "{text:?}");
        }
        assert_eq!(version("1;x").unwrap_err().to_string(), "`1;x` is not a version");
        let good: [(Check, &[&str]); 8] = [
            (package_name, &["torch", "nvidia-cublas-cu12", "a2"]),
            (version, &["2.9.1", "1!2.0rc1.post2+cu128.x_y", "2.9", "2.8.3-1"]),
            (file_key, &["x-1+cu12-py3-none-any.whl", "x_y-1!2.tar.gz", "x-1-py3-none-any.whl#0123456789ab"]),
            (soname, &["libstdc++.so.6", "ld-linux-x86-64.so.2", "_C.cpython-312-x86_64-linux-gnu.so"]),
            (variable, &["TORCH_CUDA_ARCH_LIST", "_x"]),
            (path, &["torch/lib/libc10.so", "a b/c (1).so"]),
            (address, &["https://h/releases/v1%2B2/x.whl?a=b&c#d"]),
            (sri, &["sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]),
        ];
        for (check, texts) in good {
            for text in texts {
                assert_eq!(check(text), Ok(()));
            }
        }
    }
}
