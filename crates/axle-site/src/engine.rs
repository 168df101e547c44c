//! Engine of the site: axle as WebAssembly, and the shards of the catalogue that it requests.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use axle_catalogue::Folder;

use crate::shard;
use crate::wasm::Module;

/// Writes the module with its script, and every shard; gives the shards' names.
pub fn write(module: &Module, catalogue: &Folder, folder: &Path) -> io::Result<BTreeSet<String>> {
    // As data, both: the page runs them in a thread of their own.
    let script = shard::script("engine/script", module.script.as_bytes())?;
    shard::place(folder, "engine/script", &script)?;
    shard::place(folder, "engine", &shard::script("engine", &module.bytes)?)?;
    let shards = axle_web::shards::shards(catalogue)?;
    for (name, shard) in &shards {
        shard::write(folder, &format!("engine/{name}"), shard)?;
    }
    Ok(shards.into_keys().collect())
}
