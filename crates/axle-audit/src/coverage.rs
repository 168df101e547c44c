//! GPU coverage: whether the device code of a wheel runs on a compute capability.

use axle_fatbin::{Code, Kind, Suffix};
use axle_types::{ComputeCapability, CudaRelease};
use serde::{Deserialize, Serialize};

use crate::device_code::{LINKED, NO_SECTION, PRELINK};
use crate::facts::{ContainerGroup, DeviceCodeKind, ElfMember, Form, WheelFacts};
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
    /// What does not work there, though the package as a whole does: features whose members do not cover it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Members with containers that run there by assembly alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_ptx: Vec<PtxMember>,
}

/// A member that runs on a GPU by assembly, in part at least: the driver compiles it at the first start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PtxMember {
    /// Its path; `*` of a wheel that was not read.
    pub member: String,
    /// The newest CUDA release that made assembly which the GPU takes; null if the member does not show it. The driver
    /// must be as new.
    pub cuda: Option<CudaRelease>,
    /// The containers that have nothing else for the GPU.
    pub containers: u64,
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
    /// No code runs on that GPU, or the file has no device code.
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
/// Files of device code leave the verdict open, unless nothing at all runs there, or the policy says how many must.
/// Containers outside of the device sections count only where the policy says that they are the package's
/// own. A library whose table of sections was stripped covers what all its containers hold SASS for; where only some do
/// it is unknown, as the others may have been linked into these.
pub fn coverage(facts: &WheelFacts, policy: &Policy, gpu: ComputeCapability) -> Coverage {
    let mut all = Tally::default();
    let (mut missing, mut without, mut by_ptx) = (Vec::new(), Vec::new(), Vec::new());
    // What was not read may hold anything.
    let mut unknown = !facts.unread.is_empty();
    for member in facts.elf.iter().filter(|member| policy.loads(&member.path)) {
        let rule = policy.member(&member.path);
        if rule.and_then(|rule| rule.from).is_some_and(|from| gpu < from) {
            continue;
        }
        let stubs = rule.map_or(&[][..], |rule| &rule.stubs);
        let tally = tally(member, policy.owns_outside(&member.path), stubs, gpu);
        let measure = rule.map_or(Measure::All, |rule| rule.measure);
        match (tally.covers(measure), rule.and_then(|rule| rule.feature.as_ref())) {
            (Some(true), _) => {}
            (_, Some(feature)) => {
                if !without.contains(feature) {
                    without.push(feature.clone());
                }
                continue;
            }
            (Some(false), None) => missing.push(member.path.clone()),
            (None, None) => unknown = true,
        }
        // Where one container in many is enough, machine code in some serves; and what the package does without needs no
        // driver that compiles it.
        let is_feature = rule.is_some_and(|rule| rule.feature.is_some());
        if !is_feature && tally.by_ptx > 0 && (tally.by_sass == 0 || measure == Measure::All) {
            by_ptx.push(PtxMember {
                member: member.path.clone(),
                cuda: ptx_release(member, gpu),
                containers: tally.by_ptx,
            });
        }
        all.add(&tally);
    }
    if !facts.loose.is_empty() {
        let (tally, counted) = (loose(facts, gpu), all.counted);
        // A file that was given for itself is what was asked about.
        let measure = policy.loose.or((facts.form == Form::File).then_some(Measure::All));
        let verdict = match measure {
            Some(measure) => tally.covers(measure),
            None if counted == 0 && tally.covers(Measure::Any) == Some(false) => Some(false),
            None => None,
        };
        match verdict {
            Some(true) => {}
            Some(false) => missing.extend(facts.loose.first().map(|loose| loose.example.clone())),
            None => unknown = true,
        }
        if measure.is_some() {
            all.add(&tally);
        }
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
        without,
        by_ptx,
    }
}

