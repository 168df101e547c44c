//! Progress bar of an audit.

use std::io::IsTerminal as _;

use axle_audit::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// A bar on stderr while there is something to wait for; nothing where stderr is no terminal.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar under a name, not yet shown.
    pub fn new(name: &str) -> Self {
        let template = "{msg:.dim} {wide_bar} {bytes} of {total_bytes}, {eta} left";
        let style = ProgressStyle::with_template(template).ok().filter(|_| std::io::stderr().is_terminal());
        let name: String = name.rsplit('/').next().unwrap_or(name).chars().take(30).collect();
        let name = output::shown(&name);
        Self(style.map(|style| ProgressBar::new(0).with_style(style).with_message(name)))
    }

    /// Takes how far it has come, from any thread.
    pub fn show(&self, progress: Progress) {
        if let Some(bar) = &self.0 {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
