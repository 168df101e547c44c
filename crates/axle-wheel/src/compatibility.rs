//! How well a wheel's tags fit a machine, or why they do not (PEP 425, PEP 600).

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BuildTag, Tag, WheelName};
use axle_types::{Glibc, PythonVersion, System, number};

/// How well the tags of `wheel` fit CPython `python` on `system` with `glibc`.
///
/// The order of preference is the one that pip uses (`packaging.tags.sys_tags`): tags for this
/// very CPython, then its stable ABI from the newest to the oldest, then pure Python; under each,
/// the platform that asks for the newest glibc first, and `linux_x86_64`, which tells none, after
/// them (from packaging 26.3 on pip has it before them); wheels for any platform last; and of two
/// wheels with the same best tag, the one with the higher build tag.
///
/// # Errors
/// Why no tag of the wheel fits: of all its tags, the reason of the one nearest to fitting.
pub fn fit(
    wheel: &WheelName,
    system: System,
    python: PythonVersion,
    glibc: Glibc,
) -> Result<Fit, TagMismatch> {
    let mut best = None;
    let mut nearest = None;
    for tag in wheel.tags() {
        match rank(tag, system, python, glibc) {
            Ok(rank) => best = best.max(Some(rank)),
            Err(mismatch) => nearest = nearest.max(Some(mismatch)),
        }
    }
    match (best, nearest) {
        (Some(rank), _) => Ok(Fit { rank, build: wheel.build().cloned() }),
        (None, Some(mismatch)) => Err(mismatch),
        // A wheel's name has at least one tag; without one there would be nothing to run it.
        (None, None) => Err(TagMismatch::Python { needs: String::new(), has: python }),
    }
}

/// How well a wheel fits: of two wheels of one version the greater is the one to take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    rank: Rank,
    build: Option<BuildTag>,
}

/// Why a wheel does not fit, ordered: the greater, the nearer it came.
///
/// Of many wheels that do not fit, the greatest mismatch is the reason to report: a release with
/// wheels for Windows and for other Pythons on Linux fails because of the Python.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "tag", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TagMismatch {
    /// It is for another operating system.
    #[error("it is for {platform}, not for Linux")]
    NotLinux {
        /// The platform tag.
        platform: String,
    },
    /// It is for the C library musl (PEP 656).
    #[error("it is for musl ({platform}), not for glibc")]
    Musl {
        /// The platform tag.
        platform: String,
    },
    /// It is for another processor architecture.
    #[error("it is for {platform}, not for {has}")]
    Architecture {
        /// The platform tag.
        platform: String,
        /// The system asked for.
        has: System,
    },
    /// It is for another Python.
    #[error("it is for {needs}, not for CPython {has}")]
    Python {
        /// The Python tag.
        needs: String,
        /// The Python asked for.
        has: PythonVersion,
    },
    /// It is for this Python, but for an ABI that it does not have.
    #[error("its ABI {needs} is not one of CPython {has}")]
    Abi {
        /// The ABI tag.
        needs: String,
        /// The Python asked for.
        has: PythonVersion,
    },
    /// It is for this Python, but one of the two is free-threaded (PEP 703).
    #[error("its ABI {needs} is for the {} CPython, not for {has}", if has.is_free_threaded() { "usual" } else { "free-threaded" })]
    FreeThreaded {
        /// The ABI tag.
        needs: String,
        /// The Python asked for.
        has: PythonVersion,
    },
    /// It needs a newer glibc; all else fits.
    #[error("it needs glibc {needs}, but the target has {has}")]
    Glibc {
        /// The glibc of its least demanding platform tag.
        needs: Glibc,
        /// The glibc asked for.
        has: Glibc,
    },
}

