//! Nix in the pages, evaluated over the package set of `checks/host`.
//!
//! A flake is checked as one. An expression is evaluated with `pkgs` and `stdenv` in scope, and with what the earlier
//! blocks of the page bind: bindings (`env = …;`) are a block of their own. What is quoted from a file of the repository is
//! tested there.

use std::path::Path;
use std::process::{Command, Output};

use axle_provision::nix::NixEnv;
use tempfile::TempDir;

use crate::pages::{Block, Page, copy, root};

/// The place where readers have axle from.
pub const AXLE: &str = "github:OWNER/axle";

/// The nixpkgs that the flake of the repository follows.
const NIXPKGS: &str = "github:NixOS/nixpkgs/nixos-unstable";

/// The flake of the repository over the package set of `checks/host`, as the store has it.
pub fn flake(nix: &NixEnv) -> String {
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    };
    let host = format!("path:{}/checks/host", root().display());
    let metadata = said(
        nix.command("nix")
            .current_dir(root())
            .args(["flake", "metadata", "--json", "--no-write-lock-file", "--override-input", "nixpkgs"])
            .arg(&host),
    );
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();

    let folder = TempDir::new().unwrap();
    let source = folder.path().join("source");
    copy(Path::new(metadata["path"].as_str().unwrap()), &source);
    let flake = fs_err::read_to_string(source.join("flake.nix")).unwrap();
    assert!(flake.contains(NIXPKGS), "flake.nix does not follow {NIXPKGS}");
    fs_err::write(source.join("flake.nix"), flake.replace(NIXPKGS, &host)).unwrap();
    fs_err::remove_file(source.join("flake.lock")).unwrap();
    said(nix.command("nix").args(["flake", "lock"]).arg(format!("path:{}", source.display())));
    format!("path:{}", said(nix.command("nix").args(["store", "add"]).arg(&source)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that all outputs of a flake evaluate.
pub fn check_flake(nix: &NixEnv, axle: &str, flake: &str) -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    assert!(flake.contains(AXLE), "it takes axle from elsewhere than {AXLE}");
    let host = format!("path:{}/checks/host", root().display());
    let flake = flake.replace(AXLE, axle).replace(NIXPKGS, &host);
    fs_err::write(folder.path().join("flake.nix"), flake).unwrap();
    let checked = nix
        .command("nix")
        .args(["flake", "check", "--no-build", "--no-write-lock-file"])
        .arg(format!("path:{}", folder.path().display()))
        .output()
        .unwrap();
    succeeded(&checked)
}

/// Evaluates an expression down to the derivations in it.
fn evaluate(nix: &NixEnv, bindings: &str, expression: &str) -> Result<(), String> {
    let root = root();
    let root = root.display();
    let evaluated = nix
        .command("nix-instantiate")
        .args(["--eval", "--strict", "--expr"])
        .arg(format!(
            r#"
let
  pkgs = import {root}/checks/host {{
    system = "x86_64-linux";
    config.allowUnfree = true;
    overlays = [
      (import {root}/overlays)
      # The machine has one compiler: it stands for those that the pages name.
      (final: prev: {{ gcc13Stdenv = prev.stdenv; gcc15Stdenv = prev.stdenv; }})
    ];
  }};
  inherit (pkgs) lib stdenv;

  seen =
    value:
    if value.type or null == "derivation" then
      value.drvPath
    else if value ? concretise then
      true
    else if value ? python.drvPath then
      value.python.drvPath
    else if builtins.isAttrs value then
      builtins.mapAttrs (_: seen) value
    else if builtins.isList value then
      map seen value
    else
      builtins.isFunction value || builtins.deepSeq value true;

  bound = rec {{
    {bindings}
  }};
in
seen (with bound; {expression})"#
        ))
        .output()
        .unwrap();
    succeeded(&evaluated)
}

fn succeeded(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
}

fn is_expression(text: &str) -> bool {
    rnix::Root::parse(text).errors().is_empty()
}

/// Whether a block is a flake.
pub fn is_flake(block: &Block) -> bool {
    block.language == "nix" && block.text.contains("outputs =") && is_expression(&block.text)
}

/// Evaluates the blocks of a page; gives what is wrong.
pub fn page(nix: &NixEnv, axle: &str, page: &Page) -> Vec<String> {
    let mut bindings = String::new();
    let mut wrong = Vec::new();
    for block in page.blocks().iter().filter(|block| block.language == "nix" && block.quote().is_none()) {
        let text = &block.text;
        let result = if is_flake(block) {
            check_flake(nix, axle, text)
        } else if is_expression(text) {
            evaluate(nix, &bindings, text)
        } else {
            bindings.push_str(text);
            evaluate(nix, &bindings, "bound")
        };
        if let Err(message) = result {
            wrong.push(format!("{}: {message}", block.place));
        }
    }
    wrong
}

/// The flake that `nix flake init` gives.
pub fn template(root: &Path) -> String {
    fs_err::read_to_string(root.join("templates/default/flake.nix")).unwrap()
}
