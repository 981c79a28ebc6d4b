//! The calls behind a lease: `fcntl(2)`, `sigtimedwait(2)`, `tgkill(2)`.
//!
//! # Safety
//! Calls that take integers, and structs of ours that live until the call returns.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use rustix::process::Pid;

use crate::{Errno, Result, last_errno};

/// From `<fcntl.h>`; the libc crate lacks them for GNU.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
const F_OWNER_TID: libc::c_int = 0;

#[repr(C)]
struct Owner {
    kind: libc::c_int,
    pid: libc::pid_t,
}

fn check(result: libc::c_int) -> Result<libc::c_int> {
    if result >= 0 { Ok(result) } else { Err(last_errno()) }
}

/// Whether a thread can block `signal` and wait for it: one that exists, that is not raised by
/// instructions, and that neither the kernel nor the C library keeps for itself.
pub(super) fn can_be_awaited(signal: libc::c_int) -> bool {
    let kept = [libc::SIGKILL, libc::SIGSTOP].contains(&signal)
        || (32..libc::SIGRTMIN()).contains(&signal);
    (1..=libc::SIGRTMAX()).contains(&signal) && !kept && !RAISED.contains(&signal)
}

/// Signals that a thread's own instructions raise: they are never blocked.
const RAISED: [libc::c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP];

/// Asks for `signal` to be sent to the thread `tid` when the lease on `fd` is to be broken.
pub(super) fn request_signal(fd: BorrowedFd<'_>, tid: Pid, signal: libc::c_int) -> Result<()> {
    let owner = Owner { kind: F_OWNER_TID, pid: tid.as_raw_nonzero().get() };
    // SAFETY: the command reads an `f_owner_ex`, which `owner` is laid out as.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), F_SETOWN_EX, &raw const owner) })?;
    // SAFETY: the command takes an integer.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), F_SETSIG, signal) })?;
    Ok(())
}

/// Takes a read lease.
pub(super) fn take(fd: BorrowedFd<'_>) -> Result<()> {
    let kind = libc::c_int::from(libc::F_RDLCK);
    // SAFETY: the command takes an integer.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETLEASE, kind) }).map(drop)
}

/// Gives the lease up; `EAGAIN` when the kernel has taken it away before.
pub(super) fn give_up(fd: BorrowedFd<'_>) -> Result<()> {
    let kind = libc::c_int::from(libc::F_UNLCK);
    // SAFETY: the command takes an integer.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETLEASE, kind) }).map(drop)
}

/// Whether the lease stands and no writer waits for its end.
pub(super) fn stands(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: the command takes nothing.
    let kind = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETLEASE) });
    kind == Ok(libc::c_int::from(libc::F_RDLCK))
}

/// Blocks every signal in this thread except those that its own instructions raise.
pub(super) fn block_signals() -> Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    let at = set.as_mut_ptr();
    // SAFETY: `at` points to a set of ours.
    unsafe { libc::sigfillset(at) };
    for signal in RAISED {
        // SAFETY: as above, and filled.
        unsafe { libc::sigdelset(at, signal) };
    }
    // SAFETY: reads the set; the old one is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, at, ptr::null_mut()) } {
        0 => Ok(()),
        code => Err(Errno::from_raw_os_error(code)),
    }
}

/// Waits for `signal`, which this thread blocks, or until `timeout` is over.
pub(super) fn wait(signal: libc::c_int, timeout: Duration) {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: all-zero bits are the empty set, and it is ours.
    unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: all-zero bits are a valid `timespec`: integers only.
    let timespec = unsafe { time.assume_init_mut() };
    timespec.tv_sec = timeout.as_secs().cast_signed();
    timespec.tv_nsec = timeout.subsec_nanos().into();
    // It does not matter what woke it: the caller checks the lease each time.
    // SAFETY: reads two structs of ours and writes nothing.
    unsafe { libc::sigtimedwait(set.as_ptr(), ptr::null_mut(), timespec) };
}

/// Wakes the thread `tid` of this process from [`wait`].
pub(super) fn wake(tid: Pid, signal: libc::c_int) {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let tid = tid.as_raw_nonzero().get();
    // SAFETY: integers only; the thread is not joined yet, so `tid` is its own, and it
    // blocks the signal.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) };
}
