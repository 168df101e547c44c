//! Tables of published facts (hashes, URLs) about files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use axle_types::{PackageName, Sha256};
use axle_wheel::{Metadata, WheelSource};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::http::Client;
use crate::origin::{Published, Release, project_of_wheel};
use crate::remote_file::{RemoteFile, fetch, metadata};
use crate::{File, IndexError, Origin, Problem, Project};

/// A table of facts about wheels that were gathered from what others published, such as lock files;
/// threads may share it.
///
/// Each line is a JSON object:
///
/// ```json
/// {"filename": "torch-2.9.1+cu128-cp312-cp312-manylinux_2_28_x86_64.whl",
///  "url": "https://download.pytorch.org/whl/cu128/torch-2.9.1%2Bcu128-cp312-cp312-manylinux_2_28_x86_64.whl",
///  "sha256": "…", "size": 899742281, "sources": 3, "source": "owner/repository:path/uv.lock",
///  "url_derived": true}
/// ```
///
/// `size` and `url_derived` may be missing, and other fields are passed over. A broken line, and lines
/// that contradict each other, become [problems](Self::problems) and give no file. The identity of a
/// file is its URL, however its `+` is spelled.
///
/// The files are what was declared: nobody has seen their bytes here, and [`File::published`] says who
/// states it. [`Origin::download`] and [`Origin::open`] go to their URLs.
#[derive(Clone, Debug)]
pub struct PublishedFacts {
    client: Client,
    path: String,
    projects: BTreeMap<PackageName, Vec<File>>,
    problems: Vec<(Option<PackageName>, Problem)>,
}

/// The most bytes in a line.
const LONGEST_LINE: u64 = 64 << 10;

impl PublishedFacts {
    /// Reads the table at `table`, without what `conflicts` lists: a file of JSON lines with a `url`
    /// each, for which different hashes are known to be published; those with a `repository` are about none.
    ///
    /// # Errors
    /// When a file can't be read, or a line of `conflicts` is broken: it could be about any file.
    pub fn load(client: &Client, table: &Path, conflicts: Option<&Path>) -> Result<Self, IndexError> {
        let mut distrusted = BTreeSet::new();
        if let Some(path) = conflicts {
            for (line, text) in lines(path)? {
                let conflict = text.and_then(|text| json::<JsonConflict>(&text));
                let broken = |message| IndexError::List { path: path.to_path_buf(), line, message };
                // A conflict about a repository is about no file.
                let JsonConflict::Url { url } = conflict.map_err(broken)? else { continue };
                distrusted.insert(identity(&url).map_err(broken)?);
            }
        }
        Ok(Self::read(client, table, lines(table)?, &distrusted))
    }

    fn read(client: &Client, path: &Path, lines: Vec<Line>, distrusted: &BTreeSet<String>) -> Self {
        let mut problems = Vec::new();
        let mut facts: BTreeMap<String, Vec<(u64, PackageName, File)>> = BTreeMap::new();
        for (line, text) in lines {
            match text.and_then(|text| fact(&text)) {
                Ok((identity, name, file)) => facts.entry(identity).or_default().push((line, name, file)),
                Err(message) => {
                    problems.push((None, Problem::Line { path: path.to_path_buf(), line, message }));
                }
            }
        }
        let mut projects: BTreeMap<PackageName, Vec<File>> = BTreeMap::new();
        for (identity, mut stated) in facts {
            // Of those that agree, the one that most places state.
            stated.sort_by_key(|(line, _, file)| {
                (std::cmp::Reverse(file.published.as_ref().map(|published| published.sources)), *line)
            });
            let Some((line, name, mut file)) = stated.first().cloned() else { continue };
            let sizes: BTreeSet<u64> = stated.iter().filter_map(|(_, _, other)| other.size).collect();
            let url = file.url.to_string();
            let path = path.to_path_buf();
            if sizes.len() > 1 || stated.iter().any(|(_, _, other)| other.sha256 != file.sha256) {
                let lines = stated.iter().map(|(line, ..)| *line).collect::<BTreeSet<_>>();
                let lines = lines.into_iter().collect();
                problems.push((Some(name), Problem::Conflict { path, lines, url }));
            } else if distrusted.contains(&identity) {
                problems.push((Some(name), Problem::Distrusted { path, line, url }));
            } else {
                file.size = sizes.first().copied();
                projects.entry(name).or_default().push(file);
            }
        }
        let path = path.display().to_string();
        Self { client: client.clone(), path, projects, problems }
    }

    /// All projects of which it knows a file.
    pub fn projects(&self) -> impl Iterator<Item = &PackageName> {
        self.projects.keys()
    }

