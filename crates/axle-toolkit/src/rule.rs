//! The rules, by their codes.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Severity;

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $name:literal, $severity:ident,
        $what:literal, source $source:literal, fix $fix:literal;)*) => {
        /// A rule that environments are judged by. Its code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// Every rule, by code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its code: `AX201`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Its name: `gcc-too-new`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// How bad it is to break it, at worst.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What goes wrong, and when.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// How its facts are known.
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// What to do.
            pub fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }
        }
    };
}

rules! {
    /// Nothing is known of the release.
    UnknownToolkit = "AX200", "unknown-toolkit", Warning,
        "Nothing is known of this CUDA release, so that `axle doctor` does not judge it; `axle check` answers with status 2.",
        source "the releases of which the package index has wheels",
        fix "name a minor release, as in 12.8; for a newer one, use a newer axle";
    /// gcc is newer than the toolkit takes.
    GccTooNew = "AX201", "gcc-too-new", Error,
        "The gcc is newer than this CUDA takes. nvcc stops at the first file that includes a CUDA header, or, with \
         `-allow-unsupported-compiler`, somewhere in libstdc++.",
        source "the release's own `crt/host_config.h`, run through a preprocessor as each gcc would",
        fix "use an older gcc (`nvcc -ccbin g++-13`, or `CUDAHOSTCXX`), or a newer CUDA";
    /// gcc is older than the toolkit supports.
    GccTooOld = "AX202", "gcc-too-old", Error,
        "The gcc is older than this CUDA supports.",
        source "`crt/host_config.h` has no bound; NVIDIA's installation guide has one",
        fix "use a newer gcc";
    /// clang is newer than the toolkit takes.
    ClangTooNew = "AX203", "clang-too-new", Error,
        "The clang is newer than this CUDA takes. nvcc stops at the first file that includes a CUDA header.",
        source "the release's own `crt/host_config.h`, run through a preprocessor as each clang would",
        fix "use an older clang, or a newer CUDA";
    /// clang is older than the toolkit supports.
    ClangTooOld = "AX204", "clang-too-old", Error,
        "The clang is older than this CUDA supports.",
        source "`crt/host_config.h` asks for 3.3; NVIDIA's installation guide for more",
        fix "use a newer clang";
    /// The toolkit no longer makes code for the GPU.
    CapabilityDropped = "AX205", "capability-dropped", Error,
        "This CUDA no longer makes code for the GPU. nvcc refuses to compile for it, and what is compiled for others \
         does not run there.",
        source "the targets that the release's own ptxas lists, each assembled once",
        fix "use the newest CUDA that still has the GPU";
    /// The toolkit does not know the GPU yet.
    CapabilityTooNew = "AX206", "capability-too-new", Error,
        "This CUDA makes no machine code for the GPU, which is newer. Only its PTX can run there, where there is any, \
         compiled by the driver at the first start.",
        source "the targets that the release's own ptxas lists, each assembled once",
        fix "use a CUDA that has the GPU";
    /// Only code for a part of a generation runs on the GPU.
    CapabilityOnlySpecialised = "AX207", "capability-only-specialised", Warning,
        "Only code for this very GPU (`sm_90a`) or its family (`sm_100f`) runs there. It must be asked for by that name, \
         and runs nowhere else.",
        source "the targets of the release, and the code that audits found in packages",
        fix "compile for the suffixed target, beside a plain one for other GPUs";
    /// The toolkit announces to drop the GPU.
    CapabilityDeprecated = "AX208", "capability-deprecated", Note,
        "This CUDA still makes code for the GPU, and announces to stop.",
        source "what ptxas warns of, and NVIDIA's release notes",
        fix "nothing yet; keep to this CUDA for this GPU";
    /// A package has no code for the GPU.
    PackageWithoutCode = "AX209", "package-without-code", Error,
        "A package that is installed, or belongs to this CUDA, has no code for the GPU in one of its libraries. It fails \
         when the first of these kernels is launched. A package is as good as its worst library.",
        source "the audit of the package's libraries",
        fix "use a version that covers the GPU";
    /// The driver is too old for the toolkit.
    DriverTooOld = "AX210", "driver-too-old", Error,
        "The driver is older than anything that runs programs of this CUDA.",
        source "NVIDIA's release notes, and their rules of minor-version compatibility",
        fix "install a newer driver, or use an older CUDA";
    /// The driver does not compile this toolkit's PTX.
    DriverTooOldForPtx = "AX211", "driver-too-old-for-ptx", Error,
        "The driver runs programs of this CUDA by minor-version compatibility, which covers machine code and not PTX: \
         what must be compiled at run time fails. It is an error where a GPU is served by PTX only, else a warning.",
        source "NVIDIA's release notes and the CUDA compatibility guide",
        fix "install the driver of this CUDA, or use machine code only";
    /// The driver no longer serves the GPU.
    DriverTooNew = "AX212", "driver-too-new", Error,
        "This branch of the driver no longer serves the GPU.",
        source "NVIDIA's notices on drivers",
        fix "install the last branch that serves it";
    /// There is no wheel for the Python.
    PythonNotServed = "AX213", "python-not-served", Error,
        "torch (or another package) has no wheel for this Python.",
        source "the names of the published wheels",
        fix "use a Python that it has wheels for, or another version of it";
    /// The C library is older than a package needs.
    GlibcTooOld = "AX214", "glibc-too-old", Error,
        "The C library is older than a package's libraries ask for. Loading them fails.",
        source "the symbol versions in the package's libraries",
        fix "use a newer system, or an older version of the package";
    /// The C library's headers do not fit the toolkit's.
    GlibcHeadersTooNew = "AX215", "glibc-headers-too-new", Error,
        "The C library's headers declare functions (`cospi` since 2.41, `rsqrt` since 2.42) otherwise than CUDA's do. \
         Nothing that includes `<math.h>` compiles. `-allow-unsupported-compiler` does not help.",
        source "the release's own `crt/math_functions.h`, run through a preprocessor as each glibc would",
        fix "use a newer CUDA, or compile against an older glibc";
    /// The C++ library that clang takes is too new.
    LibstdcxxTooNew = "AX216", "libstdcxx-too-new", Error,
        "clang takes the newest libstdc++ that is installed, and this one is newer than this CUDA takes: nvcc stops in one \
         of its headers. It is an error where that was tried, and a warning where only no gcc as new is taken.",
        source "compiling with nvcc, clang and that libstdc++ (13.1 to 13.3); else the newest gcc of the release's own \
         `crt/host_config.h`",
        fix "tell clang which one to take: `-Xcompiler --gcc-install-dir=…`";
    /// Two C++ ABIs are mixed.
    AbiMismatch = "AX217", "abi-mismatch", Error,
        "An extension calls libstdc++ through another ABI than torch. It fails to load, with undefined symbols.",
        source "the symbols that the libraries call",
        fix "use a build of the extension with torch's ABI (cxx11abiTRUE or cxx11abiFALSE in its file name)";
    /// Compilers need more memory than there is.
    TooLittleMemory = "AX218", "too-little-memory", Error,
        "One compile job of the package needs more memory than there is, or fewer jobs fit than would run. The kernel \
         kills compilers, or the machine stands still.",
        source "what the package's own build scripts reckon with",
        fix "set the number of jobs";
    /// Several majors of CUDA are mixed.
    MixedCudaMajors = "AX219", "mixed-cuda-majors", Error,
        "Packages for several major releases of CUDA are in one environment. Each brings libraries and a runtime of its \
         own, and what is compiled against one does not load with the other.",
        source "the packages' names, what they pin and what they link",
        fix "use packages of one CUDA major";
    /// The tools that a build finds are not those it was made for.
    OtherTools = "AX220", "other-tools", Error,
        "A build finds no nvcc, one of another CUDA than it was made for, or no C++ compiler that runs.",
        source "what nvcc and the compiler on the builder's PATH say of themselves, in the first second of a build with \
         the overlay's `buildCheckHook`",
        fix "put the toolkit and the compiler into nativeBuildInputs, or name the compiler by NVCC_CCBIN";
}

