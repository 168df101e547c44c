//! Test support: small catalogues, read from the same files as real ones.
#![expect(
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "tests alone use it"
)]

mod world;

pub use world::{CUDA_12_8, Wheel, World, device_library, library};
