//! Errors of audits.

use axle_fatbin::SectionError;
use axle_wheel::{ArchiveError, ArchiveProblem};
use thiserror::Error;

/// Why a wheel can't be audited.
#[derive(Debug, Error)]
#[error("{wheel}: {problem}")]
#[non_exhaustive]
pub struct AuditError {
    /// What the source calls itself: a path or a URL.
    pub wheel: String,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a wheel.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file can't be read, is not a wheel, or has a damaged member.
    #[error(transparent)]
    Archive(ArchiveProblem),
    /// A file outside of a wheel is of no kind that is audited.
    #[error(
        "this is not an ELF file, a cubin, PTX or a fat binary; give a wheel, or a file of one of these kinds"
    )]
    NotAuditable,
    /// A member begins as ELF files do and is broken.
    #[error("member `{member}`: {source}")]
    Elf {
        /// The member's path.
        member: String,
        /// What is wrong with it.
        source: axle_elf::Error,
    },
    /// A section of device code is broken.
    #[error("member `{member}`, section {section}: {source}")]
    Fatbin {
        /// The member's path.
        member: String,
        /// The section's name.
        section: String,
        /// What is wrong with it.
        source: axle_fatbin::Broken,
    },
    /// A section of device code contains something other than fatbin containers.
    #[error("member `{member}`, section {section}: at offset {offset:#x}, there is no fatbin container")]
    NotFatbin {
        /// The member's path.
        member: String,
        /// The section's name.
        section: String,
        /// Where a container should begin, from the start of the member.
        offset: u64,
    },
    /// More containers, or more kinds of them, than any real library has.
    #[error(
        "member `{member}`: at offset {offset:#x}, more than {limit} fatbin containers, which is the limit"
    )]
    TooManyContainers {
        /// The member's path.
        member: String,
        /// Where the one too many begins.
        offset: u64,
        /// The limit.
        limit: usize,
    },
    /// All members together say more than those of any real wheel.
    #[error("the facts about its members would take more than {limit} bytes, which is the limit")]
    TooManyFacts {
        /// The limit.
        limit: u64,
    },
}

impl Problem {
    /// What is wrong with the device code of a member.
    pub(crate) fn device_code(member: &str, error: SectionError) -> Self {
        let member = member.to_owned();
        match error {
            SectionError::Broken { section, source } => Self::Fatbin { member, section, source },
            SectionError::NotContainer { section, offset } => Self::NotFatbin { member, section, offset },
            SectionError::TooManyContainers { offset, limit } => {
                Self::TooManyContainers { member, offset, limit }
            }
        }
    }
}

impl AuditError {
    /// The member that is at fault, where one is.
    pub fn member(&self) -> Option<&str> {
        match &self.problem {
            Problem::Elf { member, .. }
            | Problem::Fatbin { member, .. }
            | Problem::NotFatbin { member, .. }
            | Problem::TooManyContainers { member, .. } => Some(member),
            Problem::NotAuditable | Problem::TooManyFacts { .. } => None,
            Problem::Archive(problem) => match problem {
                ArchiveProblem::Path { member, .. }
                | ArchiveProblem::Kind { member, .. }
                | ArchiveProblem::Link { member }
                | ArchiveProblem::Encrypted { member }
                | ArchiveProblem::Method { member, .. }
                | ArchiveProblem::Overlap { member, .. }
                | ArchiveProblem::LocalHeader { member, .. }
                | ArchiveProblem::MemberSize { member, .. }
                | ArchiveProblem::Data { member, .. }
                | ArchiveProblem::Length { member, .. }
                | ArchiveProblem::Checksum { member, .. }
                | ArchiveProblem::Missing { member }
                | ArchiveProblem::Metadata { member, .. }
                | ArchiveProblem::WheelFile { member, .. }
                | ArchiveProblem::EntryPoints { member, .. } => Some(member),
                _ => None,
            },
        }
    }

    /// Where in the member, unpacked, it is; where the archive itself is broken, where in the file.
    pub fn offset(&self) -> Option<u64> {
        match &self.problem {
            Problem::Elf { source, .. } => Some(source.offset()),
            Problem::Fatbin { source, .. } => Some(source.offset),
            Problem::NotFatbin { offset, .. }
            | Problem::TooManyContainers { offset, .. }
            | Problem::Archive(
                ArchiveProblem::Data { offset, .. }
                | ArchiveProblem::Overlap { offset, .. }
                | ArchiveProblem::LocalHeader { offset, .. },
            ) => Some(*offset),
            Problem::Archive(_) | Problem::NotAuditable | Problem::TooManyFacts { .. } => None,
        }
    }
}

impl From<ArchiveError> for AuditError {
    fn from(error: ArchiveError) -> Self {
        Self { wheel: error.archive, problem: Problem::Archive(error.problem) }
    }
}
