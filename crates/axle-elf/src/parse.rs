//! Parser of ELF headers, dynamic sections, symbol versions and symbols, from the parts of a file that were kept.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::dynamic::{
    DF_1_PIE, DT_FLAGS_1, DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB,
    DT_VERNEED, DT_VERNEEDNUM,
};
use goblin::elf::header::{
    EM_386, EM_AARCH64, EM_ARM, EM_CUDA, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64, ET_DYN,
    ET_EXEC, ET_REL, Header, SIZEOF_IDENT,
};
use goblin::elf::program_header::{PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHN_XINDEX, SHT_DYNSYM, SHT_NOBITS, SectionHeader};

use crate::error::{Error, Stop};
use crate::symbols::Undefined;
use crate::window::Window;
use crate::{Elf, ElfType, MAGIC, Section};

/// More than real files have, by far: of libraries, or of versions of their symbols.
const MOST_NAMES: usize = 1 << 12;
/// The most bytes of the names that one table gives. A place in it may be named again and again: without a bound on the
/// sum, a megabyte that is named by 4,096 entries would be four gigabytes. PyTorch's libraries have some kilobytes.
const LONGEST_NAMES: usize = 256 << 10;
/// The same for sections: object files may have one for every function, each with the function's name in its own.
const LONGEST_SECTION_NAMES: usize = 16 << 20;
/// Tables that are read whole before their content is known to make sense.
const LARGEST_DYNAMIC: u64 = 1 << 20;
const LONGEST_INTERPRETER: u64 = 4096;
/// A table of strings that is larger is not read whole, but name by name: libtensorflow_cc.so.2 2.21 has 87,441,077
/// bytes of names, nearly all of which are its own symbols'.
const LARGEST_STRINGS: u64 = 48 << 20;
/// The most bytes of one name. The search path of that library has 1,700.
const LONGEST_NAME: u64 = 16 << 10;
const MOST_SECTIONS: u64 = 1 << 17;
/// The number of program headers that says that there are more (`PN_XNUM`). No linker makes such files
/// except for core dumps.
const TOO_MANY_SEGMENTS: u16 = 0xffff;

/// Before the section headers lie their names, and often nothing but symbols' names in between.
const BEFORE_SECTION_HEADERS: u64 = 1 << 20;
/// The tables that a patched file has at its end. More is left to a second pass.
const LARGEST_MOVED_SEGMENT: u64 = 12 << 20;
/// Real files have two or three such places.
const MOST_PLACES: usize = 16;

/// Reads all, or says which bytes are missing.
pub(crate) fn parse(window: &Window) -> Result<Elf, Stop> {
    let file = File::open(window)?;
    let segments = file.segments()?;
    let headers = file.section_headers()?;
    let sections = file.sections(&headers)?;
    let dynamic = file.dynamic(&segments)?;

    let soname = dynamic.strings(DT_SONAME)?.pop();
    let needed = dynamic.strings(DT_NEEDED)?;
    let interpreter = file.interpreter(&segments)?;
    let pie = dynamic.value(DT_FLAGS_1).is_some_and(|flags| flags & DF_1_PIE != 0);
    let elf_type = match file.header.e_type {
        ET_EXEC => ElfType::Executable,
        ET_DYN if pie || (interpreter.is_some() && soname.is_none()) => ElfType::Executable,
        ET_DYN => ElfType::SharedObject,
        ET_REL => ElfType::Relocatable,
        _ => ElfType::Other,
    };
    let links_libstdcxx = needed.iter().any(|name| name.starts_with("libstdc++.so"));
    let undefined = file.undefined(&headers, &dynamic)?;
    Ok(Elf {
        machine: machine(file.header.e_machine, file.context),
        elf_type,
        flags: file.header.e_flags,
        soname,
        needed,
        rpath: split_path(&dynamic.strings(DT_RPATH)?),
        runpath: split_path(&dynamic.strings(DT_RUNPATH)?),
        interpreter,
        symbol_versions: file.symbol_versions(&segments, &dynamic)?,
        cxx11_abi: undefined.as_ref().filter(|_| links_libstdcxx).and_then(|symbols| symbols.cxx11_abi),
        torch_cxx: undefined.as_ref().map(|symbols| symbols.torch),
        python_symbols: undefined.map(|symbols| symbols.python),
        sections,
    })
}

