//! Writes fat binaries for tests: the format as the crate's tests understand it, in the other direction.

/// One entry to write.
#[derive(Clone, Debug)]
pub struct Image {
    /// 1 PTX, 2 SASS, 8 NVVM, or any other.
    pub kind: u16,
    /// NVIDIA's number: 86.
    pub arch: u32,
    /// The flags without those of compression.
    pub flags: u64,
    /// PTX's version or a cubin's ABI: major, minor.
    pub version: (u16, u16),
    /// What is stored.
    pub payload: Vec<u8>,
    /// How it is stored.
    pub storage: Storage,
    /// Bytes of header beyond the 64 that every entry has; a multiple of 8.
    pub extra_header: usize,
}

/// How a payload is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage {
    Plain,
    Lz4,
    Zstd,
}

/// What a container holds.
#[derive(Clone, Debug)]
pub enum Item {
    One(Image),
    /// Several images in one entry.
    Concatenated(Vec<Image>),
}

pub const FLAG_ARCHITECTURE: u64 = 0x10_0000;
pub const FLAG_FAMILY: u64 = 0x20_0000;

/// SASS without a suffix, for tests that care for little else.
pub fn sass(arch: u32) -> Image {
    Image {
        kind: 2,
        arch,
        flags: 0x11,
        version: (1, 7),
        payload: cubin(128),
        storage: Storage::Plain,
        extra_header: 0,
    }
}

/// PTX without a suffix.
pub fn ptx(arch: u32) -> Image {
    Image {
        kind: 1,
        version: (8, 7),
        payload: b"// Cuda compilation tools, release 12.8, V12.8.93\n.version 8.7\n\0".to_vec(),
        ..sass(arch)
    }
}

/// The head of a cubin of ABI 7, made by CUDA `release / 10`.
pub fn cubin(release: u32) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01\x33\x07\0\0\0\0\0\0\0\x02\0\xbe\0".to_vec();
    header.extend(release.to_le_bytes());
    header.resize(64, 0);
    header
}

/// A whole cubin of ABI 8 with kernels and a function that is none, made by CUDA 13.5 with `-arch` and `code`, like
/// `sm_90a`.
pub fn cubin_with(code: &str, kernels: &[&str]) -> Vec<u8> {
    let digits = code.bytes().filter(u8::is_ascii_digit);
    let number = digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let mut names = vec![0];
    let mut symbols = vec![0; 24];
    for (name, other) in kernels.iter().map(|name| (*name, 0x10)).chain([("helper", 0)]) {
        symbols.extend((names.len() as u32).to_le_bytes());
        symbols.extend([0x12, other, 1, 0]);
        symbols.extend([0; 16]);
        names.extend(name.bytes());
        names.push(0);
    }
    let text = format!("Cuda compilation tools, release 13.5, V13.5.37\0-arch {code} -m 64 \0");
    let note =
        [&12_u32.to_le_bytes()[..], &[0; 4], &2000_u32.to_le_bytes(), b"NVIDIA Corp\0", text.as_bytes()]
            .concat();

    // Sections: none, the symbols, their names, a note.
    let sections = [(0_u32, vec![], 0_u32), (2, symbols, 2), (3, names, 0), (7, note, 0)];
    let mut bytes = b"\x7fELF\x02\x01\x01\x41\x08\0\0\0\0\0\0\0\x02\0\xbe\0\x01\0\0\0".to_vec();
    bytes.resize(64, 0);
    let mut headers = Vec::new();
    for (kind, content, link) in sections {
        headers.extend(0_u32.to_le_bytes());
        headers.extend(kind.to_le_bytes());
        headers.extend([0; 16]);
        headers.extend((bytes.len() as u64).to_le_bytes());
        headers.extend((content.len() as u64).to_le_bytes());
        headers.extend(link.to_le_bytes());
        headers.extend([0; 20]);
        bytes.extend(content);
    }
    let table = bytes.len() as u64;
    bytes[40..48].copy_from_slice(&table.to_le_bytes());
    bytes[48..52].copy_from_slice(&(0x0600_0004 | number << 8).to_le_bytes());
    bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
    bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
    bytes[60..62].copy_from_slice(&4_u16.to_le_bytes());
    bytes.extend(headers);
    bytes
}

