//! Maintainer tasks, run as `cargo xtask …`.

use std::process::ExitCode;

use axle_provision::nix;
use clap::Parser;

mod agree;
mod bench;
mod book;
mod ci;
mod e2e;
mod field;
mod fuzz;
mod generated;
mod notices;
mod rules;
mod sample;
mod site;
mod update;
mod vectors;

/// Tasks of axle's maintainers.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Xtask {
    Agree(agree::Args),
    Bench(bench::Args),
    Book(book::Args),
    Ci(ci::Args),
    E2e(e2e::Args),
    Field(field::Args),
    Edges(axle_harvest::edges::Args),
    Fuzz(fuzz::Args),
    Harvest(axle_harvest::Args),
    Matrix(axle_matrix::Args),
    Nix(nix::Args),
    Notices(notices::Args),
    Rules(rules::Args),
    Sample(sample::Args),
    Site(site::Args),
    Update(update::Args),
    Vectors(vectors::Args),
}

fn main() -> ExitCode {
    let result: Result<ExitCode, Box<dyn std::error::Error>> = match Xtask::parse() {
        Xtask::Agree(args) => agree::run(&args).map_err(Into::into),
        Xtask::Bench(args) => bench::run(&args).map_err(Into::into),
        Xtask::Book(args) => book::run(&args).map_err(Into::into),
        Xtask::Ci(args) => ci::run(&args).map_err(Into::into),
        Xtask::E2e(args) => e2e::run(&args).map_err(Into::into),
        Xtask::Field(args) => field::run(&args).map_err(Into::into),
        Xtask::Edges(args) => axle_harvest::edges::run(&args).map_err(Into::into),
        Xtask::Fuzz(args) => fuzz::run(&args).map_err(Into::into),
        Xtask::Harvest(args) => axle_harvest::run(&args).map_err(Into::into),
        Xtask::Matrix(args) => axle_matrix::run(&args).map_err(Into::into),
        Xtask::Nix(args) => nix::run(&args).map_err(Into::into),
        Xtask::Notices(args) => notices::run(&args).map_err(Into::into),
        Xtask::Rules(args) => rules::run(&args).map_err(Into::into),
        Xtask::Sample(args) => sample::run(&args).map_err(Into::into),
        Xtask::Site(args) => site::run(&args).map_err(Into::into),
        Xtask::Update(args) => update::run(&args).map_err(Into::into),
        Xtask::Vectors(args) => vectors::run(&args).map_err(Into::into),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("error: {}", axle_types::visible(&axle_types::redacted(&error.to_string())));
        ExitCode::from(2)
    })
}
