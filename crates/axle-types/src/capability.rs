//! Compute capabilities: the generation of a GPU, written `8.6`.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

/// What a GPU is, written `8.6`. Never `86` or `sm_86`: those name code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComputeCapability {
    /// The generation: 8 for Ampere and Ada, 9 for Hopper.
    pub major: u8,
    /// The member of the generation.
    pub minor: u8,
}

/// Why a text is not a compute capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComputeCapabilityError {
    /// The text names code (`sm_86`, `compute_86`, `86`) instead of a GPU.
    #[error("'{text}' names code, not a GPU: write the compute capability as '{hint}'")]
    NamesCode {
        /// The text as given.
        text: String,
        /// The compute capability that was probably meant.
        hint: ComputeCapability,
    },
    /// The text is something else.
    #[error("'{text}' is not a compute capability: write two numbers with a point, like '8.6'")]
    Malformed {
        /// The text as given.
        text: String,
    },
}

/// Tegra (Jetson, DRIVE) parts: their code and that of desktop parts do not run on each other, nor does
/// that of one Tegra part on another.
///
/// "Binary compatibility is supported only for the desktop. It is not supported for Tegra": CUDA C++
/// Programming Guide, "Binary Compatibility". TX1, TX2, Xavier, Orin, Thor (10.1 up to CUDA 12.9, 11.0
/// since 13.0), and 8.8, which `ptxas` takes since 13.0 and which no desktop part has.
const TEGRA: [(u8, u8); 8] = [(3, 2), (5, 3), (6, 2), (7, 2), (8, 7), (8, 8), (10, 1), (11, 0)];

/// Families with more than one member: CUDA C++ Programming Guide, "Family-Specific Features".
const FAMILIES: [&[(u8, u8)]; 2] = [&[(10, 0), (10, 3)], &[(12, 0), (12, 1)]];

impl ComputeCapability {
    /// The capability `major.minor`.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Whether this is a Tegra part, whose code is apart from that of desktop parts.
    pub fn is_tegra(self) -> bool {
        TEGRA.contains(&(self.major, self.minor))
    }

    /// Whether code for the family of `self` may use what `other` has: same family, `other` not older.
    pub fn family_includes(self, other: Self) -> bool {
        let (own, others) = ((self.major, self.minor), (other.major, other.minor));
        self == other
            || FAMILIES
                .iter()
                .any(|family| family.contains(&own) && family.contains(&others) && others >= own)
    }

    /// Reads NVIDIA's number of an architecture: 86 is 8.6, 121 is 12.1.
    pub fn from_number(number: u32) -> Option<Self> {
        Some(Self { major: u8::try_from(number / 10).ok()?, minor: u8::try_from(number % 10).ok()? })
    }

    /// Reads the digits of an architecture, as in `sm_86`, which are two or three.
    pub fn from_digits(digits: &str) -> Option<Self> {
        if digits.len() < 2 || digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Self::from_number(digits.parse().ok()?)
    }
}

impl fmt::Display for ComputeCapability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ComputeCapability {
    type Err = ComputeCapabilityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            let canonical = part == "0" || !part.starts_with('0');
            (canonical && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u8>().ok())
                .flatten()
        };
        if let Some((major, minor)) = text.split_once('.')
            && let (Some(major), Some(minor @ 0..=9)) = (number(major), number(minor))
            && major > 0
        {
            return Ok(Self { major, minor });
        }
        let digits = ["sm_", "compute_", "sm", ""].iter().find_map(|prefix| text.strip_prefix(prefix));
        let digits = digits.unwrap_or(text).trim_end_matches(['a', 'f']);
        Err(match Self::from_digits(digits) {
            Some(hint) => ComputeCapabilityError::NamesCode { text: text.to_owned(), hint },
            None => ComputeCapabilityError::Malformed { text: text.to_owned() },
        })
    }
}

serde_as_text!(ComputeCapability);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_code_are_refused_with_a_hint() {
        let message = |text: &str| text.parse::<ComputeCapability>().unwrap_err().to_string();
        for text in ["86", "sm_86", "compute_86", "sm86", "sm_86a"] {
            assert_eq!(
                message(text),
                format!("'{text}' names code, not a GPU: write the compute capability as '8.6'")
            );
        }
        assert!(message("120").ends_with("as '12.0'"));
        for text in [
            "", "8", "8.", ".6", "8.6.1", "08.6", "8.06", "8.10", "0.0", "8,6", "ampere", "+8.6", "-1.0",
            "8.6a",
        ] {
            assert!(message(text).contains("is not a compute capability"), "{text}: {}", message(text));
        }
    }

    proptest! {
        #[test]
        fn capabilities_are_written_as_they_are_read(major in 1_u8.., minor in 0_u8..10) {
            let capability = ComputeCapability::new(major, minor);
            prop_assert_eq!(capability.to_string().parse::<ComputeCapability>().unwrap(), capability);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<ComputeCapability>();
        }
    }
}
