//! Comparison of the requested architectures with those in the ELF files.

use std::collections::BTreeSet;
use std::fmt;

use axle_fatbin::{Code, Kind, Suffix};
use axle_types::ComputeCapability;

use crate::member::Member;

/// What a package was compiled for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The package.
    pub name: String,
    /// The GPUs.
    pub capabilities: BTreeSet<ComputeCapability>,
    /// Whether there must be device code. A package may have none where nothing tells it the GPUs.
    pub device_code: bool,
}

/// That a package was compiled for others than was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mismatch {
    /// The package.
    pub name: String,
    /// The GPUs that were asked for.
    pub capabilities: BTreeSet<ComputeCapability>,
    /// The files that hold something else; none where there is no device code at all.
    pub members: Vec<Member>,
}

impl Asked {
    /// Compares with what was compiled: each file with device code must have SASS for each GPU asked for, for no other
    /// one, and no PTX.
    ///
    /// # Errors
    /// What is otherwise.
    pub fn judge(&self, members: &[Member]) -> Result<(), Mismatch> {
        let with_code = || members.iter().filter(|member| !member.device_code.is_empty());
        let wrong: Vec<Member> = with_code().filter(|member| !self.fits(member)).cloned().collect();
        if wrong.is_empty() && (with_code().next().is_some() || !self.device_code) {
            return Ok(());
        }
        Err(Mismatch { name: self.name.clone(), capabilities: self.capabilities.clone(), members: wrong })
    }

    fn fits(&self, member: &Member) -> bool {
        // sm_90a is code for 9.0, and for nothing else.
        let found: BTreeSet<_> = member.device_code.sass.iter().map(|code| code.capability).collect();
        found == self.capabilities && member.device_code.ptx.is_empty()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, capabilities, members } = self;
        if capabilities.is_empty() {
            write!(formatter, "{name} was compiled without CUDA")?;
        } else {
            write!(formatter, "{name} was compiled for other architectures than")?;
        }
        for &capability in capabilities {
            write!(formatter, " {}", Code { kind: Kind::Sass, capability, suffix: Suffix::Plain })?;
        }
        if members.is_empty() {
            return formatter.write_str(": there is no device code");
        }
        for (index, member) in members.iter().enumerate() {
            write!(formatter, "{} {} holds", if index == 0 { ":" } else { ";" }, member.path)?;
            member.codes().try_for_each(|code| write!(formatter, " {code}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axle_fatbin::Architectures;

    use super::*;

    fn member(path: &str, codes: &str) -> Member {
        let mut device_code = Architectures::default();
        codes.split_whitespace().for_each(|code| device_code.add(code.parse().unwrap()));
        Member { path: path.to_owned(), device_code }
    }

    /// What is said of members, each written as `path: codes`.
    fn judged(capabilities: &[&str], device_code: bool, members: &[&str]) -> String {
        let capabilities = capabilities.iter().map(|capability| capability.parse().unwrap()).collect();
        let asked = Asked { name: "x".to_owned(), capabilities, device_code };
        let parsed = members.iter().map(|member| member.split_once(':').unwrap());
        let members: Vec<_> = parsed.map(|(path, codes)| member(path, codes)).collect();
        asked.judge(&members).map_or_else(|mismatch| mismatch.to_string(), |()| "yes".to_owned())
    }

    #[test]
    fn each_file_with_code_must_have_all_that_was_asked_for() {
        assert_eq!(judged(&["8.6"], true, &["a.so: sm_86", "b.so:"]), "yes");
        assert_eq!(judged(&["9.0", "8.0"], true, &["a.so: sm_90 sm_80"]), "yes");
        assert_eq!(
            judged(&["9.0", "12.1", "8.0"], true, &["a.so: sm_80 sm_90", "b.so: sm_80 sm_90 sm_121"]),
            "x was compiled for other architectures than sm_80 sm_90 sm_121: a.so holds sm_80 sm_90"
        );
    }

    #[test]
    fn a_suffix_changes_what_code_uses_and_not_which_gpu_it_is_for() {
        assert_eq!(judged(&["9.0"], true, &["a.so: sm_90a"]), "yes");
        assert_eq!(judged(&["9.0", "10.0"], true, &["a.so: sm_90 sm_90a sm_100f"]), "yes");
        assert_eq!(
            judged(&["9.0"], true, &["a.so: sm_100a"]),
            "x was compiled for other architectures than sm_90: a.so holds sm_100a"
        );
    }

    #[test]
    fn ptx_is_for_other_gpus_too() {
        assert_eq!(
            judged(&["8.6"], true, &["a.so: sm_86 compute_86", "b.so: compute_86"]),
            "x was compiled for other architectures than sm_86: a.so holds sm_86 compute_86; b.so holds compute_86"
        );
    }

    #[test]
    fn no_code_is_told_where_there_must_be_some() {
        assert_eq!(judged(&["8.6"], false, &["a.so:"]), "yes");
        let none = "x was compiled for other architectures than sm_86: there is no device code";
        assert_eq!(judged(&["8.6"], true, &["a.so:"]), none);
        assert_eq!(judged(&["8.6"], true, &[]), none);
    }

    #[test]
    fn without_cuda_there_must_be_none() {
        assert_eq!(judged(&[], false, &["a.so:"]), "yes");
        assert_eq!(judged(&[], false, &["a.so: sm_86"]), "x was compiled without CUDA: a.so holds sm_86");
    }
}
