//! `axle doctor`: checks this machine.

use axle_rules::Severity;
use std::collections::BTreeSet;

use axle_plan::Problem;
use axle_toolkit::{Environment, Package, Source, Toolkits, Verdict, listing_major};
use axle_types::{ComputeCapability, System, WheelCuda};
use serde::Serialize;

use crate::arguments::{Doctor, ReportFormat};
use crate::check;
use crate::embedded;
use crate::machine::{FoundCompiler, FsRoot, Machine};
use crate::output::{self, Answer, Error, Text};
use crate::sarif::{self, Found};

/// A question that was asked of the machine, and the verdicts.
struct Judged {
    title: String,
    environment: Environment,
    verdicts: Vec<Verdict>,
}

/// Looks at the machine, and judges what is installed and each toolkit that is there.
pub fn run(command: &Doctor) -> Result<Answer, Error> {
    let known = check::toolkits(command.catalogue.as_deref());
    let (toolkits, asked) = match known.and_then(|toolkits| Ok((asked(command, &toolkits)?, toolkits))) {
        Ok((asked, toolkits)) => (toolkits, asked),
        Err(error) => return check::unanswered("doctor", error, command.format),
    };
    if let Some(root) = &command.root
        && let Err(error) = fs_err::read_dir(root)
    {
        let error = format!("{error}; --root needs the directory that is the root of a machine");
        return check::unanswered("doctor", error.into(), command.format);
    }
    let root = command.root.as_deref().map_or_else(FsRoot::here, FsRoot::at);
    let system = if cfg!(target_arch = "aarch64") { System::Aarch64Linux } else { System::X86_64Linux };
    let machine = root.look(system);
    let (base, troubles) = base(command, &toolkits, &machine, &asked, system)?;
    let judged = judge(&toolkits, &machine, &base);
    let fits = fits(&toolkits, &machine, &base);
    let ok = judged.iter().flat_map(|one| &one.verdicts).all(|verdict| verdict.severity < Severity::Error);
    for trouble in &troubles {
        output::note(trouble);
    }
    match command.format {
        ReportFormat::Human => output::text(&human(&machine, &judged, &fits))?,
        ReportFormat::Json => output::json(&json(&machine, &base, &judged, &fits, &troubles, ok))?,
        ReportFormat::Sarif => {
            let of = |one: &Judged| -> Vec<Found> {
                one.verdicts.iter().filter_map(|verdict| Found::verdict(Some(&one.title), verdict)).collect()
            };
            sarif::print(judged.iter().flat_map(of).collect(), &problems(&troubles))?;
        }
    }
    Ok(match (troubles.is_empty(), ok) {
        (false, _) => Answer::Unanswered,
        (true, true) => Answer::Yes,
        (true, false) => Answer::No,
    })
}

/// The GPUs to judge for, where the user names some.
fn asked(command: &Doctor, toolkits: &Toolkits) -> Result<Vec<ComputeCapability>, Error> {
    let named = command.gpus.iter().map(|name| toolkits.gpu(name));
    Ok(command.compute_capabilities.iter().copied().map(Ok).chain(named).collect::<Result<_, _>>()?)
}

/// What holds of the machine whatever is done with it; and what could not be read.
fn base(
    command: &Doctor,
    toolkits: &Toolkits,
    machine: &Machine,
    asked: &[ComputeCapability],
    system: System,
) -> Result<(Environment, Vec<String>), Error> {
    let mut troubles = Vec::new();
    let mut base = Environment::new(system);
    base.allowed = command.allowed.iter().copied().collect();
    base.driver = machine.driver.as_ref().map(|(_, version)| version.clone());
    base.glibc = machine.glibc.as_ref().map(|(_, version)| *version);
    base.capabilities.extend(asked);
    for (name, told) in machine.gpus.iter().filter(|_| asked.is_empty()) {
        match told.map_or_else(|| toolkits.gpu(name), Ok) {
            Ok(capability) => {
                base.capabilities.insert(capability);
            }
            Err(error) => troubles.push(error.to_string()),
        }
    }
    let catalogue = embedded::catalogue(command.catalogue.as_deref());
    let (known, capabilities) = (catalogue.packages()?, catalogue.matrix()?.compute_capabilities);
    for info in &machine.dist_infos {
        let name = info.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = info.parent().unwrap_or(info);
        match axle_audit::audit_installed(folder, name, &axle_audit::Options::default()) {
            Ok(facts) => {
                let entry = facts.name.as_deref().and_then(|name| known.get(name));
                let version = facts.version.as_deref().and_then(|version| version.parse().ok());
                let policy = entry.map(|entry| entry.policy(version.as_ref())).unwrap_or_default();
                let filename = info.display().to_string();
                let source = Source::File { filename, sha256: None, member: None };
                let mut package = Package::from_audit(&facts, &policy, system, &capabilities, source);
                // NVIDIA's own names say nothing from 13.0 on.
                let listed = listing_major(&toolkits.releases, &package.name).map(WheelCuda::Major);
                package.cuda = listed.or(package.cuda);
                base.packages.push(package);
            }
            Err(error) => troubles.push(error.to_string()),
        }
    }
    Ok((base, troubles))
}

