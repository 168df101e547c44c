//! Commands as a reader types them, and what they are shown to print.
//!
//! The commands of a page run in order in one folder, in which there is nothing but the last flake that the page has
//! shown so far, those of a block that calls cargo in the repository: it is for readers who have a clone. A line `…`
//! stands for any lines, and within a line for any text.
//!
//! `echo $?` tells the status of the command before it. Without it the status has to be 0, or, where axle's answer is
//! shown, 0 or 1: the answer says which.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axle_provision::cargo::of_package;
use axle_provision::nix::{self, NixEnv};
use tempfile::TempDir;

use crate::pages::{Block, Page, copy, root};
use crate::snippets::{self, AXLE};

/// What a block is marked with whose commands need the network or Nix.
pub const ONLINE: &str = "online";
/// What a block is marked with whose commands would change a clone: they run beside a copy of its catalogue.
pub const COPY: &str = "copy";
/// What a block is marked with whose commands `.ci/run` runs by itself.
pub const BY_CI: &str = "ci";

/// A command, and the lines below it.
pub struct Shown {
    pub command: String,
    pub output: Vec<String>,
}

/// The commands of a block.
pub fn commands(block: &Block) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(Shown { command: command.to_owned(), output: Vec::new() }),
            (None, Some(last)) if last.output.is_empty() && last.command.ends_with('\\') => {
                last.command.push('\n');
                last.command.push_str(line);
            }
            (None, Some(last)) => last.output.push(line.to_owned()),
            (None, None) => panic!("{}: `{line}` comes before any command", block.place),
        }
    }
    commands
}

/// A shell in which `axle` is the command line that was just built.
pub struct Shell {
    programs: TempDir,
    nix: Option<NixEnv>,
    /// What stands for the place where readers have axle from.
    axle: String,
}

impl Shell {
    /// Without Nix.
    pub fn new() -> Self {
        let programs = TempDir::new().unwrap();
        symlink(nix::command_line(&root()).unwrap(), programs.path().join("axle")).unwrap();
        symlink(env!("CARGO_BIN_EXE_xtask"), programs.path().join("xtask")).unwrap();
        Self { programs, nix: None, axle: AXLE.to_owned() }
    }

    /// With the project's Nix.
    pub fn with_nix() -> Self {
        let nix = nix::ensure().unwrap();
        Self { axle: snippets::flake(&nix), nix: Some(nix), ..Self::new() }
    }

    /// Runs a command after one that ended with `status`; gives what it said on both streams, and its status.
    fn run(&self, folder: &Path, command: &str, status: i32) -> (String, i32) {
        let mut path = vec![self.programs.path().to_owned()];
        path.extend(self.nix.iter().filter_map(|nix| nix.bin.clone()));
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let command = own(command).unwrap_or_else(|| command.to_owned()).replace(AXLE, &self.axle);
        let mut bash = Command::new("bash");
        for name in of_package() {
            bash.env_remove(name);
        }
        let output = bash
            .current_dir(folder)
            .args(["-c", &format!("exec 2>&1\n(exit {status})\n{command}")])
            .stdin(Stdio::null())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("INSTALLED", self.programs.path().join("installed"))
            .envs(self.nix.iter().flat_map(|nix| nix.vars.clone()))
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap_or(-1))
    }

    /// Runs the blocks of a page that `which` picks; gives what is not as shown.
    pub fn page(&self, page: &Page, which: impl Fn(&Block) -> bool) -> Vec<String> {
        let folder = TempDir::new().unwrap();
        let mut wrong = Vec::new();
        for block in &page.blocks() {
            if self.nix.is_some() && snippets::is_flake(block) {
                let flake = block.text.replace(AXLE, &self.axle);
                fs_err::write(folder.path().join("flake.nix"), flake).unwrap();
            }
            if block.language != "console" || !which(block) {
                continue;
            }
            let commands = commands(block);
            let copy = block.is(COPY).then(copy_of_the_catalogue);
            let folder = match &copy {
                Some(copy) => copy.path().to_owned(),
                None if commands.iter().any(|shown| shown.command.starts_with("cargo ")) => root(),
                None => folder.path().to_owned(),
            };
            let mut status = 0;
            for (index, Shown { command, output }) in commands.iter().enumerate() {
                let said;
                (said, status) = self.run(&folder, command, status);
                let lines: Vec<_> = said.lines().map(str::trim_end).collect();
                let is_told = commands.get(index + 1).is_some_and(|next| next.command == "echo $?");
                let allowed = if is_told {
                    0..=255
                } else if output.is_empty() {
                    0..=0
                } else {
                    0..=1
                };
                let shown: Vec<_> = output.iter().map(|line| line.trim_end()).collect();
                if !allowed.contains(&status) || !(shown.is_empty() || are_as_shown(&shown, &lines)) {
                    let place = &block.place;
                    wrong.push(format!("{place}: `{command}` ends with status {status} and prints\n{said}"));
                }
            }
        }
        wrong
    }

    /// Whether one of our own commands is understood: its help is shown after all of its words were read.
    pub fn understands(&self, command: &str) -> bool {
        let command = match command.split_once(" -- ") {
            Some((own, others)) => format!("{own} --help -- {others}"),
            None => format!("{command} --help"),
        };
        self.run(&root(), &command, 0).1 == 0
    }
}

