//! The `axle` command: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    axle::command()
}
