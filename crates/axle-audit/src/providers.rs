//! Providers of the libraries that a wheel needs but does not contain.

use serde::{Deserialize, Serialize};

use crate::facts::WheelFacts;
use crate::policy::Policy;

/// Kinds of providers of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// The C library of the machine.
    Glibc,
    /// The run-time libraries of the machine's C++ compiler.
    CxxRuntime,
    /// The GPU's driver.
    Driver,
    /// Another library of the machine.
    System,
    /// A package.
    Package,
}

/// The provider of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What kind of thing that is.
    pub kind: ProviderKind,
    /// The packages that contain it; one of them provides it.
    pub packages: Vec<String>,
}

/// A library that a wheel needs from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededLibrary {
    /// Its name.
    pub soname: String,
    /// The kind of its provider; null if the policy has none.
    pub provider: Option<ProviderKind>,
    /// The packages that contain it: more than one if the soname is ambiguous (`libcudnn.so.9` exists for CUDA 12 and
    /// for CUDA 13).
    pub packages: Vec<String>,
}

/// The libraries that a wheel needs from outside, each with its provider as far as the policy knows it.
pub fn providers(facts: &WheelFacts, policy: &Policy) -> Vec<NeededLibrary> {
    let needed = |soname: &String| {
        let provider = policy.providers.get(soname);
        NeededLibrary {
            soname: soname.clone(),
            provider: provider.map(|provider| provider.kind),
            packages: provider.map(|provider| provider.packages.clone()).unwrap_or_default(),
        }
    };
    facts.external.iter().map(needed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_known_is_told() {
        let driver = Provider { kind: ProviderKind::Driver, packages: Vec::new() };
        let cudnn = Provider { kind: ProviderKind::Package, packages: vec!["nvidia-cudnn-cu12".to_owned()] };
        let policy = Policy {
            providers: [("libcuda.so.1".to_owned(), driver), ("libcudnn.so.9".to_owned(), cudnn)].into(),
            ..Policy::default()
        };
        let external = ["libcuda.so.1", "libcudnn.so.9", "libx.so"].map(str::to_owned).to_vec();
        let facts = WheelFacts { external, ..WheelFacts::default() };
        assert_eq!(
            serde_json::to_string(&providers(&facts, &policy)).unwrap(),
            r#"[{"soname":"libcuda.so.1","provider":"driver","packages":[]},{"soname":"libcudnn.so.9","provider":"package","packages":["nvidia-cudnn-cu12"]},{"soname":"libx.so","provider":null,"packages":[]}]"#
        );
    }
}
