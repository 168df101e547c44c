//! How long the generated files of the repository's catalogue take to read, the fastest of some times:
//! `cargo bench -p axle-catalogue`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::any::Any;
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
        let loaded = load(folders);
        fewest = fewest.min(begun.elapsed().as_secs_f64());
        count = loaded.len();
    }
    anstream::println!("{:8.1} ms  the {count} files of {}", fewest * 1e3, folders.join(", "));
}

/// What all files below some folders of the catalogue hold.
fn load(folders: &[&str]) -> Vec<Box<dyn Any + Send>> {
    fn held<T: Any + Send>(value: Option<T>) -> Box<dyn Any + Send> {
        Box::new(value.unwrap())
    }
    let catalogue = Catalogue::new(Folder::new(ROOT));
    let load = |path: &String| {
        let parts: Vec<_> = path.trim_end_matches(".json").split('/').collect();
        match parts.as_slice() {
            ["artefacts", name] => held(catalogue.artefacts(name).unwrap()),
            ["builds", name, version] => held(catalogue.builds(name, version).unwrap()),
            ["cells", system, target] => {
                let (python, cuda) = target.split_once('-').unwrap();
                let (system, python) = (system.parse().unwrap(), python.parse().unwrap());
                held(catalogue.cells(system, python, cuda.parse().unwrap()).unwrap())
            }
            _ => panic!("{path} is of no kind that is generated"),
        }
    };
    Folder::new(ROOT).files_under(folders).unwrap().par_iter().map(load).collect()
}
