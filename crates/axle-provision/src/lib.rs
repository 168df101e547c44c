//! Provisioning of programs that tests and maintenance need and a machine may lack, such as Nix.
//!
//! axle's tests compare what Rust says with what real Nix does, and the README promises that one command passes them on a
//! fresh Debian machine. So what is missing is taken from Debian, by the machine's own apt and its keys, into the user's
//! cache: nothing of the system changes. A static Nix, or a portable one, would have to be downloaded from a host that a
//! build machine may not reach, and be trusted by a hash of ours.

pub mod cargo;
pub mod debian;
pub mod nix;
