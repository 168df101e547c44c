//! The driver.

use super::{Case, document, list};
use crate::{Environment, Toolkits, Verdict};
use axle_rules::{Rule, Severity};
use axle_types::ComputeCapability;

pub(super) fn check(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    let Some(driver) = &case.environment.driver else { return };
    let cuda = case.cuda();
    let Some(needs) = case.toolkits.driver(cuda) else { return };
    let compatible = &needs.compatible;
    let (fact, all_from) = match &needs.own {
        Some(own) if own != compatible => (
            format!("CUDA {cuda} came with driver {own}; machine code of it runs from {compatible} on"),
            format!(", and all of it from {own} on"),
        ),
        _ => (format!("machine code of CUDA {cuda} runs from driver {compatible} on"), String::new()),
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
        let message =
            format!("driver {driver} is too old for CUDA {cuda}, which runs from {compatible} on{all_from}");
        let newer = needs.own.as_ref().unwrap_or(compatible);
        let fix = format!("install driver {newer} or newer{older}");
        return verdict(Rule::DriverTooOld, Severity::Error, message, Some(fix));
    }
    let Some(own) = &needs.own else {
        let message = format!(
            "driver {driver} runs CUDA {cuda}'s machine code; whether it compiles PTX of that release is not known"
        );
        return verdict(Rule::DriverTooOld, Severity::Note, message, None);
    };
    if driver >= own {
        let message = format!("driver {driver} runs all of CUDA {cuda}");
        return verdict(Rule::DriverTooOld, Severity::Ok, message, None);
    }
    let gpus = case.environment.capabilities.iter().copied();
    let by_ptx: Vec<ComputeCapability> = gpus.filter(|&gpu| needs_ptx(case, gpu)).collect();
    let fix =
        Some(format!("install driver {own} or newer, or use only what holds machine code for your GPU"));
    if by_ptx.is_empty() {
        let message = format!(
            "driver {driver} runs CUDA {cuda}'s machine code (minor-version compatibility), but does not compile its PTX, \
             for which {own} is needed"
        );
        return verdict(Rule::DriverTooOldForPtx, Severity::Warning, message, fix);
    }
    let message = format!(
        "kernels for {} are there as PTX only, and driver {driver} does not compile PTX of CUDA {cuda}, for which {own} is needed",
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

/// Whether the driver still serves the GPUs.
pub(super) fn check_gpus(toolkits: &Toolkits, environment: &Environment, verdicts: &mut Vec<Verdict>) {
    let Some(driver) = &environment.driver else { return };
    for &gpu in &environment.capabilities {
        let ends = toolkits.declared.driver_ends.iter().filter(|end| gpu <= end.up_to);
        let Some(end) = ends.min_by_key(|end| end.branch) else { continue };
        let branch = end.branch;
        let refused = driver.branch() > branch;
        verdicts.push(Verdict {
            rule: Rule::DriverTooNew,
            severity: if refused { Severity::Error } else { Severity::Ok },
            message: if refused {
                format!("driver {driver} no longer serves {gpu}: {branch} is the last branch that does")
            } else {
                format!("driver {driver} serves {gpu}, whose last branch is {branch}")
            },
            fact: format!("{branch} is the last branch that serves GPUs up to {}", end.up_to),
            source: document(&end.document),
            fix: refused.then(|| format!("install a driver of branch {branch}")),
        });
    }
}
