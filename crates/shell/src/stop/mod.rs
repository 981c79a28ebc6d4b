//! SIGINT and SIGTERM: finish the read in hand, say what was found, remove temporary files.
//!
//! The file that a run makes has to keep its name, because direct reads and other programs
//! open it again by path, so it cannot be unlinked while in use. signal-hook sets a flag,
//! which is all that may safely be done in a handler. Everything else happens in order on
//! the way out, where `Drop` removes the file, as it also does in a panic.

mod watch;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

pub use watch::Watch;

/// Makes writing past the limit of file sizes (`ulimit -f`) fail with EFBIG, as on a full disk,
/// instead of SIGXFSZ, which would end the program and leave its files behind.
///
/// # Errors
/// When the signal handler cannot be installed.
pub fn outlive_size_limits() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// A flag that says whether, and by which signal, the program was asked to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// A flag that SIGINT and SIGTERM set from now on.
    ///
    /// # Errors
    /// When a signal handler cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), signal as usize)?;
        }
        Ok(stop)
    }

    /// Whether the program was asked to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The exit code by which a shell knows the signal: 130 for SIGINT, 143 for SIGTERM.
    #[must_use]
    pub fn exit_code(&self) -> Option<ExitCode> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(ExitCode::from(128u8.saturating_add(signal as u8))),
        }
    }

    /// Forgets the signal.
    fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
