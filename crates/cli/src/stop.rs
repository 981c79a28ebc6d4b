//! SIGINT and SIGTERM: finish the read in hand, say what was measured, remove the file.
//!
//! The file that a run makes has to keep its name, because direct reads and other programs
//! open it again by path, so it cannot be unlinked while in use. signal-hook sets a flag,
//! which is all that may safely be done in a handler; everything else happens in order on
//! the way out, where `Drop` removes the file, as it also does in a panic.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};

/// Makes writing past the limit of file sizes (`ulimit -f`) fail with EFBIG, as a full disk does,
/// in place of SIGXFSZ, which would end us with our files left behind.
pub(crate) fn outlive_size_limits() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

/// Whether and by which signal we were told to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// A flag that SIGINT and SIGTERM set from now on.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), signal as usize)?;
        }
        Ok(stop)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The exit code by which a shell knows the signal: 130 for Ctrl-C.
    pub(crate) fn exit_code(&self) -> Option<ExitCode> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(ExitCode::from(128u8.saturating_add(signal as u8))),
        }
    }
}
