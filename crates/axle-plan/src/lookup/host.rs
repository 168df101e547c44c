//! Compiler and driver of a target, checked against the rules of its CUDA release.

use axle_catalogue::{CatalogueError, Cause};
use axle_rules::{Rule, Severity};
use axle_toolkit::{Environment, Objection};
use axle_types::{CudaTarget, HostCompiler, System};

use super::Lookup;
use crate::plan::{CompilerSpan, RefusalReason};
use crate::request::Request;

/// The newest compilers that are looked for.
const NEWEST_COMPILER: u16 = 40;

impl Lookup<'_> {
    /// Why the CUDA release does not go with the compiler or the driver, unless that is allowed.
    ///
    /// # Errors
    /// When the catalogue is not valid.
    pub fn refused_host(&self, request: &Request) -> Result<Option<RefusalReason>, CatalogueError> {
        match self.refused_compiler(request)? {
            Some(reason) => Ok(Some(reason)),
            None => self.refused_driver(request),
        }
    }

    fn refused_compiler(&self, request: &Request) -> Result<Option<RefusalReason>, CatalogueError> {
        let (Some(compiler), CudaTarget::Release(_)) = (request.compiler, request.cuda) else {
            return Ok(None);
        };
        let objection = self.compilers()?.objection(request.system, &request.cuda.to_string(), compiler);
        let is_allowed =
            |objection: &Objection| objection.rule.is_some_and(|rule| request.allowed.contains(&rule));
        let reason = |Objection { rule, message }: Objection| {
            let message = match rule {
                Some(rule) => format!(
                    "{message}; --allow {rule} continues at your own risk, like nvcc's -allow-unsupported-compiler"
                ),
                None => message,
            };
            RefusalReason::of_target(
                compiler.name(),
                Some(compiler.major().to_string()),
                Cause::Rule { rule, message },
            )
        };
        Ok(objection.filter(|objection| !is_allowed(objection)).map(reason))
    }

    fn refused_driver(&self, request: &Request) -> Result<Option<RefusalReason>, CatalogueError> {
        let (Some(driver), CudaTarget::Release(cuda)) = (&request.driver, request.cuda) else {
            return Ok(None);
        };
        let reason = |rule, message| {
            RefusalReason::of_target("driver", Some(driver.to_string()), Cause::Rule { rule, message })
        };
        let Some(toolkits) = self.toolkits()? else {
            let message =
                "the driver requirements of CUDA releases are unknown: the catalogue has no toolkits.json"
                    .to_owned();
            return Ok(Some(reason(None, message)));
        };
        let mut environment = Environment::new(request.system);
        environment.cuda = Some(cuda);
        environment.driver = Some(driver.clone());
        environment.capabilities.clone_from(&request.compute_capabilities);
        environment.allowed.clone_from(&request.allowed);
        let verdicts = axle_toolkit::check(toolkits, &environment);
        let broken = verdicts.into_iter().find(|verdict| {
            matches!(verdict.rule, Rule::DriverTooOld | Rule::DriverTooNew | Rule::DriverBeforeGpu)
                && verdict.severity == Severity::Error
        });
        Ok(broken.map(|verdict| reason(Some(verdict.rule), verdict.message)))
    }

    /// The capabilities that a CUDA release makes no code for, each with the sentence that says so.
    pub(super) fn refused_capabilities(
        &self,
        request: &Request,
        rule: Rule,
    ) -> Result<Vec<RefusalReason>, CatalogueError> {
        let (Some(toolkits), CudaTarget::Release(cuda)) = (self.toolkits()?, request.cuda) else {
            return Ok(Vec::new());
        };
        let mut environment = Environment::new(request.system);
        environment.cuda = Some(cuda);
        let mut refused = Vec::new();
        for &capability in &request.compute_capabilities {
            environment.capabilities = [capability].into();
            let verdicts = axle_toolkit::check(toolkits, &environment);
            let broken =
                verdicts.into_iter().find(|verdict| verdict.rule == rule && verdict.severity > Severity::Ok);
            refused.extend(broken.map(|verdict| {
                let why = Cause::Rule { rule: Some(verdict.rule), message: verdict.message };
                RefusalReason::of_target("cuda", Some(request.cuda.to_string()), why)
            }));
        }
        Ok(refused)
    }

    /// The compilers that a CUDA release takes, oldest first: gcc, then clang.
    pub(super) fn accepted_compilers(
        &self,
        system: System,
        cuda: CudaTarget,
    ) -> Result<[Vec<HostCompiler>; 2], CatalogueError> {
        let compilers = self.compilers()?;
        let cuda = cuda.to_string();
        let accepted = |with: fn(u16) -> HostCompiler| {
            let all = (1..=NEWEST_COMPILER).map(with);
            all.filter(|&compiler| compilers.objection(system, &cuda, compiler).is_none()).collect()
        };
        Ok([accepted(HostCompiler::Gcc), accepted(HostCompiler::Clang)])
    }

    /// The same as spans; none without CUDA, where any compiler will do.
    pub(super) fn compiler_spans(&self, request: &Request) -> Result<Vec<CompilerSpan>, CatalogueError> {
        if request.cuda == CudaTarget::Cpu {
            return Ok(Vec::new());
        }
        let accepted = self.accepted_compilers(request.system, request.cuda)?;
        let span = |compilers: &Vec<HostCompiler>| {
            let (first, last) = (compilers.first()?, compilers.last()?);
            Some(CompilerSpan { compiler: first.name(), oldest: first.major(), newest: last.major() })
        };
        Ok(accepted.iter().filter_map(span).collect())
    }
}