/// Judges what is installed, and what each toolkit would compile with the compiler that is called by its bare name.
fn judge(toolkits: &Toolkits, machine: &Machine, base: &Environment) -> Vec<Judged> {
    let mut judged = Vec::new();
    let mut add = |title: String, environment: Environment| {
        let verdicts = axle_toolkit::check(toolkits, &environment);
        judged.push(Judged { title, environment, verdicts });
    };
    let torch = base.packages.iter().find(|package| package.name == "torch");
    let mut installed = base.clone();
    if let Some(WheelCuda::Release(cuda)) = torch.and_then(|torch| torch.cuda) {
        installed.cuda = Some(cuda);
    }
    let title = torch.map_or_else(
        || "the driver and the GPUs".to_owned(),
        |torch| format!("torch {} and the packages installed with it", torch.version),
    );
    add(title, installed);
    let compiler = machine.compilers.first();
    for (place, cuda) in &machine.toolkits {
        let mut build = base.clone();
        build.cuda = Some(*cuda);
        compile_with(&mut build, compiler);
        build.memory = machine.memory;
        // What is installed is judged above; here only that its CUDA is the same.
        build.packages.retain(|package| package.name == "torch");
        for torch in &mut build.packages {
            *torch = torch.without_code();
        }
        let with = compiler
            .map_or_else(|| "without a compiler".to_owned(), |found| format!("with {}", found.compiler));
        add(format!("CUDA {cuda} in {place}, {with}"), build);
    }
    judged
}

/// Takes a compiler, with the headers that it finds.
fn compile_with(environment: &mut Environment, found: Option<&FoundCompiler>) {
    environment.compiler = found.map(|found| found.compiler);
    environment.glibc_headers = found.and_then(|found| found.glibc_headers);
    environment.libstdcxx = found.and_then(|found| found.libstdcxx);
}

/// A release that the driver and the GPUs go with, the compilers that it takes, and the Pythons that torch has wheels for.
struct Fitting {
    cuda: axle_types::CudaRelease,
    compilers: Vec<String>,
    pythons: Vec<String>,
}

fn fits(toolkits: &Toolkits, machine: &Machine, base: &Environment) -> Vec<Fitting> {
    let accepted = |cuda, compiler: Option<&FoundCompiler>| {
        let mut environment = base.clone();
        environment.packages.clear();
        environment.cuda = Some(cuda);
        compile_with(&mut environment, compiler);
        axle_toolkit::check(toolkits, &environment).iter().all(|verdict| verdict.severity < Severity::Error)
    };
    let releases = toolkits.releases.iter().map(|release| release.cuda);
    releases
        .filter(|&cuda| accepted(cuda, None))
        .map(|cuda| {
            let taken = machine.compilers.iter().filter(|compiler| accepted(cuda, Some(compiler)));
            let served = machine.pythons.iter().map(|(_, python)| python).filter(|&&python| {
                let torch_cuda = WheelCuda::Release(cuda);
                toolkits.packages.iter().any(|package| {
                    package.name == "torch"
                        && package.cuda == Some(torch_cuda)
                        && package.system == base.system
                        && package.pythons.as_ref().is_some_and(|pythons| pythons.contains(&python))
                        && base.capabilities.iter().all(|&gpu| package.covers(gpu))
                })
            });
            Fitting {
                cuda,
                compilers: distinct(taken.map(|found| found.compiler.to_string())),
                pythons: served.collect::<BTreeSet<_>>().into_iter().map(ToString::to_string).collect(),
            }
        })
        .collect()
}

