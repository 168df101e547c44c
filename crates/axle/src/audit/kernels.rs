//! How `axle audit --deep` shows kernels to a person.

use std::fmt::Write as _;

use axle_audit::{ComputeCapability, ElfMember, Kernels};

use super::view::line;

/// Kernels that are shown by name, of those that a GPU lacks.
const SHOWN: usize = 10;
/// Characters of a name that are shown: templates make names of pages.
const LONGEST: usize = 160;

/// How many kernels each member has for each architecture, and which are missing: on the GPUs asked for, or, where
/// none was, on those that other kernels of the same member were compiled for.
pub fn human(members: &[ElfMember], asked: &[ComputeCapability]) -> String {
    let with_kernels = || {
        let listed = members.iter().filter_map(|member| Some((member, member.kernels.as_ref()?)));
        listed.filter(|(_, kernels)| !kernels.groups.is_empty())
    };
    let mut text = String::new();
    for (member, kernels) in with_kernels() {
        let counts = kernels.by_architecture();
        let counts: Vec<_> = counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
        text += if text.is_empty() { "\n" } else { "" };
        let library = format!("{}: {} kernels, of them", member.path, kernels.count());
        line(&mut text, &library, &counts.join(", "));
    }
    for (member, kernels) in with_kernels() {
        missing(&mut text, member, kernels, asked);
    }
    text
}

fn missing(text: &mut String, member: &ElfMember, kernels: &Kernels, asked: &[ComputeCapability]) {
    let gaps = kernels.gaps();
    let gpus: Vec<_> = if asked.is_empty() { gaps.keys().copied().collect() } else { asked.to_vec() };
    for gpu in gpus {
        let count = kernels.lacking(gpu).count();
        if count == 0 {
            continue;
        }
        let _ =
            writeln!(text, "\n{}: {count} of {} kernels do not run on {gpu}", member.path, kernels.count());
        for kernel in kernels.lacking(gpu).take(SHOWN) {
            let name = kernel.demangled().unwrap_or_else(|| kernel.name.clone());
            let mut shown: String = name.chars().take(LONGEST).collect();
            if shown.len() < name.len() {
                shown.push('…');
            }
            let _ = writeln!(text, "  {shown}");
        }
        if count > SHOWN {
            let _ = writeln!(text, "  and {} more, all in --format json", count - SHOWN);
        }
    }
}
