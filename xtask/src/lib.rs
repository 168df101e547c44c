//! The parts of what a maintainer runs that tests use too.

pub mod nix;
