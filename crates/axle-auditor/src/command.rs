//! Command line of `axle-auditor`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use axle_types::ComputeCapabilityError;
use lexopt::ValueExt;
use lexopt::prelude::{Long, Short, Value};

use crate::error::Error;
use crate::folder::read_folder;
use crate::judge::{Asked, Mismatch};

const HELP: &str = "\
Checks that a compiled package contains the requested device code

Reads every ELF file in FOLDER and prints its SASS and PTX. Each file with device code must have SASS for each
compute capability given, for no other one, and no PTX.

Usage: axle-auditor --name NAME [--cc CAPABILITY]... [--device-code] FOLDER

      --name NAME         The package, for messages
      --cc CAPABILITY     A compute capability that it was compiled for, like 8.6; none for a package without CUDA
      --device-code       There must be device code
  -h, --help              Print this
  -V, --version           Print the version

Exit status: 0 yes, 1 no, 2 the question could not be answered.
";

/// Runs the program: the report goes to `out`, why not to `err`. Gives the exit status: 0 yes, 1 no, 2 the question
/// could not be answered.
pub fn command(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitCode {
    let (message, status) = match run(arguments, out) {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(mismatch)) => (mismatch.to_string(), 1),
        Err(failure) => (failure.to_string(), 2),
    };
    // Nothing is left to be done for a reader that has gone away.
    let _ = writeln!(err, "axle: {message}");
    ExitCode::from(status)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] lexopt::Error),
    #[error(transparent)]
    Capability(#[from] ComputeCapabilityError),
    #[error("{0} is missing; see `axle-auditor --help`")]
    Missing(&'static str),
    #[error(transparent)]
    Folder(#[from] Error),
    #[error("failed to write the report: {0}")]
    Report(#[from] io::Error),
}

fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
) -> Result<Result<(), Mismatch>, Failure> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut asked = Asked::default();
    let (mut name, mut folder) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("name") => name = Some(parser.value()?.string()?),
            Long("cc") => _ = asked.capabilities.insert(parser.value()?.string()?.parse()?),
            Long("device-code") => asked.device_code = true,
            Short('h') | Long("help") => return Ok(Ok(out.write_all(HELP.as_bytes())?)),
            Short('V') | Long("version") => {
                return Ok(Ok(writeln!(out, "axle-auditor {}", env!("CARGO_PKG_VERSION"))?));
            }
            Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
            other => return Err(other.unexpected().into()),
        }
    }
    asked.name = name.ok_or(Failure::Missing("--name"))?;
    let members = read_folder(&folder.ok_or(Failure::Missing("FOLDER"))?)?;
    for member in &members {
        writeln!(out, "{member}")?;
    }
    out.flush()?;
    Ok(asked.judge(&members))
}
