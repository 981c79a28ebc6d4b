//! The copy that may fault: routines at a known address range, with one landing.
//!
//! The handler and the landing rely on these facts alone, which hold at every instruction in the
//! range that can fault:
//! - `rsi` is the next source byte and `rdi` the next destination byte; every byte before
//!   them was stored, so both are equally far from their start;
//! - `rdx` is the end of the source, `r9` the start of the destination;
//! - no load touches a byte outside the source, no store one outside the destination.
//!
//! The landing is entered with the start of the page that faulted in `r8`. It copies the bytes
//! between `rsi` and that page (a vector load that straddles it copied nothing), and
//! returns the number of bytes stored. It terminates: a second fault has `r8 <= rsi`. So may a
//! first one, as the last load of a copy reads bytes before `rsi` again.
//!
//! # Safety
//! The routines read `[src, src + len)` and write `[dst, dst + len)`, nothing else. The
//! source may be changed, truncated or fail meanwhile: no Rust reference to it exists.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(include_str!("copy_x86_64.s"));

/// A routine: (destination, source, length) to bytes stored.
type Routine = unsafe extern "C" fn(*mut u8, *const u8, usize) -> usize;

/// Copies `len` bytes; fewer when the source faulted and the handler is installed.
///
/// # Safety
/// `dst` is writable for `len` bytes, nobody else accesses them meanwhile, and the source
/// does not overlap them. The source is mapped readable for `len` bytes. If a page of
/// it is not available, the handler is installed or the process ends.
pub(crate) unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) -> usize {
    let routine = imp::pick();
    // SAFETY: the routine touches `[src, src + len)` and `[dst, dst + len)` only, which the
    // caller vouches for.
    unsafe { routine(dst, src, len) }
}

#[cfg(target_arch = "x86_64")]
pub(super) use imp::{landing, range};

#[cfg(target_arch = "x86_64")]
mod imp {
    use std::ops::Range;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Routine;

    unsafe extern "C" {
        fn cutwater_sys_copy_movsb(dst: *mut u8, src: *const u8, len: usize) -> usize;
        fn cutwater_sys_copy_avx2(dst: *mut u8, src: *const u8, len: usize) -> usize;
        safe static cutwater_sys_copy_begin: u8;
        safe static cutwater_sys_copy_landing: u8;
        safe static cutwater_sys_copy_end: u8;
    }

    /// The routine for this CPU; 0 before it is chosen.
    static CPU: AtomicU8 = AtomicU8::new(0);
    const MOVSB: u8 = 1;
    const AVX2: u8 = 2;

    /// The AVX2 loop, at every length: on a Zen 5 at 64 B to 4 MiB it took 0.95 to 0.99 of
    /// the time of memcpy(3) from the same map, `rep movsb` 0.97 to 1.7, and a loop of
    /// 64-byte registers 0.89 (64 B) to 1.03.
    pub(super) fn pick() -> Routine {
        match CPU.load(Ordering::Relaxed) {
            AVX2 => cutwater_sys_copy_avx2,
            MOVSB => cutwater_sys_copy_movsb,
            _ => detect(),
        }
    }

    #[cold]
    fn detect() -> Routine {
        let (cpu, routine): (u8, Routine) = if is_x86_feature_detected!("avx2") {
            (AVX2, cutwater_sys_copy_avx2)
        } else {
            (MOVSB, cutwater_sys_copy_movsb)
        };
        CPU.store(cpu, Ordering::Relaxed);
        routine
    }

    /// The addresses of the routines' instructions.
    pub(in super::super) fn range() -> Range<usize> {
        (&raw const cutwater_sys_copy_begin).addr()..(&raw const cutwater_sys_copy_end).addr()
    }

    /// Where a fault is resumed.
    pub(in super::super) fn landing() -> usize {
        (&raw const cutwater_sys_copy_landing).addr()
    }

