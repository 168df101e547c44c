//! Findings: defects and oddities of a wheel, each with a stable code.
//!
//! They follow from the facts about the wheel alone, neither from the machine that runs axle nor from the package's
//! entry in the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use axle_fatbin::{Code, Kind, Suffix};
use axle_rules::{Rule, Severity};
use axle_wheel::WheelName;
use serde::{Deserialize, Serialize};

use crate::device_code::{LINKED, NO_SECTION, PRELINK, is_device_section};
use crate::dlopen::without_hash;
use crate::facts::{ElfMember, WheelFacts};
use crate::kernels::{Kernels, UnreadImages};
use crate::platform::{claimed, held, tag_machine, tag_of, wanted};
use crate::stable_abi;

/// One thing that is wrong or odd about a wheel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The rule; its code is what tools should look at.
    pub code: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// The member that it is about, where it is about one.
    pub member: Option<String>,
    /// What was found, for a person.
    pub message: String,
}

/// A finding of a rule, as bad as the rule says.
fn finding(code: Rule, member: Option<&str>, message: String) -> Finding {
    Finding { code, severity: code.severity(), member: member.map(str::to_owned), message }
}

/// What is wrong or odd about a wheel, sorted by code and member.
pub fn findings(facts: &WheelFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    description(facts, &mut found);
    platform(facts, &mut found);
    for member in &facts.elf {
        search_paths(member, &mut found);
        abi3(facts, member, &mut found);
        device_code(member, &mut found);
        kernels(Some(&member.path), member.kernels.as_ref(), &mut found);
    }
    kernels(None, facts.loose_kernels.as_ref(), &mut found);
    double_libraries(facts, &mut found);
    missing_device_code(facts, &mut found);
    record(facts, &mut found);
    found.sort();
    found.dedup();
    found
}

fn description(facts: &WheelFacts, found: &mut Vec<Finding>) {
    let Some(description) = &facts.description else { return };
    let (name, version) = (&description.name, &description.version);
    if let (Some(named), Some(of_version)) = (&facts.name, &facts.version)
        && (name, version) != (named, of_version)
    {
        let message = format!("METADATA says {name} {version}, but the file name says {named} {of_version}");
        found.push(finding(Rule::Identity, None, message));
    }
    if description.wheel_version.is_none() {
        found.push(finding(Rule::Tags, None, "the WHEEL file is missing or broken".to_owned()));
        return;
    }
    let expanded: BTreeSet<String> = description.tags.iter().flat_map(|tag| expand(tag)).collect();
    let named: BTreeSet<String> = facts.tags.iter().cloned().collect();
    if expanded != named {
        let list = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
            let only: Vec<&str> = one.difference(other).map(String::as_str).collect();
            if only.is_empty() { "nothing".to_owned() } else { some(&only) }
        };
        let message = format!(
            "only WHEEL has {}; only the file name has {}",
            list(&expanded, &named),
            list(&named, &expanded)
        );
        found.push(finding(Rule::Tags, None, message));
    }
}

/// A tag of `WHEEL`, which some tools write as a compressed set. (`WheelFile` bounds what all of them stand for.)
fn expand(tag: &str) -> Vec<String> {
    let name = format!("x-1-{tag}.whl");
    match name.parse::<WheelName>() {
        Ok(name) => name.tags().map(|tag| tag.to_string()).collect(),
        Err(_) => vec![tag.to_owned()],
    }
}

fn platform(facts: &WheelFacts, found: &mut Vec<Finding>) {
    let platforms: BTreeSet<&str> = facts.tags.iter().filter_map(|tag| tag.rsplit('-').next()).collect();
    let hosts = || facts.elf.iter().filter(|member| !is_device_file(&member.machine));
    if platforms.contains("any")
        && let Some(member) = hosts().next()
    {
        let message = format!("the tag is `any`, but {} of its members are ELF files", hosts().count());
        found.push(finding(Rule::NotPure, Some(&member.path), message));
    }
    let linux: Vec<&str> = platforms.iter().copied().filter(|tag| tag.contains("linux")).collect();
    let mut named = BTreeMap::<&str, bool>::new();
    for member in hosts().filter(|_| !linux.is_empty()) {
        let machine = tag_machine(&member.machine);
        let is_named = || linux.iter().any(|tag| tag.ends_with(&format!("_{machine}")));
        if !*named.entry(machine).or_insert_with(is_named) {
            let message = format!("it is for {machine}, but the tag is {}", some(&linux));
            found.push(finding(Rule::Machine, Some(&member.path), message));
        }
    }
    let Some((claim, glibc, machine)) = claimed(facts).into_iter().next() else { return };
    let held = held(facts);
    for member in hosts().filter(|member| tag_machine(&member.machine) == machine) {
        let mut newer = BTreeMap::<Rule, Vec<String>>::new();
        for (library, version) in wanted(member, &held) {
            let (check, fits) = match version.strip_prefix("GLIBC_").map(stable_abi::version_prefix) {
                Some(Some(wanted)) => (Rule::Glibc, wanted <= glibc),
                _ => (Rule::SystemLibrary, tag_of(glibc).is_none_or(|tag| tag.has(&machine, version))),
            };
            if !fits {
                newer.entry(check).or_default().push(format!("{version} of {library}"));
            }
        }
        for (check, versions) in newer {
            let message = format!("it needs {}, but the tag is {claim}", some(&versions));
            found.push(finding(check, Some(&member.path), message));
        }
    }
}

