//! Why the kernel refused to run programs.

use std::fmt;

use cutwater_sys::Errno;

/// Why `bpf(2)` or what it needs failed; the text says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BpfError {
    doing: Doing,
    errno: Errno,
    /// The verifier's last messages.
    log: String,
}

/// The step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Describe,
    Find(&'static str),
    SeeProcesses,
    MakeMap,
    Assemble(&'static str),
    Load(&'static str),
    Attach(&'static str),
    Follow,
}

impl BpfError {
    pub(super) fn new(doing: Doing, errno: Errno) -> Self {
        Self { doing, errno, log: String::new() }
    }

    pub(super) fn with_log(self, log: String) -> Self {
        Self { log, ..self }
    }

    /// The kernel's error number.
    #[must_use]
    pub fn errno(&self) -> Errno {
        self.errno
    }

    /// Refused by policy: no CAP_BPF or CAP_PERFMON, a seccomp filter, lockdown.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.errno, Errno::ACCESS | Errno::PERM) && self.log.is_empty()
    }

    /// The kernel lacks it: no `bpf(2)`, no BTF, no such function, no trampolines.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        /// `ENOTSUPP`, an error for use inside the kernel that `bpf(2)` returns nevertheless.
        const NOT_SUPPORTED: i32 = 524;
        matches!(self.errno, Errno::NOSYS | Errno::NOENT | Errno::OPNOTSUPP)
            || self.errno.raw_os_error() == NOT_SUPPORTED
    }

    fn advice(&self) -> &'static str {
        match (self.doing, self.errno) {
            (Doing::Describe, _) => {
                "likely cause: a kernel without CONFIG_DEBUG_INFO_BTF, which describes its types \
                 in /sys/kernel/btf/vmlinux"
            }
            (Doing::Find(_), _) => "likely cause: another kernel than this was written for",
            (Doing::SeeProcesses, _) => "run it outside of the container",
            (_, Errno::PERM | Errno::ACCESS) if self.log.is_empty() => {
                "likely cause: CAP_BPF and CAP_PERFMON are missing, or a seccomp filter; run as \
                 root"
            }
            (_, Errno::NOSYS) => {
                "likely cause: a kernel without CONFIG_BPF_SYSCALL, or a seccomp filter"
            }
            (_, Errno::MFILE | Errno::NFILE) => {
                "likely cause: too few descriptors for three per thread; try 'ulimit -n 65536'"
            }
            (_, Errno::NOMEM) => "likely cause: too little memory, or RLIMIT_MEMLOCK",
            _ => "see bpf(2)",
        }
    }
}

impl fmt::Display for BpfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.doing {
            Doing::Describe => f.write_str("cannot read the kernel's types")?,
            Doing::Find(name) => write!(f, "cannot find {name} among the kernel's types")?,
            Doing::SeeProcesses => {
                f.write_str("cannot know the kernel's numbers of processes in a PID namespace")?;
            }
            Doing::MakeMap => f.write_str("cannot make an eBPF map")?,
            Doing::Assemble(name) => write!(f, "cannot assemble the eBPF program {name}")?,
            Doing::Load(name) => write!(f, "cannot load the eBPF program {name}")?,
            Doing::Attach(name) => write!(f, "cannot attach the eBPF program {name}")?,
            Doing::Follow => f.write_str("cannot name the process to the eBPF programs")?,
        }
        write!(f, ": {}; {}", self.errno, self.advice())?;
        if !self.log.is_empty() {
            write!(f, "; the kernel's verifier says: {}", self.log)?;
        }
        Ok(())
    }
}

impl std::error::Error for BpfError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_what_failed_and_the_next_step() {
        let e = BpfError::new(Doing::MakeMap, Errno::PERM);
        assert!(e.is_refused() && e.to_string().contains("CAP_BPF"));
        assert!(BpfError::new(Doing::MakeMap, Errno::NOSYS).is_unsupported());
        let e =
            BpfError::new(Doing::Load("read_ends"), Errno::ACCESS).with_log("R1 !read_ok".into());
        assert!(!e.is_refused() && e.to_string().ends_with("verifier says: R1 !read_ok"));
    }
}
