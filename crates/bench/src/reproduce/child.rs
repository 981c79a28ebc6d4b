//! Parts that a process of its own plays, and the processes as their parent has them.
//!
//! A child is this program again, with a role and a file. It says one line, and ends with its
//! standard input.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use cutwater_shell::Failure;
use cutwater_shell::Outcome;

/// A part: it has its file, does its work, says a line by its last argument, and keeps what it
/// has until that returns.
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
    /// Starts one.
    pub(super) fn playing(role: &str, file: &Path) -> Result<Self, String> {
        let cannot = |e| format!("cannot start a process for {role}: {e}");
        let me = std::env::current_exe().map_err(cannot)?;
        let mut process = Command::new(me)
            .args(["reproduce", FLAG, role])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C goes to the whole group of a terminal, and is for us; it ends with its input.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let Some(stdout) = stdout else { return Err(format!("no pipe from {role}")) };
        Ok(Self { process, stdin, stdout: BufReader::new(stdout) })
    }

    /// Waits for its line.
    pub(super) fn said(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("a process that takes part ended early".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(e) => Err(format!("cannot hear a process that takes part: {e}")),
        }
    }

    /// Lets it go on.
    pub(super) fn go_on(&mut self) -> Result<(), String> {
        let Some(stdin) = &mut self.stdin else { return Err("its input has ended".into()) };
        stdin.write_all(b"\n").map_err(|e| format!("cannot tell a process to go on: {e}"))
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its input ends, and with it the child; killed for the case that it hangs.
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
