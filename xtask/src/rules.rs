//! `cargo xtask rules`: docs/rules.md, and the page of each code.

use std::process::ExitCode;

use crate::generated::{self, Error};

/// Write the pages of all rules and findings
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    generated: generated::Mode,
}

/// Writes or compares them.
///
/// # Errors
/// When they cannot be written, or are out of date.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let pages = axle_rules::pages();
    let keep = |path: &str, text| args.generated.keep("rules", &format!("docs/{path}"), text);
    for (path, text) in &pages {
        keep(path, Some(text))?;
    }
    for name in fs_err::read_dir("docs/rules")? {
        let path = format!("rules/{}", name?.file_name().display());
        if !pages.iter().any(|(page, _)| *page == path) {
            keep(&path, None)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
