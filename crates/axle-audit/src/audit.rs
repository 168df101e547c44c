//! Audits of wheels, unpacked or installed wheels, and single files.

use axle_types::Sha256;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use axle_wheel::{
    Archive, ArchiveError, ArchiveProblem, Contents, Entry, Limits, LocalFile, Metadata, Tree, WheelFile,
    WheelName, WheelSource,
};
use rayon::prelude::*;
use sha2::Digest as _;

use crate::conclusions;
use crate::device_code::NO_SECTION;
use crate::error::{AuditError, Problem};
use crate::facts::{Description, ElfMember, Form, LooseCode, RecordFacts, WheelFacts};
use crate::kernels::{Gathered, Kernels};
use crate::member::{Asked, Read as Found, audit_member};
use crate::member_names::is_no_code;
use crate::memory::Memory;
use crate::record::{Record, Verdict};
use crate::standalone::{self, LooseFile};

/// How to audit.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
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
    pub declared_sha256: Option<Sha256>,
    /// Skips members that are empty or whose name is not that of code, which saves most of the bytes of a wheel that is
    /// read over a network; the number of skipped members is reported.
    pub trust_names: bool,
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
/// All threads of rayon's current pool are used. Whatever the wheel holds, and whatever their number, less than 150 MB
/// are kept at once, unless kernels are listed.
///
/// # Errors
/// When the file can't be read or is no wheel, or a member that it takes is broken.
pub fn audit(
    source: &dyn WheelSource,
    name: &WheelName,
    options: &Options<'_>,
) -> Result<WheelFacts, AuditError> {
    let (facts, hash) = rayon::join(
        || {
            let archive = Archive::open_within(source, options.limits)?;
            let abi3 = name.abi_tags().iter().any(|tag| tag == "abi3");
            let facts = audit_wheel(&archive, abi3, options)?;
            Ok::<_, AuditError>(WheelFacts {
                filename: name.filename().to_owned(),
                name: Some(name.name().to_string()),
                version: Some(name.version().to_string()),
                build: name.build().map(ToString::to_string),
                tags: name.tags().map(|tag| tag.to_string()).collect(),
                ..facts
            })
        },
        || if options.hash { sha256(source).map(Some) } else { Ok(None) },
    );
    Ok(WheelFacts { sha256: hash?, ..facts? })
}

/// Audits the wheel that was unpacked to `folder`: all files in it, which has one `.dist-info` folder.
///
/// Its name and its tags are those that it gives itself, in `METADATA` and `WHEEL`.
///
/// # Errors
/// When a file can't be read or is broken, or a link leads out of the folder.
pub fn audit_unpacked(folder: &Path, options: &Options<'_>) -> Result<WheelFacts, AuditError> {
    let tree = Tree::unpacked(folder, options.limits)?;
    Ok(WheelFacts { form: Form::Unpacked, ..audit_tree(&tree, options)? })
}

/// Audits one distribution of those that were installed to `folder`: the files that `RECORD` in its folder
/// `dist_info` lists and that lie in `folder`.
///
/// # Errors
/// As [`audit_unpacked`]; when there is no `RECORD` too, as nothing else tells which files are its own.
pub fn audit_installed(
    folder: &Path,
    dist_info: &str,
    options: &Options<'_>,
) -> Result<WheelFacts, AuditError> {
    let tree = installed(folder, dist_info, options.limits)?;
    let facts = audit_tree(&tree, options)?;
    // Installers make the console scripts, and list them.
    let is_made = |path: &String| facts.entry_points.contains_key(path.rsplit('/').next().unwrap_or(path));
    let unread = tree.elsewhere().iter().filter(|path| !is_made(path)).cloned().collect();
    Ok(WheelFacts { form: Form::Installed, unread, ..facts })
}

/// The files that `RECORD` of an installed distribution lists, as paths below the folder it was installed to.
///
/// # Errors
/// When it can't be read.
pub fn installed_files(folder: &Path, dist_info: &str) -> Result<Vec<String>, AuditError> {
    let limits = Limits::default();
    let path = format!("{dist_info}/RECORD");
    let list = Tree::installed(folder, dist_info, vec![path.clone()], limits)?.read(&path)?;
    Ok(Record::parse(&list).into_paths())
}

fn installed(folder: &Path, dist_info: &str, limits: Limits) -> Result<Tree, AuditError> {
    Ok(Tree::installed(folder, dist_info, installed_files(folder, dist_info)?, limits)?)
}

