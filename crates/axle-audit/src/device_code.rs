//! Fatbin containers of one member, collected while it is streamed, and assigned to its sections afterwards.

use std::collections::BTreeMap;

use axle_elf::Section;
use axle_fatbin::{Architectures, Code, Containers, ContainersBySection, Entry, Found, Kind};
pub(crate) use axle_fatbin::{LINKED, NO_SECTION, PRELINK, is_device_section};

use crate::error::Problem;
use crate::facts::{ContainerGroup, DeviceCode, DeviceCodeKind};
use crate::kernels::{self, Kernels};

/// The most bytes that one member's rows and groups may take. Those of libtorch_cuda.so take 10 kB.
const FACTS: u64 = 1 << 20;

/// Gathers containers, and the kernels in them.
#[derive(Default)]
pub(crate) struct Gathered {
    containers: Containers,
    kernels: Option<kernels::Gathered>,
}

impl Gathered {
    /// Gathers kernels too, where they are asked for.
    pub fn new(deep: bool) -> Self {
        Self { kernels: deep.then(kernels::Gathered::default), ..Self::default() }
    }

    pub fn add(&mut self, mut found: Found) {
        if let (Some(kernels), Found::Container(container)) = (&mut self.kernels, &mut found)
            && !self.containers.is_full()
        {
            let images = std::mem::take(&mut container.images);
            kernels.add(self.containers.len(), &container.entries, images);
        }
        self.containers.add(found);
    }

    /// Tells what lies in which section, and whether the device sections hold containers and nothing else.
    pub fn into_facts(self, member: &str, sections: &[Section]) -> Result<Facts, Problem> {
        let containers =
            self.containers.by_section(sections).map_err(|error| Problem::device_code(member, error))?;
        let kernels =
            self.kernels.map(|kernels| kernels.into_kernels(|number| containers.section_of(number)));
        Ok(Facts { kernels, ..Facts::from_containers(&containers)? })
    }
}

/// What is reported of a member's device code.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub device: Architectures,
    pub containers: u64,
    pub device_code: Vec<DeviceCode>,
    pub container_groups: Vec<ContainerGroup>,
    pub prelink: Architectures,
    pub outside: BTreeMap<String, Architectures>,
    pub kernels: Option<Kernels>,
}

impl Facts {
    fn from_containers(containers: &ContainersBySection<'_>) -> Result<Self, Problem> {
        let mut facts = Self { device: containers.architectures(), ..Self::default() };
        let mut rows = BTreeMap::<(&str, Entry), u64>::new();
        let mut groups = BTreeMap::<(&str, Vec<Code>), u64>::new();
        for (section, entries, count) in containers.counted() {
            if is_device_section(section) {
                facts.containers += count;
            }
            let mut codes: Vec<Code> = entries.iter().map(|entry| entry.code).collect();
            codes.sort_unstable();
            codes.dedup();
            *groups.entry((section, codes)).or_default() += count;
            for entry in entries {
                *rows.entry((section, *entry)).or_default() += count;
            }
        }
        // Each has its section's name, which may be long.
        let rows_take = rows.keys().map(|(section, _)| section.len() + size_of::<DeviceCode>());
        let groups_take = groups.keys().map(|(section, codes)| {
            section.len() + size_of::<ContainerGroup>() + size_of_val(codes.as_slice())
        });
        if rows_take.chain(groups_take).sum::<usize>() as u64 > FACTS {
            return Err(Problem::TooManyFacts { limit: FACTS });
        }
        for (section, code) in rows.keys().map(|(section, entry)| (*section, entry.code)) {
            if section == PRELINK {
                facts.prelink.add(code);
            } else if !is_device_section(section) {
                facts.outside.entry(section.to_owned()).or_default().add(code);
            }
        }
        facts.device_code =
            rows.into_iter().map(|((section, entry), count)| row(section, &entry, count)).collect();
        facts.container_groups = groups
            .into_iter()
            .map(|((section, code), count)| ContainerGroup { section: section.to_owned(), code, count })
            .collect();
        Ok(facts)
    }
}

fn row(section: &str, entry: &Entry, count: u64) -> DeviceCode {
    DeviceCode {
        section: section.to_owned(),
        arch: entry.code,
        kind: match entry.code.kind {
            Kind::Sass => DeviceCodeKind::Sass,
            Kind::Ptx => DeviceCodeKind::Ptx,
            Kind::Lto => DeviceCodeKind::Lto,
            Kind::Unknown(_) => DeviceCodeKind::Unknown,
        },
        compression: entry.compression,
        toolkit: entry.toolkit,
        ptx_version: entry.ptx_version.map(|(major, minor)| format!("{major}.{minor}")),
        count,
    }
}
