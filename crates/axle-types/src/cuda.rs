//! CUDA releases: a release itself, the CUDA of a target, and the CUDA that a wheel was built for.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::text::{number, serde_as_text};

/// A minor release of the CUDA toolkit: `12.8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CudaRelease {
    /// 12 of 12.8.
    pub major: u16,
    /// 8 of 12.8.
    pub minor: u16,
}

impl CudaRelease {
    /// CUDA `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads what a person gives: a release, or a version of nvcc or of a patch release (`12.8.1`, `12.8.93`), whose third
    /// number is dropped. Files of a catalogue name releases only, and are read as such.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn of_version(text: &str) -> Result<Self, InvalidCuda> {
        let release = match text.rsplit_once('.') {
            Some((release, patch)) if release.contains('.') && number::<u16>(patch).is_some() => release,
            _ => text,
        };
        release.parse().map_err(|_: InvalidCuda| InvalidCuda { text: text.to_owned() })
    }

    /// Reads NVIDIA's number of a release, as in the names of wheels and the headers of cubins: 128 is 12.8.
    pub fn from_number(number: u32) -> Option<Self> {
        let number = u16::try_from(number).ok().filter(|number| (50..200).contains(number))?;
        Some(Self { major: number / 10, minor: number % 10 })
    }
}

impl fmt::Display for CudaRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for CudaRelease {
    type Err = InvalidCuda;

    fn from_str(text: &str) -> Result<Self, InvalidCuda> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self { major: number(major)?, minor: number(minor)? }))
            .ok_or_else(|| InvalidCuda { text: text.to_owned() })
    }
}

/// The CUDA of a target: a minor release, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CudaTarget {
    /// Without CUDA.
    Cpu,
    /// With a release of the toolkit.
    Release(CudaRelease),
}

impl CudaTarget {
    /// The release, where there is one.
    pub fn release(self) -> Option<CudaRelease> {
        match self {
            Self::Cpu => None,
            Self::Release(release) => Some(release),
        }
    }

    /// One word, as torch's local versions have it: `cu128`, `cpu`.
    pub fn tag(self) -> String {
        match self {
            Self::Cpu => "cpu".to_owned(),
            Self::Release(CudaRelease { major, minor }) => format!("cu{major}{minor}"),
        }
    }
}

impl From<CudaRelease> for CudaTarget {
    fn from(release: CudaRelease) -> Self {
        Self::Release(release)
    }
}

impl fmt::Display for CudaTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for CudaTarget {
    type Err = InvalidCuda;

    fn from_str(text: &str) -> Result<Self, InvalidCuda> {
        if text == "cpu" { Ok(Self::Cpu) } else { text.parse().map(Self::Release) }
    }
}

/// The CUDA that a wheel was built for, as exactly as its name, its metadata or its catalogue entry says.
///
/// Ordered from old to new, with a major release before its minors: `cpu`, `11.8`, `12`, `12.8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WheelCuda {
    /// Without CUDA.
    Cpu,
    /// For a major release; which minor is not known.
    Major(u16),
    /// For a minor release.
    Release(CudaRelease),
}

impl WheelCuda {
    /// Reads `12`, `128` or `12.8`, as names of wheels spell CUDA releases.
    pub fn from_name(text: &str) -> Option<Self> {
        match text.split_at_checked(2)? {
            _ if text.contains('.') => text.parse().ok(),
            (major, "") => Some(Self::Major(major.parse().ok()?)),
            (major, minor) => {
                Some(Self::Release(CudaRelease { major: major.parse().ok()?, minor: minor.parse().ok()? }))
            }
        }
    }

    /// The major release; `None` without CUDA.
    pub fn major(self) -> Option<u16> {
        match self {
            Self::Cpu => None,
            Self::Major(major) | Self::Release(CudaRelease { major, .. }) => Some(major),
        }
    }
}

impl Ord for WheelCuda {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |cuda: &Self| match *cuda {
            Self::Cpu => (None, None),
            Self::Major(major) => (Some(major), None),
            Self::Release(CudaRelease { major, minor }) => (Some(major), Some(minor)),
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for WheelCuda {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<CudaTarget> for WheelCuda {
    fn from(cuda: CudaTarget) -> Self {
        match cuda {
            CudaTarget::Cpu => Self::Cpu,
            CudaTarget::Release(release) => Self::Release(release),
        }
    }
}

impl fmt::Display for WheelCuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Major(major) => major.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for WheelCuda {
    type Err = InvalidCuda;

    fn from_str(text: &str) -> Result<Self, InvalidCuda> {
        match number(text) {
            Some(major) => Ok(Self::Major(major)),
            None => text.parse::<CudaTarget>().map(Self::from),
        }
    }
}

serde_as_text!(CudaRelease, CudaTarget, WheelCuda);

/// A text that names no CUDA release.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a CUDA version: write major and minor, as in `12.8`, or `cpu`")]
#[non_exhaustive]
pub struct InvalidCuda {
    /// The text as given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_minor_release_or_none() {
        assert_eq!("12.8".parse(), Ok(CudaTarget::Release(CudaRelease::new(12, 8))));
        assert_eq!("cpu".parse(), Ok(CudaTarget::Cpu));
        for wrong in ["", "12", "12.", ".8", "12.8.1", "+12.8", "cu128", "99999999.1", "12.08"] {
            assert_eq!(wrong.parse::<CudaTarget>(), Err(InvalidCuda { text: wrong.into() }), "{wrong}");
        }
        assert!(CudaRelease::new(12, 10) > CudaRelease::new(12, 9));
    }

    #[test]
    fn a_person_may_give_a_patch_release() {
        for text in ["12.8", "12.8.0", "12.8.1", "12.8.93"] {
            assert_eq!(CudaRelease::of_version(text), Ok(CudaRelease::new(12, 8)), "{text}");
        }
        for wrong in ["12", "12.8.1.2", "12.8.", "12..1", "12.8.x", "12.8.01", "V12.8.93", "12.8.93rc1", ""] {
            assert_eq!(CudaRelease::of_version(wrong), Err(InvalidCuda { text: wrong.into() }), "{wrong}");
        }
        assert!("12.8.1".parse::<CudaRelease>().is_err(), "a catalogue names releases only");
    }

    #[test]
    fn older_releases_are_less() {
        let mut releases =
            ["13", "12.8", "12", "12.10", "11.8", "cpu"].map(|text| text.parse::<WheelCuda>().unwrap());
        releases.sort();
        assert_eq!(releases.map(|release| release.to_string()), ["cpu", "11.8", "12", "12.8", "12.10", "13"]);
    }

    #[test]
    fn numbers_of_releases() {
        assert_eq!(CudaRelease::from_number(128), Some(CudaRelease::new(12, 8)));
        assert_eq!(CudaRelease::from_number(1), None);
        assert_eq!(WheelCuda::from_name("1210"), Some(WheelCuda::Release(CudaRelease::new(12, 10))));
        assert_eq!(WheelCuda::from_name("12"), Some(WheelCuda::Major(12)));
        assert_eq!(WheelCuda::from_name("é"), None);
    }
}
