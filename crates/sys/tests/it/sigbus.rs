//! The handler among other handlers. Some of these processes must die.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use cutwater_sys::map::{CopyError, Map, MapOptions};
use cutwater_sys::sigbus::{self, Status};

use crate::child::{assert_dies, assert_passes};

const PAGE: usize = 4096;

/// A map of two pages whose file has one.
fn truncated() -> (File, Map) {
    let file = tempfile::tempfile().unwrap();
    file.set_len(2 * PAGE as u64).unwrap();
    let map = Map::new(file.as_fd(), 0, 2 * PAGE, &MapOptions::default()).unwrap();
    file.set_len(PAGE as u64).unwrap();
    (file, map)
}

fn fault(map: &Map) -> Result<usize, CopyError> {
    map.copy_to(0, &mut [0; 2 * PAGE])
}

const CAUGHT: Result<usize, CopyError> = Err(CopyError::Fault { copied: PAGE });

/// Sets a handler for SIGBUS and returns the one before.
fn set_handler(handler: usize, flags: c_int) -> libc::sigaction {
    // SAFETY: all-zero bits are a valid `sigaction`.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    (new.sa_sigaction, new.sa_flags) = (handler, flags);
    // SAFETY: both point to structs of ours; the handlers here are of the type `flags` says.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &raw const new, &raw mut old) }, 0);
    old
}

static SEEN: AtomicU32 = AtomicU32::new(0);
static CODE: AtomicU32 = AtomicU32::new(0);
static BEFORE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_info(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the kernel's, or passed on by the handler under test.
    CODE.store(unsafe { (*info).si_code }.cast_unsigned(), Ordering::Relaxed);
}

extern "C" fn count_plain(signal: c_int) {
    assert_eq!(signal, libc::SIGBUS);
    SEEN.fetch_add(1, Ordering::Relaxed);
}

/// Passes every signal on to the handler in `BEFORE`, as libraries do.
extern "C" fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let before = std::ptr::with_exposed_provenance::<()>(BEFORE.load(Ordering::Relaxed));
    // SAFETY: sigaction(2) returned it with SA_SIGINFO.
    let before: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
        unsafe { std::mem::transmute(before) };
    before(signal, info, context);
}

fn raise() {
    // SAFETY: no memory is involved.
    unsafe { libc::raise(libc::SIGBUS) };
}

/// Sends this thread a SIGBUS with a code of the kernel's.
fn queue(code: c_int, address: usize) {
    // SAFETY: all-zero bits are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    (info.si_signo, info.si_code) = (libc::SIGBUS, code);
    // The kernel copies what follows the three integers, and the address is the first of it.
    let at = (&raw mut info).cast::<usize>().wrapping_add(2);
    // SAFETY: 16 bytes into a struct of 128.
    unsafe { at.write(address) };
    let (pid, tid) = (rustix::process::getpid(), rustix::thread::gettid());
    let (pid, tid) = (pid.as_raw_nonzero().get(), tid.as_raw_nonzero().get());
    let call = libc::SYS_rt_tgsigqueueinfo;
    // SAFETY: the kernel reads `info` only.
    let result = unsafe { libc::syscall(call, pid, tid, libc::SIGBUS, &raw const info) };
    assert_eq!(result, 0);
}

/// A load that faults outside the copy routine.
fn touch_a_missing_page() {
    let file = tempfile::tempfile().unwrap();
    let flags = rustix::mm::MapFlags::SHARED;
    let null = std::ptr::null_mut();
    // SAFETY: no address is asked for.
    let start =
        unsafe { rustix::mm::mmap(null, PAGE, rustix::mm::ProtFlags::READ, flags, &file, 0) };
    // SAFETY: mapped above; that the file has no page there is the point.
    unsafe { start.unwrap().cast::<u8>().read_volatile() };
}

#[test]
fn nothing_is_protected_until_it_was_asked_for() {
    assert_passes(|| {
        let (_file, map) = truncated();
        assert_eq!(sigbus::status(), Status::NotInstalled);
        assert_eq!(fault(&map), Err(CopyError::Unprotected));
        sigbus::install().unwrap();
        sigbus::install().unwrap();
        assert_eq!(sigbus::status(), Status::Installed);
        assert_eq!(fault(&map), CAUGHT);
        let counters = sigbus::counters();
        assert_eq!((counters.caught, counters.poisoned), (1, 0));
        assert_eq!((counters.chained, counters.displaced), (0, 0));
    });
}

#[test]
fn other_signals_reach_the_handler_before_ours() {
    assert_passes(|| {
        set_handler(count_info as *const () as usize, libc::SA_SIGINFO);
        sigbus::install().unwrap();
        let (_file, map) = truncated();
        assert_eq!(fault(&map), CAUGHT);
        assert_eq!(SEEN.load(Ordering::Relaxed), 0);
        raise();
        assert_eq!(SEEN.load(Ordering::Relaxed), 1);
        assert_eq!(sigbus::counters().chained, 1);
    });
}

