//! Runs the command, and writes down what it did.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

/// The command that is tested.
pub const AXLE: &str = env!("CARGO_BIN_EXE_axle");
/// A small catalogue, written by hand.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalogue");

/// A folder in which the command runs, without the user's settings.
pub struct Folder {
    folder: TempDir,
    hidden: Vec<(String, String)>,
}

impl Folder {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), hidden: Vec::new() }
    }

    /// A folder with the small catalogue as `catalogue`, which is not to be changed.
    pub fn with_catalogue() -> Self {
        let folder = Self::new();
        symlink(CATALOGUE, folder.path("catalogue")).unwrap();
        folder
    }

    /// A folder with a copy of what is written by hand in the small catalogue.
    pub fn with_catalogue_to_update() -> Self {
        let folder = Self::new();
        folder.write("catalogue/matrix.toml", fs::read(format!("{CATALOGUE}/matrix.toml")).unwrap());
        for entry in fs::read_dir(format!("{CATALOGUE}/packages")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            folder.write(&format!("catalogue/packages/{name}"), fs::read(&path).unwrap());
        }
        folder
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Every file below a path with its bytes, sorted.
    pub fn files(&self, path: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut next = vec![self.path(path)];
        while let Some(path) = next.pop() {
            if path.is_dir() {
                next.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                files.push((path.clone(), fs::read(path).unwrap()));
            }
        }
        files.sort();
        files
    }

    /// Writes `instead` for a text that changes from run to run.
    pub fn hide(&mut self, text: impl Into<String>, instead: &str) {
        self.hidden.push((text.into(), instead.to_owned()));
    }

    /// The command, in this folder and without the user's settings.
    pub fn command(&self, program: impl AsRef<Path>) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(program.as_ref());
        let programs = std::env::var("PATH").unwrap_or_default();
        let own = Path::new(AXLE).parent().unwrap().display();
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{own}:{programs}"))
            .env("HOME", self.folder.path())
            .env("PIP_CONFIG_FILE", "/dev/null")
            .timeout(Duration::from_mins(2));
        command
    }

    /// Runs `axle` with some arguments.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let output = self.command(AXLE).args(arguments).output().unwrap();
        if arguments.ends_with(&["--format", "json"]) {
            assert_json(&output);
        }
        output
    }

    /// Runs a line in a shell, as a user would.
    pub fn shell(&self, line: &str) -> String {
        let output = self.command("sh").args(["-c", line]).output().unwrap();
        if line.contains("--format json") && !line.contains(['|', '>']) {
            assert_json(&output);
        }
        self.shown(line, &output)
    }

    /// Runs lines in a shell, and writes down what each printed and its status.
    pub fn transcript(&self, lines: &[&str]) -> String {
        lines.iter().map(|line| self.shell(line)).collect::<Vec<_>>().join("\n")
    }

    /// What a line did.
    fn shown(&self, line: &str, output: &Output) -> String {
        let status = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
        let mut text = format!("$ {line}\n");
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                let content = std::str::from_utf8(bytes).unwrap();
                let _ = write!(text, "--- {name}\n{content}");
            }
        }
        let _ = writeln!(text, "--- status {status}");
        for (hidden, instead) in &self.hidden {
            text = text.replace(hidden.as_str(), instead);
        }
        text.replace(self.folder.path().to_str().unwrap(), "/folder")
    }
}

/// Whatever was asked, what was printed is nothing, or JSON.
fn assert_json(output: &Output) {
    let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
    for document in documents {
        document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    }
}

/// What was printed to standard error: nothing, or one line.
pub fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    text
}
