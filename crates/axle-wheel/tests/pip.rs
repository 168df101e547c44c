//! Tags and file names, compared with the `packaging` that pip brings.

use std::collections::BTreeSet;
use std::process::Command;

use axle_types::{Glibc, PythonVersion, System};
use axle_wheel::{Fit, WheelName, fit};

/// Runs `script` with a Python that has pip; none where there is no such Python.
fn python(script: &str, arguments: &[&str]) -> Option<String> {
    for python in ["python3", "/usr/bin/python3"] {
        let output = Command::new(python).args(["-I", "-c", script]).args(arguments).output().ok()?;
        if output.status.success() {
            return String::from_utf8(output.stdout).ok();
        }
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains("No module named 'pip"), "{message}");
    }
    // Without pip there is nothing to compare with.
    None
}

/// Every tag that pip would take for a CPython on a Linux with that glibc, best first.
const TAGS: &str = r"
import sys
from pip._vendor.packaging import _manylinux, tags
version, threads, glibc, arch = sys.argv[1:]
version = tuple(map(int, version.split('.')))
_manylinux._get_glibc_version = lambda: tuple(map(int, glibc.split('.')))
_manylinux._have_compatible_abi = lambda *_: True
_manylinux._is_compatible = lambda *rest: tuple(rest[-1]) <= _manylinux._get_glibc_version()
# Before packaging 23.2 the architecture was a text, after the plain tag.
old = 'linux' in _manylinux.platform_tags.__code__.co_varnames
if old and threads:
    sys.exit()  # it knows no free-threaded Python either
arguments = ['linux_' + arch, arch] if old else [[arch]]
platforms = [*_manylinux.platform_tags(*arguments), 'linux_' + arch]
own = 'cp%d%d' % version
for tag in tags.cpython_tags(version, [own + threads], platforms):
    print(tag)
for tag in tags.compatible_tags(version, own, platforms):
    print(tag)
";

#[test]
fn tags_rank_as_in_packaging() {
    for (python_version, glibc, system) in [
        ("3.9", "2.17", "x86_64-linux"),
        ("3.12", "2.35", "x86_64-linux"),
        ("3.13t", "2.39", "x86_64-linux"),
        ("3.13", "2.28", "aarch64-linux"),
    ] {
        let version: PythonVersion = python_version.parse().unwrap();
        let system: System = system.parse().unwrap();
        let threads = if version.is_free_threaded() { "t" } else { "" };
        let number = python_version.trim_end_matches('t');
        let Some(listed) = python(TAGS, &[number, threads, glibc, system.architecture()]) else { return };
        if listed.is_empty() {
            continue;
        }
        let glibc: Glibc = glibc.parse().unwrap();

        let mut before: Option<Fit> = None;
        let mut known = BTreeSet::new();
        for tag in listed.lines() {
            if !known.insert(tag.to_owned()) {
                continue;
            }
            let wheel: WheelName = format!("toy-1.0-{tag}.whl").parse().unwrap();
            let fits = fit(&wheel, system, version, glibc)
                .unwrap_or_else(|mismatch| panic!("{tag} on {python_version}: {mismatch}"));
            assert!(before.as_ref().is_none_or(|before| fits < *before), "{tag} on {python_version}");
            before = Some(fits);
        }
        assert!(known.len() > 100, "{} tags", known.len());

        // And what packaging does not list fits nowhere.
        for python_tag in
            ["cp38", "cp39", "cp311", "cp312", "cp313", "cp314", "py2", "py3", "py39", "pp310", "cp3"]
        {
            for abi in ["none", "abi3", "cp39", "cp312", "cp313", "cp313t", "cp37m"] {
                for platform in
                    ["any", "linux_x86_64", "manylinux2014_aarch64", "manylinux_2_28_x86_64", "win_amd64"]
                {
                    let tag = format!("{python_tag}-{abi}-{platform}");
                    let wheel: WheelName = format!("toy-1.0-{tag}.whl").parse().unwrap();
                    let fits = fit(&wheel, system, version, glibc).is_ok();
                    assert_eq!(fits, known.contains(&tag), "{tag} on {python_version}, {system}");
                }
            }
        }
    }
}

const NAMES: &str = r"
import sys
from pip._vendor.packaging.utils import parse_wheel_filename
for filename in sys.argv[1:]:
    try:
        name, version, build, tags = parse_wheel_filename(filename)
        print(name, version, ''.join(map(str, build)) or '-', ' '.join(sorted(map(str, tags))))
    except Exception as error:
        print('refused')
";

#[test]
fn names_read_as_in_packaging() {
    let names = [
        "torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torch-2.10.0-3-cp310-cp310-manylinux_2_28_x86_64.whl",
        "flash_attn-2.8.3+cu12torch2.8cxx11abiTRUE-cp312-cp312-linux_x86_64.whl",
        "nvidia_cublas_cu12-12.8.4.1-py3-none-manylinux_2_27_x86_64.whl",
        "triton-3.5.1-cp314-cp314t-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "six-1.17.0-py2.py3-none-any.whl",
        "PyYAML-6.0.3-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl",
        "zope.interface-5.0-cp38-cp38-manylinux1_x86_64.whl",
        "foo_bar-1.0.0.post1.dev2-1a-py3-none-any.whl",
        "foo-1!2.0rc1-py3-none-any.whl",
        "foo-1.0-py3-none-any.zip",
        "foo-1.0-py3-any.whl",
        "foo-1.0-build-py3-none-any.whl",
        "foo-one-py3-none-any.whl",
        "foo-1.0-1-2-py3-none-any.whl",
    ];
    let Some(listed) = python(NAMES, &names) else { return };
    assert_eq!(listed.lines().count(), names.len());
    for (filename, theirs) in names.iter().zip(listed.lines()) {
        let ours = filename.parse::<WheelName>().map_or_else(
            |_| "refused".to_owned(),
            |wheel| {
                let mut tags: Vec<String> = wheel.tags().map(|tag| tag.to_string()).collect();
                tags.sort();
                let build = wheel.build().map_or_else(|| "-".to_owned(), ToString::to_string);
                format!("{} {} {build} {}", wheel.name(), wheel.version(), tags.join(" "))
            },
        );
        assert_eq!(ours, theirs, "{filename}");
    }
}
