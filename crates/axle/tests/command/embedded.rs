//! The catalogue that the program carries: only what will not change with its next update.

use serde_json::Value;

use crate::run::{Folder, one_line};

/// The target that the README shows.
const TARGET: [&str; 6] = ["concretise", "--python", "3.11", "--cuda", "12.8", "torch"];

#[test]
fn a_plan_for_ampere() {
    let folder = Folder::new();
    let output =
        folder.output(&[&TARGET[..], &["--cc", "8.6", "--torch", "2.9.1", "--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let torch = &plan["packages"]["torch"];
    assert_eq!(plan["torch"], "2.9.1");
    assert_eq!(torch["version"], "2.9.1");
    assert_eq!(torch["build"]["filename"], "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl");
    // As published; every pin of torch's is in the plan.
    assert_eq!(torch["build"]["sha256"], "d033ff0ac3f5400df862a51bdde9bad83561f3739ea0046e68f5401ebfa67c1b");
    assert_eq!(plan["packages"]["triton"]["version"], "3.5.1");
    assert_eq!(plan["packages"]["nvidia-cuda-runtime-cu12"]["version"], "12.8.90");
    assert_eq!(plan["errors"], Value::Array(Vec::new()));
}

#[test]
fn a_plan_fits_a_terminal() {
    let folder = Folder::new();
    let more =
        ["--cc", "8.6", "flash-attn", "--prefer", "newest", "--only-audited=torch", "--allow", "AX201"];
    let output = folder.output(&[&TARGET[..], &more].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (table, flake) = text.split_once("\nin a flake").unwrap();
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // What was asked for stands in the flake, or why it does not.
    for asked in
        ["hl.flash-attn", "prefer = \"newest\";", "allow = [ \"AX201\" ];", "Nix has no arguments for"]
    {
        assert!(flake.contains(asked), "{flake}");
    }
}

#[test]
fn pascal_is_refused_with_a_way_out() {
    let folder = Folder::new();
    let output = folder.output(&[&TARGET[..], &["--cc", "6.1"]].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{text}");
    assert!(text.contains("does not cover 6.1: it has complete code for sm_70 and newer only"), "{text}");
    let commands: Vec<_> = text.lines().filter_map(|line| line.split_once(": axle ")).collect();
    assert!(!commands.is_empty(), "{text}");
    for (_, arguments) in commands {
        folder.command("sh").args(["-c", &format!("axle {arguments}")]).assert().success();
    }
}

#[test]
fn the_index_of_torch() {
    let folder = Folder::new();
    let output = folder.output(&["catalogue", "show", "--files", "torch"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let hash = "d033ff0ac3f5400df862a51bdde9bad83561f3739ea0046e68f5401ebfa67c1b";
    let row = text.lines().find(|line| line.ends_with(hash)).unwrap();
    assert!(row.starts_with("torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl "), "{row}");
}

#[test]
fn what_is_not_in_it() {
    let folder = Folder::new();
    let output = folder.output(&["catalogue", "show", "toch"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    insta::assert_snapshot!(one_line(&output));
}

#[test]
fn the_catalogue_is_whole_and_damage_is_told() {
    let folder = copied();
    let output = folder.output(&["catalogue", "check", "catalogue"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(0), 1), "{text}");
    assert!(text.ends_with(": no problems\n"), "{text}");

    let path = folder.path("catalogue/artefacts/einops.json");
    let damaged = fs_err::read_to_string(&path).unwrap().replacen("provenance", "provenanse", 1);
    fs_err::write(&path, damaged).unwrap();
    let path = folder.path("catalogue/libraries.json");
    let damaged = fs_err::read_to_string(&path).unwrap().replacen("[\"triton\"]", "[\"torch\"]", 1);
    fs_err::write(&path, damaged).unwrap();
    let output = folder.output(&["catalogue", "check", "catalogue"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("artefacts/einops.json: ") && text.contains("unknown field `provenanse`"),
        "{text}"
    );
    assert!(text.contains("libraries.json: it does not match the builds"), "{text}");
    // What cells choose of it is missed too.
    assert!(text.contains("is not an artefact of einops"), "{text}");
}

#[test]
fn a_toolkit_of_what_is_not_there_is_told() {
    let folder = copied();
    let replace = |file: &str, old: &str, new: &str| {
        let path = folder.path(file);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} says nothing of {old}");
        fs_err::write(&path, text.replace(old, new)).unwrap();
    };
    replace("catalogue/components.json", "nvidia_cuda_nvcc-13.2.86-", "nvidia_cuda_nvcc-13.2.87-");
    replace("catalogue/matrix.toml", "compilers = [\"gcc13\"]", "compilers = [\"gcc-13\"]");
    replace("catalogue/matrix.toml", "[[\"8.6\"]]", "[[\"8.6\", \"8.8\"], []]");
    replace("catalogue/packages/xformers.toml", "\"curand\"]", "\"curandd\"]");
    let output = folder.output(&["catalogue", "check", "catalogue"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let (told, counts) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(counts.ends_with(": 7 problems"), "{counts}");
    insta::assert_snapshot!(told);
}

fn copied() -> Folder {
    let folder = Folder::new();
    let copied = std::process::Command::new("cp")
        .args(["-r", concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue")])
        .arg(folder.path("catalogue"))
        .status();
    assert!(copied.unwrap().success());
    folder
}
