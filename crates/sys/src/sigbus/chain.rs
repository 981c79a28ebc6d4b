//! The handlers of SIGBUS before ours, and how a signal that is not ours reaches them.
//!
//! Every installation remembers the handler that it replaced. When ours was displaced and
//! installed again, the handler that displaced it may pass signals on to ours. Ours is then
//! entered a second time for the same signal and must not send it back. Both entries have the
//! same `siginfo_t` pointer, into the stack of the thread, which shows the nesting: the
//! first entry goes to the newest predecessor, the next to the one before. A predecessor may
//! also leave the signal by a jump (`siglongjmp(3)`) and never return here. That shows on the
//! stack, where the next signal is not deeper.
//!
//! # Safety
//! The predecessors are written under the lock of [`super::install`] before the count that
//! makes them visible, never changed after, and their handlers are called as the kernel
//! would: with its arguments and with the signal mask they asked for.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Errno, Result};

/// Most installations in the life of a process: the first, and one after each displacement.
const INSTALLS: usize = 8;

/// Most signals that are passed on at a time, over all threads.
const NESTED: usize = 16;

struct Previous([UnsafeCell<MaybeUninit<libc::sigaction>>; INSTALLS]);

// SAFETY: element `i` is written once, before `COUNT` is raised past `i` with Release, and
// read only after a load of `COUNT` with Acquire.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous([const { UnsafeCell::new(MaybeUninit::uninit()) }; INSTALLS]);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static PASSING: [Passing; NESTED] = [const { Passing::free() }; NESTED];

/// A signal that is being passed on.
struct Passing {
    /// Its `siginfo_t`; 0 when the place is free.
    info: AtomicUsize,
    /// An address on the stack at that time; the stack grows down.
    frame: AtomicUsize,
}

impl Passing {
    const fn free() -> Self {
        Self { info: AtomicUsize::new(0), frame: AtomicUsize::new(0) }
    }

    /// Takes the place for a signal if it is free.
    fn take(&self, info: usize, frame: usize) -> bool {
        let is_free =
            self.info.compare_exchange(0, info, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_free {
            self.frame.store(frame, Ordering::Relaxed);
        }
        is_free
    }

    /// Whether the call of [`forward`] that took this place for `info` encloses the one at
    /// `frame`. If it does not, a jump left it, and the place is free again.
    fn is_around(&self, info: usize, frame: usize) -> bool {
        // Only this thread has a `siginfo_t` at that address.
        if self.info.load(Ordering::Relaxed) != info {
            return false;
        }
        let around = self.frame.load(Ordering::Relaxed) > frame;
        if !around {
            self.info.store(0, Ordering::Relaxed);
        }
        around
    }
}

/// Remembers `action`; the caller holds the lock of [`super::install`].
pub(super) fn push(action: libc::sigaction) -> Result<()> {
    let count = COUNT.load(Ordering::Relaxed);
    let slot = PREVIOUS.0.get(count).ok_or(Errno::NOSPC)?;
    // SAFETY: `COUNT` was not raised past this element, so no reader has it, and the lock
    // that the caller holds keeps other writers away.
    unsafe { slot.get().write(MaybeUninit::new(action)) };
    COUNT.store(count + 1, Ordering::Release);
    Ok(())
}

/// Passes a signal on to the predecessor whose turn it is.
// Not inlined, so that frames of the same signal at the same depth have the same address.
#[inline(never)]
pub(super) fn forward(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let on_stack = 0u8;
    let frame = std::hint::black_box(&raw const on_stack).addr();
    let depth = PASSING.iter().filter(|place| place.is_around(info.addr(), frame)).count();
    let Some(action) = previous(depth) else {
        return die(signal, info);
    };
    let place = PASSING.iter().find(|place| place.take(info.addr(), frame));
    call(&action, signal, info, context);
    if let Some(place) = place {
        place.info.store(0, Ordering::Relaxed);
    }
}

/// The predecessor `depth` steps before the newest.
fn previous(depth: usize) -> Option<libc::sigaction> {
    let at = COUNT.load(Ordering::Acquire).checked_sub(depth + 1)?;
    // SAFETY: `at` is below `COUNT`, so the element was written and is never changed again.
    let action = unsafe { PREVIOUS.0[at].get().read() };
    // SAFETY: the same: elements below `COUNT` are initialized.
    Some(unsafe { action.assume_init() })
}

fn call(action: &libc::sigaction, signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    match action.sa_sigaction {
        libc::SIG_DFL => die(signal, info),
        // The kernel never ignores a fault; it does ignore a signal that a process sent.
        libc::SIG_IGN if is_fault(info) => die(signal, info),
        libc::SIG_IGN => {}
        handler => with_mask(action, signal, || {
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                let handler = ptr::with_exposed_provenance::<()>(handler);
                // SAFETY: sigaction(2) returned it with SA_SIGINFO, so it has this type.
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(handler) };
                handler(signal, info, context);
            } else {
                let handler = ptr::with_exposed_provenance::<()>(handler);
                // SAFETY: sigaction(2) returned it without SA_SIGINFO, so it has this type.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
                handler(signal);
            }
        }),
    }
}

/// Runs `f` with the signal mask that the kernel would have given `action`'s handler.
fn with_mask(action: &libc::sigaction, signal: c_int, f: impl FnOnce()) {
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    let (mask, before_at) = (&raw const action.sa_mask, before.as_mut_ptr());
    // SAFETY: both point to sets of ours; pthread_sigmask(3) writes the second only.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, mask, before_at) };
    // The kernel blocked `signal` for our handler; one with SA_NODEFER expects it open.
    if action.sa_flags & libc::SA_NODEFER != 0 {
        let mut open = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: `open` is a set of ours, empty as zeroed.
        unsafe { libc::sigaddset(open.as_mut_ptr(), signal) };
        // SAFETY: the set is ours and readable; nothing is written.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, open.as_ptr(), ptr::null_mut()) };
    }
    f();
    // SAFETY: `before` holds the mask from above, or the empty one it began as.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
}

/// Whether an instruction of this thread caused the signal; returning then repeats it.
fn is_fault(info: *const libc::siginfo_t) -> bool {
    // SAFETY: the kernel passed a `siginfo_t` that lives as long as the handler runs.
    let code = unsafe { (*info).si_code };
    code > 0 && code != libc::BUS_MCEERR_AO
}

/// Ends the process by this signal, as the kernel does without a handler.
fn die(signal: c_int, info: *mut libc::siginfo_t) {
    let mut default = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all-zero bits are a valid `sigaction`: SIG_DFL, no flags, an empty mask.
    unsafe { default.assume_init_mut() }.sa_sigaction = libc::SIG_DFL;
    // SAFETY: points to the action above; the old one is not asked for.
    unsafe { libc::sigaction(signal, default.as_ptr(), ptr::null_mut()) };
    if is_fault(info) {
        return; // The instruction runs again and ends the process where it faulted.
    }
    let (pid, tid) = (rustix::process::getpid(), rustix::thread::gettid());
    // SAFETY: `info` is the kernel's own, still alive; a process may queue any code to itself.
    unsafe {
        libc::syscall(
            libc::SYS_rt_tgsigqueueinfo,
            pid.as_raw_nonzero().get(),
            tid.as_raw_nonzero().get(),
            signal,
            info,
        )
    };
}
