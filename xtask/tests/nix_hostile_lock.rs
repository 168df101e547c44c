//! A lock is data: whatever its fields hold, nothing of it is run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot run has failed")]

mod poison;

#[test]
#[ignore = "fetches a Nix when the machine has none, and evaluates for minutes"]
fn slow_no_field_of_a_lock_is_run() {
    poison::check(1);
}

#[test]
#[ignore = "fetches a Nix when the machine has none"]
fn a_sample_of_the_fields_of_a_lock_is_not_run() {
    poison::check(12);
}