/// What the head names further on that parsing will want: so one pass is enough for nearly all files.
pub(crate) fn places_beyond(window: &Window, head: u64) -> Vec<(&'static str, Range<u64>)> {
    let Ok(file) = File::open(window) else { return Vec::new() };
    let mut places = Vec::new();
    let table = file.header.e_shoff;
    if table > 0 {
        let size = u64::from(file.header.e_shnum) * u64::from(file.header.e_shentsize);
        places.push((
            "the section headers",
            table.saturating_sub(BEFORE_SECTION_HEADERS).max(head)..table.saturating_add(size),
        ));
    }
    let segments = file.segments().unwrap_or_default();
    // The program's data begin before the dynamic section, what patchelf moved begins behind it.
    let dynamic = segments.iter().find(|segment| segment.p_type == PT_DYNAMIC);
    let data_end = dynamic.map_or(0, |segment| segment.p_offset);
    for segment in segments {
        let moved = segment.p_type == PT_LOAD
            && segment.p_flags & PF_X == 0
            && segment.p_offset >= data_end
            && segment.p_filesz <= LARGEST_MOVED_SEGMENT;
        let dynamic = segment.p_type == PT_DYNAMIC && segment.p_filesz <= LARGEST_DYNAMIC;
        if moved || dynamic {
            places.push(("a segment", segment.p_offset..segment.p_offset.saturating_add(segment.p_filesz)));
        }
    }
    // What lies across the end of the head is left to a second pass.
    places.retain(|(_, range)| range.start >= head);
    places.truncate(MOST_PLACES);
    places
}

/// A file whose header has been read.
struct File<'a> {
    window: &'a Window,
    header: Header,
    context: Ctx,
}

impl<'a> File<'a> {
    fn open(window: &'a Window) -> Result<Self, Stop> {
        const NAME: &str = "the ELF header";
        let magic = window.get(NAME, 0, window.file_size().min(MAGIC.len() as u64))?;
        if magic != MAGIC {
            return Err(Error::NotElf.into());
        }
        let ident = window.get(NAME, 0, SIZEOF_IDENT as u64)?;
        let big = ident.get(4) == Some(&2);
        let bytes = window.get(NAME, 0, if big { 64 } else { 52 })?;
        let malformed = |error: goblin::error::Error| Error::malformed(NAME, 0, error.to_string());
        let header = goblin::elf::Elf::parse_header(bytes).map_err(malformed)?;
        let container = header.container().map_err(malformed)?;
        let endian = header.endianness().map_err(malformed)?;
        Ok(Self { window, header, context: Ctx::new(container, endian) })
    }

    fn segments(&self) -> Result<Vec<ProgramHeader>, Stop> {
        const NAME: &str = "the program headers";
        let (offset, count) = (self.header.e_phoff, self.header.e_phnum);
        if offset == 0 || count == 0 {
            return Ok(Vec::new());
        }
        let entry = ProgramHeader::size(self.context);
        if usize::from(self.header.e_phentsize) != entry || count == TOO_MANY_SEGMENTS {
            let problem = format!("{count} headers of {} bytes", self.header.e_phentsize);
            return Err(Error::malformed(NAME, offset, problem).into());
        }
        let bytes = self.window.get(NAME, offset, u64::from(count) * entry as u64)?;
        ProgramHeader::parse(bytes, 0, usize::from(count), self.context)
            .map_err(|error| Error::malformed(NAME, offset, error.to_string()).into())
    }

    fn section_headers(&self) -> Result<Vec<SectionHeader>, Stop> {
        const NAME: &str = "the section headers";
        let offset = self.header.e_shoff;
        if offset == 0 {
            return Ok(Vec::new());
        }
        let entry = SectionHeader::size(self.context);
        if usize::from(self.header.e_shentsize) != entry {
            let problem = format!("headers of {} bytes", self.header.e_shentsize);
            return Err(Error::malformed(NAME, offset, problem).into());
        }
        let parse = |count: u64| {
            let bytes = self.window.get(NAME, offset, count.saturating_mul(entry as u64))?;
            SectionHeader::parse_from(bytes, 0, bytes.len() / entry, self.context)
                .map_err(|error| Stop::Broken(Error::malformed(NAME, offset, error.to_string())))
        };
        // Where the number does not fit into the ELF header, the first section's size is the number.
        let count = match self.header.e_shnum {
            0 => parse(1)?.first().map_or(0, |first| first.sh_size),
            count => u64::from(count),
        };
        if count > MOST_SECTIONS {
            return Err(Error::TooLarge { what: NAME, offset, limit: MOST_SECTIONS }.into());
        }
        if count == 0 { Ok(Vec::new()) } else { parse(count) }
    }

