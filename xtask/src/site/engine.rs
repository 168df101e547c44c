//! The program itself, and the catalogue in the parts that it asks for.

use std::io;
use std::path::Path;

use axle_catalogue::Folder;

use super::shard;
use crate::wasm::Module;

/// Writes the module with its script, and every shard.
pub fn write(module: &Module, catalogue: &Folder, folder: &Path) -> io::Result<()> {
    let data = shard::script("engine", &module.bytes)?;
    shard::place(folder, "engine", &format!("{}\n{data}", module.script))?;
    for (name, shard) in axle_web::shards::shards(catalogue)? {
        shard::write(folder, &format!("engine/{name}"), &shard)?;
    }
    Ok(())
}
