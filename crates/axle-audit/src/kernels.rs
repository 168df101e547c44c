//! Kernels in a member, and the architectures that each was compiled for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axle_fatbin::{Code, Entry, Image, ImageOfEntry, Suffix};
use axle_types::ComputeCapability;
use serde::{Deserialize, Serialize, Serializer};

use crate::device_code::{LINKED, PRELINK};

/// The kernels of one member, read from its images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernels {
    /// Kernels by what they were compiled to, by section and codes. One that occurs in several containers, like
    /// what is `static` in several translation units under one name, has the codes of all of them.
    pub groups: Vec<KernelGroup>,
    /// Images whose kernels are not known.
    pub unread: Vec<UnreadImages>,
}

/// Kernels of one section that were compiled to the same codes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KernelGroup {
    /// The section that their containers are in.
    pub section: String,
    /// What they were compiled to, sorted.
    pub code: Vec<Code>,
    /// How many there are.
    pub count: u64,
    /// The kernels, sorted.
    pub kernels: Vec<Kernel>,
}

/// One kernel. In JSON it has its readable name beside its own, which is made when it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Kernel {
    /// Its name, as the linker knows it.
    pub name: String,
}

/// Images that could not be read, by what they have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadImages {
    /// The section that they are in.
    pub section: String,
    /// What they were compiled for.
    pub arch: Code,
    /// Why they can't be read.
    pub message: String,
    /// How many there are.
    pub count: u64,
}

impl Kernel {
    /// The name as C++ writes it; `None` where it is not mangled.
    pub fn demangled(&self) -> Option<String> {
        axle_fatbin::demangle(&self.name)
    }
}

impl Serialize for Kernel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            name: &'a str,
            demangled: Option<String>,
        }
        Named { name: &self.name, demangled: self.demangled() }.serialize(serializer)
    }
}

impl Kernels {
    /// How many kernels a program's own code has.
    pub fn count(&self) -> u64 {
        self.own().map(|group| group.count).sum()
    }

    /// How many kernels there are for each architecture, in `.nv_fatbin` or, where nothing was linked, before it.
    pub fn by_architecture(&self) -> BTreeMap<Code, u64> {
        let mut counts = BTreeMap::new();
        for group in self.own() {
            for code in &group.code {
                *counts.entry(*code).or_default() += group.count;
            }
        }
        counts
    }

    /// The kernels of a program's own code that none of their codes runs on a GPU.
    ///
    /// Kernels with suffixed code alone are specialised for another GPU on purpose, and are left out.
    pub fn lacking(&self, gpu: ComputeCapability) -> impl Iterator<Item = &Kernel> {
        let runs = move |code: &Code| code.runs_on(gpu) != Some(false);
        let plain = |group: &&KernelGroup| group.code.iter().any(|code| code.suffix == Suffix::Plain);
        let lacking = self.own().filter(plain).filter(move |group| !group.code.iter().any(runs));
        lacking.flat_map(|group| &group.kernels)
    }

    /// The GPUs that the machine code of some kernels was made for and that other kernels lack, each with how many
    /// lack it.
    pub fn gaps(&self) -> BTreeMap<ComputeCapability, u64> {
        let codes = self.own().flat_map(|group| &group.code);
        let plain = codes.filter(|code| code.is_plain());
        let gpus: BTreeSet<_> = plain.map(|code| code.capability).collect();
        let counted = gpus.into_iter().map(|gpu| (gpu, self.lacking(gpu).count() as u64));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// Those of the device sections: what was linked, else what was not; where there is neither, all.
    fn own(&self) -> impl Iterator<Item = &KernelGroup> {
        let has = |section: &&&str| self.groups.iter().any(|group| group.section == **section);
        let section = [LINKED, PRELINK].iter().find(has).copied();
        self.groups.iter().filter(move |group| section.is_none_or(|section| group.section == section))
    }
}

/// The most bytes of names, and the most pairs of a kernel with a code, that one member may make us keep.
/// libtorch_cuda.so 2.9.1 has 4.9 MB of names and 147,919 pairs.
const LONGEST_NAMES: usize = 32 << 20;
const MOST_PAIRS: usize = 1 << 21;
/// The most images that are told to be unread one by one.
const MOST_UNREAD: usize = 1 << 16;

/// Gathers kernels while containers are found. Each name is kept once.
#[derive(Default)]
pub(crate) struct Gathered {
    names: HashMap<String, u32>,
    bytes: usize,
    codes: Vec<Code>,
    pairs: Vec<Pair>,
    unread: Vec<(u32, Code, String)>,
}

/// That a container holds a kernel in some code; all by their numbers.
struct Pair {
    container: u32,
    kernel: u32,
    code: u16,
}

impl Gathered {
    /// Takes what the images of the container of that number tell.
    pub fn add(&mut self, container: usize, entries: &[Entry], images: Vec<ImageOfEntry>) {
        let Ok(container) = u32::try_from(container) else { return };
        for ImageOfEntry { entry, image } in images {
            let Some(code) = entries.get(entry).map(|entry| entry.code) else { continue };
            let added = match image {
                Ok(image) => self.add_image(container, code, image),
                Err(error) => Err(error.to_string()),
            };
            if let Err(message) = added
                && self.unread.len() < MOST_UNREAD
            {
                self.unread.push((container, code, message));
            }
        }
    }

