//! Requested packages in one cell: extras are replaced by their requirements, and specifiers are compared with
//! versions.

use std::collections::BTreeSet;
use std::str::FromStr;

use axle_catalogue::{Cause, Cell};
use axle_types::{Version, compact, is_asked};

use super::blocker::Blocker;
use crate::request::Request;

/// The packages that are asked for in a cell, by name or through extras.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) names: BTreeSet<String>,
    /// Packages of the cell that will not do.
    pub(super) blockers: Vec<Blocker>,
}

impl Wanted {
    /// What a request wants of a cell.
    pub(super) fn of(cell: &Cell, request: &Request) -> Self {
        let mut wanted = Self::default();
        for (name, asked) in &request.packages {
            wanted.names.insert(name.clone());
            // That it is not in the cell is another blocker.
            let Some(version) = cell.version_of(name) else { continue };
            if !Version::from_str(version)
                .is_ok_and(|version| is_asked(&asked.specifiers, &version, request.cuda))
            {
                let requirement = format!("{name}{}", compact(&asked.specifiers));
                let why = Cause::Outside { requirement, by: None };
                wanted.blockers.push(Blocker::of(name, Some(version), why));
            }
            for extra in &asked.extras {
                wanted.add(cell, name, version, extra.as_ref());
            }
        }
        wanted
    }

    /// Adds what an extra of a package comes to.
    fn add(&mut self, cell: &Cell, name: &str, version: &str, extra: &str) {
        let extras = cell.extras.get(name);
        let Some(known) = extras.and_then(|extras| extras.get(extra)) else {
            let extras = extras.into_iter().flat_map(|extras| extras.keys().cloned()).collect();
            let why = Cause::NoSuchExtra { extra: extra.to_owned(), extras };
            self.blockers.push(Blocker::of(name, Some(version), why));
            return;
        };
        self.names.extend(known.requires.iter().cloned());
        let blockers = known.blockers.iter();
        self.blockers
            .extend(blockers.map(|one| Blocker::of(&one.package, Some(&one.version), one.why.clone())));
    }
}
