//! GPU names, as marketed or as nvidia-smi prints them, and their compute capabilities.

use axle_types::{ComputeCapability, System};

use crate::Toolkits;

/// A text that is not the name of a known GPU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(self))]
pub struct GpuNameError {
    text: String,
    /// Who else makes GPUs of such a name.
    vendor: Option<&'static str>,
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

fn sentence(GpuNameError { text, vendor, nearest }: &GpuNameError) -> String {
    if let Some(vendor) = vendor {
        return format!(
            "'{text}' is a GPU by {vendor}, which does not run CUDA: axle picks builds for NVIDIA GPUs, or for none (--cpu)"
        );
    }
    let advice = match nearest.as_slice() {
        [] => "give its compute capability with --cc, e.g. 8.6".to_owned(),
        names => {
            format!("did you mean {}? If not, give its compute capability with --cc", names.join(" or "))
        }
    };
    format!("'{text}' is not a GPU that axle knows; {advice}")
}

/// The words in names of GPUs that others make. `MI300X`, `gfx942` and `RX 7900` are told by how they begin.
const OTHERS: [(&str, &[&str]); 3] = [
    ("AMD", &["amd", "ati", "radeon", "instinct", "rx", "rocm"]),
    ("Intel", &["intel", "arc", "iris", "uhd", "xe", "gaudi", "battlemage", "alchemist"]),
    ("Apple", &["apple", "m1", "m2", "m3", "m4", "m5", "mps"]),
];

/// Words in names of GPUs that exist with ARM processors only: they share a package or a board with one (NVIDIA's product
/// pages of Grace Hopper, Grace Blackwell, DGX Spark and Jetson).
const WITH_ARM: [&str; 9] = ["gb10", "gh200", "gb200", "gb300", "spark", "jetson", "orin", "thor", "xavier"];

/// Who makes a GPU of that name, if not NVIDIA.
fn other_vendor(words: &[String]) -> Option<&'static str> {
    let begins = |word: &str, start: &str| {
        word.strip_prefix(start).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    let amd = words.iter().any(|word| begins(word, "gfx") || begins(word, "mi") || begins(word, "rx"));
    let named = OTHERS.iter().find(|(_, names)| words.iter().any(|word| names.contains(&word.as_str())));
    if amd { Some("AMD") } else { named.map(|(vendor, _)| *vendor) }
}

/// The one system that a GPU of that name comes with; `None` for what can be plugged into any.
pub fn system_of_gpu(name: &str) -> Option<System> {
    words(name).iter().any(|word| WITH_ARM.contains(&word.as_str())).then_some(System::Aarch64Linux)
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
        if let Some(vendor) = other_vendor(&wanted) {
            return Err(GpuNameError { text: name.to_owned(), vendor: Some(vendor), nearest: Vec::new() });
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
        Err(GpuNameError { text: name.to_owned(), vendor: None, nearest })
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