    /// Takes what an image in a file of its own tells, under the number of no container.
    pub fn add_file(&mut self, image: Image) {
        let code = image.code;
        if let Err(message) = self.add_image(0, code, image)
            && self.unread.len() < MOST_UNREAD
        {
            self.unread.push((0, code, message));
        }
    }

    fn add_image(&mut self, container: u32, code: Code, image: Image) -> Result<(), String> {
        let names: usize = image.kernels.iter().map(String::len).sum();
        if self.bytes + names > LONGEST_NAMES || self.pairs.len() + image.kernels.len() > MOST_PAIRS {
            return Err("the limit on the number of kernels is exceeded".to_owned());
        }
        let number = self.codes.iter().position(|known| *known == code).unwrap_or(self.codes.len());
        if number == self.codes.len() {
            self.codes.push(code);
        }
        let number = u16::try_from(number)
            .map_err(|_| "the limit on the number of architectures is exceeded".to_owned())?;
        for name in image.kernels {
            let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            let length = name.len();
            let kernel = *self.names.entry(name).or_insert(next);
            if kernel == next {
                self.bytes += length;
            }
            self.pairs.push(Pair { container, kernel, code: number });
        }
        Ok(())
    }

    /// Puts the kernels together, once it is known which section each container is in.
    pub fn into_kernels<'a>(self, section: impl Fn(usize) -> &'a str) -> Kernels {
        let section = |container: u32| usize::try_from(container).map_or("", &section);
        let mut pairs: Vec<(&str, u32, u16)> =
            self.pairs.into_iter().map(|pair| (section(pair.container), pair.kernel, pair.code)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut names: Vec<(String, u32)> = self.names.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);

        let mut groups = BTreeMap::<(&str, Vec<Code>), Vec<Kernel>>::new();
        for of_kernel in pairs.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let Some((section, kernel, _)) = of_kernel.first() else { continue };
            let mut code: Vec<Code> = of_kernel
                .iter()
                .filter_map(|(.., code)| self.codes.get(usize::from(*code)).copied())
                .collect();
            code.sort_unstable();
            let name = usize::try_from(*kernel).ok().and_then(|kernel| names.get(kernel));
            let kernel = name.map(|(name, _)| Kernel { name: name.clone() });
            groups.entry((section, code)).or_default().extend(kernel);
        }
        drop(names);
        let mut unread = BTreeMap::<(&str, Code, String), u64>::new();
        for (container, code, message) in self.unread {
            *unread.entry((section(container), code, message)).or_default() += 1;
        }
        Kernels {
            groups: groups
                .into_iter()
                .map(|((section, code), mut kernels)| {
                    kernels.sort_unstable();
                    KernelGroup { section: section.to_owned(), code, count: kernels.len() as u64, kernels }
                })
                .collect(),
            unread: unread
                .into_iter()
                .map(|((section, arch, message), count)| UnreadImages {
                    section: section.to_owned(),
                    arch,
                    message,
                    count,
                })
                .collect(),
        }
    }
}