impl Rule {
    /// The page of all rules: docs/rules.md.
    pub fn page() -> String {
        let mut page = String::from(
            "# Rules of `axle check` and `axle doctor`\n\nA rule says what must hold of an environment in which CUDA code is built \
            or run. Codes are stable: scripts should look at them, not at messages. `--allow RULE`, by code or name, turns the \
            errors of a rule into warnings.\n\n\
            | code | name | at worst |\n| --- | --- | --- |\n",
        );
        for rule in Self::ALL {
            let id = rule.id();
            let _ =
                writeln!(page, "| [{id}](#{}) | {} | {} |", id.to_lowercase(), rule.name(), rule.severity());
        }
        for rule in Self::ALL {
            let (id, name, severity) = (rule.id(), rule.name(), rule.severity());
            let _ = write!(page, "\n## {id}\n\n**{name}** ({severity})\n\n{}\n\n", rule.what());
            let _ = writeln!(page, "- Known from: {}.\n- What to do: {}.", rule.source(), rule.fix());
        }
        page
    }
}

/// A text that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no rule: rules are named like AX201 or gcc-too-new, and docs/rules.md lists them")]
pub struct RuleError {
    text: String,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let named = |rule: &&Self| rule.id().eq_ignore_ascii_case(text) || rule.name() == text;
        Self::ALL.iter().find(named).copied().ok_or_else(|| RuleError { text: text.to_owned() })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_is_generated() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        if written != Rule::page() && std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, Rule::page()).unwrap();
            return;
        }
        assert_eq!(written, Rule::page(), "run UPDATE_DOCS=1 cargo test -p axle-toolkit page");
    }

    #[test]
    fn codes_and_names_are_unique_and_read_back() {
        let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert_eq!(rule.id().parse(), Ok(*rule));
            assert_eq!(rule.name().parse(), Ok(*rule));
        }
        assert_eq!("ax201".parse(), Ok(Rule::GccTooNew));
        assert_eq!(
            "AX999".parse::<Rule>().unwrap_err().to_string(),
            "'AX999' is no rule: rules are named like AX201 or gcc-too-new, and docs/rules.md lists them"
        );
    }
}
