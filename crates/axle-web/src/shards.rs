//! Shards of the catalogue, of which a page loads only those that an answer needs.
//!
//! | shard | what |
//! | --- | --- |
//! | `start` | what every answer reads: the matrix, the toolkits, what is written by hand of each package |
//! | `cells/<system>/<python>-<cuda>` | the cells of one target |
//! | `builds` | where the files of plans are, and their sizes |
//! | `artefacts` | every artefact, and what sources are compiled with: a refusal of versions is solved with them |
//!
//! A shard is a JSON object of the contents of files by path. That of `start` lists all shards as a file more, so that
//! a target without cells is told from one whose cells were not fetched yet.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use axle_catalogue::{BUILD_ENVIRONMENTS, Files, Folder};

/// The shard that has to be there before anything can be asked.
pub const START: &str = "start";
/// The list of all shards, as a file of [`START`].
const LIST: &str = "shards.json";

/// The contents of files, by path.
pub type Shard = BTreeMap<String, String>;

/// The shard that a file or folder of the catalogue is in.
fn shard_of(path: &str) -> &str {
    match path.split('/').next() {
        Some("cells") => path.strip_suffix(".json").unwrap_or(path),
        Some("builds") => "builds",
        Some("artefacts" | BUILD_ENVIRONMENTS) => "artefacts",
        _ => START,
    }
}

/// All shards of a catalogue, by name.
///
/// # Errors
/// When a file cannot be read.
pub fn shards(catalogue: &Folder) -> io::Result<BTreeMap<String, Shard>> {
    let mut shards: BTreeMap<String, Shard> = BTreeMap::new();
    let files = [
        "matrix.toml",
        "compilers.json",
        "toolkits.json",
        "packages",
        "cells",
        "builds",
        BUILD_ENVIRONMENTS,
        "artefacts",
    ];
    for path in catalogue.files_under(&files)? {
        let bytes = catalogue.read(&path)?.unwrap_or_default();
        let text = String::from_utf8(bytes.into_owned()).map_err(io::Error::other)?;
        shards.entry(shard_of(&path).to_owned()).or_default().insert(path, text);
    }
    let names: BTreeSet<String> = shards.keys().cloned().collect();
    let list = serde_json::to_string(&names).map_err(io::Error::other)?;
    shards.entry(START.to_owned()).or_default().insert(LIST.to_owned(), list);
    Ok(shards)
}

/// A catalogue in those of its shards that were fetched so far.
#[derive(Debug, Clone, Default)]
pub struct Shards(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<str>>,
    /// All there are, once [`START`] is there.
    known: Option<BTreeSet<String>>,
    held: BTreeSet<String>,
    lacking: BTreeSet<String>,
}

impl Shards {
    /// Adds a shard, as it is in JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn put(&self, name: &str, json: &[u8]) -> Result<(), serde_json::Error> {
        let mut shard: Shard = serde_json::from_slice(json)?;
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = shard.remove(LIST) {
            state.known = Some(serde_json::from_str(&list)?);
        }
        state.files.extend(shard.into_iter().map(|(path, text)| (path, text.into())));
        state.held.insert(name.to_owned());
        Ok(())
    }

    /// The shards that were read from since the last time and were not there.
    pub fn take_lacking(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.0.write().unwrap_or_else(PoisonError::into_inner).lacking)
    }

    /// Does something with the files once the shard of a path is there; nothing where there is no such shard.
    fn with<T>(
        &self,
        path: &str,
        read: impl FnOnce(&BTreeMap<String, Arc<str>>) -> T,
    ) -> io::Result<Option<T>> {
        let shard = shard_of(path);
        {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if state.held.contains(shard) {
                return Ok(Some(read(&state.files)));
            }
            if state.known.as_ref().is_some_and(|known| !known.contains(shard)) {
                return Ok(None);
            }
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.lacking.insert(shard.to_owned());
        Err(io::Error::other(format!("{path} has not been fetched yet")))
    }
}

impl Files for Shards {
    fn read(&self, path: &str) -> io::Result<Option<Cow<'static, [u8]>>> {
        let file = self.with(path, |files| files.get(path).map(Arc::clone))?.flatten();
        Ok(file.map(|text| text.as_bytes().to_vec().into()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let below = format!("{folder}/");
        let names = self.with(folder, |files| {
            let paths = files.range(below.clone()..).map_while(|(path, _)| path.strip_prefix(&below));
            paths.filter(|name| !name.contains('/')).map(str::to_owned).collect()
        })?;
        Ok(names.unwrap_or_default())
    }

    fn describe(&self, path: &str) -> String {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use axle_catalogue::Catalogue;
    use axle_plan::Lookup;
    use axle_solve::CatalogueSolver;

    use super::*;

    fn folder() -> Folder {
        Folder::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue"))
    }

    /// The answer of shards that are fetched as they are asked for, and in how many rounds which.
    fn fetched(question: &str) -> (String, Vec<String>) {
        let all = shards(&folder()).unwrap();
        let files = Shards::default();
        let catalogue = Catalogue::new(files.clone());
        let put = |name: &str| files.put(name, &serde_json::to_vec(&all[name]).unwrap()).unwrap();
        put(START);
        let solver = CatalogueSolver::default();
        let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
        let mut rounds = Vec::new();
        loop {
            let answer = crate::ask(&catalogue, &lookup, question);
            let lacking = files.take_lacking();
            if lacking.is_empty() {
                return (answer, rounds);
            }
            for name in &lacking {
                put(name);
            }
            rounds.push(lacking.into_iter().collect::<Vec<_>>().join(" "));
        }
    }

    #[test]
    fn an_answer_names_the_shards_that_it_lacks_and_is_the_same_with_them() {
        let catalogue = Catalogue::new(folder());
        let solver = CatalogueSolver::default();
        let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
        let target = r#""python": "3.12", "cuda": "12.8", "gpus": ["RTX 3090"]"#;
        for (rest, expected) in [
            (r#""packages": ["torch"]"#, &["cells/x86_64-linux/3.12-12.8", "builds"][..]),
            (r#""packages": ["torch==2.9.99"]"#, &["cells/x86_64-linux/3.12-12.8", "artefacts"]),
            // There are no such cells, and nothing to fetch.
            (r#""packages": ["torch"], "system": "aarch64-linux""#, &[]),
        ] {
            let question = format!("{{{target}, {rest}}}");
            let (answer, rounds) = fetched(&question);
            assert!(
                rounds.starts_with(&expected.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()),
                "{rounds:?}"
            );
            assert_eq!(answer, crate::ask(&catalogue, &lookup, &question), "{question}");
        }
    }

    #[test]
    fn what_is_no_shard_is_told() {
        assert!(Shards::default().put("builds", b"[]").is_err());
        assert!(Shards::default().put(START, br#"{"shards.json": "{}"}"#).is_err());
    }

    #[test]
    fn folders_are_listed_as_on_disk() {
        let files = Shards::default();
        let all = shards(&folder()).unwrap();
        for name in [START, "builds"] {
            files.put(name, &serde_json::to_vec(&all[name]).unwrap()).unwrap();
        }
        for path in ["packages", "builds/torch", "builds/no-such-package"] {
            assert_eq!(files.list(path).unwrap(), folder().list(path).unwrap(), "{path}");
        }
        assert!(files.list("artefacts").is_err());
        assert_eq!(files.take_lacking(), ["artefacts".to_owned()].into());
    }
}
