//! Origins: the interface of every place that publishes distributions.

use std::io::{self, Write};

use axle_types::{InvalidSha256, PackageName, Sha256, Version};
use axle_wheel::{Metadata, SdistName, SdistNameError, WheelName, WheelSource};
use url::Url;

use crate::{IndexError, Problem};

/// A place where artefacts are published.
pub trait Origin: Send + Sync {
    /// What is published of the project `name`.
    ///
    /// # Errors
    /// [`IndexError::NotFound`] when it has no such project; other errors when it can't say.
    fn project(&self, name: &PackageName) -> Result<Project, IndexError>;

    /// The metadata of a wheel of that project.
    ///
    /// # Errors
    /// When it can't be had or is broken.
    fn metadata(&self, file: &File) -> Result<Metadata, IndexError>;

    /// The bytes of a file, to be read from any place in it.
    ///
    /// # Errors
    /// When the file can't be had, or has another size than declared.
    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError>;

    /// Writes all bytes of a file, and says what they hash to.
    ///
    /// # Errors
    /// When the file can't be had, or size or hash are others than declared. What was written
    /// until then is worthless.
    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError>;

    /// What the bytes of a file hash to: as declared, or else found by streaming all of them.
    ///
    /// # Errors
    /// As [`download`](Self::download).
    fn sha256(&self, file: &File) -> Result<Sha256, IndexError> {
        match file.sha256 {
            Some(declared) => Ok(declared),
            None => self.download(file, &mut io::sink()),
        }
    }
}

/// The published files of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// Its normalised name.
    pub name: PackageName,
    /// Its files, in the order of their names, then of their URLs. A package index lists each name
    /// once. Elsewhere two files may share one: their URLs tell them apart.
    pub files: Vec<File>,
    /// The status of the project (PEP 792), if the origin reports one.
    pub status: Option<ProjectStatus>,
    /// Skipped entries, and other facts that a person should look at. They are not fatal: `files` is correct as far as
    /// it goes.
    pub problems: Vec<Problem>,
}

impl Project {
    pub(crate) fn new(name: &PackageName, mut files: Vec<File>, problems: Vec<Problem>) -> Self {
        files.sort_by(|one, other| (&one.filename, &one.url).cmp(&(&other.filename, &other.url)));
        Self { name: name.clone(), files, status: None, problems }
    }
}

/// The state of a project, where it is another than active (PEP 792).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectStatus {
    /// `archived`, `quarantined`, `deprecated`, or a word of a later standard.
    pub marker: String,
    /// Why, where that is told.
    pub reason: Option<String>,
}

/// One published file, as its origin declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its name, without folders.
    pub filename: String,
    /// Where it is, without credentials and without a fragment.
    pub url: Url,
    /// What its bytes hash to, where that is declared.
    pub sha256: Option<Sha256>,
    /// Size in bytes, if declared. HTML does not declare it.
    pub size: Option<u64>,
    /// `Requires-Python`, as spelled.
    pub requires_python: Option<String>,
    /// The reason, possibly empty, for which the file was yanked (PEP 592); none if it was not.
    pub yanked: Option<String>,
    /// The metadata file beside it, where the origin offers one (PEP 658, PEP 714).
    pub core_metadata: Option<CoreMetadata>,
    /// When it was uploaded, as spelled (RFC 3339), where that is told (PEP 700, GitHub).
    pub uploaded: Option<String>,
    /// For which variant it was built (`cu128`, `cpu`), where its place and not its name says so:
    /// the one page that lists it, or its folder.
    pub variant: Option<String>,
    /// The release of a repository that it is attached to.
    pub release: Option<Release>,
    /// The source of these facts, if it is not the server that has the file.
    pub published: Option<Published>,
}

impl File {
    /// A file of which only the address is known.
    ///
    /// # Errors
    /// When `url` does not lead to a file by HTTP.
    pub fn at(url: &str) -> Result<Self, IndexError> {
        let invalid = |message: &str| IndexError::Url {
            url: crate::http::without_credentials(url),
            message: message.to_owned(),
        };
        let mut url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are supported"));
        }
        let fragment = url.fragment().map(str::to_owned);
        url.set_fragment(None);
        // Credentials are sent by the client, and must not stand in what is stored or shown.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let segment = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let filename = percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
        if !is_plain(&filename) {
            return Err(invalid("it does not end in a file name"));
        }
        let sha256 = fragment
            .as_deref()
            .and_then(|fragment| fragment.split('&').find_map(|part| part.strip_prefix("sha256=")))
            .map(str::parse)
            .transpose()
            .map_err(|error: InvalidSha256| invalid(&error.to_string()))?;
        Ok(Self { sha256, ..Self::new(filename, url) })
    }

    /// A file of which nothing else is known.
    pub(crate) fn new(filename: String, url: Url) -> Self {
        Self {
            filename,
            url,
            sha256: None,
            size: None,
            requires_python: None,
            yanked: None,
            core_metadata: None,
            uploaded: None,
            variant: None,
            release: None,
            published: None,
        }
    }
}

