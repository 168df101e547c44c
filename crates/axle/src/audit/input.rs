//! Inputs of `axle audit`: files, directories, URLs and releases.

use std::collections::HashSet;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use axle_audit::{Options, WheelFacts, audit, audit_file, audit_installed, audit_unpacked, installed_files};
use axle_index::{Client, File, PackageIndex, RemoteFile, RetryPolicy, Settings, Traffic};
use axle_types::Version;
use axle_wheel::{
    ArchiveError, Limits, LocalFile, WheelName, WheelSource, dist_infos, files_below, open_file,
};

use crate::arguments::Audit;
use crate::output::{self, Error};
use crate::reading::Reading;
use crate::release::Release;

/// One thing to audit.
pub enum Input {
    /// A wheel, as it is published.
    Wheel(PathBuf),
    /// One shared object, or one file of device code.
    File(PathBuf),
    /// A folder that a wheel was unpacked to.
    Unpacked(PathBuf),
    /// One distribution of a folder like `site-packages`.
    Installed {
        /// That folder.
        folder: PathBuf,
        /// The name of its description's folder.
        dist_info: String,
    },
    /// A wheel on a server.
    Url(String),
    /// A wheel on the package index.
    Release(Release),
}

impl Input {
    /// What an argument stands for: a folder may hold many.
    pub fn of(argument: &str) -> Result<Vec<Self>, Error> {
        if argument.contains("://") {
            return Ok(vec![Self::Url(argument.to_owned())]);
        }
        let path = Path::new(argument);
        // What is there is taken for what it is, whatever it is called.
        if path.is_dir() {
            return folder(path);
        }
        if let Some(release) = Release::parse(argument)
            && path.symlink_metadata().is_err()
        {
            return Ok(vec![Self::Release(release)]);
        }
        let is_wheel = has_extension(path, "whl");
        Ok(vec![if is_wheel { Self::Wheel(path.into()) } else { Self::File(path.into()) }])
    }

    /// Reads it.
    pub fn audit(
        &self,
        command: &Audit,
        options: &Options<'_>,
        reading: &mut Reading,
    ) -> Result<WheelFacts, Error> {
        match self {
            Self::Wheel(path) => {
                let source = open(path)?;
                let name = wheel_name(&file_name(path), &path.display())?;
                Ok(audit(&source, &name, &Options { hash: true, ..options.clone() })?)
            }
            Self::File(path) => {
                refuse_sdist(&file_name(path), &path.display())?;
                let file = open(path)?;
                if starts_as_zip(&file)? {
                    wheel_name(&file_name(path), &path.display())?;
                }
                Ok(audit_file(&file, &Options { hash: true, ..options.clone() })?)
            }
            Self::Unpacked(folder) => Ok(audit_unpacked(folder, options)?),
            Self::Installed { folder, dist_info } => Ok(audit_installed(folder, dist_info, options)?),
            Self::Url(url) => {
                let file = File::at(url)?;
                refuse_sdist(&file.filename, &file.url)?;
                let name = wheel_name(&file.filename, &file.url)?;
                let client = Client::new(&Settings::discover(Some(url))?, RetryPolicy::default())?;
                let source = RemoteFile::open(&client, &file)?;
                reading.announce(&file.filename, &[Some(source.size())])?;
                let facts = published(&source, &name, &file, options)?;
                tell(command, client.traffic(), 0, facts.size);
                Ok(facts)
            }
            Self::Release(release) => {
                let index = PackageIndex::new(&Settings::discover(command.index_url.as_deref())?)?;
                let file = release.wheel(&index, command.system, command.python)?;
                let what = format!("{release} from {}", file.filename);
                if !reading.announce(&what, &[file.size])? {
                    output::note(&format!("reading {what}"));
                }
                let page = index.traffic().bytes();
                let facts = published(&index.remote_file(&file)?, &file.filename.parse()?, &file, options)?;
                tell(command, index.traffic(), page, facts.size);
                Ok(facts)
            }
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel(path) | Self::File(path) | Self::Unpacked(path) => path.display().fmt(formatter),
            Self::Installed { folder, dist_info } => folder.join(dist_info).display().fmt(formatter),
            Self::Url(url) => formatter.write_str(url),
            Self::Release(release) => release.fmt(formatter),
        }
    }
}

/// What a folder holds: wheels directly in it, or one unpacked wheel, or installed distributions.
fn folder(folder: &Path) -> Result<Vec<Input>, Error> {
    let dist_infos = dist_infos(folder)?;
    let is_installed = |dist_info: &String| folder.join(dist_info).join("INSTALLER").exists();
    match dist_infos.as_slice() {
        [] => wheels(folder),
        // Installers leave their name; who unpacks a wheel does not.
        [dist_info] if !is_installed(dist_info) => Ok(vec![Input::Unpacked(folder.into())]),
        _ => installed(folder, dist_infos),
    }
}

