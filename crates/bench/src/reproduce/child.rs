//! Child processes that take part in a claim, and the parent's handle on them.
//!
//! A child is this program again, with a role and a file. It prints one line, and ends when its
//! standard input closes.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use cutwater_shell::Failure;
use cutwater_shell::Outcome;

/// What a child does with its file. It reports one line through its last argument, and must keep
/// its resources until that call returns.
pub(super) type Role = fn(&Path, &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String>;

/// The flag that gives a child its role.
pub(super) const FLAG: &str = "--play";

/// A child in its role.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    /// Starts a child.
    pub(super) fn playing(role: &str, file: &Path) -> Result<Self, String> {
        let cannot = |e| format!("cannot start a process for {role}: {e}");
        let me = cutwater_shell::own_path().map_err(cannot)?;
        let mut process = Command::new(me)
            .args(["reproduce", FLAG, role])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A terminal sends Ctrl-C to its whole process group. Only the parent handles it; the
            // child ends when its input closes.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let Some(stdout) = stdout else { return Err(format!("no pipe from {role}")) };
        Ok(Self { process, stdin, stdout: BufReader::new(stdout) })
    }

    /// Waits for the child's line.
    pub(super) fn said(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("a process that takes part ended early".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(e) => Err(format!("cannot hear a process that takes part: {e}")),
        }
    }

    /// Lets the child go on.
    pub(super) fn go_on(&mut self) -> Result<(), String> {
        let Some(stdin) = &mut self.stdin else { return Err("its input has ended".into()) };
        stdin.write_all(b"\n").map_err(|e| format!("cannot make a process go on: {e}"))
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Closing its input ends the child; the kill is in case it hangs.
        self.stdin = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Plays `role` with `file`, in a child.
pub(super) fn play(role: Role, file: &Path) -> Outcome {
    let mut say = |line: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|e| e.to_string())?;
        // What the role has must stay until the parent has looked.
        std::io::stdin().read_to_end(&mut Vec::new()).map(drop).map_err(|e| e.to_string())
    };
    role(file, &mut say).map_err(Failure::new)?;
    Ok(ExitCode::SUCCESS)
}
