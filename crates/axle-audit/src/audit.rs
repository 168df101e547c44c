//! A wheel in, facts out.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use axle_wheel::{Archive, ArchiveError, Limits, Member, Metadata, WheelName, WheelSource};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::conclusions;
use crate::error::AuditError;
use crate::facts::{Description, ElfMember, RecordFacts, WheelFacts};
use crate::member::{Asked, Read as Found, audit_member};
use crate::memory::Memory;
use crate::record::Record;

/// How to audit.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// Reads the file whole for its SHA-256, beside the audit: for local files.
    pub hash: bool,
    /// Compares every member with the hash that `RECORD` lists, which takes reading all of them whole.
    pub verify: bool,
    /// Unpacks the images of SASS and PTX and lists their kernels. That takes several times as long, and memory for
    /// the largest image and all names.
    pub deep: bool,
    /// What the index declares the SHA-256 to be, in hex.
    pub declared_sha256: Option<String>,
    /// What the archive may ask for.
    pub limits: Limits,
    /// Is called now and then, from several threads.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done with, unpacked.
    pub done: u64,
    /// Bytes of all members, unpacked.
    pub total: u64,
}

/// Audits the wheel in `source`, whose file is called `name`.
///
/// All threads of rayon's current pool are used. Whatever the size of the wheel and their number, less than
/// 130 MB of it are kept at once.
///
/// # Errors
/// When the file can't be read or is no wheel, or a member that it takes is broken.
pub fn audit(
    source: &dyn WheelSource,
    name: &WheelName,
    options: &Options<'_>,
) -> Result<WheelFacts, AuditError> {
    let (facts, hash) = rayon::join(
        || audit_members(source, name, options),
        || if options.hash { sha256(source).map(Some) } else { Ok(None) },
    );
    Ok(WheelFacts { sha256: hash?, ..facts? })
}

fn audit_members(
    source: &dyn WheelSource,
    name: &WheelName,
    options: &Options<'_>,
) -> Result<WheelFacts, AuditError> {
    let archive = Archive::open_within(source, options.limits)?;
    let metadata = archive.metadata()?;
    let console_scripts = archive.console_scripts()?;
    let (elf, record) = read_members(source, &archive, name, options)?;

    let architectures = conclusions::architectures(&elf);
    let paths = || archive.members().iter().map(|member| member.path.as_str());
    Ok(WheelFacts {
        filename: name.filename().to_owned(),
        sha256: None,
        declared_sha256: options.declared_sha256.clone(),
        size: source.size(),
        name: name.name().to_string(),
        version: name.version().to_string(),
        build: name.build().map(ToString::to_string),
        tags: name.tags().map(|tag| tag.to_string()).collect(),
        sass: architectures.sass,
        ptx: architectures.ptx,
        glibc: conclusions::newest_version(&elf, "GLIBC_"),
        glibcxx: conclusions::newest_version(&elf, "GLIBCXX_"),
        cxxabi: conclusions::newest_version(&elf, "CXXABI_"),
        cxx11_abi: conclusions::cxx11_abi(&elf),
        cuda: conclusions::cuda(&elf, &metadata),
        external: conclusions::external(&elf),
        elf,
        entry_points: console_scripts
            .into_iter()
            .map(|script| (script.name, format!("{}:{}", script.module, script.object)))
            .collect(),
        scripts: data_scripts(paths()),
        data: data_folders(paths()),
        top_level: top_level(paths()),
        description: Some(describe(&archive, &metadata)),
        record,
        requires_python: metadata.requires_python,
        requires_dist: metadata.requires_dist,
    })
}

/// What a wheel says of itself. A broken `WHEEL` is no reason to say nothing of the rest.
fn describe(archive: &Archive<'_>, metadata: &Metadata) -> Description {
    let wheel = archive.wheel_file().ok();
    Description {
        metadata_version: metadata.metadata_version.clone(),
        name: metadata.name.to_string(),
        version: metadata.version.to_string(),
        root_is_purelib: wheel.as_ref().map(|wheel| wheel.root_is_purelib),
        wheel_version: wheel.as_ref().map(|wheel| wheel.wheel_version.clone()),
        tags: wheel.map(|wheel| wheel.tags).unwrap_or_default(),
    }
}

