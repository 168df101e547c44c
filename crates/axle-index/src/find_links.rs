//! Find-links pages: HTML pages that link to wheels (pip's `--find-links`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use axle_types::{PackageName, Sha256};
use axle_wheel::{Metadata, WheelSource};
use url::Url;

use crate::http::{Client, shown, without_credentials};
use crate::origin::is_of;
use crate::package_index::LARGEST_PAGE;
use crate::remote_file::{RemoteFile, fetch, metadata};
use crate::simple_api::{self, Naming};
use crate::{File, IndexError, Origin, Problem, Project};

/// Pages that link to wheels, one for each variant; threads may share it.
///
/// The address may hold `{variant}`, which stands for each of a list, and `{name}`, which stands for
/// the project. PyTorch's index is `https://download.pytorch.org/whl/{variant}/{name}/` with variants
/// such as `cpu` and `cu128`. A page may be any page of the web: what counts are its links to wheels
/// and sdists of the project, each with the hash that `#sha256=` gives, or with none. A page of a
/// package index, also as JSON, is such a page too.
///
/// [`File::variant`] is the variant in whose folder a file lies, else that of the one page that lists
/// it. A file that several pages list (PyTorch lists its Triton so) has none.
#[derive(Clone, Debug)]
pub struct FindLinks {
    client: Client,
    /// Without credentials.
    template: String,
    variants: Vec<String>,
}

const VARIANT: &str = "{variant}";
const NAME: &str = "{name}";

impl FindLinks {
    /// The pages at `template`, one for each of `variants`; none where the template names none.
    ///
    /// # Errors
    /// When the template is no URL, or the variants do not fit it.
    pub fn new(
        client: &Client,
        template: &str,
        variants: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, IndexError> {
        let invalid =
            |message: &str| IndexError::Url { url: shown_template(template), message: message.to_owned() };
        let variants: Vec<String> =
            variants.into_iter().map(Into::into).collect::<BTreeSet<_>>().into_iter().collect();
        match (template.contains(VARIANT), variants.is_empty()) {
            (true, true) => return Err(invalid("it contains {variant}, but there is no list of variants")),
            (false, false) => {
                return Err(invalid("there is a list of variants, but it does not contain {variant}"));
            }
            _ => {}
        }
        let is_word = |variant: &String| {
            let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_' | '+');
            variant.starts_with(|char: char| char.is_ascii_alphanumeric()) && variant.chars().all(is_plain)
        };
        if let Some(variant) = variants.iter().find(|variant| !is_word(variant)) {
            return Err(invalid(&format!("`{}` is not a variant", variant.escape_debug())));
        }
        let links = Self { client: client.clone(), template: template.to_owned(), variants };
        // Whether it is a URL at all, before any work.
        links.page(links.variants.first().map(String::as_str), "x")?;
        Ok(links)
    }

    fn page(&self, variant: Option<&str>, name: &str) -> Result<Url, IndexError> {
        let text = self.template.replace(VARIANT, variant.unwrap_or_default()).replace(NAME, name);
        let invalid = |message: String| IndexError::Url { url: shown_template(&self.template), message };
        let mut url = Url::parse(&text).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are supported".to_owned()));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(url)
    }

    /// The files of the project that a page lists.
    fn listed(&self, page: &Url, name: &PackageName) -> Result<Vec<File>, IndexError> {
        let answer = self.client.get_whole(page, simple_api::ACCEPT, LARGEST_PAGE)?;
        // Links are relative to where the page was found in the end.
        let base = Url::parse(&answer.head.url).unwrap_or_else(|_| page.clone());
        let listed = simple_api::parse(&base, &answer.head.content_type, &answer.body, Naming::ByUrl)
            .map_err(|message| IndexError::Answer {
                url: shown(page),
                message: format!("{message}; check that it is a page of links to wheels"),
            })?;
        Ok(listed.files.into_iter().filter(|file| is_of(name, &file.filename)).collect())
    }

    /// The variant of a file, which the pages of `listed_by` list.
    fn variant(&self, file: &File, listed_by: &BTreeSet<Option<&str>>) -> Option<String> {
        let folders: Vec<&str> = file.url.path_segments().into_iter().flatten().collect();
        let of_folder = self.variants.iter().rev().find(|variant| folders.contains(&variant.as_str()));
        let of_page = match listed_by.len() {
            1 => listed_by.first().copied().flatten(),
            _ => None,
        };
        of_folder.map(String::as_str).or(of_page).map(str::to_owned)
    }
}

impl Origin for FindLinks {
    fn project(&self, name: &PackageName) -> Result<Project, IndexError> {
        let mut found: BTreeMap<Url, (File, BTreeSet<Option<&str>>)> = BTreeMap::new();
        let mut problems = Vec::new();
        let variants: Vec<Option<&str>> = match self.variants.as_slice() {
            [] => vec![None],
            variants => variants.iter().map(|variant| Some(variant.as_str())).collect(),
        };
        for variant in variants {
            let page = self.page(variant, name.as_ref())?;
            let files = match self.listed(&page, name) {
                Ok(files) => files,
                // Stores of files say 403 of what is not there to those who may not list them.
                Err(IndexError::Status { url, status: status @ (403 | 404 | 410) }) => {
                    problems.push(Problem::NoPage { url, status });
                    continue;
                }
                Err(error) => return Err(error),
            };
            for file in files {
                let (known, listed_by) =
                    found.entry(file.url.clone()).or_insert_with(|| (file.clone(), BTreeSet::new()));
                // Some pages give the hash and others don't.
                known.sha256 = known.sha256.or(file.sha256);
                if file.sha256.is_some_and(|sha256| known.sha256 != Some(sha256)) {
                    return Err(IndexError::Answer {
                        url: shown(&page),
                        message: format!("its hash of {} differs from the one given earlier", file.url),
                    });
                }
                listed_by.insert(variant);
            }
        }
        if found.is_empty() {
            if let Some(Problem::NoPage { url, status: status @ 403 }) = problems.first() {
                return Err(IndexError::Status { url: url.clone(), status: *status });
            }
            return Err(IndexError::NotFound {
                name: name.clone(),
                origin: shown_template(&self.template),
                hint: "check the spelling, and open the page in a browser",
            });
        }
        let files = found
            .into_values()
            .map(|(file, listed_by)| File { variant: self.variant(&file, &listed_by), ..file })
            .collect();
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

/// The template as it may be shown.
fn shown_template(template: &str) -> String {
    without_credentials(template).replace("%7B", "{").replace("%7D", "}")
}
