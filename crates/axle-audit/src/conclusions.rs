//! Facts about a whole wheel, concluded from the facts about its members.

use std::collections::{BTreeMap, BTreeSet};

use axle_fatbin::Architectures;
use axle_types::{CudaRelease, Requirement, WheelCuda};
use axle_wheel::Metadata;

use crate::device_code::LINKED;
use crate::facts::{CudaEvidence, CudaSource, ElfMember, LooseCode, WheelFacts};

/// The code of all members.
pub(crate) fn architectures(members: &[ElfMember]) -> Architectures {
    let mut all = Architectures::default();
    for code in members.iter().flat_map(|member| member.sass.iter().chain(&member.ptx)) {
        all.add(*code);
    }
    all
}

/// The newest version that a member wants of those that begin with `prefix`: `2.28` of `GLIBC_`.
/// Versions that are no numbers, like `GLIBC_PRIVATE`, say nothing of an age.
pub(crate) fn newest_version(members: &[ElfMember], prefix: &str) -> Option<String> {
    let versions = members.iter().flat_map(|member| member.symbol_versions.values().flatten());
    let numbered = versions.filter_map(|version| {
        let text = version.strip_prefix(prefix)?;
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        Some((numbers?, text))
    });
    numbered.max().map(|(_, text)| text.to_owned())
}

/// What the members that tell agree on.
pub(crate) fn cxx11_abi(members: &[ElfMember]) -> Option<bool> {
    let told: BTreeSet<bool> = members.iter().filter_map(|member| member.cxx11_abi).collect();
    if told.len() == 1 { told.first().copied() } else { None }
}

/// Libraries that a member needs and that the wheel does not hold under that file name or soname.
pub(crate) fn external(members: &[ElfMember]) -> Vec<String> {
    let held: BTreeSet<&str> = members
        .iter()
        .flat_map(|member| [member.path.rsplit('/').next(), member.soname.as_deref()])
        .flatten()
        .collect();
    let needed: BTreeSet<&str> =
        members.iter().flat_map(|member| &member.needed).map(String::as_str).collect();
    needed.difference(&held).map(|name| (*name).to_owned()).collect()
}

/// What tells the CUDA releases that members are linked for and that requirements pin, by release.
///
/// A member is linked for the newest release that made one of its linked images: older ones come from
/// static libraries. Those before device linking say nothing (libtorch_nvshmem.so 2.9.1, of CUDA 12.8,
/// holds parts of NVSHMEM that were made by 12.0).
pub(crate) fn cuda_evidence(
    members: &[ElfMember],
    loose: &[LooseCode],
    metadata: Option<&Metadata>,
) -> Vec<CudaEvidence> {
    let mut evidence = BTreeMap::<(WheelCuda, CudaSource), BTreeSet<String>>::new();
    let mut add = |cuda, source, from: &str| {
        evidence.entry((cuda, source)).or_default().insert(from.to_owned());
    };
    for member in members {
        let linked = member.device_code.iter().filter(|row| row.section == LINKED);
        if let Some(toolkit) = linked.filter_map(|row| row.toolkit).max() {
            add(WheelCuda::Release(toolkit), CudaSource::Images, &member.path);
        }
    }
    // Files of device code come of one release mostly; like the images of a member, the newest tells.
    let dated = loose.iter().filter_map(|loose| Some((loose.toolkit?, &loose.example)));
    if let Some((toolkit, example)) = dated.max() {
        add(WheelCuda::Release(toolkit), CudaSource::Images, example);
    }
    // Requirements that nobody can read tell nothing here; they are reported as they are.
    for text in metadata.iter().flat_map(|metadata| &metadata.requires_dist) {
        let pinned = text.parse::<Requirement>().ok().and_then(|requirement| pinned_release(&requirement));
        if let Some(release) = pinned {
            add(WheelCuda::Release(release), CudaSource::Requirement, text);
        }
    }
    for name in members.iter().flat_map(|member| &member.needed) {
        let major = name.strip_prefix("libcudart.so.").and_then(|rest| rest.split('.').next());
        if let Some(major) = major.and_then(|major| major.parse().ok()) {
            add(WheelCuda::Major(major), CudaSource::Soname, name);
        }
    }
    let row = |((cuda, by), from): ((WheelCuda, CudaSource), BTreeSet<String>)| CudaEvidence {
        cuda,
        by,
        from: from.into_iter().collect(),
    };
    evidence.into_iter().map(row).collect()
}

/// The releases that there is evidence of. A major stands alone only where nothing names its minor.
pub(crate) fn cuda(evidence: &[CudaEvidence]) -> Vec<WheelCuda> {
    let mut releases: Vec<WheelCuda> = evidence.iter().map(|evidence| evidence.cuda).collect();
    releases.dedup();
    let majors: BTreeSet<u16> = releases
        .iter()
        .filter_map(|cuda| if let WheelCuda::Release(release) = cuda { Some(release.major) } else { None })
        .collect();
    releases.retain(|cuda| !matches!(cuda, WheelCuda::Major(major) if majors.contains(major)));
    releases
}

