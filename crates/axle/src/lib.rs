//! The `axle` command: parses arguments, calls the libraries and prints. Its modules are not a public interface.
//!
//! Exit status: 0 if the answer is yes, 1 if it is no, 2 if the question could not be answered.

mod arguments;
mod audit;
mod catalogue;
mod check;
mod concretise;
mod doctor;
mod embedded;
#[cfg(fuzzing)]
pub mod fuzz;
mod installed;
mod lock;
mod machine;
mod output;
mod pylock;
mod reading;
mod release;
mod request_file;
mod sarif;

use std::panic::UnwindSafe;
use std::process::ExitCode;
use std::{env, io, panic};

use clap::Parser;
use clap::error::ErrorKind;

use crate::arguments::{Arguments, Command};
use crate::output::Answer;

/// Does what the command line asks for.
///
/// A panic is a defect: it is told in a sentence, and the question was not answered.
pub fn command() -> ExitCode {
    panic::set_hook(Box::new(|panic| output::error(&defect(panic))));
    guarded(run)
}

/// A sentence about a panic. It may quote what was given.
fn defect(panic: &panic::PanicHookInfo<'_>) -> String {
    let what = panic.payload_as_str().unwrap_or("no details are known");
    let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    let place = place.unwrap_or_default();
    format!("this is a bug in axle, please report it with your input: {what}{place}")
}

/// What `run` says, or that the question was not answered where it panics.
fn guarded(run: impl FnOnce() -> ExitCode + UnwindSafe) -> ExitCode {
    panic::catch_unwind(run).unwrap_or(ExitCode::from(2))
}

fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    limit_threads();
    let answer = match arguments.command {
        Command::Audit(command) => audit::run(&command),
        Command::Check(command) => check::run(&command),
        Command::Doctor(command) => doctor::run(&command),
        Command::Concretise(command) => concretise::run(&command),
        Command::Lock(command) => lock::run(&command),
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

/// Who asks for threads gets as many as do any good.
fn limit_threads() {
    const NAME: &str = "RAYON_NUM_THREADS";
    const MOST: usize = 256;

    let asked = env::var(NAME).ok().and_then(|number| number.parse::<usize>().ok());
    if asked.is_some_and(|number| number > MOST) {
        // It fails where there is a pool already, and there is none.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(MOST).build_global();
    }
}

/// Prints help where it was asked for; else one line that says what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nothing is left to be done for a reader that has gone away.
        let failed = error.print().is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
        return if error.use_stderr() || failed { ExitCode::from(2) } else { ExitCode::SUCCESS };
    }
    if error.kind() == ErrorKind::InvalidUtf8
        && let Some(argument) = env::args_os().find(|argument| argument.to_str().is_none())
    {
        output::error(&format!("the argument `{}` is not UTF-8", argument.display()));
        return ExitCode::from(2);
    }
    let text = error.to_string();
    let what = text.split("\n\nUsage:").next().unwrap_or_default();
    let what = what.split("\n\nFor more information").next().unwrap_or_default();
    let what = what.trim_start_matches("error: ").replace("\n\n  tip: ", "; ");
    output::error(&format!("{what}; see --help"));
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_is_told_in_a_sentence() {
        let said = Arc::new(Mutex::new(String::new()));
        let before = panic::take_hook();
        let heard = Arc::clone(&said);
        panic::set_hook(Box::new(move |panic| *heard.lock().unwrap() = defect(panic)));
        let answer = guarded(|| panic!("of a\nname"));
        panic::set_hook(before);
        assert_eq!(format!("{answer:?}"), format!("{:?}", ExitCode::from(2)));
        let said = said.lock().unwrap();
        assert!(said.starts_with("this is a bug in axle, please report it with your input: of a\nname ("));
        assert!(said.contains("lib.rs:"), "{said}");
    }
}
