//! Candidates, the PubGrub solver, and its results: the cells of a catalogue, ahead of time, and lock files.
//!
//! [`Candidates`] judges every distribution of an [`Inventory`](axle_catalogue::Inventory) against a target; for each
//! (system, Python, CUDA, torch) PubGrub picks one coherent set of them ([`cells`]). A [`Locker`] solves one request
//! freely, with versions that no set holds.

pub mod build_environments;
mod candidates;
pub mod cells;
mod conflicts;
mod derivation;
mod distribution;
mod list;
mod lock;
mod locking;
mod solver;
mod wheel_summary;

pub use candidates::{Candidate, Candidates, CandidatesError};
pub use distribution::{CudaBasis, Distribution};
pub use list::{Listed, VersionList, cuda_of_local};
pub use lock::{LOCK_SCHEMA, Lock, LockedComponents, LockedRequest, LockedRequestError, WriteLockError, pin};
pub use locking::{CatalogueSolver, LockError, LockedSet, Locker, Locking, Solved};
pub use wheel_summary::{CudaCoverage, WheelSummary};