fn wheels(folder: &Path) -> Result<Vec<Input>, Error> {
    let mut paths = fs_err::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| has_extension(path, "whl"));
    paths.sort_unstable();
    if paths.is_empty() {
        let expected = "give a directory with wheels (*.whl) directly in it, an unpacked wheel, or site-packages \
            (the latter two have *.dist-info directories)";
        return Err(
            format!("{}: the directory contains nothing to audit; {expected}", folder.display()).into()
        );
    }
    Ok(paths.into_iter().map(Input::Wheel).collect())
}

/// Each distribution, and each file of machine code that belongs to none.
fn installed(folder: &Path, dist_infos: Vec<String>) -> Result<Vec<Input>, Error> {
    // A list that can't be read is told when its distribution is audited.
    let owned: HashSet<String> =
        dist_infos.iter().filter_map(|dist_info| installed_files(folder, dist_info).ok()).flatten().collect();
    let mut unowned: Vec<PathBuf> = files_below(folder, Limits::default())?
        .into_iter()
        .filter(|path| path.to_str().is_none_or(|path| !owned.contains(path)))
        .map(|path| folder.join(path))
        .filter(|path| is_machine_code(path))
        .collect();
    unowned.sort_unstable();
    let distributions =
        dist_infos.into_iter().map(|dist_info| Input::Installed { folder: folder.into(), dist_info });
    Ok(distributions.chain(unowned.into_iter().map(Input::File)).collect())
}

/// Whether a file, not a link to one, begins as ELF files and fat binaries do.
fn is_machine_code(path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let mut start = [0; 4];
    is_file
        && open_file(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && (start == axle_audit::ELF_MAGIC || start == axle_audit::FATBIN_MAGIC)
}

fn has_extension(path: &Path, expected: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(expected))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn open(path: &Path) -> Result<LocalFile, Error> {
    LocalFile::open(path)
        .map_err(|error| format!("{error}; give the path or the URL of a wheel, or NAME==VERSION").into())
}

fn starts_as_zip(file: &LocalFile) -> Result<bool, Error> {
    let mut start = Vec::new();
    let failed = |error| ArchiveError::from_read(error, file);
    file.open().map_err(failed)?.take(4).read_to_end(&mut start).map_err(failed)?;
    Ok(start == b"PK\x03\x04")
}

/// What the name of a file tells of the wheel in it.
fn wheel_name(filename: &str, place: &dyn fmt::Display) -> Result<WheelName, Error> {
    filename.parse().map_err(|error| {
        format!("{place}: {error}; rename it to the name under which it was published").into()
    })
}

/// Sources hold nothing that could be audited.
fn refuse_sdist(filename: &str, place: &dyn fmt::Display) -> Result<(), Error> {
    let extensions = [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip"];
    let stem = extensions.into_iter().find_map(|extension| filename.strip_suffix(extension));
    let names_version =
        |stem: &str| stem.rsplit_once('-').is_some_and(|(_, version)| version.parse::<Version>().is_ok());
    if stem.is_some_and(names_version) {
        let message = "this is an sdist, which contains source code only; build a wheel from it with \
            `pip wheel --no-deps`, and audit that";
        return Err(format!("{place}: {message}").into());
    }
    Ok(())
}

/// Audits a file on a server. Where it is read by ranges only its index can tell its hash, and each member costs.
fn published(
    source: &RemoteFile,
    name: &WheelName,
    file: &File,
    options: &Options<'_>,
) -> Result<WheelFacts, Error> {
    let declared_sha256 = file.sha256;
    let sha256 = source.sha256();
    let options = Options { declared_sha256, trust_names: sha256.is_none(), ..options.clone() };
    Ok(WheelFacts { sha256, ..audit(source, name, &options)? })
}

/// Says what an audit over the network cost: of `size` bytes, and beside `page` bytes of an index.
fn tell(command: &Audit, traffic: &Traffic, page: u64, size: u64) {
    if command.verbose {
        let (bytes, requests) = (traffic.bytes() - page, traffic.requests());
        #[allow(clippy::cast_precision_loss, reason = "one decimal is printed")]
        let share = bytes as f64 * 100.0 / size.max(1) as f64;
        let (read, whole) = (output::size(bytes), output::size(size));
        let beside =
            if page == 0 { String::new() } else { format!(", plus {} of the index", output::size(page)) };
        output::note(&format!(
            "read {read} over the network in {requests} requests: {share:.1} % of {whole}{beside}"
        ));
    }
}
