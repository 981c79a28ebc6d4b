//! SIGINT, SIGTERM and SIGHUP: finish the read in hand, say what was found, remove temporary files.
//!
//! The file that a run makes has to keep its name, because direct reads and other programs
//! open it again by path, so it cannot be unlinked while in use. signal-hook sets a flag,
//! which is all that may safely be done in a handler. Everything else happens in order on
//! the way out, where `Drop` removes the file, as it also does in a panic.

mod watch;

use std::ffi::c_int;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cutwater_sys::signals::is_ignored;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

pub use watch::Watch;

/// Makes writing past the limit of file sizes (`ulimit -f`) fail with EFBIG, as on a full disk,
/// instead of SIGXFSZ, which would end the program and leave its files behind.
///
/// # Errors
/// When the signal handler cannot be installed.
pub fn outlive_size_limits() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// The signals that ask a program to stop. SIGHUP, sent when the terminal has gone, is left out if
/// the program was started to ignore it (`nohup(1)`).
fn signals() -> impl Iterator<Item = c_int> {
    // Only this file handles it, so it is ignored only if it was at the start.
    let ends = |signal: &c_int| *signal != SIGHUP || !is_ignored(SIGHUP);
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(ends)
}

/// The flag of the process, once there are handlers.
static FLAG: Mutex<Option<Stop>> = Mutex::new(None);

/// A flag that says whether, and by which signal, the program was asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// The flag that SIGINT, SIGTERM and SIGHUP set from the first call on; each call gives the same one.
    ///
    /// # Errors
    /// When a signal handler cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        // It is only replaced as a whole.
        let mut flag = FLAG.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = &*flag {
            return Ok(stop.clone());
        }
        let stop = Self::default();
        for signal in signals() {
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), signal as usize)?;
        }
        Ok(flag.insert(stop).clone())
    }

    /// Whether the program was asked to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The exit code by which a shell knows the signal: 129 for SIGHUP, 130 for SIGINT, 143 for SIGTERM.
    #[must_use]
    pub fn exit_code(&self) -> Option<ExitCode> {
        self.code().map(ExitCode::from)
    }

    /// The same as a number.
    pub(crate) fn code(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(128u8.saturating_add(signal as u8)),
        }
    }

    /// Forgets the signal.
    fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