/// Whether an ELF file is code for a GPU.
pub(crate) fn is_device_file(machine: &str) -> bool {
    /// `EM_AMDGPU`.
    const AMD: &str = "em-224";
    machine == "cuda" || machine == AMD
}

fn search_paths(member: &ElfMember, found: &mut Vec<Finding>) {
    for (tag, paths) in [("DT_RPATH", &member.rpath), ("DT_RUNPATH", &member.runpath)] {
        for path in paths {
            let check = if path.starts_with('/') { Rule::LeakedPath } else { Rule::RelativePath };
            let is_fine = ["$ORIGIN", "${ORIGIN}"].iter().any(|start| path.starts_with(start));
            if is_fine || is_system_folder(path) {
                continue;
            }
            let path: String = path.chars().take(200).collect();
            found.push(finding(check, Some(&member.path), format!("{tag} contains `{path}`")));
        }
    }
}

/// Folders that mean the same on every machine: those of the loader, and where makers of GPUs ask their
/// software to be put.
fn is_system_folder(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let below =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let vendor = ["/usr/local/cuda", "/opt/rocm"].iter().any(|folder| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '-']))
    });
    vendor
        || ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"]
            .iter()
            .any(|folder| below(folder))
}

fn abi3(facts: &WheelFacts, member: &ElfMember, found: &mut Vec<Finding>) {
    let Some(abi3) = &member.abi3 else { return };
    if !abi3.unstable.is_empty() {
        let message = format!("it uses symbols outside of the stable ABI: {}", some(&abi3.unstable));
        found.push(finding(Rule::Abi3, Some(&member.path), message));
    }
    let oldest = facts.tags.iter().filter_map(|tag| {
        let digits = tag.split('-').next()?.strip_prefix("cp")?.strip_prefix('3')?;
        Some((3, digits.parse::<u16>().ok()?))
    });
    if let (Some(promised), Some(python)) = (oldest.min(), stable_abi::version(&abi3.python))
        && python > promised
    {
        let message = format!(
            "the tag promises Python {}.{}, but it uses symbols that are new in {}: {}",
            promised.0,
            promised.1,
            abi3.python,
            some(&abi3.newest)
        );
        found.push(finding(Rule::Abi3, Some(&member.path), message));
    }
}

/// The first names of a list, and how many more there are.
fn some<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn device_code(member: &ElfMember, found: &mut Vec<Finding>) {
    let groups = || member.container_groups.iter().filter(|group| is_device_section(&group.section));
    let is_ptx = |code: &&Code| code.kind == Kind::Ptx;
    let linked = || groups().filter(|group| group.section == LINKED);

    let ptx: BTreeSet<Code> = linked().flat_map(|group| &group.code).filter(is_ptx).copied().collect();
    let early: BTreeSet<Code> = groups()
        .filter(|group| group.section == PRELINK)
        .flat_map(|group| &group.code)
        .filter(is_ptx)
        .copied()
        .collect();
    if !early.is_empty() && ptx.is_empty() {
        let message = format!("{} is in {PRELINK} only", join(&early));
        found.push(finding(Rule::UselessPtx, Some(&member.path), message));
    }
    if !ptx.is_empty() && ptx.iter().all(|code| code.suffix != Suffix::Plain) {
        let message = format!("{} runs on its own architecture or family only", join(&ptx));
        found.push(finding(Rule::UselessPtx, Some(&member.path), message));
    }

    // Kernels for one architecture alone come without PTX on purpose.
    let plain = || linked().filter(|group| group.code.iter().any(|code| code.is_plain()));
    let has_ptx = |code: &Code| code.kind == Kind::Ptx && code.suffix == Suffix::Plain;
    let all: u64 = plain().map(|group| group.count).sum();
    let with: u64 = plain().filter(|group| group.code.iter().any(has_ptx)).map(|group| group.count).sum();
    if with > 0 && with < all {
        let ptx: BTreeSet<Code> = ptx.into_iter().filter(|code| code.suffix == Suffix::Plain).collect();
        let message = format!("{with} of {all} containers contain PTX ({})", join(&ptx));
        found.push(finding(Rule::PartialPtx, Some(&member.path), message));
    }

    let unknown: BTreeSet<Code> = groups()
        .flat_map(|group| &group.code)
        .filter(|code| matches!(code.kind, Kind::Unknown(_)))
        .copied()
        .collect();
    if !unknown.is_empty() {
        found.push(finding(Rule::UnknownCode, Some(&member.path), format!("it contains {}", join(&unknown))));
    }
}