    /// All that is wrong with the table. Of [`Project::problems`] the broken lines are no part: what
    /// they are about can't be read.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().map(|(_, problem)| problem)
    }
}

impl Origin for PublishedFacts {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let files = self.projects.get(name).cloned().unwrap_or_default();
        let problems: Vec<Problem> = self
            .problems
            .iter()
            .filter(|(about, _)| about.as_ref() == Some(name))
            .map(|(_, problem)| problem.clone())
            .collect();
        if files.is_empty() && problems.is_empty() {
            return Err(IndexError::NotFound {
                name: name.clone(),
                origin: self.path.clone(),
                hint: "check the spelling, and that the table has a line for it",
            });
        }
        Ok(Project::new(name, files, problems))
    }

    fn metadata(&self, file: &File) -> Result<Metadata, IndexError> {
        metadata(&self.client, file)
    }

    fn open(&self, file: &File) -> Result<Box<dyn WheelSource>, IndexError> {
        Ok(Box::new(RemoteFile::open(&self.client, file)?))
    }

    fn download(&self, file: &File, writer: &mut dyn Write) -> Result<Sha256, IndexError> {
        fetch(&self.client, file, writer)
    }
}

#[derive(Deserialize)]
struct JsonFact {
    filename: String,
    url: String,
    sha256: Sha256,
    size: Option<u64>,
    sources: u64,
    source: String,
    #[serde(default)]
    url_derived: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonConflict {
    Url {
        url: String,
    },
    Repository {
        #[serde(rename = "repository")]
        _repository: String,
    },
}

/// The number of a line, from 1, and the line, or why it can't be read.
type Line = (u64, Result<String, String>);

/// The lines of a file that are not blank.
fn lines(path: &Path) -> Result<Vec<Line>, IndexError> {
    let mut reader = BufReader::new(fs_err::File::open(path).map_err(IndexError::Local)?);
    let mut lines = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        let count =
            reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(IndexError::Local)?;
        if count == 0 {
            break;
        }
        if count as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(IndexError::Local)?;
            lines.push((number, Err(format!("it is longer than {LONGEST_LINE} bytes"))));
            continue;
        }
        let text = String::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned());
        if !text.as_deref().is_ok_and(|text| text.trim().is_empty()) {
            lines.push((number, text));
        }
    }
    Ok(lines)
}

fn json<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    // The line of the table is told beside the message; within it there is one.
    serde_json::from_str(line.trim()).map_err(|error| error.to_string().replace(" line 1 ", " "))
}

/// What tells files apart: their URLs, read past how they are spelled.
pub(crate) fn identity(url: &str) -> Result<String, String> {
    let url = Url::parse(url).map_err(|error| format!("`{}` is not a URL: {error}", url.escape_debug()))?;
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    Ok(format!("{}{path}", url.origin().ascii_serialization()))
}

/// What a line states, of which file of which project.
pub(crate) fn fact(line: &str) -> Result<(String, PackageName, File), String> {
    let fact: JsonFact = json(line)?;
    let file = File::at(&fact.url).map_err(|error| error.to_string())?;
    if file.filename != fact.filename {
        return Err(format!(
            "the file name is `{}`, but the URL ends in another one",
            fact.filename.escape_debug()
        ));
    }
    if file.sha256.is_some_and(|sha256| sha256 != fact.sha256) {
        return Err("the hash in the URL differs from the one in the line".to_owned());
    }
    let name = project_of_wheel(&file.filename)
        .ok_or_else(|| format!("`{}` is not the name of a wheel", file.filename.escape_debug()))?;
    let (variant, release) = places(&file.url);
    let published = Published { source: fact.source, sources: fact.sources, url_derived: fact.url_derived };
    let file = File {
        sha256: Some(fact.sha256),
        size: fact.size,
        variant,
        release,
        published: Some(published),
        ..file
    };
    Ok((identity(&fact.url)?, name, file))
}

/// What the URL of a file tells by the layout of its server: the variant on PyTorch's
/// (`…/whl/cu128/torch-….whl`), the release on GitHub (`…/releases/download/v1.0/x-….whl`).
fn places(url: &Url) -> (Option<String>, Option<Release>) {
    let segments: Vec<String> = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    match segments.as_slice() {
        [.., whl, variant, _] if whl == "whl" => (Some(variant.clone()), None),
        [_, _, releases, download, tag @ .., _] if releases == "releases" && download == "download" => {
            // A tag may hold slashes, spelled as they are or as %2F.
            (None, Some(Release::of_tag(&tag.join("/"), false)))
        }
        _ => (None, None),
    }
}
