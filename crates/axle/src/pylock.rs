//! Plans as pylock.toml (PEP 751), for pip and uv.

use std::fmt::Write as _;

use axle_catalogue::Catalogue;
use axle_concretise::{Plan, pins};
use axle_index::{Origin as _, PackageIndex, Settings};
use axle_wheel::WheelName;

use crate::output::Error;

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
    for file in pins(catalogue, plan)? {
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
