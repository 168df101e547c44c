//! What a maintainer runs, as `cargo xtask …`.
fn main() {}