/// PTX with kernels.
pub fn ptx_with(code: &str, kernels: &[&str]) -> Vec<u8> {
    let head = format!(".version 8.7\n.target {code}\n.address_size 64\n");
    let entries = kernels.iter().flat_map(|name| [".visible .entry ", name, "()\n{ ret; }\n"]);
    let mut text: String = std::iter::once(head.as_str()).chain(entries).collect();
    text.push('\0');
    text.into_bytes()
}

/// One container.
pub fn container(items: &[Item]) -> Vec<u8> {
    let payload: Vec<u8> = items
        .iter()
        .flat_map(|item| match item {
            Item::One(image) => entry(image),
            Item::Concatenated(images) => concatenated(images),
        })
        .collect();
    let mut bytes = 0xBA55_ED50_u32.to_le_bytes().to_vec();
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn entry(image: &Image) -> Vec<u8> {
    let (flags, stored) = store(&image.payload, image.storage, image.flags);
    let compressed = if image.storage == Storage::Plain { 0 } else { stored.len() };
    let mut payload = stored;
    payload.resize(payload.len().next_multiple_of(8), 0);
    let uncompressed = if compressed == 0 { 0 } else { image.payload.len() };
    let size = 64 + image.extra_header;
    let mut bytes = header(image, flags, size, payload.len(), compressed, 0, uncompressed);
    bytes.resize(size, 0xee);
    bytes.extend(payload);
    bytes
}

fn concatenated(images: &[Image]) -> Vec<u8> {
    let blob: Vec<u8> = images.iter().flat_map(|image| image.payload.clone()).collect();
    let mut rows = Vec::new();
    let mut at = 0;
    for image in images {
        rows.extend(row(image, at));
        at += image.payload.len();
    }
    let mut table = (images.len() as u32).to_le_bytes().to_vec();
    table.extend((rows.len() as u32 + 8).to_le_bytes());
    table.extend(rows);
    let outer = Image { kind: 0x100, arch: 0, flags: 0x11, version: (0, 1), ..sass(10) };
    let (flags, mut payload) = store(&blob, Storage::Zstd, outer.flags);
    let compressed = payload.len();
    payload.resize(compressed.next_multiple_of(8), 0);
    let mut bytes = header(&outer, flags, 64 + table.len(), payload.len(), compressed, 64, blob.len());
    bytes.extend(table);
    bytes.extend(payload);
    bytes
}

/// A row of the table of a concatenated entry, whose image begins at `at`. In the extra bytes is a name, and in three
/// words or more an extension behind it; a NUL ends both.
fn row(image: &Image, at: usize) -> Vec<u8> {
    let extra = image.extra_header as u32;
    let (name, extension) = if extra < 24 { (extra, 0) } else { (8, 72) };
    let mut bytes = header(image, image.flags, at, image.payload.len(), 0, extension, 0);
    if name > 0 {
        bytes[32..40].copy_from_slice(&[64, name - 1].map(u32::to_le_bytes).concat());
        bytes.extend(vec![b'n'; name as usize]);
    }
    if extension > 0 {
        bytes.extend([80, extra - name - 8 - 1].map(u32::to_le_bytes).concat());
    }
    bytes.resize(64 + image.extra_header, 0);
    bytes
}

fn store(payload: &[u8], storage: Storage, flags: u64) -> (u64, Vec<u8>) {
    match storage {
        Storage::Plain => (flags, payload.to_vec()),
        Storage::Lz4 => (flags | 0x2000, lz4_flex::block::compress(payload)),
        Storage::Zstd => (flags | 0x8000, zstd(payload)),
    }
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The 64 bytes that every entry begins with. In the table of a concatenated entry, `header_size` is where
/// the image begins and `payload` how long it is.
fn header(
    image: &Image,
    flags: u64,
    header_size: usize,
    payload: usize,
    compressed: usize,
    extension: u32,
    uncompressed: usize,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(image.kind.to_le_bytes());
    bytes.extend(0x0101_u16.to_le_bytes());
    bytes.extend((header_size as u32).to_le_bytes());
    bytes.extend((payload as u64).to_le_bytes());
    bytes.extend((compressed as u32).to_le_bytes());
    bytes.extend(extension.to_le_bytes());
    bytes.extend(image.version.1.to_le_bytes());
    bytes.extend(image.version.0.to_le_bytes());
    bytes.extend(image.arch.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(flags.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend((uncompressed as u64).to_le_bytes());
    bytes
}
