//! The `axle` command: parses, calls the libraries and prints.
//!
//! Exit status: 0 yes, 1 the answer is no, 2 the question could not be answered.

mod arguments;
mod audit;
mod concretise;
mod embedded;
mod index;
mod output;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::output::Answer;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let answer = match arguments.command {
        Command::Audit(command) => audit::run(&command),
        Command::Concretise(command) => concretise::run(&command),
        Command::Index(command) => index::run(&command),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Unanswered) => ExitCode::from(2),
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}
