//! What is about to be read over the network: told before it begins, and asked about where it is much.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::output::{self, Error};

/// As many bytes are read before anybody has to wait.
const WORTH_A_WORD: u64 = 10_000_000;
/// From so many bytes on a person is asked.
const MUCH: u64 = 200_000_000;

/// Wheels to be read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Whether all of it is agreed to.
    is_agreed: bool,
}

impl Reading {
    /// `--yes` agrees to whatever there is to read.
    pub fn new(yes: bool) -> Self {
        Self { is_agreed: yes }
    }

    /// Says what is about to be read, where that takes a while; tells whether it did. Above 200 MB it asks, once, where
    /// there is somebody to answer. Wheels are read by ranges, so that their size is the most that is read.
    ///
    /// # Errors
    /// When the answer is no.
    pub fn announce(&mut self, what: &str, sizes: &[Option<u64>]) -> Result<bool, Error> {
        let known: u64 = sizes.iter().flatten().sum();
        let unknown = sizes.iter().filter(|size| size.is_none()).count();
        let size = match (known, unknown) {
            (0, 0) => return Ok(false),
            (0, _) => "of unknown size".to_owned(),
            (known, 0) => format!("up to {}", output::size(known)),
            (known, unknown) => format!("up to {}, and {unknown} of unknown size", output::size(known)),
        };
        let is_told = known >= WORTH_A_WORD || unknown > 0;
        if is_told {
            output::note(&format!("reading {what} ({size})"));
        }
        let somebody = || io::stdin().is_terminal() && io::stderr().is_terminal();
        if known < MUCH || self.is_agreed || !somebody() {
            return Ok(is_told);
        }
        self.is_agreed = agrees()?;
        if self.is_agreed { Ok(is_told) } else { Err("nothing is read; --yes reads without asking".into()) }
    }
}

fn agrees() -> Result<bool, Error> {
    let mut stderr = anstream::stderr();
    write!(stderr, "read that much? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
