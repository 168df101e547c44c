//! Memory budget of facts and findings: a member may name a library a thousand times, and each finding repeats the
//! member's path.

use axle_fatbin::{Architectures, Code};

use crate::facts::ElfMember;
use crate::kernels::Kernels;

/// What a text takes beside its bytes: its place in a list, and what an allocation costs.
const TEXT: usize = 48;
/// What a finding takes beside the path in it.
const FINDING: usize = 300;

fn text(text: &str) -> usize {
    text.len() + TEXT
}

fn texts<'a>(all: impl IntoIterator<Item = &'a String>) -> usize {
    all.into_iter().map(|one| text(one)).sum()
}

impl ElfMember {
    /// Bytes of memory, roughly, and rather too many.
    pub(crate) fn weight(&self) -> usize {
        let Self { path, soname, machine, needed, interpreter, rpath, runpath, symbol_versions, .. } = self;
        let Self {
            sass,
            ptx,
            device_code,
            container_groups,
            prelink,
            outside,
            amd,
            dlopen,
            abi3,
            kernels,
            ..
        } = self;
        let finding = path.len() + FINDING;
        let searched = [rpath, runpath].map(|paths| texts(paths) + paths.len() * finding);
        let versions = symbol_versions.iter().map(|(library, versions)| {
            // One that is too new is told with its library and its member.
            let each = library.len() + path.len() + 2 * TEXT;
            text(library) + 2 * texts(versions) + versions.len() * each
        });
        let rows = device_code.iter().map(|row| size_of_val(row) + text(&row.section));
        let groups = container_groups
            .iter()
            .map(|group| size_of_val(group) + text(&group.section) + codes(&group.code));
        let outside = outside.iter().map(|(section, codes)| text(section) + architectures(codes));
        let abi3 = abi3.iter().map(|abi3| texts(&abi3.newest) + texts(&abi3.unstable));
        size_of::<Self>()
            + 2 * finding
            + 2 * texts(soname.iter().chain([machine]).chain(interpreter))
            + 3 * texts(needed)
            + searched.iter().sum::<usize>()
            + versions.sum::<usize>()
            + codes(sass)
            + codes(ptx)
            + architectures(prelink)
            + rows.sum::<usize>()
            + groups.sum::<usize>()
            + outside.sum::<usize>()
            + texts(amd.keys())
            + texts(dlopen)
            + abi3.sum::<usize>()
            + kernels.as_ref().map_or(0, Kernels::weight)
    }
}

impl Kernels {
    /// As [`ElfMember::weight`].
    pub(crate) fn weight(&self) -> usize {
        let groups = self.groups.iter().map(|group| {
            text(&group.section) + codes(&group.code) + texts(group.kernels.iter().map(|kernel| &kernel.name))
        });
        let unread =
            self.unread.iter().map(|unread| FINDING + text(&unread.section) + 2 * text(&unread.message));
        groups.sum::<usize>() + unread.sum::<usize>()
    }
}

fn codes(codes: &[Code]) -> usize {
    size_of_val(codes) + TEXT
}

fn architectures(both: &Architectures) -> usize {
    codes(&both.sass) + codes(&both.ptx)
}

/// Of a list of paths, each of which becomes a finding.
pub(crate) fn listed(path: &str) -> usize {
    2 * path.len() + FINDING
}
