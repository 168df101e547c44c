//! Writes wheels for tests.

use std::fmt;
use std::io::{self, Cursor, Write};

use axle_wheel::{ReadSeek, WheelSource};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A wheel in memory.
#[derive(Clone)]
pub struct Wheel(pub Vec<u8>);

impl Wheel {
    /// Zips `members`, given as path and bytes, with a minimal description of `x` 1.0.
    pub fn new(members: &[(&str, Vec<u8>)], requirements: &str) -> Self {
        let metadata = format!(
            "Metadata-Version: 2.1\nName: x\nVersion: 1.0\nRequires-Python: >=3.10\n{requirements}\n"
        );
        let description = [
            ("x-1.0.dist-info/METADATA", metadata.into_bytes()),
            ("x-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\nTag: cp312-cp312-linux_x86_64\n".to_vec()),
            ("x-1.0.dist-info/entry_points.txt", b"[console_scripts]\nx-run = x.main:run\n".to_vec()),
        ];
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let all = members
            .iter()
            .map(|(path, bytes)| (*path, bytes))
            .chain(description.iter().map(|(p, b)| (*p, b)));
        for (path, bytes) in all {
            let mode = if path.contains("bin/") { 0o755 } else { 0o644 };
            zip.start_file(path, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        Self(zip.finish().unwrap().into_inner())
    }
}

impl fmt::Display for Wheel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("x.whl")
    }
}

impl WheelSource for Wheel {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn ReadSeek + Send>> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}
