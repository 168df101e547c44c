//! NVIDIA's wheels that contain the programs and headers of a CUDA release.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use axle_index::{File, Origin as _, PackageIndex};
use axle_toolkit::{Release, Source};
use axle_types::{CudaRelease, Sha256, System, Version};
use axle_wheel::{Archive, Contents as _, LocalFile, Metadata, WheelName};

use crate::Error;

/// Where programs can be run; those of other systems say the same.
pub const HERE: System = System::X86_64Linux;

/// The files of one minor release: of its newest patch release.
pub struct ToolkitFiles {
    /// The release.
    pub cuda: CudaRelease,
    /// The wheels with ptxas, and up to 12.9 the headers, by system.
    pub nvcc: BTreeMap<System, File>,
    /// The wheels with the headers, by system.
    pub headers: BTreeMap<System, File>,
    /// The newest `cuda-toolkit` wheel.
    pub list: Option<File>,
}

impl ToolkitFiles {
    /// The files that facts are read from, by name. Programs are run here, so that only this system's matter.
    pub fn read(&self) -> BTreeMap<&str, &File> {
        let files = self.headers.values().chain(self.nvcc.get(&HERE)).chain(&self.list);
        files.map(|file| (file.filename.as_str(), file)).collect()
    }

    /// Whether a release was read from these very files.
    pub fn are_those_of(&self, release: &Release) -> bool {
        let hosts = release.hosts.values().map(|host| &host.compilers_source);
        let others =
            [Some(&release.ptxas.source), release.components.as_ref().map(|components| &components.source)];
        let read: BTreeMap<_, _> = hosts.chain(others.into_iter().flatten()).filter_map(file_of).collect();
        let hash = |file: &File| file.sha256;
        self.cuda == release.cuda
            && read == self.read().into_iter().map(|(name, file)| (name, hash(file))).collect()
    }
}

/// Every minor release that the index has wheels for.
///
/// # Errors
/// What the index answers.
pub fn all(index: &PackageIndex) -> Result<Vec<ToolkitFiles>, Error> {
    let lists = newest(index, "cuda-toolkit")?;
    let mut releases = Vec::new();
    // From 13.0 on the headers have a wheel of their own, and names have no suffix.
    for (nvcc, headers) in [
        ("nvidia-cuda-nvcc-cu11", "nvidia-cuda-nvcc-cu11"),
        ("nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc-cu12"),
        ("nvidia-cuda-nvcc", "nvidia-cuda-crt"),
    ] {
        let headers = newest(index, headers)?;
        let programs = newest(index, nvcc)?;
        if programs.is_empty() {
            return Err(Error::Empty { package: nvcc.to_owned() });
        }
        for (cuda, nvcc) in programs {
            let Some(headers) = headers.get(&cuda).cloned() else { continue };
            let list = lists.get(&cuda).and_then(|files| files.values().next()).cloned();
            releases.push(ToolkitFiles { cuda, nvcc, headers, list });
        }
    }
    Ok(releases)
}

/// Of each minor release of a package the files of the newest version, by system.
fn newest(
    index: &PackageIndex,
    package: &str,
) -> Result<BTreeMap<CudaRelease, BTreeMap<System, File>>, Error> {
    let name = package.parse().map_err(|_| Error::Empty { package: package.to_owned() })?;
    let mut versions: BTreeMap<CudaRelease, BTreeMap<Version, BTreeMap<System, File>>> = BTreeMap::new();
    for file in index.project(&name)?.files {
        let Ok(wheel) = file.filename.parse::<WheelName>() else { continue };
        let [major, minor, ..] = *wheel.version().release() else { continue };
        let (Ok(major), Ok(minor)) = (major.try_into(), minor.try_into()) else { continue };
        // CUDA 11's packages had other numbers on the index at first.
        if file.yanked.is_some() || !(11..100).contains(&major) {
            continue;
        }
        for system in System::ALL {
            let serves = wheel.tags().any(|tag| {
                let platform = tag.to_string();
                platform.ends_with("-any")
                    || platform.contains("linux") && platform.ends_with(system.architecture())
            });
            if serves {
                versions
                    .entry(CudaRelease { major, minor })
                    .or_default()
                    .entry(wheel.version().clone())
                    .or_default()
                    .insert(system, file.clone());
            }
        }
    }
    Ok(versions.into_iter().filter_map(|(cuda, mut files)| Some((cuda, files.pop_last()?.1))).collect())
}

/// Wheels that were downloaded whole, so that their hashes are those of bytes that were seen.
pub struct Downloads {
    folder: tempfile::TempDir,
}

impl Downloads {
    /// Downloads what the facts of a release are read from.
    ///
    /// # Errors
    /// A file that cannot be downloaded.
    pub fn of(index: &PackageIndex, files: &ToolkitFiles) -> Result<Self, Error> {
        let downloads = Self { folder: tempfile::tempdir()? };
        for (filename, file) in files.read() {
            index.download(file, &mut fs_err::File::create(downloads.folder.path().join(filename))?)?;
        }
        Ok(downloads)
    }

    /// The metadata of a wheel.
    ///
    /// # Errors
    /// A wheel that was not downloaded or cannot be read.
    pub fn metadata(&self, file: &File) -> Result<Metadata, Error> {
        Ok(Archive::open(&self.wheel(file)?)?.metadata()?)
    }

    fn wheel(&self, file: &File) -> Result<LocalFile, Error> {
        Ok(LocalFile::open(self.folder.path().join(&file.filename))?)
    }

    /// The members of a wheel whose paths pass, by path.
    ///
    /// # Errors
    /// A wheel that was not downloaded or cannot be read.
    pub fn members(
        &self,
        file: &File,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let wheel = self.wheel(file)?;
        let archive = Archive::open(&wheel)?;
        let mut reader = archive.reader()?;
        let mut members = BTreeMap::new();
        for member in archive.members().iter().filter(|member| wanted(&member.path)) {
            let mut bytes = Vec::new();
            reader.member(member)?.read_to_end(&mut bytes)?;
            members.insert(member.path.clone(), bytes);
        }
        Ok(members)
    }
}

/// Writes members below a folder; programs can be run.
///
/// # Errors
/// What the operating system says.
pub fn unpack(members: &BTreeMap<String, Vec<u8>>, folder: &Path) -> Result<(), Error> {
    for (path, bytes) in members {
        let target: PathBuf = folder.join(path);
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut file = fs_err::File::create(&target)?;
        file.write_all(bytes)?;
        fs_err::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}

/// Where a fact was read.
pub fn source(file: &File, member: Option<&str>) -> Source {
    Source::File { filename: file.filename.clone(), sha256: file.sha256, member: member.map(str::to_owned) }
}

/// The file of a fact, and its hash.
fn file_of(source: &Source) -> Option<(&str, Option<Sha256>)> {
    match source {
        Source::File { filename, sha256, .. } => Some((filename, *sha256)),
        Source::Document { .. } => None,
    }
}