/// The one CUDA that a wheel is for, as far as it says so itself: the `-cu12` of its name, else what it requires, else the
/// folder that NVIDIA's own wheels have since CUDA 13, else what its members are linked for and their device code was made
/// with. `None` where nothing says, or members say several.
///
/// The folder comes before the device code: NVIDIA compiles some of its own with an older nvcc (cuFile's for CUDA 13 is from
/// 12.2).
pub fn wheel_cuda(facts: &WheelFacts) -> Option<WheelCuda> {
    let by_name = || facts.name.as_deref()?.rsplit_once("-cu").and_then(|(_, text)| text.parse().ok());
    let required = || {
        let mut evidence = facts.cuda_evidence.iter();
        evidence.find(|evidence| evidence.by == CudaSource::Requirement).map(|evidence| evidence.cuda)
    };
    let linked = if let [cuda] = facts.cuda.as_slice() { Some(*cuda) } else { None };
    let by_folder = || {
        let mut majors: BTreeSet<WheelCuda> =
            facts.elf.iter().filter_map(|member| folder_cuda(&member.path)).collect();
        let folder = majors.pop_first().filter(|_| majors.is_empty())?;
        linked.filter(|linked| linked.major() == folder.major()).or(Some(folder))
    };
    by_name().or_else(required).or_else(by_folder).or(linked)
}

/// The CUDA of a member of NVIDIA's own wheels: `nvidia/cu13/lib/libcufile.so.0`.
fn folder_cuda(path: &str) -> Option<WheelCuda> {
    let (folder, _) = path.strip_prefix("nvidia/cu")?.split_once('/')?;
    Some(WheelCuda::Major(folder.parse().ok()?))
}

/// The release that a requirement pins, if it is of a package whose version is CUDA's own:
/// `nvidia-cuda-runtime-cu12==12.8.90`, `cuda-toolkit[cublas]==13.0.2`. Those of extras say nothing.
fn pinned_release(requirement: &Requirement) -> Option<CudaRelease> {
    let name = requirement.name.as_ref();
    let is_cuda =
        name == "cuda-toolkit" || name == "nvidia-cuda-runtime" || name.starts_with("nvidia-cuda-runtime-cu");
    match requirement.pin()?.version.release() {
        [major, minor, ..] if is_cuda && !requirement.marker.is_of_extras() => {
            Some(CudaRelease { major: u16::try_from(*major).ok()?, minor: u16::try_from(*minor).ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axle_types::comma_separated;

    use super::*;
    use crate::facts::LooseFormat;

    fn pins(requirements: &str) -> Vec<String> {
        let text = format!("Metadata-Version: 2.1\nName: x\nVersion: 1\n{requirements}");
        let evidence = cuda_evidence(&[], &[], Some(&Metadata::parse(text.as_bytes()).unwrap()));
        cuda(&evidence).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pins_of_cuda_tell_its_release() {
        assert_eq!(
            pins("Requires-Dist: nvidia-cuda-runtime-cu12==12.8.90; platform_system == \"Linux\"\n"),
            ["12.8"]
        );
        assert_eq!(pins("Requires-Dist: cuda-toolkit[cublas]==13.0.2\n"), ["13.0"]);
        assert_eq!(pins("Requires-Dist: nvidia-cuda-runtime==13.0.*\n"), ["13.0"]);
        assert_eq!(pins("Requires-Dist: nvidia-cuda-runtime-cu12>=12.1\n"), [""; 0]);
        assert_eq!(pins("Requires-Dist: nvidia-cuda-runtime-cu12==12.1.1; extra == 'cuda'\n"), [""; 0]);
        assert_eq!(pins("Requires-Dist: nvidia-cudnn-cu12==9.10.2.21\n"), [""; 0]);
        assert_eq!(pins("Requires-Dist: what is this\n"), [""; 0]);
    }

    #[test]
    fn the_folder_of_nvidia_comes_before_the_compiler_of_its_code() {
        let facts = |path: &str, cuda: &[&str]| WheelFacts {
            name: Some("nvidia-cufile".to_owned()),
            cuda: cuda.iter().map(|cuda| cuda.parse().unwrap()).collect(),
            elf: vec![ElfMember { path: path.to_owned(), ..ElfMember::default() }],
            ..WheelFacts::default()
        };
        let told = |path: &str, cuda: &[&str]| wheel_cuda(&facts(path, cuda)).map(|cuda| cuda.to_string());
        assert_eq!(told("nvidia/cu13/lib/libcufile.so.0", &["12.2"]).as_deref(), Some("13"));
        assert_eq!(told("nvidia/cu13/lib/libcufile.so.0", &["13.0"]).as_deref(), Some("13.0"));
        assert_eq!(told("nvidia/cufile/lib/libcufile.so.0", &["12.2"]).as_deref(), Some("12.2"));
        assert_eq!(told("nvidia/cu13/lib/libcufile.so.0", &[]).as_deref(), Some("13"));
    }

    #[test]
    fn what_tells_a_release_is_kept() {
        let text =
            "Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Dist: nvidia-cuda-runtime-cu12==12.8.90\n";
        let needing = |soname: &str| ElfMember { needed: vec![soname.to_owned()], ..ElfMember::default() };
        let members = [needing("libcudart.so.12"), needing("libcudart.so.11.0")];
        let file = |minor: u16, example: &str| LooseCode {
            format: LooseFormat::Cubin,
            code: Vec::new(),
            toolkit: Some(CudaRelease { major: 12, minor }),
            count: 1,
            example: example.to_owned(),
        };
        let loose = [file(9, "new.cubin"), file(8, "old.cubin")];
        let told = cuda_evidence(&members, &loose, Some(&Metadata::parse(text.as_bytes()).unwrap()));
        let shown: Vec<String> =
            told.iter().map(|told| format!("{} {:?} {}", told.cuda, told.by, told.from.join(" "))).collect();
        assert_eq!(
            shown,
            [
                "11 Soname libcudart.so.11.0",
                "12 Soname libcudart.so.12",
                "12.8 Requirement nvidia-cuda-runtime-cu12==12.8.90",
                "12.9 Images new.cubin"
            ]
        );
        assert_eq!(comma_separated(cuda(&told)), "11, 12.8, 12.9");
    }
}
