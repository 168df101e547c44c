//! Settings of the user's pip: the package index, and the certificates to trust.
//!
//! In order of precedence: `--index-url`, `UV_DEFAULT_INDEX`, `PIP_INDEX_URL`, pip's configuration files, and the
//! default that is built into pip, for which pip itself is run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axle_wheel::read_text;
use configparser::ini::Ini;
use thiserror::Error;

use crate::ask_program;

/// What is needed to talk to an index.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The URL of the simple API; it may hold credentials, so it is not for messages.
    pub index_url: String,
    /// A file of certificates (PEM) to trust instead of the system's.
    pub certificates: Option<PathBuf>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("index_url", &crate::http::without_credentials(&self.index_url))
            .field("certificates", &self.certificates)
            .finish()
    }
}

impl Settings {
    /// An index at `index_url`, and the certificates that the system trusts.
    pub fn new(index_url: impl Into<String>) -> Self {
        Self { index_url: index_url.into(), certificates: None }
    }

    /// The user's settings, with `index_url` over all else where it is given.
    ///
    /// # Errors
    /// When a configuration file of pip can't be read, or nothing names an index: no option, no
    /// variable, no file, and there is no pip to ask.
    pub fn discover(index_url: Option<&str>) -> Result<Self, SettingsError> {
        // Of what is not UTF-8 nothing is asked for.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let environment: Environment = std::env::vars_os().filter_map(text).collect();
        let configuration = PipConfiguration::load(&environment)?;
        let index_url = match named_index(index_url, &environment, &configuration) {
            Some(index_url) => index_url,
            None => default_of_pip()?,
        };
        Ok(Self { index_url, certificates: named_certificates(&environment, &configuration) })
    }
}

/// The most bytes of a configuration file of pip.
const LARGEST_CONFIGURATION: u64 = 1 << 20;

type Environment = BTreeMap<String, String>;

/// The value of a variable that is set and not empty.
fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn named_index(
    option: Option<&str>,
    environment: &Environment,
    configuration: &PipConfiguration,
) -> Option<String> {
    option
        .or_else(|| variable(environment, "UV_DEFAULT_INDEX").map(without_index_name))
        .or_else(|| variable(environment, "PIP_INDEX_URL"))
        .or_else(|| configuration.get("index-url"))
        .map(str::to_owned)
}

/// uv lets an index have a name: `internal=https://…`.
fn without_index_name(index: &str) -> &str {
    match index.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => url,
        _ => index,
    }
}

fn named_certificates(environment: &Environment, configuration: &PipConfiguration) -> Option<PathBuf> {
    variable(environment, "PIP_CERT")
        .or_else(|| configuration.get("cert"))
        .or_else(|| variable(environment, "REQUESTS_CA_BUNDLE"))
        .or_else(|| variable(environment, "SSL_CERT_FILE"))
        .map(PathBuf::from)
}

/// The `[global]` section of pip's configuration files, merged as pip merges them.
#[derive(Debug, Default)]
struct PipConfiguration {
    values: BTreeMap<String, String>,
}

