//! Grammar of wheel names: the CUDA release, torch and C++ ABI that a package encodes in its versions and URLs.

use axle_types::{Version, WheelCuda};
use regex::{Captures, Regex};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The grammar of a package's names, as its TOML declares it: regular expressions with the named groups
///
/// | group | reads | as |
/// | --- | --- | --- |
/// | `cuda` | `12`, `128`, `1210`, `12.8` | CUDA 12, 12.8, 12.10, 12.8 |
/// | `cpu` | anything | without CUDA |
/// | `torch` | `2.8`, `29`, `210` | torch 2.8, 2.9, 2.10 |
/// | `abi` | `TRUE` or `cxx11`, anything else | the C++11 ABI, or the one before |
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Names {
    /// What the local version may be (`cu12torch2.8cxx11abiTRUE`), as the file name spells it.
    pub local: Vec<Grammar>,
    /// What the version itself says, without a local part: that of a package which is versioned like CUDA (`12.9.4`).
    pub version: Vec<Grammar>,
    /// What an address may hold (`/whl/cu128/`), for wheels without a local version.
    pub address: Vec<Grammar>,
    /// The CUDA that every wheel of the package is for, where the package's own name says it.
    pub cuda: Option<WheelCuda>,
}

/// The variant that a wheel's name encodes. Parts that it does not state are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// The CUDA.
    pub cuda: Option<WheelCuda>,
    /// The torch, or the start of its version (`2.8`).
    pub torch: Option<Version>,
    /// Whether its C++ strings are those of the C++11 ABI.
    pub cxx11_abi: Option<bool>,
}

/// A local version that no grammar of its package reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no `names.local` of the package matches the local version `{local}`")]
pub struct UnreadableName {
    /// The local version.
    pub local: String,
}

impl Names {
    /// What a wheel's name and address say.
    ///
    /// # Errors
    /// When it has a local version that the package's grammar does not read.
    pub fn read(&self, version_text: &str, url: Option<&str>) -> Result<Variant, UnreadableName> {
        let fixed = || Variant { cuda: self.cuda, ..Variant::default() };
        let read = |grammars: &[Grammar], text: &str| {
            grammars
                .iter()
                .find_map(|grammar| grammar.read(text))
                .map(|variant| Variant { cuda: variant.cuda.or(self.cuda), ..variant })
        };
        if let Some((_, local)) = version_text.split_once('+') {
            // An epoch or a second `+` is no grammar's business.
            if self.local.is_empty() {
                return Ok(fixed());
            }
            return read(&self.local, local).ok_or_else(|| UnreadableName { local: local.to_owned() });
        }
        let of_version = || read(&self.version, version_text);
        Ok(url.and_then(|url| read(&self.address, url)).or_else(of_version).unwrap_or_else(fixed))
    }
}

/// A regular expression with the named groups of [`Names`].
#[derive(Debug, Clone)]
pub struct Grammar(Regex);

impl Grammar {
    fn read(&self, text: &str) -> Option<Variant> {
        let captures = self.0.captures(text)?;
        let cuda = match (captures.name("cpu"), group(&captures, "cuda")) {
            (Some(_), _) => Some(WheelCuda::Cpu),
            (None, Some(digits)) => Some(WheelCuda::from_name(digits)?),
            (None, None) => None,
        };
        let torch = match group(&captures, "torch") {
            Some(text) => Some(torch_from_name(text)?),
            None => None,
        };
        let cxx11_abi = group(&captures, "abi")
            .map(|text| ["true", "cxx11"].iter().any(|new| text.eq_ignore_ascii_case(new)));
        Some(Variant { cuda, torch, cxx11_abi })
    }
}

impl PartialEq for Grammar {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Grammar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let regex = Regex::new(&text).map_err(D::Error::custom)?;
        let known = ["cuda", "cpu", "torch", "abi"];
        match regex.capture_names().flatten().find(|name| !known.contains(name)) {
            Some(name) => {
                Err(D::Error::custom(format!("the group `{name}` is not one of {}", known.join(", "))))
            }
            None => Ok(Self(regex)),
        }
    }
}

