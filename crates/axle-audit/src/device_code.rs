//! The containers of one member, gathered while it streams by, and put into its sections afterwards.

use std::collections::{BTreeMap, HashMap};

use axle_elf::Section;
use axle_fatbin::{Broken, Code, Container, Entry, Found, Kind};

use crate::error::Problem;
use crate::facts::{Architectures, ContainerGroup, DeviceCode, DeviceCodeKind};
use crate::kernels::{self, Kernels};

/// The section of code that runs as it is.
pub(crate) const LINKED: &str = ".nv_fatbin";
/// The section of code before device linking.
pub(crate) const PRELINK: &str = "__nv_relfatbin";
/// What stands for the section of containers that no section holds.
pub(crate) const NO_SECTION: &str = "";

/// The most containers, and the most entries in containers that differ. libtorch_cuda.so 2.9.1 has a
/// hundredth.
const LIMIT: usize = 1 << 17;

/// Whether the CUDA runtime looks for a program's own code in that section.
pub(crate) fn is_device_section(name: &str) -> bool {
    matches!(name, LINKED | PRELINK)
}

/// Gathers containers. Many hold the same: each such list of entries is kept once.
#[derive(Default)]
pub(crate) struct Gathered {
    shapes: HashMap<Vec<Entry>, usize>,
    entries: usize,
    containers: Vec<Place>,
    broken: Vec<Broken>,
    one_too_many: Option<u64>,
    kernels: Option<kernels::Gathered>,
}

struct Place {
    offset: u64,
    followed_at: Option<u64>,
    shape: usize,
}

impl Gathered {
    /// Gathers kernels too, where they are asked for.
    pub fn new(deep: bool) -> Self {
        Self { kernels: deep.then(kernels::Gathered::default), ..Self::default() }
    }

    pub fn add(&mut self, found: Found) {
        match found {
            Found::Container(container) => self.add_container(container),
            // Chance finds outside of device sections are no errors, but must be no memory leak either.
            Found::Broken(broken) if self.broken.len() < LIMIT => self.broken.push(broken),
            Found::Broken(broken) => {
                self.one_too_many.get_or_insert(broken.container);
            }
        }
    }

    fn add_container(&mut self, container: Container) {
        let Container { offset, followed_at, entries, images, .. } = container;
        if self.containers.len() >= LIMIT || self.entries >= LIMIT {
            self.one_too_many.get_or_insert(offset);
            return;
        }
        if let Some(kernels) = &mut self.kernels {
            kernels.add(self.containers.len(), &entries, images);
        }
        let (next, length) = (self.shapes.len(), entries.len());
        let shape = *self.shapes.entry(entries).or_insert(next);
        if shape == next {
            self.entries += length;
        }
        self.containers.push(Place { offset, followed_at, shape });
    }

    /// Tells what lies in which section, and whether the device sections hold containers and nothing else.
    pub fn into_facts(self, member: &str, sections: &[Section]) -> Result<Facts, Problem> {
        if let Some(offset) = self.one_too_many {
            return Err(Problem::TooManyContainers { member: member.to_owned(), offset, limit: LIMIT });
        }
        let sections = Sections::new(sections);
        for broken in self.broken {
            if let Some(section) = sections.at(broken.container)
                && is_device_section(&section.name)
            {
                let (member, section) = (member.to_owned(), section.name.clone());
                return Err(Problem::Fatbin { member, section, source: broken });
            }
        }
        sections.check(member, &self.containers)?;

        let section_of =
            |place: &Place| sections.at(place.offset).map_or(NO_SECTION, |section| section.name.as_str());
        let mut counts = BTreeMap::<(&str, usize), u64>::new();
        for place in &self.containers {
            *counts.entry((section_of(place), place.shape)).or_default() += 1;
        }
        let kernels = self
            .kernels
            .map(|kernels| kernels.into_kernels(|number| self.containers.get(number).map_or("", section_of)));
        let mut shapes: Vec<(&Vec<Entry>, usize)> =
            self.shapes.iter().map(|(entries, shape)| (entries, *shape)).collect();
        shapes.sort_unstable_by_key(|(_, shape)| *shape);
        let counted = counts.into_iter().filter_map(|((section, shape), count)| {
            shapes.get(shape).map(|(entries, _)| (section, entries.as_slice(), count))
        });
        Ok(Facts { kernels, ..Facts::from_counts(counted) })
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
    /// From containers, as section, entries and number of them.
    fn from_counts<'a>(counted: impl Iterator<Item = (&'a str, &'a [Entry], u64)>) -> Self {
        let mut facts = Self::default();
        let mut rows = BTreeMap::<(&str, Entry), u64>::new();
        let mut groups = BTreeMap::<(&str, Vec<Code>), u64>::new();
        for (section, entries, count) in counted {
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
        for (section, code) in rows.keys().map(|(section, entry)| (*section, entry.code)) {
            if is_device_section(section) {
                facts.device.add(code);
                if section == PRELINK {
                    facts.prelink.add(code);
                }
            } else {
                facts.outside.entry(section.to_owned()).or_default().add(code);
            }
        }
        facts.device_code =
            rows.into_iter().map(|((section, entry), count)| row(section, &entry, count)).collect();
        facts.container_groups = groups
            .into_iter()
            .map(|((section, code), count)| ContainerGroup { section: section.to_owned(), code, count })
            .collect();
        facts
    }
}

impl Architectures {
    /// Adds a code to its list, which stays sorted and without doubles.
    pub(crate) fn add(&mut self, code: Code) {
        let list = match code.kind {
            Kind::Sass => &mut self.sass,
            Kind::Ptx => &mut self.ptx,
            Kind::Lto | Kind::Unknown(_) => return,
        };
        if let Err(place) = list.binary_search(&code) {
            list.insert(place, code);
        }
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

/// The sections with bytes, by place.
struct Sections<'a>(Vec<&'a Section>);

impl<'a> Sections<'a> {
    fn new(sections: &'a [Section]) -> Self {
        let mut sections: Vec<&Section> = sections.iter().filter(|section| section.size > 0).collect();
        sections.sort_by_key(|section| section.offset);
        Self(sections)
    }

    fn at(&self, offset: u64) -> Option<&'a Section> {
        let after = self.0.partition_point(|section| section.offset <= offset);
        let section = *self.0.get(after.checked_sub(1)?)?;
        (offset - section.offset < section.size).then_some(section)
    }

    /// Device sections hold containers, one after the other, and zeros: anything else is code that was
    /// not understood, and must not be taken for none. `containers` are in the order of the file.
    fn check(&self, member: &str, containers: &[Place]) -> Result<(), Problem> {
        for section in self.0.iter().filter(|section| is_device_section(&section.name)) {
            let end = section.offset.saturating_add(section.size);
            let error = |offset| {
                let (member, section) = (member.to_owned(), section.name.clone());
                Err(Problem::NotFatbin { member, section, offset })
            };
            let from = containers.partition_point(|place| place.offset < section.offset);
            let inside = containers.get(from..).unwrap_or_default();
            if inside.first().is_none_or(|first| first.offset != section.offset) {
                return error(section.offset);
            }
            let nexts = inside.iter().skip(1).map(|next| next.offset).chain([u64::MAX]);
            for (place, next) in inside.iter().zip(nexts).take_while(|(place, _)| place.offset < end) {
                if let Some(followed_at) = place.followed_at
                    && followed_at < end.min(next)
                {
                    return error(followed_at);
                }
            }
        }
        Ok(())
    }
}
