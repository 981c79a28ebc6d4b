//! Why the kernel refused to count or sample.

use std::fmt;

use cutwater_sys::{Errno, errno_of};

/// Why `perf_event_open(2)` or what follows it failed; the text says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerfError {
    doing: Doing,
    errno: Errno,
}

/// The step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    ListThreads,
    Open,
    Map,
    Redirect,
    Enable,
    SpawnDrainer,
    FindTracepoint(&'static str),
    Filter,
}

impl PerfError {
    pub(super) fn new(doing: Doing, errno: Errno) -> Self {
        Self { doing, errno }
    }

    pub(super) fn from_io(doing: Doing, e: &std::io::Error) -> Self {
        Self { doing, errno: errno_of(e) }
    }

    /// The kernel's error number.
    #[must_use]
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// Refused by policy: `perf_event_paranoid`, a seccomp filter, file permissions of tracefs.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.errno, Errno::ACCESS | Errno::PERM)
    }

    /// The kernel lacks it, or hides it: no perf events, no such tracepoint, no tracefs.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.errno, Errno::NOSYS | Errno::NOENT | Errno::OPNOTSUPP | Errno::NODEV)
    }

    /// A limit was reached: descriptors (one per thread and CPU), locked memory.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        matches!(self.errno, Errno::MFILE | Errno::NFILE | Errno::NOMEM)
    }

    fn advice(&self) -> &'static str {
        match (self.doing, self.errno) {
            (Doing::FindTracepoint(_), Errno::NOENT) => {
                "likely cause: tracefs is not mounted; try 'mount -t tracefs nodev \
                 /sys/kernel/tracing' as root"
            }
            (Doing::FindTracepoint(_), Errno::ACCESS | Errno::PERM) => {
                "likely cause: tracefs is readable by root only; run as root, or remount it \
                 with a gid of yours"
            }
            (_, Errno::ACCESS) => {
                "likely cause: perf_event_paranoid forbids it; try 'sysctl -w \
                 kernel.perf_event_paranoid=1' as root (2 permits user frames only)"
            }
            (Doing::Map, Errno::PERM) => {
                "likely cause: the ring does not fit in perf_event_mlock_kb and RLIMIT_MEMLOCK; \
                 try 'ulimit -l unlimited'"
            }
            (_, Errno::PERM) => {
                "likely cause: a seccomp filter, as containers have; permit perf_event_open(2) \
                 or add CAP_PERFMON"
            }
            (_, Errno::NOSYS) => {
                "likely cause: a kernel without CONFIG_PERF_EVENTS, or a seccomp filter"
            }
            (_, Errno::MFILE | Errno::NFILE) => {
                "likely cause: too few descriptors for one per thread and CPU; try 'ulimit -n \
                 65536', or start before the threads do"
            }
            _ => "see perf_event_open(2)",
        }
    }
}

impl fmt::Display for PerfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.doing {
            Doing::ListThreads => f.write_str("cannot list the threads of the process in /proc")?,
            Doing::Open => f.write_str("cannot open a perf event on the process")?,
            Doing::Map => f.write_str("cannot map the ring of perf samples")?,
            Doing::Redirect => f.write_str("cannot send perf samples to one ring per CPU")?,
            Doing::Enable => f.write_str("cannot enable a perf event")?,
            Doing::SpawnDrainer => f.write_str("cannot start the thread that takes samples")?,
            Doing::Filter => f.write_str("cannot filter a tracepoint")?,
            Doing::FindTracepoint(name) => write!(f, "cannot find the tracepoint {name}")?,
        }
        write!(f, ": {}; {}", self.errno, self.advice())
    }
}

impl std::error::Error for PerfError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_what_failed_and_the_next_step() {
        let e = PerfError::new(Doing::FindTracepoint("raw_syscalls:sys_enter"), Errno::NOENT);
        assert!(e.is_unsupported() && !e.is_refused());
        let text = e.to_string();
        assert!(text.contains("raw_syscalls:sys_enter") && text.contains("mount -t tracefs"));
        let e = PerfError::new(Doing::Open, Errno::ACCESS);
        assert!(e.is_refused() && e.to_string().contains("perf_event_paranoid=1"));
        assert!(PerfError::new(Doing::Open, Errno::MFILE).is_limit());
    }
}
