//! Standalone device code: cubins, PTX files and fat binaries that are members of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axle_fatbin::{Code, Found, Image, ImageError, Scanner};
use axle_types::CudaRelease;

use crate::facts::{LooseCode, LooseFormat};
use crate::kernels::Gathered;

/// More than any such file has, by far; of a larger one nothing is told.
pub(crate) const LARGEST: u64 = 32 << 20;
/// How much of a file's start tells what it is: up to the machine in an ELF header.
pub(crate) const START: usize = 20;

/// What one file holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LooseFile {
    format: LooseFormat,
    code: Vec<Code>,
    toolkit: Option<CudaRelease>,
}

impl LooseFormat {
    /// What a file is that begins with `start`; `None` for no such file.
    pub fn of(path: &str, start: &[u8]) -> Option<Self> {
        if start.starts_with(&axle_elf::MAGIC) {
            return Image::is_cubin(start).then_some(Self::Cubin);
        }
        let is_ptx = Path::new(path).extension().is_some_and(|extension| extension == "ptx");
        if start.starts_with(&axle_fatbin::MAGIC) { Some(Self::Fatbin) } else { is_ptx.then_some(Self::Ptx) }
    }
}

impl LooseFile {
    /// What the bytes of a file of that format tell. One that can't be read has no code.
    ///
    /// `kernels` takes the kernels that it holds, where they are asked for.
    pub fn read(format: LooseFormat, bytes: &[u8], kernels: Option<&Mutex<Gathered>>) -> Self {
        let image = |image: Result<Image, ImageError>| {
            let Ok(image) = image else { return Self::unread(format) };
            let file = Self { format, code: vec![image.code], toolkit: image.toolkit };
            if let Some(kernels) = kernels {
                lock(kernels).add_file(image);
            }
            file
        };
        match format {
            LooseFormat::Cubin => image(Image::cubin(bytes)),
            LooseFormat::Ptx => image(Image::ptx(bytes)),
            LooseFormat::Fatbin => fatbin(bytes, kernels),
        }
    }

    /// Bytes of memory, roughly.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + size_of_val(self.code.as_slice()) + 64
    }

    /// A file of which nothing is known.
    pub fn unread(format: LooseFormat) -> Self {
        Self { format, code: Vec::new(), toolkit: None }
    }
}

/// What is gathered is whole, whoever panicked while adding to it.
fn lock(kernels: &Mutex<Gathered>) -> MutexGuard<'_, Gathered> {
    kernels.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fatbin(bytes: &[u8], kernels: Option<&Mutex<Gathered>>) -> LooseFile {
    let mut file = LooseFile::unread(LooseFormat::Fatbin);
    let mut whole = true;
    let mut add = |found| match found {
        Found::Container(container) => {
            if let Some(kernels) = kernels {
                lock(kernels).add(0, &container.entries, container.images);
            }
            for entry in container.entries {
                file.code.push(entry.code);
                file.toolkit = file.toolkit.max(entry.toolkit);
            }
        }
        Found::Broken(_) => whole = false,
    };
    let scanner = Scanner::new(bytes.len() as u64);
    let mut scanner = if kernels.is_some() { scanner.reading_images() } else { scanner };
    scanner.push(bytes, &mut add);
    scanner.finish(&mut add);
    if !whole {
        return LooseFile::unread(LooseFormat::Fatbin);
    }
    file.code.sort_unstable();
    file.code.dedup();
    file
}

/// The files, given with their paths, by what they hold.
pub(crate) fn group<'a>(files: impl Iterator<Item = (&'a str, LooseFile)>) -> Vec<LooseCode> {
    let mut groups = BTreeMap::<LooseFile, (u64, &str)>::new();
    for (path, file) in files {
        let (count, example) = groups.entry(file).or_insert((0, path));
        *count += 1;
        *example = path.min(example);
    }
    groups
        .into_iter()
        .map(|(LooseFile { format, code, toolkit }, (count, example))| LooseCode {
            format,
            code,
            toolkit,
            count,
            example: example.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTX: &[u8] = b"//\n.version 8.7\n.target sm_90a\n.address_size 64\n";

    #[test]
    fn formats_are_told_by_what_files_hold() {
        let mut elf = b"\x7fELF\x02\x01\x01\x33\x07\0\0\0\0\0\0\0\x02\0\xbe\0".to_vec();
        assert_eq!(LooseFormat::of("a.bin", &elf), Some(LooseFormat::Cubin));
        elf[18] = 62;
        assert_eq!(LooseFormat::of("a.cubin", &elf), None);
        assert_eq!(LooseFormat::of("a", &axle_fatbin::MAGIC), Some(LooseFormat::Fatbin));
        assert_eq!(LooseFormat::of("a.ptx", PTX), Some(LooseFormat::Ptx));
        assert_eq!(LooseFormat::of("a.txt", PTX), None);
    }

    #[test]
    fn equal_files_are_counted() {
        let file = |bytes: &[u8]| LooseFile::read(LooseFormat::Ptx, bytes, None);
        let groups = group([("b.ptx", file(PTX)), ("a.ptx", file(PTX)), ("c.ptx", file(b""))].into_iter());
        let told: Vec<_> = groups.iter().map(|one| (one.example.as_str(), one.count)).collect();
        assert_eq!(told, [("c.ptx", 1), ("a.ptx", 2)]);
        assert_eq!(groups[1].code, ["compute_90a".parse().unwrap()]);
        assert_eq!(groups[0].code, []);
    }
}