impl TagMismatch {
    /// What orders mismatches: how far the wheel came, and how little glibc it needs.
    fn nearness(&self) -> (u8, Reverse<Option<Glibc>>, Reverse<&str>) {
        let (step, glibc, text) = match self {
            Self::NotLinux { platform } => (0, None, platform.as_str()),
            Self::Musl { platform } => (1, None, platform.as_str()),
            Self::Architecture { platform, .. } => (2, None, platform.as_str()),
            Self::Python { needs, .. } => (3, None, needs.as_str()),
            Self::Abi { needs, .. } => (4, None, needs.as_str()),
            Self::FreeThreaded { needs, .. } => (5, None, needs.as_str()),
            Self::Glibc { needs, .. } => (6, Some(*needs), ""),
        };
        (step, Reverse(glibc), Reverse(text))
    }
}

impl Ord for TagMismatch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nearness().cmp(&other.nearness())
    }
}

impl PartialOrd for TagMismatch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The place of one tag in the order of preference; the greater, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Wheels for any platform come after all others, whatever their Python.
    native: bool,
    interpreter: Interpreter,
    platform: Platform,
}

/// The variants are in the order of preference, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Interpreter {
    /// `py30-none` to the Python's own `py312-none`; just before its own comes `py3-none`.
    Pure { minor: u8, exact: bool },
    /// `cp32-abi3` to the one before the Python's own.
    OlderStable { minor: u8 },
    /// `cp312-none`.
    NoAbi,
    /// `cp312-abi3`.
    Stable,
    /// `cp312-cp312`, `cp313-cp313t`.
    Own,
}

/// The variants are in the order of preference, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Platform {
    /// `any`.
    Any,
    /// `linux_x86_64`: says nothing of the glibc.
    Linux,
    /// `manylinux_2_28_x86_64` (PEP 600), then its older name, `manylinux2014_x86_64` and such.
    Manylinux { glibc: Glibc, pep600: bool },
}

fn rank(tag: Tag<'_>, system: System, python: PythonVersion, glibc: Glibc) -> Result<Rank, TagMismatch> {
    let platform = platform(tag.platform, system)?;
    let interpreter = interpreter(tag, python)?;
    // packaging lists `-any` tags without an ABI only: what has an ABI has a platform.
    if platform == Platform::Any && tag.abi != "none" {
        return Err(TagMismatch::Abi { needs: tag.abi.to_owned(), has: python });
    }
    match platform {
        Platform::Manylinux { glibc: needs, .. } if needs.major() != glibc.major() || needs > glibc => {
            Err(TagMismatch::Glibc { needs, has: glibc })
        }
        _ => Ok(Rank { native: platform != Platform::Any, interpreter, platform }),
    }
}

fn platform(tag: &str, system: System) -> Result<Platform, TagMismatch> {
    if tag == "any" {
        return Ok(Platform::Any);
    }
    if tag.starts_with("musllinux_") {
        return Err(TagMismatch::Musl { platform: tag.to_owned() });
    }
    let not_linux = || TagMismatch::NotLinux { platform: tag.to_owned() };
    let (platform, architecture) = linux_platform(tag).ok_or_else(not_linux)?;
    let exists = match platform {
        Platform::Manylinux { glibc, .. } => glibc >= system.oldest_manylinux(),
        Platform::Any | Platform::Linux => true,
    };
    if architecture != system.architecture() || !exists {
        return Err(TagMismatch::Architecture { platform: tag.to_owned(), has: system });
    }
    Ok(platform)
}

/// A platform tag of Linux with glibc, taken apart: which, and for what architecture.
fn linux_platform(tag: &str) -> Option<(Platform, &str)> {
    // PEP 513, 571 and 599 gave these names, PEP 600 says which glibc each stands for.
    const LEGACY: [(&str, Glibc); 3] = [
        ("manylinux1_", Glibc::new(2, 5)),
        ("manylinux2010_", Glibc::new(2, 12)),
        ("manylinux2014_", Glibc::new(2, 17)),
    ];
    if let Some(architecture) = tag.strip_prefix("linux_") {
        return Some((Platform::Linux, architecture));
    }
    for (prefix, glibc) in LEGACY {
        if let Some(architecture) = tag.strip_prefix(prefix) {
            return Some((Platform::Manylinux { glibc, pep600: false }, architecture));
        }
    }
    let mut parts = tag.strip_prefix("manylinux_")?.splitn(3, '_');
    let (major, minor, architecture) = (parts.next()?, parts.next()?, parts.next()?);
    let glibc = Glibc::new(number(major)?, number(minor)?);
    Some((Platform::Manylinux { glibc, pep600: true }, architecture))
}

