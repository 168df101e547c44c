//! Host compilers, which compile the CPU part of CUDA code: gcc and clang by major version.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::number;

/// A host compiler, by its major version, which is what NVIDIA's compatibility tables go by.
///
/// Shown as `gcc 13`; requests, plans and Nix spell it `gcc13`: see [`id`](Self::id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostCompiler {
    /// GCC.
    Gcc(u16),
    /// Clang.
    Clang(u16),
}

impl HostCompiler {
    /// The name of its command: `gcc` or `clang`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gcc(_) => "gcc",
            Self::Clang(_) => "clang",
        }
    }

    /// Its major version.
    pub fn major(self) -> u16 {
        match self {
            Self::Gcc(major) | Self::Clang(major) => major,
        }
    }

    /// The one word that requests, plan ids and Nix have for it: `gcc13`. The inverse of [`FromStr`].
    pub fn id(self) -> String {
        format!("{}{}", self.name(), self.major())
    }
}

impl fmt::Display for HostCompiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.major())
    }
}

impl FromStr for HostCompiler {
    type Err = InvalidCompiler;

    fn from_str(text: &str) -> Result<Self, InvalidCompiler> {
        let of = |name, compiler: fn(u16) -> Self| text.strip_prefix(name).and_then(number).map(compiler);
        of("gcc", Self::Gcc)
            .or_else(|| of("clang", Self::Clang))
            .ok_or_else(|| InvalidCompiler { text: text.to_owned() })
    }
}

/// The major version of a compiler that is known to the patch: 13 of `13.2.0`.
///
/// # Errors
/// When it is not one to four numbers between points.
pub fn compiler_major(text: &str) -> Result<u16, InvalidCompilerVersion> {
    let numbers: Option<Vec<u16>> =
        text.split('.').map(|part| if part.starts_with('+') { None } else { part.parse().ok() }).collect();
    match numbers.as_deref() {
        Some([major, ..]) if text.split('.').count() <= 4 => Ok(*major),
        _ => Err(InvalidCompilerVersion { text: text.to_owned() }),
    }
}

/// A text that is not a version of a compiler.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a compiler version: write it like `13`")]
#[non_exhaustive]
pub struct InvalidCompilerVersion {
    /// The text as given.
    pub text: String,
}

/// A text that names no host compiler.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a host compiler that axle knows: write it like `gcc13` or `clang17`")]
#[non_exhaustive]
pub struct InvalidCompiler {
    /// The text as given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_may_go_to_the_patch() {
        assert_eq!(compiler_major("13.2.0"), Ok(13));
        assert_eq!(compiler_major("13"), Ok(13));
        for wrong in ["", "gcc13", "13.", "+13", "1.2.3.4.5", "99999"] {
            assert!(compiler_major(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_are_read_back() {
        for compiler in [HostCompiler::Gcc(6), HostCompiler::Clang(19)] {
            assert_eq!(compiler.id().parse(), Ok(compiler));
        }
        assert_eq!(HostCompiler::Gcc(13).to_string(), "gcc 13");
        for wrong in ["", "gcc", "gcc013", "gcc 13", "gcc13.2", "icc19", "clang-17", "gcc99999"] {
            assert!(wrong.parse::<HostCompiler>().is_err(), "{wrong}");
        }
    }
}
