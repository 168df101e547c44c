//! The table of rules: a code, a name, a severity and a page for everything that axle reports.
//!
//! | codes | reported by | about |
//! | --- | --- | --- |
//! | `AX1xx` | `axle audit` | a wheel: they follow from its bytes alone |
//! | `AX2xx` | `axle check`, `axle doctor`, refusals, Nix builds | an environment that builds or runs CUDA code |
//!
//! [`Rule`] has one variant per rule. A new rule is one entry in `table.rs`, and [`pages`] renders its documentation
//! from that entry. A code keeps its meaning forever: a rule that is removed takes its code with it.
//!
//! ```
//! use axle_rules::{Rule, Severity};
//!
//! let rule: Rule = "gcc-too-new".parse()?;
//! assert_eq!(rule.code(), "AX201");
//! assert_eq!(rule.severity(), Severity::Error);
//! # Ok::<(), axle_rules::RuleError>(())
//! ```

mod pages;
mod rule;
mod severity;
mod table;

pub use pages::pages;
pub use rule::RuleError;
pub use severity::Severity;
pub use table::Rule;
