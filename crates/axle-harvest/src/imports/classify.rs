//! What an error at import says: whose fault it is, in one line.

use axle_catalogue::Outcome;
use serde::Deserialize;

/// One error of the chain that `import.py` writes.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ImportFailure {
    /// The class of the exception.
    kind: String,
    /// What it says.
    message: String,
    /// The module that an `ImportError` is about.
    module: Option<String>,
}

/// Where an import ran.
pub(super) trait Surroundings {
    /// Whether a module is torch's or the imported package's own.
    fn is_own(&self, module: &str) -> bool;
    /// Whether a library belongs to NVIDIA's driver.
    fn is_driver(&self, soname: &str) -> bool;
    /// Whether packages of the catalogue have a library, and none of them is in the set.
    fn is_missing(&self, soname: &str) -> bool;
}

/// What errors say; none is a success.
pub(super) fn classify(errors: &[ImportFailure], around: &impl Surroundings) -> (Outcome, String) {
    let Some(last) = errors.first() else { return (Outcome::Ok, String::new()) };
    let lines = || errors.iter().flat_map(|error| error.message.lines());
    if let Some(line) = lines().find(|line| undefined_symbol(line).is_some()) {
        // A symbol of the interpreter is a matter of its patch release, one of the driver of the machine.
        let is_foreign = |symbol: &str| symbol.starts_with("Py") || symbol.starts_with("_Py");
        let outcome = match undefined_symbol(line) {
            Some(symbol) if is_foreign(symbol) => Outcome::Other,
            _ => Outcome::UndefinedSymbol,
        };
        return (outcome, redacted(line));
    }
    if let Some(line) = lines().find(|line| is_without_driver(line)) {
        return (Outcome::NoDriver, redacted(line));
    }
    let libraries: Vec<(&str, &str)> =
        lines().filter_map(|line| Some((missing_library(line)?, line))).collect();
    let of = |soname: &str| match soname {
        driver if around.is_driver(driver) => Outcome::NoDriver,
        missing if around.is_missing(missing) => Outcome::MissingLibrary,
        _ => Outcome::SystemLibrary,
    };
    for outcome in [Outcome::NoDriver, Outcome::MissingLibrary, Outcome::SystemLibrary] {
        if let Some((_, line)) = libraries.iter().find(|(soname, _)| of(soname) == outcome) {
            return (outcome, redacted(line));
        }
    }
    let told = errors.iter().find_map(|error| Some((lacking(error, around)?, error)));
    if let Some((outcome, error)) = told {
        return (outcome, first_line(error));
    }
    (Outcome::Other, format!("{}: {}", last.kind, first_line(last)))
}

/// `_ZN3c10…` of `libx.so: undefined symbol: _ZN3c10…`.
fn undefined_symbol(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("undefined symbol: ")?;
    rest.split(|c: char| c.is_whitespace() || c == ',' || c == ')' || c == '\'').next()
}

/// `libx.so.1` of `libx.so.1: cannot open shared object file: No such file or directory`.
fn missing_library(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(": cannot open shared object file")?;
    let word = before.rsplit(|c: char| c.is_whitespace() || "'\"(:".contains(c)).next()?;
    Some(word.rsplit('/').next().unwrap_or(word)).filter(|soname| soname.contains(".so"))
}

/// Whether a line complains of the driver, in words of CUDA's libraries or of torch.
fn is_without_driver(line: &str) -> bool {
    const WORDS: [&str; 10] = [
        "no nvidia driver",
        "driver version is insufficient",
        "no cuda gpus are available",
        "no cuda-capable device",
        "cuda_error_no_device",
        "cudaerrornodevice",
        "cudaerrorinsufficientdriver",
        "0 active drivers",
        "nvml_error_library_not_found",
        "nvml shared library not found",
    ];
    let line = line.to_lowercase();
    WORDS.iter().any(|words| line.contains(words))
}

/// What an error says of a module, a name or an operator that is not there.
fn lacking(error: &ImportFailure, around: &impl Surroundings) -> Option<Outcome> {
    let message = error.message.as_str();
    let quoted = |after: &str| {
        let (_, rest) = message.split_once(after)?;
        rest.split('\'').next()
    };
    let module = match error.kind.as_str() {
        "ModuleNotFoundError" => error.module.as_deref().or_else(|| quoted("No module named '")),
        "ImportError" => quoted("' from '")
            .or_else(|| quoted("from partially initialized module '"))
            .or(error.module.as_deref()),
        "AttributeError" => quoted("module '"),
        // `operator torchvision::nms does not exist`
        _ if message.contains("operator ") && message.contains(" does not exist") => {
            return Some(Outcome::ImportError);
        }
        _ => None,
    }?;
    Some(if around.is_own(module) { Outcome::ImportError } else { Outcome::OtherPackage })
}

/// The first line of an error that says something.
fn first_line(error: &ImportFailure) -> String {
    redacted(error.message.lines().find(|line| !line.trim().is_empty()).unwrap_or(&error.kind))
}

/// The most characters of a line that are kept.
const LONGEST: usize = 240;

