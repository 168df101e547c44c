//! Versions that are neither Python's nor a C library's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no version of {what}: it is written like '{example}'")]
pub struct VersionError {
    text: String,
    what: &'static str,
    example: &'static str,
}

/// A version of which the minor number may be left open: `13`, `13.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MajorMinor {
    /// 13 of 13.2.
    pub major: u16,
    /// 2 of 13.2; `None` where only the major version matters or is known.
    pub minor: Option<u16>,
}

impl MajorMinor {
    /// A major version.
    pub const fn major(major: u16) -> Self {
        Self { major, minor: None }
    }
}

impl fmt::Display for MajorMinor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        self.minor.map_or(Ok(()), |minor| write!(f, ".{minor}"))
    }
}

impl FromStr for MajorMinor {
    type Err = VersionError;

    /// Further numbers, as in `13.2.0`, are read and dropped.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers = numbers(text).ok_or_else(|| VersionError {
            text: text.to_owned(),
            what: "a compiler or of CUDA",
            example: "13",
        })?;
        let number = |at: usize| numbers.get(at).and_then(|&number| u16::try_from(number).ok());
        Ok(Self { major: number(0).unwrap_or(u16::MAX), minor: number(1) })
    }
}

/// A version of NVIDIA's driver: `570.26`, `525.60.13`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion {
    numbers: Vec<u32>,
    text: String,
}

impl DriverVersion {
    /// The branch, which is the first number: 570 of 570.26.
    pub fn branch(&self) -> u32 {
        self.numbers.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for DriverVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers = numbers(text).ok_or_else(|| VersionError {
            text: text.to_owned(),
            what: "NVIDIA's driver",
            example: "570.26",
        })?;
        Ok(Self { numbers, text: text.to_owned() })
    }
}

/// One to four numbers between points.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let number = |part: &str| {
        let decimal = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        decimal.then(|| part.parse().ok()).flatten()
    };
    let numbers: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    (numbers.len() <= 4).then_some(numbers)
}

macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(MajorMinor, DriverVersion);

/// What is written as it is shown, where it may be missing.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(crate) mod optional_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// A list of what is written as it is shown, where it may be missing.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
pub(crate) mod optional_texts {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<T: Display, S: Serializer>(
        values: &Option<Vec<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match values {
            Some(values) => serializer.collect_seq(values.iter().map(ToString::to_string)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let texts = Option::<Vec<String>>::deserialize(deserializer)?;
        let parse = |text: String| text.parse().map_err(serde::de::Error::custom);
        texts.map(|texts| texts.into_iter().map(parse).collect()).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_ordered_by_number() {
        let driver = |text: &str| text.parse::<DriverVersion>().unwrap();
        assert!(driver("570.26") < driver("570.124.06"));
        assert!(driver("525.60.13") < driver("570.26"));
        assert_eq!(driver("570.124.06").branch(), 570);
        for text in ["", "570.", "v570", "570.26-1", "1.2.3.4.5", "99999999999"] {
            assert!(text.parse::<DriverVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_compiler_may_be_told_to_the_patch() {
        assert_eq!("13.2.0".parse::<MajorMinor>().unwrap(), MajorMinor { major: 13, minor: Some(2) });
        assert_eq!("13".parse::<MajorMinor>().unwrap().to_string(), "13");
        assert_eq!(
            "gcc13".parse::<MajorMinor>().unwrap_err().to_string(),
            "'gcc13' is no version of a compiler or of CUDA: it is written like '13'"
        );
    }
}