fn audit_tree(tree: &Tree, options: &Options<'_>) -> Result<WheelFacts, AuditError> {
    let wheel = tree.wheel_file().ok();
    let tags: Vec<String> = wheel.iter().flat_map(WheelFile::expanded_tags).collect();
    let abi3 = tags.iter().any(|tag| tag.split('-').nth(1) == Some("abi3"));
    let facts = audit_wheel(tree, abi3, options)?;
    let description = facts.description.as_ref();
    Ok(WheelFacts {
        filename: tree.dist_info()?.to_owned(),
        name: description.map(|description| description.name.clone()),
        version: description.map(|description| description.version.clone()),
        tags,
        ..facts
    })
}

/// Audits one file outside of any wheel: a shared object, or device code.
///
/// # Errors
/// When it can't be read, is broken, or is nothing that can be audited.
pub fn audit_file(file: &LocalFile, options: &Options<'_>) -> Result<WheelFacts, AuditError> {
    let tree = Tree::of_file(file.path(), options.limits)?;
    let (facts, hash) = rayon::join(
        || read_members(&tree, false, None, options).map(|found| conclude(&tree, found, None)),
        || if options.hash { sha256(file).map(Some) } else { Ok(None) },
    );
    let facts = facts?;
    if facts.elf.is_empty() && facts.loose.is_empty() {
        let problem = Problem::NotAuditable;
        return Err(AuditError { wheel: file.to_string(), problem });
    }
    let filename = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(WheelFacts { form: Form::File, filename, sha256: hash?, ..facts })
}

/// All but what the wheel is called.
fn audit_wheel(contents: &dyn Contents, abi3: bool, options: &Options<'_>) -> Result<WheelFacts, AuditError> {
    let metadata = contents.metadata()?;
    let console_scripts = contents.console_scripts()?;
    let record = record(contents, options)?;
    let found = read_members(contents, abi3, record, options)?;

    let entries = contents.entries();
    let paths = || entries.iter().map(|entry| entry.path);
    Ok(WheelFacts {
        declared_sha256: options.declared_sha256,
        entry_points: console_scripts
            .into_iter()
            .map(|script| (script.name, format!("{}:{}", script.module, script.object)))
            .collect(),
        scripts: data_scripts(paths()),
        data: data_folders(paths()),
        top_level: top_level(paths()),
        description: Some(describe(contents, &metadata)),
        requires_python: metadata.requires_python.clone(),
        requires_dist: metadata.requires_dist.clone(),
        ..conclude(contents, found, Some(&metadata))
    })
}

/// What follows from the members.
fn conclude(contents: &dyn Contents, found: Members, metadata: Option<&Metadata>) -> WheelFacts {
    let Members { elf, loose, loose_kernels, unopened, record } = found;
    let architectures = conclusions::architectures(&elf);
    let cuda_evidence = conclusions::cuda_evidence(&elf, &loose, metadata);
    WheelFacts {
        size: contents.size(),
        sass: architectures.sass,
        ptx: architectures.ptx,
        glibc: conclusions::newest_version(&elf, "GLIBC_"),
        glibcxx: conclusions::newest_version(&elf, "GLIBCXX_"),
        cxxabi: conclusions::newest_version(&elf, "CXXABI_"),
        cxx11_abi: conclusions::cxx11_abi(&elf),
        cuda: conclusions::cuda(&cuda_evidence),
        cuda_evidence,
        external: conclusions::external(&elf),
        elf,
        loose,
        loose_kernels,
        unopened,
        record,
        ..WheelFacts::default()
    }
}

