//! Package rules: device code, Pythons and CUDA majors of installed packages and of the toolkit's libraries.

use axle_rules::{Rule, Severity};
use std::collections::{BTreeMap, BTreeSet};

use axle_types::{ComputeCapability, PythonVersion, WheelCuda};

use super::{Case, advice, list};
use crate::{Environment, Package, Source, Toolkits, Verdict};

/// Whether what is installed serves the GPUs and the Python, and is for one CUDA.
pub(super) fn check(toolkits: &Toolkits, environment: &Environment, verdicts: &mut Vec<Verdict>) {
    for package in &environment.packages {
        verdicts.extend(code(toolkits, environment, package, Severity::Error));
        verdicts.extend(python(toolkits, environment, package));
    }
    verdicts.extend(majors(environment));
}

/// Whether the libraries that belong to the toolkit serve the GPUs.
pub(super) fn check_components(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    for (package, severity) in components(case) {
        verdicts.extend(code(case.toolkits, case.environment, package, severity));
    }
}

/// The libraries that belong to the toolkit, with how bad it is when they lack code: of each, the version that the
/// release lists, else the newest for this CUDA. Who names packages names all: then there are no others.
pub(super) fn components<'a>(case: &Case<'a>) -> Vec<(&'a Package, Severity)> {
    let environment = case.environment;
    if !environment.packages.is_empty() {
        return Vec::new();
    }
    let mut versions: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &case.toolkits.packages {
        let of_this = package.system == environment.system
            && package.cuda.and_then(WheelCuda::major) == Some(case.cuda().major)
            && package.has_device_code()
            && package.name.starts_with("nvidia-");
        if of_this {
            versions.entry(&package.name).or_default().push(package);
        }
    }
    let listed = case.release.components.as_ref().map(|components| &components.packages);
    let chosen = versions.into_iter().filter_map(|(name, versions)| {
        if let Some(version) = listed.and_then(|listed| listed.get(name)) {
            // A version that was not audited is not judged by another.
            let package = versions.into_iter().find(|package| package.version == *version);
            package.map(|package| (package, Severity::Error))
        } else {
            // Nobody said that this very version would be used.
            let newest = versions.into_iter().max_by_key(|package| package.parsed_version());
            newest.map(|package| (package, Severity::Warning))
        }
    });
    chosen.collect()
}

fn code(
    toolkits: &Toolkits,
    environment: &Environment,
    package: &Package,
    severity: Severity,
) -> Option<Verdict> {
    if !package.has_device_code() || environment.capabilities.is_empty() {
        return None;
    }
    let (name, version) = (&package.name, &package.version);
    let gpus = || environment.capabilities.iter().copied();
    let lacking: Vec<(ComputeCapability, &str)> =
        gpus().filter_map(|gpu| Some((gpu, package.lacks(gpu)?))).collect();
    let served: Vec<_> =
        package.sass.iter().chain(&package.ptx).chain(&package.specialised).copied().collect();
    let served: BTreeSet<_> = served.into_iter().collect();
    let fact = format!("{name} {version} covers {}", list(&served));
    let source = package.source.clone();
    if let Some((_, member)) = lacking.first() {
        let missing: Vec<_> = lacking.iter().map(|(gpu, _)| *gpu).collect();
        let file = member.rsplit('/').next().unwrap_or(member);
        return Some(Verdict {
            rule: Rule::PackageWithoutCode,
            severity,
            message: format!("{name} {version} has no code for {} in {file}", list(&missing)),
            fact,
            source,
            fix: Some(advice::on_code(toolkits, environment, package, &missing)),
        });
    }
    let unknown: Vec<_> = gpus().filter(|&gpu| !package.covers(gpu)).collect();
    if !unknown.is_empty() {
        return Some(Verdict {
            rule: Rule::PackageWithoutCode,
            severity: Severity::Note,
            message: format!("whether {name} {version} has code for {} is unknown", list(unknown)),
            fact,
            source,
            fix: None,
        });
    }
    let specialised: Vec<_> = gpus().filter(|gpu| package.specialised.contains(gpu)).collect();
    let of_its_own = if specialised.is_empty() {
        String::new()
    } else {
        format!(", for {} only architecture-specific code", list(specialised))
    };
    Some(Verdict {
        rule: Rule::PackageWithoutCode,
        severity: Severity::Ok,
        message: format!("{name} {version} has code for {}{of_its_own}", list(gpus())),
        fact,
        source,
        fix: None,
    })
}

