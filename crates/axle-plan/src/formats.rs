//! Export formats of plans: a flake for Nix, requirements and a command for pip.

use axle_types::Sha256;
use std::fmt::Write as _;

use axle_catalogue::{Catalogue, CatalogueError, Fetch};

use crate::plan::{Plan, PlanBuild};
use crate::request::{Prefer, Preferences, Request, Which, shell_word};

/// A file of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin<'a> {
    /// The package.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The name of the file.
    pub filename: &'a str,
    /// SHA-256 of the file, hex.
    pub sha256: Sha256,
    /// Bytes, where they are known.
    pub size: Option<u64>,
    /// Its address, where it is not on the package index.
    pub url: Option<String>,
    /// Whether it is compiled.
    pub is_compiled: bool,
}

impl Pin<'_> {
    /// As a requirement.
    fn requirement(&self) -> String {
        match &self.url {
            Some(url) => format!("{} @ {url}", self.name),
            None => format!("{}=={}", self.name, self.version),
        }
    }
}

/// Every file of a plan, by the name of its package.
///
/// # Errors
/// When the catalogue is not valid.
pub fn pins<'a>(catalogue: &Catalogue, plan: &'a Plan) -> Result<Vec<Pin<'a>>, CatalogueError> {
    let mut pins = Vec::new();
    for (name, package) in &plan.packages {
        let (version, filename, sha256) =
            (&package.version, package.build.filename(), package.build.sha256());
        let is_compiled = matches!(package.build, PlanBuild::Source { .. });
        let builds = catalogue.builds(name, version)?;
        let built = builds.as_ref().and_then(|builds| {
            let wheel = builds.wheel(filename, sha256).map(|wheel| (&wheel.fetch, wheel.size));
            wheel.or_else(|| builds.sources.get(filename).map(|source| (&source.fetch, source.size)))
        });
        let url = match built {
            Some((Fetch::FetchUrl(fetch), _)) => Some(fetch.url.clone()),
            _ => None,
        };
        let size = built.and_then(|(_, size)| size);
        pins.push(Pin { name, version, filename, sha256, size, url, is_compiled });
    }
    Ok(pins)
}

/// Exact pins with the hash of the very file, as pip's `--require-hashes` wants them.
pub fn requirements(pins: &[Pin<'_>]) -> String {
    let mut text = String::new();
    for pin in pins {
        let _ = writeln!(text, "{} --hash=sha256:{}", pin.requirement(), pin.sha256);
    }
    text
}

/// A command line of pip that installs them. What is compiled comes after the rest, which it is compiled with: pip would
/// fetch another torch to build it with.
pub fn pip(pins: &[Pin<'_>]) -> String {
    let command = |words: &str, pins: Vec<&Pin<'_>>| {
        let requirements = pins.iter().map(|pin| shell_word(&pin.requirement()));
        let lines: Vec<_> = std::iter::once(words.to_owned()).chain(requirements).collect();
        lines.join(" \\\n  ") + "\n"
    };
    let (compiled, wheels): (Vec<_>, Vec<_>) = pins.iter().partition(|pin| pin.is_compiled);
    let mut text = if wheels.is_empty() { String::new() } else { command("pip install", wheels) };
    if !compiled.is_empty() {
        let names: Vec<_> = compiled.iter().map(|pin| pin.name).collect();
        let words = format!("pip install --no-build-isolation --no-deps --no-binary {}", names.join(","));
        text += &command(&words, compiled);
    }
    text
}

/// What to put into a flake for a plan.
pub fn flake(plan: &Plan, request: &Request) -> String {
    let packages: Vec<_> = request.packages.keys().map(|name| format!("hl.{name}")).collect();
    let mut text = format!(
        "pkgs.axle.concretise {{\n  packages = hl: [ {} ];\n  python = \"{}\";\n",
        packages.join(" "),
        plan.target.python
    );
    match plan.target.cuda {
        Some(cuda) => {
            let capabilities: Vec<_> =
                plan.target.compute_capabilities.iter().map(|cc| format!("\"{cc}\"")).collect();
            let _ = writeln!(text, "  cuda = \"{cuda}\";");
            let _ = writeln!(text, "  computeCapabilities = [ {} ];", capabilities.join(" "));
        }
        None => text += "  cuda = null;\n",
    }
    if let Some(compiler) = plan.target.compiler {
        let _ = writeln!(text, "  compiler = \"{}\";", compiler.id());
    }
    if let Some(torch) = &request.torch {
        let _ = writeln!(text, "  torch = \"{torch}\";");
    }
    let Preferences { all, packages, only_wheels, only_audited, publishers } = &request.preferences;
    if *all != Prefer::default() {
        let _ = writeln!(text, "  prefer = \"{all}\";");
    }
    if *only_audited == Which::All {
        text += "  onlyAudited = true;\n";
    }
    if let Which::Named(names) = publishers {
        let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let names = if names.is_empty() { String::new() } else { format!("{} ", names.join(" ")) };
        let _ = writeln!(text, "  publishers = [ {names}];");
    }
    let allowed: Vec<_> = request.allowed.iter().map(|rule| format!("\"{rule}\"")).collect();
    if !allowed.is_empty() {
        let _ = writeln!(text, "  allow = [ {} ];", allowed.join(" "));
    }
    text += "}\n";
    // Nix is asked for all packages alike: a lock is what carries the rest.
    if !packages.is_empty()
        || !only_wheels.is_empty()
        || matches!(only_audited, Which::Named(names) if !names.is_empty())
    {
        text += "# Nix has no arguments for --only-wheels and preferences of single packages; a lock file (`axle lock`) applies them\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_compiles_last_and_takes_other_places_by_address() {
        let pin = |name, version, url: Option<&str>, is_compiled| Pin {
            name,
            version,
            filename: "",
            sha256: Sha256([0; 32]),
            size: None,
            url: url.map(str::to_owned),
            is_compiled,
        };
        let pins = [
            pin("flash-attn", "2.8.3", None, true),
            pin("torch", "2.9.1", None, false),
            pin("xformers", "0.0.33", Some("https://example.org/xformers-0.0.33%2Bcu128.whl"), false),
        ];
        assert_eq!(
            pip(&pins),
            "pip install \\\n  torch==2.9.1 \\\n  'xformers @ https://example.org/xformers-0.0.33%2Bcu128.whl'\n\
             pip install --no-build-isolation --no-deps --no-binary flash-attn \\\n  flash-attn==2.8.3\n"
        );
        assert_eq!(
            requirements(&pins),
            format!(
                "flash-attn==2.8.3 --hash=sha256:{hash}\ntorch==2.9.1 --hash=sha256:{hash}\n\
                 xformers @ https://example.org/xformers-0.0.33%2Bcu128.whl --hash=sha256:{hash}\n",
                hash = Sha256([0; 32])
            )
        );
    }

    #[test]
    fn what_is_compiled_alone_needs_no_wheels() {
        let pin = Pin {
            name: "x",
            version: "1",
            filename: "",
            sha256: Sha256([0; 32]),
            size: None,
            url: None,
            is_compiled: true,
        };
        assert!(!pip(&[pin]).contains("pip install \n"));
    }
}