/// Whether a text is the name of a file: no folders, nothing that moves a terminal's cursor.
pub(crate) fn is_plain(filename: &str) -> bool {
    !filename.is_empty()
        && !matches!(filename, "." | "..")
        && !filename.contains(['/', '\\'])
        && !filename.chars().any(char::is_control)
}

/// Whether a wheel or an sdist of that name is of project `name`. One whose name does not parse
/// counts by what stands before its first dash, so that it is listed and not lost.
pub(crate) fn is_of(name: &PackageName, filename: &str) -> bool {
    if filename.strip_suffix(".whl").is_some() {
        return match filename.parse::<WheelName>() {
            Ok(wheel) => wheel.name() == name,
            Err(_) => project_before_dash(filename).as_ref() == Some(name),
        };
    }
    matches!(SdistName::parse(filename, name), Ok(_) | Err(SdistNameError::Version { .. }))
}

/// The project of a wheel, by its name.
pub(crate) fn project_of_wheel(filename: &str) -> Option<PackageName> {
    match filename.parse::<WheelName>() {
        Ok(wheel) => Some(wheel.name().clone()),
        Err(_) => filename.strip_suffix(".whl").and_then(project_before_dash),
    }
}

fn project_before_dash(filename: &str) -> Option<PackageName> {
    filename.split('-').next().unwrap_or_default().parse().ok()
}

/// A release of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Its tag, as spelled.
    pub tag: String,
    /// The version that the tag names, where it names one: `v2.8.3`, `release/2.8.3`,
    /// `flash-attn-2.8.3` and `v2.8.3-torch2.11` name `2.8.3`.
    pub version: Option<Version>,
    /// Whether it is marked as a pre-release. Not known, so `false`, where only the tag is.
    pub prerelease: bool,
}

impl Release {
    /// The release of that tag.
    pub fn of_tag(tag: &str, prerelease: bool) -> Self {
        // A tag of thousands of dashes is none to think about.
        const MOST_CUTS: usize = 16;
        // The name of a package or a branch may stand before the version, and more after it: the first
        // and longest part between separators that is one.
        let cuts: Vec<usize> = tag
            .char_indices()
            .filter(|(_, char)| matches!(char, '/' | '-' | '_' | '@'))
            .map(|(at, _)| at)
            .take(MOST_CUTS)
            .collect();
        let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut + 1));
        let ends = || std::iter::once(tag.len()).chain(cuts.iter().rev().copied());
        let version = starts
            .flat_map(|start| ends().filter_map(move |end| tag.get(start..end)))
            .find_map(|text| text.trim_start_matches(['v', 'V']).parse().ok());
        Self { tag: tag.to_owned(), version, prerelease }
    }
}

/// The source of facts about a file that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// One of the places that state it, such as `owner/repository:path/uv.lock`.
    pub source: String,
    /// How many places state it.
    pub sources: u64,
    /// Whether none of them tells the whole URL: it was completed from the index that they name.
    pub url_derived: bool,
}

/// That an origin offers the metadata of a wheel as a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreMetadata {
    /// What its bytes hash to, where that is declared.
    pub sha256: Option<Sha256>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_name_versions() {
        for (tag, version) in [
            ("v2.8.3", Some("2.8.3")),
            ("2.8.3.post1", Some("2.8.3.post1")),
            ("V1.0-rc1", Some("1.0rc1")),
            ("release/2.8", Some("2.8")),
            ("flash-attn-v2.8.3", Some("2.8.3")),
            ("toy@1.0", Some("1.0")),
            ("v1.2.2+cu124", Some("1.2.2+cu124")),
            ("cu128_1.0", Some("1.0")),
            ("v1.6.1.post4-torch2.11", Some("1.6.1.post4")),
            ("v2.8.3-cu12-torch2.10-cp312", Some("2.8.3")),
            ("fa2cu129", None),
            ("nightly", None),
            ("v", None),
            ("", None),
            ("-", None),
        ] {
            let release = Release::of_tag(tag, false);
            assert_eq!(release.version.map(|version| version.to_string()).as_deref(), version, "{tag}");
        }
    }

    #[test]
    fn files_of_a_project() {
        let name = "flash-attn".parse().unwrap();
        for (filename, expected) in [
            ("flash_attn-2.8.3+cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl", true),
            ("Flash.Attn-2.8.3-py3-none-any.whl", true),
            ("flash_attn-of today.whl", true),
            ("flash-attn-2.8.3.tar.gz", true),
            ("flash-attn-of-today.tar.gz", true),
            ("flash_attn_3-3.0-py3-none-any.whl", false),
            ("flash_attn-2.8.3.whl.sha256", false),
            ("flash_attn-2.8.3.exe", false),
            ("SHA256SUMS", false),
        ] {
            assert_eq!(is_of(&name, filename), expected, "{filename}");
        }
    }

    #[test]
    fn names_of_files() {
        for filename in ["", ".", "..", "a/b", "a\\b", "a\n", "\u{1b}[2J", "a\0"] {
            assert!(!is_plain(filename), "{filename:?}");
        }
        assert!(is_plain("torch-2.9.1+cu128.whl"));
    }
}
