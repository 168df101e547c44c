//! The parts of what a maintainer runs that tests use too.

pub mod cargo;
pub mod debian;
pub mod nix;
pub mod questions;