/// Each once, in the order of their first.
fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words.filter(|word| seen.insert(word.clone())).collect()
}

fn human(machine: &Machine, judged: &[Judged], fits: &[Fitting]) -> Text {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |what: &str, found: Vec<String>| {
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        rows.push([what.to_owned(), found]);
    };
    let at = |place: &String, what: &dyn std::fmt::Display| format!("{what} ({place})");
    row("CUDA", machine.toolkits.iter().map(|(place, cuda)| at(place, cuda)).collect());
    row("compilers", machine.compilers.iter().map(|found| at(&found.path, &found.compiler)).collect());
    row("driver", machine.driver.iter().map(|(place, version)| at(place, version)).collect());
    row("GPUs", machine.gpus.iter().map(|(name, _)| name.clone()).collect());
    row("glibc", machine.glibc.iter().map(|(place, version)| at(place, version)).collect());
    row("Pythons", machine.pythons.iter().map(|(place, version)| at(place, version)).collect());
    row("Nix", machine.nix.iter().cloned().collect());
    let packages = judged.first().map(|first| &first.environment.packages);
    let packages = packages.into_iter().flatten();
    row("packages", packages.map(|package| format!("{} {}", package.name, package.version)).collect());
    let mut text = output::table(["what", "found"], rows);
    for one in judged.iter().filter(|one| !one.verdicts.is_empty()) {
        text.blank();
        text.line(format_args!("{}:", one.title));
        text.append(&check::human(&one.verdicts));
    }
    let rows = fits.iter().map(|fitting| {
        let here =
            |found: &[String]| if found.is_empty() { "none installed".into() } else { found.join(", ") };
        [fitting.cuda.to_string(), here(&fitting.compilers), here(&fitting.pythons)]
    });
    let table = output::table(["CUDA", "compilers", "Pythons with a torch wheel"], rows);
    text.blank();
    text.line("what would work on this machine:");
    text.append(&table);
    text
}

/// A verdict, and of which part of the machine it speaks.
#[derive(Serialize)]
struct Said<'a> {
    subject: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// What could not be read of the machine, as the problems of a document.
fn problems(troubles: &[String]) -> Vec<Problem> {
    let problem = |trouble: &String| Problem {
        input: "doctor".to_owned(),
        place: None,
        offset: None,
        message: trouble.clone(),
    };
    troubles.iter().map(problem).collect()
}

fn json(
    machine: &Machine,
    base: &Environment,
    judged: &[Judged],
    fits: &[Fitting],
    troubles: &[String],
    ok: bool,
) -> serde_json::Value {
    let placed = |place: &String, what: String| serde_json::json!({ "path": place, "version": what });
    let compiler = |found: &FoundCompiler| {
        let headers = found.glibc_headers.map(|glibc| glibc.to_string());
        serde_json::json!({
            "path": found.path,
            "version": found.compiler.to_string(),
            "glibc_headers": headers,
            "libstdcxx": found.libstdcxx,
        })
    };
    let verdicts: Vec<_> = judged
        .iter()
        .flat_map(|one| one.verdicts.iter().map(|verdict| Said { subject: &one.title, verdict }))
        .collect();
    let fits: Vec<_> = fits
        .iter()
        .map(|fitting| {
            let (compilers, pythons) = (&fitting.compilers, &fitting.pythons);
            serde_json::json!({ "cuda": fitting.cuda, "compilers": compilers, "pythons": pythons })
        })
        .collect();
    serde_json::json!({
        "schema": check::CHECK_SCHEMA,
        "target": check::target(base),
        "found": {
            "cuda": machine.toolkits.iter().map(|(place, cuda)| placed(place, cuda.to_string())).collect::<Vec<_>>(),
            "compilers": machine.compilers.iter().map(compiler).collect::<Vec<_>>(),
            "driver": machine.driver.as_ref().map(|(place, version)| placed(place, version.to_string())),
            "gpus": machine.gpus.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "glibc": machine.glibc.as_ref().map(|(place, version)| placed(place, version.to_string())),
            "pythons": machine.pythons.iter().map(|(place, version)| placed(place, version.to_string())).collect::<Vec<_>>(),
            "nix": machine.nix,
            "memory": machine.memory,
        },
        "verdicts": verdicts,
        "fits": fits,
        "ok": ok,
        "errors": problems(troubles),
    })
}
