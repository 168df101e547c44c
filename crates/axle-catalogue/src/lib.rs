//! The data model that Rust and Nix share.
