//! Plans for pip and uv: requirements, and pylock.toml (PEP 751).

use std::fmt::Write as _;

use axle_catalogue::{Catalogue, Fetch};
use axle_concretise::{Plan, Prefer, Preferences, Request, Which};
use axle_index::{Origin as _, PackageIndex, Settings};
use axle_wheel::WheelName;

use crate::output::Error;

/// A file of a plan.
struct Pinned<'a> {
    name: &'a str,
    version: &'a str,
    filename: &'a str,
    sha256: &'a str,
    /// Its address, where it is not on the package index.
    url: Option<String>,
}

/// Every file of a plan, by the name of its package: for pip there is no package set.
fn files<'a>(catalogue: &Catalogue, plan: &'a Plan) -> Result<Vec<Pinned<'a>>, Error> {
    let packages = plan
        .packages
        .iter()
        .map(|(name, package)| (name, &package.version, package.build.filename(), package.build.sha256()));
    let externals = plan.externals.iter().map(|(name, external)| {
        let fallback = &external.fallback;
        (name, &fallback.version, fallback.filename.as_str(), fallback.sha256.as_str())
    });
    let mut files = Vec::new();
    for (name, version, filename, sha256) in packages.chain(externals) {
        let builds = catalogue.builds(name, version)?;
        let fetch = builds.as_ref().and_then(|builds| {
            let wheel = builds.wheel(filename, sha256).map(|wheel| &wheel.fetch);
            wheel.or_else(|| builds.sources.get(filename).map(|source| &source.fetch))
        });
        let url = match fetch {
            Some(Fetch::FetchUrl(fetch)) => Some(fetch.url.clone()),
            _ => None,
        };
        files.push(Pinned { name, version, filename, sha256, url });
    }
    files.sort_by_key(|file| file.name);
    Ok(files)
}

/// Exact pins with the hash of the very file, as pip's `--require-hashes` wants them.
pub fn requirements(catalogue: &Catalogue, plan: &Plan) -> Result<String, Error> {
    let mut text = String::new();
    for Pinned { name, version, sha256, url, .. } in files(catalogue, plan)? {
        let _ = match url {
            Some(url) => writeln!(text, "{name} @ {url} --hash=sha256:{sha256}"),
            None => writeln!(text, "{name}=={version} --hash=sha256:{sha256}"),
        };
    }
    Ok(text)
}

/// `pylock.toml`. It has to name the address of every file, which the package index is asked for.
pub fn pylock(catalogue: &Catalogue, plan: &Plan, index_url: Option<&str>) -> Result<String, Error> {
    let index = PackageIndex::new(&Settings::discover(index_url)?)?;
    let python = plan.target.python.version();
    let machine = plan.target.system.architecture();
    let mut text = String::from("lock-version = \"1.0\"\n");
    let environment = format!("sys_platform == 'linux' and platform_machine == '{machine}'");
    let _ = writeln!(text, "environments = [{}]", string(&environment));
    let _ = writeln!(text, "requires-python = {}", string(&format!("=={python}.*")));
    let _ = writeln!(text, "created-by = \"axle\"");
    for file in files(catalogue, plan)? {
        let url = match file.url {
            Some(url) => url,
            None => address(&index, file.name, file.filename, file.sha256)?,
        };
        let _ = write!(
            text,
            "\n[[packages]]\nname = {}\nversion = {}\n",
            string(file.name),
            string(file.version)
        );
        let is_wheel = file.filename.parse::<WheelName>().is_ok();
        let table = if is_wheel { "[[packages.wheels]]" } else { "[packages.sdist]" };
        let _ = write!(
            text,
            "\n{table}\nname = {}\nurl = {}\nhashes = {{ sha256 = {} }}\n",
            string(file.filename),
            string(&url),
            string(file.sha256)
        );
    }
    Ok(text)
}

/// Where the package index has a file.
fn address(index: &PackageIndex, name: &str, filename: &str, sha256: &str) -> Result<String, Error> {
    let project = index.project(&name.parse()?)?;
    let file = project.files.into_iter().find(|file| file.filename == filename);
    let file = file.ok_or_else(|| format!("the package index has no {filename}"))?;
    if file.sha256.is_some_and(|digest| digest.to_string() != sha256) {
        return Err(
            format!("the package index has another {filename} than the catalogue: {}", file.url).into()
        );
    }
    Ok(file.url.to_string())
}

/// A TOML string.
fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
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
        let _ = writeln!(text, "  compiler = \"{compiler}\";");
    }
    if let Some(torch) = &request.torch {
        let _ = writeln!(text, "  torch = \"{torch}\";");
    }
    let Preferences { all, packages, only_wheels, only_audited } = &request.preferences;
    if *all != Prefer::default() {
        let _ = writeln!(text, "  prefer = \"{all}\";");
    }
    if *only_audited == Which::All {
        text += "  onlyAudited = true;\n";
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
        text += "# --only-wheels and preferences of single packages are not for Nix: `axle lock` writes what they come to\n";
    }
    text
}
