//! Writes small shared objects for tests: 64 bits, little endian, one segment that maps the whole file.

/// A shared object to write.
#[derive(Clone, Debug, Default)]
pub struct Object {
    pub soname: Option<String>,
    pub needed: Vec<String>,
    pub rpath: Option<String>,
    pub runpath: Option<String>,
    pub interpreter: Option<String>,
    /// Libraries with the versions wanted of them.
    pub versions: Vec<(String, Vec<String>)>,
    /// Names of undefined symbols.
    pub undefined: Vec<String>,
    /// Further sections, aligned to 32 bytes.
    pub sections: Vec<(String, Vec<u8>)>,
    /// Puts the dynamic tables behind the other sections, as patchelf does.
    pub tables_last: bool,
    /// Leaves out the section headers.
    pub stripped: bool,
}

/// What a section header says.
struct Header {
    name: String,
    kind: u32,
    offset: usize,
    size: usize,
    link: u32,
    entry: usize,
}

const PROGBITS: u32 = 1;
const STRTAB: u32 = 3;
const DYNAMIC: u32 = 6;
const DYNSYM: u32 = 11;
const VERNEED: u32 = 0x6fff_fffe;

impl Object {
    /// The bytes of the file.
    pub fn write(&self) -> Vec<u8> {
        let segments = if self.interpreter.is_some() { 3 } else { 2 };
        let mut file = vec![0; 64 + segments * 56];
        let mut headers = Vec::new();
        if !self.tables_last {
            self.write_tables(&mut file, &mut headers);
        }
        for (name, bytes) in &self.sections {
            add(&mut file, &mut headers, name, PROGBITS, 0, bytes);
        }
        if self.tables_last {
            self.write_tables(&mut file, &mut headers);
        }
        let range = |name: &str| {
            headers
                .iter()
                .find(|header: &&Header| header.name == name)
                .map(|header| (header.offset, header.size))
        };
        let (dynamic, interpreter) = (range(".dynamic").unwrap(), range(".interp"));

        let mut names = vec![0];
        let mut table = vec![0; 64];
        headers.push(Header {
            name: ".shstrtab".to_owned(),
            kind: STRTAB,
            offset: 0,
            size: 0,
            link: 0,
            entry: 0,
        });
        for header in &headers {
            names.extend(header.name.bytes().chain([0]));
        }
        if let Some(own) = headers.last_mut() {
            own.offset = file.len();
            own.size = names.len();
        }
        let mut name = 1_u32;
        for header in &headers {
            table.extend(name.to_le_bytes());
            table.extend(header.kind.to_le_bytes());
            for number in [2, header.offset, header.offset, header.size] {
                table.extend((number as u64).to_le_bytes());
            }
            table.extend(header.link.to_le_bytes());
            table.extend(0_u32.to_le_bytes());
            table.extend(1_u64.to_le_bytes());
            table.extend((header.entry as u64).to_le_bytes());
            name += header.name.len() as u32 + 1;
        }
        let count = headers.len() + 1;
        if !self.stripped {
            file.extend(names);
            file.resize(file.len().next_multiple_of(8), 0);
        }
        let table_at = file.len();
        if !self.stripped {
            file.extend(table);
        }

        let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        head.extend(3_u16.to_le_bytes());
        head.extend(62_u16.to_le_bytes());
        head.extend(1_u32.to_le_bytes());
        let table_at = if self.stripped { 0 } else { table_at as u64 };
        for number in [0, 64, table_at] {
            head.extend(number.to_le_bytes());
        }
        head.extend(0_u32.to_le_bytes());
        let (count, names) = if self.stripped { (0, 0) } else { (count as u16, count as u16 - 1) };
        for number in [64, 56, segments as u16, 64, count, names] {
            head.extend(number.to_le_bytes());
        }
        let segment = |kind: u32, offset: usize, size: usize| {
            let mut bytes = kind.to_le_bytes().to_vec();
            bytes.extend(4_u32.to_le_bytes());
            for number in [offset, offset, offset, size, size, 8] {
                bytes.extend((number as u64).to_le_bytes());
            }
            bytes
        };
        head.extend(segment(1, 0, file.len()));
        head.extend(segment(2, dynamic.0, dynamic.1));
        if let Some((offset, size)) = interpreter {
            head.extend(segment(3, offset, size));
        }
        file[..head.len()].copy_from_slice(&head);
        file
    }

    fn write_tables(&self, file: &mut Vec<u8>, headers: &mut Vec<Header>) {
        let mut strings = vec![0];
        let mut place = |text: &str| {
            let at = strings.len() as u64;
            strings.extend(text.bytes().chain([0]));
            at
        };
        let mut entries: Vec<(u64, u64)> = Vec::new();
        entries.extend(self.needed.iter().map(|name| (1, place(name))));
        entries.extend(self.soname.iter().map(|name| (14, place(name))));
        entries.extend(self.rpath.iter().map(|path| (15, place(path))));
        entries.extend(self.runpath.iter().map(|path| (29, place(path))));

        let mut versions = Vec::new();
        for (index, (library, wanted)) in self.versions.iter().enumerate() {
            let next = if index + 1 == self.versions.len() { 0 } else { 16 + 16 * wanted.len() as u32 };
            versions.extend(1_u16.to_le_bytes());
            versions.extend((wanted.len() as u16).to_le_bytes());
            versions.extend((place(library) as u32).to_le_bytes());
            versions.extend(16_u32.to_le_bytes());
            versions.extend(next.to_le_bytes());
            for (index, version) in wanted.iter().enumerate() {
                versions.extend([0; 8]);
                versions.extend((place(version) as u32).to_le_bytes());
                let next = if index + 1 == wanted.len() { 0 } else { 16_u32 };
                versions.extend(next.to_le_bytes());
            }
        }
        let mut symbols = vec![0; 24];
        for name in &self.undefined {
            symbols.extend((place(name) as u32).to_le_bytes());
            symbols.extend([0; 20]);
        }

        if let Some(interpreter) = &self.interpreter {
            let bytes: Vec<u8> = interpreter.bytes().chain([0]).collect();
            add(file, headers, ".interp", PROGBITS, 0, &bytes);
        }
        let strings_at = add(file, headers, ".dynstr", STRTAB, 0, &strings);
        let link = headers.len() as u32;
        add(file, headers, ".dynsym", DYNSYM, 24, &symbols);
        if let Some(header) = headers.last_mut() {
            header.link = link;
        }
        entries.push((5, strings_at as u64));
        entries.push((10, strings.len() as u64));
        if !self.versions.is_empty() {
            let at = add(file, headers, ".gnu.version_r", VERNEED, 0, &versions);
            entries.push((0x6fff_fffe, at as u64));
            entries.push((0x6fff_ffff, self.versions.len() as u64));
        }
        entries.push((0, 0));
        let dynamic: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect();
        add(file, headers, ".dynamic", DYNAMIC, 16, &dynamic);
    }
}

/// Adds a section and returns where its bytes begin.
fn add(
    file: &mut Vec<u8>,
    headers: &mut Vec<Header>,
    name: &str,
    kind: u32,
    entry: usize,
    bytes: &[u8],
) -> usize {
    file.resize(file.len().next_multiple_of(32), 0);
    let offset = file.len();
    file.extend(bytes);
    headers.push(Header { name: name.to_owned(), kind, offset, size: bytes.len(), link: 0, entry });
    offset
}
