//! Environments of cells, evaluated and built by Nix.

use std::collections::BTreeMap;
use std::io;
use std::process::Output;

use rayon::prelude::*;

use crate::cells::NamedCell;
use crate::pieces::Failure;
use axle_provision::nix::NixEnv;

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

/// What Nix answers, or why not.
fn said(output: &Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let words = reason(&String::from_utf8_lossy(&output.stderr));
    Err(Failure::of_cell(if words.is_empty() { output.status.to_string() } else { words }))
}

/// How Nix says that a failure only follows from another: 2.26, and newer ones of one dependency and of several.
const CONSEQUENCES: [&str; 3] = ["dependencies of derivation", "dependency failed", "dependencies failed"];

/// The last error that Nix names and that follows from no other: where it evaluates, what was thrown; where it builds,
/// the builder that failed, with the end of its log.
fn reason(stderr: &str) -> String {
    let mut errors: Vec<Vec<&str>> = Vec::new();
    for line in stderr.lines().map(str::trim_start) {
        match (line.strip_prefix("error: "), errors.last_mut()) {
            (Some(begin), _) => errors.push(begin.split_whitespace().collect()),
            (None, Some(error)) => error.extend(line.split_whitespace()),
            (None, None) => {}
        }
    }
    let errors: Vec<String> = errors.into_iter().map(|words| words.join(" ")).collect();
    let follows = |error: &&String| CONSEQUENCES.iter().any(|consequence| error.contains(consequence));
    let told = errors.iter().rfind(|error| !follows(error)).or(errors.last());
    told.cloned().unwrap_or_else(|| stderr.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builder_that_failed_is_told_and_not_what_waited_for_it() {
        let stderr = "\
warning: not writing modified lock file
error: builder for '/nix/store/b77c-host-python3-3.12.drv' failed with exit code 1;
       last 2 log lines:
       > error: this machine has no python3.12
       > install it
       For full logs, run:
         nix log /nix/store/b77c-host-python3-3.12.drv
error: 1 dependencies of derivation '/nix/store/z1dk-host-python3-3.12-env.drv' failed to build
";
        assert_eq!(
            reason(stderr),
            "builder for '/nix/store/b77c-host-python3-3.12.drv' failed with exit code 1; last 2 log lines: \
             > error: this machine has no python3.12 > install it For full logs, run: \
             nix log /nix/store/b77c-host-python3-3.12.drv"
        );
    }

    #[test]
    fn newer_ones_say_it_in_other_words() {
        let stderr = "\
error: Cannot build '/nix/store/b77c-one.drv'.
       Reason: builder failed with exit code 1.
error: Cannot build '/nix/store/z1dk-env.drv'.
       Reason: 1 dependency failed.
error: Cannot build '/nix/store/a2bc-all.drv'.
       Reason: 2 dependencies failed.
";
        assert_eq!(
            reason(stderr),
            "Cannot build '/nix/store/b77c-one.drv'. Reason: builder failed with exit code 1."
        );
    }

    #[test]
    fn what_was_thrown_is_told_without_its_trace() {
        let stderr = "\
error:
       … while calling a function

       error: torch 9 is not in the catalogue;
       ask for another
";
        assert_eq!(reason(stderr), "torch 9 is not in the catalogue; ask for another");
        assert_eq!(
            reason("error: 1 dependencies of derivation 'a' failed to build"),
            "1 dependencies of derivation 'a' failed to build"
        );
        assert_eq!(reason("killed\n"), "killed");
    }
}
