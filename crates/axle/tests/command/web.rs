//! The site answers what the command line answers, byte by byte.

use axle_catalogue::{Catalogue, Folder as CatalogueFolder};
use axle_plan::Lookup;
use axle_solve::CatalogueSolver;
use axle_web::{Question, answers};
use serde_json::json;

use crate::run::Folder;

/// The catalogue that is in the program.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue");

#[test]
fn the_command_of_an_answer_prints_its_plan_or_its_refusal() {
    let catalogue = Catalogue::new(CatalogueFolder::new(CATALOGUE));
    let solver = CatalogueSolver::default();
    let lookup = Lookup::new(&catalogue).unwrap().with_solver(&solver);
    let (mut plans, mut refusals) = (0, 0);
    for question in [
        json!({"python": "3.12", "cuda": "any", "gpus": ["RTX 3090"], "packages": ["torch", "flash-attn>=2.7"]}),
        json!({"python": "3.11", "cuda": "12.8", "compute_capabilities": ["6.1"], "packages": ["torch"]}),
        json!({"python": "3.11", "cuda": "cpu", "gpus": ["A100"], "driver": "570.26", "packages": ["torch", "numpy"]}),
        json!({"python": "3.12", "cuda": "12.6", "gpus": ["H100", "RTX 4090"], "compiler": "gcc13", "prefer": "source",
               "packages": ["causal-conv1d", "mamba-ssm"], "glibc": "2.39", "torch": "2.8"}),
        json!({"python": "3.12", "cuda": "12.8", "gpus": ["A100"], "only_audited": true, "only_wheels": true,
               "packages": ["flash-attn", "'quoted'"]}),
        json!({"python": "3.12", "cuda": "12.8", "gpus": ["A100"], "packages": ["torhc"], "system": "aarch64-linux"}),
        json!({"python": "3.10", "cuda": "11.8", "compute_capabilities": ["8.6"], "packages": ["torch"]}),
    ] {
        let question: Question = serde_json::from_value(question).unwrap();
        let Ok(told) = answers(&catalogue, &lookup, &question) else {
            assert!(question.packages.contains(&"'quoted'".to_owned()));
            continue;
        };
        for answer in told.answers {
            let folder = Folder::new();
            let line = format!("{} --format json", answer.command);
            let output = folder.command("sh").args(["-c", &line]).output().unwrap();
            let (status, document) = match (&answer.plan, &answer.refusal) {
                (Some(plan), None) => (0, serde_json::to_string_pretty(plan).unwrap()),
                (None, Some(refusal)) => (1, serde_json::to_string_pretty(refusal).unwrap()),
                both => panic!("{both:?}"),
            };
            assert_eq!(output.status.code(), Some(status), "{line}");
            let mut printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            // The page does not have the trials of imports.
            printed.as_object_mut().unwrap().remove("untried");
            assert_eq!(printed, serde_json::from_str::<serde_json::Value>(&document).unwrap(), "{line}");
            let requirements = folder.shell(&format!("{} --format requirements", answer.command));
            if let Some(pip) = answer.pip {
                for line in requirements.lines().filter_map(|line| Some(line.split_once(" --hash")?.0)) {
                    assert!(pip.contains(line.trim()), "{line} is not in {pip}");
                }
                plans += 1;
            } else {
                refusals += 1;
            }
        }
    }
    assert!(plans >= 4 && refusals >= 4, "{plans} plans, {refusals} refusals");
}
