//! Wheel summaries: the CUDA releases and torches that a wheel is compatible with, and the GPUs that it covers, judged
//! as for cells but without a target.

use axle_audit::Coverage;
use axle_catalogue::Cause;
use axle_fatbin::Code;
use axle_types::{CudaTarget, WheelCuda};

use crate::candidates::Candidates;
use crate::distribution::{CudaBasis, Distribution};

/// What is known of a wheel.
#[derive(Debug, Clone)]
pub struct WheelSummary {
    /// The CUDA releases that it is built for, with the source of each.
    pub cuda: Vec<(WheelCuda, CudaBasis)>,
    /// The glibc that it needs: by its audit or, where its bytes were not seen, by its tags.
    pub glibc: Option<String>,
    /// The code in it, as audited or declared; `None` where that is not known.
    pub code: Option<Vec<Code>>,
    /// Where its code is declared, of a wheel whose bytes were not seen.
    pub document: Option<String>,
    /// What it covers, by the CUDA releases of the target: with some, other members are loaded than with others.
    pub coverage: Vec<CudaCoverage>,
}

/// What a wheel covers for targets of some CUDA releases.
#[derive(Debug, Clone, PartialEq)]
pub struct CudaCoverage {
    /// The known CUDA releases that it is compatible with.
    pub cudas: Vec<CudaTarget>,
    /// How much of it runs on each capability of `matrix.toml`; none where it goes without CUDA alone. `Ok(None)` is a
    /// wheel that can be read and was not yet, an error one of which too little is declared.
    pub capabilities: Result<Option<Vec<Coverage>>, Cause>,
}

impl<'a> Candidates<'a> {
    /// What is known of a wheel of a package, for targets of some CUDA releases, the oldest first.
    pub fn summary(&self, distribution: &Distribution<'a>, cudas: &[CudaTarget]) -> WheelSummary {
        let pinned = self.pinned_cuda(distribution.package, distribution).ok().flatten();
        let fits = |cuda: &&CudaTarget| distribution.fits_cuda(**cuda, pinned).is_ok();
        let fitting: Vec<CudaTarget> = cudas.iter().filter(fits).copied().collect();
        let capabilities = &self.inventory.matrix.compute_capabilities;
        let mut coverage: Vec<CudaCoverage> = Vec::new();
        let toolkits = fitting.iter().copied().filter(|cuda| *cuda != CudaTarget::Cpu);
        // What goes with no release that is known is told as for the newest one.
        let newest = cudas.last().copied().filter(|_| fitting.is_empty());
        for cuda in toolkits.chain(newest) {
            if let (Some(known), true) = (coverage.first_mut(), distribution.package.alternative.is_empty()) {
                known.cudas.push(cuda);
                continue;
            }
            let judged = distribution.coverage(capabilities, cuda);
            let cudas = if newest.is_some() { Vec::new() } else { vec![cuda] };
            match coverage.iter_mut().find(|one| one.capabilities == judged) {
                Some(known) => known.cudas.extend(cudas),
                None => coverage.push(CudaCoverage { cudas, capabilities: judged }),
            }
        }
        if fitting.contains(&CudaTarget::Cpu) {
            let without = CudaCoverage { cudas: vec![CudaTarget::Cpu], capabilities: Ok(Some(Vec::new())) };
            match coverage.as_mut_slice() {
                [all] => all.cudas.insert(0, CudaTarget::Cpu),
                _ => coverage.insert(0, without),
            }
        }
        let audited =
            distribution.facts().map(|facts| facts.sass.iter().chain(&facts.ptx).copied().collect());
        WheelSummary {
            cuda: distribution.cuda_basis(pinned),
            glibc: distribution.glibc().map(|glibc| glibc.to_string()),
            code: audited.or_else(|| distribution.declared_code()),
            document: distribution.declared_document().map(str::to_owned),
            coverage,
        }
    }
}
