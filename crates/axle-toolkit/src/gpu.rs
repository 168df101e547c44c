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
const WITH_ARM: [&str; 10] =
    ["gb10", "gh200", "gb200", "gb300", "grace", "spark", "jetson", "orin", "thor", "xavier"];

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
const NOISE: [&str; 34] = [
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
    "lite",
    "hash",
    "rate",
    "lhr",
];

/// Words for what GPUs are mounted on and sold in, and for lines of products: names go with and without them. With some
/// they are another GPU's (`Jetson Nano` and `Jetson Orin Nano`), so a name as it is written comes first.
const MOUNTS: [&str; 14] = [
    "jetson",
    "agx",
    "igx",
    "drive",
    "developer",
    "kit",
    "dgx",
    "hgx",
    "grace",
    "hopper",
    "superchip",
    "nvl72",
    "nvl4",
    "quadro",
];

impl Toolkits {
    /// The compute capability of a GPU by its name, as a person, nvidia-smi or the driver spells it: `RTX 3090`,
    /// `NVIDIA A100-SXM4-40GB`, `Jetson Orin`, `GB200 NVL72`.
    ///
    /// # Errors
    /// When no such GPU is known.
    pub fn gpu(&self, name: &str) -> Result<ComputeCapability, GpuNameError> {
        let wanted = words(name);
        let known: Vec<Known<'_>> = self.known_gpus().collect();
        let spelled =
            || known.iter().find(|known| !wanted.is_empty() && sorted(&known.words) == sorted(&wanted));
        if let Some(capability) = spelled().map(|known| known.capability).or_else(|| mounted(&known, &wanted))
        {
            return Ok(capability);
        }
        // A share of a card (`V100D-8Q`) has letters of NVIDIA's vGPU documentation after the card's name.
        if name.split(|end: char| !end.is_alphanumeric()).any(is_share) {
            let of_card: Vec<String> = wanted.iter().map(|word| without_letters(word).to_owned()).collect();
            if of_card != wanted
                && let Some(known) = known.iter().find(|known| known.words == of_card)
            {
                return Ok(known.capability);
            }
        }
        let error = |vendor, nearest| GpuNameError { text: name.to_owned(), vendor, nearest };
        Err(match other_vendor(&wanted) {
            Some(vendor) => error(Some(vendor), Vec::new()),
            None => error(None, nearest(&known, &wanted)),
        })
    }

    fn known_gpus(&self) -> impl Iterator<Item = Known<'_>> {
        self.declared.gpus.iter().flat_map(|gpus| {
            let capability = gpus.capability;
            gpus.names.iter().map(move |name| Known { name, words: words(name), capability })
        })
    }
}

/// A name that the catalogue has.
struct Known<'a> {
    name: &'a str,
    words: Vec<String>,
    capability: ComputeCapability,
}

/// The capability of a name that consists of known ones, all of one capability, and of words for what they are mounted on.
fn mounted(known: &[Known<'_>], wanted: &[String]) -> Option<ComputeCapability> {
    let bare = |words: &[String]| -> Vec<String> {
        words.iter().filter(|word| !MOUNTS.contains(&word.as_str())).cloned().collect()
    };
    let mut parts: Vec<(Vec<String>, ComputeCapability)> =
        known.iter().map(|known| (known.words.clone(), known.capability)).collect();
    // Without its mount a name may be part of the name of another GPU.
    parts.extend(known.iter().filter_map(|one| {
        let bare = bare(&one.words);
        let is_others =
            |other: &Known<'_>| other.capability != one.capability && contains(&other.words, &bare);
        (!bare.is_empty() && bare != one.words && !known.iter().any(is_others))
            .then_some((bare, one.capability))
    }));
    parts.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    let mut rest = wanted;
    let mut found = None;
    while let Some((first, others)) = rest.split_first() {
        let part = parts.iter().find(|(words, _)| rest.starts_with(words));
        match part {
            Some((words, capability)) if found.is_none_or(|found| found == *capability) => {
                found = Some(*capability);
                rest = rest.get(words.len()..)?;
            }
            None if MOUNTS.contains(&first.as_str()) => rest = others,
            _ => return None,
        }
    }
    found
}

/// Known names that a person may have meant, the most similar first: those spelled alike, else those with a word of it.
fn nearest(known: &[Known<'_>], wanted: &[String]) -> Vec<String> {
    const MOST: usize = 3;

    let text = wanted.join(" ");
    // `4090` is spelled like `T400`, and part of `RTX 4090`.
    let distance = |known: &Known<'_>| {
        if wanted.iter().all(|word| known.words.contains(word)) {
            0
        } else {
            strsim::damerau_levenshtein(&known.words.join(" "), &text)
        }
    };
    // Of two letters any name is two away.
    let mut nearest: Vec<(usize, &str)> = known
        .iter()
        .map(|known| (distance(known), known.name))
        .filter(|(distance, _)| *distance <= 2 && text.len() > 2)
        .collect();
    nearest.sort_unstable();
    let best = nearest.first().map(|(distance, _)| *distance);
    nearest.retain(|(distance, _)| best != Some(0) || *distance == 0);
    if nearest.is_empty() {
        let tells = |word: &&String| {
            word.bytes().any(|byte| byte.is_ascii_digit()) || MOUNTS.contains(&word.as_str())
        };
        let shared =
            |known: &Known<'_>| wanted.iter().filter(tells).filter(|word| known.words.contains(word)).count();
        let sharing = known.iter().filter(|known| shared(known) > 0);
        nearest = sharing.map(|known| (usize::MAX - shared(known), known.name)).collect();
        nearest.sort_unstable();
    }
    nearest.into_iter().take(MOST).map(|(_, known)| known.to_owned()).collect()
}

fn sorted(words: &[String]) -> Vec<&str> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.sort_unstable();
    words
}

fn contains(words: &[String], part: &[String]) -> bool {
    words.windows(part.len().max(1)).any(|window| window == part)
}

/// `v100` of `v100d`.
fn without_letters(word: &str) -> &str {
    let end = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    if end.is_empty() { word } else { end }
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

/// `80gb`, `144g`; `24q` of a share of a card.
fn is_size(word: &str) -> bool {
    is_number_of(word, &["gb", "g"]) || is_share(word)
}

/// The `24Q` of a share of a card: `A10-24Q`.
fn is_share(word: &str) -> bool {
    is_number_of(&word.to_lowercase(), &["q", "c", "a", "b"])
}

fn is_number_of(word: &str, units: &[&str]) -> bool {
    units.iter().any(|unit| {
        let size = word.strip_suffix(unit).unwrap_or_default();
        !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit())
    })
}
