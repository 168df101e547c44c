//! Compute capability rules: the GPUs that a CUDA release generates code for.

use super::{Case, document, list};
use crate::{Release, Verdict};
use axle_rules::{Rule, Severity};
use axle_types::ComputeCapability;

pub(super) fn check(case: &Case<'_>, verdicts: &mut Vec<Verdict>) {
    for &gpu in &case.environment.capabilities {
        verdicts.push(served(case, gpu));
        verdicts.extend(deprecated(case, gpu));
    }
}

fn served(case: &Case<'_>, gpu: ComputeCapability) -> Verdict {
    let (cuda, targets) = (case.cuda(), &case.release.ptxas);
    let (plain, specialised) = targets.running_on(gpu);
    let plain_targets = || targets.sass.iter().filter(|code| code.is_plain());
    let fact = format!("CUDA {cuda} compiles for {}", list(plain_targets()));
    let source = targets.source.clone();
    if let Some(best) = plain.iter().max_by_key(|code| code.capability) {
        let message = format!("CUDA {cuda} generates machine code for {gpu}: {best}");
        return Verdict {
            rule: Rule::CapabilityTooNew,
            severity: Severity::Ok,
            message,
            fact,
            source,
            fix: None,
        };
    }
    if !specialised.is_empty() {
        let names = list(&specialised);
        let of = |code: &axle_audit::Code| code.to_string().replacen("sm_", "compute_", 1);
        let first = specialised.first().map(|code| format!("-gencode arch={},code={code}", of(code)));
        return Verdict {
            rule: Rule::CapabilityOnlySpecialised,
            severity: Severity::Warning,
            message: format!(
                "of the targets of CUDA {cuda}, only {names} runs on {gpu}, and must be requested by that name"
            ),
            fact: format!("the targets of CUDA {cuda} include {names} for {gpu}, but none without a suffix"),
            source,
            fix: first.map(|first| {
                format!("compile with {first}; a list of plain architecture numbers does not include it")
            }),
        };
    }
    let serving = |release: &&Release| !release.ptxas.running_on(gpu).0.is_empty();
    let (earlier, later): (Vec<_>, Vec<_>) = case
        .toolkits
        .releases
        .iter()
        .filter(serving)
        .map(|release| release.cuda)
        .partition(|other| *other < cuda);
    let oldest = plain_targets().map(|code| code.capability).min();
    if !earlier.is_empty() || oldest.is_some_and(|oldest| gpu < oldest) {
        return Verdict {
            rule: Rule::CapabilityDropped,
            severity: Severity::Error,
            message: format!("CUDA {cuda} no longer generates code for {gpu}"),
            fact,
            source,
            fix: Some(earlier.last().map_or_else(
                || "no release on the package index generates code for it; use another GPU".to_owned(),
                |newest| format!("use CUDA {newest}, the newest that generates code for {gpu}"),
            )),
        };
    }
    let by_ptx = targets.ptx_for(gpu).map_or_else(
        || "not even its PTX runs there".to_owned(),
        |ptx| format!("only its {ptx} runs there, compiled by the driver when it is first loaded"),
    );
    Verdict {
        rule: Rule::CapabilityTooNew,
        severity: Severity::Error,
        message: format!("CUDA {cuda} does not generate machine code for {gpu}: {by_ptx}"),
        fact,
        source,
        fix: Some(later.first().map_or_else(
            || "no release on the package index generates code for it; include PTX in your builds".to_owned(),
            |first| format!("use CUDA {first} or newer, which generates code for {gpu}"),
        )),
    }
}

fn deprecated(case: &Case<'_>, gpu: ComputeCapability) -> Option<Verdict> {
    let (cuda, targets) = (case.cuda(), &case.release.ptxas);
    let warned = targets.deprecated.iter().any(|code| code.capability == gpu);
    let announced =
        case.toolkits.declared.deprecations.iter().find(|one| one.cuda.contains(&cuda) && gpu < one.below);
    let (fact, source) = match (warned, announced) {
        (true, _) => (format!("CUDA {cuda} warns when it generates code for {gpu}"), targets.source.clone()),
        (false, Some(one)) => (
            format!("CUDA {cuda} deprecates compute capabilities below {}", one.below),
            document(&one.document),
        ),
        (false, None) => return None,
    };
    if targets.running_on(gpu).0.is_empty() {
        return None;
    }
    Some(Verdict {
        rule: Rule::CapabilityDeprecated,
        severity: Severity::Note,
        message: format!("CUDA {cuda} still generates code for {gpu}, but deprecates it"),
        fact,
        source,
        fix: Some(format!("nothing yet; newer releases will not generate code for {gpu}")),
    })
}