/// The newest CUDA release that made assembly in a member that a GPU takes.
fn ptx_release(member: &ElfMember, gpu: ComputeCapability) -> Option<CudaRelease> {
    let entries = member.device_code.iter().filter(|entry| entry.kind == DeviceCodeKind::Ptx);
    entries.filter(|entry| entry.arch.runs_on(gpu) == Some(true)).filter_map(|entry| entry.toolkit).max()
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

fn tally(member: &ElfMember, own_outside: bool, stubs: &[Code], gpu: ComputeCapability) -> Tally {
    let holds = |section: &str| member.container_groups.iter().any(|group| group.section == section);
    let (linked, own) = (holds(LINKED), holds(LINKED) || holds(PRELINK));
    let groups: Vec<(Class, Vec<Code>, u64)> = member
        .container_groups
        .iter()
        .filter(|group| match group.section.as_str() {
            LINKED => true,
            PRELINK => !linked,
            NO_SECTION if !own => true,
            _ => own_outside,
        })
        .filter_map(|group| {
            let mut code = countable(group);
            code.retain(|code| !stubs.contains(code));
            Some((class(&code)?, code, group.count))
        })
        .collect();
    // Without a table of sections nothing tells which containers were linked into others, and need not run.
    let of_stripped = member.container_groups.iter().filter(|group| group.section == NO_SECTION);
    let runs_somehow = |group: &ContainerGroup| group.code.iter().any(|code| code.runs_on(gpu) == Some(true));
    let is_open = !own && !own_outside && of_stripped.into_iter().any(runs_somehow);
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
        } else if is_open || code.iter().any(|code| code.runs_on(gpu).is_none()) {
            tally.unknown += count;
        }
    }
    tally
}

/// The files of device code, each as a container of its own.
fn loose(facts: &WheelFacts, gpu: ComputeCapability) -> Tally {
    let mut tally = Tally::default();
    for loose in &facts.loose {
        let runs = |kind| {
            let of_kind = loose.code.iter().filter(|code| code.kind == kind);
            of_kind.filter_map(|code| code.runs_on(gpu)).any(|runs| runs)
        };
        let is_judged = !loose.code.is_empty() && loose.code.iter().all(|code| code.runs_on(gpu).is_some());
        tally.counted += loose.count;
        match class(&loose.code) {
            Some(Class::Plain) => tally.plain += loose.count,
            Some(Class::Specialised) => tally.specialised += loose.count,
            Some(Class::Unknown) | None => {}
        }
        if runs(Kind::Sass) {
            tally.by_sass += loose.count;
        } else if runs(Kind::Ptx) {
            tally.by_ptx += loose.count;
        } else if !is_judged {
            tally.unknown += loose.count;
        }
    }
    tally
}