/// What a command calls of our own, and what is called in its place: the program that is built already. What is
/// installed goes to nobody's folder, as fast as it goes, and beside what is built: its dependencies have other features.
const OWN: [(&str, &str); 4] = [
    ("axle ", "axle "),
    ("cargo run -q -p axle -- ", "axle "),
    ("cargo xtask ", "xtask "),
    (
        "cargo install ",
        "CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo install --debug --root $INSTALLED --target-dir $INSTALLED/target ",
    ),
];

/// The command with what is called in the place of our own, where it calls that.
pub fn own(command: &str) -> Option<String> {
    OWN.iter().find_map(|(called, instead)| Some(format!("{instead}{}", command.strip_prefix(called)?)))
}

fn copy_of_the_catalogue() -> TempDir {
    let folder = TempDir::new().unwrap();
    copy(&root().join("catalogue"), &folder.path().join("catalogue"));
    folder
}

/// Whether lines are those that are shown.
fn are_as_shown(shown: &[&str], lines: &[&str]) -> bool {
    match shown {
        [] => lines.is_empty(),
        [first, rest @ ..] if first.trim_start() == "…" => {
            (0..=lines.len()).any(|skipped| are_as_shown(rest, &lines[skipped..]))
        }
        [first, rest @ ..] => {
            lines.first().is_some_and(|line| is_as_shown(first, line)) && are_as_shown(rest, &lines[1..])
        }
    }
}

/// Whether a line is the one that is shown.
fn is_as_shown(shown: &str, line: &str) -> bool {
    match shown.split_once('…') {
        None => shown == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| is_as_shown(after, &rest[at..]))
        }),
    }
}

/// Whether CI runs a command by itself.
pub fn is_run_by_ci(command: &str) -> bool {
    let path: PathBuf = root().join(".ci/run");
    fs_err::read_to_string(path).unwrap().lines().any(|line| line == command)
}

#[test]
fn dots_stand_for_any_lines_and_any_text() {
    let said = ["torch 2.9.1", "id 3fce", "", "end"];
    for shown in [&["torch 2.9.1", "…"][..], &["  …", "end"], &["torch …", "id …", "", "end"], &["…"]]
    {
        assert!(are_as_shown(shown, &said), "{shown:?}");
    }
    for shown in [&["torch 2.9.1"][..], &["…", "id"], &["torch 2.8…", "…"], &["…", "end", "more"], &[]]
    {
        assert!(!are_as_shown(shown, &said), "{shown:?}");
    }
}
