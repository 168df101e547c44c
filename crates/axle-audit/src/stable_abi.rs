//! CPython's stable ABI (PEP 384): its symbols, and the Python version that introduced each.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::facts::Abi3;

static SYMBOLS: LazyLock<HashMap<&str, (u16, u16)>> =
    LazyLock::new(|| read(include_str!("../data/stable-abi.txt")));

/// Names under headings like `[3.7]`.
fn read(text: &str) -> HashMap<&str, (u16, u16)> {
    let mut symbols = HashMap::new();
    let mut since = (0, 0);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).and_then(version) {
            Some(version) => since = version,
            None => {
                symbols.insert(line, since);
            }
        }
    }
    symbols
}

/// `3.7` as numbers.
pub(crate) fn version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The first two numbers of `2.2.5`.
pub(crate) fn version_prefix(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split('.');
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.all(|part| part.parse::<u16>().is_ok()).then_some(version)
}

/// Compares what a module takes of CPython with the stable ABI.
///
/// `_Py_` names that a debug build alone exports count like others. Names of modules (`PyInit_x`) are
/// defined, not taken, unless one module calls another's.
pub(crate) fn abi3(taken: &[String]) -> Abi3 {
    let mut facts = Abi3 { python: "3.2".to_owned(), ..Abi3::default() };
    let mut python = (3, 2);
    for name in taken {
        let Some(&since) = SYMBOLS.get(name.as_str()) else {
            facts.unstable.push(name.clone());
            continue;
        };
        if since > python {
            python = since;
            facts.newest.clear();
        }
        if since == python && since > (3, 2) {
            facts.newest.push(name.clone());
        }
    }
    facts.python = format!("{}.{}", python.0, python.1);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_what_python_documents() {
        assert_eq!(SYMBOLS.get("PyArg_ParseTuple"), Some(&(3, 2)));
        assert_eq!(SYMBOLS.get("PyObject_GetBuffer"), Some(&(3, 11)));
        assert_eq!(SYMBOLS.get("PyModule_AddObjectRef"), Some(&(3, 10)));
        assert_eq!(SYMBOLS.get("PyDict_GetItemRef"), Some(&(3, 13)));
        assert_eq!(SYMBOLS.get("_PyUnicode_Ready"), None);
        assert!(SYMBOLS.len() > 900 && SYMBOLS.values().all(|since| *since >= (3, 2)));
    }

    #[test]
    fn the_newest_symbols_tell_the_python() {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let told =
            abi3(&owned(&["PyErr_Format", "PyObject_GetBuffer", "PyType_GetName", "_PyUnicode_Ready"]));
        assert_eq!(told.python, "3.11");
        assert_eq!(told.newest, ["PyObject_GetBuffer", "PyType_GetName"]);
        assert_eq!(told.unstable, ["_PyUnicode_Ready"]);
        assert_eq!(abi3(&[]), Abi3 { python: "3.2".to_owned(), ..Abi3::default() });
    }
}
