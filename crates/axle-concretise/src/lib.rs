//! From high-level packages and a target to one build of each package, or the reason why not.
//!
//! Two steps, far apart in time:
//!
//! - *Ahead of time* a maintainer solves the [`cells`]: for each (system, Python, CUDA, torch) PubGrub picks one
//!   coherent set out of the [`Universe`] of artefacts, [`components`] says which wheels the toolkits to compile with are
//!   assembled from, and [`builds`] computes from the audits how each of these wheels is patched.
//! - *At request time* [`answer`] finds the [`Plan`] in a cell by lookups alone, as Nix does, or makes a [`Refusal`]
//!   whose suggestions have been tried.
//!
//! [`Lookup::lock`] solves a request freely, with versions that no cell holds.

pub mod build_environments;
mod builds;
pub mod cells;
mod choice;
mod components;
mod derivation;
mod document;
mod formats;
mod holdings;
mod lock;
mod lookup;
mod plan;
mod request;
mod solver;
#[cfg(test)]
mod synthetic;
mod universe;

pub use builds::{BuildError, builds};
pub use choice::{Choice, CudaTold};
pub use components::{Components, ComponentsError, components};
pub use document::{Document, Problem};
pub use formats::{Pin, flake, pins, pip, requirements};
pub use holdings::{Holdings, Serving};
pub use lock::{LOCK_SCHEMA, Lock, LockedComponents, LockedRequest, LockedRequestError, WriteLockError, pin};
pub use lookup::{
    Answer, BlockedTorch, Blocker, LockedSet, Locking, Lookup, LookupError, Row, Solved, Story, answer,
    unknown_name,
};
pub use plan::{
    CompilerSpan, FromSource, PLAN_SCHEMA, Plan, PlanBuild, PlanPackage, REFUSAL_SCHEMA, Refusal,
    RefusalReason, Suggestion, Target,
};
pub use request::{
    Asked, DEFAULT_GLIBC, Prefer, Preferences, Request, RequestError, Which, package_name, requirement,
    shell_word,
};
pub use universe::{Candidate, Candidates, Universe, UniverseError};
