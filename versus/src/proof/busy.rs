//! Two busy loops beside a comparison.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// A process whose two threads spin, until this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Child);

impl Busy {
    /// Starts the process.
    pub(super) fn start() -> Result<Self, String> {
        let me = std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let started = Command::new(me).arg("busy").stdin(Stdio::piped()).spawn();
        started.map(Self).map_err(|e| format!("cannot start the busy loops: {e}"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Spins on two threads until standard input ends, as it does with the process that holds its
/// other end.
pub(crate) fn spin_until_input_ends() -> Result<bool, String> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let read = std::io::stdin().read_to_end(&mut Vec::new());
        ended.store(true, Ordering::Relaxed);
        read.map(|_| true).map_err(|e| format!("cannot read standard input: {e}"))
    })
}
