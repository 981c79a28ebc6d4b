//! Limits and rights of this process.

use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use super::{small_number, small_text};

/// A soft and a hard limit; `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// The limit in force.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// What this process may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitFacts {
    /// `RLIMIT_MEMLOCK`, bytes.
    pub memlock_bytes: Limit,
    /// `RLIMIT_NOFILE`, descriptors.
    pub files: Limit,
    /// The effective user is root.
    pub root: bool,
    /// `CAP_SYS_ADMIN`.
    pub cap_sys_admin: bool,
    /// `CAP_PERFMON`.
    pub cap_perfmon: bool,
    /// `CAP_IPC_LOCK`: locked memory is not counted.
    pub cap_ipc_lock: bool,
    /// `CAP_LEASE`: leases on files of others.
    pub cap_lease: bool,
    /// `kernel.perf_event_paranoid`.
    pub perf_event_paranoid: Option<i64>,
    /// `kernel.kptr_restrict`.
    pub kptr_restrict: Option<i64>,
    /// Seccomp filters on this process.
    pub seccomp_filters: Option<u64>,
}

/// Asks the kernel.
#[must_use]
pub fn probe() -> LimitFacts {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    LimitFacts {
        memlock_bytes: limit(Resource::Memlock),
        files: limit(Resource::Nofile),
        root: geteuid().is_root(),
        cap_sys_admin: effective.contains(CapabilitySet::SYS_ADMIN),
        cap_perfmon: effective.contains(CapabilitySet::PERFMON),
        cap_ipc_lock: effective.contains(CapabilitySet::IPC_LOCK),
        cap_lease: effective.contains(CapabilitySet::LEASE),
        perf_event_paranoid: small_number("/proc/sys/kernel/perf_event_paranoid"),
        kptr_restrict: small_number("/proc/sys/kernel/kptr_restrict"),
        seccomp_filters: seccomp_filters(),
    }
}

/// Raises the soft limit of open files to the hard one (`setrlimit(2)`), for a program that opens
/// many files and does not call `select(2)`, which only knows descriptors up to 1,023. If the kernel
/// refuses, the limit stays.
pub fn raise_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

fn limit(resource: Resource) -> Limit {
    let raw = getrlimit(resource);
    Limit { soft: raw.current, hard: raw.maximum }
}

fn seccomp_filters() -> Option<u64> {
    let status = small_text("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("Seccomp_filters:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_limits_are_within_hard_ones() {
        let facts = probe();
        for limit in [facts.memlock_bytes, facts.files] {
            let (soft, hard) = (limit.soft.unwrap_or(u64::MAX), limit.hard.unwrap_or(u64::MAX));
            assert!(soft <= hard, "{facts:?}");
        }
        assert!(facts.files.soft > Some(0));
    }
}
