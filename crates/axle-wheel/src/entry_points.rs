//! The commands that a wheel asks to be made: `[console_scripts]` of `entry_points.txt`
//! (<https://packaging.python.org/en/latest/specifications/entry-points/>).

use thiserror::Error;

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
/// it is written to. Other sections are not looked at.
pub fn console_scripts(text: &str) -> Result<Vec<ConsoleScript>, EntryPointsError> {
    let mut scripts = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            inside = section.strip_suffix(']').map(str::trim) == Some("console_scripts");
        } else if inside && !line.is_empty() && !line.starts_with(['#', ';']) {
            let error = || EntryPointsError { line: index + 1, text: line.to_owned() };
            scripts.push(console_script(line).ok_or_else(error)?);
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

/// A line of `[console_scripts]` that names no command and function.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: `{text}` is no `name = module:function`")]
#[non_exhaustive]
pub struct EntryPointsError {
    /// The line, counted from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
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
            assert_eq!(error.line, 2, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "\\PC*") {
            let _ = console_scripts(&format!("[console_scripts]\n{text}"));
        }
    }
}
