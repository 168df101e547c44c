//! GPU names, as marketed or as nvidia-smi prints them, and their compute capabilities.

use axle_types::ComputeCapability;

use crate::Toolkits;

/// A text that is not the name of a known GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a GPU that axle knows; {}", advice(.nearest))]
pub struct GpuNameError {
    text: String,
    /// Known names with a similar spelling.
    nearest: Vec<String>,
}

impl GpuNameError {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Known names with a similar spelling, the most similar first.
    pub fn nearest(&self) -> &[String] {
        &self.nearest
    }
}

fn advice(nearest: &[String]) -> String {
    match nearest {
        [] => "give its compute capability with --cc, e.g. 8.6".to_owned(),
        names => {
            format!("did you mean {}? If not, give its compute capability with --cc", names.join(" or "))
        }
    }
}

/// Words that tell apart cards of one GPU, or parts of a card, or say nothing.
const NOISE: [&str; 30] = [
    "nvidia",
    "geforce",
    "tesla",
    "graphics",
    "grid",
    "gpu",
    "laptop",
    "mobile",
    "generation",
    "edition",
    "with",
    "max",
    "q",
    "design",
    "blackwell",
    "server",
    "workstation",
    "active",
    "ac",
    "pcie",
    "dgxs",
    "sxm",
    "sxm2",
    "sxm3",
    "sxm4",
    "sxm5",
    "sxm6",
    "nvl",
    "mig",
    "me",
];

impl Toolkits {
    /// The compute capability of a GPU by its name, as a person, nvidia-smi or the driver spells it: `RTX 3090`,
    /// `NVIDIA A100-SXM4-40GB`.
    ///
    /// # Errors
    /// When no such GPU is known.
    pub fn gpu(&self, name: &str) -> Result<ComputeCapability, GpuNameError> {
        let wanted = words(name);
        let names = || {
            self.declared
                .gpus
                .iter()
                .flat_map(|gpus| gpus.names.iter().map(move |known| (known, gpus.capability)))
        };
        if let Some((_, capability)) = names().find(|(known, _)| !wanted.is_empty() && words(known) == wanted)
        {
            return Ok(capability);
        }
        let wanted = wanted.join(" ");
        // `4090` is spelled like `T400`, and part of `RTX 4090`.
        let distance = |known: &String| {
            let known = words(known);
            if known.contains(&wanted) { 0 } else { strsim::damerau_levenshtein(&known.join(" "), &wanted) }
        };
        // Of two letters any name is two away.
        let mut nearest: Vec<(usize, &String)> = names()
            .map(|(known, _)| (distance(known), known))
            .filter(|(distance, _)| *distance <= 2 && wanted.len() > 2)
            .collect();
        nearest.sort();
        let best = nearest.first().map(|(distance, _)| *distance);
        nearest.retain(|(distance, _)| best != Some(0) || *distance == 0);
        let nearest = nearest.into_iter().take(3).map(|(_, known)| known.clone()).collect();
        Err(GpuNameError { text: name.to_owned(), nearest })
    }
}

/// The words of a name that tell a GPU, in lower case. `RTX3090` is read as `RTX 3090`.
fn words(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let mut words: Vec<String> = Vec::new();
    for word in name.split(|character: char| !character.is_alphanumeric()) {
        if word.is_empty() || is_size(word) || word.starts_with("hbm") || NOISE.contains(&word) {
            continue;
        }
        let glued = ["rtx", "gtx", "gt"].into_iter().find_map(|series| {
            let number = word.strip_prefix(series)?;
            number.starts_with(|first: char| first.is_ascii_digit()).then_some((series, number))
        });
        match glued {
            Some((series, number)) => {
                let split =
                    number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
                let (number, rest) = number.split_at(split);
                words.extend([series.to_owned(), number.to_owned()]);
                if !rest.is_empty() {
                    words.push(rest.to_owned());
                }
            }
            None => words.push(word.to_owned()),
        }
    }
    words
}

/// `80gb`, `144g`; `24q` of a share of a card (`A10-24Q`).
fn is_size(word: &str) -> bool {
    ["gb", "g", "q", "c", "a", "b"].into_iter().any(|unit| {
        let size = word.strip_suffix(unit).unwrap_or_default();
        !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit())
    })
}
