//! The reading process, seen from both sides.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, ChildStdin, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cutwater::{File, Mapped, ReadPath, sigbus};
use cutwater_lab::SplitMix;
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::bytes::{self, SIZE_MAX};
use cutwater_shell::Failure;
use cutwater_shell::Outcome;

/// Threads that read.
const THREADS: u64 = 4;
/// Bytes of one read at the most.
const READ_MAX: u64 = 64 << 10;
/// Reads after which a reader adopts the current size of the file.
const REFRESH_EVERY: u64 = 64;
/// Time between two lines of the child: what a crash can lose.
const SAY_EVERY: Duration = Duration::from_millis(20);

/// What was read so far; the child prints these as a line.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) reads: u64,
    pub(super) faults: u64,
    pub(super) wrong_bytes: u64,
    /// Set on the last line.
    done: bool,
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            faults: self.faults + other.faults,
            wrong_bytes: self.wrong_bytes + other.wrong_bytes,
            done: self.done && other.done,
        }
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// On request.
    Asked,
    Crash,
}

/// Whether a signal asked the child to end: Ctrl-C at a terminal also reaches a child that has just been
/// started and is still in our process group.
fn was_asked(status: ExitStatus) -> bool {
    matches!(status.signal(), Some(SIGHUP | SIGINT | SIGTERM))
}

/// The parent's handle on the child.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    stdin: Option<ChildStdin>,
    heard: Arc<Mutex<Counts>>,
    listener: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a child that reads the file at `path`.
    pub(super) fn reading(path: &Path, seed: u64) -> Result<Self, Failure> {
        let cannot = |e| Failure::new("cannot start the reading process").because(e);
        let me = cutwater_shell::own_path().map_err(cannot)?;
        let mut process = Command::new(me)
            .args(["storm", "--seed", &seed.to_string(), "--reader"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A terminal sends Ctrl-C to its whole process group. In the child it would look like
            // a crash; the child ends when its input closes.
            .process_group(0)
            .spawn()
            .map_err(cannot)?;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let heard = Arc::new(Mutex::new(Counts::default()));
        let mut child = Self { process, stdin, heard, listener: None };
        if let Some(stdout) = stdout {
            let heard = Arc::clone(&child.heard);
            let listen = move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let Ok(counts) = serde_json::from_str(&line) {
                        *heard.lock().unwrap_or_else(PoisonError::into_inner) = counts;
                    }
                }
            };
            let listener = thread::Builder::new().name("listener".into()).spawn(listen);
            child.listener = Some(listener.map_err(cannot)?);
        }
        Ok(child)
    }

    /// How the child ended, if it has. It never ends on its own.
    pub(super) fn has_died(&mut self) -> Result<Option<End>, Failure> {
        let state = self.process.try_wait();
        let state = state.map_err(|e| Failure::new("cannot watch the reading process").because(e));
        Ok(state?.map(|status| if was_asked(status) { End::Asked } else { End::Crash }))
    }

    /// Ends the child, and waits for it.
    pub(super) fn end(&mut self) -> Result<End, Failure> {
        self.stdin = None;
        let status = self.process.wait();
        let status = status.map_err(|e| Failure::new("cannot wait for the reader").because(e))?;
        self.hear_out();
        let well = status.success() && self.last_heard().done;
        Ok(if well || was_asked(status) { End::Asked } else { End::Crash })
    }

    /// The child's last counts.
    pub(super) fn counts(&mut self) -> Counts {
        self.hear_out();
        self.last_heard()
    }

    /// The counts that arrived last.
    pub(super) fn last_heard(&self) -> Counts {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything that a dead child printed was read.
    fn hear_out(&mut self) {
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
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

/// What the threads of the child share.
#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    reads: AtomicU64,
    wrong_bytes: AtomicU64,
}

impl Shared {
    fn counts(&self, done: bool) -> Counts {
        Counts {
            reads: self.reads.load(Ordering::Relaxed),
            faults: sigbus::counters().caught,
            wrong_bytes: self.wrong_bytes.load(Ordering::Relaxed),
            done,
        }
    }
}

/// The child: reads until standard input ends.
pub(super) fn read_until_stdin_ends(path: &Path, seed: u64) -> Outcome {
    // Without a handler, reads use system calls: slower, but just as correct.
    let _ = sigbus::install();
    let mapped = Mapped::open(path)?;
    let file = File::options().path(ReadPath::Mmap).open(path)?;
    let shared = Shared::default();
    thread::scope(|scope| {
        for i in 0..THREADS {
            let (mapped, file, shared) = (&mapped, &file, &shared);
            scope.spawn(move || read(mapped, file, shared, seed * THREADS + i));
        }
        scope.spawn(|| {
            while !shared.over.load(Ordering::Relaxed) {
                thread::sleep(SAY_EVERY);
                if say(&shared.counts(false)).is_err() {
                    break;
                }
            }
        });
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        shared.over.store(true, Ordering::Relaxed);
    });
    let said = say(&shared.counts(true));
    Ok(if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(mapped: &Mapped, file: &File, shared: &Shared, seed: u64) {
    let mut random = SplitMix(seed);
    let mut buf = vec![0; READ_MAX as usize];
    let mut reads = 0u64;
    while !shared.over.load(Ordering::Relaxed) {
        let at = random.below(SIZE_MAX);
        let len = 1 + random.below(READ_MAX) as usize;
        let buf = &mut buf[..len];
        // Both ways to read through a map; what came before a fault has to be right, too.
        let n = if reads.is_multiple_of(2) {
            mapped.read_at(buf, at).unwrap_or_else(|fault| fault.copied())
        } else {
            file.read_at(buf, at).unwrap_or(0)
        };
        let wrong = bytes::wrong(&buf[..n], at);
        shared.wrong_bytes.fetch_add(wrong, Ordering::Relaxed);
        shared.reads.fetch_add(1, Ordering::Relaxed);
        reads += 1;
        if reads.is_multiple_of(REFRESH_EVERY) {
            let _ = mapped.refresh();
        }
    }
}

fn say(counts: &Counts) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(counts)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}
