//! A lock from a stranger: every text in it is replaced by one that is a command wherever a shell takes it for code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axle_provision::nix::{self, NixEnv};
use serde_json::{Value, json};

/// What runs where it is code: after a quote, in double quotes, in arithmetic, on a line of its own.
const POISON: &str = "x'; touch PWNED; '$(touch PWNED)`touch PWNED`\"$(touch PWNED)\"\ntouch PWNED\n";
const MARK: &str = "touch PWNED";

/// Objects whose keys are names: one of them stands for all.
const MAPS: [&str; 14] = [
    "absences",
    "absent",
    "builds",
    "cells",
    "declared",
    "environment",
    "frozen",
    "libraries",
    "packages",
    "scripts",
    "sources",
    "torch",
    "wheels",
    "x86_64-linux",
];

/// A place in a lock: the text there, or the key.
#[derive(Clone)]
struct Field {
    pointer: String,
    is_key: bool,
}

/// Every kind of place in a lock, by what it is called with the names of packages and files left out.
fn fields(value: &Value) -> BTreeMap<String, Field> {
    fn walk(value: &Value, pointer: &str, names: &[&str], all: &mut BTreeMap<String, Field>) {
        let mut add = |names: &[&str], pointer: &str, is_key: bool| {
            let kind = format!("{}{}", names.join("/"), if is_key { " (key)" } else { "" });
            all.entry(kind).or_insert_with(|| Field { pointer: pointer.to_owned(), is_key });
        };
        match value {
            Value::Object(object) => {
                let is_map = names.last().is_some_and(|name| MAPS.contains(name))
                    || names.iter().rev().nth(1).is_some_and(|name| *name == "builds");
                for (key, value) in object {
                    let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let names: Vec<_> =
                        names.iter().copied().chain([if is_map { "*" } else { key.as_str() }]).collect();
                    let kind = format!("{} (key)", names.join("/"));
                    all.entry(kind).or_insert_with(|| Field { pointer: pointer.clone(), is_key: true });
                    walk(value, &pointer, &names, all);
                }
            }
            Value::Array(list) => {
                for (place, value) in list.iter().enumerate() {
                    let names: Vec<_> = names.iter().copied().chain(["[]"]).collect();
                    walk(value, &format!("{pointer}/{place}"), &names, all);
                }
            }
            // Bounds of compilers are numbers, and stand in arithmetic.
            Value::Number(_) | Value::Null if names.first() == Some(&"compilers") => {
                add(names, pointer, false);
            }
            Value::String(_) => add(names, pointer, false),
            _ => {}
        }
    }
    let mut all = BTreeMap::new();
    walk(value, "", &[], &mut all);
    all
}

/// The document with one field poisoned.
fn poisoned(document: &Value, field: &Field) -> Value {
    let mut document = document.clone();
    let target = document.pointer_mut(&field.pointer).unwrap();
    if !field.is_key {
        *target = json!(format!("{}{POISON}", target.as_str().unwrap_or_default()));
        return document;
    }
    let (parent, key) = field.pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    let object = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let value = object.remove(&key).unwrap();
    object.insert(format!("{key}{POISON}"), value);
    document
}

/// Whether shell text has the mark anywhere but in single quotes, where nothing is code.
fn runs(text: &str) -> bool {
    let (mut quoted, mut in_double, mut escaped) = (false, false, false);
    for (at, letter) in text.char_indices() {
        if quoted {
            quoted = letter != '\'';
            continue;
        }
        if text[at..].starts_with(MARK) {
            return true;
        }
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_double = !in_double,
            '\'' if !in_double => quoted = true,
            _ => {}
        }
    }
    false
}

/// The shell texts of a derivation in which the mark is code.
fn code(derivation: &Value) -> Vec<&str> {
    let variables = derivation["env"].as_object().into_iter().flatten();
    let is_name = |name: &str| name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let mut found: Vec<&str> = variables
        .filter(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            let is_shell = matches!(name.as_str(), "buildCommand" | "postBuild" | "hook");
            (is_shell && runs(value)) || (!is_name(name) && name.contains(MARK))
        })
        .map(|(name, _)| name.as_str())
        .collect();
    let spec = derivation["env"]["spec"].as_str().and_then(|spec| serde_json::from_str::<Value>(spec).ok());
    if spec.is_some_and(|spec| spec["hook"].as_str().is_some_and(runs)) {
        found.push("spec.hook");
    }
    found
}

fn evaluate(nix: &NixEnv, root: &Path, lock: &Path, attribute: &str, format: &str) -> Result<String, String> {
    let output = nix
        .command("nix")
        .current_dir(root)
        .args(["eval", "--impure", format, "--expr"])
        .arg(format!("(import ./checks/poisoned.nix {{ lock = {}; }}).{attribute}", lock.display()))
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Poisons every `step`-th kind of field, one at a time: either Nix refuses the lock, or what it evaluates to has the
/// text as data alone.
pub fn check(step: usize) {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let nix = nix::ensure().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("axle.lock.json");
    let document = evaluate(&nix, &root, &lock, "document", "--json").unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    fs_err::write(&lock, document.to_string()).unwrap();
    evaluate(&nix, &root, &lock, "env.python.drvPath", "--raw").expect("the lock itself is good");

    let fields = fields(&document);
    assert!(fields.len() > 200, "{} kinds of fields", fields.len());
    let (mut harmless, mut wrong) = (0, Vec::new());
    for (kind, field) in fields.iter().step_by(step) {
        fs_err::write(&lock, poisoned(&document, field).to_string()).unwrap();
        let Ok(derivation) = evaluate(&nix, &root, &lock, "env.python.drvPath", "--raw") else { continue };
        harmless += 1;
        let shown =
            nix.command("nix").args(["derivation", "show", "--recursive"]).arg(&derivation).output().unwrap();
        let shown: BTreeMap<String, Value> = serde_json::from_slice(&shown.stdout).unwrap();
        for (path, derivation) in &shown {
            wrong.extend(code(derivation).into_iter().map(|text| format!("{kind}: {text} of {path}")));
        }
    }
    assert!(wrong.is_empty(), "what a lock says is run:\n{}", wrong.join("\n"));
    assert!(harmless > 0);
}

#[test]
fn only_single_quotes_make_data_of_a_text() {
    assert!(runs("echo \"$(touch PWNED)\""));
    assert!(runs("x=a; touch PWNED"));
    assert!(runs("echo 'x'; touch PWNED"));
    assert!(!runs("echo 'x'\\''; touch PWNED'"));
    assert!(!runs("printf '%s' '$(touch PWNED)'"));
}
