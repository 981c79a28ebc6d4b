//! A second process: this test binary again, with a role in an environment variable.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const ROLE: &str = "CUTWATER_TEST_ROLE";

/// A child that is killed when the test ends, however it ends.
pub(crate) struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Runs the test `entry` of this binary with a role of several words.
    pub(crate) fn start(entry: &str, role: &[&str]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", entry, "--nocapture", "--test-threads=1"])
            .env(ROLE, role.join("\n"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that begins with `mark`, without it; none when the child is gone.
    pub(crate) fn line(&mut self, mark: &str) -> Option<String> {
        loop {
            let line = self.lines.next()?.ok()?;
            if let Some(at) = line.find(mark) {
                return Some(line[at + mark.len()..].to_string());
            }
        }
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end; it was a success.
    pub(crate) fn finish(&mut self) {
        while let Some(Ok(_)) = self.lines.next() {}
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The words of this process's role, if it is a child.
pub(crate) fn role() -> Option<Vec<String>> {
    Some(std::env::var(ROLE).ok()?.split('\n').map(str::to_string).collect())
}
