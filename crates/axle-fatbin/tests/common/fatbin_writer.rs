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
    /// Marked as zstd; nothing reads the payload, so it is stored as it is.
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
    let mut table = (images.len() as u32).to_le_bytes().to_vec();
    table.extend((64 * images.len() as u32 + 8).to_le_bytes());
    let mut at = 0;
    for image in images {
        table.extend(header(image, image.flags, at, image.payload.len(), 0, 0, 0));
        at += image.payload.len();
    }
    let outer = Image { kind: 0x100, arch: 0, flags: 0x11, version: (0, 1), ..sass(10) };
    let mut payload = blob.clone();
    payload.resize(payload.len().next_multiple_of(8), 0);
    let flags = outer.flags | 0x8000;
    let mut bytes = header(&outer, flags, 64 + table.len(), payload.len(), blob.len(), 64, blob.len());
    bytes.extend(table);
    bytes.extend(payload);
    bytes
}

fn store(payload: &[u8], storage: Storage, flags: u64) -> (u64, Vec<u8>) {
    match storage {
        Storage::Plain => (flags, payload.to_vec()),
        Storage::Lz4 => (flags | 0x2000, lz4_flex::block::compress(payload)),
        Storage::Zstd => (flags | 0x8000, payload.to_vec()),
    }
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