fn python(toolkits: &Toolkits, environment: &Environment, package: &Package) -> Option<Verdict> {
    let python = environment.python?;
    let pythons = package.pythons.as_ref()?;
    let (name, version) = (&package.name, &package.version);
    let refused = !pythons.contains(&python);
    let fact = format!("{name} {version} has wheels for Python {}", list(pythons));
    let other = || advice::newest(toolkits, environment, package, &[]);
    Some(Verdict {
        rule: Rule::PythonNotServed,
        severity: if refused { Severity::Error } else { Severity::Ok },
        message: if refused {
            format!("{name} {version} has no wheel for Python {python}, only for {}", list(pythons))
        } else {
            format!("{name} {version} has a wheel for Python {python}")
        },
        fact,
        source: package.source.clone(),
        fix: refused.then(|| {
            let other = other().map_or_else(String::new, |other| format!(", or {name} {}", other.version));
            format!("use one of these Pythons{other}")
        }),
    })
}

/// Whether any torch for the CUDA has a wheel for the Python, where no torch is named.
pub(super) fn check_torches(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(python) = case.environment.python.filter(|_| case.environment.packages.is_empty()) else {
        return;
    };
    let cuda = WheelCuda::Release(case.cuda());
    let torches = case.toolkits.packages.iter().filter(|package| {
        package.name == "torch" && package.system == case.environment.system && package.cuda == Some(cuda)
    });
    let pythons: BTreeSet<PythonVersion> =
        torches.clone().filter_map(|torch| torch.pythons.as_ref()).flatten().copied().collect();
    let Some(newest) = torches.max_by_key(|torch| torch.parsed_version()) else { return };
    let refused = !pythons.contains(&python);
    verdicts.push(Verdict {
        rule: Rule::PythonNotServed,
        // Who compiles something else needs no torch.
        severity: if refused { Severity::Warning } else { Severity::Ok },
        message: if refused {
            format!("no torch for CUDA {cuda} has a wheel for Python {python}")
        } else {
            format!("a torch for CUDA {cuda} has a wheel for Python {python}")
        },
        fact: format!("torch for CUDA {cuda} has wheels for Python {}", list(&pythons)),
        source: newest.source.clone(),
        fix: refused.then(|| "use one of these Pythons".to_owned()),
    });
}

fn majors(environment: &Environment) -> Option<Verdict> {
    let mut majors: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    if let Some(cuda) = environment.cuda {
        majors.entry(cuda.major).or_default().insert(format!("the toolkit {cuda}"));
    }
    let mut source: Option<&Source> = None;
    for package in &environment.packages {
        if let Some(major) = package.cuda.and_then(WheelCuda::major) {
            source = source.or(Some(&package.source));
            majors.entry(major).or_default().insert(format!("{} {}", package.name, package.version));
        }
    }
    let source = source?.clone();
    let sides: Vec<String> = majors
        .iter()
        .map(|(major, members)| {
            let shown: Vec<_> = members.iter().take(3).cloned().collect();
            let more = members.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("CUDA {major} ({}{more})", shown.join(", "))
        })
        .collect();
    let refused = majors.len() > 1;
    let fact = sides.join("; ");
    let only = majors.keys().next()?;
    Some(Verdict {
        rule: Rule::MixedCudaMajors,
        severity: if refused { Severity::Error } else { Severity::Ok },
        message: if refused {
            format!("several major versions of CUDA are mixed: {fact}")
        } else {
            format!("everything is for CUDA {only}")
        },
        fact,
        source,
        fix: refused.then(|| "use packages and a toolkit for the same major version of CUDA".to_owned()),
    })
}
