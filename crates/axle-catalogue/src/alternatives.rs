//! Alternative members: which ones a target loads if a wheel has a library per CUDA release or per GPU generation.

use axle_audit::WheelFacts;
use axle_types::{CudaRelease, CudaTarget};

use crate::{Load, Package};

impl Package {
    /// How the members of a wheel count for coverage, and which of them a target loads.
    pub fn policy_for(&self, facts: &WheelFacts, cuda: CudaTarget) -> axle_audit::Policy {
        let version = facts.version.as_deref().and_then(|version| version.parse().ok());
        let mut policy = self.policy(version.as_ref());
        if let Some(loads) = self.loaded(facts, cuda) {
            let members = facts.elf.iter().map(|member| member.path.as_str()).filter(|path| loads(path));
            policy.loaded = Some(members.map(axle_audit::Pattern::new).collect());
        }
        policy
    }

    /// Which members a target loads; `None` for all.
    pub fn loaded<'a>(
        &'a self,
        facts: &'a WheelFacts,
        cuda: CudaTarget,
    ) -> Option<impl Fn(&str) -> bool + 'a> {
        if self.alternative.is_empty() {
            return None;
        }
        let minor_of = |pattern: &str, path: &str| -> Option<(u16, u16)> {
            let (before, after) = pattern.split_once("{cuda}")?;
            // The pattern's `*` is not needed around the digits: they stand between fixed texts.
            let start = path.find(before.rsplit('*').next()?)? + before.rsplit('*').next()?.len();
            let rest = path.get(start..)?;
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at_checked(digits)?;
            let (major, minor) = digits.split_at_checked(2)?;
            rest.starts_with(after.split('*').next()?).then_some(())?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        };
        Some(move |path: &str| {
            for alternative in &self.alternative {
                let plain = alternative.member.replace("{cuda}", "*");
                if !axle_audit::Pattern::new(plain).matches(path) {
                    continue;
                }
                let own = minor_of(&alternative.member, path);
                return match (alternative.load, cuda) {
                    (Load::Never, _) | (Load::SameMinor | Load::NewestMinor, CudaTarget::Cpu) => false,
                    (Load::Cpu, cuda) => cuda == CudaTarget::Cpu,
                    (Load::SameMinor, CudaTarget::Release(CudaRelease { major, minor })) => {
                        own == Some((major, minor))
                    }
                    (Load::NewestMinor, CudaTarget::Release(CudaRelease { major, minor })) => {
                        let others =
                            facts.elf.iter().filter_map(|one| minor_of(&alternative.member, &one.path));
                        let newest = others.filter(|other| other.0 == major && other.1 <= minor).max();
                        own.is_some() && own == newest
                    }
                };
            }
            true
        })
    }
}
