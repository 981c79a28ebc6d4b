//! SIGBUS as an error: the handler that lets [`crate::map::Map`] survive a truncated file.
//!
//! A load from a mapped file raises SIGBUS when its page is not available: another process
//! truncated the file, the device failed, the server is gone. Copies run in one assembly
//! routine; a fault inside it, in a registered map, ends the copy. Every other SIGBUS goes
//! to the handler before ours, including hardware memory errors.
//!
//! The handler is process-wide state, so it is installed on request only. A handler that is
//! installed later displaces it. Making a map notices that, and so does every thread once in
//! [`CHECK_EVERY`] copies. From then on copies are refused, and the caller
//! reads with `pread(2)`. Between the displacement and the check, a fault reaches the other
//! handler; copies keep working if that one passes on the signals that it does not know.
//!
//! # Safety
//! One struct is given to sigaction(2), two are filled by the kernel. The handler is safe
//! to run at any time: see its module.
#![allow(unsafe_code)]

mod chain;
mod copy;
mod handler;
pub mod map;
pub mod poison;
mod registry;
mod zeros;

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{Errno, Result};

/// Copies of one thread between two checks of the handler. A check is two system
/// calls, about 150 ns together here: under 1 % of 256 copies of 4 KiB.
pub const CHECK_EVERY: u32 = 256;

/// Which handler of SIGBUS is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Ours was never installed, or this architecture has no copy routine.
    NotInstalled,
    /// Ours; copies from maps are protected.
    Installed,
    /// Another one, installed after ours; copies from maps are refused.
    Displaced,
}

/// What the handler did since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Faults that became an error.
    pub caught: u64,
    /// The part of them in a poisoned slice, whose result is thrown away.
    pub poisoned: u64,
    /// Signals passed on to the handler before ours.
    pub chained: u64,
    /// How often another handler was found in place of ours.
    pub displaced: u64,
}

const NOT_INSTALLED: u8 = 0;
const INSTALLED: u8 = 1;
const DISPLACED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(NOT_INSTALLED);
static EVER: AtomicBool = AtomicBool::new(false);
static DISPLACEMENTS: AtomicU64 = AtomicU64::new(0);
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the handler for SIGBUS in front of the current one. See `sigaction(2)`.
///
/// Does nothing when it is in place, and installs it again when it was displaced.
///
/// # Errors
/// [`Errno::NOSYS`] on an architecture without a copy routine; [`Errno::NOSPC`] when it was
/// displaced and installed again eight times.
pub fn install() -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Errno::NOSYS);
    }
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if status() == Status::Installed {
        return Ok(());
    }
    zeros::set_up();
    chain::push(current()?)?;
    EVER.store(true, Ordering::Release);
    set(handler_address())?;
    STATE.store(INSTALLED, Ordering::Release);
    Ok(())
}

/// Asks the kernel which handler of SIGBUS is in place.
#[must_use]
pub fn status() -> Status {
    if !EVER.load(Ordering::Acquire) {
        return Status::NotInstalled;
    }
    let ours = current().is_ok_and(|action| action.sa_sigaction == handler_address());
    let now = if ours { INSTALLED } else { DISPLACED };
    let before = STATE.swap(now, Ordering::AcqRel);
    if before == INSTALLED && now == DISPLACED {
        DISPLACEMENTS.fetch_add(1, Ordering::Relaxed);
    }
    if ours { Status::Installed } else { Status::Displaced }
}

/// Whether the handler was ours at the last check; costs no system call. A copy checks again
/// every [`CHECK_EVERY`] times, so this is for choices and not for safety.
#[must_use]
pub fn was_installed() -> bool {
    STATE.load(Ordering::Relaxed) == INSTALLED
}

/// What the handler did since the process began.
#[must_use]
pub fn counters() -> Counters {
    Counters {
        caught: handler::CAUGHT.load(Ordering::Relaxed),
        poisoned: handler::POISONED.load(Ordering::Relaxed),
        chained: handler::CHAINED.load(Ordering::Relaxed),
        displaced: DISPLACEMENTS.load(Ordering::Relaxed),
    }
}

thread_local! {
    /// Copies until the next check, and whether this thread lets SIGBUS in.
    static LOOK: Cell<(u32, bool)> = const { Cell::new((0, false)) };
}

/// Whether a fault of this thread inside the copy routine becomes an error.
///
/// A fault kills a thread that blocks SIGBUS, whatever the handler
/// (signal(7): a blocked synchronous signal), so its copies are refused too.
pub(crate) fn is_protected() -> bool {
    let (left, open) = LOOK.get();
    let Some(left) = left.checked_sub(1) else {
        return look();
    };
    LOOK.set((left, open));
    open && STATE.load(Ordering::Relaxed) == INSTALLED
}

/// The same, by asking the kernel now.
pub(crate) fn is_protected_now() -> bool {
    look()
}

#[cold]
fn look() -> bool {
    if !EVER.load(Ordering::Acquire) {
        return false; // Without the handler there is nothing to count down to.
    }
    let open = lets_sigbus_in();
    let installed = status() == Status::Installed;
    LOOK.set((CHECK_EVERY - 1, open));
    open && installed
}

/// Whether the calling thread does not block SIGBUS.
fn lets_sigbus_in() -> bool {
    let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: no new mask is given; pthread_sigmask(3) writes the set that we own.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr()) };
    // SAFETY: reads a set of ours, zeroed and then filled by the kernel.
    let blocked = unsafe { libc::sigismember(mask.as_ptr(), libc::SIGBUS) };
    error == 0 && blocked == 0
}

fn handler_address() -> usize {
    (handler::on_sigbus as *const ()).expose_provenance()
}

/// The action for SIGBUS now.
fn current() -> Result<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is given; sigaction(2) writes the struct that we own.
    let result = unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), action.as_mut_ptr()) };
    if result != 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: zeroed, which is valid, and then filled by the kernel.
    Ok(unsafe { action.assume_init() })
}

fn set(handler: usize) -> Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero bits are a valid `sigaction`: SIG_DFL, no flags, an empty mask.
    let new = unsafe { action.assume_init_mut() };
    new.sa_sigaction = handler;
    // On the alternate stack, because a fault may come on a full one; with system calls
    // restarted, because a program must not see that its signals pass through us.
    new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: `new` holds a handler of the type that SA_SIGINFO names, safe to run at any
    // time; the old action is not asked for.
    let result = unsafe { libc::sigaction(libc::SIGBUS, new, ptr::null_mut()) };
    if result == 0 { Ok(()) } else { Err(Errno::INVAL) }
}