impl WheelName {
    /// The glibc that its platform tags ask for, the oldest of them (PEP 600); `None` where one asks for none, as
    /// `linux_x86_64` and `any`.
    pub fn glibc(&self) -> Option<Glibc> {
        let asked = self.platform_tags().iter().map(|tag| match linux_platform(tag)?.0 {
            Platform::Manylinux { glibc, .. } => Some(glibc),
            Platform::Any | Platform::Linux => None,
        });
        asked.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

fn interpreter(tag: Tag<'_>, python: PythonVersion) -> Result<Interpreter, TagMismatch> {
    let own = python.python_tag();
    let other_python = || TagMismatch::Python { needs: tag.python.to_owned(), has: python };
    let other_abi = || TagMismatch::Abi { needs: tag.abi.to_owned(), has: python };
    let other_threading = || TagMismatch::FreeThreaded { needs: tag.abi.to_owned(), has: python };

    if let Some(version) = tag.python.strip_prefix("py") {
        let pure = match version.strip_prefix('3') {
            Some("") => Interpreter::Pure { minor: python.minor(), exact: false },
            Some(minor) => Interpreter::Pure {
                minor: number(minor).filter(|minor| *minor <= python.minor()).ok_or_else(other_python)?,
                exact: true,
            },
            None => return Err(other_python()),
        };
        return if tag.abi == "none" { Ok(pure) } else { Err(other_abi()) };
    }
    let minor: u8 = tag.python.strip_prefix("cp3").and_then(number).ok_or_else(other_python)?;
    match tag.abi {
        // The stable ABI (PEP 384) came with 3.2; the free-threaded build has another (PEP 803).
        "abi3" | "abi3t" if minor < 2 || minor > python.minor() => Err(other_python()),
        abi @ ("abi3" | "abi3t") if (abi == "abi3t") != python.is_free_threaded() => Err(other_threading()),
        "abi3" | "abi3t" if minor < python.minor() => Ok(Interpreter::OlderStable { minor }),
        "abi3" | "abi3t" => Ok(Interpreter::Stable),
        _ if minor != python.minor() => Err(other_python()),
        "none" => Ok(Interpreter::NoAbi),
        abi if abi == python.abi_tag() => Ok(Interpreter::Own),
        abi if abi == own || abi.strip_prefix(own.as_str()) == Some("t") => Err(other_threading()),
        _ => Err(other_abi()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit_of(name: &str, python: &str, glibc: &str) -> Result<Fit, TagMismatch> {
        let wheel = name.parse().unwrap();
        fit(&wheel, System::X86_64Linux, python.parse().unwrap(), glibc.parse().unwrap())
    }

    fn why_not(tag: &str, python: &str) -> String {
        fit_of(&format!("a-1-{tag}.whl"), python, "2.28").unwrap_err().to_string()
    }

    #[test]
    fn the_glibc_of_tags_is_the_oldest_that_they_allow() {
        for (platform, glibc) in [
            ("manylinux_2_28_x86_64", Some(Glibc::new(2, 28))),
            ("manylinux_2_17_x86_64.manylinux2014_x86_64", Some(Glibc::new(2, 17))),
            ("manylinux_2_24_x86_64.manylinux_2_28_x86_64", Some(Glibc::new(2, 24))),
            ("manylinux1_x86_64", Some(Glibc::new(2, 5))),
            ("manylinux_2_28_x86_64.linux_x86_64", None),
            ("linux_x86_64", None),
            ("musllinux_1_2_x86_64", None),
            ("any", None),
        ] {
            let name: WheelName = format!("a-1-cp312-cp312-{platform}.whl").parse().unwrap();
            assert_eq!(name.glibc(), glibc, "{platform}");
        }
    }

    #[test]
    fn better_tags_win() {
        let best_first = [
            "a-1-2-cp312-cp312-manylinux_2_28_x86_64.whl",
            "a-1-1-cp312-cp312-manylinux_2_28_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_28_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_17_x86_64.whl",
            "a-1-cp312-cp312-manylinux2014_x86_64.whl",
            "a-1-cp312-cp312-manylinux2010_x86_64.whl",
            "a-1-cp312-cp312-manylinux1_x86_64.whl",
            "a-1-cp312-cp312-linux_x86_64.whl",
            "a-1-cp312-abi3-manylinux_2_17_x86_64.whl",
            "a-1-cp312-none-manylinux_2_17_x86_64.whl",
            "a-1-cp310-abi3-manylinux_2_28_x86_64.whl",
            "a-1-cp39-abi3-manylinux_2_28_x86_64.whl",
            "a-1-py312-none-manylinux_2_28_x86_64.whl",
            "a-1-py3-none-manylinux_2_28_x86_64.whl",
            "a-1-py2.py3-none-linux_x86_64.whl",
            "a-1-py311-none-manylinux_2_28_x86_64.whl",
            "a-1-cp312-none-any.whl",
            "a-1-py312-none-any.whl",
            "a-1-py3-none-any.whl",
            "a-1-py39-none-any.whl",
        ];
        let fits: Vec<Fit> = best_first.iter().map(|name| fit_of(name, "3.12", "2.28").unwrap()).collect();
        for (pair, names) in fits.windows(2).zip(best_first.windows(2)) {
            assert!(pair[0] > pair[1], "{names:?}");
        }
    }

    #[test]
    fn reasons() {
        let reasons: Vec<String> = [
            ("cp312-cp312-win_amd64", "3.12"),
            ("cp312-cp312-musllinux_1_2_x86_64", "3.12"),
            ("cp312-cp312-manylinux_2_28_aarch64", "3.12"),
            ("cp312-cp312-manylinux_2_28_x86_64", "3.13"),
            ("cp313-cp313t-manylinux_2_28_x86_64", "3.13"),
            ("cp313-cp313-manylinux_2_28_x86_64", "3.13t"),
            ("cp39-abi3-manylinux_2_28_x86_64", "3.13t"),
            ("cp315-abi3t-manylinux_2_28_x86_64", "3.15"),
            ("cp313-abi3-manylinux_2_28_x86_64", "3.12"),
            ("pp310-pypy310_pp73-manylinux_2_28_x86_64", "3.10"),
            ("cp312-cp312-any", "3.12"),
            ("cp312-cp312-manylinux_2_39_x86_64.manylinux_2_34_x86_64", "3.12"),
            ("py2-none-any", "3.12"),
        ]
        .into_iter()
        .map(|(tag, python)| format!("{tag} on {python}: {}", why_not(tag, python)))
        .collect();
        insta::assert_snapshot!(reasons.join("\n"));
    }

    #[test]
    fn the_nearest_mismatch_is_the_greatest() {
        let farthest_first = [
            "a-1-cp312-cp312-win_amd64.whl",
            "a-1-cp312-cp312-musllinux_1_2_x86_64.whl",
            "a-1-cp312-cp312-manylinux_2_28_aarch64.whl",
            "a-1-cp312-cp312-manylinux_2_39_x86_64.whl",
            "a-1-cp313-cp312-manylinux_2_39_x86_64.whl",
            "a-1-cp313-cp313t-manylinux_2_39_x86_64.whl",
            "a-1-cp313-cp313-manylinux_2_39_x86_64.whl",
            "a-1-cp313-cp313-manylinux_2_34_x86_64.whl",
        ];
        let mismatches: Vec<TagMismatch> =
            farthest_first.iter().map(|name| fit_of(name, "3.13", "2.28").unwrap_err()).collect();
        assert!(mismatches.windows(2).all(|pair| pair[0] < pair[1]), "{mismatches:#?}");
    }
}
