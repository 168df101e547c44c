//! Cells affected by the changes since a git revision, including uncommitted ones.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::Command;

use axle_catalogue::{CellFile, cell_path};
use thiserror::Error;

use crate::cells::NamedCell;

/// Why it cannot be told what has changed.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no git.
    #[error("cannot run git: {0}")]
    Start(#[from] io::Error),
    /// The revision is not there, or the catalogue is in no repository.
    #[error("git failed to list the changes since {revision}: {message}")]
    Git {
        /// The revision.
        revision: String,
        /// What git says.
        message: String,
    },
}

/// What decides every cell's outcome; of the folders all that lies below.
const CODE: [&str; 4] = ["crates/", "xtask/", "Cargo.lock", "Cargo.toml"];

/// What decides how Nix evaluates every cell.
const NIX_CODE: [&str; 4] = ["overlays/", "checks/", "flake.lock", "flake.nix"];

/// The cells that a change touches.
///
/// # Errors
/// When git does not know the revision, or the folder is in no repository.
pub fn touched(
    cells: Vec<NamedCell>,
    folder: &Path,
    revision: &str,
    with_nix: bool,
) -> Result<Vec<NamedCell>, Error> {
    let git = Git { folder, revision };
    let prefix = git.says(&["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim();
    // A revision, and neither an option nor a path.
    let commit =
        git.says(&["rev-parse", "--verify", "--end-of-options", &format!("{revision}^{{commit}}")])?;
    let commit = commit.trim();
    let changed = git.says(&["diff", "--name-only", "--no-renames", "-z", commit, "--", ":/"])?;
    let new = git.says(&["ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/"])?;
    let changed: BTreeSet<_> =
        changed.split('\0').chain(new.split('\0')).filter(|path| !path.is_empty()).collect();

    let is_code = |path: &&str| {
        let below = |code: &[&str]| code.iter().any(|code| path.starts_with(code));
        below(&CODE) || (with_nix && below(&NIX_CODE))
    };
    if changed.iter().any(is_code) {
        return Ok(cells);
    }
    let mut touched = Vec::new();
    // Cells of one file stand beside each other.
    let mut before: Option<(String, Option<CellFile>)> = None;
    for cell in cells {
        let path = format!("{prefix}{}", cell_path(cell.name.system, cell.name.python, cell.name.cuda));
        if changed.contains(path.as_str()) {
            if before.as_ref().is_none_or(|(of, _)| *of != path) {
                let file = git.says(&["show", &format!("{commit}:{path}")]).ok();
                before = Some((path, file.and_then(|text| serde_json::from_str(&text).ok())));
            }
            let file = before.as_ref().and_then(|(_, file)| file.as_ref());
            let hash = file.and_then(|file| file.torch.get(&cell.name.torch)).map(|cell| &cell.cell);
            if hash != Some(&cell.cell().cell) {
                touched.push(cell);
                continue;
            }
        }
        if cell.inputs().iter().any(|input| changed.contains(format!("{prefix}{input}").as_str())) {
            touched.push(cell);
        }
    }
    Ok(touched)
}

struct Git<'a> {
    folder: &'a Path,
    revision: &'a str,
}

impl Git<'_> {
    fn says(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = Command::new("git").arg("-C").arg(self.folder).args(arguments).output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Git { revision: self.revision.to_owned(), message });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
