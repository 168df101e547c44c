//! Audits the wheels named on the command line and prints their facts, findings and platform tag as JSON.
//! `--verify` first compares every member with RECORD.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use axle_audit::{Options, audit, findings, platform_tag};
use axle_wheel::LocalFile;

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, paths): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    for path in paths {
        let name = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().parse()?;
        let verify = flags.iter().any(|flag| flag == "--verify");
        let options = Options { hash: true, verify, ..Options::default() };
        let facts = audit(&LocalFile::open(&path)?, &name, &options)?;
        let document = serde_json::json!({
            "findings": findings(&facts),
            "platform": platform_tag(&facts),
            "facts": facts,
        });
        let mut output = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut output, &document)?;
        writeln!(output)?;
    }
    Ok(())
}
