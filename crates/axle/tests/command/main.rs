//! Whole runs of the command: what it prints, where, and its exit status.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../../axle-elf/tests/common/elf_writer.rs"]
mod elf_writer;
#[allow(dead_code, clippy::cast_possible_truncation)]
#[path = "../../../axle-fatbin/tests/common/fatbin_writer.rs"]
mod fatbin_writer;
#[allow(dead_code)]
#[path = "../../../axle-index/tests/common/server.rs"]
mod server;
#[path = "../../../axle-audit/tests/common/wheel_writer.rs"]
mod wheel_writer;

mod audit;
mod check;
mod concretise;
mod doctor;
mod embedded;
mod hostile;
mod index_show;
mod index_update;
mod lock;
mod release;
mod run;
mod usage;
mod web;
mod wheels;
