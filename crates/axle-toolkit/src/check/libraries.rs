//! The C and C++ libraries.

use super::Case;
use crate::{Compiler, Environment, Rule, Severity, Verdict};

/// Whether the toolkit's headers fit those of the C and C++ libraries. Only who compiles includes them.
pub(super) fn check_headers(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(compiler) = case.environment.compiler else { return };
    let Some(host) = case.release.hosts.get(&case.environment.system) else { return };
    let cuda = case.cuda();
    if let Some(glibc) = case.environment.glibc {
        let below = host.glibc_headers_below;
        let refused = below.is_some_and(|below| glibc >= below);
        let fact = below.map_or_else(
            || format!("the headers of CUDA {cuda} fit those of every glibc so far"),
            |below| format!("the headers of CUDA {cuda} fit those of glibc below {below}"),
        );
        let fits = |other: &&crate::Release| {
            let host = other.hosts.get(&case.environment.system);
            host.is_some_and(|host| host.glibc_headers_below.is_none_or(|below| glibc < below))
        };
        let newer = case.toolkits.releases.iter().find(fits).map(|other| other.cuda);
        verdicts.push(Verdict {
            rule: Rule::GlibcHeadersTooNew,
            severity: if refused { Severity::Error } else { Severity::Ok },
            message: match below {
                Some(below) if refused => format!(
                    "the headers of glibc {glibc} are too new for CUDA {cuda}, whose own fit those below {below} only"
                ),
                _ => format!("the headers of glibc {glibc} fit those of CUDA {cuda}"),
            },
            fact,
            source: host.glibc_source.clone(),
            fix: refused.then(|| {
                let newer = newer.map_or_else(String::new, |newer| format!("use CUDA {newer} or newer, or "));
                format!("{newer}compile against an older glibc; -allow-unsupported-compiler does not help here")
            }),
        });
    }
    if let (Compiler::Clang(_), Some(libstdcxx), Some(newest)) =
        (compiler, case.environment.libstdcxx, host.gcc.max)
    {
        let refused = libstdcxx > newest;
        verdicts.push(Verdict {
            rule: Rule::LibstdcxxTooNew,
            severity: if refused { Severity::Error } else { Severity::Ok },
            message: if refused {
                format!(
                    "{compiler} takes the libstdc++ of gcc {libstdcxx}, and CUDA {cuda} takes those up to gcc {newest}"
                )
            } else {
                format!("CUDA {cuda} takes the libstdc++ of gcc {libstdcxx}")
            },
            fact: format!("CUDA {cuda} takes gcc up to {newest}, and with it its libstdc++"),
            source: host.compilers_source.clone(),
            fix: refused.then(|| {
                format!(
                    "install gcc {newest} and tell clang to take its library: -Xcompiler --gcc-install-dir=/usr/lib/gcc/{}-linux-gnu/{newest}",
                    case.environment.system.architecture()
                )
            }),
        });
    }
}

/// Whether the C library is new enough for what is installed, and whether that agrees on the C++ ABI.
pub(super) fn check_packages(environment: &Environment, verdicts: &mut Vec<Verdict>) {
    if let Some(glibc) = environment.glibc {
        let needs = environment.packages.iter().filter_map(|package| Some((package.glibc?, package)));
        if let Some((needed, package)) = needs.max_by_key(|(needed, _)| *needed) {
            let refused = needed > glibc;
            let (name, version) = (&package.name, &package.version);
            verdicts.push(Verdict {
                rule: Rule::GlibcTooOld,
                severity: if refused { Severity::Error } else { Severity::Ok },
                message: if refused {
                    format!("glibc {glibc} is too old for {name} {version}, which needs {needed}")
                } else {
                    format!("glibc {glibc} is new enough: {name} {version} needs {needed}")
                },
                fact: format!("{name} {version} needs glibc {needed}"),
                source: package.source.clone(),
                fix: refused
                    .then(|| format!("use a system with glibc {needed} or newer, or an older {name}")),
            });
        }
    }
    let Some(torch) = environment.packages.iter().find(|package| package.name == "torch") else { return };
    let Some(abi) = torch.cxx11_abi else { return };
    let word = |abi: bool| if abi { "the C++11 ABI" } else { "the old C++ ABI" };
    let links_torch = |package: &&crate::Package| package.links_torch;
    for package in environment.packages.iter().filter(links_torch) {
        let Some(other) = package.cxx11_abi else { continue };
        let (name, version) = (&package.name, &package.version);
        let refused = other != abi;
        verdicts.push(Verdict {
            rule: Rule::AbiMismatch,
            severity: if refused { Severity::Error } else { Severity::Ok },
            message: if refused {
                format!("{name} {version} uses {}, and torch {} {}", word(other), torch.version, word(abi))
            } else {
                format!("{name} {version} uses {}, as torch does", word(abi))
            },
            fact: format!("torch {} uses {}", torch.version, word(abi)),
            source: package.source.clone(),
            fix: refused.then(|| {
                let flag = if abi { "TRUE" } else { "FALSE" };
                format!("install a build of {name} with cxx11abi{flag}, or compile it against this torch")
            }),
        });
    }
}