    /// Names and places of the sections.
    fn sections(&self, headers: &[SectionHeader]) -> Result<Vec<Section>, Stop> {
        const NAME: &str = "the section names";
        let Some(first) = headers.first() else { return Ok(Vec::new()) };
        let index = match u32::from(self.header.e_shstrndx) {
            0 => return Ok(Vec::new()),
            SHN_XINDEX => first.sh_link,
            index => index,
        };
        let names = usize::try_from(index).ok().and_then(|index| headers.get(index)).ok_or_else(|| {
            Error::malformed(NAME, self.header.e_shoff, format!("there is no section {index}"))
        })?;
        let names = Strings::open(NAME, self.window, names.sh_offset, names.sh_size)?;
        names.limit(LONGEST_SECTION_NAMES);
        let mut sections = Vec::with_capacity(headers.len());
        for header in headers.iter().skip(1) {
            let name = names.get(header.sh_name as u64)?;
            let size = if header.sh_type == SHT_NOBITS { 0 } else { header.sh_size };
            let offset = header.sh_offset;
            let file_size = self.window.file_size();
            if size > 0 && offset.checked_add(size).is_none_or(|end| end > file_size) {
                return Err(Error::OutOfFile { what: "a section", offset, size, file_size }.into());
            }
            sections.push(Section { name, offset, size });
        }
        Ok(sections)
    }

    fn interpreter(&self, segments: &[ProgramHeader]) -> Result<Option<String>, Stop> {
        const NAME: &str = "the interpreter";
        let Some(segment) = segments.iter().find(|segment| segment.p_type == PT_INTERP) else {
            return Ok(None);
        };
        if segment.p_filesz > LONGEST_INTERPRETER {
            let (offset, limit) = (segment.p_offset, LONGEST_INTERPRETER);
            return Err(Error::TooLarge { what: NAME, offset, limit }.into());
        }
        Ok(Some(Strings::open(NAME, self.window, segment.p_offset, segment.p_filesz)?.get(0)?))
    }

