//! Patching of wheels for Nix: the search paths of the wheels that sets choose, and the wheels that CUDA toolkits are
//! assembled from.
//!
//! Both are computed from audits, ahead of time: [`builds`] gives each wheel's fetch arguments and each of its members
//! the search path of the packages that provide what it needs; [`components`] gives each CUDA release its toolkit.

mod builds;
mod components;

pub use builds::{BuildError, Named, Together, builds, linked};
pub use components::{Components, ComponentsError, components};
