//! What a maintainer runs, as `cargo xtask …`.

use std::process::ExitCode;

use clap::Parser;

mod nix;

/// What a maintainer of axle runs.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Xtask {
    Nix(nix::Args),
}

fn main() -> ExitCode {
    let result = match Xtask::parse() {
        Xtask::Nix(args) => nix::run(&args),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error}");
        ExitCode::from(2)
    })
}
