//! A catalogue that is written is whole, and whatever is broken in it is found: each complaint of
//! `axle catalogue check`, one by one.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use axle_catalogue::{Catalogue, Files as _, Folder, Inventory, check};
use axle_testing::{Wheel, World, device_library, library};
use serde_json::{Value, json};

const CELLS: &str = "cells/x86_64-linux/3.12-12.8.json";

/// torch with a library that needs one of another wheel, and an extension that opens the driver.
fn world() -> World {
    World::new(&["torch", "extension"])
        .package("torch", "cuda-match = \"minor\"\ncuda-from = [\"runtime\"]")
        .package("runtime", "")
        .wheel(
            Wheel::new("torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl")
                .requires(&["runtime==12.8.90"])
                .cuda(&["12.8"])
                .elf(device_library("torch/lib/libtorch_cuda.so", "sm_80 sm_90"))
                .elf(library("torch/lib/libtorch.so", &["libcudart.so.12", "libcuda.so.1", "libc.so.6"]))
                .audited(|facts| {
                    facts.external =
                        vec!["libc.so.6".into(), "libcuda.so.1".into(), "libcudart.so.12".into()];
                }),
        )
        .wheel(
            Wheel::any("runtime", "12.8.90")
                .cuda(&["12.8"])
                .elf(library("runtime/lib/libcudart.so.12", &["libc.so.6"]))
                .audited(|facts| facts.external = vec!["libc.so.6".into()]),
        )
        .wheel(Wheel::any("extension", "1.0").requires(&["torch"]))
}

/// The whole catalogue of the world, in a folder.
fn catalogue() -> (tempfile::TempDir, Folder) {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::new(root.path());
    world().write(&folder);
    let mut inventory = Inventory::read(&Catalogue::new(folder.clone())).unwrap();
    let generated = axle_update::generate(&mut inventory).unwrap().whole().unwrap();
    axle_update::write(&folder, &inventory, &generated).unwrap();
    (root, folder)
}

fn read(folder: &Folder, path: &str) -> String {
    String::from_utf8(folder.read(path).unwrap().unwrap_or_else(|| panic!("there is no {path}")).into_owned())
        .unwrap()
}

/// Replaces a text of a file, which must be in it.
fn replace(folder: &Folder, path: &str, from: &str, to: &str) {
    let text = read(folder, path);
    assert!(text.contains(from), "{path} has no {from}: {text}");
    folder.write(path, text.replace(from, to).as_bytes()).unwrap();
}

/// Changes a JSON document; it is laid out otherwise afterwards, which is a complaint of its own.
fn change(folder: &Folder, path: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&read(folder, path)).unwrap();
    change(&mut value);
    folder.write(path, serde_json::to_string(&value).unwrap().as_bytes()).unwrap();
}

fn write(folder: &Folder, path: &str, bytes: &[u8]) {
    folder.write(path, bytes).unwrap();
}

fn remove(folder: &Folder, path: &str) {
    let mut transaction = folder.begin().unwrap();
    transaction.remove(path);
    transaction.commit().unwrap();
}

/// What is wrong once something was done to a catalogue.
fn complaints(broken: impl FnOnce(&Folder)) -> String {
    let (root, folder) = catalogue();
    broken(&folder);
    let root = root.path().display().to_string();
    let (_, complaints) = check::check(&folder).unwrap();
    complaints.into_iter().fold(String::new(), |mut text, one| {
        writeln!(text, "  {}: {}", one.path, one.message.replace(&root, "CATALOGUE")).unwrap();
        text
    })
}

#[test]
fn what_is_written_is_whole() {
    assert_eq!(complaints(|_| {}), "");
    let (root, _folder) = catalogue();
    assert_eq!(axle_update::stale(root.path()).unwrap(), [""; 0]);
}

