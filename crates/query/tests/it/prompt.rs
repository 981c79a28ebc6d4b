//! The prompt, at a terminal that `script(1)` makes.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::data;

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A prompt in a terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    /// What was shown and not looked at yet.
    text: String,
}

impl Terminal {
    /// Opens one on a log of JSON lines, up to its prompt; nothing where there is no `script`.
    fn open(options: &str, state: &std::path::Path) -> io::Result<Option<Self>> {
        let log = data("app.json").display().to_string();
        let program = env!("CARGO_BIN_EXE_cutwater-query");
        // In place of the shell: dash waits for what it runs, gets the Ctrl-C too, and ends with
        // 130 whatever the program's own code was.
        let spawned = Command::new("script")
            .args(["-qefc", &format!("exec '{program}' {options} '{log}'"), "/dev/null"])
            .env("XDG_STATE_HOME", state)
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                cutwater_testing::skip!("there is no script(1) here to make a terminal with");
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let missing = || io::Error::other("a pipe is missing");
        let keys = child.stdin.take().ok_or_else(missing)?;
        let mut out = child.stdout.take().ok_or_else(missing)?;
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n) = out.read(&mut some)
                && n > 0
                && sender.send(some[..n].to_vec()).is_ok()
            {}
        });
        let mut terminal = Self { child, keys, shown, text: String::new() };
        terminal.wait_for(PROMPT);
        Ok(Some(terminal))
    }

    fn press(&mut self, keys: &str) -> io::Result<()> {
        self.keys.write_all(keys.as_bytes())?;
        self.keys.flush()
    }

    /// Waits until this is shown, and goes past it.
    fn wait_for(&mut self, words: &str) {
        let begun = Instant::now();
        loop {
            if let Some(at) = self.text.find(words) {
                self.text.drain(..at + words.len());
                return;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{words:?} was not shown; this was: {:?}", self.text),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PROMPT: &str = "cutwater> ";

#[test]
fn questions_are_answered_completed_and_kept_and_an_error_is_not_the_end() -> io::Result<()> {
    let state = tempfile::tempdir()?;
    let Some(mut terminal) = Terminal::open("--quiet", state.path())? else { return Ok(()) };
    terminal.press("SELECT count(*) + 1000 AS n FROM log;\r")?;
    terminal.wait_for("1040");
    terminal.wait_for(PROMPT);
    // An error is said, with what there is, and the prompt comes again.
    terminal.press("SELECT latency FROM log;\r")?;
    terminal.wait_for("latency_ms");
    terminal.wait_for(PROMPT);
    // A name is completed, here to the only one that begins so.
    terminal.press("SELECT max(laten\t")?;
    terminal.wait_for("latency_ms");
    terminal.press(") AS slowest FROM log;\r")?;
    terminal.wait_for("slowest");
    terminal.wait_for(PROMPT);
    terminal.press("\\d log\r")?;
    terminal.wait_for("latency_ms");
    terminal.wait_for(PROMPT);
    terminal.press("\\o csv\r")?;
    terminal.wait_for(PROMPT);
    terminal.press("SELECT 6 * 7 AS answer,\r1 AS one;\r")?;
    terminal.wait_for("answer,one\r\n42,1\r\n");
    terminal.wait_for(PROMPT);
    terminal.press("\\q\r")?;
    assert_eq!(terminal.child.wait()?.code(), Some(0));
    let history = std::fs::read_to_string(state.path().join("cutwater/query_history"))?;
    assert!(history.contains("SELECT max(latency_ms) AS slowest FROM log;"), "{history}");
    Ok(())
}

#[test]
fn ctrl_c_ends_the_query_and_not_the_prompt() -> io::Result<()> {
    let state = tempfile::tempdir()?;
    let Some(mut terminal) = Terminal::open("", state.path())? else { return Ok(()) };
    // 40 rows to the seventh power: it would not end today.
    terminal.press("SELECT count(*) FROM log a, log b, log c, log d, log e, log f, log g;\r")?;
    terminal.wait_for("log g;");
    // The bar is drawn when the query runs: earlier, the key would be one of the line's.
    terminal.wait_for("B/");
    terminal.press("\x03")?;
    terminal.wait_for("ended");
    terminal.wait_for(PROMPT);
    terminal.press("SELECT 6 * 7 AS answer;\r")?;
    terminal.wait_for("42");
    terminal.wait_for(PROMPT);
    terminal.press("\x04")?;
    assert_eq!(terminal.child.wait()?.code(), Some(0));
    Ok(())
}
