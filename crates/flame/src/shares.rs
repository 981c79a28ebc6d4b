//! The share of samples under entry points by which ways of reading are compared.

use serde::Serialize;

use super::fold::{Folded, KERNEL};
use super::symbols::INLINED;

/// How much of the CPU time went into one thing. Shares overlap: a copy inside `preadv2`
/// counts for both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// What: a system call, or a phrase.
    pub name: &'static str,
    /// Samples with it anywhere in their stack.
    pub samples: u64,
    /// Of all samples, 0.0 to 1.0.
    pub share: f64,
}

/// What belongs to an entry point.
enum Frames {
    /// Any kernel frame.
    Kernel,
    /// The kernel's entry for this system call, whatever the machine calls it.
    Syscall(&'static str),
    /// Kernel functions by name.
    KernelFunctions(&'static [&'static str]),
    /// User functions whose name contains one of these.
    UserFunctions(&'static [&'static str]),
}

const ENTRY_POINTS: [(&str, Frames); 12] = [
    ("kernel", Frames::Kernel),
    ("io_uring_enter", Frames::Syscall("io_uring_enter")),
    ("read", Frames::Syscall("read")),
    ("pread64", Frames::Syscall("pread64")),
    ("readv", Frames::Syscall("readv")),
    ("preadv2", Frames::Syscall("preadv2")),
    ("fadvise64", Frames::Syscall("fadvise64")),
    ("cachestat", Frames::Syscall("cachestat")),
    (
        "page fault",
        Frames::KernelFunctions(&["asm_exc_page_fault", "exc_page_fault", "do_page_fault"]),
    ),
    (
        "copy to user",
        Frames::KernelFunctions(&[
            "_copy_to_iter",
            "copy_page_to_iter",
            "_copy_to_user",
            "rep_movs_alternative",
            "__arch_copy_to_user",
        ]),
    ),
    ("io-wq worker", Frames::KernelFunctions(&["io_wq_worker"])),
    ("copy in user code", Frames::UserFunctions(&["memcpy", "memmove"])),
];

/// More entry points, in which threads wait.
const WAITS: [(&str, Frames); 9] = [
    ("preadv", Frames::Syscall("preadv")),
    ("pwrite64", Frames::Syscall("pwrite64")),
    ("write", Frames::Syscall("write")),
    ("fsync", Frames::Syscall("fsync")),
    ("futex", Frames::Syscall("futex")),
    ("clock_nanosleep", Frames::Syscall("clock_nanosleep")),
    ("epoll_wait", Frames::KernelFunctions(&["do_epoll_wait", "ep_poll"])),
    ("poll", Frames::KernelFunctions(&["do_sys_poll"])),
    ("wait4", Frames::KernelFunctions(&["kernel_wait4", "kernel_waitid"])),
];

/// Entries that end in a jump to the function that does the work, which then replaces them in stacks.
const TAIL_CALLED: [(&str, &str); 2] = [("readv", "do_readv"), ("preadv2", "do_preadv")];

impl Frames {
    fn in_kernel(&self) -> bool {
        !matches!(self, Self::UserFunctions(_))
    }

    fn has(&self, frame: &str) -> bool {
        match (self, frame.strip_suffix(KERNEL)) {
            (Self::Kernel, Some(_)) => true,
            (Self::Syscall(call), Some(name)) => {
                // __x64_sys_read, __arm64_sys_read, __se_sys_read, ksys_read
                name.strip_suffix(call).is_some_and(|rest| rest.ends_with("sys_"))
                    || TAIL_CALLED.contains(&(*call, name))
            }
            (Self::KernelFunctions(names), Some(name)) => names.contains(&name),
            (Self::UserFunctions(parts), None) => {
                let name = frame.strip_suffix(INLINED).unwrap_or(frame);
                parts.iter().any(|part| name.contains(part))
            }
            _ => false,
        }
    }
}

/// Shares of `folded`, largest first. What is not in it has no entry. Without `kernel_frames`
/// nothing is known about the kernel, so its functions have no entries either.
pub(crate) fn shares(folded: &Folded, kernel_frames: bool) -> Vec<Share> {
    let known = ENTRY_POINTS.iter().filter(|(_, f)| kernel_frames || !f.in_kernel());
    shares_of(folded, known)
}

/// The same of time off the CPU, which is always in the kernel.
pub(crate) fn off_cpu(folded: &Folded) -> Vec<Share> {
    let entries = ENTRY_POINTS.iter().filter(|(_, f)| !matches!(f, Frames::Kernel));
    shares_of(folded, entries.chain(&WAITS))
}

fn shares_of<'a>(
    folded: &Folded,
    entries: impl Iterator<Item = &'a (&'static str, Frames)>,
) -> Vec<Share> {
    let total: u64 = folded.values().sum();
    let mut shares: Vec<Share> = entries
        .map(|(name, frames)| {
            let under = folded.iter().filter(|(line, _)| line.split(';').any(|f| frames.has(f)));
            let samples = under.map(|(_, n)| n).sum::<u64>();
            Share { name, samples, share: samples as f64 / total.max(1) as f64 }
        })
        .filter(|share| share.samples > 0)
        .collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.samples));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded() -> Folded {
        [
            ("all;main;__x64_sys_preadv2_[k];_copy_to_iter_[k]", 6),
            ("all;main;do_syscall_64_[k];__x64_sys_io_uring_enter_[k]", 2),
            ("all;main;copy;__memmove_avx_unaligned_erms;asm_exc_page_fault_[k]", 1),
            ("all;main;read_page_[i]", 1),
        ]
        .map(|(line, n)| (line.to_owned(), n))
        .into()
    }

    #[test]
    fn shares_are_of_all_samples_and_overlap() {
        let seen: Vec<_> =
            shares(&folded(), true).into_iter().map(|s| (s.name, s.samples, s.share)).collect();
        assert_eq!(
            seen,
            [
                ("kernel", 9, 0.9),
                ("preadv2", 6, 0.6),
                ("copy to user", 6, 0.6),
                ("io_uring_enter", 2, 0.2),
                ("page fault", 1, 0.1),
                ("copy in user code", 1, 0.1),
            ]
        );
    }

    #[test]
    fn without_kernel_frames_nothing_is_said_about_the_kernel() {
        let names: Vec<_> = shares(&folded(), false).into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["copy in user code"]);
    }

    #[test]
    fn an_entry_that_jumps_is_known_by_where_it_jumps_to() {
        assert!(Frames::Syscall("readv").has("do_readv_[k]"));
        assert!(Frames::Syscall("preadv2").has("do_preadv_[k]"));
        for other in ["do_readv", "do_writev_[k]", "do_preadv_[k]"] {
            assert!(!Frames::Syscall("readv").has(other), "{other}");
        }
    }

    #[test]
    fn a_system_call_is_known_on_any_machine_and_not_by_a_part_of_its_name() {
        let read = Frames::Syscall("read");
        for name in ["__x64_sys_read_[k]", "__arm64_sys_read_[k]", "ksys_read_[k]"] {
            assert!(read.has(name), "{name}");
        }
        for name in ["__x64_sys_pread_[k]", "sys_read", "vfs_read_[k]", "__x64_sys_read64_[k]"] {
            assert!(!read.has(name), "{name}");
        }
    }
}
