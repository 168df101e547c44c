//! WebAssembly build of axle-web.
//!
//! A machine whose Rust has the target's standard library uses it (`rustup target add wasm32-unknown-unknown`). Any
//! other gets [Debian](axle_provision::debian) sid's compiler, the only one there that is new enough, with its standard libraries
//! and its linker; what runs while it compiles is linked by the machine's own gcc.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axle_provision::cargo::{artefacts, cargo};
use axle_provision::debian::{self, Unpacked, Wanted, output};
use fs_err as fs;
use thiserror::Error;
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";
/// What a machine gets whose Rust lacks the target.
const WANTED: Wanted = Wanted {
    what: "Rust for WebAssembly",
    name: "rust",
    suite: "sid",
    packages: &["rustc", "libstd-rust-dev-wasm32", "lld"],
    present: &["gcc", "libc-dev", "binutils"],
};

#[derive(Debug, Error)]
pub enum Error {
    #[error(transparent)]
    Debian(#[from] debian::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("cannot run cargo: {0}")]
    Start(io::Error),
    #[error("failed to compile axle-web to WebAssembly")]
    Failed,
    #[error("cargo did not report a WebAssembly module")]
    NotBuilt,
    #[error("failed to generate JavaScript bindings for the module: {0}")]
    Bind(String),
}

/// A module, and the script that binds it to JavaScript, as a global `wasm_bindgen`.
pub struct Module {
    pub script: String,
    pub bytes: Vec<u8>,
}

/// Compiles axle-web of the workspace in the working folder.
pub fn build() -> Result<Module, Error> {
    let mut command = cargo();
    command.args(["rustc", "--package", "axle-web", "--lib", "--crate-type", "cdylib"]);
    command.args(["--profile", "site", "--target", TARGET]);
    // Apart from all else, since another compiler compiles it.
    command.args(["--target-dir", "target/wasm", "--message-format", "json-render-diagnostics"]);
    if !is_supported(Path::new("rustc")) {
        let works = |folder: &Path| is_supported(&folder.join("bin/rustc"));
        let bin = debian::ensure(&WANTED, works, finish)?.join("bin");
        command.env("RUSTC", bin.join("rustc"));
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", bin.join("wasm-ld"));
    }
    let built = command.stderr(Stdio::inherit()).output().map_err(Error::Start)?;
    if !built.status.success() {
        return Err(Error::Failed);
    }
    let mut files = artefacts(&built.stdout).flat_map(|artefact| artefact.filenames);
    let module = files.find(|file| file.file_name() == Some("axle_web.wasm"));
    bind(module.ok_or(Error::NotBuilt)?.as_std_path())
}

fn bind(module: &Path) -> Result<Module, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Bind(error.to_string());
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).typescript(false).remove_name_section(true).remove_producers_section(true);
    let bindgen = bindgen.no_modules(true).map_err(|error| failed(&error))?;
    let mut output = bindgen.generate_output().map_err(|error| failed(&error))?;
    Ok(Module { script: output.js().to_owned(), bytes: output.wasm_mut().emit_wasm() })
}

/// Whether a compiler has the target's standard library.
fn is_supported(rustc: &Path) -> bool {
    let folder = output(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_ok_and(|folder| Path::new(String::from_utf8_lossy(&folder.stdout).trim()).is_dir())
}

/// Puts programs beside what was unpacked that run it through the loader unpacked with it. Its libraries say themselves
/// where to look for theirs, so that to patch the programs is not enough.
fn finish(unpacked: &Unpacked) -> Result<(), debian::Error> {
    let loader = unpacked.loader()?;
    let libraries = unpacked.moved(loader.parent().unwrap_or(&loader));
    let loader = unpacked.moved(&loader);
    let bin = unpacked.folder.join("bin");
    fs::create_dir(&bin)?;
    for name in ["rustc", "wasm-ld"] {
        let program = fs::canonicalize(unpacked.folder.join("root/usr/bin").join(name))?;
        let program = unpacked.moved(&program);
        let quoted = |path: &PathBuf| axle_plan::shell_word(&path.display().to_string());
        // lld is told by its name what to link.
        let script = format!(
            "#!/bin/sh\nexec {} --library-path {} --argv0 {name} {} \"$@\"\n",
            quoted(&loader),
            quoted(&libraries),
            quoted(&program)
        );
        fs::write(bin.join(name), script)?;
        fs::set_permissions(bin.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    Ok(())
}
