//! Audits the wheels named on the command line and prints their facts as JSON.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use axle_audit::{Options, audit};
use axle_wheel::LocalFile;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().parse()?;
        let options = Options { hash: true, ..Options::default() };
        let facts = audit(&LocalFile::open(&path)?, &name, &options)?;
        let mut output = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut output, &facts)?;
        writeln!(output)?;
    }
    Ok(())
}