/// The wheel's own description. A broken `WHEEL` does not prevent reading the rest.
fn describe(contents: &dyn Contents, metadata: &Metadata) -> Description {
    let wheel = contents.wheel_file().ok();
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
fn record(contents: &dyn Contents, options: &Options<'_>) -> Result<Option<Record>, AuditError> {
    if !options.verify {
        return Ok(None);
    }
    let path = format!("{}/RECORD", contents.dist_info()?);
    match contents.read(&path) {
        Ok(bytes) => Ok(Some(Record::parse(&bytes))),
        Err(ArchiveError { problem: ArchiveProblem::Missing { .. }, .. }) => {
            Ok(Some(Record::unreadable("there is none".to_owned())))
        }
        Err(error) => Err(error.into()),
    }
}

/// What was found in the members.
struct Members {
    /// Sorted by path.
    elf: Vec<ElfMember>,
    loose: Vec<LooseCode>,
    loose_kernels: Option<Kernels>,
    unopened: u64,
    /// How all of them compare with `RECORD`.
    record: Option<RecordFacts>,
}

/// How many bytes of neighbouring members, unpacked, one thread reads in one go over a network: there each jump costs
/// a request, and bytes that are thrown away.
const REMOTE_BATCH: u64 = 16 << 20;

/// The members in the order in which threads take them: the largest first, so that none is left alone at the end.
/// Members that stand together in the archive are gathered as long as they have at most `most` bytes together.
fn batches(members: Vec<Entry<'_>>, most: u64) -> Vec<Vec<Entry<'_>>> {
    let mut batches = Vec::<(u64, Vec<Entry<'_>>)>::new();
    for member in members {
        match batches.last_mut() {
            Some((size, batch)) if size.saturating_add(member.size) <= most => {
                *size += member.size;
                batch.push(member);
            }
            _ => batches.push((member.size, vec![member])),
        }
    }
    batches.sort_by_key(|(size, _)| std::cmp::Reverse((*size).max(most)));
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// Reads the members.
fn read_members(
    contents: &dyn Contents,
    abi3: bool,
    record: Option<Record>,
    options: &Options<'_>,
) -> Result<Members, AuditError> {
    let memory = Memory::new(options.deep);
    let kernels = options.deep.then(Mutex::<Gathered>::default);
    let asked = Asked {
        record: record.as_ref(),
        abi3,
        deep: options.deep,
        kernels: kernels.as_ref(),
        memory: &memory,
    };
    let mut members = contents.entries();
    let every = members.len();
    let is_known = |member: &Entry<'_>| member.size == 0 || is_no_code(member.path);
    members.retain(|member| record.is_some() || !options.trust_names || !is_known(member));
    let unopened = (every - members.len()) as u64;
    let total = members.iter().map(|member| member.size).sum();
    let done = AtomicU64::new(0);
    let advance = |bytes: u64| {
        if let Some(progress) = options.progress {
            progress(Progress { done: done.fetch_add(bytes, Ordering::Relaxed) + bytes, total });
        }
    };
    // A bridge hands members out one by one, in order. The error of the first path is told, so that the
    // same file always gives the same one.
    let most = if options.trust_names { REMOTE_BATCH } else { 0 };
    let found = batches(members, most)
        .into_iter()
        .par_bridge()
        .map_init(
            || None,
            |reader, batch| {
                let mut found = FoundHere::default();
                for member in batch {
                    let read = match reader.take().map_or_else(|| contents.reader(), Ok) {
                        Ok(opened) => {
                            audit_member(contents, reader.insert(opened).as_mut(), &member, &asked, &advance)
                        }
                        Err(error) => Err(error.into()),
                    };
                    found.add(member.path, read);
                }
                found
            },
        )
        .reduce(FoundHere::default, FoundHere::and);
    if let Some((_, error)) = found.error {
        return Err(error);
    }
    let FoundHere { mut elf, loose, verdicts, .. } = found;
    elf.sort_by(|one, other| one.path.cmp(&other.path));
    let failed = |problem| AuditError { wheel: contents.to_string(), problem };
    let record = record.map(|record| record.into_facts(verdicts.into_iter(), &memory.facts));
    let record = record.transpose().map_err(failed)?;
    let kernels = kernels.filter(|_| !loose.is_empty());
    let kernels = kernels.map(|kernels| kernels.into_inner().unwrap_or_else(PoisonError::into_inner));
    let loose_kernels = kernels.map(|kernels| kernels.into_kernels(|_| NO_SECTION));
    memory.facts.keep(loose_kernels.as_ref().map_or(0, Kernels::weight)).map_err(failed)?;
    Ok(Members { elf, loose: standalone::group(loose.into_iter()), loose_kernels, unopened, record })
}

/// What one thread found in members, which it takes one after the other.
#[derive(Default)]
struct FoundHere<'a> {
    elf: Vec<ElfMember>,
    loose: Vec<(&'a str, LooseFile)>,
    verdicts: Vec<(&'a str, Verdict)>,
    /// That of the first path.
    error: Option<(&'a str, AuditError)>,
}

impl<'a> FoundHere<'a> {
    fn add(&mut self, path: &'a str, read: Result<Found, AuditError>) {
        match read {
            Ok(found) => {
                self.elf.extend(found.elf.map(|elf| *elf));
                self.loose.extend(found.loose.map(|loose| (path, loose)));
                self.verdicts.extend(found.verdict.map(|verdict| (path, verdict)));
            }
            Err(error) => self.fail(path, error),
        }
    }

    fn fail(&mut self, path: &'a str, error: AuditError) {
        if self.error.as_ref().is_none_or(|(first, _)| path < *first) {
            self.error = Some((path, error));
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.elf.extend(other.elf);
        self.loose.extend(other.loose);
        self.verdicts.extend(other.verdicts);
        if let Some((path, error)) = other.error {
            self.fail(path, error);
        }
        self
    }
}

fn sha256(source: &dyn WheelSource) -> Result<Sha256, AuditError> {
    let failed = |error| AuditError::from(ArchiveError::from_read(error, source));
    let mut reader = source.open().map_err(failed)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Sha256(hasher.finalize().into())),
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
