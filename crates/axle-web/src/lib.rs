//! The engine of the site: a question as JSON in, the answers of the command line as JSON out.
//!
//! It makes no decisions: a question becomes the same [`Request`](axle_plan::Request) that `axle concretise` makes of
//! its options, and is answered by the same [`Lookup`](axle_plan::Lookup), natively and, compiled to WebAssembly, in a
//! browser. It reads the catalogue as [`shards`], and reports those that it still needs for an answer.
//!
//! ```
//! # fn example(catalogue: &axle_catalogue::Catalogue) -> Result<(), Box<dyn std::error::Error>> {
//! let lookup = axle_plan::Lookup::new(catalogue)?;
//! let question = r#"{"python": "3.12", "cuda": "12.8", "gpus": ["RTX 3090"], "packages": ["torch"]}"#;
//! println!("{}", axle_web::ask(catalogue, &lookup, question));
//! # Ok(())
//! # }
//! ```

mod answer;
#[cfg(target_family = "wasm")]
mod engine;
mod question;
pub mod shards;

pub use answer::{Answer, Answers, Kind, Row, answers, ask};
pub use question::{AskError, Question};
