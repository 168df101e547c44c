//! Driver versions of NVIDIA's driver: `570.26`.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;

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
    type Err = InvalidDriver;

    fn from_str(text: &str) -> Result<Self, InvalidDriver> {
        let numbers = numbers(text).ok_or_else(|| InvalidDriver { text: text.to_owned() })?;
        Ok(Self { numbers, text: text.to_owned() })
    }
}

/// A text that is not a driver version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version of NVIDIA's driver: write it like `570.26`")]
#[non_exhaustive]
pub struct InvalidDriver {
    /// The text as given.
    pub text: String,
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

serde_as_text!(DriverVersion);

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
}
