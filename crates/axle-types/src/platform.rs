//! Platforms: the system, the Python and the C library that a wheel runs on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::{number, serde_as_text};

/// An operating system on a processor architecture, spelled as Nix spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum System {
    /// `aarch64-linux`: 64-bit Arm.
    #[serde(rename = "aarch64-linux")]
    Aarch64Linux,
    /// `x86_64-linux`: 64-bit Intel and AMD.
    #[serde(rename = "x86_64-linux")]
    X86_64Linux,
}

impl System {
    /// Every system that axle knows, in the order of their names.
    pub const ALL: [Self; 2] = [Self::Aarch64Linux, Self::X86_64Linux];

    /// The architecture as platform tags and ELF tools spell it: `x86_64`, `aarch64`.
    pub fn architecture(self) -> &'static str {
        match self {
            Self::Aarch64Linux => "aarch64",
            Self::X86_64Linux => "x86_64",
        }
    }

    /// The oldest glibc for which manylinux tags exist: 2.5 on x86_64 (PEP 513), else 2.17
    /// (PEP 599).
    pub fn oldest_manylinux(self) -> Glibc {
        match self {
            Self::Aarch64Linux => Glibc::new(2, 17),
            Self::X86_64Linux => Glibc::new(2, 5),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-linux", self.architecture())
    }
}

impl FromStr for System {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        Self::ALL
            .into_iter()
            .find(|system| system.to_string() == text)
            .ok_or_else(|| InvalidPlatform::System { text: text.to_owned() })
    }
}

/// A minor version of CPython, such as `3.12`, or of its free-threaded build, such as `3.13t`.
///
/// Ordered by number; the free-threaded build comes right after the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    major: u8,
    minor: u8,
    free_threaded: bool,
}

impl PythonVersion {
    /// CPython `3.minor`, with the global interpreter lock.
    pub fn new(minor: u8) -> Self {
        Self { major: 3, minor, free_threaded: false }
    }

    /// The first number; always 3.
    pub fn major(self) -> u8 {
        self.major
    }

    /// The second number: 12 in `3.12`.
    pub fn minor(self) -> u8 {
        self.minor
    }

    /// Whether this is the build without the global interpreter lock (PEP 703).
    pub fn is_free_threaded(self) -> bool {
        self.free_threaded
    }

    #[cfg(feature = "packages")]
    /// The version as markers and `Requires-Python` see it: `3.12`, without the `t`.
    pub fn version(self) -> pep440_rs::Version {
        pep440_rs::Version::new([u64::from(self.major), u64::from(self.minor)])
    }

    /// The interpreter's tag (PEP 425): `cp312`. The free-threaded build has the same.
    pub fn python_tag(self) -> String {
        format!("cp{}{}", self.major, self.minor)
    }

    /// The tag of the interpreter's own ABI: `cp312`, `cp313t`.
    pub fn abi_tag(self) -> String {
        format!("{}{}", self.python_tag(), if self.free_threaded { "t" } else { "" })
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.major, self.minor, if self.free_threaded { "t" } else { "" })
    }
}

impl FromStr for PythonVersion {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let invalid = || InvalidPlatform::Python { text: text.to_owned() };
        let (numbers, free_threaded) = match text.strip_suffix('t') {
            Some(numbers) => (numbers, true),
            None => (text, false),
        };
        let minor = numbers.strip_prefix("3.").and_then(number).ok_or_else(invalid)?;
        // The free-threaded build exists from 3.13 on (PEP 703).
        if free_threaded && minor < 13 {
            return Err(invalid());
        }
        Ok(Self { major: 3, minor, free_threaded })
    }
}

/// A version of the GNU C library, such as `2.35`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glibc {
    major: u16,
    minor: u16,
}

impl Glibc {
    /// glibc `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The first number; 2 since 1997.
    pub fn major(self) -> u16 {
        self.major
    }

    /// The second number.
    pub fn minor(self) -> u16 {
        self.minor
    }
}

impl Glibc {
    /// The release that a symbol version (`GLIBC_2.35`, without its prefix) needs. A few of them have a third number
    /// (`2.2.5`, the first of x86_64), which every wheel's release has.
    pub fn of_symbol_version(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '.');
        let release = format!("{}.{}", numbers.next()?, numbers.next()?);
        let patch = numbers.next().is_none_or(|patch| patch.parse::<u16>().is_ok());
        release.parse().ok().filter(|_| patch)
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Glibc {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self::new(number(major)?, number(minor)?)))
            .ok_or_else(|| InvalidPlatform::Glibc { text: text.to_owned() })
    }
}

serde_as_text!(PythonVersion, Glibc);

/// A text that names no system, Python or glibc.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidPlatform {
    /// Not one of [`System::ALL`].
    #[error("`{text}` is not a system that axle knows; it knows aarch64-linux and x86_64-linux")]
    System {
        /// The text as given.
        text: String,
    },
    /// Not a minor version of CPython 3.
    #[error(
        "`{text}` is not a Python version; write it like 3.12, or 3.13t (3.13 or later) for the free-threaded build"
    )]
    Python {
        /// The text as given.
        text: String,
    },
    /// Not a version of glibc.
    #[error("`{text}` is not a glibc version; write it like 2.35")]
    Glibc {
        /// The text as given.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip() {
        for text in ["3.9", "3.12", "3.13t", "3.14t"] {
            assert_eq!(text.parse::<PythonVersion>().unwrap().to_string(), text);
        }
        for text in ["x86_64-linux", "aarch64-linux"] {
            let system: System = text.parse().unwrap();
            assert_eq!(system.to_string(), text);
            assert_eq!(serde_json::to_string(&system).unwrap(), format!("\"{text}\""));
        }
        assert_eq!("2.35".parse::<Glibc>().unwrap().to_string(), "2.35");
    }

    #[test]
    fn ordered_by_number_not_by_text() {
        let python = |text: &str| text.parse::<PythonVersion>().unwrap();
        assert!(python("3.9") < python("3.10"));
        assert!(python("3.13") < python("3.13t"));
        assert!(python("3.13t") < python("3.14"));
        assert!(Glibc::new(2, 5) < Glibc::new(2, 17));
    }

    #[test]
    fn symbol_versions_are_releases() {
        assert_eq!(Glibc::of_symbol_version("2.35"), Some(Glibc::new(2, 35)));
        assert_eq!(Glibc::of_symbol_version("2.2.5"), Some(Glibc::new(2, 2)));
        for wrong in ["", "2", "2.x", "2.2.", "2.2.5.1", "PRIVATE"] {
            assert_eq!(Glibc::of_symbol_version(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn refused_texts() {
        for text in ["", "3", "3.", "3.012", "2.7", "3.12t", "3.12.1", "cp312", "3.+12", "3.300", "3.13tt"] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
        for text in ["", "2", "2.", ".35", "2.35.1", "2.x", "-2.35"] {
            assert!(text.parse::<Glibc>().is_err(), "{text}");
        }
        insta::assert_snapshot!(
            "x86_64-windows".parse::<System>().unwrap_err(),
            @"`x86_64-windows` is not a system that axle knows; it knows aarch64-linux and x86_64-linux"
        );
    }
}
