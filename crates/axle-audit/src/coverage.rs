//! Whether a wheel runs on a GPU.

use axle_fatbin::{Code, ComputeCapability, Kind, Suffix};
use serde::{Deserialize, Serialize};

use crate::device_code::{LINKED, PRELINK};
use crate::facts::{ContainerGroup, ElfMember, WheelFacts};
use crate::policy::{Measure, Policy};

/// Whether a wheel runs on a GPU, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The GPU.
    pub cc: ComputeCapability,
    /// Whether every member runs there, by its measure; null where a kind of code can't be judged.
    pub covered: Option<bool>,
    /// What serves it.
    pub by: ServedBy,
    /// Containers that count and run there.
    pub runnable: u64,
    /// Containers that hold plain code.
    pub plain: u64,
    /// Containers that hold suffixed code alone.
    pub specialised: u64,
    /// Containers that count: the plain ones, and in members without any the specialised ones.
    pub counted: u64,
    /// Members that do not cover it, by path.
    pub missing: Vec<String>,
}

/// What of a wheel's code runs on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServedBy {
    /// Machine code.
    Sass,
    /// Assembly that the driver compiles: it must be at least as new as the CUDA release that made it.
    Ptx,
    /// Some containers by machine code, others by assembly.
    Mixed,
    /// Nothing runs there, or there is no device code.
    None,
}

/// Concludes whether the wheel runs on a GPU of that compute capability.
///
/// It does where every member that is loaded does. A member does where each of its containers has an entry
/// that runs there (or as many as its [`Measure`] asks for): the kernels of a container without one are
/// missing. Containers with suffixed code alone (`sm_90a`) are kernels for one GPU beside portable ones and
/// count only where a member has nothing else. What lies in `__nv_relfatbin` was linked into a container of
/// `.nv_fatbin`, which counts instead (libtorch_nvshmem.so 2.9.1 holds sm_120 in the linked one alone);
/// where there is none its SASS counts, but its PTX, which the driver would have to link, does not.
/// Containers outside of the device sections count only where the policy says that they are the package's
/// own.
pub fn coverage(facts: &WheelFacts, policy: &Policy, gpu: ComputeCapability) -> Coverage {
    let mut all = Tally::default();
    let mut missing = Vec::new();
    let mut unknown = false;
    for member in facts.elf.iter().filter(|member| policy.loads(&member.path)) {
        let tally = tally(member, policy.owns_outside(&member.path), gpu);
        match tally.covers(policy.measure(&member.path)) {
            Some(true) => {}
            Some(false) => missing.push(member.path.clone()),
            None => unknown = true,
        }
        all.add(&tally);
    }
    let covered = match (missing.is_empty(), unknown) {
        (false, _) => Some(false),
        (true, true) => None,
        (true, false) => Some(true),
    };
    let by = match (all.by_sass, all.by_ptx) {
        (0, 0) => ServedBy::None,
        (_, 0) => ServedBy::Sass,
        (0, _) => ServedBy::Ptx,
        _ => ServedBy::Mixed,
    };
    Coverage {
        cc: gpu,
        covered,
        by,
        runnable: all.by_sass + all.by_ptx,
        plain: all.plain,
        specialised: all.specialised,
        counted: all.counted,
        missing,
    }
}

/// Numbers of containers.
#[derive(Default)]
struct Tally {
    plain: u64,
    specialised: u64,
    counted: u64,
    by_sass: u64,
    by_ptx: u64,
    /// Counted, not known to run, and holding a kind that can't be judged.
    unknown: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.plain += other.plain;
        self.specialised += other.specialised;
        self.counted += other.counted;
        self.by_sass += other.by_sass;
        self.by_ptx += other.by_ptx;
        self.unknown += other.unknown;
    }

    /// Whether so many run that the measure is met; `None` where it depends on the unknown ones.
    fn covers(&self, measure: Measure) -> Option<bool> {
        if self.counted == 0 {
            return Some(true);
        }
        let enough = |runnable: u64| match measure {
            Measure::All => runnable == self.counted,
            Measure::Any => runnable > 0,
            // Numbers of containers are far below the 2^53 that a float holds exactly.
            #[expect(clippy::cast_precision_loss)]
            Measure::Share(share) => runnable as f64 >= share * self.counted as f64,
        };
        let runnable = self.by_sass + self.by_ptx;
        match (enough(runnable), enough(runnable + self.unknown)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

/// What a container is for a member's coverage.
#[derive(PartialEq)]
enum Class {
    /// It holds plain code.
    Plain,
    /// It holds suffixed code and no plain code.
    Specialised,
    /// It holds only kinds that can't be judged.
    Unknown,
}

fn tally(member: &ElfMember, own_outside: bool, gpu: ComputeCapability) -> Tally {
    let linked = member.container_groups.iter().any(|group| group.section == LINKED);
    let groups: Vec<(Class, Vec<Code>, u64)> = member
        .container_groups
        .iter()
        .filter(|group| match group.section.as_str() {
            LINKED => true,
            PRELINK => !linked,
            _ => own_outside,
        })
        .filter_map(|group| {
            let code = countable(group);
            Some((class(&code)?, code, group.count))
        })
        .collect();
    let count =
        |wanted: &Class| groups.iter().filter(|(class, ..)| class == wanted).map(|(.., count)| count).sum();
    let (plain, specialised) = (count(&Class::Plain), count(&Class::Specialised));
    let mut tally = Tally { plain, specialised, ..Tally::default() };
    for (class, code, count) in &groups {
        if *class == Class::Specialised && plain > 0 {
            continue;
        }
        tally.counted += count;
        let runs = |kind: Kind| code.iter().any(|code| code.kind == kind && code.runs_on(gpu) == Some(true));
        if runs(Kind::Sass) {
            tally.by_sass += count;
        } else if runs(Kind::Ptx) {
            tally.by_ptx += count;
        } else if code.iter().any(|code| code.runs_on(gpu).is_none()) {
            tally.unknown += count;
        }
    }
    tally
}

/// The code of a group that may count: before device linking PTX does not.
fn countable(group: &ContainerGroup) -> Vec<Code> {
    let prelink = group.section == PRELINK;
    group.code.iter().copied().filter(|code| !(prelink && code.kind == Kind::Ptx)).collect()
}

/// `None` for a container that holds nothing.
fn class(code: &[Code]) -> Option<Class> {
    let judged = |code: &&Code| matches!(code.kind, Kind::Sass | Kind::Ptx);
    if code.is_empty() {
        None
    } else if code.iter().any(|code| code.is_plain()) {
        Some(Class::Plain)
    } else if code.iter().filter(judged).any(|code| code.suffix != Suffix::Plain) {
        Some(Class::Specialised)
    } else {
        Some(Class::Unknown)
    }
}