/// The code of a group that may count: before device linking PTX does not.
fn countable(group: &ContainerGroup) -> Vec<Code> {
    let prelink = matches!(group.section.as_str(), PRELINK | NO_SECTION);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axle_elf::ElfType;
    use axle_fatbin::Architectures;

    use super::*;
    use crate::facts::{LooseCode, LooseFormat};
    use crate::policy::{MemberRule, Pattern};

    /// A member that holds groups of containers, written as section, codes and number.
    fn member(path: &str, groups: &[(&str, &str, u64)]) -> ElfMember {
        let code = |codes: &str| codes.split_whitespace().map(|code| code.parse().unwrap()).collect();
        ElfMember {
            path: path.to_owned(),
            size: 0,
            soname: None,
            machine: "x86_64".to_owned(),
            elf_type: ElfType::SharedObject,
            executable: false,
            needed: vec![],
            interpreter: None,
            rpath: vec![],
            runpath: vec![],
            symbol_versions: BTreeMap::new(),
            cxx11_abi: None,
            sass: vec![],
            ptx: vec![],
            containers: 0,
            device_code: vec![],
            container_groups: groups
                .iter()
                .map(|(section, codes, count)| ContainerGroup {
                    section: (*section).to_owned(),
                    code: code(codes),
                    count: *count,
                })
                .collect(),
            prelink: Architectures::default(),
            ..ElfMember::default()
        }
    }

    fn wheel(elf: Vec<ElfMember>) -> WheelFacts {
        WheelFacts { elf, ..WheelFacts::default() }
    }

    /// Covered, by what, and runnable of counted.
    fn told(elf: Vec<ElfMember>, policy: &Policy, gpu: &str) -> (Option<bool>, ServedBy, u64, u64) {
        let coverage = coverage(&wheel(elf), policy, gpu.parse().unwrap());
        (coverage.covered, coverage.by, coverage.runnable, coverage.counted)
    }

    fn plainly(groups: &[(&str, &str, u64)], gpu: &str) -> (Option<bool>, ServedBy, u64, u64) {
        told(vec![member("a.so", groups)], &Policy::default(), gpu)
    }

    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    #[test]
    fn every_container_must_run() {
        // libtorch_cuda.so 2.15.0: its list names sm_89, which one container of 476 holds.
        let torch: &[_] = &[
            (LINKED, "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", 475),
            (LINKED, "sm_75 sm_80 sm_86 sm_89 sm_90 sm_100 sm_120", 1),
        ];
        assert_eq!(plainly(torch, "8.9"), (YES, ServedBy::Sass, 476, 476));
        assert_eq!(plainly(torch, "12.1"), (YES, ServedBy::Sass, 476, 476));
        assert_eq!(plainly(torch, "7.0"), (NO, ServedBy::None, 0, 476));
        assert_eq!(plainly(torch, "11.0"), (NO, ServedBy::None, 0, 476));
        let one_is_old: &[_] = &[(LINKED, "sm_70 sm_80", 9), (LINKED, "sm_80", 1)];
        assert_eq!(plainly(one_is_old, "7.5"), (NO, ServedBy::Sass, 9, 10));
    }

    #[test]
    fn what_serves_is_told() {
        let groups: &[_] = &[(LINKED, "sm_80 compute_80", 2), (LINKED, "sm_90 compute_80", 1)];
        assert_eq!(plainly(groups, "8.6"), (YES, ServedBy::Mixed, 3, 3));
        assert_eq!(plainly(groups, "12.0"), (YES, ServedBy::Ptx, 3, 3));
        assert_eq!(plainly(groups, "7.5"), (NO, ServedBy::None, 0, 3));
        assert_eq!(plainly(&[], "8.6"), (YES, ServedBy::None, 0, 0));
    }

    #[test]
    fn specialised_kernels_count_only_where_there_is_nothing_else() {
        let beside: &[_] = &[(LINKED, "sm_80 sm_90", 5), (LINKED, "sm_90a", 2)];
        assert_eq!(plainly(beside, "8.0"), (YES, ServedBy::Sass, 5, 5));
        let alone: &[_] = &[(LINKED, "sm_90a", 2), (LINKED, "sm_90a sm_100a", 1)];
        assert_eq!(plainly(alone, "9.0"), (YES, ServedBy::Sass, 3, 3));
        assert_eq!(plainly(alone, "10.0"), (NO, ServedBy::Sass, 1, 3));
        assert_eq!(plainly(alone, "8.0"), (NO, ServedBy::None, 0, 3));
        // Plain code in another member makes no difference to this one.
        let both = vec![member("a.so", &[(LINKED, "sm_80", 1)]), member("b.so", alone)];
        assert_eq!(told(both, &Policy::default(), "8.0"), (NO, ServedBy::Sass, 1, 4));
    }

    #[test]
    fn code_before_device_linking_counts_only_where_nothing_was_linked() {
        // libtorch_nvshmem.so 2.9.1
        let linked: &[_] = &[
            (LINKED, "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", 1),
            (PRELINK, "sm_70 sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", 2),
            (PRELINK, "sm_70 sm_80 sm_89 sm_90 compute_90", 2),
        ];
        assert_eq!(plainly(linked, "12.0"), (YES, ServedBy::Sass, 1, 1));
        let prelink: &[_] = &[(PRELINK, "sm_80 compute_90", 2)];
        assert_eq!(plainly(prelink, "8.6"), (YES, ServedBy::Sass, 2, 2));
        assert_eq!(plainly(prelink, "9.0"), (NO, ServedBy::None, 0, 2));
    }

    #[test]
    fn code_outside_counts_where_the_policy_says_so() {
        let groups: &[_] = &[(LINKED, "sm_80", 1), (".rodata", "sm_90", 3)];
        assert_eq!(plainly(groups, "8.0"), (YES, ServedBy::Sass, 1, 1));
        let own = Policy { own_outside: vec![Pattern::new("*.so")], ..Policy::default() };
        assert_eq!(told(vec![member("a.so", groups)], &own, "8.0"), (NO, ServedBy::Sass, 1, 4));
    }

    #[test]
    fn without_a_table_of_sections_only_what_runs_is_known() {
        let groups: &[_] = &[("", "sm_80 sm_90", 2), ("", "sm_80 compute_80", 1)];
        assert_eq!(plainly(groups, "8.6"), (YES, ServedBy::Sass, 3, 3));
        assert_eq!(plainly(groups, "9.0"), (None, ServedBy::Sass, 2, 3));
        assert_eq!(plainly(groups, "7.0"), (NO, ServedBy::None, 0, 3));
        // Beside device sections it is code that no section holds, like any other outside of them.
        let beside: &[_] = &[(LINKED, "sm_80", 1), ("", "sm_90", 1)];
        assert_eq!(plainly(beside, "9.0"), (NO, ServedBy::None, 0, 1));
    }

    #[test]
    fn what_cannot_be_judged_is_null() {
        assert_eq!(plainly(&[(LINKED, "lto_90", 1)], "9.0"), (None, ServedBy::None, 0, 1));
        assert_eq!(plainly(&[(LINKED, "sm_80 kind64_90", 1)], "9.0"), (None, ServedBy::None, 0, 1));
        assert_eq!(plainly(&[(LINKED, "sm_80 kind64_90", 1)], "8.0"), (YES, ServedBy::Sass, 1, 1));
        assert_eq!(
            plainly(&[(LINKED, "lto_90", 1), (LINKED, "sm_80", 1)], "9.0"),
            (NO, ServedBy::None, 0, 2)
        );
        assert_eq!(plainly(&[(LINKED, "", 7)], "9.0"), (YES, ServedBy::None, 0, 0));
    }

    #[test]
    fn loose_files_leave_the_verdict_open() {
        let file = |codes: &str, count| LooseCode {
            format: LooseFormat::Cubin,
            code: codes.split_whitespace().map(|code| code.parse().unwrap()).collect(),
            toolkit: None,
            count,
            example: format!("{codes}.cubin"),
        };
        let told = |elf: &[(&str, &str, u64)], loose: Vec<LooseCode>, policy: &Policy, form| {
            let facts = WheelFacts { form, loose, ..wheel(vec![member("a.so", elf)]) };
            let coverage = coverage(&facts, policy, "9.0".parse().unwrap());
            (coverage.covered, coverage.by, coverage.runnable, coverage.counted)
        };
        let none = Policy::default();
        let both = || vec![file("sm_80", 3), file("sm_90a", 2)];
        assert_eq!(told(&[], both(), &none, Form::Wheel), (None, ServedBy::None, 0, 0));
        assert_eq!(told(&[], vec![file("sm_80", 3)], &none, Form::Wheel), (NO, ServedBy::None, 0, 0));
        assert_eq!(told(&[], vec![file("", 1)], &none, Form::Wheel), (None, ServedBy::None, 0, 0));
        // Beside containers that run, files for other GPUs may be more of the same, or all of something else.
        let runs: &[_] = &[(LINKED, "sm_90", 1)];
        assert_eq!(told(runs, vec![file("sm_80", 3)], &none, Form::Wheel), (None, ServedBy::Sass, 1, 1));
        let fails: &[_] = &[(LINKED, "sm_80", 1)];
        assert_eq!(told(fails, both(), &none, Form::Wheel), (NO, ServedBy::None, 0, 1));

        let any = Policy { loose: Some(Measure::Any), ..Policy::default() };
        assert_eq!(told(&[], both(), &any, Form::Wheel), (YES, ServedBy::Sass, 2, 5));
        let all = Policy { loose: Some(Measure::All), ..Policy::default() };
        assert_eq!(told(&[], both(), &all, Form::Wheel), (NO, ServedBy::Sass, 2, 5));
        assert_eq!(told(&[], vec![file("sm_90a", 1)], &none, Form::File), (YES, ServedBy::Sass, 1, 1));
        assert_eq!(told(&[], vec![file("sm_80", 1)], &none, Form::File), (NO, ServedBy::None, 0, 1));
    }

    #[test]
    fn a_feature_is_done_without() {
        let rule = MemberRule { feature: Some("several GPUs".to_owned()), ..Measure::All.into() };
        let policy = Policy { members: vec![(Pattern::new("nccl.so"), rule)], ..Policy::default() };
        let elf =
            || vec![member("nccl.so", &[(LINKED, "sm_90", 3)]), member("a.so", &[(LINKED, "sm_120", 1)])];
        let on_120 = coverage(&wheel(elf()), &policy, "12.0".parse().unwrap());
        assert_eq!((on_120.covered, on_120.without.as_slice()), (YES, &["several GPUs".to_owned()][..]));
        assert_eq!((on_120.runnable, on_120.counted), (1, 1), "what is done without does not count");
        assert_eq!(told(elf(), &policy, "9.0"), (NO, ServedBy::Sass, 3, 4));
        assert_eq!(told(elf(), &Policy::default(), "12.0"), (NO, ServedBy::Sass, 1, 4));
    }

    #[test]
    fn stubs_are_no_code_and_what_is_not_called_does_not_count() {
        // flash_attn_3/_C.so of xformers 0.0.32: the kernels for Hopper are empty for all other GPUs.
        let elf = || vec![member("fa3.so", &[(LINKED, "sm_80 sm_90a compute_80", 153)])];
        let stubs = vec!["sm_80".parse().unwrap(), "compute_80".parse().unwrap()];
        let rule = MemberRule { from: Some("9.0".parse().unwrap()), stubs, ..Measure::All.into() };
        let policy = Policy { members: vec![(Pattern::new("fa3.so"), rule)], ..Policy::default() };
        assert_eq!(told(elf(), &Policy::default(), "12.0"), (YES, ServedBy::Ptx, 153, 153));
        assert_eq!(told(elf(), &policy, "12.0"), (NO, ServedBy::None, 0, 153));
        assert_eq!(told(elf(), &policy, "9.0"), (YES, ServedBy::Sass, 153, 153));
        assert_eq!(told(elf(), &policy, "8.6"), (YES, ServedBy::None, 0, 0));
    }

    #[test]
    fn members_that_run_by_assembly_are_told_with_the_release_that_made_it() {
        let mut fa2 = member("fa2.so", &[(LINKED, "sm_80 compute_80", 72)]);
        fa2.device_code.push(crate::facts::DeviceCode {
            section: LINKED.to_owned(),
            arch: "compute_80".parse().unwrap(),
            kind: DeviceCodeKind::Ptx,
            compression: axle_fatbin::Compression::None,
            toolkit: Some(CudaRelease::new(12, 8)),
            ptx_version: None,
            count: 72,
        });
        let both = wheel(vec![fa2, member("a.so", &[(LINKED, "sm_90", 1)])]);
        let judged = |gpu: &str| coverage(&both, &Policy::default(), gpu.parse().unwrap()).by_ptx;
        let told =
            PtxMember { member: "fa2.so".to_owned(), cuda: Some(CudaRelease::new(12, 8)), containers: 72 };
        assert_eq!(judged("9.0"), [told]);
        assert_eq!(judged("8.6"), []);
        let rule = MemberRule { feature: Some("storage".to_owned()), ..Measure::Share(0.0).into() };
        let policy = Policy { members: vec![(Pattern::new("fa2.so"), rule)], ..Policy::default() };
        assert_eq!(coverage(&both, &policy, "9.0".parse().unwrap()).by_ptx, [], "what is done without");
    }

    #[test]
    fn a_policy_chooses_members_and_measures() {
        let elf = || {
            vec![
                member("lib/x_cuda126.so", &[(LINKED, "sm_60", 1), (LINKED, "sm_70", 3)]),
                member("lib/x_cuda128.so", &[(LINKED, "sm_75", 4)]),
            ]
        };
        let loaded = |measure: Measure| Policy {
            loaded: Some(vec![Pattern::new("*_cuda126.so")]),
            members: vec![(Pattern::new("lib/*"), measure.into())],
            ..Policy::default()
        };
        assert_eq!(told(elf(), &loaded(Measure::All), "7.0"), (NO, ServedBy::Sass, 3, 4));
        assert_eq!(told(elf(), &loaded(Measure::Share(0.75)), "7.0"), (YES, ServedBy::Sass, 3, 4));
        assert_eq!(told(elf(), &loaded(Measure::Share(0.75)), "6.1"), (NO, ServedBy::Sass, 1, 4));
        assert_eq!(told(elf(), &loaded(Measure::Any), "6.1"), (YES, ServedBy::Sass, 1, 4));
        assert_eq!(told(elf(), &loaded(Measure::Any), "5.2"), (NO, ServedBy::None, 0, 4));
        let coverage = coverage(&wheel(elf()), &Policy::default(), "7.5".parse().unwrap());
        assert_eq!(coverage.missing, ["lib/x_cuda126.so"]);
    }
}
