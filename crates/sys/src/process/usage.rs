//! CPU time, faults and switches of this thread or process: `getrusage(2)`.
//!
//! # Safety
//! One call that fills a struct of integers of ours.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Resources used, as `getrusage(2)` gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode, nanoseconds.
    pub user_ns: u64,
    /// CPU time in the kernel, nanoseconds.
    pub system_ns: u64,
    /// Page faults served without the device.
    pub minor_faults: u64,
    /// Page faults that waited for the device.
    pub major_faults: u64,
    /// Context switches because the thread waited.
    pub voluntary_switches: u64,
    /// Context switches because the scheduler took the core.
    pub involuntary_switches: u64,
    /// Largest resident set so far, bytes; a high-water mark, so not a difference.
    pub peak_rss_bytes: u64,
}

impl Usage {
    /// Difference to an `earlier` sample; `peak_rss_bytes` is kept.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
            voluntary_switches: self.voluntary_switches.saturating_sub(earlier.voluntary_switches),
            involuntary_switches: self
                .involuntary_switches
                .saturating_sub(earlier.involuntary_switches),
            peak_rss_bytes: self.peak_rss_bytes,
        }
    }
}

/// Usage of the calling thread.
#[must_use]
pub fn thread() -> Usage {
    rusage(libc::RUSAGE_THREAD)
}

/// Usage of the whole process, including io-wq workers.
#[must_use]
pub fn process() -> Usage {
    rusage(libc::RUSAGE_SELF)
}

fn rusage(who: i32) -> Usage {
    let mut raw = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `raw` is writable memory of the size of `rusage`; getrusage(2) writes nothing else.
    let _ = unsafe { libc::getrusage(who, raw.as_mut_ptr()) };
    // SAFETY: zeroed above, and all-zero bits are a valid `rusage` (integers only).
    let raw = unsafe { raw.assume_init() };
    Usage {
        user_ns: nanoseconds(raw.ru_utime),
        system_ns: nanoseconds(raw.ru_stime),
        minor_faults: raw.ru_minflt.unsigned_abs(),
        major_faults: raw.ru_majflt.unsigned_abs(),
        voluntary_switches: raw.ru_nvcsw.unsigned_abs(),
        involuntary_switches: raw.ru_nivcsw.unsigned_abs(),
        peak_rss_bytes: raw.ru_maxrss.unsigned_abs() * 1024,
    }
}

fn nanoseconds(t: libc::timeval) -> u64 {
    t.tv_sec.unsigned_abs() * 1_000_000_000 + t.tv_usec.unsigned_abs() * 1_000
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_is_counted() {
        let before = super::thread();
        let mut sum = 0u64;
        while super::thread().since(before).user_ns == 0 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(super::process().peak_rss_bytes > 0);
    }
}
