//! How long the program takes to start and to answer from the catalogue that is in it, the fastest of some runs:
//! `cargo bench -p axle`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::process::{Command, Stdio};
use std::time::Instant;

const TIMES: u32 = 40;
const QUESTIONS: [&[&str]; 4] = [
    &["--version"],
    &["check", "--cuda", "12.8", "--gcc", "13", "--cc", "8.6"],
    &["concretise", "--python", "3.12", "--cuda", "12.8", "--cc", "8.6", "torch"],
    &["catalogue", "show", "torch"],
];

fn main() {
    for arguments in QUESTIONS {
        let run = || {
            let begun = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_axle"))
                .args(arguments)
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "axle {} fails", arguments.join(" "));
            begun.elapsed().as_secs_f64()
        };
        let fewest = (0..TIMES).map(|_| run()).fold(f64::INFINITY, f64::min);
        anstream::println!("{:8.1} ms  axle {}", fewest * 1e3, arguments.join(" "));
    }
}
