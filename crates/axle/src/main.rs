//! The `axle` command: parses, calls the libraries and prints.
//!
//! Exit status: 0 yes, 1 the answer is no, 2 the question could not be answered.

mod arguments;
mod audit;
mod catalogue;
mod check;
mod concretise;
mod doctor;
mod embedded;
mod index;
mod lock;
mod machine;
mod output;
mod pylock;
mod release;
mod request_file;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::arguments::{Arguments, Command};
use crate::output::Answer;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let answer = match arguments.command {
        Command::Audit(command) => audit::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Doctor(command) => doctor::run(&command),
        Command::Concretise(command) => concretise::run(&command),
        Command::Lock(command) => lock::run(&command),
        Command::Index(command) => index::run(&command),
        Command::Catalogue(command) => catalogue::run(&command),
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

/// Prints help where it was asked for; else one line that says what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nothing is left to be done for a reader that has gone away.
        let _ = error.print();
        return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    let text = error.to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or_default();
    let what = what.split("\n\nFor more information").next().unwrap_or_default();
    let what = what.trim_start_matches("error: ").replace("\n\n  tip: ", "; ");
    output::error(&format!("{what}; --help tells more"));
    ExitCode::from(2)
}
