//! The README and the pages of the book, and the fenced blocks in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The repository.
pub fn root() -> PathBuf {
    fs_err::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap()
}

/// Copies a folder; the copy can be written to.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-r", "--no-preserve=mode"]).args([from, to]).status().unwrap();
    assert!(copied.success(), "{} cannot be copied", from.display());
}

/// A page in Markdown.
pub struct Page {
    /// Its path below the root.
    pub path: String,
    pub text: String,
}

/// A fenced block of a page.
pub struct Block {
    /// Where it is, as `docs/nix.md:7`.
    pub place: String,
    /// The first word after the fence.
    pub language: String,
    /// The others, after commas.
    pub marks: Vec<String>,
    pub text: String,
}

/// The README, and every page of the book.
pub fn pages() -> Vec<Page> {
    let mut paths = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/rules"] {
        for entry in fs_err::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if PathBuf::from(&name).extension().is_some_and(|extension| extension == "md") {
                paths.push(format!("{folder}/{name}"));
            }
        }
    }
    paths.sort();
    let read = |path: String| Page { text: fs_err::read_to_string(root().join(&path)).unwrap(), path };
    paths.into_iter().map(read).collect()
}

impl Page {
    /// The fenced blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (event, range) in Parser::new(&self.text).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let mut words = info.split(',').map(|word| word.trim().to_owned());
                    let line = self.text[..range.start].lines().count() + 1;
                    open = Some(Block {
                        place: format!("{}:{line}", self.path),
                        language: words.next().unwrap_or_default(),
                        marks: words.collect(),
                        text: String::new(),
                    });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// What stands as code within sentences.
    pub fn code(&self) -> Vec<String> {
        let code = |event| match event {
            Event::Code(text) => Some(text.into_string()),
            _ => None,
        };
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).filter_map(code).collect()
    }

    /// Where its links and pictures lead.
    pub fn links(&self) -> Vec<String> {
        let link = |event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            _ => None,
        };
        Parser::new(&self.text).filter_map(link).collect()
    }
}

impl Block {
    /// The file of the repository that it quotes, by its first line: `# catalogue/matrix.toml`; and the lines below.
    pub fn quote(&self) -> Option<(&str, &str)> {
        let (first, quoted) = self.text.split_once('\n')?;
        Some((first.strip_prefix("# ").filter(|path| path.contains('/'))?, quoted))
    }

    /// Whether what it quotes stands in that file.
    pub fn is_quoted_rightly(&self) -> Result<(), String> {
        let Some((path, quoted)) = self.quote() else { return Ok(()) };
        let text = fs_err::read_to_string(root().join(path)).map_err(|error| error.to_string())?;
        if text.contains(quoted) { Ok(()) } else { Err(format!("{path} has no such text")) }
    }

    /// Whether the fence bears a mark.
    pub fn is(&self, mark: &str) -> bool {
        self.marks.iter().any(|own| own == mark)
    }
}
