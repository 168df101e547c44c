//! Targets of a CUDA release, as its ptxas lists and assembles them.

use std::path::{Path, PathBuf};
use std::process::Command;

use axle_audit::Code;
use axle_index::File;
use axle_toolkit::Targets;
use axle_types::ComputeCapability;
use axle_wheel::WheelName;

use crate::Error;
use crate::toolkit_files::{Downloads, HERE, ToolkitFiles, source, unpack};

/// What ptxas assembles: what its help lists, each tried once on an empty kernel.
pub fn targets(downloads: &Downloads, files: &ToolkitFiles) -> Result<Targets, Error> {
    let missing =
        || Error::Member { filename: format!("CUDA {}", files.cuda), member: "bin/ptxas".to_owned() };
    let file = files.nvcc.get(&HERE).ok_or_else(missing)?;
    let program = downloads.members(file, |member| member.ends_with("/bin/ptxas"))?;
    let member = program.keys().next().ok_or_else(missing)?;
    let folder = tempfile::tempdir()?;
    unpack(&program, folder.path())?;
    let ptxas = Ptxas { file, path: folder.path().join(member), folder: folder.path() };

    let listed = ptxas.listed()?;
    let isa = ptxas.newest_isa()?;
    let (sass, ptx): (Vec<Code>, Vec<Code>) =
        listed.into_iter().partition(|code| code.to_string().starts_with("sm_"));
    let mut deprecated = Vec::new();
    for code in &sass {
        match ptxas.assemble(&isa, &code.to_string())?.as_str() {
            "" => {}
            said if said.contains("deprecated") => deprecated.push(*code),
            // A target that is listed and does not work.
            said => return Err(ptxas.odd(said)),
        }
    }
    let name: WheelName = file.filename.parse()?;
    Ok(Targets {
        version: name.version().to_string(),
        ptx_isa: isa,
        sass,
        ptx,
        deprecated,
        source: source(file, Some(member)),
    })
}

/// The GPUs that machine code without a suffix runs on.
pub fn capabilities(targets: &Targets, known: &[ComputeCapability]) -> Vec<ComputeCapability> {
    known.iter().copied().filter(|gpu| !targets.running_on(*gpu).0.is_empty()).collect()
}

struct Ptxas<'a> {
    file: &'a File,
    path: PathBuf,
    folder: &'a Path,
}

impl Ptxas<'_> {
    /// The codes that the help lists between quotes, sorted.
    fn listed(&self) -> Result<Vec<Code>, Error> {
        let help = self.run(&["--help"])?;
        let quoted = help.split('\'').filter(|word| word.starts_with("sm_") || word.starts_with("compute_"));
        let mut codes: Vec<Code> = quoted.filter_map(|word| word.parse().ok()).collect();
        codes.sort();
        codes.dedup();
        if codes.is_empty() { Err(self.odd(&help)) } else { Ok(codes) }
    }

    /// The newest version of the PTX language, which ptxas names when it is asked for one that is still to come.
    fn newest_isa(&self) -> Result<String, Error> {
        let said = self.assemble("99.9", "sm_80")?;
        let isa = said.split("current version is '").nth(1).and_then(|rest| rest.split('\'').next());
        isa.map(str::to_owned).ok_or_else(|| self.odd(&said))
    }

    /// What ptxas says of an empty kernel for a target; nothing where all is well.
    fn assemble(&self, isa: &str, target: &str) -> Result<String, Error> {
        let text = format!(
            ".version {isa}\n.target {target}\n.address_size 64\n.visible .entry empty()\n{{\n ret;\n}}\n"
        );
        fs_err::write(self.folder.join("empty.ptx"), text)?;
        self.run(&["-arch", target, "empty.ptx", "-o", "empty.cubin"])
    }

    /// Runs it; what it says on both channels.
    fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = Command::new(&self.path)
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .output()
            .map_err(|source| Error::Start { program: self.path.display().to_string(), source })?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    }

    fn odd(&self, said: &str) -> Error {
        Error::Program { filename: self.file.filename.clone(), output: said.chars().take(200).collect() }
    }
}
