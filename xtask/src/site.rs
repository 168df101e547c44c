//! `cargo xtask site`: builds the site with a separate program, so that nothing else has to wait for its WebAssembly
//! tools.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use axle_provision::cargo::cargo;

/// Write the site: a directory of static files that needs no server
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// Options of the generator; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub fn run(args: &Args) -> Result<ExitCode, io::Error> {
    let status =
        cargo().args(["run", "--quiet", "--package", "axle-site", "--"]).args(&args.args).status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
