//! Fatbin containers of one ELF file, collected while it is streamed, and assigned to its sections afterwards.

use std::collections::{BTreeMap, HashMap};

use axle_elf::Section;
use serde::{Deserialize, Serialize};

use crate::arch::{Code, Kind};
use crate::container::{Broken, Container, Entry};
use crate::scanner::Found;

/// The section of code that runs as it is.
pub const LINKED: &str = ".nv_fatbin";
/// The section of code before device linking.
pub const PRELINK: &str = "__nv_relfatbin";
/// The section name of containers outside of all sections.
pub const NO_SECTION: &str = "";

/// The most containers, and the most entries in containers that differ. libtorch_cuda.so 2.9.1 has a
/// hundredth.
const LIMIT: usize = 1 << 17;

/// Whether the CUDA runtime looks for a program's own code in that section.
pub fn is_device_section(name: &str) -> bool {
    matches!(name, LINKED | PRELINK)
}

/// Device code of both kinds, each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Architectures {
    /// The machine code.
    pub sass: Vec<Code>,
    /// The assembly that the driver compiles.
    pub ptx: Vec<Code>,
}

impl Architectures {
    /// Adds a code to its list, which stays sorted and without doubles.
    pub fn add(&mut self, code: Code) {
        let list = match code.kind {
            Kind::Sass => &mut self.sass,
            Kind::Ptx => &mut self.ptx,
            Kind::Lto | Kind::Unknown(_) => return,
        };
        if let Err(place) = list.binary_search(&code) {
            list.insert(place, code);
        }
    }

    /// Whether there is code of neither kind.
    pub fn is_empty(&self) -> bool {
        self.sass.is_empty() && self.ptx.is_empty()
    }
}

/// Why the containers of a file can't be put into its sections: what a section of device code holds would be taken
/// for none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// A container is broken.
    #[error("section {section}: {source}")]
    Broken {
        /// The section's name.
        section: String,
        /// What is wrong with it.
        source: Broken,
    },
    /// A section of device code contains something other than fatbin containers.
    #[error("section {section}: at offset {offset:#x}, there is no fatbin container")]
    NotContainer {
        /// The section's name.
        section: String,
        /// Where a container should begin, from the start of the file.
        offset: u64,
    },
    /// More containers, or more kinds of them, than any real library has.
    #[error("at offset {offset:#x}, more than {limit} fatbin containers, which is the limit")]
    TooManyContainers {
        /// Where the one too many begins.
        offset: u64,
        /// The limit.
        limit: usize,
    },
}

/// Gathers what a [`Scanner`](crate::Scanner) finds in one ELF file. Many containers hold the same: each such list of
/// entries is kept once.
#[derive(Debug, Default)]
pub struct Containers {
    shapes: HashMap<Vec<Entry>, usize>,
    entries: usize,
    places: Vec<Place>,
    broken: Vec<Broken>,
    one_too_many: Option<u64>,
}

#[derive(Debug)]
struct Place {
    offset: u64,
    followed_at: Option<u64>,
    shape: usize,
}

impl Containers {
    /// Takes what was found next, in the order of the file.
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
        let Container { offset, followed_at, entries, .. } = container;
        if self.is_full() {
            self.one_too_many.get_or_insert(offset);
            return;
        }
        let (next, length) = (self.shapes.len(), entries.len());
        let shape = *self.shapes.entry(entries).or_insert(next);
        if shape == next {
            self.entries += length;
        }
        self.places.push(Place { offset, followed_at, shape });
    }

    /// How many containers are kept: the number that the next one gets.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether one container more is too many.
    pub fn is_full(&self) -> bool {
        self.places.len() >= LIMIT || self.entries >= LIMIT
    }

    /// Assigns the containers to the sections of the file.
    ///
    /// # Errors
    /// When a device section does not hold containers and nothing else, or there are too many of them.
    pub fn by_section(self, sections: &[Section]) -> Result<ContainersBySection<'_>, SectionError> {
        if let Some(offset) = self.one_too_many {
            return Err(SectionError::TooManyContainers { offset, limit: LIMIT });
        }
        let sections = Sections::new(sections);
        for broken in self.broken {
            if let Some(section) = sections.at(broken.container)
                && is_device_section(&section.name)
            {
                return Err(SectionError::Broken { section: section.name.clone(), source: broken });
            }
        }
        sections.check(&self.places)?;

        let mut shapes: Vec<(Vec<Entry>, usize)> = self.shapes.into_iter().collect();
        shapes.sort_unstable_by_key(|(_, shape)| *shape);
        let section_of =
            |place: &Place| sections.at(place.offset).map_or(NO_SECTION, |section| section.name.as_str());
        Ok(ContainersBySection {
            places: self.places.iter().map(|place| (section_of(place), place.shape)).collect(),
            shapes: shapes.into_iter().map(|(entries, _)| entries).collect(),
        })
    }
}

/// The containers of one file, each in its section.
#[derive(Debug)]
pub struct ContainersBySection<'a> {
    /// Of each container, in the order of the file: its section, and the number of its entries' list.
    places: Vec<(&'a str, usize)>,
    shapes: Vec<Vec<Entry>>,
}

impl<'a> ContainersBySection<'a> {
    /// The section of the container of that number; [`NO_SECTION`] where there is none.
    pub fn section_of(&self, number: usize) -> &'a str {
        self.places.get(number).map_or(NO_SECTION, |(section, _)| section)
    }

    /// Which entries containers hold: section, entries, and how many containers of that section hold just these.
    pub fn counted(&self) -> impl Iterator<Item = (&'a str, &[Entry], u64)> {
        let mut counts = BTreeMap::<(&str, usize), u64>::new();
        for place in &self.places {
            *counts.entry(*place).or_default() += 1;
        }
        counts.into_iter().filter_map(|((section, shape), count)| {
            self.shapes.get(shape).map(|entries| (section, entries.as_slice(), count))
        })
    }

    /// The code of the device sections: what the file has for GPUs.
    pub fn architectures(&self) -> Architectures {
        let mut architectures = Architectures::default();
        let own = self.counted().filter(|(section, ..)| is_device_section(section));
        for entry in own.flat_map(|(_, entries, _)| entries) {
            architectures.add(entry.code);
        }
        architectures
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
    fn check(&self, containers: &[Place]) -> Result<(), SectionError> {
        for section in self.0.iter().filter(|section| is_device_section(&section.name)) {
            let end = section.offset.saturating_add(section.size);
            let error = |offset| Err(SectionError::NotContainer { section: section.name.clone(), offset });
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
