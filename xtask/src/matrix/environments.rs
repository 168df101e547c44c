//! The environments of cells, evaluated and built by Nix.

use std::collections::BTreeMap;
use std::io;
use std::process::Output;

use rayon::prelude::*;

use super::cells::NamedCell;
use super::pieces::Failure;
use crate::nix::NixEnv;

/// Cells that one process evaluates: what it reads first costs it a second.
const TOGETHER: usize = 24;

/// The flake's environments on a package set.
pub struct Environments<'a> {
    /// The Nix.
    pub nix: &'a NixEnv,
    /// The package set, as a flake.
    pub package_set: &'a str,
}

impl Environments<'_> {
    /// The derivation of each cell's environment, or why there is none, in the order of the cells.
    ///
    /// # Errors
    /// When Nix cannot be started.
    pub fn evaluate(
        &self,
        cells: &[&NamedCell],
        done: impl Fn(usize) + Sync,
    ) -> io::Result<Vec<Result<String, Failure>>> {
        let evaluated = cells.par_chunks(TOGETHER).map(|cells| {
            let derivations = self.derivations(cells)?;
            let one = |cell: &&NamedCell| match derivations.get(&cell.name.attribute()) {
                Some(Some(derivation)) => Ok(Ok(derivation.clone())),
                // One that fails says why only by itself; one that fails badly takes the others with it.
                _ => self.derivation(cell),
            };
            let answers = cells.iter().map(one).collect::<io::Result<Vec<_>>>();
            done(cells.len());
            answers
        });
        Ok(evaluated.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The derivations of cells of one system, by attribute; `None` is one that fails.
    fn derivations(&self, cells: &[&NamedCell]) -> io::Result<BTreeMap<String, Option<String>>> {
        let Some(first) = cells.first() else { return Ok(BTreeMap::new()) };
        let names: Vec<_> = cells.iter().map(|cell| cell.name.attribute()).collect();
        let wanted: String = names.iter().flat_map(|name| [name, " = null; "]).collect();
        let function = format!(
            "environments: builtins.mapAttrs (_: environment: let tried = builtins.tryEval environment.drvPath; in \
             if tried.success then tried.value else null) (builtins.intersectAttrs {{ {wanted} }} environments)"
        );
        let attribute = format!(".#legacyPackages.{}.environments", first.name.system);
        let output = self.run(&["eval", "--json", &attribute, "--apply", &function])?;
        if !output.status.success() {
            return Ok(BTreeMap::new());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn derivation(&self, cell: &NamedCell) -> io::Result<Result<String, Failure>> {
        let output = self.run(&["eval", "--raw", &format!("{}.drvPath", attribute(cell))])?;
        Ok(said(&output))
    }

    /// Builds a cell's environment.
    ///
    /// # Errors
    /// When Nix cannot be started.
    pub fn build(&self, cell: &NamedCell) -> io::Result<Result<String, Failure>> {
        let output = self.run(&["build", "--no-link", "--print-out-paths", &attribute(cell)])?;
        Ok(said(&output))
    }

    fn run(&self, arguments: &[&str]) -> io::Result<Output> {
        let mut command = self.nix.command("nix");
        command.args(arguments).args([
            "--no-write-lock-file",
            "--option",
            "allow-import-from-derivation",
            "false",
        ]);
        command.args(["--override-input", "nixpkgs", self.package_set]).output()
    }
}

fn attribute(cell: &NamedCell) -> String {
    format!(".#legacyPackages.{}.environments.{}", cell.name.system, cell.name.attribute())
}

/// What Nix answers, or its last error, which is the one that names the reason.
fn said(output: &Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.rfind("error: ").and_then(|at| said.get(at + "error: ".len()..)).unwrap_or(&said);
    let words = last.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(Failure::of_cell(if words.is_empty() { output.status.to_string() } else { words }))
}
