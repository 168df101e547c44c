//! JavaScript interface of the engine.

use std::cell::OnceCell;
use std::sync::LazyLock;

use axle_catalogue::Catalogue;
use axle_plan::Lookup;
use axle_solve::CatalogueSolver;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::shards::Shards;

static SHARDS: LazyLock<Shards> = LazyLock::new(Shards::default);
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(SHARDS.clone()));

thread_local! {
    /// Kept from question to question, with all that it has read.
    static LOOKUP: OnceCell<Lookup<'static>> = const { OnceCell::new() };
}

/// Adds a shard of the catalogue. Says what is wrong with it, if anything is.
#[wasm_bindgen]
pub fn put(name: &str, json: &[u8]) -> Option<String> {
    SHARDS.put(name, json).err().map(|error| format!("{name} is not a shard of a catalogue: {error}"))
}

/// Answers a question, or names the shards that have to be put in before it can be answered: `{"needs": ["…"]}`.
#[wasm_bindgen]
pub fn ask(question: &str) -> String {
    let answer = LOOKUP.with(|lookup| {
        if lookup.get().is_none() {
            // Kept as long as the page.
            let solver: &'static CatalogueSolver = Box::leak(Box::default());
            match Lookup::new(&CATALOGUE) {
                Ok(new) => drop(lookup.set(new.with_solver(solver))),
                Err(error) => return serde_json::json!({ "error": error.to_string() }).to_string(),
            }
        }
        lookup.get().map(|lookup| crate::ask(&CATALOGUE, lookup, question)).unwrap_or_default()
    });
    let needs = SHARDS.take_lacking();
    if needs.is_empty() { answer } else { serde_json::json!({ "needs": needs }).to_string() }
}