    #[cfg(test)]
    pub(super) fn all() -> Vec<(&'static str, Routine)> {
        let mut all: Vec<(&str, Routine)> = vec![("movsb", cutwater_sys_copy_movsb)];
        if is_x86_feature_detected!("avx2") {
            all.push(("avx2", cutwater_sys_copy_avx2));
        }
        all
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    use super::Routine;

    /// Never called: without a routine no map is ever protected.
    pub(super) fn pick() -> Routine {
        unsafe extern "C" fn nothing(_: *mut u8, _: *const u8, _: usize) -> usize {
            0
        }
        nothing
    }
}

#[cfg(test)]
#[cfg(target_arch = "x86_64")]
mod tests {
    use super::imp;

    const PAGE: usize = 4096;

    /// Three pages of bytes with an unreadable page before and after.
    fn fenced() -> &'static mut [u8] {
        use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
        let (len, flags) = (5 * PAGE, MapFlags::PRIVATE);
        let null = std::ptr::null_mut();
        // SAFETY: no address is asked for, so the kernel takes one that nothing uses.
        let start = unsafe { rustix::mm::mmap_anonymous(null, len, ProtFlags::empty(), flags) };
        // SAFETY: five pages were mapped; the second begins here.
        let start = unsafe { start.expect("5 pages").byte_add(PAGE) };
        let both = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: the three pages are the mapping's own and nobody uses them yet.
        unsafe { rustix::mm::mprotect(start, 3 * PAGE, both) }.expect("ours");
        // SAFETY: readable and writable, zeroed, never unmapped, known to nobody else.
        unsafe { std::slice::from_raw_parts_mut(start.cast(), 3 * PAGE) }
    }

    #[test]
    fn every_routine_stops_at_the_byte_where_the_file_ends() {
        use crate::map::{Map, MapOptions};
        use std::os::{fd::AsFd, unix::fs::FileExt};

        crate::sigbus::install().unwrap();
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..2 * PAGE).map(|i| (i % 253) as u8).collect();
        file.write_all_at(&bytes, 0).unwrap();
        let map = Map::new(file.as_fd(), 0, 4 * PAGE, &MapOptions::default()).unwrap();
        let mut buf = vec![0; 4 * PAGE];
        for (name, routine) in imp::all() {
            for start in (0..600).chain(2 * PAGE - 600..2 * PAGE) {
                let here = 2 * PAGE - start;
                for past in [1, 3, 8, 17, 33, 63, 64, 65, 127, 128, 129, 255, 256, 300, 2 * PAGE] {
                    buf.fill(0);
                    // SAFETY: both ranges are in the map and in `buf`, which hold four pages.
                    let copied =
                        unsafe { routine(buf.as_mut_ptr(), map.address(start), here + past) };
                    assert_eq!(copied, here, "{name} from {start}, {past} bytes past the end");
                    assert!(buf[..here] == bytes[start..], "{name} from {start}");
                    assert!(buf[here + past..].iter().all(|&b| b == 0), "{name} from {start}");
                }
            }
        }
    }

    #[test]
    fn every_routine_copies_every_length_and_touches_nothing_else() {
        let (source, target) = (fenced(), fenced());
        source.iter_mut().enumerate().for_each(|(i, b)| *b = (i % 255) as u8);
        for (name, routine) in imp::all() {
            for len in (0..700).chain([1023, 1024, 4096, 5000, 2 * PAGE, 3 * PAGE]) {
                let room = 3 * PAGE - len;
                // At the start, at an odd place, and against the unreadable page.
                for (from, to) in [(0, 0), (room, room), (room, 0), (room / 2, room / 3)] {
                    target.fill(0xff);
                    let (src, dst) = (source[from..].as_ptr(), target[to..].as_mut_ptr());
                    // SAFETY: `from + len` and `to + len` are at most three pages.
                    let copied = unsafe { routine(dst, src, len) };
                    assert_eq!(copied, len, "{name}");
                    assert!(target[to..to + len] == source[from..from + len], "{name} {len}");
                    let outside = target[..to].iter().chain(&target[to + len..]);
                    assert!(outside.copied().all(|b| b == 0xff), "{name} {len}");
                }
            }
        }
    }
}
