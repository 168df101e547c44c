//! Memory rule: whether compile jobs fit into the memory.

use super::document;
use crate::{Environment, Toolkits, Verdict};
use axle_rules::{Rule, Severity};

const GIBIBYTE: u64 = 1 << 30;

pub(super) fn check(toolkits: &Toolkits, environment: &Environment, verdicts: &mut Vec<Verdict>) {
    let Some(memory) = environment.memory else { return };
    for job in &toolkits.declared.job_memory {
        let named = environment.compiled.contains(&job.package);
        if !named && !environment.compiled.is_empty() {
            continue;
        }
        let (package, needed, variable) = (&job.package, job.gibibytes, &job.variable);
        let jobs = memory / (needed * GIBIBYTE).max(1);
        let has = match memory / GIBIBYTE {
            0 => "less than 1 GiB".to_owned(),
            whole => format!("{whole} GiB"),
        };
        let (severity, message, fix) = match jobs {
            0 => (
                // Who compiles something else is only told.
                if named { Severity::Error } else { Severity::Warning },
                format!("compiling {package} needs {needed} GiB per job, but there is {has} of memory"),
                format!("use a wheel of {package}, or compile it on a machine with at least {needed} GiB"),
            ),
            1 => (
                Severity::Note,
                format!("compiling {package} needs {needed} GiB per job: 1 job fits in {has}"),
                format!("set {variable}=1"),
            ),
            jobs => (
                Severity::Note,
                format!("compiling {package} needs {needed} GiB per job: {jobs} jobs fit in {has}"),
                format!("set {variable}={jobs} or less"),
            ),
        };
        verdicts.push(Verdict {
            rule: Rule::TooLittleMemory,
            severity,
            message,
            fact: format!("a compile job of {package} needs {needed} GiB"),
            source: document(&job.document),
            fix: Some(fix),
        });
    }
    let known = |package: &&String| toolkits.declared.job_memory.iter().any(|job| job.package == **package);
    for package in environment.compiled.iter().filter(|package| !known(package)) {
        verdicts.push(Verdict {
            rule: Rule::TooLittleMemory,
            severity: Severity::Note,
            message: format!("the memory that compiling {package} needs is unknown"),
            fact: format!("no memory per job is declared for {package}"),
            source: document("catalogue/declared.toml"),
            fix: Some("start with few jobs, and watch the memory use".to_owned()),
        });
    }
}
