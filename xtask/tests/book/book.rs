//! The book, as mdBook makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mdbook_driver::MDBook;
use scraper::{Html, Selector};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes the book to its place; gives that, and what mdBook warned of.
pub fn build(source: &Path) -> (PathBuf, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let target = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let book = MDBook::load(source).unwrap();
    book.build().unwrap();
    drop(target);
    let warnings = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (fs_err::canonicalize(book.build_dir_for("html")).unwrap(), warnings)
}

/// What the pages of a folder link to and can be linked by.
pub struct Site {
    /// The anchors of each page, by its path below the folder.
    anchors: BTreeMap<PathBuf, BTreeSet<String>>,
    links: Vec<(PathBuf, String)>,
    folder: PathBuf,
}

impl Site {
    /// Reads every page of the book.
    pub fn read(folder: &Path) -> Self {
        let mut site = Self { anchors: BTreeMap::new(), links: Vec::new(), folder: folder.to_owned() };
        let everything = Selector::parse("*").unwrap();
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // print.html is all pages in one, and 404.html is for servers.
            let is_page = path.extension().is_some_and(|extension| extension == "html")
                && !["print.html", "404.html", "toc.html"]
                    .contains(&path.file_name().unwrap().to_str().unwrap());
            if !is_page {
                continue;
            }
            let page = PathBuf::from(path.file_name().unwrap());
            let html = Html::parse_document(&fs_err::read_to_string(&path).unwrap());
            let anchors = site.anchors.entry(page.clone()).or_default();
            for element in html.select(&everything) {
                anchors.extend(element.attr("id").map(str::to_owned));
                let link = match element.value().name() {
                    "a" => element.attr("href"),
                    "img" => element.attr("src"),
                    _ => None,
                };
                site.links.extend(link.map(|link| (page.clone(), link.to_owned())));
            }
        }
        site
    }

    /// The links of the book that lead nowhere.
    pub fn broken(&self) -> Vec<String> {
        let broken = self.links.iter().filter(|(page, link)| !self.leads_somewhere(page, link));
        broken.map(|(page, link)| format!("{}: {link}", page.display())).collect()
    }

    /// Whether a link from a page leads to a page, an anchor or a file of the book, or out into the world.
    pub fn leads_somewhere(&self, page: &Path, link: &str) -> bool {
        if link.starts_with("https://") {
            return true;
        }
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let target = if path.is_empty() { page.to_owned() } else { PathBuf::from(path) };
        match (self.anchors.get(&target), anchor) {
            (Some(anchors), Some(anchor)) => anchors.contains(anchor),
            (Some(_), None) => true,
            (None, _) => !path.starts_with("..") && self.folder.join(target).is_file(),
        }
    }
}