#[test]
fn a_plain_handler_before_ours_is_called_with_the_signal() {
    assert_passes(|| {
        set_handler(count_plain as *const () as usize, 0);
        sigbus::install().unwrap();
        raise();
        assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn hardware_memory_errors_are_never_hidden() {
    assert_passes(|| {
        set_handler(count_info as *const () as usize, libc::SA_SIGINFO);
        sigbus::install().unwrap();
        for (n, code) in [(1, libc::BUS_MCEERR_AR), (2, libc::BUS_MCEERR_AO)] {
            queue(code, 0x1000);
            assert_eq!(SEEN.load(Ordering::Relaxed), n);
            assert_eq!(CODE.load(Ordering::Relaxed).cast_signed(), code);
        }
        assert_eq!(sigbus::counters().caught, 0);
    });
}

#[test]
fn without_a_handler_before_ours_a_foreign_fault_kills() {
    assert_dies(libc::SIGBUS, || {
        set_handler(libc::SIG_DFL, 0);
        sigbus::install().unwrap();
        touch_a_missing_page();
    });
}

#[test]
fn without_a_handler_before_ours_a_sent_signal_kills() {
    assert_dies(libc::SIGBUS, || {
        set_handler(libc::SIG_DFL, 0);
        sigbus::install().unwrap();
        raise();
    });
}

#[test]
fn a_fault_that_was_ignored_before_ours_kills_and_a_sent_signal_does_not() {
    let text = assert_dies(libc::SIGBUS, || {
        set_handler(libc::SIG_IGN, 0);
        sigbus::install().unwrap();
        raise();
        eprintln!("alive");
        touch_a_missing_page();
    });
    assert!(text.contains("alive"), "{text}");
}

#[test]
fn a_foreign_fault_under_rusts_own_handler_kills() {
    assert_dies(libc::SIGBUS, || {
        sigbus::install().unwrap();
        touch_a_missing_page();
    });
}

#[test]
fn a_stack_overflow_is_still_reported() {
    fn deep(n: u64) -> u64 {
        let block = std::hint::black_box([n; 512]);
        if n == 0 { 0 } else { deep(n - 1) + block[3] }
    }
    let text = assert_dies(libc::SIGABRT, || {
        sigbus::install().unwrap();
        let _ = std::thread::spawn(|| deep(u64::MAX)).join();
    });
    assert!(text.contains("overflowed its stack"), "{text}");
}

#[test]
fn a_displaced_handler_is_noticed_and_can_be_installed_again() {
    assert_passes(|| {
        sigbus::install().unwrap();
        let (_file, map) = truncated();
        assert_eq!(map.copy_to(0, &mut [0; 8]), Ok(8));
        set_handler(count_info as *const () as usize, libc::SA_SIGINFO);
        for _ in 0..sigbus::CHECK_EVERY {
            let _ = map.copy_to(0, &mut [0; 8]);
        }
        assert_eq!(map.copy_to(0, &mut [0; 8]), Err(CopyError::Unprotected));
        assert_eq!(sigbus::status(), Status::Displaced);
        assert_eq!(sigbus::counters().displaced, 1);
        sigbus::install().unwrap();
        assert_eq!(fault(&map), CAUGHT);
        raise();
        assert_eq!(SEEN.load(Ordering::Relaxed), 1, "the one that displaced us is not lost");
    });
}

#[test]
fn a_new_map_notices_a_displaced_handler() {
    assert_passes(|| {
        sigbus::install().unwrap();
        let (file, map) = truncated();
        assert_eq!(fault(&map), CAUGHT);
        set_handler(count_info as *const () as usize, libc::SA_SIGINFO);
        let second = Map::new(file.as_fd(), 0, PAGE, &MapOptions::default()).unwrap();
        assert_eq!(fault(&map), Err(CopyError::Unprotected));
        assert_eq!(second.copy_to(0, &mut [0]), Err(CopyError::Unprotected));
    });
}

#[test]
fn a_handler_after_ours_that_passes_on_keeps_copies_alive_and_ends_at_the_first() {
    assert_passes(|| {
        set_handler(count_plain as *const () as usize, 0);
        sigbus::install().unwrap();
        let (_file, map) = truncated();
        assert_eq!(fault(&map), CAUGHT);
        let ours = set_handler(pass_on as *const () as usize, libc::SA_SIGINFO);
        BEFORE.store(ours.sa_sigaction, Ordering::Relaxed);
        assert_eq!(fault(&map), CAUGHT, "not noticed yet, but passed on");
        assert_eq!(SEEN.load(Ordering::Relaxed), 1);
        // Ours, theirs, ours again: a signal must not go round.
        assert_eq!(sigbus::status(), Status::Displaced);
        sigbus::install().unwrap();
        raise();
        assert_eq!(SEEN.load(Ordering::Relaxed), 3, "once by pass_on, once by count_plain");
        raise();
        assert_eq!(SEEN.load(Ordering::Relaxed), 5);
    });
}

#[test]
fn a_thread_that_blocks_the_signal_is_refused_and_not_killed() {
    assert_passes(|| {
        sigbus::install().unwrap();
        let (_file, map) = truncated();
        assert_eq!(fault(&map), CAUGHT);
        let blocked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    // SAFETY: all-zero bits are an empty set.
                    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
                    // SAFETY: a set of ours.
                    unsafe { libc::sigfillset(&raw mut all) };
                    let null = std::ptr::null_mut();
                    // SAFETY: a set of ours; the old one is not asked for.
                    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, null) };
                    fault(&map)
                })
                .join()
        });
        assert_eq!(blocked.unwrap(), Err(CopyError::Unprotected));
    });
}

