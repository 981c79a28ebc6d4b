//! The traced process: one that runs already, or a command that we start.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, waitid, waitpid,
};

use super::args::Args;
use cutwater_shell::Failure;
use cutwater_shell::Outcome;
use cutwater_shell::stop::Stop;

/// The exit code of a shell for a command that cannot be run.
const CANNOT_RUN: u8 = 127;
/// How long a command has to end after SIGTERM; then it is killed.
const END_WITHIN: Duration = Duration::from_secs(3);
/// Time between two checks whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process.
#[derive(Debug)]
pub(super) struct Target {
    pid: u32,
    name: String,
    /// The command that we started; it is not waited for before its counters were read.
    child: Option<Child>,
}

/// In the child: stops until its events are open, then becomes the command.
pub(super) fn become_command(command: &[OsString]) -> Outcome {
    let Some((program, rest)) = command.split_first() else {
        return Err(Failure::usage("no command"));
    };
    kill_process(getpid(), Signal::STOP)
        .map_err(|e| Failure::new("cannot stop before the start").because(e))?;
    let e = Command::new(program).args(rest).exec();
    let failure = Failure::new(format!("cannot run {}", program.display())).because(e);
    failure.report();
    Ok(ExitCode::from(CANNOT_RUN))
}

impl Target {
    pub(super) fn new(args: &Args) -> Result<Self, Failure> {
        if !args.command.is_empty() {
            return Self::start(args);
        }
        let Some(pid) = args.pid else {
            return Err(Failure::usage(
                "nothing to trace; name a process with --pid PID or a command after --",
            ));
        };
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).map_err(|e| {
            Failure::new(format!("there is no process {pid}, or /proc is not mounted")).because(e)
        })?;
        if let Some(process) = process_of(pid).filter(|process| *process != pid) {
            return Err(Failure::usage(format!(
                "{pid} is a thread of process {process}; name the process with --pid {process}"
            )));
        }
        Ok(Self { pid, name: name.trim().to_owned(), child: None })
    }

    fn start(args: &Args) -> Result<Self, Failure> {
        let name = args.command[0].display().to_string();
        let cannot = |e: io::Error| Failure::new(format!("cannot start {name}")).because(e);
        let me = cutwater_shell::own_path().map_err(cannot)?;
        let mut command = Command::new(me);
        command.args(["trace", "--child", "--"]).args(&args.command);
        if args.json {
            command.stdout(Stdio::from(io::stderr()));
        }
        let child = command.spawn().map_err(cannot)?;
        let target = Self { pid: child.id(), name: name.clone(), child: Some(child) };
        let waited = waitpid(target.process(), WaitOptions::UNTRACED);
        let waited = waited.map_err(|e| cannot(e.into()))?;
        if waited.is_none_or(|(_, status)| !status.stopped()) {
            return Err(Failure::new(format!("cannot start {name}: it ended at once")));
        }
        Ok(target)
    }

    fn process(&self) -> Option<Pid> {
        Pid::from_raw(self.pid.cast_signed())
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether we started it.
    pub(super) fn is_ours(&self) -> bool {
        self.child.is_some()
    }

    /// Lets a command begin.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if let (Some(pid), true) = (self.process(), self.is_ours()) {
            kill_process(pid, Signal::CONT)
                .map_err(|e| Failure::new("cannot let the command begin").because(e))?;
        }
        Ok(())
    }

    /// Whether it has ended. A command can be inspected until [`Target::end`].
    pub(super) fn has_ended(&self) -> Result<bool, Failure> {
        let Some(pid) = self.process() else { return Ok(true) };
        if !self.is_ours() {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat", pid = self.pid));
            // After the name in brackets comes the state; Z is ended and not waited for.
            let state = stat.ok().and_then(|s| Some(s.rsplit_once(')')?.1.trim_start().to_owned()));
            return Ok(state.is_none_or(|s| s.starts_with(['Z', 'X'])));
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(pid), options)
            .map_err(|e| Failure::new("cannot wait for the command").because(e))?;
        Ok(ended.is_some())
    }

    /// Ends a command that still runs, and gives the exit code.
    pub(super) fn end(&mut self, stop: &Stop) -> Outcome {
        if !self.is_ours() {
            // Ctrl-C is the usual way to stop watching a process that runs on.
            return Ok(ExitCode::SUCCESS);
        }
        let ended = self.has_ended()?;
        if !ended {
            self.terminate()?;
        }
        let Some(child) = &mut self.child else { return Ok(ExitCode::SUCCESS) };
        let status =
            child.wait().map_err(|e| Failure::new("cannot wait for the command").because(e))?;
        if !ended {
            return Ok(stop.exit_code().unwrap_or(ExitCode::SUCCESS));
        }
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Ok(exit_code(code.unwrap_or(1)))
    }
}

impl Target {
    /// Ends a running command; kills it if it does not end on request.
    fn terminate(&self) -> Result<(), Failure> {
        let Some(pid) = self.process() else { return Ok(()) };
        let _ = kill_process(pid, Signal::TERM);
        // A stopped command ends only once it continues.
        let _ = kill_process(pid, Signal::CONT);
        let asked = Instant::now();
        while !self.has_ended()? {
            if asked.elapsed() >= END_WITHIN {
                let _ = kill_process(pid, Signal::KILL);
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The process of a thread.
fn process_of(thread: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

impl Drop for Target {
    /// Kills a command that an error leaves behind, perhaps stopped.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
