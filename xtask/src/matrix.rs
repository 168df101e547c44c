//! `cargo xtask matrix`: the cells of the catalogue, and how many builds they come to.

use std::path::PathBuf;
use std::process::ExitCode;

use axle_catalogue::{Catalogue, CatalogueError, Folder};
use serde::Deserialize;
use thiserror::Error;

use xtask::nix;

/// Print the cells: the torch versions of each system, Python and CUDA
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the catalogue
    #[arg(long, default_value = "catalogue")]
    catalogue: PathBuf,
    /// Print each cell with the number of its packages, and count the builds on the stand-in package set: how many are
    /// distinct, and how many there would be were each cell built for itself
    #[arg(long)]
    builds: bool,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Nix(#[from] nix::Error),
    #[error("cannot run nix: {0}")]
    Start(#[from] std::io::Error),
    #[error("the builds cannot be counted: {0}")]
    Failed(String),
    #[error("nix answered something else than counts: {0}")]
    Answer(#[from] serde_json::Error),
}

/// What `legacyPackages.<system>.buildCounts` of the flake says.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Counts {
    cells: usize,
    packages: usize,
    builds: usize,
    each_for_itself: usize,
}

pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let catalogue = Catalogue::new(Folder::new(&args.catalogue));
    let matrix = catalogue.matrix()?;
    for &system in &matrix.systems {
        for &python in &matrix.pythons {
            for &cuda in &matrix.cudas {
                let Some(file) = catalogue.cells(system, python, cuda)? else { continue };
                let target = format!("{system}  Python {python}  CUDA {cuda}");
                if !args.builds {
                    anstream::println!("{target:<38}  torch {}", file.order.join(" "));
                    continue;
                }
                for (torch, cell) in file.order.iter().filter_map(|torch| file.torch.get_key_value(torch)) {
                    anstream::println!("{target:<38}  torch {torch:<7} {:>4} packages", cell.packages.len());
                }
            }
        }
        if args.builds {
            let Counts { cells, packages, builds, each_for_itself } = counts(&system.to_string())?;
            anstream::println!(
                "{cells} cells, {packages} packages in all of them; {builds} distinct builds, {each_for_itself} were each cell built for itself"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn counts(system: &str) -> Result<Counts, Error> {
    let output = nix::ensure()?
        .command("nix")
        .args(["eval", "--json", "--no-write-lock-file"])
        .args(["--override-input", "nixpkgs", "path:./checks/host"])
        .arg(format!(".#legacyPackages.{system}.buildCounts"))
        .output()?;
    if !output.status.success() {
        return Err(Error::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
