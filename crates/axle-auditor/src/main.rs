//! The `axle-auditor` command: see the library.

use std::env::args_os;
use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    axle_auditor::command(args_os().skip(1), &mut stdout().lock(), &mut stderr().lock())
}
