//! Program that writes the site, which `cargo xtask site` runs.

use std::process::ExitCode;

use clap::Parser;

/// What `cargo xtask site` takes.
#[derive(Parser)]
#[command(bin_name = "cargo xtask site")]
struct Command {
    #[command(flatten)]
    args: axle_site::Args,
}

fn main() -> ExitCode {
    axle_site::run(&Command::parse().args).unwrap_or_else(|error| {
        anstream::eprintln!("error: {}", axle_types::visible(&axle_types::redacted(&error.to_string())));
        ExitCode::from(2)
    })
}
