//! Architectures of device code (`sm_86`, `compute_90a`), and the compute capabilities that they run on.

use std::fmt;
use std::str::FromStr;

use axle_types::ComputeCapability;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Machine code for one architecture, an ELF image ("cubin").
    Sass,
    /// Assembly text, which the driver compiles for the GPU that it finds.
    Ptx,
    /// Intermediate code for link-time optimisation (NVVM); runs nowhere before it is linked.
    Lto,
    /// A kind that nobody has described; kept under its number, so that it is not taken for nothing.
    Unknown(u16),
}

/// Which features beyond the portable ones code uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suffix {
    /// `sm_90`: portable features only.
    Plain,
    /// `sm_100f`: those of a family.
    Family,
    /// `sm_90a`: those of one architecture ("accelerated").
    Architecture,
}

/// What an entry was compiled for: `sm_90a`, `compute_86`, `lto_80`.
///
/// A kind that nobody has described is written `kind64_90`: the kind's and the architecture's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// SASS, PTX or something else.
    pub kind: Kind,
    /// The compute capability that the number denotes.
    pub capability: ComputeCapability,
    /// The letter behind it.
    pub suffix: Suffix,
}

/// A text that is not an architecture of device code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an architecture of device code: write it like 'sm_86', 'sm_90a' or 'compute_86'")]
pub struct CodeError {
    /// The text as given.
    pub text: String,
}

impl Code {
    /// Whether the code runs on a GPU of that compute capability; `None` where that can't be judged.
    ///
    /// SASS runs on its own and on later members of its generation, PTX on anything as new or newer;
    /// `a` restricts both to exactly their capability, `f` to its family. Desktop and Tegra parts do not
    /// run each other's SASS. CUDA C++ Programming Guide, "Binary Compatibility", "PTX Compatibility".
    pub fn runs_on(self, gpu: ComputeCapability) -> Option<bool> {
        let own = self.capability;
        match (self.kind, self.suffix) {
            (Kind::Lto | Kind::Unknown(_), _) => None,
            (_, Suffix::Architecture) => Some(gpu == own),
            (_, Suffix::Family) => Some(own.family_includes(gpu)),
            (Kind::Ptx, Suffix::Plain) => Some(gpu >= own),
            (Kind::Sass, Suffix::Plain) => {
                let apart = own.is_tegra() || gpu.is_tegra();
                Some(gpu == own || (!apart && gpu.major == own.major && gpu.minor >= own.minor))
            }
        }
    }

    /// Whether this is SASS or PTX without a suffix, the code that a wheel's coverage is counted by.
    pub fn is_plain(self) -> bool {
        self.suffix == Suffix::Plain && matches!(self.kind, Kind::Sass | Kind::Ptx)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Sass => formatter.write_str("sm_")?,
            Kind::Ptx => formatter.write_str("compute_")?,
            Kind::Lto => formatter.write_str("lto_")?,
            Kind::Unknown(kind) => write!(formatter, "kind{kind}_")?,
        }
        write!(formatter, "{}{}", self.capability.major, self.capability.minor)?;
        match self.suffix {
            Suffix::Plain => Ok(()),
            Suffix::Family => formatter.write_str("f"),
            Suffix::Architecture => formatter.write_str("a"),
        }
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (kind, rest) = text.split_once('_')?;
            let kind = match kind {
                "sm" => Kind::Sass,
                "compute" => Kind::Ptx,
                "lto" => Kind::Lto,
                other => Kind::Unknown(other.strip_prefix("kind")?.parse().ok()?),
            };
            let (digits, suffix) = match rest.as_bytes().last()? {
                b'a' => (&rest[..rest.len() - 1], Suffix::Architecture),
                b'f' => (&rest[..rest.len() - 1], Suffix::Family),
                _ => (rest, Suffix::Plain),
            };
            Some(Self { kind, capability: ComputeCapability::from_digits(digits)?, suffix })
        };
        parse().ok_or_else(|| CodeError { text: text.to_owned() })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs(code: &str, gpu: &str) -> Option<bool> {
        code.parse::<Code>().unwrap().runs_on(gpu.parse().unwrap())
    }

    #[test]
    fn sass_runs_on_later_members_of_its_generation() {
        assert_eq!(runs("sm_80", "8.6"), Some(true));
        assert_eq!(runs("sm_70", "7.5"), Some(true));
        assert_eq!(runs("sm_120", "12.1"), Some(true));
        assert_eq!(runs("sm_86", "8.0"), Some(false));
        assert_eq!(runs("sm_80", "9.0"), Some(false));
        assert_eq!(runs("sm_90", "12.0"), Some(false));
    }

    #[test]
    fn ptx_runs_on_anything_as_new() {
        assert_eq!(runs("compute_52", "12.0"), Some(true));
        assert_eq!(runs("compute_90", "8.9"), Some(false));
        assert_eq!(runs("compute_80", "8.7"), Some(true));
    }

    #[test]
    fn suffixes_narrow() {
        assert_eq!(runs("sm_90a", "9.0"), Some(true));
        assert_eq!(runs("sm_100a", "10.3"), Some(false));
        assert_eq!(runs("compute_90a", "10.0"), Some(false));
        assert_eq!(runs("sm_100f", "10.3"), Some(true));
        assert_eq!(runs("compute_100f", "10.3"), Some(true));
        assert_eq!(runs("sm_103f", "10.0"), Some(false));
        assert_eq!(runs("compute_100f", "12.0"), Some(false));
        assert_eq!(runs("sm_120f", "12.1"), Some(true));
    }

    #[test]
    fn desktop_and_tegra_are_apart() {
        assert_eq!(runs("sm_80", "8.7"), Some(false));
        assert_eq!(runs("sm_87", "8.9"), Some(false));
        assert_eq!(runs("sm_87", "8.7"), Some(true));
        assert_eq!(runs("sm_70", "7.2"), Some(false));
        assert_eq!(runs("sm_72", "7.5"), Some(false));
        assert_eq!(runs("sm_100", "10.1"), Some(false));
        assert_eq!(runs("sm_110", "11.0"), Some(true));
    }

    #[test]
    fn what_cannot_be_judged_is_not_judged() {
        assert_eq!(runs("lto_90", "9.0"), None);
        assert_eq!(runs("kind64_90", "9.0"), None);
    }

    #[test]
    fn names_that_are_no_code_are_refused() {
        for text in [
            "",
            "sm_",
            "sm_9",
            "sm_90b",
            "sm90",
            "sm_-90",
            "xx_90",
            "kind_90",
            "kind70000_90",
            "sm_9000",
            "sm_é",
        ] {
            assert!(text.parse::<Code>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn code_is_written_as_it_is_read(number in 10_u32..1000, kind in 0_u16..12, suffix in 0..3) {
            let kind = match kind { 0 => Kind::Sass, 1 => Kind::Ptx, 2 => Kind::Lto, other => Kind::Unknown(other) };
            let suffix = [Suffix::Plain, Suffix::Family, Suffix::Architecture][usize::try_from(suffix).unwrap()];
            let code = Code { kind, capability: ComputeCapability::from_number(number).unwrap(), suffix };
            prop_assert_eq!(code.to_string().parse::<Code>().unwrap(), code);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<Code>();
        }
    }
}
