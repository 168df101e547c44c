//! Prints what each Linux wheel of a project requires, read by ranges from the user's index:
//! `cargo run --release -p axle-index --example requirements -- torch 2.2`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::time::Instant;

use axle_index::{Origin, PackageIndex, Settings};
use axle_types::Version;
use axle_wheel::WheelName;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("which project?")?.parse()?;
    let oldest: Version = arguments.next().unwrap_or_else(|| "0".to_owned()).parse()?;

    let start = Instant::now();
    let index = PackageIndex::new(&Settings::discover(None)?)?;
    eprintln!("{:?} the index is {}", start.elapsed(), index.url());
    let project = index.project(&name)?;
    eprintln!("{:?} it has {} files", start.elapsed(), project.files.len());
    let wheels: Vec<_> = project
        .files
        .into_iter()
        .filter(|file| {
            file.filename.parse::<WheelName>().is_ok_and(|wheel| {
                *wheel.version() >= oldest
                    && wheel.platform_tags().iter().any(|tag| tag.contains("linux") || tag == "any")
            })
        })
        .collect();
    // Waiting for answers, not computing, takes the time.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(8).build()?;
    let metadata: Vec<_> =
        threads.install(|| wheels.into_par_iter().map(|file| (index.metadata(&file), file)).collect());
    eprintln!("{:?} read the metadata of {} wheels", start.elapsed(), metadata.len());
    for (metadata, file) in metadata {
        let metadata = metadata?;
        let requirements = metadata.requirements()?;
        println!("{} {:?} {}", file.filename, metadata.requires_python, requirements.len());
    }
    Ok(())
}
