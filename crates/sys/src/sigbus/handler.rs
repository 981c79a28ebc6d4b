//! The handler of SIGBUS.
//!
//! # Safety
//! Runs in a signal: it allocates nothing, takes no lock and calls only what
//! signal-safety(7) lists. It changes a thread's registers only when the thread is inside
//! the copy routine and the fault lies in the source that it is copying.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use super::registry::OnFault;
use super::{chain, registry};

/// Faults that became an error.
pub(super) static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// The part of them in poisoned slices.
pub(super) static POISONED: AtomicU64 = AtomicU64::new(0);
/// Signals that were passed on.
pub(super) static CHAINED: AtomicU64 = AtomicU64::new(0);

/// The handler for SIGBUS, `SA_SIGINFO`.
pub(super) extern "C" fn on_sigbus(
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    if is_ours(info, context) {
        CAUGHT.fetch_add(1, Ordering::Relaxed);
        return;
    }
    CHAINED.fetch_add(1, Ordering::Relaxed);
    chain::forward(signal, info, context);
}

/// Answers the fault if it is one of a registered map; returns whether it is.
fn is_ours(info: *const libc::siginfo_t, context: *mut c_void) -> bool {
    // SAFETY: the kernel passed a `siginfo_t` that lives as long as the handler runs.
    let info = unsafe { &*info };
    // Only BUS_ADRERR says that the file has no such page (truncated, EIO); a hardware
    // memory error (BUS_MCEERR_*) is never hidden, and other codes are not faults of a map.
    if info.si_code != libc::BUS_ADRERR {
        return false;
    }
    // SAFETY: BUS_ADRERR carries an address.
    let address = unsafe { info.si_addr() }.addr();
    let Some(range) = registry::find(address) else {
        return false;
    };
    match range.on_fault {
        OnFault::EndCopy => resume(address, context),
        OnFault::FillZeros => {
            let filled = super::zeros::zero_fill(address, &range);
            POISONED.fetch_add(u64::from(filled), Ordering::Relaxed);
            filled
        }
    }
}

/// The page size on x86-64, to round the address of a fault; huge pages are not used here.
#[cfg(target_arch = "x86_64")]
const PAGE: usize = 4096;

/// Moves a thread that faulted inside the copy routine to the landing.
#[cfg(target_arch = "x86_64")]
fn resume(address: usize, context: *mut c_void) -> bool {
    use super::copy;

    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: SA_SIGINFO: the third argument is this thread's context, writable, and the
    // kernel loads the registers from it when the handler returns.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    let get = |register: c_int| registers[register as usize].cast_unsigned() as usize;
    if !copy::range().contains(&get(libc::REG_RIP)) {
        return false;
    }
    let page = address & !(PAGE - 1);
    // The source starts as many bytes before the next one as were stored. The last load of a copy
    // reads some of them again, perhaps from a page before that of the next byte.
    let stored = get(libc::REG_RDI).wrapping_sub(get(libc::REG_R9));
    let begin = get(libc::REG_RSI).wrapping_sub(stored);
    // An address outside the source is a fault of the destination, which is not ours.
    if address < begin & !(PAGE - 1) || address >= get(libc::REG_RDX) {
        return false;
    }
    registers[libc::REG_R8 as usize] = (page as u64).cast_signed();
    registers[libc::REG_RIP as usize] = (copy::landing() as u64).cast_signed();
    true
}

#[cfg(not(target_arch = "x86_64"))]
fn resume(_address: usize, _context: *mut c_void) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::super::copy;
    use super::*;

    /// Whether a fault at `address` counts as one of a copy from `from..end` to `to` that has stored
    /// `done` bytes.
    fn is_taken(address: usize, from: usize, done: usize, end: usize, to: usize) -> bool {
        // SAFETY: all-zero bits are a valid `ucontext_t`: integers and null pointers.
        let mut context: libc::ucontext_t = unsafe { std::mem::zeroed() };
        let mut set = |register: c_int, value: usize| {
            context.uc_mcontext.gregs[register as usize] = (value as u64).cast_signed();
        };
        set(libc::REG_RIP, copy::range().start);
        set(libc::REG_RSI, from + done);
        set(libc::REG_RDX, end);
        set(libc::REG_RDI, to + done);
        set(libc::REG_R9, to);
        resume(address, (&raw mut context).cast())
    }

    #[test]
    fn a_fault_is_taken_in_all_of_the_source_and_nowhere_else() {
        let (from, end, to) = (0x10_0000 + PAGE - 100, 0x10_0000 + PAGE + 60, 0x90_0000);
        // The next byte is on the second page, and the last load begins on the first.
        for done in [0, 99, 129] {
            assert!(is_taken(from, from, done, end, to), "{done}");
            assert!(is_taken(end - 128, from, done, end, to), "{done}");
            assert!(is_taken(end - 1, from, done, end, to), "{done}");
            assert!(!is_taken(end, from, done, end, to), "{done}");
            assert!(!is_taken(from - PAGE, from, done, end, to), "{done}");
            assert!(!is_taken(to + done, from, done, end, to), "{done}");
        }
    }
}
