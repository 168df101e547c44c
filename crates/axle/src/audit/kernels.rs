//! Kernels in the text output of `axle audit --deep`.

use axle_audit::{Kernels, WheelFacts};
use axle_types::ComputeCapability;

use super::view::line;
use crate::output::Text;

/// Kernels that are shown by name, of those that a GPU lacks.
const SHOWN: usize = 10;
/// Characters of a name that are shown: templates make names of pages.
const LONGEST: usize = 160;

/// How many kernels each member has for each architecture, and which are missing: on the GPUs asked for, or, where
/// none was, on those that other kernels of the same member were compiled for. Files of device code stand together.
pub fn human(facts: &WheelFacts, asked: &[ComputeCapability]) -> Text {
    let with_kernels = || {
        let members = facts.elf.iter().map(|member| (member.path.as_str(), member.kernels.as_ref()));
        let all = members.chain([("files of device code", facts.loose_kernels.as_ref())]);
        all.filter_map(|(path, kernels)| Some((path, kernels.filter(|kernels| !kernels.groups.is_empty())?)))
    };
    let mut text = Text::default();
    for (path, kernels) in with_kernels() {
        let counts = kernels.by_architecture();
        let counts: Vec<_> = counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
        if text.is_empty() {
            text.blank();
        }
        let library = format!("{path}, {} kernels:", kernels.count());
        line(&mut text, &library, &counts.join(", "));
    }
    for (path, kernels) in with_kernels() {
        missing(&mut text, path, kernels, asked);
    }
    text
}

fn missing(text: &mut Text, path: &str, kernels: &Kernels, asked: &[ComputeCapability]) {
    let gaps = kernels.gaps();
    let gpus: Vec<_> = if asked.is_empty() { gaps.keys().copied().collect() } else { asked.to_vec() };
    for gpu in gpus {
        let count = kernels.lacking(gpu).count();
        if count == 0 {
            continue;
        }
        text.blank();
        text.line(format_args!("{path}: {count} of {} kernels do not run on {gpu}", kernels.count()));
        for kernel in kernels.lacking(gpu).take(SHOWN) {
            let name = kernel.demangled().unwrap_or_else(|| kernel.name.clone());
            let mut shown: String = name.chars().take(LONGEST).collect();
            if shown.len() < name.len() {
                shown.push('…');
            }
            text.line(format_args!("  {shown}"));
        }
        if count > SHOWN {
            text.line(format_args!("  and {} more (--format json lists all)", count - SHOWN));
        }
    }
}
