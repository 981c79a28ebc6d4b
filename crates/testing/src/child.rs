//! Child processes of tests.

use std::env;
use std::io::{self, BufRead, BufReader, Lines};
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const ROLE: &str = "CUTWATER_TEST_ROLE";

/// A user with no rights of its own, on most hosts `nobody`.
pub const STRANGER: u32 = 65_534;

/// The full name of the test `function` in the module `module_path!()`, as the test harness wants it.
#[must_use]
pub fn test_name(module_path: &str, function: &str) -> String {
    match module_path.split_once("::") {
        Some((_, module)) => format!("{module}::{function}"),
        None => function.to_owned(),
    }
}

/// A command that runs one test of this program, by its full name, in a process of its own.
///
/// # Errors
/// As [`env::current_exe`].
pub fn test_command(name: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args([name, "--exact", "--nocapture"]);
    Ok(command)
}

/// Returns what a process of [`test_command`] has printed.
///
/// # Panics
/// Where the test failed, or did not run. `what` names it.
pub fn passed(what: &str, output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {}\n{printed}\n{errors}", output.status);
    assert!(printed.contains("1 passed"), "{what}: it did not run: {printed}");
    printed
}

/// The program of an example, which Cargo builds next to the tests of its crate. `None` where it was not
/// built.
#[must_use]
pub fn example(name: &str) -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    let path = test.parent()?.parent()?.join("examples").join(name);
    path.exists().then_some(path)
}

/// A child process that is killed when this is dropped.
#[derive(Debug)]
pub struct KillOnDrop(pub Child);

impl Deref for KillOnDrop {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for KillOnDrop {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A child process that runs one test of this program in a role. It is killed when this is dropped.
#[derive(Debug)]
pub struct TestChild {
    child: KillOnDrop,
    lines: Lines<BufReader<ChildStdout>>,
}

impl TestChild {
    /// Runs the test with this full name. There, [`role`] returns the words of `role`.
    ///
    /// # Panics
    /// Where no process can be started.
    #[must_use]
    pub fn start(name: &str, role: &[&str]) -> Self {
        Self::spawn(&mut Self::command(name, role)).expect("a test starts")
    }

    /// As [`start`](Self::start), as the user `uid`. `None` where this process may not become that user, or
    /// that user may not run this program.
    ///
    /// # Panics
    /// Where this test is no program.
    #[must_use]
    pub fn start_as(uid: u32, name: &str, role: &[&str]) -> Option<Self> {
        Self::spawn(Self::command(name, role).uid(uid).gid(uid)).ok()
    }

    fn command(name: &str, role: &[&str]) -> Command {
        let mut command = test_command(name).expect("this test is a program");
        command.arg("--test-threads=1").env(ROLE, role.join("\n"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut child = KillOnDrop(command.spawn()?);
        let stdout = child.stdout.take().expect("it is a pipe");
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Returns the next line that contains `mark`, from the end of the mark on; `None` when the output
    /// has ended.
    pub fn line(&mut self, mark: &str) -> Option<String> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(at) = line.find(mark) {
                return Some(line[at + mark.len()..].to_string());
            }
        }
    }

    /// Ends its standard input, for which it may wait.
    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Kills it and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where its test failed.
    pub fn finish(&mut self) {
        while let Some(Ok(_)) = self.lines.next() {}
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

/// Returns the role of this process, where [`TestChild::start`] started it.
#[must_use]
pub fn role() -> Option<Vec<String>> {
    Some(env::var(ROLE).ok()?.split('\n').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_run_again_by_its_full_name() {
        const AGAIN: &str = "CUTWATER_TESTING_AGAIN";
        if env::var_os(AGAIN).is_some() {
            return println!("in the child");
        }
        let name = test_name(module_path!(), "a_test_is_run_again_by_its_full_name");
        let output = test_command(&name).and_then(|mut test| test.env(AGAIN, "1").output());
        let printed = passed(&name, &output.expect("this test is a program"));
        assert!(printed.contains("in the child"), "{printed}");
    }

    #[test]
    fn a_child_has_its_role_and_its_lines_are_found() {
        if let Some(role) = role() {
            return println!("between others, role={role:?}");
        }
        let name = test_name(module_path!(), "a_child_has_its_role_and_its_lines_are_found");
        let mut child = TestChild::start(&name, &["reads", "a b"]);
        assert_eq!(child.line("role=").as_deref(), Some("[\"reads\", \"a b\"]"));
        assert_eq!(child.line("role="), None);
        child.finish();
    }
}