    fn dynamic(&self, segments: &[ProgramHeader]) -> Result<Dynamic<'a>, Stop> {
        const NAME: &str = "the dynamic section";
        const STRINGS: &str = "the dynamic strings";
        let Some(segment) = segments.iter().find(|segment| segment.p_type == PT_DYNAMIC) else {
            return Ok(Dynamic { entries: Vec::new(), strings: Strings::open(STRINGS, self.window, 0, 0)? });
        };
        let (offset, size) = (segment.p_offset, segment.p_filesz);
        if size > LARGEST_DYNAMIC {
            return Err(Error::TooLarge { what: NAME, offset, limit: LARGEST_DYNAMIC }.into());
        }
        let bytes = self.window.get(NAME, offset, size)?;
        let word = self.context.size();
        let number = |bytes: &[u8]| self.number(bytes);
        let entries: Vec<(u64, u64)> = bytes
            .chunks_exact(2 * word)
            .map(|entry| entry.split_at(word))
            .map(|(tag, value)| (number(tag), number(value)))
            .take_while(|(tag, _)| *tag != DT_NULL)
            .collect();
        let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let strings = match (value(DT_STRTAB), value(DT_STRSZ)) {
            (Some(address), Some(size)) => {
                let offset = file_offset(segments, address).ok_or_else(|| {
                    Error::malformed(NAME, offset, format!("no segment contains the strings at {address:#x}"))
                })?;
                Strings::open(STRINGS, self.window, offset, size)?
            }
            _ => Strings::open(STRINGS, self.window, offset, 0)?,
        };
        let named = [DT_SONAME, DT_NEEDED, DT_RPATH, DT_RUNPATH];
        strings.reach(entries.iter().filter(|(tag, _)| named.contains(tag)).map(|(_, place)| *place))?;
        Ok(Dynamic { entries, strings })
    }

    /// `.gnu.version_r`, found through `DT_VERNEED`: a list of libraries, each with a list of versions.
    fn symbol_versions(
        &self,
        segments: &[ProgramHeader],
        dynamic: &Dynamic<'_>,
    ) -> Result<BTreeMap<String, Vec<String>>, Stop> {
        const NAME: &str = "the needed versions";
        const RECORD: u64 = 16;
        let (Some(address), Some(count)) = (dynamic.value(DT_VERNEED), dynamic.value(DT_VERNEEDNUM)) else {
            return Ok(BTreeMap::new());
        };
        let start = file_offset(segments, address)
            .ok_or_else(|| Error::malformed(NAME, 0, format!("no segment contains them at {address:#x}")))?;
        let too_large = Error::TooLarge { what: NAME, offset: start, limit: MOST_NAMES as u64 };
        let record = |at: u64| self.window.get(NAME, at, RECORD);
        // Both lists go forwards only, by at least a record; 0 ends them.
        let step = |at: u64, by: u64| match by {
            0 => Ok(None),
            by if by < RECORD => Err(Error::malformed(NAME, at, "its records overlap")),
            by => Ok(Some(at.saturating_add(by))),
        };

        // The place of each library's name, with those of its versions.
        let mut places = Vec::<(u64, Vec<u64>)>::new();
        let mut left = MOST_NAMES;
        let mut library = Some(start);
        for _ in 0..count {
            let Some(at) = library else { break };
            let header = record(at)?;
            let mut versions = Vec::new();
            let mut version = Some(at.saturating_add(self.number_at(header, 8, 4)));
            for _ in 0..self.number_at(header, 2, 2) {
                let Some(at) = version else { break };
                left = left.checked_sub(1).ok_or_else(|| too_large.clone())?;
                let header = record(at)?;
                versions.push(self.number_at(header, 8, 4));
                version = step(at, self.number_at(header, 12, 4))?;
            }
            places.push((self.number_at(header, 4, 4), versions));
            left = left.checked_sub(1).ok_or_else(|| too_large.clone())?;
            library = step(at, self.number_at(header, 12, 4))?;
        }
        let names = places.iter().flat_map(|(library, versions)| [library].into_iter().chain(versions));
        dynamic.strings.reach(names.copied())?;

        let mut wanted = BTreeMap::<String, BTreeSet<String>>::new();
        for (library, versions) in places {
            let names = wanted.entry(dynamic.strings.get(library)?).or_default();
            for version in versions {
                names.insert(dynamic.strings.get(version)?);
            }
        }
        Ok(wanted.into_iter().map(|(library, names)| (library, names.into_iter().collect())).collect())
    }

    /// Looks at the undefined symbols, where their names are few enough.
    fn undefined(&self, headers: &[SectionHeader], dynamic: &Dynamic<'_>) -> Result<Option<Undefined>, Stop> {
        let table = headers.iter().find(|header| header.sh_type == SHT_DYNSYM);
        let (Some(table), Some(names)) = (table, dynamic.strings.whole) else { return Ok(None) };
        let bytes = self.window.get("the dynamic symbols", table.sh_offset, table.sh_size)?;
        Ok(Some(Undefined::read(bytes, names, self.context)))
    }

    /// The number in the `size` bytes at `at` of a record.
    fn number_at(&self, record: &[u8], at: usize, size: usize) -> u64 {
        self.number(record.get(at..).and_then(|rest| rest.get(..size)).unwrap_or_default())
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        match self.context.le {
            Endian::Little => bytes.iter().rev().fold(0, join),
            Endian::Big => bytes.iter().fold(0, join),
        }
    }
}

/// The dynamic section: tags with values, many of which are places in a table of strings.
struct Dynamic<'a> {
    entries: Vec<(u64, u64)>,
    strings: Strings<'a>,
}

impl Dynamic<'_> {
    fn value(&self, tag: u64) -> Option<u64> {
        self.entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1)
    }

    fn strings(&self, tag: u64) -> Result<Vec<String>, Stop> {
        let places = self.entries.iter().filter(|entry| entry.0 == tag).map(|entry| entry.1);
        if places.clone().count() > MOST_NAMES {
            let (what, offset) = (self.strings.what, self.strings.offset);
            return Err(Error::TooLarge { what, offset, limit: MOST_NAMES as u64 }.into());
        }
        places.map(|place| self.strings.get(place)).collect()
    }
}

/// A table of strings that end in NUL. Gives only so many bytes, as each string may be asked for often.
struct Strings<'a> {
    what: &'static str,
    window: &'a Window,
    offset: u64,
    size: u64,
    /// All of it, unless it is too large.
    whole: Option<&'a [u8]>,
    limit: Cell<usize>,
    left: Cell<usize>,
}

