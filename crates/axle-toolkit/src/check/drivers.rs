//! Driver rules: whether the driver runs a CUDA release, its PTX, and the GPUs.

use super::{Case, document, list};
use crate::{Environment, Toolkits, Verdict};
use axle_rules::{Rule, Severity};
use axle_types::{ComputeCapability, DriverVersion};

pub(super) fn check(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(driver) = &case.environment.driver else { return };
    let cuda = case.cuda();
    let Some(needs) = case.toolkits.driver(cuda) else { return };
    let compatible = &needs.compatible;
    let (fact, all_from) = match &needs.own {
        Some(own) if own != compatible => (
            format!(
                "CUDA {cuda} was released with driver {own}; its machine code runs with {compatible} or newer"
            ),
            format!(" ({own} or newer to run all of it)"),
        ),
        _ => (format!("machine code of CUDA {cuda} runs with driver {compatible} or newer"), String::new()),
    };
    let source = document(&needs.document);
    let mut verdict = |rule, severity, message, fix| {
        let (fact, source) = (fact.clone(), source.clone());
        verdicts.push(Verdict { rule, severity, message, fact, source, fix });
    };
    if driver < compatible {
        let releases = case.toolkits.declared.drivers.iter();
        let fitting = releases.filter(|other| other.compatible <= *driver).map(|other| other.cuda).max();
        let older = fitting.map_or_else(String::new, |older| format!(", or use CUDA {older} or older"));
        let message = format!(
            "driver {driver} is too old for CUDA {cuda}, which needs {compatible} or newer{all_from}"
        );
        let newer = needs.own.as_ref().unwrap_or(compatible);
        let fix = format!("install driver {newer} or newer{older}");
        return verdict(Rule::DriverTooOld, Severity::Error, message, Some(fix));
    }
    let Some(own) = &needs.own else {
        let message = format!(
            "driver {driver} runs the machine code of CUDA {cuda}; whether it compiles PTX of that release is unknown"
        );
        return verdict(Rule::DriverTooOld, Severity::Note, message, None);
    };
    if driver >= own {
        let message = format!("driver {driver} fully supports CUDA {cuda}");
        return verdict(Rule::DriverTooOld, Severity::Ok, message, None);
    }
    let gpus = case.environment.capabilities.iter().copied();
    let by_ptx: Vec<ComputeCapability> = gpus.filter(|&gpu| needs_ptx(case, gpu)).collect();
    let fix =
        Some(format!("install driver {own} or newer, or use only packages with machine code for your GPU"));
    if by_ptx.is_empty() {
        let message = format!(
            "driver {driver} runs the machine code of CUDA {cuda} (minor-version compatibility), but cannot compile its PTX, \
             which needs {own}"
        );
        return verdict(Rule::DriverTooOldForPtx, Severity::Warning, message, fix);
    }
    let message = format!(
        "kernels for {} exist as PTX only, and driver {driver} cannot compile PTX of CUDA {cuda}, which needs {own}",
        list(by_ptx)
    );
    verdict(Rule::DriverTooOldForPtx, Severity::Error, message, fix);
}

/// Whether the GPU must run PTX: all that the toolkit makes for it, or kernels of an installed package. NVIDIA's own
/// libraries are made to work without.
fn needs_ptx(case: &Case<'_>, gpu: ComputeCapability) -> bool {
    let (plain, specialised) = case.release.ptxas.running_on(gpu);
    let own = plain.is_empty() && specialised.is_empty() && case.release.ptxas.ptx_for(gpu).is_some();
    let mut others = case.environment.packages.iter().filter(|package| !package.name.starts_with("nvidia-"));
    own || others.any(|package| package.ptx.contains(&gpu))
}

/// Whether the driver serves the GPUs: still, and already.
pub(super) fn check_gpus(toolkits: &Toolkits, environment: &Environment, verdicts: &mut Vec<Verdict>) {
    let Some(driver) = &environment.driver else { return };
    for &gpu in &environment.capabilities {
        verdicts.extend(start(toolkits, driver, gpu));
        verdicts.extend(end(toolkits, driver, gpu));
    }
}

fn start(toolkits: &Toolkits, driver: &DriverVersion, gpu: ComputeCapability) -> Option<Verdict> {
    let start = toolkits.declared.driver_starts.iter().find(|start| start.capabilities.contains(&gpu))?;
    let branch = start.branch;
    let refused = driver.branch() < branch;
    Some(Verdict {
        rule: Rule::DriverBeforeGpu,
        severity: if refused { Severity::Error } else { Severity::Ok },
        message: if refused {
            format!("driver {driver} does not support {gpu} yet: {branch} is the first branch that does")
        } else {
            format!("driver {driver} supports {gpu}, whose first branch is {branch}")
        },
        fact: format!("{branch} is the first branch that supports {gpu}"),
        source: document(&start.document),
        fix: refused.then(|| format!("install a driver of branch {branch} or newer")),
    })
}

fn end(toolkits: &Toolkits, driver: &DriverVersion, gpu: ComputeCapability) -> Option<Verdict> {
    let ends = toolkits.declared.driver_ends.iter().filter(|end| gpu <= end.up_to);
    let end = ends.min_by_key(|end| end.branch)?;
    let branch = end.branch;
    let refused = driver.branch() > branch;
    Some(Verdict {
        rule: Rule::DriverTooNew,
        severity: if refused { Severity::Error } else { Severity::Ok },
        message: if refused {
            format!("driver {driver} no longer supports {gpu}: {branch} is the last branch that does")
        } else {
            format!("driver {driver} supports {gpu}, whose last branch is {branch}")
        },
        fact: format!("{branch} is the last branch that supports GPUs up to {}", end.up_to),
        source: document(&end.document),
        fix: refused.then(|| format!("install a driver of branch {branch}")),
    })
}
