//! Host compiler rules: the gcc and clang versions that a CUDA release supports.

use super::{Case, document, list};
use crate::{Release, Verdict};
use axle_rules::{Rule, Severity};
use axle_types::HostCompiler;

pub(super) fn check(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(compiler) = case.environment.compiler else { return };
    let Some(host) = case.release.hosts.get(&case.environment.system) else { return };
    let (cuda, name, major) = (case.cuda(), compiler.name(), compiler.major());
    let range = host.range(compiler);
    let (too_new, too_old) = match compiler {
        HostCompiler::Gcc(_) => (Rule::GccTooNew, Rule::GccTooOld),
        HostCompiler::Clang(_) => (Rule::ClangTooNew, Rule::ClangTooOld),
    };

    if let Some(newest) = range.max {
        let refused = major > newest;
        verdicts.push(Verdict {
            rule: too_new,
            severity: if refused { Severity::Error } else { Severity::Ok },
            message: if refused {
                format!("{compiler} is too new for CUDA {cuda}, which supports {name} up to {newest}")
            } else {
                format!("CUDA {cuda} supports {compiler}")
            },
            fact: format!("CUDA {cuda} supports {name} up to {newest}"),
            source: host.compilers_source.clone(),
            fix: refused.then(|| {
                let others = takers(case, compiler);
                let others = others.map_or_else(String::new, |others| format!(", or CUDA {others}"));
                format!(
                    "use {name} {newest} or older{others}; nvcc's -allow-unsupported-compiler skips this check at your \
                     own risk, and --allow {too_new} makes it a warning"
                )
            }),
        });
    }

    // The header has a bound for clang alone, which is far older than what NVIDIA's documents ask for.
    let floor = case.toolkits.compiler_floor(cuda);
    let by_document = floor.map(|floor| {
        let oldest = if matches!(compiler, HostCompiler::Gcc(_)) { floor.gcc } else { floor.clang };
        (oldest, document(&floor.document))
    });
    let by_header = range.min.filter(|&oldest| major < oldest);
    let by_header = by_header.map(|oldest| (oldest, host.compilers_source.clone()));
    let Some((oldest, source)) = by_header.or(by_document) else { return };
    let refused = major < oldest;
    verdicts.push(Verdict {
        rule: too_old,
        severity: if refused { Severity::Error } else { Severity::Ok },
        message: if refused {
            format!("{compiler} is too old for CUDA {cuda}, which supports {name} {oldest} or newer")
        } else {
            format!("{compiler} is not too old for CUDA {cuda}")
        },
        fact: format!("CUDA {cuda} supports {name} {oldest} or newer"),
        source,
        fix: refused.then(|| format!("use {name} {oldest} or newer; --allow {too_old} makes this a warning")),
    });
}

/// The releases that take a compiler which is too new for this one, where there are any.
fn takers(case: &Case<'_>, compiler: HostCompiler) -> Option<String> {
    let takes = |release: &&Release| {
        let host = release.hosts.get(&case.environment.system);
        host.is_some_and(|host| host.range(compiler).max.is_none_or(|newest| compiler.major() <= newest))
    };
    let releases: Vec<_> = case.toolkits.releases.iter().filter(takes).map(|release| release.cuda).collect();
    match releases.as_slice() {
        [] => None,
        [first, .., last] if releases.len() > 2 => Some(format!("{first} to {last}")),
        some => Some(list(some).replace(" and ", " or ")),
    }
}