fn group<'a>(captures: &Captures<'a>, name: &str) -> Option<&'a str> {
    captures.name(name).map(|found| found.as_str())
}

/// `2.8`, or `28` without the dot.
fn torch_from_name(text: &str) -> Option<Version> {
    if text.contains('.') || !text.is_ascii() || text.len() < 2 {
        return text.parse().ok();
    }
    let (major, minor) = text.split_at(1);
    format!("{major}.{minor}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(toml: &str) -> Names {
        toml::from_str(toml).unwrap()
    }

    fn variant(cuda: &str, torch: Option<&str>, cxx11_abi: Option<bool>) -> Variant {
        Variant {
            cuda: Some(cuda.parse().unwrap()),
            torch: torch.map(|torch| torch.parse().unwrap()),
            cxx11_abi,
        }
    }

    #[test]
    fn local_versions_of_real_wheels() {
        let flash = names(r"local = ['^cu(?<cuda>\d+)torch(?<torch>[\d.]+)cxx11abi(?<abi>TRUE|FALSE)$']");
        assert_eq!(
            flash.read("2.8.3+cu12torch2.8cxx11abiTRUE", None).unwrap(),
            variant("12", Some("2.8"), Some(true))
        );
        assert_eq!(
            flash.read("2.5.9.post1+cu118torch2.0cxx11abiFALSE", None).unwrap(),
            variant("11.8", Some("2.0"), Some(false))
        );
        assert_eq!(flash.read("2.8.3", None).unwrap(), Variant::default());
        assert_eq!(
            flash.read("2.8.3+git1234", None).unwrap_err(),
            UnreadableName { local: "git1234".into() }
        );

        let torch = names(
            r"
            local = ['^cu(?<cuda>\d+)$', '^(?<cpu>cpu)(\.cxx11\.abi)?$', '^pt(?<torch>[\d.]+?)cu(?<cuda>\d+)$']
            address = ['/whl/cu(?<cuda>\d+)/', '/whl/(?<cpu>cpu)/']",
        );
        assert_eq!(torch.read("2.9.1+cu128", None).unwrap(), variant("12.8", None, None));
        assert_eq!(torch.read("2.9.1+cpu.cxx11.abi", None).unwrap(), variant("cpu", None, None));
        assert_eq!(torch.read("0.1+pt2.5cu124", None).unwrap(), variant("12.4", Some("2.5"), None));
        assert_eq!(
            torch.read("2.9.1", Some("https://x.y/whl/cu126/t.whl")).unwrap(),
            variant("12.6", None, None)
        );
        assert_eq!(
            torch.read("2.9.1", Some("https://x.y/whl/cpu/t.whl")).unwrap(),
            variant("cpu", None, None)
        );
        assert_eq!(torch.read("2.9.1", None).unwrap(), Variant::default());

        let apex = names(r"local = ['^cu(?<cuda>\d+)\.torch(?<torch>\d+)$']");
        assert_eq!(apex.read("0.1+cu130.torch210", None).unwrap(), variant("13.0", Some("2.10"), None));
    }

    #[test]
    fn a_package_may_say_it_itself() {
        let cupy = names("cuda = '12'");
        assert_eq!(cupy.read("13.6.0", None).unwrap(), variant("12", None, None));
    }

    #[test]
    fn a_version_may_be_that_of_cuda() {
        let bindings = names(r"version = ['^(?<cuda>\d+)\.']");
        assert_eq!(bindings.read("12.9.4", None).unwrap(), variant("12", None, None));
        assert_eq!(bindings.read("13.4.0b1", None).unwrap(), variant("13", None, None));
    }

    #[test]
    fn a_group_that_nothing_reads_is_refused() {
        let error = toml::from_str::<Names>("local = ['(?<gpu>.*)']").unwrap_err().to_string();
        assert!(error.contains("the group `gpu` is not one of cuda, cpu, torch, abi"), "{error}");
    }
}