#[test]
fn a_forked_child_is_as_protected_as_its_parent() {
    assert_passes(|| {
        sigbus::install().unwrap();
        let (_file, map) = truncated();
        // SAFETY: the child calls nothing but a copy, which allocates nothing, and _exit.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let code = i32::from(fault(&map) != CAUGHT);
            // SAFETY: ends the process.
            unsafe { libc::_exit(code) };
        }
        let mut status = 1;
        // SAFETY: writes one integer of ours.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, 0);
        assert_eq!(fault(&map), CAUGHT);
    });
}

/// The last load of a copy begins before bytes that were copied already, up to 127 of them, and so
/// can lie on a page before the one that is next.
#[test]
fn a_truncation_between_the_last_two_loads_of_a_copy_is_an_error() {
    const CHANGES: usize = 2_000;
    /// Copied by one round of the loop and by the end, which begins 97 bytes before the round did.
    const LEN: usize = 160;
    const FROM: usize = PAGE - 100;
    assert_passes(|| {
        sigbus::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(2 * PAGE as u64).unwrap();
        let map = Map::new(file.as_fd(), 0, 2 * PAGE, &MapOptions::default()).unwrap();
        let (whole, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut buf = [0u8; LEN + 64];
                // One byte before a multiple of 32, which the loop brings the target to.
                let to = 31 + buf.as_ptr().align_offset(32);
                while !over.load(Ordering::Relaxed) {
                    match map.copy_to(FROM, &mut buf[to..to + LEN]) {
                        Ok(_) => whole.fetch_add(1, Ordering::Relaxed),
                        Err(CopyError::Fault { copied }) => usize::from(copied > LEN),
                        // The handler lost its place when it passed a fault of ours on.
                        Err(other) => {
                            over.store(true, Ordering::Relaxed);
                            panic!("{other:?}");
                        }
                    };
                }
            });
            for _ in 0..CHANGES {
                let before = whole.load(Ordering::Relaxed);
                // The pages are there again: what follows are copies and no faults.
                while whole.load(Ordering::Relaxed) < before + 20 && !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                file.set_len(0).unwrap();
                file.set_len(2 * PAGE as u64).unwrap();
            }
            over.store(true, Ordering::Relaxed);
        });
    });
}

// A load that survives its SIGBUS because the handler jumps out of it, as with sigsetjmp(3): 1 where
// it did. Keeps what a function must keep.
std::arch::global_asm!(
    ".globl cutwater_test_load",
    "cutwater_test_load:",
    "push rbx; push rbp; push r12; push r13; push r14; push r15",
    "mov [rip + cutwater_test_stack], rsp",
    "movzx eax, byte ptr [rdi]",
    "xor eax, eax",
    "2: pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx",
    "ret",
    ".globl cutwater_test_jump",
    "cutwater_test_jump:",
    "mov rsp, [rip + cutwater_test_stack]",
    "mov eax, 1",
    "jmp 2b",
    ".pushsection .bss",
    ".p2align 3",
    "cutwater_test_stack: .zero 8",
    ".popsection",
);

unsafe extern "C" {
    fn cutwater_test_load(at: *const u8) -> u32;
    fn cutwater_test_jump() -> !;
}

extern "C" fn jump_out(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: all-zero bits are an empty set.
    let mut open: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: a set of ours.
    unsafe { libc::sigaddset(&raw mut open, signal) };
    // SAFETY: a set of ours; the old one is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const open, std::ptr::null_mut()) };
    // SAFETY: a load is under way on this thread, and no frame between has anything to drop.
    unsafe { cutwater_test_jump() }
}

#[test]
fn a_handler_before_ours_that_jumps_out_of_the_signal_is_called_each_time() {
    assert_passes(|| {
        set_handler(jump_out as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
        sigbus::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        let (flags, null) = (rustix::mm::MapFlags::SHARED, std::ptr::null_mut());
        let read = rustix::mm::ProtFlags::READ;
        // SAFETY: no address is asked for.
        let start = unsafe { rustix::mm::mmap(null, PAGE, read, flags, &file, 0) }.unwrap();
        for time in 1..=40 {
            // SAFETY: mapped above; the handler takes care of the page that is not there.
            assert_eq!(unsafe { cutwater_test_load(start.cast()) }, 1, "time {time}");
        }
        assert_eq!(sigbus::counters().chained, 40);
    });
}
