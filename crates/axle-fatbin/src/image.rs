//! Complete device code images: cubins and PTX, unpacked from an entry or read from a file of their own.

use goblin::container::Ctx;
use goblin::elf::header::EM_CUDA;
use goblin::elf::note::Nhdr32;
use goblin::elf::section_header::{SHT_NOTE, SHT_SYMTAB, SectionHeader};
use goblin::elf::sym::{STT_FUNC, Sym, st_type};
use memchr::{memchr, memmem};

use crate::arch::{Code, Kind, Suffix};
use crate::container::Fields;
use crate::payload::release_in;
use axle_types::{ComputeCapability, CudaRelease};

/// A device code image: its architecture, its kernels and its CUDA release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it was compiled for, as the image itself says. Cubins of ABI 7 know no families.
    pub code: Code,
    /// The CUDA release that compiled it, if it states one.
    pub toolkit: Option<CudaRelease>,
    /// The version of the PTX language, of PTX.
    pub ptx_version: Option<(u16, u16)>,
    /// The kernels in it, by their mangled names; sorted, each once. Functions that only kernels call are none.
    pub kernels: Vec<String>,
}

/// Why an image can't be read. Offsets are in bytes from its start, unpacked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// It is not an ELF file for CUDA.
    #[error("it is not a cubin: it has no ELF header for CUDA")]
    NotCubin,
    /// It is a broken one.
    #[error("the cubin is broken: at offset {offset:#x}, {what}")]
    Cubin {
        /// Where.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// It states an architecture that makes no sense.
    #[error("architecture {number} is not valid")]
    Architecture {
        /// The number that it states.
        number: u32,
    },
    /// PTX begins with `.version` and `.target`, and it does not.
    #[error("it is not PTX: it has no valid {directive}")]
    NotPtx {
        /// The directive that is missing or malformed.
        directive: &'static str,
    },
    /// The payload can't be decompressed, or not to the size that its header states.
    #[error("its {compression} stream is broken")]
    Stream {
        /// How it is stored.
        compression: crate::Compression,
    },
    /// It is larger than what is unpacked.
    #[error("it has {size} bytes, but the limit is {limit}")]
    TooLarge {
        /// Bytes of it, unpacked.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

impl Image {
    /// Whether a file that begins with `start` is a cubin: an ELF file for CUDA.
    pub fn is_cubin(start: &[u8]) -> bool {
        // The machine, in either byte order.
        let machine = start.get(18..20).and_then(|machine| machine.try_into().ok());
        let is_cuda = |machine| [u16::from_le_bytes(machine), u16::from_be_bytes(machine)].contains(&EM_CUDA);
        start.starts_with(&axle_elf::MAGIC) && machine.is_some_and(is_cuda)
    }

    /// Reads a cubin.
    ///
    /// Its kernels are the functions in its symbol table that are marked as entries, which `cuobjdump -elf` prints as
    /// `STO_ENTRY`. What its header says depends on its ABI: 7 (CUDA up to 12.9, up to `sm_90a`) or 8; both were
    /// measured on cubins made by `ptxas` 11.8 to 13.5.
    ///
    /// # Errors
    /// When it is no ELF file for CUDA, or a table in it is broken.
    pub fn cubin(bytes: &[u8]) -> Result<Self, ImageError> {
        let cubin = Cubin::open(bytes)?;
        let notes = cubin.notes();
        Ok(Self {
            code: cubin.code(&notes)?,
            toolkit: cubin.toolkit(&notes),
            ptx_version: None,
            kernels: cubin.kernels()?,
        })
    }

    /// Reads PTX, with or without the NUL that ends it in a fat binary.
    ///
    /// Its kernels are what `.entry` declares (PTX ISA, "Kernel and Function Directives: .entry").
    ///
    /// # Errors
    /// When it lacks the `.version` or the `.target` that all PTX begins with.
    pub fn ptx(text: &[u8]) -> Result<Self, ImageError> {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut words = Words(text);
        let (mut version, mut code) = (None, None);
        let mut kernels = Vec::new();
        while let Some(word) = words.next() {
            match word {
                b".version" if version.is_none() => version = words.next().and_then(ptx_version),
                b".target" if code.is_none() => code = words.next().and_then(ptx_target),
                b".entry" => kernels.extend(words.next().and_then(|name| std::str::from_utf8(name).ok())),
                _ => {}
            }
        }
        kernels.sort_unstable();
        kernels.dedup();
        Ok(Self {
            ptx_version: Some(version.ok_or(ImageError::NotPtx { directive: ".version" })?),
            code: code.ok_or(ImageError::NotPtx { directive: ".target" })?,
            toolkit: release_in(text),
            kernels: kernels.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// `8.7`
fn ptx_version(word: &[u8]) -> Option<(u16, u16)> {
    let (major, minor) = std::str::from_utf8(word).ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `sm_90a`, which of PTX is written `compute_90a` elsewhere.
fn ptx_target(word: &[u8]) -> Option<Code> {
    let code: Code = std::str::from_utf8(word).ok()?.parse().ok()?;
    matches!(code.kind, Kind::Sass | Kind::Ptx).then_some(Code { kind: Kind::Ptx, ..code })
}

/// The words of PTX: directives, names, numbers; comments and strings are left out.
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.$%".contains(byte);
        loop {
            let start = self.0.iter().position(|byte| in_word(byte) || b"/\"".contains(byte))?;
            let rest = self.0.get(start..)?;
            // What is skipped ends before what it ends with, and that is passed over next.
            let skipped = match rest {
                [b'/', b'/', ..] => memchr(b'\n', rest),
                [b'/', b'*', ..] => memmem::find(rest, b"*/").map(|at| at + 2),
                [b'"', quoted @ ..] => memchr(b'"', quoted).map(|at| at + 2),
                [b'/', ..] => Some(1),
                _ => {
                    let length = rest.iter().position(|byte| !in_word(byte)).unwrap_or(rest.len());
                    let (word, rest) = rest.split_at_checked(length)?;
                    self.0 = rest;
                    return Some(word);
                }
            };
            self.0 = skipped.and_then(|end| rest.get(end..)).unwrap_or_default();
        }
    }
}

/// A cubin whose headers have been read.
struct Cubin<'a> {
    bytes: &'a [u8],
    context: Ctx,
    abi: u8,
    version: u32,
    flags: u32,
    sections: Vec<SectionHeader>,
}

/// `EI_OSABI` of cubins of ABI 7, and of ABI 8.
const OS_ABI_7: u8 = 0x33;
const OS_ABI_8: u8 = 0x41;

impl<'a> Cubin<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let header = goblin::elf::Elf::parse_header(bytes).map_err(|_| ImageError::NotCubin)?;
        let context = match (header.container(), header.endianness()) {
            (Ok(container), Ok(endian)) if header.e_machine == EM_CUDA => Ctx::new(container, endian),
            _ => return Err(ImageError::NotCubin),
        };
        let broken = |what| ImageError::Cubin { offset: header.e_shoff, what };
        let size = SectionHeader::size(context);
        let table = at(bytes, header.e_shoff).ok_or_else(|| broken("its sections are outside of it"))?;
        let parse = |count: usize| {
            let table = table.get(..count.checked_mul(size)?)?;
            SectionHeader::parse_from(table, 0, count, context).ok()
        };
        let sections = if header.e_shoff == 0 {
            Some(Vec::new())
        } else if usize::from(header.e_shentsize) != size {
            None
        } else if header.e_shnum == 0 {
            // More than fit into the field: the first section tells.
            let first = parse(1).and_then(|sections| sections.first().map(|first| first.sh_size));
            first.and_then(|count| parse(usize::try_from(count).ok()?))
        } else {
            parse(usize::from(header.e_shnum))
        };
        Ok(Self {
            bytes,
            context,
            abi: bytes.get(7).copied().unwrap_or_default(),
            version: header.e_version,
            flags: header.e_flags,
            sections: sections.ok_or_else(|| broken("its section table is broken"))?,
        })
    }

    fn content(&self, section: &SectionHeader) -> Option<&'a [u8]> {
        at(self.bytes, section.sh_offset)?.get(..usize::try_from(section.sh_size).ok()?)
    }

    /// The content of its notes: `.note.nv.tkinfo` holds the names and options of the tools as text. Real cubins have
    /// three; a million could be the same bytes, each searched.
    fn notes(&self) -> Vec<&'a [u8]> {
        const MOST: usize = 8;
        let notes = self.sections.iter().filter(|section| section.sh_type == SHT_NOTE).take(MOST);
        notes.filter_map(|section| self.content(section)).collect()
    }

    /// ABI 7 has the release in `e_version`: 128 is 12.8. ABI 8 has 1 there, and the release in notes: that of the
    /// tool as text, and as a number in `.note.nv.cuinfo` (type 1000: two `u16`, then the number).
    fn toolkit(&self, notes: &[&[u8]]) -> Option<CudaRelease> {
        const CUINFO: u32 = 1000;
        if self.abi == OS_ABI_7 {
            return CudaRelease::from_number(self.version);
        }
        let told = notes.iter().find_map(|note| release_in(note));
        told.or_else(|| {
            notes.iter().find_map(|note| {
                let fields = Fields(note);
                let content =
                    size_of::<Nhdr32>() + usize::try_from(fields.u32(0)).ok()?.checked_next_multiple_of(4)?;
                (fields.u32(8) == CUINFO)
                    .then(|| CudaRelease::from_number(fields.u32(content.checked_add(4)?)))?
            })
        })
    }

    /// The architecture is a number in the flags. ABI 7 has a bit for `a`. Of ABI 8 CUDA 12.8 and 12.9 set another
    /// bit, and later ones say it in `.nv.compat` alone. What tells a family is the option that `ptxas` was given.
    fn code(&self, notes: &[&[u8]]) -> Result<Code, ImageError> {
        let (number, accelerated) = match self.abi {
            OS_ABI_8 => ((self.flags >> 8) & 0xff, self.flags & 0x8 != 0),
            _ => (self.flags & 0xff, self.abi == OS_ABI_7 && self.flags & 0x800 != 0),
        };
        let capability = Some(number).filter(|number| *number >= 10).and_then(ComputeCapability::from_number);
        let capability = capability.ok_or(ImageError::Architecture { number })?;
        let plain = Code { kind: Kind::Sass, capability, suffix: Suffix::Plain };
        let asked = |suffix| {
            let option = format!("-arch {} ", Code { suffix, ..plain });
            notes.iter().any(|note| memmem::find(note, option.as_bytes()).is_some())
        };
        let suffix = if asked(Suffix::Family) {
            Suffix::Family
        } else if accelerated || asked(Suffix::Architecture) {
            Suffix::Architecture
        } else {
            Suffix::Plain
        };
        Ok(Code { suffix, ..plain })
    }

    fn kernels(&self) -> Result<Vec<String>, ImageError> {
        /// The bit of `st_other` that marks a kernel.
        const ENTRY: u8 = 0x10;
        let broken = |section: &SectionHeader, what| ImageError::Cubin { offset: section.sh_offset, what };
        let mut kernels = Vec::new();
        // Names may share their bytes: what they make us keep is limited all the same.
        let mut left = self.bytes.len();
        // A file has at most one such table (System V ABI, "Sections").
        if let Some(table) = self.sections.iter().find(|section| section.sh_type == SHT_SYMTAB) {
            let symbols =
                self.content(table).ok_or_else(|| broken(table, "its symbols are outside of it"))?;
            let names = usize::try_from(table.sh_link).ok().and_then(|index| self.sections.get(index));
            let names = names.ok_or_else(|| broken(table, "its symbols have no names"))?;
            let text = self.content(names).ok_or_else(|| broken(names, "its names are outside of it"))?;
            for bytes in symbols.chunks_exact(Sym::size(self.context.container)) {
                let symbol = Sym::parse(bytes, 0, 1, self.context).ok().and_then(|mut parsed| parsed.pop());
                let Some(symbol) = symbol else { continue };
                if st_type(symbol.st_info) != STT_FUNC || symbol.st_other & ENTRY == 0 || symbol.st_shndx == 0
                {
                    continue;
                }
                let name = text
                    .get(symbol.st_name..)
                    .and_then(|rest| rest.get(..memchr(0, rest.get(..left.min(rest.len()))?)?));
                let name = name.and_then(|name| std::str::from_utf8(name).ok());
                let name = name.ok_or_else(|| broken(names, "the name of a kernel is not readable"))?;
                left = left.saturating_sub(name.len());
                kernels.push(name.to_owned());
            }
        }
        kernels.sort_unstable();
        kernels.dedup();
        Ok(kernels)
    }
}

fn at(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)
}
