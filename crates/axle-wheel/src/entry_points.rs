//! Console scripts of a wheel: `[console_scripts]` in `entry_points.txt`
//! (<https://packaging.python.org/en/latest/specifications/entry-points/>).

use thiserror::Error;

use axle_types::excerpt;

/// The most commands of one wheel: real ones have up to some hundred.
const MOST: usize = 4096;
/// The most bytes of a line that names one.
const LONGEST: usize = 1024;

/// One command: calling `name` calls `module.object()`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ConsoleScript {
    /// The command's file name.
    pub name: String,
    /// The dotted module to import.
    pub module: String,
    /// The dotted object in it to call.
    pub object: String,
}

/// The console scripts of an `entry_points.txt`, in the order of the file.
///
/// # Errors
/// When a line of that section is no `name = module:object`, or its name would leave the folder
/// it is written to, or there are more than real wheels have. Other sections are not looked at.
pub fn console_scripts(text: &str) -> Result<Vec<ConsoleScript>, EntryPointsError> {
    let mut scripts = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            inside = section.strip_suffix(']').map(str::trim) == Some("console_scripts");
        } else if inside && !line.is_empty() && !line.starts_with(['#', ';']) {
            if scripts.len() == MOST {
                return Err(EntryPointsError::TooMany);
            }
            let script = Some(line).filter(|line| line.len() <= LONGEST).and_then(console_script);
            let error = || EntryPointsError::Line { line: index + 1, text: excerpt(line) };
            scripts.push(script.ok_or_else(error)?);
        }
    }
    Ok(scripts)
}

fn console_script(line: &str) -> Option<ConsoleScript> {
    let (name, reference) = line.split_once('=')?;
    // Extras after the object are allowed by the specification and mean nothing any more.
    let reference = reference.split('[').next()?;
    let (module, object) = reference.split_once(':')?;
    let (name, module, object) = (name.trim(), module.trim(), object.trim());
    let plain_name = !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let dotted = |text: &str| {
        text.split('.').all(|part| {
            part.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
                && part.chars().all(|next| next.is_alphanumeric() || next == '_')
        })
    };
    (plain_name && dotted(module) && dotted(object)).then(|| ConsoleScript {
        name: name.to_owned(),
        module: module.to_owned(),
        object: object.to_owned(),
    })
}

/// What is wrong with an `entry_points.txt`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryPointsError {
    /// A line of `[console_scripts]` that names no command and function.
    #[error("line {line}: `{text}` is not of the form `name = module:function`")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// Its text, or the start of it.
        text: String,
    },
    /// More than any real wheel has.
    #[error("it declares more than {MOST} commands, which is the limit")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_of_torch() {
        let text = "[console_scripts]\ntorchfrtrace = tools.flight_recorder.fr_trace:main\n\
            torchrun = torch.distributed.run:main [extra]\n\n[torchrun.logs_specs]\ndefault = not:read\n";
        let scripts = console_scripts(text).unwrap();
        assert_eq!(scripts.len(), 2);
        assert_eq!(scripts[1].name, "torchrun");
        assert_eq!(scripts[1].module, "torch.distributed.run");
        assert_eq!(scripts[1].object, "main");
    }

    #[test]
    fn names_stay_in_their_folder() {
        for line in
            ["../evil = a:b", "/evil = a:b", "evil = a", "= a:b", "a b = a:b", "a = os;x:b", ".a = a:b"]
        {
            let error = console_scripts(&format!("[console_scripts]\n{line}\n")).unwrap_err();
            assert!(matches!(error, EntryPointsError::Line { line: 2, .. }), "{line}");
        }
    }

    #[test]
    fn more_than_real_wheels_have_is_refused() {
        let lines = |count: usize| format!("[console_scripts]\n{}", "a = b:c\n".repeat(count));
        assert_eq!(console_scripts(&lines(MOST)).unwrap().len(), MOST);
        assert_eq!(console_scripts(&lines(MOST + 1)), Err(EntryPointsError::TooMany));
        let long = format!("[console_scripts]\n{} = b:c\n", "a".repeat(1 << 20));
        assert!(console_scripts(&long).unwrap_err().to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "\\PC*") {
            let _ = console_scripts(&format!("[console_scripts]\n{text}"));
        }
    }
}
