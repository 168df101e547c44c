//! Questions of the page, as JSON.

use std::collections::{BTreeMap, BTreeSet};

use axle_catalogue::{Catalogue, CatalogueError};
use axle_plan::{LookupError, Preferences, Request, RequestError, Which, requirement};
use axle_toolkit::GpuNameError;
use axle_types::{
    ComputeCapability, ComputeCapabilityError, CudaRelease, CudaTarget, DriverVersion, Glibc, HostCompiler,
    InvalidCompiler, InvalidCuda, InvalidDriver, InvalidPlatform, PythonVersion, System, Version,
};
use serde::Deserialize;

/// A question: each field means what the option of `axle concretise` of that name means.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// `x86_64-linux` where it is left out.
    pub system: Option<String>,
    /// As in `3.12`.
    pub python: String,
    /// As in `12.8`; `cpu` is without, `any` asks for every release of the catalogue.
    pub cuda: String,
    /// As in `8.6`.
    #[serde(default)]
    pub compute_capabilities: Vec<String>,
    /// Names of GPUs, as in `RTX 3090`.
    #[serde(default)]
    pub gpus: Vec<String>,
    /// Requirements, as in `flash-attn>=2.7`.
    pub packages: Vec<String>,
    /// As in `gcc13` or `clang17`.
    pub compiler: Option<String>,
    /// `wheel`, `newest` or `source`.
    pub prefer: Option<String>,
    /// Whether only wheels are taken whose own bytes were read.
    #[serde(default)]
    pub only_audited: bool,
    /// Whether nothing is compiled.
    #[serde(default)]
    pub only_wheels: bool,
    /// Third parties whose wheels are taken where the project has none; `none` for no other, every one if empty.
    #[serde(default)]
    pub publishers: Vec<String>,
    /// As in `2.35`.
    pub glibc: Option<String>,
    /// As in `570.26`.
    pub driver: Option<String>,
    /// A version, or the start of one.
    pub torch: Option<String>,
}