/// Of one member, or of the files of device code together.
fn kernels(member: Option<&str>, kernels: Option<&Kernels>, found: &mut Vec<Finding>) {
    let Some(kernels) = kernels else { return };
    let gaps = kernels.gaps();
    if !gaps.is_empty() {
        let gaps: Vec<String> = gaps.iter().map(|(gpu, count)| format!("{count} on {gpu}")).collect();
        let (count, gaps) = (kernels.count(), gaps.join(", "));
        let message = match member {
            Some(_) => format!("of its {count} kernels, these do not run: {gaps}"),
            None => format!("of the {count} kernels in files of device code, these do not run: {gaps}"),
        };
        found.push(finding(Rule::KernelGap, member, message));
    }
    for UnreadImages { section, arch, message, count } in &kernels.unread {
        let images = if *count == 1 { "1 image".to_owned() } else { format!("{count} images") };
        let message = match section.as_str() {
            NO_SECTION => format!("{images} of {arch}: {message}"),
            section => format!("{images} of {arch} in {section}: {message}"),
        };
        found.push(finding(Rule::UnreadImage, member, message));
    }
}

fn join(codes: &BTreeSet<Code>) -> String {
    some(&codes.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Bundled libraries have a hash in their name or their whole version; what is needed has the major version
/// alone.
fn double_libraries(facts: &WheelFacts, found: &mut Vec<Finding>) {
    let externals: BTreeMap<_, &str> =
        facts.external.iter().rev().filter_map(|name| Some((stem_and_major(name)?, name.as_str()))).collect();
    let twins: Vec<(&ElfMember, &str)> = facts
        .elf
        .iter()
        .filter_map(|member| {
            let name = member.path.rsplit('/').next().unwrap_or_default();
            let (stem, major) = stem_and_major(name)?;
            Some((member, *externals.get(&(without_hash(stem), major))?))
        })
        .collect();
    let mut needing: BTreeMap<&str, BTreeSet<&str>> =
        twins.iter().map(|(_, twin)| (*twin, BTreeSet::new())).collect();
    for member in facts.elf.iter().filter(|_| !twins.is_empty()) {
        for name in &member.needed {
            if let Some(needing) = needing.get_mut(name.as_str()) {
                needing.insert(&member.path);
            }
        }
    }
    let needing: BTreeMap<&str, String> = needing
        .into_iter()
        .map(|(twin, members)| (twin, some(&members.into_iter().collect::<Vec<_>>())))
        .collect();
    for (member, twin) in twins {
        let needing = needing.get(twin).map(String::as_str).unwrap_or_default();
        let message = format!("{twin} is also needed from outside the wheel, by {needing}");
        found.push(finding(Rule::DoubleLibrary, Some(&member.path), message));
    }
}

/// `libgomp` and 1 of `libgomp.so.1.0.0`.
fn stem_and_major(name: &str) -> Option<(&str, Option<u32>)> {
    let (stem, version) = name.split_once(".so")?;
    let major = match version.strip_prefix('.') {
        Some(version) => Some(version.split('.').next()?.parse().ok()?),
        None if version.is_empty() => None,
        None => return None,
    };
    stem.starts_with("lib").then_some((stem, major))
}

/// A name says CUDA by its local version (`+cu128`, `+cu12torch2.8cxx11abiTRUE`) or its end (`cupy-cuda12x`,
/// `x-cu12`). NVIDIA's own packages are libraries, tools and headers, of which most hold no kernels.
fn missing_device_code(facts: &WheelFacts, found: &mut Vec<Finding>) {
    let is_release = |text: &str, prefix: &str| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    let (Some(name), Some(version)) = (&facts.name, &facts.version) else { return };
    let local = version.split_once('+').map(|(_, local)| local).unwrap_or_default();
    let says = |part: &str| is_release(part, "cu") || is_release(part, "cuda");
    let expected = local.split('.').any(says) || name.rsplit('-').next().is_some_and(says);
    let holds = !facts.loose.is_empty()
        || facts.elf.iter().any(|member| {
            member.containers > 0
                || !member.outside.is_empty()
                || !member.amd.is_empty()
                || is_device_file(&member.machine)
        });
    if expected && !holds && !name.starts_with("nvidia-") {
        let message = format!("by its name, {name} {version} is a build for CUDA");
        found.push(finding(Rule::NoDeviceCode, None, message));
    }
}

fn record(facts: &WheelFacts, found: &mut Vec<Finding>) {
    let Some(record) = &facts.record else { return };
    if let Some(why) = &record.unreadable {
        found.push(finding(Rule::BrokenRecord, None, why.clone()));
    }
    let lists = [
        (Rule::Unlisted, &record.unlisted, "it is not listed"),
        (Rule::Missing, &record.missing, "it is listed but missing"),
        (Rule::Wrong, &record.wrong, "its hash or size differs from the one listed"),
        (Rule::Unhashed, &record.unhashed, "it is listed without a usable hash"),
    ];
    for (check, paths, message) in lists {
        found.extend(paths.iter().map(|path| finding(check, Some(path), message.to_owned())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Abi3, ContainerGroup, Description, RecordFacts};
    use crate::kernels::{Kernel, KernelGroup};

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn member(path: &str) -> ElfMember {
        ElfMember { path: path.to_owned(), machine: "x86_64".to_owned(), ..ElfMember::default() }
    }

    fn wheel(tag: &str, elf: Vec<ElfMember>) -> WheelFacts {
        let description = Description {
            name: "x".to_owned(),
            version: "1".to_owned(),
            wheel_version: Some("1.0".to_owned()),
            tags: owned(&[tag]),
            ..Description::default()
        };
        WheelFacts {
            name: Some("x".to_owned()),
            version: Some("1".to_owned()),
            tags: expand(tag),
            elf,
            description: Some(description),
            ..WheelFacts::default()
        }
    }

    fn told(facts: &WheelFacts) -> Vec<String> {
        findings(facts)
            .into_iter()
            .map(|finding| {
                let member = finding.member.map(|member| format!("{member}: ")).unwrap_or_default();
                format!("{} {member}{}", finding.code, finding.message)
            })
            .collect()
    }

    const MANYLINUX: &str = "cp312-cp312-manylinux_2_17_x86_64";

    #[test]
    fn codes_are_written_as_such() {
        let finding = finding(Rule::Glibc, None, "x".to_owned());
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(json, r#"{"code":"AX101","severity":"error","member":null,"message":"x"}"#);
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    }

    #[test]
    fn a_clean_wheel_has_none() {
        let versions = [("libc.so.6".to_owned(), owned(&["GLIBC_2.17", "GLIBC_2.2.5"]))].into();
        let clean =
            ElfMember { runpath: owned(&["$ORIGIN/../lib"]), symbol_versions: versions, ..member("x/_C.so") };
        assert_eq!(told(&wheel(MANYLINUX, vec![clean])), [""; 0]);
    }

    #[test]
    fn everything_that_can_be_found() {
        let groups = |groups: &[(&str, &str, u64)]| -> Vec<ContainerGroup> {
            groups
                .iter()
                .map(|(section, codes, count)| ContainerGroup {
                    section: (*section).to_owned(),
                    code: codes.split(' ').map(|code| code.parse().unwrap()).collect(),
                    count: *count,
                })
                .collect()
        };
        let versions = |library: &str, versions: &[&str]| [(library.to_owned(), owned(versions))].into();
        let group = |code: &str, names: &[&str]| KernelGroup {
            section: ".nv_fatbin".to_owned(),
            code: code.split(' ').map(|code| code.parse().unwrap()).collect(),
            count: names.len() as u64,
            kernels: names.iter().map(|name| Kernel { name: (*name).to_owned() }).collect(),
        };
        let unread = UnreadImages {
            section: ".nv_fatbin".to_owned(),
            arch: "sm_80".parse().unwrap(),
            message: "its lz4 stream is broken".to_owned(),
            count: 2,
        };
        let groups_of_kernels = vec![group("sm_80 sm_90", &["a", "b"]), group("sm_90", &["c"])];
        let kernels = Kernels { groups: groups_of_kernels, unread: vec![unread] };
        let members = vec![
            ElfMember {
                symbol_versions: versions("libc.so.6", &["GLIBC_2.28", "GLIBC_2.5", "GLIBC_PRIVATE"]),
                ..member("a.so")
            },
            ElfMember { symbol_versions: versions("libstdc++.so.6", &["GLIBCXX_3.4.29"]), ..member("b.so") },
            ElfMember {
                rpath: owned(&["/home/me/lib", "/usr/lib", "/usr/local/cuda-12.8/lib64", "/libx"]),
                runpath: owned(&["", "lib"]),
                ..member("c.so")
            },
            ElfMember { needed: owned(&["libgomp.so.1"]), ..member("d.so") },
            member("x.libs/libgomp-24e2ab19.so.1.0.0"),
            member("x.libs/libgomp.24e2ab19.so.1"),
            ElfMember {
                abi3: Some(Abi3 {
                    python: "3.13".to_owned(),
                    newest: owned(&["PyUnicode_AsUTF8"]),
                    unstable: owned(&["_PyX"]),
                }),
                ..member("e.abi3.so")
            },
            ElfMember {
                container_groups: groups(&[("__nv_relfatbin", "compute_80", 1), (".nv_fatbin", "sm_80", 1)]),
                containers: 2,
                ..member("f.so")
            },
            ElfMember {
                container_groups: groups(&[(".nv_fatbin", "sm_90a compute_90a", 1)]),
                containers: 1,
                ..member("g.so")
            },
            ElfMember {
                container_groups: groups(&[
                    (".nv_fatbin", "sm_80", 9),
                    (".nv_fatbin", "sm_80 compute_80", 1),
                ]),
                containers: 10,
                ..member("h.so")
            },
            ElfMember {
                container_groups: groups(&[(".nv_fatbin", "kind64_90", 1)]),
                containers: 1,
                ..member("i.so")
            },
            ElfMember { machine: "aarch64".to_owned(), ..member("j.so") },
            ElfMember { kernels: Some(kernels), ..member("k.so") },
        ];
        let record = RecordFacts {
            verified: 3,
            unlisted: owned(&["u"]),
            missing: owned(&["m"]),
            wrong: owned(&["w"]),
            unhashed: owned(&["n"]),
            unreadable: Some("it lists `a` twice".to_owned()),
        };
        let mut facts = WheelFacts {
            external: owned(&["libgomp.so.1"]),
            record: Some(record),
            name: Some("y".to_owned()),
            ..wheel(MANYLINUX, members)
        };
        facts.description.as_mut().unwrap().tags = owned(&["cp312-cp312-linux_x86_64"]);
        let found = told(&facts);
        insta::assert_snapshot!(found.join("\n"));
        let by_name = told(&named("x", "1.0+cu128"));
        assert_examples(&[found, by_name, told(&wheel("py3-none-any", vec![member("a.so")]))].concat());
    }

    /// Examples of rules show what is found here, of members of other names.
    fn assert_examples(told: &[String]) {
        for rule in Rule::ALL {
            for line in rule.example().lines().filter(|line| line.starts_with("AX1")) {
                let (code, message) = line.split_at(5);
                let message =
                    message.trim_start().trim_start_matches(|c: char| c.is_ascii_lowercase()).trim_start();
                // One line stands for the findings of several members.
                let message = message.split(" (and ").next().unwrap();
                let is_told = told.iter().filter_map(|told| told.strip_prefix(code)).any(|told| {
                    message == told.trim_start()
                        || matches!((message.split_once(": "), told.split_once(": ")),
                            (Some((_, message)), Some((_, told))) if message == told)
                });
                assert!(is_told, "{line}");
            }
        }
    }

    fn named(name: &str, version: &str) -> WheelFacts {
        WheelFacts {
            name: Some(name.to_owned()),
            version: Some(version.to_owned()),
            description: None,
            ..wheel(MANYLINUX, vec![])
        }
    }

    #[test]
    fn names_that_say_cuda() {
        let found = |name: &str, version: &str| {
            told(&named(name, version)).iter().any(|finding| finding.starts_with("AX109"))
        };
        assert!(
            found("torch", "2.9.1+cu128") && found("cupy-cuda12x", "13.0") && found("x", "1+cu12torch2.8")
        );
        assert!(
            !found("torch", "2.9.1+cpu")
                && !found("nvidia-cuda-runtime-cu12", "12.8")
                && !found("cuda-python", "12")
        );
        assert!(!found("custom", "1+cuda") && !found("x-cute", "1"));
    }

    #[test]
    fn pure_wheels_with_machine_code() {
        assert_eq!(
            told(&wheel("py3-none-any", vec![member("a.so")])),
            ["AX114 a.so: the tag is `any`, but 1 of its members are ELF files"]
        );
        let cubin = ElfMember { machine: "cuda".to_owned(), ..member("a.cubin") };
        assert_eq!(told(&wheel("py3-none-any", vec![cubin])), [""; 0]);
    }
}