#[test]
fn whatever_is_broken_is_found() {
    type Break = (&'static str, fn(&Folder));
    let broken: [Break; 27] = [
        ("a layout", |f| replace(f, "artefacts/torch.json", "\n", "\n ")),
        ("artefacts of no package", |f| write(f, "artefacts/other.json", b"{}")),
        ("artefacts that are no JSON", |f| write(f, "artefacts/torch.json", b"{")),
        ("the name of artefacts", |f| change(f, "artefacts/torch.json", |v| v["name"] = json!("runtime"))),
        ("a wheel of another package", |f| {
            replace(f, "artefacts/torch.json", "torch-2.9.1-cp312", "torchx-2.9.1-cp312");
        }),
        ("a local version that no grammar reads", |f| {
            replace(f, "packages/torch.toml", "cuda-from", "[names]\nlocal = ['^cu(?<cuda>\\d+)$']\n#");
            replace(f, "artefacts/torch.json", "2.9.1", "2.9.1+git");
        }),
        ("facts without an audit", |f| {
            change(f, "artefacts/extension.json", |v| {
                v["artefacts"][0]["provenance"] = json!("sibling");
            });
        }),
        ("the same file twice", |f| {
            change(f, "artefacts/extension.json", |v| {
                let mut other = v["artefacts"][0].clone();
                other["sha256"] = json!("9".repeat(64));
                v["artefacts"].as_array_mut().unwrap().push(other);
            });
        }),
        ("cells of no target", |f| {
            let text = read(f, CELLS);
            write(f, "cells/x86_64-linux/3.9-12.8.json", text.as_bytes());
        }),
        ("the hash of a cell", |f| change(f, CELLS, |v| v["torch"]["2.9.1"]["cell"] = json!("0".repeat(64)))),
        ("the order of cells", |f| change(f, CELLS, |v| v["order"] = json!([]))),
        ("a wheel that is not published", |f| {
            change(f, CELLS, |v| v["packages"]["torch"][0]["wheel"]["sha256"] = json!("9".repeat(64)));
        }),
        ("a package that a cell lacks", |f| {
            change(f, CELLS, |v| v["packages"]["torch"][0]["requires"] = json!(["nothing"]));
        }),
        ("a build that is not there", |f| remove(f, "builds/torch/2.9.1.json")),
        ("a wheel of a build that is not there", |f| {
            change(f, "builds/torch/2.9.1.json", |v| v["wheels"] = json!({}));
        }),
        ("a build that nothing chooses", |f| {
            let text = read(f, "builds/extension/1.0.json");
            write(f, "builds/extension/2.0.json", text.replace("\"1.0\"", "\"2.0\"").as_bytes());
        }),
        ("the name of a build", |f| {
            change(f, "builds/extension/1.0.json", |v| v["version"] = json!("3.0"));
        }),
        ("a build that is no JSON", |f| write(f, "builds/extension/1.0.json", b"[]")),
        ("a provider that is no package", |f| {
            replace(f, "builds/torch/2.9.1.json", "\"package\":\"runtime\"", "\"package\":\"nobody\"");
        }),
        ("a member that may open the driver and does not search it", |f| {
            change(f, "builds/torch/2.9.1.json", |v| {
                for wheel in v["wheels"].as_object_mut().unwrap().values_mut() {
                    for member in wheel["members"].as_array_mut().unwrap() {
                        member["search"] = json!([]);
                    }
                }
            });
        }),
        ("the list of libraries", |f| {
            write(
                f,
                "libraries.json",
                b"{\"schema\": \"axle.libraries/1\", \"libraries\": {\"libx.so\": [\"torch\"]}}",
            );
        }),
        ("build environments of what is not compiled", |f| {
            let file =
                "{\n\"schema\":\"axle.build-environments/1\",\n\"wheels\":{},\n\"environments\":[]\n}\n";
            write(f, "build-environments/torch.json", file.as_bytes());
        }),
        ("build environments that are no JSON", |f| {
            write(f, "build-environments/torch.json", b"{");
        }),
        ("a toolkit of a wheel that is not published", |f| {
            let wheel = json!({"package": "runtime", "version": "13.0.1", "filename": "runtime-13.0.1-py3-none-any.whl"});
            let toolkit = json!({"version": "13.0.1", "components": {"cudart": wheel}});
            let file = json!({"schema": "axle.components/1", "systems": {"x86_64-linux": {"13.0": toolkit}}});
            write(f, "components.json", file.to_string().as_bytes());
        }),
        ("toolkits that are no JSON", |f| write(f, "components.json", b"[]")),
        ("a component that no toolkit has", |f| {
            let source = "\n[source]\nbuild-system = \"setuptools\"\nbuild-requires = []\nlinks = []\ncomponents = [\"nothing\"]\n\
                          requires-dist = []\ndocument = \"its setup.py\"\n";
            let text = read(f, "packages/torch.toml");
            let wheel = json!({"package": "runtime", "version": "12.8.90", "filename": "runtime-12.8.90-py3-none-any.whl"});
            let toolkit = json!({"version": "13.0.1", "components": {"cudart": wheel}});
            let file = json!({"schema": "axle.components/1", "systems": {"x86_64-linux": {"13.0": toolkit}}});
            write(f, "components.json", file.to_string().as_bytes());
            write(f, "packages/torch.toml", format!("{text}{source}").as_bytes());
        }),
        ("the matrix", |f| {
            replace(f, "matrix.toml", "order = [[\"torch\",", "order = [[\"torch\",\"nobody\",");
            let text = read(f, "matrix.toml");
            let compiled =
                "[compiled]\ncompute-capabilities = [[\"5.0\"], []]\ncompilers = [\"gcc\", \"icc19\"]\n";
            write(f, "matrix.toml", format!("{text}\n{compiled}").as_bytes());
        }),
    ];
    let mut text = String::new();
    for (what, break_it) in broken {
        let complaints = complaints(break_it);
        assert_ne!(complaints, "", "{what} is not found");
        writeln!(text, "{what}:\n{complaints}").unwrap();
    }
    insta::assert_snapshot!(text);
}
