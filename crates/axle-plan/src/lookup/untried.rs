//! What of a plan was never imported beside its torch.

use axle_catalogue::{ImportedWheel, Imports, TORCH, TorchWheel, Verdict, imported};

use super::{Lookup, LookupError};
use crate::plan::{Plan, PlanBuild};
use crate::request::Request;

impl Lookup<'_> {
    /// The packages of GPU kind of a plan whose wheels were never imported beside its torch, sorted; `None` where the
    /// catalogue knows of no import at all. What is compiled is as new as the plan, and not named.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn untried(&self, request: &Request, plan: &Plan) -> Result<Option<Vec<String>>, LookupError> {
        let file = self.catalogue.imports()?;
        let cells = self.cells(request.system, request.python, request.cuda)?;
        let cell = cells.as_ref().and_then(|file| file.torch.get(&plan.torch));
        let Some(cell) = cell.filter(|_| !file.torches.is_empty()) else { return Ok(None) };
        let Some((version, wheel)) =
            plan.packages.get(TORCH).and_then(|torch| Some((&torch.version, wheel_of(&torch.build)?)))
        else {
            return Ok(Some(Vec::new()));
        };
        let torch = TorchWheel {
            version: version.clone(),
            sha256: wheel.sha256(),
            python: request.python,
            cuda: request.cuda,
        };
        let imports = Imports::from(file);
        let modules = |name: &str| self.catalogue.package(name).ok().flatten()?.imports;
        let is_untried = |name: &str| {
            let package = plan.packages.get(name)?;
            let wheel = wheel_of(&package.build)?;
            let wheel = ImportedWheel {
                package: name,
                version: &package.version,
                filename: wheel.filename(),
                sha256: wheel.sha256(),
            };
            (imports.verdict(wheel, &torch) == Verdict::Untried).then(|| name.to_owned())
        };
        Ok(Some(imported(cell, modules).into_iter().filter_map(is_untried).collect()))
    }
}

fn wheel_of(build: &PlanBuild) -> Option<&PlanBuild> {
    matches!(build, PlanBuild::Wheel { .. }).then_some(build)
}
