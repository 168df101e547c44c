//! How long the generated files of the repository's catalogue take to read, the fastest of some times:
//! `cargo bench -p axle-catalogue`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::time::Instant;

use axle_catalogue::{Catalogue, Folder};
use rayon::prelude::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue");
const TIMES: u32 = 20;

fn main() {
    for folders in [&["artefacts"][..], &["builds"], &["cells"], &["artefacts", "builds", "cells"]] {
        measure(folders);
    }
}

fn measure(folders: &[&str]) {
    let mut fewest = f64::INFINITY;
    let mut count = 0;
    for _ in 0..TIMES {
        let begun = Instant::now();
        count = read(folders);
        fewest = fewest.min(begun.elapsed().as_secs_f64());
    }
    anstream::println!("{:8.1} ms  the {count} files of {}", fewest * 1e3, folders.join(", "));
}

/// Reads all files below some folders of the catalogue; gives how many there are.
fn read(folders: &[&str]) -> usize {
    let catalogue = Catalogue::new(Folder::new(ROOT));
    let files = Folder::new(ROOT).files_under(folders).unwrap();
    let read = |path: &String| {
        let parts: Vec<_> = path.trim_end_matches(".json").split('/').collect();
        match parts.as_slice() {
            ["artefacts", name] => catalogue.artefacts(name).unwrap().is_some(),
            ["builds", name, version] => catalogue.builds(name, version).unwrap().is_some(),
            ["cells", system, target] => {
                let (python, cuda) = target.split_once('-').unwrap();
                let (system, python) = (system.parse().unwrap(), python.parse().unwrap());
                catalogue.cells(system, python, cuda.parse().unwrap()).unwrap().is_some()
            }
            _ => false,
        }
    };
    let count = files.par_iter().filter(|path| read(path)).count();
    assert_eq!(count, files.len(), "a file is of no kind that is read");
    count
}