impl PipConfiguration {
    fn load(environment: &Environment) -> Result<Self, SettingsError> {
        let mut configuration = Self::default();
        for path in configuration_files(environment) {
            match read_text(&path, LARGEST_CONFIGURATION) {
                Ok(text) => configuration.merge(&path, &text)?,
                // pip too passes over files that are not there or not for this user.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Err(SettingsError::Configuration { path, message: "it is not UTF-8".to_owned() });
                }
                Err(_) => {}
            }
        }
        Ok(configuration)
    }

    fn merge(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let mut ini = Ini::new();
        ini.set_multiline(true);
        // A `#` inside of a URL starts no comment.
        ini.set_inline_comment_symbols(Some(&[]));
        let sections = ini
            .read(text.to_owned())
            .map_err(|message| SettingsError::Configuration { path: path.to_path_buf(), message })?;
        for (key, value) in sections.get("global").into_iter().flatten() {
            if let Some(value) = value {
                // pip takes both spellings of a key.
                self.values.insert(key.replace('_', "-"), value.trim().to_owned());
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// pip's configuration files on Linux, the later over the earlier
/// (<https://pip.pypa.io/en/stable/topics/configuration/>).
fn configuration_files(environment: &Environment) -> Vec<PathBuf> {
    let chosen = variable(environment, "PIP_CONFIG_FILE").map(PathBuf::from);
    if chosen.as_deref() == Some(Path::new("/dev/null")) {
        return Vec::new();
    }
    let mut files: Vec<PathBuf> = variable(environment, "XDG_CONFIG_DIRS")
        .unwrap_or("/etc/xdg")
        .split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(folder).join("pip/pip.conf"))
        .collect();
    files.push(PathBuf::from("/etc/pip.conf"));
    // The file that the variable names takes the place of the user's.
    if !chosen.as_ref().is_some_and(|path| path.exists()) {
        let home = variable(environment, "HOME").map(PathBuf::from);
        let config = variable(environment, "XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| home.join(".config")));
        files.extend(home.map(|home| home.join(".pip/pip.conf")));
        files.extend(config.map(|config| config.join("pip/pip.conf")));
    }
    files.extend(variable(environment, "VIRTUAL_ENV").map(|folder| Path::new(folder).join("pip.conf")));
    files.extend(chosen);
    files
}

/// The index that pip uses when nothing is configured.
fn default_of_pip() -> Result<String, SettingsError> {
    const QUESTION: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    const PATIENCE: Duration = Duration::from_secs(20);

    for python in ["python3", "/usr/bin/python3"] {
        // Isolated (-I): what lies in the current folder must not answer for pip.
        let Ok(Some(answer)) = ask_program(python, &["-I", "-c", QUESTION], PATIENCE) else { continue };
        if answer.trim().starts_with("https://") {
            return Ok(answer.trim().to_owned());
        }
    }
    Err(SettingsError::NoIndex)
}

/// Why it is not known which index to ask.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A configuration file of pip is broken.
    #[error("failed to read pip's configuration file {}: {message}", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Nothing names one, and there is no pip to ask.
    #[error(
        "no package index is configured: PIP_INDEX_URL is not set, pip's configuration has none, and \
         python3 has no pip; give one with --index-url"
    )]
    NoIndex,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn configuration(text: &str) -> PipConfiguration {
        let mut configuration = PipConfiguration::default();
        configuration.merge(Path::new("pip.conf"), text).unwrap();
        configuration
    }

    #[test]
    fn the_order_of_index_settings() {
        let file = configuration("[global]\nindex-url = https://file.example/simple\n");
        let pip = environment(&[("PIP_INDEX_URL", "https://pip.example/simple")]);
        let uv = environment(&[
            ("PIP_INDEX_URL", "https://pip.example/simple"),
            ("UV_DEFAULT_INDEX", "work=https://uv.example/simple"),
        ]);
        let named = |option, environment| named_index(option, environment, &file);
        assert_eq!(named(Some("https://option.example"), &uv).unwrap(), "https://option.example");
        assert_eq!(named(None, &uv).unwrap(), "https://uv.example/simple");
        assert_eq!(named(None, &pip).unwrap(), "https://pip.example/simple");
        assert_eq!(named(None, &Environment::new()).unwrap(), "https://file.example/simple");
        assert_eq!(named_index(None, &Environment::new(), &PipConfiguration::default()), None);
    }

    #[test]
    fn what_pip_reads_from_a_file() {
        let file = configuration(
            "# comment\n[global]\nindex_url: https://user:secret@example.org/simple?a=b#c\ncert = /ca.pem\n\
             trusted-host =\n    one\n    two\n[install]\nindex-url = https://other.example\n",
        );
        assert_eq!(file.get("index-url"), Some("https://user:secret@example.org/simple?a=b#c"));
        assert_eq!(file.get("cert"), Some("/ca.pem"));
    }

    #[test]
    fn a_broken_file_is_named() {
        let error =
            PipConfiguration::default().merge(Path::new("/home/me/pip.conf"), "[global\n").unwrap_err();
        insta::assert_snapshot!(error);
    }

    #[test]
    fn later_files_win() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, url: &str| {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, format!("[global]\nindex-url = {url}\n")).unwrap();
        };
        write("home/.pip/pip.conf", "https://legacy.example");
        write("home/.config/pip/pip.conf", "https://user.example");
        let root = folder.path().to_str().unwrap();
        let home = format!("{root}/home");
        let loaded = |extra: &[(&str, &str)]| {
            let mut environment = environment(&[("HOME", &home), ("XDG_CONFIG_DIRS", root)]);
            environment.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            PipConfiguration::load(&environment).unwrap().get("index-url").map(str::to_owned)
        };
        assert_eq!(loaded(&[]).unwrap(), "https://user.example");

        write("venv/pip.conf", "https://site.example");
        let venv = format!("{root}/venv");
        assert_eq!(loaded(&[("VIRTUAL_ENV", &venv)]).unwrap(), "https://site.example");

        write("chosen.conf", "https://chosen.example");
        let chosen = format!("{root}/chosen.conf");
        assert_eq!(
            loaded(&[("VIRTUAL_ENV", &venv), ("PIP_CONFIG_FILE", &chosen)]).unwrap(),
            "https://chosen.example"
        );
        assert_eq!(loaded(&[("PIP_CONFIG_FILE", "/dev/null")]), None);
    }

    #[test]
    fn certificates_as_pip_takes_them() {
        let file = configuration("[global]\ncert = /file.pem\n");
        let both = environment(&[("PIP_CERT", "/pip.pem"), ("SSL_CERT_FILE", "/ssl.pem")]);
        assert_eq!(named_certificates(&both, &file), Some("/pip.pem".into()));
        let ssl = environment(&[("SSL_CERT_FILE", "/ssl.pem")]);
        assert_eq!(named_certificates(&ssl, &file), Some("/file.pem".into()));
        assert_eq!(named_certificates(&ssl, &PipConfiguration::default()), Some("/ssl.pem".into()));
    }

    #[test]
    fn credentials_are_not_shown() {
        let settings = Settings::new("https://user:secret@example.org/simple");
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
