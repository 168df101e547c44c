//! Run-time compilation in an environment without any variables set, and with a PATH without programs.

use std::path::Path;
use std::process::Command;
use std::thread;

use super::Error;

/// A script that ends with an error unless something can be compiled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    /// What can be compiled.
    pub(super) what: &'static str,
    script: &'static str,
}

const TORCH: [Try; 3] = [
    Try { what: "torch.compile compiles for the CPU", script: include_str!("run_time/compile.py") },
    Try { what: "AOTInductor compiles a model", script: include_str!("run_time/aot_inductor.py") },
    Try { what: "load_inline compiles C++", script: include_str!("run_time/extension.py") },
];

const TORCH_WITH_NVCC: Try =
    Try { what: "load_inline compiles CUDA", script: include_str!("run_time/cuda_extension.py") };

/// The tries of torch itself. `nvcc`: whether the environment has a toolkit without being given one.
pub(super) fn of_torch(nvcc: bool) -> Vec<Try> {
    TORCH.into_iter().chain(nvcc.then_some(TORCH_WITH_NVCC)).collect()
}

/// The tries of another package.
pub(super) fn of_package(name: &str) -> Vec<Try> {
    let one = match name {
        "cupy-cuda12x" | "cupy-cuda13x" => {
            Try { what: "CuPy compiles a kernel", script: include_str!("run_time/cupy.py") }
        }
        "numba" => Try { what: "numba compiles a function", script: include_str!("run_time/numba.py") },
        "flashinfer-python" => Try {
            what: "FlashInfer compiles a kernel",
            script: include_str!("run_time/flashinfer_python.py"),
        },
        "deepspeed" => {
            Try { what: "DeepSpeed compiles an optimiser", script: include_str!("run_time/deepspeed.py") }
        }
        _ => return Vec::new(),
    };
    vec![one]
}

/// Runs the tries side by side; gives what is wrong with each.
///
/// # Errors
/// When one cannot be started.
pub(super) fn run(environment: &Path, tries: &[Try]) -> Result<Vec<Option<String>>, Error> {
    thread::scope(|scope| {
        let running: Vec<_> = tries.iter().map(|one| scope.spawn(|| run_one(environment, one))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

fn run_one(environment: &Path, one: &Try) -> Result<Option<String>, Error> {
    let interpreter = environment.join("bin/python3");
    let start = |source| Error::Start { program: interpreter.display().to_string(), source };
    let home = tempfile::tempdir().map_err(start)?;
    // What is compiled may read the source of the functions in it.
    let script = home.path().join("try.py");
    fs_err::write(&script, one.script).map_err(start)?;
    let output = Command::new(&interpreter)
        .env_clear()
        .env("PATH", home.path())
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .arg("-I")
        .arg(&script)
        .output()
        .map_err(start)?;
    if output.status.success() {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.trim().lines().collect();
    Ok(Some(lines[lines.len().saturating_sub(20)..].join("\n")))
}
