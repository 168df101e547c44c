//! Random questions, which the page, the command line and Nix must answer the same.

use std::collections::BTreeSet;

use axle_catalogue::{Catalogue, CatalogueError};
use axle_types::CudaTarget;
use fastrand::Rng;
use serde_json::{Value, json};

/// So many questions as the page asks them, the same for the same seed. Half of them are what people ask: a package or
/// two for a GPU of these years, of which half have a plan. The others are of all that there is in the catalogue, and of
/// some that it does not have.
///
/// # Errors
/// When the catalogue is not valid.
pub fn questions(catalogue: &Catalogue, seed: u64, count: usize) -> Result<Vec<Value>, CatalogueError> {
    let matrix = catalogue.matrix()?;
    let names = catalogue.package_names()?;
    let toolkits = catalogue.toolkits()?;
    let gpus: Vec<&String> =
        toolkits.iter().flat_map(|toolkits| &toolkits.declared.gpus).flat_map(|gpus| &gpus.names).collect();
    let ordered: Vec<&String> = matrix.order.iter().flatten().collect();
    let mut rng = Rng::with_seed(seed);
    let of = |rng: &mut Rng, all: &[&str]| rng.choice(all).copied().unwrap_or_default().to_owned();
    let mut questions = Vec::new();
    for _ in 0..count {
        let is_common = rng.bool();
        let is_seldom = |rng: &mut Rng, one_in: usize| !is_common && rng.usize(..one_in) == 0;
        let python = match rng.choice(&matrix.pythons) {
            Some(python) if !is_seldom(&mut rng, 30) => python.to_string(),
            _ => of(&mut rng, &["3.9", "3.13t", "3.15"]),
        };
        let cuda = match rng.choice(&matrix.cudas) {
            Some(cuda) if !is_seldom(&mut rng, 30) => cuda.to_string(),
            _ => of(&mut rng, &["11.8", "12.5", "any"]),
        };
        let mut packages = BTreeSet::new();
        for _ in 0..=rng.usize(..if is_common { 2 } else { 4 }) {
            let name = match rng.usize(..if is_common { 14 } else { 20 }) {
                0..12 => rng.choice(&ordered).map(|name| (*name).clone()),
                12..19 => rng.choice(&names).cloned(),
                _ => Some(of(&mut rng, &["torhc", "flash_attn", "no-such-package", "numpy"])),
            };
            packages.insert(name.unwrap_or_default());
        }
        let specified = |rng: &mut Rng, name: String| match rng.usize(..15) {
            _ if is_common => name,
            0 => name + &of(rng, &[">=2", "<1", "==2.9.1", "~=0.2", ">=1,!=1.1", "===x", "@ nowhere"]),
            1 => name + &of(rng, &["[all]", "[dev]", "[cublas]", "[cuda12]"]),
            _ => name,
        };
        let packages: Vec<String> = packages.into_iter().map(|name| specified(&mut rng, name)).collect();
        let mut question = json!({ "python": python, "cuda": cuda, "packages": packages });
        if cuda != CudaTarget::Cpu.to_string() || is_seldom(&mut rng, 10) {
            for _ in 0..=usize::from(is_seldom(&mut rng, 5)) {
                let (list, one) = if is_common {
                    ("compute_capabilities", Some(of(&mut rng, &["8.0", "8.6", "8.9", "9.0"])))
                } else if rng.bool() {
                    let capability = rng.choice(&matrix.compute_capabilities);
                    ("compute_capabilities", capability.map(ToString::to_string))
                } else {
                    ("gpus", rng.choice(&gpus).map(|name| (*name).clone()))
                };
                question[list] = json!([one.unwrap_or_default()]);
            }
        }
        if is_seldom(&mut rng, 3) {
            question["compiler"] =
                of(&mut rng, &["gcc11", "gcc12", "gcc13", "gcc14", "clang17", "gcc99"]).into();
            question["prefer"] = of(&mut rng, &["wheel", "newest", "source"]).into();
        }
        for flag in ["only_audited", "only_wheels"] {
            if is_seldom(&mut rng, 8) {
                question[flag] = true.into();
            }
        }
        if is_seldom(&mut rng, 8) {
            question["glibc"] = of(&mut rng, &["2.17", "2.28", "2.39"]).into();
        }
        if is_seldom(&mut rng, 8) {
            question["driver"] = of(&mut rng, &["525.60.13", "550.54", "570.26", "580.65.06"]).into();
        }
        if is_seldom(&mut rng, 10) {
            question["torch"] = of(&mut rng, &["2", "2.5", "2.8", "2.9.1", "9"]).into();
        }
        if is_seldom(&mut rng, 40) {
            question["system"] = of(&mut rng, &["aarch64-linux", "x86_64-linux", "sparc-solaris"]).into();
        }
        questions.push(question);
    }
    Ok(questions)
}