/// What `RECORD` lists, where that is asked for.
fn record(archive: &Archive<'_>, options: &Options<'_>) -> Result<Option<Record>, AuditError> {
    if !options.verify {
        return Ok(None);
    }
    let path = format!("{}/RECORD", archive.dist_info()?);
    let read = |path: &str| archive.read(path).map(|bytes| Record::parse(&bytes));
    Ok(Some(match archive.member(&path) {
        Some(_) => read(&path)?,
        None => Record::unreadable("there is none".to_owned()),
    }))
}

/// The ELF members, sorted by path, and how all members compare with `RECORD`. The largest are read first,
/// so that none is left alone at the end.
fn read_members(
    source: &dyn WheelSource,
    archive: &Archive<'_>,
    name: &WheelName,
    options: &Options<'_>,
) -> Result<(Vec<ElfMember>, Option<RecordFacts>), AuditError> {
    let record = record(archive, options)?;
    let memory = Memory::default();
    let abi3 = name.abi_tags().iter().any(|tag| tag == "abi3");
    let asked = Asked { record: record.as_ref(), abi3, deep: options.deep, memory: &memory };
    let mut members: Vec<&Member> = archive.members().iter().collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.size));
    let total = members.iter().map(|member| member.size).sum();
    let done = AtomicU64::new(0);
    let advance = |bytes: u64| {
        if let Some(progress) = options.progress {
            progress(Progress { done: done.fetch_add(bytes, Ordering::Relaxed) + bytes, total });
        }
    };
    // A bridge hands members out one by one, in order. The error of the first path is told, so that the
    // same file always gives the same one.
    let (mut elf, mut errors) = (Vec::new(), Vec::new());
    let mut verdicts = Vec::new();
    let results: Vec<(&Member, Result<Found, AuditError>)> = members
        .into_iter()
        .par_bridge()
        .map_init(
            || None,
            |reader, member| {
                let result = match reader.take().map_or_else(|| archive.reader(), Ok) {
                    Ok(opened) => audit_member(source, reader.insert(opened), member, &asked, &advance),
                    Err(error) => Err(error.into()),
                };
                (member, result)
            },
        )
        .collect();
    for (member, result) in results {
        match result {
            Ok(found) => {
                elf.extend(found.elf);
                verdicts.extend(found.verdict.map(|verdict| (member.path.as_str(), verdict)));
            }
            Err(error) => errors.push((&member.path, error)),
        }
    }
    errors.sort_by_key(|(path, _)| *path);
    if let Some((_, error)) = errors.into_iter().next() {
        return Err(error);
    }
    elf.sort_by(|one, other| one.path.cmp(&other.path));
    let record = record.map(|record| record.into_facts(verdicts.into_iter()));
    Ok((elf, record))
}

fn sha256(source: &dyn WheelSource) -> Result<String, AuditError> {
    let failed = |error| AuditError::from(ArchiveError::from_read(error, source));
    let mut reader = source.open().map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(data_encoding::HEXLOWER.encode(&hasher.finalize())),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

fn top_level<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: BTreeSet<&str> = paths.filter_map(|path| path.split('/').next()).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// `torch-2.9.1.data/purelib` of `torch-2.9.1.data/purelib/torch/x.py`.
fn data_folders<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let folders: BTreeSet<String> =
        paths.filter_map(in_data).map(|(data, kind, _)| format!("{data}/{kind}")).collect();
    folders.into_iter().collect()
}

/// `x.py` of `torch-2.9.1.data/scripts/x.py`.
fn data_scripts<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let scripts = paths.filter_map(in_data).filter(|(_, kind, _)| *kind == "scripts");
    let names: BTreeSet<&str> = scripts.map(|(.., rest)| rest).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The parts of `NAME.data/KIND/REST`.
fn in_data(path: &str) -> Option<(&str, &str, &str)> {
    let (data, rest) = path.split_once('/')?;
    let (kind, rest) = rest.split_once('/')?;
    data.strip_suffix(".data").map(|_| (data, kind, rest))
}
