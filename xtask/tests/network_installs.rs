//! Plans as pip and uv take them: `--format requirements` and `--format pylock`.

#![allow(clippy::unwrap_used, reason = "a test that cannot run has failed")]

use std::path::Path;
use std::process::Command;

/// Small packages with requirements of their own; one has a wheel for each Python.
const PACKAGES: [&str; 2] = ["jinja2", "typing-extensions"];
/// What PEP 751 says of pylock.toml, by packaging's own reading.
const VALIDATE: &str = "
import sys, tomllib
from packaging.pylock import Pylock
with open(sys.argv[1], 'rb') as file:
    print(*sorted(package.name for package in Pylock.from_dict(tomllib.load(file)).packages))";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn environment(folder: &Path, packages: &[&str]) -> std::path::PathBuf {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let python = folder.join("bin/python");
    if !packages.is_empty() {
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
    }
    python
}

#[test]
#[ignore = "asks the package index"]
fn pip_and_uv_install_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let version = "import sys; print(*sys.version_info[:2], sep='.')";
    let python = run(Command::new("python3").args(["-c", version]));
    let program =
        axle_provision::nix::command_line(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    let plan = |format: &str, file: &str| {
        let mut axle = Command::new(&program);
        axle.args(["concretise", "--python", python.trim()]);
        axle.args(["--cuda", "12.8", "--cc", "8.6", "--format", format]).args(PACKAGES);
        std::fs::write(in_folder(file), run(&mut axle)).unwrap();
        in_folder(file)
    };

    let requirements = plan("requirements", "requirements.txt");
    let pip = environment(&in_folder("pip"), &[]);
    run(Command::new(&pip)
        .args(["-m", "pip", "install", "--quiet", "--require-hashes", "-r"])
        .arg(requirements));
    assert_eq!(run(Command::new(&pip).args(["-m", "pip", "check"])), "No broken requirements found.\n");

    let pylock = plan("pylock", "pylock.toml");
    let tools = environment(&in_folder("tools"), &["uv", "packaging"]);
    let names = run(Command::new(&tools).args(["-c", VALIDATE]).arg(&pylock));
    assert_eq!(names, "jinja2 markupsafe typing-extensions\n");
    let uv = environment(&in_folder("uv"), &[]);
    run(Command::new(&tools)
        .args(["-m", "uv", "pip", "install", "--quiet", "--preview-features", "pylock", "--python"])
        .arg(&uv)
        .arg("-r")
        .arg(&pylock));
    for python in [&pip, &uv] {
        run(Command::new(python).args(["-c", "import jinja2, markupsafe, typing_extensions"]));
    }
}
