//! C and C++ library rules: glibc, libstdc++ and the C++ ABI.

use super::{Case, document};
use crate::{Environment, Verdict};
use axle_rules::{Rule, Severity};
use axle_types::HostCompiler;

/// Whether the toolkit's headers fit those of the C and C++ libraries. Only who compiles includes them.
pub(super) fn check_headers(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(compiler) = case.environment.compiler else { return };
    let Some(host) = case.release.hosts.get(&case.environment.system) else { return };
    let cuda = case.cuda();
    if let Some(glibc) = case.environment.glibc_headers.or(case.environment.glibc) {
        let below = host.glibc_headers_below;
        let refused = below.is_some_and(|below| glibc >= below);
        let fact = below.map_or_else(
            || format!("the headers of CUDA {cuda} are compatible with those of every glibc so far"),
            |below| format!("the headers of CUDA {cuda} are compatible with those of glibc below {below}"),
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
                    "the headers of glibc {glibc} are too new for CUDA {cuda}, whose headers are compatible with glibc below {below} only"
                ),
                _ => format!("the headers of glibc {glibc} are compatible with those of CUDA {cuda}"),
            },
            fact,
            source: host.glibc_source.clone(),
            fix: refused.then(|| {
                let newer = newer.map_or_else(String::new, |newer| format!("use CUDA {newer} or newer, or "));
                format!("{newer}compile against an older glibc; -allow-unsupported-compiler does not help here")
            }),
        });
    }
    check_libstdcxx(case, compiler, verdicts);
}

/// Whether the toolkit takes the C++ library that clang takes: surely that of a gcc which it takes itself.
fn check_libstdcxx(case: &Case<'_>, compiler: HostCompiler, verdicts: &mut Vec<Verdict>) {
    let Some(host) = case.release.hosts.get(&case.environment.system) else { return };
    let (HostCompiler::Clang(_), Some(libstdcxx)) = (compiler, case.environment.libstdcxx) else { return };
    let (cuda, architecture) = (case.cuda(), case.environment.system.architecture());
    let tried = case.toolkits.clang_library(cuda);
    let Some(newest) = tried.map(|tried| tried.newest).or(host.gcc.max) else { return };
    let refused = libstdcxx > newest;
    verdicts.push(Verdict {
        rule: Rule::LibstdcxxTooNew,
        severity: match (refused, tried) {
            (false, _) => Severity::Ok,
            (true, Some(_)) => Severity::Error,
            (true, None) => Severity::Warning,
        },
        message: match (refused, tried) {
            (false, _) => format!("CUDA {cuda} supports the libstdc++ of gcc {libstdcxx}"),
            (true, Some(_)) => format!(
                "{compiler} uses the libstdc++ of gcc {libstdcxx}, but CUDA {cuda} supports those up to gcc {newest}"
            ),
            (true, None) => format!(
                "{compiler} uses the libstdc++ of gcc {libstdcxx}, which is newer than any gcc that CUDA {cuda} supports"
            ),
        },
        fact: match tried {
            Some(_) => format!("CUDA {cuda} supports the libstdc++ of gcc up to {newest}"),
            None => format!("CUDA {cuda} supports gcc up to {newest}, and therefore its libstdc++"),
        },
        source: tried.map_or_else(|| host.compilers_source.clone(), |tried| document(&tried.document)),
        fix: refused.then(|| {
            format!(
                "install gcc {newest} and make clang use its library: -Xcompiler \
                 --gcc-install-dir=/usr/lib/gcc/{architecture}-linux-gnu/{newest}"
            )
        }),
    });
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
                format!(
                    "{name} {version} uses {}, but torch {} uses {}",
                    word(other),
                    torch.version,
                    word(abi)
                )
            } else {
                format!("{name} {version} uses {}, like torch", word(abi))
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
