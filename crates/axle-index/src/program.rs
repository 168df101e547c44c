//! Running a program of the machine, with a time limit.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes that a program may say.
const LARGEST: u64 = 16 << 20;

/// A program did not answer in time, and was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence;

/// What a program says on its standard output; `None` where there is no such program, or it fails.
///
/// # Errors
/// When it takes longer than `patience`.
pub fn ask_program(program: &str, arguments: &[&str], patience: Duration) -> Result<Option<String>, Silence> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Ok(None) };
    let Some(pipe) = child.stdout.take() else { return Ok(None) };
    let deadline = Instant::now() + patience;
    let (sender, receiver) = mpsc::channel();
    // What it started may hold its end of the pipe open for ever: who reads it is left alone with it then.
    thread::spawn(move || {
        let mut said = Vec::new();
        let read = pipe.take(LARGEST).read_to_end(&mut said);
        let _ = sender.send(read.map(|_| said));
    });
    let said = receiver.recv_timeout(patience);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if said.is_ok() && Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Silence);
            }
            Err(_) => return Ok(None),
        }
    };
    let said = said.map_err(|_| Silence)?.ok().filter(|_| status.success());
    Ok(said.map(|said| String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(script: &str) -> Result<Option<String>, Silence> {
        ask_program("sh", &["-c", script], Duration::from_secs(1))
    }

    #[test]
    fn nobody_is_waited_for_without_end() {
        assert_eq!(ask("echo 1"), Ok(Some("1\n".to_owned())));
        assert_eq!(ask("echo 1; exit 3"), Ok(None));
        assert_eq!(ask_program("/no/such/program", &[], Duration::from_secs(1)), Ok(None));
        for script in
            ["sleep 100", "exec sleep 100 >&-", "sleep 100 & echo 1", "trap '' TERM; exec sleep 100"]
        {
            assert_eq!(ask(script), Err(Silence), "{script}");
        }
        // What has no end is not kept.
        assert!(ask_program("cat", &["/dev/zero"], Duration::from_secs(20)).is_ok());
    }
}
