//! A request answered from the sets of a catalogue, by lookups alone, as Nix does: a [`Plan`] with one build of each
//! package, or a [`Refusal`] with the reasons and suggestions that were tried.
//!
//! It reads sets and what is known of CUDA's releases; it solves nothing. Where the sets hold no version that would do,
//! a [`FreeSolver`] may be asked whether a lock would.

mod document;
mod formats;
mod lookup;
mod plan;
mod request;

pub use document::{Document, Problem, ToldPlan};
pub use formats::{Pin, flake, pins, pip, requirements};
pub use lookup::{
    Answer, BlockedTorch, Blocker, Build, FreeSolver, Groups, Instead, Lookup, LookupError, Row, Story,
    answer, unknown_name,
};
pub use plan::{
    CompilerSpan, FromSource, PLAN_SCHEMA, Plan, PlanBuild, PlanPackage, REFUSAL_SCHEMA, Refusal,
    RefusalReason, Suggestion, Target, Warning, WarningKind,
};
pub use request::{
    Asked, DEFAULT_GLIBC, Needs, Pass, Prefer, Preferences, Request, RequestError, Which, package_name,
    requirement, shell_word,
};