/// A line without the folders of the machine that said it.
fn redacted(line: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || "'\"(),:;<>[]`".contains(c);
    let mut told = String::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = rest.find(is_end).unwrap_or(rest.len());
        let (word, from) = rest.split_at(end);
        told.push_str(short(word));
        let mut next = from.chars();
        told.extend(next.next());
        rest = next.as_str();
    }
    // Where Python says which file a name is not in, the module's name has said it.
    if let Some(rest) = told.strip_prefix("OSError: ") {
        told = rest.to_owned();
    }
    if let Some(start) = told.rfind(" (").filter(|_| told.ends_with(".py)")) {
        told.truncate(start);
    }
    told.chars().filter(|c| !axle_types::is_hidden(*c)).take(LONGEST).collect()
}

/// A path from the packages' folder on, or its last part.
fn short(word: &str) -> &str {
    if !word.starts_with('/') {
        return word;
    }
    match word.rsplit_once("/site-packages/") {
        Some((_, inside)) => inside,
        None => word.rsplit('/').next().unwrap_or(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package `own` beside torch; of libraries, those of CUDA 12 are missing.
    struct Set;

    impl Surroundings for Set {
        fn is_own(&self, module: &str) -> bool {
            matches!(module.split('.').next(), Some("torch" | "own"))
        }

        fn is_driver(&self, soname: &str) -> bool {
            soname == "libcuda.so.1"
        }

        fn is_missing(&self, soname: &str) -> bool {
            soname == "libcudart.so.12"
        }
    }

    fn of(errors: &[(&str, &str)]) -> String {
        let errors: Vec<_> = errors
            .iter()
            .map(|(kind, message)| ImportFailure {
                kind: (*kind).to_owned(),
                message: (*message).to_owned(),
                module: None,
            })
            .collect();
        let (outcome, line) = classify(&errors, &Set);
        if line.is_empty() { outcome.to_string() } else { format!("{outcome}: {line}") }
    }

    /// The lines are from reports on the packages' own trackers, but for the folders.
    #[test]
    fn errors_are_told_apart() {
        let site = "/home/u/env/lib/python3.12/site-packages";
        let lines = [
            of(&[]),
            of(&[(
                "ImportError",
                &format!(
                    "cannot import name 'ScalingType' from 'torch.nn.functional' ({site}/torch/nn/functional.py)"
                ),
            )]),
            of(&[(
                "ImportError",
                &format!(
                    "{site}/flash_attn_2_cuda.cpython-312-x86_64-linux-gnu.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationESs"
                ),
            )]),
            of(&[(
                "RuntimeError",
                &format!(
                    "Could not load libtorchcodec. Likely causes:\n  1. FFmpeg is not installed\nFFmpeg version 8:\nOSError: libavutil.so.60: cannot open shared object file: No such file or directory\nFFmpeg version 7:\nOSError: {site}/torchcodec/libtorchcodec_core7.so: undefined symbol: torch_dtype_float4_e2m1fn_x2"
                ),
            )]),
            of(&[(
                "RuntimeError",
                "Could not load libtorchcodec.\nOSError: libavutil.so.60: cannot open shared object file: No such file or directory",
            )]),
            of(&[("ImportError", "libcuda.so.1: cannot open shared object file: No such file or directory")]),
            of(&[(
                "ImportError",
                "libcudart.so.12: cannot open shared object file: No such file or directory",
            )]),
            of(&[(
                "RuntimeError",
                "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
            )]),
            of(&[("RuntimeError", "0 active drivers ([]). There should only be one.")]),
            of(&[("RuntimeError", "operator torchvision::nms does not exist")]),
            of(&[("AttributeError", "module 'torch.library' has no attribute 'infer_schema'")]),
            of(&[("ModuleNotFoundError", "No module named 'torch._custom_ops'")]),
            of(&[("ModuleNotFoundError", "No module named 'packaging'")]),
            of(&[(
                "ImportError",
                "cannot import name 'AutoModelForVision2Seq' from 'transformers' (/x/transformers/__init__.py)",
            )]),
            of(&[
                ("RuntimeError", "own failed to load"),
                ("ImportError", "/x/y/own.so: undefined symbol: aoti_torch_abi_version"),
            ]),
            of(&[("ImportError", "/x/y/own.so: undefined symbol: PyUnicode_New")]),
            of(&[("ValueError", "numpy.dtype size changed, may indicate binary incompatibility")]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @"
        ok
        import-error: cannot import name 'ScalingType' from 'torch.nn.functional'
        undefined-symbol: flash_attn_2_cuda.cpython-312-x86_64-linux-gnu.so: undefined symbol: _ZN3c105ErrorC2ENS_14SourceLocationESs
        undefined-symbol: torchcodec/libtorchcodec_core7.so: undefined symbol: torch_dtype_float4_e2m1fn_x2
        system-library: libavutil.so.60: cannot open shared object file: No such file or directory
        no-driver: libcuda.so.1: cannot open shared object file: No such file or directory
        missing-library: libcudart.so.12: cannot open shared object file: No such file or directory
        no-driver: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU
        no-driver: 0 active drivers ([]). There should only be one.
        import-error: operator torchvision::nms does not exist
        import-error: module 'torch.library' has no attribute 'infer_schema'
        import-error: No module named 'torch._custom_ops'
        other-package: No module named 'packaging'
        other-package: cannot import name 'AutoModelForVision2Seq' from 'transformers'
        undefined-symbol: own.so: undefined symbol: aoti_torch_abi_version
        other: own.so: undefined symbol: PyUnicode_New
        other: ValueError: numpy.dtype size changed, may indicate binary incompatibility
        ");
    }
}
