//! Requested packages in one cell: extras are replaced by their requirements, and specifiers are compared with
//! versions.

use std::collections::BTreeSet;
use std::str::FromStr;

use axle_catalogue::{CatalogueError, Cause, Cell};
use axle_types::{ExtraName, Requirement, VersionOrUrl, compact, marker_environment, satisfies};
use pep440_rs::{Version, VersionSpecifiers};

use super::blocker::Blocker;
use super::{Lookup, LookupError};
use crate::request::Request;

/// The packages that are asked for in a cell, by name or through extras.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) names: BTreeSet<String>,
    demands: Vec<Demand>,
}

/// Versions that will do.
#[derive(Debug, Clone)]
struct Demand {
    name: String,
    specifiers: VersionSpecifiers,
    /// The package with its extra that requires them; `None` is the user.
    by: Option<String>,
}

impl Wanted {
    /// The versions of a cell that will not do.
    pub(super) fn outside<'a>(&'a self, cell: &'a Cell) -> impl Iterator<Item = Blocker> {
        self.demands.iter().filter_map(|Demand { name, specifiers, by }| {
            let version = cell.version_of(name)?;
            let is_inside = Version::from_str(version).is_ok_and(|version| satisfies(specifiers, &version));
            let requirement = format!("{name}{}", compact(specifiers));
            let why = Cause::Outside { requirement, by: by.clone() };
            (!is_inside).then(|| Blocker::of(name, Some(version), why))
        })
    }
}

impl Lookup<'_> {
    /// What a request wants of a cell, or the extra that cannot be had.
    pub(super) fn wanted(
        &self,
        cell: &Cell,
        request: &Request,
    ) -> Result<Result<Wanted, Box<Blocker>>, LookupError> {
        let mut wanted = Wanted::default();
        let mut next: Vec<(String, ExtraName)> = Vec::new();
        for (name, asked) in &request.packages {
            wanted.names.insert(name.clone());
            next.extend(asked.extras.iter().map(|extra| (name.clone(), extra.clone())));
            if !asked.specifiers.is_empty() {
                let (name, specifiers) = (name.clone(), asked.specifiers.clone());
                wanted.demands.push(Demand { name, specifiers, by: None });
            }
        }
        let mut seen = BTreeSet::new();
        while let Some((name, extra)) = next.pop() {
            if !seen.insert((name.clone(), extra.clone())) {
                continue;
            }
            // That it is not in the cell is another obstacle.
            let Some(version) = cell.version_of(&name) else { continue };
            let refuse = |why| Box::new(Blocker::of(&name, Some(version), why));
            let requirements = match self.extra(cell, request, &name, &extra)? {
                Ok(requirements) => requirements,
                Err(cause) => return Ok(Err(refuse(cause))),
            };
            for requirement in requirements {
                let required = requirement.name.to_string();
                next.extend(requirement.extras.iter().map(|extra| (required.clone(), extra.clone())));
                if let Some(VersionOrUrl::VersionSpecifier(specifiers)) = requirement.version_or_url {
                    let by = Some(format!("{name}[{extra}]"));
                    wanted.demands.push(Demand { name: required.clone(), specifiers, by });
                }
                wanted.names.insert(required);
            }
        }
        Ok(Ok(wanted))
    }

    /// What a package requires for one of its extras alone.
    fn extra(
        &self,
        cell: &Cell,
        request: &Request,
        name: &str,
        extra: &ExtraName,
    ) -> Result<Result<Vec<Requirement>, Cause>, CatalogueError> {
        let unknown = || Ok(Err(Cause::UnknownExtra { extra: extra.to_string() }));
        let Some(lines) = self.requires_dist(cell, name)? else { return unknown() };
        let Ok(environment) = marker_environment(request.system, request.python) else { return unknown() };
        let mut required = Vec::new();
        let mut extras = BTreeSet::new();
        for line in &lines {
            let Ok(requirement) = line.parse::<Requirement>() else { return unknown() };
            extras.extend(requirement.marker.extras().into_iter().cloned());
            let holds = |extras: &[ExtraName]| requirement.evaluate_markers(&environment, extras);
            if !holds(&[]) && holds(std::slice::from_ref(extra)) {
                required.push(requirement);
            }
        }
        if extras.contains(extra) {
            Ok(Ok(required))
        } else {
            let extras = extras.iter().map(ToString::to_string).collect();
            Ok(Err(Cause::NoSuchExtra { extra: extra.to_string(), extras }))
        }
    }

    /// The `Requires-Dist` lines of the file that a cell has of a package, where they are known.
    fn requires_dist(&self, cell: &Cell, name: &str) -> Result<Option<Vec<String>>, CatalogueError> {
        let package = cell.packages.get(name);
        let filenames = [
            package.and_then(|package| package.wheel.as_ref()).map(|wheel| &wheel.filename),
            package.and_then(|package| package.source.as_ref()).map(|source| &source.filename),
        ];
        let Some(file) = self.artefacts(name)? else { return Ok(None) };
        let known = filenames.into_iter().flatten().find_map(|filename| {
            let artefact = file.artefacts.iter().find(|artefact| artefact.filename == *filename)?;
            artefact.requires_dist.clone()
        });
        Ok(known)
    }
}