/// Why a question has no answer: it cannot be understood, or the catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It is not the JSON of a question.
    #[error("this is not a valid question: {0}")]
    Json(#[from] serde_json::Error),
    /// A system, Python or glibc is none.
    #[error(transparent)]
    Platform(#[from] InvalidPlatform),
    /// A CUDA release is none.
    #[error(transparent)]
    Cuda(#[from] InvalidCuda),
    /// A compute capability is none.
    #[error(transparent)]
    Capability(#[from] ComputeCapabilityError),
    /// A GPU is not known.
    #[error(transparent)]
    Gpu(#[from] GpuNameError),
    /// A driver's version is none.
    #[error(transparent)]
    Driver(#[from] InvalidDriver),
    /// A text that is not a compiler.
    #[error(transparent)]
    Compiler(#[from] InvalidCompiler),
    /// The version of torch is none.
    #[error("`{text}` is not a version of torch: {message}")]
    Torch {
        /// The text.
        text: String,
        /// What is wrong with it.
        message: String,
    },
    /// A package, compiler or preference is none.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No package is asked for that there is on the system.
    #[error("no package is requested")]
    NoPackage,
    /// The catalogue knows no GPU by name.
    #[error(
        "the catalogue has no toolkits.json, so it does not know GPUs by name: give the compute capability"
    )]
    NoGpus,
    /// The catalogue cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The request is none.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

impl Question {
    /// The requests that a question comes to: one, or one for each CUDA release, the newest first.
    ///
    /// # Errors
    /// What of it cannot be understood.
    pub fn requests(&self, catalogue: &Catalogue) -> Result<Vec<Request>, AskError> {
        let cudas = match self.cuda.as_str() {
            "any" => {
                let all = catalogue.matrix()?.cudas.into_iter();
                let releases: BTreeSet<CudaTarget> = all.filter(|cuda| *cuda != CudaTarget::Cpu).collect();
                releases.into_iter().rev().collect()
            }
            "cpu" => vec![CudaTarget::Cpu],
            one => vec![CudaRelease::of_version(one)?.into()],
        };
        let request = self.request(catalogue)?;
        let of_cuda = |cuda| {
            let mut request = Request { cuda, ..request.clone() };
            if cuda == CudaTarget::Cpu {
                // As the command line does: they say nothing without CUDA.
                request.compute_capabilities.clear();
                request.driver = None;
            }
            request
        };
        Ok(cudas.into_iter().map(of_cuda).collect())
    }

    /// All but CUDA.
    fn request(&self, catalogue: &Catalogue) -> Result<Request, AskError> {
        let mut compute_capabilities = BTreeSet::new();
        for capability in &self.compute_capabilities {
            compute_capabilities.insert(capability.parse::<ComputeCapability>()?);
        }
        if !self.gpus.is_empty() {
            let toolkits = catalogue.toolkits()?.ok_or(AskError::NoGpus)?;
            for name in &self.gpus {
                compute_capabilities.insert(toolkits.gpu(name)?);
            }
        }
        let of_gpus = self.gpus.iter().find_map(|name| axle_toolkit::system_of_gpu(name));
        let system = of_gpus.unwrap_or(System::X86_64Linux);
        let only = |all| if all { Which::All } else { Which::default() };
        let mut request = Request {
            packages: BTreeMap::new(),
            system: self.system.as_deref().map_or(Ok(system), str::parse)?,
            python: self.python.parse::<PythonVersion>()?,
            cuda: CudaTarget::Cpu,
            compute_capabilities,
            compiler: self.compiler.as_deref().map(str::parse::<HostCompiler>).transpose()?,
            driver: self.driver.as_deref().map(str::parse::<DriverVersion>).transpose()?,
            driver_ptx: None,
            allowed: BTreeSet::new(),
            torch: self.torch.as_deref().map(version).transpose()?,
            glibc: self.glibc.as_deref().map(str::parse::<Glibc>).transpose()?,
            preferences: Preferences {
                all: self.prefer.as_deref().map(str::parse).transpose()?.unwrap_or_default(),
                packages: BTreeMap::new(),
                only_wheels: only(self.only_wheels),
                only_audited: only(self.only_audited),
                publishers: Which::publishers(&self.publishers),
            },
        };
        for package in &self.packages {
            request.ask(&requirement(package)?)?;
        }
        if request.packages.is_empty() { Err(AskError::NoPackage) } else { Ok(request) }
    }
}

/// The text of a PEP 440 version.
fn version(text: &str) -> Result<String, AskError> {
    let version: Version = text
        .parse()
        .map_err(|error| AskError::Torch { text: text.to_owned(), message: format!("{error}") })?;
    Ok(version.to_string())
}

#[cfg(test)]
mod tests {
    use axle_catalogue::{Catalogue, Folder};
    use axle_plan::Lookup;
    use axle_solve::CatalogueSolver;

    #[test]
    fn what_cannot_be_understood_is_told_in_one_sentence() {
        let catalogue = Catalogue::new(Folder::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue")));
        let solver = CatalogueSolver::default();
        let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
        let mut told = String::new();
        for (python, cuda, rest) in [
            ("three", "12.8", r#""packages": ["torch"]"#),
            ("3.12", "12", r#""packages": ["torch"]"#),
            ("3.12", "12.8", r#""packages": ["torch"]"#),
            ("3.12", "any", r#""packages": ["torch"]"#),
            ("3.12", "12.8", r#""packages": []"#),
            ("3.12", "12.8", r#""packages": [""]"#),
            ("3.12", "12.8", r#""packages": ["torch @ file:x"]"#),
            ("3.12", "12.8", r#""packages": ["torch>>1"]"#),
            ("3.12", "12.8", r#""packages": ["torch; sys_platform == 'win32'"]"#),
            ("3.12", "12.8", r#""packages": ["torch"], "gpus": ["RTX 3091"]"#),
            ("3.12", "12.8", r#""packages": ["torch"], "compute_capabilities": ["86"]"#),
            ("3.12", "12.8", r#""packages": ["torch"], "compute_capabilities": ["4.2"]"#),
            ("3.12", "12.8", r#""packages": ["torch"], "compiler": "icc""#),
            ("3.12", "12.8", r#""packages": ["torch"], "prefer": "fun""#),
            ("3.12", "12.8", r#""packages": ["torch"], "driver": "new""#),
            ("3.12", "12.8", r#""packages": ["torch"], "glibc": "musl""#),
            ("3.12", "12.8", r#""packages": ["torch"], "torch": "newest""#),
            ("3.12", "12.8", r#""packages": ["torch"], "system": "windows""#),
            ("3.12", "12.8", r#""packages": ["torch"], "colour": "red""#),
        ] {
            let question = format!(r#"{{"python": "{python}", "cuda": "{cuda}", {rest}}}"#);
            let answer: serde_json::Value =
                serde_json::from_str(&crate::ask(&catalogue, &lookup, &question)).unwrap();
            let error = answer["error"].as_str().unwrap_or_else(|| panic!("{question}: {answer}"));
            assert!(!error.contains('\n'), "{error}");
            told.extend([python, " ", cuda, " ", rest, "\n  ", error, "\n"]);
        }
        insta::assert_snapshot!(told);
    }
}