impl<'a> Strings<'a> {
    fn open(what: &'static str, window: &'a Window, offset: u64, size: u64) -> Result<Self, Stop> {
        let whole = if size > LARGEST_STRINGS { None } else { Some(window.get(what, offset, size)?) };
        Ok(Self {
            what,
            window,
            offset,
            size,
            whole,
            limit: Cell::new(LONGEST_NAMES),
            left: Cell::new(LONGEST_NAMES),
        })
    }

    /// Lets it give so many bytes from now on.
    fn limit(&self, bytes: usize) {
        self.limit.set(bytes);
        self.left.set(bytes);
    }

    /// Says which bytes are missing for the strings at these places: of all at once, as each time costs a pass.
    fn reach(&self, places: impl Iterator<Item = u64>) -> Result<(), Stop> {
        let mut missing = Vec::<Range<u64>>::new();
        for place in places.collect::<BTreeSet<_>>() {
            match self.rest(place) {
                Err(Stop::Missing(more)) => missing.extend(more),
                other => _ = other?,
            }
        }
        missing.dedup_by(|next, before| {
            let touches = next.start <= before.end;
            before.end = if touches { before.end.max(next.end) } else { before.end };
            touches
        });
        if missing.is_empty() { Ok(()) } else { Err(Stop::Missing(missing)) }
    }

    /// The bytes from a place on: to the table's end, or as many as a name may have.
    fn rest(&self, place: u64) -> Result<&'a [u8], Stop> {
        let at = self.offset.saturating_add(place);
        let outside = || Error::malformed(self.what, at, "a name is outside of them");
        let after = self.size.checked_sub(place).ok_or_else(outside)?;
        match self.whole {
            Some(whole) => {
                let rest = usize::try_from(place).ok().and_then(|place| whole.get(place..));
                Ok(rest.ok_or_else(outside)?)
            }
            None => self.window.get(self.what, at, after.min(LONGEST_NAME)),
        }
    }

    fn get(&self, place: u64) -> Result<String, Stop> {
        let at = self.offset.saturating_add(place);
        let malformed = |problem| Stop::Broken(Error::malformed(self.what, at, problem));
        let too_large = |limit| Stop::Broken(Error::TooLarge { what: self.what, offset: at, limit });
        let rest = self.rest(place)?;
        let longest = usize::try_from(LONGEST_NAME).unwrap_or(usize::MAX);
        let Some(end) = rest.iter().take(longest).position(|byte| *byte == 0) else {
            return Err(if rest.len() < longest {
                malformed("a name is not terminated")
            } else {
                too_large(LONGEST_NAME)
            });
        };
        let left = self.left.get().checked_sub(end).ok_or_else(|| too_large(self.limit.get() as u64))?;
        self.left.set(left);
        let name = std::str::from_utf8(rest.get(..end).unwrap_or_default());
        name.map(str::to_owned).map_err(|_| malformed("a name is not UTF-8"))
    }
}

/// Where the byte at `address` of the loaded program lies in the file.
fn file_offset(segments: &[ProgramHeader], address: u64) -> Option<u64> {
    let holds = |segment: &&ProgramHeader| {
        segment.p_type == PT_LOAD
            && address.checked_sub(segment.p_vaddr).is_some_and(|by| by < segment.p_filesz)
    };
    let segment = segments.iter().find(holds)?;
    (address - segment.p_vaddr).checked_add(segment.p_offset)
}

/// Empty elements mean the current folder to the loader: they are kept.
fn split_path(paths: &[String]) -> Vec<String> {
    paths.iter().filter(|path| !path.is_empty()).flat_map(|path| path.split(':')).map(str::to_owned).collect()
}

fn machine(number: u16, context: Ctx) -> String {
    let name = match (number, context.container, context.le) {
        (EM_X86_64, ..) => "x86_64",
        (EM_AARCH64, ..) => "aarch64",
        (EM_386, ..) => "i686",
        (EM_ARM, ..) => "arm",
        (EM_PPC64, _, Endian::Little) => "ppc64le",
        (EM_PPC64, _, Endian::Big) => "ppc64",
        (EM_S390, ..) => "s390x",
        (EM_RISCV, Container::Big, _) => "riscv64",
        (EM_RISCV, Container::Little, _) => "riscv32",
        (EM_LOONGARCH, ..) => "loongarch64",
        (EM_CUDA, ..) => "cuda",
        _ => return format!("em-{number}"),
    };
    name.to_owned()
}
